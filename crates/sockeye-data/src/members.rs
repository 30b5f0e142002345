//! Members of maps whose keys may be anything: what a key that is no text is called, and what happens to one that stands twice.

use data_encoding::BASE64;

use crate::value::{Object, Text, Value};

/// How long the name of a key that is itself a list or a map may be: each level of keys within keys doubles its backslashes.
const NAME: usize = 64 * 1024;

/// What happens to a key that stands twice in one map.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Duplicates {
    /// It is an error.
    #[default]
    Refuse,
    /// The last value counts, at the place of the first.
    Last,
}

/// Why a key cannot be a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooLong;

/// The name that a key becomes: text stays, all else is its text as JSON (`1`, `true`, `null`, `[1,2]`).
pub(crate) fn name_of(key: &Value) -> Result<Text, TooLong> {
    if let Value::String(text) = key {
        return Ok(text.clone());
    }
    let mut out = String::new();
    let mut steps = vec![Step::Value(key)];
    while let Some(step) = steps.pop() {
        if out.len() > NAME {
            return Err(TooLong);
        }
        match step {
            Step::Text(text) => out.push_str(text),
            Step::Name(name) => {
                push_string(&mut out, name);
                out.push(':');
            }
            Step::Value(value) => push_value(&mut out, value, &mut steps),
        }
    }
    Ok(out.into())
}

enum Step<'a> {
    Text(&'static str),
    Name(&'a str),
    Value(&'a Value),
}

fn push_value<'a>(out: &mut String, value: &'a Value, steps: &mut Vec<Step<'a>>) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(bool) => out.push_str(if *bool { "true" } else { "false" }),
        Value::Number(number) => out.push_str(&number.to_string()),
        Value::String(text) => push_string(out, text),
        Value::Bytes(bytes) => push_string(out, &BASE64.encode(bytes)),
        Value::Array(items) => {
            out.push('[');
            steps.push(Step::Text("]"));
            for (place, item) in items.iter().enumerate().rev() {
                steps.push(Step::Value(item));
                if place > 0 {
                    steps.push(Step::Text(","));
                }
            }
        }
        Value::Object(object) => push_object(out, object, steps),
    }
}

fn push_object<'a>(out: &mut String, object: &'a Object, steps: &mut Vec<Step<'a>>) {
    out.push('{');
    steps.push(Step::Text("}"));
    for place in (0..object.len()).rev() {
        let (name, value) = object.at(place).expect("a place below the length");
        steps.push(Step::Value(value));
        steps.push(Step::Name(name));
        if place > 0 {
            steps.push(Step::Text(","));
        }
    }
}

/// A string as JSON writes it.
fn push_string(out: &mut String, text: &str) {
    use std::fmt::Write as _;
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c < ' ' => {
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
}
