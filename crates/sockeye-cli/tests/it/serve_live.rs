//! `sockeye serve` with events and WebSockets.

use std::io::{Read, Write};
use std::net::TcpStream;

use sockeye_testkit::{LIMIT, Program, peers, temporary_dir, within};

use crate::sockeye;

/// A server of an empty folder with these flags, and the address it has.
fn serve(flags: &[&str]) -> (Program, String, tempfile::TempDir) {
    let folder = temporary_dir();
    let path = folder.path().to_str().unwrap().to_owned();
    let always = ["serve", &path, "--port", "0"];
    let program = sockeye(always.iter().chain(flags));
    let at = program.host_port().trim_end_matches('/').to_owned();
    (program, at, folder)
}

fn ask(at: &str, request: &str) -> TcpStream {
    let mut stream = TcpStream::connect(at).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    stream
}

fn follow(at: &str, path: &str) -> TcpStream {
    ask(
        at,
        &format!("GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n"),
    )
}

fn read_until(stream: &mut TcpStream, end: &str) -> String {
    let (mut read, mut byte) = (Vec::new(), [0]);
    while !read.ends_with(end.as_bytes()) {
        assert_eq!(
            stream.read(&mut byte).unwrap(),
            1,
            "{:?}",
            String::from_utf8_lossy(&read)
        );
        read.push(byte[0]);
    }
    String::from_utf8(read).unwrap()
}

/// The data of all events of an answer that has ended.
fn data(mut stream: TcpStream) -> Vec<String> {
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let lines = answer
        .lines()
        .filter_map(|line| line.strip_prefix("data: "));
    lines.map(str::to_owned).collect()
}

#[test]
fn each_line_of_a_program_is_an_event_for_all() {
    within(|| {
        let folder = temporary_dir();
        let pipe = folder.path().join("pipe");
        crate::output_of("mkfifo", &[pipe.to_str().unwrap()]);
        let script = format!("/e=sh -c 'echo one; cat {}'", pipe.display());
        let (_server, at, _folder) = serve(&["--events", &script]);
        let mut first = follow(&at, "/e");
        let head = read_until(&mut first, "\r\n\r\n");
        assert!(
            head.contains("\r\nContent-Type: text/event-stream\r\n"),
            "{head}"
        );
        read_until(&mut first, "data: one\n\n");
        let mut second = follow(&at, "/e");
        // Who comes later has what was kept, and what all have from then on.
        read_until(&mut second, "data: one\n\n");
        std::fs::write(&pipe, "two\n").unwrap();
        assert_eq!(data(first), ["two"]);
        assert_eq!(data(second), ["two"]);
    });
}

#[test]
fn a_program_that_fails_is_told_of_and_started_again() {
    within(|| {
        let (server, at, _folder) =
            serve(&["--events", "/e=sh -c 'echo hello; echo why >&2; exit 3'"]);
        assert_eq!(data(follow(&at, "/e")), ["hello"]);
        server.stderr_until("why");
        server.stderr_until("it ended with status 3");
        assert_eq!(data(follow(&at, "/e")), ["hello", "hello"]);
    });
}

#[test]
fn lines_of_standard_input_are_events_until_its_end() {
    within(|| {
        let (mut server, at, _folder) = serve(&[
            "--events",
            "/log=-",
            "--events-keep",
            "2",
            "--longest-line",
            "8",
        ]);
        server.write("a\nb\nlong enough\n");
        let mut first = follow(&at, "/log");
        read_until(&mut first, "data: ugh\n\n");
        server.write("c\n");
        read_until(&mut first, "data: c\n\n");
        server.close_stdin();
        let mut rest = String::new();
        first.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "");
        let mut late = String::new();
        follow(&at, "/log").read_to_string(&mut late).unwrap();
        assert!(
            late.contains("data: ugh\n") && late.contains("data: c\n"),
            "{late}"
        );
        assert!(!late.contains("data: long eno\n"), "{late}");
        let id = late
            .lines()
            .filter_map(|line| line.strip_prefix("id: "))
            .next_back()
            .unwrap();
        let back = format!("GET /log HTTP/1.0\r\nHost: localhost\r\nLast-Event-ID: {id}\r\n\r\n");
        let over = read_until(&mut ask(&at, &back), "\r\n\r\n");
        assert!(over.starts_with("HTTP/1.1 204 No Content\r\n"), "{over}");
    });
}

#[test]
fn a_program_talks_with_each_websocket() {
    const SCRIPT: &str = r#"
import sys
from websockets.sync.client import connect
from websockets.exceptions import ConnectionClosed
with connect(sys.argv[1] + "/cat") as one, connect(sys.argv[1] + "/cat") as two:
    one.send("hello")
    two.send("two\nlines")
    one.send(b"\xff\xfe")
    print(one.recv(), two.recv(), two.recv(), one.recv())
with connect(sys.argv[1] + "/env?a=b", origin="http://localhost:1") as socket:
    print(socket.recv())
with connect(sys.argv[1] + "/fails") as socket:
    try:
        socket.recv()
    except ConnectionClosed as closed:
        print(closed.rcvd.code)
"#;
    within(|| {
        let Some(python) = peers::python_with(&["websockets"]) else {
            return;
        };
        let (server, at, _folder) = serve(&[
            "--websocket",
            "/cat=cat",
            "--websocket",
            "/env=sh -c 'echo $GATEWAY_INTERFACE $QUERY_STRING $SCRIPT_NAME $REQUEST_METHOD'",
            "--websocket",
            "/fails=sh -c 'exit 3'",
            "--websocket-origin",
            "http://localhost:1",
        ]);
        let output = Program::start(python, ["-c", SCRIPT, &format!("ws://{at}")]).finish();
        assert_eq!(
            output.stdout_text(),
            "hello two lines b'\\xff\\xfe'\nCGI/1.1 a=b /env GET\n1011\n",
            "{output:?}"
        );
        server.stderr_until("it ended with status 3");
    });
}

#[test]
fn what_a_client_said_is_passed_on_before_the_program_is_ended() {
    within(|| {
        let out = temporary_dir();
        let file = out.path().join("said");
        let told = out.path().join("told");
        let script = format!(
            "/t=sh -c 'cat > {}; echo done > {}'",
            file.display(),
            told.display()
        );
        let (server, at, _folder) = serve(&["--websocket", &script]);
        let mut stream = upgrade(&at, "/t", "");
        read_until(&mut stream, "\r\n\r\n");
        // "last words", then a close, both without a mask that changes anything.
        stream
            .write_all(b"\x81\x8a\0\0\0\0last words\x88\x80\0\0\0\0")
            .unwrap();
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).unwrap();
        assert_eq!(rest, b"\x88\x00");
        // The close is answered when the program is over.
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "last words\n");
        assert_eq!(std::fs::read_to_string(&told).unwrap(), "done\n");
        drop(server);
    });
}

fn upgrade(at: &str, path: &str, lines: &str) -> TcpStream {
    ask(
        at,
        &format!(
            "GET {path} HTTP/1.1\r\nHost: {at}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
            Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{lines}\r\n"
        ),
    )
}

#[test]
fn bounds_of_websockets_hold() {
    within(|| {
        let (_server, at, _folder) = serve(&[
            "--websocket",
            "/cat=cat",
            "--websocket-message",
            "3",
            "--websocket-ping",
            "50ms",
            "--max-websockets",
            "1",
            "--program-queue",
            "0",
        ]);
        let mut first = upgrade(&at, "/cat", "");
        let head = read_until(&mut first, "\r\n\r\n");
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        let mut second = upgrade(&at, "/cat", "");
        let head = read_until(&mut second, "\r\n\r\n");
        assert!(head.starts_with("HTTP/1.1 503 "), "{head}");
        let mut ping = [0; 2];
        first.read_exact(&mut ping).unwrap();
        assert_eq!(ping, [0x89, 0]);
        first.write_all(b"\x81\x84\0\0\0\0four").unwrap();
        let mut rest = Vec::new();
        first.read_to_end(&mut rest).unwrap();
        let rest = rest.strip_prefix(b"\x89\0").unwrap_or(&rest);
        assert_eq!((rest[0], &rest[2..4]), (0x88, &b"\x03\xf1"[..]));
        let mut foreign = upgrade(&at, "/cat", "Origin: http://evil.example\r\n");
        let head = read_until(&mut foreign, "\r\n\r\n");
        assert!(head.starts_with("HTTP/1.1 403 "), "{head}");
    });
}

#[test]
fn the_wire_view_shows_frames() {
    within(|| {
        let (server, at, _folder) = serve(&["--websocket", "/cat=cat", "--wire"]);
        let mut stream = upgrade(&at, "/cat", "");
        read_until(&mut stream, "\r\n\r\n");
        stream.write_all(b"\x81\x83\0\0\0\0tea").unwrap();
        let mut frame = [0; 5];
        stream.read_exact(&mut frame).unwrap();
        assert_eq!(&frame, b"\x81\x03tea");
        server.stderr_until("\\x81\\x83\\0\\0\\0\\0tea");
        server.stderr_until("\\x81\\x03tea");
    });
}

#[test]
fn flags_without_effect_are_refused() {
    within(|| {
        let refused = |flags: &[&str]| {
            let folder = temporary_dir();
            let always = ["serve", folder.path().to_str().unwrap(), "--port", "0"];
            let output = sockeye(always.iter().chain(flags)).finish();
            assert_eq!(output.code, Some(2), "{output:?}");
            output.stderr_text()
        };
        let two = refused(&["--events", "/a=-", "--events", "/b=-"]);
        assert!(two.contains("two paths want our standard input"), "{two}");
        let idle = refused(&["--longest-line", "9"]);
        assert!(idle.contains("there is none"), "{idle}");
        let origin = refused(&["--websocket", "/a=cat", "--websocket-origin", "http://a/b"]);
        assert!(
            origin.contains("an origin looks like https://example.org"),
            "{origin}"
        );
        let alone = refused(&["--websocket-message", "9"]);
        assert!(alone.contains("--websocket"), "{alone}");
    });
}
