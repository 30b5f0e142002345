//! One message of the queue: is there a result already, do it while the lease is kept, store the result, take it off the queue.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use async_nats::Request;
use async_nats::jetstream::{AckKind, Message};
use bytes::Bytes;
use tokio_util::sync::CancellationToken;

use super::runs::RunHere;
use super::{HAND_BACK, Here, Slot, WorkerEvent, fate};
use crate::error::Result;
use crate::work::nats::blobs;
use crate::work::nats::connect::Stored;
use crate::work::nats::streams::{Names, RESULTS};
use crate::work::nats::wire::{self, Body, Chunk, Done, Id, Results, Task, decode, encode};
use crate::work::{Ending, Job, Outcome, Spill, Work};

/// A message that is being worked on.
pub(super) struct Delivery<'a> {
    pub(super) here: &'a Here,
    pub(super) names: &'a Names,
    pub(super) id: Id,
    /// How often it was handed to a worker, this time included.
    pub(super) count: u32,
    pub(super) message: &'a Message,
}

/// Why it is not done to its end here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Broken {
    /// The run has ended.
    RunOver,
    /// The lease is lost: somebody else has it, or will.
    LeaseLost,
    /// This worker leaves.
    Leaving,
}

/// Do what the message says; the slot is free again once its jobs have ended.
pub(super) async fn handle<W: Work>(here: &Here, run: &RunHere<W>, message: Message, slot: Slot) {
    let count = message
        .info()
        .map_or(1, |info| u32::try_from(info.delivered).unwrap_or(u32::MAX));
    let Some(id) = message.subject.rsplit('.').next().and_then(Id::parse) else {
        return;
    };
    let Ok(chunk) = decode::<Chunk>(&message.payload) else {
        // Not ours, or newer than us: another worker may know it.
        drop(
            message
                .ack_with(AckKind::Nak(Some(Duration::from_secs(5))))
                .await,
        );
        return;
    };
    let delivery = Delivery {
        here,
        names: &run.names,
        id,
        count,
        message: &message,
    };
    let lease = Lease::keep(&message, run.lease);
    if delivery.count > 1 || chunk.again {
        match delivery.before(&chunk).await {
            Ok(true) => {}
            Ok(false) => return,
            // The broker is away: the lease ends, and somebody gets it again.
            Err(_) => return,
        }
    }
    let (done, broken) = run_all(&delivery, run, &chunk, &lease).await;
    if let Some(broken) = broken {
        drop(slot);
        delivery.broken(broken, &chunk, done, &lease).await;
        return;
    }
    let unstored = Arc::clone(&here.unstored);
    let permit = unstored.acquire_owned().await;
    drop(slot);
    if let Some(missing) = fate::missing(&chunk, &done) {
        delivery.not_here(&chunk, done, missing).await;
    } else {
        delivery.store(&chunk, done).await;
    }
    drop((permit, lease));
}

/// Do its jobs one after the other.
async fn run_all<W: Work>(
    delivery: &Delivery<'_>,
    run: &RunHere<W>,
    chunk: &Chunk,
    lease: &Lease,
) -> (Vec<Done>, Option<Broken>) {
    let here = delivery.here;
    let mut done = Vec::with_capacity(chunk.tasks.len());
    let mut room = here.broker.inline_bytes();
    let stop = CancellationToken::new();
    let watch = stop.clone().drop_guard();
    let (over, lost, leaving) = (run.over.clone(), lease.lost.clone(), here.hand_back.clone());
    let reason = || match () {
        () if over.is_cancelled() => Some(Broken::RunOver),
        () if lost.is_cancelled() => Some(Broken::LeaseLost),
        () if leaving.is_cancelled() => Some(Broken::Leaving),
        () => None,
    };
    for task in &chunk.tasks {
        if let Some(reason) = reason() {
            return (done, Some(reason));
        }
        let input = match &task.input {
            Body::Here(bytes) => Bytes::copy_from_slice(bytes),
            stored => match fetched(here, stored.clone()).await {
                Ok(input) => input,
                Err(_) => return (done, Some(Broken::LeaseLost)),
            },
        };
        let job = Job {
            index: task.index,
            attempt: task.attempt,
            input,
            key: None,
            stop: stop.clone(),
        };
        let begun = Instant::now();
        let running = run.work.run(job);
        tokio::pin!(running);
        let outcome = tokio::select! {
            biased;
            outcome = &mut running => outcome,
            () = any(&over, &lost, &leaving) => {
                stop.cancel();
                running.await
            }
        };
        if stop.is_cancelled() && outcome.ending == Ending::Canceled {
            return (done, reason());
        }
        match packed(delivery, task, outcome, begun, &mut room).await {
            Ok(one) => done.push(one),
            Err(_) => return (done, Some(Broken::LeaseLost)),
        }
    }
    drop(watch);
    (done, None)
}

async fn any(a: &CancellationToken, b: &CancellationToken, c: &CancellationToken) {
    tokio::select! {
        () = a.cancelled() => {}
        () = b.cancelled() => {}
        () = c.cancelled() => {}
    }
}

/// An input that is too large for a message.
async fn fetched(here: &Here, body: Body) -> Result<Bytes> {
    let blob = blobs::unpack(&here.broker, body, &Spill::default()).await?;
    match blob.as_bytes() {
        Some(bytes) => Ok(bytes.clone()),
        None => {
            let mut bytes = Vec::new();
            blob.write_to(&mut bytes)
                .map_err(|error| here.broker.lost(error))?;
            Ok(bytes.into())
        }
    }
}

/// What a job said, ready for a message.
async fn packed(
    delivery: &Delivery<'_>,
    task: &Task,
    outcome: Outcome,
    begun: Instant,
    room: &mut usize,
) -> Result<Done> {
    let took = if outcome.took.is_zero() {
        begun.elapsed()
    } else {
        outcome.took
    };
    // Each of two workers that do the same stores under names of its own.
    let word = wire::random_word()?;
    let (broker, run) = (&delivery.here.broker, delivery.names.run());
    let name = |which: &str| format!("{run}.r.{}.{word}.{which}", task.id);
    Ok(Done {
        id: task.id,
        ending: (&outcome.ending).into(),
        stdout: blobs::pack(broker, &outcome.stdout, || name("out"), room).await?,
        stderr: blobs::pack(broker, &outcome.stderr, || name("err"), room).await?,
        micros: u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
    })
}

impl Delivery<'_> {
    fn index(chunk: &Chunk) -> u64 {
        chunk.tasks.first().map_or(0, |task| task.index)
    }

    /// It was handed out before. Whether it is to be done here and now.
    async fn before(&self, chunk: &Chunk) -> Result<bool> {
        let here = self.here;
        here.broker.results().await?;
        if here
            .broker
            .last(RESULTS, &self.names.result(self.id))
            .await?
            .is_some()
        {
            here.tally.skipped.fetch_add(1, Ordering::Relaxed);
            here.tell(WorkerEvent::Duplicate {
                run: self.names.run().to_owned(),
                index: Self::index(chunk),
                ran: false,
            });
            self.note("skip", "1").await;
            self.taken_off().await;
            return Ok(false);
        }
        if self.count == 1 {
            return Ok(true);
        }
        self.after_crashes(chunk).await
    }

    /// Store a result; the first one stands.
    pub(super) async fn store(&self, chunk: &Chunk, done: Vec<Done>) {
        let here = self.here;
        let jobs = done.len();
        let blobs: Vec<String> = done
            .iter()
            .flat_map(|done| [done.stdout.stored(), done.stderr.stored()])
            .flatten()
            .map(str::to_owned)
            .collect();
        let payload = encode(&Results::new(&here.id, self.count, done));
        let (run, index) = (self.names.run().to_owned(), Self::index(chunk));
        if self.persist(self.names.result(self.id), payload).await {
            here.tally.done.fetch_add(jobs as u64, Ordering::Relaxed);
            self.taken_off().await;
            here.tell(WorkerEvent::Done {
                run,
                index,
                jobs,
                deliveries: self.count,
            });
        } else {
            here.tally
                .duplicates
                .fetch_add(jobs as u64, Ordering::Relaxed);
            self.note("dup", &jobs.to_string()).await;
            self.taken_off().await;
            blobs::forget(&here.broker, &blobs).await;
            here.tell(WorkerEvent::Duplicate {
                run,
                index,
                ran: true,
            });
        }
    }

    /// Store something whose subject has nothing yet, however often that has to be tried; whether it was us.
    pub(super) async fn persist(&self, subject: String, payload: Bytes) -> bool {
        let broker = &self.here.broker;
        let mut wait = Duration::from_millis(20);
        let mut uncertain = false;
        loop {
            match broker.store_first(subject.clone(), payload.clone()).await {
                Ok(Stored::At(_)) => return true,
                // It may be ours, of an attempt whose answer was lost.
                Ok(Stored::Exists) if uncertain => {
                    let stream = if subject.starts_with("sk.dead.") {
                        super::super::streams::DEAD
                    } else {
                        RESULTS
                    };
                    let standing = broker.last(stream, &subject).await;
                    return standing
                        .is_ok_and(|standing| standing.is_some_and(|it| it.payload == payload));
                }
                Ok(Stored::Exists) => return false,
                Ok(Stored::NoStream) => {
                    let made = if subject.starts_with("sk.dead.") {
                        broker.dead().await
                    } else {
                        broker.results().await
                    };
                    if made.is_ok() {
                        continue;
                    }
                }
                Ok(Stored::Full) => {}
                Err(_) => uncertain = true,
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(Duration::from_secs(1));
        }
    }

    /// Say what became of this delivery, for the account of the run.
    pub(super) async fn note(&self, kind: &str, what: &str) {
        let subject = self
            .names
            .note(kind, self.id, &format!("{}-{}", self.here.id, self.count));
        let payload = Bytes::copy_from_slice(what.as_bytes());
        // An account is no reason to wait for ever.
        let persisted = self.persist(subject, payload);
        drop(tokio::time::timeout(Duration::from_secs(20), persisted).await);
    }

    /// The job is done: the broker confirms that it is off the queue.
    pub(super) async fn taken_off(&self) {
        let broker = &self.here.broker;
        let Some(reply) = self.message.reply.clone() else {
            return;
        };
        for _ in 0..3 {
            let request = Request::new().payload(Bytes::from_static(b"+ACK"));
            if let Ok(Some(_)) = broker.ask(reply.to_string(), request).await {
                return;
            }
        }
        // It is handed out again, and found to be done.
    }

    /// Give it back, to be done elsewhere or later.
    pub(super) async fn back(&self, why: &str, index: u64, delay: Duration) {
        self.note("back", "1").await;
        self.here.tally.handed_back.fetch_add(1, Ordering::Relaxed);
        self.here.tell(WorkerEvent::HandedBack {
            run: self.names.run().to_owned(),
            index,
            why: why.to_owned(),
        });
        drop(self.message.ack_with(AckKind::Nak(Some(delay))).await);
    }

    /// It was not done to its end.
    async fn broken(&self, broken: Broken, chunk: &Chunk, done: Vec<Done>, lease: &Lease) {
        let index = Self::index(chunk);
        match broken {
            Broken::RunOver => self.taken_off().await,
            Broken::Leaving if chunk.tasks.len() > 1 && !done.is_empty() => {
                self.split(chunk, done).await;
            }
            Broken::Leaving => self.back("this worker leaves", index, HAND_BACK).await,
            Broken::LeaseLost => {
                lease.stop();
                self.back("the lease was lost", index, HAND_BACK).await;
            }
        }
    }
}

/// Note that a message goes back which was not begun.
pub(super) async fn note_unbegun(here: &Here, message: &Message) {
    let mut parts = message.subject.split('.').skip(2);
    let (Some(run), Some(id)) = (parts.next(), parts.next().and_then(Id::parse)) else {
        return;
    };
    let Ok(names) = Names::new(run) else { return };
    let count = message
        .info()
        .map_or(1, |info| u32::try_from(info.delivered).unwrap_or(u32::MAX));
    Delivery {
        here,
        names: &names,
        id,
        count,
        message,
    }
    .note("back", "1")
    .await;
    here.tally.handed_back.fetch_add(1, Ordering::Relaxed);
}

/// Signs of life for a message, from a task that does nothing else.
struct Lease {
    /// The broker has not heard of us for as long as the lease holds.
    lost: CancellationToken,
    over: CancellationToken,
}

impl Lease {
    fn keep(message: &Message, lease: Duration) -> Self {
        let kept = Self {
            lost: CancellationToken::new(),
            over: CancellationToken::new(),
        };
        let (lost, over) = (kept.lost.clone(), kept.over.clone());
        let client = message.context.client();
        let reply = message.reply.clone();
        tokio::spawn(async move {
            let Some(reply) = reply else { return };
            let mut heard = Instant::now();
            let signs = async {
                loop {
                    tokio::time::sleep(lease / 3).await;
                    let sign = client.request(reply.clone(), Bytes::from_static(b"+WPI"));
                    if let Ok(Ok(_)) = tokio::time::timeout(lease / 3, sign).await {
                        heard = Instant::now();
                    } else if heard.elapsed() >= lease {
                        return;
                    }
                }
            };
            tokio::select! {
                () = over.cancelled() => {}
                () = signs => lost.cancel(),
            }
        });
        kept
    }

    fn stop(&self) {
        self.over.cancel();
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.stop();
    }
}
