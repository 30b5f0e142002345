//! The binary, seen from outside: real processes, real sockets.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, missing_docs)]

mod listen;
mod listen_console;
mod listen_datagrams;
mod listen_events;
mod listen_limits;
mod relay;
mod serving;
