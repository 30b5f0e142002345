//! Rows straight into rows or lines of JSON, without records between them: for input that is plain, and no program to run.
//!
//! What is not plain, a row that is too short, a quote that stays open, bytes that are no text, is left to the reader, which says
//! what is wrong with it. What comes out is the same.

use std::ops::Range;

use super::cell::Cells;
use super::encode::{Rows, Run};
use super::raw::RawRows;
use super::write::WriteOptions;
use super::{Columns, Dialect, Header, Ragged, ReadOptions, number};
use crate::json;
use crate::value::Text;

/// Turns parts of a file that start and end with rows into rows, or into lines of JSON.
///
/// ```
/// use sockeye_data::csv::{Columns, Direct, ReadOptions, WriteOptions, begin};
///
/// let begun = begin(b"a;b;c\n1;2;3\n", true, &ReadOptions::default()).unwrap().unwrap();
/// let direct = Direct::new(&begun.options).unwrap();
/// let mut out = Vec::new();
/// assert_eq!(direct.lines(b"1;2;3\n", &mut out), Some(1));
/// assert_eq!(out, br#"{"a":"1","b":"2","c":"3"}
/// "#);
/// ```
#[derive(Clone, Debug)]
pub struct Direct {
    dialect: Dialect,
    names: Vec<Text>,
    comment: Option<u8>,
    infer: bool,
    null: Option<String>,
    limit: usize,
    /// What stands before the value of each column in JSON.
    before: Vec<Vec<u8>>,
}

impl Direct {
    /// For what is read so: the options of [`begin`](super::begin()). `None` if it takes more than going through the bytes.
    pub fn new(options: &ReadOptions) -> Option<Self> {
        let (Some(dialect), Header::Given(names)) = (options.dialect, &options.header) else {
            return None;
        };
        if options.trim || dialect.escapes || options.ragged != Ragged::Refuse || names.is_empty() {
            return None;
        }
        let before = names.iter().enumerate().map(|(place, name)| {
            let mut before = vec![if place == 0 { b'{' } else { b',' }];
            json::write_text(name, false, &mut before);
            before.push(b':');
            before
        });
        Some(Self {
            dialect,
            comment: options.comment,
            infer: options.infer,
            null: options.null.clone(),
            limit: options.limits.record,
            before: before.collect(),
            names: names.clone(),
        })
    }

    /// The names of the columns that are read.
    pub fn names(&self) -> &[Text] {
        &self.names
    }

    /// Append a line of JSON for each row. Says how many there are; `None`, and nothing is appended, if the reader has to look.
    pub fn lines(&self, bytes: &[u8], out: &mut Vec<u8>) -> Option<u64> {
        let start = out.len();
        let mut scratch = String::new();
        let done = self.each(bytes, |row, cells| {
            for (cell, before) in cells.iter().zip(&self.before) {
                out.extend_from_slice(before);
                let cell = self.text(row.get(cell.clone())?, &mut scratch)?;
                self.json(cell, out);
            }
            out.extend_from_slice(b"}\n");
            Some(())
        });
        if done.is_none() {
            out.truncate(start);
        }
        done
    }

    /// The rows as `options` write them: all columns, or the fields that they name. `None` if the reader has to look, or if it takes
    /// more than going through the bytes.
    pub fn rows(&self, bytes: &[u8], options: &WriteOptions) -> Option<Rows> {
        if self.infer || self.null.is_some() {
            return None;
        }
        let columns = match &options.columns {
            Columns::Union | Columns::Strict => &self.names,
            Columns::Known(_) => return None,
            Columns::Fields(fields) => fields,
        };
        let chosen: Vec<Option<usize>> = columns
            .iter()
            .map(|column| self.names.iter().position(|name| name == column))
            .collect();
        let mut writes = Cells::new(options);
        let lone = match options.columns.fixed() {
            Some([_]) => writes.empty_quoted(),
            _ => Vec::new(),
        };
        let mut out = Vec::with_capacity(bytes.len());
        let mut scratch = String::new();
        let records = self.each(bytes, |row, cells| {
            let start = out.len();
            for (place, cell) in chosen.iter().enumerate() {
                if place > 0 {
                    out.push(options.dialect.delimiter);
                }
                match cell {
                    Some(cell) => {
                        let text = self.text(row.get(cells[*cell].clone())?, &mut scratch)?;
                        writes.text(text.as_bytes(), &mut out).ok()?;
                    }
                    None => out.extend_from_slice(writes.missing),
                }
            }
            if out.len() == start {
                out.extend_from_slice(&lone);
            }
            out.extend_from_slice(writes.end);
            Some(())
        })?;
        let run = Run {
            columns: columns.len(),
            bytes: out.len() as u64,
        };
        Some(Rows {
            runs: if out.is_empty() {
                Vec::new()
            } else {
                vec![run]
            },
            bytes: out,
            columns: if records > 0 {
                columns.clone()
            } else {
                Vec::new()
            },
            first: columns.len(),
            strange: None,
            records,
            named: records > 0,
            formulas: writes.formulas,
        })
    }

    /// Hand over each row and where its cells are.
    fn each(
        &self,
        bytes: &[u8],
        mut take: impl FnMut(&str, &[Range<usize>]) -> Option<()>,
    ) -> Option<u64> {
        let text = simdutf8::basic::from_utf8(bytes).ok()?;
        let mut cells = Vec::with_capacity(self.names.len());
        let mut records = 0;
        let mut rows = RawRows::new(bytes, &self.dialect);
        let mut start = 0;
        while let Some(row) = rows.next_cells(&mut cells) {
            // Rows and cells end at characters of ASCII.
            let row = text.get(start..start + row.len())?;
            records += self.row(row, &cells, &mut take)?;
            start = rows.position();
        }
        let rest = text.get(start..)?;
        if !rest.is_empty() {
            // The last row may lack its end.
            let last = [rest.as_bytes(), &[self.dialect.row_end()]].concat();
            let mut rows = RawRows::new(&last, &self.dialect);
            let row = rows.next_cells(&mut cells)?;
            records += self.row(rest.get(..row.len())?, &cells, &mut take)?;
        }
        Some(records)
    }

    #[inline]
    fn row(
        &self,
        row: &str,
        cells: &[Range<usize>],
        take: &mut impl FnMut(&str, &[Range<usize>]) -> Option<()>,
    ) -> Option<u64> {
        if cells.len() != self.names.len() || row.is_empty() || row.len() > self.limit {
            // An empty line is no row.
            return row.is_empty().then_some(0);
        }
        if self.comment.is_some() && row.as_bytes().first().copied() == self.comment {
            // There may be quotes in it, that mean nothing.
            return None;
        }
        take(row, cells)?;
        Some(1)
    }

    /// What a cell says.
    #[inline]
    fn text<'a>(&self, cell: &'a str, scratch: &'a mut String) -> Option<&'a str> {
        let Some(quote) = self.dialect.quote else {
            return Some(cell);
        };
        match cell.as_bytes() {
            [first, within @ .., last] if *first == quote => {
                let escape = self.dialect.escape.unwrap_or(quote);
                if *last != quote {
                    return None;
                }
                if memchr::memchr2(quote, escape, within).is_none() {
                    return cell.get(1..cell.len() - 1);
                }
                self.unquoted(cell.get(1..cell.len() - 1)?, quote, scratch)
            }
            // A quote alone is one that stays open.
            [first] if *first == quote => None,
            _ => Some(cell),
        }
    }

    /// Text without the quotes that stand for one each.
    #[cold]
    fn unquoted<'a>(&self, within: &str, quote: u8, scratch: &'a mut String) -> Option<&'a str> {
        // A backslash and the like are left to the reader.
        if self.dialect.escape.is_some() {
            return None;
        }
        scratch.clear();
        let quote = char::from(quote);
        let mut rest = within;
        while let Some(at) = rest.find(quote) {
            scratch.push_str(&rest[..=at]);
            // `"a"b"`: the reader knows what that is.
            rest = rest[at + 1..].strip_prefix(quote)?;
        }
        scratch.push_str(rest);
        Some(scratch)
    }

    #[inline]
    fn json(&self, cell: &str, out: &mut Vec<u8>) {
        if self.null.as_deref() == Some(cell) {
            out.extend_from_slice(b"null");
        } else if self.infer && number(cell).is_some() {
            out.extend_from_slice(cell.as_bytes());
        } else {
            json::write_text(cell, false, out);
        }
    }
}
