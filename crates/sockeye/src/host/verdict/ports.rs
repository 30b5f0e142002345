//! Ports: those that the kernel hands out and that are nearly used up, and those that everybody can reach.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;

use super::{PORTS_NEARLY_USED, Severity, Verdict, whose};
use crate::host::services;
use crate::host::socket::{Address, NamespaceIndex, Protocol, Socket, State};
use crate::host::table::Table;

/// Where the kernel says which ports it does not hand out.
const RESERVED: &str = "/proc/sys/net/ipv4/ip_local_reserved_ports";
/// How many ports a verdict lists.
const SHOWN_PORTS: usize = 8;

/// The ports that the kernel hands out to clients.
///
/// # Examples
///
/// ```
/// use sockeye::host::verdict::PortRange;
///
/// let range = PortRange::new(32_768..=60_999, "40000,50000-50009");
/// assert_eq!(range.size(), 28_232 - 11);
/// assert!(range.has(32_768) && !range.has(50_005));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortRange {
    range: RangeInclusive<u16>,
    reserved: Vec<RangeInclusive<u16>>,
}

impl PortRange {
    /// That of this machine: `ip_local_port_range` without `ip_local_reserved_ports`.
    pub fn system() -> Self {
        let reserved = fs::read_to_string(RESERVED).unwrap_or_default();
        Self::new(services::ephemeral_range(), &reserved)
    }

    /// This range without these ports, in the kernel's form: `8080,9000-9010`. What makes no sense is left out.
    pub fn new(range: RangeInclusive<u16>, reserved: &str) -> Self {
        let span = |text: &str| {
            let (first, last) = text.split_once('-').unwrap_or((text, text));
            Some(first.trim().parse().ok()?..=last.trim().parse().ok()?)
        };
        Self {
            range,
            reserved: reserved.split(',').filter_map(span).collect(),
        }
    }

    /// Whether this port is handed out.
    pub fn has(&self, port: u16) -> bool {
        self.range.contains(&port) && !self.reserved.iter().any(|span| span.contains(&port))
    }

    /// How many ports are handed out.
    pub fn size(&self) -> usize {
        self.range.clone().filter(|port| self.has(*port)).count()
    }
}

/// What ports are handed out for: one end here, one place there.
type Destination = (NamespaceIndex, IpAddr, SocketAddr);

/// For each destination and address of ours the kernel has the range once. (Whoever binds before connecting may have
/// less: then a port serves one destination only if the program asked for that.)
pub(super) fn nearly_used(table: &Table, range: &PortRange, found: &mut Vec<Verdict>) {
    let size = range.size();
    let served = served_ports(table);
    let mut used: BTreeMap<Destination, (BTreeSet<u16>, Vec<usize>)> = BTreeMap::new();
    for (index, socket) in table.sockets.iter().enumerate() {
        let Some((local, peer)) = ends(socket).filter(|_| socket.protocol == Protocol::Tcp) else {
            continue;
        };
        // The range of other namespaces is not known here.
        let ours = table.namespace(socket).ours;
        let key = (socket.namespace, local.port());
        if peer.port() == 0 || !ours || !range.has(local.port()) || served.contains(&key) {
            continue;
        }
        let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
        let destination = (socket.namespace, local.ip().to_canonical(), peer);
        let (ports, sockets) = used.entry(destination).or_default();
        ports.insert(local.port());
        sockets.push(index);
    }
    for ((_, local, peer), (ports, sockets)) in used {
        let share = ports.len() * 100 / size.max(1);
        if share < PORTS_NEARLY_USED {
            continue;
        }
        found.push(Verdict {
            code: "ports-nearly-used",
            severity: Severity::Warning,
            sentence: format!(
                "{share} % of the ports for {peer} are in use ({} of {size} from {local})",
                ports.len()
            ),
            hint: "keep connections and use them again; or widen net.ipv4.ip_local_port_range",
            sockets,
        });
    }
}

/// Ports at which somebody listens: connections there are not ours.
fn served_ports(table: &Table) -> HashSet<(NamespaceIndex, u16)> {
    let listeners = table.sockets.iter().filter(|socket| socket.is_listener());
    listeners
        .filter_map(|socket| Some((socket.namespace, socket.local.port()?)))
        .collect()
}

fn ends(socket: &Socket) -> Option<(SocketAddr, SocketAddr)> {
    match (&socket.local, &socket.peer) {
        (Address::Internet(local), Address::Internet(peer)) => Some((*local, *peer)),
        _ => None,
    }
}

/// Servers that everybody can reach who can reach this machine.
pub(super) fn all_interfaces(table: &Table, range: &PortRange, found: &mut Vec<Verdict>) {
    let open = |socket: &Socket| {
        let wildcard = socket.local.ip().is_some_and(|ip| ip.is_unspecified());
        let serves = match socket.protocol {
            // A datagram socket with a port that was handed out is most likely a client.
            Protocol::Udp | Protocol::UdpLite => {
                socket.state == State::Unconnected
                    && socket
                        .local
                        .port()
                        .is_some_and(|port| port > 0 && !range.has(port))
            }
            Protocol::Tcp | Protocol::Mptcp | Protocol::Sctp => socket.is_listener(),
            _ => false,
        };
        wildcard && serves && socket.device == 0
    };
    let sockets = table.sockets.iter().enumerate();
    let open = sockets
        .filter(|(_, socket)| open(socket))
        .map(|(index, _)| index);
    for (process, sockets) in whose::by_process(table, open) {
        let ports: BTreeSet<(Protocol, u16)> = sockets
            .iter()
            .map(|index| &table.sockets[*index])
            .filter_map(|socket| Some((socket.protocol, socket.local.port()?)))
            .collect();
        let mut shown: Vec<String> = ports
            .iter()
            .take(SHOWN_PORTS)
            .map(|(protocol, port)| format!("{port}/{protocol}"))
            .collect();
        if ports.len() > SHOWN_PORTS {
            shown.push(format!("{} more", ports.len() - SHOWN_PORTS));
        }
        let owner = match process {
            Some(_) => whose::name(process),
            None => "a process that is not known".to_owned(),
        };
        let noun = if ports.len() == 1 { "port" } else { "ports" };
        found.push(Verdict {
            code: "all-interfaces",
            severity: Severity::Note,
            sentence: format!(
                "{owner} serves all interfaces on {noun} {}",
                shown.join(", ")
            ),
            hint: "if only this machine shall reach it, bind 127.0.0.1 or ::1",
            sockets,
        });
    }
}
