//! `sockeye convert`: formats of data into each other, picked with a jq program or a selector.

use sockeye::{Error, Kind, Operation, Result};

use crate::exit::Outcome;
use crate::output::Output;

/// Convert JSON, NDJSON, CSV, TSV, XML, YAML, TOML, HTML, mail and more into each other
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Files; standard input if there is none
    #[arg(value_name = "FILE")]
    files: Vec<std::path::PathBuf>,
}

pub(crate) async fn run(args: Args, _output: Output) -> Result<Outcome> {
    Err(Error::new(
        Kind::Unsupported,
        Operation::Run,
        format!("not built yet: {:?}", args.files),
    ))
}
