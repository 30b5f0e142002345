//! Results on their way from lanes to a thread that may block: many at once, few wake-ups, a bound.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::Notify;

use super::job::{Input, Key, Outcome};

/// How many results may wait to be taken.
const MOST: usize = 4096;
/// How many bytes of them.
const MOST_BYTES: usize = 4 << 20;

/// A job that came to its end.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) input: Input,
    pub(super) key: Option<Key>,
    pub(super) outcome: Outcome,
    /// It comes from the journal, or is not to be put there.
    pub(super) recorded: bool,
}

impl Done {
    /// About how many bytes of memory it takes.
    pub(super) fn weight(&self) -> usize {
        let worker = self.outcome.worker.as_ref().map_or(0, String::len);
        // What holds it, and what the allocator adds, is about as much again.
        2 * size_of::<Self>()
            + self.input.bytes.len()
            + self.outcome.stdout.in_memory()
            + self.outcome.stderr.in_memory()
            + worker
    }
}

#[derive(Debug, Default)]
struct State {
    items: Vec<Done>,
    bytes: usize,
    closed: bool,
    abandoned: bool,
    /// Whoever takes sleeps until so many are there; 0 if it does not sleep.
    wanted: usize,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    state: Mutex<State>,
    filled: Condvar,
    room: Notify,
    room_blocking: Condvar,
}

impl Outbox {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Put all of these in, whether or not there is room.
    pub(super) fn push(&self, items: &mut Vec<Done>) {
        if items.is_empty() {
            return;
        }
        let mut state = self.state();
        if state.abandoned {
            drop(state);
            items.clear();
            return;
        }
        state.bytes += items.iter().map(Done::weight).sum::<usize>();
        state.items.append(items);
        if state.wanted > 0 && state.items.len() >= state.wanted {
            state.wanted = 0;
            self.filled.notify_one();
        }
    }

    /// Wait until there is room.
    pub(super) async fn room(&self) {
        loop {
            let room = self.room.notified();
            if !self.state().is_full() {
                return;
            }
            room.await;
        }
    }

    /// Wait until there is room, on a thread that may block.
    pub(super) fn room_blocking(&self) {
        let mut state = self.state();
        while state.is_full() {
            let woken = self.room_blocking.wait(state);
            state = woken.unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Nothing more comes.
    pub(super) fn close(&self) {
        self.state().closed = true;
        self.filled.notify_one();
    }

    /// Nobody takes any more: what is there and what comes is thrown away, and holds up nobody.
    pub(super) fn abandon(&self) {
        let mut state = self.state();
        state.abandoned = true;
        let thrown = std::mem::take(&mut state.items);
        self.emptied(state);
        drop(thrown);
    }

    /// Take all that is there. If there is nothing, `idle` is called once, and then it waits. `false`: nothing more comes.
    pub(super) fn take(&self, into: &mut Vec<Done>, mut idle: impl FnMut()) -> bool {
        let mut state = self.state();
        if state.items.is_empty() {
            drop(state);
            idle();
            state = self.state();
        }
        while state.items.is_empty() {
            if state.closed {
                return false;
            }
            state.wanted = 1;
            let woken = self.filled.wait(state);
            state = woken.unwrap_or_else(PoisonError::into_inner);
        }
        std::mem::swap(&mut state.items, into);
        self.emptied(state);
        true
    }

    /// Take what comes until then too, or until there are `many`.
    pub(super) fn take_more(&self, into: &mut Vec<Done>, until: Instant, many: usize) {
        let mut state = self.state();
        while into.len() + state.items.len() < many && !state.closed {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            state.wanted = many - into.len();
            let woken = self.filled.wait_timeout(state, left);
            state = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
        into.append(&mut state.items);
        self.emptied(state);
    }

    fn emptied(&self, mut state: MutexGuard<'_, State>) {
        state.bytes = 0;
        state.wanted = 0;
        drop(state);
        self.room.notify_waiters();
        self.room_blocking.notify_all();
    }
}

impl State {
    fn is_full(&self) -> bool {
        self.items.len() >= MOST || self.bytes >= MOST_BYTES
    }
}
