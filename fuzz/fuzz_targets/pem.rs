//! No bytes in a file of certificates and keys make us panic.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sockeye::net::fuzzing;

fuzz_target!(|bytes: &[u8]| fuzzing::pem(bytes));
