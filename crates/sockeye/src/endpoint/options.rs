//! How a carrier is to be opened: the options behind the question mark.

use std::net::IpAddr;
use std::time::Duration;

use super::carrier::HostPort;

/// The options of a carrier. `None` or `false` means: as the system does by default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Options {
    /// Only this address family: `family=4|6`.
    pub family: Option<Family>,
    /// The local address of a connecting socket: `bind=ADDRESS[:PORT]`.
    pub bind: Option<HostPort>,
    /// The network interface to use (`SO_BINDTODEVICE`), and the outgoing one for multicast: `interface=NAME`.
    pub interface: Option<String>,
    /// Whether small segments leave at once (`TCP_NODELAY`), on unless `nodelay=no`.
    pub nodelay: Option<bool>,
    /// Probe idle TCP connections after this time (`SO_KEEPALIVE`, `TCP_KEEPIDLE`): `keepalive=30s`.
    pub keepalive: Option<Duration>,
    /// Kernel buffer of the socket, each way, in bytes (`SO_SNDBUF`, `SO_RCVBUF`): `buffer=1MiB`.
    pub buffer: Option<u64>,
    /// Let several sockets listen on one port (`SO_REUSEPORT`): `reuseport=yes`.
    pub reuseport: bool,
    /// Connections that may wait to be accepted: `backlog=N`, 4096 by default.
    pub backlog: Option<u32>,
    /// Time to live or hop limit of what is sent: `ttl=N`.
    pub ttl: Option<u8>,
    /// Allow datagrams to broadcast addresses (`SO_BROADCAST`): `broadcast=yes`.
    pub broadcast: bool,
    /// Multicast groups to join when receiving: `join=GROUP`, may be repeated.
    pub join: Vec<IpAddr>,
    /// Permission bits of a socket, file or named pipe that is created: `mode=0600`.
    pub mode: Option<u32>,
    /// Whether a stale socket file is removed first, and ours at the end; on unless `unlink=no`.
    pub unlink: Option<bool>,
    /// What may be done with a file or named pipe: `access=read|write|append|both`.
    pub access: Option<Access>,
}

/// An address family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

/// What may be done with a file or a named pipe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Access {
    /// Read it from the start; writing is refused.
    Read,
    /// Create it or cut it to nothing, then write.
    Write,
    /// Create it if it is missing, then write at its end.
    Append,
    /// Read it from the start and write at its end.
    Both,
}
