//! The thread that reads inputs: as many as are wanted, as soon as they are there.

use std::sync::Arc;

use bytes::Bytes;

use super::feed::{Feed, Pending};
use super::job::Source;
use super::keys::Keys;
use crate::error::Result;

/// How many inputs are asked for at once, at most.
const MOST: usize = 1024;
/// About how many bytes of inputs are read at once.
const BYTES: usize = 64 << 10;

/// See the module.
pub(super) struct Intake {
    feed: Arc<Feed>,
    keys: Option<Keys>,
    index: u64,
}

impl Intake {
    pub(super) fn new(feed: Arc<Feed>, identity: Option<&Bytes>) -> Self {
        Self {
            feed,
            keys: identity.map(Keys::new),
            index: 0,
        }
    }

    /// Read until there are no more inputs, or no more are wanted.
    pub(super) fn run(mut self, mut source: impl Source) -> Result<()> {
        let read = self.read(&mut source);
        self.feed.close();
        read
    }

    fn read(&mut self, source: &mut impl Source) -> Result<()> {
        let mut inputs = Vec::new();
        let mut pending = Vec::new();
        let mut most = 16;
        loop {
            let more = source.fill(&mut inputs, most);
            most = fitting(&inputs, most);
            for bytes in inputs.drain(..) {
                pending.push(self.pending(bytes));
            }
            if !pending.is_empty() && !self.feed.push(&mut pending) {
                return Ok(());
            }
            if !more? {
                return Ok(());
            }
        }
    }

    fn pending(&mut self, bytes: Bytes) -> Pending {
        let index = self.index;
        self.index += 1;
        Pending {
            index,
            key: self.keys.as_mut().map(|keys| keys.next(&bytes)),
            bytes,
            attempts: 0,
            passed: false,
        }
    }
}

/// How many to ask for next, so that large inputs are not read by the thousand.
fn fitting(inputs: &[Bytes], most: usize) -> usize {
    let bytes: usize = inputs.iter().map(Bytes::len).sum();
    let size = bytes / inputs.len().max(1);
    (BYTES / size.max(1)).clamp(1, (most * 2).min(MOST))
}
