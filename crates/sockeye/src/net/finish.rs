//! Programs that are run to their end, many at once: what `map` does with its inputs.
//!
//! A thread waits for each program, with poll(2) on its outputs and its pidfd: that is cheaper than a runtime that watches them, for a
//! program that lives for half a millisecond. Threads are kept. Programs are started without a copy of our memory (posix_spawn), in a
//! process group of their own, with descriptors 0, 1 and 2 and no others.

mod locate;
mod threads;
mod wait;

#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use self::threads::Threads;
use self::wait::Stop;
use crate::error::{Error, Kind, Operation, Result};

pub use self::locate::locate;

/// The most bytes that one argument may have: what Linux takes, without the NUL byte at its end (`MAX_ARG_STRLEN`).
pub const MOST_ARGUMENT: usize = 131_071;

/// How many descriptors of this process a running program needs at most.
pub const DESCRIPTORS_EACH: usize = 8;

/// A program, and what it gets.
#[derive(Clone, Debug)]
pub struct Invocation {
    /// The program: a path with a slash, see [`locate`].
    pub program: PathBuf,
    /// Its arguments, of which none is its name.
    pub args: Vec<OsString>,
    /// Variables on top of our own.
    pub env: Arc<[(OsString, OsString)]>,
    /// Where it runs, if not where we do.
    pub dir: Option<Arc<PathBuf>>,
    /// What it reads on standard input; `/dev/null` if there is nothing.
    pub input: Option<Bytes>,
    /// How long it may run; then it is ended with all that it started. No limit if it is not set.
    pub timeout: Option<Duration>,
    /// How long it may take to end after it was asked to (`SIGTERM`), before it is killed.
    pub grace: Duration,
    /// How many bytes it may say on each of its outputs; then it is ended.
    pub most_output: u64,
}

/// How a program ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum End {
    /// By itself, with this status.
    Exited(u8),
    /// By a signal that was not ours.
    Killed(i32),
    /// It had run for as long as it may.
    TimedOut,
    /// `stop` was canceled.
    Canceled,
    /// It is not there.
    NotFound(String),
    /// It is no program, or not with these arguments.
    NotStarted(String),
    /// This machine could not start it just now, or not keep what it said.
    Failed(String),
}

/// A program that has ended.
#[derive(Debug)]
pub struct Finished<W> {
    /// How.
    pub end: End,
    /// What it said was written here.
    pub stdout: W,
    /// What it said on standard error was written here.
    pub stderr: W,
    /// How long it ran.
    pub took: Duration,
}

/// Runs programs to their end; clones share the threads.
#[derive(Clone, Debug, Default)]
pub struct Programs(Arc<Threads>);

impl Programs {
    /// No thread yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Run a program to its end. What it says is written, as it comes, on a thread that may block.
    ///
    /// It has ended when the program itself has: what that left running in the background is let be, and what comes from there later than
    /// 200 ms is lost. After a time-out, and once `stop` is canceled, the whole process group is ended: asked (`SIGTERM`), and
    /// killed after [`Invocation::grace`]. A program that cannot be started is an [`End`], not an error.
    ///
    /// # Errors
    ///
    /// `Io` if there can be no thread for it.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends the program, as `stop` does; nobody waits for it then.
    pub async fn finish<W: Write + Send + 'static>(
        &self,
        what: Invocation,
        stdout: W,
        stderr: W,
        stop: &CancellationToken,
    ) -> Result<Finished<W>> {
        let (sender, receiver) = oneshot::channel();
        let ending = Arc::new(Stop::default());
        let given = ending.clone();
        self.0.run(Box::new(move |thread| {
            let finished = wait::finish(&what, stdout, stderr, &given, thread);
            // Nobody waits for it any more if this fails.
            drop(sender.send(finished));
        }))?;
        let guard = StopOnDrop(&ending);
        let mut receiver = receiver;
        let finished = tokio::select! {
            biased;
            finished = &mut receiver => finished,
            () = stop.cancelled() => {
                ending.now();
                receiver.await
            }
        };
        std::mem::forget(guard);
        finished.map_err(|_| {
            let why = "the thread that waited for a program ended";
            Error::new(Kind::Io, Operation::Run, why)
        })
    }

    /// Kill all that runs, with what it started: for those who leave at once.
    pub fn kill_all(&self) {
        self.0.kill_all();
    }
}

/// Ends the program when nobody waits for it any more.
struct StopOnDrop<'a>(&'a Stop);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.now();
    }
}
