//! Probes: what `map` does with an input by itself, without a program.

use std::ffi::OsString;

use sockeye::work::{Ending, Job, Outcome};
use sockeye::{Error, Kind, Operation, Result};

use super::template::Rules;

/// A probe with its options.
#[derive(Debug)]
pub(crate) enum Probe {
    /// `@true` succeeds and says nothing: what the rest costs.
    True,
    /// `@echo` says its input.
    Echo,
}

impl Probe {
    /// The probe of this name, with the words behind it.
    ///
    /// # Errors
    ///
    /// `Usage` if there is no such probe, or its words make no sense.
    pub(crate) fn new(name: &str, words: &[OsString], rules: &Rules) -> Result<Self> {
        let _ = rules;
        let probe = match name {
            "true" => Self::True,
            "echo" => Self::Echo,
            _ => {
                let why = format!("there is no probe @{name}");
                let hint = "probes are @connect, @echo, @fetch, @resolve, @rpc, @tls, @true; a program of that name is ./@…";
                return Err(Error::new(Kind::Usage, Operation::Parse, why).with_hint(hint));
            }
        };
        match words.first() {
            None => Ok(probe),
            Some(_) => {
                let why = format!("@{name} takes no options");
                Err(Error::new(Kind::Usage, Operation::Parse, why))
            }
        }
    }

    /// Do one job. What bounds its time and ends it with the run stands around this.
    pub(crate) async fn run(&self, job: &Job) -> Outcome {
        match self {
            Self::True => Outcome::new(Ending::Exited(0)),
            Self::Echo => {
                let mut said = job.input.to_vec();
                said.push(b'\n');
                Outcome::new(Ending::Exited(0)).with_stdout(said)
            }
        }
    }
}
