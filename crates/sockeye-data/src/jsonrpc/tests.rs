//! Messages as they come and go; the rest of the specification's examples is in the tests of the library.

use proptest::prelude::*;

use super::*;
use crate::json;

fn calls(text: &str) -> Calls {
    read_calls(text.as_bytes(), &Limits::default())
}

/// One request that has to be one.
fn request(text: &str) -> Request {
    match calls(text) {
        Calls::One(Ok(request)) => request,
        other => panic!("{text}: {other:?}"),
    }
}

/// What is answered to something that is no request.
fn refusal(text: &str) -> String {
    match calls(text) {
        Calls::One(Err(refused)) => {
            let mut out = Vec::new();
            write_error(&refused.id, &refused.error, &mut out);
            String::from_utf8(out).unwrap()
        }
        other => panic!("{text}: {other:?}"),
    }
}

fn broken(text: &str) -> String {
    read_answers(text.as_bytes(), &Limits::default())
        .unwrap_err()
        .to_string()
}

fn answer(text: &str) -> Answer {
    match read_answers(text.as_bytes(), &Limits::default()) {
        Ok(Answers::One(Said::Answer(answer))) => answer,
        other => panic!("{text}: {other:?}"),
    }
}

#[test]
fn ids_stay_byte_by_byte() {
    let ids = [
        "1",
        "0",
        "-7",
        "1.0",
        "1e3",
        "-0",
        "12345678901234567890",
        "\"1\"",
        "\"\"",
        "null",
        "\"\\u0061\"",
        "\"a\\/b\"",
        "\"\\\"\"",
        "\"\u{7f}\u{e9}\"",
        "\"\\ud83d\\ude00\"",
        "1.10",
    ];
    for id in ids {
        let text = format!(r#"{{"jsonrpc":"2.0","method":"m","id": {id} }}"#);
        assert_eq!(request(&text).id.unwrap().as_json(), id);
        let escaped_elsewhere = format!(
            r#"{{"id":{id},"params":["\n{{\"id\":5"],"jsonrpc":"2.0","method":"m","x":{{"id":6}}}}"#
        );
        assert_eq!(request(&escaped_elsewhere).id.unwrap().as_json(), id);
        let back = format!(r#"{{"jsonrpc":"2.0","result":"\t","id":{id}}}"#);
        assert_eq!(answer(&back).id.as_json(), id);
    }
}

#[test]
fn the_last_of_several_ids_counts_however_its_name_is_written() {
    let text = r#" {"id":"\u0031", "jsonrpc":"2.0", "i\u0064" : "\u0032" , "method":"m"}"#;
    assert_eq!(request(text).id.unwrap().as_json(), r#""\u0032""#);
    let batch = r#"[1, {"a":["]","\\"],"id":"\u0033","method":"m","jsonrpc":"2.0"}, {"id":4}, "id", {"method":"m","jsonrpc":"2.0","id":5}]"#;
    let Calls::Many(members) = calls(batch) else {
        panic!("a batch");
    };
    let ids = members.iter().map(|member| match member {
        Ok(request) => request.id.as_ref().unwrap().as_json().to_owned(),
        Err(refused) => format!("refused {}", refused.id),
    });
    let ids: Vec<_> = ids.collect();
    assert_eq!(
        ids,
        [
            "refused null",
            "\"\\u0033\"",
            "refused 4",
            "refused null",
            "5"
        ]
    );
}

#[test]
fn an_id_of_null_is_a_call_and_none_is_a_notification() {
    assert!(
        request(r#"{"jsonrpc":"2.0","method":"m","id":null}"#)
            .id
            .is_some_and(|id| id.is_null())
    );
    assert!(request(r#"{"jsonrpc":"2.0","method":"m"}"#).id.is_none());
}

#[test]
fn numbers_in_params_keep_their_digits() {
    let text = r#"{"jsonrpc":"2.0","method":"m","params":[9007199254740993,1e400,-0,1.10,123456789012345678901234567890]}"#;
    let params = request(text).params.unwrap();
    assert_eq!(
        json::to_string(&params),
        "[9007199254740993,1e400,-0,1.10,123456789012345678901234567890]"
    );
}

#[test]
fn what_is_no_request_is_answered_by_its_kind() {
    let cases = [
        (
            r#"{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]"#,
            r#"{"code":-32700,"message":"Parse error"}"#,
            "null",
        ),
        ("", r#"{"code":-32700,"message":"Parse error"}"#, "null"),
        (
            "\u{feff}1",
            r#"{"code":-32600,"message":"Invalid Request"}"#,
            "null",
        ),
        (
            "[]",
            r#"{"code":-32600,"message":"Invalid Request"}"#,
            "null",
        ),
        (
            r#"{"jsonrpc": "2.0", "method": 1, "params": "bar"}"#,
            r#"{"code":-32600,"message":"Invalid Request"}"#,
            "null",
        ),
        (
            r#"{"jsonrpc":"2.0","method":1,"id":"\u0061"}"#,
            r#"{"code":-32600,"message":"Invalid Request"}"#,
            r#""\u0061""#,
        ),
        (
            r#"{"method":"m","id":1}"#,
            r#"{"code":-32600,"message":"Invalid Request","data":"jsonrpc has to be \"2.0\""}"#,
            "1",
        ),
        (
            r#"{"jsonrpc":"1.0","method":"m","id":1}"#,
            r#"{"code":-32600,"message":"Invalid Request","data":"jsonrpc has to be \"2.0\""}"#,
            "1",
        ),
        (
            r#"{"jsonrpc":2.0,"method":"m","id":1}"#,
            r#"{"code":-32600,"message":"Invalid Request","data":"jsonrpc has to be \"2.0\""}"#,
            "1",
        ),
        (
            r#"{"jsonrpc":"2.0","method":"m","params":"bar","id":1}"#,
            r#"{"code":-32600,"message":"Invalid Request","data":"params has to be an array or an object"}"#,
            "1",
        ),
        (
            r#"{"jsonrpc":"2.0","method":"m","params":7,"id":1}"#,
            r#"{"code":-32600,"message":"Invalid Request","data":"params has to be an array or an object"}"#,
            "1",
        ),
        (
            r#"{"jsonrpc":"2.0","method":"m","id":[1]}"#,
            r#"{"code":-32600,"message":"Invalid Request","data":"an id is a string, a number or null"}"#,
            "null",
        ),
        (
            r#"{"jsonrpc":"2.0","method":"m","id":true}"#,
            r#"{"code":-32600,"message":"Invalid Request","data":"an id is a string, a number or null"}"#,
            "null",
        ),
    ];
    for (text, error, id) in cases {
        assert_eq!(
            refusal(text),
            format!(r#"{{"jsonrpc":"2.0","error":{error},"id":{id}}}"#),
            "{text}"
        );
    }
    let not_utf8 = read_calls(
        b"{\"jsonrpc\":\"2.0\",\"method\":\"\xff\",\"id\":1}",
        &Limits::default(),
    );
    assert!(matches!(not_utf8, Calls::One(Err(refused)) if refused.error.code == -32700));
}

#[test]
fn unknown_members_are_passed_by() {
    let text = r#"{"jsonrpc":"2.0","method":"m","params":{"a":1},"id":1,"session":"x","result":2}"#;
    assert_eq!(request(text).method, "m");
}

#[test]
fn a_thousand_levels_are_an_error_and_no_crash() {
    for levels in [1_000, 200_000] {
        let (open, close) = ("[".repeat(levels), "]".repeat(levels));
        let text = format!(r#"{{"jsonrpc":"2.0","method":"m","params":{open}{close},"id":1}}"#);
        assert!(refusal(&text).contains("-32700"));
        assert!(
            broken(&format!(
                r#"{{"jsonrpc":"2.0","result":{open}{close},"id":1}}"#
            ))
            .contains("256")
        );
        // Without an end, too.
        assert!(refusal(&open).contains("-32700"));
    }
    let (open, close) = ("[".repeat(200), "]".repeat(200));
    request(&format!(
        r#"{{"jsonrpc":"2.0","method":"m","params":{open}{close}}}"#
    ));
}

#[test]
fn a_batch_and_a_message_have_bounds() {
    let limits = Limits {
        batch: 2,
        bytes: 200,
        ..Limits::default()
    };
    let batch = |count: usize| format!("[{}]", vec!["1"; count].join(","));
    assert!(
        matches!(read_calls(batch(2).as_bytes(), &limits), Calls::Many(members) if members.len() == 2)
    );
    let Calls::One(Err(refused)) = read_calls(batch(3).as_bytes(), &limits) else {
        panic!("a batch of three");
    };
    let why = json::to_string(&refused.error.data.unwrap());
    assert_eq!(
        why,
        "\"a batch has at most 2 members here, and this one has 3\""
    );
    let Calls::One(Err(refused)) = read_calls(batch(100).as_bytes(), &limits) else {
        panic!("two hundred bytes");
    };
    let why = json::to_string(&refused.error.data.unwrap());
    assert_eq!(why, "\"a message has at most 200 bytes here\"");
    assert!(read_answers(batch(3).as_bytes(), &limits).is_err());
}

#[test]
fn answers_break_the_rules_in_many_ways() {
    let cases = [
        (
            r#"{"jsonrpc":"2.0","result":1,"error":{"code":1,"message":"m"},"id":1}"#,
            "an answer has both result and error",
        ),
        (
            r#"{"jsonrpc":"2.0","result":null,"error":null,"id":1}"#,
            "an answer has both result and error",
        ),
        (
            r#"{"jsonrpc":"2.0","id":1}"#,
            "an answer has neither result nor error",
        ),
        (
            r#"{"result":1,"id":1}"#,
            "an answer does not say that it is of version 2.0",
        ),
        (r#"{"jsonrpc":"2.0","result":1}"#, "an answer has no id"),
        (
            r#"{"jsonrpc":"2.0","result":1,"id":{}}"#,
            "an id is neither a string nor a number nor null",
        ),
        (
            r#"{"jsonrpc":"2.0","error":"no","id":1}"#,
            "an error is no object",
        ),
        (
            r#"{"jsonrpc":"2.0","error":{"code":1.5,"message":"m"},"id":1}"#,
            "the code of an error is no whole number",
        ),
        (
            r#"{"jsonrpc":"2.0","error":{"code":1},"id":1}"#,
            "the message of an error is no string",
        ),
        ("[]", "the answer is an empty batch"),
        ("1", "an answer is an object, and this is a number"),
    ];
    for (text, why) in cases {
        assert_eq!(broken(text), why, "{text}");
    }
    assert!(broken("<html>").starts_with("the answer is not JSON that can be read: "));
}

#[test]
fn an_error_keeps_its_data() {
    let text = r#"{"jsonrpc":"2.0","error":{"code":-32000,"message":"busy","data":{"at":1e400,"a":[null]}},"id":"x"}"#;
    let answer = answer(text);
    let error = answer.outcome.unwrap_err();
    let mut out = Vec::new();
    write_error(&answer.id, &error, &mut out);
    assert_eq!(String::from_utf8(out).unwrap(), text);
}

#[test]
fn a_result_may_be_null() {
    assert!(
        answer(r#"{"jsonrpc":"2.0","result":null,"id":1}"#)
            .outcome
            .is_ok()
    );
}

#[test]
fn whole_numbers_of_ids_are_those_that_we_write() {
    for (json, number) in [
        ("7", Some(7)),
        ("0", Some(0)),
        ("18446744073709551615", Some(u64::MAX)),
        ("7.0", None),
        ("-1", None),
        ("\"7\"", None),
    ] {
        let text = format!(r#"{{"jsonrpc":"2.0","result":1,"id":{json}}}"#);
        assert_eq!(answer(&text).id.as_u64(), number, "{json}");
    }
}

fn split(framing: Framing, pieces: &[&[u8]]) -> Vec<Vec<u8>> {
    let mut splitter = Splitter::new(framing, 1 << 20);
    let mut messages = Vec::new();
    for piece in pieces {
        splitter.room().extend_from_slice(piece);
        while let Some(message) = splitter.next().unwrap() {
            messages.push(message.to_vec());
        }
    }
    messages.extend(splitter.finish().map(<[u8]>::to_vec));
    messages
}

#[test]
fn messages_need_no_newline_and_a_broken_one_ends_with_its_line() {
    let text = b"  {\"a\":\"}\\\"\"}[1]\r\n\n{\"a\": [}\nfoo {} \n 7";
    let messages = split(Framing::Lines, &[text]);
    let expected: [&[u8]; 5] = [
        b"{\"a\":\"}\\\"\"}",
        b"[1]",
        b"{\"a\": [}",
        b"foo {} ",
        b"7",
    ];
    assert_eq!(messages, expected);
    let pretty = b"{\n \"a\": 1\n}\n[\n]";
    assert_eq!(
        split(Framing::Values, &[pretty]),
        [&b"{\n \"a\": 1\n}"[..], b"[\n]"]
    );
}

#[test]
fn a_message_without_end_is_too_long_at_last() {
    let mut splitter = Splitter::new(Framing::Lines, 10);
    splitter.room().extend_from_slice(b"[1234567]");
    assert_eq!(splitter.next(), Ok(Some(&b"[1234567]"[..])));
    splitter.room().extend_from_slice(b"[123456789012");
    assert_eq!(splitter.next(), Err(TooLong { limit: 10 }));
}

proptest! {
    #[test]
    fn a_stream_is_split_the_same_however_it_comes(text in "[\\[\\]{}\"\\\\a \n]{0,40}", cut in 0usize..40) {
        let bytes = text.as_bytes();
        let (first, second) = bytes.split_at(cut.min(bytes.len()));
        for framing in [Framing::Lines, Framing::Values] {
            prop_assert_eq!(split(framing, &[bytes]), split(framing, &[first, second]));
        }
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(text in "[\\[\\]{}\":,\\\\u01id \n]{0,60}") {
        let _ = calls(&text);
        let _ = read_answers(text.as_bytes(), &Limits::default());
        let _ = raw::ids(&text);
    }
}
