//! Bytes as text that is safe and complete: what a terminal must not see becomes an escape, and nothing is lost.
//!
//! Bytes from a peer may hold control sequences, text that runs backwards, or no text at all. [`escape`] shows each of
//! them on one line, [`Escaper`] does so for a stream that arrives in pieces, and [`unescape`] is the way back. This is
//! for people; formats for machines have escapes of their own.
//!
//! | input | output |
//! |---|---|
//! | printable characters, valid UTF-8 | themselves |
//! | line feed, carriage return, tab, NUL, backslash | `\n` `\r` `\t` `\0` `\\` |
//! | other ASCII controls, bytes that are not UTF-8 | `\x1b`, always two digits |
//! | characters that are hidden ([`is_hidden`]) | `\u{202e}` |
//!
//! Every backslash of the output begins an escape, so the output has one meaning.

use std::borrow::Cow;
use std::fmt;

const HEX: &[u8; 16] = b"0123456789abcdef";

/// Shows a stream of bytes as text, piece by piece.
///
/// The text is the same however the bytes are cut: a UTF-8 sequence (RFC 3629) whose end has not come yet, at most
/// 3 bytes, is held until it does.
///
/// # Examples
///
/// ```
/// use sockeye_data::escape::Escaper;
///
/// let mut text = String::new();
/// let mut escaper = Escaper::new();
/// escaper.push(b"3 \xe2\x82", &mut text); // the euro sign, cut by a read
/// assert_eq!(text, "3 ");
/// escaper.push(b"\xac\r\n", &mut text);
/// escaper.finish(&mut text);
/// assert_eq!(text, r"3 €\r\n");
/// ```
#[derive(Clone, Debug, Default)]
pub struct Escaper {
    /// The beginning of a UTF-8 sequence: never more than its first 3 bytes between two calls.
    held: [u8; 4],
    count: usize,
}

impl Escaper {
    /// An escaper that holds nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Append the text of these bytes, except for an unfinished character at their end.
    pub fn push(&mut self, bytes: &[u8], out: &mut String) {
        let mut rest = self.complete(bytes, out);
        loop {
            match std::str::from_utf8(rest) {
                Ok(text) => return push_text(text, out),
                Err(error) => {
                    let (valid, other) = rest.split_at(error.valid_up_to());
                    // `valid` is valid by the definition of `valid_up_to`, so nothing is dropped here.
                    push_text(std::str::from_utf8(valid).unwrap_or_default(), out);
                    let Some(length) = error.error_len() else {
                        return self.hold(other);
                    };
                    let (invalid, after) = other.split_at(length);
                    push_bytes(invalid, out);
                    rest = after;
                }
            }
        }
    }

    /// Append what is still held, as `\xNN`: the stream ended inside a character.
    pub fn finish(&mut self, out: &mut String) {
        push_bytes(&self.held[..self.count], out);
        self.count = 0;
    }

    /// How many bytes are held, 0 to 3.
    pub fn held(&self) -> usize {
        self.count
    }

    fn hold(&mut self, bytes: &[u8]) {
        // An unfinished sequence has at most 3 bytes; `take` keeps this from ever being a panic.
        for byte in bytes.iter().take(3) {
            self.held[self.count] = *byte;
            self.count += 1;
        }
    }

    /// Feed the held sequence until it is a character or cannot become one; returns the bytes it did not need.
    fn complete<'a>(&mut self, mut bytes: &'a [u8], out: &mut String) -> &'a [u8] {
        while self.count > 0 {
            let Some((first, after)) = bytes.split_first() else {
                return bytes;
            };
            self.held[self.count] = *first;
            match std::str::from_utf8(&self.held[..=self.count]) {
                Ok(text) => {
                    push_text(text, out);
                    self.count = 0;
                }
                Err(error) if error.error_len().is_none() && self.count < 3 => self.count += 1,
                Err(_) => {
                    // What was held cannot be completed; this byte stands for itself.
                    self.finish(out);
                    return bytes;
                }
            }
            bytes = after;
        }
        bytes
    }
}

/// The text of these bytes.
///
/// # Examples
///
/// ```
/// use sockeye_data::escape::escape;
///
/// assert_eq!(escape(b"GET / HTTP/1.0\r\n"), r"GET / HTTP/1.0\r\n");
/// assert_eq!(escape(b"\x1b[2J\xff\\"), r"\x1b[2J\xff\\");
/// ```
pub fn escape(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    let mut escaper = Escaper::new();
    escaper.push(bytes, &mut out);
    escaper.finish(&mut out);
    out
}

/// This text, safe for a message: a name that a peer gave.
///
/// # Examples
///
/// ```
/// use sockeye_data::escape::escape_str;
///
/// assert_eq!(escape_str("müller.example"), "müller.example");
/// assert_eq!(escape_str("txt.\u{202e}exe"), r"txt.\u{202e}exe");
/// ```
pub fn escape_str(text: &str) -> Cow<'_, str> {
    if text.chars().all(is_plain) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    push_text(text, &mut out);
    Cow::Owned(out)
}

/// The text of the first `max` bytes, for a message that quotes a peer; longer input ends in `... (N bytes)`.
///
/// A character that the cut would split is left out. An escape may take up to 6 characters per byte of input.
///
/// # Examples
///
/// ```
/// use sockeye_data::escape::escape_start;
///
/// assert_eq!(escape_start(b"220 ready\r\n", 60), r"220 ready\r\n");
/// assert_eq!(escape_start(b"220 ready\r\n", 3), "220... (11 bytes)");
/// ```
pub fn escape_start(bytes: &[u8], max: usize) -> String {
    if bytes.len() <= max {
        return escape(bytes);
    }
    let mut out = String::with_capacity(max + 16);
    Escaper::new().push(&bytes[..max], &mut out);
    let unit = if bytes.len() == 1 { "byte" } else { "bytes" };
    out.push_str(&format!("... ({} {unit})", bytes.len()));
    out
}

/// Whether a character is one that a terminal obeys, that cannot be seen, or that looks like a space and is none.
///
/// These are: controls (C0, DEL, C1), line and paragraph separators, blanks other than U+0020, what Unicode calls
/// default ignorable (zero-width characters, the byte order mark, directional marks, embeddings and isolates, variation
/// selectors, tags, fillers; UAX #44), format controls of single scripts, private use, noncharacters, and planes that
/// hold no characters. Unassigned code points inside the other planes are not told apart.
pub fn is_hidden(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_control();
    }
    // Planes end in two noncharacters each.
    if c as u32 & 0xfffe == 0xfffe {
        return true;
    }
    matches!(c,
        '\u{80}'..='\u{a0}' // C1 controls, no-break space
        | '\u{ad}' | '\u{34f}' | '\u{61c}'
        | '\u{115f}'..='\u{1160}' | '\u{1680}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{2000}'..='\u{200f}' // blanks, zero width, directional marks
        | '\u{2028}'..='\u{202f}' // separators, embeddings, overrides, narrow space
        | '\u{205f}'..='\u{206f}' // blanks, invisible operators, isolates
        | '\u{2800}' | '\u{3000}' | '\u{3164}'
        | '\u{e000}'..='\u{f8ff}' // private use
        | '\u{fdd0}'..='\u{fdef}' // noncharacters
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffc}'
        | '\u{13430}'..='\u{1343f}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{40000}'..='\u{10ffff}' // no characters, tags, selectors, private use
    )
}

fn is_plain(c: char) -> bool {
    matches!(c, ' '..='[' | ']'..='~') || (c != '\\' && !is_hidden(c))
}

fn push_text(text: &str, out: &mut String) {
    let mut start = 0;
    for (at, c) in text.char_indices() {
        if is_plain(c) {
            continue;
        }
        out.push_str(&text[start..at]);
        push_char(c, out);
        start = at + c.len_utf8();
    }
    out.push_str(&text[start..]);
}

fn push_char(c: char, out: &mut String) {
    match c {
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\0' => out.push_str("\\0"),
        '\\' => out.push_str("\\\\"),
        _ if c.is_ascii() => push_bytes(&[c as u8], out),
        _ => out.extend(c.escape_unicode()),
    }
}

fn push_bytes(bytes: &[u8], out: &mut String) {
    for byte in bytes {
        out.push_str("\\x");
        out.push(char::from(HEX[usize::from(byte >> 4)]));
        out.push(char::from(HEX[usize::from(byte & 15)]));
    }
}

/// The bytes that an escaped text stands for: what a user typed, or what [`escape`] wrote.
///
/// Understood are `\n \r \t \0 \\`, `\xNN` for one byte, and `\u{N}` with 1 to 6 hexadecimal digits for a character in
/// UTF-8. Everything else stands for itself.
///
/// # Errors
///
/// [`UnescapeError`] with the position of the backslash that begins no escape.
///
/// # Examples
///
/// ```
/// use sockeye_data::escape::unescape;
///
/// assert_eq!(unescape(r"PING\r\n\xff\u{e9}").unwrap(), b"PING\r\n\xff\xc3\xa9");
/// assert_eq!(unescape(r"C:\dir").unwrap_err().offset(), 2);
/// ```
pub fn unescape(text: &str) -> Result<Vec<u8>, UnescapeError> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.extend_from_slice(&rest.as_bytes()[..at]);
        let escape = &rest[at..];
        let used = unescape_one(escape, &mut out).map_err(|reason| UnescapeError {
            offset: text.len() - escape.len(),
            reason,
        })?;
        rest = &escape[used..];
    }
    out.extend_from_slice(rest.as_bytes());
    Ok(out)
}

/// Read the escape at the start of `text` and return its length.
fn unescape_one(text: &str, out: &mut Vec<u8>) -> Result<usize, &'static str> {
    let byte = match text.as_bytes().get(1) {
        Some(b'n') => b'\n',
        Some(b'r') => b'\r',
        Some(b't') => b'\t',
        Some(b'0') => 0,
        Some(b'\\') => b'\\',
        Some(b'x') => {
            let digits = text.get(2..4).filter(|digits| is_hex(digits));
            let value = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
            out.push(value.ok_or("`\\x` needs two hexadecimal digits, as in `\\x1b`")?);
            return Ok(4);
        }
        Some(b'u') => return unescape_unicode(text, out),
        Some(_) => {
            return Err("there is no such escape; there are \\n \\r \\t \\0 \\xNN \\u{N} and \\\\");
        }
        None => return Err("a lone backslash at the end; write it as `\\\\`"),
    };
    out.push(byte);
    Ok(2)
}

fn unescape_unicode(text: &str, out: &mut Vec<u8>) -> Result<usize, &'static str> {
    let digits = text
        .strip_prefix("\\u{")
        .and_then(|rest| rest.split_once('}'))
        .map(|(digits, _)| digits)
        .filter(|digits| (1..=6).contains(&digits.len()) && is_hex(digits))
        .ok_or("`\\u` needs one to six hexadecimal digits in braces, as in `\\u{20ac}`")?;
    let c = u32::from_str_radix(digits, 16)
        .ok()
        .and_then(char::from_u32)
        .ok_or("there is no such character")?;
    out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    Ok(digits.len() + 4)
}

fn is_hex(digits: &str) -> bool {
    digits.bytes().all(|digit| digit.is_ascii_hexdigit())
}

/// A backslash that begins no escape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnescapeError {
    offset: usize,
    reason: &'static str,
}

impl UnescapeError {
    /// Where the backslash stands, in bytes from the start.
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// What is wrong with it, without the position.
    pub fn reason(&self) -> &'static str {
        self.reason
    }
}

impl fmt::Display for UnescapeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at byte {}: {}", self.offset, self.reason)
    }
}

impl std::error::Error for UnescapeError {}

#[cfg(test)]
mod tests;
