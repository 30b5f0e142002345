//! Rows and cells where they stand in the bytes, neither copied nor decoded: quotes stay around cells.

use std::ops::Range;

use super::{Dialect, LineEnd};

/// The whole rows in some bytes, which start with a row. A row without its end is none.
pub(super) struct RawRows<'a> {
    bytes: &'a [u8],
    at: usize,
    delimiter: u8,
    quote: Option<u8>,
    escape: Option<u8>,
    ends: (u8, u8),
}

impl<'a> RawRows<'a> {
    pub(super) fn new(bytes: &'a [u8], dialect: &Dialect) -> Self {
        Self {
            bytes,
            at: 0,
            delimiter: dialect.delimiter,
            quote: dialect.quote.filter(|_| !dialect.escapes),
            escape: dialect.escape,
            ends: match dialect.line_end {
                LineEnd::Break => (b'\n', b'\r'),
                LineEnd::Byte(byte) => (byte, byte),
            },
        }
    }

    /// Behind the last row that came.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    /// The next row without its end.
    pub(super) fn next_row(&mut self) -> Option<&'a [u8]> {
        let start = self.at;
        let mut at = start;
        loop {
            let (end, byte) = self.cell_end(at)?;
            if byte == self.delimiter {
                at = end + 1;
                continue;
            }
            return Some(self.ended(start, end, byte));
        }
    }

    /// The next row without its end, and where its cells stand in it.
    pub(super) fn next_cells(&mut self, cells: &mut Vec<Range<usize>>) -> Option<&'a [u8]> {
        cells.clear();
        let start = self.at;
        let mut at = start;
        loop {
            let (end, byte) = self.cell_end(at)?;
            cells.push(at - start..end - start);
            if byte == self.delimiter {
                at = end + 1;
                continue;
            }
            return Some(self.ended(start, end, byte));
        }
    }

    /// Step behind the end of a row.
    fn ended(&mut self, start: usize, end: usize, byte: u8) -> &'a [u8] {
        let pair = byte == b'\r' && self.ends.1 == b'\r' && self.bytes.get(end + 1) == Some(&b'\n');
        self.at = end + 1 + usize::from(pair);
        &self.bytes[start..end]
    }

    /// Where the cell ends that starts here, and the byte that ends it.
    #[inline]
    fn cell_end(&self, start: usize) -> Option<(usize, u8)> {
        let mut at = start;
        if let Some(quote) = self.quote
            && self.bytes.get(at) == Some(&quote)
        {
            at = self.behind_quotes(at + 1, quote)?;
        }
        let rest = self.bytes.get(at..)?;
        let found = memchr::memchr3(self.delimiter, self.ends.0, self.ends.1, rest)?;
        Some((at + found, rest[found]))
    }

    /// Behind the quote that closes the cell.
    fn behind_quotes(&self, from: usize, quote: u8) -> Option<usize> {
        let mut at = from;
        loop {
            let rest = self.bytes.get(at..)?;
            match self.escape {
                Some(escape) => {
                    let found = at + memchr::memchr2(quote, escape, rest)?;
                    if self.bytes[found] == quote {
                        return Some(found + 1);
                    }
                    at = found + 2;
                }
                None => {
                    let found = at + memchr::memchr(quote, rest)?;
                    if self.bytes.get(found + 1) != Some(&quote) {
                        return Some(found + 1);
                    }
                    at = found + 2;
                }
            }
        }
    }
}
