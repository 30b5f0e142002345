//! What name servers say, as rows and as JSON, and where they differ.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::Serialize;
use sockeye::net::resolve::query::{
    Fallback, Outcome, Question, Record, RecordKind, Response, Server,
};
use sockeye::{Error, Kind};

use super::rows::{Row, width};
use crate::report::seconds;
use crate::timeline::took;

/// The exit code if there is nobody to ask.
const NO_SERVER: u8 = 4;

/// Data are padded to at most this many columns.
const MAX_DATA: usize = 44;

/// What one server said to all questions about one name.
#[derive(Debug)]
pub(super) struct Said {
    /// The server; `None` if there is nobody to ask.
    pub(super) server: Option<Server>,
    /// Each question with what came back.
    pub(super) results: Vec<(Question, Result<Response, Error>)>,
    /// Why nobody was asked: the name cannot be one.
    pub(super) refused: Option<Error>,
    /// Whether one answer is enough, as for a name that has addresses of one family only.
    pub(super) any: bool,
}

impl Said {
    /// The responses, in the order of the questions.
    pub(super) fn responses(&self) -> Vec<Option<&Response>> {
        let results = self.results.iter();
        results.map(|(_, result)| result.as_ref().ok()).collect()
    }

    /// The exit code for what was said: the worst one, or the best where any answer is enough.
    pub(super) fn code(&self) -> u8 {
        if let Some(error) = &self.refused {
            return crate::exit::code(error.kind());
        }
        let codes = || self.results.iter().map(|(_, result)| code(result));
        if self.any && codes().any(|code| code == 0) {
            return 0;
        }
        codes().max().unwrap_or(NO_SERVER)
    }

    /// What was said, without times and order, to be compared.
    fn essence(&self) -> BTreeSet<(RecordKind, String)> {
        let mut all = BTreeSet::new();
        for (question, result) in &self.results {
            match result {
                Ok(response) if response.outcome == Outcome::Answer => {
                    let data = response.records().map(|record| record.data.to_string());
                    all.extend(data.map(|data| (question.kind, data)));
                }
                Ok(response) => drop(all.insert((question.kind, response.outcome.to_string()))),
                Err(_) => drop(all.insert((question.kind, "no answer".into()))),
            }
        }
        all
    }

    /// The values that answer, for scripts.
    pub(super) fn values(&self) -> Vec<String> {
        let mut values: Vec<String> = Vec::new();
        for response in self.responses().into_iter().flatten() {
            for record in response.records() {
                let value = record.data.to_string();
                if !values.contains(&value) {
                    values.push(value);
                }
            }
        }
        values
    }
}

/// The exit code for one answer: 0 records, 1 none of this type, 3 no such name, 7 the server fails, else as everywhere.
fn code(result: &Result<Response, Error>) -> u8 {
    match result {
        Ok(response) => match response.outcome {
            Outcome::Answer => 0,
            Outcome::NoData | Outcome::Referral => 1,
            Outcome::NoName => 3,
            _ => 7,
        },
        Err(error) => crate::exit::code(error.kind()),
    }
}

/// A server as people write it: without what is the default.
pub(super) fn short(server: &Server) -> String {
    let text = server.to_string();
    let text = text.strip_prefix("udp://").unwrap_or(&text);
    let text = text.strip_suffix(":53").unwrap_or(text);
    match text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'))
    {
        Some(bare) => bare.to_owned(),
        None => text.to_owned(),
    }
}

/// What one server said, for people.
pub(super) fn rows(label: &str, said: &Said, verbose: bool) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    if let Some(outcome) = common_outcome(said) {
        rows.push(Row::more(words(outcome, None)));
        let responses = said.responses();
        rows[0].note = note(&responses);
        for response in responses.into_iter().flatten() {
            rows.extend(beside(response, verbose));
        }
    } else {
        let records = said.responses().into_iter().flatten();
        let records: Vec<&Record> = records.flat_map(|response| &response.answers).collect();
        let columns = Columns::of(&records, &said.results);
        for (question, result) in &said.results {
            rows.extend(answer(question, result, columns, verbose));
        }
    }
    let mut seen: Vec<String> = Vec::new();
    rows.retain(|row| {
        let new = verbose || !seen.contains(&row.content);
        seen.push(row.content.clone());
        new
    });
    share_note(&mut rows, said);
    if let Some(error) = &said.refused {
        rows.push(Row::more(error.why()));
    }
    if rows.is_empty() {
        rows.push(Row::more("no name server is configured (resolv.conf)"));
    }
    rows[0].label = label.to_owned();
    rows
}

/// Both families are told in one line if there is the same nothing to tell of them.
fn common_outcome(said: &Said) -> Option<Outcome> {
    let mut outcomes = said.results.iter().map(|(_, result)| match result {
        Ok(response) if response.answers.is_empty() => Some(response.outcome),
        _ => None,
    });
    let first = outcomes.next()??;
    let same = outcomes.all(|outcome| outcome == Some(first));
    (same && (said.results.len() > 1 && first != Outcome::NoData || first == Outcome::NoName))
        .then_some(first)
}

/// One note for all answers that came the same way.
fn share_note(rows: &mut [Row], said: &Said) {
    let responses: Vec<&Response> = said.responses().into_iter().flatten().collect();
    let way = |response: &&Response| (response.address, response.transport);
    let Some(first) = responses.first() else {
        return;
    };
    let all = responses.len() == said.results.len();
    if !all || responses.iter().any(|response| way(response) != way(first)) {
        return;
    }
    let mut noted = rows.iter_mut().filter(|row| !row.note.is_empty());
    if let Some(row) = noted.next() {
        row.note = note(&said.responses());
        noted.for_each(|row| row.note.clear());
    }
}

/// Where answers came from, and how long it took.
fn note(responses: &[Option<&Response>]) -> String {
    let responses: Vec<&Response> = responses.iter().copied().flatten().collect();
    let Some(first) = responses.first() else {
        return String::new();
    };
    let from = match first.address {
        Some(address) => address.to_string(),
        None => short(&first.server),
    };
    let truncated = responses
        .iter()
        .any(|response| response.fallbacks.contains(&Fallback::Truncated));
    let way = if truncated {
        "udp → tcp (truncated)"
    } else {
        first.transport.scheme()
    };
    let longest = responses.iter().map(|response| response.elapsed).max();
    let mut note = format!("{from} {way}, {}", took(longest.unwrap_or(Duration::ZERO)));
    if responses
        .iter()
        .all(|response| response.flags.authentic_data)
    {
        note.push_str(", signatures checked by the server");
    }
    note
}

/// The widths of type and data.
#[derive(Clone, Copy)]
struct Columns {
    kind: usize,
    data: usize,
}

impl Columns {
    fn of(records: &[&Record], asked: &[(Question, Result<Response, Error>)]) -> Self {
        let asked = asked.iter().map(|(question, _)| question.kind);
        let kinds = records.iter().map(|record| record.kind).chain(asked);
        let data = records.iter().map(|record| width(&data(record)));
        Self {
            kind: kinds
                .map(|kind| width(&kind.to_string()))
                .max()
                .unwrap_or(0),
            data: data.filter(|width| *width <= MAX_DATA).max().unwrap_or(0),
        }
    }
}

/// The rows of one answer.
fn answer(
    question: &Question,
    result: &Result<Response, Error>,
    columns: Columns,
    verbose: bool,
) -> Vec<Row> {
    let kind = question.kind.to_string();
    let kind_width = columns.kind;
    let response = match result {
        Ok(response) => response,
        Err(error) => {
            let content = format!("{kind:<kind_width$}  no answer: {}", failed(error));
            let hint = error.hint().map(|hint| Row::more(format!("hint: {hint}")));
            return [Row::more(content)].into_iter().chain(hint).collect();
        }
    };
    let mut rows: Vec<Row> = response
        .answers
        .iter()
        .map(|record| record_row(record, columns, verbose))
        .collect();
    if response.outcome != Outcome::Answer || rows.is_empty() {
        let words = words(response.outcome, Some(question.kind));
        rows.push(Row::more(format!("{kind:<kind_width$}  {words}")));
    }
    if let Some(row) = rows.first_mut() {
        row.note = note(&[Some(response)]);
    }
    rows.extend(beside(response, verbose));
    rows
}

fn record_row(record: &Record, columns: Columns, verbose: bool) -> Row {
    if verbose {
        return Row::more(record.to_string());
    }
    let Columns { kind, data: wide } = columns;
    let content = format!(
        "{:<kind$}  {:<wide$}  {} s",
        record.kind.to_string(),
        data(record),
        record.ttl
    );
    Row::more(content)
}

/// The data of a record; a name beyond ASCII also as people write it.
fn data(record: &Record) -> String {
    let mut text = record.data.to_string();
    if let Some(target) = record.data.target() {
        let readable = target.to_unicode();
        if readable != target.to_string() {
            text += &format!(" ({readable})");
        }
    }
    if let Some(fault) = record.data.fault() {
        text += &format!(" (breaks the rules of its type: {fault})");
    }
    text
}

/// What an answer without records says.
fn words(outcome: Outcome, kind: Option<RecordKind>) -> String {
    match (outcome, kind) {
        (Outcome::NoName, _) => "no such name (NXDOMAIN)".into(),
        (Outcome::NoData, Some(kind)) => {
            format!("the name exists and has no {kind} record (NODATA)")
        }
        (outcome, _) => outcome.to_string(),
    }
}

/// Why there is no response, without the endpoint, which stands beside it.
fn failed(error: &Error) -> String {
    match error.kind() {
        Kind::TimedOut => format!("out of time, {}", error.why()),
        _ => error.why().to_owned(),
    }
}

/// What stands beside the answers: errors in words, and with `verbose` flags and the other sections.
fn beside(response: &Response, verbose: bool) -> Vec<Row> {
    let mut rows = Vec::new();
    if let Some(edns) = &response.edns {
        let errors = edns.extended_errors.iter();
        rows.extend(errors.map(|error| Row::more(format!("server's reason: {error}"))));
        if let Some(nsid) = &edns.nsid {
            let text = String::from_utf8_lossy(nsid);
            rows.push(Row::more(format!("answered by {text} (NSID)")));
        }
        if let Some(subnet) = &edns.client_subnet {
            rows.push(Row::more(format!("answer for the network {subnet}")));
        }
    }
    let quiet = |fallback: &&Fallback| verbose || !matches!(fallback, Fallback::Truncated);
    let fallbacks = response.fallbacks.iter().filter(quiet);
    rows.extend(fallbacks.map(|fallback| Row::more(fallback.to_string())));
    if verbose {
        rows.extend(sections(response));
    }
    rows
}

/// Flags, sizes and the sections that do not answer.
fn sections(response: &Response) -> Vec<Row> {
    let mut text = format!("flags: {}; {} bytes", response.flags, response.size);
    if let Some(edns) = &response.edns {
        text += &format!("; EDNS {} bytes", edns.payload);
        if edns.dnssec_ok {
            text.push_str(", DO");
        }
    }
    if response.attempts > 1 {
        text += &format!("; asked {} times", response.attempts);
    }
    if response.strays > 0 {
        text += &format!("; {} messages were no answer to us", response.strays);
    }
    if let Some(tls) = &response.secured {
        text += &format!("; {} {}", tls.version, tls.cipher);
    }
    if let Some(http) = &response.http {
        text += &format!("; {} {} {}", http.version, http.method, http.status);
    }
    let mut rows = vec![Row::more(text)];
    for (section, records) in [
        ("authority", &response.authority),
        ("additional", &response.additional),
    ] {
        rows.extend(
            records
                .iter()
                .map(|record| Row::more(format!("{section}: {record}"))),
        );
    }
    rows
}

/// Which servers say something else than the first, in one sentence each.
pub(super) fn differences(all: &[Said]) -> Vec<(String, String)> {
    let Some((first, others)) = all.split_first() else {
        return Vec::new();
    };
    let reference = first.essence();
    let name = |said: &Said| said.server.as_ref().map(short).unwrap_or_default();
    let mut sentences = Vec::new();
    for other in others {
        let theirs = other.essence();
        if theirs == reference {
            continue;
        }
        let mut parts = Vec::new();
        let kinds: BTreeSet<RecordKind> = theirs
            .iter()
            .chain(&reference)
            .map(|(kind, _)| *kind)
            .collect();
        for kind in kinds {
            let of = |essence: &BTreeSet<(RecordKind, String)>| {
                let values = essence.iter().filter(|(it, _)| *it == kind);
                values.map(|(_, value)| value.clone()).collect::<Vec<_>>()
            };
            let (ours, theirs) = (of(&reference), of(&theirs));
            if ours != theirs {
                parts.push(format!("{kind}: {} ≠ {}", list(&ours), list(&theirs)));
            }
        }
        let text = format!("{} ≠ {}: {}", name(first), name(other), parts.join("; "));
        sentences.push((name(other), text));
    }
    sentences
}

fn list(values: &[String]) -> String {
    const MAX_LISTED: usize = 4;
    if values.is_empty() {
        return "nothing".into();
    }
    let mut text = values
        .iter()
        .take(MAX_LISTED)
        .cloned()
        .collect::<Vec<_>>()
        .join(", ");
    if values.len() > MAX_LISTED {
        text += &format!(" and {} more", values.len() - MAX_LISTED);
    }
    text
}

/// An answer for programs: the response as the library serializes it.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename = "answer")]
pub(super) struct AnswerEvent<'a> {
    /// The name as it was written on the command line.
    pub(super) name: &'a str,
    #[serde(flatten)]
    pub(super) response: &'a Response,
}

/// A question without a response, for programs.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename = "unanswered")]
pub(super) struct UnansweredEvent<'a> {
    name: &'a str,
    question: &'a Question,
    #[serde(skip_serializing_if = "Option::is_none")]
    server: Option<&'a Server>,
    code: &'static str,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

impl<'a> UnansweredEvent<'a> {
    pub(super) fn new(
        name: &'a str,
        server: Option<&'a Server>,
        question: &'a Question,
        error: &Error,
    ) -> Self {
        Self {
            name,
            question,
            server,
            code: error.kind().code(),
            message: error.to_string(),
            hint: error.hint(),
        }
    }
}

/// Whether all who were asked say the same, for programs.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename = "comparison")]
pub(super) struct ComparisonEvent<'a> {
    pub(super) name: &'a str,
    pub(super) same: bool,
    pub(super) differences: Vec<DifferenceEvent>,
}

#[derive(Debug, Serialize)]
pub(super) struct DifferenceEvent {
    /// `system` for programs against the DNS, else the server that differs from the first one.
    pub(super) who: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cause: Option<&'static str>,
    pub(super) text: String,
}

/// The name of an address in the hosts file, for programs.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename = "hosts-names")]
pub(super) struct HostsNamesEvent<'a> {
    pub(super) name: &'a str,
    pub(super) names: Vec<HostsName<'a>>,
    pub(super) seconds: f64,
}

#[derive(Debug, Serialize)]
pub(super) struct HostsName<'a> {
    pub(super) line: u32,
    pub(super) name: &'a str,
}

impl<'a> HostsNamesEvent<'a> {
    pub(super) fn new(name: &'a str, names: &'a [(u32, String)], took: Duration) -> Self {
        let names = names
            .iter()
            .map(|(line, name)| HostsName { line: *line, name });
        Self {
            name,
            names: names.collect(),
            seconds: seconds(took),
        }
    }
}
