//! No text of a file of `/proc/net`, and nothing that looks like one, makes us panic.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sockeye::host::fuzzing;

fuzz_target!(|text: &str| fuzzing::proc_net(text));
