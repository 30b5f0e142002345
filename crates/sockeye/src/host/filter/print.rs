//! Tree to text: what is printed parses to the same tree.

use std::fmt::{self, Write};

use ipnet::IpNet;
use sockeye_data::units;

use super::expr::{Expr, Family, Field, Number, OwnerIs, Reach, Side, Special, Term};
use super::pattern::{Pattern, Piece, Text};
use super::words;
use crate::host::socket::{Protocol, Protocols, State, States};

/// Bytes that mean themselves in a value without quotes.
const PLAIN: &[u8] = b"-_./:@%+[]{}^$#;";

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::Term(term) => term.fmt(f),
            Self::Not(inner) if inner.is_list() => write!(f, "not ({inner})"),
            Self::Not(inner) => write!(f, "not {inner}"),
            Self::Or(terms) => joined(f, terms, " or ", |_| false),
            Self::And(terms) => joined(f, terms, " and ", |term| matches!(term, Self::Or(_))),
        }
    }
}

fn joined(
    f: &mut fmt::Formatter<'_>,
    terms: &[Expr],
    between: &str,
    bracketed: impl Fn(&Expr) -> bool,
) -> fmt::Result {
    for (i, term) in terms.iter().enumerate() {
        if i > 0 {
            f.write_str(between)?;
        }
        if bracketed(term) {
            write!(f, "({term})")?;
        } else {
            write!(f, "{term}")?;
        }
    }
    Ok(())
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Protocol(set) => protocols(f, *set),
            Self::State(set) => states(f, *set),
            Self::Port(side, low, high) => ports(f, *side, *low, *high),
            Self::Net(side, net) => write!(f, "{} = {}", host_field(*side), Network(net)),
            Self::Family(family) => f.write_str(match family {
                Family::Ipv4 => "ipv4",
                Family::Ipv6 => "ipv6",
                Family::Inet => "family = inet",
                Family::Inet6 => "family = inet6",
            }),
            Self::Reach(reach) => f.write_str(match reach {
                Reach::Loopback => "loopback",
                Reach::NonLoopback => "non-loopback",
                Reach::Wildcard => "wildcard",
            }),
            Self::Number(number, compare, value) => {
                write!(f, "{} {} ", number.field(), compare.symbol())?;
                match number {
                    Number::Rtt => {
                        let span = std::time::Duration::from_nanos(*value);
                        f.write_str(&units::print_duration(span))
                    }
                    _ => write!(f, "{value}"),
                }
            }
            Self::Text(field, text) => self::text(f, *field, text),
            Self::Special(side, special, first, second) => {
                write!(f, "{} = {}:", host_field(*side), special.prefix())?;
                part(f, *first)?;
                f.write_char(':')?;
                part(f, *second)
            }
            Self::Mark(mark, mask) => write!(f, "fwmark = {mark:#x}/{mask:#x}"),
            Self::Owner(OwnerIs::Missing(code)) => write!(f, "owner = {code}"),
            Self::Owner(OwnerIs::Known) => f.write_str("owner = known"),
            Self::Owner(OwnerIs::None) => f.write_str("owner = none"),
            Self::Owner(OwnerIs::Hidden) => f.write_str("owner = hidden"),
            Self::Timer(kind) => write!(f, "timer = {}", kind.word()),
            Self::Here => f.write_str("netns = here"),
            Self::Autobound(..) => f.write_str("autobound"),
            Self::Open => f.write_str("open"),
        }
    }
}

fn protocols(f: &mut fmt::Formatter<'_>, set: Protocols) -> fmt::Result {
    let unix = set.and(words::UNIX) == words::UNIX;
    let alone = |protocol: Protocol| !(unix && protocol.is_unix());
    let mut list: Vec<&str> = Protocol::ALL
        .into_iter()
        .filter(|protocol| set.has(*protocol) && alone(*protocol))
        .map(|protocol| match protocol {
            Protocol::UnixStream => "unix-stream",
            other => other.word(),
        })
        .collect();
    if unix {
        list.push("unix");
    }
    match &*list {
        [one] => f.write_str(one),
        _ => write!(f, "proto = {}", list.join(",")),
    }
}

fn states(f: &mut fmt::Formatter<'_>, set: States) -> fmt::Result {
    let count = |set: States| State::ALL.iter().filter(|state| set.has(**state)).count();
    let (set, sign) = if count(set) > State::ALL.len() / 2 {
        (set.not(), "!=")
    } else {
        (set, "=")
    };
    let known = State::ALL.into_iter().filter(|state| set.has(*state));
    let list: Vec<&str> = known.map(State::word).collect();
    write!(f, "state {sign} {}", list.join(","))
}

fn ports(f: &mut fmt::Formatter<'_>, side: Side, low: u16, high: u16) -> fmt::Result {
    let field = match side {
        Side::Local => "sport",
        Side::Peer => "dport",
        Side::Either => "port",
    };
    match (low, high) {
        (low, high) if low == high => write!(f, "{field} = {low}"),
        (0, high) => write!(f, "{field} <= {high}"),
        (low, u16::MAX) => write!(f, "{field} >= {low}"),
        (low, high) => write!(f, "{field} = {low}-{high}"),
    }
}

fn host_field(side: Side) -> &'static str {
    match side {
        Side::Local => "src",
        Side::Peer => "dst",
        Side::Either => "host",
    }
}

/// A network without a prefix where it is a single address.
struct Network<'a>(&'a IpNet);

impl fmt::Display for Network<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let net = self.0;
        let whole = net.prefix_len() == net.max_prefix_len();
        match (net, whole) {
            (IpNet::V4(v4), true) => v4.addr().fmt(f),
            (IpNet::V4(v4), false) => v4.fmt(f),
            (IpNet::V6(v6), true) => write!(f, "[{}]", v6.addr()),
            (IpNet::V6(v6), false) => write!(f, "[{}]/{}", v6.addr(), v6.prefix_len()),
        }
    }
}

fn part(f: &mut fmt::Formatter<'_>, number: Option<u32>) -> fmt::Result {
    match number {
        Some(number) => write!(f, "{number}"),
        None => f.write_char('*'),
    }
}

fn text(f: &mut fmt::Formatter<'_>, field: Field, text: &Text) -> fmt::Result {
    match field {
        // A path of one end only is written as in ss.
        Field::Path(side @ (Side::Local | Side::Peer)) => {
            write!(f, "{} = unix:", host_field(side))?;
        }
        _ => {
            let sign = if matches!(text, Text::Is(_)) {
                "="
            } else {
                "~"
            };
            write!(f, "{} {sign} ", field.word())?;
        }
    }
    match text {
        Text::Has(part) => quoted(f, part, false),
        Text::Is(pattern) => self::pattern(f, pattern, field),
    }
}

fn pattern(f: &mut fmt::Formatter<'_>, pattern: &Pattern, field: Field) -> fmt::Result {
    if pattern.0.is_empty() {
        return quoted(f, b"", true);
    }
    // Numbers and `here` mean something else where they are not quoted.
    let literal = |piece: &Piece| match piece {
        Piece::Byte(byte) => Some(*byte),
        _ => None,
    };
    let whole: Option<Vec<u8>> = pattern.0.iter().map(literal).collect();
    let special = matches!(field, Field::Namespace | Field::Device)
        && whole.is_some_and(|whole| whole == b"here" || whole.iter().all(u8::is_ascii_digit));
    let mut run = Vec::new();
    for piece in &pattern.0 {
        match piece {
            Piece::Byte(byte) => run.push(*byte),
            Piece::One | Piece::Many => {
                if !run.is_empty() {
                    quoted(f, &run, special)?;
                    run.clear();
                }
                f.write_char(if *piece == Piece::One { '?' } else { '*' })?;
            }
        }
    }
    if run.is_empty() {
        Ok(())
    } else {
        quoted(f, &run, special)
    }
}

/// Bytes so that each means itself: as they are if all are plain, else in quotes.
fn quoted(f: &mut fmt::Formatter<'_>, bytes: &[u8], always: bool) -> fmt::Result {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || PLAIN.contains(byte);
    if !always && !bytes.is_empty() && bytes.iter().all(plain) {
        // All of them are ASCII.
        return f.write_str(&String::from_utf8_lossy(bytes));
    }
    f.write_char('"')?;
    for chunk in bytes.utf8_chunks() {
        for letter in chunk.valid().chars() {
            match letter {
                '"' | '\\' => write!(f, "\\{letter}")?,
                '\n' => f.write_str("\\n")?,
                '\t' => f.write_str("\\t")?,
                control if control.is_control() => {
                    let mut buffer = [0; 4];
                    for byte in control.encode_utf8(&mut buffer).bytes() {
                        write!(f, "\\x{byte:02x}")?;
                    }
                }
                other => f.write_char(other)?,
            }
        }
        for byte in chunk.invalid() {
            write!(f, "\\x{byte:02x}")?;
        }
    }
    f.write_char('"')
}

impl Number {
    fn field(self) -> &'static str {
        match self {
            Self::Queue => "queue",
            Self::ReceiveQueue => "recv-q",
            Self::SendQueue => "send-q",
            Self::Pid => "pid",
            Self::Uid => "uid",
            Self::Inode => "inode",
            Self::Cookie => "cookie",
            Self::Namespace => "netns",
            Self::Device => "dev",
            Self::Rtt => "rtt",
            Self::Retransmits => "retrans",
            Self::Drops => "drops",
            Self::Sent => "sent",
            Self::Received => "received",
        }
    }
}

impl Field {
    fn word(self) -> &'static str {
        match self {
            Self::Process => "proc",
            Self::Command => "cmd",
            Self::Unit => "unit",
            Self::Container => "container",
            Self::Namespace => "netns",
            Self::Cgroup => "cgroup",
            Self::Device => "dev",
            Self::Path(_) => "path",
        }
    }
}

impl Special {
    fn prefix(self) -> &'static str {
        match self {
            Self::Packet => "link",
            Self::Netlink => "netlink",
            Self::Vsock => "vsock",
        }
    }
}
