#![allow(clippy::unwrap_used)]
use std::net::SocketAddr;

use sockeye::host::process::{Holder, Process};
use sockeye::host::socket::State;
use sockeye::host::table::Namespace;

use super::*;

fn socket(protocol: Protocol, state: State, local: &str, peer: &str) -> Socket {
    let end = |text: &str| match text.parse::<SocketAddr>() {
        Ok(address) => Address::Internet(address),
        Err(_) => Address::None,
    };
    let mut socket = Socket::new(protocol, state);
    (socket.local, socket.peer) = (end(local), end(peer));
    socket.ipv6 = local.starts_with('[');
    socket
}

fn tcp(state: State, local: &str, peer: &str) -> Socket {
    socket(Protocol::Tcp, state, local, peer)
}

/// What is said of one socket of a table of these processes; each holds it once.
fn said(socket: Socket, processes: &[(u32, &str)], say: impl Fn(Row<'_>, &mut String)) -> String {
    let process = |(pid, name): &(u32, &str)| {
        let mut process = Process::default();
        process.pid = *pid;
        process.name = name.as_bytes().to_vec();
        process
    };
    let inode = socket.inode.unwrap_or(0);
    let holders = (0_u32..).zip(processes).map(|(process, _)| Holder {
        inode,
        process,
        descriptor: 3,
        thread: None,
    });
    let mut namespace = Namespace::default();
    namespace.devices.insert(2, "eth0".into());
    let table = Table::from_parts(
        vec![socket],
        processes.iter().map(process).collect(),
        holders.collect(),
        vec![namespace],
    );
    let source = Source {
        table: &table,
        services: Some(Services::parse(b"http 80/tcp\nodd 40000/tcp\n")),
        users: Users::parse(b"www:x:33:33::/:/bin/sh\n"),
        ephemeral: 32_768..=60_999,
    };
    let mut out = String::new();
    let row = Row {
        source: &source,
        socket: &table.sockets[0],
    };
    say(row, &mut out);
    out
}

fn local(socket: Socket) -> String {
    said(socket, &[], |row, out| {
        row.end(Side::Local, Form::Words, out)
    })
}

#[test]
fn a_port_that_was_handed_out_has_no_name() {
    let client = tcp(State::Established, "10.0.0.1:40000", "10.0.0.2:80");
    assert_eq!(local(client.clone()), "10.0.0.1:40000");
    let peer = |socket| {
        said(socket, &[], |row, out| {
            row.end(Side::Peer, Form::Words, out)
        })
    };
    assert_eq!(peer(client.clone()), "10.0.0.2:80 http");
    let served = tcp(State::Established, "10.0.0.2:80", "10.0.0.1:40000");
    assert_eq!(local(served.clone()), "10.0.0.2:80 http");
    assert_eq!(peer(served), "10.0.0.1:40000");
    // Whoever listens there has chosen it.
    let listener = tcp(State::Listening, "0.0.0.0:40000", "0.0.0.0:0");
    assert_eq!(local(listener.clone()), "0.0.0.0:40000 odd");
    assert_eq!(peer(listener), "");
    let plain = said(client, &[], |row, out| {
        row.end(Side::Peer, Form::Plain, out)
    });
    assert_eq!(plain, "10.0.0.2:80");
}

#[test]
fn what_an_ipv6_socket_takes_can_be_seen() {
    let mut any = tcp(State::Listening, "[::]:22", "[::]:0");
    assert_eq!(
        said(any.clone(), &[], |row, out| row.plain_end(Side::Local, out)),
        "[::]:22"
    );
    any.v6_only = Some(true);
    assert_eq!(
        said(any.clone(), &[], |row, out| row.plain_end(Side::Local, out)),
        "[::]:22"
    );
    any.v6_only = Some(false);
    assert_eq!(
        said(any, &[], |row, out| row.plain_end(Side::Local, out)),
        "*:22"
    );
    let mapped = tcp(
        State::Established,
        "[::ffff:192.0.2.1]:7000",
        "[::ffff:192.0.2.2]:5",
    );
    assert!(local(mapped).ends_with(" (v6)"));
}

#[test]
fn a_device_is_part_of_the_address() {
    let mut bound = socket(
        Protocol::Udp,
        State::Unconnected,
        "127.0.0.1:9",
        "0.0.0.0:0",
    );
    bound.device = 2;
    assert_eq!(
        said(bound.clone(), &[], |row, out| row
            .plain_end(Side::Local, out)),
        "127.0.0.1%eth0:9"
    );
    bound.device = 7;
    assert_eq!(
        said(bound, &[], |row, out| row.plain_end(Side::Local, out)),
        "127.0.0.1%7:9"
    );
    let link = socket(Protocol::Udp, State::Unconnected, "[fe80::1%2]:9", "[::]:0");
    assert_eq!(
        said(link, &[], |row, out| row.plain_end(Side::Local, out)),
        "[fe80::1%eth0]:9"
    );
}

#[test]
fn what_is_no_ip_address_is_written_too() {
    let of = |protocol, address| {
        let mut socket = Socket::new(protocol, State::Unconnected);
        socket.local = address;
        local(socket)
    };
    let raw = Address::Internet("0.0.0.0:6".parse().unwrap());
    assert_eq!(of(Protocol::Raw, raw), "0.0.0.0 protocol 6");
    let netlink = Address::Netlink {
        family: 0,
        port: 812,
    };
    assert_eq!(of(Protocol::Netlink, netlink), "route:812");
    let packet = Address::Packet {
        protocol: 3,
        device: 2,
    };
    assert_eq!(of(Protocol::Packet, packet), "all on eth0");
    let packet = Address::Packet {
        protocol: 0x0800,
        device: 0,
    };
    assert_eq!(of(Protocol::Packet, packet), "0x0800 on *");
    let vsock = Address::Vsock {
        context: u32::MAX,
        port: 22,
    };
    assert_eq!(of(Protocol::Vsock, vsock), "*:22");
    let path = Address::Unix(UnixName::Path((*b"/run/a b\n\xff").into()));
    assert_eq!(of(Protocol::UnixStream, path), r"/run/a b\n\xff");
    let hidden = Address::Unix(UnixName::Abstract((*b"x\x1b").into()));
    assert_eq!(of(Protocol::UnixStream, hidden), r"@x\x1b");
    assert_eq!(of(Protocol::UnixStream, Address::None), "");
}

#[test]
fn several_owners_stand_under_their_names() {
    let owner = |processes: &[(u32, &str)]| {
        let mut socket = tcp(State::Listening, "0.0.0.0:80", "0.0.0.0:0");
        socket.inode = Some(7);
        said(socket, processes, |row, out| row.owner(out))
    };
    assert_eq!(owner(&[(77, "nginx")]), "nginx 77");
    assert_eq!(
        owner(&[(78, "nginx"), (77, "nginx"), (9, "php")]),
        "nginx 77, 78; php 9"
    );
    let many: Vec<(u32, &str)> = (1..=10).map(|pid| (pid, "w")).collect();
    assert_eq!(owner(&many), "w 1, 2, 3, 4, 5, 6, 7, 8 and 2 more");
    assert_eq!(owner(&[(5, "a\nb")]), r"a\nb 5");
}

#[test]
fn the_user_is_that_of_the_socket_where_no_process_is_known() {
    let mut socket = tcp(State::Listening, "0.0.0.0:80", "0.0.0.0:0");
    socket.uid = Some(33);
    assert_eq!(said(socket.clone(), &[], |row, out| row.user(out)), "www");
    socket.uid = Some(34);
    assert_eq!(said(socket.clone(), &[], |row, out| row.user(out)), "34");
    socket.uid = None;
    assert_eq!(said(socket, &[], |row, out| row.user(out)), "");
}
