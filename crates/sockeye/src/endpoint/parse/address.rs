//! Hosts and ports: names, addresses, zones, service names.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::endpoint::carrier::{Host, HostPort, Port};
use crate::endpoint::refusal::{Fail, Piece, quoted};

/// The longest name of DNS as text (RFC 1035 section 2.3.4), without the dot that may end it.
const NAME_LIMIT: usize = 253;
/// The longest label of a name (the same section).
const LABEL_LIMIT: usize = 63;
/// The longest name of a network interface (`IFNAMSIZ` without its NUL).
const INTERFACE_LIMIT: usize = 15;
/// The longest service name; RFC 6335 section 5.1 says 15, services tables have longer ones.
const SERVICE_LIMIT: usize = 64;

/// The target of a network carrier. `scheme` is for the hints: `None` if none was written.
pub(super) fn host_port(target: Piece<'_>, scheme: Option<&str>) -> Result<HostPort, Fail> {
    let name = scheme.unwrap_or("tcp");
    let target = target.strip_prefix("//").unwrap_or(target);
    let slash = target.text.find('/').unwrap_or(target.text.len());
    let (authority, path) = target.split_at(slash);
    if authority.text.is_empty() {
        let fail = target.fail("no host and no port");
        return Err(fail.hint(format!("as in {name}://localhost:{}", usual_port(scheme))));
    }
    // A zone in brackets may hold the sign; what follows the bracket is checked there.
    if let Some(i) = authority
        .text
        .rfind('@')
        .filter(|_| !authority.text.starts_with('['))
    {
        return Err(authority
            .fail(format!("{name} takes no user name"))
            .hint(format!(
                "leave out what stands before {}",
                quoted(&authority.text[i + 1..])
            )));
    }
    let address = authority_of(authority, scheme)?;
    if path.text.len() > 1 {
        return Err(path
            .fail(format!("{name} takes no path"))
            .hint("leave it out; what is asked for there belongs into the conversation"));
    }
    Ok(address)
}

fn authority_of(authority: Piece<'_>, scheme: Option<&str>) -> Result<HostPort, Fail> {
    let text = authority.text;
    if text.starts_with('[') {
        let (host, rest) = bracketed(authority)?;
        let Some(rest) = rest.strip_prefix(":") else {
            return Err(if rest.text.is_empty() {
                no_port(authority, scheme)
            } else {
                rest.fail("only a colon and a port may follow the bracket")
            });
        };
        return Ok(HostPort {
            host,
            port: port(rest)?,
        });
    }
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        let port = port(authority)?;
        return Ok(HostPort {
            host: Host::Loopback,
            port,
        });
    }
    let Some((before, after)) = authority.split_once(':') else {
        host(authority)?;
        return Err(no_port(authority, scheme));
    };
    if after.text.contains(':') {
        return Err(too_many_colons(authority, after, scheme));
    }
    let host = if before.text.is_empty() {
        Host::Any
    } else {
        host(before)?
    };
    Ok(HostPort {
        host,
        port: port(after)?,
    })
}

fn no_port(authority: Piece<'_>, scheme: Option<&str>) -> Fail {
    let before = scheme
        .map(|scheme| format!("{scheme}://"))
        .unwrap_or_default();
    let host = if authority.text.len() > 60 {
        "host"
    } else {
        authority.text
    };
    authority.fail_at_end("no port").hint(format!(
        "add a port, as in {before}{host}:{}",
        usual_port(scheme)
    ))
}

/// A port for the examples in hints: one that the scheme is often used with.
fn usual_port(scheme: Option<&str>) -> u16 {
    match scheme {
        Some("tls") => 443,
        Some("udp") => 53,
        _ => 80,
    }
}

/// Two colons outside brackets: an IPv6 address most of the time.
fn too_many_colons(authority: Piece<'_>, after: Piece<'_>, scheme: Option<&str>) -> Fail {
    let before = scheme
        .map(|scheme| format!("{scheme}://"))
        .unwrap_or_default();
    let address = |text: &str| {
        text.split('%')
            .next()
            .is_some_and(|ip| ip.parse::<Ipv6Addr>().is_ok())
    };
    let reason = "an IPv6 address without brackets";
    if let Some((ip, port)) = authority.text.rsplit_once(':')
        && address(ip)
        && !port.is_empty()
    {
        return authority
            .fail(reason)
            .hint(format!("did you mean {before}[{ip}]:{port} ?"));
    }
    if address(authority.text) {
        let text = authority.text;
        let port = usual_port(scheme);
        return authority.fail(reason).hint(format!(
            "add brackets and a port, as in {before}[{text}]:{port}"
        ));
    }
    // `after` starts behind the first colon and holds a second one.
    let second = after.text.find(':').unwrap_or(0);
    after
        .fail_at(second, "a second colon")
        .hint("one colon parts host and port; an IPv6 address stands in brackets, as in [::1]:80")
}

/// An address in brackets, and what follows them.
pub(super) fn bracketed(authority: Piece<'_>) -> Result<(Host, Piece<'_>), Fail> {
    let inner = authority.split_at(1).1;
    let Some((inner, rest)) = inner.split_once(']') else {
        return Err(authority.fail("a bracket that is never closed"));
    };
    Ok((ipv6(inner)?, rest))
}

/// An IPv6 address with or without a zone: what stands between brackets.
fn ipv6(inner: Piece<'_>) -> Result<Host, Fail> {
    let (address, zone) = match inner.split_once('%') {
        Some((address, zone)) => (address, Some(zone)),
        None => (inner, None),
    };
    let addr: Ipv6Addr = address.text.parse().map_err(|_| {
        let fail = address.fail("not an IPv6 address");
        if address.text.is_empty() || address.text.contains(':') {
            fail
        } else {
            fail.hint("brackets are for IPv6 addresses only, as in [::1]:80")
        }
    })?;
    Ok(Host::Ip {
        addr: IpAddr::V6(addr),
        scope: zone.map(zone_name).transpose()?,
    })
}

/// The zone behind `%`, as it is; `%25` is understood too (RFC 6874 section 2), unless a number is meant.
fn zone_name(zone: Piece<'_>) -> Result<String, Fail> {
    let zone = match zone.strip_prefix("25") {
        Some(rest) if escapes_zone(rest.text) => rest,
        _ => zone,
    };
    interface(zone)
}

/// Whether a `25` before this text is the escaped percent sign of RFC 6874 rather than part of an interface number.
pub(in crate::endpoint) fn escapes_zone(rest: &str) -> bool {
    rest.bytes().any(|byte| !byte.is_ascii_digit())
}

/// Whether an interface name may hold this: the kernel forbids blanks and slashes, the rest would end the zone or hide.
pub(in crate::endpoint) fn in_interface(letter: char) -> bool {
    letter.is_alphanumeric() || (letter.is_ascii_graphic() && !"/[]%?&#".contains(letter))
}

/// The name or number of a network interface.
pub(in crate::endpoint) fn interface(name: Piece<'_>) -> Result<String, Fail> {
    if name.text.is_empty() {
        return Err(name.fail("no interface name"));
    }
    let wrong = name
        .text
        .char_indices()
        .find(|(_, letter)| !in_interface(*letter));
    if let Some((i, letter)) = wrong {
        return Err(name.fail_at(i, format!("`{letter}` cannot stand in an interface name")));
    }
    if name.text.len() > INTERFACE_LIMIT {
        return Err(name.fail(format!(
            "an interface name longer than {INTERFACE_LIMIT} bytes"
        )));
    }
    Ok(name.text.to_owned())
}

/// A host without brackets.
pub(super) fn host(host: Piece<'_>) -> Result<Host, Fail> {
    if let Ok(addr) = host.text.parse::<Ipv4Addr>() {
        return Ok(Host::Ip {
            addr: IpAddr::V4(addr),
            scope: None,
        });
    }
    host_name(host)?;
    Ok(Host::Name(host.text.to_owned()))
}

/// Checks the name of a host: letters, digits, `-`, `_` in labels parted by dots (RFC 1123 section 2.1, and the
/// underscore that is in use all the same). Whether it exists is not asked.
pub(in crate::endpoint) fn host_name(host: Piece<'_>) -> Result<(), Fail> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if let Some((i, letter)) = host.text.char_indices().find(|(_, c)| !allowed(*c)) {
        return Err(wrong_letter(host, i, letter));
    }
    let relative = host.text.strip_suffix('.').unwrap_or(host.text);
    if relative.len() > NAME_LIMIT {
        return Err(host.fail_at(
            NAME_LIMIT,
            format!("a host name longer than {NAME_LIMIT} characters"),
        ));
    }
    let relative = Piece {
        text: relative,
        ..host
    };
    for label in relative.split('.') {
        if label.text.is_empty() {
            return Err(label.fail("an empty label in the host name"));
        }
        if label.text.len() > LABEL_LIMIT {
            return Err(label.fail(format!("a label longer than {LABEL_LIMIT} characters")));
        }
    }
    let last = relative.text.rsplit('.').next().unwrap_or_default();
    if is_number(last) {
        return Err(host
            .fail("not an IPv4 address, though its last part is a number")
            .hint("an IPv4 address is four numbers from 0 to 255 without leading zeros, as in 127.0.0.1"));
    }
    Ok(())
}

/// Whether resolvers may take this last label for a part of an IPv4 address in one of its old notations.
fn is_number(label: &str) -> bool {
    let hexadecimal = label
        .strip_prefix("0x")
        .or_else(|| label.strip_prefix("0X"));
    label.bytes().all(|byte| byte.is_ascii_digit())
        || hexadecimal.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

fn wrong_letter(host: Piece<'_>, i: usize, letter: char) -> Fail {
    let fail = host.fail_at(i, format!("`{letter}` cannot stand in a host name"));
    match letter {
        '*' => fail.hint("a port alone means every address, as in :80"),
        ']' | '[' => fail.hint("an IPv6 address stands in brackets, as in [::1]:80"),
        _ if letter.is_whitespace() => fail.hint("leave the blank out"),
        _ if !letter.is_ascii() => {
            fail.hint("write the name in its ASCII form, which starts with xn--")
        }
        _ => fail,
    }
}

/// A port number or a service name.
pub(super) fn port(port: Piece<'_>) -> Result<Port, Fail> {
    let text = port.text;
    if text.is_empty() {
        return Err(port
            .fail("an empty port")
            .hint("a port is a number from 0 to 65535 or a service name such as http"));
    }
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        let number = text.parse().map_err(|_| {
            port.fail("a port above 65535")
                .hint("ports go from 0 to 65535")
        })?;
        return Ok(Port::Number(number));
    }
    let signed = text
        .strip_prefix('-')
        .is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
    if signed {
        return Err(port
            .fail("a negative port")
            .hint("ports go from 0 to 65535"));
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.+".contains(c);
    if let Some((i, letter)) = text.char_indices().find(|(_, c)| !allowed(*c)) {
        return Err(port
            .fail_at(i, format!("`{letter}` cannot stand in a port"))
            .hint("a port is a number from 0 to 65535 or a service name such as http"));
    }
    if !text.bytes().any(|byte| byte.is_ascii_alphabetic()) {
        return Err(port.fail("neither a port number nor a service name"));
    }
    if text.len() > SERVICE_LIMIT {
        return Err(port.fail(format!(
            "a service name longer than {SERVICE_LIMIT} characters"
        )));
    }
    Ok(Port::Name(text.to_owned()))
}

/// A local address: `ADDRESS`, `ADDRESS:PORT` or `:PORT`; no names, since they would have to be resolved.
pub(in crate::endpoint) fn local(text: Piece<'_>) -> Result<HostPort, Fail> {
    const HINT: &str = "as in 192.0.2.7, [2001:db8::7]:5000 or :5000";
    let any_port = |host| HostPort {
        host,
        port: Port::Number(0),
    };
    if let Ok(addr) = text.text.parse::<Ipv4Addr>() {
        return Ok(any_port(Host::Ip {
            addr: IpAddr::V4(addr),
            scope: None,
        }));
    }
    let bare = text.text.split('%').next().unwrap_or_default();
    if bare.parse::<Ipv6Addr>().is_ok() {
        return Ok(any_port(ipv6(text)?));
    }
    let (host, rest) = if text.text.starts_with('[') {
        let (host, rest) = bracketed(text)?;
        if rest.text.is_empty() {
            return Ok(any_port(host));
        }
        (host, rest)
    } else {
        let colon = text.text.find(':').unwrap_or(text.text.len());
        let (before, rest) = text.split_at(colon);
        match before.text.parse::<Ipv4Addr>() {
            Ok(addr) => (
                Host::Ip {
                    addr: IpAddr::V4(addr),
                    scope: None,
                },
                rest,
            ),
            Err(_) if before.text.is_empty() && !rest.text.is_empty() => (Host::Any, rest),
            Err(_) => {
                return Err(text
                    .fail("neither an address nor a colon and a port")
                    .hint(HINT));
            }
        }
    };
    let number = rest.strip_prefix(":").ok_or_else(|| {
        rest.fail("neither an address nor a colon and a port")
            .hint(HINT)
    })?;
    match port(number)? {
        port @ Port::Number(_) => Ok(HostPort { host, port }),
        Port::Name(_) => Err(number.fail("a local port is a number").hint(HINT)),
    }
}
