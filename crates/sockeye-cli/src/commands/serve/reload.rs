//! What SIGHUP reads again: certificates, applications, whoever else puts itself on the list. Nothing is dropped by it.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use sockeye::Result;

use crate::output::{Level, Output};

type Act = Box<dyn Fn() -> Result<()> + Send>;

/// The list. A copy is the same list.
#[derive(Clone, Default)]
pub(super) struct Reload(Arc<Mutex<Vec<(&'static str, Act)>>>);

impl Reload {
    /// Do this too; `what` is read again by it. An error leaves things as they were.
    pub(super) fn add(&self, what: &'static str, act: impl Fn() -> Result<()> + Send + 'static) {
        let mut list = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        list.push((what, Box::new(act)));
    }

    /// Read everything again, and say what came of it.
    pub(super) fn run(&self, output: &Output) {
        let list = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut read: Vec<&str> = Vec::new();
        for (what, act) in &*list {
            match act() {
                Ok(()) if read.contains(what) => {}
                Ok(()) => read.push(what),
                Err(error) => say_kept(what, &error, output),
            }
        }
        match read.is_empty() {
            true => output.say(Level::Normal, "nothing was read again"),
            false => output.say(
                Level::Normal,
                format_args!("read again: {}", read.join(", ")),
            ),
        }
    }
}

/// Say that something could not be read again.
pub(super) fn say_kept(what: &str, error: &sockeye::Error, output: &Output) {
    output.warn(format_args!("{what}: the old ones stay in use: {error}"));
}

impl fmt::Debug for Reload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reload").finish_non_exhaustive()
    }
}
