//! Rows from bytes that come in pieces: the parser of `csv-core`, with places, a bound, and an eye on quotes that stay open.

use csv_core::{ReadRecordResult, ReaderBuilder, Terminator};

use super::{Dialect, LineEnd};
use crate::record::Position;

/// One row after the other. The cells of the last one are in [`Splitter::cell`].
#[derive(Debug)]
pub(super) struct Splitter {
    core: csv_core::Reader,
    breaks: bool,
    end_byte: u8,
    bytes: Vec<u8>,
    len: usize,
    ends: Vec<usize>,
    count: usize,
    limit: usize,
    comment: Option<u8>,
    in_comment: bool,
    in_row: bool,
    after_return: bool,
    last: u8,
    byte: u64,
    start: u64,
}

/// What came of some bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// A row is complete.
    Row,
    /// All bytes are taken, and no row is complete.
    More,
    /// The row is larger than the limit.
    TooLarge,
}

/// What there was when the bytes ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// A last row that no line end ended.
    Row,
    /// Nothing.
    Nothing,
    /// A cell whose quote nothing closes; it was opened in this line.
    Unclosed { line: u64 },
}

impl Splitter {
    pub(super) fn new(dialect: &Dialect, comment: Option<u8>, limit: usize, at: Position) -> Self {
        let end_byte = dialect.row_end();
        let mut core = ReaderBuilder::new();
        core.delimiter(dialect.delimiter)
            .quoting(dialect.quote.is_some() && !dialect.escapes)
            .quote(dialect.quote.unwrap_or(b'"'))
            .escape(dialect.escape)
            .double_quote(dialect.escape.is_none())
            .terminator(match dialect.line_end {
                LineEnd::Break => Terminator::CRLF,
                LineEnd::Byte(byte) => Terminator::Any(byte),
            });
        let mut core = core.build();
        // It drops a byte order mark from the first bytes that it sees. That is for who knows whether the file starts there.
        core.read_record(&[end_byte], &mut [0; 1], &mut [0; 1]);
        core.set_line(at.line.max(1));
        Self {
            core,
            breaks: dialect.line_end == LineEnd::Break,
            end_byte,
            bytes: vec![0; 1 << 10],
            len: 0,
            ends: vec![0; 32],
            count: 0,
            limit,
            comment,
            in_comment: false,
            in_row: false,
            after_return: false,
            last: 0,
            byte: at.byte,
            start: at.byte,
        }
    }

    /// Take bytes until a row is complete. Says how many were taken.
    pub(super) fn step(&mut self, input: &[u8]) -> (Step, usize) {
        let mut taken = 0;
        if !self.in_row {
            taken = self.skip(input);
            if taken == input.len() {
                return (Step::More, taken);
            }
            self.in_row = true;
            self.len = 0;
            self.count = 0;
            self.start = self.byte;
        }
        loop {
            // No bytes at all are the end for the parser.
            if taken == input.len() {
                return (Step::More, taken);
            }
            let (result, read, wrote, ended) = self.core.read_record(
                &input[taken..],
                &mut self.bytes[self.len..],
                &mut self.ends[self.count..],
            );
            taken += read;
            self.byte += read as u64;
            self.len += wrote;
            self.count += ended;
            // Where a cell ends takes memory too.
            if self.len + self.count * size_of::<usize>() > self.limit {
                return (Step::TooLarge, taken);
            }
            match result {
                ReadRecordResult::OutputFull => self.bytes.resize(self.bytes.len() * 2, 0),
                ReadRecordResult::OutputEndsFull => self.ends.resize(self.ends.len() * 2, 0),
                ReadRecordResult::Record => {
                    self.in_row = false;
                    self.last = if taken > 0 { input[taken - 1] } else { 0 };
                    self.after_return = self.breaks && self.last == b'\r';
                    return (Step::Row, taken);
                }
                ReadRecordResult::InputEmpty | ReadRecordResult::End => {}
            }
        }
    }

    /// Line ends before a row belong to the row before, or to empty lines. Comments are no rows.
    fn skip(&mut self, input: &[u8]) -> usize {
        let mut taken = 0;
        for &byte in input {
            if self.after_return {
                self.after_return = false;
                self.core.set_line(self.core.line() + 1);
                if byte == b'\n' {
                    taken += 1;
                    continue;
                }
            }
            let ends = match self.breaks {
                true => byte == b'\n' || byte == b'\r',
                false => byte == self.end_byte,
            };
            if !ends && !self.in_comment && Some(byte) != self.comment {
                break;
            }
            self.in_comment = !ends;
            if byte == b'\n' {
                self.core.set_line(self.core.line() + 1);
            }
            self.after_return = self.breaks && byte == b'\r';
            taken += 1;
        }
        self.byte += taken as u64;
        taken
    }

    /// No bytes come any more.
    pub(super) fn end(&mut self) -> Ending {
        if !self.in_row {
            return Ending::Nothing;
        }
        // A line end ends the row, unless it is within quotes: then it comes out as a part of the cell.
        loop {
            if self.bytes.len() == self.len {
                self.bytes.resize(self.len + 1, 0);
            }
            if self.ends.len() == self.count {
                self.ends.resize(self.count + 1, 0);
            }
            let (result, _, wrote, ended) = self.core.read_record(
                &[self.end_byte],
                &mut self.bytes[self.len..],
                &mut self.ends[self.count..],
            );
            self.count += ended;
            if result == ReadRecordResult::Record {
                // The line end that was put there is none of the input.
                if self.end_byte == b'\n' {
                    self.core.set_line(self.core.line() - 1);
                }
                self.last = 0;
                self.in_row = false;
                return Ending::Row;
            }
            if wrote > 0 {
                self.in_row = false;
                return Ending::Unclosed {
                    line: self.opening_line(),
                };
            }
        }
    }

    /// The line in which the last cell of the row began, where the row is not over and one line end too many was given.
    fn opening_line(&self) -> u64 {
        let from = match self.count {
            0 => 0,
            count => self.ends[count - 1],
        };
        let within = memchr::memchr_iter(b'\n', &self.bytes[from..self.len]).count() as u64;
        let extra = u64::from(self.end_byte == b'\n');
        self.core.line().saturating_sub(within + extra).max(1)
    }

    /// How many cells the row has.
    pub(super) fn cells(&self) -> usize {
        self.count
    }

    /// All cells behind each other.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    /// Where the cells end.
    pub(super) fn ends(&self) -> &[usize] {
        &self.ends[..self.count]
    }

    /// Where the row starts.
    pub(super) fn row_start(&self) -> Position {
        let newlines = memchr::memchr_iter(b'\n', self.bytes()).count() as u64;
        let ended = u64::from(self.last == b'\n');
        Position {
            byte: self.start,
            line: self.core.line().saturating_sub(newlines + ended).max(1),
            column: 1,
        }
    }

    /// Where the next byte stands.
    pub(super) fn position(&self) -> Position {
        Position {
            byte: self.byte,
            line: self.core.line() + u64::from(self.after_return),
            column: 0,
        }
    }
}
