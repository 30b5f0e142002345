//! One entry: which name which source gives to which port.

use std::fmt;

use super::PROTOCOLS;

/// Who says so. In the order in which they are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Source {
    /// The services file of this machine.
    Local,
    /// IANA's registry, of the day that [`registry_date`](super::registry_date) says.
    Iana,
    /// Our own list of ports that developers meet.
    Dev,
}

impl Source {
    /// Every source, in the order in which they are asked.
    pub const ALL: [Self; 3] = [Self::Local, Self::Iana, Self::Dev];

    /// Its word: `local`, `iana` or `dev`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Iana => "iana",
            Self::Dev => "dev",
        }
    }

    /// The source with this word.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|source| source.word() == word)
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// A service at a port, or at a range of ports, of one protocol.
///
/// Names and words of the local table are as they stand there: escape them before a terminal sees them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry<'a> {
    /// The port, or the first one of a range.
    pub first: u16,
    /// The same port, or the last one of a range.
    pub last: u16,
    /// `tcp`, `udp`, `sctp` or `dccp`; of the local table, whatever stands there.
    pub protocol: &'a str,
    /// The official name.
    pub name: &'a str,
    /// Further names.
    pub aliases: Vec<&'a str>,
    /// What it is, in a few words; empty if the source does not say more than the name.
    pub about: &'a str,
    /// Who says so.
    pub source: Source,
}

impl Entry<'_> {
    /// The official name, then the others.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.name).chain(self.aliases.iter().copied())
    }

    /// Whether this is more than one port.
    pub fn is_range(&self) -> bool {
        self.first < self.last
    }

    /// What entries are sorted by.
    pub(super) fn rank(&self) -> (u16, u16, usize, &str, Source) {
        let known = PROTOCOLS.iter().position(|known| *known == self.protocol);
        let protocol = known.unwrap_or(PROTOCOLS.len());
        (self.first, self.last, protocol, self.protocol, self.source)
    }
}
