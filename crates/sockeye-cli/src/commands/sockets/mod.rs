//! `sockeye sockets`: which sockets this machine has, whose they are, and how they fare.

mod columns;
mod csv;
mod json;
mod list;
mod row;
mod show;
mod template;
mod which;
mod words;

use clap::Args as ClapArgs;
use sockeye::{Error, Kind, Operation, Result};

use self::show::Show;
use self::which::Which;
use crate::exit::Outcome;
use crate::output::Output;

/// List the sockets of this machine, with their owners
///
/// Without flags: every internet socket, connected and listening. Where no owner can be named, the reason is.
#[derive(Debug, ClapArgs)]
#[command(after_help = "Examples:\n  \
    sockeye sockets -tl\n  \
    sockeye sockets --port 5432\n  \
    sockeye sockets --pid 812 --wide\n  \
    sockeye sockets -a --json | jq -r '.owners[].name'\n  \
    sockeye sockets -l --format '{pid} {local}'\n\n\
    Exit codes: 0 something was found, 1 nothing was, 2 usage, 8 the list is not complete")]
pub(crate) struct Args {
    /// Only those that this filter admits
    #[arg(value_name = "FILTER")]
    filter: Vec<String>,
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    show: Show,
}

pub(crate) async fn run(args: Args, output: Output) -> Result<Outcome> {
    args.show.check(output.json())?;
    if !args.filter.is_empty() {
        let why = "filters are not understood yet";
        return Err(Error::new(Kind::Unsupported, Operation::Parse, why));
    }
    let selection = args.which.selection()?;
    list::run(&selection, &args.show, &output)
}
