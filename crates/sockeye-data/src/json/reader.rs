//! JSON from a stream, in memory for the record that is being read.

use std::io;

use crate::record::{Error, ErrorKind, Position, ReadRecords};
use crate::value::Value;

use super::core::{Core, Step};
use super::fault::Fault;
use super::window::Window;
use super::{Framing, InvalidText, ReadOptions};

/// The byte before each part of a sequence.
const RECORD_SEPARATOR: u8 = 0x1e;

/// Reads records of JSON in constant memory. A byte order mark of UTF-8 at the start is passed by.
///
/// ```
/// use sockeye_data::json::{ReadOptions, Reader};
/// use sockeye_data::record::ReadRecords as _;
///
/// let mut reader = Reader::new(&b"{\"a\":1} [2]\n3"[..], &ReadOptions::default());
/// assert_eq!(reader.records().map(Result::unwrap).count(), 3);
/// ```
#[derive(Debug)]
pub struct Reader<R> {
    window: Window<R>,
    core: Core,
    framing: Framing,
    limit: usize,
    /// Byte of the input where the record begins.
    begin: u64,
    /// The end of the frame that is being read, and whether a delimiter is there.
    frame: Option<(usize, bool)>,
    /// Up to here the window was searched for the end of the frame.
    searched: usize,
    /// The first separator of a sequence was seen.
    is_in_sequence: bool,
    /// Nothing comes any more.
    is_done: bool,
}

impl<R: io::Read> Reader<R> {
    /// Read records from `input`, which needs no buffer.
    pub fn new(input: R, options: &ReadOptions) -> Self {
        Self {
            window: Window::new(input, options.invalid_text == InvalidText::Replace),
            core: Core::new(options),
            framing: options.framing,
            limit: options.limits.record,
            begin: 0,
            frame: None,
            searched: 0,
            is_in_sequence: false,
            is_done: false,
        }
    }

    /// How many pieces of invalid text were replaced by U+FFFD.
    pub fn replaced(&self) -> u64 {
        self.window.replaced() + self.core.replaced()
    }

    /// How many bytes the window takes.
    #[cfg(test)]
    pub(super) fn memory(&self) -> usize {
        self.window.memory()
    }

    /// The next record where values stand behind each other.
    fn next_value(&mut self) -> Result<Option<Value>, Error> {
        loop {
            let (mut at, last) = (self.window.at, self.window.is_last);
            if self.core.is_fresh() {
                let behind = self.core.skip_space(self.window.text(), at, last);
                let Some(((), behind)) = behind.map_err(|fault| self.error(fault))? else {
                    self.more()?;
                    continue;
                };
                at = behind;
                self.window.at = at;
                self.begin = self.window.byte();
                if at == self.window.text().len() {
                    if last {
                        return Ok(None);
                    }
                    self.more()?;
                    continue;
                }
            }
            let step = self.core.step(self.window.text(), &mut at, last);
            if let Some(begin) = self.core.take_begin() {
                self.begin = self.window.byte_at(begin);
            }
            self.window.at = at;
            match step.map_err(|fault| self.error(fault))? {
                Step::Record(value) => {
                    self.check_size(self.window.byte())?;
                    return Ok(Some(value));
                }
                Step::Nothing => {}
                Step::More => self.more()?,
            }
        }
    }

    /// The next record where each value has a line or a part of a sequence.
    fn next_framed(&mut self, delimiter: u8) -> Result<Option<Value>, Error> {
        loop {
            let (end, has_delimiter) = match self.frame {
                Some(frame) => frame,
                None => match self.next_frame(delimiter)? {
                    Some(frame) => frame,
                    None => return Ok(None),
                },
            };
            self.frame = Some((end, has_delimiter));
            let mut at = self.window.at;
            let frame = &self.window.text()[..end];
            let result = match end - at > self.limit {
                true => Err(Fault::too_large(at, self.limit)),
                false if self.is_outside(frame, at) => Err(Fault::outside(at)),
                false => self.core.next_in_frame(frame, &mut at, self.framing),
            };
            if let Ok(Some(value)) = result {
                self.window.at = at;
                return Ok(Some(value));
            }
            let error = result.err().map(|fault| self.error(fault));
            self.frame = None;
            self.window.at = end + usize::from(has_delimiter);
            self.is_in_sequence = true;
            self.core.reset();
            if let Some(error) = error {
                return Err(error);
            }
        }
    }

    /// Something stands before the first separator of a sequence.
    fn is_outside(&self, frame: &str, at: usize) -> bool {
        self.framing == Framing::Sequence
            && !self.is_in_sequence
            && !frame[at..].bytes().all(|byte| byte.is_ascii_whitespace())
    }

    /// The end of the next frame, and whether a delimiter is there; `None` behind the last.
    fn next_frame(&mut self, delimiter: u8) -> Result<Option<(usize, bool)>, Error> {
        loop {
            let (text, at) = (self.window.text(), self.window.at);
            let from = self.searched.max(at);
            if let Some(length) = memchr::memchr(delimiter, &text.as_bytes()[from..]) {
                self.searched = 0;
                return Ok(Some((from + length, true)));
            }
            let end = text.len();
            if self.window.is_last {
                self.searched = 0;
                return Ok((at < end).then_some((end, false)));
            }
            if self.window.is_bad() {
                let error = self.error(Fault::not_utf8(end));
                self.searched = 0;
                self.window.pass_bad(delimiter)?;
                return Err(error);
            }
            if end - at > self.limit {
                let error = self.error(Fault::too_large(at, self.limit));
                self.is_done = true;
                return Err(error);
            }
            // The window slides to where the frame begins.
            self.searched = end - at;
            self.window.fill()?;
        }
    }

    /// More of a value.
    fn more(&mut self) -> Result<(), Error> {
        if !self.core.is_in_record() {
            self.begin = self.window.byte();
        }
        self.check_size(self.window.end_byte())?;
        self.window.fill()
    }

    /// The record, which goes on up to `end`, has not more bytes than it may have.
    fn check_size(&self, end: u64) -> Result<(), Error> {
        match end - self.begin > self.limit as u64 {
            true => Err(self.error(Fault::too_large(self.window.at, self.limit))),
            false => Ok(()),
        }
    }

    fn error(&self, fault: Fault) -> Error {
        let position = self.window.position(fault.at);
        match self.framing {
            Framing::Values => fault.into_error(position),
            Framing::Lines => fault.within("the line").into_error(position),
            Framing::Sequence => fault.within("a part of the sequence").into_error(position),
        }
    }
}

impl<R: io::Read> ReadRecords for Reader<R> {
    fn next_record(&mut self) -> Result<Option<Value>, Error> {
        if self.is_done {
            return Ok(None);
        }
        let result = match self.framing {
            Framing::Values => {
                let result = self.next_value();
                // A path that leads nowhere in one value may lead somewhere in the next.
                self.is_done = matches!(&result, Err(error) if error.kind() != ErrorKind::Mismatch);
                result
            }
            Framing::Lines => self.next_framed(b'\n'),
            Framing::Sequence => self.next_framed(RECORD_SEPARATOR),
        };
        self.is_done |= matches!(result, Ok(None));
        result
    }

    fn position(&self) -> Position {
        self.window.position(self.window.at)
    }
}
