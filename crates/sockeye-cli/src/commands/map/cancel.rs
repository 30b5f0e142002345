//! `sockeye map cancel`: end a run on all machines.

use sockeye::{Error, Kind, Operation, Result};

use crate::exit::Outcome;
use crate::output::Output;

/// End a run on all machines
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

/// Do it.
pub(crate) async fn run(args: Args, output: Output) -> Result<Outcome> {
    let _ = (args, output);
    Err(Error::new(
        Kind::Unsupported,
        Operation::Run,
        "not built yet",
    ))
}
