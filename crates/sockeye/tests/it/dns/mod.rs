//! Questions to name servers that others wrote, and the rows of `dig` and `kdig` beside ours.

mod encrypted;
mod records;
mod signed;
mod trace;

use std::collections::BTreeMap;

use sockeye::Net;
use sockeye::net::resolve::query::{Options, Question, Response, Server, ask};
use sockeye_testkit::Program;
use sockeye_testkit::peers::NameServerKind;

/// Every kind of record, see there.
const EVERY: &str = include_str!("every.zone");

/// bind9 with the zone `every.test`.
fn every() -> NameServerKind {
    NameServerKind::bind().zone("every.test", EVERY)
}

async fn asked(server: &Server, name: &str, kind: &str, options: &Options) -> Response {
    let question = Question::new(name.parse().unwrap(), kind.parse().unwrap());
    ask(&Net::new(), server, &question, options).await.unwrap()
}

/// Run a future on a runtime of its own, with the time limit of every test.
fn run<F: Future<Output = ()> + 'static>(test: impl FnOnce() -> F + Send + 'static) {
    sockeye_testkit::within(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.unwrap().block_on(test());
    });
}

/// What `dig` or `kdig` prints, one row of a zone file per line, with single blanks.
fn rows(program: &std::path::Path, args: &[&str]) -> Vec<String> {
    let output = Program::start(program, args).finish();
    let text = output.stdout_text();
    let rows = text.lines().filter(|line| !line.starts_with(';'));
    let rows = rows.map(normal).filter(|line| !line.is_empty());
    rows.collect()
}

/// One blank for each run of them outside quotes.
fn normal(line: &str) -> String {
    let (mut text, mut quoted, mut escaped) = (String::new(), false, false);
    for c in line.trim().chars() {
        if !quoted && c.is_whitespace() {
            if !text.ends_with(' ') {
                text.push(' ');
            }
            continue;
        }
        quoted ^= c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        text.push(c);
    }
    text
}

/// Rows by name and kind.
fn by_question(rows: Vec<String>) -> BTreeMap<(String, String), Vec<String>> {
    let mut sets: BTreeMap<_, Vec<String>> = BTreeMap::new();
    for row in rows {
        let mut fields = row.split(' ');
        let (name, kind) = (fields.next().unwrap(), fields.nth(2).unwrap());
        sets.entry((name.to_owned(), kind.to_owned()))
            .or_default()
            .push(row.clone());
    }
    sets
}

fn texts(response: &Response) -> Vec<String> {
    let mut rows: Vec<_> = response.answers.iter().map(ToString::to_string).collect();
    rows.sort();
    rows
}

#[test]
fn blanks_are_made_one_outside_quotes() {
    assert_eq!(
        normal("a.\t\t1  IN TXT \"b  \\\"  c\"  "),
        "a. 1 IN TXT \"b  \\\"  c\""
    );
}
