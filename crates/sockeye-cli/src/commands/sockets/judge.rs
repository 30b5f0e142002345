//! `--assert` and `--verdicts`: what shall hold, and what is wrong, in words and with an exit code.

use std::time::Duration;

use serde::Serialize;
use sockeye::Result;
use sockeye::data::escape::escape_str;
use sockeye::host::assertion::{Assertion, Outcome as Checked};
use sockeye::host::table::Table;
use sockeye::host::verdict::{self, Severity, Verdict, verdicts};
use sockeye::wire::jsonl;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::json::SocketLine;
use super::list;
use super::row::Row;
use super::show::{Show, wanted};
use super::wait::EVERY;
use super::which::Selection;
use crate::exit::Outcome;
use crate::output::{Level, Output};

/// Whether an assertion holds.
#[derive(Serialize)]
struct AssertionLine<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    assertion: String,
    holds: bool,
    count: u64,
    unknown: u64,
    text: &'a str,
    offenders: Vec<SocketLine<'a>>,
}

/// Something that is wrong, or good to know.
#[derive(Serialize)]
struct VerdictLine<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    code: &'a str,
    severity: &'static str,
    text: &'a str,
    hint: &'a str,
    sockets: Vec<SocketLine<'a>>,
}

/// Check all assertions; with a time-out, again and again until they hold together.
pub(super) async fn assert(
    assertions: &[Assertion],
    selection: &Selection,
    timeout: Option<Duration>,
    show: &Show,
    output: &Output,
) -> Result<Outcome> {
    let deadline = Instant::now() + timeout.unwrap_or_default();
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let tables = loop {
        ticks.tick().await;
        let tables = read(assertions, selection, show)?;
        let mut pairs = assertions.iter().zip(&tables);
        if pairs.all(|(assertion, table)| assertion.check(table).holds)
            || Instant::now() >= deadline
        {
            break tables;
        }
    };
    let mut all_hold = true;
    for (assertion, table) in assertions.iter().zip(&tables) {
        let checked = assertion.check(table);
        all_hold &= checked.holds;
        if !say(assertion, &checked, table, show, output) {
            break;
        }
    }
    Ok(if all_hold { Outcome::Done } else { Outcome::No })
}

fn read(assertions: &[Assertion], selection: &Selection, show: &Show) -> Result<Vec<Table>> {
    let details = wanted(show.columns(true));
    let tables = assertions.iter().map(|assertion| {
        let request = selection.asserting(assertion.filter()).request(true);
        let mut table = request.details(details).assertion(assertion).read()?;
        selection.keep_admitted(&mut table);
        Ok(table)
    });
    tables.collect()
}

/// Say what was found, with the sockets that are against it. False when nobody reads any more.
fn say(
    assertion: &Assertion,
    checked: &Checked<'_>,
    table: &Table,
    show: &Show,
    output: &Output,
) -> bool {
    let source = list::source(table, show);
    let rows: Vec<_> = checked
        .offenders
        .iter()
        .map(|socket| Row {
            source: &source,
            socket,
        })
        .collect();
    if output.json() {
        let line = AssertionLine {
            kind: "assertion",
            assertion: assertion.to_string(),
            holds: checked.holds,
            count: checked.count,
            unknown: checked.unknown,
            text: &checked.sentence,
            offenders: rows
                .iter()
                .map(|row| SocketLine::new("socket", *row))
                .collect(),
        };
        let mut out = Vec::new();
        jsonl::push_line(&line, &mut out);
        return output.bytes(&out);
    }
    let word = if checked.holds { "holds" } else { "fails" };
    output.text(&format!("{word}: {}\n", checked.sentence))
        && (rows.is_empty() || list::write(&rows, show, output))
}

/// What is wrong with the sockets that are meant, and nothing else.
pub(super) fn run(selection: &Selection, show: &Show, output: &Output) -> Result<Outcome> {
    let mut table = selection.request(true).details(verdict::details()).read()?;
    selection.keep_admitted(&mut table);
    let found = verdicts(&table, None);
    let wrong = found
        .iter()
        .any(|verdict| verdict.severity == Severity::Warning);
    let source = list::source(&table, show);
    for verdict in &found {
        let going = match output.json() {
            true => {
                let mut out = Vec::new();
                jsonl::push_line(&line(verdict, &source), &mut out);
                output.bytes(&out)
            }
            false => output.text(&format!("{}\n    {}\n", words(verdict), verdict.hint)),
        };
        if !going {
            return Ok(Outcome::Done);
        }
    }
    if found.is_empty() {
        output.say(Level::Normal, "nothing is wrong, as far as can be seen");
    }
    Ok(if wrong { Outcome::No } else { Outcome::Done })
}

fn line<'a>(verdict: &'a Verdict, source: &'a super::row::Source<'a>) -> VerdictLine<'a> {
    let sockets = verdict
        .sockets
        .iter()
        .filter_map(|at| source.table.sockets.get(*at));
    VerdictLine {
        kind: "verdict",
        code: verdict.code,
        severity: verdict.severity.word(),
        text: &verdict.sentence,
        hint: verdict.hint,
        sockets: sockets
            .map(|socket| SocketLine::new("socket", Row { source, socket }))
            .collect(),
    }
}

fn words(verdict: &Verdict) -> String {
    format!(
        "{}: {}",
        verdict.severity.word(),
        escape_str(&verdict.sentence)
    )
}

/// Below a list: warnings, and with `-v` notes too.
pub(super) fn footer(table: &Table, output: &Output) {
    if !output.says(Level::Normal) {
        return;
    }
    for verdict in verdicts(table, None) {
        let level = match verdict.severity {
            Severity::Warning => Level::Normal,
            Severity::Note => Level::Verbose,
        };
        output.say(level, words(&verdict));
    }
}
