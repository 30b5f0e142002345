#![allow(clippy::unwrap_used, clippy::field_reassign_with_default)]

use std::future::Future;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::Duration;

use super::*;
use crate::endpoint::{
    Carrier, Endpoint, Family, HostPort, Options, UnixAddress, UnixKind, UnixName,
};
use crate::error::{Kind, Result};
use crate::net::{MAX_DATAGRAM, Messages};

const ANY_V4: &str = "0.0.0.0:0";
const LO_V4: &str = "127.0.0.1:0";
const LO_V6: &str = "[::1]:0";

async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(10), future)
        .await
        .expect("it must not take 10 s")
}

fn endpoint(addr: &str) -> Endpoint {
    Endpoint::new(Carrier::Udp(HostPort::from_addr(addr.parse().unwrap())))
}

fn sessions_with(addrs: &[&str], options: &Options, limits: SessionLimits) -> Result<Sessions> {
    let list: Vec<SocketAddr> = addrs.iter().map(|addr| addr.parse().unwrap()).collect();
    Sessions::udp(&list, options, limits, &endpoint(addrs[0]))
}

fn sessions(addr: &str, limits: SessionLimits) -> Sessions {
    sessions_with(&[addr], &Options::default(), limits).unwrap()
}

fn port(endpoint: &Endpoint) -> u16 {
    let Carrier::Udp(HostPort {
        port: crate::endpoint::Port::Number(port),
        ..
    }) = endpoint.carrier()
    else {
        panic!("not UDP: {endpoint:?}");
    };
    *port
}

fn to(ip: &str, sessions: &Sessions) -> SocketAddr {
    SocketAddr::new(ip.parse().unwrap(), port(&sessions.locals()[0]))
}

/// A plain socket of the standard library, so that nothing of ours is on both sides.
fn client(at: &str) -> UdpSocket {
    let socket = UdpSocket::bind(at).unwrap();
    socket
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    socket
}

async fn tokio_client(at: &str) -> tokio::net::UdpSocket {
    tokio::net::UdpSocket::bind(at).await.unwrap()
}

async fn next(link: &Messages) -> Option<Vec<u8>> {
    let mut buf = vec![0; 66_000];
    let len = soon(link.recv(&mut buf)).await.unwrap()?;
    buf.truncate(len);
    Some(buf)
}

/// Answers everything until the session ends.
async fn echo(link: Messages) {
    let mut buf = vec![0; 66_000];
    while let Ok(Some(len)) = link.recv(&mut buf).await {
        link.send(&buf[..len]).await.unwrap();
    }
}

async fn echo_server(mut sessions: Sessions) {
    while let Ok(link) = sessions.accept().await {
        tokio::spawn(echo(link));
    }
}

#[tokio::test]
async fn two_clients_that_interleave_never_see_each_others_answers() {
    let server = sessions(LO_V4, SessionLimits::default());
    let at = to("127.0.0.1", &server);
    let task = tokio::spawn(echo_server(server));
    let (one, two) = (tokio_client(LO_V4).await, tokio_client(LO_V4).await);
    let mut buf = [0; 100];
    for round in 0..500u32 {
        one.send_to(format!("one {round}").as_bytes(), at)
            .await
            .unwrap();
        two.send_to(format!("two {round}").as_bytes(), at)
            .await
            .unwrap();
        for (name, socket) in [("two", &two), ("one", &one)] {
            let (len, from) = soon(socket.recv_from(&mut buf)).await.unwrap();
            assert_eq!(from, at);
            assert_eq!(buf[..len], *format!("{name} {round}").as_bytes());
        }
    }
    task.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_ports_with_a_hundred_datagrams_each_get_their_own_answers() {
    let server = sessions(LO_V4, SessionLimits::default());
    let at = to("127.0.0.1", &server);
    let task = tokio::spawn(echo_server(server));
    // 32 at a time: the receive buffer of the one socket holds what they send before it is read.
    let permits = std::sync::Arc::new(tokio::sync::Semaphore::new(32));
    let mut clients = tokio::task::JoinSet::new();
    for number in 0..1000u32 {
        let permits = permits.clone();
        clients.spawn(async move {
            let _permit = permits.acquire().await.unwrap();
            let socket = tokio_client(LO_V4).await;
            socket.connect(at).await.unwrap();
            let mut buf = [0; 64];
            for round in 0..100u32 {
                let sent = [number.to_be_bytes(), round.to_be_bytes()].concat();
                socket.send(&sent).await.unwrap();
                let len = soon(socket.recv(&mut buf)).await.unwrap();
                assert_eq!(buf[..len], sent);
            }
        });
    }
    let mut done = 0;
    while let Some(client) = tokio::time::timeout(Duration::from_secs(60), clients.join_next())
        .await
        .unwrap()
    {
        client.unwrap();
        done += 1;
    }
    assert_eq!(done, 1000);
    task.abort();
}

#[tokio::test]
async fn an_idle_session_ends_and_its_peer_starts_a_new_one() {
    let limits = SessionLimits {
        idle_timeout: Duration::from_millis(30),
        ..SessionLimits::default()
    };
    let mut server = sessions(LO_V4, limits);
    let peer = client(LO_V4);
    let at = to("127.0.0.1", &server);
    for text in ["first", "second"] {
        peer.send_to(text.as_bytes(), at).unwrap();
        let link = soon(server.accept()).await.unwrap();
        assert_eq!(next(&link).await.unwrap(), text.as_bytes());
        assert_eq!(server.open(), 1);
        assert_eq!(next(&link).await, None, "the session ends");
        assert_eq!(server.open(), 0, "and is forgotten");
        assert_eq!(next(&link).await, None, "the end stays the end");
    }
}

#[tokio::test]
async fn a_session_dropped_by_its_handler_is_made_anew() {
    let mut server = sessions(LO_V4, SessionLimits::default());
    let peer = client(LO_V4);
    let at = to("127.0.0.1", &server);
    for text in ["first", "second"] {
        peer.send_to(text.as_bytes(), at).unwrap();
        let link = soon(server.accept()).await.unwrap();
        assert_eq!(next(&link).await.unwrap(), text.as_bytes());
        drop(link);
        assert_eq!(server.open(), 0);
    }
}

#[tokio::test]
async fn an_unreachable_peer_does_not_end_the_listener() {
    let mut server = sessions(LO_V4, SessionLimits::default());
    let at = to("127.0.0.1", &server);
    let gone = client(LO_V4);
    gone.send_to(b"and gone", at).unwrap();
    let link = soon(server.accept()).await.unwrap();
    drop(gone);
    for _ in 0..10 {
        link.send(b"answered by port unreachable").await.unwrap();
    }
    let peer = client(LO_V4);
    peer.send_to(b"still there?", at).unwrap();
    let link = soon(server.accept()).await.unwrap();
    assert_eq!(next(&link).await.unwrap(), b"still there?");
    link.send(b"yes").await.unwrap();
    let mut buf = [0; 10];
    assert_eq!(peer.recv(&mut buf).unwrap(), 3);
}

#[tokio::test]
async fn empty_and_largest_datagrams_pass_in_both_families() {
    for (at, ip) in [(LO_V4, "127.0.0.1"), (LO_V6, "::1")] {
        let mut server = sessions(at, SessionLimits::default());
        let peer = client(at);
        peer.connect(to(ip, &server)).unwrap();
        peer.send(b"").unwrap();
        let link = soon(server.accept()).await.unwrap();
        assert_eq!(next(&link).await.unwrap(), b"");
        let big: Vec<u8> = (0..MAX_DATAGRAM).map(|i| i as u8).collect();
        peer.send(&big).unwrap();
        assert_eq!(next(&link).await.unwrap(), big);
        let mut buf = vec![1; 66_000];
        link.send(&big).await.unwrap();
        let len = peer.recv(&mut buf).unwrap();
        assert_eq!(buf[..len], big);
        link.send(b"").await.unwrap();
        assert_eq!(peer.recv(&mut buf).unwrap(), 0);
        let error = link.send(&vec![0; 65_528]).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Usage, "{error}");
    }
}

#[tokio::test]
async fn a_message_longer_than_the_buffer_is_an_error_and_the_next_one_is_whole() {
    let mut server = sessions(LO_V4, SessionLimits::default());
    let peer = client(LO_V4);
    let at = to("127.0.0.1", &server);
    peer.send_to(b"123456", at).unwrap();
    peer.send_to(b"12345", at).unwrap();
    let link = soon(server.accept()).await.unwrap();
    let mut buf = [0; 5];
    let error = soon(link.recv(&mut buf)).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Protocol, "{error}");
    assert_eq!(soon(link.recv(&mut buf)).await.unwrap(), Some(5));
}

#[tokio::test]
async fn answers_leave_from_the_address_that_was_asked() {
    let mut server = sessions(ANY_V4, SessionLimits::default());
    let peer = client(LO_V4);
    for ip in ["127.0.0.2", "127.0.0.3"] {
        let at = to(ip, &server);
        peer.send_to(b"who?", at).unwrap();
        let link = soon(server.accept()).await.unwrap();
        let local = link.local().unwrap();
        assert_eq!(*local.carrier(), Carrier::Udp(HostPort::from_addr(at)));
        link.send(b"me").await.unwrap();
        let (_, from) = peer.recv_from(&mut [0; 10]).unwrap();
        assert_eq!(from, at);
    }
    assert_eq!(server.open(), 0);
}

#[tokio::test]
async fn a_socket_of_both_families_answers_ipv4_from_the_address_that_was_asked() {
    let mut server = sessions("[::]:0", SessionLimits::default());
    for (ip, local) in [("127.0.0.2", LO_V4), ("::1", LO_V6)] {
        let peer = client(local);
        let at = to(ip, &server);
        peer.send_to(b"who?", at).unwrap();
        let link = soon(server.accept()).await.unwrap();
        let Carrier::Udp(from) = link.peer().unwrap().carrier() else {
            panic!()
        };
        assert_eq!(*from, HostPort::from_addr(peer.local_addr().unwrap()));
        link.send(b"me").await.unwrap();
        assert_eq!(peer.recv_from(&mut [0; 10]).unwrap().1, at);
    }
}

#[tokio::test]
async fn both_families_share_one_port() {
    let mut server = sessions_with(
        &[LO_V4, LO_V6],
        &Options::default(),
        SessionLimits::default(),
    )
    .unwrap();
    assert_eq!(server.locals().len(), 2);
    let first = port(&server.locals()[0]);
    assert_eq!(first, port(&server.locals()[1]));
    for (ip, local) in [("127.0.0.1", LO_V4), ("::1", LO_V6)] {
        let peer = client(local);
        peer.send_to(ip.as_bytes(), to(ip, &server)).unwrap();
        let link = soon(server.accept()).await.unwrap();
        assert_eq!(next(&link).await.unwrap(), ip.as_bytes());
    }
}

#[tokio::test]
async fn a_family_option_leaves_the_other_addresses_out() {
    let mut options = Options::default();
    options.family = Some(Family::V6);
    let server = sessions_with(&[LO_V4, LO_V6], &options, SessionLimits::default()).unwrap();
    assert_eq!(server.locals().len(), 1);
    assert!(client(LO_V6).send_to(b"", to("::1", &server)).is_ok());
}

#[tokio::test]
async fn a_taken_port_is_told_and_the_port_is_free_after_the_last_user() {
    let mut server = sessions(LO_V4, SessionLimits::default());
    let at = to("127.0.0.1", &server);
    let again = || {
        sessions_with(
            &[&at.to_string()],
            &Options::default(),
            SessionLimits::default(),
        )
    };
    assert_eq!(again().err().unwrap().kind(), Kind::InUse);
    let peer = client(LO_V4);
    peer.send_to(b"1", at).unwrap();
    let link = soon(server.accept()).await.unwrap();
    drop(server);
    assert_eq!(again().err().unwrap().kind(), Kind::InUse);
    // The session lives on without its listener.
    peer.send_to(b"2", at).unwrap();
    assert_eq!(next(&link).await.unwrap(), b"1");
    assert_eq!(next(&link).await.unwrap(), b"2");
    drop(link);
    assert!(again().is_ok());
}

#[tokio::test]
async fn a_full_table_closes_a_silent_session_or_drops_the_newcomer() {
    let mut limits = SessionLimits {
        max_sessions: 2,
        evict_after: Duration::ZERO,
        ..SessionLimits::default()
    };
    let peers = [client(LO_V4), client(LO_V4), client(LO_V4)];
    let mut server = sessions(LO_V4, limits.clone());
    let at = to("127.0.0.1", &server);
    let mut links = Vec::new();
    for peer in &peers {
        peer.send_to(b"x", at).unwrap();
        let link = soon(server.accept()).await.unwrap();
        assert_eq!(next(&link).await.unwrap(), b"x");
        links.push(link);
    }
    assert_eq!(server.open(), 2);
    assert_eq!(next(&links[0]).await, None, "the oldest one was closed");

    limits.evict_after = Duration::from_secs(3600);
    let mut server = sessions(LO_V4, limits);
    let at = to("127.0.0.1", &server);
    let mut links = Vec::new();
    for peer in &peers[..2] {
        peer.send_to(b"x", at).unwrap();
        links.push(soon(server.accept()).await.unwrap());
    }
    peers[2].send_to(b"nobody hears this", at).unwrap();
    // The same task receives all: when this one is there, the one before has been judged.
    peers[0].send_to(b"y", at).unwrap();
    assert_eq!(next(&links[0]).await.unwrap(), b"x");
    assert_eq!(next(&links[0]).await.unwrap(), b"y");
    assert_eq!((server.open(), server.dropped()), (2, 1));
}

#[tokio::test]
async fn what_a_queue_does_not_hold_is_dropped_and_counted_and_nobody_else_is_held_up() {
    let limits = SessionLimits {
        queue_messages: 3,
        ..SessionLimits::default()
    };
    let mut server = sessions(LO_V4, limits);
    let at = to("127.0.0.1", &server);
    let (slow, quick) = (client(LO_V4), client(LO_V4));
    for number in 0..10u8 {
        slow.send_to(&[number], at).unwrap();
    }
    quick.send_to(b"here", at).unwrap();
    let slow = soon(server.accept()).await.unwrap();
    let quick = soon(server.accept()).await.unwrap();
    assert_eq!(next(&quick).await.unwrap(), b"here");
    assert_eq!(server.dropped(), 7);
    for number in 0..3u8 {
        assert_eq!(next(&slow).await.unwrap(), [number]);
    }
}

#[tokio::test]
async fn the_bytes_of_one_queue_and_of_all_are_bounded() {
    for limits in [
        SessionLimits {
            queue_bytes: 2500,
            ..SessionLimits::default()
        },
        SessionLimits {
            total_bytes: 2500,
            ..SessionLimits::default()
        },
    ] {
        let mut server = sessions(LO_V4, limits);
        let at = to("127.0.0.1", &server);
        let peer = client(LO_V4);
        for _ in 0..4 {
            peer.send_to(&[0; 1000], at).unwrap();
        }
        peer.send_to(b"last", at).unwrap();
        let link = soon(server.accept()).await.unwrap();
        for len in [1000, 1000, 4] {
            assert_eq!(next(&link).await.unwrap().len(), len);
        }
        assert_eq!(server.dropped(), 2);
    }
}

#[tokio::test]
async fn one_socket_talks_to_many_peers_and_knows_the_address_that_was_asked() {
    let at: SocketAddr = ANY_V4.parse().unwrap();
    let socket = DatagramSocket::bind(&[at], &Options::default(), &endpoint(ANY_V4), None).unwrap();
    let mut buf = [0; 100];
    for ip in ["127.0.0.1", "127.0.0.2"] {
        let peer = client(LO_V4);
        peer.send_to(b"hello", (ip, port(socket.local()))).unwrap();
        let got = soon(socket.recv_from(&mut buf)).await.unwrap();
        assert_eq!(got.asked, Some(ip.parse::<IpAddr>().unwrap()));
        assert_eq!(got.peer, PeerAddress::Ip(peer.local_addr().unwrap()));
        soon(socket.send_to(&buf[..got.len], &got.peer))
            .await
            .unwrap();
        assert_eq!(peer.recv(&mut buf).unwrap(), 5);
    }
    let other = PeerAddress::Ip("[::1]:9".parse().unwrap());
    assert_eq!(
        soon(socket.send_to(b"", &other)).await.unwrap_err().kind(),
        Kind::Usage
    );
    let broadcast = PeerAddress::Ip("127.255.255.255:9".parse().unwrap());
    let error = soon(socket.send_to(b"", &broadcast)).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Denied);
    assert!(error.hint().unwrap().contains("?broadcast=yes"));
}

#[tokio::test]
async fn a_listener_joins_its_groups_on_the_loopback_interface() {
    for (group, at) in [("239.255.7.7", "0.0.0.0:0"), ("ff15::7777", "[::]:0")] {
        let mut options = Options::default();
        options.join = vec![group.parse().unwrap()];
        options.interface = Some("lo".into());
        let mut server = match sessions_with(&[at], &options, SessionLimits::default()) {
            Ok(server) => server,
            Err(e) => panic!("cannot join {group} on lo: {e}"),
        };
        let to = SocketAddr::new(group.parse().unwrap(), port(&server.locals()[0]));
        let link = match crate::net::carrier::udp::connect(&[to], &options, &endpoint(at), None) {
            Ok(link) => link,
            Err(e) => panic!("{e}"),
        };
        if let Err(e) = soon(link.send(b"to all")).await {
            // Printed so that the skip is seen; there is nothing else to be tested on such a machine.
            let _ = std::io::Write::write_all(
                &mut std::io::stderr(),
                format!("SKIPPED: no multicast to {group} on lo: {e}\n").as_bytes(),
            );
            continue;
        }
        let session = soon(server.accept()).await.unwrap();
        assert_eq!(next(&session).await.unwrap(), b"to all");
        soon(session.send(b"from one")).await.unwrap();
        assert_eq!(next(&link).await.unwrap(), b"from one", "not connected");
    }
}

#[tokio::test]
async fn a_session_without_an_idle_limit_waits() {
    let limits = SessionLimits {
        idle_timeout: Duration::MAX,
        ..SessionLimits::default()
    };
    let mut server = sessions(LO_V4, limits);
    let peer = client(LO_V4);
    peer.send_to(b"", to("127.0.0.1", &server)).unwrap();
    let link = soon(server.accept()).await.unwrap();
    assert_eq!(next(&link).await.unwrap(), b"");
    let waits = tokio::time::timeout(Duration::from_millis(20), link.recv(&mut [0; 10])).await;
    assert!(waits.is_err());
}

#[tokio::test]
async fn only_groups_can_be_joined() {
    let mut options = Options::default();
    options.join = vec!["127.0.0.1".parse().unwrap()];
    let error = sessions_with(&[LO_V4], &options, SessionLimits::default())
        .err()
        .unwrap();
    assert_eq!(error.kind(), Kind::Usage);
}

fn unix(name: UnixName) -> UnixAddress {
    UnixAddress {
        kind: UnixKind::Dgram,
        name,
    }
}

fn unix_sessions(address: &UnixAddress, limits: SessionLimits) -> Sessions {
    let endpoint = Endpoint::new(Carrier::Unix(address.clone()));
    Sessions::unix(address, &Options::default(), limits, &endpoint).unwrap()
}

#[tokio::test]
async fn unix_datagrams_are_answered_and_peers_are_told_apart() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("server");
    let address = unix(UnixName::Path(path.clone()));
    let mut server = unix_sessions(&address, SessionLimits::default());
    let endpoint = Endpoint::new(Carrier::Unix(address.clone()));
    let connect = || {
        let options = Options::default();
        crate::net::carrier::unix_dgram::connect(&address, &options, &endpoint, None).unwrap()
    };
    let (one, two) = (connect(), connect());
    assert_ne!(one.local(), two.local());
    for (link, text) in [(&one, "one"), (&two, "")] {
        soon(link.send(text.as_bytes())).await.unwrap();
        let session = soon(server.accept()).await.unwrap();
        assert_eq!(session.peer(), link.local());
        assert_eq!(next(&session).await.unwrap(), text.as_bytes());
        // More than the queue of a Unix datagram socket holds: sending waits for the reader.
        let answers = async {
            for number in 0..100u8 {
                session.send(&[number]).await.unwrap();
            }
        };
        let reads = async {
            for number in 0..100u8 {
                assert_eq!(next(link).await.unwrap(), [number]);
            }
        };
        soon(async { tokio::join!(answers, reads) }).await;
    }
    drop(server);
    assert!(!path.exists(), "the file goes with the socket");
}

#[tokio::test]
async fn unix_peers_without_a_name_cannot_be_answered_and_are_told_so() {
    let name = format!("sockeye-test-{}", std::process::id());
    let address = unix(UnixName::Abstract(name.clone().into_bytes()));
    let mut server = unix_sessions(&address, SessionLimits::default());
    let std_address = {
        use std::os::linux::net::SocketAddrExt;
        std::os::unix::net::SocketAddr::from_abstract_name(name).unwrap()
    };
    for text in ["one", "two"] {
        let peer = std::os::unix::net::UnixDatagram::unbound().unwrap();
        peer.send_to_addr(text.as_bytes(), &std_address).unwrap();
    }
    let session = soon(server.accept()).await.unwrap();
    assert_eq!(session.peer(), None);
    assert_eq!(next(&session).await.unwrap(), b"one");
    assert_eq!(
        next(&session).await.unwrap(),
        b"two",
        "they share a session"
    );
    let error = soon(session.send(b"hello?")).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Unsupported);
    assert!(error.why().contains("no name"), "{error}");
}

#[tokio::test]
async fn a_unix_datagram_socket_talks_to_many_peers() {
    let dir = tempfile::tempdir().unwrap();
    let address = unix(UnixName::Path(dir.path().join("server")));
    let endpoint = Endpoint::new(Carrier::Unix(address.clone()));
    let socket = DatagramSocket::bind_unix(&address, &Options::default(), &endpoint, None).unwrap();
    assert_eq!(*socket.local(), endpoint);
    let path = dir.path().join("client");
    let peer = std::os::unix::net::UnixDatagram::bind(&path).unwrap();
    peer.set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    peer.send_to(b"123456", dir.path().join("server")).unwrap();
    peer.send_to(b"12345", dir.path().join("server")).unwrap();
    let mut buf = [0; 5];
    let error = soon(socket.recv_from(&mut buf)).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Protocol, "never cut silently");
    let got = soon(socket.recv_from(&mut buf)).await.unwrap();
    assert_eq!(got.peer, PeerAddress::from(UnixName::Path(path)));
    assert_eq!((got.len, got.asked), (5, None));
    soon(socket.send_to(b"back", &got.peer)).await.unwrap();
    assert_eq!(peer.recv(&mut [0; 10]).unwrap(), 4);
}
