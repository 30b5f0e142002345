//! Heads and chunks: no bytes make us panic, any cut of them has the same outcome, and a strict head is written as it was read.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sockeye::data::http1::{
    BodyDecoder, BodyLimits, Framing, Limits, Parsed, RequestParser, ResponseParser, Strictness,
    request_body, response_body,
};

/// All that was found, with kinds and places of errors, which no cut may change; their words may quote more or less.
fn chunks(bytes: &[u8], piece: usize) -> (Vec<u8>, String) {
    let mut decoder = BodyDecoder::new(Framing::Chunked, BodyLimits::default());
    let mut data = Vec::new();
    for part in bytes.chunks(piece) {
        let mut rest = part;
        while !rest.is_empty() && !decoder.is_done() {
            match decoder.decode(rest) {
                Ok(step) => {
                    data.extend_from_slice(step.data);
                    rest = &rest[step.consumed..];
                }
                Err(error) => return (data, format!("{:?} {:?}", error.kind(), error.offset())),
            }
        }
    }
    let end = decoder
        .end()
        .map_err(|error| (error.kind(), error.offset()));
    (data, format!("{end:?} {:?}", decoder.trailers()))
}

fuzz_target!(|input: (&[u8], u8)| {
    let (bytes, piece) = (input.0, usize::from(input.1).max(1));
    let cuts = || (piece..bytes.len()).step_by(piece).chain([bytes.len()]);
    let whole = RequestParser::new(Limits::default()).parse(bytes);
    let mut parser = RequestParser::new(Limits::default());
    let found = cuts()
        .map(|end| parser.parse(&bytes[..end]))
        .find(|it| *it != Ok(Parsed::Incomplete));
    match (whole, found.unwrap_or(Ok(Parsed::Incomplete))) {
        (Ok(whole), Ok(found)) => {
            assert_eq!(whole, found);
            if let Parsed::Complete { head, consumed, .. } = whole {
                let mut out = Vec::new();
                head.write(&mut out).expect("what was read");
                assert_eq!(out, bytes[..consumed]);
                let _ = request_body(&head);
            }
        }
        (Err(whole), Err(found)) => {
            assert_eq!(
                (whole.kind(), whole.offset()),
                (found.kind(), found.offset())
            );
        }
        (whole, found) => panic!("{whole:?} {found:?}"),
    }
    for strictness in [Strictness::STRICT, Strictness::LENIENT] {
        let parser = || ResponseParser::with_strictness(Limits::default(), strictness);
        let whole = parser().parse(bytes);
        let mut parser = parser();
        let found = cuts()
            .map(|end| parser.parse(&bytes[..end]))
            .find(|it| *it != Ok(Parsed::Incomplete));
        match (whole, found.unwrap_or(Ok(Parsed::Incomplete))) {
            (Ok(whole), Ok(found)) => {
                assert_eq!(whole, found);
                if let Parsed::Complete { head, .. } = whole {
                    let _ = response_body(&head, b"GET");
                }
            }
            (Err(whole), Err(found)) => {
                assert_eq!(
                    (whole.kind(), whole.offset()),
                    (found.kind(), found.offset())
                );
            }
            (whole, found) => panic!("{whole:?} {found:?}"),
        }
    }
    assert_eq!(chunks(bytes, bytes.len().max(1)), chunks(bytes, piece));
});
