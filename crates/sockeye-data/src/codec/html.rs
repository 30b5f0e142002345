//! Character references of HTML.

use super::utf8::Utf8;
use super::{Coder, Options};
use crate::record::Error;

/// A reference by name has 33 bytes at most. One by number may have zeros as it likes; it has no more than this here.
const LONGEST: usize = 1 << 10;

pub(super) struct Encoder {
    /// Only what goes beyond ASCII has to be understood.
    text: Option<Utf8>,
}

impl Encoder {
    pub(super) fn new(options: &Options) -> Self {
        Self {
            text: options.ascii.then(|| Utf8::new("html", options.lenient)),
        }
    }
}

/// Safe between tags and in attributes of either quotes.
fn escape(bytes: &[u8], out: &mut Vec<u8>) {
    let mut from = 0;
    for (at, byte) in bytes.iter().enumerate() {
        let reference: &[u8] = match byte {
            b'&' => b"&amp;",
            b'<' => b"&lt;",
            b'>' => b"&gt;",
            b'"' => b"&quot;",
            b'\'' => b"&#39;",
            _ => continue,
        };
        out.extend_from_slice(&bytes[from..at]);
        out.extend_from_slice(reference);
        from = at + 1;
    }
    out.extend_from_slice(&bytes[from..]);
}

fn escape_to_ascii(text: &str, out: &mut Vec<u8>) {
    let mut rest = text;
    while let Some(at) = rest.bytes().position(|byte| byte >= 128) {
        escape(&rest.as_bytes()[..at], out);
        let letter = rest[at..].chars().next().unwrap_or_default();
        out.extend_from_slice(format!("&#{};", u32::from(letter)).as_bytes());
        rest = &rest[at + letter.len_utf8()..];
    }
    escape(rest.as_bytes(), out);
}

impl Coder for Encoder {
    fn push(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        match &mut self.text {
            None => {
                escape(input, out);
                Ok(())
            }
            Some(text) => text.push(input, false, |text| {
                escape_to_ascii(text, out);
                Ok(())
            }),
        }
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), Error> {
        match &mut self.text {
            None => Ok(()),
            Some(text) => text.push(&[], true, |text| {
                escape_to_ascii(text, out);
                Ok(())
            }),
        }
    }
}

/// What is no reference is text: nothing is refused, as in HTML.
#[derive(Default)]
pub(super) struct Decoder {
    /// From `&` on, what may belong to it: ASCII.
    held: String,
}

impl Decoder {
    fn give(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(crate::html::unescape(&self.held).as_bytes());
        self.held.clear();
    }
}

impl Coder for Decoder {
    fn push(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        let mut i = 0;
        while i < input.len() {
            let byte = input[i];
            if !self.held.is_empty() {
                let is_word =
                    byte.is_ascii_alphanumeric() || (byte == b'#' && self.held.len() == 1);
                if is_word && self.held.len() < LONGEST {
                    self.held.push(char::from(byte));
                    i += 1;
                    continue;
                }
                if byte == b';' {
                    self.held.push(';');
                    i += 1;
                }
                self.give(out);
                continue;
            }
            let rest = &input[i..];
            let plain = memchr::memchr(b'&', rest).unwrap_or(rest.len());
            out.extend_from_slice(&rest[..plain]);
            i += plain;
            if i < input.len() {
                self.held.push('&');
                i += 1;
            }
        }
        Ok(())
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), Error> {
        self.give(out);
        Ok(())
    }
}
