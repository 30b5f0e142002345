//! `worker`.
