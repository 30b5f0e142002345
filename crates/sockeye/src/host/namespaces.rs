//! Network namespaces: which ones there are, and how to do something inside one.
//!
//! A namespace is entered on a thread of its own that ends afterwards, so no other thread ever changes its own. Entering
//! another than ours needs CAP_SYS_ADMIN.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::thread;

use rustix::fs::{AtFlags, CWD, Mode, OFlags, fstat, fstatfs, open, statat};
use rustix::io::Errno;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use sockeye_data::escape::escape;

use super::owners;
use super::table::{Namespace, Notice, Where};
use crate::error::{Error, Kind, Operation, Result};

/// Where namespaces are kept that have a name: `ip netns`, and Docker's sandboxes.
const NAMED: [&str; 2] = ["/run/netns", "/run/docker/netns"];
/// The most namespaces that are looked into.
const MAX_NAMESPACES: usize = 1024;
/// Ways into one namespace that are remembered, in case the first has gone.
const MAX_ENTRANCES: usize = 4;
/// What `statfs` says of a namespace (`NSFS_MAGIC`).
const NSFS: u64 = 0x6e73_6673;

/// A namespace to look into, and the ways into it.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) namespace: Namespace,
    entrances: Vec<PathBuf>,
}

/// Why a namespace was not entered.
#[derive(Debug)]
pub(crate) enum Closed {
    /// It went away.
    Gone,
    /// This user may not enter it.
    Denied,
    /// Another failure.
    Failed(io::Error),
}

/// The namespaces that are asked for, and what could not be found out. Ours comes first, if it is among them.
///
/// # Errors
///
/// If one that was asked for by process or by file is not there, may not be seen, or is no network namespace.
pub(crate) fn targets(place: &Where, proc_root: &Path) -> Result<(Vec<Target>, Vec<Notice>)> {
    let ours = ours(proc_root);
    let single = |path: PathBuf, pid| {
        let mut target = Target::open(&path, pid)?;
        if target.namespace.inode == ours.namespace.inode {
            target = Target {
                namespace: Namespace {
                    pid,
                    ..ours.namespace.clone()
                },
                entrances: Vec::new(),
            };
        }
        Ok((vec![target], Vec::new()))
    };
    match place {
        Where::Here => Ok((vec![ours], Vec::new())),
        Where::OfProcess(pid) => single(proc_root.join(format!("{pid}/ns/net")), Some(*pid)),
        Where::File(path) => single(path.clone(), None),
        Where::Everywhere => Ok(everywhere(ours, proc_root)),
    }
}

/// Do something inside a namespace: here, if it is ours, else on a thread that enters it.
pub(crate) fn inside<T: Send>(
    target: &Target,
    work: impl FnOnce() -> T + Send,
) -> Result<T, Closed> {
    if target.namespace.ours {
        return Ok(work());
    }
    thread::scope(|scope| {
        thread::Builder::new()
            .name("namespace".to_owned())
            .spawn_scoped(scope, || {
                enter(target)?;
                Ok(work())
            })
            .map_err(Closed::Failed)?
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

impl Closed {
    /// For a reader of the table: which namespace is missing, and why.
    pub(crate) fn notice(&self, namespace: &Namespace) -> Notice {
        let which = describe(namespace);
        let (code, text) = match self {
            Self::Gone => (
                "namespace-gone",
                format!("network namespace {which} went away: its sockets are missing"),
            ),
            Self::Denied => (
                "namespace-denied",
                format!(
                    "network namespace {which} may not be entered: its sockets are missing; run as root to see them"
                ),
            ),
            Self::Failed(error) => (
                "namespace-failed",
                format!("network namespace {which} could not be entered: {error}"),
            ),
        };
        Notice { code, text }
    }

    /// As an error, where this namespace is all that was asked for.
    pub(crate) fn error(self, namespace: &Namespace) -> Error {
        let which = format!("network namespace {}", describe(namespace));
        let error = match self {
            Self::Gone => Error::new(Kind::Io, Operation::Open, "it has gone"),
            Self::Denied => Error::new(
                Kind::Denied,
                Operation::Open,
                "entering it needs CAP_SYS_ADMIN",
            )
            .with_hint("run as root, or inside that namespace: nsenter --net=FILE"),
            Self::Failed(error) => Error::from_io(Operation::Open, error),
        };
        error.at(which)
    }
}

/// The name of a namespace for people: its name, its number, or a process in it.
fn describe(namespace: &Namespace) -> String {
    match (&namespace.name, namespace.pid) {
        (Some(name), _) => format!("{} ({})", escape(name.as_bytes()), namespace.inode),
        (None, Some(pid)) => format!("{} (of process {pid})", namespace.inode),
        (None, None) => namespace.inode.to_string(),
    }
}

impl Target {
    fn open(path: &Path, pid: Option<u32>) -> Result<Self> {
        let failed = |error: Errno| {
            let made = Error::from_io(Operation::Open, error.into()).at(path.display());
            match (error, pid) {
                (Errno::NOENT, Some(pid)) => made.with_hint(format!("there is no process {pid}")),
                (Errno::NOENT, None) => made.with_hint("`ip netns` lists the names that there are"),
                (Errno::ACCESS | Errno::PERM, _) => made.with_hint(
                    "it takes the right to look into that process (CAP_SYS_PTRACE): try it as root",
                ),
                _ => made,
            }
        };
        let file = open_file(path).map_err(failed)?;
        let stat = fstat(&file).map_err(failed)?;
        if !is_namespace(&file) {
            let why = "that is no network namespace";
            return Err(Error::new(Kind::Usage, Operation::Open, why)
                .at(path.display())
                .with_hint("take a file of /run/netns, or /proc/PID/ns/net"));
        }
        let name = NAMED.iter().find_map(|dir| {
            let name = path.strip_prefix(dir).ok()?;
            Some(name.to_string_lossy().into_owned())
        });
        Ok(Self {
            namespace: Namespace {
                inode: stat.st_ino,
                name,
                pid,
                ..Namespace::default()
            },
            entrances: vec![path.to_owned()],
        })
    }
}

/// The namespace of this thread, named if it has a name.
fn ours(proc_root: &Path) -> Target {
    // A runtime's thread may be elsewhere than the first thread of the process.
    let paths = ["thread-self/ns/net", "self/ns/net"].map(|path| proc_root.join(path));
    let inode = paths.iter().find_map(|path| inode_of(path)).unwrap_or(0);
    let named = named();
    Target {
        namespace: Namespace {
            inode,
            name: named
                .iter()
                .find(|(number, ..)| *number == inode)
                .map(|(_, name, _)| name.clone()),
            pid: Some(std::process::id()),
            ours: true,
            devices: HashMap::new(),
        },
        entrances: Vec::new(),
    }
}

/// Every namespace with a name: its number, its name, its file.
fn named() -> Vec<(u64, String, PathBuf)> {
    let mut found = Vec::new();
    for entry in NAMED.iter().flat_map(fs::read_dir).flatten().flatten() {
        let path = entry.path();
        // A file without a namespace mounted on it is what `ip netns` leaves behind in other mount namespaces.
        if let Ok(file) = open_file(&path)
            && is_namespace(&file)
            && let Ok(stat) = fstat(&file)
        {
            let name = path.file_name().unwrap_or(OsStr::new("")).to_string_lossy();
            found.push((stat.st_ino, name.into_owned(), path));
        }
        if found.len() >= MAX_NAMESPACES {
            break;
        }
    }
    found
}

fn everywhere(ours: Target, proc_root: &Path) -> (Vec<Target>, Vec<Notice>) {
    let mut notices = Vec::new();
    let mut targets = vec![ours];
    let mut index: HashMap<u64, usize> = HashMap::from([(targets[0].namespace.inode, 0)]);
    let mut beyond = 0_usize;
    let mut add = |inode: u64, name: Option<String>, pid: Option<u32>, entrance: PathBuf| {
        let next = targets.len();
        match index.get(&inode) {
            Some(known) => {
                let target: &mut Target = &mut targets[*known];
                let namespace = &mut target.namespace;
                namespace.name = namespace.name.take().or(name);
                namespace.pid = namespace.pid.or(pid);
                if target.entrances.len() < MAX_ENTRANCES {
                    target.entrances.push(entrance);
                }
            }
            None if next < MAX_NAMESPACES => {
                index.insert(inode, next);
                targets.push(Target {
                    namespace: Namespace {
                        inode,
                        name,
                        pid,
                        ..Namespace::default()
                    },
                    entrances: vec![entrance],
                });
            }
            None => beyond += 1,
        }
    };
    for (inode, name, path) in named() {
        add(inode, Some(name), None, path);
    }
    let mut hidden = 0_usize;
    for pid in owners::pids(proc_root) {
        let path = proc_root.join(format!("{pid}/ns/net"));
        match statat(CWD, &path, AtFlags::empty()) {
            Ok(stat) => add(stat.st_ino, None, Some(pid), path),
            Err(Errno::ACCESS | Errno::PERM) => hidden += 1,
            // It has gone, or is a thread of the kernel.
            Err(_) => {}
        }
    }
    if hidden > 0 {
        notices.push(Notice {
            code: "namespace-unknown",
            text: format!(
                "the network {} may not be seen: sockets may be missing; run as root to see them",
                match hidden {
                    1 => "namespace of 1 process".to_owned(),
                    many => format!("namespaces of {many} processes"),
                }
            ),
        });
    }
    if beyond > 0 {
        notices.push(Notice {
            code: "namespace-limit",
            text: format!("only {MAX_NAMESPACES} network namespaces were looked into"),
        });
    }
    (targets, notices)
}

/// Move this thread into a namespace. What is behind a path may have changed since it was found.
fn enter(target: &Target) -> Result<(), Closed> {
    let mut closed = Closed::Gone;
    for path in &target.entrances {
        let attempt = open_file(path).and_then(|file| {
            if fstat(&file)?.st_ino != target.namespace.inode {
                return Err(Errno::NOENT);
            }
            move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network))
        });
        match attempt {
            Ok(()) => return Ok(()),
            Err(Errno::NOENT | Errno::SRCH) => {}
            Err(Errno::PERM | Errno::ACCESS) => closed = Closed::Denied,
            Err(error) => closed = Closed::Failed(error.into()),
        }
    }
    Err(closed)
}

fn open_file(path: &Path) -> Result<OwnedFd, Errno> {
    // A named pipe would wait for a writer.
    open(
        path,
        OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK,
        Mode::empty(),
    )
}

fn inode_of(path: &Path) -> Option<u64> {
    statat(CWD, path, AtFlags::empty())
        .ok()
        .map(|stat| stat.st_ino)
}

/// The type of this number differs between machines.
#[allow(clippy::unnecessary_cast)]
fn is_namespace(file: &OwnedFd) -> bool {
    fstatfs(file).is_ok_and(|stat| stat.f_type as u64 == NSFS)
}
