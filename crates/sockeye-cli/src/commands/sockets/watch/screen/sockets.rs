//! The list of sockets: which, in what order, and the cells of those that are on the screen.

use std::cmp::Ordering;
use std::net::IpAddr;
use std::ops::Range;
use std::time::Instant;

use sockeye::host::socket::{Address, Socket};
use sockeye::host::watch::{Key, Record, Since, Tie};

use super::super::super::columns::{Column, Form};
use super::super::super::row::{Row, Side, Source};
use super::super::super::words;
use super::super::party;
use super::columns::{number, rate, since, text, time, trouble};
use super::sheet::{Cell, Kind};
use super::view::{Page, View};
use crate::sheet::Tint;

/// The columns; what a place means is said in [`key`] and [`cells`].
pub(super) const COLUMNS: [Kind; 11] = [
    text("PROTO", 9),
    text("STATE", 3),
    text("LOCAL", 0),
    text("PEER", 0),
    number("SENT", 2, 11),
    number("RECEIVED", 1, 11),
    number("RTT", 5, 8),
    number("RETRANS", 7, 0),
    text("QUEUE", 8),
    number("IN STATE", 6, 6),
    text("OWNER", 4),
];

const PROTOCOL: usize = 0;
const STATE: usize = 1;
const LOCAL: usize = 2;
const PEER: usize = 3;
const SENT: usize = 4;
const RECEIVED: usize = 5;
const RTT: usize = 6;
const RETRANSMITS: usize = 7;
const QUEUE: usize = 8;
const IN_STATE: usize = 9;

/// At first those that send most come first.
pub(super) const FIRST_ORDER: usize = SENT;

/// Choose the sockets that are shown, and put them in order.
pub(super) fn choose(view: &mut View) {
    let View {
        ledger,
        names,
        selection,
        filter,
        lists,
        shown,
        all,
        ..
    } = view;
    let order = lists[Page::Sockets as usize].order;
    let now = ledger.now();
    *all = 0;
    let mut keyed = Vec::with_capacity(shown.len());
    names.with(ledger.table(), |source| {
        for (record, socket) in ledger.live() {
            if !selection.admits(Row { source, socket }) {
                continue;
            }
            *all += 1;
            if filter.filter.is_all() || filter.filter.matches(ledger.table(), socket) {
                keyed.push((
                    key(record, socket, order.column, now),
                    usual(socket),
                    record.key,
                ));
            }
        }
    });
    keyed.sort_unstable_by(|a, b| {
        let first = a.0.compare(&b.0, order.descending);
        first.then(a.1.cmp(&b.1)).then_with(|| a.2.cmp(&b.2))
    });
    shown.clear();
    shown.extend(keyed.into_iter().map(|(_, _, key)| key));
}

/// By what a row is put in order.
#[derive(Clone, Copy, Debug)]
enum SortKey<'a> {
    /// Not known: it comes last, whichever way the order goes.
    None,
    Number(f64),
    Address(u128, u16),
    Name(&'a [u8], u32),
}

impl SortKey<'_> {
    fn compare(&self, other: &Self, descending: bool) -> Ordering {
        let order = match (self, other) {
            (Self::None, Self::None) => return Ordering::Equal,
            (Self::None, _) => return Ordering::Greater,
            (_, Self::None) => return Ordering::Less,
            (Self::Number(a), Self::Number(b)) => a.total_cmp(b),
            (Self::Address(a, x), Self::Address(b, y)) => (a, x).cmp(&(b, y)),
            (Self::Name(a, x), Self::Name(b, y)) => (a, x).cmp(&(b, y)),
            (a, b) => a.rank().cmp(&b.rank()),
        };
        if descending { order.reverse() } else { order }
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Number(_) => 0,
            Self::Address(..) => 1,
            Self::Name(..) => 2,
            Self::None => 3,
        }
    }
}

fn key<'a>(
    record: &'a Record,
    socket: &'a Socket,
    column: usize,
    now: Option<Instant>,
) -> SortKey<'a> {
    let carries = record.counters.is_some();
    match column {
        PROTOCOL => SortKey::Number(f64::from(socket.protocol as u32)),
        STATE => SortKey::Number(
            f64::from(words::rank(socket.state)) * 16.0 + f64::from(socket.state as u8),
        ),
        LOCAL => address(&socket.local),
        PEER => address(&socket.peer),
        SENT if carries => SortKey::Number(record.rates.sent),
        RECEIVED if carries => SortKey::Number(record.rates.received),
        RTT => record
            .rtt
            .map_or(SortKey::None, |rtt| SortKey::Number(rtt.as_secs_f64())),
        RETRANSMITS => {
            let counters = record.counters;
            counters.map_or(SortKey::None, |c| SortKey::Number(c.retransmits as f64))
        }
        QUEUE => SortKey::Number(f64::from(socket.receive_queue) + f64::from(queued(socket))),
        // Who was there before the watch has been so for longer than anybody knows.
        IN_STATE => SortKey::Number(seconds(record.in_state, now)),
        SENT | RECEIVED => SortKey::None,
        _ => match &record.party {
            Some(party) => SortKey::Name(&party.process.name, party.process.pid),
            None => SortKey::None,
        },
    }
}

fn seconds(since: Since, now: Option<Instant>) -> f64 {
    let age = now.map(|now| now.saturating_duration_since(since.seen));
    age.unwrap_or_default().as_secs_f64() + if since.longer { 0.5 } else { 0.0 }
}

/// What waits to be sent; of a listener it is a limit.
fn queued(socket: &Socket) -> u32 {
    if socket.is_listener() {
        0
    } else {
        socket.send_queue
    }
}

fn address(address: &Address) -> SortKey<'_> {
    match address {
        Address::Internet(socket) => {
            let number = match socket.ip().to_canonical() {
                IpAddr::V4(v4) => u128::from(u32::from(v4)),
                IpAddr::V6(v6) => u128::from(v6),
            };
            SortKey::Address(number, socket.port())
        }
        Address::Unix(name) => SortKey::Name(name.bytes(), 0),
        Address::Netlink { family, port } => SortKey::Address((*family).into(), *port as u16),
        Address::Packet { protocol, .. } => SortKey::Address((*protocol).into(), 0),
        Address::Vsock { context, port } => SortKey::Address((*context).into(), *port as u16),
        _ => SortKey::None,
    }
}

/// The usual order of sockets that are equal otherwise: listeners first, then by port.
fn usual(socket: &Socket) -> u64 {
    let port = u64::from(socket.local.port().unwrap_or(0));
    (socket.protocol as u64) << 32 | u64::from(words::rank(socket.state)) << 16 | port
}

/// The cells of these rows.
pub(super) fn rows(view: &mut View, range: Range<usize>) -> Vec<Vec<Cell>> {
    let View {
        ledger,
        names,
        shown,
        ..
    } = view;
    let now = ledger.now();
    names.with(ledger.table(), |source| {
        let keys: &[Key] = shown.get(range).unwrap_or(&[]);
        let found = keys.iter().filter_map(|key| ledger.find(*key));
        found
            .map(|(record, socket)| cells(record, socket, source, now))
            .collect()
    })
}

fn cells(record: &Record, socket: &Socket, source: &Source<'_>, now: Option<Instant>) -> Vec<Cell> {
    let row = Row { source, socket };
    let listed = |column: Column| {
        let mut cell = Cell {
            text: String::new(),
            tint: column.tint(row),
        };
        column.write(row, Form::Words, &mut cell.text);
        cell
    };
    let counters = record.counters.unwrap_or_default();
    let mut age = Cell::default();
    since(record.in_state, now, &mut age.text);
    vec![
        listed(Column::Protocol),
        listed(Column::State),
        listed(Column::Local),
        listed(Column::Peer),
        rate(record.rates.sent),
        rate(record.rates.received),
        record.rtt.map(time).unwrap_or_default(),
        trouble(counters.retransmits),
        listed(Column::Queue),
        age,
        owner(record, row),
    ]
}

/// Who holds it; of what nobody holds any more, who did.
pub(super) fn owner(record: &Record, row: Row<'_>) -> Cell {
    let mut cell = Cell::default();
    match &record.party {
        Some(known) if matches!(known.tie, Tie::Held | Tie::Listens) => {
            party(known, &mut cell.text);
            cell.text.push_str("; ");
            Column::Owner.write(row, Form::Words, &mut cell.text);
            cell.tint = Tint::Faint;
        }
        _ => {
            Column::Owner.write(row, Form::Words, &mut cell.text);
            cell.tint = Column::Owner.tint(row);
        }
    }
    cell
}

/// An end of a socket, as the list has it.
pub(super) fn end(row: Row<'_>, side: Side) -> Cell {
    let mut cell = Cell::default();
    row.end(side, Form::Words, &mut cell.text);
    cell
}
