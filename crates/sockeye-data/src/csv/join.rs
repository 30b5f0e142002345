//! Rows of several encoders behind each other, under one header.
//!
//! Columns are only ever added at the end, so rows from before only lack empty cells at theirs. Rows whose columns came in another
//! order are put in order again, cell by cell, without being decoded.

use std::collections::HashMap;
use std::io::{self, Read, Seek, SeekFrom, Write};

use super::cell::Cells;
use super::encode::{Rows, Run, strange};
use super::raw::RawRows;
use super::write::{Columns, WriteOptions};
use super::{Dialect, FORMAT};
use crate::record::{Error, ErrorKind};
use crate::value::{Text, Value};

/// Bytes that are read back at once.
const BLOCK: usize = 256 << 10;

/// A place for bytes that are too many for the memory: a file mostly.
pub trait SpillFile: Read + Write + Seek + Send {}

impl<F: Read + Write + Seek + Send> SpillFile for F {}

/// Makes a place for bytes that are too many for the memory; called once, when it is needed.
pub type Spill = Box<dyn FnMut() -> io::Result<Box<dyn SpillFile>> + Send>;

/// Puts rows together: pushed in the order of the records, they come out under one header.
///
/// ```
/// use sockeye_data::csv::{Encoder, Join, WriteOptions};
/// use sockeye_data::value::{Object, Value};
///
/// let options = WriteOptions::default();
/// let stretch = |name: &str| {
///     let mut encoder = Encoder::new(&options);
///     let record = Object::from_iter([(name.into(), Value::from(1))]);
///     encoder.encode(&record.into()).unwrap();
///     encoder.take()
/// };
/// let (mut join, mut out) = (Join::new(&options), Vec::new());
/// join.push(&stretch("a"), &mut out).unwrap();
/// join.push(&stretch("b"), &mut out).unwrap();
/// join.finish_into(&mut out).unwrap();
/// assert_eq!(out, b"a,b\n1,\n,1\n");
/// ```
pub struct Join {
    options: WriteOptions,
    cells: Cells,
    dialect: Dialect,
    columns: Option<Vec<Text>>,
    places: HashMap<Text, usize, foldhash::fast::RandomState>,
    begun: bool,
    named: bool,
    records: u64,
    formulas: u64,
    held: Vec<u8>,
    runs: Vec<Run>,
    spilled: u64,
    spill: Option<Spill>,
    file: Option<Box<dyn SpillFile>>,
}

impl std::fmt::Debug for Join {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Join")
            .field("columns", &self.columns)
            .field("records", &self.records)
            .field("held", &self.held.len())
            .field("spilled", &self.spilled)
            .finish_non_exhaustive()
    }
}

/// Add bytes to the last run, or begin one.
pub(super) fn lengthen(runs: &mut Vec<Run>, columns: usize, bytes: u64) {
    match runs.last_mut() {
        Some(run) if run.columns == columns => run.bytes += bytes,
        _ if bytes == 0 => {}
        _ => runs.push(Run { columns, bytes }),
    }
}

impl Join {
    /// The options are those of the encoders.
    pub fn new(options: &WriteOptions) -> Self {
        let columns = options.columns.fixed().map(<[Text]>::to_vec);
        Self {
            cells: Cells::new(options),
            dialect: options.dialect,
            places: HashMap::default(),
            begun: false,
            // Columns that are given have names.
            named: columns.is_some(),
            columns,
            records: 0,
            formulas: 0,
            held: Vec::new(),
            runs: Vec::new(),
            spilled: 0,
            spill: None,
            file: None,
            options: options.clone(),
        }
    }

    /// Where rows go that are held and are too many for the memory, see [`WriteOptions::held`]. Without it, that is an error.
    #[must_use]
    pub fn spill(mut self, spill: Spill) -> Self {
        self.spill = Some(spill);
        self
    }

    /// All rows will have these columns, as those of one file have: nothing has to be held, rows come out at once. For joins of all
    /// columns that nothing was pushed to yet; others are left as they are.
    pub fn expect(&mut self, columns: &[Text]) {
        if self.options.columns != Columns::Union || self.columns.is_some() {
            return;
        }
        self.options.columns = Columns::Strict;
        self.named = true;
        self.columns = Some(Vec::new());
        self.merge(columns);
    }

    /// How many cells a spreadsheet would take for formulas.
    pub fn formulas(&self) -> u64 {
        self.formulas
    }

    /// The next rows. What can be written at once is appended to `out`.
    ///
    /// # Errors
    /// A record has other columns than the first one where that matters: the rows before it are appended. Or the rows are too many
    /// to be held.
    pub fn push(&mut self, rows: &Rows, out: &mut Vec<u8>) -> Result<(), Error> {
        match self.options.columns {
            Columns::Known(_) | Columns::Fields(_) => {
                self.begin(out)?;
                out.extend_from_slice(&rows.bytes);
            }
            Columns::Strict => self.push_strict(rows, out)?,
            Columns::Union => {
                self.named |= rows.named;
                let order = self.merge(&rows.columns);
                self.hold(rows, order.as_deref())?;
            }
        }
        self.records += rows.records;
        self.formulas += rows.formulas;
        Ok(())
    }

    /// What comes behind the last rows, and all rows that are held.
    ///
    /// # Errors
    /// Writing failed, or reading what was spilled.
    pub fn finish_into(&mut self, out: &mut dyn Write) -> Result<(), Error> {
        let failed = |error: io::Error| Error::io(FORMAT, &error);
        let mut piece = Vec::new();
        if self.columns.is_some() || self.options.bom {
            self.begin(&mut piece)?;
        }
        out.write_all(&piece).map_err(failed)?;
        let held = std::mem::take(&mut self.held);
        let file = self.file.take();
        let before = std::mem::take(&mut self.spilled);
        let mut source: Box<dyn Read> = match file {
            Some(mut file) => {
                file.seek(SeekFrom::Start(0)).map_err(failed)?;
                Box::new(file.take(before).chain(&held[..]))
            }
            None => Box::new(&held[..]),
        };
        let count = self.columns.as_ref().map_or(0, Vec::len);
        let mut block = Vec::new();
        for run in std::mem::take(&mut self.runs) {
            self.emit_run(&mut source, run, count, &mut block, out)
                .map_err(failed)?;
        }
        Ok(())
    }

    fn emit_run(
        &self,
        source: &mut dyn Read,
        run: Run,
        count: usize,
        block: &mut Vec<u8>,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let mut rest = run.bytes;
        let mut piece = Vec::new();
        block.clear();
        while rest > 0 {
            let have = block.len();
            // As much again as a row that is not whole.
            let more = rest.min(BLOCK.max(have) as u64) as usize;
            block.resize(have + more, 0);
            source.read_exact(&mut block[have..])?;
            rest -= more as u64;
            piece.clear();
            let taken = self.emit(block, run.columns, count, &mut piece);
            out.write_all(&piece)?;
            block.drain(..taken);
        }
        Ok(())
    }

    /// Write the byte order mark and the header, once.
    fn begin(&mut self, out: &mut Vec<u8>) -> Result<(), Error> {
        if self.begun {
            return Ok(());
        }
        let start = out.len();
        if self.options.bom {
            out.extend_from_slice("\u{feff}".as_bytes());
        }
        let columns = self.columns.as_deref().unwrap_or_default();
        if self.options.header && self.named && !columns.is_empty() {
            for (place, name) in columns.iter().enumerate() {
                if place > 0 {
                    out.push(self.dialect.delimiter);
                }
                let name = Value::String(name.clone());
                if let Err(error) = self.cells.value(&name, out) {
                    out.truncate(start);
                    return Err(error);
                }
            }
            if columns.len() == 1 && columns[0].is_empty() && out.len() == start {
                out.extend(self.cells.empty_quoted());
            }
            out.extend_from_slice(self.cells.end);
        }
        self.begun = true;
        Ok(())
    }

    /// Columns are those of the first record.
    fn push_strict(&mut self, rows: &Rows, out: &mut Vec<u8>) -> Result<(), Error> {
        if rows.records == 0 {
            return Ok(());
        }
        if self.columns.is_none() {
            self.named = rows.named;
            self.merge(&rows.columns[..rows.first]);
        }
        let known = self.columns.as_ref().map_or(0, Vec::len);
        let other = rows
            .columns
            .iter()
            .find(|name| !self.places.contains_key(*name));
        self.begin(out)?;
        if let Some(name) = other {
            let (record, before) = rows.strange.unwrap_or_default();
            self.emit_runs(rows, before, known, out);
            return Err(strange(Some(self.records + record + 1), name));
        }
        match self.merge(&rows.columns) {
            Some(order) => self.permute_runs(rows, &order, known, out),
            None => self.emit_runs(rows, rows.bytes.len(), known, out),
        }
        Ok(())
    }

    /// Append the rows up to this byte.
    fn emit_runs(&self, rows: &Rows, to: usize, want: usize, out: &mut Vec<u8>) {
        let mut from = 0;
        for run in &rows.runs {
            let end = from + run.bytes as usize;
            self.emit(&rows.bytes[from..end.min(to)], run.columns, want, out);
            if end >= to {
                break;
            }
            from = end;
        }
    }

    /// Add columns at the end. Says for each of `theirs` which of ours it is, unless it is the one at the same place.
    fn merge(&mut self, theirs: &[Text]) -> Option<Vec<usize>> {
        let ours = self.columns.get_or_insert_default();
        let same = ours.iter().zip(theirs).take_while(|(a, b)| a == b).count();
        if same == theirs.len() {
            return None;
        }
        let only_added = same == ours.len();
        let order = theirs.iter().map(|name| {
            *self.places.entry(name.clone()).or_insert_with(|| {
                ours.push(name.clone());
                ours.len() - 1
            })
        });
        let order: Vec<usize> = order.collect();
        (!only_added).then_some(order)
    }

    /// Keep rows until all columns are known.
    fn hold(&mut self, rows: &Rows, order: Option<&[usize]>) -> Result<(), Error> {
        let count = self.columns.as_ref().map_or(0, Vec::len);
        match order {
            None => {
                self.held.extend_from_slice(&rows.bytes);
                for run in &rows.runs {
                    lengthen(&mut self.runs, run.columns, run.bytes);
                }
            }
            Some(order) => {
                let mut held = std::mem::take(&mut self.held);
                let start = held.len();
                self.permute_runs(rows, order, count, &mut held);
                lengthen(&mut self.runs, count, (held.len() - start) as u64);
                self.held = held;
            }
        }
        match self.held.len() > self.options.held {
            true => self.spill_held(),
            false => Ok(()),
        }
    }

    fn spill_held(&mut self) -> Result<(), Error> {
        let file = match (&mut self.file, &mut self.spill) {
            (Some(file), _) => file,
            (None, Some(spill)) => {
                let file = spill().map_err(|error| Error::io(FORMAT, &error))?;
                self.file.insert(file)
            }
            (None, None) => {
                let why = format!(
                    "more than {} bytes of rows are held, as columns may still come",
                    self.options.held
                );
                return Err(Error::new(ErrorKind::Limit, FORMAT, why)
                    .with_hint("--fields a,b or --columns strict write rows at once"));
            }
        };
        file.write_all(&self.held)
            .map_err(|error| Error::io(FORMAT, &error))?;
        self.spilled += self.held.len() as u64;
        self.held.clear();
        Ok(())
    }

    /// Append whole rows of `have` cells as rows of `want` cells. Says how many bytes were whole rows.
    fn emit(&self, bytes: &[u8], have: usize, want: usize, out: &mut Vec<u8>) -> usize {
        if have == want && want > 1 {
            out.extend_from_slice(bytes);
            return bytes.len();
        }
        let lone = self.cells.empty_quoted();
        let mut rows = RawRows::new(bytes, &self.dialect);
        let mut start = 0;
        while let Some(row) = rows.next_row() {
            start = rows.position();
            if want == 0 {
                continue;
            }
            let row_start = out.len();
            out.extend_from_slice(row);
            for place in have..want {
                if place > 0 {
                    out.push(self.dialect.delimiter);
                }
                out.extend_from_slice(self.cells.missing);
            }
            if want == 1 && out.len() == row_start {
                out.extend_from_slice(&lone);
            }
            out.extend_from_slice(self.cells.end);
        }
        start
    }

    /// Append rows with their cells in our order.
    fn permute_runs(&self, rows: &Rows, order: &[usize], want: usize, out: &mut Vec<u8>) {
        let mut theirs: Vec<Option<usize>> = vec![None; want];
        for (their, our) in order.iter().enumerate() {
            theirs[*our] = Some(their);
        }
        let mut from = 0;
        for run in &rows.runs {
            let bytes = &rows.bytes[from..from + run.bytes as usize];
            self.permute(bytes, run.columns, &theirs, out);
            from += run.bytes as usize;
        }
    }

    fn permute(&self, bytes: &[u8], have: usize, theirs: &[Option<usize>], out: &mut Vec<u8>) {
        let mut rows = RawRows::new(bytes, &self.dialect);
        let mut cells = Vec::new();
        while let Some(row) = rows.next_cells(&mut cells) {
            for (place, their) in theirs.iter().enumerate() {
                if place > 0 {
                    out.push(self.dialect.delimiter);
                }
                match their
                    .filter(|their| *their < have)
                    .and_then(|their| cells.get(their))
                {
                    Some(cell) => out.extend_from_slice(&row[cell.clone()]),
                    None => out.extend_from_slice(self.cells.missing),
                }
            }
            out.extend_from_slice(self.cells.end);
        }
    }
}
