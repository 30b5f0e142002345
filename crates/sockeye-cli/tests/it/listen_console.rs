//! `sockeye listen` without a mode: people and pipes at this end.

use std::io::Write;
use std::process::Command;

use sockeye_testkit::{Program, temporary_dir, within};

use crate::serving::{SOCKEYE, address, ask, client, hear, rest, sockeye};

/// The server at a terminal: our own `pty:` is the terminal.
fn at_a_terminal() -> (Program, std::net::SocketAddr) {
    let terminal = sockeye(["connect", &format!("pty:{SOCKEYE} listen 127.0.0.1:0")]);
    let said = terminal.stdout_until("\n");
    let said = String::from_utf8_lossy(&said).into_owned();
    let at = said.trim().strip_prefix("listening on tcp://").unwrap();
    (terminal, at.parse().unwrap())
}

#[test]
fn at_a_terminal_the_seeds_session_looks_as_shown() {
    within(|| {
        let (mut terminal, at) = at_a_terminal();
        let mut stream = client(at);
        stream.write_all(b"Hello World\n").unwrap();
        let said = terminal.stdout_until("Hello World\r\n");
        let said = String::from_utf8_lossy(&said).into_owned();
        assert_eq!(said, format!("listening on tcp://{at}\r\nHello World\r\n"));
        terminal.write("Hello Yourself\n");
        hear(&mut stream, "Hello Yourself\n");
    });
}

#[test]
fn at_a_terminal_several_clients_are_labelled_and_one_can_be_addressed() {
    within(|| {
        let (mut terminal, at) = at_a_terminal();
        let mut first = client(at);
        first.write_all(b"one\n").unwrap();
        terminal.stdout_until("one\r\n");
        let mut second = client(at);
        terminal.stdout_until("#2 connected tcp://");
        first.write_all(b"again\n").unwrap();
        terminal.stdout_until("#1 again\r\n");
        second.write_all(b"two\n").unwrap();
        terminal.stdout_until("#2 two\r\n");
        terminal.write("@2 for you alone\n");
        terminal.write("for all\n");
        hear(&mut second, "for you alone\nfor all\n");
        hear(&mut first, "for all\n");
        terminal.write("@9 anybody?\n");
        terminal.stdout_until("there is no client #9");
        drop(second);
        terminal.stdout_until("#2 closed");
    });
}

#[test]
fn a_terminal_sees_no_escape_sequences_of_clients() {
    within(|| {
        let (terminal, at) = at_a_terminal();
        let mut stream = client(at);
        stream.write_all(b"\x1b[2Jevil\n").unwrap();
        let said = terminal.stdout_until("evil");
        assert!(
            !said.contains(&0x1b),
            "{:?}",
            String::from_utf8_lossy(&said)
        );
    });
}

#[test]
fn piped_input_waits_for_the_first_client_and_its_end_is_told_to_all() {
    within(|| {
        let mut server = sockeye(["listen", "0"]);
        server.write("for the first");
        server.close_stdin();
        let at = address(&server);
        assert_eq!(rest(client(at)), "for the first");
        // Our input is over; whoever comes later is told so at once.
        assert_eq!(rest(client(at)), "");
        assert_eq!(ask(client(at), "still heard"), "");
        server.stdout_until("still heard");
    });
}

#[test]
fn input_that_is_empty_from_the_start_says_nothing() {
    within(|| {
        let mut server = sockeye(["listen", "0"]);
        server.close_stdin();
        let mut stream = client(address(&server));
        stream.write_all(b"first").unwrap();
        server.stdout_until("first");
        // Had we said goodbye, this client would have seen an end; it ends only after its own.
        stream.set_nonblocking(true).unwrap();
        let error = std::io::Read::read(&mut stream, &mut [0; 1]).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
        stream.set_nonblocking(false).unwrap();
        assert_eq!(ask(stream, "last"), "");
    });
}

#[test]
fn labels_can_be_asked_for() {
    within(|| {
        let server = sockeye(["listen", "0", "--label"]);
        let at = address(&server);
        assert_eq!(ask(client(at), "a\nb\n"), "");
        server.stdout_until("#1 a\n#1 b\n");
        ask(client(at), "c\n");
        server.stdout_until("#2 c\n");
        let output = sockeye(["listen", "0", "--label", "--echo"]).finish();
        assert_eq!(output.code, Some(2));
    });
}

#[test]
fn once_gives_the_whole_of_both_streams_to_one_client() {
    within(|| {
        let mut server = sockeye(["listen", "0", "--once", "-v"]);
        server.write("greetings");
        server.close_stdin();
        let body = "x".repeat(1 << 20);
        assert_eq!(ask(client(address(&server)), &body), "greetings");
        let output = server.wait();
        assert_eq!(output.code, Some(0), "{}", output.stderr_text());
        assert!(output.stdout_text() == body);
        let said = output.stderr_text();
        assert!(
            said.contains("1048576 bytes received (splice, pipe to end)"),
            "{said}"
        );
    });
}

#[test]
fn everything_arrives_in_a_file_that_is_appended_to() {
    within(|| {
        let dir = temporary_dir();
        let file = dir.path().join("log");
        std::fs::write(&file, "before\n").unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", r#"exec "$0" listen 0 --once -v >> "$1""#, SOCKEYE]);
        command.arg(&file);
        let mut server = Program::start_command(command);
        server.close_stdin();
        let body = "y".repeat(300_000);
        assert_eq!(ask(client(address(&server)), &body), "");
        let output = server.wait();
        assert_eq!(output.code, Some(0));
        assert!(std::fs::read_to_string(&file).unwrap() == format!("before\n{body}"));
        assert!(
            output
                .stderr_text()
                .contains("the file is open for appending")
        );
    });
}

#[test]
fn a_reset_of_the_only_client_is_a_failure() {
    within(|| {
        let server = sockeye(["listen", "0", "--once", "--json"]);
        let mut stream = client(address(&server));
        stream.write_all(b"x").unwrap();
        server.stdout_until("\"data\"");
        crate::serving::reset(stream);
        let output = server.wait();
        assert_eq!(output.code, Some(4));
        assert!(
            output
                .stdout_text()
                .contains(r#""reason":"reset","side":"remote""#)
        );
    });
}

#[test]
fn a_reader_that_goes_away_ends_the_server_quietly() {
    within(|| {
        let mut command = Command::new("sh");
        // The exit code of the server is told by the shell on standard error.
        let script = r#"{ "$0" listen 0; echo "code $?" >&2; } | head -n 1"#;
        command.args(["-c", script, SOCKEYE]);
        let server = Program::start_command(command);
        let at = address(&server);
        let mut stream = client(at);
        stream.write_all(b"one\n").unwrap();
        server.stdout_until("one\n");
        // Nobody reads any more: what comes next finds out. `head` may need a moment to be gone.
        while stream.write_all(b"more\n").is_ok() {
            std::thread::yield_now();
        }
        assert_eq!(server.line_starting_with("code "), "0");
    });
}

#[test]
fn a_full_disk_is_the_end_and_an_error() {
    within(|| {
        let mut command = Command::new("sh");
        command.args(["-c", r#"exec "$0" listen 0 > /dev/full"#, SOCKEYE]);
        let server = Program::start_command(command);
        let mut stream = client(address(&server));
        stream.write_all(b"x").unwrap();
        let output = server.wait();
        assert_eq!(output.code, Some(8));
        assert!(output.stderr_text().contains("no space left"));
    });
}
