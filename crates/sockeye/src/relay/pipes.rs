//! The pipes that splice(2) moves bytes through: few, large, kept for the next conversation.
//!
//! An idle conversation holds none. Where no pipe can be had, or descriptors grow scarce, the bytes are copied.

use std::fmt;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::resource::{Resource, getrlimit};

/// How many empty pipes are kept.
const KEPT: usize = 64;
/// The size of a pipe. Larger ones save system calls; this is also what an unprivileged process may ask for.
const LARGE: usize = 1 << 20;
/// The size of a pipe when many are in use: the kernel lets a user have 64 MiB of pipes in all.
const MEDIUM: usize = 256 << 10;
/// How many pipes get the large size.
const LARGE_ONES: usize = 32;
/// Smaller than this and copying is no worse; over its user's limit the kernel makes pipes of 4 or 8 KiB.
const SMALLEST: usize = 64 << 10;

/// A pool of pipes. Clones share it.
#[derive(Clone)]
pub struct Pipes(Arc<Pool>);

struct Pool {
    idle: Mutex<Vec<Pipe>>,
    open: Arc<AtomicUsize>,
    make: fn() -> io::Result<(OwnedFd, OwnedFd)>,
}

impl Pipes {
    /// A new, empty pool. It keeps at most 64 pipes, and uses at most a quarter of the descriptors that the process
    /// may open (`RLIMIT_NOFILE`).
    pub fn new() -> Self {
        Self::made_by(|| Ok(nix::unistd::pipe2(OFlag::O_CLOEXEC | OFlag::O_NONBLOCK)?))
    }

    pub(super) fn made_by(make: fn() -> io::Result<(OwnedFd, OwnedFd)>) -> Self {
        Self(Arc::new(Pool {
            idle: Mutex::default(),
            open: Arc::default(),
            make,
        }))
    }

    /// How many pipes are open, in use or kept.
    pub fn open(&self) -> usize {
        self.0.open.load(Ordering::Relaxed)
    }

    /// How many of them are kept for the next use.
    pub fn idle(&self) -> usize {
        self.lock().len()
    }

    /// An empty pipe, if one can be had.
    pub(crate) fn take(&self) -> Option<Pipe> {
        if let Some(pipe) = self.lock().pop() {
            return Some(pipe);
        }
        let made = self.make();
        if made.is_none() {
            tracing::debug!("no pipe to be had, copying");
        }
        made
    }

    /// Keep this pipe for the next use. One that still holds bytes is closed, or they would reach a stranger.
    pub(super) fn give(&self, pipe: Pipe) {
        let mut idle = self.lock();
        if pipe.held == 0 && idle.len() < KEPT {
            idle.push(pipe);
        }
    }

    fn make(&self) -> Option<Pipe> {
        let (limit, _) = getrlimit(Resource::RLIMIT_NOFILE).ok()?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        // Two descriptors for each pipe, and no more than a quarter of all.
        let open = Open::one_more(&self.0.open);
        if open.count() > limit / 8 {
            return None;
        }
        let (read, write) = (self.0.make)().ok()?;
        if is_scarce(write.as_raw_fd().max(read.as_raw_fd()), limit) {
            return None;
        }
        let wanted: &[usize] = match open.count() <= LARGE_ONES {
            true => &[LARGE, MEDIUM],
            false => &[MEDIUM],
        };
        for size in wanted {
            // Cannot truncate: both sizes are constants below 2^31.
            if fcntl(&write, FcntlArg::F_SETPIPE_SZ(*size as i32)).is_ok() {
                break;
            }
        }
        let capacity = usize::try_from(fcntl(&write, FcntlArg::F_GETPIPE_SZ).ok()?).ok()?;
        (capacity >= SMALLEST).then_some(Pipe {
            read,
            write,
            capacity,
            held: 0,
            _open: open,
        })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Pipe>> {
        // A list of pipes is in order whatever happened to its last holder.
        self.0.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Pipes {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Pipes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pipes")
            .field("open", &self.open())
            .field("idle", &self.idle())
            .finish()
    }
}

/// Whether this new descriptor shows that few are left for connections: the kernel hands out the lowest free number.
fn is_scarce(number: RawFd, limit: usize) -> bool {
    usize::try_from(number).is_ok_and(|number| number >= limit - limit / 8)
}

/// A pipe and the number of bytes in it.
#[derive(Debug)]
pub(crate) struct Pipe {
    pub(crate) read: OwnedFd,
    pub(crate) write: OwnedFd,
    pub(crate) capacity: usize,
    pub(crate) held: usize,
    _open: Open,
}

/// Counts as one open pipe while it lives.
#[derive(Debug)]
struct Open(Arc<AtomicUsize>);

impl Open {
    fn one_more(open: &Arc<AtomicUsize>) -> Self {
        open.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(open))
    }

    fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_last_eighth_of_the_descriptors_is_left_to_connections() {
        assert!(!is_scarce(895, 1024));
        assert!(is_scarce(896, 1024));
        assert!(!is_scarce(1000, usize::MAX));
    }

    #[test]
    fn a_pipe_with_bytes_in_it_is_never_used_again() {
        let pipes = Pipes::new();
        let mut pipe = pipes.take().unwrap();
        pipe.held = 1;
        pipes.give(pipe);
        assert_eq!((pipes.open(), pipes.idle()), (0, 0));
        let empty = pipes.take().unwrap();
        pipes.give(empty);
        assert_eq!((pipes.open(), pipes.idle()), (1, 1));
    }
}
