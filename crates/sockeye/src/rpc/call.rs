//! A call and its answer.

use std::fmt;

use sockeye_data::value::{Object, Value};

use crate::error::{Error, Kind, Operation};

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

impl Params {
    /// The parameters as one value, an array or an object; `None` if there are none.
    pub fn into_value(self) -> Option<Value> {
        match self {
            Self::None => None,
            Self::List(items) => Some(Value::array(items)),
            Self::Named(members) => Some(members.into()),
        }
    }
}

impl From<Vec<Value>> for Params {
    fn from(items: Vec<Value>) -> Self {
        Self::List(items)
    }
}

impl<const N: usize> From<[Value; N]> for Params {
    fn from(items: [Value; N]) -> Self {
        Self::List(items.into())
    }
}

impl From<Object> for Params {
    fn from(members: Object) -> Self {
        Self::Named(members)
    }
}

impl From<()> for Params {
    fn from((): ()) -> Self {
        Self::None
    }
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
        Self::of(method, params)
    }

    /// A call with whatever becomes parameters: values in order, an object of values by name, `()`.
    pub fn of(method: impl Into<String>, params: impl Into<Params>) -> Self {
        Self {
            method: method.into(),
            params: params.into(),
        }
    }
}

/// The code of a fault: the answer was too long, or all answers to one batch together. A program that says too much is ended.
pub const TOO_MUCH: i64 = -32_002;

/// What a call in a batch hears that has no room left.
pub(super) const BEYOND: &str = "there is no room for its answer beside those of the other calls";

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

/// Why a call has no result: the peer said no, or it was not heard at all.
#[derive(Debug)]
#[non_exhaustive]
pub enum CallError {
    /// The peer answered, and the answer is no.
    Fault(Fault),
    /// There is no answer: no connection, out of time, or the peer broke the rules ([`Kind::Protocol`]).
    Failed(Error),
}

impl CallError {
    /// The peer's fault, if it is one.
    pub fn fault(&self) -> Option<&Fault> {
        match self {
            Self::Fault(fault) => Some(fault),
            Self::Failed(_) => None,
        }
    }

    /// What failed, if there is no answer.
    pub fn failed(&self) -> Option<&Error> {
        match self {
            Self::Fault(_) => None,
            Self::Failed(error) => Some(error),
        }
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fault(fault) => fault.fmt(f),
            Self::Failed(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for CallError {}

impl From<Fault> for CallError {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<Error> for CallError {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<CallError> for Error {
    /// A fault becomes [`Kind::Rejected`].
    fn from(error: CallError) -> Self {
        match error {
            CallError::Fault(fault) => {
                let said = sockeye_data::escape::escape(fault.message.as_bytes());
                let why = format!("the answer is no: {said} (fault {})", fault.code);
                Self::new(Kind::Rejected, Operation::Call, why)
            }
            CallError::Failed(error) => error,
        }
    }
}
