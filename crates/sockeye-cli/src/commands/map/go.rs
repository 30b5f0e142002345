//! A run on this machine: flags to a plan, the plan through the engine, what came of it to an exit code.

use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;

use sockeye::net::finish::{End, Programs};
use sockeye::work::{
    self, Halt, Journal, Plan, Report, Retries, Sink, Slots, Spill, Standing, Work,
};
use sockeye::{Error, Kind, Operation, Result};
use tokio_util::sync::CancellationToken;

use super::args::RunArgs;
use super::command::Command;
use super::inputs::Inputs;
use super::progress::Bar;
use super::show::{Closed, Events, ReportEvent, Tally, Text};
use super::{Args, Spec, Task, rates, remote, slots};
use crate::exit::{self, Outcome};
use crate::output::{Level, Output};
use crate::signals;

/// Nobody reads the output any more: as if SIGPIPE had ended us.
const CLOSED: u8 = 141;

/// What stands between the command and inputs on the command line.
const GIVEN: &str = ":::";

/// Do it.
pub(super) async fn run(mut args: Args, output: Output) -> Result<Outcome> {
    let given = given(&mut args);
    check(&args, given.is_some())?;
    let spec = Spec::new(&args.words, &args.input, &args.run, args.output.max_output)?;
    let spill = spill(&args);
    if args.engine.engine.is_some() && !args.output.dry_run {
        return share_out(args, given, spec, spill, output).await;
    }
    let mut task = spec.task(&spill)?;
    if args.output.dry_run {
        task = Task::Told(Arc::new(Command::new(&spec)));
    } else if let Some(code) = missing(&task, &output) {
        return Ok(Outcome::Code(code));
    }
    let inputs = Inputs::new(&args.input, given)?;
    let slots = slots::here(&args.run, spec.is_probe(), &output);
    let plan = plan(&args, &spec, spill, slots, &output)?;
    let programs = task.programs().cloned();
    let shown = Shown::new(args, spec, output);
    shown.run(plan, inputs, task, programs).await
}

/// The same run, whose jobs workers do.
async fn share_out(
    args: Args,
    given: Option<Vec<OsString>>,
    spec: Spec,
    spill: Spill,
    output: Output,
) -> Result<Outcome> {
    // What makes no sense is refused here, and not by each worker. Where programs are is their affair.
    spec.task(&spill)?;
    let inputs = Inputs::new(&args.input, given)?;
    let slots = slots::elsewhere(&args.run, args.engine.window(), &output);
    let mut plan = plan(&args, &spec, spill, slots, &output)?;
    plan.identity = Some(spec.identity());
    let remote = remote::start(&args.engine, &spec, &plan.spill, &plan.progress, &output).await?;
    let shown = Shown::new(args, spec, output.clone());
    let ended = shown.run(plan, inputs, remote.clone(), None).await;
    let is_done = matches!(ended, Ok(Outcome::Done | Outcome::No));
    let finished = remote::finish(remote, is_done, &output).await;
    let outcome = ended?;
    finished?;
    Ok(outcome)
}

/// Inputs on the command line: what stands behind `:::`.
fn given(args: &mut Args) -> Option<Vec<OsString>> {
    let at = args.words.iter().position(|word| word == GIVEN)?;
    let given = args.words.split_off(at + 1);
    args.words.pop();
    Some(given)
}

fn check(args: &Args, is_given: bool) -> Result<()> {
    let key = args.run.rate_key.as_deref();
    let why = if is_given && !args.input.files.is_empty() {
        "inputs are those behind ::: or those of -a, not both"
    } else if is_given && args.input.has_fields() {
        "inputs behind ::: are no records; --from reads files and standard input"
    } else if key.is_some_and(|key| !matches!(key, "host" | "whole")) && !args.input.has_fields() {
        "--rate-key is host or whole; fields are those of records, see --from"
    } else {
        return Ok(());
    };
    Err(Error::new(Kind::Usage, Operation::Parse, why))
}

/// Nothing can be started: say so once, and not for each input.
fn missing(task: &Task, output: &Output) -> Option<u8> {
    let (code, why) = match task.missing()? {
        End::NotFound(why) => (127, why),
        End::NotStarted(why) => (126, why),
        _ => return None,
    };
    let error = Error::new(Kind::Io, Operation::Run, why.clone()).with_hint(
        "a program is found in PATH, or named with a slash; --shell runs a line of a shell",
    );
    output.error(&error);
    Some(code)
}

/// How the run goes.
fn plan(args: &Args, spec: &Spec, spill: Spill, slots: Slots, output: &Output) -> Result<Plan> {
    let mut plan = Plan::new(1);
    plan.slots = slots;
    plan.ordered = !args.output.unordered;
    plan.retries = retries(&args.run);
    plan.halt = args.run.halt.unwrap_or(Halt::Never);
    plan.rate = rates::rate(&args.run, spec.has_fields);
    plan.spill = spill;
    if let Some(path) = &args.journal.journal {
        let identity = spec.identity();
        plan.journal = Some(journal(args, spec, path, &identity, output)?);
        plan.identity = Some(identity);
    }
    Ok(plan)
}

/// The journal; what it knows is said.
fn journal(
    args: &Args,
    spec: &Spec,
    path: &Path,
    identity: &[u8],
    output: &Output,
) -> Result<Journal> {
    let journal = Journal::open(path)?
        .with_command(spec.shown())
        .assume_same(args.journal.assume_same)
        .retry_failed(args.journal.retry_failed);
    match journal.standing(identity)? {
        Standing::New => {}
        Standing::Same { results, failed } => output.say(
            Level::Verbose,
            format_args!("the journal has {results} results, {failed} of them failures"),
        ),
        Standing::Changed { before, results } if args.journal.assume_same => output.say(
            Level::Normal,
            format_args!("{results} results of another command count as well: {before}"),
        ),
        Standing::Changed { before, results } => output.warn(format_args!(
            "all jobs run: the {results} results of the journal are those of another command, {before}; --assume-same takes them"
        )),
    }
    Ok(journal)
}

/// What results wait in.
fn spill(args: &Args) -> Spill {
    let spill = Spill::default();
    match args.output.memory {
        Some(bytes) => spill.with_memory(usize::try_from(bytes).unwrap_or(usize::MAX)),
        None => spill,
    }
}

fn retries(args: &RunArgs) -> Retries {
    Retries {
        most: args.retries,
        wait: args.retry_wait,
        most_wait: args.retry_max_wait,
        only: args.retry_on.clone(),
        never: args.no_retry_on.clone(),
    }
}

/// How a run is shown, and what is known of it at its end.
pub(super) struct Shown {
    args: Args,
    spec: Spec,
    output: Output,
    tally: Tally,
    closed: Closed,
}

impl Shown {
    pub(super) fn new(args: Args, spec: Spec, output: Output) -> Self {
        Self {
            args,
            spec,
            output,
            tally: Tally::default(),
            closed: Closed::default(),
        }
    }

    /// The whole run, wherever `work` does it.
    pub(super) async fn run(
        self,
        plan: Plan,
        inputs: Inputs,
        work: impl Work,
        programs: Option<Programs>,
    ) -> Result<Outcome> {
        let stop = CancellationToken::new();
        self.heed_signals(&plan, &stop, programs);
        let halt = plan.halt;
        let is_shown = !self.args.output.no_progress && !self.args.output.dry_run;
        let bar = match is_shown {
            true => Bar::new(&self.output, plan.progress.clone()),
            false => None,
        };
        let enough = plan.enough.clone();
        let ran = match self.output.json() {
            true => drive(plan, inputs, work, self.events(), stop).await,
            false => drive(plan, inputs, work, self.text(), stop).await,
        };
        drop(bar);
        match ran {
            Err(_) if self.closed.is_closed() => Ok(Outcome::Code(CLOSED)),
            Err(error) => {
                self.say_failures(None);
                Err(error)
            }
            Ok(report) => {
                let was_interrupted = enough.is_cancelled();
                Ok(self.end(&report, halt, was_interrupted))
            }
        }
    }

    fn events(&self) -> Events {
        Events {
            output: self.output.clone(),
            command: Arc::new(Command::new(&self.spec)),
            tally: self.tally.clone(),
            closed: self.closed.clone(),
            held: Vec::new(),
        }
    }

    fn text(&self) -> Text {
        Text {
            output: self.output.clone(),
            tag: self.args.output.tag,
            timeout: self.spec.timeout,
            tally: self.tally.clone(),
            closed: self.closed.clone(),
            held: Vec::new(),
        }
    }

    /// The first Ctrl-C lets jobs finish, the second ends them, the third leaves.
    fn heed_signals(&self, plan: &Plan, stop: &CancellationToken, programs: Option<Programs>) {
        let (enough, stop, output) = (plan.enough.clone(), stop.clone(), self.output.clone());
        signals::on_each_stop(move |times| match times {
            1 => {
                enough.cancel();
                output.say(
                    Level::Normal,
                    "no more jobs begin; once more ends those that run",
                );
            }
            2 => stop.cancel(),
            _ => {
                if let Some(programs) = &programs {
                    programs.kill_all();
                }
                signals::leave(exit::INTERRUPTED)
            }
        });
    }

    fn end(&self, report: &Report, halt: Halt, was_interrupted: bool) -> Outcome {
        if self.output.json() {
            self.output
                .json_line(&ReportEvent::new(report, &self.tally));
        }
        self.say_failures(Some(report));
        let succeeded = matches!(halt, Halt::Succeeded { .. }) && report.halted;
        if was_interrupted {
            Outcome::Interrupted
        } else if succeeded || (report.failed == 0 && report.canceled == 0) {
            Outcome::Done
        } else {
            Outcome::No
        }
    }

    /// One line, if something failed.
    fn say_failures(&self, report: Option<&Report>) {
        let Some(report) = report else {
            return;
        };
        let (failed, inputs) = (report.failed, report.inputs);
        let canceled = match report.canceled {
            0 => String::new(),
            canceled => format!("; {canceled} were not done"),
        };
        if failed > 0 || report.canceled > 0 {
            let ways = match failed {
                0 => String::new(),
                _ => format!(": {}", self.tally),
            };
            let line = format_args!("sockeye: {failed} of {inputs} jobs failed{ways}{canceled}");
            self.output.say(Level::Normal, line);
        } else {
            let jobs = if inputs == 1 { "job" } else { "jobs" };
            let resumed = match report.resumed {
                0 => String::new(),
                resumed => format!(", {resumed} of them from the journal,"),
            };
            let seconds = report.took.as_secs_f64();
            let line = format_args!("{inputs} {jobs}{resumed} in {seconds:.3} s");
            self.output.say(Level::Verbose, line);
        }
    }
}

async fn drive(
    plan: Plan,
    inputs: Inputs,
    work: impl Work,
    sink: impl Sink,
    stop: CancellationToken,
) -> Result<Report> {
    work::run(plan, inputs, work, sink, stop).await
}
