//! A value as compact JSON, without recursion: what `tojson` and messages show. The writer with its options is in `json`.

use std::fmt::{self, Write};

use super::{Text, Value};

/// What is still to be written, the next one last.
enum Pending<'a> {
    Items(std::slice::Iter<'a, Value>, bool),
    Members(Box<dyn Iterator<Item = (&'a Text, &'a Value)> + 'a>, bool),
}

impl fmt::Display for Value {
    /// Compact JSON. Bytes are written as a string of base64.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut pending = Vec::new();
        open(self, f, &mut pending)?;
        while let Some(top) = pending.last_mut() {
            let next = match top {
                Pending::Items(items, first) => match items.next() {
                    Some(item) => {
                        comma(first, f)?;
                        Some(item)
                    }
                    None => {
                        f.write_char(']')?;
                        None
                    }
                },
                Pending::Members(members, first) => match members.next() {
                    Some((name, value)) => {
                        comma(first, f)?;
                        write_string(name, f)?;
                        f.write_char(':')?;
                        Some(value)
                    }
                    None => {
                        f.write_char('}')?;
                        None
                    }
                },
            };
            match next {
                Some(value) => open(value, f, &mut pending)?,
                None => {
                    pending.pop();
                }
            }
        }
        Ok(())
    }
}

fn comma(first: &mut bool, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match std::mem::take(first) {
        true => Ok(()),
        false => f.write_char(','),
    }
}

/// Write a value, or how it begins.
fn open<'a>(
    value: &'a Value,
    f: &mut fmt::Formatter<'_>,
    pending: &mut Vec<Pending<'a>>,
) -> fmt::Result {
    match value {
        Value::Null => f.write_str("null"),
        Value::Bool(truth) => write!(f, "{truth}"),
        Value::Number(number) => write!(f, "{number}"),
        Value::String(text) => write_string(text, f),
        Value::Bytes(bytes) => write!(f, "\"{}\"", data_encoding::BASE64.encode(bytes)),
        Value::Array(items) => {
            pending.push(Pending::Items(items.iter(), true));
            f.write_char('[')
        }
        Value::Object(members) => {
            pending.push(Pending::Members(Box::new(members.iter()), true));
            f.write_char('{')
        }
    }
}

/// A string of JSON, as jq writes it: only what must be escaped is, and DEL.
pub(crate) fn write_string(text: &str, f: &mut impl Write) -> fmt::Result {
    f.write_char('"')?;
    let mut plain = 0;
    for (at, byte) in text.bytes().enumerate() {
        let escape = match byte {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            b'\n' => "\\n",
            b'\r' => "\\r",
            b'\t' => "\\t",
            0x08 => "\\b",
            0x0C => "\\f",
            0..=0x1F | 0x7F => "",
            _ => continue,
        };
        f.write_str(&text[plain..at])?;
        match escape {
            "" => write!(f, "\\u{byte:04x}")?,
            _ => f.write_str(escape)?,
        }
        plain = at + 1;
    }
    f.write_str(&text[plain..])?;
    f.write_char('"')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Object;

    #[test]
    fn values_are_written_compact() {
        let value = Value::array(vec![
            Value::Null,
            true.into(),
            "a\"\\\n\u{1}é\u{7f}".into(),
            Object::from_iter([("x".into(), Value::array(vec![])), ("y".into(), 1.5.into())])
                .into(),
            Value::bytes(vec![1, 2]),
        ]);
        assert_eq!(
            value.to_string(),
            r#"[null,true,"a\"\\\n\u0001é\u007f",{"x":[],"y":1.5},"AQI="]"#
        );
        let deep = (0..100_000).fold(Value::Null, |value, _| Value::array(vec![value]));
        assert_eq!(deep.to_string().len(), 200_004);
    }
}
