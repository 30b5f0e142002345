//! Records as rows: how they are written, and the writer that does it one after the other.

use std::io;

use super::encode::Encoder;
use super::join::{Join, Spill};
use super::{Dialect, FORMAT};
use crate::record::{Error, WriteRecords};
use crate::value::{Text, Value};

/// Rows are handed on when they have so many bytes.
const PIECE: usize = 1 << 20;

/// How rows are written.
#[derive(Clone, Debug)]
pub struct WriteOptions {
    /// What stands between cells and around them, and ends rows: a line feed, or what [`crlf`](Self::crlf) says.
    pub dialect: Dialect,
    /// Which cells are quoted. Those that have to be, unless it is set.
    pub quotes: Quotes,
    /// Rows end with carriage return and line feed. With a line feed alone unless it is set.
    pub crlf: bool,
    /// A byte order mark comes first, so that Excel takes the text for UTF-8. Not unless it is set.
    pub bom: bool,
    /// The first row has the names of the columns, as it does unless it is set. There is none where all records are arrays.
    pub header: bool,
    /// Which columns there are. All that any record has, unless it is set.
    pub columns: Columns,
    /// A `'` comes before text that spreadsheets would take for a formula: what begins with `=`, `+`, `-`, `@`, a tab or a carriage
    /// return and is no number. Not unless it is set, since it alters data.
    pub excel_safe: bool,
    /// What null is written as. Nothing unless it is set.
    pub null: String,
    /// What becomes of arrays and objects within a record.
    pub nested: Nested,
    /// How many bytes of rows are held in memory while columns may still come; those beyond go where
    /// [`Writer::spill`] says. 64 MiB unless it is set.
    pub held: usize,
}

impl Default for WriteOptions {
    fn default() -> Self {
        Self {
            dialect: Dialect::CSV,
            quotes: Quotes::default(),
            crlf: false,
            bom: false,
            header: true,
            columns: Columns::default(),
            excel_safe: false,
            null: String::new(),
            nested: Nested::default(),
            held: 64 << 20,
        }
    }
}

/// Which cells are quoted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Quotes {
    /// Those with a delimiter, a quote or a line end.
    #[default]
    Needed,
    /// All.
    All,
    /// All but numbers and null. Text that looks like a number is quoted.
    NonNumeric,
}

/// Which columns there are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Columns {
    /// All that any record has, in the order in which they are first seen. Rows are held until the last record came.
    #[default]
    Union,
    /// Those of the first record. Another one is an error, one that is missing is empty. Rows are written at once.
    Strict,
    /// These. Another one is an error, one that is missing is empty. Rows are written at once.
    Known(Vec<Text>),
    /// These. Others are left out, one that is missing is empty. Rows are written at once.
    Fields(Vec<Text>),
}

impl Columns {
    /// The columns, where they are known from the start.
    pub(super) fn fixed(&self) -> Option<&[Text]> {
        match self {
            Self::Known(names) | Self::Fields(names) => Some(names),
            Self::Union | Self::Strict => None,
        }
    }
}

/// What becomes of arrays and objects within a record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Nested {
    /// Their JSON text is the cell.
    #[default]
    Json,
    /// Each value within has a column of its own: `a.b` for objects, `a.0` for arrays. Empty ones are `{}` and `[]`.
    Flatten,
}

/// Writes records as rows.
///
/// A record that is an object is a row, its names are columns. An array is a row without names; an array of nothing but objects and
/// arrays is a table, each of its items a row. Anything else is a row with the one column `value`.
///
/// ```
/// use sockeye_data::csv::{WriteOptions, Writer};
/// use sockeye_data::record::WriteRecords;
/// use sockeye_data::value::{Object, Value};
///
/// let mut writer = Writer::new(&WriteOptions::default());
/// let mut out = Vec::new();
/// for (name, value) in [("a", "1"), ("b", "x, y")] {
///     let record = Object::from_iter([(name.into(), Value::from(value))]);
///     writer.write_record(&record.into(), &mut out).unwrap();
/// }
/// writer.finish(&mut out).unwrap();
/// assert_eq!(out, b"a,b\n1,\n,\"x, y\"\n");
/// ```
#[derive(Debug)]
pub struct Writer {
    encoder: Encoder,
    join: Join,
    at_once: bool,
}

impl Writer {
    /// Writes as `options` say.
    pub fn new(options: &WriteOptions) -> Self {
        Self {
            encoder: Encoder::new(options).counting(),
            join: Join::new(options),
            at_once: options.columns != Columns::Union,
        }
    }

    /// Where rows go that are held and are too many for the memory, see [`WriteOptions::held`]. Without it, that is an error.
    #[must_use]
    pub fn spill(mut self, spill: Spill) -> Self {
        self.join = self.join.spill(spill);
        self
    }

    /// How many cells a spreadsheet would take for formulas. With [`WriteOptions::excel_safe`] they have been made harmless.
    pub fn formulas(&self) -> u64 {
        self.join.formulas() + self.encoder.rows().formulas
    }

    /// Hand over the rows that are encoded.
    fn push(&mut self, out: &mut Vec<u8>) -> Result<(), Error> {
        self.join.push(self.encoder.rows(), out)?;
        self.encoder.clear_rows();
        Ok(())
    }
}

impl WriteRecords for Writer {
    fn write_record(&mut self, record: &Value, out: &mut Vec<u8>) -> Result<(), Error> {
        if self.at_once {
            let mark = self.encoder.mark();
            self.encoder.encode(record)?;
            return self.push(out).inspect_err(|_| self.encoder.rollback(mark));
        }
        self.encoder.encode(record)?;
        match self.encoder.rows().bytes.len() >= PIECE {
            true => self.push(out),
            false => Ok(()),
        }
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), Error> {
        self.finish_into(out)
    }

    fn finish_into(&mut self, out: &mut dyn io::Write) -> Result<(), Error> {
        let mut direct = Vec::new();
        self.push(&mut direct)?;
        out.write_all(&direct)
            .map_err(|error| Error::io(FORMAT, &error))?;
        self.join.finish_into(out)
    }
}
