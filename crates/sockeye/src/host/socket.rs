//! A socket as a value: what the kernel says of one, in types. Nothing is asked here.
//!
//! [`Socket`] is one row of a [`Table`](super::table::Table). What is always known stands in it; what costs extra to ask
//! stands in [`Details`]. A number that the kernel did not give is `None`, never 0.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::tcp_info::{CongestionInfo, TcpInfo};

/// What a socket speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Protocol {
    /// TCP over IPv4 or IPv6.
    Tcp,
    /// Multipath TCP: the socket that the program holds; its subflows are TCP sockets.
    Mptcp,
    /// UDP over IPv4 or IPv6.
    Udp,
    /// UDP-Lite (RFC 3828).
    UdpLite,
    /// SCTP, where the kernel has it.
    Sctp,
    /// A raw IP socket.
    Raw,
    /// A "ping" socket: ICMP echo without privileges.
    Icmp,
    /// A Unix socket of bytes.
    UnixStream,
    /// A Unix socket of datagrams.
    UnixDatagram,
    /// A Unix socket of packets in order.
    UnixSeqpacket,
    /// A packet socket (AF_PACKET): frames of a device.
    Packet,
    /// A netlink socket: a program that talks to the kernel.
    Netlink,
    /// A vsock: a virtual machine and its host.
    Vsock,
}

impl Protocol {
    /// Every protocol, in the order in which they are listed.
    pub const ALL: [Self; 13] = [
        Self::Tcp,
        Self::Mptcp,
        Self::Udp,
        Self::UdpLite,
        Self::Sctp,
        Self::Raw,
        Self::Icmp,
        Self::UnixStream,
        Self::UnixDatagram,
        Self::UnixSeqpacket,
        Self::Packet,
        Self::Netlink,
        Self::Vsock,
    ];

    /// Its word, the same in tables, filters and JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Mptcp => "mptcp",
            Self::Udp => "udp",
            Self::UdpLite => "udplite",
            Self::Sctp => "sctp",
            Self::Raw => "raw",
            Self::Icmp => "icmp",
            Self::UnixStream => "unix",
            Self::UnixDatagram => "unix-dgram",
            Self::UnixSeqpacket => "unix-seqpacket",
            Self::Packet => "packet",
            Self::Netlink => "netlink",
            Self::Vsock => "vsock",
        }
    }

    /// Whether its addresses are IP addresses.
    pub fn is_internet(self) -> bool {
        self <= Self::Icmp
    }

    /// Whether both of its ends have ports; raw and ping sockets keep other numbers in their place.
    pub fn has_ports(self) -> bool {
        self.is_internet() && self < Self::Raw
    }

    /// Whether it is a Unix socket of some type.
    pub fn is_unix(self) -> bool {
        matches!(
            self,
            Self::UnixStream | Self::UnixDatagram | Self::UnixSeqpacket
        )
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// A set of protocols.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Protocols(u32);

impl Protocols {
    /// None of them.
    pub const NONE: Self = Self(0);
    /// All of them.
    pub const ALL: Self = Self((1 << Protocol::ALL.len()) - 1);

    /// The set of one.
    pub const fn only(protocol: Protocol) -> Self {
        Self(1 << protocol as u32)
    }

    /// Those of both sets.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Those of either set.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether this one is in the set.
    pub const fn has(self, protocol: Protocol) -> bool {
        self.0 & (1 << protocol as u32) != 0
    }

    /// Whether the set has none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl FromIterator<Protocol> for Protocols {
    fn from_iter<I: IntoIterator<Item = Protocol>>(protocols: I) -> Self {
        protocols
            .into_iter()
            .fold(Self::NONE, |set, protocol| set.or(Self::only(protocol)))
    }
}

/// Where a connection stands: the states of TCP (RFC 9293 section 3.3.2), which other sockets borrow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum State {
    /// Both ways are open.
    Established = 1,
    /// We asked for a connection and wait for the answer.
    SynSent = 2,
    /// We answered a request and wait for its confirmation.
    SynReceived = 3,
    /// We have ended our side; the peer has not confirmed that yet.
    FinWait1 = 4,
    /// We have ended our side, and the peer knows it.
    FinWait2 = 5,
    /// Both sides have ended; the kernel keeps the port for a minute.
    TimeWait = 6,
    /// No connection: a datagram socket without a peer, or a socket that is not used yet.
    Unconnected = 7,
    /// The peer has ended its side; the program here has not.
    CloseWait = 8,
    /// The program here has ended after the peer; its confirmation is missing.
    LastAck = 9,
    /// It waits for connections.
    Listening = 10,
    /// Both sides ended at the same time.
    Closing = 11,
    /// Bound to a port, and neither listening nor connected (Linux 6.8 and later tell).
    Bound = 13,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 12] = [
        Self::Established,
        Self::SynSent,
        Self::SynReceived,
        Self::FinWait1,
        Self::FinWait2,
        Self::TimeWait,
        Self::Unconnected,
        Self::CloseWait,
        Self::LastAck,
        Self::Listening,
        Self::Closing,
        Self::Bound,
    ];

    /// Its word, the same in tables, filters and JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Established => "established",
            Self::SynSent => "syn-sent",
            Self::SynReceived => "syn-received",
            Self::FinWait1 => "fin-wait-1",
            Self::FinWait2 => "fin-wait-2",
            Self::TimeWait => "time-wait",
            Self::Unconnected => "unconnected",
            Self::CloseWait => "close-wait",
            Self::LastAck => "last-ack",
            Self::Listening => "listening",
            Self::Closing => "closing",
            Self::Bound => "bound",
        }
    }

    /// The kernel's number as a state; 12 is its second way to say [`State::SynReceived`].
    pub fn from_kernel(number: u8) -> Option<Self> {
        Some(match number {
            1 => Self::Established,
            2 => Self::SynSent,
            3 | 12 => Self::SynReceived,
            4 => Self::FinWait1,
            5 => Self::FinWait2,
            6 => Self::TimeWait,
            7 => Self::Unconnected,
            8 => Self::CloseWait,
            9 => Self::LastAck,
            10 => Self::Listening,
            11 => Self::Closing,
            13 => Self::Bound,
            _ => return None,
        })
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// A set of states, as the kernel's bit mask: bit n is the state with number n.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct States(u32);

impl States {
    /// None of them.
    pub const NONE: Self = Self(0);
    /// All of them.
    pub const ALL: Self = Self(0x3ffe);

    /// The set of one.
    pub const fn only(state: State) -> Self {
        match state {
            State::SynReceived => Self(1 << 3 | 1 << 12),
            other => Self(1 << other as u32),
        }
    }

    /// Those of both sets.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Those of either set.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// All others.
    #[must_use]
    pub const fn not(self) -> Self {
        Self(!self.0 & Self::ALL.0)
    }

    /// Whether this one is in the set.
    pub const fn has(self, state: State) -> bool {
        self.0 & (1 << state as u32) != 0
    }

    /// Whether the set has none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The kernel's bit mask.
    pub const fn mask(self) -> u32 {
        self.0
    }
}

impl FromIterator<State> for States {
    fn from_iter<I: IntoIterator<Item = State>>(states: I) -> Self {
        states
            .into_iter()
            .fold(Self::NONE, |set, state| set.or(Self::only(state)))
    }
}

/// One end of a socket.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Address {
    /// It has none: an unnamed Unix socket, a peer that is not known.
    None,
    /// An IP address and a port, as the kernel keeps it: `::ffff:192.0.2.1` stays IPv6 here. An unspecified address and
    /// port 0 mean "any". For raw sockets the port is the IP protocol's number, for ping sockets the echo identifier.
    Internet(SocketAddr),
    /// The name of a Unix socket.
    Unix(UnixName),
    /// The Ethernet protocol (host byte order) and the device's index (0 is any) of a packet socket.
    Packet {
        /// Such as 0x0800 for IPv4, 3 for all.
        protocol: u16,
        /// Index of the device; 0 is any.
        device: u32,
    },
    /// The netlink family's number and the port.
    Netlink {
        /// Such as 0 for `route`.
        family: u8,
        /// The sender's port, mostly its pid; 0 is the kernel.
        port: u32,
    },
    /// A vsock address; `u32::MAX` is any.
    Vsock {
        /// Context: 2 is the host.
        context: u32,
        /// The port.
        port: u32,
    },
}

impl Address {
    /// The port, of an IP address whose port is one.
    pub fn port(&self) -> Option<u16> {
        match self {
            Self::Internet(address) => Some(address.port()),
            _ => None,
        }
    }

    /// The IP address; an IPv4 address that is written as IPv6 (`::ffff:192.0.2.1`) becomes IPv4.
    pub fn ip(&self) -> Option<IpAddr> {
        match self {
            Self::Internet(address) => Some(address.ip().to_canonical()),
            _ => None,
        }
    }

    /// Whether it is an IPv4 address written as IPv6.
    pub fn is_mapped(&self) -> bool {
        matches!(self, Self::Internet(SocketAddr::V6(v6)) if v6.ip().to_ipv4_mapped().is_some())
    }
}

/// The name of a Unix socket, exactly: not every name is text.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum UnixName {
    /// A path of the file system.
    Path(Box<[u8]>),
    /// A name in the abstract space, without the NUL in front.
    Abstract(Box<[u8]>),
}

impl UnixName {
    /// The bytes of the path or of the abstract name.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Path(bytes) | Self::Abstract(bytes) => bytes,
        }
    }
}

/// Which of the table's namespaces a socket is in: an index into [`Table::namespaces`](super::table::Table::namespaces).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NamespaceIndex(pub u16);

/// A timer that runs for a TCP socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timer {
    /// What it is for.
    pub kind: TimerKind,
    /// When it goes off, from when the table was read.
    pub expires: Duration,
    /// How often it went off in vain.
    pub retransmits: u8,
}

/// What a TCP timer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimerKind {
    /// Sending again what was not confirmed.
    Retransmit,
    /// Asking whether the peer is still there; connecting and answering use it too.
    Keepalive,
    /// The minute after the end.
    TimeWait,
    /// Asking whether the peer's window is open again.
    ZeroWindow,
}

impl TimerKind {
    /// The kernel's number as what it is for; 0 is no timer.
    pub fn from_kernel(number: u8) -> Option<Self> {
        Some(match number {
            1 => Self::Retransmit,
            2 => Self::Keepalive,
            3 => Self::TimeWait,
            4 => Self::ZeroWindow,
            _ => return None,
        })
    }

    /// Its word in tables and JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Retransmit => "retransmit",
            Self::Keepalive => "keepalive",
            Self::TimeWait => "time-wait",
            Self::ZeroWindow => "zero-window",
        }
    }
}

/// One socket of this machine.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Socket {
    /// What it speaks.
    pub protocol: Protocol,
    /// Whether it is an IPv6 socket; such a one may carry IPv4 too.
    pub ipv6: bool,
    /// Where its connection stands.
    pub state: State,
    /// This end.
    pub local: Address,
    /// The other end. For Unix sockets: the name of the peer where it is known.
    pub peer: Address,
    /// Bytes that have come and nobody has read; of a TCP or Unix listener: connections that nobody has accepted.
    pub receive_queue: u32,
    /// Bytes that are sent and not confirmed; of a TCP or Unix listener: how many connections may wait.
    pub send_queue: u32,
    /// The owner's user id. `None` where the kernel does not know any more: time-wait, requests to connect.
    pub uid: Option<u32>,
    /// The socket's number in the file system of sockets. `None` if no descriptor refers to it (not accepted yet, time-wait, orphan).
    pub inode: Option<u64>,
    /// The kernel's name for it, never used again until the next start of the machine.
    pub cookie: Option<u64>,
    /// The index of the device it is bound to; 0 for none.
    pub device: u32,
    /// The firewall mark; needs CAP_NET_ADMIN to be seen.
    pub mark: Option<u32>,
    /// The id of its control group (version 2).
    pub cgroup: Option<u64>,
    /// Whether an IPv6 socket refuses IPv4; known for those that listen or have no peer.
    pub v6_only: Option<bool>,
    /// Which ways are shut: bit 0 receiving, bit 1 sending.
    pub shutdown: Option<u8>,
    /// The timer that runs.
    pub timer: Option<Timer>,
    /// The network namespace.
    pub namespace: NamespaceIndex,
    /// The rest of what is known of a Unix socket.
    pub unix: Option<Box<UnixDetails>>,
    /// What was asked for in addition, see [`Wanted`].
    pub details: Option<Box<Details>>,
}

impl Socket {
    /// A socket of which nothing more is known.
    pub fn new(protocol: Protocol, state: State) -> Self {
        Self {
            protocol,
            ipv6: false,
            state,
            local: Address::None,
            peer: Address::None,
            receive_queue: 0,
            send_queue: 0,
            uid: None,
            inode: None,
            cookie: None,
            device: 0,
            mark: None,
            cgroup: None,
            v6_only: None,
            shutdown: None,
            timer: None,
            namespace: NamespaceIndex::default(),
            unix: None,
            details: None,
        }
    }

    /// Whether connections queue up here: then the queues count connections instead of bytes.
    pub fn is_listener(&self) -> bool {
        self.state == State::Listening
    }

    /// What TCP says of the connection, if it was asked for.
    pub fn tcp(&self) -> Option<&TcpInfo> {
        self.details.as_ref()?.tcp.as_ref()
    }

    /// How much memory it holds, if it was asked for.
    pub fn memory(&self) -> Option<&Memory> {
        self.details.as_ref()?.memory.as_ref()
    }
}

/// What only Unix sockets have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnixDetails {
    /// The inode of the socket at the other end; `None` also while it waits to be accepted.
    pub peer_inode: Option<u64>,
    /// Device (as `stat` writes it) and inode of the file that a path led to when it was bound.
    pub file: Option<(u32, u32)>,
    /// The clients that wait to be accepted here, by the inodes of their own sockets.
    pub waiting: Vec<u32>,
}

/// What is known of a socket only if it is asked for.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Details {
    /// What TCP says of the connection.
    pub tcp: Option<TcpInfo>,
    /// How much memory it holds.
    pub memory: Option<Memory>,
    /// The congestion control, such as `cubic`.
    pub congestion: Option<Box<str>>,
    /// Type of service (IPv4) or traffic class (IPv6).
    pub tos: Option<u8>,
    /// The protocol above TCP that the kernel speaks: `tls`, `mptcp`, `espintcp`.
    pub upper: Option<Box<str>>,
    /// What the congestion control has measured, of those that tell.
    pub congestion_info: Option<CongestionInfo>,
}

/// The memory of a socket (`SK_MEMINFO`), in bytes unless said otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// Allocated for what has come.
    pub received: u32,
    /// The most that may be.
    pub receive_buffer: u32,
    /// Allocated for what is to go.
    pub sent: u32,
    /// The most that may be.
    pub send_buffer: u32,
    /// Set aside for later use.
    pub forward: u32,
    /// Queued for sending.
    pub queued: u32,
    /// Options and the like.
    pub options: u32,
    /// Packets that wait while a program holds the socket.
    pub backlog: u32,
    /// How many packets were dropped; `None` where the kernel does not say.
    pub drops: Option<u32>,
}

/// What to ask for beyond the row itself. Each costs: with all of it an answer is four times as long.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// [`Details::tcp`] and [`Details::congestion`].
    pub tcp: bool,
    /// [`Details::memory`].
    pub memory: bool,
    /// [`Details::tos`], [`Details::upper`], [`Details::congestion_info`]. With these the kernel sends [`Details::tcp`] too.
    pub rest: bool,
}
