//! What `listen` and `relay` share: who is there, how a stop goes, and what the only conversation came to.
//!
//! Nothing here costs anything for a conversation that nobody hears about, but two counters.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sockeye::endpoint::{Carrier, UnixKind};
use sockeye::net::Arrival;
use sockeye::relay::{DATAGRAM_LINGER, EndedBy, Joined, Side};
use sockeye::{Endpoint, Error, Kind, Operation, Result};
use tokio_util::sync::CancellationToken;

use crate::exit::Outcome;
use crate::output::{Level, Output};
use crate::report::{ErrorEvent, Refused};

/// Where clients are counted, and where the end of each conversation is told.
#[derive(Debug)]
pub(crate) struct Reception {
    output: Output,
    open: AtomicU64,
    came: AtomicU64,
    refused: AtomicU64,
    /// There is one conversation, and what it comes to is what the command comes to.
    single: bool,
    outcome: Mutex<Option<Result<Outcome>>>,
    /// Failures whose hint was given; a kind and an operation each, so their number is bounded.
    hinted: Mutex<Vec<(Kind, Operation)>>,
}

/// A client that is there; it has left when this is dropped.
#[derive(Debug)]
pub(crate) struct Visit(Arc<Reception>);

impl Drop for Visit {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Reception {
    /// `single` says that there will be one conversation.
    pub(crate) fn new(output: &Output, single: bool) -> Arc<Self> {
        Arc::new(Self {
            output: output.clone(),
            open: AtomicU64::new(0),
            came: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            single,
            outcome: Mutex::default(),
            hinted: Mutex::default(),
        })
    }

    /// A client came in.
    pub(crate) fn enter(self: &Arc<Self>) -> Visit {
        self.open.fetch_add(1, Ordering::Relaxed);
        self.came.fetch_add(1, Ordering::Relaxed);
        Visit(Arc::clone(self))
    }

    /// Clients that are there.
    pub(crate) fn open(&self) -> u64 {
        self.open.load(Ordering::Relaxed)
    }

    /// Clients that have come in so far.
    pub(crate) fn came(&self) -> u64 {
        self.came.load(Ordering::Relaxed)
    }

    /// Clients that were turned away so far.
    pub(crate) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// A client was not let in, or could not be accepted.
    pub(crate) fn turned_away(&self, arrival: Arrival) {
        let (peer, reason) = match &arrival {
            Arrival::Denied(peer) => (peer, "denied"),
            Arrival::Full(peer) => (peer, "full"),
            Arrival::Failed(error) => return self.output.error(error),
            _ => return,
        };
        self.refused.fetch_add(1, Ordering::Relaxed);
        if self.output.reports(Level::Normal) {
            self.output.event(
                Level::Normal,
                &Refused {
                    peer: peer.as_ref().map(Endpoint::to_string),
                    reason,
                },
            );
        }
    }

    /// A conversation is over. If it was the only one it decides; else a failure is told and the server goes on.
    pub(crate) fn left(&self, connection: u64, result: Result<Outcome>) {
        match result {
            result if self.single => self.conclude(result),
            Err(error) => self.say_failed(connection, &error),
            Ok(_) => {}
        }
    }

    /// What the command comes to, unless that was said before.
    pub(crate) fn conclude(&self, result: Result<Outcome>) {
        let mut outcome = self.outcome.lock().unwrap_or_else(PoisonError::into_inner);
        outcome.get_or_insert(result);
    }

    /// What the command comes to.
    pub(crate) fn outcome(&self) -> Result<Outcome> {
        let mut outcome = self.outcome.lock().unwrap_or_else(PoisonError::into_inner);
        outcome.take().unwrap_or(Ok(Outcome::Done))
    }

    /// What a conversation that is over means for the command. Only the command's only conversation can make it fail in
    /// ways that are the peers' own affair.
    pub(crate) fn verdict(
        &self,
        joined: Joined,
        local: &Endpoint,
        remote: &Endpoint,
    ) -> Result<Outcome> {
        let of = |side| match side {
            Side::Local => local,
            Side::Remote => remote,
        };
        let exit = joined.remote_exit.or(joined.local_exit);
        match joined.totals.ended_by {
            EndedBy::Failed(side, error) => Err(error.on(of(side))),
            EndedBy::Reset(side) if self.single => {
                let why = "the peer reset the connection";
                Err(Error::new(Kind::Lost, Operation::Read, why).on(of(side)))
            }
            EndedBy::Idle if self.single => Err(silent("nothing moved within --idle-timeout")),
            EndedBy::HalfCloseTimeout if self.single => Err(silent(
                "nothing moved within --half-close-timeout after one side had ended",
            )),
            _ => Ok(exit.map_or(Outcome::Done, Outcome::Program)),
        }
    }

    fn say_failed(&self, connection: u64, error: &Error) {
        if self.output.json() {
            self.output.json_line(&ErrorEvent {
                connection: Some(connection),
                ..ErrorEvent::from(error)
            });
            return;
        }
        if !self.output.reports(Level::Normal) {
            return;
        }
        self.output
            .say(Level::Normal, format_args!("#{connection} {error}"));
        // A thousand clients of a dead target need one piece of advice, not a thousand.
        let mut hinted = self.hinted.lock().unwrap_or_else(PoisonError::into_inner);
        let this = (error.kind(), error.operation());
        if !hinted.contains(&this)
            && let Some(hint) = error.hint()
        {
            hinted.push(this);
            self.output.say(Level::Normal, format_args!("hint: {hint}"));
        }
    }
}

fn silent(why: &str) -> Error {
    Error::new(Kind::TimedOut, Operation::Read, why)
}

/// Stop by ourselves after `--timeout`.
pub(crate) fn end_after(limit: Option<Duration>, stop: &CancellationToken) {
    if let Some(limit) = limit {
        let stop = stop.clone();
        tokio::spawn(async move {
            tokio::time::sleep(limit).await;
            stop.cancel();
        });
    }
}

/// A token that is cancelled when conversations have had their time to finish after a stop.
pub(crate) fn cut_after_grace(
    stop: &CancellationToken,
    grace: Duration,
    at: &Endpoint,
    reception: &Arc<Reception>,
) -> CancellationToken {
    let cut = CancellationToken::new();
    let (stop, cancelled, reception) = (stop.clone(), cut.clone(), Arc::clone(reception));
    // Datagrams have no end to wait for, only answers that are on their way.
    let has_end = match at.carrier() {
        Carrier::Udp(_) => false,
        Carrier::Unix(unix) => unix.kind != UnixKind::Dgram,
        _ => true,
    };
    let grace = match has_end {
        true => grace,
        false => grace.min(DATAGRAM_LINGER),
    };
    tokio::spawn(async move {
        stop.cancelled().await;
        let output = &reception.output;
        match reception.open() {
            0 => {}
            open => output.say(
                Level::Normal,
                format_args!(
                    "stopping: {} may finish within {grace:?}; a second Ctrl-C leaves at once",
                    conversations(open)
                ),
            ),
        }
        tokio::time::sleep(grace).await;
        match reception.open() {
            open if open > 0 && has_end => output.say(
                Level::Normal,
                format_args!(
                    "the grace of {grace:?} is over: {} cut off",
                    conversations(open)
                ),
            ),
            _ => {}
        }
        cancelled.cancel();
    });
    cut
}

fn conversations(count: u64) -> String {
    match count {
        1 => "1 conversation".to_owned(),
        count => format!("{count} conversations"),
    }
}
