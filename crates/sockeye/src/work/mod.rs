//! Work shared out: one job for each input, on this machine or on many, results in the order of the inputs.
//!
//! A [`Source`] gives inputs, as many as are wanted and no more. A [`Work`] does one job: a function that the caller hands in.
//! [`run`] feeds the one with the other within the bounds of a [`Plan`], tries again what failed, and hands each [`Outcome`] to a
//! [`Sink`]. On many machines the same loop runs: there the `Work` sends its job through NATS and waits for the answer.

mod engine;
mod extents;
mod feed;
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
pub use job::{Ending, Input, Job, Key, Outcome, Sink, Source, Work};
pub use journal::{Journal, Standing};
pub use plan::{Halt, Plan, Rate, RateKey, Slots};
pub use report::{Progress, Report};
pub use retry::Retries;
pub use spill::{Blob, BlobReader, Gather, Spill};
