//! Against this machine's kernel: our own sockets appear as what they are.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{setsockopt, sockopt};
use sockeye_testkit::within;

use super::*;
use crate::host::socket::{Address, State};

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
