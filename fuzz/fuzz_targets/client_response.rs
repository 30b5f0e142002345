//! No answer of a server makes the client of HTTP panic, and over HTTP/1 it means the same wherever it is cut.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sockeye::client::http::fuzzing;

fuzz_target!(|input: (u8, bool, bool, &[u8])| {
    let (cut, is_lenient, is_http2, bytes) = input;
    match is_http2 {
        true => fuzzing::http2_response(bytes, cut.into()),
        false => fuzzing::http1_response(bytes, cut.into(), is_lenient),
    }
});
