//! `sockeye sockets --wait-listening` and `--who`.

use std::net::{SocketAddr, TcpListener, TcpStream};

use sockeye_testkit::within;

use crate::sockets::{listener, sockets};
use crate::sockets_json::lines;
use crate::sockeye;

/// A port of this test that nobody listens on yet.
fn bound() -> (socket2::Socket, u16) {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
    socket.bind(&any.into()).unwrap();
    let port = socket.local_addr().unwrap().as_socket().unwrap().port();
    (socket, port)
}

#[test]
fn it_waits_until_every_port_has_a_listener() {
    within(|| {
        let (one, first) = bound();
        let (two, second) = bound();
        let ports = format!("{first},{second}");
        let mut waits = sockeye([
            "sockets",
            "--wait-listening",
            &ports,
            "--format",
            "{local-port}",
        ]);
        one.listen(1).unwrap();
        assert!(waits.is_running());
        two.listen(1).unwrap();
        let output = waits.finish();
        assert_eq!(output.code, Some(0), "{output:?}");
        assert_eq!(output.stdout_text(), format!("{first}\n{second}\n"));
    });
}

#[test]
fn out_of_time_it_says_what_is_there_instead() {
    within(|| {
        let (_bound, port) = bound();
        let flags = ["--wait-listening", &port.to_string(), "--timeout", "100ms"];
        let output = sockets(&flags);
        assert_eq!(
            (output.code, output.stdout_text().as_str()),
            (Some(5), ""),
            "{output:?}"
        );
        let said = output.stderr_text();
        assert!(
            said.starts_with(&format!("sockeye: nobody listens on port {port}")),
            "{said}"
        );
        assert!(said.contains(" after 100ms\nhint: "), "{said}");
        // The same number, so that no other program comes to listen there meanwhile.
        let _udp = std::net::UdpSocket::bind(("127.0.0.1", port)).unwrap();
        let port = port.to_string();
        let output = sockets(&["--wait-listening", &port, "--timeout", "50ms"]);
        let said = output.stderr_text();
        // A connection of another test that is over may have had the same port.
        assert!(said.contains(" (there is "), "{said}");
        assert!(said.contains("udp unconnected of "), "{said}");
        assert!(said.contains(&format!(" {}", std::process::id())), "{said}");
        // Whoever means datagrams says so.
        let output = sockets(&["-u", "--wait-listening", &port, "--timeout", "5s"]);
        assert_eq!(output.code, Some(0), "{output:?}");
    });
}

#[test]
fn a_connection_is_found_by_its_two_ends_from_either_of_them() {
    within(|| {
        let (listener, port) = listener();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let from = client.local_addr().unwrap();
        let (_served, _) = listener.accept().unwrap();
        for who in [
            format!("{from}-127.0.0.1:{port}"),
            format!("127.0.0.1:{port} -> {from}"),
            format!("{from}→:{port}"),
        ] {
            let output = sockets(&["--who", &who, "--json"]);
            let all = lines(&output);
            let mut ports: Vec<_> = all
                .iter()
                .map(|line| line["local"]["port"].as_u64().unwrap())
                .collect();
            let mut expected = [u64::from(port), u64::from(from.port())];
            ports.sort_unstable();
            expected.sort_unstable();
            assert_eq!(ports, expected, "{who}: {output:?}");
            assert!(
                all.iter()
                    .all(|line| line["owners"][0]["pid"] == std::process::id())
            );
        }
    });
}

#[test]
fn a_wrong_peer_is_no_such_connection_and_not_the_listener() {
    within(|| {
        let (listener, port) = listener();
        let other = TcpListener::bind("127.0.0.1:0").unwrap();
        let free = other.local_addr().unwrap().port();
        let who = format!("127.0.0.1:{free}-127.0.0.1:{port}");
        let output = sockets(&["--who", &who]);
        assert_eq!(
            (output.code, output.stdout_text().as_str()),
            (Some(1), ""),
            "{output:?}"
        );
        assert_eq!(output.stderr_text(), format!("no such connection: {who}\n"));
        let output = sockets(&["--who", "127.0.0.1"]);
        assert_eq!(output.code, Some(2), "{output:?}");
        assert!(
            output.stderr_text().contains("two ends are needed, as in"),
            "{output:?}"
        );
        drop(listener);
    });
}

#[test]
fn an_assertion_holds_or_names_its_offenders() {
    within(|| {
        let (listener, port) = listener();
        let holds = format!("exactly 1 tcp socket listening on port {port}");
        let fails = format!("none listening on port {port}");
        let output = sockets(&["--assert", &holds]);
        assert_eq!(output.code, Some(0), "{output:?}");
        assert!(
            output.stdout_text().starts_with("holds: 1 socket is `"),
            "{output:?}"
        );
        let output = sockets(&["--assert", &holds, "--assert", &fails]);
        assert_eq!(output.code, Some(1), "{output:?}");
        let text = output.stdout_text();
        assert!(text.contains("\nfails: 1 socket is `"), "{text}");
        assert!(text.contains(&format!("  127.0.0.1:{port}  ")), "{text}");
        let output = sockets(&["--assert", &fails, "--json"]);
        let all = lines(&output);
        assert_eq!(
            (&all[0]["type"], &all[0]["holds"]),
            (&"assertion".into(), &false.into())
        );
        assert_eq!(all[0]["offenders"][0]["local"]["port"], port);
        let output = sockets(&["--assert", "nine listening"]);
        assert_eq!(output.code, Some(2), "{output:?}");
        assert!(output.stderr_text().contains('^'), "{output:?}");
        // Given time, it waits until the sentence becomes true.
        let waits = sockeye(["sockets", "--assert", &fails, "--timeout", "9s"]);
        drop(listener);
        assert_eq!(waits.finish().code, Some(0));
    });
}

#[test]
fn what_is_wrong_is_said_below_the_list_and_alone() {
    within(|| {
        let (socket, port) = bound();
        socket.listen(1).unwrap();
        let at = ("127.0.0.1", port);
        let _clients = [(); 2].map(|()| TcpStream::connect(at).unwrap());
        let port = port.to_string();
        let listed = sockets(&["-l", "--port", &port]);
        assert_eq!(listed.code, Some(0), "{listed:?}");
        assert!(listed.stderr_text().contains("warning: "), "{listed:?}");
        let alone = sockets(&["--verdicts", "-l", "--port", &port]);
        assert_eq!(alone.code, Some(1), "{alone:?}");
        assert!(alone.stdout_text().starts_with("warning: "), "{alone:?}");
        let json = lines(&sockets(&["--verdicts", "-l", "--port", &port, "--json"]));
        assert_eq!(json[0]["code"], "accept-queue-full");
        assert_eq!(json[0]["sockets"][0]["accept_queue"]["waiting"], 2);
        let quiet = sockets(&["-lq", "--port", &port]);
        assert_eq!(quiet.stderr_text(), "");
        let (_fine, other) = listener();
        let fine = sockets(&["--verdicts", "-l", "--port", &other.to_string()]);
        assert_eq!(
            (fine.code, fine.stdout_text().as_str()),
            (Some(0), ""),
            "{fine:?}"
        );
    });
}
