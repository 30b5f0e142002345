//! `sockeye engine check`: is a broker fit for sharing out work?

use sockeye::{Error, Kind, Operation, Result};

use crate::exit::Outcome;
use crate::output::Output;

/// Look whether a broker is fit for sharing out work
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
