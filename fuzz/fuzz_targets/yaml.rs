//! What is read of YAML is written, and read again as the same; so is any text.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sockeye::data::record::{ReadRecords, WriteRecords};
use sockeye::data::tagged::Tags;
use sockeye::data::value::Value;
use sockeye::data::yaml::{self, ReadOptions, Reader, WriteOptions, Writer};

fuzz_target!(|input: (bool, &str)| {
    let (keeps, text) = input;
    let tags = if keeps { Tags::Keep } else { Tags::Drop };
    let options = ReadOptions {
        tags,
        ..ReadOptions::default()
    };
    let mut reader = Reader::new(text.as_bytes(), &options);
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
    let value = Value::from(text);
    let written = yaml::to_string(&value).expect("a text is not deep");
    assert_eq!(yaml::parse(&written).expect("what was written"), value);
});
