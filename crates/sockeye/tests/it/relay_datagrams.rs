//! A relay of datagrams: many clients, an upstream that comes and goes, sessions that end.

use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::thread;
use std::time::Duration;

use sockeye::net::{Net, SessionLimits};
use sockeye::relay::JoinOptions;
use sockeye_testkit::{LIMIT, deadline, within};

use crate::relay_fixture::{Relay, Setup, alone, descriptors, eventually, own_loopback};

fn socket() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(LIMIT)).unwrap();
    socket
}

fn client_of(relay: &Relay) -> UdpSocket {
    let client = socket();
    client.connect(relay.addr()).unwrap();
    client
}

/// A server that sends everything back, until it is told "stop".
fn echo(server: UdpSocket) -> SocketAddr {
    let addr = server.local_addr().unwrap();
    thread::spawn(move || {
        let mut buffer = vec![0; 65_536];
        while let Ok((n, from)) = server.recv_from(&mut buffer) {
            server.send_to(&buffer[..n], from).unwrap();
            if &buffer[..n] == b"stop" {
                return;
            }
        }
    });
    addr
}

fn answered(client: &UdpSocket, message: &[u8]) {
    client.send(message).unwrap();
    heard(client, message);
}

fn heard(client: &UdpSocket, message: &[u8]) {
    let mut buffer = vec![0; 65_536];
    let n = client.recv(&mut buffer).unwrap();
    assert_eq!(&buffer[..n], message);
}

fn hears_nothing(client: &UdpSocket, time: Duration) {
    client.set_read_timeout(Some(time)).unwrap();
    let heard = client.recv(&mut [0; 64]);
    assert_eq!(heard.unwrap_err().kind(), ErrorKind::WouldBlock);
    client.set_read_timeout(Some(LIMIT)).unwrap();
}

/// A relay whose sessions end after this silence.
fn brief(idle: Duration) -> Setup {
    let mut sessions = SessionLimits::default();
    sessions.idle_timeout = idle;
    let mut options = JoinOptions::default();
    options.datagram_linger = Some(Duration::from_millis(20));
    Setup {
        net: Net::new().sessions(sessions),
        options,
        ..Setup::default()
    }
}

#[test]
fn two_clients_never_hear_each_others_answers() {
    within(|| {
        let upstream = echo(socket());
        let target = format!("udp://{upstream}");
        let relay = Relay::start("udp://127.0.0.1:0", &target, Setup::default());
        let (one, two) = (client_of(&relay), client_of(&relay));
        for round in 0..500_u32 {
            one.send(format!("one {round}").as_bytes()).unwrap();
            two.send(format!("two {round}").as_bytes()).unwrap();
            heard(&two, format!("two {round}").as_bytes());
            heard(&one, format!("one {round}").as_bytes());
        }
    });
}

#[test]
fn a_thousand_source_ports_hear_their_own_answers() {
    let name = "relay_datagrams::a_thousand_source_ports_hear_their_own_answers";
    alone(name, "", || {
        deadline(2 * LIMIT, || {
            const ROUNDS: usize = 10;
            // Few enough in flight that no queue of the kernel overflows.
            const AT_ONCE: usize = 50;
            let upstream = echo(socket());
            let target = format!("udp://{upstream}");
            let relay = Relay::start("udp://127.0.0.1:0", &target, Setup::default());
            let clients: Vec<UdpSocket> = (0..1000).map(|_| client_of(&relay)).collect();
            for round in 0..ROUNDS {
                for (group, clients) in clients.chunks(AT_ONCE).enumerate() {
                    let word = |index: usize| format!("{group} {index} {round}").into_bytes();
                    for (index, client) in clients.iter().enumerate() {
                        client.send(&word(index)).unwrap();
                    }
                    for (index, client) in clients.iter().enumerate() {
                        heard(client, &word(index));
                    }
                }
            }
            for client in &clients {
                client.set_nonblocking(true).unwrap();
                let more = client.recv(&mut [0; 64]);
                assert_eq!(more.unwrap_err().kind(), ErrorKind::WouldBlock);
            }
        });
    });
}

#[test]
fn an_upstream_that_is_not_there_yet_costs_nothing_but_its_answers() {
    within(|| {
        // The address is ours alone, so nobody takes the port meanwhile.
        let reserved = UdpSocket::bind((own_loopback(), 0)).unwrap();
        let upstream = reserved.local_addr().unwrap();
        drop(reserved);
        let target = format!("udp://{upstream}");
        let relay = Relay::start("udp://127.0.0.1:0", &target, Setup::default());
        let client = client_of(&relay);
        for _ in 0..3 {
            client.send(b"lost").unwrap();
        }
        hears_nothing(&client, Duration::from_millis(200));
        let server = UdpSocket::bind(upstream).unwrap();
        server.set_read_timeout(Some(LIMIT)).unwrap();
        echo(server);
        answered(&client, b"the next one");
        answered(&client_of(&relay), b"another client");
        // It goes, and comes again.
        answered(&client, b"stop");
        let mut server = None;
        eventually("the port is free again", || {
            server = UdpSocket::bind(upstream).ok();
            server.is_some()
        });
        drop(server);
        client.send(b"lost").unwrap();
        hears_nothing(&client, Duration::from_millis(200));
        let server = UdpSocket::bind(upstream).unwrap();
        server.set_read_timeout(Some(LIMIT)).unwrap();
        echo(server);
        answered(&client, b"the next one again");
    });
}

#[test]
fn an_idle_session_gives_its_socket_back() {
    alone(
        "relay_datagrams::an_idle_session_gives_its_socket_back",
        "",
        || {
            within(|| {
                let upstream = echo(socket());
                let target = format!("udp://{upstream}");
                let relay =
                    Relay::start("udp://127.0.0.1:0", &target, brief(Duration::from_secs(1)));
                let clients: Vec<UdpSocket> = (0..50).map(|_| client_of(&relay)).collect();
                let before = descriptors();
                for client in &clients {
                    answered(client, b"x");
                }
                assert!(descriptors() >= before + 50, "one socket for each session");
                for _ in &clients {
                    assert_eq!(relay.joined().totals.upstream.messages, 1);
                }
                eventually("the descriptors come back", || descriptors() <= before);
                // The same clients begin new sessions.
                answered(&clients[0], b"again");
            });
        },
    );
}

#[test]
fn the_shortest_and_the_longest_datagram_pass() {
    within(|| {
        let upstream = echo(socket());
        let target = format!("udp://{upstream}");
        let relay = Relay::start("udp://127.0.0.1:0", &target, Setup::default());
        let client = client_of(&relay);
        for size in [0, 65_507, 0, 1] {
            answered(&client, &sockeye_testkit::pattern(1, size));
        }
    });
}

#[test]
fn an_answer_leaves_from_the_address_that_was_asked() {
    within(|| {
        let upstream = echo(socket());
        let target = format!("udp://{upstream}");
        let relay = Relay::start("udp://:0?family=4", &target, Setup::default());
        let port = relay.addr().port();
        // One client asks several addresses of one listener.
        let client = socket();
        for last in [2, 1, 3] {
            let asked = SocketAddr::from(([127, 0, 0, last], port));
            client.send_to(&[last], asked).unwrap();
            let mut heard = [0; 8];
            let (n, from) = client.recv_from(&mut heard).unwrap();
            assert_eq!((&heard[..n], from), (&[last][..], asked));
        }
    });
}
