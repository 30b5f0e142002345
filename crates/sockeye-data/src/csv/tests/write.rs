//! Writing: cells, columns, what records become.

use std::io::Cursor;

use proptest::prelude::*;

use crate::csv::{
    Columns, Dialect, Encoder, Join, LineEnd, Nested, Quotes, ReadOptions, Reader, WriteOptions,
    Writer,
};
use crate::record::{Error, ErrorKind, ReadRecords, WriteRecords};
use crate::value::{Number, Object, Text, Value};

fn text(value: &str) -> Value {
    Value::from(value)
}

fn number(text: &str) -> Value {
    Value::from(Number::from_json_text(text).expect("a number"))
}

fn object(members: &[(&str, Value)]) -> Value {
    let members = members
        .iter()
        .map(|(name, value)| (Text::from(*name), value.clone()));
    Value::from(members.collect::<Object>())
}

fn array(items: &[Value]) -> Value {
    Value::array(items.to_vec())
}

#[expect(clippy::result_large_err, reason = "a test looks at both")]
fn try_written(records: &[Value], options: &WriteOptions) -> Result<String, (String, Error)> {
    let mut writer = Writer::new(options);
    let mut out = Vec::new();
    let shown = |out: Vec<u8>| String::from_utf8(out).expect("text");
    for record in records {
        if let Err(error) = writer.write_record(record, &mut out) {
            return Err((shown(out), error));
        }
    }
    writer.finish(&mut out).expect("it ends");
    Ok(shown(out))
}

fn written(records: &[Value], options: &WriteOptions) -> String {
    try_written(records, options).expect("it can be written")
}

fn usual(records: &[Value]) -> String {
    written(records, &WriteOptions::default())
}

/// In stretches of so many records, each with an encoder of its own.
fn joined(records: &[Value], options: &WriteOptions, stretch: usize) -> String {
    let mut join = Join::new(options);
    let mut out = Vec::new();
    for records in records.chunks(stretch) {
        let mut encoder = Encoder::new(options);
        for record in records {
            encoder.encode(record).expect("it can be encoded");
        }
        join.push(&encoder.take(), &mut out).expect("it joins");
    }
    join.finish_into(&mut out).expect("it ends");
    String::from_utf8(out).expect("text")
}

#[test]
fn columns_are_those_of_all_records_in_the_order_they_came() {
    assert_eq!(
        usual(&[
            object(&[("a", text("1"))]),
            object(&[("b", text("2")), ("a", text("3"))]),
            object(&[]),
            object(&[("c", number("1.50")), ("b", Value::Null)]),
        ]),
        "a,b,c\n1,,\n3,2,\n,,\n,,1.50\n"
    );
}

#[test]
fn nothing_is_written_of_nothing() {
    assert_eq!(usual(&[]), "");
    assert_eq!(usual(&[object(&[]), object(&[])]), "");
    assert_eq!(
        usual(&[object(&[]), object(&[("a", text("1"))])]),
        "a\n\"\"\n1\n"
    );
}

#[test]
fn cells_are_quoted_where_they_have_to_be() {
    let record = object(&[
        ("plain", text("x y")),
        ("comma", text("a,b")),
        ("quote", text("5\" disk")),
        ("feed", text("a\nb, a long text that has many bytes")),
        ("return", text("a long text that has many bytes\r")),
        ("true", Value::from(true)),
        ("int", Value::from(-42)),
        ("least", Value::from(i64::MIN)),
        ("bytes", Value::bytes(b"\0\xff".to_vec())),
        ("sep=;", text("\u{feff}x")),
    ]);
    assert_eq!(
        usual(&[record]),
        "plain,comma,quote,feed,return,true,int,least,bytes,\"sep=;\"\nx y,\"a,b\",\"5\"\" disk\",\
         \"a\nb, a long text that has many bytes\",\"a long text that has many bytes\r\",true,-42,\
         -9223372036854775808,AP8=,\"\u{feff}x\"\n"
    );
}

#[test]
fn styles_of_quotes() {
    let records = [object(&[
        ("a", text("1")),
        ("b", number("1")),
        ("c", Value::Null),
        ("d", Value::from(true)),
    ])];
    let quotes = |quotes| WriteOptions {
        quotes,
        ..WriteOptions::default()
    };
    assert_eq!(
        written(&records, &quotes(Quotes::Needed)),
        "a,b,c,d\n1,1,,true\n"
    );
    assert_eq!(
        written(&records, &quotes(Quotes::All)),
        "\"a\",\"b\",\"c\",\"d\"\n\"1\",\"1\",\"\",\"true\"\n"
    );
    assert_eq!(
        written(&records, &quotes(Quotes::NonNumeric)),
        "\"a\",\"b\",\"c\",\"d\"\n\"1\",1,,\"true\"\n"
    );
}

#[test]
fn excel_gets_its_mark_and_line_ends() {
    let options = WriteOptions {
        bom: true,
        crlf: true,
        null: "NULL".into(),
        ..WriteOptions::default()
    };
    let record = object(&[("a", text("1")), ("b", Value::Null)]);
    assert_eq!(written(&[record], &options), "\u{feff}a,b\r\n1,NULL\r\n");
    assert_eq!(written(&[], &options), "\u{feff}");
}

#[test]
fn formulas_are_counted_and_made_harmless() {
    let cells = [
        "=1+1", "+49", "-x", "-5", "-1.5e3", "@a", "\tx", "\rx", "a=b", "",
    ];
    let members = cells.iter().enumerate();
    let members: Vec<(String, Value)> = members.map(|(i, c)| (i.to_string(), text(c))).collect();
    let members: Vec<(&str, Value)> = members
        .iter()
        .map(|(n, v)| (n.as_str(), v.clone()))
        .collect();
    let record = object(&members);
    let headless = WriteOptions {
        header: false,
        ..WriteOptions::default()
    };
    let mut writer = Writer::new(&headless);
    writer
        .write_record(&record, &mut Vec::new())
        .expect("it can");
    assert_eq!(writer.formulas(), 6);
    let safe = WriteOptions {
        excel_safe: true,
        ..headless
    };
    assert_eq!(
        written(&[record], &safe),
        "'=1+1,'+49,'-x,-5,-1.5e3,'@a,'\tx,\"'\rx\",a=b,\n"
    );
}

#[test]
fn strict_columns_refuse_others_and_write_at_once() {
    let strict = WriteOptions {
        columns: Columns::Strict,
        ..WriteOptions::default()
    };
    let (a, b) = (("a", text("1")), ("b", text("2")));
    let good = [
        object(&[a.clone(), b.clone()]),
        object(std::slice::from_ref(&b)),
    ];
    assert_eq!(written(&good, &strict), "a,b\n1,2\n,2\n");
    let mut records = good.to_vec();
    records.push(object(&[a, ("x", text("9"))]));
    let (out, error) = try_written(&records, &strict).expect_err("x is new");
    assert_eq!(out, "a,b\n1,2\n,2\n");
    assert_eq!(
        error.to_string(),
        "csv: record 3 has \"x\", which is no column"
    );
    assert!(
        error
            .hint()
            .is_some_and(|hint| hint.contains("--columns union"))
    );

    // Whoever goes on has lost that record alone.
    let mut writer = Writer::new(&strict);
    let mut out = Vec::new();
    let failed = records
        .iter()
        .filter(|r| writer.write_record(r, &mut out).is_err())
        .count();
    writer.write_record(&good[0], &mut out).expect("it goes on");
    assert_eq!((failed, out), (1, b"a,b\n1,2\n,2\n1,2\n".to_vec()));
}

#[test]
fn strict_columns_refuse_others_in_stretches_too() {
    let strict = WriteOptions {
        columns: Columns::Strict,
        ..WriteOptions::default()
    };
    let (a, b) = (("a", text("1")), ("b", text("2")));
    let stretch = |records: &[Value]| {
        let mut encoder = Encoder::new(&strict);
        for record in records {
            encoder.encode(record).expect("right");
        }
        encoder.take()
    };
    let (mut join, mut out) = (Join::new(&strict), Vec::new());
    let first = [
        object(&[a.clone(), b.clone()]),
        object(std::slice::from_ref(&b)),
    ];
    join.push(&stretch(&first), &mut out).expect("right");
    let second = [object(std::slice::from_ref(&b)), object(&[b, a.clone()])];
    join.push(&stretch(&second), &mut out).expect("right");
    let third = [
        object(std::slice::from_ref(&a)),
        object(&[("x", text("9"))]),
    ];
    let error = join.push(&stretch(&third), &mut out).expect_err("x is new");
    assert_eq!(
        error.to_string(),
        "csv: record 6 has \"x\", which is no column"
    );
    assert_eq!(String::from_utf8_lossy(&out), "a,b\n1,2\n,2\n,2\n1,2\n1,\n");
    let one = [object(&[a]), object(&[("x", text("9"))])];
    let (mut join, mut out) = (Join::new(&strict), Vec::new());
    join.push(&stretch(&one), &mut out).expect_err("x is new");
    assert_eq!(out, b"a\n1\n");
}

#[test]
fn fields_are_chosen_and_known_columns_are_all() {
    let records = [
        object(&[("a", text("1")), ("b", text("2"))]),
        object(&[("c", text("3"))]),
    ];
    let columns = |columns| WriteOptions {
        columns,
        ..WriteOptions::default()
    };
    let fields = columns(Columns::Fields(vec!["b".into(), "z".into(), "b".into()]));
    assert_eq!(written(&records, &fields), "b,z,b\n2,,2\n,,\n");
    assert_eq!(written(&[], &fields), "b,z,b\n");
    let one = columns(Columns::Fields(vec!["a".into()]));
    assert_eq!(written(&records, &one), "a\n1\n\"\"\n");
    let known = columns(Columns::Known(vec!["a".into(), "b".into()]));
    let (out, error) = try_written(&records, &known).expect_err("c is no column");
    assert_eq!(
        (out.as_str(), error.kind()),
        ("a,b\n1,2\n", ErrorKind::Unsupported)
    );
}

#[test]
fn arrays_are_rows_or_tables_and_scalars_are_values() {
    let rows = [
        array(&[text("name"), text("age")]),
        array(&[text("Ada"), number("36"), Value::Null]),
    ];
    assert_eq!(usual(&rows), "name,age,\nAda,36,\n");
    assert_eq!(usual(&[array(&rows)]), "name,age,\nAda,36,\n");
    let table = array(&[object(&[("a", text("1"))]), object(&[("b", text("2"))])]);
    assert_eq!(usual(&[table]), "a,b\n1,\n,2\n");
    assert_eq!(
        usual(&[number("1"), text("x"), Value::Null]),
        "value\n1\nx\n\"\"\n"
    );
    assert_eq!(
        usual(&[object(&[("a", text("1"))]), array(&[text("2")])]),
        "a,_1\n1,\n,2\n"
    );
    let named = WriteOptions {
        columns: Columns::Fields(vec!["x".into(), "y".into()]),
        ..WriteOptions::default()
    };
    assert_eq!(written(&[array(&[text("1")])], &named), "x,y\n1,\n");
    let (_, error) = try_written(&[array(&vec![text("1"); 3])], &named).expect_err("too many");
    assert!(
        error
            .to_string()
            .contains("3 items, and there are 2 columns")
    );
    assert_eq!(usual(&[array(&[])]), "");
}

#[test]
fn nested_values_are_json_or_columns() {
    let record = object(&[
        (
            "a",
            object(&[("b", number("1")), ("c", array(&[text("x"), object(&[])]))]),
        ),
        ("a.b", text("2")),
        ("d", array(&[])),
    ]);
    assert_eq!(
        usual(std::slice::from_ref(&record)),
        "a,a.b,d\n\"{\"\"b\"\":1,\"\"c\"\":[\"\"x\"\",{}]}\",2,[]\n"
    );
    let flatten = WriteOptions {
        nested: Nested::Flatten,
        ..WriteOptions::default()
    };
    assert_eq!(
        written(&[record], &flatten),
        "a.b,a.c.0,a.c.1,a.b_2,d\n1,x,{},2,[]\n"
    );
}

#[test]
fn dialects_are_written() {
    let records = [object(&[("a", text("x\t\\\n\"")), ("b", text("y,z"))])];
    let dialect = |dialect| WriteOptions {
        dialect,
        ..WriteOptions::default()
    };
    assert_eq!(
        written(&records, &dialect(Dialect::TSV)),
        "a\tb\n\"x\t\\\n\"\"\"\ty,z\n"
    );
    assert_eq!(
        written(&records, &dialect(Dialect::TSV_ESCAPES)),
        "a\tb\nx\\t\\\\\\n\"\ty,z\n"
    );
    let backslash = Dialect {
        escape: Some(b'\\'),
        ..Dialect::CSV
    };
    assert_eq!(
        written(&records, &dialect(backslash)),
        "a,b\n\"x\t\\\\\n\\\"\",\"y,z\"\n"
    );
    let bare = Dialect {
        quote: None,
        ..Dialect::CSV.with_delimiter(b'|')
    };
    let (_, error) = try_written(
        &records,
        &WriteOptions {
            columns: Columns::Strict,
            ..dialect(bare)
        },
    )
    .expect_err("no quotes");
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    let separators = Dialect {
        line_end: LineEnd::Byte(0x1e),
        ..Dialect::CSV.with_delimiter(0x1f)
    };
    assert_eq!(
        written(
            &[object(&[("a", text("1\n")), ("b", text("\x1e"))])],
            &dialect(separators)
        ),
        "a\x1fb\x1e1\n\x1f\"\x1e\"\x1e"
    );
}

#[test]
fn what_is_held_is_spilled_or_refused() {
    let options = WriteOptions {
        held: 1_000,
        ..WriteOptions::default()
    };
    let records: Vec<Value> = (0..3_000)
        .map(|i| match i % 1_000 {
            0 => object(&[("b", text("\"\n"))]),
            _ => object(&[("a", text(&"x".repeat(i))), ("b", Value::from(1))]),
        })
        .collect();
    let expected = usual(&records);
    let mut writer =
        Writer::new(&options).spill(Box::new(|| Ok(Box::new(Cursor::new(Vec::new())))));
    let mut out = Vec::new();
    for record in &records {
        writer
            .write_record(record, &mut out)
            .expect("it is written");
    }
    assert!(out.is_empty());
    writer.finish_into(&mut out).expect("it ends");
    assert!(out == expected.as_bytes());

    let mut writer = Writer::new(&options);
    let failed = records
        .iter()
        .find_map(|record| writer.write_record(record, &mut Vec::new()).err());
    assert_eq!(failed.expect("too many").kind(), ErrorKind::Limit);
}

fn any_cell() -> impl Strategy<Value = Value> {
    prop_oneof![
        "[a-z]{0,12}".prop_map(Value::from),
        "[,;\"'\\\\\r\n\t a=é]{0,10}".prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        Just(Value::Null),
    ]
}

fn any_record() -> impl Strategy<Value = Value> {
    let names = prop_oneof![3 => "[a-e]", 1 => "[a-e,\"]{1,3}"];
    let members = prop::collection::vec((names, any_cell()), 0..6);
    prop_oneof![
        20 => members.prop_map(|members| {
            Value::from(members.into_iter().map(|(n, v)| (Text::from(n), v)).collect::<Object>())
        }),
        1 => prop::collection::vec(any_cell(), 0..4).prop_map(Value::array),
        1 => any_cell(),
    ]
}

fn any_options() -> impl Strategy<Value = WriteOptions> {
    let dialect = prop_oneof![
        Just(Dialect::CSV),
        Just(Dialect::TSV),
        Just(Dialect::TSV_ESCAPES),
        Just(Dialect {
            escape: Some(b'\\'),
            ..Dialect::CSV
        }),
        Just(Dialect {
            quote: Some(b'\''),
            ..Dialect::CSV.with_delimiter(b';')
        }),
        Just(Dialect {
            line_end: LineEnd::Byte(0),
            ..Dialect::CSV
        }),
    ];
    let quotes = prop_oneof![
        Just(Quotes::Needed),
        Just(Quotes::All),
        Just(Quotes::NonNumeric)
    ];
    let columns = prop_oneof![
        3 => Just(Columns::Union),
        1 => Just(Columns::Fields(vec!["c".into(), "a".into()])),
        1 => Just(Columns::Fields(vec!["b".into()])),
    ];
    (dialect, quotes, any::<bool>(), columns).prop_map(|(dialect, quotes, crlf, columns)| {
        WriteOptions {
            dialect,
            quotes,
            crlf,
            columns,
            ..WriteOptions::default()
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]

    #[test]
    fn many_write_what_one_writes(
        records in prop::collection::vec(any_record(), 0..12),
        options in any_options(),
        stretch in 1_usize..5,
    ) {
        // Arrays that are longer than the given columns are errors.
        let records: Vec<Value> = records
            .into_iter()
            .filter(|r| options.columns == Columns::Union || r.as_array().is_none_or(|a| a.len() < 2))
            .collect();
        prop_assert_eq!(joined(&records, &options, stretch), written(&records, &options));
    }

    #[test]
    fn what_is_written_is_read_again(
        names in prop::collection::btree_set("[a-z,\"\n]{1,4}", 1..5),
        cells in prop::collection::vec("[,;\"'\\\\\r\n\t a=é]{0,10}", 0..20),
        options in any_options(),
    ) {
        let options = WriteOptions { columns: Columns::Union, ..options };
        let names: Vec<String> = names.into_iter().collect();
        // A row with one empty cell is an empty line where there are no quotes.
        prop_assume!(names.len() > 1 || !options.dialect.escapes);
        let records: Vec<Value> = cells
            .chunks_exact(names.len())
            .map(|row| {
                let members = names.iter().zip(row);
                Value::from(members.map(|(n, c)| (Text::from(n.as_str()), text(c))).collect::<Object>())
            })
            .collect();
        let out = written(&records, &options);
        let read = ReadOptions { dialect: Some(options.dialect), ..ReadOptions::default() };
        let mut reader = Reader::new(out.as_bytes(), &read);
        let mut again = Vec::new();
        while let Some(record) = reader.next_record().expect("it is right") {
            again.push(record);
        }
        prop_assert_eq!(again, records);
    }
}
