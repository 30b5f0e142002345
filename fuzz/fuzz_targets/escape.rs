//! Escaping is the same however the bytes are split, hides what a terminal must not see, and can be undone.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sockeye::data::escape::{Escaper, escape, is_hidden, unescape};

fuzz_target!(|input: (&[u8], u8)| {
    let (bytes, split) = input;
    let whole = escape(bytes);
    assert!(whole.chars().all(|c| !is_hidden(c)));
    let mut escaper = Escaper::new();
    let mut parts = String::new();
    let (first, second) = bytes.split_at(usize::from(split).min(bytes.len()));
    escaper.push(first, &mut parts);
    escaper.push(second, &mut parts);
    escaper.finish(&mut parts);
    assert_eq!(parts, whole);
    assert_eq!(unescape(&whole).expect("what was escaped"), bytes);
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = unescape(text);
    }
});
