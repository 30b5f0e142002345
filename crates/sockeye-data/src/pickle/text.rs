//! Texts of protocol 0: lines with escapes.

use num_bigint::BigInt;

use crate::binary::{BIG_DIGITS, Fault, whole};
use crate::value::{Number, Text, Value};

/// The text of a line of UNICODE: `\uXXXX` and `\UXXXXXXXX` are escapes, all else is Latin-1.
pub(super) fn raw_unicode(line: &[u8]) -> Result<Text, Fault> {
    let mut text = String::with_capacity(line.len());
    let mut at = 0;
    while at < line.len() {
        if line[at] != b'\\' || at + 1 == line.len() {
            text.push(char::from(line[at]));
            at += 1;
            continue;
        }
        let digits = match line[at + 1] {
            b'u' => 4,
            b'U' => 8,
            other => {
                text.push('\\');
                text.push(char::from(other));
                at += 2;
                continue;
            }
        };
        let escape = line.get(at + 2..at + 2 + digits);
        let letter = escape.and_then(hexadecimal).and_then(char::from_u32);
        text.push(letter.ok_or_else(|| Fault::syntax("an escape that is no character"))?);
        at += 2 + digits;
    }
    Ok(text.into())
}

fn hexadecimal(digits: &[u8]) -> Option<u32> {
    if !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

/// The text of a line of STRING: quoted, with the escapes of Python's literals, and ASCII.
pub(super) fn quoted(line: &[u8]) -> Result<Text, Fault> {
    let line = line.trim_ascii_end();
    let inner = match line {
        [first @ (b'\'' | b'"'), inner @ .., last] if first == last => inner,
        _ => return Err(Fault::syntax("a string without quotes around it")),
    };
    let mut bytes = Vec::with_capacity(inner.len());
    let mut rest = inner;
    while let [first, behind @ ..] = rest {
        rest = behind;
        if *first != b'\\' {
            bytes.push(*first);
            continue;
        }
        let [escape, behind @ ..] = rest else {
            return Err(Fault::syntax("a backslash at the end of a string"));
        };
        rest = behind;
        match escape {
            b'\\' | b'\'' | b'"' => bytes.push(*escape),
            b'n' => bytes.push(b'\n'),
            b'r' => bytes.push(b'\r'),
            b't' => bytes.push(b'\t'),
            b'a' => bytes.push(0x07),
            b'b' => bytes.push(0x08),
            b'f' => bytes.push(0x0c),
            b'v' => bytes.push(0x0b),
            b'x' => {
                let digits = rest.get(..2).and_then(hexadecimal);
                let byte = digits.and_then(|digits| u8::try_from(digits).ok());
                bytes.push(byte.ok_or_else(|| Fault::syntax("\\x without two digits"))?);
                rest = &rest[2..];
            }
            b'0'..=b'7' => {
                let mut byte = u32::from(escape - b'0');
                for _ in 0..2 {
                    let [digit @ b'0'..=b'7', behind @ ..] = rest else {
                        break;
                    };
                    byte = byte * 8 + u32::from(digit - b'0');
                    rest = behind;
                }
                bytes.push((byte & 0xff) as u8);
            }
            other => bytes.extend_from_slice(&[b'\\', *other]),
        }
    }
    ascii(bytes)
}

/// A string of Python 2, which Python 3 takes for ASCII.
pub(super) fn ascii(bytes: Vec<u8>) -> Result<Text, Fault> {
    match String::from_utf8(bytes) {
        Ok(text) if text.is_ascii() => Ok(text.into()),
        _ => Err(Fault::syntax("a string of Python 2 that is not ASCII")),
    }
}

/// A whole number in decimal.
pub(super) fn decimal(line: &[u8]) -> Result<Value, Fault> {
    let text = std::str::from_utf8(line).unwrap_or_default().trim();
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Fault::syntax("a whole number that is none"));
    }
    if digits.len() > BIG_DIGITS {
        return Err(Fault::limit(format!(
            "a number of more than {BIG_DIGITS} digits"
        )));
    }
    let number = text.parse::<BigInt>();
    let number = number.map_err(|_| Fault::syntax("a whole number that is none"))?;
    Ok(Value::Number(whole(number)))
}

/// A float in decimal.
pub(super) fn float(line: &[u8]) -> Result<Value, Fault> {
    let text = std::str::from_utf8(line).unwrap_or_default().trim();
    let plain = text
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    let float = text.parse().ok().filter(|_| plain && text.len() < 4096);
    float
        .map(float_value)
        .ok_or_else(|| Fault::syntax("a float that is none"))
}

/// A float that is a whole number keeps its point, so that it stays a float in every format.
pub(super) fn float_value(float: f64) -> Value {
    Value::Number(match float.is_finite() && float.fract() == 0.0 {
        true => Number::Text(format!("{float:?}").into()),
        false => Number::Float(float),
    })
}
