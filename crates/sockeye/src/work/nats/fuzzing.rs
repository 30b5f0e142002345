//! An entrance for the fuzz targets: what stands in a broker. Not for programs.

use super::wire::{Chunk, Dead, Id, Results, RunRecord, decode, encode};

/// Read these bytes as each kind of message that anybody may put into a broker. What is one is written as it was read.
///
/// # Panics
///
/// If it is not.
pub fn message(bytes: &[u8]) {
    if let Ok(chunk) = decode::<Chunk>(bytes) {
        assert_eq!(decode::<Chunk>(&encode(&chunk)).ok(), Some(chunk));
    }
    if let Ok(results) = decode::<Results>(bytes) {
        assert_eq!(decode::<Results>(&encode(&results)).ok(), Some(results));
    }
    if let Ok(dead) = decode::<Dead>(bytes) {
        let _ = (dead.input(), dead.output());
    }
    if let Ok(record) = RunRecord::from_json(bytes) {
        let _ = (record.spec(), record.lease());
        let written = record.to_json();
        let again = RunRecord::from_json(&written).map(|again| again.to_json());
        assert_eq!(again.ok(), Some(written));
    }
    let id = std::str::from_utf8(bytes).ok().and_then(Id::parse);
    assert!(id.is_none_or(|id| id.to_string().as_bytes() == bytes));
}
