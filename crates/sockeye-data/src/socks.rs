//! SOCKS 4, 4a and 5 as bytes: each message written and read exactly.
//!
//! SOCKS 5 is RFC 1928, its login RFC 1929; SOCKS 4 and 4a are the notes of their authors. Names longer than 255 bytes
//! fail, and never become something else. A reader says how many bytes are surely missing, so that whoever reads from a
//! connection never takes a byte of what follows.
//!
//! # Examples
//!
//! ```
//! use sockeye_data::socks::{Address, Host, Read, Reply, v5};
//!
//! let to = Address { host: Host::Name("example.org".into()), port: 80 };
//! let request = v5::connect(&to)?;
//! assert_eq!(request, b"\x05\x01\x00\x03\x0bexample.org\x00\x50");
//!
//! assert_eq!(v5::reply(b"\x05\x00")?, Read::Need(3));
//! let answer = b"\x05\x00\x00\x01\x7f\x00\x00\x01\x1f\x90";
//! let Read::Done(reply, consumed) = v5::reply(answer)? else { unreachable!() };
//! assert_eq!((reply.code, consumed), (0, 10));
//! assert_eq!(reply.bound.to_string(), "127.0.0.1:8080");
//! # Ok::<(), sockeye_data::socks::Error>(())
//! ```

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

pub mod v4;
pub mod v5;

#[cfg(test)]
mod tests;

/// The longest name, user and password that fit into a message, in bytes: their length is one byte.
pub const FIELD_LIMIT: usize = 255;

/// Where a connection is to go, or where it comes from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    /// Who.
    pub host: Host,
    /// Which port there.
    pub port: u16,
}

/// A name or an address.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Host {
    /// A name, which the proxy resolves; 1 to 255 bytes.
    Name(Vec<u8>),
    /// An address.
    Ip(IpAddr),
}

/// What a proxy answered to a request.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reply {
    /// 0 if it is granted in SOCKS 5, 90 in SOCKS 4; else why not.
    pub code: u8,
    /// The proxy's own end of the connection that it made.
    pub bound: Address,
}

/// What came of reading a message from the bytes so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read<T> {
    /// At least so many further bytes belong to the message.
    Need(usize),
    /// The message, and how many bytes it took.
    Done(T, usize),
}

impl<T> Read<T> {
    fn map<U>(self, change: impl FnOnce(T) -> U) -> Read<U> {
        match self {
            Self::Need(count) => Read::Need(count),
            Self::Done(value, consumed) => Read::Done(change(value), consumed),
        }
    }
}

/// Why a message cannot be written, or is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Error {
    /// A name, user or password is empty or longer than its field can say.
    FieldLength,
    /// A NUL byte in a field that a NUL byte ends.
    Nul,
    /// SOCKS 4 has IPv4 addresses only.
    NotIpv4,
    /// An address 0.0.0.x, which announces a name in SOCKS 4a.
    Announces,
    /// The first byte is not the version that belongs there.
    Version(u8),
    /// A command that is not CONNECT.
    Command(u8),
    /// A kind of address that nobody knows.
    AddressKind(u8),
    /// More methods than a greeting can hold, or none.
    Methods,
    /// A field of SOCKS 4 without an end.
    Endless,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FieldLength => f.write_str("a name, user or password is not 1 to 255 bytes long"),
            Self::Nul => f.write_str("a NUL byte in a name or user"),
            Self::NotIpv4 => f.write_str("SOCKS 4 carries IPv4 addresses only"),
            Self::Announces => f.write_str("SOCKS 4 cannot name an address that starts with 0.0.0"),
            Self::Version(byte) => write!(f, "{byte:#04x} in the place of the version"),
            Self::Command(byte) => write!(f, "command {byte} is not CONNECT"),
            Self::AddressKind(byte) => write!(f, "{byte} is no known kind of address"),
            Self::Methods => f.write_str("not 1 to 255 ways to log in"),
            Self::Endless => f.write_str("a field without an end"),
        }
    }
}

impl std::error::Error for Error {}

impl From<SocketAddr> for Address {
    fn from(addr: SocketAddr) -> Self {
        Self {
            host: Host::Ip(addr.ip()),
            port: addr.port(),
        }
    }
}

/// As in an endpoint, with everything escaped that is no letter, digit, dot or dash.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Host::Name(name) => f.write_str(&crate::percent::encode(
                name,
                crate::percent::Keep::UNRESERVED,
            ))?,
            Host::Ip(IpAddr::V4(addr)) => write!(f, "{addr}")?,
            Host::Ip(IpAddr::V6(addr)) => write!(f, "[{addr}]")?,
        }
        write!(f, ":{}", self.port)
    }
}

/// Reads fields one after the other and remembers how far it came.
struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// So many bytes, or how many are missing.
    fn take(&mut self, count: usize) -> Result<&'a [u8], usize> {
        let rest = &self.bytes[self.at..];
        if rest.len() < count {
            return Err(count - rest.len());
        }
        self.at += count;
        Ok(&rest[..count])
    }

    fn byte(&mut self) -> Result<u8, usize> {
        self.take(1).map(|bytes| bytes[0])
    }

    fn port(&mut self) -> Result<u16, usize> {
        self.take(2).map(|it| u16::from_be_bytes([it[0], it[1]]))
    }

    fn ipv4(&mut self) -> Result<IpAddr, usize> {
        let it = self.take(4)?;
        Ok(Ipv4Addr::new(it[0], it[1], it[2], it[3]).into())
    }

    fn ipv6(&mut self) -> Result<IpAddr, usize> {
        let mut octets = [0; 16];
        octets.copy_from_slice(self.take(16)?);
        Ok(Ipv6Addr::from(octets).into())
    }
}
