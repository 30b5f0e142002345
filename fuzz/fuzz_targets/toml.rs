//! What is read of TOML is written, and read again as the same.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sockeye::data::record::{ReadRecords, WriteRecords};
use sockeye::data::tagged::Tags;
use sockeye::data::toml::{ReadOptions, Reader, WriteOptions, Writer};

fuzz_target!(|input: (bool, &str)| {
    let (keeps, text) = input;
    let tags = if keeps { Tags::Keep } else { Tags::Drop };
    let options = ReadOptions {
        tags,
        ..ReadOptions::default()
    };
    let Ok(Some(value)) = Reader::new(text.as_bytes(), &options).next_record() else {
        return;
    };
    let mut writer = Writer::new(&WriteOptions {
        tags,
        ..WriteOptions::default()
    });
    let mut out = Vec::new();
    if writer.write_record(&value, &mut out).is_ok() {
        let again = Reader::new(&out[..], &options).next_record();
        // Not a number is no number that is equal to itself.
        let shown = format!("{value:?}");
        if !shown.contains("NaN") {
            assert_eq!(again.expect("what was written"), Some(value));
        }
    }
});
