use proptest::prelude::*;

use super::{ReadOptions, Reader, WriteOptions, Writer, parse, to_vec};
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

/// RFC 8949, Appendix A: the bytes, the value as JSON with tags kept, and whether these bytes are the shortest form.
const VECTORS: &[(&str, &str, bool)] = &[
    ("00", "0", true),
    ("01", "1", true),
    ("0a", "10", true),
    ("17", "23", true),
    ("1818", "24", true),
    ("1819", "25", true),
    ("1864", "100", true),
    ("1903e8", "1000", true),
    ("1a000f4240", "1000000", true),
    ("1b000000e8d4a51000", "1000000000000", true),
    ("1bffffffffffffffff", "18446744073709551615", true),
    ("c249010000000000000000", "18446744073709551616", true),
    ("3bffffffffffffffff", "-18446744073709551616", true),
    ("c349010000000000000000", "-18446744073709551617", true),
    ("20", "-1", true),
    ("29", "-10", true),
    ("3863", "-100", true),
    ("3903e7", "-1000", true),
    ("f90000", "0.0", true),
    ("f98000", "-0.0", true),
    ("f93c00", "1.0", true),
    ("fb3ff199999999999a", "1.1", true),
    ("f93e00", "1.5", true),
    ("f97bff", "65504.0", true),
    ("fa47c35000", "100000.0", true),
    ("fa7f7fffff", "3.4028234663852886e+38", true),
    ("fb7e37e43c8800759c", "1.0e+300", true),
    ("f90001", "5.960464477539063e-8", true),
    ("f90400", "0.00006103515625", true),
    ("f9c400", "-4.0", true),
    ("fbc010666666666666", "-4.1", true),
    ("f97c00", "inf", true),
    ("f97e00", "nan", true),
    ("f9fc00", "-inf", true),
    ("fa7f800000", "inf", false),
    ("fa7fc00000", "nan", false),
    ("faff800000", "-inf", false),
    ("fb7ff0000000000000", "inf", false),
    ("fb7ff8000000000000", "nan", false),
    ("fbfff0000000000000", "-inf", false),
    ("f4", "false", true),
    ("f5", "true", true),
    ("f6", "null", true),
    ("f7", "null", false),
    ("f0", r#"{"!simple":16}"#, true),
    ("f8ff", r#"{"!simple":255}"#, true),
    (
        "c074323031332d30332d32315432303a30343a30305a",
        r#"{"!0":"2013-03-21T20:04:00Z"}"#,
        true,
    ),
    ("c11a514b67b0", r#"{"!1":1363896240}"#, true),
    ("c1fb41d452d9ec200000", r#"{"!1":1363896240.5}"#, true),
    ("d74401020304", r#"{"!23":"AQIDBA=="}"#, true),
    ("d818456449455446", r#"{"!24":"ZElFVEY="}"#, true),
    (
        "d82076687474703a2f2f7777772e6578616d706c652e636f6d",
        r#"{"!32":"http://www.example.com"}"#,
        true,
    ),
    ("40", r#""""#, true),
    ("4401020304", r#""AQIDBA==""#, true),
    ("60", r#""""#, true),
    ("6161", r#""a""#, true),
    ("6449455446", r#""IETF""#, true),
    ("62225c", r#""\"\\""#, true),
    ("62c3bc", "\"\u{fc}\"", true),
    ("63e6b0b4", "\"\u{6c34}\"", true),
    ("64f0908591", "\"\u{10151}\"", true),
    ("80", "[]", true),
    ("83010203", "[1,2,3]", true),
    ("8301820203820405", "[1,[2,3],[4,5]]", true),
    (
        "98190102030405060708090a0b0c0d0e0f101112131415161718181819",
        "[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25]",
        true,
    ),
    ("a0", "{}", true),
    ("a201020304", r#"{"1":2,"3":4}"#, false),
    ("a26161016162820203", r#"{"a":1,"b":[2,3]}"#, true),
    ("826161a161626163", r#"["a",{"b":"c"}]"#, true),
    (
        "a56161614161626142616361436164614461656145",
        r#"{"a":"A","b":"B","c":"C","d":"D","e":"E"}"#,
        true,
    ),
    ("5f42010243030405ff", r#""AQIDBAU=""#, false),
    ("7f657374726561646d696e67ff", r#""streaming""#, false),
    ("9fff", "[]", false),
    ("9f018202039f0405ffff", "[1,[2,3],[4,5]]", false),
    ("9f01820203820405ff", "[1,[2,3],[4,5]]", false),
    ("83018202039f0405ff", "[1,[2,3],[4,5]]", false),
    ("83019f0203ff820405", "[1,[2,3],[4,5]]", false),
    (
        "9f0102030405060708090a0b0c0d0e0f101112131415161718181819ff",
        "[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25]",
        false,
    ),
    ("bf61610161629f0203ffff", r#"{"a":1,"b":[2,3]}"#, false),
    ("826161bf61626163ff", r#"["a",{"b":"c"}]"#, false),
    (
        "bf6346756ef563416d7421ff",
        r#"{"Fun":true,"Amt":-2}"#,
        false,
    ),
];

#[test]
fn the_vectors_of_rfc_8949() {
    assert_eq!(VECTORS.len(), 81);
    let options = WriteOptions {
        tags: Tags::Keep,
        deterministic: true,
    };
    for (hex, wanted, is_shortest) in VECTORS {
        let bytes = unhex(hex);
        let read = read_with(&bytes, &keep()).unwrap_or_else(|error| panic!("{hex}: {error}"));
        let [value] = &read[..] else {
            panic!("{hex}: {read:?}");
        };
        match (value, *wanted) {
            (Value::Number(Number::Float(float)), _) => {
                let wanted: f64 = wanted.parse().unwrap();
                assert!(
                    float.to_bits() == wanted.to_bits() || (float.is_nan() && wanted.is_nan()),
                    "{hex}"
                );
            }
            (Value::String(_), wanted) => {
                assert_eq!(
                    name_of(&Value::array(vec![value.clone()])).unwrap(),
                    format!("[{wanted}]")
                );
            }
            _ => assert_eq!(
                name_of(&Value::array(vec![value.clone()])).unwrap(),
                format!("[{wanted}]"),
                "{hex}"
            ),
        }
        let mut out = Vec::new();
        Writer::new(&options).write_record(value, &mut out).unwrap();
        assert_eq!(out == bytes, *is_shortest, "{hex} {out:02x?}");
    }
}

#[test]
fn numbers_are_exact() {
    for (text, hex) in [
        ("273.15", "fb4071126666666666"),
        ("3.1415926535897932384626433", "c482381837 "),
        ("1e400", "c482190190 01"),
        ("1.10", "fb3ff199999999999a"),
        ("9223372036854775808", "1b8000000000000000"),
        ("-0", "f98000"),
        ("1e3", "f963d0"),
        ("0.1", "fb3fb999999999999a"),
    ] {
        let value = Value::from(Number::from_json_text(text).unwrap());
        let bytes = to_vec(&value).unwrap();
        assert!(
            bytes.starts_with(&unhex(hex)) || text.len() > 20,
            "{text} {bytes:02x?}"
        );
        let read = parse(&bytes).unwrap();
        assert_eq!(read, value, "{text}");
    }
    let long = "3.1415926535897932384626433";
    let value = Value::from(Number::from_json_text(long).unwrap());
    assert_eq!(
        name_of(&parse(&to_vec(&value).unwrap()).unwrap()).unwrap(),
        long
    );
    // RFC 8949, 3.4.4.
    assert_eq!(
        name_of(&parse(&unhex("c48221196ab3")).unwrap()).unwrap(),
        "273.15"
    );
    assert_eq!(name_of(&parse(&unhex("c4822001")).unwrap()).unwrap(), "0.1");
    assert_eq!(
        name_of(&parse(&unhex("c4820a20")).unwrap()).unwrap(),
        "-1e10"
    );
    let huge = Value::array(vec![Value::from(
        Number::from_json_text(&"9".repeat(10_000)).unwrap(),
    )]);
    let error = to_vec(&huge).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains(".[0]"), "{error}");
}

#[test]
fn items_behind_each_other_are_records() {
    let mut reader = Reader::new(&[1, 0x61, b'a', 0x80][..], &ReadOptions::default());
    assert_eq!(reader.next_record().unwrap(), Some(Value::from(1)));
    assert_eq!(reader.position().byte, 1);
    assert_eq!(reader.records().count(), 2);
    assert_eq!(parse(&[1, 2]).unwrap_err().kind(), ErrorKind::Syntax);
    assert_eq!(parse(&[]).unwrap_err().kind(), ErrorKind::Truncated);
    assert_eq!(read_with(&[], &ReadOptions::default()).unwrap(), []);
}

#[test]
fn what_is_not_well_formed_is_refused() {
    // RFC 8949, Appendix F, and more.
    for hex in [
        "1c",
        "1d",
        "1e",
        "3c",
        "5c",
        "7d",
        "9e",
        "bc",
        "dd",
        "fc",
        "fd",
        "fe",
        "f800",
        "f801",
        "f818",
        "f81f",
        "ff",
        "81ff",
        "8200ff",
        "a1ff",
        "a100ff",
        "a1ff00",
        "c1ff",
        "9f81ff",
        "bf00ff",
        "bf000000ff",
        "9f829f819f9fffffffff",
        "5f00ff",
        "5f6100ff",
        "5f80ff",
        "5fc000ff",
        "7f4100ff",
        "5f5f4100ffff",
        "7f7f6100ffff",
        "1f",
        "3f",
        "df",
        "61ff",
        "62c328",
        "7f61c361bcff",
        "c201",
        "c482f93c0001",
        "c400",
        "c4820001 ff",
    ] {
        assert_eq!(fails(hex).kind(), ErrorKind::Syntax, "{hex}");
    }
    for hex in [
        "18",
        "19",
        "1a",
        "1b",
        "1901",
        "1a0102",
        "1b01020304050607",
        "38",
        "58",
        "78",
        "98",
        "9a01ff00",
        "b8",
        "d8",
        "f8",
        "f900",
        "fa0000",
        "fb000000",
        "41",
        "61",
        "5affffffff00",
        "5bffffffffffffffff010203",
        "7affffffff00",
        "7b7fffffffffffffff010203",
        "81",
        "818181818181818181",
        "8200",
        "a1",
        "a20102",
        "a100",
        "a2000000",
        "c0",
        "5f4100",
        "7f6100",
        "9f",
        "9f0102",
        "bf",
        "bf01020102",
        "819f",
        "9f8000",
        "9f9f9f9f9fffffffff",
        "9f819f819f9fffffff",
    ] {
        let kind = fails(hex).kind();
        let is_long = hex.starts_with("5b")
            || hex.starts_with("7b")
            || hex.starts_with("5a")
            || hex.starts_with("7a");
        assert!(
            kind == ErrorKind::Truncated
                || (is_long && kind == ErrorKind::Limit)
                || (hex == "a2000000" || hex == "bf01020102"),
            "{hex}: {kind:?}"
        );
    }
    let error = fails("8261616261ff");
    assert_eq!(
        error.to_string(),
        "cbor: a text with a byte that is no UTF-8 at byte 5"
    );
}

#[test]
fn keys_that_are_no_text_and_keys_that_stand_twice() {
    let value = parse(&unhex("a5 01 02 f6 03 820102 04 4161 05 a1 6161 f5 06")).unwrap();
    assert_eq!(
        name_of(&value).unwrap(),
        r#"{"1":2,"null":3,"[1,2]":4,"\"YQ==\"":5,"{\"a\":true}":6}"#
    );
    let twice = unhex("a2 6161 01 6161 02");
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
    for head in ["81", "9f", "c0", "a100"] {
        let error = fails(&head.repeat(1_001));
        assert_eq!(error.kind(), ErrorKind::Limit, "{head}");
    }
    assert_eq!(fails(&"81".repeat(1_000)).kind(), ErrorKind::Truncated);
    // Lengths of exabytes cost nothing.
    assert_eq!(fails("9bffffffffffffffff").kind(), ErrorKind::Truncated);
    assert_eq!(fails("bbffffffffffffffff").kind(), ErrorKind::Truncated);
    assert_eq!(fails("5bffffffffffffffff").kind(), ErrorKind::Limit);
    assert_eq!(fails("5a3fffff00 01").kind(), ErrorKind::Truncated);
    let small = ReadOptions {
        limits: Limits {
            record: 10,
            ..Limits::default()
        },
        ..ReadOptions::default()
    };
    assert!(read_with(&[0x82, 0, 0].repeat(100), &small).is_ok());
    assert_eq!(
        read_with(&[0; 11].map(|_| 0x81), &small)
            .unwrap_err()
            .kind(),
        ErrorKind::Limit
    );
    assert_eq!(
        read_with(&[0x4a; 20], &small).unwrap_err().kind(),
        ErrorKind::Limit
    );
    let mut big = unhex("c2591388");
    big.extend([0xff; 5_000]);
    assert_eq!(parse(&big).unwrap_err().kind(), ErrorKind::Limit);
    // Keys within keys double their backslashes.
    let mut keys = [0xa1].repeat(60);
    keys.extend(unhex("6122"));
    keys.extend([0; 60]);
    assert_eq!(parse(&keys).unwrap_err().kind(), ErrorKind::Limit);
}

#[test]
fn tags_are_dropped_or_kept() {
    let bytes = unhex("d9d9f7 d82076687474703a2f2f7777772e6578616d706c652e636f6d");
    assert_eq!(
        parse(&bytes).unwrap(),
        Value::from("http://www.example.com")
    );
    let kept = &read_with(&bytes, &keep()).unwrap()[0];
    assert_eq!(
        kept.get("!32"),
        Some(&Value::from("http://www.example.com"))
    );
    // Without the option it is an object, and so are names that are no tags.
    assert_eq!(parse(&to_vec(kept).unwrap()).unwrap(), *kept);
    for name in [
        "!",
        "!-1",
        "!01",
        "!a",
        "!2",
        "!18446744073709551616",
        "!simple",
    ] {
        let value: Object = [(name.into(), Value::from("x"))].into_iter().collect();
        let value = Value::from(value);
        let mut out = Vec::new();
        let options = WriteOptions {
            tags: Tags::Keep,
            ..WriteOptions::default()
        };
        Writer::new(&options)
            .write_record(&value, &mut out)
            .unwrap();
        assert_eq!(read_with(&out, &keep()).unwrap(), [value], "{name}");
    }
}

#[test]
fn every_half_is_read_and_written() {
    for bits in 0..=u16::MAX {
        let float = super::half::decode(bits);
        let again = super::half::encode(float).unwrap();
        assert!(again == bits || float.is_nan(), "{bits:04x}");
    }
    for float in [65_520.0, 1.0 + 2_f64.powi(-11), 2_f64.powi(-25), 1e300] {
        assert_eq!(super::half::encode(float), None);
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(records in proptest::collection::vec(values(), 1..4), deterministic in any::<bool>(), keep in any::<bool>()) {
        let tags = if keep { Tags::Keep } else { Tags::Drop };
        let mut writer = Writer::new(&WriteOptions { tags, deterministic });
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
