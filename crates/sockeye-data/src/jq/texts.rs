//! Functions of texts, with the wording of jq: trimming, code points, JSON in texts, and the formats `@csv`, `@uri` and so on.

use std::fmt::Write as _;

use jaq_core::ValR;
use jaq_core::ValT as _;
use jaq_core::native::{bome, unary, v};

use super::basics::{Plain, natives_of, once};
use super::engine::Natives;
use super::values::{Error, cannot, fail};
use crate::value::{Object, Text, Value};

pub(super) fn natives() -> Natives {
    let plain: Vec<Plain> = vec![
        ("_tojson", v(0), |cv| once(cv.1.to_string().into())),
        ("fromjson", v(0), |cv| bome(from_json(&cv.1))),
        ("explode", v(0), |cv| bome(explode(&cv.1))),
        ("implode", v(0), |cv| bome(implode(&cv.1))),
        ("utf8bytelength", v(0), |cv| bome(byte_length(&cv.1))),
        ("startswith", v(1), |cv| {
            unary(cv, |value, part| {
                let (text, part) = two_texts(&value, &part, "startswith() requires string inputs")?;
                Ok(text.starts_with(part).into())
            })
        }),
        ("endswith", v(1), |cv| {
            unary(cv, |value, part| {
                let (text, part) = two_texts(&value, &part, "endswith() requires string inputs")?;
                Ok(text.ends_with(part).into())
            })
        }),
        ("ltrimstr", v(1), |cv| {
            unary(cv, |value, part| {
                let why = "startswith() requires string inputs";
                let (text, part) = two_texts(&value, &part, why)?;
                Ok(text
                    .strip_prefix(part)
                    .map_or_else(|| value.clone(), Value::from))
            })
        }),
        ("rtrimstr", v(1), |cv| {
            unary(cv, |value, part| {
                let why = "endswith() requires string inputs";
                let (text, part) = two_texts(&value, &part, why)?;
                Ok(text
                    .strip_suffix(part)
                    .map_or_else(|| value.clone(), Value::from))
            })
        }),
        ("trim", v(0), |cv| bome(trimmed(&cv.1, str::trim))),
        ("ltrim", v(0), |cv| bome(trimmed(&cv.1, str::trim_start))),
        ("rtrim", v(0), |cv| bome(trimmed(&cv.1, str::trim_end))),
        ("ascii_downcase", v(0), |cv| {
            bome(cased(&cv.1, "ascii_downcase", str::to_ascii_lowercase))
        }),
        ("ascii_upcase", v(0), |cv| {
            bome(cased(&cv.1, "ascii_upcase", str::to_ascii_uppercase))
        }),
        ("@csv", v(0), |cv| bome(row(&cv.1, "csv", ",", csv_text))),
        ("@tsv", v(0), |cv| bome(row(&cv.1, "tsv", "\t", tsv_text))),
        ("@html", v(0), |cv| once(html(&text_of(cv.1)).into())),
        ("@uri", v(0), |cv| once(uri(&text_of(cv.1)).into())),
        ("@urid", v(0), |cv| bome(from_uri(&text_of(cv.1)))),
        ("@sh", v(0), |cv| bome(shell(&cv.1))),
        ("@base64", v(0), |cv| {
            once(data_encoding::BASE64.encode(&bytes_of(cv.1)).into())
        }),
        ("@base32", v(0), |cv| {
            once(data_encoding::BASE32.encode(&bytes_of(cv.1)).into())
        }),
        ("@base64d", v(0), |cv| bome(from_base64(&text_of(cv.1)))),
        ("@base32d", v(0), |cv| bome(from_base32(&text_of(cv.1)))),
        ("tohex", v(0), |cv| {
            once(data_encoding::HEXLOWER.encode(&bytes_of(cv.1)).into())
        }),
        ("fromhex", v(0), |cv| bome(from_hex(&cv.1))),
        ("tobytes", v(0), |cv| bome(to_bytes(&cv.1))),
        ("urlparse", v(0), |cv| bome(url_parts(&cv.1))),
        ("toform", v(0), |cv| bome(to_form(&cv.1))),
        ("fromform", v(0), |cv| bome(from_form(&cv.1))),
    ];
    natives_of(plain)
}

/// What `tostring` makes of a value.
fn text_of(value: Value) -> Text {
    match value.into_string() {
        Value::String(text) => text,
        other => other.to_string().into(),
    }
}

/// The bytes of a text or of bytes, or of the JSON of all others.
fn bytes_of(value: Value) -> Vec<u8> {
    match value {
        Value::Bytes(bytes) => std::sync::Arc::unwrap_or_clone(bytes),
        value => text_of(value).as_bytes().to_vec(),
    }
}

fn two_texts<'a>(one: &'a Value, two: &'a Value, why: &str) -> Result<(&'a str, &'a str), Error> {
    match (one, two) {
        (Value::String(one), Value::String(two)) => Ok((one, two)),
        _ => fail(why),
    }
}

fn trimmed(value: &Value, trim: fn(&str) -> &str) -> ValR<Value> {
    match value {
        Value::String(text) => Ok(trim(text).into()),
        _ => fail("trim input must be a string"),
    }
}

fn cased(value: &Value, name: &str, change: fn(&str) -> String) -> ValR<Value> {
    match value {
        Value::String(text) => Ok(change(text).into()),
        _ => fail(format!("{name} input must be a string")),
    }
}

fn byte_length(value: &Value) -> ValR<Value> {
    match value {
        Value::String(text) => Ok(text.len().into()),
        _ => cannot(value, "only strings have UTF-8 byte length"),
    }
}

fn explode(value: &Value) -> ValR<Value> {
    match value {
        Value::String(text) => Ok(text
            .chars()
            .map(|c| Value::from(i64::from(u32::from(c))))
            .collect()),
        _ => cannot(value, "cannot be exploded"),
    }
}

fn implode(value: &Value) -> ValR<Value> {
    let Value::Array(items) = value else {
        return fail("implode input must be an array");
    };
    let mut text = String::with_capacity(items.len());
    for item in items.iter() {
        let Some(point) = (match item {
            Value::Number(number) if !number.is_nan() => Some(number.as_f64()),
            _ => None,
        }) else {
            return cannot(
                item,
                "can't be imploded, unicode codepoint needs to be numeric",
            );
        };
        let character = (point >= 0.0)
            .then_some(point as u32)
            .and_then(char::from_u32);
        text.push(character.unwrap_or(char::REPLACEMENT_CHARACTER));
    }
    Ok(text.into())
}

fn from_json(value: &Value) -> ValR<Value> {
    let Value::String(text) = value else {
        return cannot(value, "only strings can be parsed");
    };
    match super::from_json::parse(text) {
        Ok(value) => Ok(value),
        Err(why) => fail(format!("{why} (while parsing '{text}')")),
    }
}

/// A row of a table: only what fits into a cell is allowed.
fn row(value: &Value, kind: &str, separator: &str, text: fn(&str, &mut String)) -> ValR<Value> {
    let Value::Array(cells) = value else {
        return cannot(value, &format!("cannot be {kind}-formatted, only array"));
    };
    let mut line = String::new();
    for (at, cell) in cells.iter().enumerate() {
        if at > 0 {
            line.push_str(separator);
        }
        match cell {
            Value::Null => {}
            Value::Number(number) if number.is_nan() => {}
            Value::Bool(_) | Value::Number(_) => {
                let _ = write!(line, "{cell}");
            }
            Value::String(cell) => text(cell, &mut line),
            Value::Bytes(_) => text(&text_of(cell.clone()), &mut line),
            Value::Array(_) | Value::Object(_) => return cannot(cell, "is not valid in a csv row"),
        }
    }
    Ok(line.into())
}

fn csv_text(cell: &str, line: &mut String) {
    line.push('"');
    line.push_str(&cell.replace('"', "\"\""));
    line.push('"');
}

fn tsv_text(cell: &str, line: &mut String) {
    for c in cell.chars() {
        match c {
            '\t' => line.push_str("\\t"),
            '\r' => line.push_str("\\r"),
            '\n' => line.push_str("\\n"),
            '\\' => line.push_str("\\\\"),
            c => line.push(c),
        }
    }
}

fn html(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '\'' => escaped.push_str("&apos;"),
            '"' => escaped.push_str("&quot;"),
            c => escaped.push(c),
        }
    }
    escaped
}

fn uri(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                escaped.push(char::from(byte));
            }
            _ => {
                let _ = write!(escaped, "%{byte:02X}");
            }
        }
    }
    escaped
}

fn from_uri(text: &Text) -> ValR<Value> {
    let digit = |at: usize| {
        text.as_bytes()
            .get(at)
            .and_then(|b| char::from(*b).to_digit(16))
    };
    let (mut bytes, mut at) = (Vec::with_capacity(text.len()), 0);
    while let Some(byte) = text.as_bytes().get(at) {
        at += 1;
        if *byte != b'%' {
            bytes.push(*byte);
            continue;
        }
        let (Some(high), Some(low)) = (digit(at), digit(at + 1)) else {
            return cannot(&text.clone().into(), "is not a valid uri encoding");
        };
        bytes.push((high * 16 + low) as u8);
        at += 2;
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(text.into()),
        Err(_) => cannot(&text.clone().into(), "is not a valid uri encoding"),
    }
}

fn shell(value: &Value) -> ValR<Value> {
    let words = match value {
        Value::Array(words) => &words[..],
        value => std::slice::from_ref(value),
    };
    let mut line = String::new();
    for (at, word) in words.iter().enumerate() {
        if at > 0 {
            line.push(' ');
        }
        match word {
            Value::String(text) => {
                let _ = write!(line, "'{}'", text.as_str().replace('\'', "'\\''"));
            }
            Value::Array(_) | Value::Object(_) => {
                return cannot(word, "can not be escaped for shell");
            }
            word => {
                let _ = write!(line, "{word}");
            }
        }
    }
    Ok(line.into())
}

/// Text where the bytes are UTF-8; what is not is replaced, as jq does it.
fn lossy(bytes: &[u8]) -> Value {
    String::from_utf8_lossy(bytes).as_ref().into()
}

/// Bits behind the last byte are not looked at, as jq does not.
fn relaxed(encoding: &data_encoding::Encoding, text: &str) -> Option<Vec<u8>> {
    let mut relaxed = encoding.specification();
    relaxed.check_trailing_bits = false;
    relaxed.encoding().ok()?.decode(text.as_bytes()).ok()
}

/// What is decoded ends at the padding, which may be missing.
fn from_base64(text: &Text) -> ValR<Value> {
    let plain = text.split('=').next().unwrap_or_default();
    let value = || Value::from(text.clone());
    if plain.len() % 4 == 1 {
        return cannot(&value(), "trailing base64 byte found");
    }
    match relaxed(&data_encoding::BASE64_NOPAD, plain) {
        Some(bytes) => Ok(lossy(&bytes)),
        None => cannot(&value(), "is not valid base64 data"),
    }
}

fn from_base32(text: &Text) -> ValR<Value> {
    let plain = text.trim_end_matches('=');
    match relaxed(&data_encoding::BASE32_NOPAD, plain) {
        Some(bytes) => Ok(lossy(&bytes)),
        None => cannot(&text.clone().into(), "is not valid base32 data"),
    }
}

fn from_hex(value: &Value) -> ValR<Value> {
    let bytes = match value {
        Value::String(text) => data_encoding::HEXLOWER_PERMISSIVE
            .decode(text.as_bytes())
            .ok(),
        _ => None,
    };
    bytes.map_or_else(
        || cannot(value, "is not valid hex data"),
        |bytes| Ok(Value::bytes(bytes)),
    )
}

/// Bytes of a text, or of an array of numbers.
fn to_bytes(value: &Value) -> ValR<Value> {
    let byte = |item: &Value| item.as_i64().and_then(|int| u8::try_from(int).ok());
    let bytes = match value {
        Value::Bytes(_) => return Ok(value.clone()),
        Value::String(text) => Some(text.as_bytes().to_vec()),
        Value::Array(items) => items.iter().map(byte).collect(),
        _ => None,
    };
    bytes.map_or_else(
        || cannot(value, "cannot be turned into bytes"),
        |bytes| Ok(Value::bytes(bytes)),
    )
}

/// The parts of a URL; what it does not have is null.
fn url_parts(value: &Value) -> ValR<Value> {
    let parsed = value.as_str().and_then(|text| url::Url::parse(text).ok());
    let Some(url) = parsed else {
        return cannot(value, "is not a URL");
    };
    let optional = |part: Option<&str>| part.map_or(Value::Null, Value::from);
    let query = match url.query() {
        Some(query) => from_form(&query.into())?,
        None => Value::Null,
    };
    let user = (!url.username().is_empty()).then_some(url.username());
    let parts = [
        ("scheme", url.scheme().into()),
        ("user", optional(user)),
        ("password", optional(url.password())),
        ("host", optional(url.host_str())),
        (
            "port",
            url.port_or_known_default()
                .map_or(Value::Null, |port| i64::from(port).into()),
        ),
        ("path", url.path().into()),
        ("query", query),
        ("fragment", optional(url.fragment())),
    ];
    Ok(Object::from_iter(parts.map(|(name, value)| (name.into(), value))).into())
}

/// The members of an object as a query or the body of a form; arrays give a name more than once.
fn to_form(value: &Value) -> ValR<Value> {
    let Value::Object(members) = value else {
        return cannot(value, "cannot be a form, only object");
    };
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in members.iter() {
        match value {
            Value::Array(values) => values.iter().for_each(|value| {
                form.append_pair(name, &text_of(value.clone()));
            }),
            value => {
                form.append_pair(name, &text_of(value.clone()));
            }
        }
    }
    Ok(form.finish().into())
}

/// A query or the body of a form as an object; a name that comes more than once has an array.
fn from_form(value: &Value) -> ValR<Value> {
    let Value::String(text) = value else {
        return cannot(value, "cannot be read as a form, only string");
    };
    let mut members = Object::new();
    for (name, value) in url::form_urlencoded::parse(text.as_bytes()) {
        let value = Value::from(value.as_ref());
        let together = match members.get_mut(&name).map(std::mem::take) {
            None => value,
            Some(Value::Array(mut values)) => {
                std::sync::Arc::make_mut(&mut values).push(value);
                Value::Array(values)
            }
            Some(first) => Value::array(vec![first, value]),
        };
        members.insert(name.as_ref().into(), together);
    }
    Ok(members.into())
}
