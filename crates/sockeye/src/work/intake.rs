//! The thread that reads inputs: as many as are wanted, as soon as they are there.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use super::feed::{Feed, Pending, Tally};
use super::job::{Input, Source};
use super::journal::Replay;
use super::keys::Keys;
use super::outbox::{Done, Outbox};
use super::spill::Spill;
use crate::error::Result;

/// How many inputs are asked for at once, at most.
const MOST: usize = 1024;
/// About how many bytes of inputs are read at once.
const BYTES: usize = 64 << 10;

/// See the module.
pub(super) struct Intake {
    feed: Arc<Feed>,
    keys: Option<Keys>,
    known: Option<Known>,
    index: u64,
    ended: Ended,
}

/// How reading ended, once it has.
pub(super) type Ended = Arc<Mutex<Option<Result<()>>>>;

/// Results that need no job.
pub(super) struct Known {
    pub(super) replay: Replay,
    pub(super) spill: Spill,
    pub(super) outbox: Arc<Outbox>,
}

impl Intake {
    pub(super) fn new(feed: Arc<Feed>, identity: Option<&Bytes>, known: Option<Known>) -> Self {
        Self {
            feed,
            keys: identity.map(Keys::new),
            known,
            index: 0,
            ended: Ended::default(),
        }
    }

    /// Read until there are no more inputs, or no more are wanted.
    pub(super) fn run(mut self, mut source: impl Source) {
        let read = self.read(&mut source);
        // Before it is said that there are no more.
        *self.ended.lock().unwrap_or_else(PoisonError::into_inner) = Some(read);
    }

    /// Where it will say how reading ended.
    pub(super) fn ended(&self) -> Ended {
        Arc::clone(&self.ended)
    }

    fn read(&mut self, source: &mut impl Source) -> Result<()> {
        let mut inputs = Vec::new();
        let mut pending = Vec::new();
        let mut most = 16;
        loop {
            let more = source.fill(&mut inputs, most);
            most = fitting(&inputs, most);
            if self.feed.is_over() {
                return Ok(());
            }
            let sorted = self.sort_out(&mut inputs, &mut pending);
            if !pending.is_empty() && !self.feed.push(&mut pending) {
                return Ok(());
            }
            sorted?;
            if !more? {
                return Ok(());
            }
        }
    }

    /// Keep those that need a job.
    fn sort_out(&mut self, inputs: &mut Vec<Bytes>, pending: &mut Vec<Pending>) -> Result<()> {
        for bytes in inputs.drain(..) {
            let input = self.pending(bytes)?;
            if let Some(input) = self.unknown(input)? {
                pending.push(input);
            }
        }
        Ok(())
    }

    fn pending(&mut self, bytes: Bytes) -> Result<Pending> {
        let index = self.index;
        let key = self.keys.as_mut().map(|keys| keys.next(&bytes));
        self.index += 1;
        Ok(Pending {
            index,
            key: key.transpose()?,
            bytes,
            attempts: 0,
            passed: false,
        })
    }

    /// Whether it needs a job: else its result goes on from the journal.
    fn unknown(&self, input: Pending) -> Result<Option<Pending>> {
        let (Some(known), Some(key)) = (&self.known, input.key) else {
            return Ok(Some(input));
        };
        let Some(outcome) = known.replay.find(&key, &known.spill)? else {
            return Ok(Some(input));
        };
        let mut tally = Tally::default();
        tally.count(&outcome.ending);
        let input = Input {
            index: input.index,
            bytes: input.bytes,
        };
        let done = Done {
            input,
            key: None,
            outcome,
            recorded: true,
        };
        known.outbox.room_blocking();
        self.feed
            .pass(&tally, || known.outbox.push(&mut vec![done]));
        Ok(None)
    }
}

/// Also if the source panics, nobody waits for it for ever.
impl Drop for Intake {
    fn drop(&mut self) {
        self.feed.close();
    }
}

/// How many to ask for next, so that large inputs are not read by the thousand.
fn fitting(inputs: &[Bytes], most: usize) -> usize {
    let bytes: usize = inputs.iter().map(Bytes::len).sum();
    let size = bytes / inputs.len().max(1);
    (BYTES / size.max(1)).clamp(1, (most * 2).min(MOST))
}
