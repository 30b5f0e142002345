//! The canonical text of an endpoint: what [`parse`](super::parse) reads back to the same value.

use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use sockeye_data::percent::{self, Keep};

use super::Endpoint;
use super::carrier::{Argv, Carrier, Descriptor, Host, HostPort, Port, UnixName};
use super::options::{OPTIONS, Set};
use super::parse::{escapes_zone, in_interface, join_words};

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        print(self, false, f)
    }
}

/// The text with its secrets.
pub(super) fn revealed(endpoint: &Endpoint) -> String {
    struct Revealed<'a>(&'a Endpoint);
    impl fmt::Display for Revealed<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            print(self.0, true, f)
        }
    }
    Revealed(endpoint).to_string()
}

fn print(endpoint: &Endpoint, secrets: bool, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "{}:", endpoint.scheme())?;
    target(&endpoint.carrier, f)?;
    let default = Set::default();
    let tls = endpoint.tls().unwrap_or(&default.tls);
    let python = endpoint.python().unwrap_or(&default.python);
    let mut sign = '?';
    // An option that does not apply has no effect either: leaving it out keeps the text readable by ourselves.
    for row in OPTIONS
        .iter()
        .filter(|row| row.applies(&endpoint.carrier, &endpoint.layers))
    {
        let write = row.shown.filter(|_| !secrets).unwrap_or(row.write);
        for value in write(&endpoint.options, tls, python) {
            write!(f, "{sign}{}={value}", row.name)?;
            sign = '&';
        }
    }
    Ok(())
}

fn target(carrier: &Carrier, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match carrier {
        Carrier::Tcp(address) | Carrier::Udp(address) => match address {
            HostPort {
                host: Host::Loopback,
                port: Port::Number(_),
            } => write!(f, "{address}"),
            _ => write!(f, "//{address}"),
        },
        Carrier::Unix(address) => match &address.name {
            UnixName::Path(path) => {
                let path = path_text(path);
                // An `@` at the start would make an abstract name of it.
                match path.strip_prefix('@') {
                    Some(rest) => write!(f, "%40{rest}"),
                    None => f.write_str(&path),
                }
            }
            UnixName::Abstract(name) => {
                write!(f, "@{}", percent::encode_readable(name, Keep::PATH))
            }
        },
        Carrier::Stdio => Ok(()),
        Carrier::Exec(argv) | Carrier::Pty(argv) => f.write_str(&command(argv)),
        Carrier::File(path) | Carrier::Fifo(path) => f.write_str(&path_text(path)),
        Carrier::Fd(Descriptor::Number(number)) => write!(f, "{number}"),
        Carrier::Fd(Descriptor::Name(name)) => f.write_str(&descriptor(name)),
    }
}

fn path_text(path: &Path) -> String {
    let text = percent::encode_readable(path.as_os_str().as_bytes(), Keep::PATH);
    // Two slashes at the start would announce a host (RFC 8089).
    match text.strip_prefix("//") {
        Some(rest) => format!("/%2F{rest}"),
        None => text,
    }
}

fn command(argv: &Argv) -> String {
    let program = std::iter::once(&argv.program);
    join_words(program.chain(&argv.args).map(|word| word.as_bytes()))
}

/// A name made of digits alone must not be taken for a number.
fn descriptor(name: &str) -> String {
    const NAME: Keep = Keep::VALUE.without("/");
    let digits = name.strip_prefix('-').unwrap_or(name);
    if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        let first = percent::encode(&name.as_bytes()[..1], Keep::NOTHING);
        return first + &name[1..];
    }
    percent::encode_readable(name.as_bytes(), NAME)
}

/// `host:port` as it stands behind `tcp://`; for [`Host::Loopback`] with a number the port alone.
impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.host, &self.port) {
            (Host::Loopback, Port::Number(number)) => write!(f, "{number}"),
            (host, port) => write!(f, "{host}:{port}"),
        }
    }
}

/// The host as it stands before the colon: IPv6 addresses in brackets, nothing for [`Host::Any`].
impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => {
                f.write_str(&percent::encode_readable(name.as_bytes(), Keep::UNRESERVED))
            }
            Self::Ip { addr, .. } if addr.is_ipv4() => write!(f, "{addr}"),
            Self::Ip { addr, scope: None } => write!(f, "[{addr}]"),
            Self::Ip {
                addr,
                scope: Some(zone),
            } => write!(f, "[{addr}%{}]", zone_text(zone)),
            Self::Any => Ok(()),
            Self::Loopback => f.write_str("localhost"),
        }
    }
}

/// The zone as it is, but for one that would be read as an escaped percent sign.
fn zone_text(zone: &str) -> String {
    let escape = zone.strip_prefix("25").is_some_and(escapes_zone);
    let mut text = if escape { "25" } else { "" }.to_owned();
    for letter in zone.chars() {
        if in_interface(letter) {
            text.push(letter);
        } else {
            let bytes = letter.encode_utf8(&mut [0; 4]).as_bytes().to_vec();
            text.push_str(&percent::encode(&bytes, Keep::NOTHING));
        }
    }
    text
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const NAME: Keep = Keep::UNRESERVED.with("+");
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Name(name) => f.write_str(&percent::encode_readable(name.as_bytes(), NAME)),
        }
    }
}
