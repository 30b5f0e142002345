//! What of a filter the kernel can decide: which tables to ask, states, ports, and a program for the rest.
//!
//! What the kernel cannot tell counts as "maybe", so that it never withholds a row that is meant, not even under `not`:
//! tests stand in a form where `not` is before single ones only, and there a "maybe" lets pass.

use std::collections::HashMap;
use std::net::{Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::bytecode::{Code, Op};
use super::expr::{Compare, Expr, Family, Field, Number, Reach, Side, Special, Term};
use super::matching;
use super::pattern::Text;
use crate::host::socket::{Protocol, Protocols, Socket, State, States};

/// What of a filter the kernel can decide. Every row that is meant passes all of it; others may.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pushdown {
    /// Sockets of other protocols are not meant.
    pub protocols: Protocols,
    /// Sockets in other states are not meant.
    pub states: States,
    /// Sockets with another local port, or with none, are not meant.
    pub local_port: Option<u16>,
    /// Sockets with another port at the peer, or with none, are not meant.
    pub peer_port: Option<u16>,
    /// A program for the kernel (`INET_DIAG_REQ_BYTECODE`) that all sockets with ports (TCP, UDP and their like) pass if
    /// they are meant.
    pub bytecode: Option<Vec<u8>>,
    /// Whether what passes is all meant, so that looking again would change nothing.
    pub exact: bool,
}

/// With the names of the devices where the kernel is asked; without them, a device by name is left open.
pub(super) fn of(expr: &Expr, devices: Option<&HashMap<u32, String>>) -> Pushdown {
    let kinds = Kinds::of(expr);
    let (mut protocols, states) = (kinds.protocols(), kinds.states());
    let local_port = implied(expr, Side::Local);
    let peer_port = implied(expr, Side::Peer);
    let mut compiler = Compiler {
        kinds: &kinds,
        devices,
        maybe: false,
    };
    let code = compiler.top(expr, local_port, peer_port);
    if code == Code::False {
        let others = Protocol::ALL
            .into_iter()
            .filter(|protocol| !protocol.has_ports());
        protocols = protocols.and(others.collect());
    }
    let bytecode = match &code {
        Code::True | Code::False => None,
        code => code.assemble(),
    };
    let whole = matches!(code, Code::True | Code::False) || bytecode.is_some();
    Pushdown {
        exact: whole && !compiler.maybe && kinds.is_product() && kinds.others_are_sure(expr),
        protocols,
        states,
        local_port,
        peer_port,
        bytecode,
    }
}

/// Which protocols in which states may be meant at all.
struct Kinds(Vec<(Protocol, State)>);

impl Kinds {
    fn of(expr: &Expr) -> Self {
        let pairs = Protocol::ALL
            .into_iter()
            .flat_map(|protocol| State::ALL.map(|state| (protocol, state)));
        Self(
            pairs
                .filter(|(protocol, state)| judge(expr, *protocol, *state) != Some(false))
                .collect(),
        )
    }

    fn protocols(&self) -> Protocols {
        self.0.iter().map(|(protocol, _)| *protocol).collect()
    }

    fn states(&self) -> States {
        self.0.iter().map(|(_, state)| *state).collect()
    }

    /// Whether each of the protocols may be meant in each of the states.
    fn is_product(&self) -> bool {
        let count = |set: States| State::ALL.iter().filter(|state| set.has(**state)).count();
        let protocols = self.protocols();
        let wide = Protocol::ALL
            .iter()
            .filter(|protocol| protocols.has(**protocol))
            .count();
        self.0.len() == wide * count(self.states())
    }

    /// Whether those that the program is not for are all meant.
    fn others_are_sure(&self, expr: &Expr) -> bool {
        let mut others = self.0.iter().filter(|(protocol, _)| !protocol.has_ports());
        others.all(|(protocol, state)| judge(expr, *protocol, *state) == Some(true))
    }

    /// What a term is for all sockets with ports that may be meant, if it is the same for all.
    fn constant(&self, term: &Term) -> Option<bool> {
        let mut kinds = self.0.iter().filter(|(protocol, _)| protocol.has_ports());
        let (protocol, state) = kinds.next()?;
        let first = judge_term(term, *protocol, *state)?;
        kinds
            .all(|(protocol, state)| judge_term(term, *protocol, *state) == Some(first))
            .then_some(first)
    }
}

/// What can be told of a filter by protocol and state alone.
fn judge(expr: &Expr, protocol: Protocol, state: State) -> Option<bool> {
    match expr {
        Expr::All => Some(true),
        Expr::Term(term) => judge_term(term, protocol, state),
        Expr::Not(inner) => judge(inner, protocol, state).map(|holds| !holds),
        Expr::And(terms) => matching::settle(terms, false, |term| judge(term, protocol, state)),
        Expr::Or(terms) => matching::settle(terms, true, |term| judge(term, protocol, state)),
    }
}

fn judge_term(term: &Term, protocol: Protocol, state: State) -> Option<bool> {
    let impossible = match term {
        Term::Protocol(set) => return Some(set.has(protocol)),
        Term::State(set) => return Some(set.has(state)),
        Term::Open => return Some(matching::is_open(&Socket::new(protocol, state))),
        Term::Port(..) => !protocol.has_ports(),
        Term::Net(..) | Term::Family(_) | Term::Reach(_) => !protocol.is_internet(),
        Term::Autobound(..) => !protocol.has_ports() && !protocol.is_unix(),
        Term::Text(Field::Path(_), _) => !protocol.is_unix(),
        Term::Special(_, special, ..) => protocol != of_special(*special),
        Term::Number(Number::Rtt | Number::Retransmits | Number::Sent | Number::Received, ..) => {
            !matching::is_connection(protocol, state)
        }
        _ => false,
    };
    impossible.then_some(false)
}

fn of_special(special: Special) -> Protocol {
    match special {
        Special::Packet => Protocol::Packet,
        Special::Netlink => Protocol::Netlink,
        Special::Vsock => Protocol::Vsock,
    }
}

/// The one port that everything that is meant has at this end. (To ask the kernel for port 0 means any.)
fn implied(expr: &Expr, side: Side) -> Option<u16> {
    match expr {
        Expr::Term(Term::Port(of, low, high)) => {
            (*of == side && low == high && *low != 0).then_some(*low)
        }
        Expr::And(terms) => terms.iter().find_map(|term| implied(term, side)),
        Expr::Or(terms) => {
            let first = implied(terms.first()?, side)?;
            let mut rest = terms[1..].iter();
            rest.all(|term| implied(term, side) == Some(first))
                .then_some(first)
        }
        Expr::All | Expr::Not(_) | Expr::Term(_) => None,
    }
}

struct Compiler<'a> {
    kinds: &'a Kinds,
    devices: Option<&'a HashMap<u32, String>>,
    /// Whether something had to be left open.
    maybe: bool,
}

impl Compiler<'_> {
    /// The whole filter, without the ports that the request itself names.
    fn top(&mut self, expr: &Expr, local: Option<u16>, peer: Option<u16>) -> Code {
        let asked = |term: &Expr| match term {
            Expr::Term(Term::Port(Side::Local, low, high)) => low == high && Some(*low) == local,
            Expr::Term(Term::Port(Side::Peer, low, high)) => low == high && Some(*low) == peer,
            _ => false,
        };
        match expr {
            one if asked(one) => Code::True,
            Expr::And(terms) => {
                let rest = terms.iter().filter(|term| !asked(term));
                Code::and(rest.map(|term| self.code(term, true)).collect::<Vec<_>>())
            }
            other => self.code(other, true),
        }
    }

    /// What passes whenever the filter (or, if not `holds`, its opposite) is known to hold.
    fn code(&mut self, expr: &Expr, holds: bool) -> Code {
        match expr {
            Expr::All if holds => Code::True,
            Expr::All => Code::False,
            Expr::Not(inner) => self.code(inner, !holds),
            Expr::And(terms) | Expr::Or(terms) => {
                let codes: Vec<Code> = terms.iter().map(|term| self.code(term, holds)).collect();
                if matches!(expr, Expr::And(_)) == holds {
                    Code::and(codes)
                } else {
                    Code::or(codes)
                }
            }
            Expr::Term(term) => match self.kinds.constant(term) {
                Some(constant) if constant == holds => Code::True,
                Some(_) => Code::False,
                None => self.term(term, holds),
            },
        }
    }

    fn term(&mut self, term: &Term, holds: bool) -> Code {
        let sure = match term {
            Term::Port(side, low, high) => either(*side, |peer| range(peer, *low, *high)),
            Term::Autobound(low, high) => range(false, *low, *high),
            Term::Net(side, net) => either(*side, |peer| network(peer, *net)),
            Term::Family(family) => return self.family(*family, holds),
            Term::Text(Field::Device, text) => match self.devices {
                Some(devices) => named(devices, text),
                None => return self.unknown(),
            },
            // A mark that may not be seen is unknown, whatever the kernel says to the test.
            Term::Mark(mark, mask) => {
                self.maybe = true;
                Code::Op(Op::Mark(*mark, *mask))
            }
            Term::Reach(Reach::Loopback) => loopback(),
            Term::Reach(Reach::NonLoopback) => loopback().not(),
            Term::Reach(Reach::Wildcard) => wildcard(),
            Term::Number(Number::Device, Compare::Equal, index) => match u32::try_from(*index) {
                Ok(index) => Code::Op(Op::Device(index)),
                Err(_) => Code::False,
            },
            _ => return self.unknown(),
        };
        if holds { sure } else { sure.not() }
    }

    fn unknown(&mut self) -> Code {
        self.maybe = true;
        Code::True
    }

    fn family(&mut self, family: Family, holds: bool) -> Code {
        let v4 = || Code::or([any_v4(false), any_v4(true)]);
        let v6 = Code::Op(Op::Net {
            peer: false,
            net: IpNet::V6(Ipv6Net::default()),
        });
        let sure = match family {
            Family::Inet6 => v6,
            Family::Inet => v6.not(),
            Family::Ipv6 => Code::and([v6, v4().not()]),
            // Whether a wildcard takes IPv4 is not for the kernel to tell here.
            Family::Ipv4 => {
                self.maybe = true;
                return if holds {
                    Code::or([v4(), wildcard()])
                } else {
                    v4().not()
                };
            }
        };
        if holds { sure } else { sure.not() }
    }
}

/// Bound to one of the devices with such a name.
fn named(devices: &HashMap<u32, String>, text: &Text) -> Code {
    let meant = devices
        .iter()
        .filter(|(_, name)| text.matches(name.as_bytes()));
    let mut meant: Vec<u32> = meant.map(|(index, _)| *index).collect();
    // The same filter is the same program.
    meant.sort_unstable();
    Code::or(meant.into_iter().map(|index| Code::Op(Op::Device(index))))
}

fn either(side: Side, code: impl Fn(bool) -> Code) -> Code {
    match side {
        Side::Local => code(false),
        Side::Peer => code(true),
        Side::Either => Code::or([code(false), code(true)]),
    }
}

fn range(peer: bool, low: u16, high: u16) -> Code {
    if low == high {
        return Code::Op(Op::PortIs { peer, port: low });
    }
    let from = Code::Op(Op::PortFrom { peer, port: low });
    let to = Code::Op(Op::PortTo { peer, port: high });
    Code::and([
        if low == 0 { Code::True } else { from },
        if high == u16::MAX { Code::True } else { to },
    ])
}

fn any_v4(peer: bool) -> Code {
    let net = IpNet::V4(Ipv4Net::default());
    Code::Op(Op::Net { peer, net })
}

fn network(peer: bool, net: IpNet) -> Code {
    let is_in = Code::Op(Op::Net { peer, net });
    let mapped = Ipv4Addr::UNSPECIFIED.to_ipv6_mapped();
    match net {
        // For the kernel IPv4 written as IPv6 is in it; for us it is IPv4.
        IpNet::V6(v6) if v6.contains(&mapped) => Code::and([is_in, any_v4(peer).not()]),
        _ => is_in,
    }
}

fn local(net: impl Into<IpNet>) -> Code {
    Code::Op(Op::Net {
        peer: false,
        net: net.into(),
    })
}

fn loopback() -> Code {
    let v4 = Ipv4Net::new_assert(Ipv4Addr::new(127, 0, 0, 0), 8);
    Code::or([local(v4), local(Ipv6Net::from(Ipv6Addr::LOCALHOST))])
}

fn wildcard() -> Code {
    Code::or([
        local(Ipv4Net::from(Ipv4Addr::UNSPECIFIED)),
        local(Ipv6Net::from(Ipv6Addr::UNSPECIFIED)),
    ])
}
