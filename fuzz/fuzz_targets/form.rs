//! A query is an object or an error; what is written of the object is read again.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sockeye::data::form;
use sockeye::data::record::ReadRecords;

fuzz_target!(|bytes: &[u8]| {
    let mut reader = form::Reader::new(bytes, &form::ReadOptions::default());
    while !matches!(reader.next_record(), Ok(None)) {}
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if let Ok(record) = form::parse(text) {
        let query = form::to_string(&record).expect("a query is flat");
        assert_eq!(form::parse(&format!("?{query}")).expect("our own"), record);
    }
});
