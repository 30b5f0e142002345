//! `serve`: what is said of requests, to people and to programs.

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use sockeye_testkit::{Program, temporary_dir, within};

use crate::serving::{ask, client};

const REQUEST: &str = "GET /a.txt HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

/// A folder with one file.
fn folder() -> tempfile::TempDir {
    let dir = temporary_dir();
    fs::write(dir.path().join("a.txt"), "hello\n").unwrap();
    dir
}

fn serve(dir: &Path, flags: &[&str]) -> Program {
    let mut args = vec!["serve", dir.to_str().unwrap(), "--port", "0"];
    args.extend(flags);
    crate::sockeye(args)
}

/// Ask over the first address that the server says.
fn request(server: &Program, text: &str) -> String {
    ask(client(at(server)), text)
}

fn at(server: &Program) -> std::net::SocketAddr {
    let line = String::from_utf8(server.stdout_until("\n")).unwrap();
    let url = match serde_json::from_str::<Value>(line.lines().next().unwrap()) {
        Ok(event) => event["url"].as_str().unwrap().to_owned(),
        Err(_) => line.lines().next().unwrap().replace("listening on ", ""),
    };
    let (_, place) = url.trim_end_matches('/').split_once("://").unwrap();
    place.parse().unwrap()
}

fn ended(server: Program) -> sockeye_testkit::Output {
    server.terminate();
    let output = server.wait();
    assert_eq!(output.code, Some(0), "{}", output.stderr_text());
    output
}

#[test]
fn a_request_is_a_short_line_of_talk() {
    within(|| {
        let dir = folder();
        let server = serve(dir.path(), &[]);
        request(&server, REQUEST);
        // Before the end: people see it as it happens.
        server.stderr_until(" 127.0.0.1 GET /a.txt 200 6 B ");
        request(&server, "GET /\x1b[2J HTTP/1.1\r\n\r\n");
        server.stderr_until(" 127.0.0.1 400 ");
        let talk = ended(server).stderr_text();
        assert!(!talk.contains('\x1b'), "{talk}");
    });
}

#[test]
fn quiet_is_without_a_log_and_without_one_too() {
    within(|| {
        for flags in [&["-q"][..], &["--log=none"]] {
            let dir = folder();
            let server = serve(dir.path(), flags);
            request(&server, REQUEST);
            assert_eq!(ended(server).stderr_text(), "", "{flags:?}");
        }
    });
}

#[test]
fn colours_are_there_when_asked_for() {
    within(|| {
        let dir = folder();
        let server = serve(dir.path(), &["--color", "always"]);
        request(&server, REQUEST);
        server.stderr_until(" GET /a.txt \x1b[32m200\x1b[0m 6 B ");
    });
}

#[test]
fn combined_is_the_line_of_apache() {
    within(|| {
        let dir = folder();
        let server = serve(dir.path(), &["--log"]);
        request(
            &server,
            "GET /a.txt HTTP/1.1\r\nHost: localhost\r\nReferer: http://there/\r\nUser-Agent: \"me\"\r\nConnection: close\r\n\r\n",
        );
        let talk = ended(server).stderr_text();
        let (before, rest) = talk.trim_end().split_once('[').unwrap();
        let (_, after) = rest.split_once(']').unwrap();
        assert_eq!(before, "127.0.0.1 - - ");
        assert_eq!(
            after,
            " \"GET /a.txt HTTP/1.1\" 200 6 \"http://there/\" \"\\\"me\\\"\""
        );
    });
}

#[test]
fn with_json_each_request_is_an_event() {
    within(|| {
        let dir = folder();
        let server = serve(dir.path(), &["--json"]);
        request(&server, REQUEST);
        let output = ended(server);
        assert_eq!(output.stderr_text(), "");
        let events = crate::json_lines(&output.stdout);
        let kinds: Vec<&str> = events
            .iter()
            .map(|event| event["type"].as_str().unwrap())
            .collect();
        assert_eq!(kinds, ["listening", "connected", "request", "disconnected"]);
        let schema = crate::listen_events::schema();
        for (kind, event) in kinds.iter().zip(&events) {
            crate::listen_events::check(&schema, &schema["$defs"][kind], event, kind).unwrap();
        }
        let request = &events[2];
        assert_eq!(
            (&request["status"], &request["sent"]),
            (&200.into(), &6.into())
        );
        assert_eq!(request["connection"], events[1]["connection"]);
        assert_eq!(
            format!("tcp://{}", request["client"].as_str().unwrap()),
            events[1]["peer"]
        );
    });
}

#[test]
fn a_log_that_is_moved_away_goes_on_in_a_new_file() {
    within(|| {
        let dir = folder();
        let logs = temporary_dir();
        let (log, old) = (
            logs.path().join("access.log"),
            logs.path().join("access.log.1"),
        );
        let server = serve(dir.path(), &["-v", "--log-file", log.to_str().unwrap()]);
        request(&server, REQUEST);
        // The line of the first request is there before the file is moved.
        server.stderr_until("disconnected\n");
        while !fs::read_to_string(&log).unwrap().ends_with('\n') {
            std::thread::yield_now();
        }
        fs::rename(&log, &old).unwrap();
        let pid = server.pid().to_string();
        assert!(
            Command::new("kill")
                .args(["-USR1", &pid])
                .status()
                .unwrap()
                .success()
        );
        server.stderr_until("the log is opened anew\n");
        request(&server, &REQUEST.replace("/a.txt", "/b.txt"));
        ended(server);
        let (old, new) = (
            fs::read_to_string(old).unwrap(),
            fs::read_to_string(log).unwrap(),
        );
        assert!(
            old.contains("\"GET /a.txt HTTP/1.1\" 200 6 ") && old.lines().count() == 1,
            "{old}"
        );
        assert!(
            new.contains("\"GET /b.txt HTTP/1.1\" 404 ") && new.lines().count() == 1,
            "{new}"
        );
    });
}

#[test]
fn a_hangup_opens_the_log_anew() {
    within(|| {
        let dir = folder();
        let log = dir.path().join("log");
        let server = serve(dir.path(), &["--log-file", log.to_str().unwrap()]);
        let first = at(&server);
        fs::rename(&log, dir.path().join("old")).unwrap();
        let pid = server.pid().to_string();
        let sent = Command::new("kill").args(["-HUP", &pid]).status().unwrap();
        assert!(sent.success());
        server.stderr_until("read again: the log\n");
        assert!(ask(client(first), REQUEST).starts_with("HTTP/1.1 200 OK\r\n"));
        ended(server);
        assert_eq!(fs::read_to_string(log).unwrap().lines().count(), 1);
    });
}

#[test]
fn nobody_who_reads_the_log_is_waited_for() {
    within(|| {
        let dir = folder();
        let pipe = dir.path().join("log");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
        // Somebody has it open and does not read.
        let mut reader = fs::OpenOptions::new()
            .read(true)
            .custom_flags(nix::libc::O_NONBLOCK)
            .open(&pipe)
            .unwrap();
        let flags = ["--log-file", pipe.to_str().unwrap(), "--log-room", "1KiB"];
        let server = serve(dir.path(), &flags);
        let many = "GET /a.txt HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(5000) + REQUEST;
        let answers = {
            let stream = client(at(&server));
            let mut sender = stream.try_clone().unwrap();
            let sending = std::thread::spawn(move || {
                sender.write_all(many.as_bytes()).unwrap();
                sender.shutdown(Shutdown::Write).unwrap();
            });
            let answers = crate::serving::rest(stream);
            sending.join().unwrap();
            answers
        };
        assert_eq!(answers.matches("HTTP/1.1 200 OK\r\n").count(), 5001);
        // Now somebody does.
        let mut taken = 0;
        let mut chunk = [0; 4096];
        let mut read = || match reader.read(&mut chunk) {
            Ok(length) => taken += length,
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock),
        };
        loop {
            read();
            let (_, talk) = server.so_far();
            let talk = String::from_utf8(talk).unwrap();
            if talk.contains("lines of the log were dropped: nobody takes them fast enough\n") {
                break;
            }
        }
        ended(server);
        assert!(taken > 0);
    });
}

#[test]
fn figures_have_a_place_of_their_own() {
    within(|| {
        let dir = folder();
        let server = serve(dir.path(), &["--metrics", "0"]);
        request(&server, REQUEST);
        let said = String::from_utf8(server.stdout_until("/metrics\n")).unwrap();
        let line = said.lines().nth(1).unwrap();
        let url = line.strip_prefix("figures at http://").unwrap();
        let place = url.strip_suffix("/metrics").unwrap().parse().unwrap();
        let page = ask(
            client(place),
            "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        );
        assert!(
            page.contains("\nsockeye_http_requests_total{method=\"GET\",status=\"2xx\"} 1\n"),
            "{page}"
        );
        assert!(
            page.contains("\nsockeye_http_sent_bytes_total 6\n"),
            "{page}"
        );
        // They are not on the site, and asking for them is not counted.
        assert!(
            request(&server, &REQUEST.replace("/a.txt", "/metrics")).starts_with("HTTP/1.1 404 ")
        );
    });
}

#[test]
fn verbose_says_who_comes_and_goes() {
    within(|| {
        let dir = folder();
        let server = serve(dir.path(), &["-v"]);
        let stream = client(at(&server));
        let me = stream.local_addr().unwrap();
        ask(stream, REQUEST);
        server.stderr_until(format!("#1 connected tcp://{me}\n"));
        server.stderr_until("#1 disconnected\n");
    });
}

/// Say something that is no TLS.
fn fumble(server: &Program) {
    let mut stream: TcpStream = client(at(server));
    stream.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    let _ = stream.read_to_end(&mut Vec::new());
}

#[test]
fn handshakes_that_fail_are_said_and_do_not_flood() {
    within(|| {
        let dir = folder();
        let server = serve(dir.path(), &["--tls"]);
        for _ in 0..30 {
            fumble(&server);
        }
        let talk = ended(server).stderr_text();
        let said = talk
            .lines()
            .filter(|line| line.starts_with("cannot "))
            .count();
        let more: usize = talk
            .lines()
            .filter_map(|line| line.split_once(" more failures"))
            .map(|(count, _)| count.parse::<usize>().unwrap())
            .sum();
        // The last may not have been noticed when the server is told to stop.
        assert!((29..=30).contains(&(said + more)), "{talk}");
        assert!(said >= 10, "{talk}");
    });
}

#[test]
fn with_json_each_failure_is_an_event() {
    within(|| {
        let dir = folder();
        let server = serve(dir.path(), &["--tls", "--json"]);
        for _ in 0..20 {
            fumble(&server);
        }
        let events = crate::json_lines(&ended(server).stdout);
        let failures = events.iter().filter(|event| event["type"] == "error");
        assert!(
            failures.clone().all(|event| event["code"] == "tls"),
            "{events:#?}"
        );
        // The last may not have been noticed when the server is told to stop.
        assert!((19..=20).contains(&failures.count()), "{events:#?}");
    });
}

#[test]
fn the_wire_shows_every_byte_plain_and_of_tls() {
    within(|| {
        let dir = folder();
        let server = serve(dir.path(), &["--wire"]);
        request(&server, REQUEST);
        let talk = ended(server).stderr_text();
        for line in [
            "< GET /a.txt HTTP/1.1\\r\\n",
            "> HTTP/1.1 200 OK\\r\\n",
            "> hello\\n",
        ] {
            assert!(talk.contains(line), "{line} is not in\n{talk}");
        }
        let Some(curl) = sockeye_testkit::peers::curl() else {
            return;
        };
        let server = serve(dir.path(), &["--tls", "--wire"]);
        let url = format!("https://{}/a.txt", at(&server));
        let fetched = Program::start(curl, ["-ks", "--http1.1", &url]).finish();
        assert_eq!(fetched.stdout_text(), "hello\n");
        let talk = ended(server).stderr_text();
        for line in [
            "< GET /a.txt HTTP/1.1\\r\\n",
            "> HTTP/1.1 200 OK\\r\\n",
            "> hello\\n",
        ] {
            assert!(talk.contains(line), "{line} is not in\n{talk}");
        }
    });
}

#[test]
fn what_would_have_no_effect_is_refused() {
    within(|| {
        let dir = folder();
        for (flags, why) in [
            (
                &["--log=none", "--log-file", "log"][..],
                "--log-file has no effect with --log=none",
            ),
            (&["--json", "--log-file", "-"], "--log-file - has no effect"),
            (&["--explain-header", "A: b"], "--explain <URL>"),
            (
                &["--log-file", "/nowhere/log"],
                "cannot open /nowhere/log: ",
            ),
        ] {
            let output = serve(dir.path(), flags).finish();
            assert!(
                output.stderr_text().contains(why),
                "{}",
                output.stderr_text()
            );
            assert!(matches!(output.code, Some(2 | 8)), "{output:?}");
        }
    });
}
