//! One job: what goes in, what does it, what comes out.

use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use tokio_util::sync::CancellationToken;

use super::spill::Blob;
use crate::error::Result;

/// What one job gets, and where it stood.
#[derive(Clone, Debug)]
pub struct Input {
    /// Its place among the inputs, from 0.
    pub index: u64,
    /// The input itself: a line without its end, a record, as the source cuts it.
    pub bytes: Bytes,
}

/// Who a job is, whatever its place: a digest of its input and of what is done with it, and how many equal ones came before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    /// The first 16 bytes of a SHA-256 digest.
    pub digest: [u8; 16],
    /// How many inputs with this digest came before.
    pub nth: u32,
}

/// One attempt at one input.
#[derive(Clone, Debug)]
pub struct Job {
    /// The place of its input, from 0.
    pub index: u64,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// The input.
    pub input: Bytes,
    /// Who it is; only if the [`Plan`](super::Plan) asks for keys.
    pub key: Option<Key>,
    /// Canceled when the run ends now: the job shall end too, with all that it started.
    pub stop: CancellationToken,
}

/// How a job ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ending {
    /// It ended by itself with this status; 0 is success.
    Exited(u8),
    /// A signal ended it.
    Killed(i32),
    /// It had run for as long as it may, and was ended with all that it had started.
    TimedOut,
    /// Its program is not there (a shell says 127).
    NotFound(String),
    /// Its program cannot be started (a shell says 126), or not with this input.
    NotStarted(String),
    /// It never ran, or could not be brought to its end, for this reason.
    Failed(String),
    /// The run was ended before it was done.
    Canceled,
}

impl Ending {
    /// Whether it did what it should.
    pub fn is_success(&self) -> bool {
        *self == Self::Exited(0)
    }
}

/// What became of a job.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// How it ended.
    pub ending: Ending,
    /// What it said.
    pub stdout: Blob,
    /// What it said beside that.
    pub stderr: Blob,
    /// How many attempts were made, from 1; 0 if there was none.
    pub attempts: u32,
    /// How long the last attempt took.
    pub took: Duration,
    /// Which worker did it, if it was not this process.
    pub worker: Option<String>,
    /// How often the last attempt was handed to a worker; more than once if workers died with it. 0 on this machine.
    pub deliveries: u32,
    /// Results of the last attempt that came after the first, and were thrown away.
    pub duplicates: u32,
    /// Workers that took the last attempt and were not heard of again, or lost their lease of it.
    pub lost_leases: u32,
}

impl Outcome {
    /// A job that ended like this, in one attempt, and said nothing.
    pub fn new(ending: Ending) -> Self {
        Self {
            ending,
            stdout: Blob::default(),
            stderr: Blob::default(),
            attempts: 1,
            took: Duration::ZERO,
            worker: None,
            deliveries: 0,
            duplicates: 0,
            lost_leases: 0,
        }
    }

    /// The same with this on its standard output.
    #[must_use]
    pub fn with_stdout(mut self, stdout: impl Into<Blob>) -> Self {
        self.stdout = stdout.into();
        self
    }
}

/// Where inputs come from.
pub trait Source: Send + 'static {
    /// Append the inputs that are at hand, at most `most`; wait until there is one. `false` says that there will be no more.
    ///
    /// It is called on a thread of its own and may block. Inputs may be parts of a larger buffer ([`Bytes::slice`]).
    ///
    /// # Errors
    ///
    /// What cannot be read or understood: the run finishes what it has begun, and reports this.
    fn fill(&mut self, inputs: &mut Vec<Bytes>, most: usize) -> Result<bool>;
}

/// What is done with each input.
pub trait Work: Send + Sync + 'static {
    /// Do one job to its end. An attempt that fails is an [`Outcome`], not an error; whether it is tried again decides the plan.
    ///
    /// # Cancel safety
    ///
    /// It is never dropped half-way; [`Job::stop`] says when to end.
    fn run(&self, job: Job) -> impl Future<Output = Outcome> + Send;
}

/// Where results go.
pub trait Sink: Send + 'static {
    /// Take the result of one input. In a plan that keeps the order, they come in the order of their inputs.
    ///
    /// Each input that was read comes exactly once. If the run is given up, those that had no turn come as
    /// [`Ending::Canceled`] with no attempt.
    ///
    /// It is called on a thread of its own and may block; the run slows down then.
    ///
    /// # Errors
    ///
    /// What cannot be written: the run ends.
    fn put(&mut self, input: Input, outcome: Outcome) -> Result<()>;

    /// Whatever was kept back is to be written now: nothing else is at hand.
    ///
    /// # Errors
    ///
    /// As for [`put`](Sink::put).
    fn flush(&mut self) -> Result<()>;
}

/// A function that does one job is a [`Work`].
impl<F, R> Work for F
where
    F: Fn(Job) -> R + Send + Sync + 'static,
    R: Future<Output = Outcome> + Send,
{
    fn run(&self, job: Job) -> impl Future<Output = Outcome> + Send {
        self(job)
    }
}

/// A function that takes one result is a [`Sink`] which keeps nothing back.
impl<F: FnMut(Input, Outcome) -> Result<()> + Send + 'static> Sink for F {
    fn put(&mut self, input: Input, outcome: Outcome) -> Result<()> {
        self(input, outcome)
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}

/// The items of an iterator as a [`Source`]. It may block; what it has given by then is held back meanwhile.
pub fn inputs<I>(items: I) -> impl Source
where
    I: IntoIterator<IntoIter: Send + 'static>,
    I::Item: Into<Bytes>,
{
    Items(items.into_iter())
}

struct Items<I>(I);

impl<I> Source for Items<I>
where
    I: Iterator<Item: Into<Bytes>> + Send + 'static,
{
    fn fill(&mut self, inputs: &mut Vec<Bytes>, most: usize) -> Result<bool> {
        let before = inputs.len();
        inputs.extend(self.0.by_ref().take(most).map(Into::into));
        Ok(inputs.len() - before == most)
    }
}
