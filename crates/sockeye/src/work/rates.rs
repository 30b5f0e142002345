//! How fast jobs begin, for each key: the rest waits without holding up others.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::feed::Pending;
use super::plan::{Rate, RateKey};

/// Timers are no finer than this: who wakes so late may make good for it.
const SLACK: Duration = Duration::from_millis(2);
/// How many keys are remembered before those that are free again are forgotten.
const SWEEP: usize = 4096;

/// One key: when it may begin next, and what waits for that.
#[derive(Debug)]
struct Lane {
    next: Instant,
    waiting: VecDeque<Pending>,
}

/// All keys.
#[derive(Debug)]
pub(super) struct Rates {
    interval: Duration,
    key: Key,
    lanes: HashMap<Bytes, Lane>,
    /// Keys for which something waits, by when it may begin.
    due: BinaryHeap<Reverse<(Instant, Bytes)>>,
    len: usize,
    bytes: usize,
    sweep: usize,
    /// How many keys are remembered at most.
    most: usize,
    /// So many are remembered that none is free again before this.
    full_until: Option<Instant>,
}

struct Key(Option<RateKey>);

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_some() {
            "by key"
        } else {
            "for all"
        })
    }
}

impl Rates {
    pub(super) fn new(rate: &Rate) -> Self {
        Self {
            interval: rate.per / rate.jobs.max(1),
            key: Key(rate.key.clone()),
            lanes: HashMap::new(),
            due: BinaryHeap::new(),
            len: 0,
            bytes: 0,
            sweep: SWEEP.min(rate.most_keys.max(1)),
            most: rate.most_keys.max(1),
            full_until: None,
        }
    }

    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// How many bytes of input wait.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// When the next that waits may begin, or further keys may come.
    pub(super) fn due(&self) -> Option<Instant> {
        let due = self.due.peek().map(|Reverse((due, _))| *due);
        due.into_iter().chain(self.full_until).min()
    }

    /// Whether a further key may come.
    pub(super) fn has_room(&self) -> bool {
        self.full_until.is_none()
    }

    /// Let it begin, or keep it.
    pub(super) fn admit(&mut self, mut pending: Pending, now: Instant) -> Option<Pending> {
        let key = match &self.key.0 {
            Some(key) => key(&pending.bytes),
            None => Bytes::new(),
        };
        let lane = self.lanes.entry(key.clone()).or_insert_with(|| Lane {
            next: now,
            waiting: VecDeque::new(),
        });
        pending.passed = true;
        if lane.waiting.is_empty() && lane.next <= now {
            lane.next = following(lane.next, now, self.interval);
            self.forget(now);
            return Some(pending);
        }
        if lane.waiting.is_empty() {
            self.due.push(Reverse((lane.next, key)));
        }
        // It is often a part of a larger buffer, which would be kept as a whole.
        pending.bytes = Bytes::copy_from_slice(&pending.bytes);
        self.len += 1;
        self.bytes += pending.bytes.len();
        lane.waiting.push_back(pending);
        None
    }

    /// One that waited long enough.
    pub(super) fn pop(&mut self, now: Instant) -> Option<Pending> {
        if self.full_until.is_some_and(|until| until <= now) {
            self.full_until = None;
            self.forget(now);
        }
        self.due.peek().filter(|Reverse((due, _))| *due <= now)?;
        let Reverse((_, key)) = self.due.pop()?;
        let lane = self.lanes.get_mut(&key)?;
        let pending = lane.waiting.pop_front()?;
        lane.next = following(lane.next, now, self.interval);
        if !lane.waiting.is_empty() {
            self.due.push(Reverse((lane.next, key)));
        }
        self.len -= 1;
        self.bytes -= pending.bytes.len();
        Some(pending)
    }

    /// All that wait; the keys are forgotten.
    pub(super) fn drain(&mut self) -> Vec<Pending> {
        self.due.clear();
        self.full_until = None;
        (self.len, self.bytes) = (0, 0);
        let lanes = self.lanes.drain();
        lanes.flat_map(|(_, lane)| lane.waiting).collect()
    }

    /// Keys that are free and have nothing that waits are as good as new.
    fn forget(&mut self, now: Instant) {
        if self.lanes.len() < self.sweep {
            return;
        }
        self.lanes
            .retain(|_, lane| !lane.waiting.is_empty() || lane.next > now);
        self.sweep = (self.lanes.len() * 2).max(SWEEP).min(self.most);
        if self.lanes.len() >= self.most {
            // Where something waits, its turn is due on its own.
            self.full_until = self.lanes.values().map(|lane| lane.next).min();
        }
    }
}

/// When the one after this may begin. What a late timer lost is made good, but nothing that was not used.
fn following(next: Instant, now: Instant, interval: Duration) -> Instant {
    let from = match now.checked_sub(SLACK) {
        Some(earliest) => next.max(earliest),
        None => next,
    };
    from + interval
}
