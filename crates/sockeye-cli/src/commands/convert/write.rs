//! The writer of each format, with the options that the flags give it.

use sockeye::data::format::Format;
use sockeye::data::record::WriteRecords;
use sockeye::{Error, Kind, Operation, Result};

use super::args::FormatArgs;

/// Writes records of whatever format.
pub(crate) type Writer = Box<dyn WriteRecords + Send>;

/// A writer of this format. `colors`: whether it may colour what it writes.
pub(crate) fn writer(format: Format, args: &FormatArgs, colors: bool) -> Result<Writer> {
    let _ = (args, colors);
    // Each arm: `Format::X => Ok(Box::new(x::Writer::new(&args.x.write_options())))`.
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
    let why = format!("writing {format} is not built yet");
    Error::new(Kind::Unsupported, Operation::Run, why)
}
