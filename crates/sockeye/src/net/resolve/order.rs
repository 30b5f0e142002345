//! In which order addresses are tried: RFC 6724 for which is best, RFC 8305 for taking turns.
//!
//! Pure but for one question, which the caller answers: from which address this machine would talk to that one.

#![expect(
    clippy::disallowed_methods,
    reason = "this is where `net` opens what it carries"
)]

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, UdpSocket};

use super::gai_conf::Policy;

/// The addresses, best first by the rules of RFC 6724 section 6 (1, 2, 5, 6, 8, 9 for IPv6, 10), then by turns of
/// family (RFC 8305 section 4).
///
/// `source` says from where this machine would talk to an address; `None` if it cannot.
pub(super) fn sort(
    addresses: &mut Vec<SocketAddr>,
    policy: &Policy,
    source: impl Fn(SocketAddr) -> Option<IpAddr>,
) {
    if addresses.len() < 2 {
        return;
    }
    // The sort is stable: rule 10, leave the order as it was.
    addresses.sort_by_cached_key(|&address| rank(address.ip(), source(address), policy));
    interleave(addresses);
}

/// An address in its place, and why it stands there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ranked {
    /// The address.
    pub address: IpAddr,
    /// From which of its own addresses this machine would talk to it; `None` if there is no way.
    pub source: Option<IpAddr>,
    /// Why it stands before the next one; `None` for the last.
    pub rule: Option<Rule>,
}

/// Why one address stands before another: a rule of RFC 6724 section 6, or of RFC 8305 section 4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Rule {
    /// Rule 1: there is no way to the other.
    Reachable,
    /// Rule 2: it reaches as far as the address that we would talk from, the other does not.
    Scope,
    /// Rule 5: its label is that of the address that we would talk from, the other's is not.
    Label,
    /// Rule 6: its precedence is higher.
    Precedence,
    /// Rule 8: it is nearer, for its scope is smaller.
    SmallerScope,
    /// Rule 9: more of its leading bits are those of the address that we would talk from.
    Prefix,
    /// Rule 10: the answer had them in this order.
    AsAnswered,
    /// RFC 8305: the families take turns.
    Turns,
}

impl Rule {
    /// A stable word for this rule, for programs.
    pub fn code(self) -> &'static str {
        match self {
            Self::Reachable => "reachable",
            Self::Scope => "scope",
            Self::Label => "label",
            Self::Precedence => "precedence",
            Self::SmallerScope => "smaller-scope",
            Self::Prefix => "prefix",
            Self::AsAnswered => "as-answered",
            Self::Turns => "turns",
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Reachable => "there is a way to it (RFC 6724 rule 1)",
            Self::Scope => "its scope fits our address (RFC 6724 rule 2)",
            Self::Label => "its label fits our address (RFC 6724 rule 5)",
            Self::Precedence => "higher precedence (RFC 6724 rule 6)",
            Self::SmallerScope => "smaller scope (RFC 6724 rule 8)",
            Self::Prefix => "nearer to our address (RFC 6724 rule 9)",
            Self::AsAnswered => "as the answer had them (RFC 6724 rule 10)",
            Self::Turns => "the families take turns (RFC 8305)",
        })
    }
}

/// Why sorted addresses stand as they do.
pub(super) fn explain(
    sorted: &[SocketAddr],
    policy: &Policy,
    source: impl Fn(SocketAddr) -> Option<IpAddr>,
) -> Vec<Ranked> {
    let mut ranked: Vec<(Ranked, Rank)> = Vec::with_capacity(sorted.len());
    for &address in sorted {
        let source = source(address);
        let rank = rank(address.ip(), source, policy);
        if let Some((before, its)) = ranked.last_mut() {
            before.rule = Some(difference(*its, rank));
        }
        let rule = None;
        let address = address.ip();
        ranked.push((
            Ranked {
                address,
                source,
                rule,
            },
            rank,
        ));
    }
    ranked.into_iter().map(|(ranked, _)| ranked).collect()
}

/// The first rule by which one rank differs from the next one.
fn difference(before: Rank, after: Rank) -> Rule {
    if before > after {
        return Rule::Turns;
    }
    if before.0 != after.0 {
        Rule::Reachable
    } else if before.1 != after.1 {
        Rule::Scope
    } else if before.2 != after.2 {
        Rule::Label
    } else if before.3 != after.3 {
        Rule::Precedence
    } else if before.4 != after.4 {
        Rule::SmallerScope
    } else if before.5 != after.5 {
        Rule::Prefix
    } else {
        Rule::AsAnswered
    }
}

/// From where this machine would talk to that address. Connecting a datagram socket sends nothing.
pub(super) fn source(to: SocketAddr) -> Option<IpAddr> {
    let any: SocketAddr = if to.is_ipv4() {
        ([0, 0, 0, 0], 0).into()
    } else {
        (Ipv6Addr::UNSPECIFIED, 0).into()
    };
    let mut to = to;
    // Some systems refuse port 0; which one it is does not matter (9 is "discard").
    to.set_port(9);
    let socket = UdpSocket::bind(any).ok()?;
    socket.connect(to).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

/// What an address is sorted by; smaller is better.
type Rank = (bool, bool, bool, u8, u8, u8);

fn rank(to: IpAddr, from: Option<IpAddr>, policy: &Policy) -> Rank {
    let scope = policy.scope(to);
    let (same_scope, same_label, prefix) = match from {
        Some(from) => (
            policy.scope(from) == scope,
            policy.label(from) == policy.label(to),
            common_prefix(to, from),
        ),
        None => (false, false, 0),
    };
    (
        from.is_none(),
        !same_scope,
        !same_label,
        u8::MAX - policy.precedence(to),
        scope,
        u8::MAX - prefix,
    )
}

/// How many leading bits of the network half are the same; 0 for IPv4, where this would undo the turns that a name
/// server takes among its answers.
fn common_prefix(one: IpAddr, other: IpAddr) -> u8 {
    let (IpAddr::V6(one), IpAddr::V6(other)) = (one, other) else {
        return 0;
    };
    let differing = (u128::from(one) ^ u128::from(other)).leading_zeros();
    u8::try_from(differing.min(64)).unwrap_or(64)
}

/// The families take turns, beginning with the family of the best address (RFC 8305 section 4).
fn interleave(addresses: &mut Vec<SocketAddr>) {
    let Some(first) = addresses.first().map(SocketAddr::is_ipv6) else {
        return;
    };
    let (mine, others): (Vec<_>, Vec<_>) = addresses
        .drain(..)
        .partition(|address| address.is_ipv6() == first);
    let (mut mine, mut others) = (mine.into_iter(), others.into_iter());
    loop {
        let (one, other) = (mine.next(), others.next());
        if one.is_none() && other.is_none() {
            return;
        }
        addresses.extend(one);
        addresses.extend(other);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    type Sources = [(&'static str, &'static str)];

    fn source_of(to: SocketAddr, sources: &Sources) -> Option<IpAddr> {
        let to = to.ip().to_string();
        let found = sources.iter().find(|(address, _)| *address == to)?;
        Some(found.1.parse().unwrap())
    }

    fn sorted_by(policy: &Policy, addresses: &[&str], sources: &Sources) -> Vec<SocketAddr> {
        let mut list: Vec<SocketAddr> = addresses
            .iter()
            .map(|text| SocketAddr::new(text.parse().unwrap(), 80))
            .collect();
        sort(&mut list, policy, |to| source_of(to, sources));
        list
    }

    fn sorted(addresses: &[&str], sources: &Sources) -> Vec<String> {
        let list = sorted_by(&Policy::default(), addresses, sources);
        list.iter()
            .map(|address| address.ip().to_string())
            .collect()
    }

    fn rules(policy: &Policy, addresses: &[&str], sources: &Sources) -> Vec<(String, Rule)> {
        let list = sorted_by(policy, addresses, sources);
        let ranked = explain(&list, policy, |to| source_of(to, sources));
        let ruled = ranked
            .iter()
            .filter_map(|it| Some((it.address.to_string(), it.rule?)));
        ruled.collect()
    }

    #[test]
    fn each_place_has_its_rule() {
        let sources: &Sources = &[
            ("2001:db8::1", "2001:db8::9"),
            ("2001:db8::2", "2001:db8::9"),
            ("192.0.2.1", "198.51.100.7"),
            ("192.0.2.2", "198.51.100.7"),
        ];
        let addresses = ["192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2"];
        let rules = rules(&Policy::default(), &addresses, sources);
        let rules: Vec<_> = rules.iter().map(|(it, rule)| (&**it, *rule)).collect();
        let wanted = [
            ("2001:db8::1", Rule::Precedence),
            ("192.0.2.1", Rule::Turns),
            ("2001:db8::2", Rule::Precedence),
        ];
        assert_eq!(rules, wanted);
    }

    #[test]
    fn an_address_without_a_way_says_so_and_equal_ones_stay_as_answered() {
        let default = Policy::default();
        let ways: &Sources = &[("192.0.2.1", "198.51.100.7"), ("192.0.2.2", "198.51.100.7")];
        let found = rules(&default, &["2001:db8::1", "192.0.2.1"], ways);
        assert_eq!(found, [("192.0.2.1".to_owned(), Rule::Reachable)]);
        let found = rules(&default, &["192.0.2.2", "192.0.2.1"], ways);
        assert_eq!(found, [("192.0.2.2".to_owned(), Rule::AsAnswered)]);
    }

    #[test]
    fn gai_conf_moves_ipv4_to_the_front() {
        let policy = Policy::parse(b"precedence ::ffff:0:0/96 100\n");
        let sources: &Sources = &[
            ("2001:db8::1", "2001:db8::9"),
            ("192.0.2.1", "198.51.100.7"),
        ];
        let found = rules(&policy, &["2001:db8::1", "192.0.2.1"], sources);
        assert_eq!(found, [("192.0.2.1".to_owned(), Rule::Precedence)]);
    }

    #[test]
    fn what_cannot_be_reached_comes_last() {
        let order = sorted(
            &["2001:db8::1", "192.0.2.1"],
            &[("192.0.2.1", "198.51.100.7")],
        );
        assert_eq!(order, ["192.0.2.1", "2001:db8::1"]);
    }

    #[test]
    fn ipv6_comes_first_and_the_families_take_turns() {
        let order = sorted(
            &[
                "192.0.2.1",
                "192.0.2.2",
                "2001:db8::1",
                "2001:db8::2",
                "192.0.2.3",
            ],
            &[
                ("192.0.2.1", "198.51.100.7"),
                ("192.0.2.2", "198.51.100.7"),
                ("192.0.2.3", "198.51.100.7"),
                ("2001:db8::1", "2001:db8::9"),
                ("2001:db8::2", "2001:db8::9"),
            ],
        );
        assert_eq!(
            order,
            [
                "2001:db8::1",
                "192.0.2.1",
                "2001:db8::2",
                "192.0.2.2",
                "192.0.2.3"
            ]
        );
    }

    #[test]
    fn matching_labels_win_over_precedence() {
        // From a unique local address, IPv4 is the better way to the world.
        let order = sorted(
            &["2001:db8::1", "192.0.2.1"],
            &[("2001:db8::1", "fd00::1"), ("192.0.2.1", "198.51.100.7")],
        );
        assert_eq!(order, ["192.0.2.1", "2001:db8::1"]);
    }

    #[test]
    fn the_nearer_prefix_wins_among_ipv6_only() {
        let order = sorted(
            &["2001:db8:1::1", "2001:db8:2::1"],
            &[
                ("2001:db8:1::1", "2001:db8:2::9"),
                ("2001:db8:2::1", "2001:db8:2::9"),
            ],
        );
        assert_eq!(order, ["2001:db8:2::1", "2001:db8:1::1"]);
        let order = sorted(
            &["192.0.2.200", "192.0.2.1"],
            &[("192.0.2.200", "192.0.2.2"), ("192.0.2.1", "192.0.2.2")],
        );
        assert_eq!(order, ["192.0.2.200", "192.0.2.1"]);
    }

    #[test]
    fn this_machine_reaches_itself() {
        assert_eq!(
            source(([127, 0, 0, 1], 80).into()),
            Some([127, 0, 0, 1].into())
        );
    }
}
