//! Pure formats: bytes or text in, values out, and back; no sockets, no clock.
#![forbid(unsafe_code)]

pub mod escape;
