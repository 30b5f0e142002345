//! The reader of each format, with the options that the flags give it.

use std::io::Read;

use sockeye::data::format::Format;
use sockeye::data::record::{Limits, ReadRecords};
use sockeye::{Error, Kind, Operation, Result};

use super::args::FormatArgs;

/// Reads records of whatever format.
pub(crate) type Reader = Box<dyn ReadRecords + Send>;
/// The bytes of an input: inflated, and UTF-8 where the format is text.
pub(crate) type Bytes = Box<dyn Read + Send>;

/// A reader of this format for these bytes.
pub(crate) fn reader(format: Format, bytes: Bytes, args: &FormatArgs) -> Result<Reader> {
    let limits: Limits = args.limits.limits();
    let _ = (bytes, limits);
    // Each arm: `Format::X => Ok(Box::new(x::Reader::new(bytes, &args.x.read_options(limits))))`.
    match format {
        Format::Json => Err(not_built(format)),
        Format::Ndjson => Err(not_built(format)),
        Format::JsonSeq => Err(not_built(format)),
        Format::Csv => Err(not_built(format)),
        Format::Tsv => Err(not_built(format)),
        Format::Xml => Err(not_built(format)),
        Format::Yaml => Err(not_built(format)),
        Format::Toml => Err(not_built(format)),
        Format::Html => Err(not_built(format)),
        Format::Mail => Err(not_built(format)),
        Format::Mbox => Err(not_built(format)),
        Format::Form => Err(not_built(format)),
        Format::Cbor => Err(not_built(format)),
        Format::MessagePack => Err(not_built(format)),
        _ => Err(not_built(format)),
    }
}

fn not_built(format: Format) -> Error {
    let why = format!("reading {format} is not built yet");
    Error::new(Kind::Unsupported, Operation::Run, why)
}
