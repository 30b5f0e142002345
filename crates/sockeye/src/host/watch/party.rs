//! Whose a socket is or was: one process for each socket, remembered after the socket is nobody's any more.

use std::sync::Arc;

use super::totals::Book;
use crate::host::process::{Holder, Missing, Owners, Process};
use crate::host::socket::Socket;
use crate::host::table::Table;

/// How a process is connected with a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Tie {
    /// It holds a descriptor of it.
    Holds,
    /// It holds the listener in whose queue the connection waits.
    WillAccept,
    /// It held it; now nobody does (the connection is over, or the kernel finishes what is under way).
    Held,
    /// It holds the listener at the connection's local port. The connection came and went between two ticks, so nobody
    /// saw who held it: this is the likely one.
    Listens,
}

impl Tie {
    /// Its word in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::WillAccept => "will-accept",
            Self::Held => "held",
            Self::Listens => "listens",
        }
    }
}

/// The process of a socket, as far as it is known.
#[derive(Clone, Debug, PartialEq)]
pub struct Party {
    /// Which one: the first in order of pids if several hold it.
    pub process: Arc<Process>,
    /// How it is connected with the socket.
    pub tie: Tie,
    /// How many other processes hold it too.
    pub others: u32,
    /// Where its totals are kept.
    pub(super) totals: u32,
}

impl Party {
    /// Whose this socket is now, given whose it was.
    pub(super) fn of(
        book: &mut Book,
        table: &Table,
        socket: &Socket,
        before: Option<Self>,
    ) -> Option<Self> {
        match table.owners(socket) {
            Owners::Held(holders) => Self::among(book, table, holders, Tie::Holds, before),
            Owners::Missing(Missing::AcceptQueue(holders)) if !holders.is_empty() => {
                Self::among(book, table, holders, Tie::WillAccept, before)
            }
            Owners::Missing(Missing::NotAsked) => before,
            Owners::Missing(_) => {
                let mut party = before.filter(|party| party.tie != Tie::WillAccept)?;
                if party.tie == Tie::Holds {
                    party.tie = Tie::Held;
                }
                Some(party)
            }
        }
    }

    /// One of these holders: the one before if it is still among them, else the one with the lowest pid.
    pub(super) fn among(
        book: &mut Book,
        table: &Table,
        holders: &[Holder],
        tie: Tie,
        before: Option<Self>,
    ) -> Option<Self> {
        // Holders are sorted by process.
        let processes = || {
            let firsts = holders.chunk_by(|a, b| a.process == b.process);
            firsts.map(|chunk| table.process(&chunk[0]))
        };
        let others = u32::try_from(processes().count().saturating_sub(1)).unwrap_or(u32::MAX);
        if let Some(before) = before
            && processes().any(|process| before.is_of(process))
        {
            return Some(Self {
                tie,
                others,
                ..before
            });
        }
        let process = processes().min_by_key(|process| process.pid)?;
        let (totals, process) = book.enter(process);
        Some(Self {
            process,
            tie,
            others,
            totals,
        })
    }

    fn is_of(&self, process: &Process) -> bool {
        self.process.pid == process.pid
            && self.process.started == process.started
            && self.process.name == process.name
    }
}
