//! SOCKS 4, and 4a, in which the proxy resolves the name.

use std::net::{IpAddr, Ipv4Addr};

use super::{Address, Error, FIELD_LIMIT, Host, Read, Reader, Reply};

/// The code of a request that is granted.
pub const GRANTED: u8 = 90;

const VERSION: u8 = 4;
const CONNECT: u8 = 1;

/// A request to connect, as a client writes it. A name makes it SOCKS 4a: its address is then 0.0.0.1.
///
/// # Errors
///
/// [`Error::NotIpv4`] for an IPv6 address, unless it stands for an IPv4 one; [`Error::Announces`]; [`Error::FieldLength`] and [`Error::Nul`]
/// for a name or user that does not fit.
pub fn connect(to: &Address, user: &[u8]) -> Result<Vec<u8>, Error> {
    let (addr, name) = match &to.host {
        Host::Ip(addr) => match addr.to_canonical() {
            IpAddr::V4(addr) if is_announcement(addr) => return Err(Error::Announces),
            IpAddr::V4(addr) => (addr, None),
            IpAddr::V6(_) => return Err(Error::NotIpv4),
        },
        Host::Name(name) => (Ipv4Addr::new(0, 0, 0, 1), Some(name)),
    };
    if user.len() > FIELD_LIMIT
        || name.is_some_and(|name| name.is_empty() || name.len() > FIELD_LIMIT)
    {
        return Err(Error::FieldLength);
    }
    if user.contains(&0) || name.is_some_and(|name| name.contains(&0)) {
        return Err(Error::Nul);
    }
    let mut out = vec![VERSION, CONNECT];
    out.extend_from_slice(&to.port.to_be_bytes());
    out.extend_from_slice(&addr.octets());
    out.extend_from_slice(user);
    out.push(0);
    if let Some(name) = name {
        out.extend_from_slice(name);
        out.push(0);
    }
    Ok(out)
}

/// A request to connect, as a proxy reads it: where to, and the user, which may be empty.
///
/// # Errors
///
/// [`Error::Version`], [`Error::Command`], [`Error::Endless`] for a field of more than 255 bytes,
/// [`Error::FieldLength`] for an empty name.
pub fn request(bytes: &[u8]) -> Result<Read<(Address, Vec<u8>)>, Error> {
    if let Some(&version) = bytes.first().filter(|it| **it != VERSION) {
        return Err(Error::Version(version));
    }
    if let Some(&command) = bytes.get(1).filter(|it| **it != CONNECT) {
        return Err(Error::Command(command));
    }
    let mut reader = Reader::new(bytes);
    let fixed = |reader: &mut Reader<'_>| {
        reader.take(2)?;
        Ok((reader.port()?, reader.ipv4()?))
    };
    let (port, addr) = match fixed(&mut reader) {
        Ok(it) => it,
        Err(missing) => return Ok(Read::Need(missing)),
    };
    let Some(user) = terminated(&mut reader)? else {
        return Ok(Read::Need(1));
    };
    let host = match addr {
        IpAddr::V4(v4) if is_announcement(v4) => match terminated(&mut reader)? {
            Some([]) => return Err(Error::FieldLength),
            Some(name) => Host::Name(name.to_vec()),
            None => return Ok(Read::Need(1)),
        },
        addr => Host::Ip(addr),
    };
    Ok(Read::Done(
        (Address { host, port }, user.to_vec()),
        reader.at,
    ))
}

/// Whether a name follows in the place of this address: 0.0.0.x with x not 0 (SOCKS 4a).
fn is_announcement(addr: Ipv4Addr) -> bool {
    (1..=255).contains(&addr.to_bits())
}

/// A field that a NUL byte ends; `None` if it is not there yet.
fn terminated<'a>(reader: &mut Reader<'a>) -> Result<Option<&'a [u8]>, Error> {
    let rest = &reader.bytes[reader.at..];
    match rest.iter().position(|byte| *byte == 0) {
        Some(end) if end > FIELD_LIMIT => Err(Error::Endless),
        None if rest.len() > FIELD_LIMIT => Err(Error::Endless),
        Some(end) => {
            reader.at += end + 1;
            Ok(Some(&rest[..end]))
        }
        None => Ok(None),
    }
}

/// An answer, as a proxy writes it; only IPv4 fits, anything else is written as 0.0.0.0.
pub fn answer(reply: &Reply) -> Vec<u8> {
    let addr = match reply.bound.host {
        Host::Ip(IpAddr::V4(addr)) => addr,
        _ => Ipv4Addr::UNSPECIFIED,
    };
    let mut out = vec![0, reply.code];
    out.extend_from_slice(&reply.bound.port.to_be_bytes());
    out.extend_from_slice(&addr.octets());
    out
}

/// An answer, as a client reads it.
///
/// # Errors
///
/// [`Error::Version`] if the first byte is neither 0 nor, as some proxies have it, 4.
pub fn reply(bytes: &[u8]) -> Result<Read<Reply>, Error> {
    if let Some(&version) = bytes.first().filter(|it| !matches!(**it, 0 | VERSION)) {
        return Err(Error::Version(version));
    }
    let mut reader = Reader::new(bytes);
    Ok(match reader.take(8) {
        Err(missing) => Read::Need(missing),
        Ok(it) => {
            let addr = Ipv4Addr::new(it[4], it[5], it[6], it[7]);
            let bound = Address {
                host: Host::Ip(addr.into()),
                port: u16::from_be_bytes([it[2], it[3]]),
            };
            Read::Done(Reply { code: it[1], bound }, 8)
        }
    })
}

/// What a code means, as a clause.
pub fn meaning(code: u8) -> &'static str {
    match code {
        GRANTED => "granted",
        91 => "refused, or it failed",
        92 => "refused: it cannot reach identd here",
        93 => "refused: identd here names another user",
        _ => "refused with an unknown code",
    }
}
