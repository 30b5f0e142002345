//! No text of `/proc` or of passwd(5) makes us panic: the facts of processes, mounts, users, control groups.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sockeye::host::fuzzing;

fuzz_target!(|text: &[u8]| fuzzing::owner_texts(text));
