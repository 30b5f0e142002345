//! What is read of MessagePack is written, and read again as the same.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sockeye::data::msgpack::{ReadOptions, Reader, WriteOptions, Writer};
use sockeye::data::record::{ReadRecords, WriteRecords};
use sockeye::data::tagged::Tags;

fuzz_target!(|input: (bool, &[u8])| {
    let (keeps, bytes) = input;
    let tags = if keeps { Tags::Keep } else { Tags::Drop };
    let options = ReadOptions {
        tags,
        ..ReadOptions::default()
    };
    let mut reader = Reader::new(bytes, &options);
    while let Ok(Some(value)) = reader.next_record() {
        let mut writer = Writer::new(&WriteOptions {
            tags,
            ..WriteOptions::default()
        });
        let mut out = Vec::new();
        if writer.write_record(&value, &mut out).is_err() {
            continue;
        }
        let again = Reader::new(&out[..], &options).next_record();
        // Not a number is no number that is equal to itself.
        let shown = format!("{value:?}");
        if !shown.contains("NaN") {
            assert_eq!(again.expect("what was written"), Some(value));
        }
    }
});
