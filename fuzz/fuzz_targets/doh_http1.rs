//! No answer over HTTP/1.1 makes us panic, and wherever it is cut it means the same.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sockeye::net::fuzzing;

fuzz_target!(|input: (u8, &[u8])| fuzzing::http1_answer(input.0.into(), input.1));
