//! `sockeye listen` on what keeps message boundaries: UDP, Unix datagrams, sequenced packets.

use std::net::UdpSocket;
use std::os::unix::net::UnixDatagram;
use std::path::Path;

use sockeye_testkit::{LIMIT, temporary_dir, within};

use crate::serving::{address, sockeye, udp_client};

fn exchange(socket: &UdpSocket, said: &[u8]) -> Vec<u8> {
    socket.send(said).unwrap();
    hear(socket)
}

fn hear(socket: &UdpSocket) -> Vec<u8> {
    let mut buf = vec![0; 70_000];
    let n = socket.recv(&mut buf).unwrap();
    buf.truncate(n);
    buf
}

fn unix_client(dir: &Path, name: &str, to: &Path) -> UnixDatagram {
    let socket = UnixDatagram::bind(dir.join(name)).unwrap();
    socket.connect(to).unwrap();
    socket.set_read_timeout(Some(LIMIT)).unwrap();
    socket
}

#[test]
fn echo_keeps_boundaries_from_the_empty_to_the_longest_datagram() {
    within(|| {
        let server = sockeye(["listen", "udp://127.0.0.1:0", "--echo"]);
        let socket = udp_client(address(&server));
        for size in [0, 1, 1500, 65_507, 0] {
            let said = vec![b'd'; size];
            assert!(exchange(&socket, &said) == said, "{size}");
        }
    });
}

#[test]
fn reply_and_chargen_answer_each_datagram() {
    within(|| {
        let dir = temporary_dir();
        let file = dir.path().join("answer");
        std::fs::write(&file, "pong").unwrap();
        let path = file.to_str().unwrap();
        let server = sockeye(["listen", "udp://127.0.0.1:0", "--reply", path]);
        let (ann, bob) = (udp_client(address(&server)), udp_client(address(&server)));
        for said in ["ping", "", "ping"] {
            assert_eq!(exchange(&ann, said.as_bytes()), b"pong");
            assert_eq!(exchange(&bob, said.as_bytes()), b"pong");
        }
        let server = sockeye(["listen", "udp://127.0.0.1:0", "--chargen"]);
        let socket = udp_client(address(&server));
        assert!(exchange(&socket, b"").starts_with(b" !\"#"));
        assert!(exchange(&socket, b"").starts_with(b"!\"#$"));

        std::fs::write(&file, vec![b'x'; 65_508]).unwrap();
        let output = sockeye(["listen", "udp://127.0.0.1:0", "--reply", path]).finish();
        assert_eq!(output.code, Some(2));
        assert!(output.stderr_text().contains("at most 65507"));
    });
}

#[test]
fn each_peer_has_a_program_of_its_own() {
    within(|| {
        let server = sockeye([
            "listen",
            "udp://127.0.0.1:0",
            "--shell",
            "echo $SOCKEYE_PEER_PORT; cat",
        ]);
        let (ann, bob) = (udp_client(address(&server)), udp_client(address(&server)));
        for socket in [&ann, &bob] {
            let port = socket.local_addr().unwrap().port();
            let expected = format!("{port}\nhello");
            let mut heard = exchange(socket, b"hello");
            while heard.len() < expected.len() {
                heard.extend(hear(socket));
            }
            assert_eq!(String::from_utf8_lossy(&heard), expected);
        }
    });
}

#[test]
fn a_broker_passes_datagrams_on_whole() {
    within(|| {
        let server = sockeye(["listen", "udp://127.0.0.1:0", "--broker", "-v"]);
        let clients: Vec<_> = (0..3).map(|_| udp_client(address(&server))).collect();
        // Peers are known from their first datagram on.
        for (number, socket) in clients.iter().enumerate() {
            socket.send(b"").unwrap();
            server.stderr_until(format!("#{} connected", number + 1));
        }
        // The first two heard the empty greetings of those who came later, in whichever order they were let in.
        for said in [&b"one"[..], b"", b"three"] {
            clients[2].send(said).unwrap();
        }
        for socket in &clients[..2] {
            while hear(socket) != b"one" {}
            assert_eq!(hear(socket), b"");
            assert_eq!(hear(socket), b"three");
        }
    });
}

#[test]
fn unix_datagrams_and_sequenced_packets_are_echoed() {
    within(|| {
        let dir = temporary_dir();
        let path = dir.path().join("dgram");
        let server = sockeye([
            "listen",
            &format!("unix-dgram:{}", path.display()),
            "--echo",
        ]);
        server.stderr_until("listening on");
        let socket = unix_client(dir.path(), "me", &path);
        for said in [&b"one"[..], b"", b"two"] {
            socket.send(said).unwrap();
            let mut buf = [0; 100];
            let n = socket.recv(&mut buf).unwrap();
            assert_eq!(&buf[..n], said);
        }
        let path = format!("unix-seqpacket:{}", dir.path().join("seq").display());
        let server = sockeye(["listen", &path, "--echo"]);
        server.stderr_until("listening on");
        let output = sockeye(["connect", &path, "--send", "packet"]).finish();
        assert_eq!(output.stdout_text(), "packet");
        assert_eq!(output.code, Some(0));
    });
}

#[test]
fn a_console_hears_and_answers_datagrams() {
    within(|| {
        let mut server = sockeye(["listen", "udp://127.0.0.1:0"]);
        let socket = udp_client(address(&server));
        socket.send(b"hello\n").unwrap();
        server.stdout_until("hello\n");
        server.write("yourself\n");
        assert_eq!(hear(&socket), b"yourself\n");
    });
}

#[test]
fn a_rate_for_datagrams_is_refused_with_the_reason() {
    within(|| {
        let output = sockeye(["listen", "udp://0", "--echo", "--rate", "1KiB"]).finish();
        assert_eq!(output.code, Some(2));
        assert!(
            output
                .stderr_text()
                .contains("datagrams that come too fast would only be lost")
        );
    });
}

#[test]
fn a_stop_does_not_wait_for_peers_that_have_no_end() {
    within(|| {
        let server = sockeye(["listen", "udp://127.0.0.1:0", "--echo"]);
        let socket = udp_client(address(&server));
        assert_eq!(exchange(&socket, b"x"), b"x");
        // The grace is 30 s for connections; the test ends after 10 s.
        server.terminate();
        assert_eq!(server.finish().code, Some(0));
    });
}
