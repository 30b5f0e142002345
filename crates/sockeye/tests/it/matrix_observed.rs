//! Watched conversations: what the observer is told equals what crossed, on every pair of endpoints.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use sockeye::net::Net;
use sockeye::wire::{Direction, Event, Observer, Side, What};

use crate::matrix_cells::{First, Pair, bulk, every_pair, pairs_where};
use crate::relay_fixture::Setup;

/// How much crosses while somebody watches.
const LEN: usize = 1 << 20;

/// Everything that the observer was told.
#[derive(Default)]
struct Ledger(Mutex<Entries>);

#[derive(Default)]
struct Entries {
    data: HashMap<Entry, Vec<u8>>,
    ends: Vec<(Side, Direction, bool)>,
}

/// Where bytes were seen.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Entry {
    connection: u64,
    side: Side,
    layer: String,
    covered: bool,
    direction: Direction,
}

impl Observer for Ledger {
    fn on_event(&self, event: &Event<'_>) {
        let mut entries = self.0.lock().unwrap();
        match event.what {
            What::Data(direction, bytes) => {
                let entry = Entry {
                    connection: event.connection.0,
                    side: event.side,
                    layer: event.layer.to_owned(),
                    covered: event.covered,
                    direction,
                };
                entries
                    .data
                    .entry(entry)
                    .or_default()
                    .extend_from_slice(bytes);
            }
            What::HalfClosed(direction) => {
                entries.ends.push((event.side, direction, event.covered));
            }
            _ => {}
        }
    }
}

fn watched(pair: Pair) -> (crate::matrix_cells::Talk, Arc<Ledger>) {
    let ledger = Arc::new(Ledger::default());
    let observer = Arc::clone(&ledger);
    let setup = Setup {
        net: Net::new().observer(observer),
        ..Setup::default()
    };
    (pair.open_with(setup, false), ledger)
}

#[test]
fn what_is_observed_is_what_crossed() {
    every_pair("watched", |pair| {
        let (mut talk, ledger) = watched(pair);
        talk.both_at_once(LEN);
        talk.ends_in_order(LEN, LEN);
        let entries = ledger.0.lock().unwrap();
        let (up, down) = (&bulk().0[..LEN], &bulk().1[..LEN]);
        let expected = [
            (Side::Inbound, Direction::Received, up),
            (Side::Inbound, Direction::Sent, down),
            (Side::Outbound, Direction::Sent, up),
            (Side::Outbound, Direction::Received, down),
        ];
        for (side, direction, bytes) in expected {
            let kind = match side {
                Side::Inbound => pair.inbound,
                _ => pair.outbound,
            };
            let seen = |covered| -> Vec<(&Entry, &Vec<u8>)> {
                let here = entries.data.iter().filter(|(entry, _)| {
                    entry.side == side && entry.direction == direction && entry.covered == covered
                });
                here.collect()
            };
            let plain = seen(false);
            assert_eq!(
                plain.len(),
                1,
                "layers of {side:?} {direction:?}: {plain:?}"
            );
            assert_eq!(plain[0].0.connection, 1);
            assert!(plain[0].1 == bytes, "{side:?} {direction:?} differs");
            let covered = seen(true);
            assert_eq!(
                covered.len(),
                usize::from(kind.tells_truncation),
                "{side:?}"
            );
            for (entry, ciphertext) in covered {
                assert!(ciphertext.len() > bytes.len(), "{entry:?}: too short");
                assert!(ciphertext[..64] != bytes[..64], "{entry:?}: not encrypted");
            }
        }
    });
}

#[test]
fn ends_are_observed_once_for_each_side_and_direction() {
    pairs_where(
        "watched ends",
        |inbound, outbound| inbound.half_closes && outbound.half_closes,
        |pair| {
            let (mut talk, ledger) = watched(pair);
            let [(first, _), (second, kind)] = talk.from(First::Inbound);
            first.end();
            second.hears_end(kind);
            second.end();
            talk.ends_in_order(0, 0);
            let entries = ledger.0.lock().unwrap();
            for side in [Side::Inbound, Side::Outbound] {
                for direction in [Direction::Sent, Direction::Received] {
                    let told = (side, direction, false);
                    let times = entries.ends.iter().filter(|end| **end == told).count();
                    assert_eq!(times, 1, "{side:?} {direction:?}");
                }
            }
        },
    );
}
