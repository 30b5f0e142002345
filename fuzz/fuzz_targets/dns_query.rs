//! No answer of a name server makes us panic, and what is shown of it is safe and reads back.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sockeye::net::fuzzing;

fuzz_target!(|bytes: &[u8]| fuzzing::query_answer(bytes));
