//! `sockeye sockets --stop` and `--close`: what is meant ends, and nothing else.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;

use sockeye_testkit::{Program, peers, within};

use crate::sockets::{listener, python, sockets};
use crate::terminal::Screen;

const SERVER: &str = "import os, socket\n\
    s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen(7)\n\
    print('ready', s.getsockname()[1], flush=True)\n\
    c, _ = s.accept(); print('accepted', flush=True); os.read(0, 1)";
const CLIENT: &str = "import os, socket, sys\n\
    s = socket.create_connection(('127.0.0.1', int(sys.argv[1])))\n\
    print('ready', flush=True); os.read(0, 1)";

/// A server and a client of it, each a process of its own.
fn server_and_client() -> Option<(Program, u16, Program)> {
    let (server, ports) = python(SERVER)?;
    let port = ports[0].to_string();
    let client = Program::start(peers::python3()?, ["-c", CLIENT, &port]);
    client.stdout_until("ready");
    server.stdout_until("accepted");
    Some((server, ports[0], client))
}

#[test]
fn stopping_a_port_ends_the_listener_and_no_client() {
    let Some((server, port, mut client)) = server_and_client() else {
        return;
    };
    within(move || {
        let output = sockets(&["--stop", &port.to_string(), "--yes"]);
        assert_eq!(output.code, Some(0), "{output:?}");
        let said = output.stdout_text();
        assert!(said.starts_with("stopped python3"), "{said}");
        assert!(said.ends_with(&format!(" {}\n", server.pid())), "{said}");
        assert_eq!(server.wait().signal, Some(15));
        assert!(client.is_running());
        let output = sockets(&["--stop", "--port", &port.to_string(), "--yes"]);
        assert_eq!(output.code, Some(1), "{output:?}");
        assert_eq!(
            output.stderr_text(),
            format!("nobody listens on port {port}\n")
        );
    });
}

#[test]
fn nobody_is_stopped_without_being_asked_for() {
    let Some((mut server, port, mut client)) = server_and_client() else {
        return;
    };
    within(move || {
        let port = port.to_string();
        let output = sockets(&["--stop", &port]);
        assert_eq!(output.code, Some(2), "{output:?}");
        assert!(
            output
                .stderr_text()
                .contains("nobody is there to be asked: stop python3")
        );
        let screen = Screen::start(&["sockets", "--stop", "--port", &port]);
        let question = screen.until("stop python3", "? [y/N] ");
        assert!(
            question.contains(&format!(" {}, listening on port {port}?", server.pid())),
            "{question}"
        );
        screen.keys("n\n");
        let (text, code) = screen.wait();
        assert_eq!(code, Some(1), "{text}");
        assert!(text.contains("nothing was done"), "{text}");
        assert!(server.is_running());
        let screen = Screen::start(&["sockets", "--stop", &port, "--signal", "kill"]);
        screen.until("stop python3", "[y/N] ");
        screen.keys("y\n");
        assert_eq!(screen.wait().1, Some(0));
        assert_eq!(server.wait().signal, Some(9));
        assert!(client.is_running());
    });
}

#[test]
fn what_it_runs_under_is_not_stopped() {
    within(|| {
        let (_listener, port) = listener();
        let output = sockets(&["--stop", &port.to_string(), "--yes"]);
        assert_eq!(output.code, Some(2), "{output:?}");
        assert!(
            output.stderr_text().contains("this program runs under it"),
            "{output:?}"
        );
        let none = sockets(&["--stop", "--yes"]);
        assert_eq!(none.code, Some(2), "{none:?}");
        assert!(
            none.stderr_text().contains("which port is to be freed?"),
            "{none:?}"
        );
    });
}

#[test]
fn a_program_that_does_not_end_is_named() {
    let script = "import os, signal, socket\n\
        signal.signal(signal.SIGTERM, signal.SIG_IGN)\n\
        s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen(7)\n\
        print('ready', s.getsockname()[1], flush=True); os.read(0, 1)";
    let Some((mut program, ports)) = python(script) else {
        return;
    };
    within(move || {
        let flags = [
            "--stop",
            &ports[0].to_string(),
            "--yes",
            "--timeout",
            "50ms",
            "--json",
        ];
        let output = sockets(&flags);
        assert_eq!(output.code, Some(5), "{output:?}");
        assert!(
            output
                .stderr_text()
                .contains(" still runs after 50ms\nhint: "),
            "{output:?}"
        );
        let said = crate::json_lines(&output.stdout);
        assert_eq!(said[0]["type"], "process-stopped");
        assert_eq!(said[0]["outcome"], "alive");
        assert!(program.is_running());
    });
}

#[test]
fn one_connection_is_closed_and_its_neighbour_lives() {
    within(|| {
        let (listener, port) = listener();
        let mut ends = [(); 2].map(|()| {
            let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let (served, _) = listener.accept().unwrap();
            (client, served)
        });
        let port = port.to_string();
        let many = sockets(&["--close", "--port", &port, "--yes"]);
        assert_eq!(many.code, Some(2), "{many:?}");
        assert!(
            many.stderr_text()
                .contains("2 connections are meant, and one is closed at a time"),
            "{many:?}"
        );
        let all = sockets(&["--close", "--yes"]);
        assert_eq!(all.code, Some(2), "{all:?}");
        let from = ends[0].0.local_addr().unwrap();
        let who = format!("{from}-127.0.0.1:{port}");
        let asked = sockets(&["--close", "--who", &who]);
        assert!(
            asked
                .stderr_text()
                .contains("nobody is there to be asked: close tcp"),
            "{asked:?}"
        );
        let output = sockets(&["--close", "--who", &who, "--yes"]);
        let said = output.stderr_text();
        if said.contains("CAP_NET_ADMIN") || said.contains("INET_DIAG_DESTROY") {
            return eprintln!("SKIPPED: this test needs SOCK_DESTROY: {said}");
        }
        assert_eq!(output.code, Some(0), "{output:?}");
        assert!(
            output
                .stdout_text()
                .starts_with(&format!("closed tcp {from} → 127.0.0.1:{port}, ")),
            "{output:?}"
        );
        let error = ends[0].0.read(&mut [0; 1]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionAborted);
        let (client, served) = &mut ends[1];
        client.write_all(b"still here").unwrap();
        served.read_exact(&mut [0; 10]).unwrap();
        let gone = sockets(&["--close", "--who", &who, "--yes"]);
        assert_eq!(
            (gone.code, gone.stderr_text().as_str()),
            (Some(1), "no such connection\n")
        );
    });
}
