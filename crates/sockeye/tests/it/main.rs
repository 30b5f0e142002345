//! The integration tests of the library, in one binary: real sockets on loopback, and a look at the source itself.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod architecture;
