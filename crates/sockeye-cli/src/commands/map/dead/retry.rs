//! `sockeye map dead retry`: a run of its own for jobs that were given up, done as they would have been.

use std::collections::HashSet;
use std::fs::File;
use std::io::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use serde::Serialize;
use sockeye::work::nats::{Broker, DeadFilter, DeadLetter, Remote, RemoteOptions};
use sockeye::work::{Input, Outcome as JobOutcome, Plan, Sink, Source, Spill};
use sockeye::{Error, Kind, Operation, Result, work};

use super::Which;
use crate::exit::Outcome;
use crate::output::{Level, Output};
use crate::signals;

/// How many are submitted at once; workers bound how many run.
const AT_ONCE: usize = 1000;

/// Try jobs again that were given up: as a run of its own, whose results are written here
///
/// Those that succeed are forgotten; the others stay in the list. What is done with each input is what their run did.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    which: Which,
}

/// Do it.
pub(super) async fn run(args: Args, output: Output) -> Result<Outcome> {
    let broker = args.which.connect().await?;
    let letters = args.which.letters(&broker).await?;
    let Some((record, _)) = broker.run_record(&args.which.run).await? else {
        let why = "what its jobs did is not known any more";
        return Err(Error::new(Kind::Rejected, Operation::Run, why)
            .about(&args.which.run)
            .with_hint("`map dead show --inputs` has the inputs, for another `map`"));
    };
    let spill = Spill::default();
    let mut inputs = Vec::new();
    for letter in &letters {
        inputs.push(bytes_of(&broker, letter, &spill).await?);
    }
    let mut options = RemoteOptions::default();
    options.spill = spill;
    let remote = Remote::start(broker.clone(), &record.spec(), options).await?;
    let again = remote.run_name().to_owned();
    output.say(
        Level::Normal,
        format_args!("{} jobs are tried again as {again}", letters.len()),
    );
    let succeeded = Arc::new(Mutex::new(HashSet::new()));
    let sink = Written::new(&output, Arc::clone(&succeeded))?;
    let stop = signals::stop_on_signals();
    let ran = work::run(
        Plan::new(AT_ONCE),
        Listed(Some(inputs)),
        remote.clone(),
        sink,
        stop.clone(),
    )
    .await;
    remote.finish(ran.is_ok() && !stop.is_cancelled()).await?;
    let report = ran?;
    let done = std::mem::take(&mut *succeeded.lock().unwrap_or_else(PoisonError::into_inner));
    forget(&broker, &letters, &done, &again).await?;
    broker.close().await;
    let told = Retried {
        run: &args.which.run,
        succeeded: report.succeeded,
        failed: report.failed + report.canceled,
    };
    output.event(Level::Normal, &told);
    Ok(match (stop.is_cancelled(), told.failed) {
        (true, _) => Outcome::Interrupted,
        (_, 0) => Outcome::Done,
        _ => Outcome::No,
    })
}

async fn bytes_of(broker: &Broker, letter: &DeadLetter, spill: &Spill) -> Result<Bytes> {
    let input = broker.dead_input(letter, spill).await?;
    if let Some(bytes) = input.as_bytes() {
        return Ok(bytes.clone());
    }
    let mut bytes = Vec::new();
    let read = input.write_to(&mut bytes);
    read.map_err(|error| Error::from_io(Operation::Read, error))?;
    Ok(bytes.into())
}

/// Those that succeeded are no longer given up; those that were given up again are, under their old name.
async fn forget(
    broker: &Broker,
    letters: &[DeadLetter],
    done: &HashSet<u64>,
    again: &str,
) -> Result<()> {
    for (at, letter) in letters.iter().enumerate() {
        if done.contains(&(at as u64)) {
            broker.drop_dead(letter).await?;
        }
    }
    let filter = DeadFilter {
        run: Some(again.to_owned()),
        ..DeadFilter::default()
    };
    for letter in broker.dead_letters(&filter).await? {
        broker.drop_dead(&letter).await?;
    }
    Ok(())
}

/// The inputs, once.
struct Listed(Option<Vec<Bytes>>);

impl Source for Listed {
    fn fill(&mut self, inputs: &mut Vec<Bytes>, most: usize) -> Result<bool> {
        let Some(left) = &mut self.0 else {
            return Ok(false);
        };
        let some = left.drain(..most.min(left.len()));
        inputs.extend(some);
        Ok(!left.is_empty())
    }
}

/// Results are written as they come in order, and those that succeeded are noted.
struct Written {
    out: File,
    talk: File,
    json: bool,
    succeeded: Arc<Mutex<HashSet<u64>>>,
}

impl Written {
    fn new(output: &Output, succeeded: Arc<Mutex<HashSet<u64>>>) -> Result<Self> {
        let failed = |error| Error::from_io(Operation::Open, error);
        Ok(Self {
            out: output.data_file().map_err(failed)?,
            talk: output.talk_file().map_err(failed)?,
            json: output.json(),
            succeeded,
        })
    }
}

impl Sink for Written {
    fn put(&mut self, input: Input, outcome: JobOutcome) -> Result<()> {
        if outcome.ending.is_success() {
            let mut succeeded = self
                .succeeded
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            succeeded.insert(input.index);
        }
        let failed = |error| Error::from_io(Operation::Write, error);
        if !self.json {
            outcome.stdout.write_to(&mut self.out).map_err(failed)?;
            return outcome.stderr.write_to(&mut self.talk).map_err(failed);
        }
        let mut said = [Vec::new(), Vec::new()];
        outcome.stdout.write_to(&mut said[0]).map_err(failed)?;
        outcome.stderr.write_to(&mut said[1]).map_err(failed)?;
        let [stdout, stderr] = said.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        let event = JobEvent {
            input: String::from_utf8_lossy(&input.bytes).into_owned(),
            ending: format!("{:?}", outcome.ending),
            stdout,
            stderr,
            worker: outcome.worker.as_deref(),
        };
        let mut line = serde_json::to_vec(&event).unwrap_or_default();
        line.push(b'\n');
        self.out.write_all(&line).map_err(failed)
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}

/// A job that was tried again, for programs.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename = "job")]
struct JobEvent<'a> {
    input: String,
    ending: String,
    stdout: String,
    stderr: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    worker: Option<&'a str>,
}

/// How that went.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename = "retried")]
struct Retried<'a> {
    run: &'a str,
    succeeded: u64,
    failed: u64,
}

impl std::fmt::Display for Retried<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            run,
            succeeded,
            failed,
        } = self;
        write!(f, "{run}: {succeeded} succeeded and are forgotten")?;
        match failed {
            0 => Ok(()),
            _ => write!(f, ", {failed} failed and stay in the list"),
        }
    }
}
