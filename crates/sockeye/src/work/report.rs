//! What is told of a run: counted while it goes, and summed up at its end.

use std::sync::atomic::{AtomicU64, Ordering};
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
    /// Jobs that wait: for another attempt, or for the rate of their key.
    pub waiting: AtomicU64,
    /// Jobs that succeeded, those of the journal included.
    pub succeeded: AtomicU64,
    /// Jobs that failed for good, those of the journal included.
    pub failed: AtomicU64,
    /// Inputs that had no turn, or whose job was ended with the run.
    pub canceled: AtomicU64,
    /// Jobs found in the journal, not run again.
    pub resumed: AtomicU64,
    /// Attempts that came to an end: here, and in the runs that the journal tells of.
    pub attempts: AtomicU64,
    /// Attempts after the first.
    pub retried: AtomicU64,
    /// How often attempts were handed to workers. Sums [`Outcome::deliveries`](super::Outcome::deliveries).
    pub deliveries: AtomicU64,
    /// Results that came again, and were thrown away. Sums [`Outcome::duplicates`](super::Outcome::duplicates); a
    /// [`Work`](super::Work) that hears of one later adds it here.
    pub duplicates: AtomicU64,
    /// Leases that workers lost. Sums [`Outcome::lost_leases`](super::Outcome::lost_leases).
    pub lost_leases: AtomicU64,
}

/// How a run ended.
///
/// Each input is counted once: `inputs` is `succeeded` + `failed` + `canceled`. Each execution is counted once in `attempts`;
/// with a [`Journal`](super::Journal), that sum and those after it go on over restarts.
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
    /// Attempts that came to an end, whatever it was.
    pub attempts: u64,
    /// Attempts after the first.
    pub retried: u64,
    /// How often attempts were handed to workers; 0 on this machine.
    pub deliveries: u64,
    /// Results that came again, and were thrown away.
    pub duplicates: u64,
    /// Leases that workers lost.
    pub lost_leases: u64,
    /// Whether the run was given up by its [`Halt`](super::Halt).
    pub halted: bool,
    /// Whether the run was ended from outside.
    pub stopped: bool,
    /// How long it took.
    pub took: Duration,
}

impl Progress {
    /// What was counted until now.
    pub fn report(&self) -> Report {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Report {
            inputs: of(&self.read),
            succeeded: of(&self.succeeded),
            failed: of(&self.failed),
            resumed: of(&self.resumed),
            canceled: of(&self.canceled),
            attempts: of(&self.attempts),
            retried: of(&self.retried),
            deliveries: of(&self.deliveries),
            duplicates: of(&self.duplicates),
            lost_leases: of(&self.lost_leases),
            halted: false,
            stopped: false,
            took: Duration::ZERO,
        }
    }
}

/// Adds, where counting needs no order.
pub(super) fn add(count: &AtomicU64, more: u64) {
    if more > 0 {
        count.fetch_add(more, Ordering::Relaxed);
    }
}
