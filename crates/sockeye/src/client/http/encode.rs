//! Content codings of what we send.

use std::io::{self, Write};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use flate2::Compression;
use tokio::io::{AsyncRead, ReadBuf};

use super::body::BodyReader;

/// How much is read and encoded at once.
const PIECE: usize = 64 << 10;

/// A content coding that bodies can be sent in (RFC 9110 section 8.4.1); see [`Body::compressed`](super::Body::compressed).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Coding {
    /// gzip (RFC 1952), which nearly every server that takes codings at all understands.
    Gzip,
    /// Zstandard (RFC 8878): quicker and smaller, and understood by fewer.
    Zstd,
}

impl Coding {
    /// As `Content-Encoding` names it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }

    /// These bytes in this coding.
    ///
    /// # Errors
    ///
    /// If the coder has no memory.
    pub(super) fn whole(self, bytes: &[u8]) -> io::Result<Vec<u8>> {
        let mut encoder = Encoder::new(self)?;
        encoder.write(bytes)?;
        encoder.finish()?;
        Ok(encoder.take())
    }

    /// What this reader gives, in this coding.
    pub(super) fn encoded(self, reader: BodyReader) -> BodyReader {
        Box::new(Encoded {
            coding: self,
            reader,
            encoder: None,
            room: Vec::new(),
            ready: Bytes::new(),
            is_over: false,
        })
    }
}

enum Encoder {
    Gzip(Box<flate2::write::GzEncoder<Vec<u8>>>),
    Zstd(zstd::stream::write::Encoder<'static, Vec<u8>>),
}

impl Encoder {
    fn new(coding: Coding) -> io::Result<Self> {
        Ok(match coding {
            Coding::Gzip => {
                let encoder = flate2::write::GzEncoder::new(Vec::new(), Compression::default());
                Self::Gzip(Box::new(encoder))
            }
            Coding::Zstd => {
                let level = zstd::DEFAULT_COMPRESSION_LEVEL;
                Self::Zstd(zstd::stream::write::Encoder::new(Vec::new(), level)?)
            }
        })
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Gzip(encoder) => encoder.write_all(bytes),
            Self::Zstd(encoder) => encoder.write_all(bytes),
        }
    }

    fn finish(&mut self) -> io::Result<()> {
        match self {
            Self::Gzip(encoder) => encoder.try_finish(),
            Self::Zstd(encoder) => encoder.do_finish(),
        }
    }

    /// What came out by now.
    fn take(&mut self) -> Vec<u8> {
        std::mem::take(match self {
            Self::Gzip(encoder) => encoder.get_mut(),
            Self::Zstd(encoder) => encoder.get_mut(),
        })
    }
}

/// Reads encoded what another reader gives.
struct Encoded {
    coding: Coding,
    reader: BodyReader,
    encoder: Option<Encoder>,
    room: Vec<u8>,
    ready: Bytes,
    is_over: bool,
}

impl AsyncRead for Encoded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        while this.ready.is_empty() && !this.is_over {
            let encoder = match &mut this.encoder {
                Some(encoder) => encoder,
                empty => empty.insert(Encoder::new(this.coding)?),
            };
            this.room.resize(PIECE, 0);
            let mut room = ReadBuf::new(&mut this.room);
            ready!(Pin::new(&mut this.reader).poll_read(context, &mut room))?;
            match room.filled() {
                [] => {
                    encoder.finish()?;
                    this.is_over = true;
                }
                bytes => encoder.write(bytes)?,
            }
            this.ready = encoder.take().into();
        }
        let length = this.ready.len().min(buffer.remaining());
        buffer.put_slice(&this.ready[..length]);
        this.ready.advance(length);
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use tokio::io::AsyncReadExt;

    use super::*;

    fn decoded(coding: Coding, bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        match coding {
            Coding::Gzip => {
                let mut decoder = flate2::read::GzDecoder::new(bytes);
                decoder.read_to_end(&mut out).unwrap();
            }
            Coding::Zstd => out = zstd::decode_all(bytes).unwrap(),
        }
        out
    }

    #[tokio::test]
    async fn what_is_encoded_whole_or_while_it_is_read_is_the_same_again() {
        let plain = sockeye_testkit::pattern(7, 300_000);
        for coding in [Coding::Gzip, Coding::Zstd] {
            assert_eq!(decoded(coding, &coding.whole(&plain).unwrap()), plain);
            let reader = Box::new(io::Cursor::new(plain.clone()));
            let mut encoded = Vec::new();
            coding
                .encoded(reader)
                .read_to_end(&mut encoded)
                .await
                .unwrap();
            assert_eq!(decoded(coding, &encoded), plain);
        }
    }
}
