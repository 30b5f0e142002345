//! Straight through: what comes out is what readers and writers make, or the reader has to look.

use proptest::prelude::*;

use super::read::shown;
use crate::csv::{
    Columns, Dialect, Direct, Encoder, Header, Join, LineEnd, ReadOptions, Reader, WriteOptions,
};
use crate::json;
use crate::record::ReadRecords;
use crate::value::Text;

fn options(dialect: Dialect, names: usize) -> ReadOptions {
    let names = ["x", "y", "z"][..names]
        .iter()
        .map(|name| Text::from(*name));
    ReadOptions {
        dialect: Some(dialect),
        header: Header::Given(names.collect()),
        part: Some(Default::default()),
        ..ReadOptions::default()
    }
}

fn any_plain_input() -> impl Strategy<Value = Vec<u8>> {
    let cell = prop_oneof![
        6 => "[a-c1-9]{0,3}",
        1 => "\"([a,;\n\r']|\"\"){0,4}\"",
        1 => "[a\"',;=\\\\]{0,4}",
        1 => "é|=1|-1|\"[a-z]{0,9}\"",
    ];
    let row = prop::collection::vec(cell, 1..4);
    let end = prop_oneof![8 => Just("\n"), 2 => Just("\r\n"), 1 => Just("\r"), 1 => Just("\n\n")];
    prop::collection::vec((row, end), 0..5).prop_map(|rows| {
        let rows = rows.into_iter().map(|(row, end)| row.join(",") + end);
        rows.collect::<String>().into_bytes()
    })
}

fn any_dialect() -> impl Strategy<Value = Dialect> {
    prop_oneof![
        4 => Just(Dialect::CSV),
        1 => Just(Dialect { quote: None, ..Dialect::CSV }),
        1 => Just(Dialect { escape: Some(b'\\'), ..Dialect::CSV }),
        1 => Just(Dialect { line_end: LineEnd::Byte(b'\n'), ..Dialect::CSV }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn straight_through_is_the_same(
        input in any_plain_input(),
        cut_short in any::<bool>(),
        dialect in any_dialect(),
        names in 1_usize..4,
        infer in any::<bool>(),
        fields in prop::option::of(prop::sample::subsequence(vec!["z", "x", "w"], 1..3)),
    ) {
        let mut read = options(dialect, names);
        let mut input = &input[..];
        if cut_short && !input.is_empty() {
            input = &input[..input.len() - 1];
        }
        let mut records = Vec::new();
        let mut reader = Reader::new(input, &read);
        let error = loop {
            match reader.next_record() {
                Ok(Some(record)) => records.push(record),
                Ok(None) => break None,
                Err(error) => break Some(error),
            }
        };
        let write = WriteOptions {
            columns: match fields {
                Some(fields) => Columns::Fields(fields.into_iter().map(Text::from).collect()),
                None => Columns::Union,
            },
            ..WriteOptions::default()
        };
        let direct = Direct::new(&read).expect("it is plain");
        if let Some(rows) = direct.rows(input, &write) {
            prop_assert!(error.is_none(), "{:?}", error);
            let mut encoder = Encoder::new(&write);
            for record in &records {
                encoder.encode(record).expect("right");
            }
            let joined = |rows: &_| {
                let (mut join, mut out) = (Join::new(&write), Vec::new());
                join.push(rows, &mut out).expect("right");
                join.finish_into(&mut out).expect("right");
                String::from_utf8(out).expect("text")
            };
            prop_assert_eq!(joined(&rows), joined(&encoder.take()));
        }
        read.infer = infer;
        let direct = Direct::new(&read).expect("it is plain");
        let mut out = Vec::new();
        if let Some(count) = direct.lines(input, &mut out) {
            prop_assert!(error.is_none(), "{:?}", error);
            let again: Vec<String> = out
                .split(|byte| *byte == b'\n')
                .filter(|line| !line.is_empty())
                .map(|line| shown(&json::parse(line).expect("JSON")))
                .collect();
            let mut reader = Reader::new(input, &read);
            let expected: Vec<String> = reader.records().map(|r| shown(&r.expect("right"))).collect();
            prop_assert_eq!(count, expected.len() as u64);
            prop_assert_eq!(again, expected);
        }
    }
}

#[test]
fn plain_rows_go_straight_through() {
    let direct = Direct::new(&options(Dialect::CSV, 3)).expect("plain");
    let input = "1,\"a, \"\"b\"\"\",é\r\n\n2,,\"\"\n3,5\" disk,";
    let mut out = Vec::new();
    assert_eq!(direct.lines(input.as_bytes(), &mut out), Some(3));
    assert_eq!(
        String::from_utf8_lossy(&out),
        "{\"x\":\"1\",\"y\":\"a, \\\"b\\\"\",\"z\":\"é\"}\n{\"x\":\"2\",\"y\":\"\",\"z\":\"\"}\n\
         {\"x\":\"3\",\"y\":\"5\\\" disk\",\"z\":\"\"}\n"
    );
    let rows = direct
        .rows(input.as_bytes(), &WriteOptions::default())
        .expect("plain");
    let (mut join, mut out) = (Join::new(&WriteOptions::default()), Vec::new());
    join.expect(direct.names());
    join.push(&rows, &mut out).expect("right");
    assert_eq!(
        String::from_utf8_lossy(&out),
        "x,y,z\n1,\"a, \"\"b\"\"\",é\n2,,\n3,\"5\"\" disk\",\n"
    );
}

#[test]
fn what_is_not_plain_is_for_the_reader() {
    let direct = Direct::new(&options(Dialect::CSV, 2)).expect("plain");
    for input in ["1\n", "1,2,3\n", "1,\"2", "1,\"2\"x\n", "1,\""] {
        let mut out = b"kept".to_vec();
        assert_eq!(direct.lines(input.as_bytes(), &mut out), None, "{input:?}");
        assert_eq!(out, b"kept");
    }
    assert!(direct.lines(b"1,\xff\n", &mut Vec::new()).is_none());
    for more in [
        ReadOptions {
            trim: true,
            ..options(Dialect::CSV, 2)
        },
        options(Dialect::TSV_ESCAPES, 2),
        ReadOptions {
            header: Header::First,
            ..options(Dialect::CSV, 2)
        },
    ] {
        assert!(Direct::new(&more).is_none());
    }
}
