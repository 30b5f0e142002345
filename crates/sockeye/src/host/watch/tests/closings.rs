//! How sockets end.

use std::time::Duration;

use super::super::Ending;
use super::{Machine, connection, listener, party_text, time_wait};
use crate::host::socket::{Address, Protocol, Socket, State};

#[test]
fn the_kernels_event_brings_the_last_bytes() {
    let mut machine = Machine::new();
    let curl = machine.process(8, "curl");
    machine.add(connection(1));
    machine.give(1, curl);
    machine.tick();
    machine.carry(1, 100, 100);
    machine.tick();
    machine.carry(1, 150, 1_000_000);
    machine.close(1);
    let changes = machine.tick();
    let closed = &changes.closed[0];
    assert_eq!(closed.ending, Ending::Told);
    assert!(!closed.brief);
    assert_eq!(closed.watched, Duration::from_secs(2));
    let counters = closed.counters.unwrap();
    assert_eq!((counters.sent, counters.received), (150, 1_000_000));
    assert_eq!(party_text(closed.party.as_ref().unwrap()), "holds curl 8");
    // The row is the last that was seen; its numbers are the last of all.
    assert_eq!(closed.socket.state, State::Established);
    assert_eq!(closed.socket.tcp().unwrap().bytes_received, Some(1_000_000));
    assert_eq!(machine.totals(8), (150, 1_000_000));
    let totals = &machine.ledger.totals()[1];
    assert_eq!((totals.sockets, totals.opened, totals.closed), (0, 0, 1));
    assert_eq!(totals.rates.sent, 50.0);
}

#[test]
fn one_that_came_and_went_between_two_ticks_counts_for_the_listeners_owner() {
    let mut machine = Machine::new();
    let nginx = machine.process(77, "nginx");
    machine.add(listener(1));
    machine.give(1, nginx);
    machine.tick();
    let mut brief = connection(2);
    super::carry(&mut brief, 40, 2);
    machine.tell(brief);
    let changes = machine.tick();
    assert!(changes.opened.is_empty());
    let closed = &changes.closed[0];
    assert!(closed.brief);
    assert_eq!(closed.watched, Duration::ZERO);
    assert_eq!(closed.counters.unwrap().sent, 40);
    assert_eq!(
        party_text(closed.party.as_ref().unwrap()),
        "listens nginx 77"
    );
    assert_eq!(machine.totals(77), (40, 2));
    let totals = &machine.ledger.totals()[1];
    assert_eq!((totals.sockets, totals.opened, totals.closed), (1, 1, 1));
}

#[test]
fn one_that_nobody_can_be_named_for_counts_for_nobody() {
    let mut machine = Machine::new();
    machine.tick();
    let mut brief = connection(2);
    super::carry(&mut brief, 40, 2);
    machine.tell(brief);
    assert_eq!(machine.tick().closed[0].party, None);
    assert_eq!(machine.totals(0), (40, 2));
}

#[test]
fn events_from_before_the_first_table_are_not_ours() {
    let mut machine = Machine::new();
    let mut old = connection(2);
    super::carry(&mut old, 40, 2);
    machine.tell(old);
    assert!(machine.tick().closed.is_empty());
    assert_eq!(machine.totals(0), (0, 0));
}

#[test]
fn sockets_that_were_never_used_are_not_reported() {
    let mut machine = Machine::new();
    machine.tick();
    let mut tcp = connection(2);
    tcp.peer = Address::Internet(([0, 0, 0, 0], 0).into());
    machine.tell(tcp);
    let mut udp = Socket::new(Protocol::Udp, State::Unconnected);
    udp.cookie = Some(3);
    udp.local = Address::Internet(([0, 0, 0, 0], 0).into());
    machine.tell(udp.clone());
    assert!(machine.tick().closed.is_empty());
    udp.local = Address::Internet(([127, 0, 0, 1], 5_353).into());
    machine.tell(udp);
    let changes = machine.tick();
    assert_eq!(changes.closed.len(), 1);
    assert_eq!(changes.closed[0].counters, None);
}

#[test]
fn without_events_a_missing_socket_is_closed_at_once_with_what_was_seen() {
    let mut machine = Machine::without_events();
    machine.add(connection(1));
    machine.tick();
    machine.carry(1, 100, 1);
    machine.tick();
    machine.carry(1, 900, 900);
    machine.take(1);
    let changes = machine.tick();
    assert_eq!(changes.closed[0].ending, Ending::Missing);
    assert_eq!(changes.closed[0].counters.unwrap().sent, 100);
    assert_eq!(machine.totals(0), (100, 1));
}

#[test]
fn with_events_a_missing_socket_waits_a_tick_for_its_event() {
    let mut machine = Machine::new();
    machine.add(connection(1));
    machine.tick();
    let mut socket = machine.take(1);
    assert!(machine.tick().closed.is_empty());
    assert_eq!(machine.ledger.live().count(), 0);
    assert!(machine.ledger.find(machine.key(1)).is_none());
    super::carry(&mut socket, 30, 0);
    machine.tell(socket);
    let changes = machine.tick();
    assert_eq!(changes.closed[0].ending, Ending::Told);
    assert_eq!(machine.totals(0), (30, 0));
    assert!(machine.tick().closed.is_empty());
}

#[test]
fn an_event_that_is_very_late_still_counts_and_only_once() {
    let mut machine = Machine::new();
    machine.add(connection(1));
    machine.tick();
    machine.carry(1, 10, 0);
    machine.tick();
    let mut socket = machine.take(1);
    machine.tick();
    assert_eq!(machine.tick().closed[0].ending, Ending::Missing);
    super::carry(&mut socket, 30, 0);
    machine.tell(socket.clone());
    assert!(machine.tick().closed.is_empty());
    assert_eq!(machine.totals(0), (30, 0));
}

#[test]
fn a_socket_that_comes_back_was_not_closed() {
    let mut machine = Machine::new();
    machine.add(connection(1));
    machine.tick();
    let socket = machine.take(1);
    machine.tick();
    machine.add(socket);
    machine.carry(1, 5, 0);
    let changes = machine.tick();
    assert!(changes.opened.is_empty() && changes.closed.is_empty());
    assert_eq!(machine.ledger.live().count(), 1);
    assert_eq!(machine.totals(0), (5, 0));
}

#[test]
fn lost_events_are_said_and_totals_never_shrink() {
    let mut machine = Machine::new();
    for cookie in 1..=100 {
        machine.add(connection(cookie));
    }
    machine.tick();
    for cookie in 1..=100 {
        machine.carry(cookie, 10, 10);
    }
    machine.tick();
    // Half of them close and the kernel could not say so.
    for cookie in 1..=50 {
        machine.take(cookie);
    }
    machine.events.lost = true;
    let changes = machine.tick();
    assert!(changes.resynchronised);
    assert_eq!(changes.notices[0].code, "resynchronised");
    assert_eq!(changes.closed.len(), 50);
    assert!(changes.closed.iter().all(|c| c.ending == Ending::Missing));
    assert_eq!(machine.totals(0), (1_000, 1_000));
    let changes = machine.tick();
    assert!(!changes.resynchronised && changes.notices.is_empty());
    assert_eq!(machine.totals(0), (1_000, 1_000));
}

#[test]
fn sockets_of_kinds_without_events_are_closed_at_once() {
    let mut machine = Machine::new();
    let mut unix = Socket::new(Protocol::UnixStream, State::Established);
    unix.cookie = Some(1);
    machine.add(unix);
    machine.tick();
    machine.sockets.clear();
    assert_eq!(machine.tick().closed[0].ending, Ending::Missing);
}

#[test]
fn what_is_left_of_a_connection_shows_its_last_owner_and_is_no_new_socket() {
    let mut machine = Machine::new();
    let nginx = machine.process(77, "nginx");
    let plays: [fn(&mut Machine); 3] = [
        // The event comes in the same tick as the remains,
        |machine| {
            let socket = machine.take(1);
            machine.add(time_wait(2, &socket));
            machine.tell(socket);
        },
        // a tick before,
        |machine| {
            let socket = machine.take(1);
            machine.tell(socket.clone());
            machine.tick();
            machine.add(time_wait(2, &socket));
        },
        // or later.
        |machine| {
            let socket = machine.take(1);
            machine.add(time_wait(2, &socket));
        },
    ];
    for play in plays {
        machine.add(connection(1));
        machine.give(1, nginx);
        machine.tick();
        play(&mut machine);
        let changes = machine.tick();
        assert!(changes.opened.is_empty());
        assert_eq!(machine.party(2).unwrap(), "held nginx 77");
        assert!(machine.record(2).remains);
        machine.tick();
        assert_eq!(machine.party(2).unwrap(), "held nginx 77");
        // Its going is no closing.
        machine.take(2);
        assert!(machine.tick().closed.is_empty());
        assert!(machine.ledger.find(machine.key(2)).is_none());
        machine.tick();
    }
}

#[test]
fn half_an_end_is_what_is_left_too() {
    let mut machine = Machine::new();
    let curl = machine.process(8, "curl");
    machine.add(connection(1));
    machine.give(1, curl);
    machine.tick();
    let socket = machine.take(1);
    let mut left = time_wait(2, &socket);
    left.state = State::FinWait2;
    machine.add(left);
    machine.tell(socket);
    let changes = machine.tick();
    assert!(changes.opened.is_empty());
    assert_eq!(machine.party(2).unwrap(), "held curl 8");
    machine.socket(2).state = State::TimeWait;
    machine.tick();
    assert_eq!(machine.party(2).unwrap(), "held curl 8");
}

#[test]
fn what_is_left_of_a_brief_connection_is_the_listeners() {
    let mut machine = Machine::new();
    let nginx = machine.process(77, "nginx");
    machine.add(listener(1));
    machine.give(1, nginx);
    machine.tick();
    let brief = connection(2);
    machine.add(time_wait(3, &brief));
    machine.tell(brief);
    machine.tick();
    assert_eq!(machine.party(3).unwrap(), "listens nginx 77");
}

#[test]
fn a_socket_that_is_told_closed_while_still_in_the_table_is_gone() {
    let mut machine = Machine::new();
    machine.add(connection(1));
    machine.tick();
    // The table was read before the event came.
    let socket = machine.socket(1).clone();
    machine.tell(socket);
    let changes = machine.tick();
    assert_eq!(changes.closed.len(), 1);
    assert_eq!(machine.ledger.live().count(), 0);
    machine.take(1);
    let changes = machine.tick();
    assert!(changes.closed.is_empty() && changes.opened.is_empty());
}

#[test]
fn one_that_the_table_just_caught_is_brief() {
    let mut machine = Machine::new();
    let curl = machine.process(8, "curl");
    machine.tick();
    machine.add(connection(1));
    machine.give(1, curl);
    machine.carry(1, 30, 4);
    let socket = machine.socket(1).clone();
    machine.tell(socket);
    let changes = machine.tick();
    assert!(changes.opened.is_empty());
    assert!(changes.closed[0].brief);
    assert_eq!(
        party_text(changes.closed[0].party.as_ref().unwrap()),
        "holds curl 8"
    );
    assert_eq!(machine.totals(8), (30, 4));
    let totals = &machine.ledger.totals()[1];
    assert_eq!((totals.sockets, totals.opened, totals.closed), (0, 1, 1));
}

#[test]
fn the_end_of_the_peer_is_no_byte() {
    // Bytes confirmed, segments delivered, what is unread, whether something is left; then the bytes that came.
    let cases = [
        (
            "it connected and was the second to end",
            12,
            3,
            0,
            false,
            99,
        ),
        ("it accepted and was the second to end", 11, 3, 0, false, 99),
        (
            "it ended first and the end was not read",
            12,
            3,
            1,
            true,
            99,
        ),
        (
            "it ended first and left the end to the kernel",
            12,
            3,
            0,
            true,
            100,
        ),
        ("it connected and was reset", 11, 2, 0, false, 100),
        ("it accepted and was reset", 10, 2, 0, false, 100),
        ("it did not read what came", 10, 2, 50, false, 100),
    ];
    for (what, confirmed, delivered, unread, left, received) in cases {
        let mut machine = Machine::new();
        machine.add(connection(1));
        machine.tick();
        machine.carry(1, 10, 100);
        let socket = machine.socket(1);
        socket.receive_queue = unread;
        let info = socket.details.as_mut().unwrap().tcp.as_mut().unwrap();
        info.bytes_acked = Some(confirmed);
        info.delivered = Some(delivered);
        info.data_segments_out = Some(1);
        let socket = socket.clone();
        machine.close(1);
        if left {
            machine.add(time_wait(2, &socket));
        }
        let counters = machine.tick().closed[0].counters.unwrap();
        assert_eq!((counters.sent, counters.received), (10, received), "{what}");
    }
    // A program that has not ended yet: its state says it.
    let mut machine = Machine::new();
    machine.add(connection(1));
    machine.tick();
    machine.carry(1, 0, 101);
    machine.socket(1).state = State::CloseWait;
    machine.tick();
    assert_eq!(machine.totals(0), (0, 100));
}
