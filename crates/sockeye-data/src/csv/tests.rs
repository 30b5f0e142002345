//! Tests of the CSV modules.

mod cut;
mod direct;
mod read;
mod write;
