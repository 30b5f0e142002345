//! What the broker has forgotten is found by asking: jobs with neither a result nor a place in the queue are put there again.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use futures_util::StreamExt;
use tokio_util::sync::CancellationToken;

use super::{RemoteEvent, Shared, had_lost_state, publish};
use crate::error::Result;
use crate::work::nats::streams::{JOBS, RESULTS};
use crate::work::nats::wire::{Chunk, Id, Results, Task, decode};

/// Look every now and then, after each reconnection, and when something is missing.
pub(super) async fn run(shared: Arc<Shared>) {
    let over: CancellationToken = shared.over.clone();
    let mut connections = shared.broker.connections.clone();
    connections.mark_unchanged();
    let mut at_once = false;
    loop {
        tokio::select! {
            () = over.cancelled() => return,
            () = std::future::ready(()), if at_once => {}
            () = tokio::time::sleep(shared.options.reconcile) => {}
            () = shared.reconcile.notified() => {}
            _ = connections.changed() => {}
        }
        tokio::select! {
            () = over.cancelled() => return,
            looked = look(&shared) => if let Ok(jobs) = looked {
                report(&shared, jobs);
            },
            // What was asked over the old connection is not answered: once more.
            _ = connections.changed() => {
                at_once = true;
                continue;
            }
        }
        at_once = false;
    }
}

fn report(shared: &Shared, jobs: u64) {
    shared.state().counts.resubmitted += jobs;
    if had_lost_state(shared) {
        shared.tell(RemoteEvent::LostState(jobs));
    } else if jobs > 0 {
        shared.tell(RemoteEvent::Resubmitted(jobs));
    }
}

/// One look; how many jobs were put into the queue again.
async fn look(shared: &Arc<Shared>) -> Result<u64> {
    let mut chunks: HashMap<Id, Vec<Task>> = HashMap::new();
    for pending in shared.state().pending.values() {
        // Those that are on their way are seen to by who sends them.
        if let Some(chunk) = pending.chunk {
            chunks.entry(chunk).or_default().push(pending.task.clone());
        }
    }
    super::control::restore(shared).await?;
    shared
        .broker
        .lessor(&shared.names, shared.options.lease)
        .await?;
    if chunks.is_empty() {
        return Ok(0);
    }
    let live = live(shared).await?;
    shared.broker.results().await?;
    let mut again = 0;
    for (chunk, tasks) in chunks {
        if live.contains(&chunk) {
            continue;
        }
        // A result is stored before its job leaves the queue, so it is seen now if there is one.
        let mut missing = tasks;
        for id in
            std::iter::once(chunk).chain(missing.iter().map(|task| task.id).collect::<Vec<_>>())
        {
            if let Some(standing) = shared
                .broker
                .last(RESULTS, &shared.names.result(id))
                .await?
                && let Ok(found) = decode::<Results>(&standing.payload)
            {
                shared.take(found, standing.sequence);
            }
            let state = shared.state();
            missing.retain(|task| state.pending.contains_key(&task.id));
            if missing.is_empty() {
                break;
            }
        }
        for task in missing {
            if !live.contains(&task.id) {
                again += 1;
                publish::send(Arc::clone(shared), vec![task], true, None).await;
            }
        }
    }
    Ok(again)
}

/// The messages of this run that are in the queue.
pub(super) async fn live(shared: &Shared) -> Result<HashSet<Id>> {
    let stream = shared.broker.jobs().await?;
    let mut subjects = stream
        .info_with_subjects(shared.names.jobs())
        .await
        .map_err(|error| shared.broker.lost(error))?;
    let mut live = HashSet::new();
    while let Some(subject) = subjects.next().await {
        let (subject, _) = subject.map_err(|error| shared.broker.lost(error))?;
        live.extend(subject.rsplit('.').next().and_then(Id::parse));
    }
    Ok(live)
}

/// The jobs that an earlier submitter left in the queue: they are not sent again.
pub(super) async fn find_live(shared: &Shared) -> Result<()> {
    let (jobs, mut next) = (shared.names.jobs(), 1);
    while let Some(message) = shared.broker.next(JOBS, &jobs, next).await? {
        next = message.sequence + 1;
        let chunk = message.subject.rsplit('.').next().and_then(Id::parse);
        if let (Some(chunk), Ok(tasks)) = (chunk, decode::<Chunk>(&message.payload)) {
            let mut state = shared.state();
            state
                .live
                .extend(tasks.tasks.iter().map(|task| (task.id, chunk)));
        }
    }
    Ok(())
}
