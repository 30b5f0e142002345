//! What happens while a file is fetched, told to whoever listens.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Something happened to a download.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// The server answered, and it is known where the file goes.
    Started {
        /// Where it will be.
        path: PathBuf,
        /// How long it is, if the server says so.
        length: Option<u64>,
        /// How many bytes of it were there already.
        resumed: u64,
    },
    /// Bytes came; told at most ten times a second.
    Progress {
        /// How many bytes are there, with those of earlier runs.
        received: u64,
        /// How many there will be.
        length: Option<u64>,
    },
    /// Another connection fetches a part of the file.
    Opened {
        /// Its number, counted from 0.
        segment: u32,
        /// Its first byte.
        first: u64,
        /// The first byte behind it; `None` for the end of a file of unknown length.
        end: Option<u64>,
        /// Why it was opened.
        cause: Cause,
    },
    /// A connection fetches no more.
    Closed {
        /// Its number.
        segment: u32,
        /// Why.
        cause: Cause,
    },
    /// It broke, and goes on where it broke after a pause.
    Retrying {
        /// How long the pause is.
        after: Duration,
        /// What broke.
        why: String,
        /// How many tries without a byte there were.
        tries: u32,
    },
    /// What was there is of no use: it is fetched from the start.
    StartedOver {
        /// Why.
        why: String,
    },
}

/// Why a part of a file got a connection of its own, or lost it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Cause {
    /// It is the first.
    First,
    /// So many were asked for.
    Forced,
    /// To see whether two are faster than one.
    Trial,
    /// Another connection was free, and took over a half of what would have come last.
    Stolen,
    /// A part was left over: from an earlier run, or from a connection that broke.
    Left,
    /// It is complete.
    Complete,
    /// It was no faster with it.
    NoGain,
    /// It broke.
    Broken,
    /// The server wants no more connections, or the bound of one host is reached.
    Refused,
    /// The server sends no parts, or has another version of the file.
    Unfit,
}

impl Cause {
    /// A stable word for it, as JSON events carry it.
    pub fn code(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Forced => "forced",
            Self::Trial => "trial",
            Self::Stolen => "stolen",
            Self::Left => "left",
            Self::Complete => "complete",
            Self::NoGain => "no-gain",
            Self::Broken => "broken",
            Self::Refused => "refused",
            Self::Unfit => "unfit",
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::First => "it is the first",
            Self::Forced => "so many were asked for",
            Self::Trial => "to see whether it is faster",
            Self::Stolen => "it was free, and took a half of what would have come last",
            Self::Left => "a part was left over",
            Self::Complete => "it is complete",
            Self::NoGain => "it was no faster",
            Self::Broken => "it broke",
            Self::Refused => "no more connections are wanted",
            Self::Unfit => "the server sends no fitting parts",
        })
    }
}

/// Who is told.
#[derive(Clone)]
pub(crate) struct Listener(pub(crate) Arc<dyn Fn(Event) + Send + Sync>);

impl Listener {
    pub(crate) fn nobody() -> Self {
        Self(Arc::new(|_| ()))
    }

    pub(crate) fn tell(&self, event: Event) {
        (self.0)(event);
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Listener")
    }
}
