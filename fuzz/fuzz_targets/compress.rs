//! Compressed bytes: none make us panic, and no more comes out than may.

#![no_main]

use std::io::Read;

use libfuzzer_sys::fuzz_target;
use sockeye::data::compress::{Compression, reader, recognise};
use sockeye::data::record::Limits;

fuzz_target!(|input: (u8, &[u8])| {
    let (which, bytes) = input;
    let all: Vec<Compression> = Compression::all().collect();
    let compression = recognise(bytes).unwrap_or(all[usize::from(which) % all.len()]);
    let limits = Limits {
        inflated: 1 << 20,
        ..Limits::default()
    };
    let mut plain = Vec::new();
    let result = reader(compression, bytes, &limits).read_to_end(&mut plain);
    assert!(plain.len() <= 1 << 20);
    if result.is_ok() {
        let mut again = Vec::new();
        let mut slow = reader(compression, bytes, &limits);
        let mut piece = [0; 7];
        while let Ok(count @ 1..) = slow.read(&mut piece) {
            again.extend_from_slice(&piece[..count]);
        }
        assert_eq!(plain, again);
    }
});
