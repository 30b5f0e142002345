//! Rows as records: an object for each row, its names from the header.

use std::io::{self, Read};

use super::header::{distinct, placed};
use super::infer::number;
use super::sniff::{self, SNIFFED_BYTES};
use super::split::{Ending, Splitter, Step};
use super::{Dialect, FORMAT, Header};
use crate::record::{Error, ErrorKind, Limits, Position, ReadRecords};
use crate::value::{Object, Text, Value};

/// Bytes that are read at once.
const BLOCK: usize = 128 << 10;

/// How rows are read.
#[derive(Clone, Debug, Default)]
pub struct ReadOptions {
    /// How cells and rows are told apart; `None`, as it is unless it is set: as [`sniff`](super::sniff()) finds it.
    pub dialect: Option<Dialect>,
    /// What the dialect is apart from the delimiter, where that is found by sniffing. As in [`Dialect::CSV`] unless it is set.
    pub like: Dialect,
    /// Where the names of columns come from. The first row unless it is set.
    pub header: Header,
    /// What becomes of rows that have fewer or more cells than the header. They are errors unless it is set.
    pub ragged: Ragged,
    /// Cells that are numbers and come back as they were become numbers, see [`number`]. Not unless it is set.
    pub infer: bool,
    /// Blanks and tabs around cells are dropped, within quotes too. Not unless it is set.
    pub trim: bool,
    /// Rows that begin with this byte are skipped. None unless it is set.
    pub comment: Option<u8>,
    /// Cells with this text become null. None unless it is set.
    pub null: Option<String>,
    /// Where the bytes stand in the whole input, for a reader of a part: whoever cuts gives the header. Not the start of the input
    /// unless it is set: a byte order mark and a `sep=` line are for the start alone.
    pub part: Option<Position>,
    /// What rows may cost.
    pub limits: Limits,
}

/// What becomes of rows that have fewer or more cells than the header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ragged {
    /// They are errors; the rows behind them can be read.
    #[default]
    Refuse,
    /// Missing cells are empty. Further ones are called by their place: `_4` is the fourth.
    Fill,
    /// Missing cells are absent. Further ones are called by their place.
    Keep,
}

/// Reads rows as objects.
///
/// ```
/// use sockeye_data::csv::{ReadOptions, Reader};
/// use sockeye_data::record::ReadRecords;
///
/// let mut rows = Reader::new(&b"name,note\nAda,\"a, b\"\n"[..], &ReadOptions::default());
/// let row = rows.next_record().unwrap().unwrap();
/// assert_eq!(row.get("note").and_then(|note| note.as_str()), Some("a, b"));
/// assert!(rows.next_record().unwrap().is_none());
/// ```
#[derive(Debug)]
pub struct Reader<R> {
    read: R,
    options: ReadOptions,
    block: Vec<u8>,
    from: usize,
    filled: usize,
    read_ended: bool,
    rows: Option<Rows>,
    over: bool,
}

/// What is known once the beginning was looked at.
#[derive(Debug)]
struct Rows {
    dialect: Dialect,
    why: String,
    splitter: Splitter,
    names: Option<Vec<Text>>,
    /// The header's row is there, and is a record too, or its names have to be made.
    pending: bool,
}

impl<R: Read> Reader<R> {
    /// Reads from `read`, which needs no buffer.
    pub fn new(read: R, options: &ReadOptions) -> Self {
        Self {
            read,
            options: options.clone(),
            block: Vec::new(),
            from: 0,
            filled: 0,
            read_ended: false,
            rows: None,
            over: false,
        }
    }

    /// The dialect, and why it is this one. Reads what is needed to know it.
    ///
    /// # Errors
    /// Reading failed, or the dialect that was given cannot be.
    pub fn dialect(&mut self) -> Result<(Dialect, &str), Error> {
        self.begin()?;
        let rows = self.rows.as_ref().expect("it has begun");
        Ok((rows.dialect, &rows.why))
    }

    /// The names of the columns. Reads what is needed to know them; empty if there is no row.
    ///
    /// # Errors
    /// Reading failed, or the header is no row.
    pub fn header(&mut self) -> Result<&[Text], Error> {
        self.begin()?;
        self.names()?;
        let rows = self.rows.as_ref().expect("it has begun");
        Ok(rows.names.as_deref().unwrap_or_default())
    }

    /// Know the dialect, and be behind whatever is no row.
    fn begin(&mut self) -> Result<(), Error> {
        if self.rows.is_some() {
            return Ok(());
        }
        let mut why = String::from("given");
        let mut at = self.options.part.unwrap_or(Position {
            byte: 0,
            line: 1,
            column: 1,
        });
        let dialect = match self.options.dialect {
            Some(dialect) if self.options.part.is_some() => dialect,
            given => {
                let sniffed = loop {
                    let seen = &self.block[self.from..self.filled];
                    let whole = self.read_ended || seen.len() >= SNIFFED_BYTES;
                    match sniff::prefix(
                        seen,
                        given,
                        &self.options.like,
                        self.options.comment,
                        whole,
                    ) {
                        Some(sniffed) => break sniffed,
                        None => self.more()?,
                    }
                };
                self.from += sniffed.start;
                at.byte += sniffed.start as u64;
                at.line += sniffed.lines;
                if given.is_none() {
                    why = sniffed.why;
                }
                sniffed.dialect
            }
        };
        dialect
            .check()
            .map_err(|why| Error::new(ErrorKind::Unsupported, FORMAT, why))?;
        let limit = self.options.limits.record;
        self.rows = Some(Rows {
            dialect,
            why,
            splitter: Splitter::new(&dialect, self.options.comment, limit, at),
            names: match &self.options.header {
                Header::Given(names) => Some(distinct(names.iter().cloned())),
                _ => None,
            },
            pending: false,
        });
        Ok(())
    }

    /// Know the names of columns.
    fn names(&mut self) -> Result<(), Error> {
        let known = self.rows.as_ref().is_some_and(|rows| rows.names.is_some());
        if known || self.over || !self.row()? {
            return Ok(());
        }
        let rows = self.rows.as_mut().expect("it has begun");
        let names = names(&rows.splitter, rows.dialect.escapes, &self.options)?;
        rows.pending = self.options.header == Header::Absent;
        rows.names = Some(names);
        Ok(())
    }

    /// Read more bytes behind those that are there.
    fn more(&mut self) -> Result<(), Error> {
        if self.from == self.filled {
            self.from = 0;
            self.filled = 0;
        }
        if self.filled == self.block.len() {
            if self.from > 0 {
                self.block.copy_within(self.from..self.filled, 0);
                self.filled -= self.from;
                self.from = 0;
            }
            if self.filled == self.block.len() {
                self.block.resize((self.block.len() * 2).max(BLOCK), 0);
            }
        }
        loop {
            match self.read.read(&mut self.block[self.filled..]) {
                Ok(0) => self.read_ended = true,
                Ok(read) => self.filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(Error::io(FORMAT, &error).at(self.position())),
            }
            return Ok(());
        }
    }

    /// Whether there is another row; it is in the splitter then.
    fn row(&mut self) -> Result<bool, Error> {
        loop {
            let rows = self.rows.as_mut().expect("it has begun");
            let seen = &self.block[self.from..self.filled];
            let (step, taken) = rows.splitter.step(seen);
            self.from += taken;
            match step {
                Step::Row => return Ok(true),
                Step::TooLarge => {
                    self.over = true;
                    return Err(too_large(&rows.splitter, &self.options.limits));
                }
                Step::More if !self.read_ended => self.more()?,
                Step::More => {
                    self.over = true;
                    return match rows.splitter.end() {
                        Ending::Row => Ok(true),
                        Ending::Nothing => Ok(false),
                        Ending::Unclosed { line } => Err(unclosed(line, &rows.splitter)),
                    };
                }
            }
        }
    }

    /// The row in the splitter as a record.
    fn record(&self) -> Result<Value, Error> {
        let rows = self.rows.as_ref().expect("it has begun");
        let names = rows.names.as_deref().unwrap_or_default();
        let count = rows.splitter.cells();
        if count != names.len() && self.options.ragged == Ragged::Refuse {
            return Err(ragged(count, names.len(), &rows.splitter));
        }
        let mut members = Vec::with_capacity(count.max(names.len()));
        for (place, cell) in cells(&rows.splitter, names)?.enumerate() {
            let name = match names.get(place) {
                Some(name) => name.clone(),
                None => further(place, names),
            };
            members.push((name, self.value(cell, rows.dialect.escapes)));
        }
        if self.options.ragged == Ragged::Fill {
            for name in names.iter().skip(count) {
                members.push((name.clone(), self.value("", false)));
            }
        }
        Ok(Value::from(Object::from_distinct(members)))
    }

    /// A cell as a value.
    #[inline]
    fn value(&self, cell: &str, escapes: bool) -> Value {
        let cell = plain(cell, self.options.trim);
        if self.options.null.as_deref() == Some(cell) {
            return Value::Null;
        }
        if escapes && cell.contains('\\') {
            return Value::from(unescaped(cell));
        }
        if self.options.infer
            && let Some(number) = number(cell)
        {
            return Value::from(number);
        }
        Value::from(cell)
    }
}

impl<R: Read> ReadRecords for Reader<R> {
    fn next_record(&mut self) -> Result<Option<Value>, Error> {
        self.begin()?;
        let mut there = false;
        if self.rows.as_ref().is_some_and(|rows| rows.names.is_none()) {
            self.names()?;
            let rows = self.rows.as_mut().expect("it has begun");
            there = std::mem::take(&mut rows.pending);
        }
        if !there && (self.over || !self.row()?) {
            return Ok(None);
        }
        self.record().map(Some)
    }

    fn position(&self) -> Position {
        match &self.rows {
            Some(rows) => rows.splitter.position(),
            None => self.options.part.unwrap_or_default(),
        }
    }
}

/// The names of columns, where the first row is in the splitter.
pub(super) fn names(
    splitter: &Splitter,
    escapes: bool,
    options: &ReadOptions,
) -> Result<Vec<Text>, Error> {
    Ok(match &options.header {
        Header::First => distinct(cells(splitter, &[])?.map(|cell| {
            let cell = plain(cell, options.trim);
            match escapes {
                true => unescaped(cell),
                false => Text::from(cell),
            }
        })),
        Header::Absent => (0..splitter.cells()).map(placed).collect(),
        Header::Given(names) | Header::Instead(names) => distinct(names.iter().cloned()),
    })
}

pub(super) fn too_large(splitter: &Splitter, limits: &Limits) -> Error {
    let why = format!("a row has more than {} bytes", limits.record);
    Error::new(ErrorKind::Limit, FORMAT, why)
        .at(splitter.row_start())
        .with_hint("--max-record allows more")
}

/// The cells of a row as text. Cells end between characters only.
pub(super) fn cells<'a>(
    splitter: &'a Splitter,
    names: &[Text],
) -> Result<impl Iterator<Item = &'a str> + use<'a>, Error> {
    let bytes = splitter.bytes();
    let invalid = |at: usize| invalid(at, splitter, names);
    let text = simdutf8::basic::from_utf8(bytes).map_err(|_| {
        let valid = std::str::from_utf8(bytes).map_or_else(|error| error.valid_up_to(), str::len);
        invalid(valid)
    })?;
    let ends = splitter.ends();
    if !text.is_ascii()
        && let Some(cut) = ends.iter().find(|end| !text.is_char_boundary(**end))
    {
        return Err(invalid(cut.saturating_sub(1)));
    }
    let mut from = 0;
    Ok(ends.iter().map(move |&end| {
        let cell = text.get(from..end).unwrap_or_default();
        from = end;
        cell
    }))
}

fn plain(cell: &str, trim: bool) -> &str {
    match trim {
        true => cell.trim_matches([' ', '\t']),
        false => cell,
    }
}

/// What a column beyond the header is called: by its place, and so that no other is called so.
fn further(place: usize, names: &[Text]) -> Text {
    let mut name = placed(place);
    while names.contains(&name) {
        name.push('_');
    }
    name
}

/// A cell with `\t`, `\n`, `\r` and `\\`. Other backslashes stay as they are.
pub(super) fn unescaped(cell: &str) -> Text {
    let mut out = Text::with_capacity(cell.len());
    let mut rest = cell;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let (char, taken) = match rest.as_bytes().get(at + 1) {
            Some(b't') => ('\t', 2),
            Some(b'n') => ('\n', 2),
            Some(b'r') => ('\r', 2),
            Some(b'\\') => ('\\', 2),
            _ => ('\\', 1),
        };
        out.push(char);
        rest = &rest[at + taken..];
    }
    out.push_str(rest);
    out
}

pub(super) fn unclosed(line: u64, splitter: &Splitter) -> Error {
    let at = Position {
        line,
        ..splitter.row_start()
    };
    let why = format!("a quote that opens in line {line} is never closed");
    Error::new(ErrorKind::Truncated, FORMAT, why)
        .at(Position { column: 0, ..at })
        .with_hint("if quotes mean nothing in this file, read it with --quote-char none")
}

fn ragged(count: usize, names: usize, splitter: &Splitter) -> Error {
    let why = format!("the row has {count} cells, and the header has {names}");
    Error::syntax(FORMAT, why, splitter.row_start())
        .with_hint("--ragged fill takes missing cells as empty ones and keeps further ones")
}

fn invalid(at: usize, splitter: &Splitter, names: &[Text]) -> Error {
    let place = splitter.ends().partition_point(|end| *end <= at);
    let column = match names.get(place) {
        Some(name) => format!("column {name:?}"),
        None => format!("column {}", place + 1),
    };
    let why = format!("{column} is not UTF-8");
    Error::syntax(FORMAT, why, splitter.row_start())
        .with_hint("name the charset of the input, such as --charset windows-1252")
}
