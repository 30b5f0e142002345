//! Paths to elements, attributes and texts: the part of XPath 1.0 that can be followed while a document streams by.

mod matcher;
mod parse;

use std::fmt;
use std::str::FromStr;

pub(super) use self::matcher::{Matcher, Matches};

/// A path: steps from the root, the last one may be an attribute or `text()`.
///
/// | Written | Means |
/// |---|---|
/// | `feed/item`, `/feed/item` | the `item`s in the root element `feed` |
/// | `//item`, `feed//item` | at any depth |
/// | `*`, `p:*`, `*:name` | any name, any name with the prefix, the name with any prefix |
/// | `item/@id`, `//@*` | attributes |
/// | `title/text()` | texts |
/// | `item[3]`, `item[position() <= 3]` | the third one in its parent, the first three |
/// | `item[@id]`, `item[not(@id)]`, `item[@id='7']`, `item[@id!='7']` | those with the attribute, without it, with a value |
///
/// Names are compared as they are written, prefix and all. Predicates may follow each other: `a[@x='1'][2]`.
///
/// ```
/// use sockeye_data::xml::Path;
///
/// let path = Path::parse("feed/item[@kind='a']/@id").unwrap();
/// assert_eq!(path.to_string(), "feed/item[@kind='a']/@id");
/// let wrong = Path::parse("feed/item[last()]").unwrap_err();
/// assert_eq!(wrong.position(), 11);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    steps: Vec<Step>,
    text: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Step {
    /// Behind `//`.
    any_depth: bool,
    test: Test,
    predicates: Vec<Predicate>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Test {
    Element(NameTest),
    Attribute(NameTest),
    Text,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum NameTest {
    Any,
    Name(String),
    /// With the colon.
    Prefix(String),
    Local(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Predicate {
    Position(Comparison, u64),
    Has(NameTest),
    Lacks(NameTest),
    Equals(NameTest, String),
    Differs(NameTest, String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// Why a path is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathError {
    position: usize,
    why: String,
}

impl PathError {
    /// The character at which it is wrong, from 1.
    pub fn position(&self) -> usize {
        self.position
    }
}

impl fmt::Display for PathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at character {} of the path", self.why, self.position)
    }
}

impl std::error::Error for PathError {}

impl Path {
    /// Read a path.
    ///
    /// # Errors
    ///
    /// If it is not written as the table above tells, or has more than 60 steps.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        parse::path(text)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Path {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl NameTest {
    fn fits(&self, name: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Name(wanted) => wanted == name,
            Self::Prefix(prefix) => name.starts_with(prefix.as_str()),
            Self::Local(local) => name.rsplit(':').next() == Some(local.as_str()),
        }
    }
}

impl Comparison {
    fn holds(self, one: u64, two: u64) -> bool {
        match self {
            Self::Equal => one == two,
            Self::NotEqual => one != two,
            Self::Less => one < two,
            Self::LessOrEqual => one <= two,
            Self::Greater => one > two,
            Self::GreaterOrEqual => one >= two,
        }
    }
}
