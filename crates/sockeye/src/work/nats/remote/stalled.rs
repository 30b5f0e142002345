//! A broker that was killed may have lost its last messages and still hold that their numbers were handed out: jobs that get these
//! numbers then are in the queue, and nobody gets them. Such a consumer is made anew.

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::consumer::PullConsumer;

use super::{RemoteEvent, Shared};
use crate::error::Result;

/// The shortest time without a result that is a reason to look.
const SHORTEST: Duration = Duration::from_secs(2);

/// What a look saw, if jobs seem to be stuck: what was handed out so far.
type Suspicion = Option<u64>;

/// Look whenever nothing has come for three leases; what is seen twice is true.
pub(super) async fn run(shared: Arc<Shared>) {
    let patience = (shared.options.lease * 3).max(SHORTEST);
    let mut suspicion = None;
    loop {
        tokio::select! {
            () = shared.over.cancelled() => return,
            () = tokio::time::sleep(patience) => {}
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

async fn look(shared: &Shared, before: Suspicion) -> Result<Suspicion> {
    let (broker, run) = (&shared.broker, shared.names.run());
    let stream = broker.jobs().await?;
    let consumer: PullConsumer = match stream.get_consumer(run).await {
        Ok(consumer) => consumer,
        // Whoever is refused makes it anew.
        Err(_) => return Ok(None),
    };
    let info = consumer.cached_info();
    if info.num_pending > 0 || info.num_waiting == 0 {
        return Ok(None);
    }
    let live = super::reconcile::live(shared).await?.len();
    let busy: u64 = broker.workers().await?.iter().map(|it| it.busy).sum();
    let leased = info.num_ack_pending;
    // More in the queue than it knows of, or more leased than anybody works on, while workers wait.
    let is_stuck = live > leased || leased as u64 > busy;
    if live == 0 || !is_stuck {
        return Ok(None);
    }
    let handed_out = info.delivered.consumer_sequence;
    if before != Some(handed_out) {
        return Ok(Some(handed_out));
    }
    drop(stream.delete_consumer(run).await);
    broker.lessor(&shared.names, shared.options.lease).await?;
    shared.tell(RemoteEvent::Stuck(live as u64));
    Ok(None)
}
