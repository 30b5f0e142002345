//! Why a request is answered as it is: each rule that has a say leaves a note, if somebody asked for notes.
//!
//! The code that decides is the code that explains, so that an explanation cannot differ from what is served.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// The notes of one request.
#[derive(Clone, Default)]
pub struct Trail(Arc<Mutex<Vec<Note>>>);

/// What one rule had to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Which rule: `file`, `variant`, `cache`, `account` and so on.
    pub rule: &'static str,
    /// What it decided and why, one line.
    pub text: String,
}

impl Trail {
    /// Nothing noted yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Leave a note.
    pub fn note(&self, rule: &'static str, text: impl Into<String>) {
        let mut notes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        notes.push(Note {
            rule,
            text: text.into(),
        });
    }

    /// All notes, in the order they were left.
    pub fn notes(&self) -> Vec<Note> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl fmt::Debug for Trail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.notes()).finish()
    }
}
