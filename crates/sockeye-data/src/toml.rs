//! TOML 1.1: a document is one record.
//!
//! The crate `toml` parses; numbers keep their text where JSON can write it, whole ones of any length are exact. Dates and times
//! are text, with [`Tags::Keep`] `{"!date-local": "1979-05-27"}`, which the writer turns back. The order of keys is kept. TOML has
//! no null, and its document is an object: what does not fit is an error with its path.
//!
//! ```
//! use sockeye_data::toml;
//!
//! let value = toml::parse("day = 1979-05-27\n[owner]\nname = 'Tom'\n").unwrap();
//! assert_eq!(value.get("day").unwrap().as_str(), Some("1979-05-27"));
//! assert_eq!(toml::to_string(&value).unwrap(), "day = \"1979-05-27\"\n\n[owner]\nname = \"Tom\"\n");
//! let error = toml::to_string(&sockeye_data::yaml::parse("a: [1, {b: ~}]").unwrap()).unwrap_err();
//! assert_eq!(error.to_string(), "toml: null at .a[1].b, which TOML does not have");
//! ```

mod levels;
mod reader;
#[cfg(test)]
mod tests;
mod writer;

pub use reader::Reader;
pub use writer::{Writer, to_string};

use crate::record::{Error, Limits, ReadRecords};
use crate::tagged::Tags;
use crate::value::Value;

/// The format's name in errors.
const FORMAT: &str = "toml";
/// How deep a document may be nested where it is written: readers stop there, too.
const DEPTH: usize = 80;
/// What dates and times are called where tags are kept.
const DATES: [&str; 4] = ["!datetime", "!datetime-local", "!date-local", "!time-local"];

/// How TOML is read.
#[derive(Clone, Debug, Default)]
pub struct ReadOptions {
    /// What the input may cost: [`Limits::record`] is the size of the document. [`Limits::depth`] counts tables, lists and the
    /// parts of keys, and at most 500 of them; one value has at most 80 levels of brackets, one key 80 parts.
    pub limits: Limits,
    /// Whether dates and times keep their type. They are plain text unless it is set.
    pub tags: Tags,
}

/// What happens to null.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Nulls {
    /// It is an error that names its path.
    #[default]
    Refuse,
    /// Members that are null are left out, and so are items of lists.
    Drop,
}

/// How TOML is written.
#[derive(Clone, Debug, Default)]
pub struct WriteOptions {
    /// Whether `{"!date-local": …}` and the like are written as dates and times. They are not unless it is set.
    pub tags: Tags,
    /// What happens to null. An error unless it is set.
    pub nulls: Nulls,
    /// Whether keys are sorted. They keep their order unless it is set; plain members come before tables in any case.
    pub sorted: bool,
}

/// The value of a document.
///
/// # Errors
///
/// Kind `Syntax` where it is no TOML, `Limit` where it is nested too deep.
pub fn parse(text: &str) -> Result<Value, Error> {
    let mut reader = Reader::new(text.as_bytes(), &ReadOptions::default());
    Ok(reader.next_record()?.unwrap_or_default())
}
