//! Results out of their stream, in its order, each once; whatever breaks, from where it broke.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, PullConsumer, pull};
use async_nats::jetstream::stream::Stream;
use futures_util::StreamExt;

use super::{Answer, Shared};
use crate::error::Result;
use crate::work::nats::streams::RESULTS;
use crate::work::nats::wire::{Id, Results, decode};

/// How many results are asked for at once.
const BATCH: usize = 2000;

/// Where we are in the stream.
struct Place {
    /// The stream that this is about: when it was made.
    stream: Option<String>,
    /// The next message to be seen.
    next: u64,
}

/// Take results until the run is over.
pub(super) async fn run(shared: Arc<Shared>) {
    let mut place = Place {
        stream: None,
        next: 1,
    };
    let mut connections = shared.broker.connections.clone();
    loop {
        connections.mark_unchanged();
        tokio::select! {
            () = shared.over.cancelled() => return,
            // What was asked, or on its way, over the old connection is lost.
            _ = connections.changed() => {}
            // How it ended does not matter: it is begun again where it was.
            _ = follow(&shared, &mut place) => {}
        }
        tokio::select! {
            () = shared.over.cancelled() => return,
            () = tokio::time::sleep(Duration::from_millis(20)) => {}
        }
    }
}

async fn follow(shared: &Shared, place: &mut Place) -> Result<()> {
    let stream = shared.broker.results().await?;
    recognise(shared, &stream, place);
    let consumer = consumer(shared, &stream, place.next).await?;
    if consumer.cached_info().num_pending == 0 {
        shared.ready.send_replace(true);
    }
    let mut messages = consumer
        .stream()
        .max_messages_per_batch(BATCH)
        .expires(Duration::from_secs(30))
        .heartbeat(Duration::from_secs(3))
        .messages()
        .await
        .map_err(|error| shared.broker.lost(error))?;
    let prefix = format!("sk.res.{}.", shared.names.run());
    let mut seen = 0;
    loop {
        let Some(Ok(message)) = messages.next().await else {
            return Ok(());
        };
        let Ok(info) = message.info() else {
            return Ok(());
        };
        if info.consumer_sequence != seen + 1 {
            return Ok(());
        }
        seen += 1;
        let (sequence, left) = (info.stream_sequence, info.pending);
        if let Some(rest) = message.subject.strip_prefix(&prefix) {
            read(shared, rest, &message.payload, sequence);
        }
        place.next = sequence + 1;
        if left == 0 && !*shared.ready.borrow() {
            shared.ready.send_replace(true);
        }
    }
}

/// See whether this is the stream that we know; another one is read from its beginning.
fn recognise(shared: &Shared, stream: &Stream, place: &mut Place) {
    let info = stream.cached_info();
    let created = info.created.to_string();
    let is_known =
        place.stream.as_ref() == Some(&created) && info.state.last_sequence + 1 >= place.next;
    if !is_known {
        if place.stream.is_some() {
            shared.lost_state.store(true, Ordering::Relaxed);
            shared.reconcile.notify_one();
        }
        *place = Place {
            stream: Some(created),
            next: 1,
        };
    }
}

async fn consumer(shared: &Shared, stream: &Stream, next: u64) -> Result<PullConsumer> {
    let config = pull::Config {
        filter_subject: shared.names.results(),
        ack_policy: AckPolicy::None,
        deliver_policy: DeliverPolicy::ByStartSequence {
            start_sequence: next,
        },
        inactive_threshold: Duration::from_secs(60),
        memory_storage: true,
        ..pull::Config::default()
    };
    stream
        .create_consumer(config)
        .await
        .map_err(|error| shared.broker.lost(error))
}

/// A message of our run: `r.ID`, a result, or `n.KIND.ID.N`, what else became of a delivery.
fn read(shared: &Shared, subject: &str, payload: &[u8], sequence: u64) {
    if subject.starts_with("r.") {
        // What is not ours is not an answer to anything.
        if let Ok(results) = decode::<Results>(payload) {
            // Counted as messages are read, so that whoever goes on with a run knows the whole account.
            shared.state().counts.lost += u64::from(results.deliveries.saturating_sub(1));
            shared.take(results, sequence);
        }
        return;
    }
    let jobs = std::str::from_utf8(payload)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(1);
    let mut state = shared.state();
    let counts = &mut state.counts;
    match subject.split('.').nth(1) {
        Some("dup") => counts.duplicates += jobs,
        Some("skip") => counts.skipped += 1,
        Some("back") => counts.handed_back += 1,
        Some("dead") => counts.dead += jobs,
        _ => {}
    }
}

/// A result that was there before its job was asked for.
pub(super) async fn found(shared: &Shared, sequence: u64, id: Id) -> Option<Answer> {
    let kept = shared
        .state()
        .fetched
        .clone()
        .filter(|(at, _)| *at == sequence);
    let results = match kept {
        Some((_, results)) => results,
        None => {
            let message = shared.broker.at(RESULTS, sequence).await.ok()??;
            let results = Arc::new(decode::<Results>(&message.payload).ok()?);
            shared.state().fetched = Some((sequence, Arc::clone(&results)));
            results
        }
    };
    let done = results.done.iter().find(|done| done.id == id)?.clone();
    Some(Answer {
        done,
        worker: results.worker.clone(),
        deliveries: results.deliveries,
    })
}
