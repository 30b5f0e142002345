//! JSON strings (RFC 8259 section 7).

use super::utf8::Utf8;
use super::{Coder, Options, bad, cut, hex_digit, shown};
use crate::record::Error;

pub(super) struct Encoder {
    text: Utf8,
    quotes: bool,
    ascii: bool,
    begun: bool,
}

impl Encoder {
    pub(super) fn new(options: &Options) -> Self {
        Self {
            text: Utf8::new("json", options.lenient),
            quotes: options.quotes,
            ascii: options.ascii,
            begun: false,
        }
    }

    fn take(&mut self, input: &[u8], is_last: bool, out: &mut Vec<u8>) -> Result<(), Error> {
        if !std::mem::replace(&mut self.begun, true) && self.quotes {
            out.push(b'"');
        }
        let ascii = self.ascii;
        self.text.push(input, is_last, |text| {
            escape(text, ascii, out);
            Ok(())
        })
    }
}

fn escape(text: &str, ascii: bool, out: &mut Vec<u8>) {
    let mut from = 0;
    for (at, byte) in text.bytes().enumerate() {
        let is_plain = byte >= 0x20 && byte != b'"' && byte != b'\\';
        if is_plain && (byte < 128 || !ascii) {
            continue;
        }
        // The other bytes of a character that was written already.
        if at < from {
            continue;
        }
        out.extend_from_slice(&text.as_bytes()[from..at]);
        from = at + 1;
        let short = match byte {
            b'"' | b'\\' => byte,
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            0x08 => b'b',
            0x0c => b'f',
            _ => 0,
        };
        if short != 0 {
            out.extend_from_slice(&[b'\\', short]);
            continue;
        }
        let letter = text[at..].chars().next().unwrap_or_default();
        from = at + letter.len_utf8();
        for unit in letter.encode_utf16(&mut [0; 2]) {
            out.extend_from_slice(format!("\\u{unit:04x}").as_bytes());
        }
    }
    out.extend_from_slice(&text.as_bytes()[from..]);
}

impl Coder for Encoder {
    fn push(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        self.take(input, false, out)
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), Error> {
        self.take(&[], true, out)?;
        if self.quotes {
            out.push(b'"');
        }
        Ok(())
    }
}

pub(super) struct Decoder {
    text: Utf8,
    within: Within,
}

/// What the string is at.
struct Within {
    lenient: bool,
    /// Whether a quote ends it.
    quoted: bool,
    state: State,
    /// The first half of a pair, and where it was.
    high: Option<(u16, u64)>,
    taken: u64,
}

#[derive(Clone, Copy)]
enum State {
    /// The quote is to come.
    Before,
    Text,
    Backslash,
    /// Digits of `\u`: how many came, and what they are worth.
    Unicode(u8, u16),
    Behind,
    /// Text that has no quotes.
    Bare,
}

impl Decoder {
    pub(super) fn new(options: &Options) -> Self {
        Self {
            text: Utf8::new("json", options.lenient),
            within: Within {
                lenient: options.lenient,
                quoted: options.quotes,
                state: match options.quotes {
                    true => State::Before,
                    false => State::Bare,
                },
                high: None,
                taken: 0,
            },
        }
    }
}

impl Within {
    fn text(&mut self, text: &str, out: &mut Vec<u8>) -> Result<(), Error> {
        let bytes = text.as_bytes();
        let mut i = 0;
        while i < bytes.len() {
            if matches!(self.state, State::Text | State::Bare) {
                let plain = bytes[i..]
                    .iter()
                    .take_while(|byte| is_plain(**byte))
                    .count();
                if plain > 0 {
                    self.lone(out)?;
                }
                out.extend_from_slice(&bytes[i..i + plain]);
                i += plain;
                if i == bytes.len() {
                    break;
                }
            }
            self.byte(bytes[i], self.taken + i as u64, out)?;
            i += 1;
        }
        self.taken += bytes.len() as u64;
        Ok(())
    }

    fn byte(&mut self, byte: u8, at: u64, out: &mut Vec<u8>) -> Result<(), Error> {
        let is_blank = matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
        match self.state {
            State::Before if is_blank => Ok(()),
            State::Before if byte == b'"' => {
                self.state = State::Text;
                Ok(())
            }
            // Somebody left the quotes off.
            State::Before if self.lenient => {
                self.quoted = false;
                self.state = State::Bare;
                match byte {
                    b'\\' => self.byte(byte, at, out),
                    _ => {
                        out.push(byte);
                        Ok(())
                    }
                }
            }
            State::Before => {
                let hint = "say that the string has no quotes if that is so";
                Err(bad("json", "a string begins with `\"`", at).with_hint(hint))
            }
            State::Behind if is_blank || self.lenient => Ok(()),
            State::Behind => Err(bad("json", "data follows the string", at)),
            State::Text | State::Bare => self.special(byte, at, out),
            State::Backslash => self.short(byte, at, out),
            State::Unicode(count, value) => {
                let Some(digit) = hex_digit(byte) else {
                    if self.lenient {
                        out.extend_from_slice("\u{fffd}".as_bytes());
                        self.state = self.text_state();
                        return self.byte(byte, at, out);
                    }
                    let why = "`\\u` needs four hexadecimal digits";
                    return Err(bad("json", why, at - 2 - u64::from(count)));
                };
                let value = value << 4 | u16::from(digit);
                self.state = State::Unicode(count + 1, value);
                if count == 3 {
                    self.state = self.text_state();
                    return self.unit(value, at - 5, out);
                }
                Ok(())
            }
        }
    }

    fn text_state(&self) -> State {
        match self.quoted {
            true => State::Text,
            false => State::Bare,
        }
    }

    /// A byte of the string that does not stand for itself.
    fn special(&mut self, byte: u8, at: u64, out: &mut Vec<u8>) -> Result<(), Error> {
        match byte {
            b'\\' => {
                self.state = State::Backslash;
                return Ok(());
            }
            b'"' if matches!(self.state, State::Text) => {
                self.lone(out)?;
                self.state = State::Behind;
                return Ok(());
            }
            b'"' => {}
            _ if !self.lenient && matches!(self.state, State::Text) => {
                let why = format!("{} must be escaped in a string", shown(byte));
                return Err(bad("json", why, at));
            }
            _ => {}
        }
        self.lone(out)?;
        out.push(byte);
        Ok(())
    }

    fn short(&mut self, byte: u8, at: u64, out: &mut Vec<u8>) -> Result<(), Error> {
        let plain = match byte {
            b'"' | b'\\' | b'/' => byte,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'b' => 0x08,
            b'f' => 0x0c,
            b'u' => {
                self.state = State::Unicode(0, 0);
                return Ok(());
            }
            _ if self.lenient => byte,
            _ => return Err(bad("json", "there is no such escape", at - 1)),
        };
        self.state = self.text_state();
        self.lone(out)?;
        out.push(plain);
        Ok(())
    }

    /// A unit of UTF-16, escaped at this place.
    fn unit(&mut self, unit: u16, at: u64, out: &mut Vec<u8>) -> Result<(), Error> {
        if let (Some((high, _)), 0xdc00..=0xdfff) = (self.high, unit) {
            self.high = None;
            for letter in char::decode_utf16([high, unit]).flatten() {
                out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
            }
            return Ok(());
        }
        self.lone(out)?;
        self.high = Some((unit, at));
        match unit {
            0xd800..=0xdbff => Ok(()),
            0xdc00..=0xdfff => self.lone(out),
            _ => {
                self.high = None;
                let letter = char::from_u32(u32::from(unit)).unwrap_or(char::REPLACEMENT_CHARACTER);
                out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
                Ok(())
            }
        }
    }

    /// Half of a pair that stays alone is no character.
    fn lone(&mut self, out: &mut Vec<u8>) -> Result<(), Error> {
        match self.high.take() {
            None => Ok(()),
            Some(_) if self.lenient => {
                out.extend_from_slice("\u{fffd}".as_bytes());
                Ok(())
            }
            Some((unit, at)) => {
                let why =
                    format!("`\\u{unit:04x}` is half of a pair, and the other half is missing");
                Err(bad("json", why, at))
            }
        }
    }
}

fn is_plain(byte: u8) -> bool {
    byte >= 0x20 && byte != b'"' && byte != b'\\'
}

impl Decoder {
    fn take(&mut self, input: &[u8], is_last: bool, out: &mut Vec<u8>) -> Result<(), Error> {
        let within = &mut self.within;
        self.text
            .push(input, is_last, |text| within.text(text, out))
    }
}

impl Coder for Decoder {
    fn push(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        self.take(input, false, out)
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), Error> {
        self.take(&[], true, out)?;
        let at = self.within.taken;
        match self.within.state {
            State::Behind => Ok(()),
            State::Bare => self.within.lone(out),
            _ if self.within.lenient => self.within.lone(out),
            State::Before => Err(cut("json", "there is no string", at)),
            _ => Err(cut("json", "the string does not end", at)),
        }
    }
}
