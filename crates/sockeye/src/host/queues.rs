//! Connections that wait to be accepted: no descriptor refers to them yet, so they belong to whoever holds the listener
//! in whose queue they are.
//!
//! The kernel does not say which listener that is. It follows from the address: a connection has the port and family of
//! its listener, and its address unless the listener takes any.

use std::collections::HashMap;
use std::net::SocketAddr;

use super::owners::Scanned;
use super::process::Holder;
use super::socket::{Address, NamespaceIndex, Protocol, Socket, State, UnixName};

/// The listeners of a table, by what a connection shares with its own.
#[derive(Debug, Default)]
pub(crate) struct Queues {
    queues: Vec<Queue>,
    by_port: HashMap<(NamespaceIndex, Protocol, u16), Vec<usize>>,
    by_name: HashMap<(NamespaceIndex, Protocol, UnixName), usize>,
    /// By the inode of the client whose connection waits.
    by_client: HashMap<u64, usize>,
}

/// Listeners that share an address: with SO_REUSEPORT there may be several, and a connection waits at one of them.
#[derive(Debug)]
struct Queue {
    local: Option<SocketAddr>,
    v6_only: bool,
    device: u32,
    members: Vec<Member>,
    holders: Vec<Holder>,
}

#[derive(Clone, Copy, Debug)]
struct Member {
    inode: u64,
    busy: bool,
}

/// What of a table waits at listeners that are not in it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Unmatched {
    /// Protocols and ports.
    pub(crate) ports: Vec<(Protocol, u16)>,
    /// Unix sockets.
    pub(crate) unix: bool,
}

/// Whether this socket waits to be accepted, as far as it shows itself: connected, and nobody has a descriptor.
pub(crate) fn waits(socket: &Socket) -> bool {
    socket.inode.is_none()
        && matches!(socket.state, State::Established | State::CloseWait)
        && matches!(
            socket.protocol,
            Protocol::Tcp
                | Protocol::Mptcp
                | Protocol::Sctp
                | Protocol::UnixStream
                | Protocol::UnixSeqpacket
        )
}

impl Queues {
    /// The listeners among these sockets.
    pub(crate) fn of<'a>(sockets: impl IntoIterator<Item = &'a Socket>) -> Self {
        let mut queues = Self::default();
        for socket in sockets {
            queues.add(socket);
        }
        queues
    }

    /// Count this socket in, if it is a listener that somebody may hold.
    pub(crate) fn add(&mut self, socket: &Socket) {
        let Some(inode) = socket.inode.filter(|_| socket.is_listener()) else {
            return;
        };
        let member = Member {
            inode,
            busy: socket.receive_queue > 0,
        };
        let index = match &socket.local {
            Address::Internet(local) => self.queue_at(socket, *local),
            Address::Unix(name) => {
                let key = (socket.namespace, socket.protocol, name.clone());
                let next = self.queues.len();
                *self.by_name.entry(key).or_insert(next)
            }
            _ => self.queues.len(),
        };
        if index == self.queues.len() {
            self.queues.push(Queue::new(socket));
        }
        let members = &mut self.queues[index].members;
        if members.iter().all(|member| member.inode != inode) {
            members.push(member);
        }
        for client in socket.unix.iter().flat_map(|unix| &unix.waiting) {
            self.by_client.insert(u64::from(*client), index);
        }
    }

    /// Name the holders of each listener.
    pub(crate) fn set_holders(&mut self, scanned: &Scanned) {
        for queue in &mut self.queues {
            let busy = queue.members.iter().any(|member| member.busy);
            // Where several share an address, those with an empty queue are out of it.
            let candidates = queue.members.iter().filter(|member| member.busy || !busy);
            queue.holders = candidates
                .flat_map(|member| scanned.holders(member.inode))
                .copied()
                .collect();
        }
    }

    /// Who holds the listener that this socket waits at; `None` if it waits at none that is known.
    pub(crate) fn holders(&self, socket: &Socket) -> Option<&[Holder]> {
        self.find(socket).map(|queue| &*queue.holders)
    }

    /// Whether somebody listens where this socket's own end is.
    pub(crate) fn is_served_here(&self, socket: &Socket) -> bool {
        let port = socket.local.port();
        port.is_some_and(|port| {
            self.by_port
                .contains_key(&(socket.namespace, socket.protocol, port))
        })
    }

    /// What waits at listeners that are not known here.
    pub(crate) fn unmatched(&self, sockets: &[Socket]) -> Unmatched {
        let mut unmatched = Unmatched::default();
        for socket in sockets.iter().filter(|socket| waits(socket)) {
            if self.find(socket).is_some() {
                continue;
            }
            match socket.local.port() {
                Some(port) => unmatched.ports.push((socket.protocol, port)),
                None => unmatched.unix = true,
            }
        }
        unmatched.ports.sort_unstable();
        unmatched.ports.dedup();
        unmatched
    }

    fn find(&self, socket: &Socket) -> Option<&Queue> {
        if !waits(socket) {
            return None;
        }
        let index = match &socket.local {
            Address::Internet(local) => self.best(socket, *local)?,
            local => {
                let client = socket.unix.as_ref().and_then(|unix| unix.peer_inode);
                let by_client = client.and_then(|client| self.by_client.get(&client));
                // A connection has its listener's name.
                let by_name = || match local {
                    Address::Unix(name) => {
                        let key = (socket.namespace, socket.protocol, name.clone());
                        self.by_name.get(&key)
                    }
                    _ => None,
                };
                *by_client.or_else(by_name)?
            }
        };
        Some(&self.queues[index])
    }

    /// The listener that is nearest to this connection, as the kernel chooses: its address before any, its device
    /// before none.
    fn best(&self, socket: &Socket, local: SocketAddr) -> Option<usize> {
        let key = (socket.namespace, socket.protocol, local.port());
        let candidates = self.by_port.get(&key)?;
        candidates
            .iter()
            .filter_map(|index| Some((self.queues[*index].nearness(socket, local)?, *index)))
            .max_by_key(|(nearness, _)| *nearness)
            .map(|(_, index)| index)
    }

    fn queue_at(&mut self, socket: &Socket, local: SocketAddr) -> usize {
        let next = self.queues.len();
        let key = (socket.namespace, socket.protocol, local.port());
        let known = self.by_port.entry(key).or_default();
        let same = known.iter().copied().find(|index| {
            let queue = &self.queues[*index];
            queue.local == Some(local) && queue.device == socket.device
        });
        same.unwrap_or_else(|| {
            known.push(next);
            next
        })
    }
}

impl Queue {
    fn new(listener: &Socket) -> Self {
        Self {
            local: match listener.local {
                Address::Internet(local) => Some(local),
                _ => None,
            },
            v6_only: listener.v6_only == Some(true),
            device: listener.device,
            members: Vec::new(),
            holders: Vec::new(),
        }
    }

    /// How well a connection fits, or `None` if it cannot have come here.
    fn nearness(&self, connection: &Socket, local: SocketAddr) -> Option<u8> {
        let own = self.local?;
        if own.is_ipv6() != local.is_ipv6() {
            return None;
        }
        let address = if own.ip() == local.ip() {
            2
        } else if own.ip().is_unspecified() && !(self.v6_only && connection.local.is_mapped()) {
            0
        } else {
            return None;
        };
        let device = match self.device {
            0 => 0,
            device if device == connection.device => 1,
            _ => return None,
        };
        Some(address + device)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::host::socket::UnixDetails;

    fn socket(state: State, local: &str, inode: u64) -> Socket {
        let local: SocketAddr = local.parse().unwrap();
        let mut socket = Socket::new(Protocol::Tcp, state);
        socket.ipv6 = local.is_ipv6();
        socket.local = Address::Internet(local);
        socket.inode = (inode != 0).then_some(inode);
        socket
    }

    fn server(local: &str, inode: u64) -> Socket {
        socket(State::Listening, local, inode)
    }

    fn waiting(local: &str) -> Socket {
        socket(State::Established, local, 0)
    }

    fn holder(inode: u64) -> Holder {
        Holder {
            inode,
            process: 0,
            descriptor: 3,
            thread: None,
        }
    }

    /// The inodes of the listeners that a connection to `local` is put down to.
    fn put_down_to(listeners: &[Socket], connection: &Socket) -> Option<Vec<u64>> {
        let mut queues = Queues::of(listeners);
        let inodes = listeners.iter().filter_map(|listener| listener.inode);
        queues.set_holders(&Scanned {
            holders: inodes.map(holder).collect(),
            ..Scanned::default()
        });
        let holders = queues.holders(connection)?;
        Some(holders.iter().map(|holder| holder.inode).collect())
    }

    #[test]
    fn a_connection_belongs_to_the_nearest_listener() {
        let listeners = [
            server("0.0.0.0:80", 1),
            server("127.0.0.1:80", 2),
            server("[::]:80", 3),
            server("127.0.0.1:81", 4),
        ];
        let of = |local| put_down_to(&listeners, &waiting(local));
        assert_eq!(of("127.0.0.1:80"), Some(vec![2]));
        assert_eq!(of("192.0.2.1:80"), Some(vec![1]));
        assert_eq!(of("[::1]:80"), Some(vec![3]));
        assert_eq!(of("[::ffff:127.0.0.1]:80"), Some(vec![3]));
        assert_eq!(of("192.0.2.1:81"), None);
        assert_eq!(of("[::1]:82"), None);
    }

    #[test]
    fn a_listener_for_ipv6_only_takes_no_ipv4() {
        let mut v6 = server("[::]:80", 1);
        v6.v6_only = Some(true);
        assert_eq!(
            put_down_to(&[v6.clone()], &waiting("[::ffff:127.0.0.1]:80")),
            None
        );
        assert_eq!(put_down_to(&[v6], &waiting("[::1]:80")), Some(vec![1]));
    }

    #[test]
    fn a_listener_of_a_device_takes_only_what_comes_there() {
        let mut bound = server("0.0.0.0:80", 1);
        bound.device = 2;
        let any = server("0.0.0.0:80", 2);
        let mut connection = waiting("192.0.2.1:80");
        assert_eq!(
            put_down_to(&[bound.clone(), any.clone()], &connection),
            Some(vec![2])
        );
        connection.device = 2;
        assert_eq!(put_down_to(&[bound, any], &connection), Some(vec![1]));
    }

    #[test]
    fn of_twins_those_with_a_queue_are_meant() {
        let mut twins = [server("0.0.0.0:80", 1), server("0.0.0.0:80", 2)];
        assert_eq!(
            put_down_to(&twins, &waiting("127.0.0.1:80")),
            Some(vec![1, 2])
        );
        twins[1].receive_queue = 1;
        assert_eq!(put_down_to(&twins, &waiting("127.0.0.1:80")), Some(vec![2]));
    }

    #[test]
    fn only_connections_that_nobody_has_a_descriptor_of_wait() {
        let listeners = [server("0.0.0.0:80", 1)];
        let held = socket(State::Established, "127.0.0.1:80", 9);
        assert_eq!(put_down_to(&listeners, &held), None);
        let over = socket(State::FinWait2, "127.0.0.1:80", 0);
        assert_eq!(put_down_to(&listeners, &over), None);
        let ended_by_peer = socket(State::CloseWait, "127.0.0.1:80", 0);
        assert_eq!(put_down_to(&listeners, &ended_by_peer), Some(vec![1]));
    }

    #[test]
    fn namespaces_are_kept_apart() {
        let mut connection = waiting("127.0.0.1:80");
        connection.namespace = NamespaceIndex(1);
        assert_eq!(put_down_to(&[server("0.0.0.0:80", 1)], &connection), None);
    }

    #[test]
    fn a_unix_connection_is_known_by_its_client_or_its_name() {
        let name = |bytes: &[u8]| Address::Unix(UnixName::Path(bytes.into()));
        let mut listener = Socket::new(Protocol::UnixStream, State::Listening);
        listener.local = name(b"/run/a");
        listener.inode = Some(1);
        listener.unix = Some(Box::new(UnixDetails {
            waiting: vec![77],
            ..UnixDetails::default()
        }));
        let mut connection = Socket::new(Protocol::UnixStream, State::Established);
        connection.unix = Some(Box::new(UnixDetails {
            peer_inode: Some(77),
            ..UnixDetails::default()
        }));
        assert_eq!(put_down_to(&[listener.clone()], &connection), Some(vec![1]));
        connection.unix = None;
        assert_eq!(put_down_to(&[listener.clone()], &connection), None);
        connection.local = name(b"/run/a");
        assert_eq!(put_down_to(&[listener], &connection), Some(vec![1]));
    }

    #[test]
    fn what_waits_elsewhere_is_named_once() {
        let queues = Queues::of(&[server("0.0.0.0:80", 1)]);
        let mut unix = Socket::new(Protocol::UnixStream, State::Established);
        let sockets = [
            waiting("127.0.0.1:80"),
            waiting("127.0.0.1:81"),
            waiting("127.0.0.2:81"),
            unix.clone(),
        ];
        let unmatched = queues.unmatched(&sockets);
        assert_eq!(unmatched.ports, [(Protocol::Tcp, 81)]);
        assert!(unmatched.unix);
        unix.inode = Some(4);
        assert_eq!(queues.unmatched(&[unix]), Unmatched::default());
    }
}
