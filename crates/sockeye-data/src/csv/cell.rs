//! One value as a cell.

use super::write::{Quotes, WriteOptions};
use super::{Dialect, FORMAT, LineEnd, number};
use crate::record::{Error, ErrorKind};
use crate::value::{Number, Value};

/// Writes cells of one dialect.
#[derive(Clone, Debug)]
pub(super) struct Cells {
    dialect: Dialect,
    quotes: Quotes,
    excel_safe: bool,
    /// What null is written as, quoted if it has to be.
    null: Vec<u8>,
    /// A cell that no value was there for.
    pub(super) missing: &'static [u8],
    /// What ends a row.
    pub(super) end: &'static [u8],
    /// Bytes for which a cell is quoted, eight times each.
    specials: [u64; 4],
    /// The same as a table.
    special: [bool; 256],
    /// No special byte can be in a number.
    plain_numbers: bool,
    /// Cells that a spreadsheet would take for formulas.
    pub(super) formulas: u64,
}

impl Cells {
    pub(super) fn new(options: &WriteOptions) -> Self {
        let dialect = options.dialect;
        let mut bytes = vec![dialect.delimiter, dialect.quote.unwrap_or(b'\n')];
        match dialect.line_end {
            LineEnd::Break => bytes.extend(*b"\r\n"),
            LineEnd::Byte(end) => bytes.extend([end, end]),
        }
        if dialect.escapes {
            bytes = b"\t\n\r\\".to_vec();
        }
        let mut special = [false; 256];
        for byte in bytes.iter().copied().chain(dialect.escape) {
            special[usize::from(byte)] = true;
        }
        let every = |byte: u8| u64::from_ne_bytes([byte; 8]);
        let mut cells = Self {
            dialect,
            quotes: options.quotes,
            excel_safe: options.excel_safe,
            null: Vec::new(),
            missing: b"",
            end: match (dialect.line_end, options.crlf) {
                (LineEnd::Break, true) => b"\r\n",
                (LineEnd::Break, false) => b"\n",
                (LineEnd::Byte(end), _) => one(end),
            },
            specials: [bytes[0], bytes[1], bytes[2], bytes[3]].map(every),
            special,
            plain_numbers: !b"0123456789+-.eE".iter().any(|b| special[usize::from(*b)]),
            formulas: 0,
        };
        let mut null = Vec::new();
        let all = options.quotes == Quotes::All;
        // What cannot be written here is found when a cell has it.
        let _ = cells.put(options.null.as_bytes(), all, &mut null);
        cells.null = null;
        if all && dialect.quote.is_some() {
            cells.missing = if dialect.quote == Some(b'\'') {
                b"''"
            } else {
                b"\"\""
            };
        }
        cells
    }

    /// The two quotes that say that a row with one empty cell is no empty line; nothing without quotes.
    pub(super) fn empty_quoted(&self) -> Vec<u8> {
        match self.dialect.quote {
            Some(quote) if !self.dialect.escapes => vec![quote, quote],
            _ => Vec::new(),
        }
    }

    /// Append a value.
    pub(super) fn value(&mut self, value: &Value, out: &mut Vec<u8>) -> Result<(), Error> {
        match value {
            Value::String(text) => self.text(text.as_bytes(), out),
            Value::Number(number) => self.number(number, out),
            Value::Null => {
                out.extend_from_slice(&self.null);
                Ok(())
            }
            Value::Bool(bool) => {
                let word: &[u8] = if *bool { b"true" } else { b"false" };
                self.put(word, self.quotes != Quotes::Needed, out)
            }
            Value::Bytes(bytes) => {
                let text = data_encoding::BASE64.encode(bytes);
                self.put(text.as_bytes(), self.quotes != Quotes::Needed, out)
            }
            Value::Array(_) | Value::Object(_) => {
                let text = super::nested::json(value);
                self.put(text.as_bytes(), self.quotes != Quotes::Needed, out)
            }
        }
    }

    /// Append text.
    #[inline]
    pub(super) fn text(&mut self, text: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        if matches!(
            text.first(),
            Some(b'=' | b'+' | b'-' | b'@' | b'\t' | b'\r')
        ) && formula(text)
        {
            self.formulas += 1;
            if self.excel_safe {
                let safe = [b"'", text].concat();
                return self.put(&safe, self.quotes != Quotes::Needed, out);
            }
        }
        self.put(text, self.quotes != Quotes::Needed, out)
    }

    fn number(&self, number: &Number, out: &mut Vec<u8>) -> Result<(), Error> {
        let quoted = self.quotes == Quotes::All;
        match number {
            Number::Int(int) if self.plain_numbers && !quoted => {
                push_int(*int, out);
                Ok(())
            }
            // As it was written.
            Number::Text(text) if self.plain_numbers && !quoted => {
                out.extend_from_slice(text.as_bytes());
                Ok(())
            }
            _ => {
                let mut text = Vec::new();
                crate::json::write_number(number, &mut text);
                self.put(&text, quoted, out)
            }
        }
    }

    #[inline]
    fn put(&self, text: &[u8], quoted: bool, out: &mut Vec<u8>) -> Result<(), Error> {
        if !quoted && !self.has_special(text) && !reads_as_start(text) {
            out.extend_from_slice(text);
            return Ok(());
        }
        self.put_special(text, out)
    }

    #[cold]
    fn put_special(&self, text: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        if self.dialect.escapes {
            for &byte in text {
                match byte {
                    b'\t' => out.extend_from_slice(b"\\t"),
                    b'\n' => out.extend_from_slice(b"\\n"),
                    b'\r' => out.extend_from_slice(b"\\r"),
                    b'\\' => out.extend_from_slice(b"\\\\"),
                    _ => out.push(byte),
                }
            }
            return Ok(());
        }
        let Some(quote) = self.dialect.quote else {
            if !self.has_special(text) {
                out.extend_from_slice(text);
                return Ok(());
            }
            let why = "a cell contains a delimiter or a line end, and there are no quotes";
            return Err(Error::new(ErrorKind::Unsupported, FORMAT, why)
                .with_hint("write it with quotes, or tsv with escapes"));
        };
        out.push(quote);
        let mut rest = text;
        let before = self.dialect.escape.unwrap_or(quote);
        while let Some(at) = memchr::memchr2(quote, before, rest) {
            out.extend_from_slice(&rest[..at]);
            out.extend_from_slice(&[before, rest[at]]);
            rest = &rest[at + 1..];
        }
        out.extend_from_slice(rest);
        out.push(quote);
        Ok(())
    }

    /// Whether a byte is there for which the cell is quoted.
    #[inline]
    fn has_special(&self, text: &[u8]) -> bool {
        const LOW: u64 = 0x0101_0101_0101_0101;
        const HIGH: u64 = 0x8080_8080_8080_8080;
        // Eight bytes at once: a byte of `x` is zero where the special one stands (Hacker's Delight, section 6-1).
        let hit = |word: u64| {
            self.specials.iter().fold(0, |hit, special| {
                let x = word ^ special;
                hit | (x.wrapping_sub(LOW) & !x & HIGH)
            }) != 0
        };
        let (words, rest) = text.as_chunks::<8>();
        if words.iter().any(|word| hit(u64::from_ne_bytes(*word))) {
            return true;
        }
        match (self.dialect.escape.is_some(), text.last_chunk::<8>()) {
            // A fifth byte to look for.
            (true, _) => text.iter().any(|byte| self.special[usize::from(*byte)]),
            (false, Some(last)) if !rest.is_empty() => hit(u64::from_ne_bytes(*last)),
            (false, _) => rest.iter().any(|byte| self.special[usize::from(*byte)]),
        }
    }
}

/// A static slice of one byte: what ends a row lives as long as the program.
fn one(byte: u8) -> &'static [u8] {
    static ALL: [u8; 128] = {
        let mut all = [0; 128];
        let mut at = 0;
        while at < 128 {
            all[at] = at as u8;
            at += 1;
        }
        all
    };
    let at = usize::from(byte) % ALL.len();
    &ALL[at..=at]
}

/// A byte order mark and `sep=` at the start of a file are no data to a reader, unless there are quotes.
#[inline]
fn reads_as_start(text: &[u8]) -> bool {
    match text.first() {
        Some(0xef) => text.starts_with("\u{feff}".as_bytes()),
        Some(b's' | b'S') => text.len() >= 4 && text[..4].eq_ignore_ascii_case(b"sep="),
        _ => false,
    }
}

/// Whether text that begins like a formula may be one: it is no negative number.
#[cold]
fn formula(text: &[u8]) -> bool {
    let text = std::str::from_utf8(text).unwrap_or_default();
    number(text).is_none() && Number::from_json_text(text).is_none()
}

/// Append a whole number.
fn push_int(int: i64, out: &mut Vec<u8>) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    let mut rest = int.unsigned_abs();
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if int < 0 {
        out.push(b'-');
    }
    out.extend_from_slice(&digits[at..]);
}
