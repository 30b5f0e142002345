//! `sockeye sockets --watch`: what the test opens, sends and closes is what is told; the screen, and its end.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use nix::sys::signal::{Signal, kill};
use serde_json::Value;
use sockeye_testkit::{Program, within};

use crate::terminal::Screen;
use crate::{json_lines, sockets_json, sockeye};

/// `sockeye sockets --watch -t --port PORT FLAGS...`.
pub(crate) fn watch(port: u16, flags: &[&str]) -> Program {
    let port = port.to_string();
    let own = ["sockets", "--watch", "-t", "--port", &port];
    sockeye(own.iter().chain(flags))
}

/// The first line of this type that passes, among what was written so far or comes.
pub(crate) fn told(program: &Program, kind: &str, pass: impl Fn(&Value) -> bool) -> Value {
    let needle = format!("{{\"type\":\"{kind}\"");
    let mut wanted = needle.clone();
    loop {
        // A look ends each batch of events: more of them means that there is more to see.
        let written = program.stdout_until(&wanted);
        let whole = written
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |at| at + 1);
        let lines = json_lines(&written[..whole]);
        if let Some(line) = lines.iter().find(|line| line["type"] == kind && pass(line)) {
            return line.clone();
        }
        let last = lines.iter().rfind(|line| line["type"] == "look");
        let at = last.map_or(0.0, |look| look["at"].as_f64().unwrap());
        wanted = next_look(program, at);
    }
}

/// The text with which the look after this moment begins.
fn next_look(program: &Program, after: f64) -> String {
    loop {
        let (written, _) = program.so_far();
        let whole = written
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |at| at + 1);
        let looks = json_lines(&written[..whole]).into_iter();
        let mut times = looks.filter(|line| line["type"] == "look");
        if let Some(look) = times.find(|look| look["at"].as_f64().unwrap() > after) {
            return format!(
                "\"look\",\"schema\":1,\"at\":{:.6}",
                look["at"].as_f64().unwrap()
            );
        }
        std::thread::yield_now();
    }
}

/// A connection with the ports of its ends: client, server.
fn pair(listener: &TcpListener) -> (TcpStream, TcpStream, u16, u16) {
    let at = listener.local_addr().unwrap();
    let client = TcpStream::connect(at).unwrap();
    let (server, from) = listener.accept().unwrap();
    (client, server, from.port(), at.port())
}

/// Whether an event is about this end of a connection.
fn is_of(event: &Value, local: u16, peer: u16) -> bool {
    let socket = &event["socket"];
    socket["local"]["port"] == local && socket["peer"]["port"] == peer
}

#[test]
fn a_connection_is_told_from_its_opening_to_its_last_byte() {
    within(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let program = watch(port, &["--json", "--interval", "100ms"]);
        let there = told(&program, "present", |line| {
            line["socket"]["state"] == "listening"
        });
        assert_eq!(there["party"]["pid"], std::process::id());
        let (mut client, mut server, from, _) = pair(&listener);
        let opened = told(&program, "opened", |line| is_of(line, from, port));
        let key = opened["key"].clone();
        assert_eq!(opened["party"]["tie"], "holds");
        client.write_all(&[7; 40_000]).unwrap();
        server.read_exact(&mut [0; 40_000]).unwrap();
        let sample = told(&program, "sample", |line| {
            line["key"] == key && line["sent"] == 40_000
        });
        assert!(sample["rtt"].as_f64().unwrap() > 0.0, "{sample}");
        told(&program, "sample", |line| {
            line["key"] == key && line["sent_rate"].as_f64().unwrap() > 0.0
        });
        // Other tests of this process count too.
        told(&program, "totals", |line| {
            let least = |key: &str| line[key].as_u64().unwrap() >= 40_000;
            line["process"]["pid"] == std::process::id() && least("sent") && least("received")
        });
        // The server ends first, so the client is not in time-wait.
        server.write_all(b"goodbye").unwrap();
        client.read_exact(&mut [0; 7]).unwrap();
        drop(server);
        assert_eq!(client.read(&mut [0; 1]).unwrap(), 0);
        drop(client);
        let closed = told(&program, "closed", |line| line["key"] == key);
        assert_eq!(
            (&closed["sent"], &closed["received"]),
            (&40_000.into(), &7.into())
        );
        assert_eq!(closed["ending"], "told");
        assert_eq!(closed["brief"], false);
        assert_eq!(closed["party"]["pid"], std::process::id());
        program.interrupt();
        assert_eq!(program.wait().code, Some(130));
    });
}

#[test]
fn a_connection_between_two_looks_is_told_too() {
    within(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let program = watch(port, &["--json", "--interval", "2s"]);
        // The look is over: the next one is two seconds away.
        program.stdout_until("\"look\"");
        let (mut client, mut server, from, _) = pair(&listener);
        client.write_all(b"ping").unwrap();
        server.read_exact(&mut [0; 4]).unwrap();
        server.write_all(&[1; 3_000]).unwrap();
        client.read_exact(&mut [0; 3_000]).unwrap();
        drop(client);
        assert_eq!(server.read(&mut [0; 1]).unwrap(), 0);
        drop(server);
        let closed = told(&program, "closed", |line| is_of(line, port, from));
        assert_eq!(
            (&closed["sent"], &closed["received"]),
            (&3_000.into(), &4.into())
        );
        assert_eq!(
            (&closed["brief"], &closed["ending"]),
            (&true.into(), &"told".into())
        );
        assert_eq!(closed["party"]["tie"], "listens");
        assert_eq!(closed["party"]["pid"], std::process::id());
        let client = told(&program, "closed", |line| is_of(line, from, port));
        assert_eq!(
            (&client["sent"], &client["received"]),
            (&4.into(), &3_000.into())
        );
        let (written, _) = program.so_far();
        let opened = json_lines(&written[..=written.iter().rposition(|b| *b == b'\n').unwrap()]);
        assert!(
            opened.iter().all(|line| line["type"] != "opened"),
            "{opened:?}"
        );
    });
}

#[test]
fn the_events_obey_the_schema_and_a_bound_ends_them() {
    within(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (mut client, mut server, _, _) = pair(&listener);
        let closed = TcpListener::bind("127.0.0.1:0").unwrap();
        let [one, other] = [&listener, &closed].map(|l| l.local_addr().unwrap().port());
        // Other tests leave thousands of connections that are over.
        let filter = format!("port = {one} or port = {other} or udp or unix or netlink or packet");
        let flags = [
            "sockets",
            "--watch",
            "--json",
            "-a",
            "--interval",
            "100ms",
            "--idle",
            &filter,
        ];
        let program = sockeye(flags.iter().chain(&["--count", "3"]));
        program.stdout_until("\"look\"");
        client.write_all(b"ping").unwrap();
        server.read_exact(&mut [0; 4]).unwrap();
        drop(pair(&closed));
        let output = program.wait();
        assert_eq!(output.code, Some(0), "{output:?}");
        let lines = json_lines(&output.stdout);
        let looks = lines.iter().filter(|line| line["type"] == "look").count();
        assert_eq!(looks, 3);
        let schema = sockets_json::schema("sockets-watch.schema.json");
        for line in &lines {
            sockets_json::obeys(&schema, line);
        }
        let kinds = ["present", "sample", "closed", "totals"];
        for kind in kinds {
            assert!(lines.iter().any(|line| line["type"] == kind), "{kind}");
        }
    });
}

#[test]
fn without_a_terminal_there_is_a_line_for_each_change() {
    within(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let program = watch(port, &["-n", "--interval", "100ms"]);
        program.stdout_until(format!("there    tcp 127.0.0.1:{port}  listening"));
        let (mut client, mut server, from, _) = pair(&listener);
        program.stdout_until(format!(
            "opened   tcp 127.0.0.1:{from} to 127.0.0.1:{port}  established"
        ));
        client.write_all(&[1; 2_048]).unwrap();
        server.read_exact(&mut [0; 2_048]).unwrap();
        program.stdout_until("moved ");
        drop(server);
        program.stdout_until(format!(
            "state    tcp 127.0.0.1:{from} to 127.0.0.1:{port}  close-wait"
        ));
        drop(client);
        program.stdout_until(format!("closed   tcp 127.0.0.1:{from} to 127.0.0.1:{port}"));
        let text = program.stdout_until("sent 2.0 KiB, received 0 B, watched for");
        let text = String::from_utf8(text).unwrap();
        assert!(!text.contains('\x1b'), "{text}");
    });
}

#[test]
fn who_reads_no_more_ends_it_quietly() {
    within(|| {
        let output = crate::shell("$S sockets -a --watch --interval 100ms | head -1", &[]);
        assert_eq!(output.stderr_text(), "");
        assert_eq!(output.stdout_text().lines().count(), 1);
    });
}

#[test]
fn a_time_ends_it() {
    within(|| {
        let flags = [
            "sockets",
            "--watch",
            "--json",
            "--interval",
            "10s",
            "--for",
            "200ms",
        ];
        let output = sockeye(flags).wait();
        assert_eq!(output.code, Some(0), "{output:?}");
        let looks = json_lines(&output.stdout);
        assert_eq!(
            looks.iter().filter(|line| line["type"] == "look").count(),
            1
        );
    });
}

#[test]
fn flags_that_make_no_sense_are_refused() {
    within(|| {
        for (flags, why) in [
            (
                &["--watch", "--interval", "1ms"][..],
                "the shortest interval is 100ms",
            ),
            (&["--interval", "1s"], "--watch"),
            (&["--watch", "--csv"], "cannot be used with"),
            (&["--watch", "--names"], "cannot be used with"),
            (&["--watch", "--idle"], "--json"),
            (&["--watch", "--count", "0"], "0"),
        ] {
            let output = sockeye(["sockets"].iter().chain(flags)).finish();
            assert_eq!(output.code, Some(2), "{flags:?}");
            assert!(output.stderr_text().contains(why), "{output:?}");
        }
    });
}

/// What a terminal is told to leave the other screen.
const BACK: &str = "\x1b[?1049l";

#[test]
fn the_screen_shows_rows_filters_them_and_leaves_the_terminal_as_it_was() {
    within(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port().to_string();
        let other = TcpListener::bind("127.0.0.1:0").unwrap();
        let other = other.local_addr().unwrap().port().to_string();
        let ports = format!("{port},{other}");
        let flags = ["sockets", "--watch", "-tln", "--interval", "100ms"];
        let mut screen = Screen::start(&[&flags[..], &["--port", &ports]].concat());
        screen.until("\x1b[?1049h", "sockeye");
        screen.until("LOCAL", &format!("127.0.0.1:{port}"));
        screen.until("LOCAL", &format!("127.0.0.1:{other}"));
        assert!(screen.is_raw());
        // Ctrl-L draws every cell again, and then the other port is not there any more.
        screen.keys(&format!("/sport = {port}\r\x0c"));
        let drawn = screen.until("\x1b[2J", "q leave");
        assert!(drawn.contains(&format!("127.0.0.1:{port}")), "{drawn:?}");
        assert!(!drawn.contains(&format!("127.0.0.1:{other}")), "{drawn:?}");
        screen.keys("q");
        assert_eq!(screen.ended(), Some(0));
        assert!(!screen.is_raw());
        let (shown, _) = screen.wait();
        assert!(shown.contains(BACK), "{shown:?}");
        assert!(shown.ends_with("\x1b[?25h"), "{shown:?}");
        // No colours were asked for.
        assert!(
            !shown.contains("\x1b[32m") && !shown.contains("\x1b[38;5"),
            "{shown:?}"
        );
    });
}

#[test]
fn the_terminal_comes_back_after_ctrl_c_and_sigterm() {
    within(|| {
        for by_key in [true, false] {
            let mut screen = Screen::start(&["sockets", "--watch"]);
            screen.until("\x1b[?1049h", "q leave");
            match by_key {
                true => screen.keys("\x03"),
                false => kill(screen.pid(), Signal::SIGTERM).unwrap(),
            }
            assert_eq!(screen.ended(), Some(130));
            assert!(!screen.is_raw());
            let (shown, _) = screen.wait();
            assert!(shown.contains(BACK), "{shown:?}");
        }
    });
}

#[test]
fn the_screen_follows_the_size_of_the_terminal() {
    within(|| {
        let screen = Screen::start(&["sockets", "--watch"]);
        screen.until("\x1b[?1049h", "q leave");
        screen.keys("?");
        screen.until("keys", "Ctrl-L");
        screen.drag(30, 140);
        // Only so wide a screen has room for it.
        screen.until("r reverse", "p pause");
        screen.keys("xq");
        assert_eq!(screen.wait().1, Some(0));
    });
}
