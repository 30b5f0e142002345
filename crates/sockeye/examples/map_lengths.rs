//! One job for each line of standard input, eight at once, answers in the order of the lines; killed, it goes on where it was.
//!
//! ```text
//! printf '%s\n' alpha beta gamma | cargo run --example map_lengths -- lengths.journal
//! ```

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::io::{BufRead, Write};
use std::path::Path;

use sockeye::work::{Ending, Input, Job, Journal, Outcome, Plan, inputs, run};
use sockeye::{Error, Operation};
use tokio_util::sync::CancellationToken;

/// What is done with one line. It may wait, for a server say; the others go on meanwhile.
async fn length(job: Job) -> Outcome {
    let text = String::from_utf8_lossy(&job.input);
    match text.chars().count() {
        0 => Outcome::new(Ending::Failed("an empty line has no length".into())),
        count => Outcome::new(Ending::Exited(0)).with_stdout(count.to_string()),
    }
}

#[tokio::main]
async fn main() -> sockeye::Result<()> {
    let mut plan = Plan::new(8);
    if let Some(path) = std::env::args_os().nth(1) {
        // Results of this very work count in a later run; another identity would start anew.
        plan.identity = Some("length of a line, 1".into());
        plan.journal = Some(Journal::open(Path::new(&path))?.with_command("length of a line"));
    }
    // Read as they come, on a thread of its own: an endless input is fine.
    let lines = std::io::BufReader::new(std::io::stdin())
        .lines()
        .map_while(Result::ok);

    let mut out = std::io::stdout();
    let print = move |input: Input, outcome: Outcome| {
        let written = out
            .write_all(&input.bytes)
            .and_then(|()| out.write_all(b"\t"))
            .and_then(|()| outcome.stdout.write_to(&mut out))
            .and_then(|()| out.write_all(b"\n"));
        written.map_err(|error| Error::from_io(Operation::Write, error))
    };
    let stop = CancellationToken::new();
    let report = run(plan, inputs(lines), length, print, stop).await?;
    println!(
        "{} lines, {} failed, {} known before",
        report.inputs, report.failed, report.resumed
    );
    Ok(())
}
