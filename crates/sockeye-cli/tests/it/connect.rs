//! `connect`: bytes go out and come in, whatever standard input and output are.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::process::{Command, Stdio};
use std::thread;

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use sockeye_testkit::{
    Checksum, LIMIT, PatternCheck, PatternReader, Peer, Program, Step, deadline, pattern,
};
use sockeye_testkit::{temporary_dir, within};

use crate::{SOCKEYE, connect, shell, sockeye};

/// Much more than any buffer on the way, little enough for a slow machine.
const BULK: u64 = 32 << 20;

#[test]
fn what_is_said_arrives_and_the_answer_too() {
    within(|| {
        let peer = Peer::tcp([
            Step::expect("ping\n"),
            Step::ExpectEnd,
            Step::send("pong\n"),
        ]);
        let output = connect(format!("localhost:{}", peer.port()), &[], "ping\n");
        assert_eq!(
            (output.stdout_text().as_str(), output.stderr_text().as_str()),
            ("pong\n", "")
        );
        assert_eq!(output.code, Some(0));
        peer.finish();
    });
}

#[test]
fn unix_and_udp_are_talked_to_alike() {
    within(|| {
        let dir = temporary_dir();
        let path = dir.path().join("s");
        let peer = Peer::unix(&path, [Step::expect("x"), Step::ExpectEnd, Step::send("y")]);
        assert_eq!(
            connect(format!("unix:{}", path.display()), &[], "x").stdout,
            b"y"
        );
        peer.finish();
        let peer = Peer::udp([Step::expect("x"), Step::send("y")]);
        assert_eq!(
            connect(format!("udp://{}", peer.addr()), &[], "x").stdout,
            b"y"
        );
        peer.finish();
    });
}

/// A file with the pattern of a seed.
fn pattern_file(dir: &std::path::Path, seed: u64) -> std::path::PathBuf {
    let path = dir.join(format!("pattern-{seed}"));
    std::io::copy(
        &mut PatternReader::new(seed, BULK),
        &mut File::create(&path).unwrap(),
    )
    .unwrap();
    path
}

fn checked(path: &std::path::Path, seed: u64) {
    let mut check = PatternCheck::new(seed);
    check.feed(&fs::read(path).unwrap()).unwrap();
    assert_eq!(check.len(), BULK);
}

/// From a file to a file, a bulk each way at once; returns the talk.
fn files_both_ways(flags: &[&str], wire: Stdio) -> String {
    let dir = temporary_dir();
    let input = pattern_file(dir.path(), 1);
    let received = dir.path().join("received");
    let peer = Peer::tcp([Step::ExchangePatterns(2, 1, BULK), Step::ExpectEnd]);
    let talk = dir.path().join("talk");
    let mut command = Command::new(SOCKEYE);
    command
        .args(["connect", &peer.addr().to_string(), "-v"])
        .args(flags);
    command
        .stdin(File::open(&input).unwrap())
        .stdout(File::create(&received).unwrap());
    let keeps_talk = flags.is_empty();
    command.stderr(if keeps_talk {
        File::create(&talk).unwrap().into()
    } else {
        wire
    });
    let status = command.status().unwrap();
    assert_eq!(status.code(), Some(0));
    peer.finish();
    checked(&received, 2);
    fs::read_to_string(&talk).unwrap_or_default()
}

#[test]
fn a_bulk_from_file_to_file_is_spliced_and_complete() {
    deadline(3 * LIMIT, || {
        let talk = files_both_ways(&[], Stdio::null());
        assert!(talk.contains(&format!("sent {BULK} bytes, ")), "{talk}");
        assert_eq!(talk.matches(", splice\n").count(), 2, "{talk}");
    });
}

#[test]
fn a_bulk_that_is_watched_is_copied_and_complete() {
    deadline(6 * LIMIT, || {
        files_both_ways(&["--wire=hex"], Stdio::null());
    });
}

#[test]
fn a_bulk_through_pipes_both_ways_is_complete() {
    deadline(3 * LIMIT, || {
        let peer = Peer::tcp([Step::ExchangePatterns(2, 1, BULK), Step::ExpectEnd]);
        let mut child = Command::new(SOCKEYE)
            .args(["connect", &peer.addr().to_string(), "-v"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let writer = thread::spawn(move || {
            std::io::copy(&mut PatternReader::new(1, BULK), &mut stdin).unwrap();
        });
        let mut received = Vec::new();
        child
            .stdout
            .take()
            .unwrap()
            .read_to_end(&mut received)
            .unwrap();
        writer.join().unwrap();
        let mut check = PatternCheck::new(2);
        check.feed(&received).unwrap();
        assert_eq!(check.len(), BULK);
        let output = child.wait_with_output().unwrap();
        let talk = String::from_utf8(output.stderr).unwrap();
        assert_eq!(talk.matches(", splice, pipe to end\n").count(), 2, "{talk}");
        peer.finish();
    });
}

#[test]
fn a_bulk_to_dev_null_is_spliced() {
    deadline(3 * LIMIT, || {
        let peer = Peer::tcp([Step::SendPattern(3, BULK)]);
        let output = shell(
            "$S connect $1 -v < /dev/null 2>&1 > /dev/null",
            &[&peer.addr().to_string()],
        );
        let talk = output.stdout_text();
        assert!(talk.contains(&format!("received {BULK} bytes, ")), "{talk}");
        assert!(
            talk.lines()
                .any(|l| l.starts_with("received") && l.ends_with(", splice")),
            "{talk}"
        );
        peer.finish();
    });
}

#[test]
fn output_for_appending_gets_everything() {
    deadline(3 * LIMIT, || {
        let dir = temporary_dir();
        let file = dir.path().join("log");
        fs::write(&file, "before\n").unwrap();
        let peer = Peer::tcp([Step::SendPattern(4, BULK)]);
        let script = "$S connect $1 -v < /dev/null >> $2";
        let output = shell(script, &[&peer.addr().to_string(), file.to_str().unwrap()]);
        assert!(
            output
                .stderr_text()
                .contains("the file is open for appending")
        );
        let bytes = fs::read(&file).unwrap();
        let (before, after) = bytes.split_at(7);
        assert_eq!(before, b"before\n");
        let mut check = PatternCheck::new(4);
        check.feed(after).unwrap();
        assert_eq!(check.len(), BULK);
        peer.finish();
    });
}

#[test]
fn a_reader_that_comes_late_loses_nothing() {
    within(|| {
        let gate = sockeye_testkit::Gate::new();
        let sent = pattern(5, 1_000_000);
        let peer = Peer::tcp([
            Step::WaitFor(gate.clone()),
            Step::ExpectPattern(5, 1_000_000),
            Step::ExpectEnd,
        ]);
        let mut program = sockeye(["connect", &peer.addr().to_string()]);
        let mut stdin = program.take_stdin().unwrap();
        let writer = thread::spawn(move || stdin.write_all(&sent).unwrap());
        // Whether or not all of it fits into the buffers on the way, the receiver has read nothing yet.
        gate.open();
        writer.join().unwrap();
        assert_eq!(program.wait().code, Some(0));
        assert_eq!(peer.finish().sum, Checksum::of(&pattern(5, 1_000_000)));
    });
}

#[test]
fn a_shared_pipe_keeps_its_mode() {
    within(|| {
        let (reader, writer) = nix::unistd::pipe().unwrap();
        let flags = |fd: &std::os::fd::OwnedFd| {
            OFlag::from_bits_retain(fcntl(fd.as_fd(), FcntlArg::F_GETFL).unwrap())
        };
        assert!(!flags(&writer).contains(OFlag::O_NONBLOCK));
        let peer = Peer::tcp([Step::send("hello"), Step::ReadToEnd]);
        let mut child = Command::new(SOCKEYE)
            .args(["connect", &peer.addr().to_string()])
            .stdin(Stdio::piped())
            .stdout(writer.try_clone().unwrap())
            .spawn()
            .unwrap();
        let mut got = [0; 5];
        File::from(reader.try_clone().unwrap())
            .read_exact(&mut got)
            .unwrap();
        // While it runs, and afterwards.
        assert!(!flags(&writer).contains(OFlag::O_NONBLOCK));
        assert!(!flags(&reader).contains(OFlag::O_NONBLOCK));
        drop(child.stdin.take());
        assert_eq!(child.wait().unwrap().code(), Some(0));
        assert!(!flags(&writer).contains(OFlag::O_NONBLOCK));
        peer.finish();
    });
}

#[test]
fn closed_standard_streams_are_ends_and_no_failures() {
    within(|| {
        let run = |redirections: &str, script: Vec<Step>| {
            let peer = Peer::tcp(script);
            let line = format!("$S connect $1 {redirections}");
            let output = shell(&line, &[&peer.addr().to_string()]);
            peer.finish();
            (output.code, output.stdout_text(), output.stderr_text())
        };
        let done = |out: &str| (Some(0), out.to_owned(), String::new());
        let answers = vec![Step::ExpectEnd, Step::send("answer")];
        assert_eq!(run("<&-", answers.clone()), done("answer"));
        assert_eq!(
            run(
                ">&- </dev/null",
                vec![Step::ExpectEnd, Step::send("answer")]
            ),
            done("")
        );
        assert_eq!(run("<&- >&-", answers.clone()), done(""));
        assert_eq!(run("<&- 2>&-", answers), done("answer"));
    });
}

#[test]
fn a_reader_that_has_enough_ends_it_quietly_and_promptly() {
    within(|| {
        // The same bytes by every path: spliced, shaped on the way out, as JSON.
        for flags in [
            "",
            "--send x",
            "--crlf",
            "--wire=text 2>/dev/null",
            "--json",
        ] {
            let peer = std::net::TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).unwrap();
            let to = peer.local_addr().unwrap().to_string();
            let flood = thread::spawn(move || {
                let (mut stream, _) = peer.accept().unwrap();
                stream.set_write_timeout(Some(LIMIT)).unwrap();
                // Goes on until nobody listens.
                while stream.write_all(&[b'y'; 65536]).is_ok() {}
            });
            let script = format!("{{ $S connect $1 {flags}; echo $? >&2; }} | head -c 10");
            let mut command = Command::new("bash");
            command.args(["-c", &script, "bash", &to]).env("S", SOCKEYE);
            // Standard input stays open all the time.
            let program = Program::start_command(command);
            let output = program.wait();
            assert_eq!(output.stdout.len(), 10, "{flags}");
            assert_eq!(output.stderr_text(), "0\n", "{flags}");
            flood.join().unwrap();
        }
    });
}
