//! The submitter's side: a [`Work`] whose jobs are done by workers elsewhere.

mod collect;
mod control;
mod publish;
mod reconcile;
mod stalled;

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use super::blobs;
use super::connect::Broker;
use super::streams::Names;
use super::wire::{self, Body, Counts, Done, Id, Results, RunRecord, RunState, Task};
use crate::error::{Error, Kind, Operation, Result};
use crate::work::{Ending, Job, Outcome, Progress, Spill, Work};

/// How many results of an earlier submitter are remembered by their place; further ones are run again.
const EARLY_MOST: usize = 2_000_000;

/// How long a broker that does not answer at the start is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// How jobs are sent out.
#[derive(Clone)]
#[non_exhaustive]
pub struct RemoteOptions {
    /// The name of the run; a random one if there is none. A run of this name that was not finished is gone on with.
    pub run: Option<String>,
    /// How many jobs one message holds, at most: 1 by default.
    pub batch: usize,
    /// How long a worker may be silent before its jobs go to another: 10 s by default.
    pub lease: Duration,
    /// How often jobs without result are looked for: every 30 s by default.
    pub reconcile: Duration,
    /// Where large results wait.
    pub spill: Spill,
    /// What the loop counts, for the record of the run.
    pub progress: Option<Arc<Progress>>,
    /// Hears what happens beside the results.
    pub observer: Option<Arc<dyn Fn(RemoteEvent) + Send + Sync>>,
}

impl Default for RemoteOptions {
    fn default() -> Self {
        Self {
            run: None,
            batch: 1,
            lease: Duration::from_secs(10),
            reconcile: Duration::from_secs(30),
            spill: Spill::default(),
            progress: None,
            observer: None,
        }
    }
}

impl fmt::Debug for RemoteOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteOptions")
            .field("run", &self.run)
            .field("batch", &self.batch)
            .field("lease", &self.lease)
            .field("reconcile", &self.reconcile)
            .finish_non_exhaustive()
    }
}

/// What happens beside the results.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RemoteEvent {
    /// Nobody takes jobs: no worker was heard of.
    NoWorkers,
    /// After that, so many are there.
    Workers(usize),
    /// The broker had lost what it knew; so many jobs were put there again.
    LostState(u64),
    /// So many jobs were in the queue and the broker handed them to nobody; its consumer was made anew.
    Stuck(u64),
    /// So many jobs had neither a result nor a place in the queue, and were put there again.
    Resubmitted(u64),
    /// The queue is full: jobs wait here.
    Full,
    /// Somebody has ended the run.
    Canceled,
}

/// A [`Work`] whose jobs are done by workers elsewhere: give it to [`run`](crate::work::run), then call [`finish`](Self::finish).
///
/// # Examples
///
/// The program `nats_jobs` of the examples has both sides.
#[derive(Clone)]
pub struct Remote {
    shared: Arc<Shared>,
    queue: mpsc::UnboundedSender<Task>,
    tasks: TaskTracker,
    /// Without a submitter nobody takes results: its tasks end with it.
    _end: Arc<DropGuard>,
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote")
            .field("run", &self.shared.names.run())
            .finish_non_exhaustive()
    }
}

pub(super) struct Shared {
    broker: Broker,
    names: Names,
    options: RemoteOptions,
    record: RunRecord,
    /// Whether there may be results that no job has asked for yet.
    resumed: bool,
    state: Mutex<State>,
    /// Ends the tasks of this run.
    over: CancellationToken,
    /// Somebody has ended the run.
    canceled: CancellationToken,
    /// All results that were there at the start have been seen.
    ready: watch::Sender<bool>,
    reconcile: Notify,
    lost_state: AtomicBool,
}

#[derive(Default)]
struct State {
    pending: HashMap<Id, Pending>,
    /// Results that nobody has asked for: where they stand.
    early: HashMap<Id, u64>,
    /// Jobs that an earlier submitter put into the queue, and in which message.
    live: HashMap<Id, Id>,
    /// The last message that was fetched for one of `early`.
    fetched: Option<(u64, Arc<Results>)>,
    counts: Counts,
    last_result: Option<Instant>,
}

struct Pending {
    task: Task,
    answer: oneshot::Sender<Answer>,
    /// The message that it went out in, once the broker has that.
    chunk: Option<Id>,
}

struct Answer {
    done: Done,
    worker: String,
    deliveries: u32,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, event: RemoteEvent) {
        if let Some(observer) = &self.options.observer {
            observer(event);
        }
    }

    /// Take a message of results, from the stream at `sequence`.
    fn take(&self, results: Results, sequence: u64) {
        let mut state = self.state();
        state.last_result = Some(Instant::now());
        for done in results.done {
            match state.pending.remove(&done.id) {
                Some(pending) => {
                    state.counts.results += 1;
                    let (worker, deliveries) = (results.worker.clone(), results.deliveries);
                    // Whoever asked may have been ended.
                    drop(pending.answer.send(Answer {
                        done,
                        worker,
                        deliveries,
                    }));
                }
                None if self.resumed && state.early.len() < EARLY_MOST => {
                    state.early.insert(done.id, sequence);
                }
                None => {}
            }
        }
    }
}

impl Remote {
    /// Begin a run, or go on with one of this name that was not finished; `spec` tells workers what is done with each input.
    ///
    /// # Errors
    ///
    /// `Usage` if the name is unfit or a run of this name does something else; `Lost` if the broker does not answer.
    pub async fn start(broker: Broker, spec: &[u8], options: RemoteOptions) -> Result<Self> {
        let run = match &options.run {
            Some(run) => run.clone(),
            None => format!("run-{}", wire::random_word()?),
        };
        let names = Names::new(&run)?;
        // A broker that is being started again is waited for, as it is later.
        let begun = Instant::now();
        let (record, resumed) = loop {
            match claim(&broker, &names, spec, options.lease).await {
                Err(error) if error.kind() == Kind::Lost && begun.elapsed() < PATIENCE => {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                claimed => break claimed?,
            }
        };
        while let Err(error) = prepare(&broker, &names, options.lease).await {
            if begun.elapsed() >= PATIENCE {
                return Err(error);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let shared = Arc::new(Shared {
            broker,
            names,
            options,
            record,
            resumed,
            state: Mutex::default(),
            over: CancellationToken::new(),
            canceled: CancellationToken::new(),
            ready: watch::Sender::new(false),
            reconcile: Notify::new(),
            lost_state: AtomicBool::new(false),
        });
        let (queue, waiting) = mpsc::unbounded_channel();
        let tasks = TaskTracker::new();
        tasks.spawn(collect::run(Arc::clone(&shared)));
        if resumed {
            while let Err(error) = reconcile::find_live(&shared).await {
                if begun.elapsed() >= PATIENCE {
                    return Err(error);
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
        tasks.spawn(publish::run(Arc::clone(&shared), waiting));
        tasks.spawn(reconcile::run(Arc::clone(&shared)));
        tasks.spawn(stalled::run(Arc::clone(&shared)));
        tasks.spawn(control::run(Arc::clone(&shared)));
        shared.broker.poke().await;
        let end = Arc::new(shared.over.clone().drop_guard());
        Ok(Self {
            shared,
            queue,
            tasks,
            _end: end,
        })
    }

    /// The name of the run.
    pub fn run_name(&self) -> &str {
        self.shared.names.run()
    }

    /// Whether it goes on with what an earlier submitter has begun.
    pub fn is_resumed(&self) -> bool {
        self.shared.resumed
    }

    /// Canceled once somebody has ended the run from elsewhere.
    pub fn canceled(&self) -> CancellationToken {
        self.shared.canceled.clone()
    }

    /// What was counted so far.
    pub fn counts(&self) -> Counts {
        let counts = self.shared.state().counts;
        control::with_progress(counts, self.shared.options.progress.as_deref())
    }

    /// End the run: as done, or as given up, in which case workers end its jobs. What it has in the broker is removed, but for its
    /// record and its dead letters.
    ///
    /// # Errors
    ///
    /// `Lost` if the broker does not answer within 10 s: then it stays there.
    pub async fn finish(self, is_done: bool) -> Result<Counts> {
        let shared = &self.shared;
        shared.over.cancel();
        self.tasks.close();
        let state = if is_done && !shared.canceled.is_cancelled() {
            RunState::Done
        } else {
            RunState::Canceled
        };
        let counts = self.counts();
        let cleared = tokio::time::timeout(Duration::from_secs(10), async {
            control::record(shared, state, counts).await?;
            shared.broker.poke().await;
            clear(&shared.broker, &shared.names).await
        });
        match cleared.await {
            Ok(done) => done.map(|()| counts),
            Err(_) => Err(shared
                .broker
                .lost("it does not answer; what the run has there stays there")),
        }
    }

    async fn answer(&self, job: &Job, id: Id, input: Body) -> Option<Answer> {
        let (answer, answered) = oneshot::channel();
        let task = Task {
            id,
            index: job.index,
            attempt: job.attempt,
            input,
        };
        let early = {
            let mut state = self.shared.state();
            match state.early.remove(&id) {
                Some(sequence) => Some(sequence),
                None => {
                    let chunk = state.live.remove(&id);
                    let is_queued = chunk.is_some();
                    state.pending.insert(
                        id,
                        Pending {
                            task: task.clone(),
                            answer,
                            chunk,
                        },
                    );
                    if !is_queued {
                        // The publisher ends after all jobs have.
                        drop(self.queue.send(task.clone()));
                    }
                    None
                }
            }
        };
        if let Some(sequence) = early {
            if let Some(found) = collect::found(&self.shared, sequence, id).await {
                self.shared.state().counts.found += 1;
                return Some(found);
            }
            let (answer, again) = oneshot::channel();
            self.shared.state().pending.insert(
                id,
                Pending {
                    task: task.clone(),
                    answer,
                    chunk: None,
                },
            );
            drop(self.queue.send(task));
            return self.wait(job, id, again).await;
        }
        self.wait(job, id, answered).await
    }

    async fn wait(&self, job: &Job, id: Id, answered: oneshot::Receiver<Answer>) -> Option<Answer> {
        tokio::select! {
            answer = answered => answer.ok(),
            () = job.stop.cancelled() => self.give_up(id),
            () = self.shared.canceled.cancelled() => self.give_up(id),
        }
    }

    fn give_up(&self, id: Id) -> Option<Answer> {
        self.shared.state().pending.remove(&id);
        None
    }

    async fn outcome(&self, answer: Answer, input: Option<String>) -> Result<Outcome> {
        let (broker, spill) = (&self.shared.broker, &self.shared.options.spill);
        let Answer {
            done,
            worker,
            deliveries,
        } = answer;
        let mut names: Vec<String> = [done.stdout.stored(), done.stderr.stored(), input.as_deref()]
            .into_iter()
            .flatten()
            .map(str::to_owned)
            .collect();
        let mut outcome = Outcome::new(Ending::from(done.ending));
        outcome.stdout = blobs::unpack(broker, done.stdout, spill).await?;
        outcome.stderr = blobs::unpack(broker, done.stderr, spill).await?;
        outcome.took = Duration::from_micros(done.micros);
        outcome.worker = Some(worker);
        outcome.deliveries = deliveries;
        if !names.is_empty() {
            let broker = broker.clone();
            // A job that was given up may be tried again by hand: its input stays with its letter.
            let run = (!outcome.ending.is_success()).then(|| self.shared.names.run().to_owned());
            self.tasks.spawn(async move {
                if let Some(run) = run {
                    match broker.kept_for_the_dead(&run).await {
                        Ok(kept) => names.retain(|name| !kept.contains(name)),
                        // The end of the run removes them.
                        Err(_) => return,
                    }
                }
                blobs::forget(&broker, &names).await;
            });
        }
        Ok(outcome)
    }
}

impl Work for Remote {
    async fn run(&self, job: Job) -> Outcome {
        let id = Id::of(&job);
        if !*self.shared.ready.borrow() {
            let mut ready = self.shared.ready.subscribe();
            tokio::select! {
                _ = ready.wait_for(|ready| *ready) => {}
                () = job.stop.cancelled() => return Outcome::new(Ending::Canceled),
            }
        }
        let mut room = self.shared.broker.inline_bytes() / 2;
        let name = || format!("{}.j.{id}", self.shared.names.run());
        let input = match blobs::pack(
            &self.shared.broker,
            &job.input.clone().into(),
            name,
            &mut room,
        )
        .await
        {
            Ok(input) => input,
            Err(error) => return Outcome::new(Ending::Failed(error.to_string())),
        };
        let stored = input.stored().map(str::to_owned);
        match self.answer(&job, id, input).await {
            None => Outcome::new(Ending::Canceled),
            Some(answer) => match self.outcome(answer, stored).await {
                Ok(outcome) => outcome,
                Err(error) => Outcome::new(Ending::Failed(format!(
                    "its result cannot be fetched: {error}"
                ))),
            },
        }
    }
}

/// Where jobs are put, and by what they are leased.
async fn prepare(broker: &Broker, names: &Names, lease: Duration) -> Result<()> {
    broker.jobs().await?;
    broker.lessor(names, lease).await
}

/// Make the record of a run ours; whether there was one to go on with.
async fn claim(
    broker: &Broker,
    names: &Names,
    spec: &[u8],
    lease: Duration,
) -> Result<(RunRecord, bool)> {
    let mine = RunRecord::new(spec, &wire::identity(None)?, lease);
    let known = broker.run_record(names.run()).await?;
    let Some((record, revision)) = known else {
        broker.put_run(names.run(), &mine, None).await?;
        return Ok((mine, false));
    };
    if record.state == RunState::Running {
        if record.spec() != spec {
            return Err(Error::new(
                Kind::Usage,
                Operation::Run,
                format!(
                    "the run {} does something else with its inputs",
                    names.run()
                ),
            )
            .with_hint("take another name, or end that one with `sockeye map cancel`"));
        }
        let record = RunRecord {
            submitter: mine.submitter,
            lease_ms: mine.lease_ms,
            ..record
        };
        broker.put_run(names.run(), &record, Some(revision)).await?;
        return Ok((record, true));
    }
    clear(broker, names).await?;
    broker.put_run(names.run(), &mine, Some(revision)).await?;
    Ok((mine, false))
}

/// Remove what a run has in the broker, but for its record and its dead letters.
pub(super) async fn clear(broker: &Broker, names: &Names) -> Result<()> {
    use super::streams::{JOBS, RESULTS};
    for (stream, subjects) in [(JOBS, names.jobs()), (RESULTS, names.results())] {
        if let Ok(stream) = broker.js.get_stream(stream).await {
            if stream.cached_info().config.name == JOBS {
                drop(stream.delete_consumer(names.run()).await);
            }
            stream
                .purge()
                .filter(subjects)
                .await
                .map_err(|error| broker.lost(error))?;
        }
    }
    let kept = broker.kept_for_the_dead(names.run()).await?;
    blobs::forget_run(broker, names.run(), &kept).await;
    Ok(())
}

/// Whether the broker had lost what it knew since this was asked last.
fn had_lost_state(shared: &Shared) -> bool {
    shared.lost_state.swap(false, Ordering::Relaxed)
}
