//! Jobs and results as messages (MessagePack), runs and workers as records (JSON, so that any tool can read them).

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_bytes::{ByteArray, ByteBuf};
use sha2::{Digest, Sha256};

use crate::error::{Error, Kind, Operation, Result};
use crate::work::{Ending, Job};

/// The version of what is written here; another one is not read.
const VERSION: u32 = 1;

/// Who an attempt at a job is, or a chunk of them: 16 bytes that follow from what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Id(ByteArray<16>);

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&data_encoding::HEXLOWER.encode(&*self.0))
    }
}

impl Id {
    /// That of one attempt: by its key if it has one, else by its place and its input.
    pub(super) fn of(job: &Job) -> Self {
        let mut digest = Sha256::new();
        match &job.key {
            Some(key) => {
                digest.update(b"key");
                digest.update(key.digest);
                digest.update(key.nth.to_be_bytes());
            }
            None => {
                digest.update(b"place");
                digest.update(job.index.to_be_bytes());
                digest.update(&job.input);
            }
        }
        digest.update(job.attempt.to_be_bytes());
        Self::cut(digest)
    }

    /// That of a chunk; one job alone is its own chunk.
    pub(super) fn of_all(jobs: &[Task]) -> Self {
        if let [job] = jobs {
            return job.id;
        }
        let mut digest = Sha256::new();
        digest.update(b"chunk");
        for job in jobs {
            digest.update(*job.id.0);
        }
        Self::cut(digest)
    }

    fn cut(digest: Sha256) -> Self {
        let full: [u8; 32] = digest.finalize().into();
        let mut id = [0; 16];
        id.copy_from_slice(&full[..16]);
        Self(ByteArray::new(id))
    }

    /// As it stands in a subject.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let bytes = data_encoding::HEXLOWER.decode(text.as_bytes()).ok()?;
        Some(Self(ByteArray::new(bytes.try_into().ok()?)))
    }
}

/// Bytes, in the message or in the object store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Body {
    Here(ByteBuf),
    Stored { name: String, bytes: u64 },
}

impl Body {
    pub(super) fn here(bytes: &[u8]) -> Self {
        Self::Here(ByteBuf::from(bytes))
    }

    pub(super) fn stored(&self) -> Option<&str> {
        match self {
            Self::Here(_) => None,
            Self::Stored { name, .. } => Some(name),
        }
    }
}

/// One attempt at a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Task {
    pub(super) id: Id,
    pub(super) index: u64,
    pub(super) attempt: u32,
    pub(super) input: Body,
}

/// A message of the work queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Chunk {
    pub(super) version: u32,
    /// Whether it was sent before: then its result may be there.
    pub(super) again: bool,
    pub(super) tasks: Vec<Task>,
}

impl Chunk {
    pub(super) fn new(tasks: Vec<Task>, again: bool) -> Self {
        Self {
            version: VERSION,
            again,
            tasks,
        }
    }
}

/// What became of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Done {
    pub(super) id: Id,
    pub(super) ending: WireEnding,
    pub(super) stdout: Body,
    pub(super) stderr: Body,
    pub(super) micros: u64,
}

/// A result message: that of all jobs of a chunk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Results {
    pub(super) version: u32,
    pub(super) worker: String,
    /// How often the message was handed to a worker.
    pub(super) deliveries: u32,
    pub(super) done: Vec<Done>,
}

impl Results {
    pub(super) fn new(worker: &str, deliveries: u32, done: Vec<Done>) -> Self {
        Self {
            version: VERSION,
            worker: worker.to_owned(),
            deliveries,
            done,
        }
    }
}

/// [`Ending`], as it is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum WireEnding {
    Exited(u8),
    Killed(i32),
    TimedOut,
    NotFound(String),
    NotStarted(String),
    Failed(String),
    Canceled,
}

impl From<&Ending> for WireEnding {
    fn from(ending: &Ending) -> Self {
        match ending {
            Ending::Exited(status) => Self::Exited(*status),
            Ending::Killed(signal) => Self::Killed(*signal),
            Ending::TimedOut => Self::TimedOut,
            Ending::NotFound(why) => Self::NotFound(why.clone()),
            Ending::NotStarted(why) => Self::NotStarted(why.clone()),
            Ending::Failed(why) => Self::Failed(why.clone()),
            Ending::Canceled => Self::Canceled,
        }
    }
}

impl From<WireEnding> for Ending {
    fn from(ending: WireEnding) -> Self {
        match ending {
            WireEnding::Exited(status) => Self::Exited(status),
            WireEnding::Killed(signal) => Self::Killed(signal),
            WireEnding::TimedOut => Self::TimedOut,
            WireEnding::NotFound(why) => Self::NotFound(why),
            WireEnding::NotStarted(why) => Self::NotStarted(why),
            WireEnding::Failed(why) => Self::Failed(why),
            WireEnding::Canceled => Self::Canceled,
        }
    }
}

/// A job that nobody could do, as it stands in `SK_DEAD`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Dead {
    /// The version of this record.
    version: u32,
    /// Why it was given up.
    pub reason: String,
    /// Its place among the inputs, from 0.
    pub index: u64,
    /// Which attempt it was, from 1.
    pub attempt: u32,
    /// How often it was handed to a worker.
    pub deliveries: u32,
    /// The worker that gave it up.
    pub worker: String,
    /// When, in milliseconds since 1970.
    pub at_ms: u64,
    pub(super) input: Body,
    pub(super) stdout: Body,
    pub(super) stderr: Body,
}

impl Dead {
    /// The names of the objects that it needs.
    pub(super) fn stored(&self) -> impl Iterator<Item = &str> {
        [&self.input, &self.stdout, &self.stderr]
            .into_iter()
            .filter_map(Body::stored)
    }

    pub(super) fn new(task: &Task, reason: String, worker: &str, deliveries: u32) -> Self {
        Self {
            version: VERSION,
            reason,
            index: task.index,
            attempt: task.attempt,
            deliveries,
            worker: worker.to_owned(),
            at_ms: now_ms(),
            input: task.input.clone(),
            stdout: Body::here(&[]),
            stderr: Body::here(&[]),
        }
    }

    /// The input, unless it was so large that it stands in the object store.
    pub fn input(&self) -> Option<&[u8]> {
        match &self.input {
            Body::Here(bytes) => Some(bytes),
            Body::Stored { .. } => None,
        }
    }

    /// What it said last, on both ways; empty if it never came to that.
    pub fn output(&self) -> [&[u8]; 2] {
        [&self.stdout, &self.stderr].map(|body| match body {
            Body::Here(bytes) => &bytes[..],
            Body::Stored { .. } => &[],
        })
    }
}

/// Where a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum RunState {
    /// Workers take its jobs.
    Running,
    /// It was ended by somebody: its jobs are ended too.
    Canceled,
    /// It has come to its end.
    Done,
}

/// What was counted in a run, by its submitter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Counts {
    /// Inputs read so far.
    pub inputs: u64,
    /// Jobs that succeeded.
    pub succeeded: u64,
    /// Jobs that failed for good.
    pub failed: u64,
    /// Attempts whose result was taken.
    pub results: u64,
    /// Attempts that were put into the queue.
    pub submitted: u64,
    /// Attempts that the engine had lost and that were put there again.
    pub resubmitted: u64,
    /// Results that were found there, of an earlier submitter of the same run.
    pub found: u64,
    /// Results that came second and were not taken.
    pub duplicates: u64,
    /// Deliveries of jobs whose result was there already: not run.
    pub skipped: u64,
    /// Deliveries that a worker handed back.
    pub handed_back: u64,
    /// Deliveries whose worker died, or lost its lease.
    pub lost: u64,
    /// Jobs in the list of dead letters.
    pub dead: u64,
}

/// A run, as it stands in `SK_RUNS` under its name.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RunRecord {
    pub(super) version: u32,
    /// Where it is.
    pub state: RunState,
    /// What workers do with each input; only the submitter's and the worker's program can read it. In base64.
    pub(super) spec: String,
    /// Who submits: host, process, a random word.
    pub submitter: String,
    /// When it began, in milliseconds since 1970.
    pub started_ms: u64,
    /// When this record was written, in milliseconds since 1970.
    pub changed_ms: u64,
    /// How long a lease of a job holds without a sign of its worker, in milliseconds.
    pub lease_ms: u64,
    /// What was counted.
    pub counts: Counts,
}

impl RunRecord {
    pub(super) fn new(spec: &[u8], submitter: &str, lease: Duration) -> Self {
        Self {
            version: VERSION,
            state: RunState::Running,
            spec: data_encoding::BASE64.encode(spec),
            submitter: submitter.to_owned(),
            started_ms: now_ms(),
            changed_ms: now_ms(),
            lease_ms: u64::try_from(lease.as_millis()).unwrap_or(u64::MAX),
            counts: Counts::default(),
        }
    }

    /// What workers do with each input.
    pub fn spec(&self) -> Vec<u8> {
        data_encoding::BASE64
            .decode(self.spec.as_bytes())
            .unwrap_or_default()
    }

    pub(super) fn lease(&self) -> Duration {
        Duration::from_millis(self.lease_ms.clamp(100, 3_600_000))
    }

    /// The same in another state, from now on.
    #[must_use]
    pub fn in_state(mut self, state: RunState) -> Self {
        self.state = state;
        self.changed_ms = now_ms();
        self
    }

    pub(super) fn to_json(&self) -> Bytes {
        serde_json::to_vec(self)
            .expect("a record of numbers and texts")
            .into()
    }

    pub(super) fn from_json(bytes: &[u8]) -> Result<Self> {
        let record: Self = serde_json::from_slice(bytes).map_err(not_ours)?;
        match record.version {
            VERSION => Ok(record),
            other => Err(not_ours(format!("version {other} of the record of a run"))),
        }
    }
}

/// A worker, as it stands in `SK_WORKERS`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct WorkerRecord {
    /// Who it is: name or host, process, a random word.
    pub id: String,
    /// How many jobs it does at once.
    pub slots: u64,
    /// How many it does now.
    pub busy: u64,
    /// How many it has done.
    pub done: u64,
    /// When it began, in milliseconds since 1970.
    pub started_ms: u64,
    /// The version of its program.
    pub version: String,
}

pub(super) fn now_ms() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

pub(super) fn encode(message: &impl Serialize) -> Bytes {
    rmp_serde::to_vec(message)
        .expect("a message of numbers, texts and bytes")
        .into()
}

/// A version and what else is in a message, or why it is none of ours.
pub(super) trait Versioned {
    fn version(&self) -> u32;
}

impl Versioned for Chunk {
    fn version(&self) -> u32 {
        self.version
    }
}

impl Versioned for Results {
    fn version(&self) -> u32 {
        self.version
    }
}

impl Versioned for Dead {
    fn version(&self) -> u32 {
        self.version
    }
}

pub(super) fn decode<T: Versioned + for<'a> Deserialize<'a>>(bytes: &[u8]) -> Result<T> {
    let message: T = rmp_serde::from_slice(bytes).map_err(not_ours)?;
    match message.version() {
        VERSION => Ok(message),
        other => Err(not_ours(format!("version {other} of a message"))),
    }
}

fn not_ours(why: impl fmt::Display) -> Error {
    Error::new(
        Kind::Protocol,
        Operation::Read,
        format!("a message in the broker is not one of ours: {why}"),
    )
}

/// Who we are among all that use a broker: host, process, and a word that is new each time.
pub(super) fn identity(name: Option<&str>) -> Result<String> {
    let host = nix::unistd::gethostname()
        .ok()
        .and_then(|host| host.into_string().ok());
    let name = name
        .map(str::to_owned)
        .or(host)
        .unwrap_or_else(|| "host".to_owned());
    let fit = |c: char| {
        if c.is_ascii_alphanumeric() || c == '-' {
            c
        } else {
            '-'
        }
    };
    let name: String = name.chars().map(fit).take(40).collect();
    Ok(format!("{name}-{}-{}", std::process::id(), random_word()?))
}

/// Eight letters and digits that nobody can guess.
pub(super) fn random_word() -> Result<String> {
    let mut bytes = [0; 5];
    getrandom::fill(&mut bytes).map_err(|error| {
        Error::new(
            Kind::Io,
            Operation::Read,
            format!("no random numbers: {error}"),
        )
    })?;
    Ok(data_encoding::BASE32_NOPAD.encode(&bytes).to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(index: u64) -> Task {
        let job = Job {
            index,
            attempt: 1,
            input: Bytes::from_static(b"x"),
            key: None,
            stop: tokio_util::sync::CancellationToken::new(),
        };
        Task {
            id: Id::of(&job),
            index,
            attempt: 1,
            input: Body::here(b"x\xff\0"),
        }
    }

    #[test]
    fn messages_come_back_as_they_went() {
        let chunk = Chunk::new(vec![task(1), task(2)], true);
        assert_eq!(decode::<Chunk>(&encode(&chunk)).unwrap(), chunk);
        let done = Done {
            id: chunk.tasks[0].id,
            ending: WireEnding::NotFound("no".into()),
            stdout: Body::Stored {
                name: "a".into(),
                bytes: 7,
            },
            stderr: Body::here(b""),
            micros: 9,
        };
        let results = Results::new("w", 3, vec![done]);
        assert_eq!(decode::<Results>(&encode(&results)).unwrap(), results);
    }

    #[test]
    fn what_is_not_ours_is_an_error() {
        let mut other = Chunk::new(vec![task(1)], false);
        other.version = 2;
        assert!(
            decode::<Chunk>(&encode(&other))
                .unwrap_err()
                .to_string()
                .contains("version 2")
        );
        for bytes in [&b""[..], b"\x93", b"\xdd\xff\xff\xff\xff", b"hello"] {
            assert!(decode::<Chunk>(bytes).is_err());
            assert!(RunRecord::from_json(bytes).is_err());
        }
    }

    #[test]
    fn an_identity_follows_from_place_input_and_attempt() {
        assert_eq!(task(1).id, task(1).id);
        assert_ne!(task(1).id, task(2).id);
        assert_eq!(Id::of_all(&[task(1)]), task(1).id);
        assert_ne!(
            Id::of_all(&[task(1), task(2)]),
            Id::of_all(&[task(2), task(1)])
        );
        let text = task(1).id.to_string();
        assert_eq!(Id::parse(&text), Some(task(1).id));
        assert_eq!(Id::parse("zz"), None);
    }
}
