//! uuencode (POSIX): lines of up to 45 bytes, each with its length, between `begin` and `end`.

use super::lines::line_end;
use super::{Coder, Options, bad, cut};
use crate::record::{Error, ErrorKind};

const LINE: usize = 45;
/// No line of it is longer; one that begins with `begin` has a name of a file.
const LONGEST: usize = 1 << 10;

pub(super) struct Encoder {
    begun: bool,
    name: String,
    end: &'static [u8],
    held: Vec<u8>,
}

impl Encoder {
    pub(super) fn new(options: &Options) -> Result<Self, Error> {
        if options.name.is_empty()
            || options.name.len() > 255
            || options.name.contains(['\n', '\r'])
        {
            let why = "the name of the file is empty, has line ends or more than 255 bytes";
            return Err(Error::new(ErrorKind::Unsupported, "uuencode", why));
        }
        Ok(Self {
            begun: false,
            name: options.name.clone(),
            end: line_end(options),
            held: Vec::new(),
        })
    }

    fn begin(&mut self, out: &mut Vec<u8>) {
        if !std::mem::replace(&mut self.begun, true) {
            out.extend_from_slice(b"begin 644 ");
            out.extend_from_slice(self.name.as_bytes());
            out.extend_from_slice(self.end);
        }
    }

    fn line(&self, bytes: &[u8], out: &mut Vec<u8>) {
        // A line has 45 bytes at most.
        out.push(symbol(bytes.len() as u8));
        for group in bytes.chunks(3) {
            let mut three = [0; 3];
            three[..group.len()].copy_from_slice(group);
            let [a, b, c] = three;
            out.extend_from_slice(&[
                symbol(a >> 2),
                symbol(a << 4 & 63 | b >> 4),
                symbol(b << 2 & 63 | c >> 6),
                symbol(c & 63),
            ]);
        }
        out.extend_from_slice(self.end);
    }
}

/// A blank is at risk at the end of a line: zero is a grave accent.
fn symbol(six: u8) -> u8 {
    if six == 0 { b'`' } else { b' ' + six }
}

impl Coder for Encoder {
    fn push(&mut self, mut input: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        self.begin(out);
        if !self.held.is_empty() {
            let count = input.len().min(LINE - self.held.len());
            self.held.extend_from_slice(&input[..count]);
            input = &input[count..];
            if self.held.len() < LINE {
                return Ok(());
            }
            let line = std::mem::take(&mut self.held);
            self.line(&line, out);
        }
        let (lines, rest) = input.as_chunks::<LINE>();
        for line in lines {
            self.line(line, out);
        }
        self.held.extend_from_slice(rest);
        Ok(())
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), Error> {
        self.begin(out);
        if !self.held.is_empty() {
            let line = std::mem::take(&mut self.held);
            self.line(&line, out);
        }
        self.line(b"", out);
        out.extend_from_slice(b"end");
        out.extend_from_slice(self.end);
        Ok(())
    }
}

pub(super) struct Decoder {
    lenient: bool,
    state: State,
    line: Vec<u8>,
    /// Where the line began.
    start: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Before,
    Within,
    /// The empty line was there.
    Last,
    Behind,
}

impl Decoder {
    pub(super) fn new(options: &Options) -> Self {
        Self {
            lenient: options.lenient,
            state: State::Before,
            line: Vec::new(),
            start: 0,
        }
    }

    fn line(&mut self, line: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        match self.state {
            State::Before if line.starts_with(b"begin ") => self.state = State::Within,
            // Mails have a head, and people write a few words first.
            State::Before if self.lenient || line.is_empty() => {}
            State::Before => {
                return Err(bad("uuencode", "this is not the line `begin`", self.start));
            }
            State::Within if line == b"end" => self.state = State::Behind,
            State::Within => return self.data(line, out),
            State::Last if line == b"end" => self.state = State::Behind,
            State::Last if line.is_empty() => {}
            State::Last if self.lenient => self.state = State::Behind,
            State::Last => return Err(bad("uuencode", "this is not the line `end`", self.start)),
            State::Behind if self.lenient && line.starts_with(b"begin ") => {
                self.state = State::Within
            }
            State::Behind if self.lenient || line.is_empty() => {}
            State::Behind => return Err(bad("uuencode", "data follows the end", self.start)),
        }
        Ok(())
    }

    fn data(&mut self, line: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        let Some((first, symbols)) = line.split_first() else {
            // Some write no symbol for the empty line that is the last.
            self.state = State::Last;
            return Ok(());
        };
        let wrong = symbols
            .iter()
            .position(|symbol| !(b' '..=b'`').contains(symbol));
        let count = usize::from(first.wrapping_sub(b' ') & 63);
        if !(b' '..=b'`').contains(first) || (!self.lenient && wrong.is_some()) {
            if self.lenient {
                return Ok(());
            }
            let at = self.start + wrong.map_or(0, |wrong| wrong as u64 + 1);
            return Err(bad("uuencode", "this is no symbol of uuencode", at));
        }
        if count == 0 {
            self.state = State::Last;
            return Ok(());
        }
        // Blanks at the end, which are zeros, may have been cut off. A byte more is a sum that some programs write.
        let needed = (count * 8).div_ceil(6);
        if symbols.len() > count.div_ceil(3) * 4 + 1 && !self.lenient {
            let why = format!("the line has more symbols than {count} bytes take");
            return Err(bad("uuencode", why, self.start));
        }
        if symbols.len() < needed && !self.lenient && !symbols.is_empty() {
            let why = format!("the line has fewer symbols than {count} bytes take");
            return Err(bad("uuencode", why, self.start));
        }
        let value = |i: usize| {
            symbols
                .get(i)
                .map_or(0, |symbol| symbol.wrapping_sub(b' ') & 63)
        };
        let bytes = (0..count).map(|i| {
            let (at, part) = (i / 3 * 4 + i % 3, i % 3);
            match part {
                0 => value(at) << 2 | value(at + 1) >> 4,
                1 => value(at) << 4 | value(at + 1) >> 2,
                _ => value(at) << 6 | value(at + 1),
            }
        });
        out.extend(bytes);
        Ok(())
    }
}

impl Coder for Decoder {
    fn push(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        for piece in input.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(piece);
            if self.line.len() > LONGEST && !self.lenient {
                return Err(bad(
                    "uuencode",
                    "the line is longer than any of uuencode",
                    self.start,
                ));
            }
            if piece.ends_with(b"\n") {
                let mut line = std::mem::take(&mut self.line);
                let length = line.len();
                self.line(&line[..length - 1], out)?;
                self.start += length as u64;
                line.clear();
                self.line = line;
            } else if self.line.len() > LONGEST {
                // No line of ours: what is left of it is passed over as well.
                let keep = self.line.len().min(LONGEST);
                self.start += (self.line.len() - keep) as u64;
                self.line.truncate(keep);
            }
        }
        Ok(())
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), Error> {
        let line = std::mem::take(&mut self.line);
        if !line.is_empty() {
            self.line(&line, out)?;
        }
        let at = self.start + line.len() as u64;
        match self.state {
            State::Behind => Ok(()),
            _ if self.lenient => Ok(()),
            State::Before => Err(cut("uuencode", "there is no line `begin`", at)),
            _ => Err(cut("uuencode", "the line `end` is missing", at)),
        }
    }
}
