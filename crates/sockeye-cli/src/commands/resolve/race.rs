//! The race for a connection, as a small timeline and as JSON.

use std::time::Duration;

use serde::Serialize;
use sockeye::net::{Attempt, Ending, Race};

use super::rows::{Row, width};
use crate::report::{AttemptEvent, seconds};
use crate::timeline::{Scale, Tip, took};

/// How many columns the longest bar takes.
const BAR: usize = 24;

/// The race for people: when each address was tried, for how long, and how it ended.
pub(super) fn rows(race: &Race, port: &str) -> Vec<Row> {
    let all = race
        .attempts
        .iter()
        .map(|attempt| attempt.address.to_string());
    let untried = race.untried.iter().map(ToString::to_string);
    let widest = all.chain(untried).map(|it| width(&it)).max().unwrap_or(0);
    let end = race.attempts.iter().map(|attempt| attempt.ended).max();
    let end = end.unwrap_or(Duration::ZERO);
    let label = label(port);
    let mut rows: Vec<Row> = Vec::new();
    for attempt in &race.attempts {
        let label = if rows.is_empty() { &*label } else { "" };
        rows.push(Row::new(label, line(attempt, widest, end), words(attempt)));
    }
    for address in &race.untried {
        let content = format!("{:<widest$}", address.to_string());
        rows.push(Row::new("", content, "not tried: its turn never came"));
    }
    if let (Some(error), true) = (&race.error, rows.is_empty()) {
        rows.push(Row::new(label, error.why(), ""));
    }
    rows
}

/// Who the rows of a race are said by.
pub(super) fn label(port: &str) -> String {
    format!("race to port {port}")
}

fn line(attempt: &Attempt, widest: usize, end: Duration) -> String {
    format!(
        "{:<widest$}  {:>7}  {}  {:>7}",
        attempt.address.to_string(),
        took(attempt.began),
        bar(attempt, end),
        took(attempt.ended)
    )
}

/// A bar from begin to end on the scale of the whole race.
fn bar(attempt: &Attempt, end: Duration) -> String {
    let scale = Scale {
        columns: BAR,
        from: Duration::ZERO,
        to: end,
    };
    scale.bar(attempt.began, attempt.ended, tip(&attempt.ending))
}

fn tip(ending: &Ending) -> Tip {
    match ending {
        Ending::Won => Tip::Done,
        Ending::Canceled => Tip::Canceled,
        _ => Tip::Failed,
    }
}

fn words(attempt: &Attempt) -> String {
    match &attempt.ending {
        Ending::Won => "connected first: this one is used".into(),
        Ending::Canceled => "given up, another was faster".into(),
        Ending::Failed { why, .. } => why.clone(),
        _ => String::new(),
    }
}

/// The race for programs; times are seconds from the first attempt.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename = "race")]
pub(super) struct RaceEvent {
    name: String,
    port: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    winner: Option<String>,
    attempts: Vec<AttemptEvent>,
    untried: Vec<String>,
    resolved_after: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl RaceEvent {
    pub(super) fn new(name: &str, port: &str, race: &Race) -> Self {
        let attempts = race.attempts.iter();
        let attempts = attempts.map(|attempt| AttemptEvent::new(attempt, seconds));
        Self {
            name: name.to_owned(),
            port: port.to_owned(),
            winner: race.winner().map(|attempt| attempt.address.to_string()),
            attempts: attempts.collect(),
            untried: race.untried.iter().map(ToString::to_string).collect(),
            resolved_after: seconds(race.resolved_after),
            error: race.error.as_ref().map(ToString::to_string),
        }
    }
}
