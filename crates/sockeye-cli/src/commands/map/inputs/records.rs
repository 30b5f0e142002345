//! Inputs that are records: rows of CSV, values of JSON. Each becomes the text of a JSON value.

use std::fs::File;

use bytes::Bytes;
use sockeye::data::format::Format;
use sockeye::data::json::{Elements, Framing, Step};
use sockeye::data::record::{ErrorKind, Limits, ReadRecords};
use sockeye::data::{csv, json};
use sockeye::{Error, Kind, Operation, Result};

use super::super::args::InputArgs;

/// Reads the records of a file.
pub(super) struct RecordsOf {
    reader: Box<dyn ReadRecords + Send>,
    /// More may come at any time: whoever waits for one record does not wait for two.
    is_live: bool,
    name: String,
}

impl RecordsOf {
    pub(super) fn new(
        file: File,
        is_file: bool,
        name: String,
        format: Format,
        args: &InputArgs,
        most: usize,
    ) -> Self {
        let limits = Limits {
            record: most,
            ..Limits::default()
        };
        let reader: Box<dyn ReadRecords + Send> = match format {
            Format::Csv | Format::Tsv => {
                let dialect = match format {
                    Format::Tsv => csv::Dialect::TSV,
                    _ => csv::Dialect::CSV,
                };
                let options = csv::ReadOptions {
                    dialect: Some(match args.delimiter {
                        Some(delimiter) => dialect.with_delimiter(delimiter),
                        None => dialect,
                    }),
                    header: match args.no_header {
                        true => csv::Header::Absent,
                        false => csv::Header::First,
                    },
                    limits,
                    ..csv::ReadOptions::default()
                };
                Box::new(csv::Reader::new(file, &options))
            }
            _ => {
                let items = || Elements::new(vec![Step::Items]);
                let options = json::ReadOptions {
                    framing: match format {
                        Format::Ndjson => Framing::Lines,
                        _ => Framing::Values,
                    },
                    elements: match (&args.elements, format) {
                        (Some(elements), _) => Some(elements.clone()),
                        (None, Format::Json) => Some(items()),
                        (None, _) => None,
                    },
                    limits,
                    ..json::ReadOptions::default()
                };
                Box::new(json::Reader::new(file, &options))
            }
        };
        Self {
            reader,
            is_live: !is_file,
            name,
        }
    }

    /// Append what is there; `false` at the end.
    pub(super) fn fill(&mut self, inputs: &mut Vec<Bytes>, most: usize) -> Result<bool> {
        let most = if self.is_live { 1 } else { most };
        for _ in 0..most {
            match self.reader.next_record() {
                Ok(None) => return Ok(false),
                Ok(Some(record)) => {
                    let mut text = Vec::new();
                    json::write(&record, &mut text);
                    inputs.push(text.into());
                }
                Err(error) => {
                    let kind = match error.kind() {
                        ErrorKind::Io(_) => Kind::Io,
                        _ => Kind::Rejected,
                    };
                    let error = Error::new(kind, Operation::Open, error.to_string());
                    return Err(error.about(&self.name));
                }
            }
        }
        Ok(true)
    }
}
