//! Against this machine's kernel: our own sockets appear as what they are.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod codec;
mod live;
mod recorded;
mod unix;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{setsockopt, sockopt};
use sockeye_testkit::within;

use super::*;
use crate::host::socket::{Address, State};
use crate::host::table::{OwnerSearch, Request};
use crate::host::who::End;

fn list(query: &KernelQuery) -> (Vec<Socket>, Vec<Notice>) {
    let mut out = Vec::new();
    let notices = sockets(query, Path::new("/proc"), &mut out).unwrap();
    (out, notices)
}

fn of(protocol: Protocol) -> KernelQuery {
    KernelQuery {
        protocols: Protocols::only(protocol),
        ..KernelQuery::default()
    }
}

fn at(rows: &[Socket], local: SocketAddr, peer: SocketAddr) -> &Socket {
    let found: Vec<_> = rows
        .iter()
        .filter(|row| row.local == Address::Internet(local) && row.peer == Address::Internet(peer))
        .collect();
    assert_eq!(found.len(), 1, "{local} {peer}: {rows:#?}");
    found[0]
}

#[test]
fn a_listener_a_connection_and_both_families_come_in_one_list() {
    within(|| {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let listener = TcpListener::bind(address).unwrap();
            let local = listener.local_addr().unwrap();
            let client = TcpStream::connect(local).unwrap();
            let (rows, notices) = list(&of(Protocol::Tcp));
            assert_eq!(notices, []);
            let any = SocketAddr::new(
                if local.is_ipv4() { "0.0.0.0" } else { "::" }
                    .parse()
                    .unwrap(),
                0,
            );
            let listening = at(&rows, local, any);
            assert_eq!(listening.state, State::Listening);
            assert_eq!(
                (listening.receive_queue, listening.ipv6),
                (1, local.is_ipv6())
            );
            assert!(listening.inode.is_some() && listening.cookie.is_some());
            let ours = at(&rows, client.local_addr().unwrap(), local);
            assert_eq!(ours.state, State::Established);
            assert_eq!(ours.uid, Some(nix::unistd::getuid().as_raw()));
            let waiting = at(&rows, local, client.local_addr().unwrap());
            assert_eq!((waiting.state, waiting.inode), (State::Established, None));
        }
    });
}

#[test]
fn a_udp_socket_and_a_unix_pair_are_listed() {
    within(|| {
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        let (rows, _) = list(&of(Protocol::Udp));
        let any = "0.0.0.0:0".parse().unwrap();
        assert_eq!(
            at(&rows, udp.local_addr().unwrap(), any).state,
            State::Unconnected
        );
        let _pair = UnixStream::pair().unwrap();
        let (rows, _) = list(&of(Protocol::UnixStream));
        assert!(
            rows.iter()
                .any(|row| row.unix.as_ref().unwrap().peer_inode.is_some())
        );
    });
}

#[test]
fn the_end_of_a_connection_is_heard_with_its_last_numbers() {
    within(|| {
        let mut events = CloseEvents::subscribe().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let ends = (client.local_addr().unwrap(), client.peer_addr().unwrap());
        let (mut server, _) = listener.accept().unwrap();
        client.write_all(b"1234567890").unwrap();
        server.read_exact(&mut [0; 10]).unwrap();
        drop((client, server));
        let mut heard = Vec::new();
        let of_client = |row: &Socket| {
            row.local == Address::Internet(ends.0) && row.peer == Address::Internet(ends.1)
        };
        while !heard.iter().any(of_client) {
            let mut ready = [PollFd::new(events.as_fd(), PollFlags::POLLIN)];
            poll(&mut ready, PollTimeout::NONE).unwrap();
            assert_eq!(events.read(&mut heard).unwrap(), Heard::default());
        }
        let last = heard.iter().find(|row| of_client(row)).unwrap();
        assert_eq!(
            (last.protocol, last.uid, last.inode),
            (Protocol::Tcp, None, None)
        );
        assert_eq!(last.tcp().unwrap().bytes_sent, Some(10));
        assert!(last.cookie.is_some());
    });
}

#[test]
fn events_that_nobody_reads_are_reported_as_lost() {
    within(|| {
        let mut events = CloseEvents::subscribe().unwrap();
        setsockopt(&events, sockopt::RcvBuf, &2048).unwrap();
        for _ in 0..20 {
            drop(UdpSocket::bind("127.0.0.1:0").unwrap());
        }
        let mut ready = [PollFd::new(events.as_fd(), PollFlags::POLLIN)];
        poll(&mut ready, PollTimeout::NONE).unwrap();
        let mut out = Vec::new();
        while !events.read(&mut out).unwrap().overflowed {
            drop(UdpSocket::bind("127.0.0.1:0").unwrap());
        }
    });
}

fn exact(protocol: Protocol, local: impl Into<End>, peer: impl Into<End>) -> Vec<Socket> {
    let found = Request::new()
        .owners(OwnerSearch::None)
        .exact(protocol, local, peer);
    found.unwrap().map_or_else(Vec::new, |table| table.sockets)
}

#[test]
fn a_connection_is_found_by_its_ends_and_a_wrong_peer_is_not_the_listener() {
    within(|| {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let listener = TcpListener::bind(address).unwrap();
            let server = listener.local_addr().unwrap();
            let client = TcpStream::connect(server).unwrap();
            let local = client.local_addr().unwrap();
            let found = exact(Protocol::Tcp, local, server);
            assert_eq!(found.len(), 1);
            assert_eq!(found[0].local, Address::Internet(local));
            // The kernel answers with the listener here.
            let mut wrong = local;
            wrong.set_port(1);
            assert_eq!(exact(Protocol::Tcp, server, wrong), []);
            assert_eq!(exact(Protocol::Tcp, local, wrong), []);
            // One side without its address.
            let without = exact(Protocol::Tcp, local.port(), server);
            assert_eq!(without, found);
            assert_eq!(exact(Protocol::Tcp, local, server.port()), found);
            // It has not been accepted: its listener follows.
            let waiting = exact(Protocol::Tcp, server, local);
            let states: Vec<_> = waiting.iter().map(|row| row.state).collect();
            assert_eq!(states, [State::Established, State::Listening]);
            let _accepted = listener.accept().unwrap();
            assert_eq!(exact(Protocol::Tcp, server, local).len(), 1);
        }
    });
}

#[test]
fn an_ipv4_client_of_an_ipv6_socket_is_found_by_its_ipv4_address() {
    within(|| {
        let listener = TcpListener::bind("[::]:0").unwrap();
        let server = SocketAddr::new(
            "127.0.0.1".parse().unwrap(),
            listener.local_addr().unwrap().port(),
        );
        let client = TcpStream::connect(server).unwrap();
        let _accepted = listener.accept().unwrap();
        let found = exact(Protocol::Tcp, server, client.local_addr().unwrap());
        assert_eq!(found.len(), 1, "{found:#?}");
        assert!(found[0].ipv6 && found[0].local.is_mapped());
        assert_eq!(found[0].peer.ip(), Some(server.ip()));
        let mapped: SocketAddr = format!("[::ffff:127.0.0.1]:{}", server.port())
            .parse()
            .unwrap();
        assert_eq!(
            exact(Protocol::Tcp, mapped, client.local_addr().unwrap()),
            found
        );
    });
}

#[test]
fn a_udp_socket_with_a_peer_is_found_and_one_without_is_not() {
    within(|| {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let (one, two) = (
                UdpSocket::bind(address).unwrap(),
                UdpSocket::bind(address).unwrap(),
            );
            let (local, peer) = (one.local_addr().unwrap(), two.local_addr().unwrap());
            assert_eq!(exact(Protocol::Udp, local, peer), []);
            one.connect(peer).unwrap();
            let found = exact(Protocol::Udp, local, peer);
            assert_eq!((found.len(), found[0].state), (1, State::Established));
            assert_eq!(exact(Protocol::Udp, peer, local), []);
        }
        let usage = Request::new().exact(Protocol::Raw, 1, 2).unwrap_err();
        assert_eq!(usage.kind(), Kind::Usage);
    });
}
