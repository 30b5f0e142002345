//! The matrix: what every pair of endpoints must do when a relay stands between them.

use std::io::{ErrorKind, Read, Write};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use crate::matrix_cells::{First, Pair, bulk, every_pair, pairs_where};
use crate::matrix_ends::reset;

#[test]
fn a_bulk_each_way_at_once() {
    every_pair("a bulk each way", |pair| {
        let mut talk = pair.open();
        let len = pair.bulk();
        talk.both_at_once(len);
        talk.ends_in_order(len, len);
    });
}

#[test]
fn the_end_of_the_inbound_side_leaves_a_late_reply() {
    pairs_where(
        "inbound ends first",
        |inbound, _| inbound.half_closes,
        |pair| late_reply(pair, First::Inbound),
    );
}

#[test]
fn the_end_of_the_outbound_side_leaves_late_data() {
    pairs_where(
        "outbound ends first",
        |_, outbound| outbound.half_closes,
        |pair| late_reply(pair, First::Outbound),
    );
}

fn late_reply(pair: Pair, side: First) {
    let mut talk = pair.open();
    let reply = &bulk().0[..300_000];
    let [(first, first_kind), (second, second_kind)] = talk.from(side);
    first.say(b"question");
    first.end();
    second.hears(b"question");
    second.hears_end(second_kind);
    thread::scope(|scope| {
        scope.spawn(|| {
            second.say(reply);
            second.end();
        });
        first.hears(reply);
        first.hears_end(first_kind);
    });
    match side {
        First::Inbound => talk.ends_in_order(8, reply.len()),
        First::Outbound => talk.ends_in_order(reply.len(), 8),
    }
}

#[test]
fn a_reset_of_the_inbound_side_is_a_reset_of_the_other() {
    pairs_where(
        "inbound resets",
        |inbound, _| inbound.resets,
        |pair| broken_off(pair, First::Inbound),
    );
}

#[test]
fn a_reset_of_the_outbound_side_is_a_reset_of_the_other() {
    pairs_where(
        "outbound resets",
        |_, outbound| outbound.resets,
        |pair| broken_off(pair, First::Outbound),
    );
}

fn broken_off(pair: Pair, side: First) {
    let mut talk = pair.open();
    for turn in [First::Inbound, First::Outbound] {
        let [(first, _), (second, _)] = talk.from(turn);
        first.say(b"x");
        second.hears(b"x");
    }
    let (breaks, mut suffers, kind, code) = match side {
        First::Inbound => (talk.client, talk.server, pair.outbound, "local"),
        First::Outbound => (talk.server, talk.client, pair.inbound, "remote"),
    };
    reset(breaks);
    let heard = suffers.hear.read(&mut [0; 8]);
    match heard.as_ref().map_err(std::io::Error::kind) {
        Err(ErrorKind::ConnectionReset) if kind.resets => {}
        _ if kind.resets => panic!("{heard:?} instead of a reset"),
        Err(ErrorKind::UnexpectedEof) if kind.tells_truncation => {}
        _ if kind.tells_truncation => panic!("{heard:?} instead of a truncation"),
        Ok(0) => {}
        _ => panic!("{heard:?} instead of an end"),
    }
    let totals = talk.relay.joined().totals;
    assert_eq!(totals.ended_by.reason(), "reset");
    assert_eq!(totals.ended_by.side().unwrap().code(), code);
}

#[test]
fn a_slow_reader_stalls_the_writer() {
    every_pair("the server reads late", |pair| {
        slow_reader(pair, First::Inbound)
    });
    every_pair("the client reads late", |pair| {
        slow_reader(pair, First::Outbound)
    });
}

/// What all buffers of the kernel, the pipe of the relay and what it holds may take together.
const MOST_ACCEPTED: usize = 4 << 20;

fn slow_reader(pair: Pair, writer: First) {
    let mut talk = pair.open_small();
    let all = bulk().0;
    let [(writes, _), (reads, _)] = talk.from(writer);
    let (progress, written) = mpsc::channel();
    let say = writes.say.as_mut().unwrap();
    thread::scope(|scope| {
        scope.spawn(move || {
            for piece in all.chunks(16 << 10) {
                say.write_all(piece).unwrap();
                progress.send(piece.len()).unwrap();
            }
        });
        let mut accepted = 0;
        loop {
            match written.recv_timeout(Duration::from_millis(100)) {
                Ok(n) => accepted += n,
                Err(RecvTimeoutError::Timeout) => break,
                Err(RecvTimeoutError::Disconnected) => panic!("it never stalled"),
            }
        }
        assert!(accepted <= MOST_ACCEPTED, "{accepted} bytes were accepted");
        reads.hears(all);
    });
}

#[test]
fn nothing_said_is_nothing_heard() {
    every_pair("empty, inbound ends first", |pair| {
        empty(pair, First::Inbound)
    });
    every_pair("empty, outbound ends first", |pair| {
        empty(pair, First::Outbound)
    });
}

fn empty(pair: Pair, side: First) {
    let mut talk = pair.open();
    let [(first, first_kind), (second, second_kind)] = talk.from(side);
    first.end();
    second.hears_end(second_kind);
    second.end();
    first.hears_end(first_kind);
    talk.ends_in_order(0, 0);
}

#[test]
fn one_byte_is_carried_at_once() {
    every_pair("one byte at a time", |pair| {
        let mut talk = pair.open();
        for byte in 0..32 {
            talk.client.say(&[byte]);
            talk.server.hears(&[byte]);
            talk.server.say(&[!byte]);
            talk.client.hears(&[!byte]);
        }
    });
}
