//! YAML 1.2: many documents, anchors with a bound, the core schema, and a writer that older readers understand too.
//!
//! The parser of [`saphyr_parser`] gives events; documents are cut before it, so that each is a record of its own. `no`, `on` and
//! `1_000` are text, as YAML 1.2 says. Numbers keep their text where JSON can write it. Tags are never executed: those that JSON
//! has no type for are dropped or kept as data ([`Tags`]).
//!
//! ```
//! use sockeye_data::record::ReadRecords;
//! use sockeye_data::yaml::{self, ReadOptions, Reader};
//!
//! let mut reader = Reader::new(&b"a: [1, no]\n---\nb: &x {c: 0x1F}\nd: *x\n"[..], &ReadOptions::default());
//! let first = reader.next_record().unwrap().unwrap();
//! assert_eq!(yaml::to_string(&first).unwrap(), "a:\n  - 1\n  - \"no\"\n");
//! let second = reader.next_record().unwrap().unwrap();
//! assert_eq!(second.get("d").unwrap().get("c").unwrap().as_i64(), Some(31));
//! assert!(reader.next_record().unwrap().is_none());
//! ```

mod build;
mod documents;
mod plain;
mod reader;
mod schema;
#[cfg(test)]
pub(crate) mod tests;
mod writer;

pub use reader::Reader;
pub use writer::{Writer, to_string};

use crate::members::Duplicates;
use crate::record::{Error, ErrorKind, Limits, ReadRecords};
use crate::tagged::Tags;
use crate::value::Value;

/// The format's name in errors.
const FORMAT: &str = "yaml";
/// The prefix of YAML's own tags, which `!!` stands for.
const CORE: &str = "tag:yaml.org,2002:";

/// How YAML is read.
#[derive(Clone, Debug)]
pub struct ReadOptions {
    /// What the input may cost. [`Limits::depth`] counts lists and maps; the parser itself stops at 255 in flow style (`[[…]]`).
    /// [`Limits::expansion`] counts the values that aliases repeat, and a text once more for each KiB of it.
    pub limits: Limits,
    /// What happens to tags beyond the core schema and `!!binary`. Dropped unless it is set.
    pub tags: Tags,
    /// What happens to a key that stands twice. An error, as YAML 1.2 says, unless it is set.
    pub duplicates: Duplicates,
    /// Whether `<<: *other` takes the members of another map in, as nearly all readers do though YAML 1.2 does not speak of it.
    /// On unless it is set.
    pub merge: bool,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            tags: Tags::default(),
            duplicates: Duplicates::default(),
            merge: true,
        }
    }
}

/// How YAML is written.
#[derive(Clone, Debug)]
pub struct WriteOptions {
    /// Whether `{"!name": value}` is written as a value with a tag. It is not unless it is set.
    pub tags: Tags,
    /// Whether keys are sorted. They keep their order unless it is set.
    pub sorted: bool,
    /// How deep values may be nested: each level is indented. 1,000 unless it is set.
    pub depth: usize,
}

impl Default for WriteOptions {
    fn default() -> Self {
        Self {
            tags: Tags::default(),
            sorted: false,
            depth: 1_000,
        }
    }
}

/// The value of a text with one document; of an empty text, null.
///
/// # Errors
///
/// Kind `Syntax` where it is no YAML or a second document follows, `Limit` where a default of [`Limits`] is reached.
pub fn parse(text: &str) -> Result<Value, Error> {
    let mut reader = Reader::new(text.as_bytes(), &ReadOptions::default());
    let first = reader.next_record()?.unwrap_or_default();
    match reader.next_record()? {
        None => Ok(first),
        Some(_) => Err(
            Error::new(ErrorKind::Syntax, FORMAT, "a second document follows")
                .with_hint("read the documents one by one with a Reader"),
        ),
    }
}
