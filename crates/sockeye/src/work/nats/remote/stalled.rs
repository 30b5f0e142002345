//! A broker that was killed may have lost its last messages and still hold that their numbers were handed out: jobs that get these
//! numbers then are in the queue, and nobody gets them. Such a consumer is made anew.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_nats::jetstream::consumer::PullConsumer;

use super::{Pending, RemoteEvent, Shared};
use crate::error::Result;
use crate::work::nats::connect::Broker;

/// The shortest time without a result that is a reason to look.
const SHORTEST: Duration = Duration::from_secs(2);
/// Workers say now and then how busy they are: for so long that may be out of date.
const SAID: Duration = Duration::from_secs(5);

/// Jobs that seem to be stuck: how many were handed out by then, and since when there are no more.
#[derive(Clone, Copy)]
struct Suspicion {
    handed_out: u64,
    since: Instant,
}

/// Look when nothing has come for three leases, and again until that is over; what is seen twice is true.
pub(super) async fn run(shared: Arc<Shared>) {
    let patience = (shared.options.lease * 3).max(SHORTEST);
    let mut suspicion = None;
    loop {
        tokio::select! {
            () = shared.over.cancelled() => return,
            () = tokio::time::sleep(patience / 4) => {}
        }
        suspicion = match is_quiet(&shared, patience) {
            // A broker that does not answer is asked again.
            true => look(&shared, suspicion).await.unwrap_or_default(),
            false => None,
        };
    }
}

/// Whether jobs are in the queue and nothing has come of them.
fn is_quiet(shared: &Shared, patience: Duration) -> bool {
    let state = shared.state();
    let is_late = state
        .last_result
        .is_none_or(|last| last.elapsed() >= patience);
    is_late && state.pending.values().any(|it| it.chunk.is_some())
}

async fn look(shared: &Shared, before: Option<Suspicion>) -> Result<Option<Suspicion>> {
    let (broker, run) = (&shared.broker, shared.names.run());
    let stream = broker.jobs().await?;
    let consumer: PullConsumer = match stream.get_consumer(run).await {
        Ok(consumer) => consumer,
        // Whoever is refused makes it anew.
        Err(_) => return Ok(None),
    };
    let info = consumer.cached_info();
    if info.num_pending > 0 {
        return Ok(None);
    }
    let live = super::reconcile::live(shared).await?;
    let is_gone = |pending: &Pending| {
        let queued = [Some(pending.task.id), pending.chunk];
        pending.chunk.is_some() && !queued.into_iter().flatten().any(|id| live.contains(&id))
    };
    if shared.state().pending.values().any(is_gone) {
        // Its result stands where we have read before: the broker had lost what stood there.
        shared.reconcile.notify_one();
    }
    if info.num_waiting == 0 || live.is_empty() {
        return Ok(None);
    }
    let leased = info.num_ack_pending;
    // More in the queue than it knows of, or more leased than anybody works on, while workers wait.
    let sure_after = if live.len() > leased {
        Duration::ZERO
    } else if leased as u64 > busy(broker).await? {
        SAID
    } else {
        return Ok(None);
    };
    let handed_out = info.delivered.consumer_sequence;
    let Some(before) = before.filter(|before| before.handed_out == handed_out) else {
        let since = Instant::now();
        return Ok(Some(Suspicion { handed_out, since }));
    };
    if before.since.elapsed() < sure_after {
        return Ok(Some(before));
    }
    drop(stream.delete_consumer(run).await);
    broker.lessor(&shared.names, shared.options.lease).await?;
    shared.tell(RemoteEvent::Stuck(live.len() as u64));
    Ok(None)
}

/// How many jobs workers say that they do.
async fn busy(broker: &Broker) -> Result<u64> {
    Ok(broker.workers().await?.iter().map(|it| it.busy).sum())
}
