//! Ranges of ports: what a port without a name is for, and which ones this machine gives to clients.

use std::fmt;
use std::fs;
use std::ops::RangeInclusive;

/// Where the kernel says which ports it gives to clients.
const EPHEMERAL: &str = "/proc/sys/net/ipv4/ip_local_port_range";

/// The three ranges of RFC 6335 section 6.
///
/// # Examples
///
/// ```
/// use sockeye::host::services::Range;
///
/// assert_eq!(Range::of(80), Range::System);
/// assert_eq!(Range::of(8080).to_string(), "a user port (1024-49151)");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Range {
    /// 0 to 1023, assigned after review; listening there usually needs a privilege.
    System,
    /// 1024 to 49151, assigned on request.
    User,
    /// 49152 to 65535, never assigned.
    Dynamic,
}

impl Range {
    /// The range that a port is in.
    pub fn of(port: u16) -> Self {
        match port {
            0..1024 => Self::System,
            1024..49152 => Self::User,
            _ => Self::Dynamic,
        }
    }

    /// Its ports.
    pub fn ports(self) -> RangeInclusive<u16> {
        match self {
            Self::System => 0..=1023,
            Self::User => 1024..=49151,
            Self::Dynamic => 49152..=u16::MAX,
        }
    }

    /// Its word: `system`, `user` or `dynamic`.
    pub fn word(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::User => "user",
            Self::Dynamic => "dynamic",
        }
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, last) = self.ports().into_inner();
        write!(f, "a {} port ({first}-{last})", self.word())
    }
}

/// The ports that this machine gives to clients that do not choose one: whoever shows names leaves these alone, for a
/// number that was given out says nothing.
///
/// Where the kernel does not say, 32768 to 60999, which is its default.
pub fn ephemeral_range() -> RangeInclusive<u16> {
    let text = fs::read_to_string(EPHEMERAL).unwrap_or_default();
    parse_ephemeral(&text).unwrap_or(32768..=60999)
}

fn parse_ephemeral(text: &str) -> Option<RangeInclusive<u16>> {
    let mut words = text.split_ascii_whitespace();
    let (first, last) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    (first <= last).then_some(first..=last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_ranges_cover_every_port() {
        for port in 0..=u16::MAX {
            assert!(Range::of(port).ports().contains(&port), "{port}");
        }
        assert_eq!(Range::of(1023), Range::System);
        assert_eq!(Range::of(49151), Range::User);
        assert_eq!(Range::of(49152), Range::Dynamic);
    }

    #[test]
    fn the_kernels_two_numbers_are_read() {
        assert_eq!(parse_ephemeral("32768\t60999\n"), Some(32768..=60999));
        for text in ["", "1", "2 1", "a b", "1 70000"] {
            assert_eq!(parse_ephemeral(text), None, "{text}");
        }
        assert!(!ephemeral_range().is_empty());
    }
}
