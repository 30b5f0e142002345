//! Which runs there are: asked for when the record of one has changed, so that no watch can fall silent.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{Here, WorkerEvent};
use crate::error::Result;
use crate::work::nats::streams::{Names, RUNS};
use crate::work::nats::wire::{RunRecord, RunState};

/// A run that we take jobs of.
pub(super) struct RunHere<W> {
    pub(super) names: Names,
    pub(super) lease: Duration,
    pub(super) work: W,
    /// The run has ended: its jobs end too.
    pub(super) over: CancellationToken,
    started_ms: u64,
}

/// The runs that are known.
pub(super) struct Runs<W, F> {
    make: F,
    here: BTreeMap<String, Arc<RunHere<W>>>,
    /// Runs that are not for us, by name and beginning.
    refused: BTreeSet<(String, u64)>,
    /// When the bucket was made, and how much was written there.
    seen: Option<(String, u64)>,
}

/// What has changed.
#[derive(Default)]
pub(super) struct Changes {
    pub(super) joined: Vec<String>,
    pub(super) left: Vec<String>,
}

impl<W, F: Fn(&str, &[u8]) -> Result<W>> Runs<W, F> {
    pub(super) fn new(make: F) -> Self {
        Self {
            make,
            here: BTreeMap::new(),
            refused: BTreeSet::new(),
            seen: None,
        }
    }

    pub(super) fn count(&self) -> usize {
        self.here.len()
    }

    pub(super) fn find(&self, name: &str) -> Option<Arc<RunHere<W>>> {
        self.here.get(name).cloned()
    }

    /// Look what has changed since the last look.
    pub(super) async fn look(&mut self, here: &Here) -> Result<Changes> {
        // Without a bucket there are no runs yet, or the broker has lost them: then their submitters put them back.
        let Ok(stream) = here.broker.js.get_stream(format!("KV_{RUNS}")).await else {
            return Ok(Changes::default());
        };
        let info = stream.cached_info();
        let seen = (info.created.to_string(), info.state.last_sequence);
        if self.seen.as_ref() == Some(&seen) {
            return Ok(Changes::default());
        }
        let records = here.broker.run_records().await?;
        let mut changes = Changes::default();
        let mut running = BTreeSet::new();
        for (name, record) in records {
            let is_meant = here.options.run.as_ref().is_none_or(|run| *run == name);
            if !is_meant || record.state != RunState::Running {
                continue;
            }
            running.insert(name.clone());
            if self
                .here
                .get(&name)
                .is_some_and(|run| run.started_ms == record.started_ms)
            {
                continue;
            }
            self.part(&name, &mut changes);
            self.join(here, name, &record, &mut changes).await?;
        }
        let known: Vec<String> = self.here.keys().cloned().collect();
        for name in known.into_iter().filter(|name| !running.contains(name)) {
            self.part(&name, &mut changes);
        }
        self.seen = Some(seen);
        Ok(changes)
    }

    fn part(&mut self, name: &str, changes: &mut Changes) {
        if let Some(run) = self.here.remove(name) {
            run.over.cancel();
            changes.left.push(name.to_owned());
        }
    }

    async fn join(
        &mut self,
        here: &Here,
        name: String,
        record: &RunRecord,
        changes: &mut Changes,
    ) -> Result<()> {
        let mark = (name.clone(), record.started_ms);
        if self.refused.contains(&mark) {
            return Ok(());
        }
        let made =
            Names::new(&name).and_then(|names| Ok((names, (self.make)(&name, &record.spec())?)));
        let (names, work) = match made {
            Ok(made) => made,
            Err(error) => {
                self.refused.insert(mark);
                here.tell(WorkerEvent::Refused(name, error.to_string()));
                return Ok(());
            }
        };
        here.broker.lessor(&names, record.lease()).await?;
        let run = RunHere {
            names,
            lease: record.lease(),
            work,
            over: CancellationToken::new(),
            started_ms: record.started_ms,
        };
        self.here.insert(name.clone(), Arc::new(run));
        changes.joined.push(name);
        Ok(())
    }
}
