//! Rows are read the same however they are cut, and what is written of them is read again.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sockeye::data::csv::{
    Cutter, Dialect, Direct, Ragged, ReadOptions, Reader, WriteOptions, Writer, begin, sniff,
};
use sockeye::data::record::{Limits, ReadRecords, WriteRecords};
use sockeye::data::value::Value;

fuzz_target!(|input: (&[u8], u16, bool, bool)| {
    let (bytes, at, has_comments, keeps) = input;
    let _ = sniff(bytes).describe();
    let options = ReadOptions {
        comment: has_comments.then_some(b'#'),
        ragged: if keeps { Ragged::Keep } else { Ragged::Refuse },
        infer: keeps,
        limits: Limits {
            record: 1 << 16,
            ..Limits::default()
        },
        ..ReadOptions::default()
    };
    let Some(rows) = read(bytes, &options) else {
        return;
    };
    let Ok(Some(begun)) = begin(bytes, true, &options) else {
        panic!("the reader began");
    };
    let body = &bytes[begun.rows.byte as usize..];
    let mut cutter = Cutter::new(&begun.options.dialect.unwrap_or_default(), options.comment);
    let (first, second) = body.split_at(usize::from(at).min(body.len()));
    let cut = match (cutter.scan(first), cutter.scan(second)) {
        (Some(cut), _) => cut,
        (None, Some(cut)) => first.len() + cut,
        (None, None) => 0,
    };
    let mut parts = read(&body[..cut], &begun.options).expect("rows that were right");
    parts.extend(read(&body[cut..], &begun.options).expect("rows that were right"));
    assert_eq!(parts, rows);
    if let Some(direct) = Direct::new(&begun.options)
        && let Some(count) = direct.lines(body, &mut Vec::new())
    {
        assert_eq!(count, rows.len() as u64);
    }

    let (mut writer, mut out) = (Writer::new(&WriteOptions::default()), Vec::new());
    for row in &rows {
        writer.write_record(row, &mut out).expect("rows can be written");
    }
    writer.finish(&mut out).expect("it ends");
    let again = ReadOptions {
        dialect: Some(Dialect::CSV),
        ..ReadOptions::default()
    };
    let again = read(&out, &again).expect("what was written");
    assert_eq!(again.len(), if out.is_empty() { 0 } else { rows.len() });
});

/// All rows; `None` if one is wrong.
fn read(bytes: &[u8], options: &ReadOptions) -> Option<Vec<Value>> {
    let mut reader = Reader::new(bytes, options);
    let mut rows = Vec::new();
    while let Some(row) = reader.next_record().ok()? {
        rows.push(row);
    }
    Some(rows)
}
