//! How much space uploads take, and whether there is room for more.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, openat, statat, unlinkat};

use super::fault::{Fault, Result};
use super::name::TEMPORARY;
use crate::web::files::Root;

/// Folders below folders that are counted, and entries in all.
const DEEPEST: usize = 64;
const MOST_ENTRIES: usize = 1_000_000;
/// Files that were being written when a server died are removed when they are this old.
const OLD: Duration = Duration::from_secs(24 * 60 * 60);
/// What others do with the files is seen when they are counted again: this often, and when there seems to be no room.
const RECOUNT: Duration = Duration::from_secs(600);
const SOONEST: Duration = Duration::from_secs(10);

/// What uploads take in all areas together, against what they may.
#[derive(Debug)]
pub(super) struct Usage {
    most: Option<u64>,
    roots: Mutex<Vec<Root>>,
    counted: Mutex<Option<Counted>>,
}

#[derive(Debug)]
struct Counted {
    bytes: u64,
    at: Instant,
}

/// Bytes that are spoken for; given back when it is dropped, unless they are kept.
#[derive(Debug)]
pub(super) struct Reserved {
    usage: Arc<Usage>,
    bytes: u64,
    used: u64,
}

impl Usage {
    pub(super) fn new(most: Option<u64>) -> Arc<Self> {
        Arc::new(Self {
            most,
            roots: Mutex::default(),
            counted: Mutex::default(),
        })
    }

    /// This folder counts too.
    pub(super) fn watch(&self, root: Root) {
        self.roots
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(root);
    }

    /// Nothing, to be extended.
    pub(super) fn reserve(self: &Arc<Self>) -> Reserved {
        Reserved {
            usage: Arc::clone(self),
            bytes: 0,
            used: 0,
        }
    }

    /// Remove what a server that died left behind, and count the rest. Blocks.
    pub(super) fn survey(&self) -> u64 {
        let roots = self
            .roots
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let mut left = MOST_ENTRIES;
        roots
            .iter()
            .filter_map(|root| root.open(b"").ok())
            .map(|folder| survey(folder.into(), DEEPEST, &mut left))
            .sum()
    }

    fn take(&self, bytes: u64) -> Result<()> {
        let Some(most) = self.most else {
            return Ok(());
        };
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        for is_again in [false, true] {
            let oldest = if is_again { SOONEST } else { RECOUNT };
            let state = match counted.as_mut() {
                Some(state) if state.at.elapsed() < oldest => state,
                // Bytes that are spoken for and not written yet are lost sight of: less than one chunk for each upload.
                _ => counted.insert(Counted {
                    bytes: self.survey(),
                    at: Instant::now(),
                }),
            };
            let sum = state.bytes.saturating_add(bytes);
            if sum <= most {
                state.bytes = sum;
                return Ok(());
            }
        }
        Err(Fault::quota())
    }

    /// These bytes are free again.
    pub(super) fn give_back(&self, bytes: u64) {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(counted) = counted.as_mut() {
            counted.bytes = counted.bytes.saturating_sub(bytes);
        }
    }
}

impl Reserved {
    /// So many bytes will come: it is better to know at once that there is no room. Blocks while files are counted.
    pub(super) fn announce(&mut self, bytes: u64) -> Result<()> {
        self.usage.take(bytes)?;
        self.bytes += bytes;
        Ok(())
    }

    /// More bytes are there, announced or not. Blocks while files are counted.
    pub(super) fn extend(&mut self, bytes: u64) -> Result<()> {
        let missing = (self.used + bytes).saturating_sub(self.bytes);
        self.announce(missing)?;
        self.used += bytes;
        Ok(())
    }

    /// What is there is kept; what was announced and did not come is given back.
    pub(super) fn keep(&mut self) {
        self.bytes = self.bytes.saturating_sub(self.used);
        self.used = 0;
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        self.usage.give_back(self.bytes);
    }
}

/// The bytes of the files below this folder, without those that are removed because they were never finished.
fn survey(folder: OwnedFd, depth: usize, left: &mut usize) -> u64 {
    let Ok(entries) = Dir::read_from(&folder) else {
        return 0;
    };
    let mut sum = 0_u64;
    for entry in entries.flatten() {
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        if *left == 0 {
            break;
        }
        *left -= 1;
        let Ok(stat) = statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW) else {
            continue;
        };
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory if depth > 0 => {
                let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                if let Ok(below) = openat(&folder, name, flags, Mode::empty()) {
                    sum = sum.saturating_add(survey(below, depth - 1, left));
                }
            }
            FileType::RegularFile => {
                let is_ours = name.to_bytes().starts_with(TEMPORARY.as_bytes());
                if is_ours
                    && is_older(stat.st_mtime, OLD)
                    && unlinkat(&folder, name, AtFlags::empty()).is_ok()
                {
                    continue;
                }
                sum = sum.saturating_add(u64::try_from(stat.st_size).unwrap_or_default());
            }
            _ => {}
        }
    }
    sum
}

/// Whether this time of a file is longer ago.
pub(super) fn is_older(modified: i64, age: Duration) -> bool {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(modified).is_ok_and(|it| now.as_secs().saturating_sub(it) > age.as_secs())
}

/// A number nobody can guess, in hexadecimal.
pub(super) fn random() -> io::Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|_| io::ErrorKind::Other)?;
    Ok(data_encoding::HEXLOWER.encode(&bytes))
}
