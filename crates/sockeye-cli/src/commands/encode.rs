//! `sockeye encode`: turn bytes into a code.

use sockeye::{Error, Kind, Operation, Result};

use crate::exit::Outcome;
use crate::output::Output;

/// Turn bytes into a code
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Which code
    codec: String,
}

pub(crate) async fn run(args: Args, _output: Output) -> Result<Outcome> {
    Err(Error::new(
        Kind::Unsupported,
        Operation::Run,
        format!("not built yet: {}", args.codec),
    ))
}
