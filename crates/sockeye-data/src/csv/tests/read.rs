//! Reading: dialects, headers, ragged rows, what cells become.

use crate::csv::{Dialect, Header, LineEnd, Ragged, ReadOptions, Reader, number, sniff};
use crate::record::{ErrorKind, Limits, Position, ReadRecords};
use crate::value::{Text, Value};

/// Rows as lines of `name=cell` pairs; an error as its text.
pub(super) fn read(input: &[u8], options: &ReadOptions) -> Vec<String> {
    let mut reader = Reader::new(input, options);
    let mut rows = Vec::new();
    loop {
        match reader.next_record() {
            Ok(Some(row)) => rows.push(shown(&row)),
            Ok(None) => return rows,
            Err(error) => rows.push(error.to_string()),
        }
        assert!(rows.len() < 10_000, "it comes to an end");
    }
}

pub(super) fn shown(row: &Value) -> String {
    let members = row.as_object().expect("rows are objects").iter();
    let pairs: Vec<String> = members
        .map(|(name, value)| match value {
            Value::String(text) => format!("{name}={text}"),
            Value::Number(number) => format!("{name}#{number}"),
            other => format!("{name}:{}", other.kind()),
        })
        .collect();
    pairs.join(" ")
}

fn usual(input: &str) -> Vec<String> {
    read(input.as_bytes(), &ReadOptions::default())
}

#[test]
fn cells_stay_text() {
    assert_eq!(usual("id,zip\n1,02134\n"), ["id=1 zip=02134"]);
}

#[test]
fn rows_end_with_any_line_end_and_empty_lines_are_none() {
    for input in [
        "a,b\r\n1,2\r\n3,4\r\n",
        "a,b\r1,2\r3,4\r",
        "a,b\n1,2\n3,4",
        "\n\na,b\n\n1,2\r\n\r\n3,4\n\n\n",
    ] {
        assert_eq!(usual(input), ["a=1 b=2", "a=3 b=4"], "{input:?}");
    }
}

#[test]
fn quotes_hold_delimiters_line_ends_and_quotes() {
    assert_eq!(
        usual("a,b\n\"x,\r\ny\",\"say \"\"hi\"\"\"\n\"\",5\" disk\n"),
        ["a=x,\r\ny b=say \"hi\"", "a= b=5\" disk"]
    );
    let backslash = ReadOptions {
        dialect: Some(Dialect {
            escape: Some(b'\\'),
            ..Dialect::CSV
        }),
        ..ReadOptions::default()
    };
    assert_eq!(read(b"a\n\"x\\\"y\"\n", &backslash), ["a=x\"y"]);
}

#[test]
fn an_open_quote_is_an_error_with_its_line_and_the_rows_before_come() {
    assert_eq!(
        usual("a,b\n1,2\n\"x\ny\",\"open\n5,6\n"),
        [
            "a=1 b=2",
            "csv: a quote that opens in line 4 is never closed at line 4, byte 8"
        ]
    );
    assert_eq!(
        usual("a\n\""),
        ["csv: a quote that opens in line 2 is never closed at line 2, byte 2"]
    );
    assert_eq!(usual("a\n\"\n\""), ["a=\n"]);
}

#[test]
fn nothing_and_headers_alone_are_no_records() {
    for input in [
        "",
        "\n",
        "\u{feff}",
        "a,b",
        "a,b\n",
        "sep=;\n",
        "\u{feff}sep=;\r\na;b\r\n",
    ] {
        assert_eq!(usual(input), Vec::<String>::new(), "{input:?}");
    }
}

#[test]
fn a_mark_and_a_sep_line_are_no_data() {
    assert_eq!(usual("\u{feff}a,b\n1,2"), ["a=1 b=2"]);
    assert_eq!(usual("\u{feff}sep=|\r\na,b|c\r\n1|2"), ["a,b=1 c=2"]);
    assert_eq!(usual("SEP=;\na;b\n1;2"), ["a=1 b=2"]);
    assert_eq!(usual("sep=,x\n1,2"), ["sep==1 x=2"]);
}

#[test]
fn nul_bytes_and_large_cells_are_data() {
    assert_eq!(usual("a,b\n1\0,2"), ["a=1\0 b=2"]);
    let large = "x".repeat(3 << 20);
    let rows = usual(&format!("a,b\n1,\"{large}\"\n"));
    assert_eq!(rows[0].len(), (3 << 20) + 6);
}

#[test]
fn a_row_has_a_limit() {
    let options = ReadOptions {
        limits: Limits {
            record: 100,
            ..Limits::default()
        },
        ..ReadOptions::default()
    };
    let input = format!("a,b\n1,2\n{},3\n4,5\n", "x".repeat(101));
    let mut reader = Reader::new(input.as_bytes(), &options);
    assert!(reader.next_record().expect("a row").is_some());
    let error = reader.next_record().expect_err("too large");
    assert_eq!(error.kind(), ErrorKind::Limit);
    assert_eq!(error.position().map(|at| (at.byte, at.line)), Some((8, 3)));
    assert!(reader.next_record().expect("it is over").is_none());
    // Cells cost something even where they are empty.
    let rows = read(format!("a\n{}\n", ",".repeat(100)).as_bytes(), &options);
    assert!(rows[0].contains("more than 100 bytes"), "{rows:?}");
}

#[test]
fn names_of_columns_stand_once_and_none_is_lost() {
    assert_eq!(
        usual("a,a,,a_2,a,_3\n1,2,3,4,5,6\n"),
        ["a=1 a_3=2 _3=3 a_2=4 a_4=5 _3_2=6"]
    );
}

#[test]
fn names_can_be_given_or_made_up() {
    let names = |header| ReadOptions {
        header,
        ..ReadOptions::default()
    };
    let given: Vec<Text> = vec!["x".into(), "y".into()];
    let input = b"a,b\n1,2\n";
    assert_eq!(
        read(input, &names(Header::Absent)),
        ["_1=a _2=b", "_1=1 _2=2"]
    );
    assert_eq!(
        read(input, &names(Header::Given(given.clone()))),
        ["x=a y=b", "x=1 y=2"]
    );
    assert_eq!(read(input, &names(Header::Instead(given))), ["x=1 y=2"]);
}

#[test]
fn ragged_rows_are_refused_filled_or_kept() {
    let input = b"a,b\n1\n1,2,3\n4,5\n";
    let ragged = |ragged| ReadOptions {
        ragged,
        ..ReadOptions::default()
    };
    assert_eq!(
        read(input, &ragged(Ragged::Refuse)),
        [
            "csv: the row has 1 cells, and the header has 2 at line 2, column 1, byte 4",
            "csv: the row has 3 cells, and the header has 2 at line 3, column 1, byte 6",
            "a=4 b=5"
        ]
    );
    assert_eq!(
        read(input, &ragged(Ragged::Fill)),
        ["a=1 b=", "a=1 b=2 _3=3", "a=4 b=5"]
    );
    assert_eq!(
        read(input, &ragged(Ragged::Keep)),
        ["a=1", "a=1 b=2 _3=3", "a=4 b=5"]
    );
}

#[test]
fn numbers_are_those_that_come_back() {
    for cell in [
        "0",
        "7",
        "-7",
        "1.0",
        "1.50",
        "-0.5",
        "0.001",
        "123456789012345",
        "0.00000000012345",
    ] {
        assert_eq!(number(cell).map(|n| n.to_string()).as_deref(), Some(cell));
    }
    for cell in [
        "",
        "-",
        "+1",
        "02134",
        "1e5",
        "1E5",
        "-0",
        "-0.0",
        "1.",
        ".5",
        "NaN",
        "Infinity",
        "inf",
        "true",
        "null",
        " 1",
        "1 ",
        "1,5",
        "1_000",
        "0x10",
        "1234567890123456",
        "--1",
        "1-2",
        "1.2.3",
        "٣",
        "0.1234567890123456",
    ] {
        assert_eq!(number(cell).map(|n| n.to_string()), None, "{cell:?}");
    }
    let infer = ReadOptions {
        infer: true,
        null: Some(String::new()),
        trim: true,
        ..ReadOptions::default()
    };
    assert_eq!(
        read(b"a, b ,c\n 1,02134 , \n", &infer),
        ["a#1 b=02134 c:null"]
    );
}

#[test]
fn comments_are_skipped() {
    let comments = ReadOptions {
        comment: Some(b'#'),
        ..ReadOptions::default()
    };
    assert_eq!(
        read(b"# a;b, \"c\na,b\n#x,\"\n1,2#\n# end", &comments),
        ["a=1 b=2#"]
    );
}

#[test]
fn cells_with_escapes_have_no_quotes() {
    let escapes = ReadOptions {
        dialect: Some(Dialect::TSV_ESCAPES),
        ..ReadOptions::default()
    };
    assert_eq!(
        read(b"a\tb\nx\\ty\\n\t\"q\\\\n\\z\\\n", &escapes),
        ["a=x\ty\n b=\"q\\n\\z\\"]
    );
}

#[test]
fn rows_can_end_with_a_record_separator() {
    let ascii = ReadOptions {
        dialect: Some(Dialect {
            line_end: LineEnd::Byte(0x1e),
            quote: None,
            ..Dialect::CSV.with_delimiter(0x1f)
        }),
        ..ReadOptions::default()
    };
    assert_eq!(read(b"a\x1fb\x1e1\n\x1f\"2\x1e", &ascii), ["a=1\n b=\"2"]);
}

#[test]
fn a_dialect_that_cannot_be_is_refused() {
    let same = ReadOptions {
        dialect: Some(Dialect::CSV.with_delimiter(b'"')),
        ..ReadOptions::default()
    };
    let mut reader = Reader::new(&b"a"[..], &same);
    let error = reader.next_record().expect_err("one byte, two meanings");
    assert_eq!(error.kind(), ErrorKind::Unsupported);
}

#[test]
fn what_is_no_text_is_an_error_of_its_row() {
    assert_eq!(
        read(b"a,b\n1,2\nx,\xff\n3,\xc3\n", &ReadOptions::default()),
        [
            "a=1 b=2",
            "csv: column \"b\" is not UTF-8 at line 3, column 1, byte 8",
            "csv: column \"b\" is not UTF-8 at line 4, column 1, byte 12"
        ]
    );
    // Two halves of a character in two cells.
    assert!(read(b"a,b\n\xc3,\xa9\n", &ReadOptions::default())[0].contains("column \"a\""));
}

#[test]
fn a_part_knows_where_it_stands() {
    let options = ReadOptions {
        dialect: Some(Dialect::CSV),
        header: Header::Given(vec!["a".into(), "b".into()]),
        part: Some(Position {
            byte: 100,
            line: 10,
            column: 1,
        }),
        ..ReadOptions::default()
    };
    assert_eq!(
        read("\u{feff}1,2\n\n3\n".as_bytes(), &options),
        [
            "a=\u{feff}1 b=2",
            "csv: the row has 1 cells, and the header has 2 at line 12, column 1, byte 108"
        ]
    );
}

#[test]
fn delimiters_are_found() {
    let delimiter = |input: &str| char::from(sniff(input.as_bytes()).dialect.delimiter);
    assert_eq!(delimiter("a;b\n1,5;2,5\n"), ';');
    assert_eq!(delimiter("a;b, c\n1,5;2\n1,2;3,4\n"), ';');
    assert_eq!(delimiter("a,b\n1;2,3\n"), ',');
    assert_eq!(delimiter("\"a;b\",c\n"), ',');
    assert_eq!(delimiter("\"a\"\";b\",c\n"), ',');
    assert_eq!(delimiter("a\tb\n1\t2,3\n"), '\t');
    assert_eq!(delimiter("a|b|c\n"), '|');
    assert_eq!(delimiter("Report\na;b\n1;2\n3;4\n"), ';');
    assert_eq!(delimiter("one\ntwo\n"), ',');
    assert_eq!(delimiter(""), ',');
    let single = sniff(b"'a, b','c'\n'1','2'\n");
    assert_eq!(single.dialect.quote, Some(b'\''));
    assert!(!sniff(b"1,2\n3,4\n").header);
    assert!(!sniff(b"a,a\n3,4\n").header);
    assert!(
        sniff(b"a;b\n")
            .describe()
            .starts_with("semicolon, double quote")
    );
}

#[test]
fn errors_of_reading_are_told() {
    struct Broken;
    impl std::io::Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::ConnectionReset.into())
        }
    }
    let mut reader = Reader::new(Broken, &ReadOptions::default());
    let error = reader.next_record().expect_err("it is broken");
    assert_eq!(
        error.kind(),
        ErrorKind::Io(std::io::ErrorKind::ConnectionReset)
    );
}
