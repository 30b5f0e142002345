//! JSON that is in memory: pieces of NDJSON for several threads, and single values.

use std::borrow::Cow;

use crate::record::{Error, Position, ReadRecords};
use crate::value::Value;

use super::core::Core;
use super::fault::Fault;
use super::window::{Decoded, Mark};
use super::{Framing, InvalidText, ReadOptions};

/// Reads the lines of a piece of NDJSON that is in memory; the piece begins and ends with a line. Made for several threads that each
/// read pieces of one input.
///
/// ```
/// use sockeye_data::json::{Lines, ReadOptions};
/// use sockeye_data::record::{Position, ReadRecords as _};
///
/// let start = Position { byte: 1_000, line: 20, column: 1 };
/// let mut lines = Lines::new(b"{\"a\":1}\n{\"a\":\n", &ReadOptions::default(), start);
/// assert!(lines.next_record().unwrap().is_some());
/// assert_eq!(lines.next_record().unwrap_err().position().unwrap().line, 21);
/// ```
#[derive(Debug)]
pub struct Lines<'a> {
    core: Core,
    framing: Framing,
    limit: usize,
    /// Text that is read now.
    text: Cow<'a, str>,
    /// Where U+FFFD was put in.
    decoded: Option<Decoded>,
    at: usize,
    /// The end of the line that is being read.
    frame: Option<usize>,
    /// Bytes behind the text, of which the first is no UTF-8.
    bad: &'a [u8],
    /// Bytes before the text.
    before: u64,
    mark: Mark,
    replaced: u64,
}

impl<'a> Lines<'a> {
    /// Read the lines of `piece`, which begins at `start` in the whole input. The framing of the options is not looked at.
    pub fn new(piece: &'a [u8], options: &ReadOptions, start: Position) -> Self {
        Self::framed(piece, options, start, Framing::Lines)
    }

    /// Read one value, which is all there is.
    pub(super) fn whole(bytes: &'a [u8], options: &ReadOptions) -> Self {
        let mut lines = Self::framed(
            bytes,
            options,
            Position {
                byte: 0,
                line: 1,
                column: 1,
            },
            Framing::Values,
        );
        if lines.text.starts_with('\u{feff}') {
            lines.at = '\u{feff}'.len_utf8();
        }
        lines
    }

    fn framed(piece: &'a [u8], options: &ReadOptions, start: Position, framing: Framing) -> Self {
        let mut lines = Self {
            core: Core::new(options),
            framing,
            limit: options.limits.record,
            text: Cow::Borrowed(""),
            decoded: None,
            at: 0,
            frame: None,
            bad: &[],
            before: start.byte,
            mark: Mark::on_line(start.line),
            replaced: 0,
        };
        if options.invalid_text == InvalidText::Replace
            && simdutf8::basic::from_utf8(piece).is_err()
        {
            let mut decoded = Decoded::new(true);
            decoded.append(piece, true);
            lines.text = Cow::Owned(std::mem::take(&mut decoded.text));
            lines.replaced = decoded.replaced;
            lines.decoded = Some(decoded);
        } else {
            lines.decode(piece);
        }
        lines
    }

    /// How many pieces of invalid text were replaced by U+FFFD.
    pub fn replaced(&self) -> u64 {
        self.replaced + self.core.replaced()
    }

    fn decode(&mut self, bytes: &'a [u8]) {
        match simdutf8::compat::from_utf8(bytes) {
            Ok(text) => {
                self.text = Cow::Borrowed(text);
                self.bad = &[];
            }
            Err(error) => {
                let (good, bad) = bytes.split_at(error.valid_up_to());
                // Proved a moment ago; this is the way to say so without unsafe code.
                self.text = Cow::Borrowed(std::str::from_utf8(good).unwrap_or_default());
                self.bad = bad;
            }
        }
    }

    /// The end of the next line.
    fn next_frame(&mut self) -> Option<Result<usize, Error>> {
        let found = match self.framing {
            Framing::Lines => memchr::memchr(b'\n', &self.text.as_bytes()[self.at..]),
            _ => None,
        };
        match found {
            Some(length) => Some(Ok(self.at + length)),
            None if !self.bad.is_empty() => Some(Err(self.pass_bad())),
            None if self.at == self.text.len() => None,
            None => Some(Ok(self.text.len())),
        }
    }

    /// Pass by the line that has bytes that are no UTF-8.
    fn pass_bad(&mut self) -> Error {
        let end = self.text.len();
        let error = self.error(Fault::not_utf8(end));
        let length = match self.framing {
            Framing::Lines => {
                memchr::memchr(b'\n', self.bad).map_or(self.bad.len(), |place| place + 1)
            }
            _ => self.bad.len(),
        };
        self.mark = Mark::on_line(self.mark.moved(&self.text, end).line() + 1);
        self.before += (end + length) as u64;
        self.at = 0;
        self.decode(&self.bad[length..]);
        error
    }

    fn error(&mut self, fault: Fault) -> Error {
        self.core.reset();
        let position = self.place(fault.at);
        match self.framing {
            Framing::Lines => fault.within("the line").into_error(position),
            _ => fault.into_error(position),
        }
    }

    fn place(&self, at: usize) -> Position {
        let bytes = self
            .decoded
            .as_ref()
            .map_or(at, |decoded| decoded.bytes_before(at));
        self.mark
            .moved(&self.text, at)
            .position(self.before + bytes as u64)
    }
}

impl ReadRecords for Lines<'_> {
    fn next_record(&mut self) -> Result<Option<Value>, Error> {
        loop {
            let end = match self.frame {
                Some(end) => end,
                None => match self.next_frame() {
                    None => return Ok(None),
                    Some(end) => end?,
                },
            };
            self.frame = Some(end);
            let result = match end - self.at > self.limit {
                true => Err(Fault::too_large(self.at, self.limit)),
                false => self
                    .core
                    .next_in_frame(&self.text[..end], &mut self.at, self.framing),
            };
            if let Ok(Some(value)) = result {
                return Ok(Some(value));
            }
            let error = result.err().map(|fault| self.error(fault));
            self.frame = None;
            self.at = (end + 1).min(self.text.len());
            if let Some(error) = error {
                return Err(error);
            }
        }
    }

    fn position(&self) -> Position {
        self.place(self.at)
    }
}
