//! Which part of a file is fetched over which connection: a pure state machine that knows neither sockets nor a clock.
//!
//! It is told what was received and what time it is, and answers with what to do. It begins with one connection. After a second,
//! and if more than three are left, the largest part that is missing is halved and its second half gets a connection of its own; that stays
//! only if everything together became at least a tenth faster. A connection that has nothing left to do takes a half of what
//! would be the last to come.

use std::ops::Range;
use std::time::Duration;

use super::event::Cause;
use super::spans::Spans;

/// How long a rate is measured before it decides something.
const SETTLE: Duration = Duration::from_secs(1);
/// If less time than this is left, nothing is worth the effort.
const WORTH: f64 = 3.0;
/// By how much everything must get faster.
const GAIN: f64 = 1.1;
/// A trial whose connection brings nothing for so long is over.
const PATIENCE: Duration = Duration::from_secs(3);
/// The least that a part has when a number of them was asked for, in bytes.
const FORCED_LEAST: u64 = 1 << 10;

/// How many connections fetch one file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Segments {
    /// As many as make it faster, for large files (64 MiB by default) on servers that send parts.
    #[default]
    Auto,
    /// One.
    Off,
    /// So many from the start, if the server sends parts.
    Exactly(u32),
}

/// What bounds a plan.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) segments: Segments,
    /// From which length on it decides by itself.
    pub(crate) from: u64,
    /// The least that a part has after it was split.
    pub(crate) least: u64,
    /// At most so many connections.
    pub(crate) most: u32,
}

/// The number of a connection of this file.
pub(crate) type Id = u32;

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    /// Fetch these bytes over a connection of their own.
    Open {
        id: Id,
        range: Range<u64>,
        cause: Cause,
    },
    /// This one ends here now.
    Bound { id: Id, end: u64 },
    /// Stop this one.
    Close { id: Id, cause: Cause },
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// All of it came.
    Complete,
    /// Less came than was asked for; the rest is to be asked for again.
    Short,
    /// It broke.
    Broken,
    /// The server, or a bound, wants no more of them.
    Refused,
}

#[derive(Clone, Debug)]
struct Segment {
    id: Id,
    at: u64,
    end: u64,
    began: Duration,
    first_byte: Option<Duration>,
    received: u64,
}

impl Segment {
    fn left(&self) -> u64 {
        self.end.saturating_sub(self.at)
    }

    /// Seconds until it is done at the rate it had so far; without end if nothing came yet.
    fn seconds_left(&self, now: Duration) -> f64 {
        let seconds = now.saturating_sub(self.began).as_secs_f64();
        ratio(self.left(), self.received) * seconds
    }
}

struct Trial {
    id: Id,
    /// The rate without it, in bytes a second.
    before: f64,
}

/// The plan of one file.
pub(crate) struct Plan {
    bounds: Bounds,
    done: Spans,
    /// Missing, and nobody fetches it.
    pending: Vec<Range<u64>>,
    active: Vec<Segment>,
    next: Id,
    /// So many connections at once are known to be worth it, or were asked for.
    worth: usize,
    trial: Option<Trial>,
    /// No more trials.
    settled: bool,
    /// What came since when: the rate that decides.
    since: Duration,
    received: u64,
}

impl Plan {
    /// A plan for a file of this length of which these bytes are there. With `alone` there is one connection for all time.
    pub(crate) fn new(length: u64, done: Spans, bounds: Bounds, alone: bool) -> Self {
        let worth = match bounds.segments {
            Segments::Exactly(number) if !alone => number.clamp(1, bounds.most.max(1)) as usize,
            _ => 1,
        };
        let by_itself = bounds.segments == Segments::Auto && length >= bounds.from && !alone;
        let mut pending = done.missing(length);
        pending.reverse();
        Self {
            bounds,
            done,
            pending,
            active: Vec::new(),
            next: 0,
            worth,
            trial: None,
            settled: !by_itself,
            since: Duration::ZERO,
            received: 0,
        }
    }

    /// The first connection, which takes what is missing first; its request was sent already, or is sent now.
    pub(crate) fn begin(&mut self, now: Duration) -> Vec<Act> {
        let mut acts = Vec::new();
        self.restart_measure(now);
        if let Some(range) = self.pending.pop() {
            self.open(range, Cause::First, now, &mut acts);
        }
        self.spread(now, &mut acts);
        acts
    }

    /// What is there.
    pub(crate) fn done(&self) -> &Spans {
        &self.done
    }

    /// Whether nothing is missing.
    pub(crate) fn is_complete(&self) -> bool {
        self.active.is_empty() && self.pending.is_empty()
    }

    /// These bytes came over this connection, and are written.
    pub(crate) fn received(&mut self, id: Id, bytes: Range<u64>, now: Duration) {
        if bytes.is_empty() {
            return;
        }
        self.done.add(bytes.clone());
        let count = bytes.end - bytes.start;
        self.received += count;
        if let Some(segment) = self.active.iter_mut().find(|it| it.id == id) {
            segment.at = segment.at.max(bytes.end);
            segment.received += count;
            segment.first_byte.get_or_insert(now);
        }
    }

    /// This connection ended.
    pub(crate) fn ended(&mut self, id: Id, how: Ended, now: Duration) -> Vec<Act> {
        let mut acts = Vec::new();
        let Some(index) = self.active.iter().position(|it| it.id == id) else {
            return acts;
        };
        let segment = self.active.remove(index);
        let was_trial = self.trial.as_ref().is_some_and(|trial| trial.id == id);
        if segment.left() > 0 {
            self.give_back(segment.at..segment.end, &mut acts);
        }
        if was_trial {
            self.trial = None;
            self.settled |= how != Ended::Complete;
        }
        // What is opened again at once must have brought something, or it would be opened for ever.
        let in_vain = how == Ended::Broken && segment.received == 0;
        if how == Ended::Refused || in_vain {
            self.settled = true;
            self.worth = self.active.len().max(1);
        }
        if how != Ended::Broken || !self.active.is_empty() {
            self.next_of(now, &mut acts);
        }
        acts
    }

    /// Time has passed.
    pub(crate) fn tick(&mut self, now: Duration) -> Vec<Act> {
        let mut acts = Vec::new();
        match &self.trial {
            Some(_) => self.judge(now, &mut acts),
            None => self.consider(now, &mut acts),
        }
        acts
    }

    fn rate(&self, now: Duration) -> f64 {
        let seconds = now.saturating_sub(self.since).as_secs_f64();
        ratio(self.received, 1) / seconds.max(1e-9)
    }

    fn restart_measure(&mut self, now: Duration) {
        self.since = now;
        self.received = 0;
    }

    /// Is another connection worth a trial?
    fn consider(&mut self, now: Duration, acts: &mut Vec<Act>) {
        let may = !self.settled && self.pending.is_empty();
        if !may || self.active.len() >= self.bounds.most as usize {
            return;
        }
        if now.saturating_sub(self.since) < SETTLE || self.received == 0 {
            return;
        }
        let before = self.rate(now);
        let left: u64 = self.active.iter().map(Segment::left).sum();
        if ratio(left, 1) / before <= WORTH {
            self.settled = true;
            return;
        }
        let largest = self.active.iter().max_by_key(|segment| segment.left());
        let Some(largest) = largest.map(|segment| segment.id) else {
            return;
        };
        if let Some(id) = self.halve(largest, Cause::Trial, now, acts) {
            self.trial = Some(Trial { id, before });
        }
        self.restart_measure(now);
    }

    /// Did the trial make it faster?
    fn judge(&mut self, now: Duration, acts: &mut Vec<Act>) {
        let Some(trial) = &self.trial else { return };
        let (id, before) = (trial.id, trial.before);
        let Some(segment) = self.active.iter().find(|it| it.id == id).cloned() else {
            self.trial = None;
            return;
        };
        match segment.first_byte {
            // What came while it was being opened says nothing about it.
            Some(first) if self.since < first => {
                self.restart_measure(first);
                return;
            }
            Some(first) if now.saturating_sub(first) < SETTLE => return,
            None if now.saturating_sub(segment.began) < PATIENCE => return,
            _ => {}
        }
        let is_worth_it = segment.first_byte.is_some() && self.rate(now) >= before * GAIN;
        self.trial = None;
        self.restart_measure(now);
        if is_worth_it {
            self.worth = self.worth.max(self.active.len());
            return;
        }
        self.settled = true;
        let rest = segment.at..segment.end;
        self.active.retain(|it| it.id != id);
        acts.push(Act::Close {
            id,
            cause: Cause::NoGain,
        });
        self.give_back(rest, acts);
    }

    /// What nobody fetches any more goes to whoever fetches what is just before it, or waits.
    fn give_back(&mut self, rest: Range<u64>, acts: &mut Vec<Act>) {
        let before = self
            .active
            .iter_mut()
            .find(|it| it.end == rest.start && it.left() > 0);
        if let Some(segment) = before {
            segment.end = rest.end;
            acts.push(Act::Bound {
                id: segment.id,
                end: rest.end,
            });
            return;
        }
        self.pending.push(rest);
        self.pending
            .sort_by_key(|range| std::cmp::Reverse(range.start));
    }

    /// A connection is free: it takes what waits, else a half of what would be the last to come.
    fn next_of(&mut self, now: Duration, acts: &mut Vec<Act>) {
        while self.active.len() < self.worth {
            if let Some(range) = self.pending.pop() {
                self.open(range, Cause::Left, now, acts);
                continue;
            }
            let slowest = self
                .active
                .iter()
                .max_by(|a, b| a.seconds_left(now).total_cmp(&b.seconds_left(now)));
            let Some(slowest) = slowest.map(|segment| segment.id) else {
                return;
            };
            if self.halve(slowest, Cause::Stolen, now, acts).is_none() {
                return;
            }
        }
    }

    /// As many as were asked for, from the start: always the largest part is halved, so that they are about equal.
    fn spread(&mut self, now: Duration, acts: &mut Vec<Act>) {
        if self.worth < 2 {
            return;
        }
        self.bounds.least = self.bounds.least.min(FORCED_LEAST);
        while self.active.len() < self.worth {
            if let Some(range) = self.pending.pop() {
                self.open(range, Cause::Forced, now, acts);
                continue;
            }
            let largest = self.active.iter().max_by_key(|segment| segment.left());
            let Some(largest) = largest.map(|segment| segment.id) else {
                return;
            };
            let parts = self.worth - self.active.len() + 1;
            let is_one = self.active.len() == 1;
            let cut = if is_one { parts as u64 } else { 2 };
            if self.split(largest, cut, Cause::Forced, now, acts).is_none() {
                return;
            }
        }
    }

    fn halve(&mut self, id: Id, cause: Cause, now: Duration, acts: &mut Vec<Act>) -> Option<Id> {
        self.split(id, 2, cause, now, acts)
    }

    /// Cut the rest of this one into so many equal parts; it keeps the first, and the others get connections of their own.
    fn split(
        &mut self,
        id: Id,
        parts: u64,
        cause: Cause,
        now: Duration,
        acts: &mut Vec<Act>,
    ) -> Option<Id> {
        let segment = self.active.iter_mut().find(|it| it.id == id)?;
        let part = segment.left() / parts.max(1);
        if part < self.bounds.least.max(1) {
            return None;
        }
        let (at, end) = (segment.at, segment.end);
        segment.end = at + part;
        acts.push(Act::Bound {
            id,
            end: segment.end,
        });
        let mut opened = None;
        for number in 1..parts {
            let start = at + part * number;
            let end = if number + 1 == parts {
                end
            } else {
                start + part
            };
            opened = Some(self.open(start..end, cause, now, acts));
        }
        opened
    }

    fn open(&mut self, range: Range<u64>, cause: Cause, now: Duration, acts: &mut Vec<Act>) -> Id {
        let id = self.next;
        self.next += 1;
        self.active.push(Segment {
            id,
            at: range.start,
            end: range.end,
            began: now,
            first_byte: None,
            received: 0,
        });
        acts.push(Act::Open { id, range, cause });
        id
    }
}

/// One number through another, without end if the other is 0.
#[expect(clippy::cast_precision_loss, reason = "a rate needs no more digits")]
fn ratio(a: u64, b: u64) -> f64 {
    if b == 0 {
        f64::INFINITY
    } else {
        a as f64 / b as f64
    }
}

#[cfg(test)]
mod tests;
