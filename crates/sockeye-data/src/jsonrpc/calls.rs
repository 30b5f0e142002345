//! What a server is sent.

use crate::json;
use crate::record::{Error, ErrorKind};
use crate::value::{Object, Text, Value};

use super::{ErrorObject, Id, Limits, raw};

/// A call, or a notification if it has no id (sections 4 and 4.1).
#[derive(Clone, Debug)]
pub struct Request {
    /// The id; `None` for a notification, which nobody answers. An id that is `null` is one, and is answered.
    pub id: Option<Id>,
    /// The name of the method.
    pub method: Text,
    /// An array or an object, or nothing.
    pub params: Option<Value>,
}

/// What is no request, and how it is answered.
#[derive(Clone, Debug)]
pub struct Refused {
    /// Its id, as far as it has one that can be; else `null`.
    pub id: Id,
    /// What is wrong.
    pub error: ErrorObject,
}

/// What came in one message.
#[derive(Clone, Debug)]
pub enum Calls {
    /// One request; or something else, which is answered by one error object.
    One(Result<Request, Refused>),
    /// A batch, which has at least one member (section 6).
    Many(Vec<Result<Request, Refused>>),
}

/// Read what a client sent.
///
/// ```
/// use sockeye_data::jsonrpc::{Calls, Limits, read_calls};
///
/// let text = br#"{"jsonrpc": "2.0", "method": "subtract", "params": [42, 23], "id": 1.0}"#;
/// let Calls::One(Ok(request)) = read_calls(text, &Limits::default()) else { panic!() };
/// assert_eq!((&*request.method, request.id.unwrap().as_json()), ("subtract", "1.0"));
///
/// let Calls::One(Err(refused)) = read_calls(b"[]", &Limits::default()) else { panic!() };
/// assert_eq!(refused.error.code, -32600);
/// ```
pub fn read_calls(text: &[u8], limits: &Limits) -> Calls {
    let alone = |error| {
        let id = Id::null();
        Calls::One(Err(Refused { id, error }))
    };
    if text.len() > limits.bytes {
        let why = format!("a message has at most {} bytes here", limits.bytes);
        return alone(ErrorObject::invalid_request().because(why));
    }
    let value = match json::parse_with(text, &limits.options()) {
        Ok(value) => value,
        Err(error) => return alone(unreadable(&error)),
    };
    // What was parsed is UTF-8. Without a backslash no string was escaped.
    let raw = match memchr::memchr(b'\\', text) {
        Some(_) => raw::ids(std::str::from_utf8(text).unwrap_or_default()),
        None => Vec::new(),
    };
    let mut raw = raw.into_iter().chain(std::iter::repeat(None));
    match &value {
        Value::Array(members) if members.is_empty() => alone(ErrorObject::invalid_request()),
        Value::Array(members) if members.len() > limits.batch => {
            let (most, count) = (limits.batch, members.len());
            let why = format!("a batch has at most {most} members here, and this one has {count}");
            alone(ErrorObject::invalid_request().because(why))
        }
        Value::Array(members) => {
            let requests = members.iter().map(|member| {
                let raw = raw.next().flatten();
                read(member, raw)
            });
            Calls::Many(requests.collect())
        }
        _ => Calls::One(read(&value, raw.next().flatten())),
    }
}

/// The error object for what is not JSON, or more than may be.
fn unreadable(error: &Error) -> ErrorObject {
    match error.kind() {
        ErrorKind::Limit => ErrorObject::parse_error().because(error.why()),
        _ => ErrorObject::parse_error(),
    }
}

/// One request.
fn read(value: &Value, raw: Option<&str>) -> Result<Request, Refused> {
    let error = ErrorObject::invalid_request();
    let Some(object) = value.as_object() else {
        let id = Id::null();
        return Err(Refused { id, error });
    };
    let id = match object.get("id") {
        None => None,
        Some(value) => match Id::read(value, raw) {
            Some(id) => Some(id),
            None => {
                let error = error.because("an id is a string, a number or null");
                return Err(Refused {
                    id: Id::null(),
                    error,
                });
            }
        },
    };
    match members(object) {
        Ok((method, params)) => Ok(Request { id, method, params }),
        Err(error) => Err(Refused {
            id: id.unwrap_or_else(Id::null),
            error,
        }),
    }
}

fn members(object: &Object) -> Result<(Text, Option<Value>), ErrorObject> {
    let error = ErrorObject::invalid_request();
    let Some(Value::String(method)) = object.get("method") else {
        return Err(error);
    };
    if object.get("jsonrpc").and_then(Value::as_str) != Some("2.0") {
        return Err(error.because("jsonrpc has to be \"2.0\""));
    }
    match object.get("params") {
        None => Ok((method.clone(), None)),
        Some(params @ (Value::Array(_) | Value::Object(_))) => {
            Ok((method.clone(), Some(params.clone())))
        }
        Some(_) => Err(error.because("params has to be an array or an object")),
    }
}

/// One request that is an object with a method, for a client that is called.
pub(super) fn read_request(value: &Value, raw: Option<&str>) -> Result<Request, ErrorObject> {
    read(value, raw).map_err(|refused| refused.error)
}
