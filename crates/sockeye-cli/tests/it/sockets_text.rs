//! How `sockeye sockets` writes its table: whole lines, narrow terminals, colours, closed pipes.

use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};

use sockeye_testkit::{Program, within};

use crate::SOCKEYE;
use crate::sockets::{between, listener, sockets};
use crate::terminal::Screen;

/// The text with the numbers of this run replaced, and with the user who runs the tests.
fn filtered(text: &str, ports: &[(u16, &str)]) -> String {
    let mut text = text.to_owned();
    for (port, name) in ports {
        text = text.replace(&format!(":{port}"), &format!(":{name}"));
    }
    let user = String::from_utf8(crate::output_of("id", &["-un"])).unwrap();
    let lines = text.lines().map(|line| {
        let line = line.replace(&format!(" {}", std::process::id()), " PID");
        line.replace(&format!("  {}  ", user.trim()), "  USER  ")
    });
    let lines = lines.map(|line| line.split("  it-").next().unwrap().to_owned());
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn a_table_has_the_same_columns_whatever_is_in_them() {
    within(|| {
        let (listener, port) = listener();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (accepted, _) = listener.accept().unwrap();
        let waits = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (one, two) = (client.local_addr().unwrap(), waits.local_addr().unwrap());
        let output = sockets(&[
            "-t",
            "--port",
            &port.to_string(),
            "--sort",
            "local",
            "exclude time-wait",
        ]);
        let ports = [
            (port, "SERVE"),
            (one.port(), "FIRST"),
            (two.port(), "OTHER"),
        ];
        let text = filtered(&output.stdout_text(), &ports);
        let mut lines: Vec<_> = text.lines().collect();
        assert!(
            lines.remove(0).starts_with(
                "PROTO  STATE        QUEUE         LOCAL            PEER             USER"
            ),
            "{text}"
        );
        // Which of the ports is the smallest is a matter of luck.
        lines.sort_unstable();
        let name = "waits in the accept queue of ";
        assert!(
            lines[0].starts_with(
                "tcp    established  -             127.0.0.1:FIRST  127.0.0.1:SERVE  USER  "
            ),
            "{text}"
        );
        assert!(
            lines[1].starts_with(
                "tcp    established  -             127.0.0.1:OTHER  127.0.0.1:SERVE  USER  "
            ),
            "{text}"
        );
        assert!(
            lines[2].starts_with(
                "tcp    established  -             127.0.0.1:SERVE  127.0.0.1:FIRST  USER  "
            ),
            "{text}"
        );
        assert!(
            lines[3].starts_with(
                "tcp    established  -             127.0.0.1:SERVE  127.0.0.1:OTHER  -     "
            ),
            "{text}"
        );
        assert!(lines[3].contains(name), "{text}");
        assert!(
            lines[4].starts_with(
                "tcp    listening    accept 1/128  127.0.0.1:SERVE  -                USER  "
            ),
            "{text}"
        );
        assert_eq!(lines.len(), 5, "{text}");
        drop((accepted, client, waits));
    });
}

#[test]
fn a_terminal_that_is_narrow_loses_columns_and_no_address() {
    within(|| {
        let Ok(listener) = TcpListener::bind("[::1]:0") else {
            return;
        };
        let port = listener.local_addr().unwrap().port();
        let _client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        // A server of another test may have had this port, and left connections that are over.
        let alive = "exclude time-wait";
        let screen = Screen::start(&["sockets", "-t", "--port", &port.to_string(), alive]);
        let (text, code) = screen.wait();
        assert_eq!(code, Some(0), "{text}");
        // 80 columns hold protocol, state, both ends and the owner, or the owner below.
        assert!(
            text.lines().all(|line| line.chars().count() <= 80),
            "{text}"
        );
        assert!(text.contains(&format!("[::1]:{port}  ")), "{text}");
        assert!(text.contains(&std::process::id().to_string()), "{text}");
        assert!(!text.contains("UNIT"), "{text}");
        assert!(
            text.contains("3 sockets: 2 established, 1 listening"),
            "{text}"
        );
    });
}

#[test]
fn colours_are_for_terminals_and_for_those_who_ask() {
    within(|| {
        let (_listener, port) = listener();
        let port = port.to_string();
        let plain = sockets(&["-l", "--port", &port]).stdout_text();
        assert!(!plain.contains('\x1b'), "{plain:?}");
        let always = sockets(&["-l", "--port", &port, "--color", "always"]).stdout_text();
        assert!(always.contains("\x1b[32mlistening\x1b[0m"), "{always:?}");
        let json = sockets(&["-l", "--port", &port, "--color", "always", "--json"]);
        assert!(!json.stdout.contains(&0x1b), "{json:?}");
        // The terminal of the fixture has NO_COLOR set.
        let (text, _) = Screen::start(&["sockets", "-l", "--port", &port]).wait();
        assert!(!text.contains('\x1b'), "{text:?}");
        let mut command = Command::new(SOCKEYE);
        command.args(["sockets", "-l", "--port", &port, "--color=never"]);
        let never = Program::start_command(command).finish();
        assert!(!never.stdout.contains(&0x1b), "{never:?}");
    });
}

#[test]
fn a_reader_that_has_gone_ends_it_quietly() {
    within(|| {
        for form in [
            &["-a"][..],
            &["-a", "--json"],
            &["-a", "--csv"],
            &["--pairs"],
        ] {
            let (reader, writer) = std::io::pipe().unwrap();
            drop(reader);
            let (_listener, _) = listener();
            let output = Command::new(SOCKEYE)
                .arg("sockets")
                .args(form)
                .stdin(Stdio::null())
                .stdout(writer)
                .stderr(Stdio::piped())
                .spawn()
                .unwrap()
                .wait_with_output()
                .unwrap();
            assert_eq!(output.status.code(), Some(0), "{form:?}: {output:?}");
            assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{form:?}");
        }
    });
}

#[test]
fn a_line_of_ones_own_has_plain_values() {
    within(|| {
        let (listener, port) = listener();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let from = client.local_addr().unwrap().port();
        let (accepted, _) = listener.accept().unwrap();
        let flags = ["-t", &between(from, port), "--sort=-local-port"];
        let form = "{{{protocol}}}\\t{local-port}>{peer-port} {pid} {mark} {rtt}";
        let output = sockets(&[&flags[..], &["--format", form]].concat());
        let text = output.stdout_text();
        let pid = std::process::id();
        let mut ends = [(port, from), (from, port)];
        ends.sort_unstable_by(|a, b| b.cmp(a));
        for (line, (local, peer)) in text.lines().zip(ends) {
            let begin = format!("{{tcp}}\t{local}>{peer} {pid}");
            assert!(line.starts_with(&begin), "{line} is not {begin}");
            let rtt = line.rsplit(' ').next().unwrap();
            assert!(rtt.parse::<f64>().unwrap() > 0.0, "{line}");
        }
        assert_eq!(text.lines().count(), 2, "{text}");
        drop((accepted, client));
    });
}

#[test]
fn a_wide_list_shows_what_tcp_knows() {
    within(|| {
        let (listener, port) = listener();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let text =
            sockets(&["-tw", "--port", &port.to_string(), "exclude time-wait"]).stdout_text();
        for title in [
            "RTT", "CWND", "RETRANS", "RATE", "MEMORY", "TIMER", "DEVICE", "COOKIE",
        ] {
            assert!(text.lines().next().unwrap().contains(title), "{text}");
        }
        assert!(text.contains(" µs ") || text.contains(" ms "), "{text}");
        // What ss calls -e, -i, -m and -o is the same.
        for flag in ["-tei", "-tmo"] {
            let same = sockets(&[flag, "--port", &port.to_string()]).stdout_text();
            assert!(same.contains("CWND"), "{same}");
        }
        drop(client);
    });
}

#[test]
fn limit_and_order_are_kept() {
    within(|| {
        let held: Vec<_> = (0..4).map(|_| listener()).collect();
        let ports: Vec<_> = held.iter().map(|(_, port)| port.to_string()).collect();
        let mut expected: Vec<u16> = held.iter().map(|(_, port)| *port).collect();
        expected.sort_unstable();
        let list = |order: &str, limit: &str| {
            let flags = [
                "-tl",
                "--port",
                &ports.join(","),
                "--sort",
                order,
                "--limit",
                limit,
            ];
            let output = sockets(&[&flags[..], &["--format", "{local-port}"]].concat());
            let text = output.stdout_text();
            text.lines()
                .map(|line| line.parse().unwrap())
                .collect::<Vec<u16>>()
        };
        assert_eq!(list("local-port", "9"), expected);
        assert_eq!(list("local-port", "2"), expected[..2]);
        expected.reverse();
        assert_eq!(list("-local-port", "9"), expected);
    });
}

#[test]
fn names_of_peers_follow_the_list_and_a_silent_name_server_does_not_hold_it_up() {
    within(|| {
        let at = "127.0.0.77:53"; // fixed port: the one of every name server in resolv.conf
        let Ok(_silent) = std::net::UdpSocket::bind(at) else {
            return eprintln!("SKIPPED: this test needs port 53 of 127.0.0.77");
        };
        let dir = sockeye_testkit::temporary_dir();
        let (conf, hosts) = (dir.path().join("resolv.conf"), dir.path().join("hosts"));
        std::fs::write(&conf, "nameserver 127.0.0.77\n").unwrap();
        std::fs::write(&hosts, "127.0.0.8 eight.example\n").unwrap();
        let (listener, port) = listener();
        let from = |ip: &str| {
            let socket =
                socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
            let own: std::net::SocketAddr = format!("{ip}:0").parse().unwrap();
            socket.bind(&own.into()).unwrap();
            socket
                .connect(&listener.local_addr().unwrap().into())
                .unwrap();
            socket
        };
        let _clients = ["127.0.0.8", "127.0.0.9"].map(from);
        let script = "mount --bind $1 /etc/resolv.conf && mount --bind $2 /etc/hosts || exit 99; \
                      exec $S sockets -tH --names --state established --port $3";
        let mut command = Command::new("unshare");
        command.args(["-m", "sh", "-c", script, "sh"]);
        command
            .arg(&conf)
            .arg(&hosts)
            .arg(port.to_string())
            .env("S", SOCKEYE);
        let output = Program::start_command(command).finish();
        if output.code != Some(0) {
            return eprintln!(
                "SKIPPED: this test needs to mount: {}",
                output.stderr_text()
            );
        }
        let text = output.stdout_text();
        let mut lines = text.lines();
        assert_eq!(
            lines
                .by_ref()
                .take(4)
                .filter(|line| line.starts_with("tcp "))
                .count(),
            4,
            "{text}"
        );
        assert_eq!(
            lines.collect::<Vec<_>>(),
            ["127.0.0.8 is eight.example"],
            "{text}"
        );
    });
}
