//! `fetch` against servers and proxies that never come to an end: each is given up, with memory to spare.

use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;
use sockeye_testkit::{NetworkNamespace, Output, Program, Web, within};

use crate::SOCKEYE;
use crate::sockets_behaviours::prepare;

/// `sockeye fetch` that may have so much memory and no more; without it, it would be aborted.
fn fetch_within_memory(args: &[&str]) -> Output {
    let mut command = Command::new("bash");
    let script = "ulimit -v 600000; exec \"$S\" fetch --noproxy '*' \"$@\"";
    command.args(["-c", script, "bash"]).args(args);
    command.env("S", SOCKEYE);
    Program::start_command(command).finish()
}

/// So much of this text that every bound lies below it.
fn endless(before: &str, text: &str) -> Vec<u8> {
    let mut bytes = before.as_bytes().to_vec();
    while bytes.len() < 8 << 20 {
        bytes.extend(text.as_bytes());
    }
    bytes
}

#[test]
fn what_has_no_end_is_given_up() {
    within(|| {
        let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        let long = "x".repeat(4096);
        for (before, text, says) in [
            ("HTTP/1.1 200 OK\r\n", "a: b\r\n", "header"),
            ("HTTP/1.1 200 OK\r\na: ", &*long, "long"),
            ("HTTP/1.1 200 ", &*long, "long"),
            ("", "HTTP/1.1 103 Early Hints\r\n\r\n", "interim"),
            (&*format!("{chunked}5;x="), &*long, "long"),
            (&*format!("{chunked}0\r\n"), "a: b\r\n", "trailer"),
        ] {
            let answer = endless(before, text);
            let web = Web::new(move |_| answer.clone());
            let output = fetch_within_memory(&[&web.url("/")]);
            let said = output.stderr_text();
            assert_eq!(output.code, Some(7), "{before} {says}: {said}");
        }
    });
}

#[test]
fn a_proxy_without_an_end_is_given_up_too() {
    within(|| {
        let long = "x".repeat(4096);
        for (before, text) in [
            ("HTTP/1.1 200 OK\r\n", "a: b\r\n"),
            ("HTTP/1.1 200 OK\r\na: ", &*long),
            ("", "HTTP/1.1 103 Early Hints\r\n\r\n"),
        ] {
            let answer = endless(before, text);
            let web = Web::new(move |_| answer.clone());
            let proxy = web.addr().to_string();
            let output = fetch_within_memory(&["--via", &proxy, "http://h.test/"]);
            let said = output.stderr_text();
            assert_eq!(output.code, Some(7), "{said}");
            assert!(said.contains("proxy http://"), "{said}");
        }
    });
}

#[test]
fn a_dead_ipv6_address_costs_a_quarter_of_a_second() {
    let Some(namespace) = NetworkNamespace::new() else {
        return;
    };
    within(move || {
        // What is sent to this address comes back over the loopback device, for which it is not, and is dropped.
        prepare(
            &namespace,
            "ip address add 2001:db8::1/128 dev lo; ip route add 2001:db8::/64 dev lo",
        );
        let answer = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&answer, "HTTP/1.0 200 OK\r\n\r\nhello").unwrap();
        let reply = answer.path().to_str().unwrap();
        let server = namespace.start(SOCKEYE, ["listen", "127.0.0.1:0", "--reply", reply]);
        let port = server.port();
        let resolve = format!("h.test:{port}:2001:db8::7,127.0.0.1");
        let url = format!("http://h.test:{port}/");
        let begin = Instant::now();
        let args = [
            "fetch",
            "--noproxy",
            "*",
            "--resolve",
            &resolve,
            "--wire=json",
            &url,
        ];
        let output = namespace.start(SOCKEYE, args).finish();
        let took = begin.elapsed();
        assert_eq!(output.stdout_text(), "hello", "{}", output.stderr_text());
        assert!(took < Duration::from_secs(3), "{took:?}");
        let events: Vec<Value> = crate::json_lines(&output.stderr);
        let tried: Vec<_> = events
            .iter()
            .filter(|it| it["type"] == "connecting")
            .collect();
        assert_eq!(tried.len(), 2, "{events:#?}");
    });
}
