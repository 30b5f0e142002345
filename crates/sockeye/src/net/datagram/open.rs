//! Making UDP sockets: options, groups, addresses. Nothing is sent or received here.

#![expect(
    clippy::disallowed_methods,
    reason = "this is where `net` opens what it carries"
)]

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use nix::sys::socket::{setsockopt, sockopt};
use socket2::{Domain, InterfaceIndexOrAddress, Protocol, Socket, Type};

use super::peer::PeerAddress;
use super::pktinfo::Unconnected;
use super::socket::AsyncSocket;
use crate::endpoint::{Endpoint, Family, Options};
use crate::error::{Error, Kind, Operation, Result};
use crate::net::carrier::tcp::interface_error;

/// How often another port is tried when the one that the system chose for the first family is taken in the second.
const PORT_TRIES: usize = 16;

/// A UDP socket of this family with these options, in non-blocking mode, neither bound nor connected.
pub(in crate::net) fn udp_socket(
    family: SocketAddr,
    options: &Options,
    groups: &[IpAddr],
) -> io::Result<Socket> {
    let domain = Domain::for_address(family);
    let socket = Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_nonblocking(true)?;
    if let Some(interface) = &options.interface {
        socket
            .bind_device(Some(interface.as_bytes()))
            .map_err(|error| interface_error(interface, error))?;
        if family.is_ipv6() {
            socket.set_multicast_if_v6(interface_index(interface)?)?;
        }
    }
    if let Some(bytes) = options.buffer {
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        socket.set_recv_buffer_size(bytes.min(i32::MAX as usize))?;
        socket.set_send_buffer_size(bytes.min(i32::MAX as usize))?;
    }
    if let Some(ttl) = options.ttl.map(u32::from) {
        if family.is_ipv4() {
            socket.set_ttl_v4(ttl)?;
            socket.set_multicast_ttl_v4(ttl)?;
        } else {
            socket.set_unicast_hops_v6(ttl)?;
            socket.set_multicast_hops_v6(ttl)?;
        }
    }
    if options.reuseport {
        socket.set_reuse_port(true)?;
    }
    if groups
        .iter()
        .any(|group| group.is_ipv4() == family.is_ipv4())
    {
        // Several programs of one machine may listen to one group; unicast sockets keep their port to themselves.
        socket.set_reuse_address(true)?;
    }
    // Only the groups that this socket joined, not those of every other socket of the machine. Kernels that do not
    // know the option (IPv6 before Linux 4.20) deliver more, which is no reason to refuse.
    let _ = if family.is_ipv4() {
        socket.set_multicast_all_v4(false)
    } else {
        socket.set_multicast_all_v6(false)
    };
    Ok(socket)
}

/// Join the groups of the socket's family on the interface that was named, or on the default one.
pub(in crate::net) fn join(
    socket: &Socket,
    family: SocketAddr,
    options: &Options,
    groups: &[IpAddr],
) -> Result<()> {
    let index = match &options.interface {
        Some(name) => interface_index(name).map_err(|e| Error::from_io(Operation::Listen, e))?,
        None => 0,
    };
    for group in groups {
        if !group.is_multicast() {
            let why = format!("{group} is not a multicast group");
            return Err(Error::new(Kind::Usage, Operation::Listen, why)
                .with_hint("groups are 224.0.0.0 to 239.255.255.255 and ff00::/8"));
        }
        let joined = match (family, group) {
            (SocketAddr::V4(_), IpAddr::V4(group)) => {
                let on = match index {
                    0 => InterfaceIndexOrAddress::Address(Ipv4Addr::UNSPECIFIED),
                    index => InterfaceIndexOrAddress::Index(index),
                };
                socket.join_multicast_v4_n(group, &on)
            }
            (SocketAddr::V6(_), IpAddr::V6(group)) => socket.join_multicast_v6(group, index),
            _ => continue,
        };
        joined.map_err(|e| join_error(*group, e))?;
    }
    Ok(())
}

fn join_error(group: IpAddr, error: io::Error) -> Error {
    let made = Error::from_io(Operation::Listen, error).at(group);
    match made.kind() {
        // ENODEV: no interface was named and no route says which one the group is on.
        Kind::Io => made.with_hint("name the interface: `interface=eth0`"),
        _ => made,
    }
}

fn interface_index(name: &str) -> io::Result<u32> {
    Ok(nix::net::if_::if_nametoindex(name)?)
}

/// The groups to join: those of the options, and the bound address itself if it is one.
fn groups_of(addr: SocketAddr, options: &Options) -> Vec<IpAddr> {
    let mut groups = options.join.clone();
    if addr.ip().is_multicast() && !groups.contains(&addr.ip()) {
        groups.push(addr.ip());
    }
    groups
}

/// One socket for each address, all on one port. Addresses of a family that this machine lacks are left out as long
/// as another one remains.
pub(super) fn bind_all(
    addrs: &[SocketAddr],
    options: &Options,
    endpoint: &Endpoint,
) -> Result<Vec<AsyncSocket<Unconnected>>> {
    let mut last = None;
    for _ in 0..PORT_TRIES {
        match bind_once(addrs, options) {
            // Only a port that the system chose can be chosen anew.
            Err(e) if e.kind() == Kind::InUse && addrs.iter().all(|addr| addr.port() == 0) => {
                last = Some(e);
            }
            done => return done.map_err(|e| e.on(endpoint)),
        }
    }
    let none = || Error::new(Kind::Usage, Operation::Listen, "there is no address");
    Err(last.unwrap_or_else(none).on(endpoint))
}

fn bind_once(addrs: &[SocketAddr], options: &Options) -> Result<Vec<AsyncSocket<Unconnected>>> {
    let both = addrs.iter().any(SocketAddr::is_ipv4);
    let mut port = 0;
    let mut bound: Vec<AsyncSocket<Unconnected>> = Vec::new();
    let mut missing = None;
    for addr in addrs.iter().copied().filter(|addr| wanted(*addr, options)) {
        let mut at = addr;
        if at.port() == 0 {
            at.set_port(port);
        }
        match bind_one(at, options, both || options.family == Some(Family::V6)) {
            Ok(socket) => {
                if let Some(PeerAddress::Ip(local)) = socket.local() {
                    port = local.port();
                }
                let socket =
                    AsyncSocket::new(socket).map_err(|e| Error::from_io(Operation::Listen, e))?;
                bound.push(socket);
            }
            Err(e) if is_missing(&e) => missing = Some(e.at(addr)),
            Err(e) => return Err(e.at(at)),
        }
    }
    if bound.is_empty() {
        return Err(missing.unwrap_or_else(|| {
            Error::new(
                Kind::Usage,
                Operation::Listen,
                "there is no address of that family",
            )
        }));
    }
    Ok(bound)
}

fn wanted(addr: SocketAddr, options: &Options) -> bool {
    match options.family {
        None => true,
        Some(Family::V4) => addr.is_ipv4(),
        Some(Family::V6) => addr.is_ipv6(),
    }
}

/// Whether this machine simply does not have that address or family.
fn is_missing(error: &Error) -> bool {
    matches!(
        error.os_code(),
        Some(nix::libc::EAFNOSUPPORT | nix::libc::EADDRNOTAVAIL)
    )
}

fn bind_one(addr: SocketAddr, options: &Options, only_v6: bool) -> Result<Unconnected> {
    let failed = |e| Error::from_io(Operation::Listen, e).during(Operation::Listen);
    let groups = groups_of(addr, options);
    let socket = udp_socket(addr, options, &groups).map_err(failed)?;
    if options.broadcast {
        socket.set_broadcast(true).map_err(failed)?;
    }
    if addr.is_ipv6() {
        socket.set_only_v6(only_v6).map_err(failed)?;
        setsockopt(&socket, sockopt::Ipv6RecvPacketInfo, &true).map_err(|e| failed(e.into()))?;
    } else {
        setsockopt(&socket, sockopt::Ipv4PacketInfo, &true).map_err(|e| failed(e.into()))?;
    }
    socket.bind(&addr.into()).map_err(failed)?;
    join(&socket, addr, options, &groups)?;
    Ok(Unconnected::Udp {
        socket,
        wildcard: addr.ip().is_unspecified(),
    })
}
