//! Whether a row is meant: yes, no, or it cannot be told, after Kleene. What cannot be told is neither equal nor
//! unequal to anything, so `not` leaves it as it is.

use super::expr::{Compare, Expr, Family, Field, Number, OwnerIs, Reach, Side, Special, Term};
use super::pattern::Text;
use crate::host::cgroups;
use crate::host::process::{Holder, Missing, Owners, Process};
use crate::host::socket::{Address, Protocol, Socket, State};
use crate::host::table::Table;

/// `None` if it cannot be told.
pub(super) fn judge(expr: &Expr, table: &Table, socket: &Socket) -> Option<bool> {
    match expr {
        Expr::All => Some(true),
        Expr::Term(term) => judge_term(term, table, socket),
        Expr::Not(inner) => judge(inner, table, socket).map(|holds| !holds),
        Expr::And(terms) => settle(terms, false, |term| judge(term, table, socket)),
        Expr::Or(terms) => settle(terms, true, |term| judge(term, table, socket)),
    }
}

/// `decisive` as soon as one says so; unknown if one is; else the opposite.
pub(super) fn settle<T>(
    terms: &[T],
    decisive: bool,
    judge: impl Fn(&T) -> Option<bool>,
) -> Option<bool> {
    let mut all = Some(!decisive);
    for term in terms {
        match judge(term) {
            Some(holds) if holds == decisive => return Some(decisive),
            Some(_) => {}
            None => all = None,
        }
    }
    all
}

fn judge_term(term: &Term, table: &Table, socket: &Socket) -> Option<bool> {
    match term {
        Term::Protocol(set) => Some(set.has(socket.protocol)),
        Term::State(set) => Some(set.has(socket.state)),
        Term::Port(side, low, high) => Some(
            socket.protocol.has_ports()
                && ends(*side, socket, |address| {
                    address
                        .port()
                        .is_some_and(|port| (*low..=*high).contains(&port))
                }),
        ),
        Term::Net(side, net) => Some(ends(*side, socket, |address| {
            address.ip().is_some_and(|ip| net.contains(&ip))
        })),
        Term::Autobound(low, high) => Some(autobound(socket, *low, *high)),
        Term::Family(family) => is_family(*family, socket),
        Term::Reach(reach) => Some(is_reached(*reach, socket)),
        Term::Number(number, compare, value) => is_number(*number, *compare, *value, table, socket),
        Term::Text(field, text) => is_text(*field, text, table, socket),
        Term::Special(side, special, first, second) => Some(ends(*side, socket, |address| {
            is_special(*special, *first, *second, address)
        })),
        Term::Mark(mark, mask) => Some(socket.mark? & mask == *mark),
        Term::Owner(owner) => is_owner(*owner, table, socket),
        Term::Timer(kind) => Some(socket.timer.is_some_and(|timer| timer.kind == *kind)),
        Term::Here => Some(table.namespace(socket).ours),
        Term::Open => Some(is_open(socket)),
    }
}

fn ends(side: Side, socket: &Socket, is: impl Fn(&Address) -> bool) -> bool {
    match side {
        Side::Local => is(&socket.local),
        Side::Peer => is(&socket.peer),
        Side::Either => is(&socket.local) || is(&socket.peer),
    }
}

/// Whether people may come to it: a listener, or a datagram socket without a peer.
pub(super) fn is_open(socket: &Socket) -> bool {
    let datagrams = matches!(socket.protocol, Protocol::Udp | Protocol::UdpLite);
    socket.state == State::Listening || datagrams && socket.state == State::Unconnected
}

fn autobound(socket: &Socket, low: u16, high: u16) -> bool {
    match &socket.local {
        Address::Internet(local) => {
            socket.protocol.has_ports() && (low..=high).contains(&local.port())
        }
        // The kernel makes such names of five hexadecimal digits.
        Address::Unix(name) => {
            let bytes = name.bytes();
            matches!(name, crate::host::socket::UnixName::Abstract(_))
                && bytes.len() == 5
                && bytes.iter().all(u8::is_ascii_hexdigit)
        }
        _ => false,
    }
}

fn is_family(family: Family, socket: &Socket) -> Option<bool> {
    if !socket.protocol.is_internet() {
        return Some(false);
    }
    let mapped = socket.local.is_mapped() || socket.peer.is_mapped();
    match family {
        Family::Inet => Some(!socket.ipv6),
        Family::Inet6 => Some(socket.ipv6),
        Family::Ipv6 => Some(socket.ipv6 && !mapped),
        Family::Ipv4 if !socket.ipv6 || mapped => Some(true),
        // A wildcard takes IPv4 too, unless it was told not to; the kernel says so of sockets without a peer.
        Family::Ipv4 => match (is_wildcard(socket), socket.state) {
            (true, State::Listening | State::Unconnected | State::Bound) => {
                socket.v6_only.map(|only| !only)
            }
            _ => Some(false),
        },
    }
}

fn is_wildcard(socket: &Socket) -> bool {
    socket.local.ip().is_some_and(|ip| ip.is_unspecified())
}

fn is_reached(reach: Reach, socket: &Socket) -> bool {
    let Some(ip) = socket.local.ip() else {
        return false;
    };
    match reach {
        Reach::Loopback => ip.is_loopback(),
        Reach::NonLoopback => !ip.is_loopback(),
        Reach::Wildcard => ip.is_unspecified(),
    }
}

fn is_number(
    number: Number,
    compare: Compare,
    value: u64,
    table: &Table,
    socket: &Socket,
) -> Option<bool> {
    let holds = |found: u64| compare.holds(found, value);
    match number {
        Number::ReceiveQueue => Some(holds(socket.receive_queue.into())),
        Number::SendQueue => Some(holds(socket.send_queue.into())),
        // How many may wait is no queue.
        Number::Queue => Some(
            holds(socket.receive_queue.into())
                || !socket.is_listener() && holds(socket.send_queue.into()),
        ),
        Number::Uid => Some(holds(socket.uid?.into())),
        Number::Inode => Some(socket.inode.is_some_and(holds)),
        Number::Cookie => Some(holds(socket.cookie?)),
        Number::Device => Some(holds(socket.device.into())),
        Number::Namespace => Some(holds(table.namespace(socket).inode)),
        Number::Pid => held(table, socket, |process, _| holds(process.pid.into())),
        Number::Drops => Some(match socket.memory() {
            Some(memory) => holds(memory.drops?.into()),
            None => return None,
        }),
        Number::Rtt | Number::Retransmits | Number::Sent | Number::Received => {
            tcp_number(number, socket, holds)
        }
    }
}

/// Whether the kernel has numbers of a connection for such a socket.
pub(super) fn is_connection(protocol: Protocol, state: State) -> bool {
    let idle = matches!(
        state,
        State::Listening | State::Unconnected | State::Bound | State::TimeWait | State::SynReceived
    );
    matches!(protocol, Protocol::Tcp | Protocol::Mptcp) && !idle
}

/// Numbers that only connections of TCP have.
fn tcp_number(number: Number, socket: &Socket, holds: impl Fn(u64) -> bool) -> Option<bool> {
    if !is_connection(socket.protocol, socket.state) {
        return Some(false);
    }
    let tcp = socket.tcp()?;
    let found = match number {
        Number::Rtt => u64::try_from(tcp.rtt.as_nanos()).unwrap_or(u64::MAX),
        Number::Retransmits => tcp.total_retransmits.into(),
        Number::Sent => tcp.bytes_sent?,
        _ => tcp.bytes_received?,
    };
    Some(holds(found))
}

/// Whether one of its holders is so; those of the listener for sockets that wait to be accepted.
fn held(table: &Table, socket: &Socket, is: impl Fn(&Process, &Holder) -> bool) -> Option<bool> {
    let holders = match table.owners(socket) {
        Owners::Held(holders) | Owners::Missing(Missing::AcceptQueue(holders)) => holders,
        Owners::Missing(Missing::NotAsked | Missing::NeedsPrivilege | Missing::OtherNamespace) => {
            return None;
        }
        Owners::Missing(_) => return Some(false),
    };
    let any = holders
        .iter()
        .any(|holder| is(table.process(holder), holder));
    // An accept queue whose listener is hidden.
    (!holders.is_empty()).then_some(any)
}

fn is_owner(owner: OwnerIs, table: &Table, socket: &Socket) -> Option<bool> {
    let missing = match table.owners(socket) {
        Owners::Held(_) => return Some(owner == OwnerIs::Known),
        Owners::Missing(Missing::NotAsked) => return None,
        Owners::Missing(missing) => missing,
    };
    Some(match owner {
        OwnerIs::Known => false,
        OwnerIs::None => true,
        OwnerIs::Hidden => {
            matches!(missing, Missing::NeedsPrivilege | Missing::OtherNamespace)
        }
        OwnerIs::Missing(code) => missing.code() == code,
    })
}

fn is_text(field: Field, text: &Text, table: &Table, socket: &Socket) -> Option<bool> {
    match field {
        Field::Process => held(table, socket, |process, _| text.matches(&process.name)),
        Field::Command => held(table, socket, |process, _| {
            let blanks = process.command_line.iter();
            let line: Vec<u8> = blanks
                .map(|byte| if *byte == 0 { b' ' } else { *byte })
                .collect();
            text.matches(line.trim_ascii_end())
        }),
        Field::Path(side) => Some(ends(side, socket, |address| match address {
            Address::Unix(name) => text.matches(name.bytes()),
            _ => false,
        })),
        Field::Namespace => Some({
            let namespace = table.namespace(socket);
            let name = namespace.name.as_deref();
            name.is_some_and(|name| text.matches(name.as_bytes()))
        }),
        Field::Device if socket.device == 0 => Some(false),
        Field::Device => {
            let name = table.namespace(socket).devices.get(&socket.device)?;
            Some(text.matches(name.as_bytes()))
        }
        Field::Unit | Field::Container | Field::Cgroup => is_grouped(field, text, table, socket),
    }
}

/// Control groups, and what their paths say.
fn is_grouped(field: Field, text: &Text, table: &Table, socket: &Socket) -> Option<bool> {
    // The group of a holder may say more than that of the socket.
    if let Owners::Missing(Missing::NotAsked) = table.owners(socket) {
        return None;
    }
    let path = table.cgroup(socket)?;
    Some(match field {
        Field::Unit => cgroups::unit(path).is_some_and(|unit| is_unit(text, unit)),
        Field::Container => cgroups::container(path).is_some_and(|container| {
            text.matches(container.id.as_bytes()) || text.matches(container.short_id().as_bytes())
        }),
        _ => text.matches(path.as_bytes()),
    })
}

/// `ssh` means `ssh.service`.
fn is_unit(text: &Text, unit: &str) -> bool {
    let short = unit.strip_suffix(".service");
    text.matches(unit.as_bytes()) || short.is_some_and(|short| text.matches(short.as_bytes()))
}

fn is_special(special: Special, first: Option<u32>, second: Option<u32>, of: &Address) -> bool {
    let (kind, one, two) = match of {
        Address::Packet { protocol, device } => (Special::Packet, u32::from(*protocol), *device),
        Address::Netlink { family, port } => (Special::Netlink, u32::from(*family), *port),
        Address::Vsock { context, port } => (Special::Vsock, *context, *port),
        _ => return false,
    };
    kind == special
        && first.is_none_or(|first| first == one)
        && second.is_none_or(|second| second == two)
}
