//! What is shown of results: text as it is, or an event for each job.

mod json;
mod tally;
mod text;

pub(super) use json::{Events, ReportEvent};
pub(super) use tally::{Tally, reason};
pub(super) use text::Text;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use sockeye::{Error, Operation};

/// Whether anybody reads standard output.
#[derive(Clone, Debug, Default)]
pub(super) struct Closed(Arc<AtomicBool>);

impl Closed {
    /// Whether nobody does.
    pub(super) fn is_closed(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Why standard output cannot be written.
    fn failed(&self, error: io::Error) -> Error {
        if error.kind() == io::ErrorKind::BrokenPipe {
            self.0.store(true, Ordering::Relaxed);
        }
        Error::from_io(Operation::Run, error).about("standard output")
    }
}
