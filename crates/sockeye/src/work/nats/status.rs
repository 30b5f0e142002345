//! How runs fare: what their submitters counted, and what stands in the queue.

use super::connect::Broker;
use super::streams::{DEAD, Names};
use super::wire::{RunRecord, RunState, now_ms};
use crate::error::Result;

/// How a run fares.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RunStatus {
    /// Its name.
    pub run: String,
    /// What is known of it; its counts are those of its submitter, at most 2 s old while it runs.
    pub record: RunRecord,
    /// Messages that wait for a worker: each is one job, or a batch of them.
    pub queued: u64,
    /// Messages that workers have taken and not yet done.
    pub leased: u64,
    /// Jobs that were given up, see [`Broker::dead_letters`].
    pub dead: u64,
}

impl RunStatus {
    /// Jobs that came to an end, each second of the time since it began, until now or until it ended.
    pub fn rate(&self) -> f64 {
        let until = match self.record.state {
            RunState::Running => now_ms(),
            _ => self.record.changed_ms,
        };
        let millis = until.saturating_sub(self.record.started_ms).max(1);
        let ended = self.record.counts.succeeded + self.record.counts.failed;
        ended as f64 * 1000.0 / millis as f64
    }
}

impl Broker {
    /// How this run fares; `None` if nobody knows it.
    ///
    /// # Errors
    ///
    /// `Usage` if it is no name of a run, `Lost` if the broker does not answer, `Protocol` if what stands there is not ours.
    pub async fn run_status(&self, run: &str) -> Result<Option<RunStatus>> {
        let names = Names::new(run)?;
        match self.run_record(run).await? {
            Some((record, _)) => Ok(Some(self.status_of(&names, record).await?)),
            None => Ok(None),
        }
    }

    /// How all runs fare that are known, the oldest first.
    ///
    /// # Errors
    ///
    /// `Lost` if the broker does not answer.
    pub async fn all_run_status(&self) -> Result<Vec<RunStatus>> {
        let mut records = self.run_records().await?;
        records.sort_by_key(|(_, record)| record.started_ms);
        let mut all = Vec::new();
        for (run, record) in records {
            // What has another name is not ours.
            if let Ok(names) = Names::new(&run) {
                all.push(self.status_of(&names, record).await?);
            }
        }
        Ok(all)
    }

    async fn status_of(&self, names: &Names, record: RunRecord) -> Result<RunStatus> {
        let consumer = self.consumer_info(names.run()).await?;
        let dead = self.count(DEAD, &names.dead_letters()).await?;
        Ok(RunStatus {
            run: names.run().to_owned(),
            record,
            queued: consumer.as_ref().map_or(0, |it| it.num_pending),
            leased: consumer.map_or(0, |it| it.num_ack_pending),
            dead,
        })
    }
}
