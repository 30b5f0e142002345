//! `connect`: what each flag does, what a wrong command line is answered, and the exit codes.

use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::thread;

use sockeye_testkit::{Gate, Output, Peer, Program, Step, temporary_dir, within};

use crate::{connect, json_lines, sockeye};

/// A port of this machine where nobody listens; it stays taken, so that nobody else gets it.
pub(crate) fn silent_port() -> (unheard::Held, u16) {
    unheard::hold()
}

/// A bound socket that does not listen.
pub(crate) mod unheard {
    use nix::sys::socket::{
        AddressFamily, SockFlag, SockType, SockaddrIn, bind, getsockname, socket,
    };
    use std::os::fd::{AsRawFd, OwnedFd};

    pub(crate) struct Held(#[expect(dead_code, reason = "held until it is dropped")] OwnedFd);

    pub(super) fn hold() -> (Held, u16) {
        let fd = socket(
            AddressFamily::Inet,
            SockType::Stream,
            SockFlag::SOCK_CLOEXEC,
            None,
        )
        .unwrap();
        bind(fd.as_raw_fd(), &SockaddrIn::new(127, 0, 0, 1, 0)).unwrap();
        let port = getsockname::<SockaddrIn>(fd.as_raw_fd()).unwrap().port();
        (Held(fd), port)
    }
}

fn refused(args: &[&str]) -> (Option<i32>, String) {
    let output = sockeye(args).finish();
    assert_eq!(output.stdout_text(), "", "stdout is data");
    (output.code, output.stderr_text())
}

#[test]
fn a_bad_endpoint_is_refused_in_its_own_words() {
    within(|| {
        let (code, said) = refused(&["connect", "tpc://host:1"]);
        assert_eq!(
            said,
            "sockeye: `tpc://host:1` is not an endpoint: unknown scheme at column 1\n\
             hint: did you mean tcp://host:1 ?\n"
        );
        assert_eq!(code, Some(2));
    });
}

#[test]
fn each_usage_error_is_one_line_and_a_hint() {
    within(|| {
        let table: &[(&[&str], &str, &str)] = &[
            (&["connect"], "<ENDPOINT>", "`sockeye connect -h`"),
            (&["connect", "h"], "no port at column 2", "h:80"),
            (&["connect", "h", "25"], "no port", "did you mean h:25 ?"),
            (
                &["connect", "h:1", "x"],
                "`x` is one argument too many",
                "one argument",
            ),
            (
                &["connect", "exec:ls", "x"],
                "`x` is one argument too many",
                "'exec:ls x'",
            ),
            (
                &["connect", "--wire", "hex", "h:1"],
                "`hex`",
                "did you mean --wire=hex ?",
            ),
            (
                &["connect", "h:1", "--timeout", "5"],
                "--timeout: `5` is not a duration",
                "250ms",
            ),
            (
                &["connect", "h:1", "--send", r"a\q"],
                "no such escape",
                "-h",
            ),
            (&["connect", "h:1", "-4", "-6"], "cannot be used with", "-h"),
            (&["connect", "h:1", "--wire=xml"], "text, hex, json", "-h"),
            (
                &["connect", "h:1", "--frob"],
                "unexpected argument '--frob'",
                "-h",
            ),
            (
                &["connect", "exec:cat", "--bind", "127.0.0.1"],
                "--bind does not apply",
                "tcp",
            ),
            (
                &["connect", "h:1", "--bind", "1.2.3.4.5"],
                "is not a local address",
                ":5000",
            ),
            (&["conect", "h:1"], "unrecognized subcommand", "connect"),
            (&["connect", "quic://h:1"], "not built in yet", "tcp"),
        ];
        for (args, why, hint) in table {
            let (code, said) = refused(args);
            let lines: Vec<&str> = said.lines().collect();
            assert_eq!((code, lines.len()), (Some(2), 2), "{args:?}: {said}");
            assert!(
                lines[0].starts_with("sockeye: ") && lines[0].contains(why),
                "{args:?}: {said}"
            );
            assert!(
                lines[1].starts_with("hint: ") && lines[1].contains(hint),
                "{args:?}: {said}"
            );
        }
    });
}

#[test]
fn a_usage_error_is_an_event_under_json() {
    within(|| {
        let output = sockeye(["connect", "--json", "localhost"]).finish();
        let lines = json_lines(&output.stdout);
        assert_eq!(lines[0]["type"], "error");
        assert_eq!(lines[0]["code"], "usage");
        assert_eq!((lines.len(), output.code), (1, Some(2)));
    });
}

#[test]
fn help_names_every_flag_under_a_heading() {
    within(|| {
        let output = sockeye(["connect", "-h"]).finish();
        let help = output.stdout_text();
        assert_eq!((output.code, output.stderr_text().as_str()), (Some(0), ""));
        for wanted in [
            "Talking:",
            "Getting there:",
            "Watching:",
            "General:",
            "Examples:",
            "--send",
            "--crlf",
            "--raw",
            "--until",
            "--idle-timeout",
            "--zero",
            "--wait",
            "--retry",
            "--bind",
            "--source",
            "--connect-timeout",
            "--timeout",
            "-4",
            "-6",
            "--wire",
            "--json",
            "--verbose",
            "--quiet",
            "--color",
        ] {
            assert!(help.contains(wanted), "{wanted} is missing:\n{help}");
        }
        assert!(!help.contains("NOTHING"), "{help}");
        assert!(
            help.lines().all(|line| line.chars().count() <= 100),
            "{help}"
        );
    });
}

#[test]
fn each_reason_not_to_connect_has_its_exit_code() {
    within(|| {
        let (_held, port) = silent_port();
        let to = format!("127.0.0.1:{port}");
        let code = |to: &str, flags: &[&str], words: &str| {
            let output = connect(to, flags, "");
            let said = output.stderr_text();
            assert!(said.contains(words), "{said}");
            assert_eq!(said.lines().count(), 2, "one line and a hint: {said}");
            assert_eq!(output.stdout_text(), "");
            output.code
        };
        assert_eq!(code(&to, &[], "nobody listens there"), Some(4));
        assert_eq!(code(&to, &["-z"], "nobody listens there"), Some(4));
        assert_eq!(
            code("name.invalid:80", &[], "nobody knows the name"),
            Some(3)
        );
        assert_eq!(
            code(&to, &["--wait", "150ms"], "--wait 150ms is over"),
            Some(5)
        );
        assert_eq!(
            code("exec:no-such-program-here", &[], "there is no program"),
            Some(8)
        );
        assert_eq!(
            code("unix:/nowhere/at/all", &[], "there is no such socket"),
            Some(4)
        );
    });
}

#[test]
fn a_handshake_that_never_comes_ends_with_the_connect_timeout() {
    within(|| {
        let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let to = format!("tls://{}", silent.local_addr().unwrap());
        let output = connect(&to, &["--connect-timeout", "200ms"], "");
        assert_eq!(output.code, Some(5), "{}", output.stderr_text());
        let output = connect(to, &["--timeout", "200ms"], "");
        assert_eq!(output.code, Some(5), "{}", output.stderr_text());
        assert!(output.stderr_text().contains("--timeout 200ms is over"));
    });
}

#[test]
fn timeout_ends_the_conversation_and_keeps_what_was_said() {
    within(|| {
        let peer = Peer::tcp([Step::send("so far"), Step::ReadToEnd]);
        let program = sockeye([
            "connect",
            &peer.addr().to_string(),
            "--timeout",
            "600ms",
            "--json",
        ]);
        let output = program.wait();
        assert_eq!(output.code, Some(5));
        let lines = json_lines(&output.stdout);
        let types: Vec<&str> = lines
            .iter()
            .map(|line| line["type"].as_str().unwrap())
            .collect();
        assert_eq!(types, ["connected", "data", "closed", "error"]);
        assert_eq!(lines[1]["text"], "so far");
        assert_eq!(lines[3]["code"], "timed-out");
        peer.finish();
    });
}

#[test]
fn idle_timeout_ends_a_silent_conversation() {
    within(|| {
        let peer = Peer::tcp([Step::ReadToEnd]);
        let program = sockeye([
            "connect",
            &peer.addr().to_string(),
            "--idle-timeout",
            "200ms",
        ]);
        let output = program.wait();
        assert_eq!(output.code, Some(5));
        assert!(
            output
                .stderr_text()
                .contains("nothing moved within --idle-timeout")
        );
        peer.finish();
    });
}

#[test]
fn send_speaks_instead_of_standard_input() {
    within(|| {
        let peer = Peer::tcp([
            Step::expect(b"one\r\ntwo\t\0\xff\xe2\x82\xac\\-x"),
            Step::ExpectEnd,
            Step::send("heard"),
        ]);
        let flags = [
            "--send",
            r"one\r\n",
            "--send",
            r"two\t\0\xff\u{20ac}\\",
            "--send",
            "-x",
        ];
        let program = sockeye(["connect", &peer.addr().to_string()].iter().chain(&flags));
        // Standard input stays open: nobody reads it.
        let output = program.wait();
        assert_eq!(
            (output.code, output.stdout_text().as_str()),
            (Some(0), "heard")
        );
        assert_eq!(output.stderr_text(), "");
        peer.finish();
    });
}

#[test]
fn crlf_adds_carriage_returns_where_there_are_none() {
    within(|| {
        let peer = Peer::tcp([Step::expect("a\r\nb\r\n\r\nc"), Step::ExpectEnd]);
        let output = connect(peer.addr().to_string(), &["--crlf"], "a\nb\r\n\nc");
        assert_eq!(output.code, Some(0));
        peer.finish();
    });
}

#[test]
fn bind_and_source_choose_our_address() {
    within(|| {
        for flag in ["--bind", "--source"] {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
            let to = listener.local_addr().unwrap().to_string();
            let program = sockeye(["connect", &to, flag, "127.0.0.77", "-z"]);
            let (_client, from) = listener.accept().unwrap();
            assert_eq!(from.ip().to_string(), "127.0.0.77");
            let output = program.wait();
            assert_eq!(
                output.stderr_text(),
                format!("connected tcp://{to} from {from}\n")
            );
        }
    });
}

#[test]
fn a_source_port_can_be_chosen_too() {
    within(|| {
        let (held, ours) = silent_port();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let to = listener.local_addr().unwrap().to_string();
        drop(held);
        let program = sockeye(["connect", &to, "--bind", &format!("127.0.0.1:{ours}"), "-z"]);
        assert_eq!(listener.accept().unwrap().1.port(), ours);
        assert_eq!(program.wait().code, Some(0));
    });
}

#[test]
fn the_families_can_be_restricted() {
    within(|| {
        let peer = Peer::tcp([Step::ExpectEnd]);
        let to = format!("localhost:{}", peer.port());
        assert_eq!(connect(&to, &["-6", "-z"], "").code, Some(4));
        assert_eq!(connect(&to, &["-4", "-z"], "").code, Some(0));
        peer.finish();
    });
}

#[test]
fn zero_tells_by_its_exit_code_and_says_more_when_asked() {
    within(|| {
        let dir = temporary_dir();
        let path = dir.path().join("s");
        let forms: [(Peer, String); 3] = {
            let (a, b) = (Peer::tcp([Step::ExpectEnd]), Peer::tcp([Step::ExpectEnd]));
            let (one, two) = (
                a.addr().to_string(),
                format!("tcp://localhost:{}", b.port()),
            );
            let unix = Peer::unix(&path, [Step::ExpectEnd]);
            [
                (a, one),
                (b, two),
                (unix, format!("unix:{}", path.display())),
            ]
        };
        for (peer, to) in forms {
            let mut program = sockeye(["connect", &to, "-z", "-v"]);
            program.close_stdin();
            let output = program.wait();
            let said = output.stderr_text();
            assert_eq!(
                (output.code, output.stdout_text().as_str()),
                (Some(0), ""),
                "{said}"
            );
            assert!(said.starts_with("connected "), "{said}");
            assert!(
                said.contains("connected in ") && said.ends_with(" ms\n"),
                "{said}"
            );
            peer.finish();
        }
        let peer = Peer::tcp([Step::ExpectEnd]);
        let output = connect(peer.addr().to_string(), &["--zero", "-q"], "");
        assert_eq!((output.code, output.stderr_text().as_str()), (Some(0), ""));
        peer.finish();
    });
}

#[test]
fn zero_does_not_print_a_banner() {
    within(|| {
        let peer = Peer::tcp([Step::send("220 welcome\r\n"), Step::ReadToEnd]);
        let output = connect(peer.addr().to_string(), &["-z"], "");
        assert_eq!((output.code, output.stdout_text().as_str()), (Some(0), ""));
    });
}

#[test]
fn zero_over_udp_does_not_promise_anything() {
    within(|| {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let to = format!("udp://{}", socket.local_addr().unwrap());
        let output = connect(to, &["-z"], "");
        assert_eq!(output.code, Some(0));
        assert!(
            output
                .stderr_text()
                .contains("datagrams need no connection")
        );
    });
}

#[test]
fn wait_waits_for_a_server_that_comes_later() {
    within(|| {
        let dir = temporary_dir();
        let path = dir.path().join("later");
        let to = format!("unix:{}", path.display());
        let program = sockeye(["connect", "--wait", &to, "-v"]);
        program.stderr_until("trying again");
        let peer = Peer::unix(&path, [Step::send("here"), Step::ReadToEnd]);
        program.stdout_until("here");
        assert_eq!(program.finish().code, Some(0));
        peer.finish();
    });
}

#[test]
fn wait_waits_for_names_too() {
    within(|| {
        let program = sockeye(["connect", "name.invalid:80", "--wait", "-v"]);
        program.stderr_until("trying again in 200");
        program.interrupt();
        assert_eq!(program.wait().code, Some(130));
    });
}

#[test]
fn retry_tries_so_often_with_growing_pauses() {
    within(|| {
        let (_held, port) = silent_port();
        let output = connect(format!("127.0.0.1:{port}"), &["--retry", "2", "-v"], "");
        let said = output.stderr_text();
        let pauses: Vec<&str> = said
            .lines()
            .filter_map(|l| l.split("again in ").nth(1))
            .collect();
        assert_eq!(pauses, ["100ms", "200ms"], "{said}");
        assert_eq!(output.code, Some(4));
    });
}

#[test]
fn until_either_does_not_wait_for_the_answer() {
    within(|| {
        let gate = Gate::new();
        let peer = Peer::tcp([
            Step::expect("x"),
            Step::ExpectEnd,
            Step::WaitFor(gate.clone()),
        ]);
        let output = connect(peer.addr().to_string(), &["--until", "either"], "x");
        assert_eq!(output.code, Some(0));
        gate.open();
        peer.finish();
    });
}

#[test]
fn until_both_goes_on_after_the_peers_end() {
    within(|| {
        let peer = Peer::tcp([
            Step::send("bye"),
            Step::HalfClose,
            Step::expect("late"),
            Step::ExpectEnd,
        ]);
        let to = peer.addr().to_string();
        let mut program = sockeye(["connect", &to, "--until", "until-both", "--json"]);
        program.stdout_until("half-closed");
        program.write("late");
        let output = program.finish();
        assert_eq!(output.code, Some(0));
        peer.finish();
    });
}

#[test]
fn json_tells_the_whole_conversation() {
    within(|| {
        let peer = Peer::tcp([Step::expect("ask"), Step::ExpectEnd, Step::send("text\n")]);
        let output = connect(peer.addr().to_string(), &["--json"], "ask");
        let lines = json_lines(&output.stdout);
        let types: Vec<&str> = lines
            .iter()
            .map(|line| line["type"].as_str().unwrap())
            .collect();
        assert_eq!(
            types,
            ["connected", "half-closed", "data", "half-closed", "closed"]
        );
        assert_eq!(lines[0]["peer"], format!("tcp://{}", peer.addr()));
        assert!(lines[0]["local"].is_string() && lines[0]["seconds"].is_number());
        assert_eq!(
            (&lines[1]["way"], &lines[1]["bytes"]),
            (&"upstream".into(), &3.into())
        );
        assert_eq!(lines[2]["text"], "text\n");
        assert_eq!(lines[4]["downstream"]["bytes"], 5);
        assert_eq!(lines[4]["upstream"]["bytes"], 3);
        assert_eq!((output.stderr_text().as_str(), output.code), ("", Some(0)));
        peer.finish();
    });
}

#[test]
fn json_keeps_bytes_that_are_no_text() {
    within(|| {
        let peer = Peer::tcp([Step::send(b"\xff\x00\x1b"), Step::ExpectEnd]);
        let output = connect(peer.addr().to_string(), &["--json"], "");
        let lines = json_lines(&output.stdout);
        let data = lines.iter().find(|line| line["type"] == "data").unwrap();
        assert_eq!(data["base64"], "/wAb");
        peer.finish();
    });
}

#[test]
fn json_reports_a_reset_with_its_code() {
    within(|| {
        let peer = Peer::tcp([Step::expect("x"), Step::Reset]);
        let output = connect(peer.addr().to_string(), &["--json"], "x");
        let lines = json_lines(&output.stdout);
        let closed = lines.iter().find(|line| line["type"] == "closed").unwrap();
        assert_eq!(closed["reason"], "reset");
        assert_eq!(lines.last().unwrap()["code"], "lost");
        assert_eq!(output.code, Some(4));
        peer.finish();
    });
}

#[test]
fn verbose_sums_up_bytes_times_and_paths() {
    within(|| {
        let said = |output: Output| output.stderr_text();
        let script = || [Step::expect("abc"), Step::ExpectEnd, Step::send("defgh")];
        let peer = Peer::tcp(script());
        let text = said(connect(peer.addr().to_string(), &["-v"], "abc"));
        assert!(
            text.starts_with(&format!("connected tcp://{} from ", peer.addr())),
            "{text}"
        );
        assert!(
            text.contains("\nsent 3 bytes, ") && text.contains("\nreceived 5 bytes, "),
            "{text}"
        );
        assert!(text.contains("too little for splice"), "{text}");
        assert!(
            text.contains("\nconnected in ") && text.contains(", talked for "),
            "{text}"
        );
        peer.finish();
        let peer = Peer::tcp(script());
        let text = said(connect(peer.addr().to_string(), &["-v", "--wire"], "abc"));
        assert!(text.contains("copying: the wire view watches"), "{text}");
        peer.finish();
    });
}

#[test]
fn quiet_says_nothing_but_errors() {
    within(|| {
        let peer = Peer::tcp([Step::ExpectEnd]);
        let output = connect(peer.addr().to_string(), &["-q"], "");
        assert_eq!((output.stderr_text().as_str(), output.code), ("", Some(0)));
        peer.finish();
        let output = connect("name.invalid:1", &["-q"], "");
        assert!(output.stderr_text().starts_with("sockeye: cannot resolve"));
    });
}

#[test]
fn a_second_interrupt_is_not_needed() {
    within(|| {
        let peer = Peer::tcp([Step::send("hello"), Step::ReadToEnd]);
        let program = sockeye(["connect", &peer.addr().to_string()]);
        program.stdout_until("hello");
        program.interrupt();
        let output = program.wait();
        assert_eq!(
            (output.code, output.stdout_text().as_str()),
            (Some(130), "hello")
        );
        peer.finish();
    });
}

#[test]
fn an_interrupt_while_connecting_ends_with_130() {
    within(|| {
        let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let to = format!("tls://{}", silent.local_addr().unwrap());
        let program: Program = sockeye(["connect", &to]);
        // It has our attention once it is accepted: signals are caught before.
        let accepted = thread::spawn(move || silent.accept().unwrap());
        let _connection = accepted.join().unwrap();
        program.interrupt();
        assert_eq!(program.wait().code, Some(130));
    });
}
