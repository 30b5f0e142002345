//! Content codings: gzip, br, zstd (RFC 9110 section 8.4).

use sockeye_data::http1::Headers;

use crate::error::Result;

/// Which codings are asked for and undone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decoding {}

impl Decoding {
    /// The value of `Accept-Encoding`, if one is sent.
    pub(super) fn accepted(&self) -> Option<String> {
        None
    }
}

/// Undoes the codings of one body.
pub(super) struct Decoder {}

impl Decoder {
    /// What undoes the codings that these headers name; `None` if there is nothing to do.
    pub(super) fn new(_headers: &Headers, _decoding: &Decoding) -> Result<Option<Self>> {
        Ok(None)
    }

    /// Take the next encoded bytes, and put what they mean behind `out`.
    pub(super) fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<()> {
        out.extend_from_slice(bytes);
        Ok(())
    }

    /// All bytes were pushed: what is left, or what is missing.
    pub(super) fn finish(&mut self, _out: &mut Vec<u8>) -> Result<()> {
        Ok(())
    }
}
