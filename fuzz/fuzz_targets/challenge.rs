//! Challenges: no bytes make us panic, and what is read stays within its bounds.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sockeye::data::challenge::{MOST_CHALLENGES, MOST_PARAMETERS, parameters, parse};

fuzz_target!(|bytes: &[u8]| {
    let found = parse(bytes);
    assert!(found.len() <= MOST_CHALLENGES);
    for challenge in found {
        assert!(!challenge.scheme.is_empty());
        assert!(challenge.parameters.len() <= MOST_PARAMETERS);
    }
    assert!(parameters(bytes).len() <= MOST_PARAMETERS);
});
