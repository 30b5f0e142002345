//! No bytes in a broker make us panic, and what is a message of ours is written as it was read.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sockeye::work::fuzzing;

fuzz_target!(|bytes: &[u8]| fuzzing::message(bytes));
