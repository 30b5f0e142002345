//! The writer of each format, with the options that the flags give it.

use std::fs::File;
use std::io;

use sockeye::Result;
use sockeye::data::format::Format;
use sockeye::data::record::{Error as RecordError, WriteRecords};
use sockeye::data::value::{Text, Value};
use sockeye::data::{cbor, csv, form, html, json, mail, msgpack, toml, xml, yaml};

use super::args::{FormatArgs, To};
use super::look::{Drawing, Plot, Table};
use super::open::unknown;
use super::sink::{Sink, Step};

/// Writes records of whatever format.
pub(crate) enum Writer {
    /// Rows, whose formulas are counted.
    Rows(Box<csv::Writer>),
    Other(Box<dyn WriteRecords + Send>),
}

impl Writer {
    /// How many cells a spreadsheet would take for formulas.
    pub(crate) fn formulas(&self) -> u64 {
        match self {
            Self::Rows(writer) => writer.formulas(),
            Self::Other(_) => 0,
        }
    }

    fn inner(&mut self) -> &mut dyn WriteRecords {
        match self {
            Self::Rows(writer) => writer.as_mut(),
            Self::Other(writer) => writer.as_mut(),
        }
    }
}

impl WriteRecords for Writer {
    fn write_record(&mut self, record: &Value, out: &mut Vec<u8>) -> Result<(), RecordError> {
        self.inner().write_record(record, out)
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), RecordError> {
        self.inner().finish(out)
    }

    fn finish_into(&mut self, out: &mut dyn io::Write) -> Result<(), RecordError> {
        self.inner().finish_into(out)
    }
}

/// What is written.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// The format, or columns.
    pub(crate) to: To,
    /// All records are the elements of one array.
    pub(crate) is_array: bool,
    /// Colours are wanted.
    pub(crate) has_colors: bool,
    /// How many characters a line may have; `None`: any number.
    pub(crate) width: Option<usize>,
    /// The chart that is drawn.
    pub(crate) plot: Drawing,
}

impl Target {
    fn format(&self) -> Option<Format> {
        match self.to {
            To::Format(format) => Some(format),
            To::Table | To::Plot => None,
        }
    }

    pub(crate) fn json(&self, format: Format, args: &FormatArgs) -> json::WriteOptions {
        let mut options = args.json.write_options(format, self.has_colors);
        options.array |= self.is_array;
        options
    }
}

/// A writer of all records, one after the other.
pub(crate) fn writer(target: &Target, args: &FormatArgs) -> Result<Writer> {
    match target.format() {
        Some(format @ (Format::Csv | Format::Tsv)) => {
            let writer = csv::Writer::new(&args.csv.write_options(format));
            Ok(Writer::Rows(Box::new(writer.spill(Box::new(spill)))))
        }
        _ => other(target, args).map(Writer::Other),
    }
}

fn other(target: &Target, args: &FormatArgs) -> Result<Box<dyn WriteRecords + Send>> {
    let Some(format) = target.format() else {
        return Ok(match target.to {
            To::Plot => Box::new(Plot::new(&target.plot)),
            _ => Box::new(Table::new(target.width)),
        });
    };
    match format {
        Format::Json | Format::Ndjson | Format::JsonSeq | Format::Lines | Format::Text => {
            Ok(Box::new(json::Writer::new(&target.json(format, args))))
        }
        Format::Xml => Ok(Box::new(xml::Writer::new(
            &args.xml.write_options(&args.json),
        ))),
        Format::Yaml => Ok(Box::new(yaml::Writer::new(
            &args
                .structured
                .write_yaml(&args.json, &args.limits.limits()),
        ))),
        Format::Toml => Ok(Box::new(toml::Writer::new(
            &args.structured.write_toml(&args.json),
        ))),
        Format::Html => Ok(Box::new(html::Writer::new(&args.html.write_options()))),
        Format::Mail | Format::Mbox => Ok(Box::new(mail::Writer::new(
            &args.mail.write_options(format),
        ))),
        Format::Form => Ok(Box::new(form::Writer)),
        Format::Cbor => Ok(Box::new(cbor::Writer::new(
            &args.structured.write_cbor(&args.json),
        ))),
        Format::MessagePack => Ok(Box::new(msgpack::Writer::new(
            &args.structured.write_msgpack(&args.json),
        ))),
        _ => Err(unknown(format)),
    }
}

/// A file without a name, for rows that are too many for the memory.
fn spill() -> io::Result<Box<dyn csv::SpillFile>> {
    tempfile::tempfile().map(|file: File| Box::new(file) as Box<dyn csv::SpillFile>)
}

/// Writes the records of one piece.
#[expect(clippy::large_enum_variant, reason = "there is one for each piece")]
pub(crate) enum PieceWriter {
    /// Bytes that can stand behind those of other pieces.
    Plain(json::Writer),
    /// Rows whose columns may be others than those of other pieces.
    Rows(csv::Encoder),
}

/// What was made of a piece.
pub(crate) enum Product {
    Plain(Vec<u8>),
    Rows(csv::Rows),
}

impl PieceWriter {
    fn new(target: &Target, args: &FormatArgs) -> Option<Self> {
        match target.format()? {
            format @ (Format::Json | Format::Ndjson | Format::JsonSeq | Format::Lines) => {
                Some(Self::Plain(json::Writer::new(&target.json(format, args))))
            }
            format @ (Format::Csv | Format::Tsv) => Some(Self::Rows(csv::Encoder::new(
                &args.csv.write_options(format),
            ))),
            _ => None,
        }
    }

    /// Append one record to `out`, or keep it.
    pub(crate) fn write(&mut self, value: &Value, out: &mut Vec<u8>) -> Result<(), RecordError> {
        match self {
            Self::Plain(writer) => writer.write_record(value, out),
            Self::Rows(encoder) => encoder.encode(value),
        }
    }

    /// All of the piece.
    pub(crate) fn finish(&mut self, out: Vec<u8>) -> Product {
        match self {
            Self::Plain(_) => Product::Plain(out),
            Self::Rows(encoder) => Product::Rows(encoder.take()),
        }
    }
}

/// Puts what was made of pieces together, in order.
pub(crate) struct Join {
    target: Target,
    kind: JoinKind,
}

#[expect(clippy::large_enum_variant, reason = "there is one")]
enum JoinKind {
    Plain,
    Array { has_items: bool },
    Rows(csv::Join),
}

impl Join {
    /// For this target, if what is written of pieces can be joined.
    pub(crate) fn new(target: &Target, args: &FormatArgs) -> Option<Self> {
        let kind = match PieceWriter::new(target, args)? {
            PieceWriter::Plain(_) if target.is_array => JoinKind::Array { has_items: false },
            PieceWriter::Plain(_) => JoinKind::Plain,
            PieceWriter::Rows(_) => {
                let format = target.format()?;
                let join = csv::Join::new(&args.csv.write_options(format));
                JoinKind::Rows(join.spill(Box::new(spill)))
            }
        };
        Some(Self {
            target: target.clone(),
            kind,
        })
    }

    /// All rows will have these columns.
    pub(crate) fn expect_columns(&mut self, columns: &[Text]) {
        if let JoinKind::Rows(join) = &mut self.kind {
            join.expect(columns);
        }
    }

    /// How many cells a spreadsheet would take for formulas.
    pub(crate) fn formulas(&self) -> u64 {
        match &self.kind {
            JoinKind::Rows(join) => join.formulas(),
            _ => 0,
        }
    }

    /// A writer for one piece.
    pub(crate) fn piece_writer(target: &Target, args: &FormatArgs) -> PieceWriter {
        PieceWriter::new(target, args).expect("the join was made for it")
    }

    /// Append the next piece.
    pub(crate) fn append(
        &mut self,
        product: &Product,
        out: &mut Vec<u8>,
    ) -> Result<(), RecordError> {
        match (&mut self.kind, product) {
            (JoinKind::Rows(join), Product::Rows(rows)) => join.push(rows, out),
            (JoinKind::Array { has_items }, Product::Plain(bytes)) if !bytes.is_empty() => {
                // Each piece begins an array: all but the first go on with it.
                out.push(if *has_items { b',' } else { b'[' });
                out.extend_from_slice(&bytes[1..]);
                *has_items = true;
                Ok(())
            }
            (_, Product::Plain(bytes)) => {
                out.extend_from_slice(bytes);
                Ok(())
            }
            (_, Product::Rows(_)) => Ok(()),
        }
    }

    /// What comes behind the last piece.
    pub(crate) fn finish(
        &mut self,
        args: &FormatArgs,
        out: &mut dyn io::Write,
    ) -> Result<(), RecordError> {
        match &mut self.kind {
            JoinKind::Plain => Ok(()),
            JoinKind::Rows(join) => join.finish_into(out),
            JoinKind::Array { has_items } => {
                let format = self.target.format().unwrap_or(Format::Json);
                let mut writer = json::Writer::new(&self.target.json(format, args));
                let mut last = Vec::new();
                if *has_items {
                    // The end of an array that has items.
                    writer.write_record(&Value::Null, &mut last)?;
                    last.clear();
                }
                writer.finish(&mut last)?;
                out.write_all(&last)
                    .map_err(|error| RecordError::io("output", &error))
            }
        }
    }
}

/// The end of what is written, straight into the sink.
pub(crate) fn finish_into(
    sink: &Sink,
    finish: impl FnOnce(&mut dyn io::Write) -> Result<(), RecordError>,
) -> Step<Result<(), RecordError>> {
    let mut end = End { sink, halt: None };
    let outcome = finish(&mut end);
    match end.halt {
        Some(halt) => Err(halt),
        None => Ok(outcome),
    }
}

struct End<'a> {
    sink: &'a Sink,
    halt: Option<super::sink::Halt>,
}

impl io::Write for End<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.sink.append(|out| out.extend_from_slice(bytes)) {
            Ok(()) => Ok(bytes.len()),
            Err(halt) => {
                self.halt = Some(halt);
                Err(io::ErrorKind::BrokenPipe.into())
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
