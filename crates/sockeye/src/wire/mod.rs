//! Watching: what happened on a connection, told to whoever listens.
//!
//! Bytes are observed at one place, the [`Tap`] of a stream or message link, and reported as an [`Event`] to one
//! [`Observer`]. The modules below are observers that write what they hear: [`text`], [`hexdump`] and [`jsonl`].

mod event;
#[cfg(feature = "tls")]
pub(crate) mod keylog;
mod tap;

pub use event::{ConnectionId, Direction, Event, Observer, Side, What};
pub use tap::{Tap, Watch};
