//! One run at a time has a journal: a lock that the kernel takes back from whoever is killed.

use std::collections::BTreeSet;
use std::fs::File;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::error::{Error, Kind, Operation, Result};

/// The files that this process holds, by device and number. Closing any descriptor of a file gives up all of SQLite's own locks
/// on it in the same process; so a file that is held is not even opened a second time.
static HELD: Mutex<BTreeSet<(u64, u64)>> = Mutex::new(BTreeSet::new());

/// The hold on a journal; given up when it is dropped.
#[derive(Debug)]
pub(super) struct Hold {
    file: (u64, u64),
    _open: File,
}

impl Hold {
    /// Take hold of this file, which is made if it is not there.
    pub(super) fn take(path: &Path) -> Result<Self> {
        let failed = |error| Error::from_io(Operation::Open, error).about(path.display());
        let mut held = HELD.lock().unwrap_or_else(PoisonError::into_inner);
        let there = std::fs::metadata(path).ok();
        if there.is_some_and(|file| held.contains(&(file.dev(), file.ino()))) {
            return Err(in_use(path));
        }
        let open = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)
            .map_err(failed)?;
        match flock(&open, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => return Err(in_use(path)),
            Err(error) => return Err(failed(error.into())),
        }
        let file = open.metadata().map_err(failed)?;
        let file = (file.dev(), file.ino());
        held.insert(file);
        Ok(Self { file, _open: open })
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut held = HELD.lock().unwrap_or_else(PoisonError::into_inner);
        held.remove(&self.file);
    }
}

fn in_use(path: &Path) -> Error {
    Error::new(Kind::InUse, Operation::Open, "another run has this journal")
        .about(path.display())
        .with_hint("wait for the other run, or name another file")
}
