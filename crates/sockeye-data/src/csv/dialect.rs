//! How a file of rows is written: which bytes stand between cells and rows, and how a cell may contain them.

use std::fmt;

/// How cells and rows are told apart. All bytes are ASCII.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dialect {
    /// What stands between cells. A comma unless it is set.
    pub delimiter: u8,
    /// What stands around a cell that contains delimiters, quotes or line ends; `None` where there are no quotes. `"` unless it is
    /// set.
    pub quote: Option<u8>,
    /// What stands before a quote within quotes, a backslash mostly. `None`, as it is unless it is set: quotes are doubled.
    pub escape: Option<u8>,
    /// What ends a row.
    pub line_end: LineEnd,
    /// Cells say tab, line feed, carriage return and backslash as `\t`, `\n`, `\r` and `\\`, as jq's `@tsv` does; such files have
    /// no quotes.
    pub escapes: bool,
}

/// What ends a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LineEnd {
    /// A line feed, a carriage return, or both.
    #[default]
    Break,
    /// This byte alone, such as 0x1e, the record separator of ASCII.
    Byte(u8),
}

impl Default for Dialect {
    fn default() -> Self {
        Self::CSV
    }
}

impl Dialect {
    /// Comma-separated values (RFC 4180).
    pub const CSV: Self = Self {
        delimiter: b',',
        quote: Some(b'"'),
        escape: None,
        line_end: LineEnd::Break,
        escapes: false,
    };

    /// Tab-separated values as spreadsheets write them: with quotes.
    pub const TSV: Self = Self::CSV.with_delimiter(b'\t');

    /// Tab-separated values as jq's `@tsv` and miller write them: without quotes, with `\t` and `\n`.
    pub const TSV_ESCAPES: Self = Self {
        quote: None,
        escapes: true,
        ..Self::TSV
    };

    /// The same with another delimiter.
    #[must_use]
    pub const fn with_delimiter(mut self, delimiter: u8) -> Self {
        self.delimiter = delimiter;
        self
    }

    /// A byte that ends a row.
    pub(super) fn row_end(&self) -> u8 {
        match self.line_end {
            LineEnd::Break => b'\n',
            LineEnd::Byte(byte) => byte,
        }
    }

    /// Whether the bytes can be told apart and are ASCII.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn check(&self) -> Result<(), String> {
        let mut bytes = vec![self.delimiter];
        bytes.extend(self.quote);
        bytes.extend(self.escape);
        match self.line_end {
            LineEnd::Break => bytes.extend(*b"\r\n"),
            LineEnd::Byte(byte) => bytes.push(byte),
        }
        if self.escapes {
            bytes.push(b'\\');
        }
        for (place, byte) in bytes.iter().enumerate() {
            if !byte.is_ascii() {
                return Err(format!(
                    "delimiters and quotes are ASCII characters, and byte 0x{byte:02x} is none"
                ));
            }
            if bytes[..place].contains(byte) {
                return Err(format!(
                    "{:?} cannot mean two things in one dialect",
                    char::from(*byte)
                ));
            }
        }
        Ok(())
    }
}

/// A byte as the name of a delimiter.
pub(super) fn name(byte: u8) -> String {
    match byte {
        b',' => "comma".into(),
        b';' => "semicolon".into(),
        b'\t' => "tab".into(),
        b'|' => "pipe".into(),
        b' ' => "space".into(),
        b'"' => "double quote".into(),
        b'\'' => "single quote".into(),
        b'\\' => "backslash".into(),
        _ => format!("{:?}", char::from(byte)),
    }
}

impl fmt::Display for Dialect {
    /// In words: `comma, double quote`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&name(self.delimiter))?;
        match self.quote {
            Some(quote) => write!(f, ", {}", name(quote))?,
            None => f.write_str(", no quotes")?,
        }
        if let Some(escape) = self.escape {
            write!(f, ", {} before quotes", name(escape))?;
        }
        if let LineEnd::Byte(byte) = self.line_end {
            write!(f, ", rows end with {}", name(byte))?;
        }
        if self.escapes {
            f.write_str(", escapes")?;
        }
        Ok(())
    }
}
