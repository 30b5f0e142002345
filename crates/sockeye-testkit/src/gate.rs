//! A gate that a test opens and a script waits at, instead of sleeping.

use std::sync::{Arc, Condvar, Mutex};

use crate::LIMIT;

/// A gate that is opened once; clones are the same gate.
#[derive(Clone, Debug, Default)]
pub struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    /// A closed gate.
    pub fn new() -> Self {
        Self::default()
    }

    /// Let everybody through, now and later.
    pub fn open(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }

    /// Whether it was opened.
    pub fn is_open(&self) -> bool {
        *self.0.0.lock().unwrap()
    }

    /// Wait until it is open; `false` if that did not happen within [`LIMIT`].
    pub fn wait(&self) -> bool {
        let closed = self.0.0.lock().unwrap();
        let (open, _) = self
            .0
            .1
            .wait_timeout_while(closed, LIMIT, |open| !*open)
            .unwrap();
        *open
    }
}
