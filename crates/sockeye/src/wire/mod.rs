//! Watching: what happened on a connection, told to whoever listens.
//!
//! Bytes are observed at one place, the [`Tap`] of a stream or message link, and reported as an [`Event`] to one
//! [`Observer`]. The modules below are observers that write what they hear: [`text`], [`hexdump`] and [`jsonl`];
//! a [`Fanout`] lets several of them listen.

mod event;
mod fanout;
pub mod hexdump;
pub mod jsonl;
#[cfg(feature = "tls")]
pub(crate) mod keylog;
mod sink;
mod tap;
pub mod text;
mod words;

pub use event::{ConnectionId, Direction, Event, Observer, Side, What};
pub use fanout::Fanout;
pub(crate) use tap::OpenTap;
pub use tap::{Tap, Watch};

#[cfg(test)]
mod tests;
