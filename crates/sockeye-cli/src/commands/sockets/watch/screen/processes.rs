//! The list of processes, with what the connections of each carried while they were watched.

use std::cmp::Ordering;
use std::ops::Range;

use sockeye::host::watch::{Ledger, Totals};

use super::columns::{bytes, count as number_of, number, process, rate, text, trouble};
use super::sheet::{Cell, Kind};
use super::view::{Page, View};
use crate::sheet::Tint;

pub(super) const COLUMNS: [Kind; 11] = [
    text("PROCESS", 0),
    number("PID", 1, 0),
    text("USER", 8),
    number("SENT/S", 0, 11),
    number("RECEIVED/S", 0, 11),
    number("SENT", 3, 9),
    number("RECEIVED", 2, 9),
    number("RETRANS", 7, 0),
    number("SOCKETS", 4, 0),
    number("OPENED", 5, 0),
    number("CLOSED", 6, 0),
];

/// At first those that sent most come first.
pub(super) const FIRST_ORDER: usize = 5;

/// How many rows there are: nobody's totals only if there are some.
pub(super) fn count(ledger: &Ledger) -> usize {
    ledger
        .totals()
        .iter()
        .filter(|totals| is_shown(totals))
        .count()
}

fn is_shown(totals: &Totals) -> bool {
    totals.process.is_some()
        || totals.sockets > 0
        || totals.closed > 0
        || !totals.counters.is_zero()
}

/// The cells of these rows.
pub(super) fn rows(view: &View, range: Range<usize>) -> Vec<Vec<Cell>> {
    let order = view.lists[Page::Processes as usize].order;
    let totals = view.ledger.totals().iter();
    let mut totals: Vec<&Totals> = totals.filter(|totals| is_shown(totals)).collect();
    totals.sort_by(|a, b| {
        let way = compare(a, b, order.column);
        if order.descending { way.reverse() } else { way }
    });
    let totals = totals.get(range).unwrap_or(&[]);
    totals.iter().map(|totals| cells(totals)).collect()
}

fn compare(a: &Totals, b: &Totals, column: usize) -> Ordering {
    let pid = |totals: &Totals| totals.process.as_ref().map(|process| process.pid);
    match column {
        0 => {
            let name =
                |totals: &Totals| totals.process.as_ref().map(|process| process.name.clone());
            name(a).cmp(&name(b)).then(pid(a).cmp(&pid(b)))
        }
        1 => pid(a).cmp(&pid(b)),
        2 => {
            let user =
                |totals: &Totals| totals.process.as_ref().map(|process| process.user.clone());
            user(a).cmp(&user(b))
        }
        3 => a.rates.sent.total_cmp(&b.rates.sent),
        4 => a.rates.received.total_cmp(&b.rates.received),
        5 => a.counters.sent.cmp(&b.counters.sent),
        6 => a.counters.received.cmp(&b.counters.received),
        7 => a.counters.retransmits.cmp(&b.counters.retransmits),
        8 => a.sockets.cmp(&b.sockets),
        9 => a.opened.cmp(&b.opened),
        _ => a.closed.cmp(&b.closed),
    }
}

fn cells(totals: &Totals) -> Vec<Cell> {
    let of = totals.process.as_deref();
    let user = of.and_then(|process| process.user.as_deref());
    vec![
        process(of),
        of.map(|process| number_of(process.pid.into()))
            .unwrap_or_default(),
        Cell {
            text: user
                .map(sockeye::data::escape::escape_str)
                .unwrap_or_default()
                .into(),
            tint: Tint::Plain,
        },
        rate(totals.rates.sent),
        rate(totals.rates.received),
        bytes(totals.counters.sent),
        bytes(totals.counters.received),
        trouble(totals.counters.retransmits),
        number_of(totals.sockets.into()),
        number_of(totals.opened),
        number_of(totals.closed),
    ]
}
