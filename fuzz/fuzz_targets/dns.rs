//! No answer of a name server makes us panic, and what is taken from it is of the kind that was asked for.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sockeye::net::fuzzing;

fuzz_target!(|bytes: &[u8]| fuzzing::answer(bytes));
