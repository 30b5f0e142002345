//! JSON is read the same however it is split; what is read is written, and reads back as the same text.

#![no_main]

use std::io::Read as _;

use libfuzzer_sys::fuzz_target;
use sockeye::data::json::{self, Dialect, Duplicates, Framing, InvalidText, ReadOptions, Reader};
use sockeye::data::record::ReadRecords;

fn texts(reader: &mut dyn ReadRecords) -> Vec<Result<String, String>> {
    let mut texts = Vec::new();
    loop {
        match reader.next_record() {
            Ok(Some(value)) => texts.push(Ok(json::to_string(&value))),
            Ok(None) => return texts,
            Err(error) => texts.push(Err(error.to_string())),
        }
    }
}

fuzz_target!(|input: (&[u8], u8, u8)| {
    let (bytes, kind, split) = input;
    let mut options = ReadOptions {
        framing: [Framing::Values, Framing::Lines, Framing::Sequence][usize::from(kind & 3) % 3],
        dialect: [Dialect::Strict, Dialect::Comments, Dialect::Json5]
            [usize::from(kind >> 2 & 3) % 3],
        duplicates: [Duplicates::Last, Duplicates::Error, Duplicates::All]
            [usize::from(kind >> 4 & 3) % 3],
        invalid_text: [InvalidText::Refuse, InvalidText::Replace][usize::from(kind >> 6 & 1)],
        elements: (kind >> 7 == 1).then(|| ".a[]".parse().expect("a path")),
        ..ReadOptions::default()
    };
    // Names that stand twice may add a level.
    options.limits.depth = 500;
    let whole = texts(&mut Reader::new(bytes, &options));
    let (first, second) = bytes.split_at(usize::from(split).min(bytes.len()));
    assert_eq!(
        texts(&mut Reader::new(first.chain(second), &options)),
        whole
    );
    for text in whole.iter().flatten() {
        let again = json::parse(text.as_bytes()).expect("what was written");
        assert_eq!(json::to_string(&again), *text);
    }
});
