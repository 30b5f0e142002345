//! Inputs on their way to jobs: what was read, what waits for another attempt, what its rate holds back.
//!
//! The thread that reads pushes and is held back when enough waits; lanes take. One lock keeps it all; lanes take and give back
//! several at a time where jobs are quick, so that it is seldom asked for.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::job::{Ending, Key, Outcome};
use super::plan::{Halt, Slots};
use super::rates::Rates;
use super::report::{Progress, add};

/// How many inputs may be read ahead.
const MOST_FRESH: usize = 4096;
/// How many bytes of them.
const MOST_FRESH_BYTES: usize = 1 << 20;
/// How many inputs may wait for another attempt or for their rate; further inputs are read when fewer do.
const MOST_WAITING: usize = 10_000;
/// How many bytes of them.
const MOST_WAITING_BYTES: usize = 8 << 20;

/// An input that waits for an attempt.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) index: u64,
    pub(super) bytes: Bytes,
    pub(super) key: Option<Key>,
    /// Attempts that were made.
    pub(super) attempts: u32,
    /// Its rate lets it begin: not to be asked again.
    pub(super) passed: bool,
}

/// One that waits until it is due; the earliest first, then by place.
#[derive(Debug)]
struct Later {
    due: Instant,
    pending: Pending,
}

impl PartialEq for Later {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Later {}

impl PartialOrd for Later {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Later {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.due, self.pending.index).cmp(&(other.due, other.pending.index))
    }
}

/// What a lane gets when it asks for inputs.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// Some.
    Some,
    /// None now.
    Wait,
    /// There will be none, or there are more lanes than slots.
    Leave,
}

/// How attempts ended, counted by a lane until it tells.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) attempts: u64,
    pub(super) retried: u64,
    pub(super) deliveries: u64,
    pub(super) duplicates: u64,
    pub(super) lost_leases: u64,
    pub(super) succeeded: u64,
    pub(super) failed: u64,
    pub(super) canceled: u64,
}

impl Tally {
    /// Whether there is nothing to tell.
    pub(super) fn is_empty(&self) -> bool {
        self.attempts + self.succeeded + self.failed + self.canceled == 0
    }

    /// Count an attempt that came to its end, and was the job's `attempt`th.
    pub(super) fn attempt(&mut self, attempt: u32, outcome: &Outcome) {
        self.attempts += 1;
        self.retried += u64::from(attempt > 1);
        self.deliveries += u64::from(outcome.deliveries);
        self.duplicates += u64::from(outcome.duplicates);
        self.lost_leases += u64::from(outcome.lost_leases);
    }

    /// Count the end of a job.
    pub(super) fn count(&mut self, ending: &Ending) {
        match ending {
            Ending::Canceled => self.canceled += 1,
            ending if ending.is_success() => self.succeeded += 1,
            _ => self.failed += 1,
        }
    }
}

#[derive(Debug)]
struct State {
    fresh: VecDeque<Pending>,
    fresh_bytes: usize,
    again: BinaryHeap<Reverse<Later>>,
    again_bytes: usize,
    rates: Option<Rates>,
    all_read: bool,
    halted: bool,
    slots: usize,
    lanes: usize,
    idle: usize,
    /// Taken by lanes, and not yet told of.
    running: usize,
    reader_waits: bool,
    succeeded: u64,
    failed: u64,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Feed {
    state: Mutex<State>,
    /// No more jobs begin.
    over: AtomicBool,
    slots: Slots,
    halt: Halt,
    progress: Arc<Progress>,
    room: Condvar,
    wake: Notify,
    /// The loop shall look: lanes are wanted, something is due earlier, the end is near.
    pub(super) attention: Notify,
}

impl Feed {
    pub(super) fn new(
        slots: Slots,
        halt: Halt,
        rates: Option<Rates>,
        progress: Arc<Progress>,
    ) -> Self {
        let state = State {
            fresh: VecDeque::new(),
            fresh_bytes: 0,
            again: BinaryHeap::new(),
            again_bytes: 0,
            rates,
            all_read: false,
            halted: false,
            slots: slots.now(),
            lanes: 0,
            idle: 0,
            running: 0,
            reader_waits: false,
            succeeded: 0,
            failed: 0,
        };
        Self {
            state: Mutex::new(state),
            over: AtomicBool::new(false),
            slots,
            halt,
            progress,
            room: Condvar::new(),
            wake: Notify::new(),
            attention: Notify::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether each result is to be told at once, since it may end the run.
    pub(super) fn is_strict(&self) -> bool {
        self.halt != Halt::Never
    }

    /// Whether no more jobs shall begin.
    pub(super) fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// Hand in inputs, in their order; waits for room. `false`: no more are wanted, and these were not taken.
    pub(super) fn push(&self, inputs: &mut Vec<Pending>) -> bool {
        let mut state = self.state();
        while !self.is_over() && state.is_full() {
            state.reader_waits = true;
            state = self
                .room
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        state.reader_waits = false;
        if self.is_over() {
            return false;
        }
        let many = inputs.len();
        state.fresh_bytes += inputs.iter().map(|input| input.bytes.len()).sum::<usize>();
        state.fresh.extend(inputs.drain(..));
        add(&self.progress.read, many as u64);
        self.wake_for(&state);
        true
    }

    /// Count inputs whose result is known and hand that over, unless no more are wanted.
    pub(super) fn pass(&self, tally: &Tally, hand_over: impl FnOnce()) -> bool {
        let mut state = self.state();
        if self.is_over() {
            return false;
        }
        let many = tally.succeeded + tally.failed;
        add(&self.progress.read, many);
        add(&self.progress.resumed, many);
        add(&self.progress.succeeded, tally.succeeded);
        add(&self.progress.failed, tally.failed);
        // What failed before is no reason to give up now.
        if matches!(self.halt, Halt::Succeeded { .. }) {
            state.succeeded += tally.succeeded;
            self.halt(&mut state);
        }
        // Under the lock, so that it comes before the end of all results.
        hand_over();
        true
    }

    /// There will be no more inputs.
    pub(super) fn close(&self) {
        self.state().all_read = true;
        self.progress.all_read.store(1, Ordering::Relaxed);
        self.wake.notify_waiters();
        self.attention.notify_one();
    }

    /// Take up to `most` inputs. A lane that gets [`Taken::Leave`] is no more counted as one.
    pub(super) fn take(&self, stash: &mut VecDeque<Pending>, most: usize, idle: bool) -> Taken {
        let mut state = self.state();
        state.slots = self.slots.now();
        if state.lanes > state.slots || self.is_over() {
            state.lanes -= 1;
            return Taken::Leave;
        }
        state.take(stash, most);
        if stash.is_empty() {
            if state.all_read && state.is_empty() && state.running == 0 {
                state.lanes -= 1;
                self.wake.notify_waiters();
                self.attention.notify_one();
                return Taken::Leave;
            }
            if idle {
                state.idle += 1;
            }
            if state.due().is_some() {
                self.attention.notify_one();
            }
            return Taken::Wait;
        }
        state.running += stash.len();
        self.show(&state);
        if state.reader_waits && !state.is_half_full() {
            self.room.notify_one();
        }
        // Lanes wake one another, one at a time: who is not needed sleeps on.
        if state.idle > 0 || state.lanes < state.slots {
            self.wake_for(&state);
        }
        Taken::Some
    }

    /// Wait until there may be something to take: call [`take`](Feed::take) in between, with `idle`.
    pub(super) fn wake(&self) -> tokio::sync::futures::Notified<'_> {
        self.wake.notified()
    }

    /// A lane that was idle is so no more.
    pub(super) fn woken(&self) {
        let mut state = self.state();
        state.idle -= 1;
    }

    /// Give back what was taken and has not begun.
    pub(super) fn give_back(&self, stash: &mut VecDeque<Pending>) {
        if stash.is_empty() {
            return;
        }
        let mut state = self.state();
        state.running -= stash.len();
        while let Some(pending) = stash.pop_back() {
            state.fresh_bytes += pending.bytes.len();
            state.fresh.push_front(pending);
        }
        self.show(&state);
        self.wake_for(&state);
    }

    /// This one is to be tried again then.
    pub(super) fn again(&self, mut pending: Pending, due: Instant) {
        // It is often a part of a larger buffer, which would be kept as a whole.
        pending.bytes = Bytes::copy_from_slice(&pending.bytes);
        let mut state = self.state();
        state.running -= 1;
        state.again_bytes += pending.bytes.len();
        state.again.push(Reverse(Later { due, pending }));
        self.show(&state);
        self.attention.notify_one();
    }

    /// These came to their end. Says whether jobs that run shall be ended now.
    pub(super) fn finish(&self, tally: &Tally) -> bool {
        let mut state = self.state();
        let jobs = tally.succeeded + tally.failed + tally.canceled;
        state.running -= usize::try_from(jobs).unwrap_or(state.running);
        self.show(&state);
        let end = self.count(&mut state, tally);
        if state.all_read && state.is_empty() && state.running == 0 {
            self.wake.notify_waiters();
            self.attention.notify_one();
        }
        end
    }

    fn count(&self, state: &mut State, tally: &Tally) -> bool {
        state.succeeded += tally.succeeded;
        state.failed += tally.failed;
        add(&self.progress.succeeded, tally.succeeded);
        add(&self.progress.failed, tally.failed);
        add(&self.progress.canceled, tally.canceled);
        add(&self.progress.attempts, tally.attempts);
        add(&self.progress.retried, tally.retried);
        add(&self.progress.deliveries, tally.deliveries);
        add(&self.progress.duplicates, tally.duplicates);
        add(&self.progress.lost_leases, tally.lost_leases);
        self.halt(state)
    }

    /// Give up if that is reached. Says whether jobs that run shall be ended now.
    fn halt(&self, state: &mut State) -> bool {
        let Some(now) = self.halt.is_reached(state.succeeded, state.failed) else {
            return false;
        };
        if state.halted || self.is_over() {
            return false;
        }
        state.halted = true;
        self.over.store(true, Ordering::Relaxed);
        self.room.notify_all();
        self.wake.notify_waiters();
        self.attention.notify_one();
        now
    }

    /// No more jobs begin. The reader is told when it comes next.
    pub(super) fn give_up(&self) {
        let state = self.state();
        self.over.store(true, Ordering::Relaxed);
        drop(state);
        self.room.notify_all();
        self.wake.notify_waiters();
        self.attention.notify_one();
    }

    /// What has not begun, once no more jobs begin.
    pub(super) fn leftover(&self) -> Vec<Pending> {
        let mut state = self.state();
        let mut left: Vec<_> = state.fresh.drain(..).collect();
        left.extend(state.again.drain().map(|Reverse(later)| later.pending));
        if let Some(rates) = &mut state.rates {
            left.extend(rates.drain());
        }
        (state.fresh_bytes, state.again_bytes) = (0, 0);
        add(&self.progress.canceled, left.len() as u64);
        self.show(&state);
        left
    }

    /// How many more lanes are wanted; they are counted as started.
    pub(super) fn start_lanes(&self) -> usize {
        let mut state = self.state();
        if self.is_over() {
            return 0;
        }
        state.slots = self.slots.now();
        let now = Instant::now();
        let wanted = state.ready(now).saturating_sub(state.idle);
        let more = wanted.min(state.slots.saturating_sub(state.lanes));
        state.lanes += more;
        more
    }

    /// When something that waits is due, if that is in the future.
    pub(super) fn due(&self) -> Option<Instant> {
        self.state().due()
    }

    /// Something is due: lanes that sleep look again.
    pub(super) fn ring(&self) {
        self.wake_for(&self.state());
    }

    /// Whether nothing is left, and nothing will come.
    pub(super) fn is_done(&self) -> bool {
        let state = self.state();
        (self.is_over() || state.all_read) && state.is_empty() && state.running == 0
    }

    /// Whether there will be no more inputs.
    pub(super) fn is_all_read(&self) -> bool {
        self.state().all_read
    }

    /// Whether its halt ended the run.
    pub(super) fn is_halted(&self) -> bool {
        self.state().halted
    }

    /// Wake a lane if there is something for it, or ask for one.
    fn wake_for(&self, state: &State) {
        if !state.has_ready() {
            return;
        }
        if state.idle > 0 {
            self.wake.notify_one();
        } else if state.lanes < state.slots {
            self.attention.notify_one();
        }
    }

    fn show(&self, state: &State) {
        let show = |count: &std::sync::atomic::AtomicU64, many: usize| {
            count.store(many as u64, Ordering::Relaxed);
        };
        show(&self.progress.running, state.running);
        show(&self.progress.waiting, state.waiting());
    }
}

impl State {
    fn waiting(&self) -> usize {
        self.again.len() + self.rates.as_ref().map_or(0, Rates::len)
    }

    fn waiting_bytes(&self) -> usize {
        self.again_bytes + self.rates.as_ref().map_or(0, Rates::bytes)
    }

    fn is_empty(&self) -> bool {
        self.fresh.is_empty() && self.waiting() == 0
    }

    fn is_full(&self) -> bool {
        self.fresh.len() >= MOST_FRESH || self.fresh_bytes >= MOST_FRESH_BYTES
    }

    fn is_half_full(&self) -> bool {
        self.fresh.len() >= MOST_FRESH / 2 || self.fresh_bytes >= MOST_FRESH_BYTES / 2
    }

    /// Whether further inputs may be looked at although some wait.
    fn may_look_ahead(&self) -> bool {
        let has_room = self.rates.as_ref().is_none_or(Rates::has_room);
        has_room && self.waiting() < MOST_WAITING && self.waiting_bytes() < MOST_WAITING_BYTES
    }

    fn take(&mut self, stash: &mut VecDeque<Pending>, most: usize) {
        let now = (self.waiting() > 0 || self.rates.is_some()).then(Instant::now);
        while stash.len() < most {
            let Some(pending) = self.next(now) else {
                return;
            };
            stash.push_back(pending);
        }
    }

    fn next(&mut self, now: Option<Instant>) -> Option<Pending> {
        let Some(now) = now else {
            return self.next_fresh();
        };
        while let Some(later) = self.again.peek()
            && later.0.due <= now
        {
            let Reverse(later) = self.again.pop()?;
            self.again_bytes -= later.pending.bytes.len();
            if let Some(pending) = self.admit(later.pending, now) {
                return Some(pending);
            }
        }
        if let Some(pending) = self.rates.as_mut().and_then(|rates| rates.pop(now)) {
            return Some(pending);
        }
        while self.may_look_ahead() {
            let pending = self.next_fresh()?;
            if let Some(pending) = self.admit(pending, now) {
                return Some(pending);
            }
        }
        None
    }

    fn next_fresh(&mut self) -> Option<Pending> {
        let pending = self.fresh.pop_front()?;
        self.fresh_bytes -= pending.bytes.len();
        Some(pending)
    }

    /// Let it pass, or keep it until its rate does.
    fn admit(&mut self, pending: Pending, now: Instant) -> Option<Pending> {
        match &mut self.rates {
            Some(rates) if !pending.passed => rates.admit(pending, now),
            _ => Some(pending),
        }
    }

    /// How many could begin now, roughly.
    fn ready(&self, now: Instant) -> usize {
        let fresh = if self.may_look_ahead() {
            self.fresh.len()
        } else {
            0
        };
        let due = self.due().is_some_and(|due| due <= now);
        fresh + usize::from(due)
    }

    fn has_ready(&self) -> bool {
        if self.waiting() == 0 && self.rates.is_none() {
            return !self.fresh.is_empty();
        }
        self.ready(Instant::now()) > 0
    }

    fn due(&self) -> Option<Instant> {
        let again = self.again.peek().map(|later| later.0.due);
        let rates = self.rates.as_ref().and_then(Rates::due);
        again.into_iter().chain(rates).min()
    }
}
