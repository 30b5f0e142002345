//! XML-RPC calls, answers and faults, with the types of Python's `xmlrpc`: what `xmlrpc.client.dumps` writes, byte for byte, and
//! what `xmlrpc.client.loads` reads, strictly.
//!
//! | XML-RPC | read as | written from |
//! |---|---|---|
//! | `int` `i1` `i2` `i4` `i8` `biginteger` | whole number of any size | whole number of 32 bits; larger ones need [`WriteOptions::i8`] |
//! | `double` `float` | number with a fraction or an exponent, as it was written; `inf`, `nan` | such a number, any float |
//! | `bigdecimal` | number, all its digits | `{"!bigdecimal": "1.10"}` |
//! | `boolean` | boolean; `0` or `1` and nothing else | boolean |
//! | `string`, or no type | string; blanks are kept | string |
//! | `dateTime.iso8601` | string | `{"!dateTime.iso8601": "20261127T10:30:00"}` |
//! | `base64` | bytes | bytes, or `{"!base64": "aGk="}` |
//! | `nil` | null | null, with [`WriteOptions::nil`] |
//! | `array`, `struct` | array, object; of two members with one name the later one counts | array, object |
//!
//! Any element may have a prefix: `ex:nil`, `ex:i8`. With [`Tags::Keep`] the reader gives dates and decimals in the form in
//! which the writer takes them, so that they survive a round trip, through JSON too. The writer always knows these forms.
//!
//! ```
//! use sockeye_data::value::Value;
//! use sockeye_data::xmlrpc::{self, ReadOptions, WriteOptions};
//!
//! let params = [Value::from(2), Value::from("tea & milk")];
//! let document = xmlrpc::write_call("shop.order", &params, &WriteOptions::default()).unwrap();
//! let call = xmlrpc::parse_call(&document, &ReadOptions::default()).unwrap();
//! assert_eq!((call.method.as_str(), call.params[1].as_str()), ("shop.order", Some("tea & milk")));
//!
//! let refused = xmlrpc::write_call("shop.order", &[Value::Null], &WriteOptions::default()).unwrap_err();
//! assert!(refused.to_string().starts_with("xmlrpc: null at [0]"));
//! ```

mod reader;
mod scalar;
#[cfg(test)]
mod tests;
mod writer;

use crate::record::{Error, Limits};
use crate::tagged::Tags;
use crate::value::Value;

/// The format's name in errors.
const FORMAT: &str = "xmlrpc";

/// A call as it came.
#[derive(Clone, Debug)]
pub struct Call {
    /// The name of the method, blanks included.
    pub method: String,
    /// What it is given.
    pub params: Vec<Value>,
}

/// The peer's answer that it did not work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Its number.
    pub code: i64,
    /// What went wrong.
    pub message: String,
}

/// How documents are read.
#[derive(Clone, Debug)]
pub struct ReadOptions {
    /// Whether dates and decimals keep their type: `{"!dateTime.iso8601": "20261127T10:30:00"}`, `{"!bigdecimal": "1.10"}`, and
    /// `{"!double": "nan"}` for what JSON cannot say. They are strings and numbers unless it is set.
    pub tags: Tags,
    /// How many values a document may have. 1,000,000 unless it is set.
    pub values: usize,
    /// What foreign bytes may cost: [`Limits::record`] is the size of the document, [`Limits::depth`] counts arrays and structs
    /// within each other. Entities cannot be declared, so nothing expands.
    pub limits: Limits,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self {
            tags: Tags::Drop,
            values: 1_000_000,
            limits: Limits::default(),
        }
    }
}

/// How values are written.
///
/// An object whose only member has a name that starts with `!` is a value with its type: `!dateTime.iso8601`, `!base64`,
/// `!double`, `!i8`, `!biginteger`, `!bigdecimal`, `!nil`. Whoever names a type asks for it, so that these are sent without
/// an option.
#[derive(Clone, Debug)]
pub struct WriteOptions {
    /// Whether null is sent, as `<nil/>`, which is an extension (Python's `allow_none`). It is an error unless it is set.
    pub nil: bool,
    /// Whether whole numbers beyond 32 bits are sent, as `<i8>`, which is an extension. They are an error unless it is set.
    pub i8: bool,
    /// How deep arrays and structs may be nested. 1,000 unless it is set.
    pub depth: usize,
}

impl Default for WriteOptions {
    fn default() -> Self {
        Self {
            nil: false,
            i8: false,
            depth: 1_000,
        }
    }
}

/// Read a `methodCall`.
///
/// # Errors
///
/// If the document is not well-formed XML or no call, has a DTD, or is larger than the limits.
pub fn parse_call(document: &[u8], options: &ReadOptions) -> Result<Call, Error> {
    reader::call(document, options)
}

/// Read a `methodResponse`: a value, or a fault.
///
/// ```
/// use sockeye_data::xmlrpc::{self, ReadOptions};
///
/// let document = xmlrpc::write_fault(4, "Too many parameters.");
/// let fault = xmlrpc::parse_answer(&document, &ReadOptions::default()).unwrap().unwrap_err();
/// assert_eq!((fault.code, fault.message.as_str()), (4, "Too many parameters."));
/// ```
///
/// # Errors
///
/// As [`parse_call`].
pub fn parse_answer(document: &[u8], options: &ReadOptions) -> Result<Result<Value, Fault>, Error> {
    reader::answer(document, options)
}

/// Write a `methodCall`, as Python does.
///
/// # Errors
///
/// If XML-RPC cannot say it: characters that XML does not have, null and large numbers unless the options allow them. The error
/// names the place, `[1].name` for a member of the second parameter.
pub fn write_call(
    method: &str,
    params: &[Value],
    options: &WriteOptions,
) -> Result<Vec<u8>, Error> {
    writer::call(method, params, options)
}

/// Write a `methodResponse` with a value, as Python does.
///
/// # Errors
///
/// As [`write_call`].
pub fn write_answer(value: &Value, options: &WriteOptions) -> Result<Vec<u8>, Error> {
    writer::answer(value, options)
}

/// Write a `methodResponse` with a fault, as Python does. It always works: characters that XML does not have become U+FFFD, and a
/// number beyond 32 bits the nearest within.
pub fn write_fault(code: i64, message: &str) -> Vec<u8> {
    writer::fault(code, message)
}

/// How many bytes this value takes, if XML-RPC can say it.
///
/// # Errors
///
/// As [`write_call`].
pub fn measure(value: &Value, options: &WriteOptions) -> Result<usize, Error> {
    writer::measure(value, options)
}
