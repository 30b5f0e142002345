//! The codec beside others: what we accept, they accept too, and read the same body.

// Test code may start programs.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod corpus;
mod differential;
