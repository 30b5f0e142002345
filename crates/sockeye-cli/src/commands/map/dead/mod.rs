//! `sockeye map dead`: jobs that were given up, because workers died with them or nobody could run them.

mod list;
mod retry;
mod show;

use std::fmt;

use clap::Subcommand;
use serde::Serialize;
use sockeye::data::escape::escape_start;
use sockeye::work::nats::{Broker, DeadFilter, DeadLetter};
use sockeye::{Error, Kind, Operation, Result};

use super::admin::{self, stamp};
use crate::exit::Outcome;
use crate::output::{Level, Output};

/// List jobs that were given up, show them, try them again, forget them
///
/// A job is given up when three workers died with it, or when no worker has its program. Its run goes on without it.
#[derive(Debug, clap::Args)]
#[command(arg_required_else_help = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    List(Box<list::Args>),
    Show(Box<show::Args>),
    Retry(Box<retry::Args>),
    Drop(Box<DropArgs>),
}

/// Which jobs.
#[derive(Debug, clap::Args)]
struct Which {
    /// The run
    run: String,
    /// The jobs, by the beginning of their number, as `map dead list` shows it; all of the run if none is named
    #[arg(value_name = "JOB")]
    jobs: Vec<String>,
    #[command(flatten)]
    broker: admin::Whither,
}

impl Which {
    async fn connect(&self) -> Result<Broker> {
        self.broker.connect("sockeye map dead").await
    }

    /// Those that are meant, at least one.
    async fn letters(&self, broker: &Broker) -> Result<Vec<DeadLetter>> {
        let filter = DeadFilter {
            run: Some(self.run.clone()),
            ids: self.jobs.clone(),
        };
        let letters = broker.dead_letters(&filter).await?;
        match letters.is_empty() {
            false => Ok(letters),
            true => Err(none(&self.run, &self.jobs)),
        }
    }
}

/// Forget jobs that were given up
#[derive(Debug, clap::Args)]
struct DropArgs {
    #[command(flatten)]
    which: Which,
}

/// Do it.
pub(crate) async fn run(args: Args, output: Output) -> Result<Outcome> {
    match args.what {
        What::List(args) => list::run(*args, output).await,
        What::Show(args) => show::run(*args, output).await,
        What::Retry(args) => retry::run(*args, output).await,
        What::Drop(args) => drop_all(*args, output).await,
    }
}

async fn drop_all(args: DropArgs, output: Output) -> Result<Outcome> {
    let broker = args.which.connect().await?;
    let letters = args.which.letters(&broker).await?;
    for letter in &letters {
        broker.drop_dead(letter).await?;
    }
    broker.close().await;
    let told = Dropped {
        run: &args.which.run,
        jobs: letters.len(),
    };
    output.event(Level::Normal, &told);
    Ok(Outcome::Done)
}

/// Nothing is meant.
fn none(run: &str, jobs: &[String]) -> Error {
    let why = match jobs {
        [] => format!("no job of {run:?} was given up"),
        [job] => format!("no job of {run:?} that was given up begins with {job:?}"),
        _ => format!("none of these jobs of {run:?} was given up"),
    };
    Error::new(Kind::Rejected, Operation::Ask, why)
        .with_hint("`sockeye map dead list` lists those that were")
}

/// What was forgotten.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename = "dropped")]
struct Dropped<'a> {
    run: &'a str,
    jobs: usize,
}

impl fmt::Display for Dropped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { run, jobs } = self;
        let unit = if *jobs == 1 { "job" } else { "jobs" };
        write!(f, "{jobs} {unit} of {run} forgotten")
    }
}

/// A job that was given up, for programs.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename = "dead")]
struct DeadEvent<'a> {
    run: &'a str,
    job: &'a str,
    /// The place of its input, from 1.
    input: u64,
    attempt: u32,
    deliveries: u32,
    worker: &'a str,
    reason: &'a str,
    at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    base64: Option<String>,
}

impl<'a> DeadEvent<'a> {
    fn new(letter: &'a DeadLetter) -> Self {
        let dead = &letter.dead;
        let bytes = dead.input().unwrap_or_default();
        let text = std::str::from_utf8(bytes).ok();
        let text = text.filter(|_| dead.input().is_some());
        let is_binary = text.is_none() && dead.input().is_some();
        Self {
            run: &letter.run,
            job: &letter.id,
            input: dead.index + 1,
            attempt: dead.attempt,
            deliveries: dead.deliveries,
            worker: &dead.worker,
            reason: &dead.reason,
            at: stamp(dead.at_ms),
            text,
            base64: is_binary.then(|| base64(bytes)),
        }
    }
}

fn base64(bytes: &[u8]) -> String {
    data_encoding::BASE64.encode(bytes)
}

/// An input as people may see it, or that it is elsewhere.
fn shown(letter: &DeadLetter, most: usize) -> String {
    match letter.dead.input() {
        Some(bytes) => escape_start(bytes, most),
        None => "(large)".to_owned(),
    }
}
