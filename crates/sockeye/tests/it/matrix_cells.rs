//! The cells of the matrix: each pair of endpoints under its own name and deadline, several at a time.

use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::sync::{Mutex, OnceLock};
use std::thread;
use std::time::Duration;

use sockeye_testkit::{deadline, pattern, temporary_dir};
use tempfile::TempDir;

use crate::matrix_ends::{End, KINDS, Kind, Place};
use crate::relay_fixture::{Relay, Setup};

/// What one cell may take, on a machine that is busy with others.
const CELL: Duration = Duration::from_secs(20);
/// How many cells run at once.
const AT_ONCE: usize = 4;

/// A cell: its name and its work.
pub(crate) type Cell = (String, Box<dyn FnOnce() + Send>);

/// Run all of these; fail with the names of those that failed.
pub(crate) fn run(cells: Vec<Cell>) {
    assert!(!cells.is_empty(), "a matrix without cells");
    let queue = Mutex::new(VecDeque::from(cells));
    let failures = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let Some((name, work)) = queue.lock().unwrap().pop_front() else {
                        return;
                    };
                    if let Some(why) = failure(&name, work) {
                        failures.lock().unwrap().push(format!("{name}: {why}"));
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

fn failure(name: &str, work: Box<dyn FnOnce() + Send>) -> Option<String> {
    let named = thread::Builder::new().name(name.to_owned());
    let running = named.spawn(move || deadline(CELL, AssertUnwindSafe(work).0));
    let panic = running.unwrap().join().err()?;
    let text = panic.downcast_ref::<String>().cloned();
    let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
    Some(text.unwrap_or_else(|| "it panicked".to_owned()))
}

/// Run this for all ordered pairs.
pub(crate) fn every_pair(what: &str, drive: fn(Pair)) {
    pairs_where(what, |_, _| true, drive);
}

/// Run this for the ordered pairs for which it means something.
pub(crate) fn pairs_where(what: &str, applies: impl Fn(&Kind, &Kind) -> bool, drive: fn(Pair)) {
    let mut cells = Vec::new();
    for inbound in KINDS {
        for outbound in KINDS {
            if applies(inbound, outbound) {
                let name = format!("{} -> {}: {what}", inbound.name, outbound.name);
                let pair = Pair { inbound, outbound };
                cells.push((name, Box::new(move || drive(pair)) as Box<_>));
            }
        }
    }
    run(cells);
}

/// An ordered pair of kinds.
#[derive(Clone, Copy)]
pub(crate) struct Pair {
    pub(crate) inbound: &'static Kind,
    pub(crate) outbound: &'static Kind,
}

impl Pair {
    /// How many bytes are a bulk for this pair.
    pub(crate) fn bulk(self) -> usize {
        match self.inbound.main && self.outbound.main {
            true => 8 << 20,
            false => 1 << 20,
        }
    }

    /// A conversation through a relay between them.
    pub(crate) fn open(self) -> Talk {
        self.open_with(Setup::default(), false)
    }

    /// The same with small buffers in the kernel.
    pub(crate) fn open_small(self) -> Talk {
        self.open_with(Setup::default(), true)
    }

    pub(crate) fn open_with(self, setup: Setup, small: bool) -> Talk {
        let dir = temporary_dir();
        let place = |side| Place {
            dir: dir.path().to_owned(),
            side,
            small,
        };
        let near = (self.inbound.listens)(&place("in"));
        let far = (self.outbound.targets)(&place("out"));
        let relay = Relay::start(&near.text, &far.text, setup);
        let client = (near.meet)(&relay.listening[0]);
        let server = (far.meet)(&relay.listening[0]);
        relay.wait_open();
        drop((near.keep, far.keep));
        Talk {
            client,
            server,
            relay,
            pair: self,
            _dir: dir,
        }
    }
}

/// A conversation through a relay: both other ends, and the relay.
pub(crate) struct Talk {
    pub(crate) client: End,
    pub(crate) server: End,
    pub(crate) relay: Relay,
    pub(crate) pair: Pair,
    _dir: TempDir,
}

/// Which side begins.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum First {
    Inbound,
    Outbound,
}

impl Talk {
    /// The one that begins and its kind, then the other one.
    pub(crate) fn from(&mut self, first: First) -> [(&mut End, &'static Kind); 2] {
        let client = (&mut self.client, self.pair.inbound);
        let server = (&mut self.server, self.pair.outbound);
        match first {
            First::Inbound => [client, server],
            First::Outbound => [server, client],
        }
    }

    /// Both say so much at once, end, and hear all of the other; then the conversation is over.
    pub(crate) fn both_at_once(&mut self, len: usize) {
        let (up, down) = bulk();
        let (up, down) = (&up[..len], &down[..len]);
        let [(client, near), (server, far)] = self.from(First::Inbound);
        thread::scope(|scope| {
            scope.spawn(move || talk(client, near, up, down));
            scope.spawn(move || talk(server, far, down, up));
        });
        let [(client, near), (server, far)] = self.from(First::Inbound);
        client.end();
        server.hears_end(far);
        server.end();
        client.hears_end(near);
    }

    /// Wait for the end of the conversation; it was in order and carried so much.
    pub(crate) fn ends_in_order(self, up: usize, down: usize) {
        let joined = self.relay.joined();
        let totals = joined.totals;
        assert_eq!(totals.ended_by.reason(), "ended", "{:?}", totals.ended_by);
        let carried = (totals.upstream.bytes, totals.downstream.bytes);
        assert_eq!(carried, (up as u64, down as u64), "bytes carried");
        let lost = totals.upstream.undelivered + totals.downstream.undelivered;
        assert_eq!(lost, 0, "bytes lost");
    }
}

fn talk(end: &mut End, kind: &Kind, says: &[u8], hears: &[u8]) {
    let End { hear, say } = end;
    thread::scope(|scope| {
        scope.spawn(|| std::io::Write::write_all(say.as_mut().unwrap(), says).unwrap());
        hear.exactly(hears);
    });
    if kind.half_closes {
        end.end();
    }
}

/// The longest bulk of each way; what is shorter begins like it.
pub(crate) fn bulk() -> (&'static [u8], &'static [u8]) {
    static BULK: OnceLock<(Vec<u8>, Vec<u8>)> = OnceLock::new();
    let (up, down) = BULK.get_or_init(|| (pattern(1, 8 << 20), pattern(2, 8 << 20)));
    (up, down)
}
