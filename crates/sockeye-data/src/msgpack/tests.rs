use proptest::prelude::*;

use super::{ReadOptions, Reader, WriteOptions, Writer, parse, timestamp, to_vec};
use crate::members::{Duplicates, name_of};
use crate::record::{Error, ErrorKind, Limits, ReadRecords, WriteRecords};
use crate::tagged::Tags;
use crate::value::{Number, Object, Value};
use crate::yaml::tests::{Pieces, values};

fn unhex(text: &str) -> Vec<u8> {
    let packed: String = text.split_whitespace().collect();
    data_encoding::HEXLOWER.decode(packed.as_bytes()).unwrap()
}

fn read_with(bytes: &[u8], options: &ReadOptions) -> Result<Vec<Value>, Error> {
    Reader::new(bytes, options).records().collect()
}

fn fails(hex: &str) -> Error {
    read_with(&unhex(hex), &ReadOptions::default()).expect_err(hex)
}

fn keep() -> ReadOptions {
    ReadOptions {
        tags: Tags::Keep,
        ..ReadOptions::default()
    }
}

fn write_kept(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    let mut writer = Writer::new(&WriteOptions {
        tags: Tags::Keep,
        ..WriteOptions::default()
    });
    writer.write_record(value, &mut out).unwrap();
    out
}

/// The bytes, the value as JSON with tags kept, and whether these bytes are the shortest form.
const VECTORS: &[(&str, &str, bool)] = &[
    ("00", "0", true),
    ("7f", "127", true),
    ("cc00", "0", false),
    ("cc80", "128", true),
    ("cdffff", "65535", true),
    ("ceffffffff", "4294967295", true),
    ("cf0000000100000000", "4294967296", true),
    ("cfffffffffffffffff", "18446744073709551615", true),
    ("ff", "-1", true),
    ("e0", "-32", true),
    ("d0df", "-33", true),
    ("d080", "-128", true),
    ("d1ff7f", "-129", true),
    ("d27fffffff", "2147483647", false),
    ("d2ffff7fff", "-32769", true),
    ("d3ffffffff7fffffff", "-2147483649", true),
    ("c0", "null", true),
    ("c2", "false", true),
    ("c3", "true", true),
    ("ca3fc00000", "1.5", false),
    ("cb3ff8000000000000", "1.5", true),
    ("a0", r#""""#, true),
    ("a161", r#""a""#, true),
    ("d90161", r#""a""#, false),
    ("da000161", r#""a""#, false),
    ("db0000000161", r#""a""#, false),
    ("c40101", r#""AQ==""#, true),
    ("c5000101", r#""AQ==""#, false),
    ("c60000000101", r#""AQ==""#, false),
    ("90", "[]", true),
    ("9101", "[1]", true),
    ("dc000101", "[1]", false),
    ("dd0000000101", "[1]", false),
    ("80", "{}", true),
    ("81a16101", r#"{"a":1}"#, true),
    ("de0001a16101", r#"{"a":1}"#, false),
    ("df00000001a16101", r#"{"a":1}"#, false),
    ("d40501", r#"{"!ext:5":"AQ=="}"#, true),
    ("d5050102", r#"{"!ext:5":"AQI="}"#, true),
    ("c70305010203", r#"{"!ext:5":"AQID"}"#, true),
    ("c8000105 01", r#"{"!ext:5":"AQ=="}"#, false),
    ("c9000000010501", r#"{"!ext:5":"AQ=="}"#, false),
    (
        "d8800102030405060708090a0b0c0d0e0f10",
        r#"{"!ext:-128":"AQIDBAUGBwgJCgsMDQ4PEA=="}"#,
        true,
    ),
    (
        "d6ff5ea7f1c0",
        r#"{"!timestamp":"2020-04-28T09:05:04Z"}"#,
        true,
    ),
    (
        "d7ff773593fc5ea7f1c0",
        r#"{"!timestamp":"2020-04-28T09:05:04.499999999Z"}"#,
        true,
    ),
    (
        "c70cff00000000ffffffffffffffff",
        r#"{"!timestamp":"1969-12-31T23:59:59Z"}"#,
        true,
    ),
    (
        "c70cff3b9aca007fffffffffffffff",
        r#"{"!ext:-1":"O5rKAH//////////"}"#,
        true,
    ),
    ("d4ff01", r#"{"!ext:-1":"AQ=="}"#, true),
];

#[test]
fn every_form_is_read_and_the_shortest_is_written() {
    for (hex, wanted, is_shortest) in VECTORS {
        let bytes = unhex(hex);
        let read = read_with(&bytes, &keep()).unwrap_or_else(|error| panic!("{hex}: {error}"));
        let [value] = &read[..] else {
            panic!("{hex}: {read:?}");
        };
        let shown = name_of(&Value::array(vec![value.clone()])).unwrap();
        assert_eq!(shown, format!("[{wanted}]"), "{hex}");
        assert_eq!(
            write_kept(value) == bytes,
            *is_shortest,
            "{hex} {:02x?}",
            write_kept(value)
        );
    }
}

#[test]
fn timestamps_are_dates_of_all_centuries() {
    for (text, seconds) in [
        ("1970-01-01T00:00:00Z", 0_i64),
        ("2000-02-29T12:00:00Z", 951_825_600),
        ("1900-03-01T00:00:00Z", -2_203_891_200),
        ("0000-01-01T00:00:00Z", -62_167_219_200),
        ("9999-12-31T23:59:59Z", 253_402_300_799),
    ] {
        let mut bytes = vec![0; 4];
        bytes.extend(seconds.to_be_bytes());
        assert_eq!(timestamp::to_text(&bytes).as_deref(), Some(text));
        assert_eq!(
            timestamp::to_text(&timestamp::to_bytes(text).unwrap()).as_deref(),
            Some(text)
        );
    }
    assert_eq!(
        timestamp::to_bytes("1970-01-01T02:00:00+02:00"),
        Some(vec![0; 4])
    );
    for text in ["1970-01-01", "1970-01-01T00:00:00", "soon", ""] {
        assert_eq!(timestamp::to_bytes(text), None);
    }
}

#[test]
fn values_behind_each_other_are_records() {
    let mut reader = Reader::new(&[1, 0xa1, b'a', 0x90][..], &ReadOptions::default());
    assert_eq!(reader.next_record().unwrap(), Some(Value::from(1)));
    assert_eq!(reader.position().byte, 1);
    assert_eq!(reader.records().count(), 2);
    assert_eq!(parse(&[1, 2]).unwrap_err().kind(), ErrorKind::Syntax);
    assert_eq!(parse(&[]).unwrap_err().kind(), ErrorKind::Truncated);
}

#[test]
fn what_is_wrong_is_refused_with_its_place() {
    assert_eq!(
        fails("91c1").to_string(),
        "msgpack: a byte 0xc1, which is never used at byte 1"
    );
    assert_eq!(fails("92a16162a261ff").kind(), ErrorKind::Syntax);
    assert_eq!(
        fails("a261ff").to_string(),
        "msgpack: a text with a byte that is no UTF-8 at byte 2"
    );
    for hex in [
        "cc",
        "cd01",
        "cb00",
        "a2 61",
        "d9",
        "d90261",
        "91",
        "81",
        "8101",
        "c402",
        "d4",
        "d405",
        "c70105",
        "ddffffffff",
        "dfffffffff01",
    ] {
        assert_eq!(fails(hex).kind(), ErrorKind::Truncated, "{hex}");
    }
    let value = parse(&unhex("83 01 02 c0 03 9201c3 04")).unwrap();
    assert_eq!(name_of(&value).unwrap(), r#"{"1":2,"null":3,"[1,true]":4}"#);
    let twice = unhex("82 a161 01 a161 02");
    assert_eq!(parse(&twice).unwrap_err().kind(), ErrorKind::Syntax);
    let last = ReadOptions {
        duplicates: Duplicates::Last,
        ..ReadOptions::default()
    };
    assert_eq!(
        read_with(&twice, &last).unwrap()[0].get("a"),
        Some(&Value::from(2))
    );
}

#[test]
fn bounds_hold_and_promises_are_not_believed() {
    assert_eq!(fails(&"91".repeat(1_001)).kind(), ErrorKind::Limit);
    assert_eq!(fails(&"81a0".repeat(1_001)).kind(), ErrorKind::Limit);
    assert_eq!(fails(&"91".repeat(1_000)).kind(), ErrorKind::Truncated);
    assert_eq!(fails("dbffffffff").kind(), ErrorKind::Limit);
    assert_eq!(fails("db3fffff0001").kind(), ErrorKind::Truncated);
    let small = ReadOptions {
        limits: Limits {
            record: 10,
            ..Limits::default()
        },
        ..ReadOptions::default()
    };
    assert!(read_with(&[0x92, 0, 0].repeat(100), &small).is_ok());
    assert_eq!(
        read_with(&[0x91; 20], &small).unwrap_err().kind(),
        ErrorKind::Limit
    );
    let mut keys = [0x81].repeat(60);
    keys.extend(unhex("a122"));
    keys.extend([0; 60]);
    assert_eq!(parse(&keys).unwrap_err().kind(), ErrorKind::Limit);
}

#[test]
fn what_the_format_cannot_say_is_refused_with_its_path() {
    for (text, fits) in [
        ("18446744073709551615", true),
        ("18446744073709551616", false),
        ("-9223372036854775809", false),
        ("1e400", false),
        ("3.14159265358979323846", true),
    ] {
        let number = Value::from(Number::from_json_text(text).unwrap());
        let object: Object = [("a b".into(), Value::array(vec![Value::Null, number]))]
            .into_iter()
            .collect();
        let mut out = b"kept".to_vec();
        let written = Writer::default().write_record(&Value::from(object), &mut out);
        match written {
            Ok(()) => assert!(fits, "{text}"),
            Err(error) => {
                assert!(!fits, "{text}");
                assert_eq!(error.kind(), ErrorKind::Unsupported);
                assert!(error.to_string().ends_with(" at .\"a b\"[1]"), "{error}");
                assert_eq!(out, b"kept");
            }
        }
    }
    assert_eq!(
        to_vec(&parse(&unhex("d6ff5ea7f1c0")).unwrap()).unwrap()[0],
        0xb4
    );
}

/// Whether the format can hold all numbers in it.
fn fits(value: &Value) -> bool {
    to_vec(value).is_ok()
}

#[test]
fn keys_are_sorted_on_demand() {
    let value = parse(&unhex("82 a162 01 a161 02")).unwrap();
    let options = WriteOptions {
        sorted: true,
        ..WriteOptions::default()
    };
    let mut out = Vec::new();
    Writer::new(&options)
        .write_record(&value, &mut out)
        .unwrap();
    assert_eq!(out, unhex("82 a161 02 a162 01"));
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(
        records in proptest::collection::vec(values().prop_filter("numbers of 64 bits", fits), 1..4),
        keep in any::<bool>(),
    ) {
        let tags = if keep { Tags::Keep } else { Tags::Drop };
        let mut writer = Writer::new(&WriteOptions { tags, ..WriteOptions::default() });
        let mut out = Vec::new();
        for record in &records {
            writer.write_record(record, &mut out).unwrap();
        }
        let read = read_with(&out, &ReadOptions { tags, ..ReadOptions::default() }).unwrap();
        prop_assert_eq!(read, records);
    }

    #[test]
    fn any_cut_of_the_input_gives_the_same(bytes in proptest::collection::vec(any::<u8>(), 0..60), lengths in proptest::collection::vec(1..5_usize, 1..5)) {
        let whole: Vec<String> = Reader::new(&bytes[..], &ReadOptions::default()).records().map(|record| format!("{record:?}")).collect();
        let cut = Pieces { bytes: &bytes, lengths: lengths.into_iter().cycle() };
        let cut: Vec<String> = Reader::new(cut, &ReadOptions::default()).records().map(|record| format!("{record:?}")).collect();
        prop_assert_eq!(whole, cut);
    }
}
