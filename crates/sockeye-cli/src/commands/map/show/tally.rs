//! How jobs ended, counted by the way they did.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nix::sys::signal::Signal;
use serde::Serialize;
use sockeye::data::units::print_duration;
use sockeye::work::Ending;

/// So many ways are named in one line.
const NAMED: usize = 8;

/// A way of failing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Way {
    Status(u8),
    Signal(i32),
    Word(&'static str),
}

/// How many failed in which way. Clones share the numbers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally(Arc<Mutex<BTreeMap<Way, u64>>>);

/// A way of failing, for programs.
#[derive(Debug, Serialize)]
pub(crate) struct Failures {
    ending: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    signal: Option<i32>,
    jobs: u64,
}

impl Tally {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<Way, u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Count a job that did not succeed.
    pub(crate) fn count(&self, ending: &Ending) {
        let way = match ending {
            Ending::Exited(status) => Way::Status(*status),
            Ending::Killed(signal) => Way::Signal(*signal),
            other => Way::Word(word(other)),
        };
        *self.lock().entry(way).or_default() += 1;
    }

    /// All ways, for programs.
    pub(crate) fn failures(&self) -> Vec<Failures> {
        let ways = self.lock();
        let ways = ways.iter().map(|(way, jobs)| {
            let (ending, status, signal) = match way {
                Way::Status(status) => ("exited", Some(*status), None),
                Way::Signal(signal) => ("killed", None, Some(*signal)),
                Way::Word(word) => (*word, None, None),
            };
            Failures {
                ending,
                status,
                signal,
                jobs: *jobs,
            }
        });
        ways.collect()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ways = self.lock();
        for (at, (way, jobs)) in ways.iter().take(NAMED).enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            write!(f, "{comma}{jobs} ")?;
            match way {
                Way::Status(status) => write!(f, "with status {status}")?,
                Way::Signal(signal) => write!(f, "ended by {}", signal_name(*signal))?,
                Way::Word("timed-out") => f.write_str("out of time")?,
                Way::Word("not-found") => f.write_str("not found")?,
                Way::Word("not-started") => f.write_str("not started")?,
                Way::Word(word) => f.write_str(word)?,
            }
        }
        match ways.len().checked_sub(NAMED) {
            None | Some(0) => Ok(()),
            Some(more) => write!(f, " and {more} other ways"),
        }
    }
}

/// How a job ended, in a word for programs.
pub(crate) fn word(ending: &Ending) -> &'static str {
    match ending {
        Ending::Exited(_) => "exited",
        Ending::Killed(_) => "killed",
        Ending::TimedOut => "timed-out",
        Ending::NotFound(_) => "not-found",
        Ending::NotStarted(_) => "not-started",
        Ending::Failed(_) => "failed",
        Ending::Canceled => "canceled",
        _ => "unknown",
    }
}

/// Why a job failed, for people.
pub(crate) fn reason(ending: &Ending, timeout: Option<Duration>) -> String {
    match (ending, timeout) {
        (Ending::Exited(status), _) => format!("it ended with status {status}"),
        (Ending::Killed(signal), _) => format!("{} ended it", signal_name(*signal)),
        (Ending::TimedOut, Some(timeout)) => {
            format!("it was not done within {}", print_duration(timeout))
        }
        (Ending::TimedOut, None) => "it was out of time".into(),
        (Ending::NotFound(why) | Ending::NotStarted(why) | Ending::Failed(why), _) => why.clone(),
        (Ending::Canceled, _) => "it was ended with the run".into(),
        _ => "it failed".into(),
    }
}

fn signal_name(signal: i32) -> String {
    match Signal::try_from(signal) {
        Ok(signal) => signal.as_str().into(),
        Err(_) => format!("signal {signal}"),
    }
}
