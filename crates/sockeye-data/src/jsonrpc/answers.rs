//! What a client is sent.

use std::fmt;

use crate::json;
use crate::value::{Object, Value};

use super::calls::read_request;
use super::{ErrorObject, Id, Limits, Request, raw};

/// An answer to a call (section 5).
#[derive(Clone, Debug)]
pub struct Answer {
    /// The id of the call; `null` if the server could not make it out.
    pub id: Id,
    /// What came of it.
    pub outcome: Result<Value, ErrorObject>,
}

/// One thing that was said.
#[derive(Clone, Debug)]
pub enum Said {
    /// An answer.
    Answer(Answer),
    /// A call or a notification: where both ends may call, servers do so too.
    Request(Request),
}

/// What came in one message.
#[derive(Clone, Debug)]
pub enum Answers {
    /// One.
    One(Said),
    /// The answers to a batch, in any order.
    Many(Vec<Said>),
}

/// What came is no answer of JSON-RPC 2.0: the peer breaks the rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken(String);

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Broken {}

/// Read what a server sent.
///
/// # Errors
///
/// [`Broken`], in one clause: it is not JSON, an answer has both or neither of `result` and `error`, and the like.
///
/// ```
/// use sockeye_data::jsonrpc::{Answers, Limits, Said, read_answers};
///
/// let text = br#"{"jsonrpc": "2.0", "result": 9007199254740993, "id": 1}"#;
/// let Answers::One(Said::Answer(answer)) = read_answers(text, &Limits::default())? else { panic!() };
/// assert_eq!(answer.outcome.unwrap().as_i64(), Some(9007199254740993));
///
/// let both = br#"{"jsonrpc": "2.0", "result": 1, "error": null, "id": 1}"#;
/// let broken = read_answers(both, &Limits::default()).unwrap_err();
/// assert_eq!(broken.to_string(), "an answer has both result and error");
/// # Ok::<(), sockeye_data::jsonrpc::Broken>(())
/// ```
pub fn read_answers(text: &[u8], limits: &Limits) -> Result<Answers, Broken> {
    let value = json::parse_with(text, &limits.options())
        .map_err(|error| Broken(format!("the answer is not JSON that can be read: {error}")))?;
    let raw = match memchr::memchr(b'\\', text) {
        Some(_) => raw::ids(std::str::from_utf8(text).unwrap_or_default()),
        None => Vec::new(),
    };
    let mut raw = raw.into_iter().chain(std::iter::repeat(None));
    let Value::Array(members) = &value else {
        return read(&value, raw.next().flatten()).map(Answers::One);
    };
    if members.is_empty() {
        return broken("the answer is an empty batch");
    }
    if members.len() > limits.batch {
        let most = limits.batch;
        return broken(&format!(
            "the answer is a batch of more than {most} members"
        ));
    }
    let answers = members.iter().map(|member| {
        let raw = raw.next().flatten();
        read(member, raw)
    });
    answers.collect::<Result<_, _>>().map(Answers::Many)
}

fn broken<T>(why: &str) -> Result<T, Broken> {
    Err(Broken(why.to_owned()))
}

fn read(value: &Value, raw: Option<&str>) -> Result<Said, Broken> {
    let Some(object) = value.as_object() else {
        return broken(&format!(
            "an answer is an object, and this is a {}",
            value.kind()
        ));
    };
    if object.get("method").is_some() {
        let request = read_request(value, raw);
        return request
            .map(Said::Request)
            .map_err(|_| Broken("what looks like a call is none".into()));
    }
    if object.get("jsonrpc").and_then(Value::as_str) != Some("2.0") {
        return broken("an answer does not say that it is of version 2.0");
    }
    let id = match object.get("id") {
        None => return broken("an answer has no id"),
        Some(id) => Id::read(id, raw),
    };
    let Some(id) = id else {
        return broken("an id is neither a string nor a number nor null");
    };
    let outcome = match (object.get("result"), object.get("error")) {
        (Some(_), Some(_)) => return broken("an answer has both result and error"),
        (None, None) => return broken("an answer has neither result nor error"),
        (Some(result), None) => Ok(result.clone()),
        (None, Some(error)) => Err(read_error(error.as_object())?),
    };
    Ok(Said::Answer(Answer { id, outcome }))
}

fn read_error(error: Option<&Object>) -> Result<ErrorObject, Broken> {
    let Some(error) = error else {
        return broken("an error is no object");
    };
    let Some(code) = error.get("code").and_then(Value::as_i64) else {
        return broken("the code of an error is no whole number");
    };
    let Some(Value::String(message)) = error.get("message") else {
        return broken("the message of an error is no string");
    };
    Ok(ErrorObject {
        code,
        message: message.clone(),
        data: error.get("data").cloned(),
    })
}
