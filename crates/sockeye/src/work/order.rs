//! Results that came early wait here, sorted, until it is their turn.

use std::collections::BTreeMap;

use super::outbox::Done;
use crate::error::Result;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Order {
    next: u64,
    early: BTreeMap<u64, Done>,
}

impl Order {
    /// Take one that came.
    pub(super) fn push(&mut self, done: Done) -> Result<()> {
        self.early.insert(done.input.index, done);
        Ok(())
    }

    /// The next one, if it is there.
    pub(super) fn pop(&mut self) -> Result<Option<Done>> {
        let done = self.early.remove(&self.next);
        self.next += u64::from(done.is_some());
        Ok(done)
    }
}
