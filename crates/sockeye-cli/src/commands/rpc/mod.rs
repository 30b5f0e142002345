//! `sockeye rpc`: call methods of other programs, list them, serve one's own, and check a server against the rules.

mod batch;
mod call;
mod caller;
mod carry;
mod check;
mod list;
mod reach;
mod serve;
mod show;
mod target;
mod words;

use std::time::Duration;

use clap::Subcommand;
use sockeye::{Error, Kind, Operation, Result};

pub(crate) use self::call::Probe;
use self::target::Target;
use crate::exit::Outcome;
use crate::output::{Level, Output};

/// Call methods over JSON-RPC or XML-RPC, list them, serve programs as methods, check a server
#[derive(Debug, clap::Args)]
#[command(arg_required_else_help = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Call(Box<call::Args>),
    List(Box<list::Args>),
    Serve(Box<serve::Args>),
    Check(Box<check::Args>),
}

impl Args {
    /// How many threads carry the command's work.
    pub(crate) fn workers(&self) -> usize {
        match &self.what {
            What::Serve(args) => args.serving.workers(),
            _ => 1,
        }
    }
}

/// Do it.
pub(crate) async fn run(args: Args, output: Output) -> Result<Outcome> {
    match args.what {
        What::Call(args) => call::run(*args, output).await,
        What::List(args) => list::run(*args, output).await,
        What::Serve(args) => serve::run(*args, output).await,
        What::Check(args) => check::run(*args, output).await,
    }
}

/// Which protocol is spoken, and why.
fn say_protocol(target: &Target, output: &Output) {
    let line = format_args!("{target}: {}, for {}", target.protocol.name(), target.why);
    output.say(Level::Verbose, line);
}

/// The same within `--timeout`.
async fn within<T>(limit: Option<Duration>, work: impl Future<Output = Result<T>>) -> Result<T> {
    let Some(limit) = limit else {
        return work.await;
    };
    tokio::time::timeout(limit, work).await.unwrap_or_else(|_| {
        let why = format!("--timeout {limit:?} is over");
        Err(Error::new(Kind::TimedOut, Operation::Read, why)
            .with_hint("without --timeout it goes on"))
    })
}
