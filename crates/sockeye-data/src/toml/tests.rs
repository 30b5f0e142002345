use proptest::prelude::*;

use super::{Nulls, ReadOptions, Reader, WriteOptions, Writer, parse, to_string};
use crate::members::name_of;
use crate::record::{Error, ErrorKind, Limits, ReadRecords, WriteRecords};
use crate::tagged::Tags;
use crate::value::{Object, Value};
use crate::yaml;
use crate::yaml::tests::{Pieces, texts, values};

fn keep() -> ReadOptions {
    ReadOptions {
        tags: Tags::Keep,
        ..ReadOptions::default()
    }
}

fn read_with(text: &[u8], options: &ReadOptions) -> Result<Value, Error> {
    let mut reader = Reader::new(text, options);
    let record = reader.next_record()?.expect("one record");
    assert!(reader.next_record()?.is_none());
    Ok(record)
}

fn shown(text: &str) -> String {
    let value = parse(text).unwrap_or_else(|error| panic!("{text:?}: {error}"));
    name_of(&value).unwrap().to_string()
}

fn write(value: &Value, options: &WriteOptions) -> Result<String, Error> {
    let mut out = Vec::new();
    Writer::new(options).write_record(value, &mut out)?;
    Ok(String::from_utf8(out).unwrap())
}

#[test]
fn documents_are_objects_in_their_order() {
    for (text, json) in [
        ("", "{}"),
        (
            "b = 1\na = 2\n[c.d]\ne = [1, 'x']\n",
            r#"{"b":1,"a":2,"c":{"d":{"e":[1,"x"]}}}"#,
        ),
        (
            "[[p]]\nn = 1\n[[p]]\n[[p.q]]\nm = 2\n",
            r#"{"p":[{"n":1},{"q":[{"m":2}]}]}"#,
        ),
        ("a.b.\"c d\" = true\n", r#"{"a":{"b":{"c d":true}}}"#),
        (
            "a = +1\nb = 1_000\nc = 0xff\nd = 0o17\ne = 0b11\n",
            r#"{"a":1,"b":1000,"c":255,"d":15,"e":3}"#,
        ),
        (
            "a = 1.10\nb = 1e3\nc = +0.5\nd = -0.0\ne = 1_0.5_0\n",
            r#"{"a":1.10,"b":1e3,"c":0.5,"d":-0.0,"e":10.50}"#,
        ),
        (
            "a = 12345678901234567890123\nb = 0xffffffffffffffffff\n",
            r#"{"a":12345678901234567890123,"b":4722366482869645213695}"#,
        ),
        (
            "a = 1979-05-27T07:32:00Z\nb = 1979-05-27 07:32:00.5\nc = 1979-05-27\nd = 07:32:00\n",
            r#"{"a":"1979-05-27T07:32:00Z","b":"1979-05-27T07:32:00.5","c":"1979-05-27","d":"07:32:00"}"#,
        ),
        ("a = { b = 1,\n  c = 2, }\n", r#"{"a":{"b":1,"c":2}}"#),
        ("a = '''\nx\ny'''\n", r#"{"a":"x\ny"}"#),
    ] {
        assert_eq!(shown(text), json, "{text}");
    }
    assert_eq!(
        parse("a = -inf").unwrap().get("a"),
        Some(&Value::from(f64::NEG_INFINITY))
    );
}

#[test]
fn what_is_wrong_is_refused_with_its_place() {
    let error = parse("a = 1\nä = 2\n").unwrap_err();
    assert_eq!(
        error.position().map(|at| (at.line, at.byte)),
        Some((2, 6)),
        "{error}"
    );
    for text in [
        "a = 1\na = 2\n",
        "a = ",
        "[a]\n[a]\n",
        "= 1",
        "a = 01",
        "a = 1979-02-30",
        "a = \"\\x\"",
        "a = 'x",
    ] {
        let error = parse(text).expect_err(text);
        assert_eq!(error.kind(), ErrorKind::Syntax, "{text}");
        assert!(
            error.position().is_some() && !error.to_string().contains('\n'),
            "{error}"
        );
    }
    let error = read_with(b"a = \"\xff\"", &ReadOptions::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "toml: a byte that is no UTF-8 at line 1, column 6, byte 5"
    );
}

#[test]
fn bounds_hold() {
    for text in [
        format!("a = {}", "[".repeat(100_000)),
        format!("a = {}1{}", "[".repeat(500), "]".repeat(500)),
        format!("{}a = 1", "a.".repeat(10_000)),
        format!("a = {}", "{a=".repeat(100_000)),
    ] {
        assert_eq!(
            parse(&text).unwrap_err().kind(),
            ErrorKind::Limit,
            "{}",
            &text[..20]
        );
    }
    // Levels of levels: 70 tables within each other, each with 70 names.
    let name = "a.".repeat(70) + "a";
    let text = format!(
        "{}1{}",
        format!("{name} = {{").repeat(70) + &name + "=",
        "}".repeat(70)
    );
    assert_eq!(parse(&text).unwrap_err().kind(), ErrorKind::Limit);
    let name = "a.".repeat(11) + "a";
    let text = format!(
        "{}1{}",
        format!("{name} = {{").repeat(35) + &name + "=",
        "}".repeat(35)
    );
    assert!(parse(&text).is_ok());
    let quiet = format!("a = \"{}\" # {}\n", ".".repeat(9_999), "[".repeat(9_999));
    assert!(parse(&quiet).is_ok());
    let many = r#"[[c]]
d = [{}, [1.5]]
e = '''.'x''''
f = """[[\""[[""""
g = '[['
h.i = "[[\"[["
"#;
    assert!(parse(&many.repeat(1_000)).is_ok());
    let small = ReadOptions {
        limits: Limits {
            record: 100,
            depth: 3,
            ..Limits::default()
        },
        ..ReadOptions::default()
    };
    assert!(read_with(&[b'\n'; 100], &small).is_ok());
    assert_eq!(
        read_with(&[b'\n'; 101], &small).unwrap_err().kind(),
        ErrorKind::Limit
    );
    assert!(read_with(b"a = [[1]]", &small).is_ok());
    assert_eq!(
        read_with(b"a = [[[1]]]", &small).unwrap_err().kind(),
        ErrorKind::Limit
    );
    let digits = format!("a = 0x{}", "f".repeat(20_000));
    assert_eq!(parse(&digits).unwrap_err().kind(), ErrorKind::Limit);
}

#[test]
fn tables_stand_under_their_names() {
    let value = yaml::parse(
        r#"{a: 1, t: {u: {x: "1\n2\n"}, v: {}}, "b c": [], m: [1, {k: [{}]}], p: [{n: 1, q: [{m: 2}]}, {}], s: "tab\t\"\u0001"}"#,
    );
    let text = "a = 1\n\"b c\" = []\nm = [1, { k = [{}] }]\ns = \"tab\\t\\\"\\u0001\"\n\n[t.u]\nx = \"\"\"\n1\n2\n\"\"\"\n\n[t.v]\n\n[[p]]\nn = 1\n\n[[p.q]]\nm = 2\n\n[[p]]\n";
    let value = value.unwrap();
    assert_eq!(to_string(&value).unwrap(), text);
    assert_eq!(parse(text).unwrap(), value);
}

#[test]
fn what_toml_does_not_have_is_refused_with_its_path() {
    for (text, why) in [
        (
            "{a: [1, {b: ~}]}",
            "toml: null at .a[1].b, which TOML does not have",
        ),
        (
            "{a: [{b: {'c d': ~}}]}",
            "toml: null at .a[0].b.\"c d\", which TOML does not have",
        ),
        (
            "[1]",
            "toml: the document is of kind array, but in TOML it is an object",
        ),
        (
            "~",
            "toml: the document is of kind null, but in TOML it is an object",
        ),
    ] {
        let error = to_string(&yaml::parse(text).unwrap()).unwrap_err();
        assert_eq!(error.to_string(), why);
        assert!(error.hint().is_some());
        assert_eq!(error.kind(), ErrorKind::Unsupported);
    }
    let drop = WriteOptions {
        nulls: Nulls::Drop,
        ..WriteOptions::default()
    };
    let value = yaml::parse("{a: ~, b: [1, ~, {c: ~}], d: {e: ~}}").unwrap();
    assert_eq!(write(&value, &drop).unwrap(), "b = [1, {}]\n\n[d]\n");
    let deep = yaml::parse(&format!("a: {}1{}", "[".repeat(100), "]".repeat(100))).unwrap();
    assert_eq!(to_string(&deep).unwrap_err().kind(), ErrorKind::Limit);
    let (mut writer, mut out) = (Writer::default(), Vec::new());
    let object = Value::from(Object::new());
    writer.write_record(&object, &mut out).unwrap();
    assert_eq!(
        writer.write_record(&object, &mut out).unwrap_err().kind(),
        ErrorKind::Unsupported
    );
}

#[test]
fn dates_keep_their_kind_on_demand() {
    let text =
        "a = 1979-05-27T07:32:00.999-07:00\nb = 1979-05-27T07:32:00\nc = [1979-05-27, 07:32:00]\n";
    let value = read_with(text.as_bytes(), &keep()).unwrap();
    assert_eq!(
        name_of(&value).unwrap(),
        r#"{"a":{"!datetime":"1979-05-27T07:32:00.999-07:00"},"b":{"!datetime-local":"1979-05-27T07:32:00"},"c":[{"!date-local":"1979-05-27"},{"!time-local":"07:32:00"}]}"#
    );
    let options = WriteOptions {
        tags: Tags::Keep,
        ..WriteOptions::default()
    };
    assert_eq!(write(&value, &options).unwrap(), text);
    assert!(
        to_string(&value)
            .unwrap()
            .contains("[a]\n\"!datetime\" = \"1979")
    );
    // A name that does not say what the text is stays a table.
    let other = yaml::parse("a: {'!date-local': soon}\nb: {'!time-local': '1979-05-27'}").unwrap();
    assert_eq!(
        read_with(write(&other, &options).unwrap().as_bytes(), &keep()).unwrap(),
        other
    );
}

/// Without null, and bytes are the text that they are written as.
fn fitting(value: &Value) -> bool {
    fn fits(value: &Value) -> bool {
        match value {
            Value::Null | Value::Bytes(_) => false,
            Value::Array(_) => value.as_array().unwrap().iter().all(fits),
            Value::Object(object) => object.iter().all(|(_, value)| fits(value)),
            _ => true,
        }
    }
    fits(value)
}

#[test]
fn keys_are_sorted_on_demand() {
    let value = yaml::parse("{b: 1, a: {d: 2, c: 3}, B: {}}").unwrap();
    let options = WriteOptions {
        sorted: true,
        ..WriteOptions::default()
    };
    assert_eq!(
        write(&value, &options).unwrap(),
        "b = 1\n\n[B]\n\n[a]\nc = 3\nd = 2\n"
    );
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(
        members in proptest::collection::vec((texts(), values().prop_filter("TOML has it", fitting)), 0..6),
        keep in any::<bool>(),
    ) {
        let tags = if keep { Tags::Keep } else { Tags::Drop };
        let object: Object = members.into_iter().map(|(name, value)| (name.into(), value)).collect();
        let value = Value::from(object);
        let text = write(&value, &WriteOptions { tags, ..WriteOptions::default() }).unwrap();
        let read = read_with(text.as_bytes(), &ReadOptions { tags, ..ReadOptions::default() });
        let read = read.map_err(|error| TestCaseError::fail(format!("{error}\n{text}")))?;
        prop_assert_eq!(read, value, "{}", text);
    }

    #[test]
    fn any_cut_of_the_input_gives_the_same(text in texts(), lengths in proptest::collection::vec(1..5_usize, 1..5)) {
        let text = format!("a = 1 {text}");
        let whole = read_with(text.as_bytes(), &ReadOptions::default());
        let mut cut = Reader::new(Pieces { bytes: text.as_bytes(), lengths: lengths.into_iter().cycle() }, &ReadOptions::default());
        let cut = cut.next_record().map(Option::unwrap);
        prop_assert_eq!(format!("{whole:?}"), format!("{cut:?}"));
    }
}
