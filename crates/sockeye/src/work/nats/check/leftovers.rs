//! What runs have left in the broker, and taking it away.

use std::collections::BTreeMap;

use futures_util::StreamExt;

use crate::error::{Error, Kind, Operation, Result};
use crate::work::nats::connect::Broker;
use crate::work::nats::remote;
use crate::work::nats::streams::{BLOBS, DEAD, JOBS, Names, RESULTS, RUNS};
use crate::work::nats::wire::RunState;

/// What a run has in the broker.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Leftover {
    /// Its name.
    pub run: String,
    /// Where it is; `None` if only things of it are there, and no record.
    pub state: Option<RunState>,
    /// Messages in the queue.
    pub jobs: u64,
    /// Results and notes.
    pub results: u64,
    /// Jobs that were given up.
    pub dead: u64,
    /// Objects in the store, and their bytes.
    pub objects: u64,
    /// The bytes of its objects.
    pub object_bytes: u64,
    /// When its record was written last, in milliseconds since 1970; 0 without one.
    pub changed_ms: u64,
}

impl Leftover {
    /// Whether it has come to its end, so that nobody wants what it has left but its dead letters.
    pub fn is_over(&self) -> bool {
        matches!(self.state, Some(RunState::Done | RunState::Canceled) | None)
    }
}

impl Broker {
    /// What runs have in the broker, by name.
    ///
    /// # Errors
    ///
    /// `Lost` if the broker does not answer.
    pub async fn leftovers(&self) -> Result<Vec<Leftover>> {
        let mut all: BTreeMap<String, Leftover> = BTreeMap::new();
        // A broker that never shared out work gets nothing by being looked at.
        if self.stream_info(&format!("KV_{RUNS}")).await?.is_some() {
            for (run, record) in self.run_records().await? {
                let left = all.entry(run).or_default();
                left.state = Some(record.state);
                left.changed_ms = record.changed_ms;
            }
        }
        self.add_objects(&mut all).await?;
        for (run, left) in &mut all {
            left.run.clone_from(run);
            let Ok(names) = Names::new(run) else { continue };
            left.jobs = self.count(JOBS, &names.jobs()).await?;
            left.results = self.count(RESULTS, &names.results()).await?;
            left.dead = self.count(DEAD, &names.dead_letters()).await?;
        }
        Ok(all.into_values().collect())
    }

    async fn add_objects(&self, all: &mut BTreeMap<String, Leftover>) -> Result<()> {
        if self.stream_info(&format!("OBJ_{BLOBS}")).await?.is_none() {
            return Ok(());
        }
        let store = self.blobs().await?;
        let mut objects = store.list().await.map_err(|error| self.lost(error))?;
        while let Some(object) = objects.next().await {
            let object = object.map_err(|error| self.lost(error))?;
            if let Some((run, _)) = object.name.split_once('.') {
                let left = all.entry(run.to_owned()).or_default();
                left.objects += 1;
                left.object_bytes += object.size as u64;
            }
        }
        Ok(())
    }

    /// Remove what a run that is over has left: jobs, results, objects, its record, and its dead letters if `with_dead` says so.
    ///
    /// # Errors
    ///
    /// `Rejected` if the run is not over; `Lost` if the broker does not answer.
    pub async fn clean(&self, left: &Leftover, with_dead: bool) -> Result<()> {
        if !left.is_over() {
            let why = "the run is not over";
            return Err(Error::new(Kind::Rejected, Operation::Write, why)
                .about(&left.run)
                .with_hint("`sockeye map cancel` ends it"));
        }
        let names = Names::new(&left.run)?;
        if with_dead && self.stream_info(DEAD).await?.is_some() {
            self.purge(DEAD, &names.dead_letters()).await?;
        }
        remote::clear(self, &names).await?;
        if left.dead == 0 || with_dead {
            let purged = self.runs().await?.purge(&left.run).await;
            purged.map_err(|error| self.lost(error))?;
        }
        Ok(())
    }
}
