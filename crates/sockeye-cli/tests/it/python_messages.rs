//! `connect`, `listen` and `relay` with messages of Python's `multiprocessing.connection`: JSON lines here, live Python there.

use std::process::Command;

use sockeye_testkit::{Output, Program, peers, temporary_dir, within};

use crate::{SOCKEYE, json_lines, sockeye};

/// A listener that answers each value with itself and what it is, until the end.
const ECHO: &str = r#"
import sys
from multiprocessing import AuthenticationError
from multiprocessing.connection import Listener
with Listener(("127.0.0.1", 0), authkey=sys.argv[1].encode() or None) as listener:
    print("listening on", listener.address[1], file=sys.stderr, flush=True)
    try:
        with listener.accept() as conn:
            while True: conn.send([repr(conn.recv())])
    except EOFError: print("the end")
    except AuthenticationError as error: print("authentication failed")
"#;

/// A client: sends what it is given as Python, prints what comes back.
const ASK: &str = r#"
import sys
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client
try:
    with Client(("127.0.0.1", int(sys.argv[2])), authkey=sys.argv[1].encode() or None) as conn:
        for text in sys.argv[3:]:
            conn.send(eval(text))
            print(conn.recv())
except AuthenticationError: print("authentication failed")
"#;

fn python(script: &str, args: &[&str]) -> Option<Program> {
    let python = peers::python3()?;
    Some(Program::start(python, ["-c", script].iter().chain(args)))
}

/// `sockeye connect` to this listener.
fn connect(port: &str, options: &str, flags: &[&str], input: &str) -> Output {
    crate::connect(
        format!("python+tcp://127.0.0.1:{port}{options}"),
        flags,
        input,
    )
}

#[test]
fn lines_go_out_as_values_and_answers_come_back_as_lines() {
    within(|| {
        let Some(peer) = python(ECHO, &["peekaboo"]) else {
            return;
        };
        let port = peer.line_starting_with("listening on ");
        let input = "{\"n\": [1, 2.0, null]}\n\n\"a\\u00e4\"\n12345678901234567890";
        let output = connect(&port, "?authkey=peekaboo", &[], input);
        assert!(output.code == Some(0), "{}", output.stderr_text());
        assert_eq!(
            output.stdout_text(),
            "[\"{'n': [1, 2.0, None]}\"]\n[\"'aä'\"]\n[\"12345678901234567890\"]\n"
        );
        assert_eq!(peer.wait().stdout_text(), "the end\n");
    });
}

#[test]
fn the_key_comes_from_a_file_or_the_environment_and_is_shown_nowhere() {
    within(|| {
        let folder = temporary_dir();
        let file = folder.path().join("key");
        std::fs::write(&file, "hush-hush\n").unwrap();
        let by_file = format!("authkey-file={}", file.display());
        for option in [
            "authkey=hush-hush",
            &by_file,
            "authkey-env=SOCKEYE_TEST_KEY",
        ] {
            let Some(peer) = python(ECHO, &["hush-hush"]) else {
                return;
            };
            let port = peer.line_starting_with("listening on ");
            let mut command = Command::new(SOCKEYE);
            let to = format!("python+tcp://127.0.0.1:{port}?{option}");
            command.args(["connect", &to, "--json", "-v", "--send", "1\\n"]);
            command.env("SOCKEYE_TEST_KEY", "hush-hush");
            let output = Program::start_command(command).finish();
            assert!(output.code == Some(0), "{}", output.stderr_text());
            assert!(
                json_lines(&output.stdout)
                    .iter()
                    .any(|event| event["type"] == "data")
            );
            let said = output.stdout_text() + &output.stderr_text();
            assert!(!said.contains("hush"), "{said}");
            peer.wait();
        }
    });
}

#[test]
fn a_wrong_key_ends_with_the_answer_no_on_both_sides() {
    within(|| {
        let Some(peer) = python(ECHO, &["right"]) else {
            return;
        };
        let port = peer.line_starting_with("listening on ");
        let output = connect(&port, "?authkey=wrong", &[], "");
        assert_eq!(output.code, Some(1));
        let said = output.stderr_text();
        assert!(
            said.contains("?authkey=*** [127.0.0.1:") && said.contains("the peer refused our key"),
            "{said}"
        );
        assert!(
            said.contains("hint: both sides need the same key"),
            "{said}"
        );
        assert_eq!(peer.wait().stdout_text(), "authentication failed\n");

        let mut server = sockeye(["listen", "python+tcp:0?authkey=right", "--once", "--echo"]);
        let client = python(ASK, &["wrong", &server.port().to_string(), "1"]).unwrap();
        assert_eq!(
            String::from_utf8(client.stdout_until("\n")).unwrap(),
            "authentication failed\n"
        );
        server.close_stdin();
        let output = server.wait();
        assert_eq!(output.code, Some(1));
        assert!(
            output
                .stderr_text()
                .contains("the peer does not know our key"),
            "{}",
            output.stderr_text()
        );
    });
}

/// The program that a pickle would start does not run, and the message says which opcode it was.
#[test]
fn a_pickle_that_would_run_code_is_refused() {
    const EVIL: &str = r#"
import os, sys
from multiprocessing.connection import Listener
class Evil:
    def __reduce__(self): return (os.system, ("touch " + sys.argv[1],))
with Listener(("127.0.0.1", 0)) as listener:
    print("listening on", listener.address[1], file=sys.stderr, flush=True)
    with listener.accept() as conn:
        conn.send(["fine"]); conn.send(Evil()); sys.stdin.read()
"#;
    within(|| {
        let folder = temporary_dir();
        let marker = folder.path().join("marker");
        let Some(peer) = python(EVIL, &[marker.to_str().unwrap()]) else {
            return;
        };
        let port = peer.line_starting_with("listening on ");
        let output = connect(&port, "", &["--until", "until-remote"], "");
        assert_eq!(output.code, Some(7), "{}", output.stderr_text());
        assert_eq!(output.stdout_text(), "[\"fine\"]\n");
        let said = output.stderr_text();
        assert!(
            said.contains("the opcode STACK_GLOBAL could run code: it imports posix.system"),
            "{said}"
        );
        assert!(!marker.exists(), "nothing was executed");
    });
}

#[test]
fn wrong_lines_fail_and_say_which() {
    within(|| {
        let Some(peer) = python(ECHO, &[""]) else {
            return;
        };
        let port = peer.line_starting_with("listening on ");
        let output = connect(&port, "", &[], "1\nhello\n");
        assert_eq!(output.code, Some(2), "{}", output.stderr_text());
        let said = output.stderr_text();
        assert!(said.contains("line 2 is no JSON value"), "{said}");
        assert!(said.contains("hint: each line is one JSON value"), "{said}");
    });
}

#[test]
fn payload_bytes_sends_lines_as_they_are() {
    const BYTES: &str = r#"
import sys
from multiprocessing.connection import Listener
with Listener(("127.0.0.1", 0)) as listener:
    print("listening on", listener.address[1], file=sys.stderr, flush=True)
    with listener.accept() as conn:
        try:
            while True: conn.send_bytes(b"<" + conn.recv_bytes() + b">")
        except EOFError: pass
"#;
    within(|| {
        let Some(peer) = python(BYTES, &[]) else {
            return;
        };
        let port = peer.line_starting_with("listening on ");
        let output = connect(&port, "?payload=bytes", &[], "no json\n\nlast");
        assert_eq!(output.stdout_text(), "<no json>\n<>\n<last>\n");
        assert!(output.code == Some(0));
    });
}

#[test]
fn every_way_to_listen_answers_python() {
    within(|| {
        let folder = temporary_dir();
        let file = folder.path().join("answer.json");
        std::fs::write(&file, "{\"answer\": 42}\n").unwrap();
        let file = file.to_str().unwrap();
        let big = "'x' * 300000";
        for (mode, asked, said) in [
            (
                &["--echo"][..],
                vec!["{1: (2, b'\\xff')}", big],
                format!("{{1: (2, b'\\xff')}}\n{}\n", "x".repeat(300_000)),
            ),
            (
                &["--exec", "cat"],
                vec!["[1, (2,), 3.0]", "None"],
                "[1, [2], 3.0]\nNone\n".to_owned(),
            ),
            (
                &["--reply", file],
                vec!["1", "2"],
                "{'answer': 42}\n{'answer': 42}\n".to_owned(),
            ),
        ] {
            let mut flags = vec!["listen", "python+tcp:0?authkey=k", "--once"];
            flags.extend_from_slice(mode);
            let mut server = sockeye(flags);
            let port = server.port().to_string();
            server.close_stdin();
            let mut args = vec!["k", &port];
            args.extend_from_slice(&asked);
            let Some(client) = python(ASK, &args) else {
                return;
            };
            let output = client.wait();
            assert_eq!(
                output.stdout_text(),
                said,
                "{mode:?}: {}",
                output.stderr_text()
            );
            assert!(server.wait().code == Some(0), "{mode:?}");
        }
    });
}

#[test]
fn a_person_at_the_console_talks_to_python() {
    within(|| {
        let mut server = sockeye(["listen", "python+tcp:0", "--once"]);
        let port = server.port().to_string();
        let Some(client) = python(ASK, &["", &port, "{'hello': [True]}", "1"]) else {
            return;
        };
        server.stdout_until("{\"hello\":[true]}\n");
        server.write("\"first\"\n");
        server.stdout_until("1\n");
        server.write("{\"second\": 2}\n");
        assert_eq!(client.wait().stdout_text(), "first\n{'second': 2}\n");
        server.close_stdin();
        assert!(server.wait().code == Some(0));
    });
}

#[test]
fn a_relay_changes_the_key_and_keeps_the_messages() {
    within(|| {
        let Some(peer) = python(ECHO, &["inner"]) else {
            return;
        };
        let to = format!(
            "python+tcp://127.0.0.1:{}?authkey=inner",
            peer.line_starting_with("listening on ")
        );
        let mut relay = sockeye(["relay", "python+tcp:0?authkey=outer", &to, "--once"]);
        let port = relay.port().to_string();
        relay.close_stdin();
        let client = python(ASK, &["outer", &port, "('a', {2: 3})", "'y' * 100000"]).unwrap();
        let said = client.wait().stdout_text();
        assert!(
            said.starts_with("[\"('a', {2: 3})\"]\n[\"'yyy") && said.len() > 100_000,
            "{said:.60}"
        );
        assert!(relay.wait().code == Some(0));
        assert_eq!(peer.wait().stdout_text(), "the end\n");
    });
}

#[test]
fn what_has_no_effect_is_refused() {
    for (args, words) in [
        (
            vec!["relay", "python+tcp:0?payload=bytes", "tcp:1"],
            "`payload=` has no effect",
        ),
        (
            vec!["listen", "python+tcp:0", "--echo", "--rate", "1k"],
            "it holds bytes to a rate, not messages",
        ),
        (
            vec!["connect", "tcp://h:1?authkey=hush"],
            "`authkey` does not apply to tcp",
        ),
        (
            vec!["connect", "python+tcp://h:1?authkey=***"],
            "a key that is masked",
        ),
        (vec!["connect", "python+udp://h:1"], "python over udp"),
        (
            vec!["connect", "python+tcp://h:1?authkey-env=SOCKEYE_NO_SUCH"],
            "is not set",
        ),
    ] {
        let output = sockeye(args).finish();
        assert_eq!(output.code, Some(2));
        let said = output.stderr_text();
        assert!(said.contains(words) && !said.contains("hush"), "{said}");
    }
}

/// `--wire` shows the messages; what is below them on request.
#[test]
fn the_wire_view_shows_messages() {
    within(|| {
        let Some(peer) = python(ECHO, &["k"]) else {
            return;
        };
        let port = peer.line_starting_with("listening on ");
        let output = connect(&port, "?authkey=k", &["--wire"], "7\n");
        let said = output.stderr_text();
        assert!(said.contains("HMAC-"), "{said}");
        assert!(
            said.contains("bytes with lengths") && !said.contains("ciphertext"),
            "{said}"
        );
        assert!(said.contains("\\x80\\x04K\\x07."), "{said}");
        peer.wait();
    });
}
