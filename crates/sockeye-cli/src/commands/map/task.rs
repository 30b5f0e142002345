//! One job, done in this process or by a program that it starts.

use std::time::Instant;

use sockeye::Result;
use sockeye::work::{Ending, Job, Outcome, Spill, Work};

use super::probes::Probe;
use super::spec::{Spec, What};
use super::template::Rules;

/// What does the jobs of a [`Spec`].
#[derive(Debug)]
pub(crate) enum Task {
    /// A program for each.
    Program,
    /// A probe, for as long as it may run.
    Probe(Probe, Option<std::time::Duration>),
}

impl Task {
    /// What does such jobs.
    pub(crate) fn new(spec: &Spec, spill: &Spill) -> Result<Self> {
        match &spec.what {
            What::Program { .. } => Ok(Self::Program),
            What::Probe { name, words } => {
                let probe = Probe::new(name, words, &Rules::from(spec), spill)?;
                Ok(Self::Probe(probe, spec.timeout))
            }
        }
    }
}

impl Work for Task {
    async fn run(&self, job: Job) -> Outcome {
        match self {
            Self::Program => Outcome::new(Ending::Failed("not built yet".into())),
            Self::Probe(probe, timeout) => {
                let begun = Instant::now();
                let mut outcome = bounded(probe, &job, *timeout).await;
                outcome.took = begun.elapsed();
                outcome
            }
        }
    }
}

/// A probe within its time, until the run ends.
async fn bounded(probe: &Probe, job: &Job, timeout: Option<std::time::Duration>) -> Outcome {
    let done = async {
        match timeout {
            None => probe.run(job).await,
            Some(timeout) => match tokio::time::timeout(timeout, probe.run(job)).await {
                Ok(outcome) => outcome,
                Err(_) => Outcome::new(Ending::TimedOut),
            },
        }
    };
    tokio::select! {
        biased;
        () = job.stop.cancelled() => Outcome::new(Ending::Canceled),
        outcome = done => outcome,
    }
}
