//! No text makes the endpoint parser panic, and what parses prints to text that parses to the same value.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sockeye::Endpoint;

fuzz_target!(|text: &str| {
    match text.parse::<Endpoint>() {
        Ok(endpoint) => {
            let printed = endpoint.to_string();
            // Escapes can make a text of nearly 64 KiB longer than the parser takes.
            if printed.len() > sockeye::endpoint::LENGTH_LIMIT {
                return;
            }
            let again: Endpoint = printed.parse().expect("what was printed parses");
            assert_eq!(again, endpoint);
            assert_eq!(again.to_string(), printed);
        }
        Err(error) => {
            assert!((1..=text.chars().count() + 1).contains(&error.column()));
            let _ = (error.to_string(), error.hint());
        }
    }
});
