//! XML-RPC: what is read can be written, and is read again as the same; nothing panics.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sockeye::data::json;
use sockeye::data::tagged::Tags;
use sockeye::data::value::Value;
use sockeye::data::xmlrpc::{ReadOptions, WriteOptions, parse_answer, parse_call, write_answer, write_call, write_fault};

/// Whether no name of a member can start as those of types do.
fn is_plain(bytes: &[u8]) -> bool {
    !bytes.windows(2).any(|pair| pair == b">!" || pair == b"&#" || pair == b"[!")
}

fuzz_target!(|bytes: &[u8]| {
    let keep = ReadOptions {
        tags: Tags::Keep,
        ..ReadOptions::default()
    };
    let all = WriteOptions {
        nil: true,
        i8: true,
        ..WriteOptions::default()
    };
    let _ = parse_call(bytes, &ReadOptions::default());
    if let Ok(call) = parse_call(bytes, &keep) {
        // A whole number beyond 64 bits is not, and a struct that looks like a type becomes one.
        if is_plain(bytes) && let Ok(written) = write_call(&call.method, &call.params, &all) {
            let again = parse_call(&written, &keep).expect("what was written can be read");
            let text = |params: Vec<Value>| json::to_string(&Value::array(params));
            assert_eq!((again.method, text(again.params)), (call.method, text(call.params)));
        }
    }
    match parse_answer(bytes, &keep) {
        Ok(Ok(value)) => {
            if is_plain(bytes) && let Ok(written) = write_answer(&value, &all) {
                let again = parse_answer(&written, &keep).expect("what was written can be read");
                let again = again.expect("it is no fault");
                assert_eq!(json::to_string(&again), json::to_string(&value));
            }
        }
        Ok(Err(fault)) => {
            let again = parse_answer(&write_fault(fault.code, &fault.message), &keep);
            assert_eq!(again.expect("a fault can be read").expect_err("it is a fault").message, fault.message);
        }
        Err(_) => {}
    }
});
