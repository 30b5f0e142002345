//! Who is asked for jobs: one request for each free slot, runs in turn, none of them waiting while another has jobs.

use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::work::nats::streams::JOBS;

/// How long a request waits at the broker, at most.
pub(super) const LONG: Duration = Duration::from_secs(1);

/// How often a run that had nothing is asked while others have jobs.
pub(super) const PROBE: Duration = Duration::from_millis(100);

/// How long after its end a request is believed to be unanswered.
const SLACK: Duration = Duration::from_secs(1);

/// A request for one job.
pub(super) struct Pull {
    pub(super) subject: String,
    pub(super) inbox: String,
    pub(super) request: Bytes,
}

struct Run {
    name: String,
    asked: usize,
    /// Since when it has nothing, as far as we know.
    idle: Option<Instant>,
    last_asked: Instant,
}

/// Slots and requests, counted.
pub(super) struct Pulls {
    inbox: String,
    slots: usize,
    busy: usize,
    runs: Vec<Run>,
    turn: usize,
}

impl Pulls {
    pub(super) fn new(inbox: String, slots: usize) -> Self {
        Self {
            inbox,
            slots,
            busy: 0,
            runs: Vec::new(),
            turn: 0,
        }
    }

    pub(super) fn busy(&self) -> usize {
        self.busy
    }

    /// Requests that are not answered yet.
    pub(super) fn asked(&self) -> usize {
        self.runs.iter().map(|run| run.asked).sum()
    }

    pub(super) fn join(&mut self, name: &str) {
        self.leave(name);
        self.runs.push(Run {
            name: name.to_owned(),
            asked: 0,
            idle: None,
            last_asked: Instant::now(),
        });
    }

    pub(super) fn leave(&mut self, name: &str) {
        self.runs.retain(|run| run.name != name);
    }

    /// A job takes a slot, if one is free.
    pub(super) fn take(&mut self) -> bool {
        let is_free = self.busy < self.slots;
        self.busy += usize::from(is_free);
        is_free
    }

    pub(super) fn free(&mut self) {
        self.busy = self.busy.saturating_sub(1);
    }

    fn run(&mut self, name: &str) -> Option<&mut Run> {
        self.runs.iter_mut().find(|run| run.name == name)
    }

    /// A request was answered by a job.
    pub(super) fn arrived(&mut self, name: &str) {
        if let Some(run) = self.run(name) {
            run.asked = run.asked.saturating_sub(1);
            run.idle = None;
        }
    }

    /// A request was answered by this status; whether the consumer is gone.
    pub(super) fn refused(&mut self, name: &str, status: u16) -> bool {
        let Some(run) = self.run(name) else {
            return false;
        };
        run.asked = run.asked.saturating_sub(1);
        run.idle.get_or_insert_with(Instant::now);
        // 404 and 408: there is nothing now. 409: it was removed, or has too many requests. 503: nobody is there.
        matches!(status, 409 | 503)
    }

    /// The connection was made anew: the broker knows nothing of what was asked.
    pub(super) fn forget_all(&mut self) {
        for run in &mut self.runs {
            run.asked = 0;
            run.idle = None;
        }
    }

    /// Runs whose requests should have been answered long ago; they are asked again.
    pub(super) fn stalled(&mut self) -> Vec<String> {
        let late = |run: &&mut Run| run.asked > 0 && run.last_asked.elapsed() > LONG + SLACK;
        let runs = self.runs.iter_mut().filter(late);
        runs.map(|run| {
            run.asked = 0;
            run.name.clone()
        })
        .collect()
    }

    /// The next request, as long as slots are free.
    pub(super) fn next(&mut self) -> Option<Pull> {
        if self.busy + self.asked() >= self.slots || self.runs.is_empty() {
            return None;
        }
        let now = Instant::now();
        let others = self.runs.len() > 1;
        let is_active = |run: &Run| run.idle.is_none();
        let is_due = |run: &Run| run.asked == 0 && now.duration_since(run.last_asked) >= PROBE;
        let some_active = self.runs.iter().any(is_active);
        let turns = (0..self.runs.len()).map(|n| (self.turn + n) % self.runs.len());
        let index = turns.into_iter().find(|&index| {
            let run = &self.runs[index];
            // Where one has jobs, those that had none are only looked at now and then.
            is_active(run) || !some_active || is_due(run)
        })?;
        self.turn = index + 1;
        let run = &mut self.runs[index];
        let waits = !others || !some_active;
        run.asked += 1;
        run.last_asked = now;
        let request = if waits {
            format!("{{\"batch\":1,\"expires\":{}}}", LONG.as_nanos())
        } else {
            "{\"batch\":1,\"no_wait\":true}".to_owned()
        };
        Some(Pull {
            subject: format!("$JS.API.CONSUMER.MSG.NEXT.{JOBS}.{}", run.name),
            inbox: format!("{}.{}", self.inbox, run.name),
            request: request.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(pulls: &mut Pulls) -> Vec<String> {
        std::iter::from_fn(|| pulls.next())
            .map(|pull| pull.inbox)
            .collect()
    }

    #[test]
    fn as_many_are_asked_for_as_slots_are_free() {
        let mut pulls = Pulls::new("i".into(), 3);
        assert!(pulls.next().is_none());
        pulls.join("a");
        assert_eq!(asked(&mut pulls), ["i.a", "i.a", "i.a"]);
        pulls.arrived("a");
        assert!(pulls.take());
        assert!(pulls.next().is_none());
        pulls.free();
        assert_eq!(asked(&mut pulls).len(), 1);
        pulls.forget_all();
        assert_eq!(asked(&mut pulls).len(), 3);
    }

    #[test]
    fn runs_have_their_turns_and_an_idle_one_holds_no_slot() {
        let mut pulls = Pulls::new("i".into(), 4);
        pulls.join("a");
        pulls.join("b");
        assert_eq!(asked(&mut pulls), ["i.a", "i.b", "i.a", "i.b"]);
        assert!(!pulls.refused("b", 404) && !pulls.refused("b", 404));
        assert_eq!(asked(&mut pulls), ["i.a", "i.a"]);
        // Both have nothing: both are waited for.
        for _ in 0..4 {
            pulls.refused("a", 404);
        }
        let waiting = asked(&mut pulls);
        assert_eq!(waiting.iter().filter(|inbox| *inbox == "i.a").count(), 2);
        assert!(pulls.refused("a", 503), "the consumer is gone");
    }
}
