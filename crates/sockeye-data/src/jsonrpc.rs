//! JSON-RPC 2.0 messages: requests, notifications, batches, answers, with ids exactly as they came.
//!
//! [`read_calls`] is a server's side, [`read_answers`] a client's; `write_*` is the way back. [`Splitter`] finds messages in a
//! stream of bytes. Numbers keep their digits and ids their bytes: `1.0`, `-7`, twenty digits, `"\u0061"`. Nothing here connects.

mod answers;
mod calls;
mod id;
mod raw;
mod splitter;
#[cfg(test)]
mod tests;
mod write;

use crate::json::ReadOptions;
use crate::record;
use crate::value::{Text, Value};

pub use answers::{Answer, Answers, Broken, Said, read_answers};
pub use calls::{Calls, Refused, Request, read_calls};
pub use id::Id;
pub use splitter::{Framing, Splitter, TooLong};
pub use write::{write_error, write_request, write_result};

/// What foreign messages may cost at most.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of a message or a batch: 16 MiB.
    pub bytes: usize,
    /// How deep its values may be nested: 256.
    pub depth: usize,
    /// Members of a batch: 1,000.
    pub batch: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes: 16 << 20,
            depth: 256,
            batch: 1_000,
        }
    }
}

impl Limits {
    fn options(&self) -> ReadOptions {
        ReadOptions {
            limits: record::Limits {
                depth: self.depth,
                record: self.bytes,
                ..record::Limits::default()
            },
            ..ReadOptions::default()
        }
    }
}

/// What went wrong, as the peer has it or is told it (section 5.1).
#[derive(Clone, Debug)]
pub struct ErrorObject {
    /// Its number; -32768 to -32000 are reserved.
    pub code: i64,
    /// What went wrong, in one sentence.
    pub message: Text,
    /// More about it.
    pub data: Option<Value>,
}

impl ErrorObject {
    /// An error with a number and a sentence.
    pub fn new(code: i64, message: impl Into<Text>) -> Self {
        Self {
            code,
            message: message.into(),
            data: None,
        }
    }

    /// -32700: what came is not JSON.
    pub fn parse_error() -> Self {
        Self::new(-32700, "Parse error")
    }

    /// -32600: it is JSON, but no request.
    pub fn invalid_request() -> Self {
        Self::new(-32600, "Invalid Request")
    }

    /// -32601: there is no such method.
    pub fn method_not_found() -> Self {
        Self::new(-32601, "Method not found")
    }

    /// -32602: the method cannot take these parameters.
    pub fn invalid_params() -> Self {
        Self::new(-32602, "Invalid params")
    }

    /// -32603: the server failed.
    pub fn internal_error() -> Self {
        Self::new(-32603, "Internal error")
    }

    /// With one sentence more.
    #[must_use]
    pub fn because(mut self, why: impl Into<Text>) -> Self {
        self.data = Some(Value::String(why.into()));
        self
    }
}
