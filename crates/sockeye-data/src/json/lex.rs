//! The words of JSON (RFC 8259): white space, strings, numbers, literals.
//!
//! Each function reads at a place of a window of the text and says `None` if the word may go on behind the window; `last` says that
//! nothing is behind it.

use crate::value::{Number, Text};

use super::fault::Fault;

/// What was read and the place behind it, or nothing if more text is needed.
pub(super) type Lexed<T> = Result<Option<(T, usize)>, Fault>;

/// What becomes of half a surrogate pair.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Surrogates {
    /// It becomes U+FFFD instead of an error.
    pub(super) replace: bool,
    /// How many became that.
    pub(super) replaced: u64,
}

/// The place behind white space.
#[inline]
pub(super) fn skip_space(bytes: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\n' | b'\r' | b'\t') = bytes.get(at) {
        at += 1;
    }
    at
}

const LOW: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

/// The highest bit of each byte that is zero. Right up to the first one, which is enough.
#[inline]
fn zeros(word: u64) -> u64 {
    word.wrapping_sub(LOW) & !word & HIGH
}

/// The place of the first quote, backslash or control byte from `at` on, or the end.
#[inline]
pub(super) fn plain_end(bytes: &[u8], mut at: usize, quote: u8) -> usize {
    while let Some(chunk) = bytes.get(at..at + 8) {
        let word = u64::from_le_bytes(chunk.try_into().expect("eight bytes"));
        let control = word.wrapping_sub(LOW * 0x20) & !word & HIGH;
        let found = control
            | zeros(word ^ (LOW * u64::from(quote)))
            | zeros(word ^ (LOW * u64::from(b'\\')));
        if found != 0 {
            return at + (found.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    while let Some(&byte) = bytes.get(at) {
        if byte < 0x20 || byte == quote || byte == b'\\' {
            break;
        }
        at += 1;
    }
    at
}

/// The place of the first byte from `at` on that is written as an escape, or the end.
#[inline]
pub(super) fn unescaped_end(bytes: &[u8], mut at: usize, ascii: bool) -> usize {
    let beyond = if ascii { HIGH } else { 0 };
    while let Some(chunk) = bytes.get(at..at + 8) {
        let word = u64::from_le_bytes(chunk.try_into().expect("eight bytes"));
        let control = word.wrapping_sub(LOW * 0x20) & !word & HIGH;
        let found = control
            | zeros(word ^ (LOW * u64::from(b'"')))
            | zeros(word ^ (LOW * u64::from(b'\\')))
            | zeros(word ^ (LOW * 0x7f))
            | word & beyond;
        if found != 0 {
            return at + (found.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    while let Some(&byte) = bytes.get(at) {
        if byte < 0x20 || byte == b'"' || byte == b'\\' || byte == 0x7f || (ascii && byte >= 0x80) {
            break;
        }
        at += 1;
    }
    at
}

/// A string; the quote stands at `start`.
#[inline]
pub(super) fn string(
    text: &str,
    start: usize,
    last: bool,
    surrogates: &mut Surrogates,
) -> Lexed<Text> {
    let bytes = text.as_bytes();
    let end = plain_end(bytes, start + 1, b'"');
    if bytes.get(end) == Some(&b'"') {
        return Ok(Some((Text::from(&text[start + 1..end]), end + 1)));
    }
    escaped(text, start, end, last, surrogates)
}

/// A string that has escapes, or an end that is missing: the first run of plain text ends at `end`.
#[cold]
#[inline(never)]
fn escaped(
    text: &str,
    start: usize,
    mut end: usize,
    last: bool,
    surrogates: &mut Surrogates,
) -> Lexed<Text> {
    let bytes = text.as_bytes();
    let mut built = String::new();
    let mut run = start + 1;
    // Counted when the string is whole, as it may be read again.
    let mut counting = *surrogates;
    loop {
        match bytes.get(end) {
            None if last => return Err(Fault::truncated(bytes.len(), "a string")),
            None => return Ok(None),
            Some(b'"') => {
                built.push_str(&text[run..end]);
                *surrogates = counting;
                return Ok(Some((Text::from(built), end + 1)));
            }
            Some(b'\\') => {
                built.push_str(&text[run..end]);
                let Some((character, behind)) = escape(text, end, last, &mut counting)? else {
                    return Ok(None);
                };
                built.push(character);
                run = behind;
                end = plain_end(bytes, behind, b'"');
            }
            Some(_) => return Err(control(text, end)),
        }
    }
}

/// A control character in a string.
pub(super) fn control(text: &str, at: usize) -> Fault {
    let found = text[at..].chars().next().unwrap_or_default();
    Fault::syntax(at, format!("{found:?} within a string")).with_hint(
        "control characters in strings are written as escapes; perhaps the quote before is missing",
    )
}

/// The character that an escape means; the backslash stands at `start`.
pub(super) fn escape(
    text: &str,
    start: usize,
    last: bool,
    surrogates: &mut Surrogates,
) -> Lexed<char> {
    let bytes = text.as_bytes();
    let character = match bytes.get(start + 1) {
        None if last => return Err(Fault::truncated(bytes.len(), "a string")),
        None => return Ok(None),
        Some(byte @ (b'"' | b'\\' | b'/')) => char::from(*byte),
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(b'u') => return unicode(text, start, last, surrogates),
        Some(_) => {
            let found = text[start + 1..].chars().next().unwrap_or_default();
            return Err(Fault::syntax(
                start,
                format!("no escape is called \\{}", found.escape_debug()),
            ));
        }
    };
    Ok(Some((character, start + 2)))
}

/// `\uXXXX`, or a pair of them.
fn unicode(text: &str, start: usize, last: bool, surrogates: &mut Surrogates) -> Lexed<char> {
    let Some(first) = hex(text, start, last)? else {
        return Ok(None);
    };
    if let Some(character) = char::from_u32(first) {
        return Ok(Some((character, start + 6)));
    }
    if first < 0xdc00 {
        let bytes = text.as_bytes();
        let next = start + 6;
        let is_escape = match bytes.get(next..(next + 2).min(bytes.len())) {
            Some(b"\\u") => true,
            Some(b"" | b"\\") if !last => return Ok(None),
            _ => false,
        };
        if is_escape {
            let Some(second) = hex(text, next, last)? else {
                return Ok(None);
            };
            if let 0xdc00..=0xdfff = second {
                let code = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
                let character = char::from_u32(code).expect("a pair of surrogates");
                return Ok(Some((character, next + 6)));
            }
        }
    }
    if !surrogates.replace {
        return Err(
            Fault::syntax(start, format!("\\u{first:04x} is half a character"))
                .with_hint("--invalid replace puts U+FFFD in its place"),
        );
    }
    surrogates.replaced += 1;
    Ok(Some((char::REPLACEMENT_CHARACTER, start + 6)))
}

/// Four hexadecimal digits behind `\u`.
fn hex(text: &str, start: usize, last: bool) -> Result<Option<u32>, Fault> {
    let bytes = text.as_bytes();
    let mut code = 0;
    for at in start + 2..start + 6 {
        let digit = match bytes.get(at) {
            None if last => return Err(Fault::truncated(bytes.len(), "a string")),
            None => return Ok(None),
            Some(byte) => char::from(*byte).to_digit(16),
        };
        let Some(digit) = digit else {
            return Err(Fault::syntax(
                start,
                "\\u has four hexadecimal digits behind it",
            ));
        };
        code = code * 16 + digit;
    }
    Ok(Some(code))
}

/// A number; a digit or a minus stands at `start`.
#[inline]
pub(super) fn number(text: &str, start: usize, last: bool) -> Lexed<Number> {
    let bytes = text.as_bytes();
    let negative = bytes.get(start) == Some(&b'-');
    let first = start + usize::from(negative);
    let mut at = first;
    let mut int: i64 = 0;
    // Eighteen digits fit.
    while let Some(digit @ b'0'..=b'9') = bytes.get(at)
        && at < first + 18
    {
        int = int * 10 + i64::from(digit - b'0');
        at += 1;
    }
    match bytes.get(at) {
        None if !last => return Ok(None),
        Some(b'0'..=b'9' | b'.' | b'e' | b'E') => {}
        _ if at == first => {}
        _ if bytes[first] == b'0' && (negative || at > first + 1) => {}
        _ => return Ok(Some((Number::Int(if negative { -int } else { int }), at))),
    }
    let Some(((), end)) = number_end(text, start, last)? else {
        return Ok(None);
    };
    let number = &text[start..end];
    let is_int = number != "-0"
        && number
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'-');
    let number = match number.parse() {
        Ok(int) if is_int => Number::Int(int),
        _ => Number::Text(number.into()),
    };
    Ok(Some((number, end)))
}

/// The place behind a number.
pub(super) fn number_end(text: &str, start: usize, last: bool) -> Lexed<()> {
    let bytes = text.as_bytes();
    let digits = |from: usize| {
        let mut at = from;
        while let Some(b'0'..=b'9') = bytes.get(at) {
            at += 1;
        }
        at
    };
    let missing = |at: usize| match bytes.get(at) {
        None if !last => Ok(None),
        None => Err(Fault::truncated(at, "a number")),
        Some(_) => Err(Fault::unexpected(text, at, "a digit")),
    };
    let first = start + usize::from(bytes.get(start) == Some(&b'-'));
    let mut end = digits(first);
    if end == first {
        return missing(end);
    }
    if bytes[first] == b'0' && end > first + 1 {
        return Err(Fault::syntax(first, "a number starts with 0")
            .with_hint("what has leading zeros is no number: put it in quotes"));
    }
    if bytes.get(end) == Some(&b'.') {
        let fraction = end + 1;
        end = digits(fraction);
        if end == fraction {
            return missing(end);
        }
    }
    if let Some(b'e' | b'E') = bytes.get(end) {
        let exponent = end + 1 + usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        end = digits(exponent);
        if end == exponent {
            return missing(end);
        }
    }
    if end == bytes.len() && !last {
        return Ok(None);
    }
    Ok(Some(((), end)))
}

/// `true`, `false` or `null`, of which the first letter stands at `start`.
#[inline]
pub(super) fn literal(text: &str, start: usize, word: &'static str, last: bool) -> Lexed<()> {
    let bytes = text.as_bytes();
    let end = start + word.len();
    let found = &bytes[start..end.min(bytes.len())];
    if found == word.as_bytes() {
        return Ok(Some(((), end)));
    }
    if word.as_bytes().starts_with(found) {
        return match last {
            true => Err(Fault::truncated(bytes.len(), word)),
            false => Ok(None),
        };
    }
    let letters = bytes[start..]
        .iter()
        .take_while(|byte| byte.is_ascii_alphanumeric())
        .count();
    Err(Fault::syntax(
        start,
        format!("{:?} is no value", &text[start..start + letters.min(20)]),
    )
    .with_hint("text stands in double quotes"))
}
