//! What is remembered of one socket from tick to tick: its name, its counters, its rates, and who had it last.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::history::History;
use super::party::Party;
use crate::host::socket::{Address, Protocol, Socket, State, TimerKind};
use crate::host::table::Table;
use crate::host::tcp_info::TcpInfo;

/// What tells a socket from every other one, also from one that later has the same ports.
///
/// That is the kernel's cookie. A socket that the kernel gives none (one that is read from `/proc`) is known by its inode,
/// or else by what it speaks and its addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// The namespace's number: old kernels count cookies in each namespace.
    namespace: u64,
    name: Name,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Name {
    Cookie(u64),
    Inode(u64),
    Addresses(u64),
}

impl Key {
    /// The key of a socket of this table.
    pub fn of(table: &Table, socket: &Socket) -> Self {
        let namespace = table
            .namespaces
            .get(usize::from(socket.namespace.0))
            .map_or(0, |namespace| namespace.inode);
        Self::in_namespace(namespace, socket)
    }

    pub(super) fn is_in(self, namespace: u64) -> bool {
        self.namespace == namespace
    }

    pub(super) fn in_namespace(namespace: u64, socket: &Socket) -> Self {
        let name = match (socket.cookie, socket.inode) {
            (Some(cookie), _) => Name::Cookie(cookie),
            (None, Some(inode)) => Name::Inode(inode),
            (None, None) => {
                let mut hasher = DefaultHasher::new();
                (socket.protocol, &socket.local, &socket.peer).hash(&mut hasher);
                Name::Addresses(hasher.finish())
            }
        };
        Self { namespace, name }
    }
}

/// The same socket has the same text for as long as it lives; another one never has it.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name {
            Name::Cookie(cookie) => write!(f, "{cookie}"),
            Name::Inode(inode) => write!(f, "inode-{inode}"),
            Name::Addresses(hash) => write!(f, "addresses-{hash:016x}"),
        }
    }
}

/// How much one TCP connection has carried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Bytes of data sent, each counted once: what was sent again is left out.
    pub sent: u64,
    /// Bytes of data received.
    pub received: u64,
    /// Segments sent again.
    pub retransmits: u64,
}

impl Counters {
    /// What TCP says; `None` if the kernel is too old to count bytes (before Linux 4.1). `peer_ended` is whether the
    /// peer's end (its FIN) has come: the kernel counts that as a byte received.
    pub fn of(info: &TcpInfo, peer_ended: bool) -> Option<Self> {
        // Before Linux 4.19 only confirmed bytes are counted, and the SYN is one of them.
        let confirmed = || info.bytes_acked.map(|bytes| bytes.saturating_sub(1));
        let received = info.bytes_received?;
        Some(Self {
            sent: info.goodput_sent().or_else(confirmed)?,
            received: received.saturating_sub(u64::from(peer_ended)),
            retransmits: u64::from(info.total_retransmits),
        })
    }

    /// The greater of both in each number: a counter does not go back.
    pub(super) fn at_least(self, other: Self) -> Self {
        Self {
            sent: self.sent.max(other.sent),
            received: self.received.max(other.received),
            retransmits: self.retransmits.max(other.retransmits),
        }
    }

    /// What came on top; never negative.
    pub(super) fn since(self, before: Self) -> Self {
        Self {
            sent: self.sent.saturating_sub(before.sent),
            received: self.received.saturating_sub(before.received),
            retransmits: self.retransmits.saturating_sub(before.retransmits),
        }
    }

    pub(super) fn add(&mut self, more: Self) {
        self.sent = self.sent.saturating_add(more.sent);
        self.received = self.received.saturating_add(more.received);
        self.retransmits = self.retransmits.saturating_add(more.retransmits);
    }

    /// Whether nothing was carried.
    pub fn is_zero(&self) -> bool {
        *self == Self::default()
    }
}

/// How fast it went between the last two ticks; never negative.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rates {
    /// Bytes per second that were sent for the first time.
    pub sent: f64,
    /// Bytes per second that came.
    pub received: f64,
    /// Segments per second that were sent again.
    pub retransmits: f64,
}

impl Rates {
    pub(super) fn of(delta: Counters, over: Duration) -> Self {
        let seconds = over.as_secs_f64();
        if seconds <= 0.0 {
            return Self::default();
        }
        // Rates are for reading: what is lost above 2^53 bytes does not matter.
        let rate = |count: u64| count as f64 / seconds;
        Self {
            sent: rate(delta.sent),
            received: rate(delta.received),
            retransmits: rate(delta.retransmits),
        }
    }
}

/// When something began, as far as a watch can know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Since {
    /// When it was first seen.
    pub seen: Instant,
    /// Whether it was so already when the watch began: then it has been so for longer than we know.
    pub longer: bool,
}

/// One socket under watch.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Record {
    /// Which socket it is.
    pub key: Key,
    /// Since when it is known.
    pub opened: Since,
    /// Since when it is in the state that it is in.
    pub in_state: Since,
    /// What it has carried in its life. `None` for what does not count bytes: only TCP does, and its listeners have none.
    pub counters: Option<Counters>,
    /// How fast it went since the tick before; all zero at the first.
    pub rates: Rates,
    /// The smoothed round trip of a TCP connection.
    pub rtt: Option<Duration>,
    /// Whose it is, or was.
    pub party: Option<Party>,
    /// What is left of a connection that is over: the kernel keeps its ports a while under a new cookie.
    pub remains: bool,
    /// Rate and round trip of the last ticks, if they are kept.
    pub history: Option<Box<History>>,
    pub(super) state: State,
    pub(super) queues: (u32, u32),
    pub(super) row: u32,
    pub(super) tick: u64,
    /// The last row of a socket that is missing from the table, while its closing event may still come.
    pub(super) leaving: Option<Box<Socket>>,
}

/// Two ends, for finding what a connection that is over was before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Ends {
    namespace: u64,
    protocol: Protocol,
    local: SocketAddr,
    peer: SocketAddr,
}

impl Ends {
    pub(super) fn of(key: Key, socket: &Socket) -> Option<Self> {
        let (Address::Internet(local), Address::Internet(peer)) = (&socket.local, &socket.peer)
        else {
            return None;
        };
        Some(Self {
            namespace: key.namespace,
            protocol: socket.protocol,
            local: *local,
            peer: *peer,
        })
    }
}

/// What a connection has carried; `None` for what does not count bytes.
pub(super) fn counters_of(socket: &Socket) -> Option<Counters> {
    if socket.is_listener() {
        return None;
    }
    let peer_ended = matches!(
        socket.state,
        State::CloseWait | State::LastAck | State::Closing
    );
    Counters::of(socket.tcp()?, peer_ended)
}

/// What a connection had carried when it was closed. `left` is whether something is left of it (time-wait).
pub(super) fn last_counters(socket: &Socket, left: bool) -> Option<Counters> {
    let info = socket.tcp()?;
    Counters::of(info, peer_had_ended(socket, info, left))
}

/// Whether the peer's end had come when a connection was closed. The kernel does not say; this follows from its numbers,
/// except for who shut down first and then read to the peer's end: there it is missed, and the end counts as a byte.
fn peer_had_ended(socket: &Socket, info: &TcpInfo, left: bool) -> bool {
    match socket.receive_queue {
        // All was read but the end itself.
        1 => true,
        // The peer was the first to end if nothing is left of the connection, unless it was reset.
        0 => !left && our_end_was_confirmed(info),
        _ => false,
    }
}

fn our_end_was_confirmed(info: &TcpInfo) -> bool {
    let (Some(sent), Some(confirmed)) = (info.goodput_sent(), info.bytes_acked) else {
        return false;
    };
    match confirmed.saturating_sub(sent) {
        // Who connected has its SYN counted among the confirmed bytes.
        2 => true,
        // Either that, or the end of who accepted; the segments tell. SYN and end are one each.
        1 => {
            let data = info.data_segments_out.unwrap_or(0);
            let once = data.saturating_sub(info.total_retransmits);
            info.delivered
                .is_some_and(|delivered| delivered >= once + 2)
        }
        _ => false,
    }
}

/// Whether this is what the kernel keeps of a connection that is over: it has a cookie of its own and no descriptor.
///
/// The minute after the end may begin while the peer's end is missing yet (fin-wait-2); its timer tells.
pub(super) fn is_remains(socket: &Socket) -> bool {
    let timer = socket.timer.map(|timer| timer.kind);
    socket.state == State::TimeWait || timer == Some(TimerKind::TimeWait)
}
