//! A lane: takes inputs one after the other and runs their jobs.
//!
//! There are as many as slots. Where jobs are done at once, without waiting, a lane takes and tells of several at a time; a job that
//! waits makes it give back all but that job, so that no input stands behind a slow one while another lane is free.

use std::any::Any;
use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::feed::{Feed, Pending, Taken, Tally};
use super::job::{Ending, Input, Job, Outcome, Work};
use super::outbox::{Done, Outbox};
use super::retry::Retries;

/// How many inputs a lane takes at once, where jobs are quick.
const MOST_TAKEN: usize = 64;
/// A job is quick if it takes less.
const QUICK: Duration = Duration::from_micros(100);
/// A lane that never waits lets others have their turn after so long.
const TURN: Duration = Duration::from_millis(1);

/// What all lanes of a run share.
pub(super) struct Shared<W> {
    pub(super) work: W,
    pub(super) feed: Arc<Feed>,
    pub(super) outbox: Arc<Outbox>,
    pub(super) retries: Retries,
    /// Canceled when jobs that run are to be ended.
    pub(super) stop: CancellationToken,
}

/// With the last lane, the last result has come.
impl<W> Drop for Shared<W> {
    fn drop(&mut self) {
        self.outbox.close();
    }
}

struct Lane {
    stop: CancellationToken,
    stash: VecDeque<Pending>,
    done: Vec<Done>,
    tally: Tally,
    most: usize,
    clock: Instant,
    turn: Instant,
}

/// Run jobs until there are no more, or there are more lanes than slots.
pub(super) async fn lane<W: Work>(shared: Arc<Shared<W>>) {
    let now = Instant::now();
    let mut lane = Lane {
        stop: shared.stop.child_token(),
        stash: VecDeque::new(),
        done: Vec::new(),
        tally: Tally::default(),
        most: 1,
        clock: now,
        turn: now,
    };
    while lane.fetch(&shared).await {
        lane.work_off(&shared).await;
    }
}

impl Lane {
    /// Wait for inputs; `false` ends the lane.
    async fn fetch<W: Work>(&mut self, shared: &Shared<W>) -> bool {
        self.tell(shared);
        if self.clock - self.turn > TURN {
            tokio::task::yield_now().await;
            self.turn = Instant::now();
        }
        shared.outbox.room().await;
        loop {
            match shared.feed.take(&mut self.stash, self.most, false) {
                Taken::Some => break,
                Taken::Leave => return false,
                Taken::Wait => {}
            }
            let mut wake = pin!(shared.feed.wake());
            wake.as_mut().enable();
            match shared.feed.take(&mut self.stash, self.most, true) {
                Taken::Some => break,
                Taken::Leave => return false,
                Taken::Wait => {}
            }
            wake.await;
            shared.feed.woken();
        }
        self.clock = Instant::now();
        true
    }

    async fn work_off<W: Work>(&mut self, shared: &Shared<W>) {
        let mut all_quick = true;
        while let Some(pending) = self.stash.pop_front() {
            // The loop hears of a stop later than the jobs that it ends: no other one begins in between.
            if self.stop.is_cancelled() && !shared.feed.is_over() {
                shared.feed.give_up();
            }
            if shared.feed.is_over() {
                self.stash.push_front(pending);
                break;
            }
            let (outcome, waited) = self.attempt(shared, &pending).await;
            let now = Instant::now();
            let took = now - self.clock;
            self.clock = now;
            self.settle(shared, pending, outcome, took);
            if waited || took > QUICK {
                all_quick = false;
                shared.feed.give_back(&mut self.stash);
            }
            if shared.feed.is_strict() || !all_quick {
                self.tell(shared);
            }
        }
        shared.feed.give_back(&mut self.stash);
        self.most = if all_quick {
            (self.most * 2).min(MOST_TAKEN)
        } else {
            1
        };
    }

    /// One attempt, and whether it had to wait for something.
    async fn attempt<W: Work>(&mut self, shared: &Shared<W>, pending: &Pending) -> (Outcome, bool) {
        let job = Job {
            index: pending.index,
            attempt: pending.attempts + 1,
            input: pending.bytes.clone(),
            key: pending.key,
            stop: self.stop.clone(),
        };
        let run = AssertUnwindSafe(async { shared.work.run(job).await }).catch_unwind();
        let mut run = pin!(run);
        let at_once = poll_fn(|context| Poll::Ready(run.as_mut().poll(context))).await;
        let (ended, waited) = match at_once {
            Poll::Ready(ended) => (ended, false),
            Poll::Pending => {
                self.tell(shared);
                shared.feed.give_back(&mut self.stash);
                let ended = run.await;
                self.turn = Instant::now();
                (ended, true)
            }
        };
        let outcome = ended.unwrap_or_else(|panic| {
            Outcome::new(Ending::Failed(format!("it panicked: {}", said(&*panic))))
        });
        (outcome, waited)
    }

    /// A job that failed is tried again if it may be; all others are done.
    fn settle<W: Work>(
        &mut self,
        shared: &Shared<W>,
        mut pending: Pending,
        mut outcome: Outcome,
        took: Duration,
    ) {
        let attempt = pending.attempts + 1;
        if outcome.attempts > 0 {
            pending.attempts = attempt;
            self.tally.attempt(attempt, &outcome);
        }
        outcome.attempts = pending.attempts;
        if outcome.took.is_zero() {
            outcome.took = took;
        }
        if let Some(wait) = shared.retries.after(attempt, &outcome.ending)
            && !shared.feed.is_over()
        {
            pending.attempts = attempt;
            pending.passed = false;
            shared
                .feed
                .again(pending, self.clock + Retries::spread(wait));
            return;
        }
        self.tally.count(&outcome.ending);
        self.done.push(Done {
            recorded: is_cut_short(&outcome.ending, &shared.stop),
            input: Input {
                index: pending.index,
                bytes: pending.bytes,
            },
            key: pending.key,
            outcome,
        });
    }

    /// Hand over what is done.
    fn tell<W: Work>(&mut self, shared: &Shared<W>) {
        if self.tally.is_empty() {
            return;
        }
        shared.outbox.push(&mut self.done);
        if shared.feed.finish(&self.tally) {
            shared.stop.cancel();
        }
        self.tally = Tally::default();
    }
}

/// SIGINT, by which people end what runs.
const INTERRUPTED: i32 = 2;

/// Whether it is to be done again by a run that goes on from here: it was ended with the run, or may have been.
fn is_cut_short(ending: &Ending, stop: &CancellationToken) -> bool {
    match ending {
        Ending::Canceled | Ending::Killed(INTERRUPTED) => true,
        ending => !ending.is_success() && stop.is_cancelled(),
    }
}

/// What a panic said.
fn said(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no reason was given")
}
