//! `sockeye relay` from outside.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream, UdpSocket};

use sockeye_testkit::{LIMIT, Peer, Program, Step, peers, temporary_dir, within};

use crate::serving::{address, ask, client, hear, rest, sockeye, udp_client};

#[test]
fn a_late_answer_after_half_close_arrives_and_the_kernel_moves_the_bulk() {
    within(|| {
        let server = Peer::tcp([
            Step::ExpectPattern(1, 4 << 20),
            Step::ExpectEnd,
            Step::SendPattern(2, 4 << 20),
        ]);
        let relay = sockeye(["relay", "0", &server.addr().to_string(), "--once", "-v"]);
        let client = Peer::connect_tcp(
            address(&relay),
            [
                Step::SendPattern(1, 4 << 20),
                Step::HalfClose,
                Step::ExpectPattern(2, 4 << 20),
                Step::ExpectEnd,
            ],
        );
        client.finish();
        server.finish();
        let output = relay.wait();
        assert_eq!(output.code, Some(0));
        let said = output.stderr_text();
        assert!(
            said.contains("4194304 bytes upstream (splice), 4194304 bytes downstream (splice)"),
            "{said}"
        );
        assert!(
            said.contains("0 open of 1 clients; 4194304 bytes upstream"),
            "{said}"
        );
    });
}

#[test]
fn a_reset_stays_a_reset_both_ways() {
    within(|| {
        let server = Peer::tcp([Step::expect("x"), Step::Reset]);
        let relay = sockeye(["relay", "0", &server.addr().to_string(), "--once", "--json"]);
        let client = Peer::connect_tcp(address(&relay), [Step::send("x"), Step::ExpectReset]);
        client.finish();
        server.finish();
        let output = relay.wait();
        assert_eq!(output.code, Some(4));
        assert!(
            output
                .stdout_text()
                .contains(r#""reason":"reset","side":"remote""#)
        );

        let server = Peer::tcp([Step::expect("y"), Step::ExpectReset]);
        let relay = sockeye(["relay", "0", &server.addr().to_string(), "--json"]);
        let client = Peer::connect_tcp(address(&relay), [Step::send("y"), Step::Reset]);
        client.finish();
        server.finish();
        relay.stdout_until(r#""reason":"reset","side":"local""#);
    });
}

#[test]
fn an_abandoned_half_closed_conversation_is_ended_if_asked_for() {
    within(|| {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let to = server.local_addr().unwrap().to_string();
        let relay = sockeye(["relay", "0", &to, "--half-close-timeout", "200ms", "-v"]);
        let stream = client(address(&relay));
        stream.shutdown(Shutdown::Write).unwrap();
        let (silent, _) = server.accept().unwrap();
        assert_eq!(rest(stream), "");
        relay.stderr_until("half-close timeout");
        drop(silent);
    });
}

#[test]
fn until_remote_ends_with_the_target() {
    within(|| {
        let server = Peer::tcp([Step::send("bye")]);
        let relay = sockeye([
            "relay",
            "0",
            &server.addr().to_string(),
            "--until",
            "until-remote",
            "--once",
        ]);
        // The client never ends its side.
        let stream = client(address(&relay));
        let kept = stream.try_clone().unwrap();
        assert_eq!(rest(stream), "bye");
        assert_eq!(relay.finish().code, Some(0));
        drop(kept);
    });
}

#[test]
fn a_dead_target_resets_its_clients_and_advice_is_given_once() {
    within(|| {
        let gone = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let relay = sockeye(["relay", "0", &gone.to_string()]);
        for _ in 0..3 {
            // An end would look like an empty answer. The reset may come as early as while we connect.
            let error = match TcpStream::connect_timeout(&address(&relay), LIMIT) {
                Ok(mut stream) => stream.read(&mut [0; 1]).unwrap_err(),
                Err(error) => error,
            };
            assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
        }
        relay.stderr_until("#3 cannot connect to");
        let said = String::from_utf8_lossy(&relay.so_far().1).into_owned();
        assert_eq!(
            said.matches("hint: is the target running?").count(),
            1,
            "{said}"
        );
        // It works from the moment the target does.
        let Ok(server) = TcpListener::bind(gone) else {
            return;
        };
        let mut stream = client(address(&relay));
        let (mut there, _) = server.accept().unwrap();
        there.write_all(b"back").unwrap();
        hear(&mut stream, "back");
    });
}

#[test]
fn a_target_that_does_not_answer_holds_up_nobody_else() {
    within(|| {
        // TLS to a target that never answers the handshake: each client waits for its own only.
        let target = TcpListener::bind("127.0.0.1:0").unwrap();
        let to = format!("tls://{}?verify=none", target.local_addr().unwrap());
        let relay = sockeye(["relay", "0", &to]);
        let clients: Vec<_> = (0..5).map(|_| client(address(&relay))).collect();
        for _ in &clients {
            let (mut outbound, _) = target.accept().unwrap();
            outbound.set_read_timeout(Some(LIMIT)).unwrap();
            outbound.read_exact(&mut [0; 5]).unwrap();
        }
    });
}

#[test]
fn standard_input_is_one_conversation_with_its_own_exit_code() {
    within(|| {
        let server = Peer::tcp([
            Step::expect("question"),
            Step::ExpectEnd,
            Step::send("answer"),
        ]);
        let mut relay = sockeye(["relay", "-", &server.addr().to_string()]);
        relay.write("question");
        let output = relay.finish();
        assert_eq!(
            (output.code, output.stdout_text().as_str()),
            (Some(0), "answer")
        );
        assert_eq!(output.stderr_text(), "", "it is no server");

        let mut relay = sockeye(["relay", "stdio:", "exec:sh -c 'cat; exit 5'"]);
        relay.write("through a program");
        let output = relay.finish();
        assert_eq!(
            (output.code, output.stdout_text().as_str()),
            (Some(5), "through a program")
        );

        let gone = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let output = sockeye(["relay", "-", &gone.to_string()]).finish();
        assert_eq!(output.code, Some(4));
        assert_eq!(output.stderr_text().matches("cannot connect").count(), 1);
    });
}

#[test]
fn files_and_programs_listen_for_one_conversation() {
    within(|| {
        let dir = temporary_dir();
        let file = dir.path().join("in");
        std::fs::write(&file, "from a file").unwrap();
        let server = Peer::tcp([Step::expect("from a file"), Step::ExpectEnd]);
        let from = format!("file:{}", file.display());
        let output = sockeye(["relay", &from, &server.addr().to_string()]).finish();
        assert_eq!(output.code, Some(0), "{}", output.stderr_text());
        server.finish();

        let server = Peer::tcp([Step::expect("from a program"), Step::ExpectEnd]);
        let args = [
            "relay",
            "exec:printf 'from a program'",
            &server.addr().to_string(),
        ];
        assert_eq!(sockeye(args).finish().code, Some(0));
        server.finish();
    });
}

#[test]
fn tls_is_taken_off_on_the_way() {
    within(|| {
        let server = Peer::tcp([Step::expect("plain"), Step::ExpectEnd, Step::send("answer")]);
        let relay = sockeye(["relay", "tls://0", &server.addr().to_string(), "-v"]);
        let pin = relay.line_starting_with("certificate made on the fly, pin=");
        let to = format!("tls://localhost:{}?pin={pin}", relay.port());
        let mut through = sockeye(["connect", &to]);
        through.write("plain");
        assert_eq!(through.finish().stdout_text(), "answer");
        server.finish();
        relay.stderr_until("copying: TLS transforms the bytes");
    });
}

#[test]
fn curl_speaks_through_it() {
    let Some(curl) = peers::curl() else { return };
    within(move || {
        let Some(web) = peers::WebServer::python() else {
            return;
        };
        web.put("index.html", "<p>behind a relay</p>\n");
        let relay = sockeye(["relay", "0", &web.addr().to_string()]);
        let url = format!("http://{}/index.html", relay.host_port());
        let output = Program::start(curl, ["-sS", "--max-time", "5", &url]).finish();
        assert_eq!(output.stdout_text(), "<p>behind a relay</p>\n");
    });
}

#[test]
fn datagram_clients_never_see_each_others_answers() {
    within(|| {
        let server = sockeye(["listen", "udp://127.0.0.1:0", "--echo"]);
        let relay = sockeye(["relay", "udp://127.0.0.1:0", &server.listening()]);
        let clients: Vec<_> = (0..50).map(|_| udp_client(address(&relay))).collect();
        for round in 0..20 {
            for (number, socket) in clients.iter().enumerate() {
                socket
                    .send(format!("{round} of {number}").as_bytes())
                    .unwrap();
            }
            for (number, socket) in clients.iter().enumerate() {
                let mut buf = [0; 64];
                let n = socket.recv(&mut buf).unwrap();
                assert_eq!(&buf[..n], format!("{round} of {number}").as_bytes());
            }
        }
    });
}

#[test]
fn a_datagram_target_that_was_away_is_found_again() {
    within(|| {
        let away = UdpSocket::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let relay = sockeye(["relay", "udp://127.0.0.1:0", &format!("udp://{away}")]);
        let socket = udp_client(address(&relay));
        socket.send(b"into the void").unwrap();
        socket.send(b"again").unwrap();
        let Ok(server) = UdpSocket::bind(away) else {
            return;
        };
        server.set_read_timeout(Some(LIMIT)).unwrap();
        let mut buf = [0; 64];
        // What was sent before may or may not have been lost; what is sent now is not.
        let from = loop {
            socket.send(b"now").unwrap();
            let (n, from) = server.recv_from(&mut buf).unwrap();
            if &buf[..n] == b"now" {
                break from;
            }
        };
        server.send_to(b"here", from).unwrap();
        let n = socket.recv(&mut buf).unwrap();
        assert_eq!(&buf[..n], b"here");
    });
}

#[test]
fn answers_leave_from_the_address_that_was_asked() {
    within(|| {
        let server = sockeye(["listen", "udp://0.0.0.0:0", "--echo"]);
        let port = server.port();
        for ip in ["127.0.0.1", "127.0.0.2", "127.1.2.3"] {
            // A connected socket takes datagrams from that address only.
            let socket = udp_client(format!("{ip}:{port}").parse().unwrap());
            socket.send(ip.as_bytes()).unwrap();
            let mut buf = [0; 64];
            let n = socket.recv(&mut buf).unwrap();
            assert_eq!(&buf[..n], ip.as_bytes());
        }
    });
}

#[test]
fn live_counts_show_open_connections_and_bytes() {
    within(|| {
        let server = sockeye(["listen", "0", "--echo"]);
        let relay = sockeye(["relay", "0", &server.host_port(), "--stats", "20ms"]);
        let mut stream = client(address(&relay));
        stream.write_all(b"12345").unwrap();
        hear(&mut stream, "12345");
        relay.stderr_until("1 open of 1 clients; 5 bytes upstream, 5 bytes downstream; now ");
        assert_eq!(ask(stream, ""), "");
        relay.stderr_until(
            "0 open of 1 clients; 5 bytes upstream, 5 bytes downstream; now 0 B/s up, 0 B/s down",
        );
    });
}

#[test]
fn limits_and_lists_apply_to_relays_too() {
    within(|| {
        let server = sockeye(["listen", "0", "--echo"]);
        let to = server.host_port();
        let relay = sockeye(["relay", "0", &to, "--deny", "127.0.0.0/8"]);
        assert!(matches!(
            client(address(&relay)).read(&mut [0; 1]),
            Ok(0) | Err(_)
        ));
        relay.stderr_until("refused tcp://127.0.0.1:");
        let relay = sockeye([
            "relay",
            "0",
            &to,
            "--max-clients",
            "1",
            "--refuse-excess",
            "--idle-timeout",
            "5s",
        ]);
        let mut first = client(address(&relay));
        first.write_all(b"x").unwrap();
        hear(&mut first, "x");
        assert!(matches!(
            client(address(&relay)).read(&mut [0; 1]),
            Ok(0) | Err(_)
        ));
        relay.stderr_until("as many as --max-clients");
    });
}

#[test]
fn a_stop_lets_relayed_conversations_finish() {
    within(|| {
        let server = sockeye(["listen", "0", "--echo"]);
        let relay = sockeye(["relay", "0", &server.host_port()]);
        let mut stream = client(address(&relay));
        stream.write_all(b"before").unwrap();
        hear(&mut stream, "before");
        relay.terminate();
        relay.stderr_until("stopping: 1 conversation may finish");
        assert_eq!(ask(stream, "after"), "after");
        assert_eq!(relay.finish().code, Some(0));
    });
}

#[test]
fn explain_says_what_would_happen_and_opens_nothing() {
    within(|| {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = taken.local_addr().unwrap().to_string();
        let explain = |listen: &str, target: &str, flag: &str| {
            let output = sockeye(["relay", listen, target, "--explain", flag]).finish();
            assert_eq!(output.code, Some(0), "{}", output.stderr_text());
            output.stdout_text()
        };
        let said = explain(&at, "tls://192.0.2.1:1?verify=none&family=4", "-v");
        assert!(said.contains("tls over tcp, with "), "{said}");
        assert!(said.contains("verify=none"), "{said}");
        assert!(
            said.contains("upstream    copying: TLS transforms the bytes"),
            "{said}"
        );
        let said = explain(&at, "unix:/nowhere", "-v");
        assert!(
            said.contains("downstream  splice: the kernel moves the bytes"),
            "{said}"
        );
        assert!(explain(&at, "unix:/nowhere", "--wire").contains("copying: the wire view watches"));
        assert!(explain("udp://0", "udp://192.0.2.1:1", "-v").contains("messages, one by one"));
    });
}
