//! Each verdict, from made-up tables and from live sockets.
#![allow(clippy::unwrap_used)]

use std::net::{TcpListener, TcpStream, UdpSocket};

use sockeye_testkit::within;

use super::*;
use crate::host::filter::Filter;
use crate::host::process::{Holder, Process};
use crate::host::socket::{
    Address, Details, Memory, Protocol, Socket, State, Timer, TimerKind, UnixName,
};
use crate::host::table::{Namespace, Request};
use crate::host::tcp_info::TcpInfo;

/// A table whose sockets belong, by inode, to `api` (pid 812).
fn table(sockets: Vec<Socket>) -> Table {
    let api = Process {
        pid: 812,
        name: b"api".to_vec(),
        ..Process::default()
    };
    let holder = |socket: &Socket| Holder {
        inode: socket.inode.unwrap(),
        process: 0,
        descriptor: 3,
        thread: None,
    };
    let held = sockets.iter().filter(|socket| socket.inode.is_some());
    let holders = held.map(holder).collect();
    let ours = Namespace {
        ours: true,
        ..Namespace::default()
    };
    Table::from_parts(sockets, vec![api], holders, vec![ours])
}

fn tcp(state: State, local: &str, peer: &str, inode: u64) -> Socket {
    let mut socket = Socket::new(Protocol::Tcp, state);
    socket.local = Address::Internet(local.parse().unwrap());
    socket.peer = Address::Internet(peer.parse().unwrap());
    socket.inode = (inode > 0).then_some(inode);
    socket
}

fn listener(waiting: u32, limit: u32) -> Socket {
    let mut socket = tcp(State::Listening, "192.0.2.9:8080", "0.0.0.0:0", 1);
    (socket.receive_queue, socket.send_queue) = (waiting, limit);
    socket
}

fn range() -> PortRange {
    PortRange::new(40_000..=40_099, "")
}

/// Severity, code and sentence, one line each.
fn lines(table: &Table, previous: Option<&Table>) -> String {
    let verdicts = verdicts_with(table, previous, &range());
    for verdict in &verdicts {
        assert!(CODES.contains(&verdict.code), "{}", verdict.code);
        assert!(
            verdict
                .sockets
                .iter()
                .all(|index| *index < table.sockets.len())
        );
    }
    let line = |verdict: &Verdict| {
        format!(
            "{} {}: {}",
            verdict.severity.word(),
            verdict.code,
            verdict.sentence
        )
    };
    verdicts.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_full_accept_queue_is_named_with_its_program() {
    assert_eq!(
        lines(&table(vec![listener(129, 128)]), None),
        "warning accept-queue-full: accept queue of tcp://192.0.2.9:8080 is full: 129 of 128 wait; api (pid 812) does \
         not accept fast enough"
    );
    assert_eq!(
        lines(&table(vec![listener(96, 128)]), None),
        "note accept-queue-filling: accept queue of tcp://192.0.2.9:8080 fills up: 96 of 128 wait for api (pid 812)"
    );
    assert_eq!(lines(&table(vec![listener(95, 128)]), None), "");
    assert_eq!(lines(&table(vec![listener(0, 0)]), None), "");
    let mut unix = Socket::new(Protocol::UnixStream, State::Listening);
    unix.local = Address::Unix(UnixName::Path(b"/run/a\x1b.sock".as_slice().into()));
    (unix.receive_queue, unix.send_queue) = (6, 5);
    let text = lines(&table(vec![unix]), None);
    assert!(text.contains(r"unix:/run/a\x1b.sock is full"), "{text}");
    assert!(text.contains("its process does not accept"), "{text}");
}

#[test]
fn ended_connections_that_are_kept_are_counted_by_process() {
    let kept = |number: u64| {
        let one = |inode| tcp(State::CloseWait, "192.0.2.9:8080", "192.0.2.1:5000", inode);
        table((1..=number).map(one).collect())
    };
    assert_eq!(lines(&kept(9), None), "");
    assert_eq!(
        lines(&kept(10), None),
        "warning close-wait: api (pid 812) keeps 10 connections open that the peer has ended (CLOSE_WAIT)"
    );
    assert_eq!(
        lines(&kept(5), Some(&kept(3))),
        "warning close-wait: api (pid 812) keeps 5 connections open that the peer has ended (CLOSE_WAIT), 2 more than \
         at the last look"
    );
    assert_eq!(lines(&kept(5), Some(&kept(5))), "");
    assert_eq!(lines(&kept(2), Some(&kept(0))), "");
}

#[test]
fn datagrams_that_nobody_reads_are_told() {
    let unread = |received: u32, drops: u32| {
        let mut socket = Socket::new(Protocol::Udp, State::Unconnected);
        socket.local = Address::Internet("127.0.0.1:53".parse().unwrap());
        (socket.inode, socket.cookie) = (Some(1), Some(7));
        socket.details = Some(Box::new(Details {
            memory: Some(Memory {
                received,
                receive_buffer: 1_000,
                drops: Some(drops),
                ..Memory::default()
            }),
            ..Details::default()
        }));
        table(vec![socket])
    };
    assert_eq!(
        lines(&unread(900, 0), None),
        "warning receive-queue-full: receive queue of udp://127.0.0.1:53 is full: 900 of 1000 bytes; api (pid 812) does \
         not read fast enough"
    );
    assert_eq!(
        lines(&unread(0, 12), None),
        "note datagrams-dropped: the kernel dropped packets for udp://127.0.0.1:53 (api (pid 812)): 12 since it was \
         opened"
    );
    assert_eq!(
        lines(&unread(0, 12), Some(&unread(0, 10))),
        "warning datagrams-dropped: the kernel dropped packets for udp://127.0.0.1:53 (api (pid 812)): 2 since the last \
         look, 12 in all"
    );
    assert_eq!(lines(&unread(899, 12), Some(&unread(0, 12))), "");
}

#[test]
fn connections_that_cannot_go_on_are_told() {
    let timed = |kind, retransmits| {
        let mut socket = tcp(State::Established, "192.0.2.9:1", "192.0.2.1:443", 1);
        socket.timer = Some(Timer {
            kind,
            expires: std::time::Duration::ZERO,
            retransmits,
        });
        table(vec![socket])
    };
    assert_eq!(
        lines(&timed(TimerKind::ZeroWindow, 0), None),
        "warning zero-window: api (pid 812) cannot send on 1 connection to 192.0.2.1:443: the peer's window is closed"
    );
    assert_eq!(
        lines(&timed(TimerKind::Retransmit, 3), None),
        "warning no-answer: api (pid 812) gets no answer on 1 connection from 192.0.2.1:443: the same is sent again and \
         again"
    );
    assert_eq!(lines(&timed(TimerKind::Retransmit, 2), None), "");
    assert_eq!(lines(&timed(TimerKind::Keepalive, 9), None), "");

    let mut losing = tcp(State::Established, "192.0.2.9:1", "192.0.2.1:443", 1);
    losing.details = Some(Box::new(Details {
        tcp: Some(TcpInfo {
            bytes_sent: Some(1_000_000),
            bytes_retransmitted: Some(70_000),
            ..TcpInfo::default()
        }),
        ..Details::default()
    }));
    assert_eq!(
        lines(&table(vec![losing]), None),
        "note loss: api (pid 812) sent 7 % of its bytes again on 1 connection to 192.0.2.1:443"
    );
}

#[test]
fn what_piles_up_is_told() {
    let many = |number: usize, state, peer: &str, inode| {
        table(vec![tcp(state, "192.0.2.9:1", peer, inode); number])
    };
    assert_eq!(
        lines(&many(5, State::SynSent, "192.0.2.1:443", 1), None),
        "warning syn-sent: 5 connections to 192.0.2.1:443 wait for an answer (SYN_SENT)"
    );
    assert_eq!(
        lines(&many(4, State::SynSent, "192.0.2.1:443", 1), None),
        ""
    );
    assert!(
        lines(&many(100, State::FinWait1, "192.0.2.1:443", 0), None)
            .starts_with("warning orphans: 100 connections")
    );
    assert_eq!(
        lines(&many(99, State::FinWait1, "192.0.2.1:443", 0), None),
        ""
    );
    assert_eq!(
        lines(&many(200, State::FinWait2, "192.0.2.1:443", 1), None),
        ""
    );
    assert!(
        lines(&many(5_000, State::TimeWait, "192.0.2.1:443", 0), None)
            .starts_with("note time-wait: 5000 connections")
    );
}

#[test]
fn ports_that_run_out_are_told_by_destination() {
    let to = |peer: &str, number: u16| -> Vec<Socket> {
        let one = |port| {
            let local = format!("192.0.2.9:{}", 40_000 + port);
            tcp(State::TimeWait, &local, peer, 0)
        };
        (0..number).map(one).collect()
    };
    assert_eq!(
        lines(&table(to("192.0.2.1:443", 93)), None),
        "warning ports-nearly-used: 93 % of the ports for 192.0.2.1:443 are in use (93 of 100 from 192.0.2.9)"
    );
    assert_eq!(lines(&table(to("192.0.2.1:443", 79)), None), "");
    let mut two = to("192.0.2.1:443", 60);
    two.extend(to("192.0.2.2:443", 60));
    assert_eq!(
        lines(&table(two), None),
        "",
        "each destination has the range for itself"
    );
    let reserved = PortRange::new(40_000..=40_099, "40050-40099,7\n");
    assert_eq!(reserved.size(), 50);
}

#[test]
fn servers_for_everybody_are_told() {
    let server = |local: &str| tcp(State::Listening, local, "0.0.0.0:0", 1);
    let mut datagrams = Socket::new(Protocol::Udp, State::Unconnected);
    datagrams.local = Address::Internet("[::]:53".parse().unwrap());
    datagrams.inode = Some(1);
    let mut client = datagrams.clone();
    client.local = Address::Internet("[::]:40001".parse().unwrap());
    let sockets = vec![
        server("0.0.0.0:80"),
        server("0.0.0.0:443"),
        server("127.0.0.1:1"),
        datagrams,
        client,
    ];
    assert_eq!(
        lines(&table(sockets), None),
        "note all-interfaces: api (pid 812) serves all interfaces on ports 80/tcp, 443/tcp, 53/udp"
    );
}

#[test]
fn a_listener_that_does_not_accept_is_found_live() {
    within(|| {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        nix::sys::socket::listen(&server, nix::sys::socket::Backlog::new(1).unwrap()).unwrap();
        let address = server.local_addr().unwrap();
        // The kernel takes one more than the backlog says.
        let clients: Vec<TcpStream> = (0..2)
            .map(|_| TcpStream::connect(address).unwrap())
            .collect();
        let filter: Filter = format!("listening sport = {}", address.port())
            .parse()
            .unwrap();
        let table = Request::new()
            .details(details())
            .filter(filter)
            .read()
            .unwrap();
        let found = verdicts(&table, None);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].code, "accept-queue-full");
        assert!(
            found[0].sentence.contains("is full: 2 of 1 wait"),
            "{}",
            found[0].sentence
        );
        let pid = format!("(pid {})", std::process::id());
        assert!(found[0].sentence.contains(&pid), "{}", found[0].sentence);
        drop(clients);
    });
}

#[test]
fn an_unread_datagram_socket_is_found_live() {
    within(|| {
        let server = UdpSocket::bind("127.0.0.1:0").unwrap();
        let client = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = server.local_addr().unwrap();
        for _ in 0..1_000 {
            client.send_to(&[0; 1_000], address).unwrap();
        }
        let filter: Filter = format!("udp sport = {}", address.port()).parse().unwrap();
        let table = Request::new()
            .details(details())
            .filter(filter)
            .read()
            .unwrap();
        assert!(table.sockets[0].receive_queue > 0);
        let codes: Vec<&str> = verdicts(&table, None)
            .iter()
            .map(|verdict| verdict.code)
            .collect();
        assert_eq!(codes, ["receive-queue-full", "datagrams-dropped"]);
    });
}
