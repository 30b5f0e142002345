//! One job, done in this process or by a program that it starts.

use std::ffi::OsString;
use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sockeye::net::finish::{End, Invocation, Programs, locate};
use sockeye::work::{Ending, Job, Outcome, Spill, Work};
use sockeye::{Error, Kind, Operation, Result};

use super::command::Command;
use super::probes::Probe;
use super::spec::{Spec, What};
use super::template::Rules;

/// What does the jobs of a [`Spec`].
#[derive(Debug)]
pub(crate) enum Task {
    /// A program for each.
    Program(Box<Program>),
    /// A probe, for as long as it may run.
    Probe(Probe, Option<Duration>),
    /// Nothing is done but to say what would be.
    Told(Arc<Command>),
}

/// Programs, and what all of them get.
#[derive(Debug)]
pub(crate) struct Program {
    command: Arc<Command>,
    /// Where it is, if it is the same for all inputs.
    located: Option<std::result::Result<PathBuf, End>>,
    path: Option<OsString>,
    env: Arc<[(OsString, OsString)]>,
    dir: Option<Arc<PathBuf>>,
    timeout: Option<Duration>,
    grace: Duration,
    most_output: u64,
    programs: Programs,
    spill: Spill,
}

impl Task {
    /// What does such jobs.
    pub(crate) fn new(spec: &Spec, spill: &Spill) -> Result<Self> {
        match &spec.what {
            What::Program { .. } => Program::new(spec, spill).map(Box::new).map(Self::Program),
            What::Probe { name, words } => {
                let probe = Probe::new(name, words, &Rules::from(spec), spill)?;
                Ok(Self::Probe(probe, spec.timeout))
            }
        }
    }

    /// Why no job can be started here, if that is known before the first.
    pub(crate) fn missing(&self) -> Option<&End> {
        match self {
            Self::Program(program) => program.located.as_ref()?.as_ref().err(),
            _ => None,
        }
    }

    /// The programs that it runs.
    pub(crate) fn programs(&self) -> Option<&Programs> {
        match self {
            Self::Program(program) => Some(&program.programs),
            _ => None,
        }
    }
}

impl Program {
    fn new(spec: &Spec, spill: &Spill) -> Result<Self> {
        if let Some(dir) = spec.dir.as_deref().filter(|dir| !dir.is_dir()) {
            let why = "there is no such directory";
            let error = Error::new(Kind::Usage, Operation::Run, why);
            return Err(error.about(format!("in {}", dir.display())));
        }
        let command = Command::new(spec);
        let mut env = spec.env.iter().rev();
        let path = env
            .find(|(name, _)| name == "PATH")
            .map(|(_, path)| path.clone());
        let program = command.fixed_program();
        Ok(Self {
            located: program.map(|program| locate(&program, path.as_deref())),
            command: Arc::new(command),
            path,
            env: spec.env.clone().into(),
            dir: spec.dir.clone().map(Arc::new),
            timeout: spec.timeout,
            grace: spec.grace,
            most_output: spec.max_output.unwrap_or(u64::MAX),
            programs: Programs::new(),
            spill: spill.clone(),
        })
    }

    fn invocation(&self, job: &Job) -> std::result::Result<Invocation, End> {
        let argv = self.command.argv(job.index, &job.input);
        let mut words = argv.map_err(End::NotStarted)?.into_iter();
        let program = words.next().unwrap_or_default();
        let program = match &self.located {
            Some(located) => located.clone()?,
            None => locate(&program, self.path.as_deref())?,
        };
        Ok(Invocation {
            program,
            args: words.collect(),
            env: self.env.clone(),
            dir: self.dir.clone(),
            input: self.command.feeds_stdin().then(|| job.input.clone()),
            timeout: self.timeout,
            grace: self.grace,
            most_output: self.most_output,
        })
    }

    async fn run(&self, job: Job) -> Outcome {
        let what = match self.invocation(&job) {
            Ok(what) => what,
            Err(end) => return Outcome::new(ending(end)),
        };
        let (stdout, stderr) = (self.spill.gather(), self.spill.gather());
        match self.programs.finish(what, stdout, stderr, &job.stop).await {
            Ok(finished) => {
                let mut outcome = Outcome::new(ending(finished.end));
                outcome.stdout = finished.stdout.finish();
                outcome.stderr = finished.stderr.finish();
                outcome.took = finished.took;
                outcome
            }
            Err(error) => Outcome::new(Ending::Failed(error.to_string())),
        }
    }
}

/// How a program ended, in the words of a job.
fn ending(end: End) -> Ending {
    match end {
        End::Exited(status) => Ending::Exited(status),
        End::Killed(signal) => Ending::Killed(signal),
        End::TimedOut => Ending::TimedOut,
        End::Canceled => Ending::Canceled,
        End::NotFound(why) => Ending::NotFound(why),
        End::NotStarted(why) => Ending::NotStarted(why),
        End::Failed(why) => Ending::Failed(why),
        _ => Ending::Failed("nobody knows how it ended".into()),
    }
}

impl Work for Task {
    async fn run(&self, job: Job) -> Outcome {
        match self {
            Self::Program(program) => program.run(job).await,
            Self::Probe(probe, timeout) => {
                let begun = Instant::now();
                let mut outcome = bounded(probe.run(&job), &job, *timeout).await;
                outcome.took = begun.elapsed();
                outcome
            }
            Self::Told(command) => match command.line(job.index, &job.input) {
                Ok(mut line) => {
                    line.push(b'\n');
                    Outcome::new(Ending::Exited(0)).with_stdout(line)
                }
                Err(why) => Outcome::new(Ending::NotStarted(why)),
            },
        }
    }
}

/// A probe within its time, until the run ends.
async fn bounded(
    probe: impl Future<Output = Outcome>,
    job: &Job,
    timeout: Option<Duration>,
) -> Outcome {
    let done = async {
        match timeout {
            None => probe.await,
            Some(timeout) => match tokio::time::timeout(timeout, probe).await {
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
