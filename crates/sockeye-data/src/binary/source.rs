//! Bytes of a binary format, piece by piece.

use std::io::{ErrorKind as IoKind, Read};

use crate::record::{Error, ErrorKind, Position};

/// How much is read at once, and how much room a promised length gets before its bytes are there.
const READ: usize = 64 * 1024;

pub(crate) struct Source<R> {
    read: R,
    format: &'static str,
    buffer: Box<[u8]>,
    /// Of the buffer, what is taken, and what is there.
    at: usize,
    end: usize,
    /// Bytes before the buffer.
    before: u64,
    ended: bool,
    /// Where the record starts, and how long it may be.
    record: u64,
    limit: u64,
}

impl<R: Read> Source<R> {
    pub(crate) fn new(read: R, format: &'static str, limit: usize) -> Self {
        Self {
            read,
            format,
            buffer: vec![0; READ].into_boxed_slice(),
            at: 0,
            end: 0,
            before: 0,
            ended: false,
            record: 0,
            limit: limit as u64,
        }
    }

    /// Where the next byte is.
    pub(crate) fn offset(&self) -> u64 {
        self.before + self.at as u64
    }

    pub(crate) fn position(&self) -> Position {
        place(self.offset())
    }

    /// Yield nothing any more.
    pub(crate) fn stop(&mut self) {
        self.at = self.end;
        self.ended = true;
    }

    /// A record starts here; `false` if the input ends.
    pub(crate) fn begin(&mut self) -> Result<bool, Error> {
        self.record = self.offset();
        Ok(self.at < self.end || self.fill()?)
    }

    pub(crate) fn byte(&mut self) -> Result<u8, Error> {
        Ok(self.array::<1>()?[0])
    }

    /// A number of fixed length.
    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        self.may_take(N as u64)?;
        let mut bytes = [0; N];
        let mut known = 0;
        while known < N {
            if self.at == self.end && !self.fill()? {
                return Err(self.truncated());
            }
            let count = (N - known).min(self.end - self.at);
            bytes[known..known + count].copy_from_slice(&self.buffer[self.at..self.at + count]);
            self.at += count;
            known += count;
        }
        Ok(bytes)
    }

    /// Append so many bytes.
    pub(crate) fn take(&mut self, length: u64, out: &mut Vec<u8>) -> Result<(), Error> {
        self.may_take(length)?;
        let mut left = usize::try_from(length).unwrap_or(usize::MAX);
        out.reserve(left.min(READ));
        while left > 0 {
            if self.at == self.end && !self.fill()? {
                return Err(self.truncated());
            }
            let count = left.min(self.end - self.at);
            out.extend_from_slice(&self.buffer[self.at..self.at + count]);
            self.at += count;
            left -= count;
        }
        Ok(())
    }

    /// A text of so many bytes, appended.
    pub(crate) fn text(&mut self, length: u64, out: &mut String) -> Result<(), Error> {
        let start = self.offset();
        let mut bytes = Vec::new();
        self.take(length, &mut bytes)?;
        match String::from_utf8(bytes) {
            Ok(text) if out.is_empty() => *out = text,
            Ok(text) => out.push_str(&text),
            Err(error) => {
                let at = start + error.utf8_error().valid_up_to() as u64;
                let why = "a text with a byte that is no UTF-8";
                return Err(Error::syntax(self.format, why, place(at)));
            }
        }
        Ok(())
    }

    fn may_take(&self, length: u64) -> Result<(), Error> {
        let taken = self.offset() - self.record;
        if length <= self.limit.saturating_sub(taken) {
            return Ok(());
        }
        let why = format!("a record of more than {} bytes", self.limit);
        Err(Error::new(ErrorKind::Limit, self.format, why).at(self.position()))
    }

    fn truncated(&self) -> Error {
        Error::new(
            ErrorKind::Truncated,
            self.format,
            "the input ends within a value",
        )
        .at(self.position())
    }

    /// Read more, when all is taken; `false` at the end.
    fn fill(&mut self) -> Result<bool, Error> {
        if self.ended {
            return Ok(false);
        }
        self.before += self.end as u64;
        self.at = 0;
        self.end = 0;
        let read = loop {
            match self.read.read(&mut self.buffer) {
                Err(error) if error.kind() == IoKind::Interrupted => {}
                other => break other,
            }
        };
        match read {
            Ok(read) => {
                self.end = read;
                self.ended = read == 0;
                Ok(!self.ended)
            }
            Err(error) => {
                self.ended = true;
                Err(Error::io(self.format, &error).at(self.position()))
            }
        }
    }
}

/// A place in bytes.
pub(crate) fn place(byte: u64) -> Position {
    Position {
        byte,
        ..Position::default()
    }
}
