//! How many programs run at once, and how many calls wait for their turn, in the order in which they came.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use sockeye_data::value::{Object, Value};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::BUSY;
use crate::rpc::call::Fault;

#[derive(Debug)]
pub(super) struct Gate {
    places: Arc<Semaphore>,
    waiting: AtomicUsize,
    queue: usize,
}

/// One that waits; it has left when this is dropped.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Gate {
    pub(super) fn new(at_once: usize, queue: usize) -> Self {
        Self {
            places: Arc::new(Semaphore::new(at_once.clamp(1, Semaphore::MAX_PERMITS))),
            waiting: AtomicUsize::new(0),
            queue,
        }
    }

    /// Wait for a place, which is held as long as the permit is. Dropping the future leaves the queue.
    pub(super) async fn enter(&self) -> Result<OwnedSemaphorePermit, Fault> {
        if let Ok(permit) = Arc::clone(&self.places).try_acquire_owned() {
            return Ok(permit);
        }
        let before = self.waiting.fetch_add(1, Ordering::Relaxed);
        let waiting = Waiting(&self.waiting);
        if before >= self.queue {
            return Err(self.busy());
        }
        let permit = Arc::clone(&self.places).acquire_owned().await;
        drop(waiting);
        permit.map_err(|_| self.busy())
    }

    fn busy(&self) -> Fault {
        let why = format!("busy: {} calls wait already, try again later", self.queue);
        let mut data = Object::new();
        data.insert("retry".into(), Value::Bool(true));
        Fault {
            data: Some(data.into()),
            ..Fault::new(BUSY, why)
        }
    }
}
