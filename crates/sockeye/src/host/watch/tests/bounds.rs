//! What is remembered has bounds.

use super::super::Limits;
use super::{Machine, connection};

#[test]
fn closed_sockets_are_remembered_up_to_a_number() {
    let mut machine = Machine::with(Limits {
        closed: 3,
        ..Limits::default()
    });
    machine.tick();
    for cookie in 1..=5 {
        machine.tell(connection(cookie));
    }
    assert_eq!(machine.tick().closed.len(), 5);
    machine.tell(connection(6));
    machine.tick();
    let kept: Vec<_> = machine.ledger.closed().map(|closed| closed.key).collect();
    assert_eq!(kept, [4, 5, 6].map(|cookie| machine.key(cookie)));
}

#[test]
fn a_history_has_the_last_samples_of_those_that_move() {
    let mut machine = Machine::with(Limits {
        samples: 4,
        histories: 1,
        ..Limits::default()
    });
    for cookie in 1..=3 {
        machine.add(connection(cookie));
    }
    machine.tick();
    for second in 1..=6 {
        machine.carry(2, second * 100, 0);
        machine.tick();
    }
    // There is room for one, and idle ones get none.
    machine.carry(3, 1, 0);
    machine.tick();
    let samples = |machine: &Machine, cookie| -> Option<Vec<f32>> {
        let history = machine.record(cookie).history.as_ref()?;
        Some(history.samples().map(|sample| sample.sent).collect())
    };
    assert_eq!(samples(&machine, 1), None);
    assert_eq!(samples(&machine, 2).unwrap(), [100.0, 100.0, 100.0, 0.0]);
    assert_eq!(samples(&machine, 3), None);
    // Who is followed gets one anyway.
    machine.ledger.follow(Some(machine.key(1)));
    machine.tick();
    assert_eq!(samples(&machine, 1).unwrap(), [0.0]);
    let history = machine.record(1).history.as_ref().unwrap();
    let rtt = history.samples().next().unwrap().rtt();
    assert_eq!(rtt.unwrap().as_micros(), 1_500);
    // A place becomes free when its connection ends.
    machine.ledger.follow(None);
    machine.close(1);
    machine.close(2);
    machine.carry(3, 9, 0);
    machine.tick();
    machine.carry(3, 10, 0);
    machine.tick();
    assert_eq!(samples(&machine, 3).unwrap().last(), Some(&1.0));
}

#[test]
fn totals_of_processes_without_sockets_are_let_go_of_and_none_is_lost() {
    let mut machine = Machine::with(Limits {
        processes: 2,
        ..Limits::default()
    });
    machine.tick();
    for pid in 1..=5 {
        let process = machine.process(pid, "curl");
        machine.add(connection(u64::from(pid)));
        machine.give(u64::from(pid), process);
        machine.carry(u64::from(pid), 100, 1);
        machine.tick();
        machine.close(u64::from(pid));
        machine.tick();
    }
    let totals = machine.ledger.totals();
    assert_eq!(totals.len(), 3);
    assert_eq!(totals.iter().map(|t| t.counters.sent).sum::<u64>(), 500);
    assert_eq!(totals.iter().map(|t| t.opened).sum::<u64>(), 5);
    assert_eq!(totals.iter().map(|t| t.closed).sum::<u64>(), 5);
    assert_eq!(machine.totals(5), (100, 1));
    assert_eq!(machine.totals(0), (300, 3));
}
#[test]
fn more_processes_than_places_count_for_nobody() {
    let mut machine = Machine::with(Limits {
        processes: 1,
        ..Limits::default()
    });
    machine.tick();
    for pid in 1..=3 {
        let process = machine.process(pid, "curl");
        machine.add(connection(u64::from(pid)));
        machine.give(u64::from(pid), process);
        machine.carry(u64::from(pid), 100, 1);
    }
    machine.tick();
    assert_eq!(machine.ledger.totals().len(), 2);
    assert_eq!(machine.totals(1), (100, 1));
    assert_eq!(machine.totals(0), (200, 2));
    assert_eq!(machine.party(3).unwrap(), "holds curl 3");
}
