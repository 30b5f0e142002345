//! Parameters: `; name=value; name="text"` (RFC 9110 section 5.6.6).

use crate::http1::syntax::{is_blank, is_token, trim};

/// Cut a value at its semicolons outside quotes: the part before the first, and the parameters behind it.
///
/// Names come in lower case, values without quotes. A parameter that makes no sense is left out. A value without quotes may hold
/// anything up to the next semicolon: many servers write names of files so.
pub(super) fn split(value: &[u8]) -> (&[u8], Vec<(String, Vec<u8>)>) {
    let (first, mut rest) = cut(value);
    let mut parameters = Vec::new();
    while let Some(more) = rest {
        let (part, next) = cut(more);
        rest = next;
        let Some(equals) = part.iter().position(|&byte| byte == b'=') else {
            continue;
        };
        let name = trim(&part[..equals]);
        if is_token(name) {
            let name = String::from_utf8_lossy(name).to_ascii_lowercase();
            parameters.push((name, unquote(trim(&part[equals + 1..]))));
        }
    }
    (trim(first), parameters)
}

/// Up to the first semicolon outside quotes, and what is behind it. Quotes count only where a value begins: a stray one
/// in the middle of a value is a letter.
fn cut(value: &[u8]) -> (&[u8], Option<&[u8]>) {
    let (mut quoted, mut escaped, mut begins) = (false, false, false);
    for (at, &byte) in value.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' if quoted => quoted = false,
            b'"' if begins => quoted = true,
            b';' if !quoted => return (&value[..at], Some(&value[at + 1..])),
            _ => {}
        }
        begins = byte == b'=' || (begins && is_blank(byte));
    }
    (value, None)
}

fn unquote(value: &[u8]) -> Vec<u8> {
    let Some(inner) = value.strip_prefix(b"\"") else {
        return value.to_vec();
    };
    let mut out = Vec::with_capacity(inner.len());
    let mut bytes = inner.iter();
    while let Some(&byte) = bytes.next() {
        match byte {
            b'"' => break,
            b'\\' => out.extend(bytes.next()),
            other => out.push(other),
        }
    }
    out
}
