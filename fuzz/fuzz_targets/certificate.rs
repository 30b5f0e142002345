//! No bytes that a server sends as its certificate make us panic.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sockeye::net::fuzzing;

fuzz_target!(|bytes: &[u8]| fuzzing::certificate(bytes));
