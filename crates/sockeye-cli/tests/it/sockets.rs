//! `sockeye sockets` against sockets that the test itself holds: which are listed, and how.

use std::net::{TcpListener, TcpStream};

use sockeye_testkit::{Output, Program, peers, within};

use crate::sockeye;

/// `sockeye sockets FLAGS...`, to its end.
pub(crate) fn sockets(flags: &[&str]) -> Output {
    sockeye(["sockets"].iter().chain(flags)).finish()
}

#[test]
fn a_listener_is_listed_with_its_owner_and_its_queue() {
    within(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let waiting = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let output = sockets(&["-tlnp", "--port", &port.to_string(), "--no-header"]);
        let text = output.stdout_text();
        let words: Vec<_> = text.split_whitespace().collect();
        assert_eq!(
            words[..4],
            ["tcp", "listening", "accept", "1/128"],
            "{text}"
        );
        assert_eq!(words[4..6], [&format!("127.0.0.1:{port}"), "-"], "{text}");
        let pid = std::process::id();
        assert!(text.ends_with(&format!(" {pid}\n")), "{text}");
        assert_eq!(output.code, Some(0), "{output:?}");
        drop(waiting);
    });
}

#[test]
fn nothing_found_is_an_answer() {
    within(|| {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port().to_string();
        drop(free);
        let output = sockets(&["-l", "--port", &port]);
        assert_eq!(output.stdout_text(), "");
        assert_eq!(output.code, Some(1), "{output:?}");
    });
}

/// A helper in Python that prints `ready PORT...` and stays until its standard input ends; `None` without Python.
pub(crate) fn python(script: &str) -> Option<(Program, Vec<u16>)> {
    let program = Program::start(peers::python3()?, ["-c", script]);
    let line = program.line_starting_with("ready");
    let ports = line.split_whitespace().map(|port| port.parse().unwrap());
    let ports = ports.collect();
    Some((program, ports))
}

/// A listener of this process on a port that the system chose.
pub(crate) fn listener() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}
