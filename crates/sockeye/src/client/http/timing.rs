//! What took how long.

use std::time::Duration;

/// The points in time of one hop, counted from the start of the [`Net`](crate::Net); `None` for what did not happen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timing {
    /// The hop began.
    pub began: Duration,
    /// A connection was there, new or kept, with all its layers.
    pub connected: Option<Duration>,
    /// The whole request was sent.
    pub sent: Option<Duration>,
    /// The first byte of the answer came.
    pub first_byte: Option<Duration>,
    /// The head of the last answer was complete.
    pub head: Option<Duration>,
    /// The body was complete, or the hop failed; the next hop begins here.
    pub ended: Option<Duration>,
}
