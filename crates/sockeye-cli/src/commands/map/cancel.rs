//! `sockeye map cancel`: end a run on all machines.

use serde::Serialize;
use sockeye::Result;

use super::admin;
use crate::exit::Outcome;
use crate::output::{Level, Output};

/// End a run on all machines: workers end its jobs, and nobody takes another one
///
/// Its submitter, if there is one, reports it as given up. Other runs are left alone; jobs of it that were given up before stay
/// in the list of `map dead`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The run
    run: String,
    #[command(flatten)]
    broker: admin::Whither,
}

/// Do it.
pub(crate) async fn run(args: Args, output: Output) -> Result<Outcome> {
    let broker = args.broker.connect("sockeye map cancel").await?;
    let canceled = broker.cancel_run(&args.run).await?;
    broker.close().await;
    let told = Canceled {
        run: &args.run,
        removed: canceled.removed,
    };
    output.event(Level::Normal, &told);
    Ok(Outcome::Done)
}

/// What was ended, for programs.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename = "canceled")]
struct Canceled<'a> {
    run: &'a str,
    removed: u64,
}

impl std::fmt::Display for Canceled<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { run, removed } = self;
        write!(
            f,
            "{run} is canceled; {removed} messages were taken off the queue"
        )
    }
}
