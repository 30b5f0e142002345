//! JSON in a text, for `fromjson`: one value, read without recursion; `NaN` and `Infinity` are
//! allowed, as jq allows them.

use std::sync::Arc;

use crate::value::{Array, Number, Object, Text, Value};

/// As deep as jq reads.
const DEEPEST: usize = 10_000;

/// What is open: an array, or an object with the name whose value comes.
enum Open {
    Array(Array),
    Object(Object, Text),
}

/// The one value of a text, or why there is none.
pub(super) fn parse(text: &str) -> Result<Value, String> {
    let mut reader = Reader { text, at: 0 };
    let mut open: Vec<Open> = Vec::new();
    loop {
        reader.space();
        let mut value = match reader.peek() {
            Some(b'[') => {
                reader.at += 1;
                if !reader.take(b']') {
                    open.push(Open::Array(Array::default()));
                    if open.len() > DEEPEST {
                        return Err("Exceeds depth limit for parsing".into());
                    }
                    continue;
                }
                Value::array(Vec::new())
            }
            Some(b'{') => {
                reader.at += 1;
                if !reader.take(b'}') {
                    open.push(Open::Object(Object::new(), reader.name()?));
                    if open.len() > DEEPEST {
                        return Err("Exceeds depth limit for parsing".into());
                    }
                    continue;
                }
                Object::new().into()
            }
            _ => reader.scalar()?,
        };
        loop {
            match open.pop() {
                None => {
                    reader.space();
                    return match reader.peek() {
                        None => Ok(value),
                        Some(_) => Err(reader.fault("Unexpected extra JSON values")),
                    };
                }
                Some(Open::Array(mut array)) => {
                    array.push(value);
                    if reader.take(b',') {
                        open.push(Open::Array(array));
                        break;
                    }
                    reader.expect(b']')?;
                    value = Value::Array(Arc::new(array));
                }
                Some(Open::Object(mut object, name)) => {
                    object.insert(name, value);
                    if reader.take(b',') {
                        let name = reader.name()?;
                        open.push(Open::Object(object, name));
                        break;
                    }
                    reader.expect(b'}')?;
                    value = object.into();
                }
            }
        }
    }
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn fault(&self, why: &str) -> String {
        let before = &self.text[..self.at.min(self.text.len())];
        let line = 1 + before.matches('\n').count();
        let column = before.chars().rev().take_while(|c| *c != '\n').count();
        let place = if self.at >= self.text.len() {
            "EOF at "
        } else {
            ""
        };
        format!("{why} at {place}line {line}, column {column}")
    }

    /// Skip space and this byte, if it comes next.
    fn take(&mut self, byte: u8) -> bool {
        self.space();
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, byte: u8) -> Result<(), String> {
        match self.take(byte) {
            true => Ok(()),
            false if self.at >= self.text.len() => Err(self.fault("Unfinished JSON term")),
            false => Err(self.fault(&format!("Expected '{}'", char::from(byte)))),
        }
    }

    fn name(&mut self) -> Result<Text, String> {
        self.space();
        if self.peek() != Some(b'"') {
            return Err(self.fault("Object keys must be strings"));
        }
        let name = self.string()?;
        self.expect(b':')?;
        Ok(name)
    }

    fn scalar(&mut self) -> Result<Value, String> {
        let start = self.at;
        match self.peek() {
            Some(b'"') => return Ok(Value::String(self.string()?)),
            None => return Err(self.fault("Unfinished JSON term")),
            _ => {}
        }
        while matches!(self.peek(), Some(b) if b.is_ascii_alphanumeric() || matches!(b, b'-' | b'+' | b'.'))
        {
            self.at += 1;
        }
        match &self.text[start..self.at] {
            "null" => Ok(Value::Null),
            "true" => Ok(true.into()),
            "false" => Ok(false.into()),
            "nan" | "NaN" | "-nan" | "-NaN" => Ok(f64::NAN.into()),
            "Infinity" => Ok(f64::INFINITY.into()),
            "-Infinity" => Ok(f64::NEG_INFINITY.into()),
            "" => Err(self.fault("Invalid literal")),
            word => match Number::from_json_text(word) {
                Some(number) => Ok(number.into()),
                None => Err(self.fault("Invalid numeric literal")),
            },
        }
    }

    fn string(&mut self) -> Result<Text, String> {
        self.at += 1;
        let mut text = Text::new();
        loop {
            let rest = &self.text.as_bytes()[self.at..];
            let Some(plain) = memchr::memchr2(b'"', b'\\', rest) else {
                self.at = self.text.len();
                return Err(self.fault("Unfinished string"));
            };
            text.push_str(&self.text[self.at..self.at + plain]);
            self.at += plain + 1;
            if rest[plain] == b'"' {
                return Ok(text);
            }
            text.push(self.escape()?);
        }
    }

    fn escape(&mut self) -> Result<char, String> {
        let byte = self.peek();
        self.at += 1;
        Ok(match byte {
            Some(b @ (b'"' | b'\\' | b'/')) => char::from(b),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{C}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                let high = self.hex()?;
                if (0xD800..0xDC00).contains(&high) && self.text[self.at..].starts_with("\\u") {
                    let before = self.at;
                    self.at += 2;
                    let low = self.hex()?;
                    if (0xDC00..0xE000).contains(&low) {
                        let point = 0x1_0000 + ((high - 0xD800) << 10) + (low - 0xDC00);
                        return Ok(char::from_u32(point).unwrap_or(char::REPLACEMENT_CHARACTER));
                    }
                    self.at = before;
                }
                char::from_u32(high).unwrap_or(char::REPLACEMENT_CHARACTER)
            }
            _ => return Err(self.fault("Invalid escape")),
        })
    }

    fn hex(&mut self) -> Result<u32, String> {
        let digits = self.text.get(self.at..self.at + 4);
        let value = digits.filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()));
        let value = value.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        self.at += 4;
        value.ok_or_else(|| self.fault("Invalid escape"))
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn one_value_is_read() {
        for text in [
            r#"{"a":[1,2.50,"x\u00e9\ud83d\ude00\n"],"b":{}}"#,
            "[]",
            "null",
            "-0",
            "1e5",
        ] {
            let value = parse(text).unwrap().to_string();
            assert_eq!(parse(&value).unwrap(), parse(text).unwrap(), "{text}");
        }
        assert_eq!(parse(" [ 1 , 2 ] ").unwrap().to_string(), "[1,2]");
        for text in [
            "",
            "[1",
            "[1,]",
            "{\"a\"}",
            "{1:2}",
            "tru",
            "1 2",
            "\"a",
            "\"\\x\"",
            "01",
            "[1}",
            "\"\\u12\"",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert!(parse(&"[".repeat(20_000)).is_err());
        assert!(parse(&format!("{}{}", "[".repeat(9_000), "]".repeat(9_000))).is_ok());
    }
}
