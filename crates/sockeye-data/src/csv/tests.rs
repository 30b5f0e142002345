//! Tests of the CSV modules.

mod read;
