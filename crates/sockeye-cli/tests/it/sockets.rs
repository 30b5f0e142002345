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
        // (A test beside this one may just start a program: for a moment its child holds our sockets too.)
        assert!(text.contains(&format!(" {pid}")), "{text}");
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

/// A filter for the connection between these two ports: one that was over long ago may have had one of them, too.
pub(crate) fn between(a: u16, b: u16) -> String {
    format!("port = {a} and port = {b}")
}

#[test]
fn a_filter_and_the_flags_mean_what_both_mean() {
    within(|| {
        let (one, port) = listener();
        let (_other, other) = listener();
        let client = TcpStream::connect(one.local_addr().unwrap()).unwrap();
        let of = |words: &[&str]| {
            let form = ["--format", "{state} {local-port}"];
            let text = sockets(&[words, &form].concat()).stdout_text();
            text.lines().map(str::to_owned).collect::<Vec<_>>()
        };
        let pid = std::process::id().to_string();
        let listening = format!("listening {port}");
        let both = format!("sport = :{port} or sport = :{other}");
        assert_eq!(of(&["-l", &both]).len(), 2);
        assert_eq!(
            of(&["-l", &both, "--port", &port.to_string()]),
            [listening.as_str()]
        );
        // Words without quotes are one filter too.
        let words = ["state", "listening", "and", "sport", "=", &port.to_string()];
        assert_eq!(of(&words), [listening.as_str()]);
        let held = of(&["--port", &port.to_string(), "--pid", &pid]);
        assert!(held.contains(&listening) && held.len() == 3, "{held:?}");
        assert_eq!(of(&["--port", &port.to_string(), "--pid", "1"]), [""; 0]);
        // A filter that names a protocol needs no flag for it.
        assert!(
            of(&["unix"])
                .iter()
                .all(|line| !line.contains(&port.to_string()))
        );
        drop(client);
    });
}

#[test]
fn a_filter_that_makes_no_sense_is_shown_with_carets() {
    within(|| {
        let output = sockets(&["proc = nginx adn dport = :443"]);
        assert_eq!(output.code, Some(2), "{output:?}");
        assert_eq!(
            output.stderr_text(),
            "proc = nginx adn dport = :443\n             \
             ^^^ `adn` is not a word of filters; did you mean `and`?\n\
             sockeye: `proc = nginx adn dport = :443` is not a filter: `adn` is not a word of filters at column 14\n\
             hint: did you mean `and`?\n"
        );
    });
}

#[test]
fn hands_that_know_netstat_find_all_of_it() {
    within(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let port = listener.local_addr().unwrap().port().to_string();
        let output = sockets(&["-plant", "--port", &port]);
        let text = output.stdout_text();
        assert!(
            text.contains("listening") && text.contains("established"),
            "{output:?}"
        );
        drop(client);
    });
}
