//! Where a file may be cut between rows, so that pieces of it can be read apart.

use super::{Dialect, LineEnd};

/// Follows a file, piece by piece, and says where rows end; quotes are heeded just as the reader heeds them, so that where it is
/// cut never changes what is read.
///
/// ```
/// use sockeye_data::csv::{Cutter, Dialect};
///
/// let mut cutter = Cutter::new(&Dialect::CSV, None);
/// assert_eq!(cutter.scan(b"1,\"a\nb\"\n2,\"c\nd"), Some(8));
/// assert_eq!(cutter.scan(b"\"\n3"), Some(2));
/// ```
#[derive(Clone, Debug)]
pub struct Cutter {
    delimiter: u8,
    quote: Option<u8>,
    escape: Option<u8>,
    breaks: bool,
    end: u8,
    comment: Option<u8>,
    state: State,
    /// The last byte outside of quotes: a quote opens behind a delimiter or the end of a row alone.
    before: u8,
    /// The row is a comment, in which quotes mean nothing.
    in_comment: bool,
}

/// Where the last piece ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Outside,
    Quoted,
    /// Behind a quote in quotes: it closes, or is the first of two.
    Closing,
    /// Behind an escape in quotes.
    Escaped,
}

impl Cutter {
    /// For a file of this dialect, in which rows that begin with `comment` are skipped. It starts where a row starts.
    pub fn new(dialect: &Dialect, comment: Option<u8>) -> Self {
        let (breaks, end) = match dialect.line_end {
            LineEnd::Break => (true, b'\n'),
            LineEnd::Byte(byte) => (false, byte),
        };
        Self {
            delimiter: dialect.delimiter,
            quote: dialect.quote.filter(|_| !dialect.escapes),
            escape: dialect.escape,
            breaks,
            end,
            comment,
            state: State::Outside,
            before: end,
            in_comment: false,
        }
    }

    /// The next bytes of the file. Says behind which of them the last row in them ends, if one does.
    pub fn scan(&mut self, bytes: &[u8]) -> Option<usize> {
        let Some(quote) = self.quote else {
            return self.last_end(bytes, 0, bytes.len());
        };
        let mut last = None;
        let mut at = 0;
        while at < bytes.len() {
            match self.state {
                State::Outside => at = self.outside(bytes, at, quote, &mut last),
                State::Quoted => {
                    let rest = &bytes[at..];
                    let found = match self.escape {
                        Some(escape) => memchr::memchr2(quote, escape, rest),
                        None => memchr::memchr(quote, rest),
                    };
                    let Some(found) = found else { break };
                    at += found + 1;
                    self.state = match (self.escape, bytes[at - 1] == quote) {
                        (Some(_), false) => State::Escaped,
                        (Some(_), true) => State::Outside,
                        (None, _) => State::Closing,
                    };
                    self.before = quote;
                }
                State::Escaped => {
                    self.state = State::Quoted;
                    at += 1;
                }
                State::Closing => {
                    if bytes[at] == quote {
                        self.state = State::Quoted;
                        at += 1;
                    } else {
                        self.state = State::Outside;
                    }
                }
            }
        }
        last
    }

    /// Up to behind the next quote that opens, or to the end.
    fn outside(&mut self, bytes: &[u8], from: usize, quote: u8, last: &mut Option<usize>) -> usize {
        let mut at = from;
        // Bytes from here on were not yet looked at for ends of rows.
        let mut seen = from;
        loop {
            let Some(found) = memchr::memchr(quote, &bytes[at..]) else {
                *last = self.last_end(bytes, seen, bytes.len()).or(*last);
                return bytes.len();
            };
            let found = at + found;
            let before = if found > from {
                bytes[found - 1]
            } else {
                self.before
            };
            at = found + 1;
            if !self.opens_behind(before) {
                continue;
            }
            *last = self.last_end(bytes, seen, found).or(*last);
            seen = found;
            if !self.in_comment {
                self.state = State::Quoted;
                return at;
            }
        }
    }

    fn opens_behind(&self, before: u8) -> bool {
        before == self.delimiter || before == self.end || (self.breaks && before == b'\r')
    }

    /// Behind the last end of a row in these bytes, which stand outside of quotes.
    fn last_end(&mut self, bytes: &[u8], from: usize, to: usize) -> Option<usize> {
        let part = &bytes[from..to];
        let ended = |byte: u8| byte == self.end || (self.breaks && byte == b'\r');
        let found = match part.len() {
            0 => return None,
            // Between cells in quotes there is next to nothing.
            1..=4 => part.iter().rposition(|byte| ended(*byte)),
            _ if self.breaks => memchr::memrchr2(b'\n', b'\r', part),
            _ => memchr::memrchr(self.end, part),
        };
        let start_of_row = match found {
            Some(found) => part.get(found + 1).copied(),
            None if ended(self.before) => part.first().copied(),
            None => None,
        };
        if self.comment.is_some() {
            match (found, start_of_row) {
                (_, Some(first)) => self.in_comment = Some(first) == self.comment,
                (Some(_), None) => self.in_comment = false,
                (None, None) => {}
            }
        }
        self.before = part[part.len() - 1];
        // A carriage return at the end may be the first half of an end.
        match found {
            Some(found)
                if self.breaks && part[found] == b'\r' && from + found + 1 == bytes.len() =>
            {
                let before = &part[..found];
                let earlier = memchr::memrchr2(b'\n', b'\r', before);
                earlier.map(|found| from + found + 1)
            }
            found => found.map(|found| from + found + 1),
        }
    }
}
