//! What stands in the broker: streams, subjects, buckets; made if they are missing, never changed.

use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, pull};
use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy, StorageType, Stream};
use async_nats::jetstream::{kv, object_store};
use bytes::Bytes;

use super::connect::Broker;
use super::wire::{Id, RunRecord, WorkerRecord};
use crate::error::{Error, Kind, Operation, Result};

/// Jobs that wait or run: a work queue.
pub(super) const JOBS: &str = "SK_JOBS";
/// Results and notes, one message for each subject.
pub(super) const RESULTS: &str = "SK_RES";
/// Jobs that nobody could do.
pub(super) const DEAD: &str = "SK_DEAD";
/// Runs, by name.
pub(super) const RUNS: &str = "SK_RUNS";
/// Workers, by identity; whoever is not heard of for a while is gone.
pub(super) const WORKERS: &str = "SK_WORKERS";
/// Inputs and results that are too large for a message.
pub(super) const BLOBS: &str = "SK_BLOB";
/// Workers hear here that there is something new; a message of core NATS, which is not stored.
pub(super) const POKE: &str = "sk.poke";

/// How long a worker is believed to be there after it was heard of.
pub(super) const WORKER_LIFE: Duration = Duration::from_secs(15);

/// How much the streams may hold, in the order in which it is tried: a broker with little room takes less.
const SIZES: [i64; 3] = [4 << 30, 512 << 20, 32 << 20];

/// The subjects of one run.
///
/// | subject | stream | what |
/// |---|---|---|
/// | `sk.job.RUN.ID` | `SK_JOBS` | one job, or a chunk of them |
/// | `sk.res.RUN.r.ID` | `SK_RES` | its result |
/// | `sk.res.RUN.n.KIND.ID.N` | `SK_RES` | what else became of a delivery |
/// | `sk.dead.RUN.ID` | `SK_DEAD` | a job that nobody could do |
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    run: String,
}

impl Names {
    /// Those of this run.
    ///
    /// # Errors
    ///
    /// `Usage` unless it is 1 to 64 letters, digits, `-` and `_`.
    pub fn new(run: &str) -> Result<Self> {
        let is_fit = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        if run.is_empty() || run.len() > 64 || !run.chars().all(is_fit) {
            return Err(Error::new(
                Kind::Usage,
                Operation::Parse,
                format!("{run:?} is no name of a run"),
            )
            .with_hint("1 to 64 letters, digits, - and _"));
        }
        Ok(Self {
            run: run.to_owned(),
        })
    }

    /// The run.
    pub fn run(&self) -> &str {
        &self.run
    }

    pub(super) fn job(&self, id: Id) -> String {
        format!("sk.job.{}.{id}", self.run)
    }

    /// All jobs of the run.
    pub fn jobs(&self) -> String {
        format!("sk.job.{}.>", self.run)
    }

    pub(super) fn result(&self, id: Id) -> String {
        format!("sk.res.{}.r.{id}", self.run)
    }

    pub(super) fn note(&self, kind: &str, id: Id, which: &str) -> String {
        format!("sk.res.{}.n.{kind}.{id}.{which}", self.run)
    }

    /// All results and notes of the run.
    pub fn results(&self) -> String {
        format!("sk.res.{}.>", self.run)
    }

    pub(super) fn dead(&self, id: Id) -> String {
        format!("sk.dead.{}.{id}", self.run)
    }

    /// All dead letters of the run.
    pub fn dead_letters(&self) -> String {
        format!("sk.dead.{}.>", self.run)
    }
}

fn stream(name: &str, subject: &str, retention: RetentionPolicy) -> Config {
    Config {
        name: name.to_owned(),
        subjects: vec![subject.to_owned()],
        retention,
        storage: StorageType::File,
        discard: DiscardPolicy::New,
        discard_new_per_subject: true,
        max_messages_per_subject: 1,
        max_messages: -1,
        max_consumers: -1,
        num_replicas: 1,
        ..Config::default()
    }
}

impl Broker {
    /// The stream that is called so, made if it is not there.
    async fn stream_or_new(&self, config: Config) -> Result<Stream> {
        if let Ok(stream) = self.js.get_stream(&config.name).await {
            return Ok(stream);
        }
        let mut failed = None;
        for max_bytes in SIZES {
            match self
                .js
                .create_stream(Config {
                    max_bytes,
                    ..config.clone()
                })
                .await
            {
                Ok(stream) => return Ok(stream),
                // Somebody else may have been quicker, with other settings.
                Err(error) => match self.js.get_stream(&config.name).await {
                    Ok(stream) => return Ok(stream),
                    Err(_) => failed = Some(error),
                },
            }
        }
        Err(self.lost(failed.map_or_else(String::new, |error| {
            format!("stream {}: {error}", config.name)
        })))
    }

    pub(super) async fn jobs(&self) -> Result<Stream> {
        self.stream_or_new(stream(JOBS, "sk.job.>", RetentionPolicy::WorkQueue))
            .await
    }

    pub(super) async fn results(&self) -> Result<Stream> {
        self.stream_or_new(stream(RESULTS, "sk.res.>", RetentionPolicy::Limits))
            .await
    }

    pub(super) async fn dead(&self) -> Result<Stream> {
        self.stream_or_new(stream(DEAD, "sk.dead.>", RetentionPolicy::Limits))
            .await
    }

    pub(super) async fn runs(&self) -> Result<kv::Store> {
        self.bucket(RUNS, StorageType::File, Duration::from_secs(30 * 86400))
            .await
    }

    pub(super) async fn worker_bucket(&self) -> Result<kv::Store> {
        self.bucket(WORKERS, StorageType::Memory, WORKER_LIFE).await
    }

    /// The crate would ask about our account first, and does not understand what an old server answers to that.
    async fn bucket(
        &self,
        name: &str,
        storage: StorageType,
        max_age: Duration,
    ) -> Result<kv::Store> {
        if let Ok(bucket) = self.js.get_key_value(name).await {
            return Ok(bucket);
        }
        let config = Config {
            name: format!("KV_{name}"),
            subjects: vec![format!("$KV.{name}.>")],
            storage,
            max_age,
            max_messages_per_subject: 1,
            discard: DiscardPolicy::New,
            allow_rollup: true,
            allow_direct: true,
            deny_delete: true,
            num_replicas: 1,
            ..Config::default()
        };
        let made = self.js.create_stream(config).await;
        self.js
            .get_key_value(name)
            .await
            .map_err(|error| match made {
                Ok(_) => self.lost(error),
                Err(error) => self.lost(error),
            })
    }

    pub(super) async fn blobs(&self) -> Result<object_store::ObjectStore> {
        if let Ok(store) = self.js.get_object_store(BLOBS).await {
            return Ok(store);
        }
        let config = object_store::Config {
            bucket: BLOBS.to_owned(),
            storage: StorageType::File,
            ..object_store::Config::default()
        };
        match self.js.create_object_store(config).await {
            Ok(store) => Ok(store),
            Err(error) => self
                .js
                .get_object_store(BLOBS)
                .await
                .map_err(|_| self.lost(error)),
        }
    }

    /// The consumer by which all workers lease jobs of a run, made if it is not there.
    pub(super) async fn lessor(&self, names: &Names, lease: Duration) -> Result<()> {
        let stream = self.jobs().await?;
        let config = pull::Config {
            durable_name: Some(names.run().to_owned()),
            filter_subject: names.jobs(),
            ack_policy: AckPolicy::Explicit,
            deliver_policy: DeliverPolicy::All,
            ack_wait: lease,
            // Deliveries are counted by workers, who can say so; the broker would be silent.
            max_deliver: -1,
            max_ack_pending: 100_000,
            max_waiting: 16_384,
            inactive_threshold: Duration::from_secs(86400),
            ..pull::Config::default()
        };
        match stream.get_or_create_consumer(names.run(), config).await {
            Ok(_) => Ok(()),
            Err(error) => Err(self.lost(format!("consumer {}: {error}", names.run()))),
        }
    }

    /// What is known of a run, with the revision of that.
    ///
    /// # Errors
    ///
    /// `Lost` if the broker does not answer, `Protocol` if what stands there is not ours.
    pub async fn run_record(&self, run: &str) -> Result<Option<(RunRecord, u64)>> {
        let entry = self
            .runs()
            .await?
            .entry(run)
            .await
            .map_err(|error| self.lost(error))?;
        match entry {
            Some(entry) if entry.operation == kv::Operation::Put => {
                Ok(Some((RunRecord::from_json(&entry.value)?, entry.revision)))
            }
            _ => Ok(None),
        }
    }

    /// All runs that are known, by name.
    ///
    /// # Errors
    ///
    /// `Lost` if the broker does not answer.
    pub async fn run_records(&self) -> Result<Vec<(String, RunRecord)>> {
        let bucket = self.runs().await?;
        let mut records = Vec::new();
        for (key, value) in self.entries(&bucket).await? {
            // What is not ours, or newer than us, is not for us.
            if let Ok(record) = RunRecord::from_json(&value) {
                records.push((key, record));
            }
        }
        Ok(records)
    }

    /// The workers that were heard of within the last 15 s.
    ///
    /// # Errors
    ///
    /// `Lost` if the broker does not answer.
    pub async fn workers(&self) -> Result<Vec<WorkerRecord>> {
        let bucket = self.worker_bucket().await?;
        let entries = self.entries(&bucket).await?;
        let records = entries
            .iter()
            .filter_map(|(_, value)| serde_json::from_slice(value).ok());
        Ok(records.collect())
    }

    /// All that a bucket has.
    async fn entries(&self, bucket: &kv::Store) -> Result<Vec<(String, Bytes)>> {
        let stream = format!("KV_{}", bucket.name);
        let prefix = format!("$KV.{}.", bucket.name);
        let subjects = format!("{prefix}>");
        let mut entries = Vec::new();
        let mut next = 1;
        while let Some(message) = self.next(&stream, &subjects, next).await? {
            next = message.sequence + 1;
            if message.is_removal {
                continue;
            }
            if let Some(key) = message.subject.strip_prefix(&prefix) {
                entries.push((key.to_owned(), message.payload));
            }
        }
        Ok(entries)
    }

    /// Write what is known of a run: anew if `revision` is none, else over that.
    ///
    /// # Errors
    ///
    /// `Rejected` if somebody else was quicker, `Lost` if the broker does not answer.
    pub async fn put_run(
        &self,
        run: &str,
        record: &RunRecord,
        revision: Option<u64>,
    ) -> Result<u64> {
        let bucket = self.runs().await?;
        let refused =
            |error: String| Error::new(Kind::Rejected, Operation::Write, error).about(run);
        match revision {
            None => bucket
                .create(run, record.to_json())
                .await
                .map_err(|e| refused(e.to_string())),
            Some(revision) => bucket
                .update(run, record.to_json(), revision)
                .await
                .map_err(|e| refused(e.to_string())),
        }
    }

    /// Tell all workers that the list of runs is worth a look.
    pub async fn poke(&self) {
        // They look by themselves too, only later.
        drop(self.client.publish(POKE, Bytes::new()).await);
    }
}
