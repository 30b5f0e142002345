//! Peers to test against, on plain `std::net` threads.
//!
//! Everything here knows nothing of the code under test: a bug shared by both sides would cancel out. Peers follow a
//! script on a port that the system chose ([`Peer`]), programs run under a deadline ([`Program`]), and foreign
//! programs are found or visibly skipped ([`peers`]). Nothing sleeps, and nothing waits for ever: every wait ends
//! after [`LIMIT`].

// Fixtures fail by panicking, which is how a test fails, and they open their own sockets and start their own programs.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

pub mod bulk;
mod deadline;
mod gate;
mod namespace;
pub mod peers;
mod program;
mod script;
mod server;
mod web;

pub use bulk::{Checksum, PatternCheck, PatternReader, pattern};
pub use deadline::{LIMIT, deadline, within};
pub use gate::Gate;
pub use namespace::NetworkNamespace;
pub use program::{Output, Program};
pub use script::{End, Report, Step};
pub use server::{Peer, temporary_dir};
pub use web::{Asked, Web};
