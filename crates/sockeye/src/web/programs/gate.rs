//! How many programs run at once, and how many requests wait for their turn.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::setup::Limits;
use crate::web::response::Response;

/// Lets a number of programs run at once.
#[derive(Clone, Debug)]
pub(super) struct Gate(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    places: Arc<Semaphore>,
    waiting: AtomicUsize,
    queue: usize,
    patience: Duration,
}

/// A program may run as long as this is there.
#[derive(Debug)]
pub(super) struct Pass(#[expect(dead_code, reason = "held, not read")] OwnedSemaphorePermit);

/// One that waits.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Gate {
    pub(super) fn new(limits: &Limits) -> Self {
        Self(Arc::new(Inner {
            places: Arc::new(Semaphore::new(
                limits.at_once.clamp(1, Semaphore::MAX_PERMITS),
            )),
            waiting: AtomicUsize::new(0),
            queue: limits.queue,
            patience: limits.silence,
        }))
    }

    /// Wait for a place. An error is the answer to a request that does not get one.
    pub(super) async fn enter(&self) -> Result<Pass, Response> {
        let inner = &*self.0;
        if let Ok(permit) = Arc::clone(&inner.places).try_acquire_owned() {
            return Ok(Pass(permit));
        }
        let waiting = Waiting(&inner.waiting);
        if inner.waiting.fetch_add(1, Ordering::Relaxed) >= inner.queue {
            return Err(busy());
        }
        let place = Arc::clone(&inner.places).acquire_owned();
        let place = tokio::time::timeout(inner.patience, place).await;
        drop(waiting);
        match place {
            Ok(Ok(permit)) => Ok(Pass(permit)),
            _ => Err(busy()),
        }
    }
}

/// The answer when too many want a program at once.
pub(super) fn busy() -> Response {
    Response::error(503, "too many programs run at once").header("Retry-After", "1")
}
