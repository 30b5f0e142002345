//! Percent-encoding (RFC 3986 section 2.1): any bytes as printable text, and back.
//!
//! What is encoded is the caller's choice, a [`Keep`]; decoding is strict and says where the first error is. A `+` is
//! a plus sign here: the form encoding of HTML is another format.

use std::fmt;

/// The ASCII bytes that are left as they are; everything else is encoded, a percent sign always.
///
/// # Examples
///
/// ```
/// use sockeye_data::percent::{Keep, encode};
///
/// const WORDS: Keep = Keep::UNRESERVED.with(" !");
/// assert_eq!(encode(b"100% sure!", WORDS), "100%25 sure!");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Keep(u128);

impl Keep {
    /// Nothing is kept: every byte is encoded.
    pub const NOTHING: Self = Self(0);
    /// Letters, digits and `-._~`, which never mean anything in a URI (RFC 3986 section 2.3).
    pub const UNRESERVED: Self =
        Self::NOTHING.with("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~");
    /// What a path may hold, the slashes between its segments included (RFC 3986 section 3.3).
    pub const PATH: Self = Self::UNRESERVED.with("/!$&'()*+,;=:@");
    /// What one value of a query may hold: no `&`, which ends it, and no `+`, which some readers take for a blank.
    pub const VALUE: Self = Self::UNRESERVED.with("/!$'()*,;=:@[]");

    /// This set and these characters too; a percent sign and what is not ASCII are passed over.
    #[must_use]
    pub const fn with(self, more: &str) -> Self {
        let (bytes, mut bits, mut i) = (more.as_bytes(), self.0, 0);
        while i < bytes.len() {
            if bytes[i] < 128 && bytes[i] != b'%' {
                bits |= 1 << bytes[i];
            }
            i += 1;
        }
        Self(bits)
    }

    /// This set without these characters.
    #[must_use]
    pub const fn without(self, less: &str) -> Self {
        Self(self.0 & !Self::NOTHING.with(less).0)
    }

    /// Whether this byte is left as it is.
    pub const fn contains(self, byte: u8) -> bool {
        byte < 128 && self.0 & (1 << byte) != 0
    }
}

/// Bytes as ASCII text: what is not kept becomes `%` and two hexadecimal digits in upper case.
///
/// # Examples
///
/// ```
/// use sockeye_data::percent::{Keep, encode};
///
/// assert_eq!(encode(b"/tmp/a b\xff", Keep::PATH), "/tmp/a%20b%FF");
/// ```
pub fn encode(bytes: &[u8], keep: Keep) -> String {
    let mut text = String::with_capacity(bytes.len());
    encode_ascii(bytes, keep, &mut text);
    text
}

/// Like [`encode`], but letters and digits of every script stay readable: UTF-8 in, UTF-8 out.
///
/// Control characters, blanks and marks beyond ASCII are still encoded, so that the text is safe to show.
///
/// # Examples
///
/// ```
/// use sockeye_data::percent::{Keep, encode_readable};
///
/// assert_eq!(encode_readable("/tmp/größe\u{202e}".as_bytes(), Keep::PATH), "/tmp/größe%E2%80%AE");
/// ```
pub fn encode_readable(bytes: &[u8], keep: Keep) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for letter in chunk.valid().chars() {
            if !letter.is_ascii() && letter.is_alphanumeric() {
                text.push(letter);
            } else {
                encode_ascii(letter.encode_utf8(&mut [0; 4]).as_bytes(), keep, &mut text);
            }
        }
        encode_ascii(chunk.invalid(), Keep::NOTHING, &mut text);
    }
    text
}

fn encode_ascii(bytes: &[u8], keep: Keep, text: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for &byte in bytes {
        if keep.contains(byte) {
            text.push(char::from(byte));
        } else {
            text.push('%');
            text.push(char::from(DIGITS[usize::from(byte >> 4)]));
            text.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
    }
}

/// The bytes that a text stands for: each `%XX` is one byte, everything else is itself.
///
/// # Errors
///
/// A `%` without two hexadecimal digits behind it; the error says where.
///
/// # Examples
///
/// ```
/// use sockeye_data::percent::decode;
///
/// assert_eq!(decode("a%20b%ff").unwrap(), b"a b\xff");
/// assert_eq!(decode("100%").unwrap_err().offset(), 3);
/// ```
pub fn decode(text: &str) -> Result<Vec<u8>, DecodeError> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut i = 0;
    while let Some(&byte) = bytes.get(i) {
        if byte != b'%' {
            out.push(byte);
            i += 1;
            continue;
        }
        out.push(escape(&bytes[i..]).ok_or(DecodeError { offset: i })?);
        i += 3;
    }
    Ok(out)
}

/// The byte that an escape at the start of these bytes stands for, if `%` and two hexadecimal digits stand there.
pub fn escape(bytes: &[u8]) -> Option<u8> {
    match bytes {
        [b'%', high, low, ..] => Some(digit(*high)? << 4 | digit(*low)?),
        _ => None,
    }
}

fn digit(byte: u8) -> Option<u8> {
    // `to_digit(16)` is below 16, so it always fits.
    char::from(byte).to_digit(16).map(|digit| digit as u8)
}

/// A percent sign that is not followed by two hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodeError {
    offset: usize,
}

impl DecodeError {
    /// Where the percent sign stands, in bytes from the start.
    pub fn offset(&self) -> usize {
        self.offset
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the `%` at byte {} is not followed by two hexadecimal digits",
            self.offset
        )
    }
}

impl std::error::Error for DecodeError {}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn decoding_is_strict_and_names_the_place() {
        for (text, offset) in [
            ("%", 0),
            ("a%2", 1),
            ("ab%zz", 2),
            ("%20%4", 3),
            ("%é", 0),
            ("%%41", 0),
        ] {
            assert_eq!(decode(text).unwrap_err().offset(), offset, "{text}");
        }
        assert_eq!(decode("+%2B%2b").unwrap(), b"+++");
    }

    #[test]
    fn a_percent_sign_is_never_kept() {
        assert_eq!(encode(b"%", Keep::NOTHING.with("%é")), "%25");
        assert_eq!(encode(b"ab", Keep::UNRESERVED.without("b")), "a%62");
    }

    proptest! {
        #[test]
        fn what_is_encoded_comes_back(bytes: Vec<u8>, bits: u128) {
            let keep = Keep(bits & !(1 << b'%'));
            prop_assert!(encode(&bytes, keep).is_ascii());
            prop_assert_eq!(&decode(&encode(&bytes, keep)).unwrap(), &bytes);
            prop_assert_eq!(&decode(&encode_readable(&bytes, keep)).unwrap(), &bytes);
        }

        #[test]
        fn any_text_decodes_or_is_refused_inside_it(text: String) {
            if let Err(error) = decode(&text) {
                prop_assert_eq!(text.as_bytes()[error.offset()], b'%');
            }
        }
    }
}
