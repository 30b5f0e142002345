//! `sockeye map`: one job for each input, here or on many machines, results in order.

use sockeye::{Error, Kind, Operation, Result};

use crate::exit::Outcome;
use crate::output::Output;

/// Run one job for each line of input, here or on many machines, results in order
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
