//! What a conversation came to: bytes, paths, and how it ended.

use std::process::ExitStatus;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::path::Path;
use crate::error::Error;

/// One of the two parties of a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// The first link: the accepted connection of a relay, our terminal.
    Local,
    /// The second link: the connection that was opened.
    Remote,
}

impl Side {
    /// A stable word: `local`, `remote`.
    pub fn code(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Remote => "remote",
        }
    }

    /// The other party.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Local => Self::Remote,
            Self::Remote => Self::Local,
        }
    }
}

/// One of the two ways through a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the local to the remote side.
    Upstream,
    /// From the remote to the local side.
    Downstream,
}

impl Direction {
    /// A stable word: `upstream`, `downstream`.
    pub fn code(self) -> &'static str {
        match self {
            Self::Upstream => "upstream",
            Self::Downstream => "downstream",
        }
    }

    /// The party that speaks on this way.
    pub fn from(self) -> Side {
        match self {
            Self::Upstream => Side::Local,
            Self::Downstream => Side::Remote,
        }
    }

    /// The party that listens on this way.
    pub fn to(self) -> Side {
        self.from().other()
    }
}

/// How a conversation ended.
#[derive(Debug)]
#[non_exhaustive]
pub enum EndedBy {
    /// Both sides said all they had to say.
    Ends,
    /// The local side ended, and that was enough.
    LocalEnd,
    /// The remote side ended, and that was enough.
    RemoteEnd,
    /// This side broke the connection off; the other was reset too.
    Reset(Side),
    /// Nothing moved for [`JoinOptions::idle_timeout`](super::JoinOptions::idle_timeout).
    Idle,
    /// One side had ended and nothing moved the other way for
    /// [`JoinOptions::half_close_timeout`](super::JoinOptions::half_close_timeout).
    HalfCloseTimeout,
    /// [`JoinOptions::stop`](super::JoinOptions::stop) was cancelled.
    Stopped,
    /// This side failed in another way than by a reset.
    Failed(Side, Error),
}

impl EndedBy {
    /// A stable word for JSON events: `ended`, `local-end`, `remote-end`, `reset`, `idle`, `half-close-timeout`,
    /// `stopped`, `failed`.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Ends => "ended",
            Self::LocalEnd => "local-end",
            Self::RemoteEnd => "remote-end",
            Self::Reset(_) => "reset",
            Self::Idle => "idle",
            Self::HalfCloseTimeout => "half-close-timeout",
            Self::Stopped => "stopped",
            Self::Failed(..) => "failed",
        }
    }

    /// The side that brought it about, where one did.
    pub fn side(&self) -> Option<Side> {
        match self {
            Self::LocalEnd => Some(Side::Local),
            Self::RemoteEnd => Some(Side::Remote),
            Self::Reset(side) | Self::Failed(side, _) => Some(*side),
            _ => None,
        }
    }
}

/// What one way carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Way {
    /// Bytes that the receiving side took.
    pub bytes: u64,
    /// How many of them never left the kernel.
    pub spliced: u64,
    /// Bytes that were read and could not be delivered.
    pub undelivered: u64,
    /// Messages that the receiving side took, if it takes messages.
    pub messages: u64,
    /// Messages that were lost because they were too long for a link.
    pub dropped: u64,
    /// Errors of a datagram link that did not end the conversation, such as "port unreachable".
    pub errors: u64,
    /// How the bytes were moved last.
    pub path: Path,
    /// Whether the end of the speaking side was seen and passed on.
    pub ended: bool,
    /// Whether the speaking side's TLS ended without its close_notify, so that somebody may have cut the bytes off.
    pub truncated: bool,
}

/// What a conversation came to.
#[derive(Debug)]
#[non_exhaustive]
pub struct Totals {
    /// From the local to the remote side.
    pub upstream: Way,
    /// From the remote to the local side.
    pub downstream: Way,
    /// How it ended.
    pub ended_by: EndedBy,
    /// How long it took.
    pub elapsed: Duration,
}

/// A conversation that is over; both links are closed.
#[derive(Debug)]
#[non_exhaustive]
pub struct Joined {
    /// What it came to.
    pub totals: Totals,
    /// How the program behind the local side ended, if there was one.
    pub local_exit: Option<ExitStatus>,
    /// How the program behind the remote side ended, if there was one.
    pub remote_exit: Option<ExitStatus>,
}

/// Bytes that were delivered so far, to be read while they move. Conversations may share one.
#[derive(Debug, Default)]
pub struct Counters {
    upstream: AtomicU64,
    downstream: AtomicU64,
}

impl Counters {
    /// Bytes delivered from the local to the remote side.
    pub fn upstream(&self) -> u64 {
        self.upstream.load(Ordering::Relaxed)
    }

    /// Bytes delivered from the remote to the local side.
    pub fn downstream(&self) -> u64 {
        self.downstream.load(Ordering::Relaxed)
    }

    pub(super) fn add(&self, way: Direction, bytes: u64) {
        let counter = match way {
            Direction::Upstream => &self.upstream,
            Direction::Downstream => &self.downstream,
        };
        counter.fetch_add(bytes, Ordering::Relaxed);
    }
}
