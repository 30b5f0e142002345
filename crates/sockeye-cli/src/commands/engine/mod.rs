//! `sockeye engine`: the broker that shares work out.

mod check;
mod monitor;

use clap::Subcommand;
use sockeye::Result;

use crate::exit::Outcome;
use crate::output::Output;

/// Look whether a broker is fit for sharing out work
#[derive(Debug, clap::Args)]
#[command(arg_required_else_help = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Check(Box<check::Args>),
}

/// Do it.
pub(crate) async fn run(args: Args, output: Output) -> Result<Outcome> {
    match args.what {
        What::Check(args) => check::run(*args, output).await,
    }
}
