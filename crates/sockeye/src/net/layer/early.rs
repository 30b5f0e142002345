//! Bytes that came early: read together with the end of a handshake, they are the first of what the peer says.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::net::stream::{Duplex, Stream};

/// The stream that says these bytes first. Without any it is the stream itself, which the kernel may splice.
pub(crate) fn before(bytes: Vec<u8>, mut stream: Stream) -> Stream {
    if bytes.is_empty() {
        return stream;
    }
    let info = stream.take_info();
    let early = Early {
        bytes,
        said: 0,
        stream,
    };
    Stream::layered(early, info)
}

struct Early {
    bytes: Vec<u8>,
    /// How many of them were read; when all were, the memory is given back.
    said: usize,
    stream: Stream,
}

impl Duplex for Early {
    fn below(&mut self) -> Option<&mut Stream> {
        Some(&mut self.stream)
    }

    fn truncated(&self) -> bool {
        self.stream.truncated()
    }
}

impl AsyncRead for Early {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.bytes.is_empty() {
            return Pin::new(&mut this.stream).poll_read(cx, buf);
        }
        let rest = &this.bytes[this.said..];
        let count = rest.len().min(buf.remaining());
        buf.put_slice(&rest[..count]);
        this.said += count;
        if this.said == this.bytes.len() {
            this.bytes = Vec::new();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Early {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
