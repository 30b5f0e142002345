//! Jobs that nobody can do: those that workers die with, and those whose program is nowhere.

use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::StreamExt;

use super::WorkerEvent;
use super::delivery::Delivery;
use crate::error::Result;
use crate::work::nats::connect::Stored;
use crate::work::nats::wire::{Body, Chunk, Dead, Done, Results, Task, WireEnding, encode};

/// How long a job whose program is not here waits for another worker.
const ELSEWHERE: Duration = Duration::from_millis(300);

/// Why the first job whose program is not here could not be done, if there is one.
pub(super) fn missing(chunk: &Chunk, done: &[Done]) -> Option<String> {
    debug_assert_eq!(chunk.tasks.len(), done.len());
    done.iter().find_map(|done| match &done.ending {
        WireEnding::NotFound(why) => Some(why.clone()),
        _ => None,
    })
}

impl Delivery<'_> {
    /// The ends of subjects under which there are notes of this kind about this message.
    async fn notes(&self, kind: &str) -> Result<Vec<String>> {
        let stream = self.here.broker.results().await?;
        let filter = self.names.note(kind, self.id, "*");
        let mut subjects = stream
            .info_with_subjects(filter)
            .await
            .map_err(|error| self.here.broker.lost(error))?;
        let mut notes = Vec::new();
        while let Some(subject) = subjects.next().await {
            let (subject, _) = subject.map_err(|error| self.here.broker.lost(error))?;
            notes.extend(subject.rsplit('.').next().map(str::to_owned));
        }
        Ok(notes)
    }

    /// It was handed out before, and neither done nor handed back each time: whether it is to be done here.
    pub(super) async fn after_crashes(&self, chunk: &Chunk) -> Result<bool> {
        let back = u32::try_from(self.notes("back").await?.len()).unwrap_or(u32::MAX);
        let crashes = (self.count - 1).saturating_sub(back);
        if crashes == 0 {
            return Ok(true);
        }
        if chunk.tasks.len() > 1 {
            // Whichever of its jobs it was, the others are not to blame.
            self.split(chunk, Vec::new()).await;
            return Ok(false);
        }
        if crashes >= self.here.options.crashes {
            let why = format!("{crashes} workers died or were lost while they ran it");
            self.bury(chunk, why.clone(), WireEnding::NotStarted(why), None)
                .await;
            return Ok(false);
        }
        Ok(true)
    }

    /// Each job that is not done becomes a message of its own, each that is done a result of its own.
    pub(super) async fn split(&self, chunk: &Chunk, done: Vec<Done>) {
        let broker = &self.here.broker;
        let rest: Vec<&Task> = chunk.tasks.iter().skip(done.len()).collect();
        for one in done {
            let subject = self.names.result(one.id);
            self.persist(
                subject,
                encode(&Results::new(&self.here.id, self.count, vec![one])),
            )
            .await;
        }
        for task in rest {
            let payload = encode(&Chunk::new(vec![task.clone()], true));
            // What cannot be put there now is found missing by the submitter.
            for _ in 0..10 {
                match broker
                    .store_first(self.names.job(task.id), payload.clone())
                    .await
                {
                    Ok(Stored::At(_) | Stored::Exists) => break,
                    _ => tokio::time::sleep(Duration::from_millis(200)).await,
                }
            }
        }
        self.taken_off().await;
    }

    /// The program is not on this worker.
    pub(super) async fn not_here(&self, chunk: &Chunk, done: Vec<Done>, why: String) {
        let here = self.here;
        if chunk.tasks.len() > 1 {
            let is_there = |done: &Done| !matches!(done.ending, WireEnding::NotFound(_));
            let first = done.into_iter().take_while(is_there).collect();
            self.split(chunk, first).await;
            return;
        }
        let subject = self.names.note("missing", self.id, &here.id);
        self.persist(subject, why.clone().into()).await;
        let lacking = self.notes("missing").await.map_or(1, |notes| notes.len());
        let workers = here
            .broker
            .workers()
            .await
            .map_or(1, |workers| workers.len())
            .max(1);
        let index = chunk.tasks.first().map_or(0, |task| task.index);
        if lacking >= here.options.missing.min(workers) {
            let reason =
                format!("not runnable anywhere: {lacking} of {workers} workers say: {why}");
            self.bury(
                chunk,
                reason.clone(),
                WireEnding::NotFound(reason),
                done.into_iter().next(),
            )
            .await;
        } else {
            self.back(&why, index, ELSEWHERE).await;
        }
    }

    /// Give a job up: into the list of dead letters, and as a result.
    async fn bury(&self, chunk: &Chunk, reason: String, ending: WireEnding, last: Option<Done>) {
        let here = self.here;
        let Some(task) = chunk.tasks.first() else {
            return;
        };
        let mut dead = Dead::new(task, reason.clone(), &here.id, self.count);
        if let Some(last) = last {
            (dead.stdout, dead.stderr) = (last.stdout, last.stderr);
        }
        if here.broker.dead().await.is_ok() {
            self.persist(self.names.dead(self.id), encode(&dead)).await;
        }
        self.note("dead", "1").await;
        let nothing = Body::here(&[]);
        let done = Done {
            id: task.id,
            ending,
            stdout: nothing.clone(),
            stderr: nothing,
            micros: 0,
        };
        self.persist(
            self.names.result(self.id),
            encode(&Results::new(&here.id, self.count, vec![done])),
        )
        .await;
        self.taken_off().await;
        here.tally.dead.fetch_add(1, Ordering::Relaxed);
        here.tell(WorkerEvent::Dead {
            run: self.names.run().to_owned(),
            index: task.index,
            why: reason,
        });
    }
}
