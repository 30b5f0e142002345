//! Against this machine's kernel: our own sockets appear as what they are.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::unix::net::UnixStream;

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
