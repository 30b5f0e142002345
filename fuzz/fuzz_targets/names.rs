//! No text of the system's files makes us panic: hosts, nsswitch.conf, resolv.conf.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sockeye::net::fuzzing;

fuzz_target!(|input: (&[u8], &str)| fuzzing::files(input.0, input.1));
