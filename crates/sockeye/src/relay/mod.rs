//! Joining: carry bytes between two links, faithfully.
//!
//! [`join`] moves what each side says to the other until the conversation is over, and says how it ended. Half-close
//! is law: the end of one side is passed on after its last byte, and the other way goes on. Nothing here opens a
//! connection, and nothing here changes a byte.

mod broker;
mod clock;
mod copy;
mod framing;
mod join;
mod lane;
mod messages;
mod options;
mod pace;
mod path;
mod pipes;
mod service;
mod splice_linux;
mod totals;

pub use broker::{Broker, QUEUE, Slow};
pub use framing::Framing;
pub use join::{copy_both, join};
pub use options::{DATAGRAM_LINGER, DRAIN_TIMEOUT, EndPolicy, JoinOptions, Notice, Notify};
pub use pace::paced;
pub use path::{Path, paths};
pub use pipes::Pipes;
pub use service::Service;
pub use totals::{Counters, Direction, EndedBy, Joined, Side, Totals, Way};

#[cfg(test)]
mod tests;
