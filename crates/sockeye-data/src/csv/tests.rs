//! Tests of the CSV modules.

mod cut;
mod read;
mod write;
