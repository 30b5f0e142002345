//! `--watch --json`: events as JSON Lines, as `docs/sockets-watch.schema.json` has them.

use std::borrow::Cow;
use std::time::Duration;

use serde::Serialize;
use sockeye::host::process::Process;
use sockeye::host::socket::Socket;
use sockeye::host::watch::{Changes, Closed, Ledger, Party, Record, Totals};
use sockeye::wire::jsonl::push_line;

use super::super::json::{SocketLine, text};
use super::super::row::{Row, Source};
use super::picked::News;

/// The version of the schema: it grows when something changes its meaning or goes.
const SCHEMA: u32 = 1;

/// Append the events of one look.
pub(super) fn write(
    ledger: &Ledger,
    changes: &Changes,
    news: &News<'_>,
    source: &Source<'_>,
    idle: bool,
    out: &mut Vec<u8>,
) {
    let at = changes.at.as_secs_f64();
    for notice in &news.notices {
        let (code, text) = (notice.code, notice.text.as_str());
        event("notice", at, Notice { code, text }, out);
    }
    for key in &news.opened {
        if let Some((record, socket)) = ledger.find(*key) {
            let kind = if changes.first { "present" } else { "opened" };
            event(kind, at, Opened::new(record, Row { source, socket }), out);
        }
    }
    for key in &news.left {
        let key = key.to_string();
        event("left", at, Left { key }, out);
    }
    for closed in &news.closed {
        event("closed", at, ClosedLine::new(closed, source), out);
    }
    let quiet: &[_] = if idle { &news.idle } else { &[] };
    for key in news.updated.iter().chain(quiet) {
        if let Some((record, socket)) = ledger.find(*key) {
            event("sample", at, Sample::new(record, socket), out);
        }
    }
    for totals in &news.totals {
        if idle || totals.changed {
            event("totals", at, TotalsLine::new(totals), out);
        }
    }
    let look = Look {
        elapsed: changes.elapsed.as_secs_f64(),
        sockets: news.opened.len() + news.updated.len() + news.idle.len(),
        resynchronised: changes.resynchronised,
    };
    event("look", at, look, out);
}

/// Append one event.
fn event<T: Serialize>(kind: &'static str, at: f64, what: T, out: &mut Vec<u8>) {
    let event = Event {
        kind,
        schema: SCHEMA,
        at,
        what,
    };
    push_line(&event, out);
}

/// What all events have in front.
#[derive(Debug, Serialize)]
struct Event<T> {
    #[serde(rename = "type")]
    kind: &'static str,
    schema: u32,
    /// Seconds since the watch began.
    at: f64,
    #[serde(flatten)]
    what: T,
}

#[derive(Debug, Serialize)]
struct Notice<'a> {
    code: &'static str,
    text: &'a str,
}

#[derive(Debug, Serialize)]
struct Left {
    key: String,
}

#[derive(Debug, Serialize)]
struct Look {
    elapsed: f64,
    sockets: usize,
    resynchronised: bool,
}

#[derive(Debug, Serialize)]
struct Opened<'a> {
    key: String,
    #[serde(flatten)]
    carried: Carried,
    party: Option<PartyLine<'a>>,
    socket: SocketLine<'a>,
}

impl<'a> Opened<'a> {
    fn new(record: &'a Record, row: Row<'a>) -> Self {
        Self {
            key: record.key.to_string(),
            carried: Carried::of(record),
            party: record.party.as_ref().map(PartyLine::new),
            socket: SocketLine::new("socket", row),
        }
    }
}

#[derive(Debug, Serialize)]
struct ClosedLine<'a> {
    key: String,
    ending: &'static str,
    brief: bool,
    watched: f64,
    #[serde(flatten)]
    carried: Carried,
    party: Option<PartyLine<'a>>,
    socket: SocketLine<'a>,
}

impl<'a> ClosedLine<'a> {
    fn new(closed: &'a Closed, source: &'a Source<'a>) -> Self {
        let counters = closed.counters;
        Self {
            key: closed.key.to_string(),
            ending: closed.ending.word(),
            brief: closed.brief,
            watched: closed.watched.as_secs_f64(),
            carried: Carried {
                sent: counters.map(|counters| counters.sent),
                received: counters.map(|counters| counters.received),
                retransmits: counters.map(|counters| counters.retransmits),
            },
            party: closed.party.as_ref().map(PartyLine::new),
            socket: SocketLine::new(
                "socket",
                Row {
                    source,
                    socket: &closed.socket,
                },
            ),
        }
    }
}

/// Bytes and segments of a TCP connection in its life.
#[derive(Debug, Serialize)]
struct Carried {
    sent: Option<u64>,
    received: Option<u64>,
    retransmits: Option<u64>,
}

impl Carried {
    fn of(record: &Record) -> Self {
        let counters = record.counters;
        Self {
            sent: counters.map(|counters| counters.sent),
            received: counters.map(|counters| counters.received),
            retransmits: counters.map(|counters| counters.retransmits),
        }
    }
}

/// The numbers of one socket at one look; rates are per second.
#[derive(Debug, Serialize)]
struct Sample<'a> {
    key: String,
    state: &'static str,
    receive_queue: u32,
    send_queue: u32,
    #[serde(flatten)]
    carried: Carried,
    sent_rate: Option<f64>,
    received_rate: Option<f64>,
    retransmit_rate: Option<f64>,
    rtt: Option<f64>,
    party: Option<PartyLine<'a>>,
}

impl<'a> Sample<'a> {
    fn new(record: &'a Record, socket: &Socket) -> Self {
        let rates = record.counters.map(|_| record.rates);
        Self {
            key: record.key.to_string(),
            state: socket.state.word(),
            receive_queue: socket.receive_queue,
            send_queue: socket.send_queue,
            carried: Carried::of(record),
            sent_rate: rates.map(|rates| rates.sent),
            received_rate: rates.map(|rates| rates.received),
            retransmit_rate: rates.map(|rates| rates.retransmits),
            rtt: record.rtt.as_ref().map(Duration::as_secs_f64),
            party: record.party.as_ref().map(PartyLine::new),
        }
    }
}

/// What one process carried while it was watched; null for those whose owner nobody knows.
#[derive(Debug, Serialize)]
struct TotalsLine<'a> {
    process: Option<ProcessLine<'a>>,
    sockets: u32,
    opened: u64,
    closed: u64,
    sent: u64,
    received: u64,
    retransmits: u64,
    sent_rate: f64,
    received_rate: f64,
    retransmit_rate: f64,
}

impl<'a> TotalsLine<'a> {
    fn new(totals: &'a Totals) -> Self {
        Self {
            process: totals.process.as_deref().map(ProcessLine::new),
            sockets: totals.sockets,
            opened: totals.opened,
            closed: totals.closed,
            sent: totals.counters.sent,
            received: totals.counters.received,
            retransmits: totals.counters.retransmits,
            sent_rate: totals.rates.sent,
            received_rate: totals.rates.received,
            retransmit_rate: totals.rates.retransmits,
        }
    }
}

#[derive(Debug, Serialize)]
struct ProcessLine<'a> {
    pid: u32,
    name: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name_base64: Option<String>,
    started: u64,
    user: Option<&'a str>,
}

impl<'a> ProcessLine<'a> {
    fn new(process: &'a Process) -> Self {
        let (name, name_base64) = text(&process.name);
        Self {
            pid: process.pid,
            name,
            name_base64,
            started: process.started,
            user: process.user.as_deref(),
        }
    }
}

/// Whose a socket is or was.
#[derive(Debug, Serialize)]
struct PartyLine<'a> {
    #[serde(flatten)]
    process: ProcessLine<'a>,
    tie: &'static str,
    others: u32,
}

impl<'a> PartyLine<'a> {
    fn new(party: &'a Party) -> Self {
        Self {
            process: ProcessLine::new(&party.process),
            tie: party.tie.word(),
            others: party.others,
        }
    }
}
