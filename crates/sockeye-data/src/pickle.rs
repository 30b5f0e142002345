//! Pickles of plain data, as Python's `pickle` module writes and reads them; whatever could run code is refused.
//!
//! Read are None, booleans, whole numbers, floats, texts, bytes, lists, tuples, dicts and sets, in protocols 0 to 5. An opcode that
//! imports, calls or builds something (GLOBAL, REDUCE, BUILD and the like) is an error that names it: nothing is looked up, nothing
//! runs. Ours rather than a crate's, because it has bounds for depth, memo and shared references, and a message for each refusal.
//!
//! ```
//! use sockeye_data::pickle;
//!
//! // pickle.dumps({"n": 1})
//! let value = pickle::parse(b"\x80\x04\x95\x09\0\0\0\0\0\0\0}\x94\x8c\x01n\x94K\x01s.").unwrap();
//! assert_eq!(value.get("n").unwrap().as_i64(), Some(1));
//!
//! // A pickle that would run `os.system("id")`.
//! let error = pickle::parse(b"cos\nsystem\n(S'id'\ntR.").unwrap_err();
//! assert_eq!(error.why(), "the opcode GLOBAL could run code: it imports os.system, and only plain data is taken");
//! ```
//!
//! What Python has and [`Value`](crate::value::Value) has not: a tuple, a set and a frozenset become arrays, a bytearray becomes
//! bytes. A key that is no text becomes its text as JSON (`1`, `true`, `null`, `[1,2]`; bytes as base64 in quotes); two keys that are then
//! called the same are an error. A whole number has up to 4,096 bytes. Written, a value comes back to Python as dict, list, str,
//! bytes, int, float, bool and None; a number that was written with a fraction or an exponent is a float.

mod arena;
mod finish;
mod opcode;
mod reader;
#[cfg(test)]
mod tests;
mod text;
mod writer;

pub use reader::{parse, parse_with};
pub use writer::to_vec;

use crate::record::Limits;

/// The format's name in errors.
const FORMAT: &str = "pickle";

/// How pickles are read.
#[derive(Clone, Debug)]
pub struct ReadOptions {
    /// What the input may cost. [`Limits::record`] bounds the pickle, and what its texts and bytes come to when each is counted as
    /// often as it is referred to; [`Limits::expansion`] bounds the values that shared lists and dicts add to those written.
    pub limits: Limits,
    /// How many values may be remembered for later reference. 10,000,000 unless it is set.
    pub memo: usize,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            memo: 10_000_000,
        }
    }
}
