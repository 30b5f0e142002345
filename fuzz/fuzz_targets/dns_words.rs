//! Servers, names, types, classes and networks, as users write them: what is taken prints and reads back the same.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sockeye::net::fuzzing;

fuzz_target!(|text: &str| fuzzing::query_words(text));
