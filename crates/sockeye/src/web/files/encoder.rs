//! Encoders of content codings: bytes in, smaller ones out.

use std::io::{self, Write};

use flate2::Compression;

use super::coding::Coding;

/// How hard is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effort {
    /// Once for many: the result is kept.
    Kept,
    /// For one client, who waits for it.
    Once,
}

/// Memory of one encoder is at most some 4 MiB: the window of Brotli is 256 KiB, that of the others their levels' own,
/// which every client can hold (RFC 9659 allows Zstandard 8 MiB).
const BROTLI_WINDOW: u32 = 18;
const BROTLI_BUFFER: usize = 16 << 10;

/// A body that is being compressed.
pub(super) enum Encoder {
    Brotli(Box<brotli::CompressorWriter<Vec<u8>>>),
    Zstd(zstd::stream::write::Encoder<'static, Vec<u8>>),
    Gzip(Box<flate2::write::GzEncoder<Vec<u8>>>),
}

impl Encoder {
    /// # Errors
    ///
    /// Zstandard's, if it has no memory.
    pub(super) fn new(coding: Coding, effort: Effort) -> io::Result<Self> {
        let is_kept = effort == Effort::Kept;
        Ok(match coding {
            Coding::Brotli => {
                let quality = if is_kept { 6 } else { 4 };
                let writer = brotli::CompressorWriter::new(
                    Vec::new(),
                    BROTLI_BUFFER,
                    quality,
                    BROTLI_WINDOW,
                );
                Self::Brotli(Box::new(writer))
            }
            Coding::Zstd => {
                let level = if is_kept { 8 } else { 3 };
                Self::Zstd(zstd::stream::write::Encoder::new(Vec::new(), level)?)
            }
            Coding::Gzip => {
                let level = Compression::new(if is_kept { 7 } else { 5 });
                Self::Gzip(Box::new(flate2::write::GzEncoder::new(Vec::new(), level)))
            }
        })
    }

    /// # Errors
    ///
    /// None that bytes could cause.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Brotli(encoder) => encoder.write_all(bytes),
            Self::Zstd(encoder) => encoder.write_all(bytes),
            Self::Gzip(encoder) => encoder.write_all(bytes),
        }
    }

    /// What came out by now.
    pub(super) fn take(&mut self) -> Vec<u8> {
        std::mem::take(match self {
            Self::Brotli(encoder) => encoder.get_mut(),
            Self::Zstd(encoder) => encoder.get_mut(),
            Self::Gzip(encoder) => encoder.get_mut(),
        })
    }

    /// The rest of it.
    ///
    /// # Errors
    ///
    /// As [`Encoder::write`].
    pub(super) fn finish(self) -> io::Result<Vec<u8>> {
        match self {
            Self::Brotli(encoder) => Ok(encoder.into_inner()),
            Self::Zstd(encoder) => encoder.finish(),
            Self::Gzip(encoder) => encoder.finish(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn what_is_encoded_is_decoded_by_others() {
        let text: Vec<u8> = (0..200_000_u32)
            .flat_map(|n| (n / 7).to_le_bytes())
            .collect();
        for coding in Coding::ALL {
            for effort in [Effort::Kept, Effort::Once] {
                let mut encoder = Encoder::new(coding, effort).unwrap();
                let mut packed = Vec::new();
                for chunk in text.chunks(70_000) {
                    encoder.write(chunk).unwrap();
                    packed.extend(encoder.take());
                }
                packed.extend(encoder.finish().unwrap());
                assert!(packed.len() < text.len() / 2, "{coding}: {}", packed.len());
                let mut out = Vec::new();
                match coding {
                    Coding::Brotli => brotli::Decompressor::new(&*packed, 4096)
                        .read_to_end(&mut out)
                        .map(drop),
                    Coding::Zstd => zstd::decode_all(&*packed).map(|bytes| out = bytes),
                    Coding::Gzip => flate2::read::GzDecoder::new(&*packed)
                        .read_to_end(&mut out)
                        .map(drop),
                }
                .unwrap();
                assert!(out == text, "{coding}");
            }
        }
    }
}
