//! JSON (RFC 8259), NDJSON and JSON text sequences (RFC 7464): a strict reader in constant memory, and writers.
//!
//! [`parse`] and [`to_string`] do one value in memory. [`Reader`] yields the values of a stream, or with [`Elements`] those within
//! one huge value; [`Lines`] those of a piece of NDJSON. Numbers keep their text.

mod core;
mod duplicates;
mod elements;
mod encoding;
mod fault;
mod float;
mod lex;
mod lines;
mod machine;
mod names;
mod options;
mod quick;
mod reader;
mod relaxed;
mod window;
mod writer;

#[cfg(test)]
mod tests;

pub use elements::{Elements, PathError, Step};
pub use encoding::encoding_of;
pub use float::write_float;
pub use lines::Lines;
pub use options::{
    Dialect, Duplicates, End, Framing, InvalidText, Layout, Palette, ReadOptions, WriteOptions,
};
pub use reader::Reader;
pub use writer::{Writer, write_number, write_text};

use crate::record::{Error, Position, ReadRecords as _};
use crate::value::Value;

/// The one value that these bytes are.
///
/// # Errors
///
/// If they are none, or more than one.
///
/// ```
/// use sockeye_data::json;
///
/// let value = json::parse(br#"{"price": 1.10}"#).unwrap();
/// assert_eq!(json::to_string(&value), r#"{"price":1.10}"#);
///
/// let error = json::parse(b"[1,\n 2,]").unwrap_err();
/// assert_eq!(error.to_string(), "json: ']' where a value should be at line 2, column 4, byte 7");
/// ```
pub fn parse(bytes: &[u8]) -> Result<Value, Error> {
    parse_with(bytes, &ReadOptions::default())
}

/// The one value that these bytes are, read as `options` say; framing and elements are not looked at.
///
/// # Errors
///
/// If they are none, or more than one.
pub fn parse_with(bytes: &[u8], options: &ReadOptions) -> Result<Value, Error> {
    let mut lines = Lines::whole(bytes, options);
    match lines.next_record()? {
        Some(value) => Ok(value),
        None => {
            let fault = fault::Fault::truncated(bytes.len(), "what should be a value");
            Err(fault.into_error(Position::after(bytes)))
        }
    }
}

/// Append a value in its compact form.
///
/// A float that is no number is `null`, as jq has it; bytes are base64 in a string.
pub fn write(value: &Value, out: &mut Vec<u8>) {
    writer::write_compact(value, out);
}

/// A value in its compact form; see [`write()`].
pub fn to_string(value: &Value) -> String {
    let mut out = Vec::new();
    write(value, &mut out);
    String::from_utf8(out).expect("values are written as UTF-8")
}
