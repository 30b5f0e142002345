//! Messages of JSON-RPC: ids stay byte by byte, what is written is read again, a stream is split the same however it comes.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sockeye::data::json;
use sockeye::data::jsonrpc::{
    Answers, Calls, Framing, Id, Limits, Said, Splitter, read_answers, read_calls, write_error,
    write_request, write_result,
};

fn split(framing: Framing, pieces: &[&[u8]]) -> Vec<Vec<u8>> {
    let mut splitter = Splitter::new(framing, 1 << 20);
    let mut messages = Vec::new();
    for piece in pieces {
        splitter.room().extend_from_slice(piece);
        while let Ok(Some(message)) = splitter.next() {
            messages.push(message.to_vec());
        }
    }
    messages.extend(splitter.finish().map(<[u8]>::to_vec));
    messages
}

/// An id is JSON of its own, and comes back as it is.
fn check_id(id: &Id) {
    json::parse(id.as_json().as_bytes()).expect("an id is JSON");
    let mut out = Vec::new();
    write_result(id, &true.into(), &mut out);
    let Ok(Answers::One(Said::Answer(answer))) = read_answers(&out, &Limits::default()) else {
        panic!("an answer of ours is one");
    };
    assert_eq!(&answer.id, id);
}

fuzz_target!(|input: (&[u8], u8)| {
    let (bytes, cut) = input;
    let limits = Limits::default();
    let members = match read_calls(bytes, &limits) {
        Calls::One(one) => vec![one],
        Calls::Many(many) => many,
    };
    for member in members {
        match member {
            Ok(request) => {
                request.id.as_ref().into_iter().for_each(check_id);
                let mut out = Vec::new();
                let (id, params) = (request.id.as_ref(), request.params.as_ref());
                write_request(id, &request.method, params, &mut out);
                let Calls::One(Ok(again)) = read_calls(&out, &limits) else {
                    panic!("a request of ours is one");
                };
                assert_eq!((again.id, again.method), (request.id, request.method));
            }
            Err(refused) => {
                check_id(&refused.id);
                let mut out = Vec::new();
                write_error(&refused.id, &refused.error, &mut out);
                assert!(read_answers(&out, &limits).is_ok());
            }
        }
    }
    let _ = read_answers(bytes, &limits);
    let (first, second) = bytes.split_at(usize::from(cut).min(bytes.len()));
    for framing in [Framing::Lines, Framing::Values] {
        assert_eq!(split(framing, &[bytes]), split(framing, &[first, second]));
    }
});
