//! The loop: inputs in, jobs run, results out, within the bounds of the plan.

use tokio_util::sync::CancellationToken;

use super::job::{Sink, Source, Work};
use super::plan::Plan;
use super::report::Report;
use crate::error::{Error, Kind, Operation, Result};

/// Run one job for each input until there are no more, the plan gives up, or `stop` is canceled: then jobs that run are ended.
///
/// # Errors
///
/// Those of the source, the sink and the journal, after all that was begun is ended.
pub async fn run(
    plan: Plan,
    source: impl Source,
    work: impl Work,
    sink: impl Sink,
    stop: CancellationToken,
) -> Result<Report> {
    let _ = (plan, source, work, sink, stop);
    Err(Error::new(
        Kind::Unsupported,
        Operation::Run,
        "not built yet",
    ))
}
