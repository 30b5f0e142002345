//! The job from the first file to the last byte, on a thread with room for programs that recurse.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;

use sockeye::data::compress::Compression;
use sockeye::data::format::Format;
use sockeye::{Error, Kind, Operation, Result};

use super::Args;
use super::args::To;
use super::cores::STACK;
use super::flow::{self, Look};
use super::job::{Job, Verdict};
use super::place::{Place, Unfinished};
use super::records::Records;
use super::sink::{Halt, Sink, Step, Terminal};
use super::what;
use crate::exit::Outcome;
use crate::output::Output;
use crate::signals;

/// A smaller stack, where the machine has no room for the other.
const SMALL_STACK: usize = 16 << 20;

/// Do it on a thread of its own, and clean up if somebody interrupts.
pub(crate) async fn run(args: Args, output: Output) -> Result<Outcome> {
    refuse_what_means_nothing(&args, &output)?;
    let unfinished = Unfinished::default();
    let writes_files = args.output.in_place || args.output.output.is_some();
    let (done, result) = tokio::sync::oneshot::channel();
    let shared = unfinished.clone();
    let body = move |stack| {
        // Whoever waits is there, or the process ends.
        drop(done.send(convert(&args, stack, &output, &shared)));
    };
    spawn(body)?;
    let interrupted = async {
        match writes_files {
            true => signals::stop_on_signals().cancelled().await,
            // The usual end is quicker.
            false => std::future::pending().await,
        }
    };
    tokio::select! {
        result = result => match result {
            Ok(outcome) => end(outcome),
            Err(_) => Ok(Outcome::Code(crate::exit::BROKEN)),
        },
        () = interrupted => {
            unfinished.remove();
            Ok(Outcome::Interrupted)
        }
    }
}

/// Run `body` on a thread with much stack, and tell it how much.
fn spawn(body: impl FnOnce(usize) + Send + 'static) -> Result<()> {
    let body = Arc::new(Mutex::new(Some(body)));
    let start = |stack| {
        let body = body.clone();
        let builder = thread::Builder::new().stack_size(stack);
        builder.spawn(move || {
            let body = body.lock().map(|mut body| body.take());
            if let Ok(Some(body)) = body {
                body(stack);
            }
        })
    };
    let started = start(STACK).or_else(|_| start(SMALL_STACK));
    let failed = |error| Error::from_io(Operation::Run, error);
    started.map(drop).map_err(failed)
}

fn end(outcome: Step<Outcome>) -> Result<Outcome> {
    match outcome {
        Ok(outcome) => Ok(outcome),
        Err(Halt::Closed) => Ok(Outcome::Done),
        Err(Halt::Exit(code)) => Ok(Outcome::Code(code)),
        Err(Halt::Failed(error)) => Err(error),
    }
}

fn refuse_what_means_nothing(args: &Args, output: &Output) -> Result<()> {
    if output.json() && !args.input.what {
        let error = Error::new(
            Kind::Usage,
            Operation::Parse,
            "--json is for --what: what is converted has its own format",
        );
        return Err(error.with_hint("-t json or -t ndjson writes JSON"));
    }
    Ok(())
}

fn convert(args: &Args, stack: usize, output: &Output, unfinished: &Unfinished) -> Step<Outcome> {
    if args.input.what {
        return what::run(&args.input, &args.formats, output);
    }
    let job = Job::new(args, stack, output.clone())?;
    if args.output.in_place {
        return edit_each(args, job, unfinished);
    }
    let verdict = match &args.output.output {
        Some(path) => into_file(&job, path, unfinished)?,
        None => into_stdout(&job, args)?,
    };
    Ok(job.outcome(verdict))
}

fn into_stdout(job: &Job, args: &Args) -> Step<Verdict> {
    let stdout = std::io::stdout();
    let is_terminal = stdout.is_terminal();
    let json = &args.formats.json;
    let has_colors = !json.monochrome && (json.colors || job.output.text_color());
    let failed = |error| Error::from_io(Operation::Write, error).about("the output");
    let file = job.output.data_file().map_err(failed)?;
    let terminal = is_terminal.then_some(Terminal { has_colors });
    let sink = Sink::new(file, args.output.unbuffered).for_terminal(terminal);
    let look = Look {
        has_colors,
        width: job.output.text_width(),
        // The prompt wants a line too.
        height: job
            .output
            .text_height()
            .map(|height| height.saturating_sub(1)),
    };
    let records = Records::new(job, job.files.clone(), Some(sink.clone()));
    let outcome = flow::convert(job, records, &sink, look);
    kept(outcome, &sink)
}

/// What was made before a failure is written too.
fn kept(outcome: Step<Verdict>, sink: &Sink) -> Step<Verdict> {
    if !matches!(outcome, Err(Halt::Closed)) {
        sink.flush()?;
    }
    outcome
}

fn into_file(job: &Job, path: &Path, unfinished: &Unfinished) -> Step<Verdict> {
    let place = Place::output(path, unfinished)?;
    let compression = Compression::from_file_name(&path.to_string_lossy()).map(|found| found.0);
    let verdict = into_place(job, job.files.clone(), &place, compression, path)?;
    place.commit()?;
    Ok(verdict)
}

fn into_place(
    job: &Job,
    files: Vec<PathBuf>,
    place: &Place,
    compression: Option<Compression>,
    path: &Path,
) -> Step<Verdict> {
    let failed = |error| Error::from_io(Operation::Write, error).about(path.display());
    let file = place.writer().map_err(failed)?;
    let sink = Sink::packed(file, compression).map_err(failed)?;
    let look = Look {
        has_colors: job.formats.json.colors,
        ..Look::default()
    };
    let records = Records::new(job, files, None);
    let verdict = flow::convert(job, records, &sink, look)?;
    sink.close()?;
    Ok(verdict)
}

/// Each file into itself. What fails leaves its file as it was, and the others too that come behind it.
fn edit_each(args: &Args, mut job: Job, unfinished: &Unfinished) -> Step<Outcome> {
    let mut last = Verdict::Nothing;
    let given = job.to;
    for path in job.files.clone() {
        let backup = args.output.backup.as_deref();
        let place = Place::edited(&path, args.output.follow, backup, unfinished)?;
        let place = Place::Whole(place);
        let records = Records::new(&job, vec![path.clone()], None);
        let opened = records.with_opened(|source| (source.format(), source.what.compression.what));
        let (format, compression) = opened?.unwrap_or((Format::Json, None));
        drop(records);
        // A file keeps its format, unless another was asked for.
        job.keep_format(given.unwrap_or(To::Format(format)));
        let verdict = into_place(&job, vec![path.clone()], &place, compression, &path)?;
        if job.has_failed() {
            // Records were left out: that is no edit that anybody asked for.
            return Ok(job.outcome(verdict));
        }
        place.commit()?;
        last = verdict;
    }
    Ok(job.outcome(last))
}
