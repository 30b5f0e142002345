//! Pure formats: bytes or text in, values out, and back.
//!
//! No sockets, no files, no clock: everything here is a function of its arguments. The library `sockeye` shows this
//! crate as `sockeye::data`.

#![forbid(unsafe_code)]

pub mod escape;
pub mod percent;
pub mod units;
