//! No answer of the kernel, and nothing that looks like one, makes us panic.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sockeye::host::fuzzing;

fuzz_target!(|datagram: &[u8]| fuzzing::sock_diag(datagram));
