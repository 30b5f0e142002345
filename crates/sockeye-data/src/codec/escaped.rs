//! Backslash escapes, as [`escape`](crate::escape) has them, in pieces.

use super::{Coder, Options, bad, cut};
use crate::escape::{Escaper, unescape};
use crate::record::Error;

/// `\u{10ffff}` is the longest.
const LONGEST: usize = 10;

#[derive(Default)]
pub(super) struct Encoder {
    escaper: Escaper,
    text: String,
}

impl Encoder {
    fn give(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.text.as_bytes());
        self.text.clear();
    }
}

impl Coder for Encoder {
    fn push(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        self.escaper.push(input, &mut self.text);
        self.give(out);
        Ok(())
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), Error> {
        self.escaper.finish(&mut self.text);
        self.give(out);
        Ok(())
    }
}

pub(super) struct Decoder {
    lenient: bool,
    /// What was read of an escape, from the backslash on.
    held: String,
    taken: u64,
}

impl Decoder {
    pub(super) fn new(options: &Options) -> Self {
        Self {
            lenient: options.lenient,
            held: String::new(),
            taken: 0,
        }
    }

    /// A byte behind a backslash; false if it does not belong to the escape, and is to be seen again.
    fn escaped(&mut self, byte: u8, at: u64, out: &mut Vec<u8>) -> Result<bool, Error> {
        let goes_on = match self.held.len() {
            1 => b"nrt0\\xu".contains(&byte),
            2 if self.held.ends_with('u') => byte == b'{',
            _ => byte.is_ascii_hexdigit() || (byte == b'}' && self.held.contains('{')),
        };
        if goes_on {
            self.held.push(char::from(byte));
            let is_whole = match self.held.as_bytes()[1] {
                b'x' => self.held.len() == 4,
                b'u' => byte == b'}' || self.held.len() > LONGEST,
                _ => true,
            };
            if !is_whole {
                return Ok(true);
            }
            if let Ok(bytes) = unescape(&self.held) {
                out.extend_from_slice(&bytes);
                self.held.clear();
                return Ok(true);
            }
        }
        if !self.lenient {
            // The beginning of the escape, which is none, tells what is wrong; the byte may be any.
            let start = at + u64::from(goes_on) - self.held.len() as u64;
            let mut text = self.held.clone();
            if !goes_on {
                text.push(if byte.is_ascii() {
                    char::from(byte)
                } else {
                    '?'
                });
            }
            let why = match unescape(&text) {
                Err(error) => error.reason(),
                Ok(_) => "there is no such escape",
            };
            return Err(bad("escape", why, start));
        }
        out.extend_from_slice(self.held.as_bytes());
        self.held.clear();
        Ok(goes_on)
    }
}

impl Coder for Decoder {
    fn push(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        let mut i = 0;
        while i < input.len() {
            if !self.held.is_empty() {
                let used = self.escaped(input[i], self.taken + i as u64, out)?;
                i += usize::from(used);
                continue;
            }
            let rest = &input[i..];
            let plain = memchr::memchr(b'\\', rest).unwrap_or(rest.len());
            out.extend_from_slice(&rest[..plain]);
            i += plain;
            if i < input.len() {
                self.held.push('\\');
                i += 1;
            }
        }
        self.taken += input.len() as u64;
        Ok(())
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), Error> {
        if !self.held.is_empty() && !self.lenient {
            let start = self.taken - self.held.len() as u64;
            return Err(cut("escape", "the escape is not whole", start));
        }
        out.extend_from_slice(self.held.as_bytes());
        Ok(())
    }
}
