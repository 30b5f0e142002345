//! The words of the language: fields, states, protocols, and what else may stand alone. One table for each; the parser,
//! the printer and the hints read the same.

use super::expr::{Family, Field, Number, OwnerIs, Reach, Side, Special};
use crate::host::services::nearest;
use crate::host::socket::{Protocol, Protocols, State, States, TimerKind};

/// What stands before a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Name {
    State,
    /// ss's way to say `state !=`.
    Exclude,
    Protocol,
    Family,
    Host(Side),
    Port(Side),
    Number(Number),
    Text(Field),
    User,
    Device,
    Namespace,
    Mark,
    Owner,
    Timer,
}

/// Every field, the first of those that mean the same being the one that is printed.
pub(super) const FIELDS: &[(&str, Name)] = &[
    ("state", Name::State),
    ("exclude", Name::Exclude),
    ("proto", Name::Protocol),
    ("protocol", Name::Protocol),
    ("family", Name::Family),
    ("src", Name::Host(Side::Local)),
    ("local", Name::Host(Side::Local)),
    ("dst", Name::Host(Side::Peer)),
    ("peer", Name::Host(Side::Peer)),
    ("host", Name::Host(Side::Either)),
    ("addr", Name::Host(Side::Either)),
    ("sport", Name::Port(Side::Local)),
    ("dport", Name::Port(Side::Peer)),
    ("port", Name::Port(Side::Either)),
    ("queue", Name::Number(Number::Queue)),
    ("recv-q", Name::Number(Number::ReceiveQueue)),
    ("send-q", Name::Number(Number::SendQueue)),
    ("pid", Name::Number(Number::Pid)),
    ("uid", Name::Number(Number::Uid)),
    ("user", Name::User),
    ("inode", Name::Number(Number::Inode)),
    ("cookie", Name::Number(Number::Cookie)),
    ("rtt", Name::Number(Number::Rtt)),
    ("retrans", Name::Number(Number::Retransmits)),
    ("retransmits", Name::Number(Number::Retransmits)),
    ("drops", Name::Number(Number::Drops)),
    ("sent", Name::Number(Number::Sent)),
    ("received", Name::Number(Number::Received)),
    ("proc", Name::Text(Field::Process)),
    ("process", Name::Text(Field::Process)),
    ("cmd", Name::Text(Field::Command)),
    ("unit", Name::Text(Field::Unit)),
    ("container", Name::Text(Field::Container)),
    ("cgroup", Name::Text(Field::Cgroup)),
    ("path", Name::Text(Field::Path(Side::Either))),
    ("dev", Name::Device),
    ("device", Name::Device),
    ("netns", Name::Namespace),
    ("fwmark", Name::Mark),
    ("mark", Name::Mark),
    ("owner", Name::Owner),
    ("timer", Name::Timer),
];

const fn set(states: &[State]) -> States {
    let mut all = States::NONE;
    let mut i = 0;
    while i < states.len() {
        all = all.or(States::only(states[i]));
        i += 1;
    }
    all
}

const IDLE: States = set(&[State::Listening, State::Unconnected, State::Bound]);
const CONNECTED: States = IDLE.not();
const BUCKET: States = set(&[State::SynReceived, State::TimeWait]);

/// Names of states and of groups of them, besides [`State::word`]: those of ss and netstat, as people type them.
pub(super) const STATES: &[(&str, States)] = &[
    ("all", States::ALL),
    ("connected", CONNECTED),
    ("synchronized", CONNECTED.and(set(&[State::SynSent]).not())),
    ("synchronised", CONNECTED.and(set(&[State::SynSent]).not())),
    ("bucket", BUCKET),
    ("big", BUCKET.not()),
    ("estab", set(&[State::Established])),
    ("listen", set(&[State::Listening])),
    ("unconn", set(&[State::Unconnected])),
    ("closed", set(&[State::Unconnected])),
    ("close", set(&[State::Unconnected])),
    ("syn-recv", set(&[State::SynReceived])),
    ("syn-rcv", set(&[State::SynReceived])),
    ("syn-rcvd", set(&[State::SynReceived])),
    ("fin-wait1", set(&[State::FinWait1])),
    ("fin-wait2", set(&[State::FinWait2])),
    ("timewait", set(&[State::TimeWait])),
    ("closewait", set(&[State::CloseWait])),
    ("lastack", set(&[State::LastAck])),
    ("bound-inactive", set(&[State::Bound])),
];

pub(super) const UNIX: Protocols = Protocols::only(Protocol::UnixStream)
    .or(Protocols::only(Protocol::UnixDatagram))
    .or(Protocols::only(Protocol::UnixSeqpacket));

/// Names of protocols, besides [`Protocol::word`]; `unix` means all its types here.
const PROTOCOLS: &[(&str, Protocols)] = &[
    ("unix", UNIX),
    ("unix-stream", Protocols::only(Protocol::UnixStream)),
    ("udp-lite", Protocols::only(Protocol::UdpLite)),
    ("ping", Protocols::only(Protocol::Icmp)),
];

/// What stands alone, besides states and protocols.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flag {
    All,
    Family(Family),
    Reach(Reach),
    Owner(OwnerIs),
    Autobound,
    Open,
}

pub(super) const FLAGS: &[(&str, Flag)] = &[
    ("all", Flag::All),
    ("ipv4", Flag::Family(Family::Ipv4)),
    ("ipv6", Flag::Family(Family::Ipv6)),
    ("loopback", Flag::Reach(Reach::Loopback)),
    ("non-loopback", Flag::Reach(Reach::NonLoopback)),
    ("wildcard", Flag::Reach(Reach::Wildcard)),
    ("orphan", Flag::Owner(OwnerIs::Missing("orphan"))),
    ("hidden", Flag::Owner(OwnerIs::Hidden)),
    ("autobound", Flag::Autobound),
    ("open", Flag::Open),
];

/// The values of `family =`: by what is carried (`4`, `6`), by how the socket was made (`inet`, `inet6`), or other ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FamilyWord {
    Ip(Family),
    Other(Protocols),
}

pub(super) const FAMILIES: &[(&str, FamilyWord)] = &[
    ("4", FamilyWord::Ip(Family::Ipv4)),
    ("ipv4", FamilyWord::Ip(Family::Ipv4)),
    ("6", FamilyWord::Ip(Family::Ipv6)),
    ("ipv6", FamilyWord::Ip(Family::Ipv6)),
    ("inet", FamilyWord::Ip(Family::Inet)),
    ("inet6", FamilyWord::Ip(Family::Inet6)),
    ("unix", FamilyWord::Other(UNIX)),
    ("link", FamilyWord::Other(Protocols::only(Protocol::Packet))),
    (
        "packet",
        FamilyWord::Other(Protocols::only(Protocol::Packet)),
    ),
    (
        "netlink",
        FamilyWord::Other(Protocols::only(Protocol::Netlink)),
    ),
    ("vsock", FamilyWord::Other(Protocols::only(Protocol::Vsock))),
];

/// The values of `owner =`.
pub(super) const OWNERS: &[(&str, OwnerIs)] = &[
    ("none", OwnerIs::None),
    ("known", OwnerIs::Known),
    ("hidden", OwnerIs::Hidden),
    ("orphan", OwnerIs::Missing("orphan")),
    ("needs-privilege", OwnerIs::Missing("needs-privilege")),
    ("accept-queue", OwnerIs::Missing("accept-queue")),
    ("time-wait", OwnerIs::Missing("time-wait")),
    ("half-open", OwnerIs::Missing("half-open")),
    ("closed-meanwhile", OwnerIs::Missing("closed-meanwhile")),
    ("other-namespace", OwnerIs::Missing("other-namespace")),
    (
        "in-flight-or-kernel",
        OwnerIs::Missing("in-flight-or-kernel"),
    ),
    ("in-flight", OwnerIs::Missing("in-flight-or-kernel")),
    ("kernel", OwnerIs::Missing("kernel")),
];

pub(super) const TIMERS: [TimerKind; 4] = [
    TimerKind::Retransmit,
    TimerKind::Keepalive,
    TimerKind::TimeWait,
    TimerKind::ZeroWindow,
];

/// Families that may stand before an address, as in `src unix:/run/*`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Prefix {
    Unix,
    Ip(Family),
    Special(Special),
}

pub(super) const PREFIXES: &[(&str, Prefix)] = &[
    ("unix", Prefix::Unix),
    ("inet", Prefix::Ip(Family::Ipv4)),
    ("inet6", Prefix::Ip(Family::Ipv6)),
    ("link", Prefix::Special(Special::Packet)),
    ("netlink", Prefix::Special(Special::Netlink)),
    ("vsock", Prefix::Special(Special::Vsock)),
];

/// A word as it is looked up: small letters, `-` for `_`, so that netstat's CLOSE_WAIT is understood.
pub(super) fn folded(word: &str) -> String {
    word.to_ascii_lowercase().replace('_', "-")
}

pub(super) fn lookup<T: Copy>(table: &[(&str, T)], word: &str) -> Option<T> {
    let entry = table.iter().find(|(known, _)| *known == word);
    entry.map(|(_, value)| *value)
}

/// The states that a word means.
pub(super) fn states(word: &str) -> Option<States> {
    let own = State::ALL.into_iter().find(|state| state.word() == word);
    own.map(States::only).or_else(|| lookup(STATES, word))
}

/// The protocols that a word means.
pub(super) fn protocols(word: &str) -> Option<Protocols> {
    lookup(PROTOCOLS, word).or_else(|| {
        let mut all = Protocol::ALL.into_iter();
        all.find(|protocol| protocol.word() == word)
            .map(Protocols::only)
    })
}

pub(super) fn state_words() -> impl Iterator<Item = &'static str> + Clone {
    let own = State::ALL.into_iter().map(State::word);
    own.chain(STATES.iter().map(|(word, _)| *word))
}

pub(super) fn protocol_words() -> impl Iterator<Item = &'static str> + Clone {
    let own = Protocol::ALL.into_iter().map(Protocol::word);
    own.chain(PROTOCOLS.iter().map(|(word, _)| *word))
}

/// What may begin a term, or stand between two.
pub(super) fn first_words() -> impl Iterator<Item = &'static str> + Clone {
    let operators = ["and", "or", "not"].into_iter();
    let fields = FIELDS.iter().map(|(word, _)| *word);
    let flags = FLAGS.iter().map(|(word, _)| *word);
    operators
        .chain(fields)
        .chain(flags)
        .chain(state_words())
        .chain(protocol_words())
}

/// The known word that is most like this one, if any is like it; what begins with it is most like it.
pub(super) fn nearest<'a>(
    word: &str,
    known: impl Iterator<Item = &'a str> + Clone,
) -> Option<&'a str> {
    // A word of two letters is like nothing: everything is as near.
    if word.len() < 3 {
        return None;
    }
    let word = folded(word);
    let longer = known.clone().filter(|known| known.starts_with(&*word));
    longer
        .min_by_key(|known| known.len())
        .or_else(|| nearest::nearest(&word, known, 1 + word.len() / 4))
}
