//! UDP to one peer, or to a group or broadcast address from which anybody may answer (RFC 768, RFC 1112, RFC 919).

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::task::{Context, Poll};

use socket2::Socket;
use tokio::io::ReadBuf;

use crate::endpoint::{Endpoint, Family, Host, HostPort, Options, Port};
use crate::error::{Error, Kind, Operation, Result};
use crate::net::Messages;
use crate::net::datagram::pktinfo::{local_endpoint, receive_connected, send_connected, send_udp};
use crate::net::datagram::socket::AsyncSocket;
use crate::net::datagram::{PeerAddress, broadcast_denied, join, udp_socket};
use crate::net::messages::MessageIo;
use crate::net::resolve;
use crate::wire::Tap;

/// A UDP link to the first of these addresses to which there is a way. Must run inside a tokio runtime.
///
/// Nothing is sent yet. The socket is connected, so that only the peer's datagrams arrive, unless the address is a
/// multicast group or a broadcast address: others answer there, and whoever answers is heard.
pub(crate) fn connect(
    addrs: &[SocketAddr],
    options: &Options,
    endpoint: &Endpoint,
    tap: Option<Tap>,
) -> Result<Messages> {
    let mut last = None;
    for addr in addrs {
        match connect_one(*addr, options) {
            Ok((io, local)) => {
                let peer = PeerAddress::Ip(*addr).endpoint();
                return Ok(Messages::new(Box::new(io), tap, local, peer));
            }
            Err(e) => last = Some(e.at(addr)),
        }
    }
    let none = || {
        Error::new(
            Kind::Usage,
            Operation::Connect,
            "there is no address to talk to",
        )
    };
    Err(last.unwrap_or_else(none).on(endpoint))
}

fn connect_one(addr: SocketAddr, options: &Options) -> Result<(UdpIo, Option<Endpoint>)> {
    let failed = |e: io::Error| Error::from_io(Operation::Connect, e);
    let denied = options
        .family
        .is_some_and(|family| (family == Family::V4) != addr.is_ipv4());
    if denied {
        let why = "its address is of the family that `family=` excludes";
        return Err(Error::new(Kind::Usage, Operation::Connect, why));
    }
    let socket = udp_socket(addr, options, &options.join).map_err(failed)?;
    if let Some(bind) = &options.bind {
        let local = local_address(bind, addr)?;
        socket.bind(&local.into()).map_err(failed)?;
    }
    join(&socket, addr, options, &options.join).map_err(|e| e.during(Operation::Connect))?;
    let group = if addr.ip().is_multicast() || (options.broadcast && is_limited(addr)) {
        Some(addr)
    } else {
        // Linux refuses to connect to a broadcast address before SO_BROADCAST is set, and knows which ones are.
        match socket.connect(&addr.into()) {
            Ok(()) => None,
            Err(e) if e.kind() == io::ErrorKind::PermissionDenied && addr.is_ipv4() => {
                if !options.broadcast {
                    return Err(broadcast_denied(failed(e)));
                }
                Some(addr)
            }
            Err(e) => return Err(failed(e)),
        }
    };
    if options.broadcast {
        socket.set_broadcast(true).map_err(failed)?;
    }
    let local = local_endpoint(&socket);
    let socket = AsyncSocket::watching_errors(socket).map_err(failed)?;
    Ok((UdpIo { socket, group }, local))
}

/// 255.255.255.255, which may have no route at all.
fn is_limited(addr: SocketAddr) -> bool {
    addr.ip() == IpAddr::V4(Ipv4Addr::BROADCAST)
}

/// The local address of `bind=`, in the family of the peer's.
fn local_address(bind: &HostPort, peer: SocketAddr) -> Result<SocketAddr> {
    let usage = |why: String| {
        Error::new(Kind::Usage, Operation::Connect, why).with_hint(
            "`bind=` takes an address of this machine: `bind=192.0.2.1` or `bind=192.0.2.1:5000`",
        )
    };
    let ip = match (&bind.host, peer) {
        (Host::Ip { addr, .. }, _) => *addr,
        (Host::Any, SocketAddr::V4(_)) => Ipv4Addr::UNSPECIFIED.into(),
        (Host::Any, SocketAddr::V6(_)) => Ipv6Addr::UNSPECIFIED.into(),
        (Host::Loopback, SocketAddr::V4(_)) => Ipv4Addr::LOCALHOST.into(),
        (Host::Loopback, SocketAddr::V6(_)) => Ipv6Addr::LOCALHOST.into(),
        (Host::Name(name), _) => {
            return Err(usage(format!("the local address `{name}` is a name")));
        }
    };
    if ip.is_ipv4() != peer.is_ipv4() {
        return Err(usage(format!(
            "the local address {ip} is of the other family"
        )));
    }
    let port = match &bind.port {
        Port::Number(number) => *number,
        Port::Name(name) => return Err(usage(format!("the local port `{name}` is a name"))),
    };
    let mut local = SocketAddr::new(ip, port);
    if let (SocketAddr::V6(local), SocketAddr::V6(peer)) = (&mut local, peer)
        && local.ip().is_unicast_link_local()
    {
        // A link-local address exists once for each link: that of its zone, or else the peer's.
        local.set_scope_id(match &bind.host {
            Host::Ip {
                scope: Some(zone), ..
            } => zone_index(zone)?,
            _ => peer.scope_id(),
        });
    }
    Ok(local)
}

fn zone_index(zone: &str) -> Result<u32> {
    resolve::zone_index(zone).ok_or_else(|| {
        let why = format!("this machine has no network interface {zone:?}");
        Error::new(Kind::Usage, Operation::Connect, why).with_hint("`ip link` shows the interfaces")
    })
}

/// A socket connected to its peer, or one that sends to a group and hears everybody.
struct UdpIo {
    socket: AsyncSocket<Socket>,
    group: Option<SocketAddr>,
}

impl MessageIo for UdpIo {
    fn poll_send(&self, cx: &mut Context<'_>, message: &[u8]) -> Poll<io::Result<()>> {
        self.socket.poll_write(cx, |socket| match self.group {
            None => send_connected(socket, message),
            Some(group) => send_udp(socket, message, group, None),
        })
    }

    fn poll_recv(&self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<bool>> {
        let unfilled = buf.initialize_unfilled();
        let polled = self
            .socket
            .poll_read(cx, |socket| receive_connected(socket, unfilled));
        polled.map_ok(|len| {
            buf.advance(len);
            true
        })
    }

    fn shutdown(&self) -> io::Result<()> {
        Ok(())
    }
}
