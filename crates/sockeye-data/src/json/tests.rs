//! What is read and written, by itself.

use super::{Framing, Lines, ReadOptions, Reader, parse, to_string};
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
            Err("json: '4' where nothing more should be at line 7, column 3, byte 28".into()),
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
