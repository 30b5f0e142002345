//! What happens to bytes between standard input or output and the peer.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use sockeye::Stream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_util::sync::CancellationToken;

use super::terminal::TerminalText;
use crate::output::Output;
use crate::report::Data;

/// The key that leaves raw mode: Ctrl-], as in telnet.
pub(crate) const LEAVE_KEY: u8 = 0x1d;

/// How much is read at once when the bytes have to be looked at.
const CHUNK: usize = 16 * 1024;

/// What goes out.
#[derive(Debug)]
pub(crate) enum Outgoing {
    /// Standard input.
    Input,
    /// Standard input, key by key; the token is cancelled at [`LEAVE_KEY`].
    Keys(CancellationToken),
    /// Nothing, without an end.
    Nothing,
    /// These bytes, then the end.
    Given(Vec<u8>),
}

/// How what comes in is written.
#[derive(Debug)]
pub(crate) enum Written {
    /// Byte for byte.
    AsIs,
    /// With everything escaped that a terminal must not see.
    Escaped,
    /// As JSON events.
    Json { connection: u64, output: Output },
}

/// Standard input and output with something done to the bytes.
pub(crate) struct Shaped {
    stdio: Stream,
    outgoing: Outgoing,
    crlf: Option<Crlf>,
    read: Pending,
    written: Written,
    escaper: TerminalText,
    write: Pending,
    /// Cancelled when nobody reads our output any more.
    leave: CancellationToken,
}

/// Bytes that were made and not yet passed on.
#[derive(Debug, Default)]
struct Pending {
    bytes: Vec<u8>,
    from: usize,
}

/// Remembers whether a carriage return came last, so that CR LF stays as it is.
#[derive(Debug, Default)]
struct Crlf {
    after_cr: bool,
}

impl Shaped {
    pub(crate) fn new(
        stdio: Stream,
        outgoing: Outgoing,
        crlf: bool,
        written: Written,
        leave: CancellationToken,
    ) -> Self {
        Self {
            stdio,
            leave,
            outgoing,
            crlf: crlf.then(Crlf::default),
            read: Pending::default(),
            written,
            escaper: TerminalText::default(),
            write: Pending::default(),
        }
    }

    /// The next bytes from where they come from.
    fn poll_source(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Vec<u8>>> {
        match &mut self.outgoing {
            Outgoing::Given(bytes) => return Poll::Ready(Ok(std::mem::take(bytes))),
            // Whatever ends the conversation, it is not this side.
            Outgoing::Nothing => return Poll::Pending,
            Outgoing::Input | Outgoing::Keys(_) => {}
        }
        let mut chunk = vec![0; CHUNK];
        let mut buf = ReadBuf::new(&mut chunk);
        ready!(Pin::new(&mut self.stdio).poll_read(cx, &mut buf))?;
        let filled = buf.filled().len();
        chunk.truncate(filled);
        if let Outgoing::Keys(leave) = &self.outgoing
            && let Some(at) = chunk.iter().position(|byte| *byte == LEAVE_KEY)
        {
            leave.cancel();
            chunk.truncate(at);
        }
        Poll::Ready(Ok(chunk))
    }

    /// Whoever read our output has read enough: the conversation ends, and that is no failure.
    fn unless_unread<T>(&self, written: io::Result<T>, otherwise: T) -> io::Result<T> {
        match written {
            Err(e) if e.kind() == io::ErrorKind::BrokenPipe => {
                self.leave.cancel();
                Ok(otherwise)
            }
            written => written,
        }
    }

    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.write.is_empty() {
            let written = ready!(Pin::new(&mut self.stdio).poll_write(cx, self.write.rest()));
            let n = self.unless_unread(written, self.write.rest().len())?;
            if n == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.write.from += n;
        }
        Poll::Ready(Ok(()))
    }
}

impl Pending {
    fn is_empty(&self) -> bool {
        self.from == self.bytes.len()
    }

    fn rest(&self) -> &[u8] {
        &self.bytes[self.from..]
    }

    fn replace(&mut self, bytes: Vec<u8>) {
        *self = Self { bytes, from: 0 };
    }
}

impl Crlf {
    fn convert(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut converted = Vec::with_capacity(bytes.len() + 16);
        for byte in bytes {
            if *byte == b'\n' && !self.after_cr {
                converted.push(b'\r');
            }
            converted.push(*byte);
            self.after_cr = *byte == b'\r';
        }
        converted
    }
}

impl AsyncRead for Shaped {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.read.is_empty() {
            let bytes = ready!(this.poll_source(cx))?;
            let bytes = match &mut this.crlf {
                Some(crlf) => crlf.convert(&bytes),
                None => bytes,
            };
            this.read.replace(bytes);
        }
        let n = this.read.rest().len().min(buf.remaining());
        buf.put_slice(&this.read.rest()[..n]);
        this.read.from += n;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Shaped {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        ready!(this.poll_drain(cx))?;
        match &this.written {
            Written::AsIs => return Pin::new(&mut this.stdio).poll_write(cx, bytes),
            Written::Json { connection, output } => {
                let written = output.try_json_line(&Data::new(*connection, bytes));
                this.unless_unread(written, ())?;
            }
            Written::Escaped => {
                let mut text = String::with_capacity(bytes.len() + 16);
                this.escaper.push(bytes, &mut text);
                this.write.replace(text.into_bytes());
                if let Poll::Ready(Err(e)) = this.poll_drain(cx) {
                    return Poll::Ready(Err(e));
                }
            }
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_drain(cx))?;
        Pin::new(&mut self.stdio).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // More events follow what the peer says.
        if matches!(self.written, Written::Json { .. }) {
            return Poll::Ready(Ok(()));
        }
        if matches!(self.written, Written::Escaped) {
            let this = &mut *self;
            ready!(this.poll_drain(cx))?;
            let mut text = String::new();
            this.escaper.finish(&mut text);
            this.write.replace(text.into_bytes());
        }
        ready!(self.poll_drain(cx))?;
        Pin::new(&mut self.stdio).poll_shutdown(cx)
    }
}
