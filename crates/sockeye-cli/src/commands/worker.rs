//! `sockeye worker`: take jobs that `sockeye map --engine` shares out.

use std::ffi::{OsStr, OsString};
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use sockeye::work::Spill;
use sockeye::work::nats::{Broker, WorkerEvent, WorkerOptions, WorkerReport, work};
use sockeye::{Error, Kind, Operation, Result};
use tokio_util::sync::CancellationToken;

use super::broker::{self, Told};
use super::map::{Spec, SpecWhat as What, Task};
use crate::args::{BrokerArgs, WireFormat, duration};
use crate::exit::Outcome;
use crate::output::{Level, Output};
use crate::signals;

/// How long a broker that is not there yet is left alone.
const AGAIN: Duration = Duration::from_millis(500);

/// Take jobs that `map --engine` shares out
///
/// It does whatever submitters send: whoever may write to the broker may run programs here. --allow narrows that.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    sockeye worker --engine nats://localhost\n  \
    sockeye worker --engine tls://broker.example --creds worker.creds -j 8 --allow convert --allow @fetch\n\
    Exit codes: 0 told to stop, or had enough; 2 usage; 4, 5, 6, 7 the broker cannot be reached at the start")]
pub(crate) struct Args {
    /// The NATS server with the jobs: nats://HOST[:PORT] or tls://HOST[:PORT]; several of one cluster with commas
    #[arg(long, value_name = "URL")]
    engine: String,
    /// How many jobs at once [default: one for each processor]
    #[arg(short, long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    /// What this worker is called, with its process and a random word behind it [default: the name of the host]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Run only this program, or probe if it begins with @; may be given again [default: whatever is asked for]
    #[arg(long, value_name = "PROGRAM")]
    allow: Vec<OsString>,
    /// Take jobs of this run only
    #[arg(long, value_name = "NAME")]
    run: Option<String>,
    /// End after so many jobs
    #[arg(long, value_name = "N")]
    max_jobs: Option<u64>,
    /// End once there was nothing to do for so long
    #[arg(long, value_name = "TIME", value_parser = duration)]
    idle_exit: Option<Duration>,
    /// How long jobs may go on after SIGTERM or Ctrl-C; then they are ended and handed back
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "10s")]
    grace: Duration,
    /// Show every byte to and from the broker on standard error, as text, hex or json
    #[arg(long, value_enum, value_name = "FORMAT", num_args = 0..=1, require_equals = true, default_missing_value = "text",
        hide_possible_values = true)]
    wire: Option<WireFormat>,
    #[command(flatten)]
    broker: BrokerArgs,
}

/// Do it.
pub(crate) async fn run(args: Args, output: Output) -> Result<Outcome> {
    let stop = signals::stop_on_signals();
    let Some(broker) = reach(&args, &output, &stop).await? else {
        return Ok(Outcome::Done);
    };
    if let Some(warning) = broker.warning() {
        output.warn(warning);
    }
    let processors = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let mut options = WorkerOptions::default();
    options.slots = args.jobs.map_or(processors, NonZeroUsize::get);
    options.name.clone_from(&args.name);
    options.run.clone_from(&args.run);
    options.max_jobs = args.max_jobs;
    options.idle_exit = args.idle_exit;
    options.grace = args.grace;
    let (told, at, slots) = (output.clone(), broker.shown().to_owned(), options.slots);
    options.observer = Some(Arc::new(move |event| {
        let (level, line) = tell(&event, &at, slots);
        told.event(level, &line);
    }));
    let allow = args.allow;
    let make = move |_: &str, spec: &[u8]| task(spec, &allow);
    let report = work(broker, options, make, stop).await?;
    output.event(Level::Normal, &summary(&report));
    Ok(Outcome::Done)
}

/// Connect; a broker that is not there yet is waited for. `None` if we were told to stop meanwhile.
async fn reach(args: &Args, output: &Output, stop: &CancellationToken) -> Result<Option<Broker>> {
    let mut said = false;
    loop {
        let error = tokio::select! {
            () = stop.cancelled() => return Ok(None),
            reached = broker::connect(&args.broker, &args.engine, args.wire, output) => match reached {
                Ok(broker) => return Ok(Some(broker)),
                Err(error) => error,
            },
        };
        if !matches!(
            error.kind(),
            Kind::Refused | Kind::Unreachable | Kind::TimedOut
        ) {
            return Err(error);
        }
        if !said {
            output.warn(format!("{error}; waiting for it"));
        }
        said = true;
        tokio::select! {
            () = stop.cancelled() => return Ok(None),
            () = tokio::time::sleep(AGAIN) => {}
        }
    }
}

/// What does the jobs of a run, if it may.
fn task(spec: &[u8], allow: &[OsString]) -> Result<Task> {
    let spec: Spec = serde_json::from_slice(spec).map_err(|error| {
        let why =
            format!("what it does is not understood, its submitter is of another version: {error}");
        Error::new(Kind::Protocol, Operation::Read, why)
    })?;
    if !allow.is_empty() {
        allowed(&spec, allow)?;
    }
    spec.task(&Spill::default())
}

fn allowed(spec: &Spec, allow: &[OsString]) -> Result<()> {
    let wanted = match &spec.what {
        What::Probe { name, .. } => OsString::from(format!("@{name}")),
        What::Program { shell: true, .. } => OsString::from("sh"),
        What::Program { words, .. } => words.first().cloned().unwrap_or_default(),
    };
    // A name allows the program of that name that is found in PATH, not one at a path that the submitter chooses.
    if allow.contains(&wanted) {
        return Ok(());
    }
    let why = format!("{} is not among what --allow names", shown(&wanted));
    Err(Error::new(Kind::Denied, Operation::Run, why))
}

fn shown(word: &OsStr) -> String {
    Path::new(word)
        .display()
        .to_string()
        .escape_debug()
        .to_string()
}

fn summary(report: &WorkerReport) -> Told {
    let WorkerReport {
        done,
        duplicates,
        skipped,
        handed_back,
        dead,
        ..
    } = *report;
    Told {
        text: format!(
            "{done} jobs done, {duplicates} done twice, {skipped} found done, {handed_back} handed back, {dead} given up"
        ),
        event: json!({"type": "worker-ended", "done": done, "duplicates": duplicates, "skipped": skipped,
            "handed_back": handed_back, "dead": dead}),
    }
}

/// An event in words, and how loud.
fn tell(event: &WorkerEvent, at: &str, slots: usize) -> (Level, Told) {
    let line = |text: String, event| (Level::Normal, Told { text, event });
    match event {
        WorkerEvent::Ready(id) => line(
            format!("working for {at} as {id}, {slots} at once"),
            json!({"type": "worker-ready", "engine": at, "worker": id, "slots": slots}),
        ),
        WorkerEvent::Joined(run) => line(
            format!("takes jobs of {run}"),
            json!({"type": "joined", "run": run}),
        ),
        WorkerEvent::Refused(run, why) => line(
            format!("takes no jobs of {run}: {why}"),
            json!({"type": "refused", "run": run, "why": why}),
        ),
        WorkerEvent::Left(run) => line(
            format!("{run} has ended"),
            json!({"type": "left", "run": run}),
        ),
        WorkerEvent::Done {
            run,
            index,
            jobs,
            deliveries,
        } => (
            Level::Verbose,
            Told {
                text: match jobs {
                    1 => format!("{run}: job {} done", index + 1),
                    _ => format!("{run}: {jobs} jobs done, from {}", index + 1),
                },
                event: json!({"type": "done", "run": run, "index": index, "jobs": jobs, "deliveries": deliveries}),
            },
        ),
        WorkerEvent::Duplicate { run, index, ran } => line(
            match ran {
                true => format!(
                    "{run}: job {} was done elsewhere too; that result stands",
                    index + 1
                ),
                false => format!("{run}: job {} was done already", index + 1),
            },
            json!({"type": "duplicate", "run": run, "index": index, "ran": ran}),
        ),
        WorkerEvent::HandedBack { run, index, why } => line(
            format!("{run}: job {} handed back: {why}", index + 1),
            json!({"type": "handed-back", "run": run, "index": index, "why": why}),
        ),
        WorkerEvent::Dead { run, index, why } => line(
            format!("{run}: job {} given up: {why}", index + 1),
            json!({"type": "dead", "run": run, "index": index, "why": why}),
        ),
        WorkerEvent::Stalled(run) => line(
            format!("nothing was heard of {run}; asking anew"),
            json!({"type": "stalled", "run": run}),
        ),
        WorkerEvent::Stopping(busy) => line(
            format!("stopping; {busy} jobs still run"),
            json!({"type": "stopping", "busy": busy}),
        ),
        other => line(format!("{other:?}"), json!({"type": "other"})),
    }
}
