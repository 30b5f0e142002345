//! `--wire`: what crosses is on standard error, exactly.

use std::io::Write;
use std::process::{Command, Stdio};

use sockeye_testkit::{Gate, Peer, Step, pattern, peers, within};

use crate::{connect, sockeye};

#[test]
fn the_text_view_shows_both_directions() {
    within(|| {
        let peer = Peer::tcp([
            Step::expect("ask\r\n"),
            Step::ExpectEnd,
            Step::send("answer\n"),
        ]);
        let output = connect(peer.addr().to_string(), &["--wire"], "ask\r\n");
        let said = output.stderr_text();
        assert!(
            said.contains(&format!("\nconnected tcp://{} from ", peer.addr())),
            "{said}"
        );
        assert!(
            said.contains(" > ask\\r\\n\n") && said.contains(" < answer\\n\n"),
            "{said}"
        );
        assert_eq!(output.stdout_text(), "answer\n");
        peer.finish();
    });
}

#[test]
fn every_attempt_to_connect_is_shown_the_losers_too() {
    within(|| {
        // This port is taken at ::1 by nobody who listens.
        let peer = Peer::tcp([Step::ExpectEnd]);
        let output = connect(format!("localhost:{}", peer.port()), &["-z", "--wire"], "");
        let said = output.stderr_text();
        let at = |text: &str| {
            said.find(text)
                .unwrap_or_else(|| panic!("no {text:?}: {said}"))
        };
        let port = peer.port();
        assert!(at("resolved localhost to ") < at(&format!("connecting to 127.0.0.1:{port}")));
        if said.contains("connecting to [::1]") {
            assert!(
                at("connecting to [::1]") < at("nobody listens there"),
                "{said}"
            );
        }
        assert!(
            at("connecting to 127.0.0.1") < at("connected tcp://127.0.0.1"),
            "{said}"
        );
        peer.finish();
    });
}

#[test]
fn the_text_view_lets_no_control_character_through() {
    within(|| {
        let all: Vec<u8> = (0..=255).collect();
        let peer = Peer::tcp([
            Step::send(&all),
            Step::send("\u{9b}31m\u{202e}\x1b]0;x\x07"),
            Step::ExpectEnd,
        ]);
        let output = connect(peer.addr().to_string(), &["--wire"], "");
        let said = std::str::from_utf8(&output.stderr).unwrap();
        assert!(
            said.chars().all(|c| c == '\n' || !c.is_control()),
            "{said:?}"
        );
        assert!(!said.contains('\u{202e}'), "{said:?}");
        peer.finish();
    });
}

#[test]
fn a_character_split_over_two_reads_is_one_character() {
    within(|| {
        let (first, second) = (Gate::new(), Gate::new());
        let peer = Peer::tcp([
            Step::send(b"gr\xc3"),
            Step::Open(first.clone()),
            Step::WaitFor(second.clone()),
            Step::send(b"\xbcn\n"),
            Step::ExpectEnd,
        ]);
        let mut program = sockeye(["connect", &peer.addr().to_string(), "--wire"]);
        // The first part is through when it is on standard output.
        program.stdout_until(b"gr\xc3");
        second.open();
        program.close_stdin();
        let output = program.wait();
        let said = output.stderr_text();
        assert!(said.contains('\u{fc}') && !said.contains("\\xc3"), "{said}");
        assert!(first.is_open());
        peer.finish();
    });
}

#[test]
fn the_hex_view_can_be_turned_back() {
    within(|| {
        let Some(xxd) = peers::xxd() else { return };
        let peer = Peer::tcp([Step::SendPattern(1, 5000), Step::ExpectEnd]);
        let output = connect(peer.addr().to_string(), &["--wire=hex"], "");
        let mut back = Command::new(xxd)
            .arg("-r")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        // Each stream has its own offsets; its rows end with its name.
        let rows: String = output
            .stderr_text()
            .lines()
            .filter(|line| line.ends_with(" < tcp #1"))
            .map(|line| format!("{line}\n"))
            .collect();
        back.stdin
            .take()
            .unwrap()
            .write_all(rows.as_bytes())
            .unwrap();
        let back = back.wait_with_output().unwrap();
        assert!(back.stdout == pattern(1, 5000), "{}", output.stderr_text());
        peer.finish();
    });
}

#[test]
fn the_json_view_is_lossless_and_nothing_else() {
    within(|| {
        let peer = Peer::tcp([Step::ExchangePatterns(1, 2, 50_000), Step::ExpectEnd]);
        let output = connect(
            peer.addr().to_string(),
            &["--wire=json"],
            pattern(2, 50_000),
        );
        let (mut sent, mut received) = (Vec::new(), Vec::new());
        for event in crate::json_lines(&output.stderr) {
            if event["type"] != "data" {
                continue;
            }
            let bytes = match event["text"].as_str() {
                Some(text) => text.as_bytes().to_vec(),
                None => base64(event["base64"].as_str().unwrap()),
            };
            assert_eq!(event["length"], bytes.len());
            match event["direction"].as_str() {
                Some("sent") => sent.extend(bytes),
                _ => received.extend(bytes),
            }
        }
        assert!(sent == pattern(2, 50_000));
        assert!(received == pattern(1, 50_000));
        assert!(output.stdout == pattern(1, 50_000));
        peer.finish();
    });
}

/// Four letters are three bytes (RFC 4648 section 4).
fn base64(text: &str) -> Vec<u8> {
    let digit = |letter: u8| match letter {
        b'A'..=b'Z' => letter - b'A',
        b'a'..=b'z' => letter - b'a' + 26,
        b'0'..=b'9' => letter - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let letters: Vec<u8> = text.bytes().filter(|letter| *letter != b'=').collect();
    let mut bytes = Vec::new();
    for four in letters.chunks(4) {
        let bits = four
            .iter()
            .fold(0_u32, |bits, letter| bits << 6 | u32::from(digit(*letter)));
        let bits = bits << (6 * (4 - four.len()));
        bytes.extend(&bits.to_be_bytes()[1..four.len()]);
    }
    bytes
}

#[test]
fn colour_is_for_terminals_unless_asked_for() {
    within(|| {
        let run = |flags: &[&str]| {
            let peer = Peer::tcp([Step::send("x\n"), Step::ExpectEnd]);
            let output = connect(peer.addr().to_string(), flags, "");
            peer.finish();
            output.stderr.contains(&0x1b)
        };
        assert!(!run(&["--wire"]));
        assert!(!run(&["--wire", "--color=never"]));
        assert!(run(&["--wire", "--color=always"]));
    });
}
