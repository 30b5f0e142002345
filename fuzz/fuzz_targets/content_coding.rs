//! Bodies in content codings: no bytes make us panic, no cut of them changes what comes out, and no more comes out than may.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sockeye::client::http::fuzzing::undo;

const CODINGS: [&str; 7] = [
    "gzip",
    "deflate",
    "br",
    "zstd",
    "gzip, br",
    "zstd, gzip",
    "deflate, zstd, br",
];

fuzz_target!(|input: (u8, u8, &[u8])| {
    let (which, cut, body) = input;
    let codings = CODINGS[usize::from(which) % CODINGS.len()];
    let whole = undo(codings, body, body.len().max(1));
    assert_eq!(whole.is_ok(), undo(codings, body, usize::from(cut)).is_ok());
    if let Ok(whole) = whole {
        assert!(whole.len() <= 4 << 20);
        assert_eq!(Ok(whole), undo(codings, body, usize::from(cut)));
    }
});
