//! What JSON with comments and JSON5 (<https://spec.json5.org>) have beyond JSON.

use std::sync::Arc;

use num_bigint::BigInt;

use crate::value::{Number, Text, Value};

use super::Dialect;
use super::fault::Fault;
use super::lex::{self, Lexed, Surrogates};

/// The place behind white space and comments.
pub(super) fn skip_space(dialect: Dialect, text: &str, mut at: usize, last: bool) -> Lexed<()> {
    let bytes = text.as_bytes();
    loop {
        at = lex::skip_space(bytes, at);
        match bytes.get(at) {
            Some(b'#') => match line_end(bytes, at, last) {
                Some(end) => at = end,
                None => return Ok(None),
            },
            Some(b'/') => match bytes.get(at + 1) {
                None if !last => return Ok(None),
                Some(b'/') => match line_end(bytes, at, last) {
                    Some(end) => at = end,
                    None => return Ok(None),
                },
                Some(b'*') => match memchr::memmem::find(&bytes[at + 2..], b"*/") {
                    Some(length) => at += length + 4,
                    None if last => return Err(Fault::truncated(bytes.len(), "a comment")),
                    None => return Ok(None),
                },
                _ => return Ok(Some(((), at))),
            },
            Some(0x0b | 0x0c | 0x80..) if dialect == Dialect::Json5 => {
                match text[at..].chars().next() {
                    Some(space) if space.is_whitespace() || space == '\u{feff}' => {
                        at += space.len_utf8();
                    }
                    _ => return Ok(Some(((), at))),
                }
            }
            _ => return Ok(Some(((), at))),
        }
    }
}

/// The end of the line; `None` if it may be behind the window.
fn line_end(bytes: &[u8], at: usize, last: bool) -> Option<usize> {
    match memchr::memchr(b'\n', &bytes[at..]) {
        Some(length) => Some(at + length),
        None => last.then_some(bytes.len()),
    }
}

/// A value that is no array, object or literal of JSON.
pub(super) fn scalar(
    dialect: Dialect,
    text: &str,
    at: usize,
    last: bool,
    surrogates: &mut Surrogates,
) -> Lexed<Value> {
    match (dialect, text.as_bytes()[at]) {
        (Dialect::Json5, b'"' | b'\'') => {
            let string = string(text, at, last, surrogates)?;
            Ok(string.map(|(string, end)| (Value::String(string), end)))
        }
        (_, b'"') => {
            let string = lex::string(text, at, last, surrogates)?;
            Ok(string.map(|(string, end)| (Value::String(string), end)))
        }
        (Dialect::Json5, b'0'..=b'9' | b'-' | b'+' | b'.' | b'I' | b'N') => {
            let number = number(text, at, last)?;
            Ok(number.map(|(number, end)| (Value::Number(number), end)))
        }
        (_, b'0'..=b'9' | b'-') => {
            let number = lex::number(text, at, last)?;
            Ok(number.map(|(number, end)| (Value::Number(number), end)))
        }
        (Dialect::Json5, _) => Err(Fault::unexpected(text, at, "a value")),
        (_, b'\'' | b'+' | b'.' | b'I' | b'N') => Err(Fault::unexpected(text, at, "a value")
            .with_hint("if it is JSON5, read it with --json5")),
        _ => Err(Fault::unexpected(text, at, "a value")),
    }
}

/// A name of a member: a string, or in JSON5 an identifier.
pub(super) fn name(
    dialect: Dialect,
    text: &str,
    at: usize,
    last: bool,
    surrogates: &mut Surrogates,
) -> Lexed<Text> {
    match (dialect, text.as_bytes()[at]) {
        (Dialect::Json5, b'"' | b'\'') => string(text, at, last, surrogates),
        (Dialect::Json5, _) => identifier(text, at, last, surrogates),
        (_, b'"') => lex::string(text, at, last, surrogates),
        _ => Err(Fault::unexpected(text, at, "a name in double quotes")
            .with_hint("if it is JSON5, read it with --json5")),
    }
}

/// A name without quotes: letters, digits, `$`, `_`, and letters as `\uXXXX`.
fn identifier(text: &str, start: usize, last: bool, surrogates: &mut Surrogates) -> Lexed<Text> {
    let bytes = text.as_bytes();
    let mut name = Text::new();
    let mut at = start;
    while let Some(mut character) = text[at..].chars().next() {
        let mut end = at + character.len_utf8();
        if character == '\\' {
            if let Some(other) = bytes.get(at + 1)
                && *other != b'u'
            {
                return Err(Fault::syntax(at, "only \\u is an escape in a name"));
            }
            match lex::escape(text, at, last, surrogates)? {
                Some(escaped) => (character, end) = escaped,
                None => return Ok(None),
            }
        }
        let is_part = character.is_alphabetic()
            || matches!(character, '$' | '_')
            || (at > start && (character.is_numeric() || "\u{200c}\u{200d}".contains(character)));
        if !is_part {
            break;
        }
        name.push(character);
        at = end;
    }
    if at == text.len() {
        return match last {
            true => Err(Fault::truncated(at, "an object")),
            false => Ok(None),
        };
    }
    if at == start {
        return Err(Fault::unexpected(text, at, "a name"));
    }
    Ok(Some((name, at)))
}

/// A string in single or double quotes.
fn string(text: &str, start: usize, last: bool, surrogates: &mut Surrogates) -> Lexed<Text> {
    let bytes = text.as_bytes();
    let quote = bytes[start];
    let mut built = Text::new();
    let mut counting = *surrogates;
    let mut run = start + 1;
    loop {
        let end = lex::plain_end(bytes, run, quote);
        built.push_str(&text[run..end]);
        match bytes.get(end) {
            None if last => return Err(Fault::truncated(bytes.len(), "a string")),
            None => return Ok(None),
            Some(b'\\') => {
                let Some((character, behind)) = escape(text, end, last, &mut counting)? else {
                    return Ok(None);
                };
                if let Some(character) = character {
                    built.push(character);
                }
                run = behind;
            }
            Some(byte) if *byte == quote => {
                *surrogates = counting;
                return Ok(Some((built, end + 1)));
            }
            // A tab may stand there in JSON5, a line may not end.
            Some(b'\n' | b'\r') => return Err(lex::control(text, end)),
            Some(_) => {
                built.push_str(&text[end..=end]);
                run = end + 1;
            }
        }
    }
}

/// What an escape means; nothing if it only hides the end of a line.
fn escape(
    text: &str,
    start: usize,
    last: bool,
    surrogates: &mut Surrogates,
) -> Lexed<Option<char>> {
    let bytes = text.as_bytes();
    let Some(escaped) = text[start + 1..].chars().next() else {
        return match last {
            true => Err(Fault::truncated(bytes.len(), "a string")),
            false => Ok(None),
        };
    };
    let behind = start + 1 + escaped.len_utf8();
    Ok(match escaped {
        'b' | 'f' | 'n' | 'r' | 't' | 'u' => {
            let found = lex::escape(text, start, last, surrogates)?;
            return Ok(found.map(|(character, end)| (Some(character), end)));
        }
        'v' => Some((Some('\u{b}'), behind)),
        'x' => {
            let Some(digits) = bytes.get(behind..behind + 2) else {
                return match last {
                    true => Err(Fault::truncated(bytes.len(), "a string")),
                    false => Ok(None),
                };
            };
            let digit = |byte: u8| char::from(byte).to_digit(16);
            match (digit(digits[0]), digit(digits[1])) {
                (Some(high), Some(low)) => {
                    let character = char::from_u32(high * 16 + low);
                    Some((character, behind + 2))
                }
                _ => {
                    return Err(Fault::syntax(
                        start,
                        "\\x has two hexadecimal digits behind it",
                    ));
                }
            }
        }
        '\r' => match bytes.get(behind) {
            None if !last => None,
            Some(b'\n') => Some((None, behind + 1)),
            _ => Some((None, behind)),
        },
        '\n' | '\u{2028}' | '\u{2029}' => Some((None, behind)),
        '0' => match bytes.get(behind) {
            None if !last => None,
            Some(b'0'..=b'9') => {
                return Err(Fault::syntax(start, "octal escapes are not allowed"));
            }
            _ => Some((Some('\0'), behind)),
        },
        '1'..='9' => return Err(Fault::syntax(start, "octal escapes are not allowed")),
        other => Some((Some(other), behind)),
    })
}

/// A number of JSON5. What JSON can say as well keeps its text.
fn number(text: &str, start: usize, last: bool) -> Lexed<Number> {
    let bytes = text.as_bytes();
    let is_part = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'$');
    let signed = start + usize::from(matches!(bytes[start], b'+' | b'-'));
    let mut end = signed + bytes[signed..].iter().take_while(is_part).count();
    let is_hex = matches!(bytes.get(signed..signed + 2), Some(b"0x" | b"0X"));
    if !is_hex
        && matches!(bytes.get(end), Some(b'+' | b'-'))
        && matches!(bytes[end - 1], b'e' | b'E')
    {
        end += 1;
        end += bytes[end..].iter().take_while(is_part).count();
    }
    if end == bytes.len() && !last {
        return Ok(None);
    }
    let sign = if bytes[start] == b'-' { "-" } else { "" };
    let word = &text[signed..end];
    let number = match word {
        "Infinity" if sign.is_empty() => Some(Number::Float(f64::INFINITY)),
        "Infinity" => Some(Number::Float(f64::NEG_INFINITY)),
        "NaN" => Some(Number::Float(f64::NAN)),
        _ if is_hex => hexadecimal(sign, &word[2..]),
        _ => decimal(sign, word),
    };
    match number {
        Some(number) => Ok(Some((number, end))),
        None => {
            let shown: String = text[start..end].chars().take(40).collect();
            Err(Fault::syntax(start, format!("{shown:?} is no number")))
        }
    }
}

fn hexadecimal(sign: &str, digits: &str) -> Option<Number> {
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let text = format!("{sign}{digits}");
    match i64::from_str_radix(&text, 16) {
        Ok(int) => Some(Number::Int(int)),
        Err(_) => {
            let big = BigInt::parse_bytes(text.as_bytes(), 16)?;
            Some(Number::Big(Arc::new(big)))
        }
    }
}

/// JSON wants digits on both sides of the point.
fn decimal(sign: &str, word: &str) -> Option<Number> {
    let (whole, rest) = match word.split_once('.') {
        None => return Number::from_json_text(&format!("{sign}{word}")),
        Some(parts) => parts,
    };
    let fraction_digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    if (whole.is_empty() && fraction_digits == 0) || rest.starts_with('.') {
        return None;
    }
    let whole = if whole.is_empty() { "0" } else { whole };
    let point = if fraction_digits == 0 { "" } else { "." };
    Number::from_json_text(&format!("{sign}{whole}{point}{rest}"))
}
