use std::io::Write;
use std::process::{Command, Stdio};

use proptest::prelude::*;

use super::super::hexdump::HexView;
use super::super::{Direction, Event, Observer, Side, What};
use super::{Memory, event, received, sent};
use crate::error::{Error, Kind, Operation};

fn dump(events: &[Event<'_>]) -> String {
    let memory = Memory::default();
    let view = HexView::new(Box::new(memory.clone()));
    for event in events {
        view.on_event(event);
    }
    memory.text()
}

/// Run xxd, if there is one on this machine.
fn xxd(arguments: &[&str], input: &[u8]) -> Option<Vec<u8>> {
    let spawned = Command::new("xxd")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = match spawned {
        Ok(child) => child,
        Err(error) => {
            assert!(
                std::env::var_os("SOCKEYE_REQUIRE_PEERS").is_none(),
                "xxd: {error}"
            );
            let _ = writeln!(std::io::stderr(), "skipped: there is no xxd ({error})");
            return None;
        }
    };
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && stderr.is_empty(), "{stderr}");
    Some(output.stdout)
}

/// What `grep ' > tcp #1$'` does.
fn pick(dump: &str, stream: &str) -> String {
    let lines = dump.lines().filter(|line| line.ends_with(stream));
    lines.map(|line| format!("{line}\n")).collect()
}

#[test]
fn rows_carry_the_running_offset_and_the_name_of_their_stream() {
    let mut outbound = event(1, "tcp", sent(b""));
    outbound.side = Side::Outbound;
    let text = dump(&[
        event(1, "tcp", sent(b"GET /index.html HTTP/1.0\r\n")),
        event(1, "tcp", received(b"\x00\x7f\x80\xff deadbeef")),
        event(1, "tcp", sent(b"\r\n")),
        outbound,
        event(1, "tcp", What::Closed { exit: None }),
        event(1, "tcp", sent(b"x")),
    ]);
    insta::assert_snapshot!(text, @r"
    # 0.000412 #1 > tcp 26 bytes
    00000000: 4745 5420 2f69 6e64 6578 2e68 746d 6c20  GET /index.html  > tcp #1
    00000010: 4854 5450 2f31 2e30 0d0a                 HTTP/1.0..       > tcp #1
    # 0.000412 #1 < tcp 13 bytes
    00000000: 007f 80ff 2064 6561 6462 6565 66         .... deadbeef    < tcp #1
    # 0.000412 #1 > tcp 2 bytes
    0000001a: 0d0a                                     ..               > tcp #1
    # 0.000412 #1 out > tcp 0 bytes
    # 0.000412 #1 tcp closed
    # 0.000412 #1 > tcp 1 byte
    00000000: 78                                       x                > tcp #1
    ");
}

#[test]
fn rows_are_those_of_xxd() {
    let bytes: Vec<u8> = (0..=255).chain(b'a'..=b'g').collect();
    let Some(theirs) = xxd(&[], &bytes) else {
        return;
    };
    let ours = pick(&dump(&[event(1, "tcp", sent(&bytes))]), " > tcp #1");
    let theirs = String::from_utf8(theirs).unwrap();
    assert_eq!(ours.lines().count(), theirs.lines().count());
    for (ours, theirs) in ours.lines().zip(theirs.lines()) {
        assert!(ours.starts_with(theirs), "{ours}\n{theirs}");
    }
}

#[test]
fn offsets_beyond_4_gib_are_wide_and_understood_by_xxd() {
    for offset in [
        0xffff_fff0_u64,
        0x1_0000_0000,
        0xfedc_ba98_7654_3210,
        u64::MAX,
    ] {
        let mut row = Vec::new();
        super::super::hexdump::push_row(&mut row, offset, b"abc", b" > tcp #1\n");
        let row = String::from_utf8(row).unwrap();
        assert!(row.starts_with(&format!("{offset:08x}: 6162 63 ")), "{row}");
    }
    let mut rows = Vec::new();
    super::super::hexdump::push_row(&mut rows, 0xffff_fffe, b"ab", b" > tcp #1\n");
    super::super::hexdump::push_row(&mut rows, 0x1_0000_0000, b"cd", b" > tcp #1\n");
    // xxd is told to subtract the first offset, or it would write 4 GiB of zeros.
    if let Some(back) = xxd(&["-r", "-s", "-4294967294"], &rows) {
        assert_eq!(back, b"abcd");
    }
}

#[test]
fn a_remark_never_looks_like_a_row_of_a_stream() {
    let agreed = "x > tcp #1";
    let error = Error::new(Kind::Protocol, Operation::Read, "y > tcp #1 in");
    let text = dump(&[
        event(1, "tcp", What::Handshake { agreed }),
        event(1, "tcp", What::Failed(&error)),
    ]);
    insta::assert_snapshot!(text, @r"
    # 0.000412 #1 tcp agreed on x > tcp #1.
    # 0.000412 #1 tcp failed: y > tcp #1 in.
    ");
}

#[test]
fn secrets_are_not_dumped() {
    assert_eq!(dump(&[event(1, "tls", What::Secret { line: "KEY" })]), "");
}

#[test]
fn an_event_is_one_call_until_it_is_large() {
    let memory = Memory::default();
    let view = HexView::new(Box::new(memory.clone()));
    view.on_event(&event(1, "tcp", sent(&[7; 8192])));
    assert_eq!(memory.calls(), 1);
    view.on_event(&event(1, "tcp", sent(&vec![7; 1 << 20])));
    let text = memory.text();
    assert_eq!(text.lines().count(), 2 + 512 + 65_536);
    assert!(
        text.lines()
            .all(|line| line.ends_with("tcp #1") || line.ends_with(" bytes"))
    );
}

/// Chunks of four streams; the bytes are often such that their characters look like hexadecimal digits.
fn chunks() -> impl Strategy<Value = Vec<(bool, bool, Vec<u8>)>> {
    let byte = prop_oneof![
        any::<u8>(),
        prop_oneof![Just(b'a'), Just(b'0'), Just(b' '), Just(b'#'), Just(b':')],
    ];
    let bytes = proptest::collection::vec(byte, 0..50);
    proptest::collection::vec((any::<bool>(), any::<bool>(), bytes), 0..12)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn each_stream_comes_back_from_xxd(chunks in chunks()) {
        let direction = |is_sent| if is_sent { Direction::Sent } else { Direction::Received };
        let events: Vec<_> = chunks
            .iter()
            .map(|(first, is_sent, bytes)| {
                let connection = if *first { 1 } else { 11 };
                event(connection, "tcp", What::Data(direction(*is_sent), bytes))
            })
            .collect();
        let text = dump(&events);
        for (first, is_sent, stream) in [
            (true, true, " > tcp #1"),
            (true, false, " < tcp #1"),
            (false, true, " > tcp #11"),
            (false, false, " < tcp #11"),
        ] {
            let wanted: Vec<u8> = chunks
                .iter()
                .filter(|chunk| (chunk.0, chunk.1) == (first, is_sent))
                .flat_map(|chunk| chunk.2.clone())
                .collect();
            if let Some(back) = xxd(&["-r"], pick(&text, stream).as_bytes()) {
                prop_assert_eq!(back, wanted);
            }
        }
    }
}
