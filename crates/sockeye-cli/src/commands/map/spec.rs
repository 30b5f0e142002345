//! What is done with an input, wherever that is: made from the flags here, and sent to workers as JSON.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sockeye::data::escape::escape;
use sockeye::work::Spill;
use sockeye::{Error, Kind, Operation, Result};

use super::args::{InputArgs, RunArgs};
use super::task::Task;

/// What is done with an input.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Spec {
    /// The program and its arguments, or a probe and its words.
    pub(crate) what: What,
    /// Inputs are texts of JSON values, whose fields can be named.
    pub(crate) has_fields: bool,
    /// What stands for the input, instead of `{}` and its like.
    pub(crate) replace: Option<OsString>,
    /// How long a job may run.
    pub(crate) timeout: Option<Duration>,
    /// How long a program that was asked to end may take.
    pub(crate) grace: Duration,
    /// Variables on top of the worker's own.
    pub(crate) env: Vec<(OsString, OsString)>,
    /// Where jobs run.
    pub(crate) dir: Option<PathBuf>,
    /// How many bytes a job may print to each of standard output and error.
    pub(crate) max_output: Option<u64>,
}

/// A program or a probe.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum What {
    /// A program.
    Program {
        /// It and its arguments, with `{}` in them; one line for the shell if it is one.
        words: Vec<OsString>,
        /// The words are a line for a shell.
        shell: bool,
        /// The input goes to its standard input, not into its arguments.
        stdin: bool,
    },
    /// A probe of our own.
    Probe {
        /// Its name, without the `@`.
        name: String,
        /// The words behind it.
        words: Vec<OsString>,
    },
}

impl Spec {
    /// What the flags say.
    pub(crate) fn new(
        words: &[OsString],
        input: &InputArgs,
        run: &RunArgs,
        max_output: Option<u64>,
    ) -> Result<Self> {
        let Some((first, rest)) = words.split_first() else {
            let why = "which program shall be run for each input?";
            return Err(Error::new(Kind::Usage, Operation::Parse, why));
        };
        let what = match first.to_str().and_then(|first| first.strip_prefix('@')) {
            Some(name) if !name.is_empty() => What::Probe {
                name: name.to_owned(),
                words: rest.to_vec(),
            },
            _ => What::Program {
                words: words.to_vec(),
                shell: run.shell,
                stdin: run.stdin,
            },
        };
        if matches!(what, What::Probe { .. }) {
            only_for_programs(run)?;
        }
        Ok(Self {
            what,
            has_fields: input.has_fields(),
            replace: run.replace.clone(),
            timeout: run.timeout,
            grace: run.grace,
            env: run.env.clone(),
            dir: run.chdir.clone(),
            max_output,
        })
    }

    /// Whether it is a probe: its jobs need no processor of their own.
    pub(crate) fn is_probe(&self) -> bool {
        matches!(self.what, What::Probe { .. })
    }

    /// What makes a job another one: all but how long it may take, and what is kept of it.
    pub(crate) fn identity(&self) -> Bytes {
        let what = (
            &self.what,
            self.has_fields,
            &self.replace,
            &self.env,
            &self.dir,
        );
        // Words, paths and switches are always JSON.
        serde_json::to_vec(&what).unwrap_or_default().into()
    }

    /// The command as people read it.
    pub(crate) fn shown(&self) -> String {
        let (name, words) = match &self.what {
            What::Program { words, .. } => (None, words),
            What::Probe { name, words } => (Some(format!("@{name}")), words),
        };
        let words = words.iter().map(|word| escape(word.as_bytes()));
        name.into_iter().chain(words).collect::<Vec<_>>().join(" ")
    }

    /// What does such jobs; what they print is gathered in `spill`.
    ///
    /// # Errors
    ///
    /// `Usage` if there is no such probe, or its words or those of the program make no sense.
    pub(crate) fn task(&self, spill: &Spill) -> Result<Task> {
        Task::new(self, spill)
    }
}

/// Refuse what a probe would ignore.
fn only_for_programs(run: &RunArgs) -> Result<()> {
    let given = [
        (run.shell, "--shell"),
        (run.stdin, "--stdin"),
        (!run.env.is_empty(), "--env"),
        (run.chdir.is_some(), "--chdir"),
    ];
    match given.iter().find(|(given, _)| *given) {
        None => Ok(()),
        Some((_, flag)) => {
            let why = format!("{flag} is for programs; a probe starts none");
            Err(Error::new(Kind::Usage, Operation::Parse, why))
        }
    }
}
