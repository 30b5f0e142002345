//! A call and its answer.

use std::fmt;

use sockeye_data::value::{Object, Value};

/// What a call is given.
#[derive(Clone, Debug, Default)]
pub enum Params {
    /// Nothing.
    #[default]
    None,
    /// Values in order.
    List(Vec<Value>),
    /// Values by name; JSON-RPC only.
    Named(Object),
}

/// A call of a method.
#[derive(Clone, Debug)]
pub struct Call {
    /// The name of the method.
    pub method: String,
    /// What it is given.
    pub params: Params,
}

impl Call {
    /// A call with values in order.
    pub fn new(method: impl Into<String>, params: Vec<Value>) -> Self {
        Self {
            method: method.into(),
            params: Params::List(params),
        }
    }
}

/// The peer's answer that it did not work: an error object of JSON-RPC, a fault of XML-RPC.
#[derive(Clone, Debug)]
pub struct Fault {
    /// Its number: -32768 to -32000 are reserved in JSON-RPC 2.0 (section 5.1).
    pub code: i64,
    /// What went wrong, in one sentence.
    pub message: String,
    /// More about it; JSON-RPC only.
    pub data: Option<Value>,
}

impl Fault {
    /// A fault with a number and a sentence.
    pub fn new(code: i64, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            data: None,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (fault {})", self.message, self.code)
    }
}

impl std::error::Error for Fault {}

/// What a call comes back with.
pub type Answer = std::result::Result<Value, Fault>;
