//! CBOR (RFC 8949): items behind each other are records (RFC 8742).
//!
//! Whole numbers of any length are exact, bignums (tags 2 and 3) and decimal fractions (tag 4) included; bytes are bytes. Keys that
//! are no text become their text as JSON. `undefined` is null. No promised length is believed before its bytes are there. Ours
//! rather than a crate's: positions of errors, bounds and exact numbers are all of it, and it shares them with MessagePack.
//!
//! ```
//! use sockeye_data::cbor;
//!
//! let value = cbor::parse(b"\xa2\x01\x43abc\x61b\xc2\x49\x01\0\0\0\0\0\0\0\0").unwrap();
//! assert_eq!(value.get("1").unwrap().kind(), "bytes");
//! assert_eq!(value.get("b"), Some(&cbor::parse(b"\xfa\x5f\x80\0\0").unwrap()));
//! assert_eq!(cbor::to_vec(value.get("b").unwrap()).unwrap(), b"\xc2\x49\x01\0\0\0\0\0\0\0\0");
//! ```

mod half;
mod reader;
#[cfg(test)]
mod tests;
mod writer;

pub use reader::Reader;
pub use writer::{Writer, to_vec};

use crate::members::Duplicates;
use crate::record::{Error, ErrorKind, Limits, ReadRecords};
use crate::tagged::Tags;
use crate::value::Value;

/// The format's name in errors.
const FORMAT: &str = "cbor";
/// Tags that are numbers: positive and negative bignum, decimal fraction.
const BIG_POSITIVE: u64 = 2;
const BIG_NEGATIVE: u64 = 3;
const DECIMAL: u64 = 4;
/// The tag that says no more than that this is CBOR (3.4.6).
const SELF_DESCRIBED: u64 = 55_799;

/// How CBOR is read.
#[derive(Clone, Debug, Default)]
pub struct ReadOptions {
    /// What the input may cost. [`Limits::depth`] counts lists, maps and tags.
    pub limits: Limits,
    /// What happens to tags that are no numbers: with [`Tags::Keep`] `{"!32": value}`. Dropped unless it is set. Simple values
    /// without a meaning are `{"!simple": 16}` in any case.
    pub tags: Tags,
    /// What happens to a key that stands twice: such a map is not valid (5.6). An error unless it is set.
    pub duplicates: Duplicates,
}

/// How CBOR is written.
#[derive(Clone, Debug, Default)]
pub struct WriteOptions {
    /// Whether `{"!32": value}` is written as a tag. It is not unless it is set.
    pub tags: Tags,
    /// Whether keys are sorted by their bytes, so that equal values are equal bytes (4.2.1). Else they keep their order. All else
    /// is written in its shortest form anyway.
    pub deterministic: bool,
}

/// The value of bytes that hold one item.
///
/// # Errors
///
/// Kind `Syntax` where it is no CBOR or more follows, `Truncated` where it ends early or is empty, `Limit` where a default of
/// [`Limits`] is reached.
pub fn parse(bytes: &[u8]) -> Result<Value, Error> {
    let mut reader = Reader::new(bytes, &ReadOptions::default());
    let Some(value) = reader.next_record()? else {
        return Err(Error::new(ErrorKind::Truncated, FORMAT, "there is no item"));
    };
    let at = reader.position();
    match at.byte == bytes.len() as u64 {
        true => Ok(value),
        false => Err(Error::syntax(FORMAT, "more follows the item", at)
            .with_hint("read the items one by one with a Reader")),
    }
}
