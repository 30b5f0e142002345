//! Text for codecs that need characters: pieces of bytes become pieces of text, cut between characters.

use super::{bad, cut};
use crate::record::Error;

#[derive(Default)]
pub(super) struct Utf8 {
    name: &'static str,
    lenient: bool,
    held: Vec<u8>,
    taken: u64,
}

impl Utf8 {
    pub(super) fn new(name: &'static str, lenient: bool) -> Self {
        Self {
            name,
            lenient,
            ..Self::default()
        }
    }

    /// Give the text of these bytes, and of a character's beginning from before. What is no text is an error, or U+FFFD.
    pub(super) fn push(
        &mut self,
        input: &[u8],
        is_last: bool,
        mut take: impl FnMut(&str) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let start = self.taken - self.held.len() as u64;
        self.taken += input.len() as u64;
        let mut joined = std::mem::take(&mut self.held);
        let bytes = if joined.is_empty() {
            input
        } else {
            joined.extend_from_slice(input);
            &joined
        };
        if let Ok(text) = simdutf8::basic::from_utf8(bytes) {
            return if text.is_empty() { Ok(()) } else { take(text) };
        }
        let mut at = 0;
        for chunk in bytes.utf8_chunks() {
            if !chunk.valid().is_empty() {
                take(chunk.valid())?;
            }
            at += chunk.valid().len();
            let invalid = chunk.invalid();
            if invalid.is_empty() {
                continue;
            }
            let is_cut = at + invalid.len() == bytes.len() && may_go_on(invalid);
            if is_cut && !is_last {
                self.held = invalid.to_vec();
                return Ok(());
            }
            match (self.lenient, is_cut) {
                (true, _) => take("\u{fffd}")?,
                (_, true) => {
                    let why = "the input ends within a character of UTF-8";
                    return Err(cut(self.name, why, start + at as u64));
                }
                _ => {
                    let why = format!("the byte {:02x} is no UTF-8", invalid[0]);
                    return Err(bad(self.name, why, start + at as u64));
                }
            }
            at += invalid.len();
        }
        Ok(())
    }
}

fn may_go_on(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_err_and(|error| error.error_len().is_none())
}
