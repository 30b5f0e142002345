//! In which order addresses are tried: RFC 6724 for which is best, RFC 8305 for taking turns.
//!
//! Pure but for one question, which the caller answers: from which address this machine would talk to that one.

#![expect(
    clippy::disallowed_methods,
    reason = "this is where `net` opens what it carries"
)]

use std::net::{IpAddr, Ipv6Addr, SocketAddr, UdpSocket};

/// The addresses, best first by the rules of RFC 6724 section 6 (1, 2, 5, 6, 8, 9 for IPv6, 10), then by turns of
/// family (RFC 8305 section 4).
///
/// `source` says from where this machine would talk to an address; `None` if it cannot.
pub(super) fn sort(addresses: &mut Vec<SocketAddr>, source: impl Fn(SocketAddr) -> Option<IpAddr>) {
    if addresses.len() < 2 {
        return;
    }
    // The sort is stable: rule 10, leave the order as it was.
    addresses.sort_by_cached_key(|&address| rank(address.ip(), source(address)));
    interleave(addresses);
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

fn rank(to: IpAddr, from: Option<IpAddr>) -> Rank {
    let policy = policy(to);
    let scope = scope(to);
    let (same_scope, same_label, prefix) = match from {
        Some(from) => (
            self::scope(from) == scope,
            self::policy(from).label == policy.label,
            common_prefix(to, from),
        ),
        None => (false, false, 0),
    };
    (
        from.is_none(),
        !same_scope,
        !same_label,
        u8::MAX - policy.precedence,
        scope,
        u8::MAX - prefix,
    )
}

struct Policy {
    precedence: u8,
    label: u8,
}

/// The default policy table of RFC 6724 section 2.1.
fn policy(address: IpAddr) -> Policy {
    let address = mapped(address);
    let [first, second, ..] = address.segments();
    let (precedence, label) = match address.octets() {
        _ if address.is_loopback() => (50, 0),
        _ if address.to_ipv4_mapped().is_some() => (35, 4),
        [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, ..] => (1, 3),
        _ if first == 0x2002 => (30, 2),
        _ if (first, second) == (0x2001, 0) => (5, 5),
        _ if first & 0xfe00 == 0xfc00 => (3, 13),
        _ if first & 0xffc0 == 0xfec0 => (1, 11),
        _ if first == 0x3ffe => (1, 12),
        _ => (40, 1),
    };
    Policy { precedence, label }
}

/// How far an address reaches (RFC 6724 section 3.1): 2 this link, 5 this site, 14 everywhere.
fn scope(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(v4) if v4.is_loopback() || v4.is_link_local() => 2,
        IpAddr::V4(_) => 14,
        IpAddr::V6(v6) if v6.is_multicast() => v6.octets()[1] & 0x0f,
        IpAddr::V6(v6) if v6.is_loopback() || v6.is_unicast_link_local() => 2,
        IpAddr::V6(v6) if v6.segments()[0] & 0xffc0 == 0xfec0 => 5,
        IpAddr::V6(_) => 14,
    }
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

fn mapped(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped(),
        IpAddr::V6(v6) => v6,
    }
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

    fn sorted(addresses: &[&str], sources: &[(&str, &str)]) -> Vec<String> {
        let mut list: Vec<SocketAddr> = addresses
            .iter()
            .map(|text| SocketAddr::new(text.parse().unwrap(), 80))
            .collect();
        sort(&mut list, |to| {
            let to = to.ip().to_string();
            let found = sources.iter().find(|(address, _)| *address == to)?;
            Some(found.1.parse().unwrap())
        });
        list.iter()
            .map(|address| address.ip().to_string())
            .collect()
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
