//! What is read and written, by itself.

use super::{
    Dialect, Duplicates, Elements, Framing, InvalidText, Lines, ReadOptions, Reader, parse,
    parse_with, to_string,
};
use crate::record::{ErrorKind, Position, ReadRecords as _};

fn records(input: &[u8], options: &ReadOptions) -> Vec<Result<String, String>> {
    let mut reader = Reader::new(input, options);
    let mut records = Vec::new();
    loop {
        match reader.next_record() {
            Ok(Some(value)) => records.push(Ok(to_string(&value))),
            Ok(None) => return records,
            Err(error) => records.push(Err(error.to_string())),
        }
    }
}

#[test]
fn values_are_written_as_they_were_read() {
    for text in [
        "null",
        "true",
        "[]",
        "{}",
        "-0",
        "1.10",
        "1E5",
        "-12",
        "\"\"",
        "\"é\\u007f\\n\"",
        "12345678901234567890123456789012345678901234567890",
        "9223372036854775807",
        "-9223372036854775808",
        "[1,[2,{\"a\":[]}],\"x\"]",
        "{\"b\":1,\"a\":{\"c\":null}}",
    ] {
        assert_eq!(to_string(&parse(text.as_bytes()).unwrap()), text);
    }
}

#[test]
fn lines_go_on_after_a_bad_one() {
    let options = ReadOptions {
        framing: Framing::Lines,
        ..ReadOptions::default()
    };
    let input = b"1\n\n{\"a\":}\n[2]\r\n\"x\xff\"\n{\"a\":\n3 4\n5";
    let expected = records(input, &options);
    assert_eq!(
        expected,
        [
            Ok("1".into()),
            Err("json: '}' where a value should be at line 3, column 6, byte 8".into()),
            Ok("[2]".into()),
            Err("json: bytes that are no UTF-8 at line 5, column 3, byte 17".into()),
            Err("json: the line ends within an object at line 6, column 6, byte 25".into()),
            Err(
                "json: '4' where the end of the line should be at line 7, column 3, byte 28".into()
            ),
            Ok("5".into()),
        ]
    );
    let mut lines = Lines::new(
        input,
        &options,
        Position {
            byte: 0,
            line: 1,
            column: 1,
        },
    );
    for one in expected {
        let other = lines.next_record().map(|value| to_string(&value.unwrap()));
        assert_eq!(other.map_err(|error| error.to_string()), one);
    }
}

#[test]
fn a_depth_bomb_is_an_error_with_its_place() {
    let bomb = vec![b'['; 1_000_000];
    let error = parse(&bomb).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit);
    assert_eq!(error.position().unwrap().byte, 1_000);
}

fn elements(path: &str) -> ReadOptions {
    ReadOptions {
        elements: Some(path.parse().unwrap()),
        ..ReadOptions::default()
    }
}

fn dialect(dialect: Dialect) -> ReadOptions {
    ReadOptions {
        dialect,
        ..ReadOptions::default()
    }
}

#[test]
fn elements_are_read_one_by_one() {
    let cases: [(&str, &str, &[&str]); 16] = [
        (
            ".[]",
            "[1,[2],{\"a\":3}] [4]",
            &["1", "[2]", "{\"a\":3}", "4"],
        ),
        (".[]", "{\"a\":1,\"b\":[2]}", &["1", "[2]"]),
        (".[]", "[] {} [ ]", &[]),
        (
            ".a.b[]",
            "{\"x\":[9,{}],\"a\":{\"c\":\"}\",\"b\":[1,2]},\"y\":0}",
            &["1", "2"],
        ),
        (
            ".a[].b[]",
            "{\"a\":[{\"b\":[1]},{\"c\":0,\"b\":{\"k\":2}}]}",
            &["1", "2"],
        ),
        (".[].a", "[{\"a\":1},{},null]", &["1", "null", "null"]),
        (".", "1 [2]", &["1", "[2]"]),
        (".\"a b\"[]", "{\"a b\":[1]}", &["1"]),
        (
            ".[]",
            "3 [4]",
            &[
                "json: cannot iterate over number (3) at line 1, column 2, byte 1",
                "4",
            ],
        ),
        (
            ".a[]",
            "{\"b\":[1]}[2]",
            &[
                "json: cannot iterate over null at line 1, column 10, byte 9",
                "json: cannot index array with \"a\" at line 1, column 10, byte 9",
            ],
        ),
        (
            ".[].a[]",
            "[{\"a\":[1]},{\"a\":2,\"c\":[3]},{\"a\":[4]}] [{\"a\":[5]}]",
            &[
                "1",
                "json: cannot iterate over number (2) at line 1, column 18, byte 17",
                "5",
            ],
        ),
        (
            ".[][]",
            "[[1],2] [[3]]",
            &[
                "1",
                "json: cannot iterate over number (2) at line 1, column 7, byte 6",
                "3",
            ],
        ),
        (
            ".a",
            "[[1],{\"b\":0}] {\"a\":3}",
            &[
                "json: cannot index array with \"a\" at line 1, column 1, byte 0",
                "3",
            ],
        ),
        (
            ".[]",
            "[1,2",
            &[
                "1",
                "json: the input ends within an array at line 1, column 5, byte 4",
            ],
        ),
        (
            ".[]",
            "[1,{\"a\":2},\n {\"b\"",
            &[
                "1",
                "{\"a\":2}",
                "json: the input ends within an object at line 2, column 6, byte 17",
            ],
        ),
        (
            ".[]",
            "[1,]",
            &[
                "1",
                "json: ']' where a value should be at line 1, column 4, byte 3",
            ],
        ),
    ];
    for (path, input, expected) in cases {
        let found: Vec<String> = records(input.as_bytes(), &elements(path))
            .into_iter()
            .map(|record| record.unwrap_or_else(|error| error))
            .collect();
        assert_eq!(found, expected, "{path} of {input}");
    }
}

#[test]
fn paths_are_read_and_shown() {
    for path in [".", ".[]", ".a[].b[]", ".\"a b\"[][]", ".[].a_1.b"] {
        assert_eq!(path.parse::<Elements>().unwrap().to_string(), path);
    }
    for path in [
        "", "[]", ".a b[]", ".[0]", ".a[", ".1a", "..a", ".\"a", ".a.",
    ] {
        assert!(path.parse::<Elements>().is_err(), "{path}");
    }
}

#[test]
fn members_that_are_not_wanted_are_checked_and_left_out() {
    let options = ReadOptions {
        only: Some(vec!["b".into(), "d".into()]),
        ..ReadOptions::default()
    };
    let found = records(
        br#"{"a":[{"b":1}],"b":{"a":2},"c":"x"} [{"a":1}] {"a":[1,}"#,
        &options,
    );
    assert_eq!(found[0], Ok(r#"{"b":{"a":2}}"#.into()));
    assert_eq!(found[1], Ok(r#"[{"a":1}]"#.into()));
    assert!(found[2].is_err());
}

#[test]
fn sequences_notice_what_may_be_cut() {
    let options = ReadOptions {
        framing: Framing::Sequence,
        ..ReadOptions::default()
    };
    let found = records(
        b"\x1e\x1e{\"a\":1}\n\x1e12\x1e12\n\x1e[1,\x1etrue",
        &options,
    );
    assert_eq!(found[0], Ok("{\"a\":1}".into()));
    assert!(
        found[1]
            .as_ref()
            .is_err_and(|error| error.contains("may be longer")),
        "{found:?}"
    );
    assert_eq!(found[2], Ok("12".into()));
    assert!(
        found[3]
            .as_ref()
            .is_err_and(|error| error.contains("ends within an array"))
    );
    assert!(found[4].is_err());
    assert_eq!(found.len(), 5);
    assert!(records(b"1\n", &options)[0].is_err());
}

#[test]
fn a_name_that_stands_twice_is_settled_as_asked() {
    let text = br#"{"a":1,"b":[2],"a":3,"b":4,"a":[5]}"#;
    let read = |duplicates| {
        let options = ReadOptions {
            duplicates,
            ..ReadOptions::default()
        };
        parse_with(text, &options).map(|value| to_string(&value))
    };
    assert_eq!(read(Duplicates::Last).unwrap(), r#"{"a":[5],"b":4}"#);
    assert_eq!(
        read(Duplicates::All).unwrap(),
        r#"{"a":[1,3,[5]],"b":[[2],4]}"#
    );
    let error = read(Duplicates::Error).unwrap_err().to_string();
    assert!(error.contains("the name \"a\" stands twice"), "{error}");
    // Many members have an index.
    let many: Vec<String> = (0..40).map(|n| format!("\"k{}\":{n}", n % 30)).collect();
    let value = parse(format!("{{{}}}", many.join(",")).as_bytes()).unwrap();
    assert_eq!(value.as_object().unwrap().len(), 30);
    assert_eq!(value.get("k9").unwrap().as_i64(), Some(39));
}

#[test]
fn bad_text_is_refused_or_replaced_and_counted() {
    let input = b"[\"\xff\xfex\",\"\\ud800\",\"\\ud83d\\ude00\",\"\\udc00\\ud800\\u0041\"]x";
    assert!(parse(b"\"\\ud800\"").is_err());
    let options = ReadOptions {
        invalid_text: InvalidText::Replace,
        ..ReadOptions::default()
    };
    let mut reader = Reader::new(&input[..], &options);
    let value = reader.next_record().unwrap().unwrap();
    assert_eq!(
        to_string(&value),
        "[\"\u{fffd}\u{fffd}x\",\"\u{fffd}\",\"\u{1f600}\",\"\u{fffd}\u{fffd}A\"]"
    );
    assert_eq!(reader.replaced(), 5);
    // Places are those of the input.
    let error = reader.next_record().unwrap_err();
    assert_eq!(error.position().unwrap().byte, input.len() as u64 - 1);
    assert_eq!(
        Lines::new(input, &options, Position::default())
            .next_record()
            .unwrap_err()
            .position()
            .unwrap()
            .byte,
        input.len() as u64 - 1
    );
}

#[test]
fn a_record_has_a_bound() {
    for framing in [Framing::Values, Framing::Lines, Framing::Sequence] {
        let mut options = ReadOptions {
            framing,
            ..ReadOptions::default()
        };
        options.limits.record = 100;
        let large = format!("\x1e[\"{}\"]\n", "x".repeat(200_000));
        let text = large.trim_start_matches(|c| c == '\x1e' && framing != Framing::Sequence);
        let error = Reader::new(text.as_bytes(), &options)
            .next_record()
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Limit, "{framing:?}");
        let text = text.replace(&"x".repeat(1_000), "x");
        assert!(
            Reader::new(text.as_bytes(), &options)
                .next_record()
                .is_err()
        );
    }
    let mut options = elements(".[]");
    options.limits.record = 100;
    let text = format!("[{}\"{}\"]", "[1,2,3],".repeat(100_000), "x".repeat(100));
    let found = records(text.as_bytes(), &options);
    assert_eq!(found.len(), 100_001);
    assert!(
        found[100_000]
            .as_ref()
            .is_err_and(|error| error.contains("more than 100 bytes"))
    );
}

#[test]
fn comments_and_json5_are_read_if_allowed() {
    let comments = "# a\n{\"a\": [1, // b\n 2,], /* c\n */ \"b\": 1.0,} // d";
    assert!(parse(comments.as_bytes()).is_err());
    let value = parse_with(comments.as_bytes(), &dialect(Dialect::Comments)).unwrap();
    assert_eq!(to_string(&value), r#"{"a":[1,2],"b":1.0}"#);
    let json5 = r#"
        {unquoted: 'a"b\'c\
d', $x_1: +1, h: -0xFF, 'q\x41': [.5, 5., 5.e3, Infinity, -Infinity, NaN, ], big: 0x123456789abcdef01,
        "tab	in": "\v\0\a", \u0061b: 1.10, /* */}"#;
    assert!(parse_with(json5.as_bytes(), &dialect(Dialect::Comments)).is_err());
    let value = parse_with(json5.as_bytes(), &dialect(Dialect::Json5)).unwrap();
    assert_eq!(
        to_string(&value),
        concat!(
            r#"{"unquoted":"a\"b'cd","$x_1":1,"h":-255,"qA":[0.5,5,5e3,1.7976931348623157e+308,"#,
            r#"-1.7976931348623157e+308,null],"big":20988295479420645121,"tab\tin":"\u000b\u0000a","ab":1.10}"#
        )
    );
    for bad in [
        "{a b:1}", "[1,,2]", "[,]", "{,}", "'a", "0x", "1..2", ".", "+-1", "010", "/* ", "'\\1'",
    ] {
        assert!(
            parse_with(bad.as_bytes(), &dialect(Dialect::Json5)).is_err(),
            "{bad}"
        );
    }
}
