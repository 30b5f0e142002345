//! How fast jobs pass through `work::run`, and how much memory it takes.
//!
//! ```text
//! cargo run --release --example work_speed -- INPUTS [jobs=2] [slow] [unordered] [keys] [journal=FILE] [normal] [wait]
//! ```
//!
//! `slow`: the first job ends after all others. `wait`: each job waits once. `normal`: commits do not wait for the disk.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use bytes::Bytes;
use sockeye::work::{Ending, Input, Job, Journal, Outcome, Plan, Sink, Source, Work, run};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// So many numbers, as lines of a file would come: parts of one buffer.
struct Numbers(std::ops::Range<u64>);

impl Source for Numbers {
    fn fill(&mut self, inputs: &mut Vec<Bytes>, most: usize) -> sockeye::Result<bool> {
        let mut text = String::with_capacity(most * 20);
        let mut ends = Vec::with_capacity(most);
        for number in self.0.by_ref().take(most) {
            use std::fmt::Write;
            let _ = write!(text, "input number {number}");
            ends.push(text.len());
        }
        let text = Bytes::from(text);
        let mut start = 0;
        for end in ends {
            inputs.push(text.slice(start..end));
            start = end;
        }
        Ok(!self.0.is_empty())
    }
}

struct Nothing {
    slow: bool,
    wait: bool,
    inputs: u64,
    done: Arc<AtomicU64>,
    last: Arc<Notify>,
}

impl Work for Nothing {
    async fn run(&self, job: Job) -> Outcome {
        if self.slow && job.index == 0 {
            self.last.notified().await;
        }
        if self.wait {
            tokio::task::yield_now().await;
        }
        if self.slow && self.done.fetch_add(1, Ordering::Relaxed) + 2 == self.inputs {
            self.last.notify_one();
        }
        Outcome::new(Ending::Exited(0)).with_stdout(job.input)
    }
}

/// Counts, and sees that the order is kept.
struct Count {
    ordered: bool,
    next: u64,
    bytes: u64,
}

impl Sink for Count {
    fn put(&mut self, input: Input, outcome: Outcome) -> sockeye::Result<()> {
        assert!(!self.ordered || input.index == self.next, "order");
        self.next += 1;
        self.bytes += outcome.stdout.len();
        Ok(())
    }

    fn flush(&mut self) -> sockeye::Result<()> {
        Ok(())
    }
}

#[tokio::main]
async fn main() -> sockeye::Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let has = |word: &str| words.iter().any(|given| given == word);
    let value = |name: &str| words.iter().find_map(|given| given.strip_prefix(name));
    let inputs = words
        .first()
        .and_then(|word| word.parse().ok())
        .unwrap_or(1_000_000);
    let jobs = value("jobs=")
        .and_then(|jobs| jobs.parse().ok())
        .unwrap_or(2);
    let mut plan = Plan::new(jobs);
    plan.ordered = !has("unordered");
    if has("keys") {
        plan.identity = Some("nothing".into());
    }
    if let Some(path) = value("journal=") {
        let journal = Journal::open(&PathBuf::from(path))?.with_command("nothing");
        plan.journal = Some(journal.durable(!has("normal")));
        plan.identity = Some("nothing".into());
    }
    let work = Nothing {
        slow: has("slow"),
        wait: has("wait"),
        inputs,
        done: Arc::default(),
        last: Arc::default(),
    };
    let sink = Count {
        ordered: plan.ordered,
        next: 0,
        bytes: 0,
    };
    let started = Instant::now();
    let report = run(
        plan,
        Numbers(0..inputs),
        work,
        sink,
        CancellationToken::new(),
    )
    .await?;
    let took = started.elapsed().as_secs_f64();
    println!(
        "{} jobs ({} resumed) in {took:.3} s: {:.0}/s; most memory {}",
        report.inputs,
        report.resumed,
        report.inputs as f64 / took,
        most_memory()
    );
    Ok(())
}

fn most_memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.unwrap_or("unknown").trim().to_owned()
}
