//! From a thread that packs to the body that a connection sends: a few chunks on their way, and an end that is told from
//! a breaking off.

use std::io::{self, Write};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use tokio::sync::mpsc;

use crate::web::body::{BodyError, Chunks};

const CHUNK: usize = 64 << 10;

/// Where an archive is written.
pub(super) struct Pipe {
    sender: mpsc::Sender<io::Result<Bytes>>,
    chunk: BytesMut,
    sent: u64,
    most: Option<u64>,
}

impl Pipe {
    pub(super) fn new(sender: mpsc::Sender<io::Result<Bytes>>, most: Option<u64>) -> Self {
        Self {
            sender,
            chunk: BytesMut::with_capacity(CHUNK),
            sent: 0,
            most,
        }
    }

    /// The archive is done, or this is why not.
    pub(super) fn end(mut self, packed: io::Result<()>) {
        // If nobody is there any more, nobody needs to know.
        let _ = match packed.and_then(|()| self.flush()) {
            Ok(()) => self.sender.blocking_send(Ok(Bytes::new())),
            Err(error) => self.sender.blocking_send(Err(error)),
        };
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.sent += bytes.len() as u64;
        if let Some(most) = self.most.filter(|most| self.sent > *most) {
            let why = format!("the archive has more than {most} bytes");
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, why));
        }
        self.chunk.extend_from_slice(bytes);
        if self.chunk.len() >= CHUNK {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.chunk.is_empty() {
            return Ok(());
        }
        let chunk = std::mem::replace(&mut self.chunk, BytesMut::with_capacity(CHUNK));
        let sent = self.sender.blocking_send(Ok(chunk.freeze()));
        sent.map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

/// What comes out of a [`Pipe`].
pub(super) struct Unpacked {
    chunks: mpsc::Receiver<io::Result<Bytes>>,
    is_over: bool,
}

impl Unpacked {
    pub(super) fn new(chunks: mpsc::Receiver<io::Result<Bytes>>) -> Self {
        Self {
            chunks,
            is_over: false,
        }
    }
}

impl Chunks for Unpacked {
    fn poll_chunk(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, BodyError>>> {
        if self.is_over {
            return Poll::Ready(None);
        }
        self.chunks.poll_recv(cx).map(|chunk| match chunk {
            // An empty one is the end.
            Some(Ok(chunk)) if chunk.is_empty() => {
                self.is_over = true;
                None
            }
            Some(chunk) => Some(chunk.map_err(BodyError::from)),
            None => Some(Err(
                io::Error::other("the packing ended before its end").into()
            )),
        })
    }
}
