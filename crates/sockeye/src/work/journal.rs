//! What was done, in a SQLite file: whoever is killed goes on where it was.

use std::path::Path;

use crate::error::{Error, Kind, Operation, Result};

/// A file of results, by the [`Key`](super::Key) of their jobs.
#[derive(Debug)]
pub struct Journal {}

impl Journal {
    /// Open or make it, and hold it: a second run refuses.
    ///
    /// # Errors
    ///
    /// `InUse` if another run holds it, `Io` if it cannot be opened or is no journal.
    pub fn open(path: &Path) -> Result<Self> {
        let _ = path;
        Err(Error::new(
            Kind::Unsupported,
            Operation::Open,
            "not built yet",
        ))
    }
}
