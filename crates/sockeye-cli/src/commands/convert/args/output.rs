//! Where the result goes, and as what.

use std::path::PathBuf;

use sockeye::data::format::Format;

/// Where the result goes.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct OutputArgs {
    /// Write this format: one of those that are read, or table: columns for the eye [default: from -o, else json]
    #[arg(short, long, value_name = "FORMAT", value_parser = to)]
    pub(crate) to: Option<To>,
    /// Write into this file, which is replaced at the end, whole
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Write each file back into itself, at once and whole: after a failure it is as it was
    #[arg(short, long, conflicts_with = "output", requires = "files")]
    pub(crate) in_place: bool,
    /// Keep each file as it was under its name and this: .bak, ~
    #[arg(long, value_name = "SUFFIX", requires = "in_place")]
    pub(crate) backup: Option<String>,
    /// Edit what a symbolic link leads to
    #[arg(long, requires = "in_place")]
    pub(crate) follow: bool,
    /// Write each record at once
    #[arg(long)]
    pub(crate) unbuffered: bool,
}

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum To {
    /// A format.
    Format(Format),
    /// Columns for the eye.
    Table,
    /// A chart.
    Plot,
}

fn to(name: &str) -> Result<To, sockeye::data::format::UnknownFormat> {
    match name {
        "table" => Ok(To::Table),
        name => name.parse().map(To::Format),
    }
}
