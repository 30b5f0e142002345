//! The list of sockets that were closed lately, with what each carried.

use std::ops::Range;

use sockeye::host::watch::Closed;

use super::super::super::row::{Row, Side, Source};
use super::super::party;
use super::columns::{bytes, number, text, time, trouble};
use super::sheet::{Cell, Kind};
use super::sockets::end;
use super::view::{Page, View};
use crate::sheet::Tint;

pub(super) const COLUMNS: [Kind; 8] = [
    text("PROTO", 9),
    text("LOCAL", 0),
    text("PEER", 0),
    number("SENT", 2, 9),
    number("RECEIVED", 1, 9),
    number("RETRANS", 5, 0),
    number("WATCHED", 4, 7),
    text("OWNER", 3),
];

/// At first they stand as they came, the latest first; other columns order them by what they say.
pub(super) const FIRST_ORDER: usize = 6;

const SENT: usize = 3;
const RECEIVED: usize = 4;
const RETRANSMITS: usize = 5;
const WATCHED: usize = 6;

/// The cells of these rows.
pub(super) fn rows(view: &mut View, range: Range<usize>) -> Vec<Vec<Cell>> {
    let order = view.lists[Page::Closed as usize].order;
    let View { ledger, names, .. } = view;
    let mut closed: Vec<&Closed> = ledger.closed().collect();
    let counters = |closed: &Closed| closed.counters.unwrap_or_default();
    // A stable order: among equals the sequence of their ends stays.
    match order.column {
        SENT => closed.sort_by_key(|closed| counters(closed).sent),
        RECEIVED => closed.sort_by_key(|closed| counters(closed).received),
        RETRANSMITS => closed.sort_by_key(|closed| counters(closed).retransmits),
        WATCHED => {}
        0 => closed.sort_by_key(|closed| closed.socket.protocol),
        1 => closed.sort_by_key(|closed| (closed.socket.local.ip(), closed.socket.local.port())),
        2 => closed.sort_by_key(|closed| (closed.socket.peer.ip(), closed.socket.peer.port())),
        _ => closed.sort_by_key(|closed| {
            let party = closed.party.as_ref();
            party.map(|party| (party.process.name.clone(), party.process.pid))
        }),
    }
    if order.descending {
        closed.reverse();
    }
    names.with(ledger.table(), |source| {
        let closed = closed.get(range).unwrap_or(&[]);
        closed.iter().map(|closed| cells(closed, source)).collect()
    })
}

fn cells(closed: &Closed, source: &Source<'_>) -> Vec<Cell> {
    let row = Row {
        source,
        socket: &closed.socket,
    };
    let mut owner = Cell::default();
    if let Some(of) = &closed.party {
        party(of, &mut owner.text);
    }
    let carried = closed.counters;
    let watched = match closed.brief {
        // It came and went between two looks.
        true => Cell {
            text: "brief".into(),
            tint: Tint::Passing,
        },
        false => time(closed.watched),
    };
    vec![
        Cell {
            text: closed.socket.protocol.word().into(),
            tint: Tint::Plain,
        },
        end(row, Side::Local),
        end(row, Side::Peer),
        carried
            .map(|carried| bytes(carried.sent))
            .unwrap_or_default(),
        carried
            .map(|carried| bytes(carried.received))
            .unwrap_or_default(),
        trouble(carried.unwrap_or_default().retransmits),
        watched,
        owner,
    ]
}
