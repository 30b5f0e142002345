//! The loop: inputs in, jobs run, results out, within the bounds of the plan.
//!
//! A thread reads ([`intake`](super::intake)), lanes run jobs, a thread records, a thread hands results to the sink. The loop here
//! only starts lanes when they are wanted, rings when something is due, and sees all of them to their end.

use std::sync::{Arc, PoisonError};

use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::feed::{Feed, Pending};
use super::intake::{Intake, Known};
use super::job::{Ending, Input, Outcome, Sink, Source, Work};
use super::journal::Between;
use super::lane::{Shared, lane};
use super::order::Order;
use super::outbox::Done;
use super::outlet::Outlet;
use super::plan::{Plan, Slots};
use super::rates::Rates;
use super::report::Report;
use crate::error::{Error, Kind, Operation, Result};

/// Run one job for each input until there are no more, the plan gives up, or `stop` is canceled: then jobs that run are ended.
///
/// It reads ahead of the jobs by at most 4,096 inputs or about 1 MiB of them. Results that wait for their turn take the memory that
/// [`Spill`](super::Spill) allows, and beyond that room in its file.
///
/// # Errors
///
/// Those of the source, after all that was read is done; those of the sink and the journal, after all jobs are ended.
///
/// # Cancel safety
///
/// If it is dropped, jobs are told to end by their [`stop`](super::Job::stop), and no further ones begin. A thread that waits for
/// input goes on until its source returns.
pub async fn run(
    plan: Plan,
    source: impl Source,
    work: impl Work,
    sink: impl Sink,
    stop: CancellationToken,
) -> Result<Report> {
    let started = Instant::now();
    let journal = match (plan.journal, &plan.identity) {
        (Some(journal), Some(identity)) => Some(journal.begin(identity)?),
        (Some(_), None) => return Err(nameless()),
        (None, _) => None,
    };
    let identity = match &journal {
        Some(begun) => {
            begun.totals.go_on(&plan.progress);
            Some(begun.identity.clone())
        }
        None => plan.identity,
    };
    let rates = plan.rate.as_ref().map(Rates::new);
    let feed = Arc::new(Feed::new(
        plan.slots.clone(),
        plan.halt,
        rates,
        Arc::clone(&plan.progress),
    ));
    let shared = Arc::new(Shared {
        work,
        feed: Arc::clone(&feed),
        outbox: Arc::default(),
        retries: plan.retries,
        stop: stop.child_token(),
    });
    let ends = shared.stop.clone();
    let dropped = Dropped(Arc::clone(&feed), ends);

    let order = plan.ordered.then(|| Order::new(plan.spill.clone()));
    let last = match &journal {
        Some(_) => Arc::default(),
        None => Arc::clone(&shared.outbox),
    };
    let outlet = Outlet::new(Arc::clone(&last), Arc::clone(&feed), shared.stop.clone());
    let put = start("results", move || outlet.run(sink, order))?;
    let (recorder, replay) = match journal {
        Some(begun) => (Some(begun.recorder), begun.replay),
        None => (None, None),
    };
    let recorded = recorder.map(|recorder| {
        let between = Between {
            from: Arc::clone(&shared.outbox),
            to: last,
            feed: Arc::clone(&feed),
            stop: shared.stop.clone(),
            progress: Arc::clone(&plan.progress),
        };
        start("journal", move || recorder.run(between))
    });
    let recorded = recorded.transpose()?;
    let known = replay.map(|replay| Known {
        replay,
        spill: plan.spill.clone(),
        outbox: Arc::clone(&shared.outbox),
    });
    let intake = Intake::new(Arc::clone(&feed), identity.as_ref(), known);
    let read = intake.ended();
    start("inputs", move || intake.run(source))?;

    let driven = drive(&shared, &plan.slots, &plan.enough).await;
    leave(&shared);
    drop(shared);
    let put = put.await.unwrap_or_else(|_| Err(broken("results")));
    let recorded = match recorded {
        Some(recorded) => recorded.await.unwrap_or_else(|_| Err(broken("journal"))),
        None => Ok(()),
    };
    drop(dropped);
    recorded?;
    put?;
    driven?;
    let read = read.lock().unwrap_or_else(PoisonError::into_inner).take();
    match read {
        Some(read) => read?,
        // A thread that still waits for input is not waited for.
        None if !feed.is_all_read() => {}
        None => return Err(broken("inputs")),
    }
    let mut report = plan.progress.report();
    report.halted = feed.is_halted();
    report.stopped = stop.is_cancelled() || plan.enough.is_cancelled();
    report.took = started.elapsed();
    Ok(report)
}

/// If the run is dropped, jobs go on until they have seen that they shall end.
struct Lanes(JoinSet<()>);

impl Drop for Lanes {
    fn drop(&mut self) {
        self.0.detach_all();
    }
}

/// Start lanes when they are wanted, until all is done.
async fn drive<W: Work>(
    shared: &Arc<Shared<W>>,
    slots: &Slots,
    enough: &CancellationToken,
) -> Result<()> {
    let feed = &shared.feed;
    let mut lanes = Lanes(JoinSet::new());
    let mut driven = Ok(());
    let mut changes = slots.subscribe();
    loop {
        for _ in 0..feed.start_lanes() {
            lanes.0.spawn(lane(Arc::clone(shared)));
        }
        if lanes.0.is_empty() && (feed.is_over() || feed.is_done()) {
            return driven;
        }
        // What is due already is taken by lanes as they come free; one that sleeps has to be told.
        let due = feed.due();
        if due.is_some_and(|due| due <= Instant::now()) {
            feed.ring();
        }
        let due = due.filter(|due| *due > Instant::now());
        tokio::select! {
            () = feed.attention.notified() => {}
            Some(ended) = lanes.0.join_next(), if !lanes.0.is_empty() => {
                // Jobs that panic are caught; this is the key of a rate, say.
                if ended.is_err() {
                    driven = Err(broken("jobs"));
                    feed.give_up();
                }
            }
            Ok(()) = changes.changed() => {}
            () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => feed.ring(),
            () = shared.stop.cancelled(), if !feed.is_over() => feed.give_up(),
            () = enough.cancelled(), if !feed.is_over() => feed.give_up(),
        }
    }
}

/// What had no turn has its place among the results too.
fn leave<W>(shared: &Shared<W>) {
    let left = shared.feed.leftover().into_iter().map(canceled);
    shared.outbox.push(&mut left.collect());
}

fn canceled(pending: Pending) -> Done {
    let mut outcome = Outcome::new(Ending::Canceled);
    outcome.attempts = pending.attempts;
    Done {
        input: Input {
            index: pending.index,
            bytes: pending.bytes,
        },
        key: pending.key,
        outcome,
        recorded: true,
    }
}

/// A thread of its own, and what it returned.
fn start<T: Send + 'static>(
    name: &str,
    body: impl FnOnce() -> T + Send + 'static,
) -> Result<oneshot::Receiver<T>> {
    let (tell, told) = oneshot::channel();
    let thread = std::thread::Builder::new().name(name.into());
    let started = thread.spawn(move || {
        let _ = tell.send(body());
    });
    match started {
        Ok(_) => Ok(told),
        Err(error) => Err(Error::from_io(Operation::Run, error).about("a thread")),
    }
}

fn nameless() -> Error {
    let why = "a journal needs an identity: what is done with each input";
    Error::new(Kind::Usage, Operation::Run, why)
}

fn broken(what: &str) -> Error {
    let why = format!("the thread of {what} ended before its work was done");
    Error::new(Kind::Io, Operation::Run, why)
}

/// Ends what was begun if the run is dropped.
struct Dropped(Arc<Feed>, CancellationToken);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.give_up();
        self.1.cancel();
    }
}
