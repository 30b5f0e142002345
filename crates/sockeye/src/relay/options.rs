//! How two links are joined: when it is over, how long silence may last, who is told.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::framing::Framing;
use super::path::Path;
use super::pipes::Pipes;
use super::totals::{Counters, Direction};

/// How long a conversation with a datagram link goes on in silence after its stream side has ended.
pub const DATAGRAM_LINGER: Duration = Duration::from_secs(2);

/// How long the last bytes may take to be delivered after a stop or a reset.
pub const DRAIN_TIMEOUT: Duration = Duration::from_secs(2);

/// When a conversation is over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum EndPolicy {
    /// When both sides have ended: what a relay wants.
    #[default]
    UntilBoth,
    /// When the remote side has ended and all it said is delivered: what an interactive client wants.
    UntilRemote,
    /// When the local side has ended and all it said is delivered: what a server wants that a program answers for.
    UntilLocal,
    /// When either side has ended and all it said is delivered.
    UntilEither,
}

/// Something that happened while bytes moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// One way ended: its last byte is delivered and the end passed on.
    HalfClosed {
        /// Which way.
        way: Direction,
        /// The bytes it carried.
        bytes: u64,
    },
    /// From now on one way takes this path.
    Path {
        /// Which way.
        way: Direction,
        /// How its bytes are moved.
        path: Path,
    },
    /// The machine of a datagram peer answered that nobody listens there. The conversation goes on: somebody may come.
    Refused,
}

/// Who is told of a [`Notice`]. Called on the task that moves the bytes, so it should be quick.
pub type Notify = Arc<dyn Fn(Notice) + Send + Sync>;

/// How two links are joined. The default has no timers, except for datagram links, and ends when both sides have.
///
/// Clone one value for all conversations of a process: the clones share the pipes of [`JoinOptions::pipes`].
#[derive(Clone)]
#[non_exhaustive]
pub struct JoinOptions {
    /// When it is over.
    pub end: EndPolicy,
    /// End when nothing moves either way for this long; `None`, the default, waits for ever.
    pub idle_timeout: Option<Duration>,
    /// End when one way has ended and nothing moves the other way for this long; `None`, the default, waits for ever.
    pub half_close_timeout: Option<Duration>,
    /// A datagram link has no end: take this much silence for it once the other side has ended.
    /// [`DATAGRAM_LINGER`] by default; with `None` only `idle_timeout` ends such a conversation.
    pub datagram_linger: Option<Duration>,
    /// How long the last bytes may take to be delivered after a stop or a reset; [`DRAIN_TIMEOUT`] by default.
    pub drain_timeout: Duration,
    /// How bytes become messages if one side carries bytes and the other messages.
    pub framing: Framing,
    /// Copy even where the kernel could move the bytes.
    pub copy_only: bool,
    /// Counted while bytes move, for whoever shows live figures.
    pub counters: Option<Arc<Counters>>,
    /// Told when a way ends or changes its path.
    pub notify: Option<Notify>,
    /// Cancelled to stop gracefully: nothing more is read, what was read is delivered, both sides are closed.
    pub stop: Option<CancellationToken>,
    /// The pipes that splice(2) moves bytes through.
    pub pipes: Pipes,
}

impl Default for JoinOptions {
    fn default() -> Self {
        Self {
            end: EndPolicy::default(),
            idle_timeout: None,
            half_close_timeout: None,
            datagram_linger: Some(DATAGRAM_LINGER),
            drain_timeout: DRAIN_TIMEOUT,
            framing: Framing::default(),
            copy_only: false,
            counters: None,
            notify: None,
            stop: None,
            pipes: Pipes::new(),
        }
    }
}

impl fmt::Debug for JoinOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinOptions")
            .field("end", &self.end)
            .field("idle_timeout", &self.idle_timeout)
            .field("half_close_timeout", &self.half_close_timeout)
            .field("datagram_linger", &self.datagram_linger)
            .field("copy_only", &self.copy_only)
            .finish_non_exhaustive()
    }
}
