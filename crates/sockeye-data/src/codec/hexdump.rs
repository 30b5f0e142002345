//! Dumps: lines of offset, hexadecimal digits and text, as xxd writes them; those of `hexdump -C` and `od -A x -t x1` are read
//! too.

use super::lines::line_end;
use super::{Coder, Options, bad, hex_digit};
use crate::record::Error;

const LINE: usize = 16;
/// No line of a dump is longer.
const LONGEST: usize = 4 << 10;

pub(super) struct Encoder {
    held: Vec<u8>,
    offset: u64,
    end: &'static [u8],
}

impl Encoder {
    pub(super) fn new(options: &Options) -> Self {
        Self {
            held: Vec::new(),
            offset: 0,
            end: line_end(options),
        }
    }

    fn line(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let start = out.len();
        out.extend_from_slice(format!("{:08x}:", self.offset).as_bytes());
        let digits = out.len() - start + 41;
        for (i, byte) in bytes.iter().enumerate() {
            if i % 2 == 0 {
                out.push(b' ');
            }
            out.push(DIGITS[usize::from(byte >> 4)]);
            out.push(DIGITS[usize::from(byte & 15)]);
        }
        out.resize(start + digits, b' ');
        out.push(b' ');
        let text = bytes.iter().map(|byte| match byte {
            b' '..=b'~' => *byte,
            _ => b'.',
        });
        out.extend(text);
        out.extend_from_slice(self.end);
        self.offset += bytes.len() as u64;
    }
}

impl Coder for Encoder {
    fn push(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        self.held.extend_from_slice(input);
        let bytes = std::mem::take(&mut self.held);
        let (lines, rest) = bytes.as_chunks::<LINE>();
        for line in lines {
            self.line(line, out);
        }
        self.held.extend_from_slice(rest);
        Ok(())
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), Error> {
        let last = std::mem::take(&mut self.held);
        if !last.is_empty() {
            self.line(&last, out);
        }
        Ok(())
    }
}

#[derive(Default)]
pub(super) struct Decoder {
    line: Vec<u8>,
    /// Where the line began.
    start: u64,
    /// How many bytes the lines so far were.
    offset: u64,
}

impl Decoder {
    fn line(&mut self, line: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        let line = line.trim_ascii();
        let fail = |why: &str, at: usize| Err(bad("hexdump", why, self.start + at as u64));
        if line.is_empty() {
            return Ok(());
        }
        if line == b"*" {
            let why = "`*` stands for lines that were left out; make the dump with all of them (hexdump -v)";
            return fail(why, 0);
        }
        let digits = line
            .iter()
            .take_while(|byte| hex_digit(**byte).is_some())
            .count();
        let offset = std::str::from_utf8(&line[..digits])
            .ok()
            .and_then(|digits| u64::from_str_radix(digits, 16).ok());
        let Some(offset) = offset.filter(|_| digits >= 4) else {
            return fail("a line begins with an offset of four digits at least", 0);
        };
        if offset != self.offset {
            let why = format!(
                "the offset is {offset:x} where {:x} bytes came",
                self.offset
            );
            return fail(&why, 0);
        }
        // xxd ends its digits with two blanks; the others have two in the middle, and a bar behind.
        let (rest, narrow) = match line.get(digits) {
            Some(b':') => (digits + 1, true),
            Some(b' ' | b'\t') => (digits, false),
            None => return Ok(()),
            _ => return fail("a colon or a blank follows the offset", digits),
        };
        let base = out.len();
        let mut i = rest;
        while i < line.len() {
            match line[i..] {
                [b' ', b' ', ..] if narrow => break,
                [b' ' | b'\t', ..] => i += 1,
                [b'|' | b'>', ..] if !narrow => break,
                [high, low, ..] => match (hex_digit(high), hex_digit(low)) {
                    (Some(high), Some(low)) => {
                        out.push(high << 4 | low);
                        i += 2;
                    }
                    _ => return fail("this is no pair of hexadecimal digits", i),
                },
                _ => return fail("this is no pair of hexadecimal digits", i),
            }
        }
        self.offset += (out.len() - base) as u64;
        Ok(())
    }
}

impl Coder for Decoder {
    fn push(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        for piece in input.split_inclusive(|byte| *byte == b'\n') {
            if self.line.len() + piece.len() > LONGEST {
                return Err(bad(
                    "hexdump",
                    "the line is longer than any of a dump",
                    self.start,
                ));
            }
            self.line.extend_from_slice(piece);
            if piece.ends_with(b"\n") {
                let mut line = std::mem::take(&mut self.line);
                self.line(&line, out)?;
                self.start += line.len() as u64;
                line.clear();
                self.line = line;
            }
        }
        Ok(())
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), Error> {
        let line = std::mem::take(&mut self.line);
        self.line(&line, out)
    }
}
