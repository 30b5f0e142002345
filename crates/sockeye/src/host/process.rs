//! Who holds a socket, as values: processes, their descriptors, and the reason where nobody can be named.

use std::path::PathBuf;
use std::time::Duration;

/// A process that holds sockets. Names are bytes: a program may call itself anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// Its short name (`comm`, 15 bytes at most).
    pub name: Vec<u8>,
    /// When it started, in clock ticks since the machine did; with the pid this names one process only.
    pub started: u64,
    /// Its parent.
    pub parent: u32,
    /// Its user, and the name of that user where one is known.
    pub uid: Option<u32>,
    /// The name of its user.
    pub user: Option<String>,
    /// Its command line, words separated by NUL; empty for those that may not be read.
    pub command_line: Vec<u8>,
    /// Its program's file.
    pub executable: Option<PathBuf>,
    /// Its control group as `/proc/PID/cgroup` has it (version 2, else the `name=systemd` one).
    pub cgroup: Option<String>,
}

/// One descriptor of one process that refers to a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Holder {
    /// The socket.
    pub inode: u64,
    /// The process: an index into the table's [`processes`](super::table::Table::processes).
    pub process: u32,
    /// The descriptor's number.
    pub descriptor: u32,
    /// The thread, if only this one has the descriptor (it does not share its table).
    pub thread: Option<u32>,
}

/// Who holds a socket.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Owners<'a> {
    /// These descriptors refer to it; never empty.
    Held(&'a [Holder]),
    /// Nobody can be named, for this reason.
    Missing(Missing<'a>),
}

/// Why nobody can be named.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Missing<'a> {
    /// Owners were not looked for.
    NotAsked,
    /// Some processes may not be looked into by this user: one of them holds it.
    NeedsPrivilege,
    /// It waits to be accepted, in the queue of a listener that these descriptors hold (empty if they are hidden).
    AcceptQueue(&'a [Holder]),
    /// The connection is over; the kernel keeps its port a while.
    TimeWait {
        /// For how much longer, from when the table was read.
        left: Option<Duration>,
    },
    /// A request to connect that has not been confirmed yet.
    HalfOpen,
    /// The program has closed it; the kernel finishes what is under way.
    Orphan,
    /// It was closed after the list was made and before the processes were looked into.
    Closed,
    /// It belongs to a namespace whose processes are not among those that we see.
    OtherNamespace,
    /// Its descriptor is on its way from one process to another, or the kernel itself holds it.
    InFlight,
    /// It is the kernel's own (a netlink socket with port 0).
    Kernel,
}

impl Missing<'_> {
    /// Its code in JSON and in filters.
    pub fn code(self) -> &'static str {
        match self {
            Self::NotAsked => "not-asked",
            Self::NeedsPrivilege => "needs-privilege",
            Self::AcceptQueue(_) => "accept-queue",
            Self::TimeWait { .. } => "time-wait",
            Self::HalfOpen => "half-open",
            Self::Orphan => "orphan",
            Self::Closed => "closed-meanwhile",
            Self::OtherNamespace => "other-namespace",
            Self::InFlight => "in-flight-or-kernel",
            Self::Kernel => "kernel",
        }
    }
}
