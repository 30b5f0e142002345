//! The integration tests of the command line, in one binary: the built program against scripted and foreign peers.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod tour;
