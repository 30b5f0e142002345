//! x
pub mod escape;
