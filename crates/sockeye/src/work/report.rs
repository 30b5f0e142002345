//! What is told of a run: counted while it goes, and summed up at its end.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

/// Counted while a run goes; read it whenever you like.
#[derive(Debug, Default)]
pub struct Progress {
    /// Inputs read.
    pub read: AtomicU64,
    /// Whether there will be no more inputs: 1 then.
    pub all_read: AtomicU64,
    /// Jobs that run now.
    pub running: AtomicU64,
    /// Jobs that succeeded.
    pub succeeded: AtomicU64,
    /// Jobs that failed for good.
    pub failed: AtomicU64,
    /// Jobs found in the journal, not run again.
    pub resumed: AtomicU64,
    /// Attempts after the first.
    pub retried: AtomicU64,
}

/// How a run ended.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Report {
    /// Inputs read.
    pub inputs: u64,
    /// Jobs that succeeded, those of the journal included.
    pub succeeded: u64,
    /// Jobs that failed for good.
    pub failed: u64,
    /// Jobs whose result the journal had.
    pub resumed: u64,
    /// Inputs that had no turn, or whose job was ended with the run.
    pub canceled: u64,
    /// Attempts after the first.
    pub retried: u64,
    /// Whether the run was given up by its [`Halt`](super::Halt).
    pub halted: bool,
    /// How long it took.
    pub took: Duration,
}
