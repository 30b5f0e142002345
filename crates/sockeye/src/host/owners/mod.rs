//! Who holds which socket: the descriptors of all processes, as far as `/proc` lets us see them.
//!
//! One pass over `/proc/*/fd`, on all cores if there are many processes, looks for given inodes only. What it costs is
//! one system call for a process without descriptors and one for each descriptor of the others. Threads that have a
//! table of their own are looked at afterwards, and only while a socket has no owner yet.

mod cache;
mod facts;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod inodes;
mod scan;
mod threads;
mod walk;

use std::path::Path;

use rustix::fs::{AtFlags, CWD, statat};

pub use self::cache::Cache;
pub(crate) use self::facts::Stat;
use self::scan::Scan;
pub(crate) use self::scan::pids;
use super::mounts;
use super::process::{Holder, Process};
use super::table::OwnerSearch;
use crate::error::Result;

/// What a look into all processes brought.
#[derive(Debug, Default)]
pub(crate) struct Scanned {
    /// Sorted by inode.
    pub(crate) holders: Vec<Holder>,
    /// The processes of those holders, sorted by number.
    pub(crate) processes: Vec<Process>,
    /// How many processes could not be looked into.
    pub(crate) hidden: usize,
    /// How much of the machine was seen; found out only if a socket has no holder.
    pub(crate) sight: Sight,
}

/// Which processes can be seen at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Sight {
    /// All of the machine.
    #[default]
    Whole,
    /// Those of our user: `/proc` is mounted with `hidepid`.
    Hidden,
    /// Those of our process namespace, and there are others.
    Partial,
}

impl Sight {
    /// The number that Linux gives the first namespace of processes (`PROC_PID_INIT_INO`).
    const FIRST_NAMESPACE: u64 = 0xefff_fffc;

    /// What can be seen, knowing whether the list of processes has the first one.
    fn find_out(proc_root: &Path, has_first: bool) -> Self {
        if !has_first {
            let text = mounts::table(proc_root);
            let hides = |mount: mounts::Mount<'_>| {
                let hidden = mount.option("hidepid").or_else(|| mount.option("subset"));
                mount.kind == b"proc" && hidden.is_some()
            };
            if mounts::parse(&text).any(hides) {
                return Self::Hidden;
            }
        }
        let namespace = statat(CWD, proc_root.join("self/ns/pid"), AtFlags::empty());
        match namespace {
            Ok(stat) if stat.st_ino != Self::FIRST_NAMESPACE => Self::Partial,
            _ => Self::Whole,
        }
    }
}

impl Scanned {
    /// The descriptors that refer to this socket.
    pub(crate) fn holders(&self, inode: u64) -> &[Holder] {
        let from = self.holders.partition_point(|holder| holder.inode < inode);
        let rest = &self.holders[from..];
        let count = rest.partition_point(|holder| holder.inode == inode);
        &rest[..count]
    }
}

/// Find the holders of these sockets: inodes, each with the user that the socket belongs to where that is known. Under
/// [`OwnerSearch::First`] processes of those users come first, and the search ends when each socket has a holder.
///
/// # Errors
///
/// [`Kind::Denied`](crate::Kind::Denied) or [`Kind::Io`](crate::Kind::Io) if `/proc` itself cannot be read. A process
/// that may not be looked into is counted, and one that goes away meanwhile is none.
pub(crate) fn scan(
    proc_root: &Path,
    wanted: impl IntoIterator<Item = (u64, Option<u32>)>,
    search: OwnerSearch,
) -> Result<Scanned> {
    if search == OwnerSearch::None {
        return Ok(Scanned::default());
    }
    Scan::new(proc_root, wanted, search)?.run()
}

#[cfg(test)]
mod tests;
