//! Who holds which socket: the descriptors of all processes, as far as `/proc` lets us see them.
//!
//! One pass over `/proc/*/fd`, on all cores if there are many processes, looks for given inodes only. What it costs is
//! one system call for a process without descriptors and one for each descriptor of the others. Threads that have a
//! table of their own are looked at afterwards, and only while a socket has no owner yet.

mod facts;
mod inodes;
mod scan;
mod threads;
mod walk;

use std::path::Path;

pub(crate) use self::facts::Stat;
use self::scan::Scan;
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
