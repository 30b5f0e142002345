//! Where inputs come from, and how they are cut.

use std::path::PathBuf;

use sockeye::data::format::Format;
use sockeye::data::json::Elements;
use sockeye::{Error, Kind, Operation, Result};

use crate::args::size;

/// Where inputs come from.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Input")]
pub(crate) struct InputArgs {
    /// Read the inputs from this file, - is standard input; several are read one after the other [default: standard input]
    #[arg(short = 'a', long = "arg-file", value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Inputs end with a NUL byte, as find -print0 writes them
    #[arg(short = '0', long, conflicts_with_all = ["from", "crlf"])]
    pub(crate) null: bool,
    /// Inputs are records: json, ndjson, csv, tsv; {name} is a field, {1} the first one, {} the record as JSON
    #[arg(short, long, value_name = "FORMAT", value_parser = format, hide_possible_values = true)]
    pub(crate) from: Option<Format>,
    /// Of json, the inputs are the elements below this path, such as .items[] [default: those of the array, if it is one]
    #[arg(long, value_name = "PATH", requires = "from")]
    pub(crate) elements: Option<Elements>,
    /// What stands between cells of csv: a character, or tab [default: recognised]
    #[arg(long, value_name = "CHAR", requires = "from", value_parser = delimiter)]
    pub(crate) delimiter: Option<u8>,
    /// The first row of csv is an input too; its fields are {1}, {2} ...
    #[arg(long, requires = "from")]
    pub(crate) no_header: bool,
    /// The first line is a heading, and no input
    #[arg(long, conflicts_with = "from")]
    pub(crate) header: bool,
    /// Lines end with carriage return and line feed; without it, a carriage return is part of the input
    #[arg(long, conflicts_with = "from")]
    pub(crate) crlf: bool,
    /// Inputs without a byte are passed by
    #[arg(long, conflicts_with = "from")]
    pub(crate) skip_empty: bool,
    /// How many bytes one input may have [default: 64MiB]
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub(crate) max_input: Option<u64>,
}

/// How the bytes are cut into inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// At line feeds.
    Lines,
    /// At NUL bytes.
    Nulls,
    /// Into the records of this format.
    Records(Format),
}

impl InputArgs {
    /// How the bytes are cut.
    pub(crate) fn cut(&self) -> Cut {
        match (self.from, self.null) {
            (Some(format), _) => Cut::Records(format),
            (None, true) => Cut::Nulls,
            (None, false) => Cut::Lines,
        }
    }

    /// Whether inputs have fields: then each is the text of a JSON value.
    pub(crate) fn has_fields(&self) -> bool {
        self.from.is_some()
    }

    /// What flags alone cannot say.
    pub(crate) fn check(&self) -> Result<()> {
        let is_csv = matches!(self.from, Some(Format::Csv | Format::Tsv));
        let why = if self.elements.is_some() && is_csv {
            "--elements is for --from json"
        } else if (self.delimiter.is_some() || self.no_header) && !is_csv {
            "--delimiter and --no-header are for --from csv"
        } else {
            return Ok(());
        };
        Err(Error::new(Kind::Usage, Operation::Parse, why))
    }
}

/// A format whose records can be inputs, for clap.
fn format(name: &str) -> Result<Format, String> {
    match name.parse::<Format>() {
        Ok(format @ (Format::Json | Format::Ndjson | Format::Csv | Format::Tsv)) => Ok(format),
        _ => Err(
            "inputs can be json, ndjson, csv or tsv; `sockeye convert` makes ndjson of others"
                .into(),
        ),
    }
}

/// What stands between cells, for clap.
fn delimiter(text: &str) -> Result<u8, String> {
    match text.as_bytes() {
        [one] if one.is_ascii() => Ok(*one),
        b"tab" | b"\\t" => Ok(b'\t'),
        _ => Err("one ASCII character, or tab".into()),
    }
}
