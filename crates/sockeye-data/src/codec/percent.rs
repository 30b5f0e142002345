//! Percent-encoding of URLs and forms.

use super::{Coder, Options, bad, cut, hex_digit};
use crate::percent::Keep;
use crate::record::Error;

pub(super) struct Encoder {
    keep: Keep,
    form: bool,
}

impl Encoder {
    pub(super) fn new(form: bool, options: &Options) -> Self {
        // Forms leave an asterisk and no tilde (URL Standard, "application/x-www-form-urlencoded percent-encode set").
        let keep = match form {
            true => Keep::UNRESERVED.with("*").without("~"),
            false => Keep::UNRESERVED,
        };
        Self {
            keep: keep.with(&options.keep),
            form,
        }
    }
}

impl Coder for Encoder {
    fn push(&mut self, mut input: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
        loop {
            let kept = input.iter().take_while(|byte| self.keep.contains(**byte));
            let (plain, rest) = input.split_at(kept.count());
            out.extend_from_slice(plain);
            let Some((byte, rest)) = rest.split_first() else {
                return Ok(());
            };
            if *byte == b' ' && self.form {
                out.push(b'+');
            } else {
                let (high, low) = (
                    DIGITS[usize::from(byte >> 4)],
                    DIGITS[usize::from(byte & 15)],
                );
                out.extend_from_slice(&[b'%', high, low]);
            }
            input = rest;
        }
    }

    fn finish(&mut self, _: &mut Vec<u8>) -> Result<(), Error> {
        Ok(())
    }
}

pub(super) struct Decoder {
    form: bool,
    lenient: bool,
    /// `%` and perhaps a digit.
    held: Vec<u8>,
    taken: u64,
}

impl Decoder {
    pub(super) fn new(form: bool, options: &Options) -> Self {
        Self {
            form,
            lenient: options.lenient,
            held: Vec::new(),
            taken: 0,
        }
    }

    fn name(&self) -> &'static str {
        match self.form {
            true => "form",
            false => "percent",
        }
    }

    fn plain(&self, bytes: &[u8], out: &mut Vec<u8>) {
        let base = out.len();
        out.extend_from_slice(bytes);
        if self.form {
            for byte in out[base..].iter_mut().filter(|byte| **byte == b'+') {
                *byte = b' ';
            }
        }
    }

    /// A byte behind `%`; false if it does not belong to that, and is to be seen again.
    fn escaped(&mut self, byte: u8, at: u64, out: &mut Vec<u8>) -> Result<bool, Error> {
        let first = self.held.get(1).copied().and_then(hex_digit);
        match (first, hex_digit(byte)) {
            (None, Some(_)) => self.held.push(byte),
            (Some(high), Some(low)) => {
                out.push(high << 4 | low);
                self.held.clear();
            }
            (_, None) if self.lenient => {
                out.append(&mut self.held);
                return Ok(false);
            }
            (_, None) => {
                let why = "this `%` is not followed by two hexadecimal digits";
                return Err(bad(self.name(), why, at - self.held.len() as u64));
            }
        }
        Ok(true)
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
            let plain = memchr::memchr(b'%', rest).unwrap_or(rest.len());
            self.plain(&rest[..plain], out);
            i += plain;
            if i < input.len() {
                self.held.push(b'%');
                i += 1;
            }
        }
        self.taken += input.len() as u64;
        Ok(())
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), Error> {
        if !self.held.is_empty() && !self.lenient {
            let why = "this `%` is not followed by two hexadecimal digits";
            return Err(cut(self.name(), why, self.taken - self.held.len() as u64));
        }
        out.append(&mut self.held);
        Ok(())
    }
}
