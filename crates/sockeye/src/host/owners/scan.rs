//! The pass over all processes: which of them to look into, in which order, on how many threads.

use std::num::NonZero;
use std::ops::ControlFlow;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use rustix::fs::{AtFlags, Mode, OFlags, open, statat};
use rustix::io::Errno;

use super::facts;
use super::inodes::Inodes;
use super::threads;
use super::walk::{self, PidPath, Unread, Walker};
use super::{Scanned, Sight};
use crate::error::{Error, Operation, Result};
use crate::host::process::{Holder, Process};
use crate::host::table::OwnerSearch;

/// With fewer processes than this, starting a thread costs more than it saves.
const PARALLEL_FROM: usize = 64;
/// The most threads; beyond that they wait for the same locks of the kernel.
const MAX_THREADS: usize = 16;
/// The most processes that are looked at: as many as Linux can have.
const MAX_PROCESSES: usize = 1 << 22;
/// Up to this descriptor count a process is looked into before the others: a server has more than its three standard
/// streams, and a table of many thousands takes as long as hundreds of processes.
const LIKELY: std::ops::RangeInclusive<usize> = 4..=4096;

const DIRECTORY: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::CLOEXEC);

/// A descriptor that refers to a wanted socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) inode: u64,
    pub(super) descriptor: u32,
    pub(super) thread: Option<u32>,
}

/// A process that holds wanted sockets.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) process: Process,
    pub(super) found: Vec<Found>,
}

/// One search.
pub(super) struct Scan {
    path: PathBuf,
    pub(super) root: OwnedFd,
    pub(super) inodes: Inodes,
    first: bool,
    /// Whether sockets that nobody looks for are remembered too.
    pub(super) keep_all: bool,
    /// Whether the kernel tells how many descriptors a process has (Linux 6.2 and later).
    pub(super) counts: bool,
    /// Whose sockets are looked for; empty if that is not known of each.
    users: Vec<u32>,
}

/// What one thread has found.
#[derive(Default)]
pub(super) struct Share {
    pub(super) held: Vec<Held>,
    /// Processes that could not be looked into.
    pub(super) hidden: Vec<u32>,
    /// Processes to look into only if the others are not enough.
    later: Vec<u32>,
}

/// What is to be done with a process after a look at its size.
enum Plan {
    Look,
    Later,
    Hidden,
    Skip,
}

impl Scan {
    pub(super) fn new(
        proc_root: &Path,
        wanted: impl IntoIterator<Item = (u64, Option<u32>)>,
        search: OwnerSearch,
    ) -> Result<Self> {
        let root = open(proc_root, DIRECTORY, Mode::empty());
        let root = root.map_err(|e| unreadable(proc_root, e))?;
        let inodes = Inodes::new(wanted);
        let counts = statat(&root, "self/fd", AtFlags::empty()).is_ok_and(|stat| stat.st_size > 0);
        let mut users: Option<Vec<u32>> = inodes.missing().map(|(_, uid)| uid).collect();
        if let Some(users) = &mut users {
            users.sort_unstable();
            users.dedup();
        }
        Ok(Self {
            path: proc_root.to_owned(),
            root,
            inodes,
            first: search == OwnerSearch::First,
            keep_all: false,
            counts,
            users: users.unwrap_or_default(),
        })
    }

    pub(super) fn run(self) -> Result<Scanned> {
        if self.inodes.left() == 0 {
            return Ok(Scanned::default());
        }
        let pids: Vec<u32> = self.pids()?.into_iter().map(|(pid, _)| pid).collect();
        let mut all = self.pass(&pids, self.first);
        let later = std::mem::take(&mut all.later);
        if !later.is_empty() && !self.over() {
            let rest = self.pass(&later, false);
            all.held.extend(rest.held);
            all.hidden.extend(rest.hidden);
        }
        if self.inodes.left() > 0 {
            threads::search(&self, &pids, &mut all.held);
        }
        let mut scanned = collect(all.held, all.hidden.len());
        if self.inodes.left() > 0 {
            scanned.sight = self.sight(pids.iter().copied());
        }
        Ok(scanned)
    }

    /// The number of each process, in the order of the kernel, and the inode of its directory, which no other process
    /// has.
    pub(super) fn pids(&self) -> Result<Vec<(u32, u64)>> {
        list(self.root()).map_err(|error| unreadable(&self.path, error))
    }

    /// What can be seen at all, knowing all processes that are.
    pub(super) fn sight(&self, mut pids: impl Iterator<Item = u32>) -> Sight {
        Sight::find_out(&self.path, pids.any(|pid| pid == 1))
    }

    /// Whether nothing more is to be found.
    pub(super) fn over(&self) -> bool {
        self.first && self.inodes.left() == 0
    }

    pub(super) fn root(&self) -> BorrowedFd<'_> {
        self.root.as_fd()
    }

    /// Look into these processes. With `choose`, only into likely ones, and the others are left for later.
    pub(super) fn pass(&self, pids: &[u32], choose: bool) -> Share {
        let threads = if pids.len() < PARALLEL_FROM {
            1
        } else {
            thread::available_parallelism()
                .map_or(1, NonZero::get)
                .min(MAX_THREADS)
        };
        let next = AtomicUsize::new(0);
        if threads == 1 {
            return self.work(pids, &next, choose);
        }
        thread::scope(|scope| {
            // A thread that cannot be started is one less: this one works too, and takes what is left.
            let others: Vec<_> = (1..threads)
                .map_while(|_| {
                    thread::Builder::new()
                        .name("owners".to_owned())
                        .spawn_scoped(scope, || self.work(pids, &next, choose))
                        .ok()
                })
                .collect();
            let mut all = self.work(pids, &next, choose);
            for other in others {
                // Its share is lost if it panicked, which nothing in it does.
                let share = other.join().unwrap_or_default();
                all.held.extend(share.held);
                all.hidden.extend(share.hidden);
                all.later.extend(share.later);
            }
            all
        })
    }

    /// The part of one thread: one process after the other, until there are none. Not several at a time: those that hold
    /// thousands of sockets were often started together, and one thread would get them all.
    fn work(&self, pids: &[u32], next: &AtomicUsize, choose: bool) -> Share {
        let mut share = Share::default();
        let mut walker = Walker::new();
        while !self.over() {
            let Some(pid) = pids.get(next.fetch_add(1, Ordering::Relaxed)) else {
                break;
            };
            match self.plan(*pid, choose) {
                Plan::Look => self.look(*pid, &mut walker, &mut share),
                Plan::Later => share.later.push(*pid),
                Plan::Hidden => share.hidden.push(*pid),
                Plan::Skip => {}
            }
        }
        share
    }

    /// Whether to look into a process. If there is nothing to choose, the look itself shows soonest whether there is
    /// something to see.
    fn plan(&self, pid: u32, choose: bool) -> Plan {
        if !choose {
            return Plan::Look;
        }
        let stat = match walk::stat(&self.root, &PidPath::new(pid, "/fd")) {
            Ok(stat) => stat,
            Err(Unread::Hidden) => return Plan::Hidden,
            Err(Unread::Gone) => return Plan::Skip,
        };
        let count = usize::try_from(stat.st_size).unwrap_or(0);
        if self.counts && count == 0 {
            return Plan::Skip;
        }
        let of_user = self.users.is_empty() || self.users.binary_search(&stat.st_uid).is_ok();
        if of_user && (!self.counts || LIKELY.contains(&count)) {
            Plan::Look
        } else {
            Plan::Later
        }
    }

    fn look(&self, pid: u32, walker: &mut Walker, share: &mut Share) {
        let mut found = Vec::new();
        let path = PidPath::new(pid, "/fd");
        let outcome = walker.sockets(self.root(), &path, self.counts, |inode, descriptor| {
            if self.inodes.take(inode) || self.keep_all {
                found.push(Found {
                    inode,
                    descriptor,
                    thread: None,
                });
            }
            if self.over() {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        });
        if outcome == Err(Unread::Hidden) && self.has_descriptors(pid) {
            share.hidden.push(pid);
        }
        if !found.is_empty() {
            share.held.push(self.held(pid, found));
        }
    }

    /// Whether a process that may not be looked into has something to hide: threads of the kernel have not.
    fn has_descriptors(&self, pid: u32) -> bool {
        if self.counts {
            match walk::stat(&self.root, &PidPath::new(pid, "/fd")) {
                Ok(stat) => stat.st_size > 0,
                Err(error) => error == Unread::Hidden,
            }
        } else {
            !facts::is_kernel_thread(&self.root, pid)
        }
    }

    /// The facts of a process that holds something. If it has gone meanwhile, its number is all that is known.
    pub(super) fn held(&self, pid: u32, found: Vec<Found>) -> Held {
        let process = facts::read_process(&self.root, pid).unwrap_or_else(|| Process {
            pid,
            ..Process::default()
        });
        Held { process, found }
    }
}

/// The number of each process, in the order of the kernel; none if they cannot be listed.
pub(crate) fn pids(proc_root: &Path) -> Vec<u32> {
    let root = open(proc_root, DIRECTORY, Mode::empty());
    let pids = root.and_then(|root| list(root.as_fd())).unwrap_or_default();
    pids.into_iter().map(|(pid, _)| pid).collect()
}

fn list(root: BorrowedFd<'_>) -> Result<Vec<(u32, u64)>, Errno> {
    let mut pids = Vec::new();
    Walker::new().numbers(root, |pid, entry| {
        pids.push((pid, entry.ino()));
        if pids.len() < MAX_PROCESSES {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    })?;
    Ok(pids)
}

/// Put what the threads have found into one order, whichever was faster.
pub(super) fn collect(mut held: Vec<Held>, hidden: usize) -> Scanned {
    held.sort_by_key(|held| held.process.pid);
    let mut scanned = Scanned {
        hidden,
        ..Scanned::default()
    };
    for Held { process, found } in held {
        // A process may be here twice: for itself, and for threads of its own mind.
        if scanned
            .processes
            .last()
            .is_none_or(|last| last.pid != process.pid)
        {
            scanned.processes.push(process);
        }
        // There are at most 2^22 processes.
        let index = (scanned.processes.len() - 1) as u32;
        scanned
            .holders
            .extend(found.into_iter().map(|found| Holder {
                inode: found.inode,
                process: index,
                descriptor: found.descriptor,
                thread: found.thread,
            }));
    }
    scanned.holders.sort_unstable();
    scanned
}

fn unreadable(root: impl AsRef<Path>, error: Errno) -> Error {
    Error::from_io(Operation::Open, error.into()).at(root.as_ref().display())
}
