//! Who a datagram came from or goes to, whatever the carrier.

use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::SocketAddr as UnixSocketAddr;

use crate::endpoint::{Carrier, Endpoint, HostPort, UnixAddress, UnixKind, UnixName};

/// The other end of a datagram: what a [`DatagramSocket`](super::DatagramSocket) receives from and sends to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PeerAddress {
    /// A UDP address and port.
    Ip(SocketAddr),
    /// A Unix datagram socket; `None` if it has no name, so that it cannot be answered (see unix(7)).
    Unix(Option<UnixName>),
}

impl PeerAddress {
    /// The same as an endpoint; `None` for a socket without a name.
    pub fn endpoint(&self) -> Option<Endpoint> {
        let carrier = match self {
            Self::Ip(addr) => Carrier::Udp(HostPort::from_addr(canonical(*addr))),
            Self::Unix(name) => Carrier::Unix(UnixAddress {
                kind: UnixKind::Dgram,
                name: name.clone()?,
            }),
        };
        Some(Endpoint::new(carrier))
    }

    pub(super) fn from_std(addr: &UnixSocketAddr) -> Self {
        let name = match addr.as_pathname() {
            Some(path) => Some(UnixName::Path(path.to_owned())),
            None => addr
                .as_abstract_name()
                .map(|name| UnixName::Abstract(name.to_vec())),
        };
        Self::Unix(name)
    }
}

impl From<SocketAddr> for PeerAddress {
    fn from(addr: SocketAddr) -> Self {
        Self::Ip(addr)
    }
}

impl From<UnixName> for PeerAddress {
    fn from(name: UnixName) -> Self {
        Self::Unix(Some(name))
    }
}

impl fmt::Display for PeerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(addr) => canonical(*addr).fmt(f),
            Self::Unix(None) => f.write_str("a socket without a name"),
            Self::Unix(Some(UnixName::Path(path))) => write!(f, "{}", path.display()),
            Self::Unix(Some(UnixName::Abstract(name))) => {
                write!(f, "@{}", OsStr::from_bytes(name).display())
            }
        }
    }
}

/// The name as the system calls want it.
pub(super) fn to_std(name: &UnixName) -> io::Result<UnixSocketAddr> {
    match name {
        UnixName::Path(path) => UnixSocketAddr::from_pathname(path),
        UnixName::Abstract(name) => UnixSocketAddr::from_abstract_name(name),
    }
}

/// An IPv4 address that a socket of both families shows as `::ffff:a.b.c.d` (RFC 4291 section 2.5.5.2), as itself.
pub(super) fn canonical(addr: SocketAddr) -> SocketAddr {
    match addr.ip().to_canonical() {
        ip if ip == addr.ip() => addr,
        ip => SocketAddr::new(ip, addr.port()),
    }
}
