//! A program for each line of standard input, several at once, results in order: `seq 5 | run_programs 2 /bin/echo number`.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::env::args_os;
use std::ffi::OsString;
use std::io::{BufRead as _, Write as _, stdin, stdout};
use std::os::unix::ffi::OsStringExt as _;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use sockeye::net::finish::{End, Invocation, Programs, locate};
use sockeye::work::{self, Ending, Input, Job, Outcome, Plan, Sink, Source, Spill, Work};
use tokio_util::sync::CancellationToken;

struct Lines;

impl Source for Lines {
    fn fill(&mut self, inputs: &mut Vec<Bytes>, _: usize) -> sockeye::Result<bool> {
        let mut line = Vec::new();
        let count = stdin().lock().read_until(b'\n', &mut line);
        if count.is_ok_and(|count| count == 0) {
            return Ok(false);
        }
        inputs.push(line.trim_ascii_end().to_vec().into());
        Ok(true)
    }
}

struct Run {
    programs: Programs,
    spill: Spill,
    invocation: Invocation,
}

impl Work for Run {
    async fn run(&self, job: Job) -> Outcome {
        let mut what = self.invocation.clone();
        what.args.push(OsString::from_vec(job.input.to_vec()));
        let (out, err) = (self.spill.gather(), self.spill.gather());
        match self.programs.finish(what, out, err, &job.stop).await {
            Ok(done) => {
                let mut outcome = Outcome::new(match done.end {
                    End::Exited(status) => Ending::Exited(status),
                    other => Ending::Failed(format!("{other:?}")),
                });
                outcome.stdout = done.stdout.finish();
                outcome
            }
            Err(error) => Outcome::new(Ending::Failed(error.to_string())),
        }
    }
}

struct Print;

impl Sink for Print {
    fn put(&mut self, _: Input, outcome: Outcome) -> sockeye::Result<()> {
        let _ = outcome.stdout.write_to(&mut stdout().lock());
        Ok(())
    }

    fn flush(&mut self) -> sockeye::Result<()> {
        let _ = stdout().flush();
        Ok(())
    }
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut words = args_os().skip(1);
    let jobs = words.next().and_then(|jobs| jobs.into_string().ok());
    let jobs = jobs.and_then(|jobs| jobs.parse().ok()).unwrap_or(2);
    let program = words.next().unwrap_or_else(|| "echo".into());
    let run = Run {
        programs: Programs::new(),
        spill: Spill::default(),
        invocation: Invocation {
            program: locate(&program, None).map_err(|end| format!("{end:?}"))?,
            args: words.collect(),
            env: Arc::new([]),
            dir: None,
            input: None,
            timeout: None,
            grace: Duration::from_secs(2),
            most_output: u64::MAX,
        },
    };
    let report = work::run(Plan::new(jobs), Lines, run, Print, CancellationToken::new()).await?;
    println!("{} jobs in {:?}", report.inputs, report.took);
    Ok(())
}
