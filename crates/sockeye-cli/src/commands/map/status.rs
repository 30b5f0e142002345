//! `sockeye map status`: how a run fares, or all of them.

use std::fmt::Write as _;

use serde::Serialize;
use sockeye::work::nats::{Broker, Counts, RunState, RunStatus, WorkerRecord};
use sockeye::{Error, Kind, Operation, Result};

use super::admin::{self, since, stamp};
use crate::exit::Outcome;
use crate::output::Output;
use crate::sheet::{Column, Layout, Sheet, Tint};

/// Say how a run fares, or all runs that the broker knows
///
/// What is counted is the submitter's own, at most 2 s old; when the run is over it agrees with the submitter's report.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The run; all of them if it is left out
    run: Option<String>,
    #[command(flatten)]
    broker: admin::Whither,
}

/// Do it.
pub(crate) async fn run(args: Args, output: Output) -> Result<Outcome> {
    let broker = args.broker.connect("sockeye map status").await?;
    let workers = broker.workers().await?;
    match &args.run {
        Some(run) => one(&broker, run, &workers, &output).await?,
        None => all(&broker, &workers, &output).await?,
    }
    broker.close().await;
    Ok(Outcome::Done)
}

async fn one(broker: &Broker, run: &str, workers: &[WorkerRecord], output: &Output) -> Result<()> {
    let Some(status) = broker.run_status(run).await? else {
        let why = format!("nobody knows the run {run:?}");
        let error = Error::new(Kind::Rejected, Operation::Ask, why).about(broker.shown());
        return Err(error.with_hint("`sockeye map status` without a name lists the runs"));
    };
    match output.json() {
        true => output.json_line(&RunEvent::new(&status, Some(workers))),
        false => drop(output.text(&told(&status, workers))),
    }
    Ok(())
}

async fn all(broker: &Broker, workers: &[WorkerRecord], output: &Output) -> Result<()> {
    let runs = broker.all_run_status().await?;
    if output.json() {
        for status in &runs {
            output.json_line(&RunEvent::new(status, None));
        }
        for worker in workers {
            output.json_line(&WorkerEvent::new(worker));
        }
        return Ok(());
    }
    let mut text = String::new();
    if !runs.is_empty() {
        table(&runs, output, &mut text);
        text.push('\n');
    }
    text.push_str(&workers_line(workers));
    output.text(&text);
    Ok(())
}

/// A word for where a run is.
pub(super) fn word(state: RunState) -> &'static str {
    match state {
        RunState::Running => "running",
        RunState::Canceled => "canceled",
        RunState::Done => "done",
        _ => "unknown",
    }
}

fn table(runs: &[RunStatus], output: &Output, out: &mut String) {
    let number = |title| Column {
        right: true,
        ..Column::new(title)
    };
    let columns = vec![
        Column::new("RUN"),
        Column::new("STATE"),
        number("INPUTS"),
        number("DONE"),
        number("FAILED"),
        number("QUEUED"),
        number("RUNNING"),
        number("DEAD"),
        number("JOBS/S"),
        Column::new("BEGAN"),
    ];
    let mut sheet = Sheet::new(columns, runs.len());
    for status in runs {
        let counts = &status.record.counts;
        let cells = [
            status.run.clone(),
            word(status.record.state).to_owned(),
            counts.inputs.to_string(),
            counts.succeeded.to_string(),
            counts.failed.to_string(),
            status.queued.to_string(),
            status.leased.to_string(),
            status.dead.to_string(),
            format!("{:.1}", status.rate()),
            since(status.record.started_ms),
        ];
        for cell in cells {
            sheet.text().push_str(&cell);
            sheet.end_cell(Tint::Plain);
        }
    }
    let layout = Layout {
        width: output.text_width(),
        color: output.text_color(),
        header: true,
    };
    sheet.write(layout, out);
}

/// One run in a few lines.
fn told(status: &RunStatus, workers: &[WorkerRecord]) -> String {
    let (record, counts) = (&status.record, &status.record.counts);
    let mut text = format!(
        "{}: {}, began {}, submitted by {}\n",
        status.run,
        word(record.state),
        since(record.started_ms),
        sockeye::data::escape::escape(record.submitter.as_bytes()),
    );
    let (succeeded, failed) = (counts.succeeded, counts.failed);
    // Writing to a string cannot fail.
    let _ = writeln!(
        text,
        "{} inputs: {succeeded} succeeded, {failed} failed; {:.1} jobs/s",
        counts.inputs,
        status.rate()
    );
    let _ = writeln!(
        text,
        "queue: {} wait, {} with workers, {} given up",
        status.queued, status.leased, status.dead
    );
    let beside = [
        (counts.lost, "lost by their workers"),
        (counts.handed_back, "handed back"),
        (counts.duplicates, "second results not taken"),
        (counts.skipped, "deliveries skipped, their result was there"),
        (
            counts.resubmitted,
            "submitted again after the broker lost them",
        ),
        (counts.found, "results found of an earlier submitter"),
    ];
    for (count, what) in beside.into_iter().filter(|(count, _)| *count > 0) {
        let _ = writeln!(text, "{count} {what}");
    }
    text.push_str(&workers_line(workers));
    text
}

fn workers_line(workers: &[WorkerRecord]) -> String {
    let (slots, busy) = workers.iter().fold((0, 0), |(slots, busy), it| {
        (slots + it.slots, busy + it.busy)
    });
    let names: Vec<String> = workers
        .iter()
        .map(|worker| {
            let id = sockeye::data::escape::escape(worker.id.as_bytes());
            format!("{id} ({} of {} busy)", worker.busy, worker.slots)
        })
        .collect();
    match names.len() {
        0 => "no workers\n".to_owned(),
        1 => format!("1 worker: {}\n", names[0]),
        many => format!(
            "{many} workers, {busy} of {slots} slots busy: {}\n",
            names.join(", ")
        ),
    }
}

/// A run, for programs.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename = "status")]
struct RunEvent<'a> {
    run: &'a str,
    state: &'static str,
    submitter: &'a str,
    started: String,
    changed: String,
    #[serde(flatten)]
    counts: &'a Counts,
    queued: u64,
    running: u64,
    /// Those in the list, which `map dead` shows.
    given_up: u64,
    rate: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    workers: Option<&'a [WorkerRecord]>,
}

impl<'a> RunEvent<'a> {
    fn new(status: &'a RunStatus, workers: Option<&'a [WorkerRecord]>) -> Self {
        Self {
            run: &status.run,
            state: word(status.record.state),
            submitter: &status.record.submitter,
            started: stamp(status.record.started_ms),
            changed: stamp(status.record.changed_ms),
            counts: &status.record.counts,
            queued: status.queued,
            running: status.leased,
            given_up: status.dead,
            rate: (status.rate() * 1000.0).round() / 1000.0,
            workers,
        }
    }
}

/// A worker, for programs.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename = "worker")]
struct WorkerEvent<'a> {
    #[serde(flatten)]
    worker: &'a WorkerRecord,
}

impl<'a> WorkerEvent<'a> {
    fn new(worker: &'a WorkerRecord) -> Self {
        Self { worker }
    }
}
