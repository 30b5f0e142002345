//! What programs and workers write: no bytes make us panic, and no cut of them changes what they mean.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sockeye::data::cgi::{Limits, length, parse, status};
use sockeye::data::worker::{Decoder, Said};

/// Everything that a worker said, up to what it may not say.
fn heard(bytes: &[u8], piece: usize) -> (Vec<u8>, String) {
    let mut decoder = Decoder::new(1 << 16);
    let (mut data, mut others) = (Vec::new(), String::new());
    let mut waiting = Vec::new();
    for part in bytes.chunks(piece) {
        waiting.extend_from_slice(part);
        loop {
            match decoder.decode(&waiting) {
                Ok(Some((said, used))) => {
                    match said {
                        Said::Data(more) => data.extend_from_slice(more),
                        other => others.push_str(&format!("{other:?}")),
                    }
                    waiting.drain(..used);
                }
                Ok(None) => break,
                Err(error) => return (data, format!("{others}{error}")),
            }
        }
    }
    (data, others)
}

fuzz_target!(|input: (&[u8], u8)| {
    let (bytes, piece) = (input.0, usize::from(input.1).max(1));
    let limits = Limits {
        bytes: 1 << 12,
        lines: 20,
    };
    let whole = parse(bytes, limits);
    let cuts = (piece..bytes.len()).step_by(piece).chain([bytes.len()]);
    let found = cuts
        .map(|end| parse(&bytes[..end], limits))
        .find(|found| !matches!(found, Ok(None)));
    assert_eq!(found.unwrap_or(Ok(None)), whole);
    let _ = (status(bytes), length(bytes));
    assert_eq!(heard(bytes, bytes.len().max(1)), heard(bytes, piece));
});
