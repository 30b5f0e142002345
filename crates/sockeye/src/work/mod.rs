//! Work shared out: one job for each input, on this machine or on many, results in the order of the inputs.
//!
//! A [`Source`] gives inputs, as many as are wanted and no more. A [`Work`] does one job: a function that the caller hands in.
//! [`run`] feeds the one with the other within the bounds of a [`Plan`], tries again what failed, and hands each [`Outcome`] to a
//! [`Sink`]. On many machines the same loop runs: there the `Work` sends its job through NATS and waits for the answer.
//!
//! ```
//! use sockeye::work::{Ending, Input, Job, Outcome, Plan, inputs, run};
//! use tokio_util::sync::CancellationToken;
//!
//! # #[tokio::main]
//! # async fn main() -> sockeye::Result<()> {
//! let length = |job: Job| async move {
//!     Outcome::new(Ending::Exited(0)).with_stdout(job.input.len().to_string())
//! };
//! let (tell, told) = std::sync::mpsc::channel();
//! let sink = move |input: Input, outcome: Outcome| {
//!     let _ = tell.send((input.bytes, outcome.stdout.as_bytes().cloned()));
//!     Ok(())
//! };
//! let report = run(Plan::new(4), inputs(["one", "three", "four"]), length, sink, CancellationToken::new()).await?;
//! assert_eq!((report.inputs, report.succeeded, report.attempts), (3, 3, 3));
//! let lengths: Vec<_> = told.iter().map(|(_, length)| length.unwrap()).collect();
//! assert_eq!(lengths, ["3", "5", "4"], "in the order of the inputs");
//! # Ok(())
//! # }
//! ```
//!
//! Memory is bounded whatever the number of inputs and the size of results: see [`run`] and [`Spill`]. With a [`Journal`], a run that
//! was killed goes on where it was.

mod engine;
mod extents;
mod feed;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod intake;
mod job;
mod journal;
mod keys;
mod lane;
pub mod nats;
mod order;
mod outbox;
mod outlet;
mod packed;
mod plan;
mod rates;
mod report;
mod retry;
mod spill;

pub use engine::run;
pub use job::{Ending, Input, Job, Key, Outcome, Sink, Source, Work, inputs};
pub use journal::{Journal, Standing};
pub use plan::{Halt, Plan, Rate, RateKey, Slots};
pub use report::{Progress, Report};
pub use retry::Retries;
pub use spill::{Blob, BlobReader, Gather, Spill};
