//! The body of an answer on its way out: by the kernel where it can, chunk by chunk where it cannot.

use std::io;
use std::task::{Context, Poll, ready};

use sockeye_data::http1::{BodyEncoder, Framing, Headers};

use super::exchange::Broken;
use super::h1::Connection;
use crate::web::body::{Body, FilePart, Inner};

/// How much piles up before it is written.
const PILE: usize = 64 << 10;
/// What one file may send before others have their turn.
const TURN: u64 = 2 << 20;

/// A body on its way.
pub(super) struct Carry {
    body: Body,
    encoder: Option<BodyEncoder>,
    sent: u64,
    is_over: bool,
}

impl Carry {
    pub(super) fn new(body: Body, framing: Framing) -> Self {
        Self {
            body,
            encoder: Some(BodyEncoder::new(framing)),
            sent: 0,
            is_over: false,
        }
    }

    /// Bytes of the body so far.
    pub(super) fn sent(&self) -> u64 {
        self.sent
    }

    /// Send on; ready when all is sent or on the pile.
    pub(super) fn poll(
        &mut self,
        connection: &mut Connection,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), Broken>> {
        if let Inner::File(part) = &mut self.body.0
            && connection.can_send_files()
        {
            let sent = ready!(connection.poll_send_file(part, &mut self.sent, cx));
            return Poll::Ready(sent);
        }
        loop {
            if connection.output.len() >= PILE || self.is_over {
                // The last of it may wait for the next answer only if nothing is left to be waited for.
                ready!(connection.poll_flush(cx)).map_err(Broken::Connection)?;
            }
            if self.is_over {
                return Poll::Ready(Ok(()));
            }
            match self.body.poll_chunk(cx) {
                Poll::Ready(Some(Ok(chunk))) => self.write(&chunk, connection)?,
                Poll::Ready(Some(Err(error))) => {
                    return Poll::Ready(Err(Broken::Body(error.to_string())));
                }
                Poll::Ready(None) => {
                    self.is_over = true;
                    let Some(encoder) = self.encoder.take() else {
                        continue;
                    };
                    let out = connection.output.buffer();
                    encoder
                        .finish(&Headers::new(), out)
                        .map_err(|error| Broken::Body(error.to_string()))?;
                }
                Poll::Pending => {
                    if !connection.output.is_empty() {
                        // What is there goes out while the rest is waited for.
                        ready!(connection.poll_flush(cx)).map_err(Broken::Connection)?;
                    }
                    return Poll::Pending;
                }
            }
        }
    }

    fn write(&mut self, chunk: &[u8], connection: &mut Connection) -> Result<(), Broken> {
        self.sent += chunk.len() as u64;
        let Some(encoder) = &mut self.encoder else {
            return Ok(());
        };
        encoder
            .write(chunk, connection.output.buffer())
            .map_err(|error| Broken::Body(error.to_string()))
    }
}

impl Connection {
    /// Whether the kernel can send files over this connection: nothing transforms or watches its bytes.
    fn can_send_files(&self) -> bool {
        self.stream
            .as_ref()
            .is_some_and(|stream| stream.is_socket() && stream.kernel_write().is_some())
    }

    /// Send the head, announced as not the end (so that it shares a packet with what follows), then the file.
    fn poll_send_file(
        &mut self,
        part: &mut FilePart,
        sent: &mut u64,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), Broken>> {
        let mut turn = TURN;
        loop {
            let more = part.length > 0;
            if !self.output.is_empty() {
                ready!(self.poll_flush_with(more, cx)).map_err(Broken::Connection)?;
            }
            if !more {
                return Poll::Ready(Ok(()));
            }
            if turn == 0 {
                // Others have their turn; this task is woken at once.
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            match ready!(self.poll_sendfile(part, turn, cx)) {
                Ok(0) => {
                    let why = "the file became shorter while it was sent";
                    return Poll::Ready(Err(Broken::Body(why.into())));
                }
                Ok(bytes) => {
                    self.timer.clear();
                    part.skip(bytes);
                    *sent += bytes;
                    turn = turn.saturating_sub(bytes);
                }
                Err(error) => return Poll::Ready(Err(Broken::Connection(error))),
            }
        }
    }

    fn poll_sendfile(
        &mut self,
        part: &FilePart,
        most: u64,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<u64>> {
        loop {
            let Some(kernel) = self
                .stream
                .as_ref()
                .and_then(|stream| stream.kernel_write())
            else {
                return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
            };
            if kernel.poll_write_ready(cx)?.is_pending() {
                return self.poll_stalled(cx).map(|stalled| stalled.map(|()| 0));
            }
            let count = usize::try_from(part.length.min(most)).unwrap_or(usize::MAX);
            let mut at = part.at;
            let called = kernel.try_write_io(|socket| {
                rustix::fs::sendfile(socket, &part.file, Some(&mut at), count)
                    .map_err(io::Error::from)
            });
            match called {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                called => return Poll::Ready(called.map(|bytes| bytes as u64)),
            }
        }
    }

    /// [`Connection::poll_flush`], with more to follow at once.
    fn poll_flush_with(&mut self, more: bool, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !more {
            return self.poll_flush(cx);
        }
        while !self.output.is_empty() {
            let Some(kernel) = self
                .stream
                .as_ref()
                .and_then(|stream| stream.kernel_write())
            else {
                return self.poll_flush(cx);
            };
            if kernel.poll_write_ready(cx)?.is_pending() {
                return self.poll_stalled(cx);
            }
            let pending = self.output.pending();
            let called = kernel.try_write_io(|socket| {
                socket2::SockRef::from(&socket)
                    .send_with_flags(pending, nix::libc::MSG_MORE | nix::libc::MSG_NOSIGNAL)
            });
            match called {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Poll::Ready(Err(error)),
                Ok(bytes) => {
                    self.output.sent(bytes);
                    self.timer.clear();
                }
            }
        }
        self.output.release();
        Poll::Ready(Ok(()))
    }
}
