//! What a filter says, as a tree of terms. The constructors keep one form for each meaning, so that what was printed
//! parses to the same tree.

use ipnet::IpNet;

use super::pattern::Text;
use crate::host::socket::{Protocols, States, TimerKind};

/// A filter as a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Expr {
    /// Everything.
    All,
    Not(Box<Expr>),
    And(Vec<Expr>),
    Or(Vec<Expr>),
    Term(Term),
}

/// One thing that a socket is or is not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Term {
    Protocol(Protocols),
    State(States),
    /// A port in this range, both ends included.
    Port(Side, u16, u16),
    /// An address in this network; IPv4 written as IPv6 counts as IPv4.
    Net(Side, IpNet),
    Family(Family),
    Reach(Reach),
    Number(Number, Compare, u64),
    Text(Field, Text),
    /// The netlink family and port, the Ethernet protocol and device, or the context and port of such sockets.
    Special(Side, Special, Option<u32>, Option<u32>),
    /// The mark, where the mask has ones.
    Mark(u32, u32),
    Owner(OwnerIs),
    Timer(TimerKind),
    /// The namespace of this program.
    Here,
    /// A port that the system hands out: in this range, for IP sockets.
    Autobound(u16, u16),
    /// It waits for whoever comes: a listener, or a datagram socket without a peer.
    Open,
}

/// Which end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Local,
    Peer,
    Either,
}

/// What a socket carries, or how it was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    /// It carries IPv4, whatever it was made as.
    Ipv4,
    /// It carries IPv6.
    Ipv6,
    /// It was made as an IPv4 socket.
    Inet,
    /// It was made as an IPv6 socket.
    Inet6,
}

/// From where its local address can be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    Loopback,
    NonLoopback,
    Wildcard,
}

/// What is a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Number {
    Queue,
    ReceiveQueue,
    SendQueue,
    Pid,
    Uid,
    Inode,
    Cookie,
    Namespace,
    Device,
    /// In nanoseconds.
    Rtt,
    Retransmits,
    Drops,
    Sent,
    Received,
}

/// What is text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Process,
    Command,
    Unit,
    Container,
    Namespace,
    Cgroup,
    Device,
    Path(Side),
}

/// Addresses that are neither IP nor names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Special {
    Packet,
    Netlink,
    Vsock,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compare {
    Equal,
    Less,
    AtMost,
    More,
    AtLeast,
}

impl Compare {
    pub(super) fn holds(self, left: u64, right: u64) -> bool {
        match self {
            Self::Equal => left == right,
            Self::Less => left < right,
            Self::AtMost => left <= right,
            Self::More => left > right,
            Self::AtLeast => left >= right,
        }
    }

    pub(super) fn symbol(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::More => ">",
            Self::AtLeast => ">=",
        }
    }
}

/// What is known of the owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OwnerIs {
    /// A process has a descriptor of it.
    Known,
    /// No process can be named, whatever the reason.
    None,
    /// Somebody has it, and we may not see who.
    Hidden,
    /// Missing for this reason, as in [`Missing::code`](crate::host::process::Missing::code).
    Missing(&'static str),
}

impl Expr {
    pub(super) fn and(terms: Vec<Expr>) -> Self {
        let mut flat = Vec::with_capacity(terms.len());
        for term in terms {
            match term {
                Self::All => {}
                Self::And(inner) => flat.extend(inner),
                other => flat.push(other),
            }
        }
        match flat.len() {
            0 => Self::All,
            1 => flat.swap_remove(0),
            _ => Self::And(flat),
        }
    }

    pub(super) fn or(terms: Vec<Expr>) -> Self {
        let mut flat = Vec::with_capacity(terms.len());
        for term in terms {
            match term {
                Self::All => return Self::All,
                Self::Or(inner) => flat.extend(inner),
                other => flat.push(other),
            }
        }
        match flat.len() {
            0 => Self::not(Self::All),
            1 => flat.swap_remove(0),
            _ => Self::Or(flat),
        }
    }

    pub(super) fn not(inner: Expr) -> Self {
        match inner {
            Self::Not(twice) => *twice,
            other => Self::Not(Box::new(other)),
        }
    }

    pub(super) fn protocols(set: Protocols) -> Self {
        if set == Protocols::ALL {
            Self::All
        } else if set.is_empty() {
            Self::not(Self::All)
        } else {
            Self::Term(Term::Protocol(set))
        }
    }

    pub(super) fn states(set: States) -> Self {
        if set == States::ALL {
            Self::All
        } else if set.is_empty() {
            Self::not(Self::All)
        } else {
            Self::Term(Term::State(set))
        }
    }

    /// How deeply its text nests, as the parser counts: one for each `not` and each bracket.
    pub(super) fn depth(&self) -> usize {
        let bracketed = |inner: &Expr, needs: bool| usize::from(needs) + inner.depth();
        match self {
            Self::All | Self::Term(_) => 0,
            Self::Not(inner) => 1 + bracketed(inner, inner.is_list()),
            Self::And(terms) => {
                let of = |term: &Expr| bracketed(term, matches!(term, Self::Or(_)));
                terms.iter().map(of).max().unwrap_or(0)
            }
            Self::Or(terms) => terms.iter().map(Self::depth).max().unwrap_or(0),
        }
    }

    /// Whether it is made of several, so that `not` has to bracket it.
    pub(super) fn is_list(&self) -> bool {
        matches!(self, Self::And(_) | Self::Or(_))
    }

    /// Every term in it.
    pub(super) fn each_term(&self, visit: &mut impl FnMut(&Term)) {
        match self {
            Self::All => {}
            Self::Term(term) => visit(term),
            Self::Not(inner) => inner.each_term(visit),
            Self::And(terms) | Self::Or(terms) => {
                terms.iter().for_each(|term| term.each_term(visit));
            }
        }
    }
}
