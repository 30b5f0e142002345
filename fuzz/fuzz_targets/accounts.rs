//! Files of accounts: no bytes make us panic, and what is read stays within its bounds.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sockeye::data::accounts::{Hash, LONGEST_WORD, parse};

fuzz_target!(|text: &[u8]| {
    let Ok(entries) = parse(text) else { return };
    for entry in entries {
        assert!(!entry.name.is_empty() && !entry.name.contains([':', ',', '\n']));
        assert!(entry.secret.len() <= LONGEST_WORD);
        if let Ok(Hash::Argon2(it)) = Hash::parse(&entry.secret) {
            assert!(it.memory <= 256 << 10 && it.passes <= 64 && it.lanes <= 16);
            let Ok(Hash::Argon2(again)) = Hash::parse(&it.to_text()) else {
                panic!("a hash that was printed cannot be read");
            };
            assert!(again == it);
        }
    }
});
