//! The record of the run: what was counted, whether somebody has ended it, whether it is still there; and whether anybody works.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use futures_util::StreamExt;

use super::{RemoteEvent, Shared};
use crate::error::{Kind, Result};
use crate::work::Progress;
use crate::work::nats::streams::POKE;
use crate::work::nats::wire::{Counts, RunState};

/// How often the record is looked at, and written if something was counted.
const LOOK: Duration = Duration::from_secs(2);

/// How long nothing comes before workers are counted.
const PATIENCE: Duration = Duration::from_secs(5);

/// Look after the record until the run is over.
pub(super) async fn run(shared: Arc<Shared>) {
    let over = shared.over.clone();
    let mut written = Counts::default();
    let mut alone = false;
    let begun = Instant::now();
    let mut pokes = shared.broker.client.subscribe(POKE).await.ok();
    loop {
        let poke = async {
            match &mut pokes {
                Some(pokes) => drop(pokes.next().await),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = over.cancelled() => return,
            () = tokio::time::sleep(LOOK) => {}
            () = poke => {}
        }
        tokio::select! {
            () = over.cancelled() => return,
            // The next look is soon.
            _ = look(&shared, &mut written) => {}
        }
        if shared.canceled.is_cancelled() {
            return;
        }
        count_workers(&shared, begun, &mut alone).await;
    }
}

async fn look(shared: &Shared, written: &mut Counts) -> Result<()> {
    let Some((record, revision)) = shared.broker.run_record(shared.names.run()).await? else {
        shared.lost_state.store(true, Ordering::Relaxed);
        shared.reconcile.notify_one();
        return Ok(());
    };
    if record.state == RunState::Canceled {
        shared.tell(RemoteEvent::Canceled);
        shared.canceled.cancel();
        return Ok(());
    }
    let counts = with_progress(shared.state().counts, shared.options.progress.as_deref());
    let is_ours = record.submitter == shared.record.submitter && record.state == RunState::Running;
    if counts != *written && is_ours {
        let mut record = record.in_state(RunState::Running);
        record.counts = counts;
        shared
            .broker
            .put_run(shared.names.run(), &record, Some(revision))
            .await?;
        *written = counts;
    }
    Ok(())
}

/// What is ours, with what the loop has counted.
pub(super) fn with_progress(mut counts: Counts, progress: Option<&Progress>) -> Counts {
    if let Some(progress) = progress {
        counts.inputs = progress.read.load(Ordering::Relaxed);
        counts.succeeded = progress.succeeded.load(Ordering::Relaxed);
        counts.failed = progress.failed.load(Ordering::Relaxed);
    }
    // Second deliveries that are accounted for otherwise did not lose their worker.
    counts.lost = counts
        .lost
        .saturating_sub(counts.handed_back + counts.duplicates);
    counts
}

async fn count_workers(shared: &Shared, begun: Instant, alone: &mut bool) {
    let (waits, last) = {
        let state = shared.state();
        (
            !state.pending.is_empty(),
            state.last_result.unwrap_or(begun),
        )
    };
    if !waits || (last.elapsed() < PATIENCE && !*alone) {
        return;
    }
    let Ok(workers) = shared.broker.workers().await else {
        return;
    };
    if workers.is_empty() != *alone {
        *alone = workers.is_empty();
        shared.tell(if *alone {
            RemoteEvent::NoWorkers
        } else {
            RemoteEvent::Workers(workers.len())
        });
    }
}

/// Put the record back if the broker has lost it, so that workers hear of the run.
pub(super) async fn restore(shared: &Shared) -> Result<()> {
    if shared
        .broker
        .run_record(shared.names.run())
        .await?
        .is_some()
    {
        return Ok(());
    }
    shared.lost_state.store(true, Ordering::Relaxed);
    match shared
        .broker
        .put_run(shared.names.run(), &shared.record, None)
        .await
    {
        Ok(_) => {
            shared.broker.poke().await;
            Ok(())
        }
        // Somebody was quicker.
        Err(error) if error.kind() == Kind::Rejected => Ok(()),
        Err(error) => Err(error),
    }
}

/// Write how the run has ended.
pub(super) async fn record(shared: &Shared, state: RunState, counts: Counts) -> Result<()> {
    for _ in 0..5 {
        let known = shared.broker.run_record(shared.names.run()).await?;
        let (record, revision) = match known {
            Some((record, revision)) => (record, Some(revision)),
            None => (shared.record.clone(), None),
        };
        let mut record = record.in_state(state);
        record.counts = counts;
        match shared
            .broker
            .put_run(shared.names.run(), &record, revision)
            .await
        {
            // Somebody else wrote meanwhile.
            Err(error) if error.kind() == Kind::Rejected => {}
            other => return other.map(drop),
        }
    }
    Err(shared
        .broker
        .lost("somebody else writes to the record of the run all the time"))
}
