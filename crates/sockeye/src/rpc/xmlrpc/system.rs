//! What every server can do: `system.listMethods`, `methodHelp`, `methodSignature` and `multicall`, as Python's registers them.

use std::future::Future;
use std::pin::Pin;

use sockeye_data::value::{Object, Value};
use sockeye_data::xmlrpc::{self, WriteOptions};
use tokio::time::Instant;

use super::server::Inner;
use crate::rpc::call::{Answer, BEYOND, Fault, TOO_MUCH};

const LIST: &str = "system.listMethods";
const HELP: &str = "system.methodHelp";
const SIGNATURE: &str = "system.methodSignature";
pub(super) const MULTICALL: &str = "system.multicall";

/// Name, help and signature.
const METHODS: [(&str, &str, [&str; 2]); 4] = [
    (LIST, "The names of all methods, sorted.", ["array", ""]),
    (HELP, "What a method is for.", ["string", "string"]),
    (
        SIGNATURE,
        "The types that a method returns and takes, where they are known.",
        ["array", "string"],
    ),
    (
        MULTICALL,
        "Calls methods one after the other: [{'methodName': 'add', 'params': [2, 2]}, ...] => [[4], ...]",
        ["array", "array"],
    ),
];

/// What Python's server answers, whatever the method.
const NO_SIGNATURES: &str = "signatures not supported";

/// The answer of a method that every server has.
pub(super) fn answer<'a>(
    inner: &'a Inner,
    method: &str,
    params: &'a [Value],
    deadline: Option<Instant>,
) -> Pin<Box<dyn Future<Output = Answer> + Send + 'a>> {
    let answer = match method {
        MULTICALL => return Box::pin(multicall(inner, params, deadline)),
        LIST => list(inner, params),
        HELP => named(params).map(|name| help(inner, name)),
        _ => named(params).map(|name| signature(inner, name)),
    };
    Box::pin(std::future::ready(answer))
}

fn list(inner: &Inner, params: &[Value]) -> Answer {
    if !params.is_empty() {
        return Err(wanted("no parameters"));
    }
    let own = METHODS.iter().map(|(name, ..)| *name);
    let own = own.filter(|name| inner.has_system(name));
    let mut names: Vec<&str> = inner.methods.names().chain(own).collect();
    names.sort_unstable();
    Ok(Value::array(names.into_iter().map(Value::from).collect()))
}

fn help(inner: &Inner, name: &str) -> Value {
    if let Some(method) = inner.methods.get(name) {
        return method.help.as_str().into();
    }
    let own = METHODS.iter().find(|(own, ..)| *own == name);
    own.filter(|_| inner.has_system(name))
        .map_or("", |(_, help, _)| help)
        .into()
}

fn signature(inner: &Inner, name: &str) -> Value {
    let list = |types: Vec<&str>| Value::array(types.into_iter().map(Value::from).collect());
    if let Some(method) = inner.methods.get(name) {
        if method.signature.is_empty() {
            return NO_SIGNATURES.into();
        }
        let signatures = method.signature.iter();
        return Value::array(
            signatures
                .map(|types| list(types.iter().map(String::as_str).collect()))
                .collect(),
        );
    }
    match METHODS.iter().find(|(own, ..)| *own == name) {
        Some((_, _, types)) if inner.has_system(name) => {
            let types = types.iter().copied().filter(|name| !name.is_empty());
            Value::array(vec![list(types.collect())])
        }
        _ => NO_SIGNATURES.into(),
    }
}

/// The one parameter, a method's name.
fn named(params: &[Value]) -> Result<&str, Fault> {
    match params {
        [Value::String(name)] => Ok(name),
        _ => Err(wanted("the name of a method")),
    }
}

fn wanted(what: &str) -> Fault {
    Fault::new(-32602, format!("invalid parameters: {what} is wanted"))
}

/// Each call in turn: an array of one value, or a fault.
async fn multicall(inner: &Inner, params: &[Value], deadline: Option<Instant>) -> Answer {
    let [Value::Array(calls)] = params else {
        return Err(wanted("an array of calls"));
    };
    let most = inner.bounds.multicall;
    if calls.len() > most {
        let why = format!(
            "there are {} calls, and no more than {most} are taken",
            calls.len()
        );
        return Err(Fault::new(-32600, why));
    }
    // Each answer stands in two arrays.
    let write = WriteOptions {
        depth: inner.write.depth.saturating_sub(2),
        ..inner.write
    };
    let mut answers = Vec::with_capacity(calls.len());
    let mut room = inner.bounds.answers;
    for call in calls.iter() {
        let answer = match one(call) {
            Ok((method, params)) => inner.run(method, params, deadline).await,
            Err(fault) => Err(fault),
        };
        // What cannot be sent must not spoil the others.
        let answer = answer.and_then(|value| match xmlrpc::measure(&value, &write) {
            Ok(bytes) if bytes > room => Err(Fault::new(TOO_MUCH, BEYOND)),
            Ok(bytes) => {
                room -= bytes;
                Ok(value)
            }
            Err(error) => Err(unsendable(&error)),
        });
        answers.push(match answer {
            Ok(value) => Value::array(vec![value]),
            Err(fault) => fault_struct(&fault),
        });
    }
    Ok(Value::array(answers))
}

/// One call of several.
fn one(call: &Value) -> Result<(&str, Vec<Value>), Fault> {
    let method = call.get("methodName").and_then(Value::as_str);
    let params = match call.get("params") {
        None => Some(&[][..]),
        Some(params) => params.as_array(),
    };
    match (method, params) {
        (Some(MULTICALL), _) => Err(Fault::new(
            -32600,
            "system.multicall within system.multicall",
        )),
        (Some(method), Some(params)) => Ok((method, params.to_vec())),
        _ => Err(Fault::new(
            -32600,
            "a call is a struct with a string \"methodName\" and an array \"params\"",
        )),
    }
}

fn fault_struct(fault: &Fault) -> Value {
    // Whatever a fault says can be sent: by itself it is not the answer's fault.
    let code = fault.code.clamp(i32::MIN.into(), i32::MAX.into());
    let message = sayable(&told(fault));
    Object::from_distinct(vec![
        ("faultCode".into(), code.into()),
        ("faultString".into(), message.into()),
    ])
    .into()
}

/// Without characters that XML does not have.
fn sayable(message: &str) -> String {
    let is_foreign = |char: char| matches!(char, '\0'..='\x08' | '\x0b' | '\x0c' | '\x0e'..='\x1f' | '\u{fffe}' | '\u{ffff}');
    message.replace(is_foreign, "\u{fffd}")
}

/// What a fault says; XML-RPC has no place for its data.
pub(super) fn told(fault: &Fault) -> String {
    match fault.data.as_ref().and_then(Value::as_str) {
        Some(more) => format!("{}: {more}", fault.message),
        None => fault.message.clone(),
    }
}

/// The method's answer is nothing that XML-RPC can say.
pub(super) fn unsendable(error: &sockeye_data::record::Error) -> Fault {
    Fault::new(1, format!("the answer cannot be sent: {}", error.why()))
}
