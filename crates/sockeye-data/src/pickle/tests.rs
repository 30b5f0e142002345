use std::process::Command;

use proptest::prelude::*;
use sockeye_testkit::peers;

use super::{ReadOptions, parse, parse_with, to_vec};
use crate::json;
use crate::record::{ErrorKind, Limits};
use crate::value::{Number, Value};
use crate::yaml::tests::values;

fn read(bytes: &[u8]) -> String {
    match parse(bytes) {
        Ok(value) => json::to_string(&value),
        Err(error) => format!("{error}"),
    }
}

fn fails(bytes: &[u8]) -> (ErrorKind, String) {
    let error = parse(bytes).expect_err("an error");
    (error.kind(), error.to_string())
}

#[test]
fn each_opcode_of_plain_data_is_read() {
    let cases: &[(&[u8], &str)] = &[
        (b"N.", "null"),
        (b"\x88.", "true"),
        (b"\x89.", "false"),
        (b"I01\n.", "true"),
        (b"I00\n.", "false"),
        (b"I-7\n.", "-7"),
        (b"K\xff.", "255"),
        (b"M\x00\x01.", "256"),
        (b"J\xff\xff\xff\xff.", "-1"),
        (b"L12345678901234567890123L\n.", "12345678901234567890123"),
        (b"\x8a\x00.", "0"),
        (b"\x8a\x01\x80.", "-128"),
        (b"\x8a\x09\0\0\0\0\0\0\0\0\x01.", "18446744073709551616"),
        (b"\x8b\x02\0\0\0\xff\x7f.", "32767"),
        (b"F1.5\n.", "1.5"),
        (b"G?\xf8\0\0\0\0\0\0.", "1.5"),
        (b"G@\x08\0\0\0\0\0\0.", "3.0"),
        (b"S'a\\n\\x41\\101\\'b'\n.", "\"a\\nAA'b\""),
        (b"U\x03abc.", "\"abc\""),
        (b"T\x01\0\0\0a.", "\"a\""),
        (
            b"Vx\\u00e9\\U0001f600\xe9\\\\\n.",
            "\"x\u{e9}\u{1f600}\u{e9}\\\\\\\\\"",
        ),
        (b"X\x02\0\0\0\xc3\xa9.", "\"\u{e9}\""),
        (b"\x8c\x01a.", "\"a\""),
        (b"\x8d\x01\0\0\0\0\0\0\0a.", "\"a\""),
        (b"C\x01\xff.", "\"/w==\""),
        (b"B\x01\0\0\0\xff.", "\"/w==\""),
        (b"\x8e\x01\0\0\0\0\0\0\0\xff.", "\"/w==\""),
        (b"\x96\x01\0\0\0\0\0\0\0\xff.", "\"/w==\""),
        (b"].", "[]"),
        (b").", "[]"),
        (b"}.", "{}"),
        (b"\x8f.", "[]"),
        (b"(K\x01K\x02l.", "[1,2]"),
        (b"(K\x01K\x02t.", "[1,2]"),
        (b"K\x01\x85.", "[1]"),
        (b"K\x01K\x02\x86.", "[1,2]"),
        (b"K\x01K\x02K\x03\x87.", "[1,2,3]"),
        (b"]K\x01a.", "[1]"),
        (b"](K\x01K\x02e.", "[1,2]"),
        (b"\x8f(K\x01\x90.", "[1]"),
        (b"(K\x01\x91.", "[1]"),
        (b"(U\x01aK\x01d.", "{\"a\":1}"),
        (b"}U\x01aK\x01s.", "{\"a\":1}"),
        (b"}(U\x01aK\x01U\x01bK\x02u.", "{\"a\":1,\"b\":2}"),
        (b"K\x01K\x020.", "1"),
        (b"K\x01(K\x021.", "1"),
        (b"K\x01(0.", "1"),
        (b"K\x012\x86.", "[1,1]"),
        (b"]p0\nh\0\x86.", "[[],[]]"),
        (b"]q\x05g5\n\x86.", "[[],[]]"),
        (b"]r\xff\xff\xff\xffj\xff\xff\xff\xff\x86.", "[[],[]]"),
        (b"\x80\x04\x95\x02\0\0\0\0\0\0\0]\x94.", "[]"),
        // What is put into a list after it was remembered is there wherever it is referred to.
        (b"]\x94h\0K\x01a0h\0.", "[1]"),
    ];
    for (bytes, wanted) in cases {
        assert_eq!(read(bytes), *wanted, "{}", bytes.escape_ascii());
    }
}

#[test]
fn keys_that_are_no_text_have_names_and_never_two_the_same() {
    assert_eq!(
        read(b"}(K\x01NK\x02N\x88NNNK\x01K\x02\x86NC\x01\xffNG?\xf8\0\0\0\0\0\0Nu."),
        r#"{"1":null,"2":null,"true":null,"null":null,"[1,2]":null,"\"/w==\"":null,"1.5":null}"#
    );
    assert_eq!(
        fails(b"}(K\x01NU\x011Nu."),
        (
            ErrorKind::Syntax,
            "pickle: two keys are called \"1\" at byte 10".into()
        )
    );
}

#[test]
fn what_could_run_code_is_named_and_refused() {
    let refused: &[(&[u8], &str, u64)] = &[
        (
            b"cos\nsystem\n(S'id'\ntR.",
            "GLOBAL could run code: it imports os.system",
            0,
        ),
        (
            b"\x80\x04\x8c\x02os\x8c\x06system\x93.",
            "STACK_GLOBAL could run code: it imports os.system",
            14,
        ),
        (b"K\x01)R.", "REDUCE", 3),
        (b"}}b.", "BUILD", 2),
        (b"(S'id'\nios\nsystem\n.", "INST", 7),
        (b"(K\x01o.", "OBJ", 3),
        (b"K\x01)\x81.", "NEWOBJ", 3),
        (b"K\x01)}\x92.", "NEWOBJ_EX", 4),
        (b"\x82\x01.", "EXT1", 0),
        (b"\x83\x01\0.", "EXT2", 0),
        (b"\x84\x01\0\0\0.", "EXT4", 0),
        (b"Pid\n.", "PERSID", 0),
        (b"K\x01Q.", "BINPERSID", 2),
        (b"\x97.", "NEXT_BUFFER", 0),
        (b"N\x98.", "READONLY_BUFFER", 1),
    ];
    for (bytes, words, at) in refused {
        let error = parse(bytes).expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.why().contains(words), "{} lacks {words}", error.why());
        assert_eq!(error.position().expect("a place").byte, *at, "{words}");
    }
    // Names of the peer's are short and harmless.
    let long = [b"c".as_slice(), &[b'\x1b'; 500], b"\n\x07\n."].concat();
    let error = parse(&long).expect_err("refused");
    assert!(
        error.why().len() < 400 && !error.why().contains('\x1b'),
        "{error}"
    );
}

#[test]
fn what_is_no_pickle_is_refused() {
    for (bytes, words) in [
        (b"".as_slice(), "ends early"),
        (b"N", "ends early"),
        (b".", "the stack is empty"),
        (b"NN", "ends early"),
        (b"N.N", "more follows"),
        (b"#CHALLENGE#", "0x23 is no opcode"),
        (b"\x80\x06.", "protocol 6"),
        (b"X\xff\xff\xff\xffa.", "ends early"),
        (b"\x8d\xff\xff\xff\xff\xff\xff\xff\xffa.", "ends early"),
        (b"\x95\xff\xff\xff\xff\xff\xff\xff\x7fN.", "ends early"),
        (b"\x8b\xff\xff\xff\xff.", "a length below zero"),
        (b"(K\x01d.", "a key without a value"),
        (b"K\x01K\x01a.", "no list"),
        (b"K\x01)K\x01a.", "no list"),
        (b"]NNs.", "no dict"),
        (b"h\x07.", "nothing is remembered under 7"),
        (b"gx\n.", "a memo number that is none"),
        (b"e.", "no mark"),
        (b"K\x01(0(a.", "the stack is empty"),
        (b"N(\x85.", "the stack is empty"),
        (b"X\x03\0\0\0\xed\xa0\x80.", "surrogate"),
        (b"V\\ud800\n.", "no character"),
        (b"V\\u12\n.", "no character"),
        (b"Sabc\n.", "quotes"),
        (b"S'\\xe9'\n.", "not ASCII"),
        (b"I1x\n.", "whole number"),
        (b"I\n.", "whole number"),
        (b"Fnone\n.", "float"),
        (b"]\x94h\0a.", "contains itself"),
        (b"}\x94U\x01ah\0s.", "contains itself"),
        (b"\xff.", "0xff is no opcode"),
    ] {
        let (_, text) = fails(bytes);
        assert!(text.contains(words), "{}: {text}", bytes.escape_ascii());
    }
}

#[test]
fn every_bound_holds() {
    let nested =
        |levels: usize| [vec![b']'; levels], vec![b'a'; levels - 1], b".".to_vec()].concat();
    assert!(parse(&nested(1_000)).is_ok());
    assert_eq!(fails(&nested(1_001)).0, ErrorKind::Limit);
    // Deep through shared lists: each holds the one before twice, and is remembered.
    let mut deep = b"]\x94".to_vec();
    for level in 0..2_000_u32 {
        deep.extend_from_slice(b"]\x94j");
        deep.extend_from_slice(&level.to_le_bytes());
        deep.push(b'a');
    }
    deep.push(b'.');
    assert_eq!(fails(&deep).0, ErrorKind::Limit);
    let mut tight = ReadOptions {
        memo: 2,
        ..ReadOptions::default()
    };
    let three = b"]\x94]\x94]\x94.";
    let error = parse_with(three, &tight).expect_err("too many");
    assert!(
        error.to_string().contains("more than 2 values remembered"),
        "{error}"
    );
    tight = ReadOptions::default();
    tight.limits.record = 10;
    assert!(
        parse_with(&[b'N'; 11], &tight)
            .expect_err("long")
            .to_string()
            .contains("more than 10 bytes")
    );
    let huge = [
        b"\x8b".as_slice(),
        &5_000_u32.to_le_bytes(),
        &[1; 5_000],
        b".",
    ]
    .concat();
    assert_eq!(fails(&huge).0, ErrorKind::Limit);
    let digits = [b"L".as_slice(), &[b'9'; 10_000], b"L\n."].concat();
    assert_eq!(fails(&digits).0, ErrorKind::Limit);
}

/// Ten lists, each of which holds the one before ten times: 10^10 values in 300 bytes.
#[test]
fn shared_references_do_not_explode() {
    let mut laughs = b"](".to_vec();
    laughs.extend_from_slice(&[b'N'; 10]);
    laughs.extend_from_slice(b"e\x94");
    for level in 0..10_u8 {
        laughs.extend_from_slice(b"](");
        for _ in 0..10 {
            laughs.extend_from_slice(&[b'h', level]);
        }
        laughs.extend_from_slice(b"e\x94");
    }
    laughs.push(b'.');
    let (kind, text) = fails(&laughs);
    assert_eq!(kind, ErrorKind::Limit);
    assert!(text.contains("shared lists and dicts"), "{text}");

    // A text of 100,000 bytes, referred to 20,000 times: 2 GB to write, 140 KB to read.
    let mut texts = b"(X".to_vec();
    texts.extend_from_slice(&100_000_u32.to_le_bytes());
    texts.extend_from_slice(&[b'x'; 100_000]);
    texts.push(0x94);
    texts.extend_from_slice(&b"h\0".repeat(20_000));
    texts.extend_from_slice(b"l.");
    let (kind, text) = fails(&texts);
    assert_eq!(kind, ErrorKind::Limit);
    assert!(text.contains("referred to again"), "{text}");

    // What Python writes of many records with the same names is within bounds, and shares them.
    let mut records = b"]\x94(}\x94\x8c\x04name\x94Ns".to_vec();
    records.extend_from_slice(&b"}\x94h\x02Ns".repeat(500_000));
    records.extend_from_slice(b"e.");
    assert_eq!(
        parse(&records)
            .expect("records")
            .as_array()
            .map(<[Value]>::len),
        Some(500_001)
    );
}

#[test]
fn announced_lengths_cost_nothing() {
    for head in [b"X".as_slice(), b"B", b"T", b"\x8b"] {
        let bytes = [head, &0x7fff_ffff_u32.to_le_bytes(), b"short"].concat();
        assert!(matches!(
            fails(&bytes).0,
            ErrorKind::Truncated | ErrorKind::Limit
        ));
    }
}

#[test]
fn what_python_cannot_read_is_not_written() {
    let number = |text: &str| Value::from(Number::from_json_text(text).expect("JSON"));
    assert_eq!(
        to_vec(&number("1e999")).expect_err("beyond").kind(),
        ErrorKind::Unsupported
    );
    assert_eq!(
        to_vec(&number(&"9".repeat(20_000)))
            .expect_err("beyond")
            .kind(),
        ErrorKind::Unsupported
    );
    assert_eq!(to_vec(&number("1.10")).expect("a float")[2], b'G');
    assert_eq!(to_vec(&number("1")).expect("an int")[2], b'K');
    let deep = (0..100_000).fold(Value::Null, |value, _| Value::array(vec![value]));
    assert_eq!(to_vec(&deep).expect("depth is no matter").len(), 300_004);
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(value in values()) {
        if let Ok(bytes) = to_vec(&value) {
            prop_assert_eq!(json::to_string(&parse(&bytes).expect("ours")), json::to_string(&again(&value)));
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse(&bytes);
    }

    #[test]
    fn no_opcodes_make_it_panic(picked in proptest::collection::vec(0_usize..40, 0..60)) {
        let pieces: &[&[u8]] = &[b"N", b"K\x01", b"(", b"]", b"}", b")", b"t", b"l", b"d", b"e", b"u", b"s", b"a", b"0", b"1", b"2",
            b"\x94", b"h\0", b"h\x01", b"h\x02", b"\x85", b"\x86", b"\x87", b"\x8f", b"\x90", b"\x91", b"q\x03", b"p9\n", b"h\x03",
            b"\x8c\x01a", b"C\x01a", b"\x88", b"G\0\0\0\0\0\0\0\0", b"I5\n", b"Va\n", b"]", b"(", b"\x94", b"a", b"s"];
        let mut bytes: Vec<u8> = picked.iter().flat_map(|piece| pieces[*piece].to_vec()).collect();
        bytes.push(b'.');
        if let Ok(value) = parse(&bytes) {
            prop_assert!(to_vec(&value).is_ok());
        }
    }
}

/// The value as it comes back: decimals as the nearest float, whole floats with their point.
fn again(value: &Value) -> Value {
    match value {
        Value::Number(number) => match crate::binary::kind(number) {
            crate::binary::Kind::Int(int) => Value::from(int),
            crate::binary::Kind::Big(_) => value.clone(),
            _ => super::text::float_value(number.as_f64()),
        },
        Value::Array(items) => Value::array(items.iter().map(again).collect()),
        Value::Object(object) => {
            let members = object
                .iter()
                .map(|(name, value)| (name.clone(), again(value)));
            Value::from(members.collect::<crate::value::Object>())
        }
        _ => value.clone(),
    }
}

/// Python makes pickles of many values in every protocol and says what it makes of ours.
const JUDGE: &str = r#"
import json, pickle, sys
def plain(v):
    if isinstance(v, (bytes, bytearray)): return {"bytes": v.hex()}
    if isinstance(v, (list, tuple)): return [plain(i) for i in v]
    if isinstance(v, dict): return {k: plain(i) for k, i in v.items()}
    return v
for line in sys.stdin:
    kind, rest = line.rstrip("\n").split(" ", 1)
    if kind == "load":
        print(json.dumps(plain(pickle.loads(bytes.fromhex(rest)))))
    else:
        print(" ".join(pickle.dumps(json.loads(rest), protocol=p).hex() for p in range(pickle.HIGHEST_PROTOCOL + 1)))
"#;

#[test]
fn python_reads_ours_and_we_read_pythons() {
    let Some(python) = peers::python3() else {
        return;
    };
    let values = samples();
    let mut asked = String::new();
    for value in &values {
        let ours: String = to_vec(value)
            .expect("a pickle")
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        asked += &format!("load {ours}\ndump {}\n", json::to_string(value));
    }
    let folder = sockeye_testkit::temporary_dir();
    let input = folder.path().join("asked");
    std::fs::write(&input, asked).expect("a file");
    let input = std::fs::File::open(input).expect("the file");
    #[expect(clippy::disallowed_methods, reason = "the peer that judges")]
    let output = Command::new(python)
        .args(["-c", JUDGE])
        .stdin(input)
        .output()
        .expect("python runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8(output.stdout).expect("text");
    let mut lines = text.lines();
    for value in &values {
        let said = lines.next().expect("what Python read");
        assert_eq!(
            json::parse(said.as_bytes()).expect("JSON"),
            *value,
            "{said}"
        );
        for (protocol, hex) in lines.next().expect("pickles").split(' ').enumerate() {
            let bytes = data_encoding::HEXLOWER.decode(hex.as_bytes()).expect("hex");
            let read = parse(&bytes).unwrap_or_else(|error| panic!("protocol {protocol}: {error}"));
            assert_eq!(read, *value, "protocol {protocol}");
        }
    }
}

/// Values that JSON can say, many of them random.
fn samples() -> Vec<Value> {
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let texts = [
        "null",
        "true",
        "[]",
        "{}",
        "0",
        "-1",
        "255",
        "256",
        "65535",
        "65536",
        "2147483647",
        "-2147483648",
        "2147483648",
        "9223372036854775807",
        "-9223372036854775808",
        "123456789012345678901234567890",
        "-170141183460469231731687303715884105728",
        "1.5",
        "3.0",
        "1e300",
        "-0.0",
        "1e16",
        "\"\"",
        "\"a\\nb\\\\\\u0000\\u001a\"",
        "\"\u{1f600}\u{e9}\u{20ac}\"",
        "[[1,[2,[3]]],{\"a\":{\"b\":[null]}}]",
    ];
    let mut values: Vec<Value> = texts
        .iter()
        .map(|text| json::parse(text.as_bytes()).expect("JSON"))
        .collect();
    values.push(Value::from("x".repeat(70_000)));
    values.push(Value::array(
        (0..3_000).map(|n| Value::from(n as i64)).collect(),
    ));
    let strategy = values_of_json();
    for _ in 0..300 {
        values.push(strategy.new_tree(&mut runner).expect("a value").current());
    }
    values
}

/// Random values without bytes and without what Python's floats cannot say.
fn values_of_json() -> impl Strategy<Value = Value> {
    values().prop_filter_map("JSON", |value| {
        let value = json::parse(json::to_string(&again(&value)).as_bytes()).ok()?;
        to_vec(&value).ok().map(|_| value)
    })
}

#[test]
fn the_limits_are_those_of_the_documentation() {
    let options = ReadOptions::default();
    assert_eq!(options.memo, 10_000_000);
    assert_eq!(options.limits.depth, Limits::default().depth);
}
