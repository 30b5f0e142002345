//! What is read and written, by itself.

use std::io;

use proptest::prelude::*;

use super::{
    Dialect, Duplicates, Elements, End, Framing, InvalidText, Layout, Lines, Palette, ReadOptions,
    Reader, WriteOptions, Writer, parse, parse_with, to_string,
};
use crate::record::{ErrorKind, Position, ReadRecords, WriteRecords as _};
use crate::value::{Number, Object, Value};

fn records(input: &[u8], options: &ReadOptions) -> Vec<Result<String, String>> {
    all(&mut Reader::new(input, options))
}

fn all(reader: &mut dyn ReadRecords) -> Vec<Result<String, String>> {
    let mut records = Vec::new();
    loop {
        match reader.next_record() {
            Ok(Some(value)) => records.push(Ok(to_string(&value))),
            Ok(None) => return records,
            Err(error) => records.push(Err(error.to_string())),
        }
    }
}

/// Gives its bytes in pieces of these sizes, over and over.
struct Pieces<'a> {
    rest: &'a [u8],
    sizes: &'a [usize],
    turn: usize,
}

impl io::Read for Pieces<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let size = self.sizes[self.turn % self.sizes.len()]
            .min(out.len())
            .min(self.rest.len());
        self.turn += 1;
        let (piece, rest) = self.rest.split_at(size);
        out[..size].copy_from_slice(piece);
        self.rest = rest;
        Ok(size)
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

#[test]
fn a_huge_array_needs_little_memory() {
    struct Huge(usize);
    impl io::Read for Huge {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            let unit = b"{\"a\":[1,\"x\"]},";
            let count = out
                .len()
                .min(unit.len() - self.0 % unit.len())
                .min(2_000_000 - self.0);
            let from = self.0 % unit.len();
            out[..count].copy_from_slice(&unit[from..from + count]);
            self.0 += count;
            Ok(count)
        }
    }
    // As an element and as something beside the path.
    for (before, path) in [(&b"["[..], ".[]"), (b"{\"b\":[", ".a[]")] {
        let mut reader = Reader::new(io::Read::chain(before, Huge(0)), &elements(path));
        let error = loop {
            match reader.next_record() {
                Ok(Some(_)) => assert!(reader.memory() < 600_000, "{}", reader.memory()),
                Ok(None) => panic!("it is cut"),
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), ErrorKind::Truncated);
        assert!(reader.memory() < 600_000, "{}", reader.memory());
    }
}

fn written(values: &[&str], options: &WriteOptions) -> String {
    let mut writer = Writer::new(options);
    let mut out = Vec::new();
    for value in values {
        writer
            .write_record(&parse(value.as_bytes()).unwrap(), &mut out)
            .unwrap();
    }
    writer.finish(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn records_are_written_as_asked() {
    let plain = WriteOptions::default();
    let values = ["\"a\\n\"", "{\"b\":[],\"a\":{}}"];
    let cases = [
        (plain.clone(), "\"a\\n\"\n{\"b\":[],\"a\":{}}\n"),
        (
            WriteOptions {
                raw: true,
                ..plain.clone()
            },
            "a\n\n{\"b\":[],\"a\":{}}\n",
        ),
        (
            WriteOptions {
                raw: true,
                end: End::Nothing,
                ..plain.clone()
            },
            "a\n{\"b\":[],\"a\":{}}",
        ),
        (
            WriteOptions {
                raw: true,
                end: End::Nul,
                ..plain.clone()
            },
            "a\n\0{\"b\":[],\"a\":{}}\0",
        ),
        (
            WriteOptions {
                sequence: true,
                ..plain.clone()
            },
            "\x1e\"a\\n\"\n\x1e{\"b\":[],\"a\":{}}\n",
        ),
        (
            WriteOptions {
                array: true,
                ..plain.clone()
            },
            "[\"a\\n\",{\"b\":[],\"a\":{}}]\n",
        ),
        (
            WriteOptions {
                array: true,
                sorted: true,
                layout: Layout::Indent(1),
                ..plain.clone()
            },
            "[\n \"a\\n\",\n {\n  \"a\": {},\n  \"b\": []\n }\n]\n",
        ),
    ];
    for (options, expected) in cases {
        assert_eq!(written(&values, &options), expected);
    }
    assert_eq!(
        written(
            &[],
            &WriteOptions {
                array: true,
                ..plain.clone()
            }
        ),
        "[]\n"
    );
    let options = WriteOptions {
        raw: true,
        end: End::Nul,
        ..plain
    };
    let mut out = Vec::new();
    assert!(
        Writer::new(&options)
            .write_record(&"a\0b".into(), &mut out)
            .is_err()
    );
    assert!(out.is_empty());
}

#[test]
fn computed_values_are_written_as_jq_does_it() {
    let value = Value::array(vec![
        f64::NAN.into(),
        f64::NEG_INFINITY.into(),
        3.0.into(),
        Value::bytes(vec![0xff, 0]),
        Number::Int(i64::MIN).into(),
    ]);
    let expected = "[null,-1.7976931348623157e+308,3,\"/wA=\",-9223372036854775808]";
    assert_eq!(to_string(&value), expected);
}

#[test]
fn colours_stand_where_jq_puts_them() {
    let options = WriteOptions {
        colours: Palette::from_jq_colors("0;90:1:2:3:4:5:6:7"),
        layout: Layout::Indent(2),
        ..WriteOptions::default()
    };
    let shown = written(&["{\"a\":[1,null,[]],\"b\":\"x\"}"], &options).replace('\x1b', "^");
    let expected = "^[6m{^[0m\n  ^[7m\"a\"^[0m^[6m:^[0m ^[5m[^[0m\n    ^[3m1^[0m^[5m,^[0m\n    \
        ^[0;90mnull^[0m^[5m,^[0m\n    ^[5m[]^[0m\n  ^[5m]^[0m^[6m,^[0m\n  \
        ^[7m\"b\"^[0m^[6m:^[0m ^[4m\"x\"^[0m\n^[6m}^[0m\n";
    assert_eq!(shown, expected);
    assert_eq!(Palette::from_jq_colors("red"), None);
    assert_eq!(Palette::from_jq_colors(""), Some(Palette::default()));
    assert_eq!(Palette::from_jq_colors("1;31").unwrap().null, "1;31");
}

#[test]
fn values_of_any_depth_are_written() {
    let mut value = Value::Null;
    for _ in 0..200_000 {
        value = Value::array(vec![value]);
    }
    assert_eq!(to_string(&value).len(), 400_004);
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        // Larger ones are written as whole numbers that are not exactly them.
        (-1e15..1e15).prop_map(Value::from),
        "-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?"
            .prop_map(|text| Number::from_json_text(&text).unwrap().into()),
        ".{0,20}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::array),
            prop::collection::vec((".{0,5}", inner), 0..6).prop_map(|members| {
                let members = members
                    .into_iter()
                    .map(|(name, value)| (name.into(), value));
                Value::from(members.collect::<Object>())
            }),
        ]
    })
}

/// JSON, and what comes near.
fn input() -> impl Strategy<Value = Vec<u8>> {
    let word = prop_oneof![
        4 => value().prop_map(|value| to_string(&value)),
        4 => "[\\[\\]{},:\"\\\\ \n\r0-9a-f.eE+-]{0,3}",
        1 => Just("\n".to_owned()),
        1 => Just("\u{1e}".to_owned()),
        1 => Just("{\"a\":[{\"b\":[1,{\"c\":2}]},{\"b\":{\"d\":".to_owned()),
        1 => Just("\"\\ud83d\\ude00\\ud800\"".to_owned()),
        1 => Just("/* x */ 'a' // y\n".to_owned()),
    ];
    let bad = prop::option::weighted(0.2, (any::<prop::sample::Index>(), any::<u8>()));
    (prop::collection::vec(word, 0..8), bad).prop_map(|(words, bad)| {
        let mut bytes = words.concat().into_bytes();
        if let Some((place, byte)) = bad
            && !bytes.is_empty()
        {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        bytes
    })
}

fn options() -> impl Strategy<Value = ReadOptions> {
    let framing = prop_oneof![
        Just(Framing::Values),
        Just(Framing::Lines),
        Just(Framing::Sequence)
    ];
    let dialect = prop_oneof![3 => Just(Dialect::Strict), 1 => Just(Dialect::Comments), 1 => Just(Dialect::Json5)];
    let invalid = prop_oneof![Just(InvalidText::Refuse), Just(InvalidText::Replace)];
    let elements = prop::option::of(prop_oneof![Just(".[]"), Just(".a[].b[]"), Just(".[].a")]);
    let only = prop::option::of(Just(vec!["a".into()]));
    (framing, dialect, invalid, elements, only).prop_map(
        |(framing, dialect, invalid_text, elements, only)| ReadOptions {
            framing,
            dialect,
            invalid_text,
            elements: elements.map(|path| path.parse().unwrap()),
            only,
            ..ReadOptions::default()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn what_is_written_reads_back(value in value()) {
        let text = to_string(&value);
        let read = parse(text.as_bytes()).unwrap();
        prop_assert_eq!(&read, &value);
        prop_assert_eq!(to_string(&read), text);
    }

    #[test]
    fn any_cut_of_the_input_gives_the_same(
        input in input(),
        options in options(),
        sizes in prop::collection::vec(1_usize..9, 1..5),
    ) {
        let whole = records(&input[..], &options);
        let pieces = Pieces { rest: &input, sizes: &sizes, turn: 0 };
        prop_assert_eq!(&all(&mut Reader::new(pieces, &options)), &whole);
        if options.framing == Framing::Lines && !input.starts_with("\u{feff}".as_bytes()) {
            let start = Position { byte: 0, line: 1, column: 1 };
            prop_assert_eq!(&all(&mut Lines::new(&input, &options, start)), &whole);
        }
    }

    #[test]
    fn elements_are_those_of_the_whole(value in value()) {
        let text = to_string(&value);
        let found = records(text.as_bytes(), &elements(".[]"));
        let expected: Vec<_> = match &value {
            Value::Array(items) => items.iter().map(|item| Ok(to_string(item))).collect(),
            Value::Object(object) => object.iter().map(|(_, item)| Ok(to_string(item))).collect(),
            _ => {
                prop_assert!(found.len() == 1 && found[0].is_err());
                return Ok(());
            }
        };
        prop_assert_eq!(found, expected);
    }
}
