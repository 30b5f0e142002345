//! The body of an answer on its way out: by the kernel where it can, chunk by chunk where it cannot.

use std::io;
use std::os::unix::fs::FileExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::{Context, Poll, ready};

use sockeye_data::http1::{self, BodyEncoder, Framing, Headers};

use super::exchange::Broken;
use super::h1::Connection;
use crate::web::body::{Body, FilePart, Inner};

/// How much piles up before it is written.
const PILE: usize = 64 << 10;
/// What one file may send before others have their turn.
const TURN: u64 = 2 << 20;

/// What is said of a file that ends before the length that was announced.
const SHORTER: &str = "the file became shorter while it was sent";

/// A body on its way.
pub(super) struct Carry {
    body: Body,
    encoder: Option<BodyEncoder>,
    sent: u64,
    is_over: bool,
    /// The kernel cannot send this file: some file systems make their bytes when they are read.
    copies: bool,
}

impl Carry {
    pub(super) fn new(body: Body, framing: Framing) -> Self {
        Self {
            body,
            encoder: Some(BodyEncoder::new(framing)),
            sent: 0,
            is_over: false,
            copies: false,
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
            && !self.copies
            && connection.can_send_files()
        {
            match ready!(connection.poll_send_file(part, &mut self.sent, cx)) {
                Err(Broken::Connection(error)) if self.sent == 0 && is_unable(&error) => {
                    self.copies = true;
                }
                sent => return Poll::Ready(sent),
            }
        }
        loop {
            if connection.output.len() >= PILE || self.is_over {
                // The last of it may wait for the next answer only if nothing is left to be waited for.
                ready!(connection.poll_flush(cx)).map_err(Broken::Connection)?;
            }
            if self.is_over {
                return Poll::Ready(Ok(()));
            }
            match self.poll_more(connection, cx) {
                Poll::Ready(more) => {
                    if !more? {
                        self.end(connection)?;
                    }
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

    /// Put the next piece on the pile; `false` at the end.
    fn poll_more(
        &mut self,
        connection: &mut Connection,
        cx: &mut Context<'_>,
    ) -> Poll<Result<bool, Broken>> {
        if let Inner::File(part) = &mut self.body.0 {
            let read = read_file(part, connection.output.buffer());
            return Poll::Ready(match read {
                Ok(read) => self.count(read).map(|_| read > 0),
                Err(error) => Err(Broken::Body(error.to_string())),
            });
        }
        // What a body leaves behind is its own: nothing of ours is in it.
        let polled = catch_unwind(AssertUnwindSafe(|| self.body.poll_chunk(cx)));
        let Ok(polled) = polled else {
            return Poll::Ready(Err(Broken::Body("the body of the answer failed".into())));
        };
        Poll::Ready(match ready!(polled) {
            Some(Ok(chunk)) => self.write(&chunk, connection).map(|()| true),
            Some(Err(error)) => Err(Broken::Body(error.to_string())),
            None => Ok(false),
        })
    }

    /// So many bytes of a body with a length are on the pile.
    fn count(&mut self, bytes: u64) -> Result<(), Broken> {
        self.sent += bytes;
        match &mut self.encoder {
            Some(encoder) => encoder.frame(bytes).map(drop).map_err(unwritable),
            None => Ok(()),
        }
    }

    /// Write what ends the body.
    fn end(&mut self, connection: &mut Connection) -> Result<(), Broken> {
        self.is_over = true;
        match self.encoder.take() {
            Some(encoder) => encoder
                .finish(&Headers::new(), connection.output.buffer())
                .map_err(unwritable),
            None => Ok(()),
        }
    }

    fn write(&mut self, chunk: &[u8], connection: &mut Connection) -> Result<(), Broken> {
        self.sent += chunk.len() as u64;
        let Some(encoder) = &mut self.encoder else {
            return Ok(());
        };
        encoder
            .write(chunk, connection.output.buffer())
            .map_err(unwritable)
    }
}

fn unwritable(error: http1::Error) -> Broken {
    Broken::Body(error.to_string())
}

/// Whether this is no fault of the connection: the file cannot be sent by sendfile(2).
fn is_unable(error: &io::Error) -> bool {
    use nix::libc::{EINVAL, ENOSYS, EOPNOTSUPP};
    matches!(error.raw_os_error(), Some(EINVAL | ENOSYS | EOPNOTSUPP))
}

/// Read the next piece of a file to the end of `out`; how many bytes that were, 0 at the end.
fn read_file(part: &mut FilePart, out: &mut Vec<u8>) -> io::Result<u64> {
    let size = usize::try_from(part.length).unwrap_or(PILE).min(PILE);
    if size == 0 {
        return Ok(0);
    }
    let start = out.len();
    out.resize(start + size, 0);
    let read = loop {
        match part.file.read_at(&mut out[start..], part.at) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            read => break read,
        }
    };
    out.truncate(start + *read.as_ref().unwrap_or(&0));
    match read? {
        0 => Err(io::Error::other(SHORTER)),
        read => {
            part.skip(read as u64);
            Ok(read as u64)
        }
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
                    return Poll::Ready(Err(Broken::Body(SHORTER.into())));
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
