//! How sockets leave the books: by an event of the kernel, or because they are missing from the table.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use super::changes::{Changes, Closed, Ending, Events};
use super::ledger::Ledger;
use super::party::{Party, Tie};
use super::record::{Counters, Ends, Key, Record, is_remains, last_counters};
use super::totals::NOBODY;
use crate::host::process::Owners;
use crate::host::socket::{Address, NamespaceIndex, Protocol, Socket};
use crate::host::table::Table;

/// A socket that went missing, and whose event may still come.
#[derive(Debug)]
pub(super) struct Abandoned {
    counters: Counters,
    account: u32,
    tick: u64,
}

/// For how many ticks after a socket was given up its event may still come.
const LATE_TICKS: u64 = 5;

/// Listeners by their port.
type Listeners = HashMap<u16, u32>;

/// An event, and what the connection had carried then.
type Told<'a> = (&'a Socket, Option<Counters>);

impl Ledger {
    /// Close what the kernel says is closed.
    pub(super) fn take_events(
        &mut self,
        table: &Table,
        events: &Events,
        now: Instant,
        changes: &mut Changes,
    ) {
        if events.closed.is_empty() {
            return;
        }
        let mut listeners = None;
        let mut newborn = HashSet::new();
        let left = left_in(table);
        for socket in &events.closed {
            let key = Key::in_namespace(home(table), socket);
            let is_left = Ends::of(key, socket).is_some_and(|ends| left.contains(&ends));
            let last = last_counters(socket, is_left);
            if let Some(place) = self.place(key) {
                if self.records[place].opened.seen == now {
                    newborn.insert(key);
                }
                self.close(place, table, Some((socket, last)), now, changes);
            } else if let Some(abandoned) = self.abandoned.remove(&key) {
                let late = last.unwrap_or_default().since(abandoned.counters);
                self.book.carry(abandoned.account, late);
            } else if !changes.first && was_used(socket) {
                let listeners = listeners.get_or_insert_with(|| listeners_of(table));
                self.count_brief(key, (socket, last), table, listeners, changes);
            }
        }
        // The table just caught them: nobody ever finds them open.
        if !newborn.is_empty() {
            changes.opened.retain(|key| !newborn.contains(key));
        }
    }

    /// Close what is missing from the table and of which no event is to be expected.
    pub(super) fn give_up(
        &mut self,
        table: &Table,
        events: &Events,
        now: Instant,
        changes: &mut Changes,
    ) {
        let (ticks, home) = (self.ticks, home(table));
        self.abandoned
            .retain(|_, abandoned| abandoned.tick + LATE_TICKS > ticks);
        // From behind, because removing moves the last record.
        for place in (0..self.records.len()).rev() {
            let record = &self.records[place];
            let Some(socket) = &record.leaving else {
                continue;
            };
            if record.remains {
                self.remove(place);
                continue;
            }
            // A socket leaves the kernel's tables a little before its event comes.
            let told = events.told
                && !events.lost
                && record.key.is_in(home)
                && has_events(socket.protocol);
            if told && record.tick + 1 >= ticks {
                continue;
            }
            let key = record.key;
            let abandoned = Abandoned {
                counters: record.counters.unwrap_or_default(),
                account: record.account(),
                tick: ticks,
            };
            self.close(place, table, None, now, changes);
            if events.told && self.abandoned.len() < self.limits.closings {
                self.abandoned.insert(key, abandoned);
            }
        }
    }

    /// What is left of a connection belongs to whom the connection belonged to.
    pub(super) fn inherit(&mut self, remains: &[Key], table: &Table, changes: &Changes) {
        if remains.is_empty() {
            return;
        }
        let leaving = self.records.iter().filter_map(|record| {
            let socket = record.leaving.as_ref()?;
            Some((record.key, &**socket, record.party.as_ref()?))
        });
        let closed = self.closed.iter().chain(&changes.closed);
        let closed =
            closed.filter_map(|closed| Some((closed.key, &closed.socket, closed.party.as_ref()?)));
        let parties: HashMap<Ends, Party> = closed
            .chain(leaving)
            .filter_map(|(key, socket, party)| Some((Ends::of(key, socket)?, party.clone())))
            .collect();
        for &key in remains {
            let Some(place) = self.place(key) else {
                continue;
            };
            let record = &mut self.records[place];
            let Some(socket) = table.sockets.get(record.row as usize) else {
                continue;
            };
            let party = Ends::of(key, socket).and_then(|ends| parties.get(&ends));
            record.party = party.cloned().map(|party| Party {
                tie: match party.tie {
                    Tie::Listens => Tie::Listens,
                    _ => Tie::Held,
                },
                ..party
            });
        }
    }

    /// One socket is closed. `told` is what the kernel's event said, with the last counters.
    fn close(
        &mut self,
        place: usize,
        table: &Table,
        told: Option<Told<'_>>,
        now: Instant,
        changes: &mut Changes,
    ) {
        let record = self.remove(place);
        let account = record.account();
        let mut counters = record.counters;
        if let Some(last) = told.and_then(|(_, last)| last) {
            let before = counters.unwrap_or_default();
            self.book.carry(account, last.since(before));
            counters = Some(last.at_least(before));
        }
        if record.remains {
            return;
        }
        self.book.close(account, false);
        changes.closed.push(Closed {
            key: record.key,
            counters,
            ending: told.map_or(Ending::Missing, |_| Ending::Told),
            watched: now.saturating_duration_since(record.opened.seen),
            brief: record.opened.seen == now && !changes.first,
            socket: last_row(&record, table, told.map(|(socket, _)| socket)),
            party: record.party,
        });
    }

    /// A socket that was never in a table: all that it carried came under watch.
    fn count_brief(
        &mut self,
        key: Key,
        (socket, counters): Told<'_>,
        table: &Table,
        listeners: &Listeners,
        changes: &mut Changes,
    ) {
        let row = socket.local.port().and_then(|port| listeners.get(&port));
        let listener = row.map(|&row| &table.sockets[row as usize]);
        let party = listener.and_then(|listener| match table.owners(listener) {
            Owners::Held(holders) => {
                Party::among(&mut self.book, table, holders, Tie::Listens, None)
            }
            Owners::Missing(_) => None,
        });
        let account = party.as_ref().map_or(NOBODY, |party| party.totals);
        self.book.carry(account, counters.unwrap_or_default());
        self.book.close(account, true);
        let mut socket = socket.clone();
        socket.namespace = ours_in(table);
        changes.closed.push(Closed {
            key,
            socket,
            counters,
            party,
            ending: Ending::Told,
            watched: Duration::ZERO,
            brief: true,
        });
    }
}

/// The namespace of which the kernel tells us: ours.
fn home(table: &Table) -> u64 {
    let ours = table.namespaces.iter().find(|namespace| namespace.ours);
    ours.map_or(0, |namespace| namespace.inode)
}

fn ours_in(table: &Table) -> NamespaceIndex {
    let ours = table.namespaces.iter().position(|namespace| namespace.ours);
    NamespaceIndex(ours.and_then(|at| u16::try_from(at).ok()).unwrap_or(0))
}

/// Of which protocols the kernel tells when a socket is closed.
fn has_events(protocol: Protocol) -> bool {
    matches!(protocol, Protocol::Tcp | Protocol::Udp)
}

/// Whether a socket ever had a part in anything: one that was made and thrown away is of no interest.
fn was_used(socket: &Socket) -> bool {
    let has_port = |address: &Address| address.port().is_some_and(|port| port != 0);
    match socket.protocol {
        Protocol::Tcp => has_port(&socket.local) && has_port(&socket.peer),
        _ => has_port(&socket.local),
    }
}

fn listeners_of(table: &Table) -> Listeners {
    let rows = table.sockets.iter().zip(0..);
    rows.filter(|(socket, _)| socket.is_listener() && socket.protocol == Protocol::Tcp)
        .filter_map(|(socket, row)| Some((socket.local.port()?, row)))
        .collect()
}

/// Of which connections something is left.
fn left_in(table: &Table) -> HashSet<Ends> {
    let rows = table.sockets.iter().filter(|socket| is_remains(socket));
    rows.filter_map(|socket| Ends::of(Key::of(table, socket), socket))
        .collect()
}

/// The last row of a socket, with the last numbers.
fn last_row(record: &Record, table: &Table, told: Option<&Socket>) -> Socket {
    let row = record.leaving.as_deref();
    let row = row.or_else(|| table.sockets.get(record.row as usize));
    let Some(row) = row.or(told) else {
        return Socket::new(Protocol::Tcp, record.state);
    };
    let mut row = row.clone();
    if let Some(details) = told.and_then(|told| told.details.clone()) {
        row.details = Some(details);
    }
    row
}
