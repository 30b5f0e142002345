//! Who holds which socket: the descriptors of all processes, as far as `/proc` lets us see them.

use std::path::Path;

use super::process::{Holder, Process};
use super::table::OwnerSearch;
use crate::error::Result;

/// What a look into all processes brought.
#[derive(Debug, Default)]
pub(crate) struct Scanned {
    /// Sorted by inode.
    pub(crate) holders: Vec<Holder>,
    /// The processes of those holders.
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

/// Find the holders of these sockets.
pub(crate) fn scan(
    _proc_root: &Path,
    _wanted: impl Iterator<Item = u64>,
    _search: OwnerSearch,
) -> Result<Scanned> {
    Ok(Scanned::default())
}
