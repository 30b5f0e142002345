//! Calls that wait for their answers on one connection, by id; and what an answer that came means for them.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

use sockeye_data::jsonrpc::{self, Answers, ErrorObject, Limits, Said, read_answers, write_error};
use tokio::sync::oneshot;

use crate::error::{Error, Kind, Operation};
use crate::rpc::call::{Answer, CallError, Fault};

/// What a call that waits is told.
pub(super) type Told = Result<Answer, Ended>;

/// Why a call has no answer of its own.
#[derive(Clone, Debug)]
pub(super) enum Ended {
    /// The connection is over.
    Over(Over),
    /// The server refused all that came together with it.
    Refused(Fault),
}

/// The connection is over: why, for each of the calls.
#[derive(Clone, Debug)]
pub(super) struct Over {
    kind: Kind,
    why: String,
}

impl Over {
    pub(super) fn new(kind: Kind, why: impl Into<String>) -> Self {
        let why = why.into();
        Self { kind, why }
    }

    pub(super) fn error(&self, name: &str) -> Error {
        Error::new(self.kind, Operation::Call, self.why.clone()).about(name)
    }
}

struct Waiter {
    tell: oneshot::Sender<Told>,
    /// The ids that were sent together with this one.
    batch: Range<u64>,
}

#[derive(Default)]
struct State {
    calls: HashMap<u64, Waiter>,
    /// The first id that was not given away.
    next: u64,
    over: Option<Over>,
}

/// Calls by id.
pub(super) struct Pending {
    state: Mutex<State>,
    limits: Limits,
}

impl Pending {
    pub(super) fn new(limits: Limits) -> Self {
        let state = Mutex::default();
        Self { state, limits }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it is held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// These calls wait from now on, until what is returned is dropped.
    pub(super) fn wait(&self, ids: Range<u64>) -> Result<Waiting<'_>, Over> {
        let mut state = self.lock();
        if let Some(over) = &state.over {
            return Err(over.clone());
        }
        state.next = state.next.max(ids.end);
        let answers = ids.clone().map(|id| {
            let (tell, told) = oneshot::channel();
            let batch = ids.clone();
            state.calls.insert(id, Waiter { tell, batch });
            told
        });
        let answers = answers.collect();
        drop(state);
        Ok(Waiting {
            pending: self,
            ids,
            answers,
        })
    }

    /// Why nothing more comes, once that is so.
    pub(super) fn over(&self) -> Option<Over> {
        self.lock().over.clone()
    }

    /// Nothing more comes. The first reason counts.
    pub(super) fn end(&self, over: Over) {
        let mut state = self.lock();
        let over = state.over.get_or_insert(over).clone();
        for (_, waiter) in state.calls.drain() {
            // Whoever does not wait any more need not be told.
            let _ = waiter.tell.send(Err(Ended::Over(over.clone())));
        }
    }

    /// A message came. What has to be answered to it, if anything has to.
    pub(super) fn hear(&self, message: &[u8]) -> Result<Option<Vec<u8>>, Over> {
        let broken = |why: String| Over::new(Kind::Protocol, why);
        let answers =
            read_answers(message, &self.limits).map_err(|error| broken(error.to_string()))?;
        match answers {
            Answers::One(said) => self.heard(said, None),
            Answers::Many(said) => {
                let mut batch = None;
                for said in said {
                    self.heard(said, Some(&mut batch))?;
                }
                self.lock().tell_left_out(batch);
                Ok(None)
            }
        }
    }

    fn heard(
        &self,
        said: Said,
        batch: Option<&mut Option<Range<u64>>>,
    ) -> Result<Option<Vec<u8>>, Over> {
        match said {
            Said::Answer(answer) => {
                let range = self.lock().answered(answer)?;
                if let (Some(batch), Some(range)) = (batch, range) {
                    *batch = Some(range);
                }
                Ok(None)
            }
            Said::Request(request) => Ok(request.id.map(|id| {
                let mut out = Vec::new();
                write_error(&id, &ErrorObject::method_not_found(), &mut out);
                out
            })),
        }
    }
}

impl State {
    /// An answer came; the ids of its batch.
    fn answered(&mut self, answer: jsonrpc::Answer) -> Result<Option<Range<u64>>, Over> {
        if answer.id.is_null() {
            return self.blamed(answer).map(|()| None);
        }
        let id = answer.id.as_u64();
        match id.and_then(|id| self.calls.remove(&id)) {
            Some(waiter) => {
                let _ = waiter.tell.send(Ok(answer.outcome.map_err(Into::into)));
                Ok(Some(waiter.batch))
            }
            // Of a call that was given up.
            None if id.is_some_and(|id| (1..self.next).contains(&id)) => Ok(None),
            None => {
                let why = format!(
                    "an answer has the id {}, which no call has",
                    shown(answer.id.as_json())
                );
                Err(Over::new(Kind::Protocol, why))
            }
        }
    }

    /// An error without an id: it belongs to the only call or batch that waits, or nobody knows to which.
    fn blamed(&mut self, answer: jsonrpc::Answer) -> Result<(), Over> {
        let Err(error) = answer.outcome else {
            return Err(Over::new(Kind::Protocol, "a result has no id"));
        };
        let batch = self
            .calls
            .values()
            .next()
            .map(|waiter| waiter.batch.clone());
        let is_only = batch.is_some_and(|batch| self.calls.keys().all(|id| batch.contains(id)));
        if !is_only {
            let why = format!(
                "an error has no id: {} ({})",
                shown(&error.message),
                error.code
            );
            return Err(Over::new(Kind::Protocol, why));
        }
        for (_, waiter) in self.calls.drain() {
            let _ = waiter.tell.send(Err(Ended::Refused(error.clone().into())));
        }
        Ok(())
    }

    /// The answers to a batch came, and these calls are not among them.
    fn tell_left_out(&mut self, batch: Option<Range<u64>>) {
        for id in batch.unwrap_or_default() {
            if let Some(waiter) = self.calls.remove(&id) {
                let over = Over::new(Kind::Protocol, "a call of the batch has no answer");
                let _ = waiter.tell.send(Err(Ended::Over(over)));
            }
        }
    }
}

/// Foreign text within an error: escaped, and not all of it.
fn shown(text: &str) -> String {
    sockeye_data::escape::escape_start(text.as_bytes(), 100)
}

/// Calls that wait, until this is dropped.
pub(super) struct Waiting<'a> {
    pending: &'a Pending,
    ids: Range<u64>,
    answers: Vec<oneshot::Receiver<Told>>,
}

impl Waiting<'_> {
    /// All answers, in the order of the calls.
    pub(super) async fn answers(&mut self, name: &str) -> Result<Vec<Answer>, CallError> {
        let mut answers = Vec::with_capacity(self.answers.len());
        for told in &mut self.answers {
            let gone = Over::new(Kind::Lost, "the connection is closed");
            answers.push(match told.await {
                Ok(Ok(answer)) => answer,
                Ok(Err(Ended::Over(over))) => return Err(over.error(name).into()),
                Ok(Err(Ended::Refused(fault))) => return Err(fault.into()),
                Err(_) => return Err(gone.error(name).into()),
            });
        }
        Ok(answers)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut state = self.pending.lock();
        for id in self.ids.clone() {
            state.calls.remove(&id);
        }
    }
}
