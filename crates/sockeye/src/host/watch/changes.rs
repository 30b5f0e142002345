//! What a tick brought.

use std::time::Duration;

use super::party::Party;
use super::record::{Counters, Key};
use crate::host::socket::Socket;
use crate::host::table::Notice;

/// What the kernel told between two ticks.
#[derive(Clone, Debug, Default)]
pub struct Events {
    /// Whether events come at all. Without them a socket is closed as soon as it is missing from a table.
    pub told: bool,
    /// Sockets that were closed, with their last counters.
    pub closed: Vec<Socket>,
    /// Whether some were lost.
    pub lost: bool,
}

/// How the end of a socket became known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ending {
    /// The kernel told: the counters are final.
    Told,
    /// It is no longer in the table, and nobody told: the counters are those of the last tick at which it was there.
    Missing,
}

impl Ending {
    /// Its word in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Told => "told",
            Self::Missing => "missing",
        }
    }
}

/// A socket that is closed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Closed {
    /// Which socket it was.
    pub key: Key,
    /// The last that is known of it.
    pub socket: Socket,
    /// What it carried in its life; `None` for what does not count bytes.
    pub counters: Option<Counters>,
    /// Whose it was.
    pub party: Option<Party>,
    /// How its end became known.
    pub ending: Ending,
    /// For how long it was watched; zero for one that came and went between two ticks.
    pub watched: Duration,
    /// Whether it came and went between two ticks: nobody ever found it open.
    pub brief: bool,
}

/// What happened between two ticks.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Changes {
    /// Since the watch began.
    pub at: Duration,
    /// Since the tick before; zero at the first.
    pub elapsed: Duration,
    /// Whether this is the first tick: then `opened` is what was there already.
    pub first: bool,
    /// Sockets that are new and still there. What is left of a connection that is over does not count as one.
    pub opened: Vec<Key>,
    /// Sockets that are closed. At most [`Limits::closings`](super::Limits::closings) of one tick came by events.
    pub closed: Vec<Closed>,
    /// Sockets whose state, queues, counters or owner are other than at the tick before.
    pub updated: Vec<Key>,
    /// Whether events were lost, and closings were found by comparing tables instead. Sockets that came and went
    /// meanwhile are not counted; what was counted stays.
    pub resynchronised: bool,
    /// What a reader should know.
    pub notices: Vec<Notice>,
}
