//! SOCKS 5 (RFC 1928) and its login with user and password (RFC 1929).

use std::net::IpAddr;

use super::{Address, Error, FIELD_LIMIT, Host, Read, Reader, Reply};

/// No login.
pub const NO_LOGIN: u8 = 0x00;
/// Login with user and password (RFC 1929).
pub const PASSWORD: u8 = 0x02;
/// None of the offered ways to log in will do.
pub const NONE_WILL_DO: u8 = 0xff;

const VERSION: u8 = 5;
const LOGIN_VERSION: u8 = 1;
const CONNECT: u8 = 1;
const IPV4: u8 = 1;
const NAME: u8 = 3;
const IPV6: u8 = 4;

/// The greeting of a client: the ways to log in that it knows.
///
/// # Errors
///
/// [`Error::Methods`] for none and for more than 255.
pub fn greeting(methods: &[u8]) -> Result<Vec<u8>, Error> {
    let count = u8::try_from(methods.len()).ok().filter(|it| *it > 0);
    let mut out = vec![VERSION, count.ok_or(Error::Methods)?];
    out.extend_from_slice(methods);
    Ok(out)
}

/// The greeting, as a proxy reads it.
///
/// # Errors
///
/// [`Error::Version`]; [`Error::Methods`] for none.
pub fn methods(bytes: &[u8]) -> Result<Read<Vec<u8>>, Error> {
    version(bytes, VERSION)?;
    if bytes.get(1) == Some(&0) {
        return Err(Error::Methods);
    }
    Ok(read(bytes, |reader| {
        reader.byte()?;
        let count = reader.byte()?;
        reader.take(count.into()).map(<[u8]>::to_vec)
    }))
}

/// The way to log in that a proxy chose, as a client reads it.
///
/// # Errors
///
/// [`Error::Version`].
pub fn choice(bytes: &[u8]) -> Result<Read<u8>, Error> {
    version(bytes, VERSION)?;
    Ok(read(bytes, |reader| reader.take(2).map(|bytes| bytes[1])))
}

/// A login, as a client writes it (RFC 1929 section 2). An empty password is allowed, as other clients do.
///
/// # Errors
///
/// [`Error::FieldLength`].
pub fn login(user: &[u8], password: &[u8]) -> Result<Vec<u8>, Error> {
    if user.is_empty() {
        return Err(Error::FieldLength);
    }
    let mut out = vec![LOGIN_VERSION];
    for field in [user, password] {
        out.push(length(field)?);
        out.extend_from_slice(field);
    }
    Ok(out)
}

/// User and password of a login.
pub type Credentials = (Vec<u8>, Vec<u8>);

/// A login, as a proxy reads it.
///
/// # Errors
///
/// [`Error::Version`]; [`Error::FieldLength`] for an empty user.
pub fn credentials(bytes: &[u8]) -> Result<Read<Credentials>, Error> {
    version(bytes, LOGIN_VERSION)?;
    if bytes.get(1) == Some(&0) {
        return Err(Error::FieldLength);
    }
    Ok(read(bytes, |reader| {
        reader.byte()?;
        let mut field = || {
            let length = reader.byte()?;
            reader.take(length.into()).map(<[u8]>::to_vec)
        };
        Ok((field()?, field()?))
    }))
}

/// The answer to a login, as a client reads it: 0 is yes.
///
/// # Errors
///
/// [`Error::Version`]. Some proxies write 5 in the place of the 1, which is understood.
pub fn verdict(bytes: &[u8]) -> Result<Read<u8>, Error> {
    if bytes.first() != Some(&VERSION) {
        version(bytes, LOGIN_VERSION)?;
    }
    Ok(read(bytes, |reader| reader.take(2).map(|bytes| bytes[1])))
}

/// A request to connect, as a client writes it.
///
/// # Errors
///
/// [`Error::FieldLength`] for a name that is empty or longer than 255 bytes.
pub fn connect(to: &Address) -> Result<Vec<u8>, Error> {
    let mut out = vec![VERSION, CONNECT, 0];
    address(&mut out, to)?;
    Ok(out)
}

/// A request to connect, as a proxy reads it.
///
/// # Errors
///
/// [`Error::Version`], [`Error::Command`], [`Error::AddressKind`]; [`Error::FieldLength`] for an empty name.
pub fn request(bytes: &[u8]) -> Result<Read<Address>, Error> {
    if let Some(&command) = bytes.get(1).filter(|it| **it != CONNECT) {
        version(bytes, VERSION)?;
        return Err(Error::Command(command));
    }
    message(bytes).map(|read| read.map(|(_, address)| address))
}

/// An answer, as a proxy writes it.
///
/// # Errors
///
/// As [`connect`].
pub fn answer(reply: &Reply) -> Result<Vec<u8>, Error> {
    let mut out = vec![VERSION, reply.code, 0];
    address(&mut out, &reply.bound)?;
    Ok(out)
}

/// An answer, as a client reads it.
///
/// # Errors
///
/// [`Error::Version`], [`Error::AddressKind`].
pub fn reply(bytes: &[u8]) -> Result<Read<Reply>, Error> {
    message(bytes).map(|read| read.map(|(code, bound)| Reply { code, bound }))
}

/// What a code of an answer means, as a clause (RFC 1928 section 6).
pub fn meaning(code: u8) -> &'static str {
    match code {
        0 => "granted",
        1 => "it failed without a reason",
        2 => "its rules do not allow it",
        3 => "the network is unreachable from there",
        4 => "the host is unreachable from there, or unknown there",
        5 => "nobody listens there",
        6 => "the way there is too long or too slow",
        7 => "it does not know how to connect",
        8 => "it does not know this kind of address",
        _ => "it refuses with an unknown code",
    }
}

/// Requests and answers have one form: version, command or code, a reserved byte, an address.
fn message(bytes: &[u8]) -> Result<Read<(u8, Address)>, Error> {
    version(bytes, VERSION)?;
    let kind = bytes.get(3).copied();
    if let Some(kind) = kind.filter(|it| ![IPV4, NAME, IPV6].contains(it)) {
        return Err(Error::AddressKind(kind));
    }
    Ok(read(bytes, |reader| {
        // The fifth byte is there in any case, and tells the length of a name.
        let head = reader.take(5)?;
        let (code, length) = (head[1], usize::from(head[4]));
        reader.at = if head[3] == NAME { 5 } else { 4 };
        let host = match head[3] {
            IPV4 => Host::Ip(reader.ipv4().map_err(|missing| missing + 2)?),
            IPV6 => Host::Ip(reader.ipv6().map_err(|missing| missing + 2)?),
            _ => Host::Name(reader.take(length).map_err(|it| it + 2)?.to_vec()),
        };
        let port = reader.port()?;
        Ok((code, Address { host, port }))
    }))
}

fn address(out: &mut Vec<u8>, address: &Address) -> Result<(), Error> {
    match &address.host {
        Host::Ip(IpAddr::V4(addr)) => {
            out.push(IPV4);
            out.extend_from_slice(&addr.octets());
        }
        Host::Ip(IpAddr::V6(addr)) => {
            out.push(IPV6);
            out.extend_from_slice(&addr.octets());
        }
        Host::Name(name) if name.is_empty() => return Err(Error::FieldLength),
        Host::Name(name) => {
            out.extend_from_slice(&[NAME, length(name)?]);
            out.extend_from_slice(name);
        }
    }
    out.extend_from_slice(&address.port.to_be_bytes());
    Ok(())
}

fn length(field: &[u8]) -> Result<u8, Error> {
    debug_assert!(FIELD_LIMIT == usize::from(u8::MAX));
    u8::try_from(field.len()).map_err(|_| Error::FieldLength)
}

fn version(bytes: &[u8], expected: u8) -> Result<(), Error> {
    match bytes.first() {
        Some(&byte) if byte != expected => Err(Error::Version(byte)),
        _ => Ok(()),
    }
}

fn read<T>(bytes: &[u8], read: impl FnOnce(&mut Reader<'_>) -> Result<T, usize>) -> Read<T> {
    let mut reader = Reader::new(bytes);
    match read(&mut reader) {
        Ok(value) => Read::Done(value, reader.at),
        Err(missing) => Read::Need(missing),
    }
}
