//! XML: any cut gives the same; what is read can be written without loss, and is read again; nothing panics.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sockeye::data::record::ReadRecords;
use sockeye::data::xml::{Mapping, Path, ReadOptions, Reader, WriteOptions, encoding_of, parse, to_string};

/// One byte at a time.
struct Trickle<'a>(&'a [u8]);

impl std::io::Read for Trickle<'_> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let count = 1.min(self.0.len()).min(out.len());
        out[..count].copy_from_slice(&self.0[..count]);
        self.0 = &self.0[count..];
        Ok(count)
    }
}

fuzz_target!(|bytes: &[u8]| {
    let _ = encoding_of(bytes);
    let lossless = ReadOptions {
        mapping: Mapping::Lossless,
        ..ReadOptions::default()
    };
    let whole = parse(bytes, &lossless);
    let cut = Reader::new(Trickle(bytes), &lossless).records().collect::<Result<Vec<_>, _>>();
    assert_eq!(whole.is_ok(), cut.is_ok());
    if let Ok(value) = whole {
        let written = to_string(&value, &WriteOptions::default()).expect("what was read can be written");
        let again = parse(&written, &lossless).expect("what was written can be read");
        // The declaration says UTF-8 from now on; the second time, all is the same.
        assert_eq!(to_string(&again, &WriteOptions::default()).ok(), Some(written));
        let friendly = parse(bytes, &ReadOptions::default()).expect("both mappings take the same");
        to_string(&friendly, &WriteOptions::default()).expect("what was read can be written");
    }
    if let Ok(path) = std::str::from_utf8(bytes).unwrap_or_default().parse::<Path>() {
        let options = ReadOptions {
            records: Some(path),
            ..ReadOptions::default()
        };
        let document: &[u8] = b"<a><b x='1'>t<c/></b><b/></a>";
        assert!(Reader::new(document, &options).records().all(|record| record.is_ok()));
    }
});
