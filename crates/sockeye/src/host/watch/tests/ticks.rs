//! What a new table changes.

use std::time::Duration;

use super::{Machine, connection, listener, tcp};
use crate::host::socket::{Protocol, Socket, State};

#[test]
fn what_was_there_before_is_not_counted() {
    let mut machine = Machine::new();
    machine.add(connection(1));
    machine.carry(1, 5_000, 7_000);
    let changes = machine.tick();
    assert!(changes.first);
    assert_eq!(changes.opened, [machine.key(1)]);
    assert_eq!(machine.totals(0), (0, 0));
    assert!(machine.record(1).opened.longer);
    assert_eq!(machine.record(1).rates.sent, 0.0);

    machine.carry(1, 5_100, 7_200);
    let changes = machine.tick();
    assert!(!changes.first);
    assert!(changes.opened.is_empty());
    assert_eq!(changes.updated, [machine.key(1)]);
    assert_eq!(machine.totals(0), (100, 200));
}

#[test]
fn rates_are_per_second_and_bytes_sent_again_do_not_count() {
    let mut machine = Machine::new();
    machine.add(connection(1));
    machine.tick();
    machine.carry(1, 4_000, 1_000);
    let details = machine.socket(1).details.as_mut().unwrap();
    let info = details.tcp.as_mut().unwrap();
    info.bytes_retransmitted = Some(1_500);
    info.total_retransmits = 6;
    // Two seconds go by.
    machine.now += Duration::from_secs(1);
    let changes = machine.tick();
    assert_eq!(changes.elapsed, Duration::from_secs(2));
    let record = machine.record(1);
    assert_eq!(record.rates.sent, 1_250.0);
    assert_eq!(record.rates.received, 500.0);
    assert_eq!(record.rates.retransmits, 3.0);
    assert_eq!(record.rtt, Some(Duration::from_micros(1_500)));
    assert_eq!(machine.totals(0), (2_500, 1_000));
}

#[test]
fn a_kernel_without_bytes_sent_is_read_by_what_was_confirmed() {
    let mut machine = Machine::new();
    machine.add(connection(1));
    machine.tick();
    let details = machine.socket(1).details.as_mut().unwrap();
    let info = details.tcp.as_mut().unwrap();
    info.bytes_sent = None;
    info.bytes_retransmitted = None;
    // The SYN counts as a byte there.
    info.bytes_acked = Some(101);
    machine.tick();
    assert_eq!(machine.record(1).rates.sent, 100.0);
}

#[test]
fn a_new_connection_counts_from_its_first_byte() {
    let mut machine = Machine::new();
    machine.tick();
    machine.add(connection(1));
    machine.carry(1, 300, 20);
    let changes = machine.tick();
    assert_eq!(changes.opened, [machine.key(1)]);
    assert_eq!(machine.record(1).rates.sent, 300.0);
    assert!(!machine.record(1).opened.longer);
    assert_eq!(machine.totals(0), (300, 20));
}

#[test]
fn an_idle_socket_is_not_reported() {
    let mut machine = Machine::new();
    machine.add(connection(1));
    machine.add(listener(2));
    machine.tick();
    machine.add(connection(3));
    machine.tick();
    let changes = machine.tick();
    assert!(changes.opened.is_empty() && changes.updated.is_empty() && changes.closed.is_empty());
}

#[test]
fn queues_of_a_listener_are_reported_and_are_no_bytes() {
    let mut machine = Machine::new();
    machine.add(listener(1));
    machine.tick();
    let socket = machine.socket(1);
    socket.receive_queue = 3;
    super::carry(socket, 9, 9);
    let changes = machine.tick();
    assert_eq!(changes.updated, [machine.key(1)]);
    assert_eq!(machine.record(1).counters, None);
    assert_eq!(machine.totals(0), (0, 0));
}

#[test]
fn a_cookie_that_is_replaced_is_a_new_socket_and_no_rate_is_negative() {
    let mut machine = Machine::new();
    let mut first = connection(1);
    super::carry(&mut first, 1_000_000, 1_000_000);
    let (local, peer) = (first.local.clone(), first.peer.clone());
    machine.add(first);
    machine.tick();
    machine.close(1);
    let mut second = connection(2);
    (second.local, second.peer) = (local, peer);
    super::carry(&mut second, 10, 20);
    machine.add(second);
    let changes = machine.tick();
    assert_eq!(changes.opened, [machine.key(2)]);
    assert_eq!(changes.closed.len(), 1);
    assert_eq!(changes.closed[0].key, machine.key(1));
    assert_eq!(machine.record(2).rates.sent, 10.0);
    assert_eq!(machine.totals(0), (10, 20));
    assert!(machine.ledger.find(machine.key(1)).is_none());
}

#[test]
fn counters_that_go_backwards_give_no_rate() {
    let mut machine = Machine::new();
    machine.add(connection(1));
    machine.carry(1, 500, 500);
    machine.tick();
    machine.carry(1, 100, 600);
    machine.tick();
    assert_eq!(machine.record(1).rates.sent, 0.0);
    assert_eq!(machine.record(1).rates.received, 100.0);
    assert_eq!(machine.totals(0), (0, 100));
}

#[test]
fn the_age_of_a_state_is_known_under_watch() {
    let mut machine = Machine::new();
    machine.add(connection(1));
    machine.tick();
    assert!(machine.record(1).in_state.longer);
    machine.socket(1).state = State::CloseWait;
    let changes = machine.tick();
    assert_eq!(changes.updated, [machine.key(1)]);
    let since = machine.record(1).in_state;
    assert!(!since.longer);
    for _ in 0..3 {
        machine.tick();
    }
    assert_eq!(machine.record(1).in_state, since);
    assert_eq!(machine.now - since.seen, Duration::from_secs(3));
    // It was seen before, in another state.
    assert!(machine.record(1).opened.longer);
}

#[test]
fn the_owner_is_who_holds_it_with_the_lowest_pid() {
    let mut machine = Machine::new();
    let worker = machine.process(80, "nginx");
    let master = machine.process(77, "nginx");
    machine.add(connection(1));
    machine.give(1, worker);
    machine.give(1, master);
    machine.tick();
    assert_eq!(machine.party(1).unwrap(), "holds nginx 77");
    assert_eq!(machine.record(1).party.as_ref().unwrap().others, 1);
    machine.carry(1, 10, 0);
    machine.tick();
    assert_eq!(machine.totals(77), (10, 0));
    assert_eq!(machine.totals(80), (0, 0));
}

#[test]
fn what_is_passed_on_counts_for_the_new_owner_from_then_on() {
    let mut machine = Machine::new();
    let inetd = machine.process(5, "inetd");
    let ftpd = machine.process(6, "ftpd");
    machine.add(connection(1));
    machine.give(1, inetd);
    machine.tick();
    machine.carry(1, 10, 0);
    machine.tick();
    machine.holders.clear();
    machine.give(1, ftpd);
    machine.carry(1, 110, 0);
    let changes = machine.tick();
    assert_eq!(changes.updated, [machine.key(1)]);
    assert_eq!(machine.party(1).unwrap(), "holds ftpd 6");
    assert_eq!((machine.totals(5), machine.totals(6)), ((10, 0), (100, 0)));
    let sockets = |pid| {
        let totals = machine.ledger.totals().iter();
        let of = |t: &&super::super::Totals| t.process.as_ref().is_some_and(|p| p.pid == pid);
        totals.filter(of).map(|t| t.sockets).sum::<u32>()
    };
    assert_eq!((sockets(5), sockets(6)), (0, 1));
}

#[test]
fn a_program_that_executes_another_keeps_its_totals_under_the_new_name() {
    let mut machine = Machine::new();
    let shell = machine.process(9, "sh");
    machine.add(connection(1));
    machine.give(1, shell);
    machine.tick();
    machine.carry(1, 7, 0);
    machine.tick();
    machine.processes[0].name = b"curl".to_vec();
    machine.carry(1, 9, 0);
    machine.tick();
    assert_eq!(machine.party(1).unwrap(), "holds curl 9");
    assert_eq!(machine.totals(9), (9, 0));
}

#[test]
fn the_last_owner_is_remembered_when_nobody_holds_it() {
    let mut machine = Machine::new();
    let nginx = machine.process(77, "nginx");
    machine.add(connection(1));
    machine.give(1, nginx);
    machine.tick();
    machine.holders.clear();
    machine.socket(1).inode = None;
    machine.socket(1).state = State::FinWait1;
    machine.tick();
    assert_eq!(machine.party(1).unwrap(), "held nginx 77");
}

#[test]
fn half_a_table_closes_nothing() {
    let mut machine = Machine::without_events();
    machine.add(connection(1));
    machine.add(connection(2));
    machine.tick();
    let missing = machine.take(2);
    machine.partial = true;
    let changes = machine.tick();
    assert!(changes.closed.is_empty());
    assert_eq!(machine.ledger.live().count(), 2);
    assert_eq!(machine.record(2).rates.sent, 0.0);
    machine.partial = false;
    machine.add(missing);
    machine.carry(2, 50, 0);
    let changes = machine.tick();
    assert!(changes.opened.is_empty() && changes.closed.is_empty());
    assert_eq!(machine.totals(0), (50, 0));
}

#[test]
fn the_same_row_twice_is_one_socket() {
    let mut machine = Machine::new();
    machine.add(connection(1));
    machine.add(connection(1));
    assert_eq!(machine.tick().opened.len(), 1);
    assert_eq!(machine.ledger.live().count(), 1);
    assert!(machine.tick().opened.is_empty());
}

#[test]
fn sockets_without_cookie_are_known_by_inode_or_addresses() {
    let mut machine = Machine::without_events();
    let mut raw = Socket::new(Protocol::Raw, State::Unconnected);
    raw.inode = Some(4);
    machine.add(raw.clone());
    raw.inode = None;
    machine.add(raw);
    assert_eq!(machine.tick().opened.len(), 2);
    let changes = machine.tick();
    assert!(changes.opened.is_empty() && changes.closed.is_empty());
    machine.sockets.clear();
    assert_eq!(machine.tick().closed.len(), 2);
}

#[test]
fn a_connection_gets_numbers_when_it_is_established() {
    let mut machine = Machine::new();
    let mut asking = tcp(1, State::SynSent);
    asking.details = None;
    machine.add(asking);
    machine.tick();
    let socket = machine.socket(1);
    socket.state = State::Established;
    machine.carry(1, 70, 5);
    machine.tick();
    assert_eq!(machine.totals(0), (70, 5));
}
