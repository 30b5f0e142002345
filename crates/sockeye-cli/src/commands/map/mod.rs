//! `sockeye map`: one job for each input, here or on many machines, results in order.
//!
//! Flags (a file for each theme in `args/`) become a [`spec`](Spec), which says what is done with an input, wherever that is, and a plan,
//! which says how the run goes. `inputs/` cuts the input, `task` does one job, `show/` prints what came of it.

mod admin;
mod args;
mod cancel;
mod command;
mod dead;
mod go;
mod inputs;
pub(crate) mod probes;
mod progress;
mod rates;
mod remote;
mod show;
mod slots;
mod spec;
mod status;
mod task;
mod template;

use std::ffi::OsString;

use clap::Subcommand;
use sockeye::Result;

use self::args::{EngineArgs, InputArgs, JournalArgs, OutputArgs, RunArgs};
pub(crate) use self::spec::{Spec, What as SpecWhat};
pub(crate) use self::task::Task;
pub(crate) use self::template::Rules;
use crate::exit::Outcome;
use crate::output::Output;

/// Run one job for each line of input, here or on many machines, results in order
///
/// A job is a program, started without a shell, or a probe of our own (@connect, @fetch, @resolve, @tls, @rpc), which needs no
/// program. What it prints comes whole and in the order of the inputs.
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    override_usage = "sockeye map [OPTIONS] [--] COMMAND [WORDS]...\n       sockeye map [OPTIONS] @PROBE [WORDS]...",
    after_help = "Examples:\n  \
    ls *.png | sockeye map -- convert {} {.}.jpg\n  \
    find . -name '*.log' -print0 | sockeye map -0 -j 4 -- gzip -9\n  \
    sockeye map -a users.csv --from csv -- mail-to {email} {name}\n  \
    sockeye map -j 100 --timeout 5s @connect {}:443 < hosts\n\
    Exit codes: 0 all jobs succeeded, 1 some failed, 2 usage, 126 and 127 the program cannot be started or is not there, \
    130 interrupted, 141 nobody reads the output any more, 8 this machine"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: Option<What>,
    #[command(flatten)]
    input: InputArgs,
    #[command(flatten)]
    run: RunArgs,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    journal: JournalArgs,
    #[command(flatten)]
    engine: EngineArgs,
    /// The program and its arguments, or a probe and its options: {} is the input; without {} it is the last argument. Words behind ::: are the inputs
    #[arg(value_name = "COMMAND", required = true, trailing_var_arg = true)]
    words: Vec<OsString>,
}

#[derive(Debug, Subcommand)]
enum What {
    Status(Box<status::Args>),
    Cancel(Box<cancel::Args>),
    Dead(Box<dead::Args>),
}

/// Do it.
pub(crate) async fn run(args: Args, output: Output) -> Result<Outcome> {
    match args.what {
        Some(What::Status(args)) => return status::run(*args, output).await,
        Some(What::Cancel(args)) => return cancel::run(*args, output).await,
        Some(What::Dead(args)) => return dead::run(*args, output).await,
        None => {}
    }
    go::run(args, output).await
}
