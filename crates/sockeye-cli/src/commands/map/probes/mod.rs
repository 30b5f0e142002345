//! Probes: what `map` does with an input by itself, without a program: `map @connect`, `map @fetch` and the like.
//!
//! The words behind the name of a probe are the flags of the command that it is named after, read by that command itself; what
//! makes no sense for many targets at once is refused with its reason. One word may have a place for the input; without one the
//! whole input is the target. A job says one line, as text or as JSON, and ends with the exit code of the command.

mod said;
mod tls;
mod words;

use std::ffi::OsString;

use sockeye::work::{self, Ending, Job, Spill};
use sockeye::{Error, Kind, Operation, Result};

pub(crate) use self::said::{Said, shown};
pub(crate) use self::words::{
    Place, Target, inputs_are_targets, parse, place, refuse, refuse_programs,
};
use super::template::Rules;
use crate::commands::{connect, fetch, resolve, rpc};

/// A probe with its options.
#[derive(Debug)]
pub(crate) struct Probe {
    what: What,
    json: bool,
}

#[derive(Debug)]
enum What {
    /// `@true` succeeds and says nothing: what the rest costs.
    True,
    /// `@echo` says its input.
    Echo,
    Connect(Box<connect::Probe>),
    Fetch(Box<fetch::Probe>),
    Resolve(Box<resolve::Probe>),
    Rpc(Box<rpc::Probe>),
    Tls(Box<tls::Probe>),
}

impl Probe {
    /// The probe of this name, with the words behind it; bodies are gathered in `spill`. With `--json` among the words, jobs say
    /// JSON.
    ///
    /// # Errors
    ///
    /// `Usage` if there is no such probe, or its words make no sense; those of reading files that they name.
    pub(crate) fn new(
        name: &str,
        words: &[OsString],
        rules: &Rules,
        spill: &Spill,
    ) -> Result<Self> {
        let json = words.iter().any(|word| word == "--json");
        let words: Vec<OsString> = words
            .iter()
            .filter(|word| *word != "--json")
            .cloned()
            .collect();
        let what = match name {
            "true" | "echo" if !words.is_empty() => {
                let why = format!("@{name} takes no options");
                return Err(Error::new(Kind::Usage, Operation::Parse, why));
            }
            "true" => What::True,
            "echo" => What::Echo,
            "connect" => What::Connect(Box::new(connect::Probe::new(words, rules)?)),
            "fetch" => What::Fetch(Box::new(fetch::Probe::new(words, rules, spill)?)),
            "resolve" => What::Resolve(Box::new(resolve::Probe::new(words, rules)?)),
            "rpc" => What::Rpc(Box::new(rpc::Probe::new(words, rules)?)),
            "tls" => What::Tls(Box::new(tls::Probe::new(words, rules)?)),
            _ => {
                let why = format!("there is no probe @{}", shown(name));
                let hint = "probes are @connect, @echo, @fetch, @resolve, @rpc, @tls, @true; a program of that name is ./@…";
                return Err(Error::new(Kind::Usage, Operation::Parse, why).with_hint(hint));
            }
        };
        Ok(Self { what, json })
    }

    /// Do one job. What bounds its time and ends it with the run stands around this.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes what was opened.
    pub(crate) async fn run(&self, job: &Job) -> work::Outcome {
        let target = match &self.what {
            What::True => return work::Outcome::new(Ending::Exited(0)),
            What::Echo => {
                let mut line = Vec::with_capacity(job.input.len() + 1);
                line.extend_from_slice(&job.input);
                line.push(b'\n');
                return work::Outcome::new(Ending::Exited(0)).with_stdout(line);
            }
            What::Connect(probe) => &probe.target,
            What::Fetch(probe) => &probe.target,
            What::Resolve(probe) => &probe.target,
            What::Rpc(probe) => &probe.target,
            What::Tls(probe) => &probe.target,
        };
        let said = match target.of(job) {
            Ok(target) => match self.say(&target).await {
                Ok(said) => said,
                Err(error) => Said::failed(self.json, &target, &error),
            },
            Err(error) => Said::failed(self.json, &shown_bytes(&job.input), &error),
        };
        said.outcome()
    }

    async fn say(&self, target: &str) -> Result<Said> {
        match &self.what {
            What::True | What::Echo => Ok(Said::default()),
            What::Connect(probe) => probe.run(target, self.json).await,
            What::Fetch(probe) => probe.run(target, self.json).await,
            What::Resolve(probe) => probe.run(target, self.json).await,
            What::Rpc(probe) => probe.run(target, self.json).await,
            What::Tls(probe) => probe.run(target, self.json).await,
        }
    }
}

fn shown_bytes(bytes: &[u8]) -> String {
    sockeye::data::escape::escape(bytes)
}
