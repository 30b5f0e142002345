//! The worker's side: lease as many jobs as there are free slots, do them, store their results, take them off the queue.

mod delivery;
mod fate;
mod pulls;
mod runs;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use async_nats::jetstream::{AckKind, Message};
use async_nats::{Request, Subscriber};
use futures_util::{FutureExt, StreamExt};
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::pulls::Pulls;
use self::runs::{RunHere, Runs};
use super::connect::Broker;
use super::streams::POKE;
use super::wire::{self, WorkerRecord, now_ms};
use crate::error::Result;
use crate::work::Work;

/// How often a worker says that it is there.
const ANNOUNCE: Duration = Duration::from_secs(4);

/// How often a worker looks for runs if nobody calls it.
const LOOK: Duration = Duration::from_secs(1);

/// How long a job that is handed back waits before the next worker gets it.
const HAND_BACK: Duration = Duration::from_millis(50);

/// How long a broker may take to let us go.
const DRAIN: Duration = Duration::from_secs(2);

/// How a worker works.
#[derive(Clone)]
#[non_exhaustive]
pub struct WorkerOptions {
    /// How many jobs at once: 1 by default.
    pub slots: usize,
    /// The first part of its identity; the name of the host by default.
    pub name: Option<String>,
    /// Only jobs of this run.
    pub run: Option<String>,
    /// How many jobs it takes in all; no bound by default.
    pub max_jobs: Option<u64>,
    /// It ends once there was nothing to do for so long; never by default.
    pub idle_exit: Option<Duration>,
    /// How long jobs may go on after it was told to stop: 10 s by default. Then they are ended, and handed back.
    pub grace: Duration,
    /// A job that so many workers died with is given up: 3 by default.
    pub crashes: u32,
    /// A program that so many workers do not have is given up, or all if they are fewer: 3 by default.
    pub missing: usize,
    /// Hears what happens.
    pub observer: Option<Arc<dyn Fn(WorkerEvent) + Send + Sync>>,
}

impl Default for WorkerOptions {
    fn default() -> Self {
        Self {
            slots: 1,
            name: None,
            run: None,
            max_jobs: None,
            idle_exit: None,
            grace: Duration::from_secs(10),
            crashes: 3,
            missing: 3,
            observer: None,
        }
    }
}

impl fmt::Debug for WorkerOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkerOptions")
            .field("slots", &self.slots)
            .field("name", &self.name)
            .field("run", &self.run)
            .field("max_jobs", &self.max_jobs)
            .field("idle_exit", &self.idle_exit)
            .field("grace", &self.grace)
            .finish_non_exhaustive()
    }
}

/// What a worker tells of.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WorkerEvent {
    /// It takes jobs, under this identity.
    Ready(String),
    /// It takes jobs of this run.
    Joined(String),
    /// It takes no jobs of this run, for this reason.
    Refused(String, String),
    /// This run has ended, or was ended.
    Left(String),
    /// The result of a delivery is stored: run, first place of its inputs, how many jobs, how often it was delivered.
    Done {
        /// The run.
        run: String,
        /// The place of the first input.
        index: u64,
        /// How many jobs.
        jobs: usize,
        /// How often they were handed to a worker.
        deliveries: u32,
    },
    /// The result was there already: the work was done twice, or had been done before (`ran` is false then).
    Duplicate {
        /// The run.
        run: String,
        /// The place of the first input.
        index: u64,
        /// Whether it was done here too.
        ran: bool,
    },
    /// A job was handed back, for this reason.
    HandedBack {
        /// The run.
        run: String,
        /// The place of the first input.
        index: u64,
        /// Why.
        why: String,
    },
    /// A job was given up, for this reason.
    Dead {
        /// The run.
        run: String,
        /// The place of its input.
        index: u64,
        /// Why.
        why: String,
    },
    /// Nothing had come although it should have: leases are asked for anew.
    Stalled(String),
    /// It was told to stop; so many messages are being worked on.
    Stopping(usize),
}

/// What a worker did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct WorkerReport {
    /// Jobs whose result was stored.
    pub done: u64,
    /// Jobs whose result came second.
    pub duplicates: u64,
    /// Deliveries that were not run, for their result was there.
    pub skipped: u64,
    /// Deliveries that were handed back.
    pub handed_back: u64,
    /// Jobs that were given up.
    pub dead: u64,
}

#[derive(Default)]
struct Tally {
    done: AtomicU64,
    duplicates: AtomicU64,
    skipped: AtomicU64,
    handed_back: AtomicU64,
    dead: AtomicU64,
}

/// What all tasks of a worker share.
struct Here {
    broker: Broker,
    options: WorkerOptions,
    id: String,
    tally: Tally,
    /// The grace is over: whatever runs is handed back.
    hand_back: CancellationToken,
    /// How many results may be on their way to the broker.
    unstored: Arc<Semaphore>,
}

impl Here {
    fn tell(&self, event: WorkerEvent) {
        if let Some(observer) = &self.options.observer {
            observer(event);
        }
    }
}

/// Take jobs until `stop` is canceled; `make` makes of a run's name and spec what does its jobs, or says why it is not for us.
///
/// # Errors
///
/// `Lost` if the broker does not answer at the start. Later it is waited for.
///
/// # Cancel safety
///
/// Dropping the future leaves jobs leased until their lease is over; cancel `stop` instead.
pub async fn work<W: Work>(
    broker: Broker,
    options: WorkerOptions,
    make: impl Fn(&str, &[u8]) -> Result<W> + Send + Sync + 'static,
    stop: CancellationToken,
) -> Result<WorkerReport> {
    let id = wire::identity(options.name.as_deref())?;
    let inbox = broker.client.new_inbox();
    let arrivals = broker
        .client
        .subscribe(format!("{inbox}.*"))
        .await
        .map_err(|error| broker.lost(error))?;
    let pokes = broker
        .client
        .subscribe(POKE)
        .await
        .map_err(|error| broker.lost(error))?;
    let slots = options.slots.max(1);
    let here = Arc::new(Here {
        unstored: Arc::new(Semaphore::new(slots * 4 + 64)),
        broker,
        options,
        id,
        tally: Tally::default(),
        hand_back: CancellationToken::new(),
    });
    announce(&here, 0, now_ms()).await?;
    here.tell(WorkerEvent::Ready(here.id.clone()));
    let (freed, slot_events) = mpsc::unbounded_channel();
    let worker = Worker {
        pulls: Pulls::new(inbox, slots),
        runs: Runs::new(make),
        here,
        arrivals,
        pokes,
        freed,
        slot_events,
        tasks: TaskTracker::new(),
        taken: 0,
        last_job: Instant::now(),
        started_ms: now_ms(),
    };
    worker.run(stop).await
}

async fn announce(here: &Here, busy: usize, started_ms: u64) -> Result<()> {
    let record = WorkerRecord {
        id: here.id.clone(),
        slots: here.options.slots.max(1) as u64,
        busy: busy as u64,
        done: here.tally.done.load(Ordering::Relaxed),
        started_ms,
        version: env!("CARGO_PKG_VERSION").to_owned(),
    };
    let json = serde_json::to_vec(&record).expect("a record of numbers and texts");
    let bucket = here.broker.worker_bucket().await?;
    bucket
        .put(here.id.as_str(), json.into())
        .await
        .map_err(|error| here.broker.lost(error))?;
    Ok(())
}

/// The loop of a worker, which alone knows its slots.
struct Worker<W, F> {
    here: Arc<Here>,
    pulls: Pulls,
    runs: Runs<W, F>,
    arrivals: Subscriber,
    pokes: Subscriber,
    freed: mpsc::UnboundedSender<()>,
    slot_events: mpsc::UnboundedReceiver<()>,
    tasks: TaskTracker,
    /// Jobs taken so far.
    taken: u64,
    last_job: Instant,
    started_ms: u64,
}

impl<W: Work, F: Fn(&str, &[u8]) -> Result<W> + Send + Sync + 'static> Worker<W, F> {
    async fn run(mut self, stop: CancellationToken) -> Result<WorkerReport> {
        let mut connections = self.here.broker.connections.clone();
        connections.mark_unchanged();
        let mut look = tokio::time::interval(LOOK);
        let mut last_announced = Instant::now();
        let mut probe = tokio::time::interval(pulls::PROBE);
        probe.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while !self.is_enough() {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Some(()) = self.slot_events.recv() => self.slot_is_free(),
                arrival = self.arrivals.next() => match arrival {
                    Some(message) => self.arrived(message),
                    None => break,
                },
                Some(_) = self.pokes.next() => self.look().await,
                _ = connections.changed() => self.pulls.forget_all(),
                _ = look.tick() => {
                    if last_announced.elapsed() >= ANNOUNCE {
                        last_announced = Instant::now();
                        self.announce_soon();
                    }
                    self.look().await;
                }
                _ = probe.tick(), if self.runs.count() > 1 => {}
            }
            self.ask().await;
        }
        self.leave().await
    }

    fn announce_soon(&self) {
        let (here, busy, started_ms) = (Arc::clone(&self.here), self.pulls.busy(), self.started_ms);
        // The next one is soon.
        tokio::spawn(async move { drop(announce(&here, busy, started_ms).await) });
    }

    /// Whether it has taken all that it may, or waited for as long as it should.
    fn is_enough(&self) -> bool {
        let options = &self.here.options;
        let all = options.max_jobs.is_some_and(|most| self.taken >= most);
        let idle = options
            .idle_exit
            .is_some_and(|most| self.pulls.busy() == 0 && self.last_job.elapsed() >= most);
        all || idle
    }

    fn slot_is_free(&mut self) {
        self.pulls.free();
        while self.slot_events.try_recv().is_ok() {
            self.pulls.free();
        }
        self.last_job = Instant::now();
    }

    /// Learn which runs there are.
    async fn look(&mut self) {
        let mut connections = self.here.broker.connections.clone();
        connections.mark_unchanged();
        let looked = tokio::select! {
            looked = self.runs.look(&self.here) => looked,
            // What was asked over the old connection is not answered; the next look is soon.
            _ = connections.changed() => {
                self.pulls.forget_all();
                return;
            }
        };
        // A broker that does not answer is asked again soon.
        if let Ok(changes) = looked {
            for name in changes.left {
                self.pulls.leave(&name);
                self.here.tell(WorkerEvent::Left(name));
            }
            for name in changes.joined {
                self.pulls.join(&name);
                self.here.tell(WorkerEvent::Joined(name));
            }
        }
        for name in self.pulls.stalled() {
            self.here.tell(WorkerEvent::Stalled(name));
        }
    }

    /// Ask for a lease for each slot that is free.
    async fn ask(&mut self) {
        let left = self
            .here
            .options
            .max_jobs
            .map_or(u64::MAX, |most| most.saturating_sub(self.taken));
        while (self.pulls.asked() as u64) < left {
            let Some(pull) = self.pulls.next() else {
                return;
            };
            let sent =
                self.here
                    .broker
                    .client
                    .publish_with_reply(pull.subject, pull.inbox, pull.request);
            if sent.await.is_err() {
                // The connection is over and made anew; then all are asked for again.
                self.pulls.forget_all();
                return;
            }
        }
    }

    fn arrived(&mut self, message: async_nats::Message) {
        if let Some(status) = message.status {
            if let Some(name) = message.subject.rsplit('.').next() {
                let name = name.to_owned();
                if self.pulls.refused(&name, status.as_u16()) {
                    self.restore(name);
                }
            }
            return;
        }
        let name = message
            .subject
            .strip_prefix("sk.job.")
            .and_then(|rest| rest.split('.').next());
        let Some(name) = name.map(str::to_owned) else {
            return;
        };
        let message = Message {
            message,
            context: self.here.broker.js.clone(),
        };
        let run = self.runs.find(&name);
        self.pulls.arrived(&name);
        match run {
            Some(run) if self.pulls.take() => {
                self.taken += 1;
                self.last_job = Instant::now();
                self.begin(run, message);
            }
            // More came than was asked for, or for a run that has ended.
            _ => drop(self.tasks.spawn(hand_back(Arc::clone(&self.here), message))),
        }
    }

    fn begin(&self, run: Arc<RunHere<W>>, message: Message) {
        let (here, freed) = (Arc::clone(&self.here), self.freed.clone());
        self.tasks.spawn(async move {
            let slot = Slot(freed);
            delivery::handle(&here, &run, message, slot).await;
        });
    }

    /// The consumer of a run is not there: an administrator has removed it, or the broker has lost it.
    fn restore(&self, name: String) {
        let Some(run) = self.runs.find(&name) else {
            return;
        };
        let here = Arc::clone(&self.here);
        tokio::spawn(async move {
            // If that fails, the next refusal tries again.
            drop(here.broker.lessor(&run.names, run.lease).await);
        });
    }

    /// A job that came when none was wanted any more.
    fn too_late(&self, message: async_nats::Message) {
        if message.status.is_none() {
            let context = self.here.broker.js.clone();
            let message = Message { message, context };
            self.tasks.spawn(hand_back(Arc::clone(&self.here), message));
        }
    }

    /// Take no more, finish what runs, hand back the rest.
    async fn leave(mut self) -> Result<WorkerReport> {
        self.here.tell(WorkerEvent::Stopping(self.pulls.busy()));
        self.tasks.close();
        let grace = tokio::time::sleep(self.here.options.grace);
        tokio::pin!(grace);
        // The broker drops our requests; what it had sent before that is here before its next answer is.
        let broker = self.here.broker.clone();
        let is_there = self.arrivals.drain().await.is_ok();
        let answered =
            tokio::time::timeout(DRAIN, broker.ask("$JS.API.INFO".to_owned(), Request::new()));
        tokio::pin!(answered);
        let (mut is_drained, mut is_over) = (!is_there, false);
        loop {
            let finished = self.tasks.is_empty();
            if finished && is_drained {
                break;
            }
            tokio::select! {
                () = self.tasks.wait(), if !finished => {}
                _ = &mut answered, if !is_drained => {
                    is_drained = true;
                    while let Some(Some(message)) = self.arrivals.next().now_or_never() {
                        self.too_late(message);
                    }
                }
                () = &mut grace, if !is_over => {
                    is_over = true;
                    self.here.hand_back.cancel();
                }
                arrival = self.arrivals.next(), if !is_drained => match arrival {
                    None => is_drained = true,
                    Some(message) => self.too_late(message),
                }
            }
        }
        if let Ok(bucket) = self.here.broker.worker_bucket().await {
            drop(bucket.delete(self.here.id.as_str()).await);
        }
        self.here.broker.close().await;
        let tally = &self.here.tally;
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Ok(WorkerReport {
            done: read(&tally.done),
            duplicates: read(&tally.duplicates),
            skipped: read(&tally.skipped),
            handed_back: read(&tally.handed_back),
            dead: read(&tally.dead),
        })
    }
}

/// One slot that a job has; free again when this is dropped.
struct Slot(mpsc::UnboundedSender<()>);

impl Drop for Slot {
    fn drop(&mut self) {
        // Nobody counts any more when the worker leaves.
        let _ = self.0.send(());
    }
}

/// A message that was never begun goes back at once.
async fn hand_back(here: Arc<Here>, message: Message) {
    delivery::note_unbegun(&here, &message).await;
    // Without this it goes back when its lease is over.
    drop(message.ack_with(AckKind::Nak(Some(HAND_BACK))).await);
}
