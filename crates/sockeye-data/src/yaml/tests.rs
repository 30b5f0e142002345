use std::io::Read;

use proptest::prelude::*;

use super::{ReadOptions, Reader, WriteOptions, Writer, parse, to_string};
use crate::members::Duplicates;
use crate::record::{Error, ErrorKind, Limits, ReadRecords, WriteRecords};
use crate::tagged::Tags;
use crate::value::{Number, Object, Value};

fn read_with(text: &str, options: &ReadOptions) -> Result<Vec<Value>, Error> {
    Reader::new(text.as_bytes(), options).records().collect()
}

fn read(text: &str) -> Vec<Value> {
    read_with(text, &ReadOptions::default()).unwrap_or_else(|error| panic!("{text:?}: {error}"))
}

fn fails(text: &str) -> Error {
    read_with(text, &ReadOptions::default()).expect_err(text)
}

/// `{"a": 1}` as a value, written as YAML flow; the tests of numbers and words look at the text.
fn shown(text: &str) -> String {
    let value = parse(text).unwrap_or_else(|error| panic!("{text:?}: {error}"));
    crate::members::name_of(&Value::array(vec![value]))
        .unwrap()
        .to_string()
}

#[test]
fn plain_scalars_are_read_by_the_core_schema() {
    for (text, json) in [
        ("no", r#"["no"]"#),
        ("on", r#"["on"]"#),
        ("y", r#"["y"]"#),
        ("True", "[true]"),
        ("FALSE", "[false]"),
        ("~", "[null]"),
        ("Null", "[null]"),
        ("", "[null]"),
        ("nuLL", r#"["nuLL"]"#),
        ("0o17", "[15]"),
        ("017", "[17]"),
        ("0x1F", "[31]"),
        ("0xFFFFFFFFFFFFFFFFFF", "[4722366482869645213695]"),
        ("1_000", r#"["1_000"]"#),
        ("12:30:45", r#"["12:30:45"]"#),
        ("2026-11-26", r#"["2026-11-26"]"#),
        ("1.10", "[1.10]"),
        ("+1", "[1]"),
        ("-.5", "[-0.5]"),
        ("1.", "[1.0]"),
        (".", r#"["."]"#),
        ("1e3", "[1e3]"),
        ("12345678901234567890123", "[12345678901234567890123]"),
        ("-0", "[-0]"),
        ("!!str 12", r#"["12"]"#),
        ("! 12", r#"["12"]"#),
        ("!!int 0x10", "[16]"),
        ("!!float 1", "[1]"),
        ("!!null ''", "[null]"),
        ("'12'", r#"["12"]"#),
        ("!point {x: 1}", r#"[{"x":1}]"#),
        ("!!python/object:os.system [ls]", r#"[["ls"]]"#),
        (
            "{1: a, true: b, null: c, 1.5: d, [1, {e: f}]: g}",
            r#"[{"1":"a","true":"b","null":"c","1.5":"d","[1,{\"e\":\"f\"}]":"g"}]"#,
        ),
    ] {
        assert_eq!(shown(text), json, "{text}");
    }
    assert_eq!(parse("-.INF").unwrap(), Value::from(f64::NEG_INFINITY));
    let Value::Number(Number::Float(nan)) = parse(".nan").unwrap() else {
        panic!("a number");
    };
    assert!(nan.is_nan());
    assert_eq!(
        parse("!!binary aGFs bG8=").unwrap(),
        Value::bytes(b"hallo".to_vec())
    );
    for text in [
        "!!int x",
        "!!bool 1",
        "!!binary '*'",
        "!!null x",
        "!!float no",
        "!!int 1.5",
    ] {
        assert_eq!(fails(text).kind(), ErrorKind::Syntax, "{text}");
    }
}

#[test]
fn documents_are_records() {
    assert_eq!(read(""), []);
    assert_eq!(read("# only a comment\n\n"), []);
    assert_eq!(read("---\n---\n").len(), 2);
    assert_eq!(
        read("\u{feff}a: 1\n...\n# c\n%YAML 1.2\n---\n# d\nb\n...\n").len(),
        2
    );
    assert_eq!(
        read("a\r---\rb\r\n---\r\nc"),
        ["a", "b", "c"].map(Value::from)
    );
    assert_eq!(
        read("--- |\n  ---\n   ...\n--- >-\n a\n b\n")[0],
        Value::from("---\n ...\n")
    );
    assert_eq!(read("---a: b\n")[0].get("---a"), Some(&Value::from("b")));
    assert_eq!(fails("a: 1\n%YAML 1.2\n---\nb").kind(), ErrorKind::Syntax);
}

#[test]
fn a_broken_document_does_not_break_the_next() {
    let text = "a: 1\n---\nb: [1\n---\nc: 3\n";
    let mut reader = Reader::new(text.as_bytes(), &ReadOptions::default());
    assert!(reader.next_record().unwrap().is_some());
    assert_eq!(reader.position().byte, 5);
    let error = reader.next_record().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Syntax);
    assert!(error.position().unwrap().line >= 3, "{error}");
    assert_eq!(
        reader.next_record().unwrap().unwrap().get("c"),
        Some(&Value::from(3))
    );
    assert!(reader.next_record().unwrap().is_none());
}

#[test]
fn errors_name_bytes_lines_and_columns() {
    let error = fails("ä: 1\n---\nö: 1\nö: 2\n");
    assert_eq!(
        error.to_string(),
        "yaml: the key \"ö\" stands twice in one map at line 4, column 1, byte 16"
    );
    let mut reader = Reader::new(&b"a\n---\nb: \xff\n---\nc"[..], &ReadOptions::default());
    assert!(reader.next_record().is_ok());
    let error = reader.next_record().unwrap_err();
    assert_eq!(
        error.to_string(),
        "yaml: a byte that is no UTF-8 at line 3, column 4, byte 9"
    );
    assert_eq!(reader.next_record().unwrap(), Some(Value::from("c")));
}

#[test]
fn keys_that_stand_twice() {
    let last = ReadOptions {
        duplicates: Duplicates::Last,
        ..ReadOptions::default()
    };
    let value = &read_with("{a: 1, b: 2, a: 3}", &last).unwrap()[0];
    assert_eq!(to_string(value).unwrap(), "a: 3\nb: 2\n");
}

#[test]
fn anchors_are_copied_and_merged() {
    let text = "base: &b {x: 1, y: 2}\nother: &o {y: 5, z: 6}\n\
                one: {y: 3, <<: *b, w: 4}\ntwo: {<<: [*b, *o]}\nthree: {\"<<\": *b}\n";
    let value = &read(text)[0];
    let shown = |name: &str| crate::members::name_of(value.get(name).unwrap()).unwrap();
    assert_eq!(shown("one"), r#"{"y":3,"x":1,"w":4}"#);
    assert_eq!(shown("two"), r#"{"x":1,"y":2,"z":6}"#);
    assert_eq!(shown("three"), r#"{"<<":{"x":1,"y":2}}"#);
    assert_eq!(fails("<<: 1").kind(), ErrorKind::Syntax);
    let plain = ReadOptions {
        merge: false,
        ..ReadOptions::default()
    };
    assert_eq!(
        read_with("<<: 1", &plain).unwrap()[0].get("<<"),
        Some(&Value::from(1))
    );
}

#[test]
fn bombs_are_refused() {
    let mut bomb = "a: &a [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
    for (one, two) in "abcdefgh".chars().zip("bcdefghi".chars()) {
        bomb += &format!(
            "{two}: &{two} [{}]\n",
            vec![format!("*{one}"); 10].join(",")
        );
    }
    let error = fails(&bomb);
    assert_eq!(error.kind(), ErrorKind::Limit);
    assert!(
        error
            .to_string()
            .contains("aliases expand to more than 1000000 values"),
        "{error}"
    );
    assert!(
        fails("&a [*a]")
            .to_string()
            .contains("within the value that it repeats")
    );
    assert_eq!(fails("*a").kind(), ErrorKind::Syntax);
    // A long text weighs more than a short one.
    let long = format!(
        "- &a {}\n{}",
        "x".repeat(100 << 10),
        "- *a\n".repeat(20_000)
    );
    assert_eq!(fails(&long).kind(), ErrorKind::Limit);
    // Keys within keys double their backslashes.
    let keys = format!("{}'\"'{}", "{? ".repeat(60), ": 1}".repeat(60));
    assert_eq!(fails(&keys).kind(), ErrorKind::Limit);
}

#[test]
fn depth_and_size_have_bounds() {
    for text in [
        "- ".repeat(1_001),
        "[".repeat(1_000_000),
        "? ".repeat(1_000_000),
        "{a: ".repeat(5_000),
    ] {
        let error = fails(&text);
        assert_eq!(error.kind(), ErrorKind::Limit, "{}", &text[..20]);
        assert!(error.position().is_some());
    }
    assert_eq!(read(&("- ".repeat(1_000) + "x")).len(), 1);
    assert!(
        fails(&format!(
            "a: &a {}x\nb: {} *a\n",
            "\n ".to_owned() + &"- ".repeat(600),
            "\n ".to_owned() + &"- ".repeat(600)
        ))
        .to_string()
        .contains("deeper than 1000")
    );
    let small = ReadOptions {
        limits: Limits {
            record: 100,
            ..Limits::default()
        },
        ..ReadOptions::default()
    };
    assert!(read_with(&"--- a\n".repeat(1_000), &small).is_ok());
    assert_eq!(
        read_with(&"- a\n".repeat(1_000), &small)
            .unwrap_err()
            .kind(),
        ErrorKind::Limit
    );
    assert_eq!(
        read_with(&"a".repeat(1_000), &small).unwrap_err().kind(),
        ErrorKind::Limit
    );
}

#[test]
fn tags_are_kept_on_demand_and_written_again() {
    let keep = ReadOptions {
        tags: Tags::Keep,
        ..ReadOptions::default()
    };
    let text = "- !point\n  x: 1\n- !n 7\n- !!set {}\n- !<tag:a.example,2026:t> \"1\"\n- !list\n  - !deep\n    - 1\n- !none null\n";
    let value = &read_with(text, &keep).unwrap()[0];
    assert_eq!(
        value.as_array().unwrap()[1].get("!n"),
        Some(&Value::from(7))
    );
    let mut writer = Writer::new(&WriteOptions {
        tags: Tags::Keep,
        ..WriteOptions::default()
    });
    let mut out = Vec::new();
    writer.write_record(value, &mut out).unwrap();
    assert_eq!(String::from_utf8(out).unwrap(), text);
    assert_eq!(parse(&to_string(value).unwrap()).unwrap(), *value);
}

#[test]
fn texts_are_quoted_where_they_would_be_read_as_something_else() {
    for (text, yaml) in [
        ("plain text", "plain text"),
        ("no", "\"no\""),
        ("Yes", "\"Yes\""),
        ("y", "\"y\""),
        ("1e3", "\"1e3\""),
        ("~", "\"~\""),
        ("", "\"\""),
        (" a", "\" a\""),
        ("a ", "\"a \""),
        ("a: b", "\"a: b\""),
        ("a:", "\"a:\""),
        ("a:b", "a:b"),
        ("a #b", "\"a #b\""),
        ("a#b", "a#b"),
        ("---", "\"---\""),
        ("--flag", "--flag"),
        ("-1", "\"-1\""),
        ("- a", "\"- a\""),
        ("12:30", "\"12:30\""),
        ("2026-11-26", "\"2026-11-26\""),
        ("1_000", "\"1_000\""),
        ("0b11", "\"0b11\""),
        ("127.0.0.1", "\"127.0.0.1\""),
        ("<<", "\"<<\""),
        ("3 apples", "3 apples"),
        ("a\tb", "\"a\\tb\""),
        ("bell\u{7}\u{1b}", "\"bell\\x07\\x1b\""),
        ("\u{2028}\u{feff}\u{85}", "\"\\u2028\\ufeff\\x85\""),
        ("ä→𝄞", "ä→𝄞"),
        ("a\nb", "|-\n  a\n  b"),
        ("a\nb\n", "|\n  a\n  b"),
        ("a\n\n", "|+\n  a\n"),
        ("\na", "\"\\na\""),
        (" a\nb", "\" a\\nb\""),
        ("a\r\nb", "\"a\\r\\nb\""),
        ("a\n  \nb", "\"a\\n  \\nb\""),
    ] {
        assert_eq!(to_string(&Value::from(text)).unwrap(), format!("{yaml}\n"));
        assert_eq!(
            parse(&format!("{yaml}\n")).unwrap(),
            Value::from(text),
            "{yaml}"
        );
    }
}

#[test]
fn lists_and_maps_are_written_as_blocks() {
    let value =
        parse("{a: [1, [2, {b: c, d: []}], {}], 'e: f': {g: 1.10, h: |\n {i\n}}").unwrap_err();
    assert_eq!(value.kind(), ErrorKind::Syntax);
    let value =
        parse(r#"{a: [1, [2, {b: c, d: []}], {}], "e: f": {g: 1.10, h: "1\n2"}, i: 1e3}"#).unwrap();
    let text = "a:\n  - 1\n  - - 2\n    - b: c\n      d: []\n  - {}\n\"e: f\":\n  g: 1.10\n  h: |-\n    1\n    2\ni: 1.0e+3\n";
    assert_eq!(to_string(&value).unwrap(), text);
    let long = "k".repeat(2_000);
    let value: Object = [
        (long.as_str().into(), Value::from(1)),
        ("b".into(), Value::Null),
    ]
    .into_iter()
    .collect();
    let text = to_string(&Value::from(value.clone())).unwrap();
    assert_eq!(text, format!("? \"{long}\"\n: 1\nb: null\n"));
    assert_eq!(parse(&text).unwrap(), Value::from(value));
}

#[test]
fn what_is_too_deep_is_not_written() {
    let mut value = Value::Null;
    for _ in 0..1_001 {
        value = Value::array(vec![value]);
    }
    let mut out = b"kept".to_vec();
    let error = Writer::default()
        .write_record(&value, &mut out)
        .unwrap_err();
    assert_eq!(
        (error.kind(), out.as_slice()),
        (ErrorKind::Limit, &b"kept"[..])
    );
}

/// Texts with whatever YAML makes something of.
pub(crate) fn texts() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "[a-z]{1,3}",
        2 => proptest::sample::select(vec![
            " ", "\n", "\t", ":", "#", "-", "---", "...", "?", "!", "&", "*", "|", ">", "%", "@", "`", "'", "\"", "\\", "[", "]", "{",
            "}", ",", "~", "=", "<<", "no", "null", "true", ".inf", "0x1", "1e3", "1_0", "12:30", "\r", "\u{0}", "\u{85}", "\u{2029}",
            "\u{feff}", "\u{a0}", "\u{7f}", "𝄞", "\u{fffe}", "2026-01-01", "+", ".", "0", "9",
        ]).prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from),
    ];
    proptest::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

/// Values of every kind.
pub(crate) fn values() -> impl Strategy<Value = Value> {
    let number = prop_oneof![
        any::<i64>().prop_map(Value::from),
        "-?(0|[1-9][0-9]{0,30}|[0-9](\\.[0-9]{1,14})?([eE][+-]?[0-9]{1,2})?)"
            .prop_map(|text| Value::from(Number::from_json_text(&text).expect("JSON"))),
        any::<f64>()
            .prop_filter("comparable", |f| !f.is_nan())
            .prop_map(Value::from),
    ];
    let leaf = prop_oneof![
        1 => Just(Value::Null),
        1 => any::<bool>().prop_map(Value::from),
        3 => number,
        6 => texts().prop_map(Value::from),
        1 => proptest::collection::vec(any::<u8>(), 0..20).prop_map(Value::bytes),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::array),
            proptest::collection::vec((texts(), inner), 0..6).prop_map(|members| {
                Value::from(
                    members
                        .into_iter()
                        .map(|(k, v)| (k.into(), v))
                        .collect::<Object>(),
                )
            }),
        ]
    })
}

/// Gives its bytes in pieces of these lengths.
pub(crate) struct Pieces<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) lengths: std::iter::Cycle<std::vec::IntoIter<usize>>,
}

impl Read for Pieces<'_> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let length = self
            .lengths
            .next()
            .unwrap_or(1)
            .min(out.len())
            .min(self.bytes.len());
        out[..length].copy_from_slice(&self.bytes[..length]);
        self.bytes = &self.bytes[length..];
        Ok(length)
    }
}

#[test]
fn keys_are_sorted_on_demand() {
    let value = parse("{b: 1, a: {d: 2, c: [{f: 3, e: 4}]}}").unwrap();
    let mut out = Vec::new();
    let options = WriteOptions {
        sorted: true,
        ..WriteOptions::default()
    };
    Writer::new(&options)
        .write_record(&value, &mut out)
        .unwrap();
    assert_eq!(out, b"a:\n  c:\n    - e: 4\n      f: 3\n  d: 2\nb: 1\n");
}

#[test]
fn large_floats_under_an_empty_key_are_read_again() {
    let float = Value::from(1.664549333383646e19);
    let object: Object = [("".into(), float)].into_iter().collect();
    let record = Value::array(vec![Value::array(vec![Value::array(vec![object.into()])])]);
    for tags in [Tags::Drop, Tags::Keep] {
        let mut writer = Writer::new(&WriteOptions {
            tags,
            ..WriteOptions::default()
        });
        let mut out = Vec::new();
        writer.write_record(&record, &mut out).unwrap();
        writer.finish(&mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        let options = ReadOptions {
            tags,
            ..ReadOptions::default()
        };
        assert_eq!(
            read_with(&text, &options).unwrap(),
            std::slice::from_ref(&record),
            "{text}"
        );
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(records in proptest::collection::vec(values(), 1..4), keep in any::<bool>()) {
        let tags = if keep { Tags::Keep } else { Tags::Drop };
        let mut writer = Writer::new(&WriteOptions { tags, ..WriteOptions::default() });
        let mut out = Vec::new();
        for record in &records {
            writer.write_record(record, &mut out).unwrap();
        }
        writer.finish(&mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        let read = read_with(&text, &ReadOptions { tags, ..ReadOptions::default() });
        let read = read.map_err(|error| TestCaseError::fail(format!("{error}\n{text}")))?;
        prop_assert_eq!(read, records, "{}", text);
    }

    #[test]
    fn any_cut_of_the_input_gives_the_same(
        pieces in proptest::collection::vec(proptest::sample::select(vec![
            "---", "...", "\n", "\r", "\r\n", " ", "a", "a: b", "- ", "# c", "%YAML 1.2", "\u{feff}", "[", "]", "\"", "|", "ä",
        ]), 0..30),
        lengths in proptest::collection::vec(1..5_usize, 1..5),
    ) {
        let text = pieces.concat();
        let whole: Vec<String> = Reader::new(text.as_bytes(), &ReadOptions::default())
            .records().map(|record| format!("{record:?}")).collect();
        let cut = Pieces { bytes: text.as_bytes(), lengths: lengths.into_iter().cycle() };
        let cut: Vec<String> = Reader::new(cut, &ReadOptions::default())
            .records().map(|record| format!("{record:?}")).collect();
        prop_assert_eq!(whole, cut);
    }
}
