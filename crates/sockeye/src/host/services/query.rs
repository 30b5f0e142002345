//! What is looked for: a word such as `443`, `80/tcp`, `8000-8100`, `mongodb` or `http*` as a value.

use super::{Entry, PROTOCOLS, Source, everyday};
use crate::error::{Error, Kind, Operation, Result};

/// The longest word; names of the registry have at most 20 letters.
const MAX_WORD: usize = 200;

/// Which entries are wanted.
///
/// # Examples
///
/// ```
/// use sockeye::host::services::{Query, Services};
///
/// let services = Services::default();
/// let ports = |query: Query| -> Vec<u16> { services.search(&query).iter().map(|e| e.first).collect() };
/// assert_eq!(ports(Query::parse("postgres*")?.with_protocol("tcp")), [5432]);
/// assert_eq!(ports(Query::parse("domain/udp")?), [53]);
/// assert!(ports(Query::text("key-value cache")).contains(&6379));
/// # Ok::<(), sockeye::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    what: What,
    protocol: Option<String>,
    source: Option<Source>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum What {
    All,
    Everyday,
    /// Ports from here to there.
    Ports(u16, u16),
    /// A name, or an alias.
    Name(String),
    /// A name in which `*` stands for anything.
    Pattern(String),
    /// Letters that occur in a name or in what is said about it.
    Text(String),
}

impl Query {
    /// A word: a number, a range of numbers, a name, or a name with `*` for anything; each may end in `/tcp` or another
    /// of [`PROTOCOLS`], and a number in `/` and any word, for the local table may have other protocols. A number alone
    /// is for those of [`PROTOCOLS`].
    ///
    /// # Errors
    ///
    /// [`Kind::Usage`] if it is empty, too long, no port (`70000`), or a range that runs backwards.
    pub fn parse(word: &str) -> Result<Self> {
        if word.is_empty() || word.len() > MAX_WORD {
            let why = match word {
                "" => "an empty word names no port".into(),
                _ => format!("a word of more than {MAX_WORD} bytes names no port"),
            };
            return Err(Error::new(Kind::Usage, Operation::Parse, why)
                .with_hint("write a name, a number, 80/tcp, 8000-8100 or 'http*'"));
        }
        let (rest, protocol) = split_protocol(word);
        let what = match ports(rest) {
            Some(range) => {
                let (first, last) = range?;
                What::Ports(first, last)
            }
            None if rest.contains('*') => What::Pattern(rest.to_ascii_lowercase()),
            None => What::Name(rest.to_owned()),
        };
        Ok(Self {
            protocol,
            ..Self::of(what)
        })
    }

    /// The entries whose names or descriptions contain this, whatever its case.
    pub fn text(text: &str) -> Self {
        Self::of(What::Text(text.to_ascii_lowercase()))
    }

    /// Every entry.
    pub fn all() -> Self {
        Self::of(What::All)
    }

    /// The services that everybody writes by name, some fifty.
    pub fn everyday() -> Self {
        Self::of(What::Everyday)
    }

    fn of(what: What) -> Self {
        Self {
            what,
            protocol: None,
            source: None,
        }
    }

    /// Only entries of this protocol. One that stands in the word itself counts more.
    #[must_use]
    pub fn with_protocol(mut self, protocol: &str) -> Self {
        self.protocol
            .get_or_insert_with(|| protocol.to_ascii_lowercase());
        self
    }

    /// Only entries of this source.
    #[must_use]
    pub fn with_source(mut self, source: Source) -> Self {
        self.source = Some(source);
        self
    }

    /// The ports that are asked about, first and last, if it is ports.
    pub fn ports(&self) -> Option<(u16, u16)> {
        match self.what {
            What::Ports(first, last) => Some((first, last)),
            _ => None,
        }
    }

    /// The name that is asked about, if it is one.
    pub fn name(&self) -> Option<&str> {
        match &self.what {
            What::Name(name) => Some(name),
            _ => None,
        }
    }

    /// The protocol that is asked about, if it is one.
    pub fn protocol(&self) -> Option<&str> {
        self.protocol.as_deref()
    }

    /// The same question for the name's letters anywhere in names and descriptions, if it is about a name.
    #[must_use]
    pub fn as_text(&self) -> Option<Self> {
        Some(Self {
            what: Self::text(self.name()?).what,
            ..self.clone()
        })
    }

    /// Whether an entry is meant.
    pub fn matches(&self, entry: &Entry<'_>) -> bool {
        let protocol = self.protocol.as_ref();
        if protocol.is_some_and(|wanted| wanted != entry.protocol)
            || self.source.is_some_and(|wanted| wanted != entry.source)
        {
            return false;
        }
        match &self.what {
            What::All => true,
            What::Everyday => everyday::SERVICES.iter().any(|(name, port, protocols)| {
                *port == entry.first
                    && protocols.contains(&entry.protocol)
                    && entry.names().any(|known| known == *name)
            }),
            What::Ports(first, last) => {
                // AppleTalk has ports too; nobody means them who says only a number.
                let common = protocol.is_some() || PROTOCOLS.contains(&entry.protocol);
                common && entry.first <= *last && *first <= entry.last
            }
            What::Name(name) => entry.names().any(|known| known.eq_ignore_ascii_case(name)),
            What::Pattern(pattern) => entry
                .names()
                .any(|known| like(pattern, &known.to_ascii_lowercase())),
            What::Text(text) => {
                let within = |words: &str| words.to_ascii_lowercase().contains(text);
                entry.names().any(within) || within(entry.about)
            }
        }
    }
}

/// `80/tcp` and `http/tcp`. Some names have a slash of their own (`914c/g`).
fn split_protocol(word: &str) -> (&str, Option<String>) {
    match word.rsplit_once('/') {
        Some((rest, protocol)) if !rest.is_empty() && !protocol.is_empty() => {
            let lower = protocol.to_ascii_lowercase();
            if PROTOCOLS.contains(&&*lower) || ports(rest).is_some() {
                (rest, Some(lower))
            } else {
                (word, None)
            }
        }
        _ => (word, None),
    }
}

/// A number or a range of numbers, if it is meant as one.
fn ports(word: &str) -> Option<Result<(u16, u16)>> {
    let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (first, last) = word.split_once('-').unwrap_or((word, word));
    if !number(first) || !number(last) {
        return None;
    }
    Some(match (first.parse(), last.parse()) {
        (Ok(first), Ok(last)) if first <= last => Ok((first, last)),
        (Ok::<u16, _>(_), Ok::<u16, _>(_)) => {
            let why = format!("the range {word} runs backwards");
            Err(Error::new(Kind::Usage, Operation::Parse, why)
                .with_hint(format!("did you mean {last}-{first}?")))
        }
        _ => {
            let why = format!("{word} is no port");
            Err(Error::new(Kind::Usage, Operation::Parse, why)
                .with_hint("ports go from 0 to 65535"))
        }
    })
}

/// Whether a name is like a pattern in which `*` stands for any letters, none too.
fn like(pattern: &str, name: &str) -> bool {
    let Some((first, pattern)) = pattern.split_once('*') else {
        return pattern == name;
    };
    let (middle, last) = pattern.rsplit_once('*').unwrap_or(("", pattern));
    let rest = name.strip_prefix(first);
    let Some(mut rest) = rest.and_then(|rest| rest.strip_suffix(last)) else {
        return false;
    };
    // A star follows each of these, so the first place where one stands is as good as any.
    middle.split('*').all(|part| {
        let found = rest.find(part);
        rest = found.map_or("", |at| &rest[at + part.len()..]);
        found.is_some()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_anything() {
        for (pattern, name) in [
            ("http*", "http"),
            ("http*", "http-alt"),
            ("*sql", "mysql"),
            ("*sql*", "postgresql"),
            ("p*g*l", "postgresql"),
            ("*", "x"),
            ("a*a", "aba"),
            ("a*ba", "ababa"),
            ("**x", "ax"),
        ] {
            assert!(like(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [
            ("http*", "xhttp"),
            ("*sql", "mysql-x"),
            ("a*a", "a"),
            ("ab*ba", "aba"),
            ("a*b*c", "acb"),
        ] {
            assert!(!like(pattern, name), "{pattern} {name}");
        }
    }
}
