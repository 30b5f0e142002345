//! Which addresses this machine prefers: gai.conf(5), and the default policy of RFC 6724.
//!
//! A pure parser over bytes. `label`, `precedence` and `scopev4` count; as in the C library, one line of a kind replaces
//! the whole default table of that kind.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The most bytes of the file that are read.
pub(super) const MAX_BYTES: u64 = 1 << 20;
/// The most lines of a kind that count.
const MAX_LINES: usize = 256;

/// What an address without a line of its own has, if the file has lines of that kind.
const OTHER_LABEL: u8 = 1;
const OTHER_PRECEDENCE: u8 = 40;
const SCOPE_LINK: u8 = 2;
const SCOPE_SITE: u8 = 5;
const SCOPE_EVERYWHERE: u8 = 14;

/// Labels, precedences and scopes of addresses; by default those of RFC 6724 section 2.1.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Policy {
    labels: Option<Vec<Row>>,
    precedences: Option<Vec<Row>>,
    scopes: Option<Vec<Row>>,
}

/// A network and its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Row {
    network: u128,
    bits: u32,
    value: u8,
}

impl Policy {
    /// What the text says.
    pub(super) fn parse(text: &[u8]) -> Self {
        let mut policy = Self::default();
        let text = String::from_utf8_lossy(text);
        for line in text.lines() {
            let line = line.split('#').next().unwrap_or_default();
            let mut words = line.split_ascii_whitespace();
            let (Some(kind), Some(network), Some(value)) =
                (words.next(), words.next(), words.next())
            else {
                continue;
            };
            let table = match kind {
                "label" => &mut policy.labels,
                "precedence" => &mut policy.precedences,
                "scopev4" => &mut policy.scopes,
                _ => continue,
            };
            let row = match kind {
                "scopev4" => parse_network_v4(network),
                _ => parse_network(network),
            };
            let (Some((network, bits)), Ok(value)) = (row, value.parse()) else {
                continue;
            };
            let table = table.get_or_insert_default();
            if table.len() < MAX_LINES {
                table.push(Row {
                    network,
                    bits,
                    value,
                });
            }
        }
        policy
    }

    /// Whether the file changes anything.
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// The label: addresses of one label belong together.
    pub(super) fn label(&self, address: IpAddr) -> u8 {
        match &self.labels {
            Some(rows) => longest(rows, address).unwrap_or(OTHER_LABEL),
            None => default_policy(address).1,
        }
    }

    /// The precedence; higher is better.
    pub(super) fn precedence(&self, address: IpAddr) -> u8 {
        match &self.precedences {
            Some(rows) => longest(rows, address).unwrap_or(OTHER_PRECEDENCE),
            None => default_policy(address).0,
        }
    }

    /// How far an address reaches (RFC 6724 section 3.1): 2 this link, 5 this site, 14 everywhere.
    pub(super) fn scope(&self, address: IpAddr) -> u8 {
        match (address, &self.scopes) {
            (IpAddr::V4(_), Some(rows)) => longest(rows, address).unwrap_or(SCOPE_EVERYWHERE),
            (IpAddr::V4(v4), None) if v4.is_loopback() || v4.is_link_local() => SCOPE_LINK,
            (IpAddr::V4(_), None) => SCOPE_EVERYWHERE,
            (IpAddr::V6(v6), _) if v6.is_multicast() => v6.octets()[1] & 0x0f,
            (IpAddr::V6(v6), _) if v6.is_loopback() || v6.is_unicast_link_local() => SCOPE_LINK,
            (IpAddr::V6(v6), _) if v6.segments()[0] & 0xffc0 == 0xfec0 => SCOPE_SITE,
            (IpAddr::V6(_), _) => SCOPE_EVERYWHERE,
        }
    }
}

/// The value of the row with the longest network around an address.
fn longest(rows: &[Row], address: IpAddr) -> Option<u8> {
    let address = u128::from(mapped(address));
    let around = rows
        .iter()
        .filter(|row| row.bits == 0 || (address ^ row.network) >> (128 - row.bits) == 0);
    // Among networks of one length, the first line counts.
    let best = around.rev().max_by_key(|row| row.bits);
    best.map(|row| row.value)
}

fn parse_network(text: &str) -> Option<(u128, u32)> {
    let (address, bits) = text.split_once('/').unwrap_or((text, "128"));
    let network = u128::from(address.parse::<Ipv6Addr>().ok()?);
    let bits: u32 = bits.parse().ok().filter(|bits| *bits <= 128)?;
    Some((network, bits))
}

/// An IPv4 network, also in its mapped form, as the manual shows it.
fn parse_network_v4(text: &str) -> Option<(u128, u32)> {
    if text.contains(':') {
        return parse_network(text);
    }
    let (address, bits) = text.split_once('/').unwrap_or((text, "32"));
    let network = u128::from(address.parse::<Ipv4Addr>().ok()?.to_ipv6_mapped());
    let bits: u32 = bits.parse().ok().filter(|bits| *bits <= 32)?;
    Some((network, bits + 96))
}

/// Precedence and label in the default policy table of RFC 6724 section 2.1.
fn default_policy(address: IpAddr) -> (u8, u8) {
    let address = mapped(address);
    let [first, second, ..] = address.segments();
    match address.octets() {
        _ if address.is_loopback() => (50, 0),
        _ if address.to_ipv4_mapped().is_some() => (35, 4),
        [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, ..] => (1, 3),
        _ if first == 0x2002 => (30, 2),
        _ if (first, second) == (0x2001, 0) => (5, 5),
        _ if first & 0xfe00 == 0xfc00 => (3, 13),
        _ if first & 0xffc0 == 0xfec0 => (1, 11),
        _ if first == 0x3ffe => (1, 12),
        _ => (40, 1),
    }
}

fn mapped(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped(),
        IpAddr::V6(v6) => v6,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn without_lines_the_default_of_the_rfc_counts() {
        let policy = Policy::parse(b"# precedence ::ffff:0:0/96 100\nreload yes\n");
        assert!(policy.is_default());
        assert_eq!(policy.precedence(ip("192.0.2.1")), 35);
        assert_eq!(policy.precedence(ip("2001:db8::1")), 40);
        assert_eq!(policy.label(ip("fd00::1")), 13);
        assert_eq!(policy.scope(ip("127.0.0.1")), 2);
    }

    #[test]
    fn one_line_replaces_the_table_of_its_kind() {
        let policy = Policy::parse(b"precedence ::ffff:0:0/96 100 # IPv4 first\n");
        assert_eq!(policy.precedence(ip("192.0.2.1")), 100);
        assert_eq!(policy.precedence(ip("::1")), 40);
        assert_eq!(policy.label(ip("::1")), 0);
    }

    #[test]
    fn the_longest_network_counts_and_among_equals_the_first() {
        let text = b"label 2001:db8::/32 7\nlabel 2001:db8:1::/48 8\nlabel 2001:db8::/32 9\nlabel ::/0 2\n";
        let policy = Policy::parse(text);
        assert_eq!(policy.label(ip("2001:db8:1::1")), 8);
        assert_eq!(policy.label(ip("2001:db8:2::1")), 7);
        assert_eq!(policy.label(ip("2001:dead::1")), 2);
    }

    #[test]
    fn scopes_of_ipv4_are_read_in_both_forms() {
        let policy = Policy::parse(b"scopev4 ::ffff:169.254.0.0/112 2\nscopev4 10.0.0.0/8 5\n");
        assert_eq!(policy.scope(ip("169.254.1.1")), 2);
        assert_eq!(policy.scope(ip("10.1.2.3")), 5);
        assert_eq!(policy.scope(ip("127.0.0.1")), 14);
        assert_eq!(policy.scope(ip("fe80::1")), 2);
    }

    #[test]
    fn nonsense_lines_are_skipped() {
        let text = b"precedence x/96 100\nprecedence ::/129 1\nprecedence ::/0\nlabel ::/0 900\nscopev4 10.0.0.0/33 1\n";
        assert!(Policy::parse(text).is_default());
    }

    proptest! {
        #[test]
        fn any_lines_are_taken(text in "((label|precedence|scopev4) [0-9a-f:./]{0,20} [0-9]{0,3}\n){0,6}") {
            let policy = Policy::parse(text.as_bytes());
            policy.label(Ipv6Addr::LOCALHOST.into());
            policy.precedence(Ipv4Addr::LOCALHOST.into());
        }
    }
}
