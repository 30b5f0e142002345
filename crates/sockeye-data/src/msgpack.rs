//! MessagePack: values behind each other are records.
//!
//! Keys that are no text become their text as JSON. Timestamps are texts (RFC 3339), other extensions their bytes; with
//! [`Tags::Keep`] they are `{"!timestamp": …}` and `{"!ext:5": …}`, which the writer turns back. No promised length is believed
//! before its bytes are there. Ours rather than a crate's, because it shares stack, bounds and positions with CBOR.
//!
//! ```
//! use sockeye_data::msgpack;
//!
//! let value = msgpack::parse(b"\x82\xa1a\x01\x02\xd6\xff\0\0\0\0").unwrap();
//! assert_eq!(value.get("2").unwrap().as_str(), Some("1970-01-01T00:00:00Z"));
//! assert_eq!(msgpack::to_vec(value.get("a").unwrap()).unwrap(), b"\x01");
//! ```

mod reader;
#[cfg(test)]
mod tests;
mod timestamp;
mod writer;

pub use reader::Reader;
pub use writer::{Writer, to_vec};

use crate::members::Duplicates;
use crate::record::{Error, ErrorKind, Limits, ReadRecords};
use crate::tagged::Tags;
use crate::value::Value;

/// The format's name in errors.
const FORMAT: &str = "msgpack";
/// What a timestamp is called where tags are kept.
const TIMESTAMP: &str = "!timestamp";
/// What another extension is called, before its number.
const EXTENSION: &str = "!ext:";

/// How MessagePack is read.
#[derive(Clone, Debug, Default)]
pub struct ReadOptions {
    /// What the input may cost. [`Limits::depth`] counts lists and maps.
    pub limits: Limits,
    /// What happens to the types of extensions. Dropped unless it is set.
    pub tags: Tags,
    /// What happens to a key that stands twice. An error unless it is set.
    pub duplicates: Duplicates,
}

/// How MessagePack is written.
#[derive(Clone, Debug, Default)]
pub struct WriteOptions {
    /// Whether `{"!timestamp": …}` and `{"!ext:5": bytes}` are written as extensions. They are not unless it is set.
    pub tags: Tags,
    /// Whether keys are sorted. They keep their order unless it is set.
    pub sorted: bool,
}

/// The value of bytes that hold one.
///
/// # Errors
///
/// Kind `Syntax` where it is no MessagePack or more follows, `Truncated` where it ends early or is empty, `Limit` where a default
/// of [`Limits`] is reached.
pub fn parse(bytes: &[u8]) -> Result<Value, Error> {
    let mut reader = Reader::new(bytes, &ReadOptions::default());
    let Some(value) = reader.next_record()? else {
        return Err(Error::new(
            ErrorKind::Truncated,
            FORMAT,
            "there is no value",
        ));
    };
    let at = reader.position();
    match at.byte == bytes.len() as u64 {
        true => Ok(value),
        false => Err(Error::syntax(FORMAT, "more follows the value", at)
            .with_hint("read the values one by one with a Reader")),
    }
}
