//! Both ends of connections within this machine: who talks to whom.
//!
//! For IP sockets the other end is the one with the two addresses swapped, in the same namespace or, where addresses
//! meet through a veth device, in the only other one that has it. Unix sockets name the inode of their peer.

use std::collections::HashMap;
use std::net::IpAddr;

use super::socket::{Address, NamespaceIndex, Protocol, Socket, State};
use super::table::Table;

/// Two ends of a connection, as indices into [`Table::sockets`]; or a socket whose other end is elsewhere or unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair {
    /// The end that asked for the connection, as far as that can be told.
    pub a: usize,
    /// The other end.
    pub b: Option<usize>,
}

/// Finds the other end of a socket, made by [`Table::peers`].
#[derive(Debug)]
pub struct Peers {
    /// The other end of each socket, in the order of the table.
    of: Vec<Option<u32>>,
}

/// What both ends share, seen from one of them.
type Ends = (Protocol, (IpAddr, u16), (IpAddr, u16));

impl Peers {
    /// The index of the other end of the socket with this index.
    pub fn of(&self, index: usize) -> Option<usize> {
        self.of
            .get(index)
            .copied()
            .flatten()
            .map(|other| other as usize)
    }

    fn find(sockets: &[Socket]) -> Self {
        let internet = Internet::new(sockets);
        let by_inode = unix_by_inode(sockets);
        let mut of: Vec<Option<u32>> = sockets
            .iter()
            .enumerate()
            .map(|(index, socket)| {
                let other = internet.peer(sockets, socket).or_else(|| {
                    let inode = socket.unix.as_ref()?.peer_inode?;
                    by_inode.get(&inode).copied()
                });
                other.filter(|other| *other as usize != index)
            })
            .collect();
        // A client whose connection waits to be accepted is told of no peer. Either the row of that connection names the
        // client, or there is no such row (the kernel lists Unix sockets only if there is a descriptor), and the listener
        // names it.
        for index in 0..of.len() {
            if let Some(other) = of[index]
                && of[other as usize].is_none()
                && sockets[index].protocol != Protocol::UnixDatagram
            {
                of[other as usize] = u32::try_from(index).ok();
            }
        }
        for (index, listener) in (0_u32..).zip(sockets) {
            let waiting = listener.unix.iter().flat_map(|unix| &unix.waiting);
            for client in waiting.filter_map(|inode| by_inode.get(&u64::from(*inode))) {
                of[*client as usize].get_or_insert(index);
            }
        }
        Self { of }
    }
}

impl Table {
    /// The other end of each socket, where that is a socket of this table. Takes time in proportion to the table.
    pub fn peers(&self) -> Peers {
        Peers::find(&self.sockets)
    }

    /// The sockets of the table as connections: each socket once, beside its other end if that is in the table too.
    /// Datagram sockets that several others send to (such as the log) stand for themselves and beside each of those; so
    /// do Unix listeners and the clients whose connections they have not accepted.
    pub fn pairs(&self) -> Vec<Pair> {
        let peers = self.peers();
        let mut pairs = Vec::with_capacity(self.sockets.len());
        for (index, socket) in self.sockets.iter().enumerate() {
            let Some(other) = peers.of(index) else {
                pairs.push(Pair { a: index, b: None });
                continue;
            };
            let mutual = peers.of(other) == Some(index);
            if !mutual {
                pairs.push(Pair {
                    a: index,
                    b: Some(other),
                });
            } else if index < other {
                let (a, b) = if self.serves(socket, &self.sockets[other]) {
                    (other, index)
                } else {
                    (index, other)
                };
                pairs.push(Pair { a, b: Some(b) });
            }
        }
        pairs
    }

    /// Whether the first is the end that was asked for the connection.
    fn serves(&self, socket: &Socket, other: &Socket) -> bool {
        let listens = |socket| self.queues().is_served_here(socket);
        match (listens(socket), listens(other)) {
            (true, false) => true,
            (false, true) => false,
            // Clients get ports from the upper range, and Unix clients have no name.
            _ => match (socket.local.port(), other.local.port()) {
                (Some(own), Some(others)) => own < others,
                _ => socket.local != Address::None && other.local == Address::None,
            },
        }
    }
}

/// Connected IP sockets by their ends.
struct Internet(HashMap<Ends, Vec<(NamespaceIndex, u32)>>);

impl Internet {
    fn new(sockets: &[Socket]) -> Self {
        let mut by_ends: HashMap<Ends, Vec<_>> = HashMap::new();
        for (index, socket) in (0_u32..).zip(sockets) {
            if let Some(ends) = ends(socket) {
                by_ends
                    .entry(ends)
                    .or_default()
                    .push((socket.namespace, index));
            }
        }
        Self(by_ends)
    }

    fn peer(&self, sockets: &[Socket], socket: &Socket) -> Option<u32> {
        let (protocol, local, peer) = ends(socket)?;
        let candidates = self.0.get(&(protocol, peer, local))?;
        let here = candidates
            .iter()
            .find(|(namespace, _)| *namespace == socket.namespace);
        if let Some((_, index)) = here {
            return Some(*index);
        }
        // Elsewhere the same addresses may well mean another machine: loopback always does, and two of them are one
        // too many.
        let [(_, index)] = &candidates[..] else {
            return None;
        };
        let inside = local.0.is_loopback() || peer.0.is_loopback();
        let taken = self
            .0
            .get(&(protocol, local, peer))
            .is_none_or(|same| same.len() > 1);
        let differs = sockets[*index as usize].namespace != socket.namespace;
        (!inside && !taken && differs).then_some(*index)
    }
}

/// The two ends of a connected IP socket; IPv4 written as IPv6 is IPv4.
fn ends(socket: &Socket) -> Option<Ends> {
    if !socket.protocol.is_internet()
        || matches!(socket.protocol, Protocol::Raw | Protocol::Icmp)
        || socket.state == State::Listening
    {
        return None;
    }
    let end = |address: &Address| Some((address.ip()?, address.port()?));
    let (local, peer) = (end(&socket.local)?, end(&socket.peer)?);
    (peer.1 != 0 && !peer.0.is_unspecified()).then_some((socket.protocol, local, peer))
}

fn unix_by_inode(sockets: &[Socket]) -> HashMap<u64, u32> {
    (0_u32..)
        .zip(sockets)
        .filter(|(_, socket)| socket.protocol.is_unix())
        .filter_map(|(index, socket)| Some((socket.inode?, index)))
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::host::socket::UnixDetails;

    fn tcp(local: &str, peer: &str, namespace: u16) -> Socket {
        let mut socket = Socket::new(Protocol::Tcp, State::Established);
        socket.local = Address::Internet(local.parse().unwrap());
        socket.peer = Address::Internet(peer.parse().unwrap());
        socket.namespace = NamespaceIndex(namespace);
        socket
    }

    fn unix(protocol: Protocol, inode: u64, peer_inode: u64) -> Socket {
        let mut socket = Socket::new(protocol, State::Established);
        socket.inode = (inode != 0).then_some(inode);
        socket.unix = Some(Box::new(UnixDetails {
            peer_inode: (peer_inode != 0).then_some(peer_inode),
            ..UnixDetails::default()
        }));
        socket
    }

    fn table(sockets: Vec<Socket>) -> Table {
        Table::from_parts(sockets, Vec::new(), Vec::new(), Vec::new())
    }

    fn pairs(sockets: Vec<Socket>) -> Vec<(usize, Option<usize>)> {
        let pairs = table(sockets).pairs();
        pairs.iter().map(|pair| (pair.a, pair.b)).collect()
    }

    #[test]
    fn both_ends_of_a_connection_meet_and_the_client_comes_first() {
        let sockets = vec![
            tcp("127.0.0.1:80", "127.0.0.1:50000", 0),
            tcp("127.0.0.1:50000", "127.0.0.1:80", 0),
            tcp("192.0.2.1:80", "198.51.100.1:50000", 0),
        ];
        assert_eq!(pairs(sockets), [(1, Some(0)), (2, None)]);
    }

    #[test]
    fn who_listens_is_asked_whatever_its_port() {
        let mut listener = tcp("0.0.0.0:60000", "0.0.0.0:0", 0);
        listener.state = State::Listening;
        listener.inode = Some(1);
        let sockets = vec![
            listener,
            tcp("127.0.0.1:60000", "127.0.0.1:50000", 0),
            tcp("127.0.0.1:50000", "127.0.0.1:60000", 0),
        ];
        assert_eq!(pairs(sockets), [(0, None), (2, Some(1))]);
    }

    #[test]
    fn ipv4_meets_ipv4_written_as_ipv6() {
        let sockets = vec![
            tcp("[::ffff:127.0.0.1]:80", "[::ffff:127.0.0.1]:50000", 0),
            tcp("127.0.0.1:50000", "127.0.0.1:80", 0),
        ];
        assert_eq!(pairs(sockets), [(1, Some(0))]);
    }

    #[test]
    fn namespaces_meet_through_addresses_that_are_only_there() {
        let there = tcp("10.0.0.2:80", "10.0.0.1:50000", 1);
        let here = tcp("10.0.0.1:50000", "10.0.0.2:80", 0);
        assert_eq!(pairs(vec![here.clone(), there.clone()]), [(0, Some(1))]);
        // A third namespace with the same addresses makes it a guess.
        let third = tcp("10.0.0.2:80", "10.0.0.1:50000", 2);
        let apart = [(0, None), (1, None), (2, None)];
        assert_eq!(pairs(vec![here, there, third]), apart);
        let loopback = vec![
            tcp("127.0.0.1:50000", "127.0.0.1:80", 0),
            tcp("127.0.0.1:80", "127.0.0.1:50000", 1),
        ];
        assert_eq!(pairs(loopback), [(0, None), (1, None)]);
    }

    #[test]
    fn a_socket_that_talks_to_itself_is_no_pair() {
        let own = tcp("127.0.0.1:50000", "127.0.0.1:50000", 0);
        assert_eq!(pairs(vec![own]), [(0, None)]);
    }

    #[test]
    fn unix_sockets_name_their_peer() {
        let stream = Protocol::UnixStream;
        assert_eq!(
            pairs(vec![unix(stream, 5, 6), unix(stream, 6, 5)]),
            [(0, Some(1))]
        );
        // One that waits to be accepted has no number, and knows its client.
        let mut waiting = unix(stream, 0, 7);
        waiting.local = Address::Unix(super::super::socket::UnixName::Path(b"/run/a"[..].into()));
        assert_eq!(pairs(vec![waiting, unix(stream, 7, 0)]), [(1, Some(0))]);
        // Or it is not listed, and its listener knows the client.
        let mut listener = unix(stream, 4, 0);
        listener.state = State::Listening;
        listener.unix.as_mut().unwrap().waiting = vec![7];
        assert_eq!(
            pairs(vec![listener, unix(stream, 7, 0)]),
            [(0, None), (1, Some(0))]
        );
        // Two clients of the log.
        let log = Protocol::UnixDatagram;
        let sockets = vec![unix(log, 1, 0), unix(log, 2, 1), unix(log, 3, 1)];
        assert_eq!(pairs(sockets), [(0, None), (1, Some(0)), (2, Some(0))]);
    }
}
