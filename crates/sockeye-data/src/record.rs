//! Records: what a reader yields and a writer takes, one after the other, in constant memory where the format allows it.
//!
//! [`ReadRecords`] and [`WriteRecords`] are what all formats have in common; [`Limits`] bounds what foreign bytes can cost, and
//! [`Error`] says what is wrong, and where.

use std::{fmt, io};

use crate::value::Value;

/// Yields records until there are no more.
pub trait ReadRecords {
    /// The next record; `None` after the last. After an error of kind [`ErrorKind::Syntax`], formats made of lines go on with the
    /// next line; the others yield `None`.
    fn next_record(&mut self) -> Result<Option<Value>, Error>;

    /// Where the reader is: behind the record that came last.
    fn position(&self) -> Position;

    /// The records as an iterator.
    fn records(&mut self) -> Records<'_>
    where
        Self: Sized,
    {
        Records(self)
    }
}

impl<R: ReadRecords + ?Sized> ReadRecords for Box<R> {
    fn next_record(&mut self) -> Result<Option<Value>, Error> {
        (**self).next_record()
    }

    fn position(&self) -> Position {
        (**self).position()
    }
}

/// See [`ReadRecords::records`].
pub struct Records<'a>(&'a mut dyn ReadRecords);

impl Iterator for Records<'_> {
    type Item = Result<Value, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next_record().transpose()
    }
}

/// Turns records into bytes of a format. The bytes are appended to `out`, which the caller writes where it wants and clears.
pub trait WriteRecords {
    /// Append one record. On an error, nothing of the record is appended.
    fn write_record(&mut self, record: &Value, out: &mut Vec<u8>) -> Result<(), Error>;

    /// Append what comes behind the last record. Called once.
    fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), Error>;

    /// The same, instead of [`finish`](Self::finish), straight to where it goes: for formats that hold much until the end.
    fn finish_into(&mut self, out: &mut dyn io::Write) -> Result<(), Error> {
        let mut last = Vec::new();
        self.finish(&mut last)?;
        out.write_all(&last)
            .map_err(|error| Error::io("output", &error))
    }
}

/// Append what `write` writes, or nothing of it if it fails: what [`WriteRecords::write_record`] promises.
pub(crate) fn all_or_nothing(
    out: &mut Vec<u8>,
    write: impl FnOnce(&mut Vec<u8>) -> Result<(), Error>,
) -> Result<(), Error> {
    let before = out.len();
    let written = write(out);
    if written.is_err() {
        out.truncate(before);
    }
    written
}

impl<W: WriteRecords + ?Sized> WriteRecords for Box<W> {
    fn write_record(&mut self, record: &Value, out: &mut Vec<u8>) -> Result<(), Error> {
        (**self).write_record(record, out)
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), Error> {
        (**self).finish(out)
    }

    fn finish_into(&mut self, out: &mut dyn io::Write) -> Result<(), Error> {
        (**self).finish_into(out)
    }
}

/// What foreign bytes may cost at most.
#[derive(Clone, Debug)]
pub struct Limits {
    /// How deep values may be nested. 1,000 unless it is set.
    pub depth: usize,
    /// How many bytes one record may have: a value, a row, an element, a message. 1 GiB unless it is set.
    pub record: usize,
    /// How many values anchors and aliases of YAML, or entities of XML, may expand to, beyond what is written there. 1,000,000
    /// unless it is set.
    pub expansion: usize,
    /// How many times as large as the compressed bytes the plain ones may be. 1,000 unless it is set.
    pub ratio: u64,
    /// How many bytes compressed input may become. 4 GiB unless it is set.
    pub inflated: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            depth: 1_000,
            record: 1 << 30,
            expansion: 1_000_000,
            ratio: 1_000,
            inflated: 4 << 30,
        }
    }
}

/// A place in the input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// Bytes before it.
    pub byte: u64,
    /// The line, from 1; 0 where the format has no lines.
    pub line: u64,
    /// The character in the line, from 1; 0 where it is not known.
    pub column: u64,
}

impl Position {
    /// The place behind `before`.
    pub fn after(before: &[u8]) -> Self {
        let start = memchr::memrchr(b'\n', before).map_or(0, |newline| newline + 1);
        Self {
            byte: before.len() as u64,
            line: 1 + memchr::memchr_iter(b'\n', before).count() as u64,
            column: 1 + String::from_utf8_lossy(&before[start..]).chars().count() as u64,
        }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.line, self.column) {
            (0, _) => write!(f, "byte {}", self.byte),
            (line, 0) => write!(f, "line {line}, byte {}", self.byte),
            (line, column) => write!(f, "line {line}, column {column}, byte {}", self.byte),
        }
    }
}

/// What kind of failure it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The input is not what the format allows.
    Syntax,
    /// A bound of [`Limits`] was reached.
    Limit,
    /// The format cannot say this value.
    Unsupported,
    /// The input is right, but a path that was asked for leads to nothing in it. The reader goes on behind that value.
    Mismatch,
    /// The input ended within a value.
    Truncated,
    /// Reading failed.
    Io(io::ErrorKind),
}

/// Why a record could not be read or written.
#[derive(Clone, Debug)]
pub struct Error {
    kind: ErrorKind,
    format: &'static str,
    why: String,
    position: Option<Position>,
    hint: Option<String>,
}

impl Error {
    /// `format` is the format's name in lower case, `why` says what is wrong without a full stop.
    pub fn new(kind: ErrorKind, format: &'static str, why: impl Into<String>) -> Self {
        Self {
            kind,
            format,
            why: why.into(),
            position: None,
            hint: None,
        }
    }

    /// Not what the format allows.
    pub fn syntax(format: &'static str, why: impl Into<String>, at: Position) -> Self {
        Self::new(ErrorKind::Syntax, format, why).at(at)
    }

    /// Reading failed. Where one of ours is within, what a decompressing or decoding reader had to say, it is that one.
    pub fn io(format: &'static str, error: &io::Error) -> Self {
        if let Some(ours) = error
            .get_ref()
            .and_then(|inner| inner.downcast_ref::<Self>())
        {
            return ours.clone();
        }
        Self::new(ErrorKind::Io(error.kind()), format, error.to_string())
    }

    /// Where it is.
    #[must_use]
    pub fn at(mut self, position: Position) -> Self {
        self.position = Some(position);
        self
    }

    /// One thing to try.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// What kind of failure it is.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Which format was read or written.
    pub fn format(&self) -> &'static str {
        self.format
    }

    /// What is wrong, without the place.
    pub fn why(&self) -> &str {
        &self.why
    }

    /// Where it is, if that is known.
    pub fn position(&self) -> Option<Position> {
        self.position
    }

    /// One thing to try.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.format, self.why)?;
        match self.position {
            Some(position) => write!(f, " at {position}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {}

/// For readers of bytes, which can give nothing else; [`Error::io`] is the way back.
impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        let kind = match error.kind {
            ErrorKind::Syntax | ErrorKind::Limit | ErrorKind::Mismatch => {
                io::ErrorKind::InvalidData
            }
            ErrorKind::Unsupported => io::ErrorKind::Unsupported,
            ErrorKind::Truncated => io::ErrorKind::UnexpectedEof,
            ErrorKind::Io(kind) => kind,
        };
        Self::new(kind, error)
    }
}
