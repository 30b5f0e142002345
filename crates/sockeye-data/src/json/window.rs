//! The part of the input that is being read: it slides along, is UTF-8 always, and knows where it is.

use std::cell::Cell;
use std::io;

use crate::record::{Error, Position};

use super::fault::{FORMAT, Fault};

/// How much is read at once, unless a word or a line is larger.
const CHUNK: usize = 128 << 10;

/// Bytes turned into text, bit by bit.
#[derive(Debug, Default)]
pub(super) struct Decoded {
    pub(super) text: String,
    /// What is no UTF-8 becomes U+FFFD; else it is where the text ends.
    replace: bool,
    /// How often it did.
    pub(super) replaced: u64,
    /// Places of the text that have this many bytes more than the input had.
    longer: Vec<(usize, usize)>,
    /// The bytes behind the text are no UTF-8.
    pub(super) is_bad: bool,
}

impl Decoded {
    pub(super) fn new(replace: bool) -> Self {
        Self {
            replace,
            ..Self::default()
        }
    }

    /// Append bytes, of which the last character may be cut unless they are the `last`; how many were taken.
    pub(super) fn append(&mut self, bytes: &[u8], last: bool) -> usize {
        let mut from = 0;
        loop {
            let error = match simdutf8::compat::from_utf8(&bytes[from..]) {
                Ok(text) => {
                    self.text.push_str(text);
                    return bytes.len();
                }
                Err(error) => error,
            };
            let good = from + error.valid_up_to();
            // Proved a moment ago; this is the way to say so without unsafe code.
            self.text
                .push_str(std::str::from_utf8(&bytes[from..good]).unwrap_or_default());
            from = good;
            let length = match error.error_len() {
                Some(length) => length,
                None if last => bytes.len() - from,
                None => return from,
            };
            if !self.replace {
                self.is_bad = true;
                return from;
            }
            self.replaced += 1;
            self.longer.push((self.text.len(), 3 - length));
            self.text.push(char::REPLACEMENT_CHARACTER);
            from += length;
        }
    }

    /// How many bytes of the input the text up to a place was.
    pub(super) fn bytes_before(&self, at: usize) -> usize {
        let before = self.longer.iter().take_while(|(place, _)| *place < at);
        at - before.map(|(_, longer)| longer).sum::<usize>()
    }

    fn drop_front(&mut self, at: usize) {
        self.text.drain(..at);
        self.longer.retain(|(place, _)| *place >= at);
        for (place, _) in &mut self.longer {
            *place -= at;
        }
    }
}

/// Counts lines and characters as the text goes by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    /// The place in the text.
    at: usize,
    line: u64,
    column: u64,
}

impl Mark {
    pub(super) fn start() -> Self {
        Self {
            at: 0,
            line: 1,
            column: 1,
        }
    }

    pub(super) fn on_line(line: u64) -> Self {
        Self {
            line,
            ..Self::start()
        }
    }

    pub(super) fn line(self) -> u64 {
        self.line
    }

    pub(super) fn position(self, byte: u64) -> Position {
        Position {
            byte,
            line: self.line,
            column: self.column,
        }
    }

    /// Moved on to a place that is not before it.
    pub(super) fn moved(self, text: &str, at: usize) -> Self {
        let Some(passed) = text.get(self.at..at) else {
            return self;
        };
        let lines = memchr::memchr_iter(b'\n', passed.as_bytes()).count() as u64;
        let (line_start, column) = match memchr::memrchr(b'\n', passed.as_bytes()) {
            Some(newline) => (newline + 1, 1),
            None => (0, self.column),
        };
        Self {
            at,
            line: self.line + lines,
            column: column + passed[line_start..].chars().count() as u64,
        }
    }
}

/// A window over an input.
#[derive(Debug)]
pub(super) struct Window<R> {
    input: R,
    /// What was read; the first `raw_len` bytes of it are not in the text yet.
    raw: Vec<u8>,
    raw_len: usize,
    decoded: Decoded,
    /// What is before this place is done with.
    pub(super) at: usize,
    /// Nothing is behind the text.
    pub(super) is_last: bool,
    started: bool,
    /// Bytes of the input before the text.
    before: u64,
    mark: Cell<Mark>,
}

impl<R: io::Read> Window<R> {
    pub(super) fn new(input: R, replace: bool) -> Self {
        Self {
            input,
            raw: Vec::new(),
            raw_len: 0,
            decoded: Decoded::new(replace),
            at: 0,
            is_last: false,
            started: false,
            before: 0,
            mark: Cell::new(Mark::start()),
        }
    }

    pub(super) fn text(&self) -> &str {
        &self.decoded.text
    }

    /// How often what is no UTF-8 was replaced.
    pub(super) fn replaced(&self) -> u64 {
        self.decoded.replaced
    }

    /// The bytes of the input before the place that comes next.
    pub(super) fn byte(&self) -> u64 {
        self.byte_at(self.at)
    }

    /// The bytes of the input before a place of the text.
    pub(super) fn byte_at(&self, at: usize) -> u64 {
        self.before + self.decoded.bytes_before(at) as u64
    }

    /// Where a place of the text is in the input.
    pub(super) fn position(&self, at: usize) -> Position {
        let mark = self.mark.get().moved(self.text(), at);
        if at <= self.at {
            self.mark.set(mark);
        }
        mark.position(self.byte_at(at))
    }

    #[cfg(test)]
    pub(super) fn memory(&self) -> usize {
        self.raw.capacity() + self.decoded.text.capacity()
    }

    /// The bytes of the input before the end of the text.
    pub(super) fn end_byte(&self) -> u64 {
        self.byte_at(self.text().len())
    }

    /// What comes behind the text is no UTF-8.
    pub(super) fn is_bad(&self) -> bool {
        self.decoded.is_bad
    }

    /// Read more. Whether there is more text, or is known to be none.
    pub(super) fn fill(&mut self) -> Result<(), Error> {
        if self.decoded.is_bad {
            let fault = Fault::not_utf8(self.text().len());
            let position = self.position(fault.at);
            return Err(fault.into_error(position));
        }
        self.drop_front();
        let wanted = self.raw_len + CHUNK.max(self.text().len());
        if self.raw.len() < wanted {
            self.raw.resize(wanted, 0);
        }
        let count = loop {
            match self.input.read(&mut self.raw[self.raw_len..]) {
                Ok(count) => break count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    return Err(Error::io(FORMAT, &error).at(self.position(self.text().len())));
                }
            }
        };
        let end = self.raw_len + count;
        let taken = self.decoded.append(&self.raw[..end], count == 0);
        self.raw.copy_within(taken..end, 0);
        self.raw_len = end - taken;
        self.is_last = count == 0 && self.raw_len == 0;
        if !self.started && !self.text().is_empty() {
            self.started = true;
            if self.text().starts_with('\u{feff}') {
                self.drop_bom();
            }
        }
        Ok(())
    }

    fn drop_bom(&mut self) {
        self.decoded.drop_front('\u{feff}'.len_utf8());
        self.before += '\u{feff}'.len_utf8() as u64;
    }

    fn drop_front(&mut self) {
        if self.at == 0 {
            return;
        }
        let mark = self.mark.get().moved(self.text(), self.at);
        self.before += self.decoded.bytes_before(self.at) as u64;
        self.decoded.drop_front(self.at);
        self.mark.set(Mark { at: 0, ..mark });
        self.at = 0;
    }

    /// Drop all up to and with the next `delimiter` behind bytes that are no UTF-8. Whether there was one.
    pub(super) fn pass_bad(&mut self, delimiter: u8) -> Result<bool, Error> {
        let mut mark = self.mark.get().moved(self.text(), self.text().len());
        self.at = self.text().len();
        self.drop_front();
        loop {
            let found = memchr::memchr(delimiter, &self.raw[..self.raw_len]);
            let passed = found.map_or(self.raw_len, |place| place + 1);
            let lines = memchr::memchr_iter(b'\n', &self.raw[..passed]).count() as u64;
            mark = Mark {
                at: 0,
                line: mark.line + lines,
                column: 1,
            };
            self.before += passed as u64;
            self.raw.copy_within(passed..self.raw_len, 0);
            self.raw_len -= passed;
            self.mark.set(mark);
            if found.is_some() {
                self.decoded.is_bad = false;
                let rest = self.raw_len;
                let taken = self.decoded.append(&self.raw[..rest], false);
                self.raw.copy_within(taken..rest, 0);
                self.raw_len -= taken;
                return Ok(true);
            }
            let count = match self.input.read(&mut self.raw) {
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(Error::io(FORMAT, &error)),
            };
            self.raw_len = count;
            if count == 0 {
                self.decoded.is_bad = false;
                self.is_last = true;
                return Ok(false);
            }
        }
    }
}
