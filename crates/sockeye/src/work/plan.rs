//! How a run goes: how many at once, how fast, in which order, when it is given up.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::journal::Journal;
use super::report::Progress;
use super::retry::Retries;
use super::spill::Spill;

/// A share of fewer jobs than this says little.
const LEAST_FOR_SHARE: u64 = 10;

/// How many jobs may run at once; may be changed while the run goes.
#[derive(Clone, Debug)]
pub struct Slots(watch::Sender<usize>);

impl Slots {
    /// So many at once, at least one.
    pub fn new(jobs: usize) -> Self {
        Self(watch::Sender::new(jobs.max(1)))
    }

    /// How many may run now.
    pub fn now(&self) -> usize {
        *self.0.borrow()
    }

    /// From now on, so many; who runs is not ended.
    pub fn set(&self, jobs: usize) {
        self.0.send_replace(jobs.max(1));
    }

    /// To hear of changes.
    pub fn subscribe(&self) -> watch::Receiver<usize> {
        self.0.subscribe()
    }
}

/// When a run is given up.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum Halt {
    /// Never: all inputs have their turn.
    #[default]
    Never,
    /// Once so many jobs have failed. `now` ends those that run; else they are finished.
    Failed {
        /// How many.
        jobs: u64,
        /// Whether jobs that run are ended.
        now: bool,
    },
    /// Once this share of the jobs that are done has failed (0 to 1), of at least ten.
    FailedShare {
        /// Which share, from 0 to 1.
        share: f64,
        /// Whether jobs that run are ended.
        now: bool,
    },
    /// Once so many jobs have succeeded.
    Succeeded {
        /// How many.
        jobs: u64,
        /// Whether jobs that run are ended.
        now: bool,
    },
}

impl Halt {
    /// Whether so many successes and failures end the run; if so, whether jobs that run are ended too.
    pub(super) fn is_reached(&self, succeeded: u64, failed: u64) -> Option<bool> {
        let done = succeeded + failed;
        match *self {
            Self::Never => None,
            Self::Failed { jobs, now } => (failed >= jobs.max(1)).then_some(now),
            Self::FailedShare { share, now } => {
                let reached = done >= LEAST_FOR_SHARE && failed as f64 >= share * done as f64;
                (reached && failed > 0).then_some(now)
            }
            Self::Succeeded { jobs, now } => (succeeded >= jobs.max(1)).then_some(now),
        }
    }
}

/// Which key an input counts under when jobs are held to a rate.
pub type RateKey = Arc<dyn Fn(&[u8]) -> Bytes + Send + Sync>;

/// How fast jobs begin.
#[derive(Clone)]
pub struct Rate {
    /// So many may begin ...
    pub jobs: u32,
    /// ... in each such span.
    pub per: Duration,
    /// Each key has a rate of its own; without one, all inputs share it.
    pub key: Option<RateKey>,
    /// Of so many keys is known when they began; with more, jobs wait until one of them is free again. 65,536 by default.
    pub most_keys: usize,
}

impl Rate {
    /// So many jobs in each such span, whatever their input.
    pub fn new(jobs: u32, per: Duration) -> Self {
        Self {
            jobs,
            per,
            key: None,
            most_keys: 65_536,
        }
    }
}

impl std::fmt::Debug for Rate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} per {:?}, by key: {}",
            self.jobs,
            self.per,
            self.key.is_some()
        )
    }
}

/// How a run goes. [`Plan::new`] has the defaults; set what is to be different.
#[derive(Debug)]
pub struct Plan {
    /// How many at once.
    pub slots: Slots,
    /// Results come in the order of the inputs; else as they come.
    pub ordered: bool,
    /// What is tried again, and when.
    pub retries: Retries,
    /// When the run is given up.
    pub halt: Halt,
    /// How fast jobs begin.
    pub rate: Option<Rate>,
    /// What results wait in: bytes of memory, then a file without a name.
    pub spill: Spill,
    /// What was done before, and what is done now.
    pub journal: Option<Journal>,
    /// Jobs get a [`Key`](super::Key): digest of this and of the input. A journal needs it.
    pub identity: Option<Bytes>,
    /// Counted while it goes; keep a clone to look at it.
    pub progress: Arc<Progress>,
    /// Once it is canceled, no further job begins; those that run are finished. Keep a clone.
    pub enough: CancellationToken,
}

impl Plan {
    /// So many jobs at once, results in order; nothing is tried again, and nothing ends the run early.
    pub fn new(jobs: usize) -> Self {
        Self {
            slots: Slots::new(jobs),
            ordered: true,
            retries: Retries::default(),
            halt: Halt::Never,
            rate: None,
            spill: Spill::default(),
            journal: None,
            identity: None,
            progress: Arc::default(),
            enough: CancellationToken::new(),
        }
    }
}
