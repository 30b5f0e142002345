//! The search over made-up trees of `/proc`, and over that of this machine with sockets of our own.

#![allow(clippy::unwrap_used)]

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use sockeye_testkit::{temporary_dir, within};

use super::*;

/// A tree that looks like `/proc`.
pub(super) struct Tree(tempfile::TempDir);

impl Tree {
    pub(super) fn new() -> Self {
        Self(temporary_dir())
    }

    pub(super) fn path(&self) -> &Path {
        self.0.path()
    }

    /// A process with this name, which may be any bytes.
    pub(super) fn process(&self, pid: u32, name: &[u8]) -> PathBuf {
        let dir = self.path().join(pid.to_string());
        fs::create_dir_all(dir.join("fd")).unwrap();
        let rest = b") S 1 1 1 0 -1 4194560 9 0 0 0 1 2 3 4 20 0 1 0 777 1 2 3\n";
        let stat = [format!("{pid} (").as_bytes(), name, rest].concat();
        fs::write(dir.join("stat"), stat).unwrap();
        fs::write(dir.join("cmdline"), b"prog\0-x\0").unwrap();
        fs::write(dir.join("cgroup"), "0::/system.slice/prog.service\n").unwrap();
        symlink("/usr/bin/prog", dir.join("exe")).unwrap();
        dir
    }

    /// A table of descriptors with a link for each.
    pub(super) fn descriptors(&self, dir: &Path, links: &[(u32, &str)]) {
        fs::create_dir_all(dir).unwrap();
        for (descriptor, link) in links {
            symlink(link, dir.join(descriptor.to_string())).unwrap();
        }
    }

    fn scan(&self, wanted: &[u64], search: OwnerSearch) -> Scanned {
        scan(
            self.path(),
            wanted.iter().map(|inode| (*inode, None)),
            search,
        )
        .unwrap()
    }
}

pub(super) fn holders(scanned: &Scanned) -> Vec<(u64, u32, u32, Option<u32>)> {
    let pid = |holder: &Holder| scanned.processes[holder.process as usize].pid;
    let list = scanned.holders.iter();
    list.map(|holder| (holder.inode, pid(holder), holder.descriptor, holder.thread))
        .collect()
}

fn our_descriptors() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

#[test]
fn every_holder_of_a_socket_is_found_with_its_facts() {
    let tree = Tree::new();
    let first = tree.process(10, b"ev) il\nx");
    tree.descriptors(
        &first.join("fd"),
        &[(0, "/dev/null"), (3, "socket:[7001]"), (5, "socket:[7001]")],
    );
    let second = tree.process(9, b"b");
    tree.descriptors(
        &second.join("fd"),
        &[(4, "socket:[7001]"), (6, "socket:[9]"), (7, "pipe:[7001]")],
    );
    fs::create_dir(tree.path().join("self")).unwrap();
    let scanned = tree.scan(&[7001, 12], OwnerSearch::All);
    assert_eq!(
        holders(&scanned),
        [(7001, 9, 4, None), (7001, 10, 3, None), (7001, 10, 5, None)]
    );
    assert_eq!(
        (
            scanned.holders(7001).len(),
            scanned.holders(12).len(),
            scanned.hidden
        ),
        (3, 0, 0)
    );
    let process = &scanned.processes[1];
    assert_eq!(process.name, b"ev) il\nx");
    assert_eq!((process.started, process.parent), (777, 1));
    assert_eq!(process.command_line, b"prog\0-x\0");
    assert_eq!(
        process.executable.as_deref(),
        Some(Path::new("/usr/bin/prog"))
    );
    assert_eq!(
        process.cgroup.as_deref(),
        Some("/system.slice/prog.service")
    );
    assert_eq!(process.uid, Some(nix::unistd::geteuid().as_raw()));
}

#[test]
fn a_search_for_the_first_names_one() {
    let tree = Tree::new();
    for pid in 100..300 {
        let dir = tree.process(pid, b"twin");
        tree.descriptors(&dir.join("fd"), &[(3, "socket:[1]")]);
    }
    let scanned = tree.scan(&[1], OwnerSearch::First);
    // Each thread may have found one before it heard of the other.
    assert!(
        (1..=16).contains(&scanned.holders.len()),
        "{}",
        scanned.holders.len()
    );
    assert_eq!(tree.scan(&[1], OwnerSearch::All).holders.len(), 200);
    assert_eq!(tree.scan(&[1], OwnerSearch::None).holders.len(), 0);
}

#[test]
fn many_processes_are_searched_on_all_cores_with_the_same_outcome() {
    let tree = Tree::new();
    for pid in 1..=500 {
        let dir = tree.process(pid, b"p");
        tree.descriptors(
            &dir.join("fd"),
            &[(3, &format!("socket:[{}]", 1000 + pid)), (4, "socket:[5]")],
        );
    }
    let wanted: Vec<u64> = (1001..=1500).collect();
    let scanned = tree.scan(&wanted, OwnerSearch::All);
    let expected: Vec<_> = (1..=500)
        .map(|pid| (u64::from(1000 + pid), pid, 3, None))
        .collect();
    assert_eq!(holders(&scanned), expected);
    assert_eq!(holders(&tree.scan(&wanted, OwnerSearch::First)), expected);
}

#[test]
fn a_thread_with_a_table_of_its_own_is_found_if_nobody_else_holds_the_socket() {
    let tree = Tree::new();
    let dir = tree.process(20, b"p");
    tree.descriptors(&dir.join("fd"), &[(3, "socket:[1]")]);
    tree.descriptors(&dir.join("task/20/fd"), &[(3, "socket:[1]")]);
    tree.descriptors(
        &dir.join("task/21/fd"),
        &[(3, "socket:[1]"), (4, "socket:[2]")],
    );
    let scanned = tree.scan(&[1, 2], OwnerSearch::All);
    assert_eq!(holders(&scanned), [(1, 20, 3, None), (2, 20, 4, Some(21))]);
    assert_eq!(scanned.processes.len(), 1);
}

#[test]
fn a_process_whose_first_thread_has_ended_is_found() {
    let tree = Tree::new();
    let dir = tree.process(30, b"p");
    tree.descriptors(&dir.join("task/30/fd"), &[]);
    tree.descriptors(&dir.join("task/31/fd"), &[(8, "socket:[3]")]);
    tree.descriptors(&dir.join("task/32/fd"), &[(8, "socket:[3]")]);
    let scanned = tree.scan(&[3], OwnerSearch::First);
    assert_eq!(holders(&scanned), [(3, 30, 8, None)]);
}

#[test]
fn what_may_not_be_seen_is_counted_and_what_has_gone_is_not() {
    if nix::unistd::geteuid().is_root() {
        // Nothing is closed to root; the search without privileges is tested with a program of another user.
        return;
    }
    let tree = Tree::new();
    let dir = tree.process(40, b"p");
    fs::set_permissions(dir.join("fd"), Permissions::from_mode(0o0)).unwrap();
    fs::create_dir(tree.path().join("41")).unwrap();
    let scanned = tree.scan(&[3], OwnerSearch::All);
    assert_eq!((scanned.hidden, scanned.holders.len()), (1, 0));
    fs::set_permissions(dir.join("fd"), Permissions::from_mode(0o700)).unwrap();
}

#[test]
fn processes_that_go_away_while_we_look_are_no_error() {
    within(|| {
        let tree = Tree::new();
        let kept = tree.process(1, b"kept");
        tree.descriptors(&kept.join("fd"), &[(3, "socket:[1]")]);
        // A tree without anything that a process has, and one with a table but no facts.
        fs::create_dir(tree.path().join("2")).unwrap();
        fs::write(tree.path().join("3"), b"").unwrap();
        tree.descriptors(&tree.path().join("4/fd"), &[(3, "socket:[1]")]);
        let scanned = tree.scan(&[1], OwnerSearch::All);
        assert_eq!(holders(&scanned), [(1, 1, 3, None), (1, 4, 3, None)]);
        assert_eq!(
            (scanned.hidden, &scanned.processes[1].name[..]),
            (0, &b""[..])
        );
    });
}

#[test]
fn a_huge_table_is_read_whole_and_nothing_stays_open() {
    within(|| {
        let tree = Tree::new();
        let dir = tree.process(50, b"huge");
        let links: Vec<_> = (0..20_000)
            .map(|n| (n, format!("socket:[{}]", n + 1)))
            .collect();
        let links: Vec<_> = links.iter().map(|(n, link)| (*n, &**link)).collect();
        tree.descriptors(&dir.join("fd"), &links);
        let before = our_descriptors();
        let scanned = scan(
            tree.path(),
            (1..=20_000).map(|n| (n, None)),
            OwnerSearch::All,
        )
        .unwrap();
        assert_eq!(scanned.holders.len(), 20_000);
        // Other tests run beside this one: a leak of one for each search or process would show all the same.
        assert!(our_descriptors() < before + 1000);
    });
}

#[test]
fn a_root_that_is_not_there_is_an_error() {
    let error = scan(Path::new("/no/such/proc"), [(1, None)], OwnerSearch::All).unwrap_err();
    assert!(error.to_string().contains("/no/such/proc"), "{error}");
}

#[test]
fn our_own_socket_is_ours() {
    use std::os::fd::AsRawFd;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let inode = rustix::fs::fstat(&listener).unwrap().st_ino;
    for search in [OwnerSearch::First, OwnerSearch::All] {
        let uid = Some(nix::unistd::geteuid().as_raw());
        let scanned = scan(Path::new("/proc"), [(inode, uid)], search).unwrap();
        let descriptor = listener.as_raw_fd() as u32;
        assert!(holders(&scanned).contains(&(inode, std::process::id(), descriptor, None)));
    }
}
