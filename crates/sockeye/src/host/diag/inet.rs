//! `inet_diag` as bytes: what is asked of TCP, MPTCP, UDP, SCTP and raw sockets, and what the kernel answers.
//!
//! The layouts are those of the kernel's `linux/inet_diag.h`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use super::message::{
    DUMP, Request, attributes, be16_of, cookie, cookie_bytes, u32_at, u32_of, u64_at,
};
use super::{KernelQuery, tcp_info};
use crate::host::socket::{
    Address, Details, Memory, Protocol, Socket, State, Timer, TimerKind, Wanted,
};
use crate::host::tcp_info::CongestionInfo;

/// Types of messages.
pub(super) const LEGACY_TCP: u16 = 18;
pub(super) const BY_FAMILY: u16 = 20;
pub(super) const DESTROY: u16 = 21;

/// Attributes of requests.
const REQUEST_BYTECODE: u16 = 1;
const REQUEST_PROTOCOL: u16 = 3;

/// Length of `struct inet_diag_msg`.
const MESSAGE: usize = 72;

/// An address family of IP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    V4,
    V6,
}

impl Family {
    /// `AF_INET` or `AF_INET6`.
    pub(super) fn number(self) -> u8 {
        match self {
            Self::V4 => 2,
            Self::V6 => 10,
        }
    }

    fn of(address: IpAddr) -> Self {
        if address.is_ipv4() {
            Self::V4
        } else {
            Self::V6
        }
    }
}

/// `IPPROTO_…` of a protocol that `inet_diag` lists.
pub(super) fn ip_protocol(protocol: Protocol) -> Option<u32> {
    Some(match protocol {
        Protocol::Tcp => 6,
        Protocol::Udp => 17,
        Protocol::Sctp => 132,
        Protocol::UdpLite => 136,
        Protocol::Raw => RAW,
        Protocol::Mptcp => 262,
        _ => return None,
    })
}

/// How the kernel calls all raw sockets together.
const RAW: u32 = 255;

/// The protocol that an event names.
pub(super) fn protocol_of(number: u8) -> Option<Protocol> {
    Some(match number {
        6 => Protocol::Tcp,
        17 => Protocol::Udp,
        132 => Protocol::Sctp,
        136 => Protocol::UdpLite,
        255 => Protocol::Raw,
        _ => return None,
    })
}

/// Ask for all TCP sockets of both families in one walk over the kernel's tables, which the modern request cannot.
/// (It is an old interface: a kernel may refuse it.)
pub(super) fn dump_tcp(query: &KernelQuery) -> Request {
    let mut fixed = Vec::with_capacity(60);
    fixed.extend([0, 0, 0, extensions(query.wanted)]);
    fixed.extend(ports(query));
    fixed.extend(query.states.mask().to_ne_bytes());
    fixed.extend([0; 4]);
    with_bytecode(Request::new(LEGACY_TCP, DUMP, &fixed), query)
}

/// Ask for all sockets of one protocol and family.
pub(super) fn dump(query: &KernelQuery, protocol: u32, family: Family) -> Request {
    let id = ports(query);
    let fixed = fixed_part(family, protocol, query.wanted, query.states.mask(), &id);
    let request = with_protocol(Request::new(BY_FAMILY, DUMP, &fixed), protocol);
    // Where others have a port, raw sockets have the number of the IP protocol: a program would compare that.
    if protocol == RAW {
        return request;
    }
    with_bytecode(request, query)
}

/// Which socket is meant by a request that is no dump.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tuple {
    /// What stands first in the request: the local end, for UDP look-ups the peer.
    pub(super) source: SocketAddr,
    pub(super) destination: SocketAddr,
    /// Index of the device it is bound to.
    pub(super) device: u32,
    pub(super) cookie: Option<u64>,
}

/// A request that means one socket: to look it up ([`BY_FAMILY`]) or to end it ([`DESTROY`]).
pub(super) fn single(
    kind: u16,
    flags: u16,
    protocol: u32,
    wanted: Wanted,
    tuple: &Tuple,
) -> Request {
    let mut id = [0; 48];
    id[..2].copy_from_slice(&tuple.source.port().to_be_bytes());
    id[2..4].copy_from_slice(&tuple.destination.port().to_be_bytes());
    put_address(&mut id, 4, tuple.source.ip());
    put_address(&mut id, 20, tuple.destination.ip());
    id[36..40].copy_from_slice(&tuple.device.to_ne_bytes());
    id[40..].copy_from_slice(&cookie_bytes(tuple.cookie));
    let family = Family::of(tuple.source.ip());
    let fixed = fixed_part(family, protocol, wanted, u32::MAX, &id);
    with_protocol(Request::new(kind, flags, &fixed), protocol)
}

fn put_address(id: &mut [u8; 48], at: usize, address: IpAddr) {
    match address {
        IpAddr::V4(v4) => id[at..at + 4].copy_from_slice(&v4.octets()),
        IpAddr::V6(v6) => id[at..at + 16].copy_from_slice(&v6.octets()),
    }
}

/// `struct inet_diag_req_v2`.
fn fixed_part(
    family: Family,
    protocol: u32,
    wanted: Wanted,
    states: u32,
    id: &[u8; 48],
) -> Vec<u8> {
    let mut fixed = Vec::with_capacity(56);
    // What does not fit into the byte (MPTCP) is told by an attribute, which then counts instead.
    let protocol = u8::try_from(protocol).unwrap_or_default();
    fixed.extend([family.number(), protocol, extensions(wanted), 0]);
    fixed.extend(states.to_ne_bytes());
    fixed.extend(id);
    fixed
}

/// A `struct inet_diag_sockid` that only has ports, for dumps.
fn ports(query: &KernelQuery) -> [u8; 48] {
    let mut id = [0; 48];
    id[..2].copy_from_slice(&query.local_port.unwrap_or(0).to_be_bytes());
    id[2..4].copy_from_slice(&query.peer_port.unwrap_or(0).to_be_bytes());
    id[40..].copy_from_slice(&cookie_bytes(None));
    id
}

fn with_protocol(request: Request, protocol: u32) -> Request {
    if protocol <= u8::MAX.into() {
        return request;
    }
    request.with(REQUEST_PROTOCOL, &protocol.to_ne_bytes())
}

fn with_bytecode(request: Request, query: &KernelQuery) -> Request {
    match &query.bytecode {
        Some(code) if !code.is_empty() => request.with(REQUEST_BYTECODE, code),
        _ => request,
    }
}

/// Attributes of answers.
mod attribute {
    pub(super) const MEMINFO: u16 = 1;
    pub(super) const INFO: u16 = 2;
    pub(super) const VEGASINFO: u16 = 3;
    pub(super) const CONG: u16 = 4;
    pub(super) const TOS: u16 = 5;
    pub(super) const TCLASS: u16 = 6;
    pub(super) const SKMEMINFO: u16 = 7;
    pub(super) const SHUTDOWN: u16 = 8;
    pub(super) const DCTCPINFO: u16 = 9;
    pub(super) const PROTOCOL: u16 = 10;
    pub(super) const SKV6ONLY: u16 = 11;
    pub(super) const MARK: u16 = 15;
    pub(super) const BBRINFO: u16 = 16;
    pub(super) const ULP_INFO: u16 = 19;
    pub(super) const CGROUP_ID: u16 = 21;
}

/// Bits of what the kernel sends only if asked: attribute n is bit n - 1.
fn extensions(wanted: Wanted) -> u8 {
    use attribute::{CONG, INFO, SKMEMINFO, TCLASS, TOS, VEGASINFO};
    let bit = |attribute: u16| 1_u8 << (attribute - 1);
    let mut mask = 0;
    if wanted.tcp {
        mask |= bit(INFO) | bit(CONG);
    }
    if wanted.memory {
        mask |= bit(SKMEMINFO);
    }
    if wanted.rest {
        // What is above TCP comes only along with INFO.
        mask |= bit(TOS) | bit(TCLASS) | bit(VEGASINFO) | bit(INFO);
    }
    mask
}

/// One socket of an answer; `None` if the bytes are too few or the family is none of ours.
#[inline]
pub(super) fn parse(payload: &[u8], protocol: Protocol) -> Option<Socket> {
    let head = payload.first_chunk::<MESSAGE>()?;
    let (family, number, timer, retransmits) = (head[0], head[1], head[2], head[3]);
    let ipv6 = match family {
        2 => false,
        10 => true,
        _ => return None,
    };
    let mut socket = Socket::new(protocol, state(protocol, number, head)?);
    socket.ipv6 = ipv6;
    socket.local = address(ipv6, be16_of(head, 4), head, 8);
    socket.peer = address(ipv6, be16_of(head, 6), head, 24);
    socket.device = u32_of(head, 40);
    socket.cookie = cookie(u32_of(head, 44), u32_of(head, 48));
    socket.timer = timer_of(timer, u32_of(head, 52), retransmits);
    socket.receive_queue = u32_of(head, 56);
    socket.send_queue = u32_of(head, 60);
    socket.inode = Some(u32_of(head, 68).into()).filter(|inode| *inode != 0);
    // A socket that no descriptor refers to may say user 0 because nobody knows: that is not root.
    let uid = u32_of(head, 64);
    socket.uid = (socket.inode.is_some() || uid != 0).then_some(uid);
    for (kind, content) in attributes(&payload[MESSAGE..]) {
        attach(&mut socket, kind, content);
    }
    Some(socket)
}

fn state(protocol: Protocol, number: u8, head: &[u8; MESSAGE]) -> Option<State> {
    let bound = be16_of(head, 4) != 0;
    match (protocol, number) {
        (Protocol::Sctp, _) => sctp_state(number, be16_of(head, 6) != 0),
        // "Closed" is what a TCP socket says that is bound and nothing more.
        (Protocol::Tcp | Protocol::Mptcp, 7) if bound => Some(State::Bound),
        _ => State::from_kernel(number),
    }
}

/// SCTP numbers the states of its associations in its own way; its sockets use those of TCP.
fn sctp_state(number: u8, has_peer: bool) -> Option<State> {
    Some(match number {
        0 => State::Unconnected,
        1 | 2 => State::SynSent,
        3 => State::Established,
        4 => State::FinWait1,
        5 => State::FinWait2,
        6 => State::CloseWait,
        7 if has_peer => State::LastAck,
        other => State::from_kernel(other)?,
    })
}

#[inline]
fn address(ipv6: bool, port: u16, head: &[u8; MESSAGE], at: usize) -> Address {
    let ip = if ipv6 {
        let mut octets = [0; 16];
        octets.copy_from_slice(&head[at..at + 16]);
        IpAddr::V6(Ipv6Addr::from(octets))
    } else {
        IpAddr::V4(Ipv4Addr::new(
            head[at],
            head[at + 1],
            head[at + 2],
            head[at + 3],
        ))
    };
    Address::Internet(SocketAddr::new(ip, port))
}

fn timer_of(number: u8, expires_ms: u32, retransmits: u8) -> Option<Timer> {
    let kind = TimerKind::from_kernel(number)?;
    Some(Timer {
        kind,
        expires: Duration::from_millis(expires_ms.into()),
        retransmits,
    })
}

#[inline]
fn attach(socket: &mut Socket, kind: u16, content: &[u8]) {
    match kind {
        attribute::SHUTDOWN => socket.shutdown = content.first().copied(),
        attribute::SKV6ONLY => socket.v6_only = content.first().map(|byte| *byte != 0),
        attribute::CGROUP_ID => socket.cgroup = u64_at(content, 0),
        attribute::MARK => socket.mark = u32_at(content, 0),
        attribute::PROTOCOL => {
            if let Some(protocol) = content.first().and_then(|number| protocol_of(*number)) {
                socket.protocol = protocol;
            }
        }
        attribute::MEMINFO
        | attribute::INFO
        | attribute::VEGASINFO
        | attribute::DCTCPINFO
        | attribute::BBRINFO
        | attribute::CONG
        | attribute::TOS
        | attribute::TCLASS
        | attribute::SKMEMINFO
        | attribute::ULP_INFO => detail(socket, kind, content),
        _ => {}
    }
}

/// What costs memory of its own: only rows that have it pay for it.
fn detail(socket: &mut Socket, kind: u16, content: &[u8]) {
    let tcp_like = matches!(socket.protocol, Protocol::Tcp | Protocol::Mptcp);
    let ipv6 = socket.ipv6;
    let details = socket.details.get_or_insert_with(Box::<Details>::default);
    match kind {
        // Other protocols put structures of their own there.
        attribute::INFO if socket.protocol == Protocol::Tcp => {
            details.tcp = tcp_info::parse(content);
        }
        attribute::CONG if tcp_like => details.congestion = text(content),
        attribute::VEGASINFO | attribute::DCTCPINFO | attribute::BBRINFO => {
            details.congestion_info = congestion(kind, content);
        }
        attribute::TOS if !ipv6 => details.tos = content.first().copied(),
        attribute::TCLASS if ipv6 => details.tos = content.first().copied(),
        attribute::SKMEMINFO => details.memory = memory(content),
        attribute::MEMINFO if details.memory.is_none() => details.memory = old_memory(content),
        attribute::ULP_INFO => {
            const NAME: u16 = 1;
            details.upper = attributes(content)
                .find(|(kind, _)| *kind == NAME)
                .and_then(|(_, name)| text(name));
        }
        _ => {}
    }
}

/// `union tcp_cc_info`: each congestion control has an attribute of its own.
fn congestion(kind: u16, content: &[u8]) -> Option<CongestionInfo> {
    let number = |index: usize| u32_at(content, 4 * index);
    let micros = |index| number(index).map(|micros| Duration::from_micros(micros.into()));
    let enabled = content.iter().take(2).any(|byte| *byte != 0);
    Some(match kind {
        attribute::BBRINFO => CongestionInfo::Bbr {
            bandwidth: u64::from(number(0)?) | u64::from(number(1)?) << 32,
            min_rtt: micros(2)?,
            pacing_gain: number(3)?,
            window_gain: number(4)?,
        },
        attribute::VEGASINFO => CongestionInfo::Vegas {
            enabled: number(0)? != 0,
            samples: number(1)?,
            rtt: micros(2)?,
            min_rtt: micros(3)?,
        },
        attribute::DCTCPINFO => CongestionInfo::Dctcp {
            enabled,
            alpha: number(1)?,
            marked_bytes: number(2)?,
            total_bytes: number(3)?,
        },
        _ => return None,
    })
}

/// A name that the kernel ends with NUL.
fn text(content: &[u8]) -> Option<Box<str>> {
    let name = content.split(|byte| *byte == 0).next()?;
    (!name.is_empty()).then(|| String::from_utf8_lossy(name).into())
}

/// The numbers of `SK_MEMINFO_…`; older kernels send fewer.
pub(super) fn memory(content: &[u8]) -> Option<Memory> {
    let number = |index: usize| u32_at(content, 4 * index);
    Some(Memory {
        received: number(0)?,
        receive_buffer: number(1)?,
        sent: number(2)?,
        send_buffer: number(3)?,
        forward: number(4)?,
        queued: number(5)?,
        options: number(6)?,
        backlog: number(7).unwrap_or(0),
        drops: number(8),
    })
}

/// `struct inet_diag_meminfo`: what kernels knew before `SK_MEMINFO`.
fn old_memory(content: &[u8]) -> Option<Memory> {
    Some(Memory {
        received: u32_at(content, 0)?,
        queued: u32_at(content, 4)?,
        forward: u32_at(content, 8)?,
        sent: u32_at(content, 12)?,
        ..Memory::default()
    })
}
