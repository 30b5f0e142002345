//! XML 1.0: a strict reader, a lossless and a friendly mapping to values, records by path, and a writer.
//!
//! The reader takes only what is well-formed, in memory that does not grow with the document where records are picked by a path. It
//! expands the entities that a document declares within bounds, and never fetches anything.

mod attributes;
mod declaration;
mod dtd;
mod entities;
mod fault;
mod friendly;
mod input;
mod lossless;
mod names;
mod namespaces;
mod parser;
mod path;
mod reader;
#[cfg(test)]
mod tests;
mod tokens;
mod writer;

use crate::record::{Error, Limits, ReadRecords, WriteRecords};
use crate::value::Value;

pub use self::declaration::encoding_of;
pub use self::path::{Path, PathError};
pub use self::reader::Reader;
pub use self::writer::{WriteOptions, Writer};

pub(crate) use self::names::foreign_char;
pub(crate) use self::parser::{Event, Parser};

use self::fault::Fault;

const FORMAT: &str = "xml";

/// How elements become values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mapping {
    /// As xmltodict has it. An element with only text is a string, an empty one is null; else it is an object of its elements, of
    /// `@name` for each attribute and `#text` for text. Elements of the same name are an array. A document is an object of
    /// its root element. Comments, instructions, and the order of elements of different names are lost.
    #[default]
    Friendly,
    /// Everything in order, as nodes: `{"#element": "a", "#attributes": {"id": "1"}, "#children": ["text", …]}`. Writing gives a
    /// document back that is equal in canonical form.
    Lossless,
}

/// Whether prefixes must be declared (Namespaces in XML 1.0). Names keep their prefixes either way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Namespaces {
    /// An undeclared prefix is an error.
    #[default]
    Check,
    /// A colon is a character like others.
    Ignore,
}

/// How documents are read.
#[derive(Clone, Debug)]
pub struct ReadOptions {
    /// How elements become values.
    pub mapping: Mapping,
    /// Where the records are: what this path leads to, one after the other. The whole document is one record unless it is set. A
    /// record of the friendly mapping is what the element contains, without its name.
    pub records: Option<Path>,
    /// Names of elements that are arrays even where they stand once. For the friendly mapping.
    pub list: Vec<String>,
    /// Whether blanks at the ends of texts are kept. For the friendly mapping; the lossless one keeps them always.
    pub keep_space: bool,
    /// Whether prefixes must be declared.
    pub namespaces: Namespaces,
    /// Whether someone has decoded the bytes from another charset. Unless it is set, a document that declares to be UTF-16, or has a
    /// mark of UTF-8 and declares something else, is wrong.
    pub decoded: bool,
    /// How many attributes an element may have. 10,000 unless it is set.
    pub attributes: usize,
    /// How many bytes a name may have. 50,000 unless it is set.
    pub name: usize,
    /// What foreign bytes may cost. `depth` counts elements and entities within each other, `record` the bytes of a record and of a piece
    /// of markup, `expansion` references to entities and ten bytes of their text for each; documents that were written with
    /// many references have more: one for each byte that is read, and eight bytes for it.
    pub limits: Limits,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self {
            mapping: Mapping::default(),
            records: None,
            list: Vec::new(),
            keep_space: false,
            namespaces: Namespaces::default(),
            decoded: false,
            attributes: 10_000,
            name: 50_000,
            limits: Limits::default(),
        }
    }
}

/// Read a document whole, as one value.
///
/// ```
/// use sockeye_data::xml::{ReadOptions, parse};
///
/// let value = parse("<a x='1'><b>2</b><b/></a>", &ReadOptions::default()).unwrap();
/// let a = value.get("a").unwrap();
/// assert_eq!(a.get("@x").unwrap().as_str(), Some("1"));
/// assert_eq!(a.get("b").unwrap().as_array().unwrap().len(), 2);
/// ```
///
/// # Errors
///
/// If the document is not well-formed or larger than the limits; [`ReadOptions::records`] is not looked at.
pub fn parse(document: impl AsRef<[u8]>, options: &ReadOptions) -> Result<Value, Error> {
    let options = ReadOptions {
        records: None,
        ..options.clone()
    };
    let mut reader = Reader::new(document.as_ref(), &options);
    let value = reader.next_record()?.unwrap_or_default();
    // Nothing may follow.
    reader.next_record()?;
    Ok(value)
}

/// Write a value as a document.
///
/// # Errors
///
/// If XML cannot say it: control characters, names that are none, arrays within arrays. The error names the place.
pub fn to_string(value: &Value, options: &WriteOptions) -> Result<String, Error> {
    let mut out = Vec::new();
    let mut writer = Writer::new(options);
    writer.write_record(value, &mut out)?;
    writer.finish(&mut out)?;
    Ok(String::from_utf8(out).expect("strings and names of values are UTF-8"))
}
