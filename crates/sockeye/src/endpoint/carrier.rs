//! What bytes travel on, and the names of the places they travel to.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use super::refusal::ParseError;

/// What the bytes of an endpoint travel on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Carrier {
    /// A TCP connection or listener: `tcp://host:port`.
    Tcp(HostPort),
    /// UDP datagrams: `udp://host:port`.
    Udp(HostPort),
    /// A Unix domain socket: `unix:`, `unix-dgram:`, `unix-seqpacket:`.
    Unix(UnixAddress),
    /// Standard input and output of this process: `stdio:` or `-`.
    Stdio,
    /// A program, its standard input and output: `exec:CMD ARGS`.
    Exec(Argv),
    /// A program behind a pseudo-terminal: `pty:CMD ARGS`.
    Pty(Argv),
    /// A file: `file:/path`.
    File(PathBuf),
    /// A named pipe: `fifo:/path`.
    Fifo(PathBuf),
    /// A descriptor this process inherited: `fd:N`, or by its `LISTEN_FDNAMES` name, `fd:NAME`.
    Fd(Descriptor),
}

impl Carrier {
    /// The word before the colon.
    pub fn scheme(&self) -> &'static str {
        match self {
            Self::Tcp(_) => "tcp",
            Self::Udp(_) => "udp",
            Self::Unix(address) => match address.kind {
                UnixKind::Stream => "unix",
                UnixKind::Dgram => "unix-dgram",
                UnixKind::Seqpacket => "unix-seqpacket",
            },
            Self::Stdio => "stdio",
            Self::Exec(_) => "exec",
            Self::Pty(_) => "pty",
            Self::File(_) => "file",
            Self::Fifo(_) => "fifo",
            Self::Fd(_) => "fd",
        }
    }

    /// Whether this carrier crosses a network, so that it has a host and a port.
    pub fn is_networked(&self) -> bool {
        matches!(self, Self::Tcp(_) | Self::Udp(_))
    }

    /// Whether a listener on this address can be reached from other machines.
    pub fn is_for_everyone(&self) -> bool {
        match self {
            Self::Tcp(at) | Self::Udp(at) => match &at.host {
                Host::Any => true,
                Host::Ip { addr, .. } => !addr.to_canonical().is_loopback(),
                _ => false,
            },
            _ => false,
        }
    }

    /// Whether this carrier keeps message boundaries.
    pub fn keeps_boundaries(&self) -> bool {
        match self {
            Self::Udp(_) => true,
            Self::Unix(address) => address.kind != UnixKind::Stream,
            _ => false,
        }
    }
}

/// A host and a port, the two halves of a network endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HostPort {
    /// Who: a name, an address, or every address of this machine.
    pub host: Host,
    /// Which service there.
    pub port: Port,
}

impl HostPort {
    /// Reads a local address as the option `bind` takes it: `ADDRESS`, `ADDRESS:PORT` or `:PORT`.
    ///
    /// Without a port it is 0: the system chooses. Names of hosts and services are refused.
    ///
    /// # Errors
    ///
    /// Text of another form; the error says where and why.
    ///
    /// # Examples
    ///
    /// ```
    /// use sockeye::endpoint::HostPort;
    ///
    /// assert_eq!(HostPort::parse_local("::1")?.to_string(), "[::1]:0");
    /// assert!(HostPort::parse_local("localhost").is_err());
    /// # Ok::<(), sockeye::endpoint::ParseError>(())
    /// ```
    pub fn parse_local(text: &str) -> Result<Self, ParseError> {
        super::parse::local(text)
    }

    /// The numeric form of a socket address.
    pub fn from_addr(addr: SocketAddr) -> Self {
        let scope = match addr {
            SocketAddr::V6(v6) if v6.scope_id() != 0 => Some(v6.scope_id().to_string()),
            _ => None,
        };
        Self {
            host: Host::Ip {
                addr: addr.ip(),
                scope,
            },
            port: Port::Number(addr.port()),
        }
    }
}

/// The host half of an address.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Host {
    /// A name to be resolved.
    Name(String),
    /// A literal address; `scope` is the zone of a link-local IPv6 address (RFC 4007), a name or a number.
    Ip {
        /// The address itself.
        addr: IpAddr,
        /// The zone identifier, as written after `%`.
        scope: Option<String>,
    },
    /// No host was written (`:8080`): when listening, every address of both families; when connecting, this machine.
    Any,
    /// Only a port was written (`8080`): this machine only, both families.
    Loopback,
}

impl From<&str> for Host {
    /// A literal address, with or without brackets and zone; every address, if the text is empty; else a name.
    fn from(text: &str) -> Self {
        let bare = text
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'));
        let bare = bare.unwrap_or(text);
        if let Ok(addr) = bare.parse() {
            return Self::Ip { addr, scope: None };
        }
        if let Some((addr, zone)) = bare.split_once('%')
            && let Ok(addr) = addr.parse()
        {
            return Self::Ip {
                addr: IpAddr::V6(addr),
                scope: Some(zone.to_owned()),
            };
        }
        if text.is_empty() {
            return Self::Any;
        }
        Self::Name(text.to_owned())
    }
}

impl From<String> for Host {
    fn from(text: String) -> Self {
        Self::from(text.as_str())
    }
}

impl From<IpAddr> for Host {
    fn from(addr: IpAddr) -> Self {
        Self::Ip { addr, scope: None }
    }
}

/// The port half of an address.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Port {
    /// A number; 0 lets the system choose when listening.
    Number(u16),
    /// A service name such as `http`, looked up in the services table.
    Name(String),
}

/// The name and kind of a Unix domain socket, see unix(7).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct UnixAddress {
    /// Stream, datagram or sequenced packets.
    pub kind: UnixKind,
    /// Where it is found.
    pub name: UnixName,
}

/// The socket type of a Unix domain socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UnixKind {
    /// `SOCK_STREAM`.
    Stream,
    /// `SOCK_DGRAM`.
    Dgram,
    /// `SOCK_SEQPACKET`.
    Seqpacket,
}

/// The name of a Unix domain socket.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum UnixName {
    /// A path in the file system.
    Path(PathBuf),
    /// A name in Linux's abstract namespace, written `@name`; any bytes, without the leading NUL.
    Abstract(Vec<u8>),
}

/// A program and its arguments, passed on exactly, without a shell. Never empty.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Argv {
    /// The program, looked up in `PATH` if it has no slash.
    pub program: std::ffi::OsString,
    /// The arguments after the program's name.
    pub args: Vec<std::ffi::OsString>,
}

/// An inherited descriptor.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Descriptor {
    /// By number: 0 to 2 are the standard ones.
    Number(u32),
    /// By the name that `LISTEN_FDNAMES` gives it, see sd_listen_fds(3).
    Name(String),
}
