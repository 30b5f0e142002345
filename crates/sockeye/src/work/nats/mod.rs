//! The same jobs done elsewhere, shared out through NATS JetStream.
//!
//! A submitter runs the loop of [`work`](super) with a `Remote` as its work: each job becomes a message of a work queue, and is done
//! when the first result for it stands in the stream of results. A worker leases as many jobs as it has free slots, extends the lease
//! while they run, stores the result, and only then takes the job off the queue. Nothing else in the library names the NATS crate.
//!
//! The broker is not relied upon: what it hands out twice has one result, and what it lost is sent again.

mod api;
mod ask;
mod blobs;
mod cancel;
mod check;
mod connect;
mod dead;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod remote;
mod status;
mod streams;
#[cfg(test)]
mod tests;
mod wire;
mod worker;

pub use cancel::CanceledRun;
pub use check::{Finding, Leftover, Syncs, Verdict};
pub use connect::{Access, Broker};
pub use dead::{DeadFilter, DeadLetter};
pub use remote::{Remote, RemoteEvent, RemoteOptions};
pub use status::RunStatus;
pub use streams::Names;
pub use wire::{Counts, Dead, RunRecord, RunState, WorkerRecord};
pub use worker::{WorkerEvent, WorkerOptions, WorkerReport, work};
