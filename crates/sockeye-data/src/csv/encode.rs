//! Rows of one stretch of records, with the columns that these have: what one worker makes.

use std::collections::HashMap;

use super::cell::Cells;
use super::header::placed;
use super::nested;
use super::write::{Columns, Nested, WriteOptions};
use super::{FORMAT, join};
use crate::record::{Error, ErrorKind};
use crate::value::{Object, Text, Value};

/// Encoded rows, and the columns that they have. [`Join`](super::Join) puts those of several encoders together.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    /// Rows with their ends. A row has as many cells as there were columns when it was encoded.
    pub(super) bytes: Vec<u8>,
    /// How many bytes have how many cells in each row.
    pub(super) runs: Vec<Run>,
    /// The columns in the order in which they were seen.
    pub(super) columns: Vec<Text>,
    /// How many columns the first record had.
    pub(super) first: usize,
    /// The record, counted from 0, in which the first column was seen that the first record had not, and the bytes before it.
    pub(super) strange: Option<(u64, usize)>,
    /// How many records there are.
    pub(super) records: u64,
    /// Whether a record had names.
    pub(super) named: bool,
    /// Cells that a spreadsheet would take for formulas.
    pub(super) formulas: u64,
}

/// Rows with the same number of cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) columns: usize,
    pub(super) bytes: u64,
}

impl Rows {
    /// How many bytes the rows have.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// How many records there are.
    pub fn records(&self) -> u64 {
        self.records
    }
}

/// The state of an encoder before a record.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    bytes: usize,
    runs: usize,
    last_run: Option<Run>,
    columns: usize,
    first: usize,
    strange: Option<(u64, usize)>,
    records: u64,
    named: bool,
}

/// Names and values by place.
trait Members {
    fn count(&self) -> usize;
    fn member(&self, place: usize) -> Option<(&Text, &Value)>;
}

impl Members for Object {
    fn count(&self) -> usize {
        self.len()
    }

    fn member(&self, place: usize) -> Option<(&Text, &Value)> {
        self.at(place)
    }
}

impl Members for [(Text, Value)] {
    fn count(&self) -> usize {
        self.len()
    }

    fn member(&self, place: usize) -> Option<(&Text, &Value)> {
        self.get(place).map(|(name, value)| (name, value))
    }
}

/// Which columns a record may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Policy {
    Grow,
    Refuse,
    Drop,
}

/// Encodes records as rows, for itself; the rows are taken from it. Many may work at once, each on its own stretch.
#[derive(Debug)]
pub struct Encoder {
    cells: Cells,
    nested: Nested,
    delimiter: u8,
    policy: Policy,
    lone: Vec<u8>,
    rows: Rows,
    index: HashMap<Text, usize, foldhash::fast::RandomState>,
    /// For each column, the member of the record in hand, counted from 1.
    slots: Vec<usize>,
    /// Where the rows of the record in hand start.
    record_start: usize,
    /// The number of the record in hand, where it is the one in the whole input.
    number: Option<u64>,
}

impl Encoder {
    /// Encodes as `options` say. Where the columns are those of the first record, it is for [`Join`](super::Join) to find others.
    pub fn new(options: &WriteOptions) -> Self {
        let cells = Cells::new(options);
        let mut encoder = Self {
            nested: options.nested,
            delimiter: options.dialect.delimiter,
            policy: match options.columns {
                Columns::Union | Columns::Strict => Policy::Grow,
                Columns::Known(_) => Policy::Refuse,
                Columns::Fields(_) => Policy::Drop,
            },
            lone: cells.empty_quoted(),
            cells,
            rows: Rows::default(),
            index: HashMap::default(),
            slots: Vec::new(),
            record_start: 0,
            number: None,
        };
        if let Some(names) = options.columns.fixed() {
            for name in names {
                // A column that is asked for twice is written twice, from the first.
                let place = encoder.rows.columns.len();
                encoder.index.entry(name.clone()).or_insert(place);
                encoder.rows.columns.push(name.clone());
            }
        }
        encoder
    }

    /// It sees all records, and may number them.
    pub(super) fn counting(mut self) -> Self {
        self.number = Some(0);
        self
    }

    /// Encode one record. On an error, nothing of it stays.
    ///
    /// # Errors
    /// The record has a column that there is not, or a cell that the dialect cannot say.
    pub fn encode(&mut self, record: &Value) -> Result<(), Error> {
        let mark = self.mark();
        self.record_start = mark.bytes;
        if let Some(number) = &mut self.number {
            *number += 1;
        }
        let done = self.record(record);
        if done.is_err() {
            self.rollback(mark);
        }
        done
    }

    /// Take the rows, and begin again as if nothing had been seen.
    pub fn take(&mut self) -> Rows {
        self.rows.formulas = std::mem::take(&mut self.cells.formulas);
        let fixed = self.policy != Policy::Grow;
        let columns = if fixed {
            self.rows.columns.clone()
        } else {
            Vec::new()
        };
        if !fixed {
            self.index.clear();
        }
        let fresh = Rows {
            columns,
            ..Rows::default()
        };
        std::mem::replace(&mut self.rows, fresh)
    }

    /// The rows so far.
    pub(super) fn rows(&self) -> &Rows {
        &self.rows
    }

    /// Forget the rows, and keep the columns.
    pub(super) fn clear_rows(&mut self) {
        self.rows.bytes.clear();
        self.rows.runs.clear();
        self.rows.records = 0;
        self.rows.strange = None;
        self.rows.first = self.rows.columns.len();
        self.rows.formulas = 0;
        self.cells.formulas = 0;
    }

    pub(super) fn mark(&self) -> Mark {
        Mark {
            bytes: self.rows.bytes.len(),
            runs: self.rows.runs.len(),
            last_run: self.rows.runs.last().copied(),
            columns: self.rows.columns.len(),
            first: self.rows.first,
            strange: self.rows.strange,
            records: self.rows.records,
            named: self.rows.named,
        }
    }

    pub(super) fn rollback(&mut self, mark: Mark) {
        self.rows.bytes.truncate(mark.bytes);
        self.rows.runs.truncate(mark.runs);
        if let (Some(last), Some(run)) = (self.rows.runs.last_mut(), mark.last_run) {
            *last = run;
        }
        for name in self.rows.columns.drain(mark.columns..) {
            self.index.remove(&name);
        }
        self.rows.first = mark.first;
        self.rows.strange = mark.strange;
        self.rows.records = mark.records;
        self.rows.named = mark.named;
    }

    fn record(&mut self, record: &Value) -> Result<(), Error> {
        match record {
            Value::Object(object) => self.named(object)?,
            Value::Array(items) if is_table(items) => {
                for item in items.iter() {
                    match item {
                        Value::Object(object) => self.named(object)?,
                        Value::Array(items) => self.placed(items)?,
                        _ => {}
                    }
                }
            }
            Value::Array(items) => self.placed(items)?,
            other => {
                self.rows.named = true;
                self.row(&[(Text::from("value"), other.clone())][..])?;
            }
        }
        self.rows.formulas = self.cells.formulas;
        self.rows.records += 1;
        if self.rows.records == 1 {
            self.rows.first = self.rows.columns.len();
        }
        Ok(())
    }

    /// A row from an object.
    fn named(&mut self, object: &Object) -> Result<(), Error> {
        self.rows.named = true;
        if self.nested == Nested::Flatten
            && let Some(members) = nested::flat(object)
        {
            return self.row(&members[..]);
        }
        self.row(object)
    }

    /// A row from an array: cells by place.
    fn placed(&mut self, items: &[Value]) -> Result<(), Error> {
        if self.policy == Policy::Grow {
            let members: Vec<(Text, Value)> = items
                .iter()
                .enumerate()
                .map(|(place, item)| (placed(place), item.clone()))
                .collect();
            return self.row(&members[..]);
        }
        let columns = self.rows.columns.len();
        if items.len() > columns {
            let why = format!(
                "an array has {} items, and there are {columns} columns",
                items.len()
            );
            return Err(Error::new(ErrorKind::Unsupported, FORMAT, why)
                .with_hint("name as many fields as arrays have items"));
        }
        let names = self.rows.columns.iter().cloned();
        let members: Vec<(Text, Value)> = names.zip(items.iter().cloned()).collect();
        self.row(&members[..])
    }

    fn row<M: Members + ?Sized>(&mut self, members: &M) -> Result<(), Error> {
        let start = self.rows.bytes.len();
        if !self.in_order(members)? {
            self.rows.bytes.truncate(start);
            self.spread(members)?;
        }
        // A row of one empty cell must not look like no row. Where more columns may come, that is seen at the end.
        if self.policy != Policy::Grow
            && self.rows.columns.len() == 1
            && self.rows.bytes.len() == start
        {
            self.rows.bytes.extend_from_slice(&self.lone);
        }
        self.rows.bytes.extend_from_slice(self.cells.end);
        let bytes = (self.rows.bytes.len() - start) as u64;
        join::lengthen(&mut self.rows.runs, self.rows.columns.len(), bytes);
        Ok(())
    }

    /// The cells, if the names are the first columns in their order; most are.
    fn in_order<M: Members + ?Sized>(&mut self, members: &M) -> Result<bool, Error> {
        let count = members.count();
        let columns = self.rows.columns.len();
        if count > columns {
            return Ok(false);
        }
        for place in 0..count {
            let Some((name, value)) = members.member(place) else {
                return Ok(false);
            };
            if self.rows.columns[place] != *name {
                return Ok(false);
            }
            if place > 0 {
                self.rows.bytes.push(self.delimiter);
            }
            self.cells.value(value, &mut self.rows.bytes)?;
        }
        self.missing(count, columns);
        Ok(true)
    }

    fn missing(&mut self, from: usize, to: usize) {
        for place in from..to {
            if place > 0 {
                self.rows.bytes.push(self.delimiter);
            }
            self.rows.bytes.extend_from_slice(self.cells.missing);
        }
    }

    /// The cells, each looked for.
    fn spread<M: Members + ?Sized>(&mut self, members: &M) -> Result<(), Error> {
        self.slots.clear();
        self.slots.resize(self.rows.columns.len(), 0);
        let mut guess = 0;
        for place in 0..members.count() {
            let Some((name, _)) = members.member(place) else {
                break;
            };
            if self.policy == Policy::Grow && self.rows.columns.get(guess) == Some(name) {
                self.slots[guess] = place + 1;
                guess += 1;
                continue;
            }
            match self.index.get(name) {
                Some(&column) => {
                    self.slots[column] = place + 1;
                    guess = column + 1;
                }
                None => self.unknown(name, place)?,
            }
        }
        if self.policy != Policy::Grow {
            self.double();
        }
        for column in 0..self.slots.len() {
            if column > 0 {
                self.rows.bytes.push(self.delimiter);
            }
            match self.slots[column].checked_sub(1) {
                Some(place) => {
                    if let Some((_, value)) = members.member(place) {
                        self.cells.value(value, &mut self.rows.bytes)?;
                    }
                }
                None => self.rows.bytes.extend_from_slice(self.cells.missing),
            }
        }
        Ok(())
    }

    /// Columns that were asked for twice.
    fn double(&mut self) {
        for column in 0..self.slots.len() {
            if self.slots[column] == 0
                && let Some(&first) = self.index.get(&self.rows.columns[column])
            {
                self.slots[column] = self.slots[first];
            }
        }
    }

    /// A name that is no column yet.
    fn unknown(&mut self, name: &Text, place: usize) -> Result<(), Error> {
        match self.policy {
            Policy::Drop => Ok(()),
            Policy::Refuse => Err(strange(self.number, name)),
            Policy::Grow => {
                if self.rows.records > 0 {
                    let before = (self.rows.records, self.record_start);
                    self.rows.strange.get_or_insert(before);
                }
                self.index.insert(name.clone(), self.rows.columns.len());
                self.rows.columns.push(name.clone());
                self.slots.push(place + 1);
                Ok(())
            }
        }
    }
}

/// A record has a column that there is not.
pub(super) fn strange(number: Option<u64>, name: &str) -> Error {
    let record = number.map_or_else(|| String::from("a record"), |n| format!("record {n}"));
    let why = format!("{record} has {name:?}, which is no column");
    Error::new(ErrorKind::Unsupported, FORMAT, why)
        .with_hint("--columns union takes all columns, and --fields a,b some")
}

/// An array of nothing but objects and arrays.
fn is_table(items: &[Value]) -> bool {
    !items.is_empty()
        && items
            .iter()
            .all(|item| matches!(item, Value::Object(_) | Value::Array(_)))
}
