//! Jobs into the queue: gathered into chunks, many on their way at once, each sent until the broker has it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{RemoteEvent, Shared};
use crate::work::nats::connect::Stored;
use crate::work::nats::wire::{Body, Chunk, Id, Task, encode};

/// How many messages may be on their way to the broker.
const WINDOW: usize = 256;

/// How long a chunk waits for further jobs.
const LINGER: Duration = Duration::from_millis(2);

/// What a job takes in a message beside its input.
const TASK_BYTES: usize = 64;

/// Send what comes, until the run is over.
pub(super) async fn run(shared: Arc<Shared>, mut waiting: UnboundedReceiver<Task>) {
    let window = Arc::new(Semaphore::new(WINDOW));
    let mut left = None;
    loop {
        let first = match left.take() {
            Some(task) => task,
            None => tokio::select! {
                () = shared.over.cancelled() => return,
                task = waiting.recv() => match task {
                    Some(task) => task,
                    None => return,
                },
            },
        };
        let mut tasks = vec![first];
        let mut bytes = size(&tasks[0]);
        while tasks.len() < shared.options.batch {
            let next = match waiting.try_recv() {
                Ok(task) => Some(task),
                Err(_) => tokio::time::timeout(LINGER, waiting.recv())
                    .await
                    .ok()
                    .flatten(),
            };
            let Some(task) = next else { break };
            bytes += size(&task);
            if bytes > shared.broker.inline_bytes() {
                left = Some(task);
                break;
            }
            tasks.push(task);
        }
        let Ok(permit) = Arc::clone(&window).acquire_owned().await else {
            return;
        };
        tokio::spawn(send(Arc::clone(&shared), tasks, false, Some(permit)));
    }
}

fn size(task: &Task) -> usize {
    let input = match &task.input {
        Body::Here(bytes) => bytes.len(),
        Body::Stored { name, .. } => name.len(),
    };
    TASK_BYTES + input
}

/// Put a chunk into the queue, however often that has to be tried.
pub(super) async fn send(
    shared: Arc<Shared>,
    tasks: Vec<Task>,
    again: bool,
    _permit: Option<OwnedSemaphorePermit>,
) {
    let (id, count) = (Id::of_all(&tasks), tasks.len() as u64);
    let ids: Vec<Id> = tasks.iter().map(|task| task.id).collect();
    let mut chunk = Chunk::new(tasks, again);
    let mut payload = encode(&chunk);
    let mut wait = Duration::from_millis(50);
    while !shared.over.is_cancelled() {
        match shared
            .broker
            .store_first(shared.names.job(id), payload.clone())
            .await
        {
            Ok(Stored::At(_) | Stored::Exists) => {
                let mut state = shared.state();
                state.counts.submitted += count;
                for job in &ids {
                    if let Some(pending) = state.pending.get_mut(job) {
                        pending.chunk = Some(id);
                    }
                }
                return;
            }
            Ok(Stored::Full) => shared.tell(RemoteEvent::Full),
            Ok(Stored::NoStream) => {
                // Either it never was, or the broker has lost it.
                if shared.broker.jobs().await.is_ok() {
                    shared.lost_state.store(true, Ordering::Relaxed);
                    shared.reconcile.notify_one();
                    continue;
                }
            }
            // Nobody knows whether it is there, or was and is done.
            Err(_) if !chunk.again => {
                chunk.again = true;
                payload = encode(&chunk);
            }
            Err(_) => {}
        }
        tokio::select! {
            () = shared.over.cancelled() => return,
            () = tokio::time::sleep(wait) => {}
        }
        wait = (wait * 2).min(Duration::from_secs(1));
    }
}
