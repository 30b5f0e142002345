//! Quoted-printable (RFC 2045 section 6.7): text that mail carries without harm.

use super::lines::line_end;
use super::{Coder, Options, bad, cut, hex_digit, shown};
use crate::record::Error;

/// No encoded line has more characters.
const LONGEST: usize = 76;
/// Blanks at the end of a line go; more of them than this are no end of a line that mail has met.
const BLANKS: usize = 1 << 10;

pub(super) struct Encoder {
    binary: bool,
    end: &'static [u8],
    column: usize,
    /// A byte that may be the last of its line.
    held: Option<u8>,
    /// CR, which LF may follow.
    carriage: bool,
}

impl Encoder {
    pub(super) fn new(options: &Options) -> Self {
        Self {
            binary: options.binary,
            end: line_end(options),
            column: 0,
            held: None,
            carriage: false,
        }
    }

    fn byte(&mut self, byte: u8, out: &mut Vec<u8>) {
        if self.binary {
            return self.hold(byte, out);
        }
        if std::mem::take(&mut self.carriage) {
            if byte == b'\n' {
                return self.line(b"\r\n", out);
            }
            self.hold(b'\r', out);
        }
        match byte {
            b'\r' => self.carriage = true,
            b'\n' => self.line(b"\n", out),
            _ => self.hold(byte, out),
        }
    }

    fn hold(&mut self, byte: u8, out: &mut Vec<u8>) {
        if let Some(before) = self.held.replace(byte) {
            self.write(before, false, out);
        }
    }

    fn line(&mut self, end: &[u8], out: &mut Vec<u8>) {
        if let Some(last) = self.held.take() {
            self.write(last, true, out);
        }
        out.extend_from_slice(end);
        self.column = 0;
    }

    fn write(&mut self, byte: u8, is_last: bool, out: &mut Vec<u8>) {
        const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
        let plain = match byte {
            b'=' => false,
            b' ' | b'\t' => !is_last,
            _ => byte.is_ascii_graphic(),
        };
        let length = if plain { 1 } else { 3 };
        // What is not the last leaves room for the mark of a soft break.
        if self.column + length + usize::from(!is_last) > LONGEST {
            out.push(b'=');
            out.extend_from_slice(self.end);
            self.column = 0;
        }
        self.column += length;
        match plain {
            true => out.push(byte),
            false => {
                let (high, low) = (
                    DIGITS[usize::from(byte >> 4)],
                    DIGITS[usize::from(byte & 15)],
                );
                out.extend_from_slice(&[b'=', high, low]);
            }
        }
    }
}

impl Coder for Encoder {
    fn push(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        for byte in input {
            self.byte(*byte, out);
        }
        Ok(())
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), Error> {
        if std::mem::take(&mut self.carriage) {
            self.hold(b'\r', out);
        }
        if let Some(last) = self.held.take() {
            self.write(last, true, out);
        }
        Ok(())
    }
}

pub(super) struct Decoder {
    lenient: bool,
    /// Blanks that go if the line ends behind them.
    blanks: Vec<u8>,
    state: State,
    /// What was read of an escape, from `=` on.
    escape: Vec<u8>,
    taken: u64,
}

enum State {
    Text,
    /// CR was there, and LF may come.
    Carriage,
    /// `=`, and a digit perhaps.
    Escape,
    /// `=` and blanks: a soft break, if the line ends.
    Soft,
    /// `=` and CR.
    SoftCarriage,
}

impl Decoder {
    pub(super) fn new(options: &Options) -> Self {
        Self {
            lenient: options.lenient,
            blanks: Vec::new(),
            state: State::Text,
            escape: Vec::new(),
            taken: 0,
        }
    }

    /// False if the byte does not belong to what was before, and is to be seen again.
    fn byte(&mut self, byte: u8, at: u64, out: &mut Vec<u8>) -> Result<bool, Error> {
        match self.state {
            State::Text => self.text(byte, at, out)?,
            State::Carriage => {
                self.state = State::Text;
                if byte == b'\n' {
                    self.blanks.clear();
                    out.extend_from_slice(b"\r\n");
                    return Ok(true);
                }
                if !self.lenient {
                    let why = "a carriage return that no line feed follows does not belong here";
                    return Err(bad("quoted-printable", why, at - 1));
                }
                out.append(&mut self.blanks);
                out.push(b'\r');
                return Ok(false);
            }
            State::Escape => return self.escaped(byte, at, out),
            State::Soft | State::SoftCarriage => return self.soft(byte, at, out),
        }
        Ok(true)
    }

    fn text(&mut self, byte: u8, at: u64, out: &mut Vec<u8>) -> Result<(), Error> {
        match byte {
            b' ' | b'\t' => {
                self.blanks.push(byte);
                if self.blanks.len() == BLANKS {
                    out.append(&mut self.blanks);
                }
                return Ok(());
            }
            b'\r' => {
                self.state = State::Carriage;
                return Ok(());
            }
            b'\n' => self.blanks.clear(),
            _ => out.append(&mut self.blanks),
        }
        match byte {
            b'=' => {
                self.state = State::Escape;
                self.escape.push(byte);
            }
            b'\n' | b'!'..=b'~' => out.push(byte),
            _ if self.lenient => out.push(byte),
            _ => {
                let why = format!("{} does not belong here", shown(byte));
                return Err(bad("quoted-printable", why, at));
            }
        }
        Ok(())
    }

    fn escaped(&mut self, byte: u8, at: u64, out: &mut Vec<u8>) -> Result<bool, Error> {
        let first = self.escape.get(1).copied().and_then(hex_digit);
        match (first, hex_digit(byte), byte) {
            (None, Some(_), _) => self.escape.push(byte),
            (Some(high), Some(low), _) => {
                out.push(high << 4 | low);
                self.escape.clear();
                self.state = State::Text;
            }
            (None, None, b' ' | b'\t' | b'\r' | b'\n') => {
                self.state = State::Soft;
                return Ok(false);
            }
            _ => return self.broken(at, out),
        }
        Ok(true)
    }

    fn soft(&mut self, byte: u8, at: u64, out: &mut Vec<u8>) -> Result<bool, Error> {
        match (&self.state, byte) {
            (_, b'\n') => {
                self.escape.clear();
                self.state = State::Text;
            }
            (State::Soft, b'\r') => {
                self.escape.push(byte);
                self.state = State::SoftCarriage;
            }
            (State::Soft, b' ' | b'\t') if self.escape.len() < BLANKS => self.escape.push(byte),
            _ => return self.broken(at, out),
        }
        Ok(true)
    }

    /// This was no escape.
    fn broken(&mut self, at: u64, out: &mut Vec<u8>) -> Result<bool, Error> {
        if !self.lenient {
            let why =
                "this `=` is followed by neither two hexadecimal digits nor the end of the line";
            return Err(bad("quoted-printable", why, at - self.escape.len() as u64));
        }
        out.append(&mut self.escape);
        self.state = State::Text;
        Ok(false)
    }
}

impl Coder for Decoder {
    fn push(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        let mut i = 0;
        while i < input.len() {
            let used = self.byte(input[i], self.taken + i as u64, out)?;
            i += usize::from(used);
        }
        self.taken += input.len() as u64;
        Ok(())
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), Error> {
        match self.state {
            // Blanks at the end of the last line go as those of others do.
            State::Text => Ok(()),
            State::Carriage if self.lenient => {
                out.append(&mut self.blanks);
                out.push(b'\r');
                Ok(())
            }
            State::Carriage => {
                let why = "a carriage return that no line feed follows does not belong here";
                Err(bad("quoted-printable", why, self.taken - 1))
            }
            // The last line may end in a soft break without an end of the line.
            State::Escape if self.escape.len() == 1 => Ok(()),
            State::Soft | State::SoftCarriage => Ok(()),
            State::Escape if self.lenient => {
                out.append(&mut self.escape);
                Ok(())
            }
            State::Escape => {
                let why = "this `=` is not followed by two hexadecimal digits";
                Err(cut(
                    "quoted-printable",
                    why,
                    self.taken - self.escape.len() as u64,
                ))
            }
        }
    }
}
