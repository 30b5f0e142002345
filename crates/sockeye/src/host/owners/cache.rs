//! What is known of holders from one look to the next, for a view that asks every second.
//!
//! While no unknown socket turns up, nothing is read at all. If one does, only those processes are looked into whose
//! number of descriptors has changed, then those that have sockets, then the rest.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use super::scan::{Found, Held, Scan, collect};
use super::threads;
use super::walk::{self, PidPath};
use super::{Scanned, Sight};
use crate::error::Result;
use crate::host::process::Process;
use crate::host::table::OwnerSearch;

/// After so many looks all that is known is checked, even if nothing unknown has turned up: a descriptor may have been
/// closed or passed on while its socket lives. A socket that nobody was found to hold is looked for again then.
const CHECK_EVERY: u64 = 10;

/// Remembers who holds which socket between reads, see [`Request::read_again`](crate::host::table::Request::read_again).
///
/// It takes some 100 bytes for each process of the machine and 24 for each descriptor of a socket.
#[derive(Debug, Default)]
pub struct Cache {
    processes: HashMap<u32, Known>,
    /// Sockets that no process was found to hold.
    nobodys: HashSet<u64>,
    sight: Sight,
    looks: u64,
}

/// A process, and what it held when it was looked into.
#[derive(Debug, Default)]
struct Known {
    /// The inode of its directory: another process with its number has another.
    id: u64,
    /// How many descriptors it had; `None` if the kernel does not say.
    count: Option<u64>,
    hidden: bool,
    /// Its facts, if it holds sockets.
    process: Option<Process>,
    found: Vec<Found>,
}

impl Cache {
    /// One that knows nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Find the holders of these sockets, as [`super::scan`] does with [`OwnerSearch::All`].
    pub(crate) fn scan(
        &mut self,
        proc_root: &Path,
        wanted: impl IntoIterator<Item = (u64, Option<u32>)>,
    ) -> Result<Scanned> {
        let mut scan = Scan::new(proc_root, wanted, OwnerSearch::All)?;
        scan.keep_all = true;
        let check = self.looks.is_multiple_of(CHECK_EVERY);
        self.looks += 1;
        if check {
            self.nobodys.clear();
        }
        self.take_known(&scan);
        if check || self.unknown(&scan) {
            self.look_again(&scan)?;
        }
        Ok(self.collect(&scan))
    }

    /// Tick off what is known.
    fn take_known(&self, scan: &Scan) {
        for found in self.processes.values().flat_map(|known| &known.found) {
            scan.inodes.take(found.inode);
        }
    }

    fn unknown(&self, scan: &Scan) -> bool {
        scan.inodes.left() > 0
            && scan
                .inodes
                .missing()
                .any(|(inode, _)| !self.nobodys.contains(&inode))
    }

    fn look_again(&mut self, scan: &Scan) -> Result<()> {
        let pids = scan.pids()?;
        let alive: HashSet<u32> = pids.iter().map(|(pid, _)| *pid).collect();
        self.processes.retain(|pid, _| alive.contains(pid));
        let changed = self.changed(scan, &pids);
        self.look_into(scan, &changed);
        if self.unknown(scan) {
            // One descriptor closed and another opened leaves the number as it was: most likely in a server.
            let looked: HashSet<u32> = changed.into_iter().collect();
            let (busy, idle): (Vec<u32>, Vec<u32>) = pids
                .iter()
                .map(|(pid, _)| *pid)
                .filter(|pid| !looked.contains(pid))
                .partition(|pid| {
                    self.processes
                        .get(pid)
                        .is_some_and(|known| !known.found.is_empty())
                });
            self.look_into(scan, &busy);
            if self.unknown(scan) {
                self.look_into(scan, &idle);
            }
        }
        if self.unknown(scan) {
            let pids: Vec<u32> = pids.iter().map(|(pid, _)| *pid).collect();
            let mut held = Vec::new();
            threads::search(scan, &pids, &mut held);
            for held in held {
                let known = self.processes.entry(held.process.pid).or_default();
                known.process = Some(held.process);
                known.found.extend(held.found);
            }
            self.sight = scan.sight(pids.into_iter());
        }
        self.nobodys = scan.inodes.missing().map(|(inode, _)| inode).collect();
        Ok(())
    }

    /// The processes that are new, or have more or fewer descriptors than they had.
    fn changed(&mut self, scan: &Scan, pids: &[(u32, u64)]) -> Vec<u32> {
        let mut changed = Vec::new();
        for (pid, id) in pids {
            let count = if scan.counts {
                // One that has gone has none.
                let stat = walk::stat(&scan.root, &PidPath::new(*pid, "/fd"));
                Some(stat.map_or(0, |stat| u64::try_from(stat.st_size).unwrap_or(0)))
            } else {
                None
            };
            let known = self.processes.entry(*pid).or_default();
            if known.id != *id || known.count != count || count.is_none() {
                *known = Known {
                    id: *id,
                    count,
                    ..Known::default()
                };
                changed.push(*pid);
            }
        }
        changed
    }

    /// Look into these processes and forget what was known of their descriptors.
    fn look_into(&mut self, scan: &Scan, pids: &[u32]) {
        let share = scan.pass(pids, false);
        for pid in pids {
            if let Some(known) = self.processes.get_mut(pid) {
                known.found.clear();
                known.hidden = false;
            }
        }
        for pid in share.hidden {
            if let Some(known) = self.processes.get_mut(&pid) {
                known.hidden = true;
            }
        }
        for held in share.held {
            if let Some(known) = self.processes.get_mut(&held.process.pid) {
                known.process = Some(held.process);
                known.found = held.found;
            }
        }
    }

    /// What is wanted of what is known.
    fn collect(&self, scan: &Scan) -> Scanned {
        let held = self.processes.values().filter_map(|known| {
            let wanted = known
                .found
                .iter()
                .filter(|found| scan.inodes.take(found.inode));
            let found: Vec<Found> = wanted.copied().collect();
            let process = known.process.as_ref().filter(|_| !found.is_empty())?;
            Some(Held {
                process: process.clone(),
                found,
            })
        });
        let hidden = self.processes.values().filter(|known| known.hidden).count();
        Scanned {
            sight: self.sight,
            ..collect(held.collect(), hidden)
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::fs;
    use std::os::fd::AsRawFd;

    use super::super::tests::{Tree, holders};
    use super::*;

    fn scan(cache: &mut Cache, tree: &Tree, wanted: &[u64]) -> Vec<(u64, u32, u32, Option<u32>)> {
        let wanted = wanted.iter().map(|inode| (*inode, None));
        holders(&cache.scan(tree.path(), wanted).unwrap())
    }

    #[test]
    fn what_is_known_is_not_read_again_until_something_unknown_comes() {
        let tree = Tree::new();
        let dir = tree.process(7, b"server");
        tree.descriptors(&dir.join("fd"), &[(3, "socket:[1]"), (4, "socket:[2]")]);
        let mut cache = Cache::new();
        assert_eq!(scan(&mut cache, &tree, &[1]), [(1, 7, 3, None)]);
        // It is not on the disk any more, and nobody looks.
        fs::remove_file(dir.join("fd/3")).unwrap();
        assert_eq!(scan(&mut cache, &tree, &[1]), [(1, 7, 3, None)]);
        // The second was seen on the way.
        assert_eq!(
            scan(&mut cache, &tree, &[1, 2]),
            [(1, 7, 3, None), (2, 7, 4, None)]
        );
        tree.descriptors(&dir.join("fd"), &[(5, "socket:[3]")]);
        assert_eq!(scan(&mut cache, &tree, &[1, 3]), [(3, 7, 5, None)]);
    }

    #[test]
    fn what_is_known_is_checked_now_and_then() {
        let tree = Tree::new();
        let dir = tree.process(7, b"server");
        tree.descriptors(&dir.join("fd"), &[(3, "socket:[1]")]);
        let mut cache = Cache::new();
        assert_eq!(scan(&mut cache, &tree, &[1]).len(), 1);
        fs::remove_file(dir.join("fd/3")).unwrap();
        let looks = (0..=CHECK_EVERY).take_while(|_| !scan(&mut cache, &tree, &[1]).is_empty());
        assert_eq!(looks.count() as u64, CHECK_EVERY - 1);
    }

    #[test]
    fn a_process_that_took_the_number_of_another_is_another() {
        let tree = Tree::new();
        let dir = tree.process(7, b"first");
        tree.descriptors(&dir.join("fd"), &[(3, "socket:[1]")]);
        let mut cache = Cache::new();
        assert_eq!(scan(&mut cache, &tree, &[1]).len(), 1);
        fs::rename(&dir, tree.path().join("gone")).unwrap();
        let dir = tree.process(7, b"second");
        tree.descriptors(&dir.join("fd"), &[(3, "socket:[2]")]);
        let scanned = cache.scan(tree.path(), [(1, None), (2, None)]).unwrap();
        assert_eq!(holders(&scanned), [(2, 7, 3, None)]);
        assert_eq!(scanned.processes[0].name, b"second");
    }

    #[test]
    fn what_nobody_holds_is_not_looked_for_each_time() {
        let tree = Tree::new();
        let dir = tree.process(7, b"server");
        tree.descriptors(&dir.join("fd"), &[(3, "socket:[1]")]);
        let mut cache = Cache::new();
        assert_eq!(scan(&mut cache, &tree, &[1, 9]).len(), 1);
        fs::remove_file(dir.join("fd/3")).unwrap();
        assert_eq!(
            scan(&mut cache, &tree, &[1, 9]).len(),
            1,
            "nothing was read"
        );
    }

    #[test]
    fn a_socket_of_this_machine_that_replaces_another_is_found() {
        let proc = Path::new("/proc");
        let first = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let inode = |socket: &std::net::UdpSocket| rustix::fs::fstat(socket).unwrap().st_ino;
        let mut cache = Cache::new();
        let known = cache.scan(proc, [(inode(&first), None)]).unwrap();
        assert_eq!(known.holders(inode(&first)).len(), 1);
        drop(first);
        // The number of descriptors may be the same as before.
        let second = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let known = cache.scan(proc, [(inode(&second), None)]).unwrap();
        let holder = known.holders(inode(&second))[0];
        assert_eq!(holder.descriptor, second.as_raw_fd() as u32);
        assert_eq!(
            known.processes[holder.process as usize].pid,
            std::process::id()
        );
    }
}
