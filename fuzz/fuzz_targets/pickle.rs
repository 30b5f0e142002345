//! What is read of pickles is written, and read again as the same.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sockeye::data::pickle;

fuzz_target!(|bytes: &[u8]| {
    let Ok(value) = pickle::parse(bytes) else {
        return;
    };
    let Ok(written) = pickle::to_vec(&value) else {
        return;
    };
    let again = pickle::parse(&written).expect("what was written");
    // Not a number is no number that is equal to itself.
    if !format!("{value:?}").contains("NaN") {
        assert_eq!(again, value);
    }
});
