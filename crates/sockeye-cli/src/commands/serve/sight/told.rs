//! Who hears of what a web server does: logs, counters, and people.

use std::fmt::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;
use sockeye::web::{AccessLog, Client, Log, LogWriter, Metrics, Record, Refusal};
use sockeye::wire::ConnectionId;
use sockeye::{Endpoint, Error};

use crate::output::{Level, Output};
use crate::report::{Connected, ErrorEvent, Refused};

/// So many lines about failures a second are for people; the rest is counted.
const FAILURES: u64 = 10;

/// All who hear.
#[derive(Debug)]
pub(super) struct Told {
    logs: Vec<AccessLog>,
    talk: Option<Talk>,
    metrics: Option<Arc<Metrics>>,
}

/// Lines about connections, for people or as events. They go the way of the log: a terminal that stands still stops no server.
#[derive(Debug)]
pub(super) struct Talk {
    writer: LogWriter,
    json: bool,
    /// Clients that come and go are said, too.
    connections: bool,
    failures: Mutex<Failures>,
}

#[derive(Debug)]
struct Failures {
    since: Instant,
    said: u64,
    unsaid: u64,
}

/// A client is gone.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename = "disconnected")]
struct Disconnected {
    connection: u64,
}

impl fmt::Display for Disconnected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{} disconnected", self.connection)
    }
}

impl Talk {
    pub(super) fn new(writer: LogWriter, output: &Output) -> Self {
        Self {
            writer,
            json: output.json(),
            connections: output.reports(Level::Verbose),
            failures: Mutex::new(Failures {
                since: Instant::now(),
                said: 0,
                unsaid: 0,
            }),
        }
    }

    fn event<E: Serialize + fmt::Display>(&self, event: &E) {
        match self.json {
            true => self.json(event),
            false => self.writer.write(format!("{event}\n").as_bytes()),
        }
    }

    fn json<E: Serialize>(&self, event: &E) {
        let mut line = serde_json::to_vec(event).unwrap_or_default();
        line.push(b'\n');
        self.writer.write(&line);
    }

    /// Something that anybody outside can make happen as often as they like.
    fn failure<E: Serialize>(&self, event: &E, line: impl fmt::Display) {
        if self.json {
            return self.json(event);
        }
        let Some(unsaid) = self.lot() else { return };
        let mut text = String::new();
        // Writing into a string does not fail.
        if unsaid > 0 {
            let _ = writeln!(text, "{unsaid} more failures in the last second");
        }
        let _ = writeln!(text, "{line}");
        self.writer.write(text.as_bytes());
    }

    /// Whether one more failure may be said, and how many were not since the last one.
    fn lot(&self) -> Option<u64> {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if failures.since.elapsed() >= Duration::from_secs(1) {
            failures.since = Instant::now();
            failures.said = 0;
        }
        if failures.said >= FAILURES {
            failures.unsaid += 1;
            return None;
        }
        failures.said += 1;
        Some(std::mem::take(&mut failures.unsaid))
    }
}

impl Drop for Talk {
    fn drop(&mut self) {
        let failures = self.failures.get_mut();
        let unsaid = failures.unwrap_or_else(PoisonError::into_inner).unsaid;
        if unsaid > 0 {
            let line = format!("{unsaid} more failures\n");
            self.writer.write(line.as_bytes());
        }
    }
}

impl Told {
    pub(super) fn new(
        logs: Vec<AccessLog>,
        talk: Option<Talk>,
        metrics: Option<Arc<Metrics>>,
    ) -> Self {
        Self {
            logs,
            talk,
            metrics,
        }
    }

    /// Whether nobody hears anything.
    pub(super) fn is_idle(&self) -> bool {
        self.logs.is_empty() && self.talk.is_none() && self.metrics.is_none()
    }
}

impl Log for Told {
    fn answered(&self, record: &Record<'_>) {
        for log in &self.logs {
            log.answered(record);
        }
        if let Some(metrics) = &self.metrics {
            metrics.answered(record);
        }
    }

    fn failed(&self, error: &Error) {
        if let Some(metrics) = &self.metrics {
            metrics.failed(error);
        }
        if let Some(talk) = &self.talk {
            talk.failure(&ErrorEvent::from(error), error);
        }
    }

    fn refused(&self, peer: Option<&Endpoint>, why: Refusal) {
        if let Some(metrics) = &self.metrics {
            metrics.refused(peer, why);
        }
        if let Some(talk) = &self.talk {
            let refused = Refused {
                peer: peer.map(Endpoint::to_string),
                reason: match why {
                    Refusal::Denied => "denied",
                    _ => "full",
                },
            };
            talk.failure(&refused, &refused);
        }
    }

    fn connected(&self, client: &Client) {
        if let Some(metrics) = &self.metrics {
            metrics.connected(client);
        }
        if let Some(talk) = self.talk.as_ref().filter(|talk| talk.connections) {
            let named = || client.peer.as_deref().map(Endpoint::to_string);
            talk.event(&Connected {
                connection: client.connection.0,
                peer: client
                    .address
                    .map(|address| format!("tcp://{address}"))
                    .or_else(named),
                local: None,
                target: None,
                tls: client
                    .secured
                    .as_ref()
                    .map(|secured| format!("{} {}", secured.version, secured.cipher)),
                seconds: None,
                numbered: true,
            });
        }
    }

    fn closed(&self, connection: ConnectionId) {
        if let Some(metrics) = &self.metrics {
            metrics.closed(connection);
        }
        if let Some(talk) = self.talk.as_ref().filter(|talk| talk.connections) {
            talk.event(&Disconnected {
                connection: connection.0,
            });
        }
    }

    fn began(&self) {
        if let Some(metrics) = &self.metrics {
            metrics.began();
        }
    }

    fn ended(&self) {
        if let Some(metrics) = &self.metrics {
            metrics.ended();
        }
    }
}
