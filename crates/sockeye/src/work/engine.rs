//! The loop: inputs in, jobs run, results out, within the bounds of the plan.
//!
//! A thread reads ([`intake`](super::intake)), lanes run jobs, a thread records, a thread hands results to the sink. The loop here
//! only starts lanes when they are wanted, rings when something is due, and sees all of them to their end.

use std::sync::Arc;

use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::feed::{Feed, Pending};
use super::intake::Intake;
use super::job::{Ending, Input, Outcome, Sink, Source, Work};
use super::lane::{Shared, lane};
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
    let rates = plan.rate.as_ref().map(Rates::new);
    let feed = Arc::new(Feed::new(
        plan.slots.now(),
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
    let dropped = Dropped(Arc::clone(&feed), shared.stop.clone());

    let outlet = Outlet::new(
        Arc::clone(&shared.outbox),
        Arc::clone(&feed),
        shared.stop.clone(),
    );
    let ordered = plan.ordered;
    let put = start("results", move || outlet.run(sink, ordered))?;
    let intake = Intake::new(Arc::clone(&feed), plan.identity.as_ref());
    let mut read = start("inputs", move || intake.run(source))?;

    drive(&shared, &plan.slots).await;
    leave(&shared);
    shared.outbox.close();
    let put = put.await.unwrap_or_else(|_| Err(broken("results")));
    drop(dropped);
    put?;
    // A thread that still waits for input is not waited for.
    match read.try_recv() {
        Ok(read) => read?,
        Err(oneshot::error::TryRecvError::Empty) => {}
        Err(oneshot::error::TryRecvError::Closed) => return Err(broken("inputs")),
    }
    let mut report = plan.progress.report();
    report.halted = feed.is_halted();
    report.stopped = stop.is_cancelled();
    report.took = started.elapsed();
    Ok(report)
}

/// Start lanes when they are wanted, until all is done.
async fn drive<W: Work>(shared: &Arc<Shared<W>>, slots: &Slots) {
    let feed = &shared.feed;
    let mut lanes = JoinSet::new();
    let mut changes = slots.subscribe();
    loop {
        for _ in 0..feed.start_lanes() {
            lanes.spawn(lane(Arc::clone(shared)));
        }
        if lanes.is_empty() && (feed.is_over() || feed.is_done()) {
            return;
        }
        // What is due already is taken by lanes as they come free; one that sleeps has to be told.
        let due = feed.due();
        if due.is_some_and(|due| due <= Instant::now()) {
            feed.ring();
        }
        let due = due.filter(|due| *due > Instant::now());
        tokio::select! {
            () = feed.attention.notified() => {}
            Some(_) = lanes.join_next(), if !lanes.is_empty() => {}
            Ok(()) = changes.changed() => feed.set_slots(*changes.borrow_and_update()),
            () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => feed.ring(),
            () = shared.stop.cancelled(), if !feed.is_over() => feed.give_up(),
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
