//! `sockeye rpc call`: one method, or several.

use sockeye::{Error, Kind, Operation, Result};

use crate::exit::Outcome;
use crate::output::Output;

/// Call a method: sockeye rpc call URL METHOD ARGS
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
