//! Any course of events: totals never shrink, no rate is negative, and where nothing was lost nothing is missing.

use std::collections::HashMap;

use proptest::prelude::*;

use super::super::Key;
use super::{Machine, connection, time_wait};

/// What happens to the machine.
#[derive(Clone, Debug)]
enum Step {
    Open(u64),
    Carry(u64, u64, u64),
    /// Counters as no kernel gives them.
    Reset(u64),
    Close(u64),
    /// The kernel does not tell.
    Vanish(u64),
    Brief(u64, u64),
    Lost,
    Half,
    Give(u64, u32),
    Tick,
}

fn step(honest: bool) -> impl Strategy<Value = Step> {
    let slot = || 0..6u64;
    let fair = prop_oneof![
        slot().prop_map(Step::Open),
        (slot(), 0..1_000u64, 0..1_000u64).prop_map(|(s, a, b)| Step::Carry(s, a, b)),
        slot().prop_map(Step::Close),
        (0..100u64, 0..100u64).prop_map(|(a, b)| Step::Brief(a, b)),
        (slot(), 0..3u32).prop_map(|(s, p)| Step::Give(s, p)),
        Just(Step::Tick),
    ];
    let unfair = prop_oneof![
        slot().prop_map(Step::Reset),
        slot().prop_map(Step::Vanish),
        Just(Step::Lost),
        Just(Step::Half),
    ];
    if honest {
        fair.boxed()
    } else {
        prop_oneof![4 => fair, 1 => unfair].boxed()
    }
}

/// The machine, and what all its connections carried under watch.
struct Play {
    machine: Machine,
    /// Cookie, sent and received by slot.
    open: HashMap<u64, (u64, u64, u64)>,
    next: u64,
    carried: (u64, u64),
    totals: HashMap<(u32, u64), (u64, u64)>,
}

impl Play {
    fn new() -> Self {
        let mut machine = Machine::new();
        for pid in 1..=3 {
            machine.process(pid, "p");
        }
        machine.tick();
        Self {
            machine,
            open: HashMap::new(),
            next: 1,
            carried: (0, 0),
            totals: HashMap::new(),
        }
    }

    fn play(&mut self, step: Step) {
        let fresh = |next: &mut u64| {
            *next += 1;
            *next
        };
        match step {
            Step::Open(slot) if !self.open.contains_key(&slot) => {
                let cookie = fresh(&mut self.next);
                self.machine.add(connection(cookie));
                self.open.insert(slot, (cookie, 0, 0));
            }
            Step::Carry(slot, sent, received) => {
                if let Some((cookie, s, r)) = self.open.get_mut(&slot) {
                    (*s, *r) = (*s + sent, *r + received);
                    self.carried = (self.carried.0 + sent, self.carried.1 + received);
                    self.machine.carry(*cookie, *s, *r);
                }
            }
            Step::Reset(slot) => {
                if let Some((cookie, s, r)) = self.open.get_mut(&slot) {
                    (*s, *r) = (*s / 2, 0);
                    self.machine.carry(*cookie, *s, *r);
                }
            }
            Step::Close(slot) => {
                if let Some((cookie, _, _)) = self.open.remove(&slot) {
                    let socket = self.machine.socket(cookie).clone();
                    let left = fresh(&mut self.next);
                    self.machine.close(cookie);
                    self.machine.add(time_wait(left, &socket));
                }
            }
            Step::Vanish(slot) => {
                if let Some((cookie, _, _)) = self.open.remove(&slot) {
                    self.machine.take(cookie);
                }
            }
            Step::Brief(sent, received) => {
                let mut socket = connection(fresh(&mut self.next));
                super::carry(&mut socket, sent, received);
                self.carried = (self.carried.0 + sent, self.carried.1 + received);
                self.machine.tell(socket);
            }
            Step::Lost => self.machine.events.lost = true,
            Step::Half => self.machine.partial = true,
            Step::Give(slot, process) => {
                if let Some((cookie, _, _)) = self.open.get(&slot) {
                    self.machine.give(*cookie, process);
                }
            }
            Step::Tick => self.tick(),
            Step::Open(_) => {}
        }
    }

    fn tick(&mut self) {
        let changes = self.machine.tick();
        self.machine.partial = false;
        let ledger = &self.machine.ledger;
        for (record, _) in ledger.live() {
            let rates = [
                record.rates.sent,
                record.rates.received,
                record.rates.retransmits,
            ];
            assert!(rates.iter().all(|rate| *rate >= 0.0), "{record:?}");
        }
        for totals in ledger.totals() {
            let process = totals.process.as_ref();
            let id = process.map_or((0, 0), |process| (process.pid, process.started));
            let now = (totals.counters.sent, totals.counters.received);
            let before = self.totals.insert(id, now).unwrap_or_default();
            assert!(
                now.0 >= before.0 && now.1 >= before.1,
                "{before:?} to {now:?}"
            );
            assert!(totals.rates.sent >= 0.0 && totals.rates.received >= 0.0);
        }
        let closed: Vec<Key> = changes.closed.iter().map(|closed| closed.key).collect();
        assert!(closed.iter().all(|key| ledger.find(*key).is_none()));
        assert!(
            changes
                .opened
                .iter()
                .all(|key| !closed.contains(key) && ledger.find(*key).is_some())
        );
        let mut keys: Vec<String> = ledger
            .live()
            .map(|(record, _)| record.key.to_string())
            .collect();
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), ledger.live().count());
    }

    fn sum(&self) -> (u64, u64) {
        let totals = self.machine.ledger.totals().iter();
        totals.fold((0, 0), |(sent, received), t| {
            (sent + t.counters.sent, received + t.counters.received)
        })
    }
}

proptest! {
    #[test]
    fn totals_never_shrink_whatever_happens(steps in proptest::collection::vec(step(false), 0..80)) {
        let mut play = Play::new();
        for step in steps {
            play.play(step);
        }
        play.tick();
    }

    #[test]
    fn nothing_is_missing_while_nothing_is_lost(steps in proptest::collection::vec(step(true), 0..80)) {
        let mut play = Play::new();
        for step in steps {
            play.play(step);
        }
        play.tick();
        play.tick();
        prop_assert_eq!(play.sum(), play.carried);
        let live = play.machine.ledger.live().filter(|(record, _)| !record.remains).count();
        prop_assert_eq!(live, play.open.len());
    }
}
