//! Jobs for other machines, through a NATS server with JetStream: one side takes them, the other has them done.
//!
//! ```text
//! nats-server -js
//! cargo run -p sockeye --example nats_jobs -- work nats://localhost
//! cargo run -p sockeye --example nats_jobs -- count nats://localhost 'how many words' 'are in these'
//! ```
//!
//! `time URL JOBS BATCH` measures how many jobs that do nothing are done in a second.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::env;
use std::error::Error;
use std::time::Instant;

use bytes::Bytes;
use sockeye::work::nats::{Access, Remote, RemoteOptions, WorkerOptions, work};
use sockeye::work::{Ending, Job, Outcome, Work};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// What is done with each input: its words are counted.
struct Words;

impl Work for Words {
    async fn run(&self, job: Job) -> Outcome {
        let words = job
            .input
            .split(u8::is_ascii_whitespace)
            .filter(|word| !word.is_empty());
        Outcome::new(Ending::Exited(0)).with_stdout(words.count().to_string())
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match words[..] {
        ["work", url] => work_at(url).await,
        ["count", url, ref inputs @ ..] => count(url, inputs).await,
        ["time", url, jobs, batch] => time(url, jobs.parse()?, batch.parse()?).await,
        _ => Err("work URL, count URL INPUTS, or time URL JOBS BATCH".into()),
    }
}

async fn work_at(url: &str) -> Result<(), Box<dyn Error>> {
    let mut options = WorkerOptions::default();
    options.slots = 8;
    let stop = CancellationToken::new();
    let ctrl_c = stop.clone();
    tokio::spawn(async move {
        let _ = tokio::signal::ctrl_c().await;
        ctrl_c.cancel();
    });
    let broker = Access::new(url).connect().await?;
    let report = work(broker, options, |_run, _spec| Ok(Words), stop).await?;
    println!("{} jobs done", report.done);
    Ok(())
}

fn job(index: u64, input: Bytes) -> Job {
    Job {
        index,
        attempt: 1,
        input,
        key: None,
        stop: CancellationToken::new(),
    }
}

async fn count(url: &str, inputs: &[&str]) -> Result<(), Box<dyn Error>> {
    let broker = Access::new(url).connect().await?;
    let remote = Remote::start(broker, b"words", RemoteOptions::default()).await?;
    for (index, input) in (0..).zip(inputs) {
        let outcome = remote
            .run(job(index, Bytes::copy_from_slice(input.as_bytes())))
            .await;
        let said = outcome.stdout.as_bytes().map_or(&b""[..], |bytes| bytes);
        println!("{}\t{input}", String::from_utf8_lossy(said));
    }
    remote.finish(true).await?;
    Ok(())
}

async fn time(url: &str, jobs: u64, batch: usize) -> Result<(), Box<dyn Error>> {
    let broker = Access::new(url).connect().await?;
    let mut options = RemoteOptions::default();
    options.batch = batch;
    let remote = Remote::start(broker, b"words", options).await?;
    let begun = Instant::now();
    let mut running = JoinSet::new();
    for index in 0..jobs {
        if running.len() >= 1000 * batch.min(100) {
            running.join_next().await;
        }
        let remote = remote.clone();
        running.spawn(async move { remote.run(job(index, Bytes::from_static(b"a b c"))).await });
    }
    while running.join_next().await.is_some() {}
    let took = begun.elapsed();
    let counts = remote.finish(true).await?;
    let rate = counts.results as f64 / took.as_secs_f64();
    println!("{} jobs in {took:.2?}: {rate:.0} a second", counts.results);
    Ok(())
}
