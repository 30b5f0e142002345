//! The lanes that are free, and the requests that wait for one.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::BytesMut;
use tokio::net::UnixStream;
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

use crate::web::programs::gate::busy;
use crate::web::response::Response;

/// Room for an answer's head and a short body.
const INPUT: usize = 16 << 10;

/// All workers of an application, seen from a request.
#[derive(Debug)]
pub(super) struct Pool {
    state: Mutex<State>,
    queue: usize,
    patience: Duration,
    /// Requests that a worker answers before it is renewed.
    renew_after: Option<u64>,
    epoch: Instant,
}

#[derive(Debug, Default)]
struct State {
    idle: Vec<Lane>,
    waiting: VecDeque<oneshot::Sender<Lane>>,
    /// Workers that run or are being started.
    alive: usize,
}

/// A worker process, as far as its lanes are concerned.
#[derive(Debug)]
pub(super) struct Worker {
    pub(super) pid: u32,
    served: AtomicU64,
    is_retired: AtomicBool,
    is_late: AtomicBool,
    lanes: Mutex<Vec<Arc<Clock>>>,
    /// Woken when the worker has served enough, or a lane of a retired one is over.
    pub(super) changed: Notify,
}

/// How long a lane has been waiting for its worker.
#[derive(Debug, Default)]
struct Clock {
    /// Milliseconds of the pool since the worker was last waited for; 0 if there is no request.
    since: AtomicU64,
    /// Nobody holds the lane any more, though the worker may still be at work.
    is_orphan: AtomicBool,
}

/// Not the worker is waited for, but the client.
const PAUSED: u64 = u64::MAX;

/// A way to one thread of a worker, for one request at a time. One that is dropped in the middle of a request tells the
/// worker that nobody wants its answer.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) stream: UnixStream,
    pub(super) worker: Arc<Worker>,
    pub(super) input: BytesMut,
    pub(super) out: Vec<u8>,
    clock: Arc<Clock>,
    pool: Arc<Pool>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Pool {
    pub(super) fn new(queue: usize, patience: Duration, renew_after: Option<u64>) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::default(),
            queue,
            patience,
            renew_after,
            epoch: Instant::now(),
        })
    }

    /// A free lane, or the answer to a request that does not get one.
    pub(super) async fn take(&self) -> Result<Lane, Response> {
        let receiver = {
            let mut state = lock(&self.state);
            if let Some(lane) = state.idle.pop() {
                return Ok(lane.begun());
            }
            if state.alive == 0 {
                return Err(
                    Response::error(503, "the application does not run").header("Retry-After", "1")
                );
            }
            if state.waiting.len() >= self.queue {
                // Those that gave up waiting stand there still.
                state.waiting.retain(|waiting| !waiting.is_closed());
                if state.waiting.len() >= self.queue {
                    return Err(busy());
                }
            }
            let (sender, receiver) = oneshot::channel();
            state.waiting.push_back(sender);
            receiver
        };
        match tokio::time::timeout(self.patience, receiver).await {
            Ok(Ok(lane)) => Ok(lane.begun()),
            _ => Err(busy()),
        }
    }

    /// A lane is free: for whoever has waited longest, or for the next.
    fn give(&self, mut lane: Lane) {
        let mut state = lock(&self.state);
        while let Some(waiting) = state.waiting.pop_front() {
            match waiting.send(lane) {
                Ok(()) => return,
                Err(back) => lane = back,
            }
        }
        state.idle.push(lane);
    }

    /// A new lane to this worker.
    pub(super) fn add(self: &Arc<Self>, stream: UnixStream, worker: &Arc<Worker>) {
        let clock = Arc::new(Clock::default());
        lock(&worker.lanes).push(Arc::clone(&clock));
        self.give(Lane {
            stream,
            worker: Arc::clone(worker),
            input: BytesMut::with_capacity(INPUT),
            out: Vec::new(),
            clock,
            pool: Arc::clone(self),
        });
    }

    /// No request goes to this worker any more.
    pub(super) fn retire(&self, worker: &Arc<Worker>) {
        worker.is_retired.store(true, Ordering::Release);
        let mut gone = Vec::new();
        let mut state = lock(&self.state);
        for lane in std::mem::take(&mut state.idle) {
            match Arc::ptr_eq(&lane.worker, worker) {
                true => gone.push(lane),
                false => state.idle.push(lane),
            }
        }
        // What is dropped may want the lock.
        drop(state);
        drop(gone);
    }

    /// One worker more, or less, that runs or is being started. Without any, requests are not kept waiting.
    pub(super) fn count(&self, more: bool) {
        let mut state = lock(&self.state);
        state.alive = match more {
            true => state.alive + 1,
            false => state.alive.saturating_sub(1),
        };
        if state.alive == 0 {
            state.waiting.clear();
        }
    }

    fn now(&self) -> u64 {
        // As long as a server runs.
        u64::try_from(self.epoch.elapsed().as_millis()).unwrap_or(PAUSED - 2) + 1
    }
}

impl Worker {
    pub(super) fn new(pid: u32) -> Arc<Self> {
        Arc::new(Self {
            pid,
            served: AtomicU64::new(0),
            is_retired: AtomicBool::new(false),
            is_late: AtomicBool::new(false),
            lanes: Mutex::default(),
            changed: Notify::new(),
        })
    }

    pub(super) fn is_retired(&self) -> bool {
        self.is_retired.load(Ordering::Acquire)
    }

    /// Whether it was ended because it took too long.
    pub(super) fn is_late(&self) -> bool {
        self.is_late.load(Ordering::Acquire)
    }

    /// A thread of it has no lane: the one it had is forgotten.
    pub(super) fn forget_lane(&self) {
        let mut lanes = lock(&self.lanes);
        let orphan = |clock: &Arc<Clock>| clock.is_orphan.load(Ordering::Acquire);
        if let Some(place) = lanes.iter().position(orphan) {
            lanes.swap_remove(place);
        }
    }

    /// Whether somebody waits for an answer of it.
    pub(super) fn is_busy(&self) -> bool {
        lock(&self.lanes).iter().any(|clock| {
            clock.since.load(Ordering::Acquire) != 0 && !clock.is_orphan.load(Ordering::Acquire)
        })
    }

    /// Whether it was waited for longer than this; then that is noted.
    pub(super) fn check_late(&self, pool: &Pool, limit: Duration) -> bool {
        let (now, limit) = (pool.now(), limit.as_millis());
        let is_late = lock(&self.lanes).iter().any(|clock| {
            let since = clock.since.load(Ordering::Acquire);
            since != 0 && since != PAUSED && u128::from(now.saturating_sub(since)) > limit
        });
        if is_late {
            self.is_late.store(true, Ordering::Release);
        }
        is_late
    }
}

impl Lane {
    fn begun(self) -> Self {
        self.touch();
        self
    }

    /// The worker has just done something.
    pub(super) fn touch(&self) {
        self.clock.since.store(self.pool.now(), Ordering::Release);
    }

    /// From now on the client is waited for.
    pub(super) fn pause(&self) {
        self.clock.since.store(PAUSED, Ordering::Release);
    }

    /// From now on the worker is waited for, if it was the client.
    pub(super) fn resume(&self) {
        if self.clock.since.load(Ordering::Acquire) == PAUSED {
            self.touch();
        }
    }

    /// The answer is complete, and the lane free for the next request.
    pub(super) fn finish(self) {
        let pool = Arc::clone(&self.pool);
        self.clock.since.store(0, Ordering::Release);
        let served = self.worker.served.fetch_add(1, Ordering::Relaxed) + 1;
        let is_enough = pool.renew_after.is_some_and(|most| served >= most);
        if is_enough {
            self.worker.is_retired.store(true, Ordering::Release);
        }
        // Something after the end of an answer is the beginning of no other.
        if self.worker.is_retired() || !self.input.is_empty() {
            let worker = Arc::clone(&self.worker);
            drop(self);
            worker.changed.notify_one();
            return;
        }
        pool.give(self);
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        // Whether the worker notices in time that nobody wants its answer, is for the clock to tell.
        self.resume();
        self.clock.is_orphan.store(true, Ordering::Release);
    }
}
