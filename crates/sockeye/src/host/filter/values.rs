//! The values of a filter: ports and services, addresses and networks, numbers with units, and words of a fixed choice.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use sockeye_data::units;

use super::expr::{Compare, Expr, Field, Number, Side, Special, Term};
use super::lex::Value;
use super::names::Names;
use super::pattern::Text;
use super::refusal::{Fail, quoted};
use super::words::{self, FamilyWord, Prefix};
use crate::host::socket::{Protocol, Protocols, States};

/// Whether a word looks like an address, so that a hint can say where it belongs.
pub(super) fn is_address(word: &str) -> bool {
    let host = word.split_once('/').map_or(word, |(host, _)| host);
    host.parse::<IpAddr>().is_ok()
        || host.starts_with('[')
        || host
            .rsplit_once(':')
            .is_some_and(|(host, _)| host.parse::<Ipv4Addr>().is_ok())
}

pub(super) fn states(value: &Value) -> Result<States, Fail> {
    let mut all = States::NONE;
    for part in value.list() {
        let word = words::folded(part.text()?);
        let states = words::states(&word).ok_or_else(|| {
            not_a(&part, "a state").nearest(words::nearest(&word, words::state_words()))
        })?;
        all = all.or(states);
    }
    Ok(all)
}

pub(super) fn protocols(value: &Value) -> Result<Expr, Fail> {
    let mut all = Protocols::NONE;
    for part in value.list() {
        let word = words::folded(part.text()?);
        let set = words::protocols(&word).ok_or_else(|| {
            not_a(&part, "a protocol").nearest(words::nearest(&word, words::protocol_words()))
        })?;
        all = all.or(set);
    }
    Ok(Expr::protocols(all))
}

pub(super) fn family(value: &Value) -> Result<Expr, Fail> {
    Ok(match word(value, words::FAMILIES, "a family")? {
        FamilyWord::Ip(family) => Expr::Term(Term::Family(family)),
        FamilyWord::Other(protocols) => Expr::protocols(protocols),
    })
}

pub(super) fn timer(value: &Value) -> Result<Expr, Fail> {
    let known = words::TIMERS.map(|kind| (kind.word(), kind));
    Ok(Expr::Term(Term::Timer(word(value, &known, "a timer")?)))
}

/// A word of a fixed choice.
pub(super) fn word<T: Copy>(value: &Value, table: &[(&str, T)], what: &str) -> Result<T, Fail> {
    let text = words::folded(value.text()?);
    words::lookup(table, &text).ok_or_else(|| {
        let known = table.iter().map(|(word, _)| *word);
        let list: Vec<&str> = known.clone().collect();
        let fail = not_a(value, what);
        match words::nearest(&text, known) {
            Some(near) => fail.nearest(Some(near)),
            None => fail.hint(format!("known are {}", list.join(", "))),
        }
    })
}

/// Ports: a number, a service, a range, or several of them; with or without the colon that ss wants.
pub(super) fn port(
    side: Side,
    compare: Compare,
    value: &Value,
    names: &Names,
) -> Result<Expr, Fail> {
    if compare != Compare::Equal {
        let (families, port) = family_prefix(value)?;
        let ports = service(&without_colon(&port), names)?;
        return Ok(Expr::and(vec![
            families,
            compared(side, compare, &port, &ports)?,
        ]));
    }
    let mut terms = Vec::new();
    for part in value.list() {
        let (families, port) = family_prefix(&part)?;
        terms.push(Expr::and(vec![
            families,
            equal(side, &without_colon(&port), names)?,
        ]));
    }
    Ok(Expr::or(terms))
}

/// The number of a service: one, or another one for UDP.
struct Service {
    port: u16,
    udp: Option<u16>,
}

fn equal(side: Side, value: &Value, names: &Names) -> Result<Expr, Fail> {
    let text = value.text()?;
    if text == "*" {
        return Ok(Expr::All);
    }
    // A range, unless a service has that name.
    if let Some(dash) = value.find(b'-')
        && text[..dash].bytes().all(|byte| byte.is_ascii_digit())
    {
        let low = number_of(&value.part(0..dash))?;
        let high = number_of(&value.part(dash + 1..text.len()))?;
        if low > high {
            return Err(Fail::new(
                value.span.clone(),
                "the range ends before it starts",
            ));
        }
        return Ok(Expr::Term(Term::Port(side, low, high)));
    }
    compared(side, Compare::Equal, value, &service(value, names)?)
}

fn compared(side: Side, compare: Compare, value: &Value, ports: &Service) -> Result<Expr, Fail> {
    let term = |port: u16| {
        let range = match compare {
            Compare::Equal => Some((port, port)),
            Compare::AtMost => Some((0, port)),
            Compare::AtLeast => Some((port, u16::MAX)),
            Compare::Less => port.checked_sub(1).map(|high| (0, high)),
            Compare::More => port.checked_add(1).map(|low| (low, u16::MAX)),
        };
        let range = range.ok_or_else(|| Fail::new(value.span.clone(), "no port is there"))?;
        Ok(Expr::Term(Term::Port(side, range.0, range.1)))
    };
    let Some(udp) = ports.udp else {
        return term(ports.port);
    };
    let of_udp =
        Expr::protocols(Protocols::only(Protocol::Udp).or(Protocols::only(Protocol::UdpLite)));
    Ok(Expr::or(vec![
        Expr::and(vec![of_udp.clone(), term(udp)?]),
        Expr::and(vec![Expr::not(of_udp), term(ports.port)?]),
    ]))
}

fn service(value: &Value, names: &Names) -> Result<Service, Fail> {
    let text = value.text()?;
    if text.is_empty() {
        return Err(Fail::new(value.span.clone(), "a port is missing"));
    }
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        let port = number_of(value)?;
        return Ok(Service { port, udp: None });
    }
    let services = names.services();
    let (tcp, udp) = (services.port(text, "tcp"), services.port(text, "udp"));
    match (tcp, udp) {
        (Some(port), Some(udp)) if port != udp => Ok(Service {
            port,
            udp: Some(udp),
        }),
        (Some(port), _) | (None, Some(port)) => Ok(Service { port, udp: None }),
        (None, None) => {
            Err(not_a(value, "a port or a service").nearest(services.nearest(text, "tcp")))
        }
    }
}

fn number_of(value: &Value) -> Result<u16, Fail> {
    let text = value.text()?;
    text.parse().map_err(|_| {
        let fail = not_a(value, "a port");
        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
            fail.hint("ports go from 0 to 65535")
        } else {
            fail
        }
    })
}

fn without_colon(value: &Value) -> Value {
    match value.bytes().first() {
        Some(b':') => value.part(1..value.bytes().len()),
        _ if value.bytes().starts_with(b"*:") => value.part(2..value.bytes().len()),
        _ => value.clone(),
    }
}

/// `inet:` or `inet6:` before a port or an address.
fn family_prefix(value: &Value) -> Result<(Expr, Value), Fail> {
    Ok(match prefix(value) {
        Some((Prefix::Ip(family), rest)) => (Expr::Term(Term::Family(family)), rest),
        _ => (Expr::All, value.clone()),
    })
}

fn prefix(value: &Value) -> Option<(Prefix, Value)> {
    let colon = value.find(b':')?;
    let word = value.part(0..colon);
    let prefix = words::lookup(words::PREFIXES, word.keyword()?)?;
    Some((prefix, value.part(colon + 1..value.bytes().len())))
}

/// A host condition: an address, a network, each with a port or without; or one of another family.
pub(super) fn host(side: Side, value: &Value, names: &Names) -> Result<Expr, Fail> {
    let (families, value) = match prefix(value) {
        Some((Prefix::Unix, rest)) => {
            let text = Text::Is(rest.pattern());
            return Ok(Expr::Term(Term::Text(Field::Path(side), text)));
        }
        Some((Prefix::Special(special), rest)) => return self::special(side, special, &rest),
        Some((Prefix::Ip(family), rest)) => (Expr::Term(Term::Family(family)), rest),
        None => (Expr::All, value.clone()),
    };
    let (address, port) = split(&value)?;
    let networks = networks(&address)?;
    let of_side = |side: Side| {
        let mut terms = vec![families.clone()];
        if let Some(networks) = &networks {
            let nets = networks.iter().map(|net| Expr::Term(Term::Net(side, *net)));
            terms.push(Expr::or(nets.collect()));
        }
        if let Some(port) = &port {
            terms.push(equal(side, port, names)?);
        }
        Ok(Expr::and(terms))
    };
    // Address and port have to be those of the same end.
    if side == Side::Either && port.is_some() {
        return Ok(Expr::or(vec![of_side(Side::Local)?, of_side(Side::Peer)?]));
    }
    of_side(side)
}

/// Address and port of `192.0.2.1:80`, `[::1]:80`, `10/8`, `::1`, `:80`, `*:80`.
fn split(value: &Value) -> Result<(Value, Option<Value>), Fail> {
    let bytes = value.bytes();
    let length = bytes.len();
    if bytes.first() == Some(&b'[') {
        let Some(close) = value.find(b']') else {
            return Err(Fail::new(
                value.span.clone(),
                "the bracket `[` is not closed",
            ));
        };
        let after = close + 1;
        let colon = (after..length).find(|at| bytes[*at] == b':');
        // A prefix may stand inside the brackets, as in ss, or after them.
        let end = colon.unwrap_or(length);
        let address = if end == after {
            value.part(1..close)
        } else if bytes[after] != b'/' || bytes[1..close].contains(&b'/') {
            let fail = Fail::new(value.part(after..end).span, "this cannot follow an address");
            return Err(fail.hint("a port stands behind a colon"));
        } else {
            value.part(1..close).joined(&value.part(after..end))
        };
        return Ok((address, colon.map(|colon| value.part(colon + 1..length))));
    }
    let colons = bytes.iter().filter(|byte| **byte == b':').count();
    // With more than one colon it is an address of IPv6, for which a port stands behind brackets only.
    match value.rfind(b':').filter(|_| colons == 1) {
        Some(colon) => Ok((value.part(0..colon), Some(value.part(colon + 1..length)))),
        None => Ok((value.clone(), None)),
    }
}

/// The networks that an address means; `None` for any address.
fn networks(value: &Value) -> Result<Option<Vec<IpNet>>, Fail> {
    let text = value.text()?;
    match text {
        "" | "*" => Ok(None),
        "localhost" => Ok(Some(vec![
            IpNet::from(IpAddr::from(Ipv4Addr::LOCALHOST)),
            IpNet::from(IpAddr::from(Ipv6Addr::LOCALHOST)),
        ])),
        _ => match network(text) {
            Some(net) => Ok(Some(vec![net])),
            None => Err(not_an_address(value, text)),
        },
    }
}

fn not_an_address(value: &Value, text: &str) -> Fail {
    let fail = not_a(value, "an address");
    let name = text
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte));
    if text.contains('%') {
        fail.hint("the device is a term of its own: `dev = NAME`")
    } else if text.contains('/') {
        fail.hint("a network is written 192.0.2.0/24 or [2001:db8::]/32")
    } else if name && text.bytes().any(|byte| byte.is_ascii_alphabetic()) {
        fail.hint(format!(
            "filters take addresses; `sockeye resolve {text}` finds those of a name"
        ))
    } else {
        fail
    }
}

/// A network or an address; IPv4 written as IPv6 becomes IPv4, `10/8` means 10.0.0.0/8, bits behind the prefix are 0.
fn network(text: &str) -> Option<IpNet> {
    let (address, prefix) = match text.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix.parse::<u8>().ok()?)),
        None => (text, None),
    };
    let address = match address.parse::<IpAddr>() {
        Ok(address) => address,
        Err(_) => IpAddr::V4(short_address(address).filter(|_| prefix.is_some())?),
    };
    let most = if address.is_ipv4() { 32 } else { 128 };
    let net = IpNet::new(address, prefix.unwrap_or(most)).ok()?.trunc();
    Some(match net {
        IpNet::V6(net) => canonical(net),
        v4 => v4,
    })
}

fn canonical(net: Ipv6Net) -> IpNet {
    let mapped = net.addr().to_ipv4_mapped();
    let inside = net.prefix_len().checked_sub(96);
    let v4 = mapped
        .zip(inside)
        .map(|(address, prefix)| Ipv4Net::new(address, prefix));
    v4.and_then(Result::ok).map_or(IpNet::V6(net), IpNet::V4)
}

/// The first bytes of an IPv4 address; the others are 0.
fn short_address(text: &str) -> Option<Ipv4Addr> {
    let mut bytes = [0; 4];
    for (at, part) in text.split('.').enumerate() {
        *bytes.get_mut(at)? = part.parse().ok()?;
    }
    Some(bytes.into())
}

/// `netlink:FAMILY:PORT`, `link:PROTOCOL:DEVICE`, `vsock:CONTEXT:PORT`, in numbers, `*` for any.
fn special(side: Side, special: Special, value: &Value) -> Result<Expr, Fail> {
    let end = value.bytes().len();
    let colon = value.rfind(b':');
    let first = value.part(0..colon.unwrap_or(end));
    let second = colon.map(|colon| value.part(colon + 1..end));
    let number = |part: &Value| -> Result<Option<u32>, Fail> {
        match part.text()? {
            "" | "*" => Ok(None),
            "kernel" if special == Special::Netlink => Ok(Some(0)),
            text => match parse_u64(text).and_then(|number| u32::try_from(number).ok()) {
                Some(number) => Ok(Some(number)),
                None => Err(not_a(part, "a number").hint(
                    "netlink families, Ethernet protocols, devices and contexts are numbers here",
                )),
            },
        }
    };
    let second = second.as_ref().map(number).transpose()?.flatten();
    Ok(Expr::Term(Term::Special(
        side,
        special,
        number(&first)?,
        second,
    )))
}

/// A number, with a unit where the field has one.
pub(super) fn number(number: Number, compare: Compare, value: &Value) -> Result<Expr, Fail> {
    let one = |part: &Value| -> Result<Expr, Fail> {
        let text = part.text()?;
        let parsed = match number {
            Number::Rtt => {
                let span = units::parse_duration(text).map_err(|error| {
                    Fail::new(part.span.clone(), unit_reason(part, &error)).hint("such as 100ms")
                })?;
                u64::try_from(span.as_nanos()).ok()
            }
            Number::Queue
            | Number::ReceiveQueue
            | Number::SendQueue
            | Number::Sent
            | Number::Received => Some(units::parse_size(text).map_err(|error| {
                Fail::new(part.span.clone(), unit_reason(part, &error)).hint("such as 0 or 64KiB")
            })?),
            _ => parse_u64(text),
        };
        let number_value = parsed.ok_or_else(|| not_a(part, "a number"))?;
        Ok(Expr::Term(Term::Number(number, compare, number_value)))
    };
    if compare != Compare::Equal {
        return one(value);
    }
    let terms: Result<Vec<Expr>, Fail> = value.list().iter().map(one).collect();
    Ok(Expr::or(terms?))
}

fn unit_reason(value: &Value, error: &units::UnitError) -> String {
    let text = String::from_utf8_lossy(value.bytes());
    format!(
        "{} is not {}: {}",
        quoted(&text),
        "a number with a unit",
        error.reason()
    )
}

pub(super) fn user(value: &Value, names: &Names) -> Result<Expr, Fail> {
    let name = value.text()?;
    let digits = value.keyword().and_then(|text| text.parse::<u32>().ok());
    let uid = digits.or_else(|| names.users().uid(name)).ok_or_else(|| {
        let near = words::nearest(name, names.users().names());
        not_a(value, "a user of this machine").nearest(near)
    })?;
    Ok(Expr::Term(Term::Number(
        Number::Uid,
        Compare::Equal,
        uid.into(),
    )))
}

pub(super) fn device(value: &Value) -> Result<Expr, Fail> {
    let index = value.keyword().and_then(|text| text.parse::<u32>().ok());
    Ok(Expr::Term(match index {
        Some(index) => Term::Number(Number::Device, Compare::Equal, index.into()),
        None => Term::Text(Field::Device, Text::Is(value.pattern())),
    }))
}

pub(super) fn namespace(value: &Value) -> Expr {
    Expr::Term(match value.keyword() {
        Some("here") => Term::Here,
        Some(text)
            if text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u64>().is_ok() =>
        {
            // Just parsed.
            Term::Number(
                Number::Namespace,
                Compare::Equal,
                text.parse().unwrap_or_default(),
            )
        }
        _ => Term::Text(Field::Namespace, Text::Is(value.pattern())),
    })
}

/// `0x10` or `16`, with `/MASK` or without.
pub(super) fn mark(value: &Value) -> Result<Expr, Fail> {
    let text = value.text()?;
    let (mark, mask) = text.split_once('/').unwrap_or((text, "0xffffffff"));
    let number = |text: &str| parse_u64(text).and_then(|number| u32::try_from(number).ok());
    match (number(mark), number(mask)) {
        (Some(mark), Some(mask)) => Ok(Expr::Term(Term::Mark(mark, mask))),
        _ => Err(not_a(value, "a mark").hint("such as 0x10 or 0x10/0xff")),
    }
}

fn parse_u64(text: &str) -> Option<u64> {
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) if !digits.starts_with('+') => u64::from_str_radix(digits, 16).ok(),
        Some(_) => None,
        None if text.starts_with('+') => None,
        None => text.parse().ok(),
    }
}

fn not_a(value: &Value, what: &str) -> Fail {
    let text = String::from_utf8_lossy(value.bytes());
    Fail::new(
        value.span.clone(),
        format!("{} is not {what}", quoted(&text)),
    )
}
