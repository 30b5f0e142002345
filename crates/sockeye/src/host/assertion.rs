//! What shall hold of the sockets of this machine, as a sentence: `none listening on non-loopback`.
//!
//! ```
//! use sockeye::host::assertion::Assertion;
//! use sockeye::host::table::Request;
//!
//! # fn main() -> sockeye::Result<()> {
//! let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
//! let port = server.local_addr().unwrap().port();
//! let assertion: Assertion = format!("exactly 1 tcp socket listening on port {port}").parse()?;
//! let table = Request::new().assertion(&assertion).read()?;
//! let outcome = assertion.check(&table);
//! assert!(outcome.holds, "{}", outcome.sentence);
//! # Ok(())
//! # }
//! ```

use std::fmt;
use std::str::FromStr;

use super::filter::{Fail, Filter, FilterError, Names, quoted};
use super::socket::Socket;
use super::subflows::Subflows;
use super::table::Table;

/// How many sockets there shall be of those that a filter means.
///
/// Its text is a number and a [`Filter`]: `none …`, `any …`, `at least 3 …`, `at most 100 …`, `exactly 1 …`. Words such
/// as `on`, `is` and `sockets` may stand in it and say nothing.
///
/// # Examples
///
/// ```
/// use sockeye::host::assertion::Assertion;
///
/// let assertion: Assertion = "no sockets listening on non-loopback".parse()?;
/// assert_eq!(assertion.to_string(), "none state = listening and non-loopback");
/// # Ok::<(), sockeye::host::filter::FilterError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assertion {
    quantity: Quantity,
    filter: Filter,
}

/// How many there shall be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantity {
    /// This many or more.
    AtLeast(u64),
    /// This many or fewer.
    AtMost(u64),
    /// This many.
    Exactly(u64),
}

/// What became of an assertion.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Outcome<'a> {
    /// Whether it holds, as far as can be told.
    pub holds: bool,
    /// How many sockets are meant.
    pub count: u64,
    /// Of how many it cannot be told whether they are meant, because their owner is hidden, for example.
    pub unknown: u64,
    /// The sockets that should not be there: those that are meant, if they are too many.
    pub offenders: Vec<&'a Socket>,
    /// What was found, for people: one line, safe for a terminal.
    pub sentence: String,
}

impl Quantity {
    /// Whether this many are right.
    pub fn allows(self, count: u64) -> bool {
        match self {
            Self::AtLeast(least) => count >= least,
            Self::AtMost(most) => count <= most,
            Self::Exactly(wanted) => count == wanted,
        }
    }

    fn is_exceeded(self, count: u64) -> bool {
        match self {
            Self::AtLeast(_) => false,
            Self::AtMost(most) | Self::Exactly(most) => count > most,
        }
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMost(0) | Self::Exactly(0) => f.write_str("none"),
            Self::AtLeast(1) => f.write_str("any"),
            Self::AtLeast(least) => write!(f, "at least {least}"),
            Self::AtMost(most) => write!(f, "at most {most}"),
            Self::Exactly(count) => write!(f, "exactly {count}"),
        }
    }
}

impl Assertion {
    /// This many of those that the filter means.
    pub fn new(quantity: Quantity, filter: Filter) -> Self {
        let quantity = match quantity {
            Quantity::AtMost(0) => Quantity::Exactly(0),
            other => other,
        };
        Self { quantity, filter }
    }

    /// Reads an assertion; names of services and users stand for what these names say. `str::parse` asks this machine.
    ///
    /// # Errors
    ///
    /// What is wrong, where, and the nearest known word, as for [`Filter::parse`].
    pub fn parse(text: &str, names: &Names) -> Result<Self, FilterError> {
        let parsed = quantity(text).and_then(|(quantity, from)| {
            Ok(Self::new(quantity, Filter::in_sentence(text, from, names)?))
        });
        parsed.map_err(|fail| FilterError::new(text, "an assertion", fail))
    }

    /// Which sockets are counted.
    pub fn filter(&self) -> &Filter {
        &self.filter
    }

    /// How many there shall be.
    pub fn quantity(&self) -> Quantity {
        self.quantity
    }

    /// Whether it holds of this table, which may have been read for it: see
    /// [`Request::assertion`](super::table::Request::assertion). Rows of which it cannot be told whether they are meant
    /// do not count; the sentence says how many they are. A Multipath TCP socket and the TCP sockets that are its paths
    /// count as one, if all of them are meant.
    pub fn check<'a>(&self, table: &'a Table) -> Outcome<'a> {
        let mut meant = Vec::new();
        let mut unknown = 0;
        for socket in &table.sockets {
            match self.filter.judge(table, socket) {
                Some(true) => meant.push(socket),
                Some(false) => {}
                None => unknown += 1,
            }
        }
        let subflows = Subflows::of(meant.iter().copied());
        let count = meant.iter().filter(|socket| !subflows.has(socket)).count() as u64;
        let sentence = self.sentence(count, unknown, table.partial);
        Outcome {
            holds: self.quantity.allows(count),
            count,
            unknown,
            offenders: if self.quantity.is_exceeded(count) {
                meant
            } else {
                Vec::new()
            },
            sentence,
        }
    }

    fn sentence(&self, count: u64, unknown: u64, partial: bool) -> String {
        let found = match count {
            0 => "no socket is".to_owned(),
            1 => "1 socket is".to_owned(),
            many => format!("{many} sockets are"),
        };
        let asked = match self.quantity {
            quantity if quantity.allows(count) => format!("as asked for ({quantity})"),
            Quantity::AtLeast(1) => "but at least 1 should be".to_owned(),
            quantity => format!("but {quantity} should be"),
        };
        let mut text = format!("{found} `{}`, {asked}", self.filter);
        if unknown > 0 {
            text.push_str(&format!("; of {unknown} more it cannot be told"));
        }
        if partial {
            text.push_str("; the list may be incomplete");
        }
        text
    }
}

impl FromStr for Assertion {
    type Err = FilterError;

    fn from_str(text: &str) -> Result<Self, FilterError> {
        Self::parse(text, &Names::system())
    }
}

impl fmt::Display for Assertion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.quantity, self.filter)
    }
}

/// How a quantity begins, and what the number after it means; without a number it stands alone.
const QUANTITIES: &[(&[&str], Meaning)] = &[
    (&["none"], Meaning::Just(Quantity::Exactly(0))),
    (&["nothing"], Meaning::Just(Quantity::Exactly(0))),
    (&["nobody"], Meaning::Just(Quantity::Exactly(0))),
    (&["any"], Meaning::Just(Quantity::AtLeast(1))),
    (&["some"], Meaning::Just(Quantity::AtLeast(1))),
    (&["at", "least"], Meaning::Number(Quantity::AtLeast, 0)),
    (&["at", "most"], Meaning::Number(Quantity::AtMost, 0)),
    (
        &["no", "more", "than"],
        Meaning::Number(Quantity::AtMost, 0),
    ),
    (&["more", "than"], Meaning::Number(Quantity::AtLeast, 1)),
    (&["exactly"], Meaning::Number(Quantity::Exactly, 0)),
    // After `no more than`, of which it is the beginning.
    (&["no"], Meaning::Just(Quantity::Exactly(0))),
];

#[derive(Clone, Copy)]
enum Meaning {
    Just(Quantity),
    /// With this much added to the number.
    Number(fn(u64) -> Quantity, u64),
}

/// The quantity at the start of a text, and where the rest begins.
fn quantity(text: &str) -> Result<(Quantity, usize), Fail> {
    let words = words(text);
    for (known, meaning) in QUANTITIES {
        let begins = words.len() >= known.len()
            && known
                .iter()
                .zip(&words)
                .all(|(known, (_, word))| word.eq_ignore_ascii_case(known));
        if !begins {
            continue;
        }
        let (at, last) = words[known.len() - 1];
        let end = at + last.len();
        return match meaning {
            Meaning::Just(quantity) => Ok((*quantity, end)),
            Meaning::Number(quantity, more) => {
                let Some((at, word)) = words.get(known.len()) else {
                    return Err(Fail::new(end..end, "a number is missing").hint("such as 3"));
                };
                let span = *at..at + word.len();
                let number: u64 = word.parse().map_err(|_| {
                    let reason = format!("{} is not a number of sockets", quoted(word));
                    Fail::new(span.clone(), reason)
                })?;
                Ok((quantity(number.saturating_add(*more)), span.end))
            }
        };
    }
    let (at, word) = words.first().copied().unwrap_or((text.len(), ""));
    let reason = if word.is_empty() {
        "it does not say how many sockets there shall be".to_owned()
    } else {
        format!(
            "{} does not say how many sockets there shall be",
            quoted(word)
        )
    };
    let fail = Fail::new(at..at + word.len(), reason);
    Err(fail.hint("begin with none, any, at least N, at most N or exactly N"))
}

/// The first words of a text, and where they are.
fn words(text: &str) -> Vec<(usize, &str)> {
    let blanks = |letter: char| letter.is_ascii_whitespace();
    let mut words = Vec::new();
    let mut at = 0;
    while words.len() < 4 {
        let rest = &text[at..];
        let start = at + (rest.len() - rest.trim_ascii_start().len());
        let length = text[start..].find(blanks).unwrap_or(text.len() - start);
        if length == 0 {
            break;
        }
        words.push((start, &text[start..start + length]));
        at = start + length;
    }
    words
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::host::socket::{Address, Protocol, State};
    use crate::host::table::{Namespace, OwnerSearch};

    fn table() -> Table {
        let server = |local: &str| {
            let mut socket = Socket::new(Protocol::Tcp, State::Listening);
            socket.local = Address::Internet(local.parse().unwrap());
            socket.inode = Some(1);
            socket
        };
        let sockets = vec![
            server("127.0.0.1:8080"),
            server("0.0.0.0:22"),
            server("0.0.0.0:80"),
        ];
        Table::from_parts(sockets, Vec::new(), Vec::new(), vec![Namespace::default()])
    }

    #[test]
    fn sentences_mean_a_number_and_a_filter() {
        for (text, meaning) in [
            (
                "none listening on non-loopback",
                "none state = listening and non-loopback",
            ),
            (
                "nothing is listening on port 23",
                "none state = listening and port = 23",
            ),
            ("no sockets in state close-wait", "none state = close-wait"),
            ("no more than 3 sockets", "at most 3 all"),
            (
                "any listening and port 8080",
                "any state = listening and port = 8080",
            ),
            (
                "at least 3 established and dport 5432",
                "at least 3 state = established and dport = 5432",
            ),
            (
                "at most 100 state close-wait and proc = api",
                "at most 100 state = close-wait and proc = api",
            ),
            ("at most 0 tcp", "none tcp"),
            ("exactly 1 tcp", "exactly 1 tcp"),
            (
                "more than 2 sockets that are (tcp or udp)",
                "at least 3 tcp or udp",
            ),
            ("Any TCP", "any tcp"),
        ] {
            let assertion: Assertion = text.parse().unwrap();
            assert_eq!(assertion.to_string(), meaning, "{text}");
            assert_eq!(meaning.parse::<Assertion>().unwrap(), assertion, "{text}");
        }
    }

    #[test]
    fn a_fault_is_shown_under_a_caret() {
        let mut carets = String::new();
        for text in [
            "",
            "listening",
            "at least",
            "at least many",
            "at lest 3",
            "exactly",
            "none listenning",
            "none on port",
        ] {
            carets.push_str(&text.parse::<Assertion>().unwrap_err().caret());
            carets.push_str("\n\n");
        }
        insta::assert_snapshot!("assertion_carets", carets);
    }

    #[test]
    fn the_outcome_names_those_that_are_too_many() {
        let table = table();
        let check = |text: &str| text.parse::<Assertion>().unwrap().check(&table);
        let open = check("none listening on non-loopback");
        assert!(!open.holds);
        assert_eq!((open.count, open.offenders.len()), (2, 2));
        assert_eq!(
            open.sentence,
            "2 sockets are `state = listening and non-loopback`, but none should be"
        );
        let few = check("at least 2 listening on port 8080");
        assert_eq!((few.holds, few.count, few.offenders.len()), (false, 1, 0));
        assert!(check("exactly 1 listening on port 8080").holds);
        assert!(check("at most 3 listening").holds);
        assert!(check("any src 0.0.0.0").holds);
        assert!(check("none udp").holds);
    }

    #[test]
    fn what_cannot_be_told_is_counted_apart() {
        let mut table = table();
        table.search = OwnerSearch::None;
        let outcome = "none proc = nginx"
            .parse::<Assertion>()
            .unwrap()
            .check(&table);
        assert_eq!(
            (outcome.holds, outcome.count, outcome.unknown),
            (true, 0, 3)
        );
        assert!(
            outcome
                .sentence
                .ends_with("(none); of 3 more it cannot be told")
        );
    }
}
