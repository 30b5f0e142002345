//! Bugs that other relays became known for, each shown to be absent.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

use socket2::{Domain, SockAddr, Socket, Type};
use sockeye::net::{Net, SessionLimits};
use sockeye::relay::JoinOptions;
use sockeye_testkit::{LIMIT, deadline, pattern, temporary_dir, within};

use crate::matrix_tls;
use crate::relay_fixture::{Relay, Setup, alone, descriptors, eventually, runtime};

fn connect(relay: &Relay) -> TcpStream {
    let client = TcpStream::connect(relay.addr()).unwrap();
    client.set_read_timeout(Some(LIMIT)).unwrap();
    client
}

fn accept(listener: &TcpListener) -> TcpStream {
    let server = listener.accept().unwrap().0;
    server.set_read_timeout(Some(LIMIT)).unwrap();
    server
}

/// A relay to a server of the test.
fn to_listener(listen: &str, setup: Setup) -> (Relay, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = format!("tcp://{}", listener.local_addr().unwrap());
    (Relay::start(listen, &target, setup), listener)
}

fn all(mut from: impl Read) -> Vec<u8> {
    let mut heard = Vec::new();
    from.read_to_end(&mut heard).unwrap();
    heard
}

fn silent(client: &mut TcpStream, time: Duration) {
    client.set_read_timeout(Some(time)).unwrap();
    let heard = client.read(&mut [0; 1]);
    assert_eq!(heard.unwrap_err().kind(), ErrorKind::WouldBlock);
    client.set_read_timeout(Some(LIMIT)).unwrap();
}

#[test]
fn no_grace_of_half_a_second_after_an_end() {
    within(|| {
        let (relay, listener) = to_listener("tcp:0", Setup::default());
        let mut client = connect(&relay);
        client.write_all(b"question").unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        let mut server = accept(&listener);
        assert_eq!(all(&mut server), b"question");
        silent(&mut client, Duration::from_millis(800));
        server.write_all(b"late answer").unwrap();
        drop(server);
        assert_eq!(all(client), b"late answer");
    });
}

#[test]
fn half_close_is_on_without_asking() {
    within(|| {
        let (relay, listener) = to_listener("tcp:0", Setup::default());
        let mut client = connect(&relay);
        let server = accept(&listener);
        server.shutdown(Shutdown::Write).unwrap();
        assert_eq!(all(&mut client), b"");
        let bulk = pattern(1, 1 << 20);
        let writing = bulk.clone();
        std::thread::spawn(move || client.write_all(&writing).unwrap());
        assert!(all(server) == bulk);
    });
}

#[test]
fn the_first_end_does_not_close_both_sides() {
    within(|| {
        let (relay, listener) = to_listener("tcp:0", Setup::default());
        let mut client = connect(&relay);
        let mut server = accept(&listener);
        client.shutdown(Shutdown::Write).unwrap();
        assert_eq!(all(&mut server), b"");
        // Were the client's connection closed, the second write at the latest would fail.
        for round in 0..20_u8 {
            server.write_all(&[round]).unwrap();
            let mut heard = [0];
            client.read_exact(&mut heard).unwrap();
            assert_eq!(heard, [round]);
        }
        assert!(relay.goes_on(Duration::from_millis(50)));
    });
}

#[test]
fn no_process_is_started_for_a_connection_or_a_packet() {
    alone(
        "relay_bugs::no_process_is_started_for_a_connection_or_a_packet",
        "",
        || {
            within(|| {
                let (relay, listener) = to_listener("tcp:0", Setup::default());
                let upstream = UdpSocket::bind("127.0.0.1:0").unwrap();
                let target = format!("udp://{}", upstream.local_addr().unwrap());
                let datagrams = Relay::start("udp://127.0.0.1:0", &target, Setup::default());
                upstream.set_read_timeout(Some(LIMIT)).unwrap();
                let mut held = Vec::new();
                for _ in 0..20 {
                    let client = connect(&relay);
                    held.push((accept(&listener), client));
                    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
                    sender.send_to(b"x", datagrams.addr()).unwrap();
                    upstream.recv(&mut [0; 8]).unwrap();
                }
                assert_eq!(children(), Vec::<String>::new());
            });
        },
    );
}

/// The processes whose parent is this one (proc_pid_stat(5), field 4).
fn children() -> Vec<String> {
    let own = std::process::id().to_string();
    let stats = std::fs::read_dir("/proc").unwrap().flatten();
    let stats = stats.filter_map(|entry| std::fs::read_to_string(entry.path().join("stat")).ok());
    stats
        .filter(|stat| {
            let fields = stat.rsplit_once(") ").map_or("", |(_, fields)| fields);
            fields.split(' ').nth(1) == Some(&own)
        })
        .collect()
}

#[test]
fn what_arrives_with_the_end_of_a_tls_handshake_is_not_lost() {
    within(|| {
        let dir = temporary_dir();
        let pem = matrix_tls::certificate(dir.path());
        let listen = format!("tls://127.0.0.1:0?cert={}", pem.display());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let target = format!("tls://localhost:{port}?ca={}", pem.display());
        let relay = Relay::start(&listen, &target, Setup::default());
        let client = connect(&relay);
        // The client's first words are in the segment that ends its handshake, and the server's are in the one
        // that answers it.
        let client = std::thread::spawn(move || matrix_tls::client_saying(client.into(), b"early"));
        let (mut hear, say) = matrix_tls::server_saying(accept(&listener).into(), b"banner");
        let (mut client_hears, client_says) = client.join().unwrap();
        let mut heard = [0; 5];
        hear.read_exact(&mut heard).unwrap();
        assert_eq!(&heard, b"early");
        say.end();
        client_says.end();
        assert_eq!(all(&mut client_hears), b"banner");
        assert_eq!(all(&mut hear), b"");
    });
}

#[test]
fn a_dead_upstream_does_not_block_other_clients() {
    within(|| {
        let dir = temporary_dir();
        let pem = matrix_tls::certificate(dir.path());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let target = format!("tls://localhost:{port}?ca={}", pem.display());
        let relay = Relay::start("tcp:0", &target, Setup::default());
        // The server never answers the first handshakes.
        let stuck: Vec<_> = (0..3)
            .map(|_| (connect(&relay), accept(&listener)))
            .collect();
        let mut client = connect(&relay);
        client.write_all(b"x").unwrap();
        let (mut hear, _say) = matrix_tls::server(accept(&listener).into());
        hear.read_exact(&mut [0; 1]).unwrap();
        drop(stuck);
    });
}

#[test]
fn a_client_that_never_shakes_hands_does_not_block_others() {
    within(|| {
        let dir = temporary_dir();
        let pem = matrix_tls::certificate(dir.path());
        let listen = format!("tls://127.0.0.1:0?cert={}", pem.display());
        let (relay, listener) = to_listener(&listen, Setup::default());
        let stuck: Vec<_> = (0..3).map(|_| connect(&relay)).collect();
        let (_hear, mut say) = matrix_tls::client(connect(&relay).into());
        say.write_all(b"x").unwrap();
        accept(&listener).read_exact(&mut [0; 1]).unwrap();
        drop(stuck);
    });
}

/// A relay of datagrams, a client, and a server that is connected to the relay's socket.
fn datagrams() -> (Relay, UdpSocket, UdpSocket) {
    let server = UdpSocket::bind("127.0.0.1:0").unwrap();
    let client = UdpSocket::bind("127.0.0.1:0").unwrap();
    let target = format!("udp://{}", server.local_addr().unwrap());
    let relay = Relay::start("udp://127.0.0.1:0", &target, Setup::default());
    client.connect(relay.addr()).unwrap();
    for socket in [&client, &server] {
        socket.set_read_timeout(Some(LIMIT)).unwrap();
    }
    client.send(b"begin").unwrap();
    let (_, from) = server.recv_from(&mut [0; 8]).unwrap();
    server.connect(from).unwrap();
    (relay, client, server)
}

#[test]
fn datagrams_are_not_cut_at_the_size_of_a_frame() {
    within(|| {
        let (_relay, client, server) = datagrams();
        let mut heard = vec![0; 65_536];
        for size in [1472, 1500, 1501, 2048, 9001, 65_507] {
            for (from, to) in [(&client, &server), (&server, &client)] {
                let sent = pattern(1, size);
                from.send(&sent).unwrap();
                let n = to.recv(&mut heard).unwrap();
                assert!(heard[..n] == sent, "{n} bytes of {size}");
            }
        }
    });
}

#[test]
fn an_empty_message_is_not_the_end() {
    within(|| {
        let (relay, client, server) = datagrams();
        for (from, to) in [(&client, &server), (&server, &client)] {
            for message in [&b""[..], b"after", b"", b"", b"last"] {
                from.send(message).unwrap();
                let mut heard = [0; 8];
                let n = to.recv(&mut heard).unwrap();
                assert_eq!(&heard[..n], message);
            }
        }
        assert!(relay.goes_on(Duration::from_millis(50)));
    });
}

#[test]
fn messages_are_not_split_at_64_kib() {
    within(|| {
        let dir = temporary_dir();
        let (near, far) = (dir.path().join("near"), dir.path().join("far"));
        let packets = || Socket::new(Domain::UNIX, Type::SEQPACKET, None).unwrap();
        let listener = packets();
        listener.bind(&SockAddr::unix(&far).unwrap()).unwrap();
        listener.listen(1).unwrap();
        let relay = Relay::start(
            &format!("unix-seqpacket:{}", near.display()),
            &format!("unix-seqpacket:{}", far.display()),
            Setup::default(),
        );
        let client = packets();
        client.connect(&SockAddr::unix(&near).unwrap()).unwrap();
        relay.wait_open();
        let server = listener.accept().unwrap().0;
        for size in [65_535, 65_536, 65_537, 131_073] {
            for (from, mut to) in [(&client, &server), (&server, &client)] {
                let sent = pattern(1, size);
                assert_eq!(from.send(&sent).unwrap(), size);
                let mut heard = vec![0; 200_000];
                let n = to.read(&mut heard).unwrap();
                assert!(heard[..n] == sent, "{n} bytes of {size}");
            }
        }
    });
}

#[test]
fn sessions_and_connections_leave_nothing_behind() {
    alone(
        "relay_bugs::sessions_and_connections_leave_nothing_behind",
        "",
        || {
            deadline(2 * LIMIT, || {
                let mut options = JoinOptions::default();
                options.datagram_linger = Some(Duration::from_millis(10));
                let mut sessions = SessionLimits::default();
                sessions.idle_timeout = Duration::from_millis(100);
                let setup = Setup {
                    net: Net::new().sessions(sessions),
                    options,
                    ..Setup::default()
                };
                let (relay, listener) = to_listener("tcp:0", setup.clone());
                let upstream = UdpSocket::bind("127.0.0.1:0").unwrap();
                upstream.set_read_timeout(Some(LIMIT)).unwrap();
                let target = format!("udp://{}", upstream.local_addr().unwrap());
                let datagrams = Relay::start("udp://127.0.0.1:0", &target, setup);
                let tasks = || runtime().metrics().num_alive_tasks();
                let before = (descriptors(), tasks());
                // Each one keeps its port, or the next one might continue its session.
                let mut senders = Vec::new();
                for round in 0..200 {
                    let client = connect(&relay);
                    let server = accept(&listener);
                    match round % 3 {
                        0 => drop((client, server)),
                        1 => drop((server, client)),
                        _ => {
                            let linger = socket2::SockRef::from(&client);
                            linger.set_linger(Some(Duration::ZERO)).unwrap();
                            drop(client);
                        }
                    }
                    relay.joined();
                    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
                    sender.send_to(b"x", datagrams.addr()).unwrap();
                    upstream.recv(&mut [0; 8]).unwrap();
                    senders.push(sender);
                }
                for _ in 0..200 {
                    datagrams.joined();
                }
                drop(senders);
                eventually("descriptors and tasks come back", || {
                    descriptors() <= before.0 && tasks() <= before.1
                });
            });
        },
    );
}
