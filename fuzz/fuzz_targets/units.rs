//! No text makes the parsers of times and sizes panic, and what is printed reads as the same value.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sockeye::data::units::{parse_duration, parse_size, print_duration, print_size};

fuzz_target!(|text: &str| {
    if let Ok(time) = parse_duration(text) {
        assert_eq!(parse_duration(&print_duration(time)), Ok(time));
    }
    if let Ok(size) = parse_size(text) {
        assert_eq!(parse_size(&print_size(size)), Ok(size));
    }
});
