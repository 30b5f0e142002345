//! Intervals from points in time.
#![allow(clippy::unwrap_used)]

use std::net::SocketAddr;

use super::*;
use crate::net::{Agreed, Attempt, Ending, Lookup};

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn lookup(began: u64, ended: Option<u64>) -> Lookup {
    Lookup {
        name: "h".into(),
        began: ms(began),
        ended: ended.map(ms),
        addresses: Vec::new(),
        source: "hosts".into(),
    }
}

fn attempt(began: u64, ended: u64, ending: Ending) -> Attempt {
    Attempt {
        address: SocketAddr::from(([127, 0, 0, 1], 1)),
        began: ms(began),
        ended: ms(ended),
        ending,
    }
}

fn agreed(layer: &str, at: u64) -> Agreed {
    Agreed {
        layer: layer.into(),
        at: ms(at),
        words: String::new(),
    }
}

fn told(timing: &Timing) -> Vec<(&'static str, u64)> {
    let intervals = timing.intervals();
    let mut at = timing.began;
    for interval in &intervals {
        assert_eq!(interval.began, at, "{intervals:?}");
        assert!(interval.ended >= at, "{intervals:?}");
        at = interval.ended;
    }
    if let Some(ended) = timing.ended {
        assert_eq!(at, ended.max(at), "{intervals:?}");
    }
    let told = intervals.into_iter();
    told.map(|it| {
        let ended = it.ended.as_millis();
        (it.phase.code(), u64::try_from(ended).unwrap())
    })
    .collect()
}

#[test]
fn a_whole_hop_has_every_phase() {
    let timing = Timing {
        began: ms(10),
        opening: Some(Opening {
            lookups: vec![lookup(11, Some(13))],
            attempts: vec![
                attempt(13, 20, Ending::Canceled),
                attempt(15, 20, Ending::Won),
            ],
            carried: Some(ms(20)),
            layers: vec![agreed("socks5", 25), agreed("tls", 30)],
        }),
        connected: Some(ms(31)),
        sent: Some(ms(32)),
        first_byte: Some(ms(40)),
        head: Some(ms(41)),
        ended: Some(ms(50)),
        wants: Wants {
            proxies: 1,
            tls: true,
        },
    };
    let wanted = [
        ("prepare", 11),
        ("name", 13),
        ("connect", 20),
        ("proxy", 25),
        ("tls", 31),
        ("send", 32),
        ("wait", 40),
        ("receive", 50),
    ];
    assert_eq!(told(&timing), wanted);
    assert_eq!(timing.total(), Some(ms(40)));
    assert_eq!(timing.of(Phase::Securing), Some(ms(6)));
}

#[test]
fn a_kept_connection_has_no_opening() {
    let timing = Timing {
        began: ms(1),
        connected: Some(ms(1)),
        sent: Some(ms(2)),
        first_byte: Some(ms(3)),
        ended: Some(ms(4)),
        ..Timing::default()
    };
    let wanted = [("prepare", 1), ("send", 2), ("wait", 3), ("receive", 4)];
    assert_eq!(told(&timing), wanted);
}

#[test]
fn a_hop_that_failed_ends_where_it_was_seen_last() {
    let opening = |opening: Opening| Timing {
        opening: Some(opening),
        ended: Some(ms(9)),
        ..Timing::default()
    };
    let name = opening(Opening {
        lookups: vec![lookup(1, None)],
        ..Opening::default()
    });
    assert_eq!(told(&name), [("prepare", 1), ("name", 9)]);
    let connect = opening(Opening {
        attempts: vec![attempt(2, 9, Ending::Canceled)],
        ..Opening::default()
    });
    assert_eq!(told(&connect), [("prepare", 2), ("connect", 9)]);
    let carried = |layers: Vec<Agreed>, proxies: usize| Timing {
        wants: Wants { proxies, tls: true },
        ..opening(Opening {
            attempts: vec![attempt(2, 3, Ending::Won)],
            carried: Some(ms(3)),
            layers,
            ..Opening::default()
        })
    };
    let wanted = [("prepare", 2), ("connect", 3), ("tls", 9)];
    assert_eq!(told(&carried(vec![], 0)), wanted);
    let wanted = [("prepare", 2), ("connect", 3), ("proxy", 9)];
    assert_eq!(told(&carried(vec![], 1)), wanted);
    // The proxy is spoken to over TLS of its own.
    let wanted = [("prepare", 2), ("connect", 3), ("tls", 4), ("proxy", 9)];
    assert_eq!(told(&carried(vec![agreed("tls", 4)], 1)), wanted);
    let both = vec![agreed("tls", 4), agreed("https", 5)];
    let wanted = [
        ("prepare", 2),
        ("connect", 3),
        ("tls", 4),
        ("proxy", 5),
        ("tls", 9),
    ];
    assert_eq!(told(&carried(both, 1)), wanted);
    let unanswered = Timing {
        connected: Some(ms(2)),
        sent: Some(ms(3)),
        ended: Some(ms(9)),
        ..Timing::default()
    };
    let wanted = [("prepare", 2), ("send", 3), ("wait", 9)];
    assert_eq!(told(&unanswered), wanted);
}

#[test]
fn an_answer_before_the_request_was_sent_turns_nothing_back() {
    let timing = Timing {
        connected: Some(ms(1)),
        first_byte: Some(ms(3)),
        sent: Some(ms(7)),
        ended: Some(ms(8)),
        ..Timing::default()
    };
    let wanted = [("prepare", 1), ("send", 7), ("wait", 7), ("receive", 8)];
    assert_eq!(told(&timing), wanted);
    // Sent, and over, while it was not yet known to be sent.
    let early = Timing {
        sent: None,
        ended: Some(ms(8)),
        ..timing
    };
    assert_eq!(told(&early), [("prepare", 1), ("send", 8)]);
}
