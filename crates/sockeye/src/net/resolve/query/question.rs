//! What is asked: a name, a kind of record, a class.

use std::fmt;
use std::net::IpAddr;

use serde::Serialize;

use super::{Class, DomainName, RecordKind};

/// One question to a name server.
///
/// # Examples
///
/// ```
/// use sockeye::net::resolve::query::{Question, RecordKind};
///
/// let question = Question::new("example.org".parse()?, RecordKind::MX);
/// assert_eq!(question.to_string(), "example.org. IN MX");
/// let question = Question::reverse("::1".parse().unwrap());
/// assert_eq!(question.kind, RecordKind::PTR);
/// # Ok::<(), sockeye::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Question {
    /// The name in question.
    pub name: DomainName,
    /// What is asked about it.
    #[serde(rename = "type")]
    pub kind: RecordKind,
    /// The class, nearly always [`Class::IN`].
    pub class: Class,
}

impl Question {
    /// A question in the class of the internet.
    pub fn new(name: DomainName, kind: RecordKind) -> Self {
        Self {
            name,
            kind,
            class: Class::IN,
        }
    }

    /// Which name belongs to this address?
    pub fn reverse(address: IpAddr) -> Self {
        Self::new(DomainName::reverse(address), RecordKind::PTR)
    }

    /// The same question in another class.
    #[must_use]
    pub fn class(mut self, class: Class) -> Self {
        self.class = class;
        self
    }
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, kind, class } = self;
        write!(f, "{name} {class} {kind}")
    }
}
