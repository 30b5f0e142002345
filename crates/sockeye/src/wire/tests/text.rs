use std::time::Duration;

use super::super::text::{TextOptions, TextView};
use super::super::{Direction, Event, Observer, Side, What};
use super::{Memory, event, received, sent};
use crate::error::{Error, Kind, Operation};

fn show(options: TextOptions, events: &[Event<'_>]) -> String {
    let memory = Memory::default();
    let view = TextView::new(Box::new(memory.clone()), options);
    for event in events {
        view.on_event(event);
    }
    memory.text()
}

#[test]
fn lines_are_broken_after_line_feeds_only() {
    let text = show(
        TextOptions::default(),
        &[event(1, "tcp", sent(b"a\r\n\nb\rc"))],
    );
    insta::assert_snapshot!(text, @r"
    0.000412 #1 > a\r\n
    0.000412 #1 > \n
    0.000412 #1 > b\rc
    ");
}

#[test]
fn a_character_split_over_reads_is_shown_whole_in_each_direction() {
    let text = show(
        TextOptions::default(),
        &[
            event(1, "tcp", received(b"3 \xe2")),
            event(1, "tcp", sent(b"\xc3")),
            event(2, "tcp", received(b"\xac")),
            event(1, "tcp", received(b"\x82")),
            event(1, "tcp", sent(b"\xa9\n")),
            event(1, "tcp", received(b"\xac\n")),
        ],
    );
    insta::assert_snapshot!(text, @r"
    0.000412 #1 < 3 
    0.000412 #2 < \xac
    0.000412 #1 > é\n
    0.000412 #1 < €\n
    ");
}

#[test]
fn an_unfinished_character_is_shown_when_its_stream_ends() {
    let text = show(
        TextOptions::default(),
        &[
            event(1, "tcp", received(b"a\xe2\x82")),
            event(1, "tcp", sent(b"b\xf0")),
            event(1, "tcp", What::HalfClosed(Direction::Received)),
            event(1, "tcp", What::Closed { exit: None }),
            event(1, "tcp", received(b"\x82")),
        ],
    );
    insta::assert_snapshot!(text, @r"
    0.000412 #1 < a
    0.000412 #1 > b
    0.000412 #1 < \xe2\x82
    0.000412 #1 * end received
    0.000412 #1 > \xf0
    0.000412 #1 * closed
    0.000412 #1 < \x82
    ");
}

#[test]
fn a_character_never_goes_on_in_the_next_message() {
    let text = show(
        TextOptions::default(),
        &[
            event(1, "udp", received(b"a\xe2\x82")),
            event(1, "udp", received(b"")),
            event(1, "udp", received(b"\xacb")),
        ],
    );
    insta::assert_snapshot!(text, @r"
    0.000412 #1 < a
    0.000412 #1 < \xe2\x82
    0.000412 #1 < (empty message)
    0.000412 #1 < \xacb
    ");
}

#[test]
fn long_lines_continue_without_loss_and_in_one_call() {
    let memory = Memory::default();
    let view = TextView::new(Box::new(memory.clone()), TextOptions::default());
    let line = "€".repeat(5000);
    view.on_event(&event(1, "tcp", sent(line.as_bytes())));
    let text = memory.text();
    assert_eq!(memory.calls(), 1);
    assert_eq!(text.lines().count(), 4);
    let joined: String = text
        .lines()
        .map(|line| line.strip_prefix("0.000412 #1 > ").unwrap())
        .collect();
    assert_eq!(joined, line);
}

#[test]
fn no_control_character_of_a_peer_reaches_the_terminal() {
    let hostile = "\x1b]0;owned\x07\u{9b}2J\u{202e}\r\x08\x7f\u{2028}\n0.1 #9 > forged";
    let error = Error::new(Kind::Tls, Operation::Handshake, hostile);
    let text = show(
        TextOptions::default(),
        &[
            event(1, "tcp", received(hostile.as_bytes())),
            event(1, "tcp", What::Resolving { name: hostile }),
            event(
                1,
                "tcp",
                What::Resolved {
                    name: hostile,
                    addresses: &[],
                    source: hostile,
                },
            ),
            event(1, "tls", What::Handshake { agreed: hostile }),
            event(1, "tls", What::Failed(&error)),
        ],
    );
    for line in text.lines() {
        assert!(line.starts_with("0.000412 #1 "), "{line}");
        assert!(!line.chars().any(sockeye_data::escape::is_hidden), "{line}");
    }
    assert_eq!(text.lines().count(), 6);
}

#[test]
fn ciphertext_is_counted_and_secrets_are_not_shown() {
    let mut covered = event(1, "tcp", sent(b"\x16\x03\x01"));
    covered.covered = true;
    let mut one = event(1, "tcp", received(b"\x16"));
    one.covered = true;
    let text = show(
        TextOptions::default(),
        &[
            event(2, "tcp", sent(b"plain\n")),
            covered,
            one,
            event(
                1,
                "tls",
                What::Secret {
                    line: "CLIENT_RANDOM 0 1",
                },
            ),
            event(1, "tls", sent(b"hello\n")),
            event(1, "tls", What::Closed { exit: None }),
        ],
    );
    insta::assert_snapshot!(text, @r"
    0.000412 #2 > plain\n
    0.000412 #1 tcp > 3 bytes of ciphertext
    0.000412 #1 tcp < 1 byte of ciphertext
    0.000412 #1 tls > hello\n
    0.000412 #1 tls * closed
    ");
}

#[test]
fn once_shows_the_bytes_of_a_relay_where_they_arrive() {
    let relay = |side, covered, what| Event {
        side,
        covered,
        framed: false,
        ..event(7, "tcp", what)
    };
    let events = [
        relay(Side::Inbound, false, received(b"ping\n")),
        relay(Side::Outbound, false, sent(b"ping\n")),
        relay(Side::Outbound, true, sent(b"....")),
        relay(Side::Outbound, false, received(b"pong\n")),
        relay(Side::Inbound, false, sent(b"pong\n")),
        event(8, "tcp", sent(b"alone\n")),
    ];
    insta::assert_snapshot!(show(TextOptions::default().once(true), &events), @r"
    0.000412 #7 in < ping\n
    0.000412 #7 out tcp > 4 bytes of ciphertext
    0.000412 #7 out tcp < pong\n
    0.000412 #8 > alone\n
    ");
    assert_eq!(show(TextOptions::default(), &events).lines().count(), 6);
}

#[test]
fn colour_is_beside_the_mark_and_ends_on_its_line() {
    let events = [
        event(1, "tcp", sent(b"a\n")),
        event(1, "tcp", received(b"b\n")),
        event(1, "tcp", What::Closed { exit: None }),
    ];
    assert_eq!(
        show(TextOptions::default().color(true), &events),
        "0.000412 #1 \x1b[36m> a\\n\x1b[0m\n0.000412 #1 \x1b[32m< b\\n\x1b[0m\n0.000412 #1 * closed\n"
    );
}

#[test]
fn other_events_are_told_in_words() {
    use std::os::unix::process::ExitStatusExt;
    let error = Error::new(Kind::Refused, Operation::Connect, "nobody listens there");
    let address = "[::1]:80".parse().unwrap();
    let many = vec![address; 18];
    let resolved = |addresses| What::Resolved {
        name: "db",
        addresses,
        source: "dns",
    };
    let closed = |raw| What::Closed {
        exit: Some(std::process::ExitStatus::from_raw(raw)),
    };
    let mut late = event(1, "tcp", What::Failed(&error));
    late.at = Duration::from_secs(3600);
    let text = show(
        TextOptions::default(),
        &[
            event(1, "tcp", resolved(&many[..2])),
            event(1, "tcp", resolved(&many)),
            event(1, "tcp", resolved(&[])),
            event(1, "tcp", What::Connecting { address }),
            event(
                1,
                "tcp",
                What::AttemptFailed {
                    address,
                    error: &error,
                },
            ),
            event(
                1,
                "tcp",
                What::Connected {
                    local: None,
                    peer: None,
                },
            ),
            event(1, "tcp", What::HalfClosed(Direction::Sent)),
            event(1, "exec", closed(3 << 8)),
            event(1, "exec", closed(9)),
            late,
        ],
    );
    insta::assert_snapshot!(text, @r"
    0.000412 #1 * resolved db to [::1]:80, [::1]:80 (dns)
    0.000412 #1 * resolved db to [::1]:80, [::1]:80, [::1]:80, [::1]:80, [::1]:80, [::1]:80, [::1]:80, [::1]:80, [::1]:80, [::1]:80, [::1]:80, [::1]:80, [::1]:80, [::1]:80, [::1]:80, [::1]:80 and 2 more (dns)
    0.000412 #1 * resolved db to no address (dns)
    0.000412 #1 * connecting to [::1]:80
    0.000412 #1 * attempt at [::1]:80 failed: nobody listens there
    0.000412 #1 * connected
    0.000412 #1 * end sent
    0.000412 #1 * closed, exit status: 3
    0.000412 #1 * closed, signal: 9 (SIGKILL)
    3600.000000 #1 * failed: nobody listens there
    ");
}
