//! The two ends of the layer: what rustls reads and writes below, and what the application reads and writes above.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncBufRead, AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio_rustls::TlsStream;

use super::check::{HEAD_BYTES, Seen};
use super::fault::Facts;
use crate::error::Operation;
use crate::net::stream::{Duplex, Info, Stream};

/// The stream below, which remembers how the peer began.
pub(super) struct Below {
    stream: Stream,
    seen: Arc<Seen>,
    /// How many of the first bytes were kept.
    kept: usize,
    /// What was read to see how the peer begins, and how much of it was handed on.
    first: Vec<u8>,
    handed: usize,
}

/// Room for how a client begins: nearly always all of its hello.
const FIRST_BYTES: usize = 2048;
/// The type of the records of a handshake (RFC 8446 section 5.1).
const HANDSHAKE: u8 = 22;

impl Below {
    pub(super) fn new(stream: Stream, seen: Arc<Seen>) -> Self {
        Self {
            stream,
            seen,
            kept: 0,
            first: Vec::new(),
            handed: 0,
        }
    }

    /// Whether the peer begins with TLS, or with nothing at all; waits for its first bytes.
    pub(super) async fn begins_with_tls(&mut self) -> io::Result<bool> {
        let mut first = vec![0; FIRST_BYTES];
        let read = self.stream.read(&mut first).await?;
        first.truncate(read);
        self.kept = self.seen.note_head(&first);
        let begins = first.first().is_none_or(|kind| *kind == HANDSHAKE);
        if begins {
            self.first = first;
        }
        Ok(begins)
    }

    /// Take the parts that move up to the stream above.
    pub(super) fn take_info(&mut self) -> Info {
        self.stream.take_info()
    }
}

impl AsyncRead for Below {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.handed < this.first.len() {
            let rest = &this.first[this.handed..];
            let length = rest.len().min(buf.remaining());
            buf.put_slice(&rest[..length]);
            this.handed += length;
            if this.handed == this.first.len() {
                (this.first, this.handed) = (Vec::new(), 0);
            }
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        let polled = Pin::new(&mut this.stream).poll_read(cx, buf);
        if this.kept < HEAD_BYTES {
            this.kept = this.seen.note_head(&buf.filled()[before..]);
        }
        polled
    }
}

impl AsyncWrite for Below {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    /// rustls hands out its records in several slices. They go down as one, so that an alert which ends a handshake
    /// leaves together with what stands before it: nobody asks again.
    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let stream = Pin::new(&mut self.stream);
        match slices {
            [one] => stream.poll_write(cx, one),
            _ if stream.is_write_vectored() => stream.poll_write_vectored(cx, slices),
            // rustls bounds what it holds back, and with it the size of this copy.
            _ => {
                let bytes: Vec<u8> = slices
                    .iter()
                    .flat_map(|slice| slice.iter().copied())
                    .collect();
                stream.poll_write(cx, &bytes)
            }
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// The stream above.
///
/// Shutting it down sends close_notify and half-closes the stream below. Reading goes on until the peer does the
/// same. As with every buffered writer, what was written is certain to leave only once it was flushed or shut down.
pub(super) struct Above {
    tls: TlsStream<Below>,
    facts: Facts,
    is_truncated: bool,
    is_closing: bool,
}

impl Above {
    pub(super) fn new(tls: TlsStream<Below>, facts: Facts) -> Self {
        Self {
            tls,
            facts,
            is_truncated: false,
            is_closing: false,
        }
    }

    /// Why writing failed. A peer that refuses us says so in an alert before it closes; it may be there to be read.
    fn write_failed(&mut self, cx: &mut Context<'_>, error: io::Error) -> io::Error {
        let told = match Pin::new(&mut self.tls).poll_fill_buf(cx) {
            Poll::Ready(Err(read)) if read.get_ref().is_some_and(|e| e.is::<rustls::Error>()) => {
                read
            }
            _ => error,
        };
        self.facts.explain_io(Operation::Write, told)
    }
}

impl Duplex for Above {
    fn below(&mut self) -> Option<&mut Stream> {
        Some(&mut self.tls.get_mut().0.stream)
    }

    fn truncated(&self) -> bool {
        self.is_truncated
    }
}

impl AsyncRead for Above {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.is_truncated {
            return Poll::Ready(Ok(()));
        }
        match Pin::new(&mut this.tls).poll_read(cx, buf) {
            // The carrier ended and close_notify did not come: the end all the same, and worth a note.
            Poll::Ready(Err(e)) if e.kind() == io::ErrorKind::UnexpectedEof => {
                this.is_truncated = true;
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(e)) => Poll::Ready(Err(this.facts.explain_io(Operation::Read, e))),
            other => other,
        }
    }
}

impl AsyncWrite for Above {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        if this.is_closing {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        match Pin::new(&mut this.tls).poll_write(cx, bytes) {
            Poll::Ready(Err(e)) => Poll::Ready(Err(this.write_failed(cx, e))),
            other => other,
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        match Pin::new(&mut this.tls).poll_flush(cx) {
            Poll::Ready(Err(e)) => Poll::Ready(Err(this.write_failed(cx, e))),
            other => other,
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        this.is_closing = true;
        match Pin::new(&mut this.tls).poll_shutdown(cx) {
            Poll::Ready(Err(e)) => Poll::Ready(Err(this.write_failed(cx, e))),
            other => other,
        }
    }
}
