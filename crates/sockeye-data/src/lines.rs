//! Plain text as records: each line a string, or all of it one.
//!
//! ```
//! use sockeye_data::lines::Reader;
//! use sockeye_data::record::{Limits, ReadRecords as _};
//!
//! let mut lines = Reader::lines(&b"one\r\n\ntwo"[..], &Limits::default());
//! let lines: Vec<_> = lines.records().map(Result::unwrap).collect();
//! assert_eq!(lines, ["one".into(), "".into(), "two".into()]);
//! ```

use std::io::{self, Read};

use crate::record::Limits;
use crate::record::{Error, ErrorKind, Position, ReadRecords};
use crate::value::Value;

const FORMAT: &str = "text";
/// Bytes that are read at least at once.
const BLOCK: usize = 64 << 10;

/// Reads text as records.
#[derive(Debug)]
pub struct Reader<R> {
    read: R,
    is_whole: bool,
    limit: usize,
    buffer: Vec<u8>,
    from: usize,
    is_ended: bool,
    is_done: bool,
    position: Position,
}

impl<R: Read> Reader<R> {
    /// Each line is a record; the end of the line (LF or CR LF) is no part of it.
    pub fn lines(read: R, limits: &Limits) -> Self {
        Self::new(read, limits, false)
    }

    /// All of the text is one record, also if it is empty.
    pub fn whole(read: R, limits: &Limits) -> Self {
        Self::new(read, limits, true)
    }

    fn new(read: R, limits: &Limits, is_whole: bool) -> Self {
        Self {
            read,
            is_whole,
            limit: limits.record,
            buffer: Vec::new(),
            from: 0,
            is_ended: false,
            is_done: false,
            position: Position {
                byte: 0,
                line: 1,
                column: 1,
            },
        }
    }

    /// Read more behind what is there.
    fn fill(&mut self) -> Result<(), Error> {
        self.buffer.drain(..self.from);
        self.from = 0;
        let length = self.buffer.len();
        if length > self.limit {
            let why = format!("a record has more than {} bytes", self.limit);
            self.is_done = true;
            let error = Error::new(ErrorKind::Limit, FORMAT, why).at(self.position);
            return Err(error.with_hint("--max-record raises the bound"));
        }
        self.buffer.resize(length + BLOCK.max(length), 0);
        let count = loop {
            match self.read.read(&mut self.buffer[length..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                outcome => break outcome,
            }
        };
        self.buffer.truncate(length + *count.as_ref().unwrap_or(&0));
        match count {
            Ok(0) => self.is_ended = true,
            Ok(_) => {}
            Err(error) => {
                self.is_done = true;
                return Err(Error::io(FORMAT, &error).at(self.position));
            }
        }
        Ok(())
    }

    /// The record of these bytes, and pass by them and what ends them.
    fn take(&mut self, length: usize, end: usize) -> Result<Option<Value>, Error> {
        let bytes = &self.buffer[self.from..self.from + length];
        let text = simdutf8::compat::from_utf8(bytes);
        let outcome = match text {
            Ok(text) => Ok(Some(Value::from(text))),
            Err(error) => {
                let mut at = self.position;
                at.byte += error.valid_up_to() as u64;
                at.column = 0;
                let error = Error::syntax(FORMAT, "bytes that are no UTF-8", at);
                Err(error.with_hint("name its charset, such as --charset windows-1252; --invalid replace puts U+FFFD in their place"))
            }
        };
        self.from += length + end;
        self.position.byte += (length + end) as u64;
        self.position.line += 1;
        outcome
    }
}

impl<R: Read> ReadRecords for Reader<R> {
    fn next_record(&mut self) -> Result<Option<Value>, Error> {
        let mut searched = 0;
        while !self.is_done {
            let rest = &self.buffer[self.from..];
            let newline = match self.is_whole {
                true => None,
                false => memchr::memchr(b'\n', &rest[searched..]).map(|at| at + searched),
            };
            if let Some(newline) = newline {
                let is_crlf = newline > 0 && rest[newline - 1] == b'\r';
                let end = 1 + usize::from(is_crlf);
                return self.take(newline + 1 - end, end);
            }
            if self.is_ended {
                self.is_done = true;
                let length = rest.len();
                return match length > 0 || self.is_whole {
                    true => self.take(length, 0),
                    false => Ok(None),
                };
            }
            searched = rest.len();
            self.fill()?;
        }
        Ok(None)
    }

    fn position(&self) -> Position {
        self.position
    }
}

#[cfg(test)]
mod tests {
    use super::Reader;
    use crate::record::{ErrorKind, Limits, ReadRecords as _};
    use crate::value::Value;

    #[test]
    fn a_line_that_is_no_text_is_one_error_and_long_ones_are_refused() {
        let mut lines = Reader::lines(&b"a\nb\xff\nc"[..], &Limits::default());
        assert_eq!(lines.next_record().unwrap(), Some(Value::from("a")));
        let error = lines.next_record().unwrap_err();
        let at = error.position().unwrap();
        assert_eq!((at.line, at.byte), (2, 3));
        assert_eq!(lines.next_record().unwrap(), Some(Value::from("c")));
        assert_eq!(lines.next_record().unwrap(), None);

        let limits = Limits {
            record: 10,
            ..Limits::default()
        };
        let mut lines = Reader::lines(std::io::repeat(b'x'), &limits);
        let error = lines.next_record().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Limit);
        assert_eq!(lines.next_record().unwrap(), None);
    }

    #[test]
    fn the_whole_is_one_string() {
        for text in ["", "a\nb\n"] {
            let mut whole = Reader::whole(text.as_bytes(), &Limits::default());
            assert_eq!(whole.next_record().unwrap(), Some(Value::from(text)));
            assert_eq!(whole.next_record().unwrap(), None);
        }
    }
}
