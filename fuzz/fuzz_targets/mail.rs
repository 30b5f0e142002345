//! Mail and mbox: any cut gives the same records; what is written is read again; names of files do no harm.

#![no_main]

use std::collections::HashSet;

use libfuzzer_sys::fuzz_target;
use sockeye::data::json;
use sockeye::data::mail::{Kind, ReadOptions, Reader, parse, safe_name, to_vec};
use sockeye::data::record::ReadRecords;

/// Some bytes at a time.
struct Pieces<'a>(&'a [u8], usize);

impl std::io::Read for Pieces<'_> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let count = self.1.min(self.0.len()).min(out.len());
        out[..count].copy_from_slice(&self.0[..count]);
        self.0 = &self.0[count..];
        Ok(count)
    }
}

fn read(input: impl std::io::Read, kind: Kind) -> Vec<String> {
    let options = ReadOptions { kind, parts: 100, ..ReadOptions::default() };
    let mut reader = Reader::new(input, &options);
    reader
        .records()
        .take(1_000)
        .map(|record| match record {
            Ok(record) => json::to_string(&record),
            Err(error) => error.to_string(),
        })
        .collect()
}

fuzz_target!(|input: (u8, &[u8])| {
    let (piece, bytes) = input;
    for kind in [Kind::Message, Kind::Mbox] {
        assert_eq!(read(bytes, kind), read(Pieces(bytes, usize::from(piece) + 1), kind));
    }
    let name = safe_name(&String::from_utf8_lossy(bytes), &mut HashSet::new());
    assert!(!name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\\', '\0']));
    if let Ok(record) = parse(bytes)
        && let Ok(written) = to_vec(&record)
    {
        let again = parse(&written).expect("what was written can be read");
        // Line breaks are made one kind, and a mark at the beginning is taken off each time.
        let plain = |record: &sockeye::data::value::Value, member: &str| {
            let text = record.get(member).and_then(|text| text.as_str()).unwrap_or_default();
            text.replace('\r', "").trim_start_matches('\u{feff}').to_owned()
        };
        for member in ["text", "html"] {
            assert_eq!(plain(&again, member), plain(&record, member));
        }
    }
});
