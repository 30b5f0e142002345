//! The second pass: threads that do not share the descriptors of their process (`unshare(CLONE_FILES)`), and processes
//! whose first thread has ended while others go on.
//!
//! Each thread has a table under `/proc/PID/task/TID/fd`, nearly always the same one. So this costs as many times more
//! as a process has threads, and is done only for sockets that nobody else was found to hold.

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::os::fd::AsFd;

use rustix::fs::{Mode, OFlags, openat};

use super::scan::{Found, Held, Scan};
use super::walk::{self, PidPath, Unread, Walker};

/// After so many descriptors of threads a search ends; what has no holder by then stays without.
const MAX_DESCRIPTORS: usize = 1 << 18;
/// The links of the directory `task` of a process with one thread: itself, its name, one thread.
const ONE_THREAD: u64 = 3;

/// Look for what is missing in the threads of these processes.
pub(super) fn search(scan: &Scan, pids: &[u32], held: &mut Vec<Held>) {
    let wanted: HashSet<u64> = scan.inodes.missing().map(|(inode, _)| inode).collect();
    let mut walker = Walker::new();
    for pid in pids {
        if scan.inodes.left() == 0 || walker.looked_at > MAX_DESCRIPTORS {
            break;
        }
        let threads = threads_of(scan, *pid, &mut walker);
        let mut found = Vec::new();
        for thread in threads {
            look(scan, *pid, thread, &wanted, &mut walker, &mut found);
        }
        if found.is_empty() {
            continue;
        }
        if !leader_lives(scan, *pid) {
            // The others are the process now.
            for one in &mut found {
                one.thread = None;
            }
        }
        held.push(scan.held(*pid, found));
    }
}

/// The threads of a process other than the first; none if there is only that one.
fn threads_of(scan: &Scan, pid: u32, walker: &mut Walker) -> Vec<u32> {
    let path = PidPath::new(pid, "/task");
    let mut threads = Vec::new();
    // The type of `st_nlink` differs between machines.
    #[allow(clippy::useless_conversion, clippy::unnecessary_cast)]
    let alone =
        walk::stat(&scan.root, &path).map_or(true, |stat| stat.st_nlink as u64 == ONE_THREAD);
    if alone {
        return threads;
    }
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    if let Ok(dir) = openat(&scan.root, path.bytes(), flags, Mode::empty()) {
        // A process that goes away meanwhile has no threads.
        let _ = walker.numbers(dir.as_fd(), |thread, _| {
            if thread != pid {
                threads.push(thread);
            }
            ControlFlow::Continue(())
        });
    }
    threads
}

fn look(
    scan: &Scan,
    pid: u32,
    thread: u32,
    wanted: &HashSet<u64>,
    walker: &mut Walker,
    found: &mut Vec<Found>,
) {
    let path = PidPath::of_thread(pid, thread);
    // Threads that may not be looked into were counted with their process.
    let _: Result<(), Unread> =
        walker.sockets(scan.root(), &path, scan.counts, |inode, descriptor| {
            // The first thread stands for all that share its table.
            let known = || found.iter().any(|found: &Found| found.inode == inode);
            if wanted.contains(&inode) && !known() {
                scan.inodes.take(inode);
                found.push(Found {
                    inode,
                    descriptor,
                    thread: Some(thread),
                });
            }
            if scan.over() {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        });
}

/// Whether the first thread still has its table of descriptors.
fn leader_lives(scan: &Scan, pid: u32) -> bool {
    let mut any = false;
    let mut walker = Walker::new();
    let path = PidPath::new(pid, "/fd");
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    if let Ok(dir) = openat(&scan.root, path.bytes(), flags, Mode::empty()) {
        let _ = walker.numbers(dir.as_fd(), |_, _| {
            any = true;
            ControlFlow::Break(())
        });
    }
    any
}
