//! Tables of rules with their sections, and properties: any cut of the input has the same outcome.
#![allow(clippy::unwrap_used)]

use super::*;

mod bodies;
mod heads;
mod properties;

/// The head of a request that is complete in these bytes.
fn request(bytes: &[u8]) -> Result<RequestHead, Error> {
    match RequestParser::new(Limits::default()).parse(bytes)? {
        Parsed::Complete { head, .. } => Ok(head),
        Parsed::Incomplete => panic!("incomplete: {}", crate::escape::escape(bytes)),
    }
}

fn response(bytes: &[u8]) -> Result<ResponseHead, Error> {
    match ResponseParser::new(Limits::default()).parse(bytes)? {
        Parsed::Complete { head, .. } => Ok(head),
        Parsed::Incomplete => panic!("incomplete: {}", crate::escape::escape(bytes)),
    }
}

/// Feed a body in pieces of this size: the data, and how it ended.
fn decode(
    framing: Framing,
    input: &[u8],
    piece: usize,
    limits: BodyLimits,
) -> (Vec<u8>, usize, Result<Headers, Error>) {
    let mut decoder = BodyDecoder::new(framing, limits);
    let (mut data, mut at) = (Vec::new(), 0);
    while !decoder.is_done() && at < input.len() {
        let end = (at + piece).min(input.len());
        while at < end && !decoder.is_done() {
            match decoder.decode(&input[at..end]) {
                Ok(step) => {
                    data.extend_from_slice(step.data);
                    at += step.consumed;
                }
                Err(error) => return (data, at, Err(error)),
            }
        }
    }
    let end = decoder.end();
    let trailers = decoder.trailers().cloned().unwrap_or_default();
    (data, at, end.map(|()| trailers))
}
