//! A connection that carries bytes.

mod foreign;
mod kernel;

use std::fmt;
use std::io::{self, IoSlice};
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::process::ExitStatus;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

pub(crate) use self::kernel::KernelRef;

use self::foreign::Foreign;
use super::carrier::pty::TerminalSize;
use super::child::Child;
use super::descriptor::Descriptor;
use super::place::Place;
use crate::endpoint::Endpoint;
use crate::error::{Error, Operation, Result};
use crate::wire::{Direction, OpenTap, Tap, Watch};

/// A byte stream to a peer: a TCP or Unix connection, a program, a file, or any of them under TLS.
///
/// It is read and written through tokio's [`AsyncRead`] and [`AsyncWrite`]. Shutting it down
/// ([`AsyncWriteExt::shutdown`](tokio::io::AsyncWriteExt::shutdown)) half-closes it: the peer reads the end, and we can
/// still read what it says. Dropping it closes it; [`Stream::abort`] resets it.
///
/// Streams have no timeouts of their own. Errors that cross `AsyncRead` and `AsyncWrite` are `std::io::Error`s.
pub struct Stream {
    io: Io,
    // Behind `io`, so that the end is reported when the connection is closed.
    tap: Option<Box<OpenTap>>,
    info: Box<Info>,
}

/// What is known of a stream beside its bytes.
#[derive(Debug, Default)]
pub(crate) struct Info {
    pub(crate) local: Place,
    pub(crate) peer: Place,
    pub(crate) secured: Option<Box<Secured>>,
    pub(crate) child: Option<Box<Child>>,
}

/// What a TLS handshake agreed on.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Secured {
    /// The version: `TLSv1.3`.
    pub version: String,
    /// The cipher suite: `TLS13_AES_256_GCM_SHA384`.
    pub cipher: String,
    /// The application protocol (RFC 7301), if one was agreed on.
    pub alpn: Option<String>,
    /// The SHA-256 digest of the peer's certificate in hexadecimal, if it showed one.
    pub peer_fingerprint: Option<String>,
    /// The common name in the peer's certificate. A server asks for certificates only if it checks them: there this name is
    /// vouched for by the roots of `ca=`, or the certificate is one of `pin=`. A client with `verify=none` believes whatever it
    /// is told.
    pub peer_name: Option<String>,
    /// The other names in the peer's certificate: of machines, of mailboxes, URIs (RFC 5280 section 4.2.1.6). As good as
    /// [`Secured::peer_name`].
    pub peer_names: Vec<String>,
    /// Whether a session of an earlier connection was resumed, see [`TlsClient`](super::TlsClient).
    pub resumed: bool,
}

pub(crate) enum Io {
    Tcp(TcpStream),
    Unix(UnixStream),
    /// Rare, and larger than the others.
    Pair(Box<Pair>),
    /// Reads from one place and writes to another.
    Parts(Box<Parts>),
    Boxed(Box<dyn Duplex>),
}

/// A stream whose two ways have nothing to do with each other.
pub(crate) struct Parts {
    read: Box<dyn AsyncRead + Send + Sync + Unpin>,
    write: Stream,
}

/// Two descriptors that make one stream; either is `None` when that way is closed.
#[derive(Debug, Default)]
pub(crate) struct Pair {
    pub(crate) read: Option<Descriptor>,
    pub(crate) write: Option<Descriptor>,
    /// Whether the write end is standard output, which closing must take away from the process as well.
    pub(crate) is_stdio: bool,
}

impl From<Pair> for Io {
    fn from(pair: Pair) -> Self {
        Self::Pair(Box::new(pair))
    }
}

/// Whatever else carries bytes both ways.
pub(crate) trait Duplex: AsyncRead + AsyncWrite + Send + Sync + Unpin {
    /// The stream below this layer, if there is one.
    fn below(&mut self) -> Option<&mut Stream> {
        None
    }

    /// The size of the terminal behind this, if it is one.
    fn terminal(&self) -> Option<TerminalSize> {
        None
    }

    /// Whether the carrier ended without the layer's own end.
    fn truncated(&self) -> bool {
        false
    }
}

impl Stream {
    pub(crate) fn new(io: Io, tap: Option<Tap>, info: Info) -> Self {
        Self {
            io,
            tap: tap.map(|tap| Box::new(OpenTap::new(tap))),
            info: Box::new(info),
        }
    }

    /// A stream over something that has a stream below it, with what was known of that one: see [`Stream::take_info`].
    pub(crate) fn layered(io: impl Duplex + 'static, info: Info) -> Self {
        Self::new(Io::Boxed(Box::new(io)), None, info)
    }

    /// A stream over something of the caller's: an in-memory pipe, a transformation, another library's connection.
    pub fn from_io(io: impl AsyncRead + AsyncWrite + Send + Sync + Unpin + 'static) -> Self {
        Self::new(Io::Boxed(Box::new(Foreign(io))), None, Info::default())
    }

    /// A stream that reads from `read` and writes to `write`.
    pub fn from_parts(read: impl AsyncRead + Send + Sync + Unpin + 'static, write: Stream) -> Self {
        Self::new(
            Io::Parts(Box::new(Parts {
                read: Box::new(read),
                write,
            })),
            None,
            Info::default(),
        )
    }

    /// Standard output alone, for one of several writers; reading gives the end at once. Shutting it down leaves the
    /// process's own descriptor open.
    ///
    /// # Errors
    ///
    /// [`Kind::Io`](crate::Kind::Io) if this process has no descriptor left.
    pub fn stdout() -> Result<Self> {
        let write = super::carrier::stdio::output()?;
        let pair = Pair {
            read: None,
            write,
            is_stdio: false,
        };
        Ok(Self::new(pair.into(), None, Info::default()))
    }

    /// Standard input alone, for one that reads it beside others that write; writing fails.
    ///
    /// # Errors
    ///
    /// [`Kind::Io`](crate::Kind::Io) if this process has no descriptor left.
    pub fn stdin() -> Result<Self> {
        let pair = Pair {
            read: super::carrier::stdio::input()?,
            write: None,
            is_stdio: false,
        };
        Ok(Self::new(pair.into(), None, Info::default()))
    }

    /// A stream over a connected TCP socket that was made elsewhere.
    pub fn from_tcp(tcp: TcpStream) -> Self {
        Self::new(Io::Tcp(tcp), None, Info::default())
    }

    /// A stream over a connected Unix socket that was made elsewhere.
    pub fn from_unix(unix: UnixStream) -> Self {
        Self::new(Io::Unix(unix), None, Info::default())
    }

    /// A stream over two descriptors, for the tests of other modules.
    #[cfg(test)]
    pub(crate) fn from_fds(read: Option<OwnedFd>, write: Option<OwnedFd>) -> io::Result<Self> {
        let pair = Pair {
            read: read.map(Descriptor::own).transpose()?,
            write: write.map(Descriptor::own).transpose()?,
            is_stdio: false,
        };
        Ok(Self::new(pair.into(), None, Info::default()))
    }

    /// A stream over anything, for the tests of other modules.
    #[cfg(test)]
    pub(crate) fn from_boxed(boxed: Box<dyn Duplex>) -> Self {
        Self::new(Io::Boxed(boxed), None, Info::default())
    }

    /// A stream with a program behind it, for the tests of other modules.
    #[cfg(test)]
    pub(crate) fn with_child(mut self, child: tokio::process::Child) -> Self {
        self.info.child = Some(Box::new(Child::new(child, false)));
        self
    }

    /// Our end of the connection, if it has an address.
    pub fn local(&self) -> Option<&Endpoint> {
        self.info.local.endpoint_or(|| self.local_address())
    }

    /// The other end of the connection, if it has an address.
    pub fn peer(&self) -> Option<&Endpoint> {
        self.info.peer.endpoint()
    }

    /// What TLS agreed on, if TLS is spoken.
    pub fn secured(&self) -> Option<&Secured> {
        self.info.secured.as_deref()
    }

    /// Forget what a layer below agreed on with somebody who is not the peer.
    pub(crate) fn forget_secured(&mut self) {
        self.info.secured = None;
    }

    /// The size of the terminal that the program behind a `pty:` stream sees.
    pub fn terminal(&self) -> Option<TerminalSize> {
        match &self.io {
            Io::Boxed(boxed) => boxed.terminal(),
            _ => None,
        }
    }

    /// Whether the peer's bytes ended without the end that TLS has for it (close_notify, RFC 8446 section 6.1), so
    /// that somebody may have cut them off. Known once the end was read.
    pub fn truncated(&self) -> bool {
        match &self.io {
            Io::Boxed(boxed) => boxed.truncated(),
            _ => false,
        }
    }

    /// A layer is about to wrap this stream: what its tap sees from now on is covered. The watch is that layer's too.
    pub(crate) fn cover(&mut self) -> Option<Watch> {
        self.tap.as_mut().map(|tap| tap.cover())
    }

    /// A layer that only makes messages of the bytes is about to wrap this stream.
    #[allow(
        dead_code,
        reason = "for layers of messages, and a build may have none"
    )]
    pub(crate) fn frame(&mut self) {
        if let Some(tap) = &mut self.tap {
            tap.frame();
        }
    }

    /// Take the parts that move up when a layer wraps this stream.
    #[allow(
        dead_code,
        reason = "for layers that wrap a stream, and a build may have none"
    )]
    pub(crate) fn take_info(&mut self) -> Info {
        let local = self.local_address();
        self.info.local.note(|| local);
        std::mem::take(&mut *self.info)
    }

    /// The TCP address of the other end, if that is what it has.
    pub(crate) fn peer_address(&self) -> Option<std::net::SocketAddr> {
        self.info.peer.address()
    }

    fn local_address(&self) -> Option<std::net::SocketAddr> {
        match &self.io {
            Io::Tcp(tcp) => tcp.local_addr().ok(),
            _ => None,
        }
    }

    /// Break the connection off: a TCP peer sees a reset, not an end; a program behind the stream is ended.
    ///
    /// What was written and not yet sent is lost, on purpose.
    pub fn abort(mut self) {
        self.set_abort();
    }

    /// Make the coming close a reset, see [`Stream::abort`].
    pub(crate) fn set_abort(&mut self) {
        if let Some(child) = &mut self.info.child {
            child.terminate();
        }
        match &mut self.io {
            // Closing with a linger time of zero sends RST (RFC 9293 section 3.6, "abort").
            Io::Tcp(tcp) => {
                drop(socket2::SockRef::from(&*tcp).set_linger(Some(std::time::Duration::ZERO)));
            }
            Io::Boxed(boxed) => {
                if let Some(below) = boxed.below() {
                    below.set_abort();
                }
            }
            Io::Parts(parts) => parts.write.set_abort(),
            Io::Unix(_) | Io::Pair(_) => {}
        }
    }

    /// Close the stream and wait for the program behind it, if there is one.
    ///
    /// # Errors
    ///
    /// [`Kind::Io`](crate::Kind::Io) if the program's status cannot be had.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends the program.
    pub async fn close(mut self) -> Result<Option<ExitStatus>> {
        let child = self.info.child.take();
        let tap = self.tap.take();
        drop(self);
        let exit = match child {
            Some(child) => Some(
                child
                    .wait()
                    .await
                    .map_err(|e| Error::from_io(Operation::Run, e))?,
            ),
            None => None,
        };
        if let Some(tap) = tap {
            tap.close(exit);
        }
        Ok(exit)
    }

    /// Close the stream like [`Stream::close`], but ask the program behind it to end if it has not after this time.
    pub(crate) async fn close_within(mut self, patience: Duration) -> Result<Option<ExitStatus>> {
        let patient = self.info.child.as_mut();
        if let Some(child) = patient {
            child.set_patience(patience);
        }
        self.close().await
    }

    /// Whether descriptors of this machine (a pipe, a terminal, a file) carry the bytes, not a connection.
    pub(crate) fn is_local_pair(&self) -> bool {
        match &self.io {
            Io::Pair(_) => true,
            Io::Parts(parts) => parts.write.is_local_pair(),
            _ => false,
        }
    }

    /// Whether nothing can be read here: the writing end of a named pipe, a file that is only written.
    pub(crate) fn never_speaks(&self) -> bool {
        matches!(&self.io, Io::Pair(pair) if pair.read.is_none())
    }

    /// Whether a socket itself carries the bytes, so that what breaks one way is seen on the other.
    pub(crate) fn is_socket(&self) -> bool {
        matches!(self.io, Io::Tcp(_) | Io::Unix(_))
    }

    /// Whether this stream has no way out: a file that is read, say.
    pub(crate) fn never_hears(&self) -> bool {
        matches!(&self.io, Io::Pair(pair) if pair.write.is_none())
    }

    /// Whether a program is behind this stream.
    pub(crate) fn has_child(&self) -> bool {
        self.info.child.is_some()
    }

    fn note_received(&self, bytes: &[u8], wanted: usize) {
        let Some(tap) = &self.tap else { return };
        if !bytes.is_empty() {
            tap.data(Direction::Received, bytes);
        } else if wanted > 0 {
            tap.half_closed(Direction::Received);
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let before = buf.filled().len();
        let wanted = buf.remaining();
        let polled = match &mut this.io {
            Io::Tcp(tcp) => Pin::new(tcp).poll_read(cx, buf),
            Io::Unix(unix) => Pin::new(unix).poll_read(cx, buf),
            Io::Pair(pair) => match &pair.read {
                Some(read) => read.poll_read(cx, buf),
                None => Poll::Ready(Ok(())),
            },
            Io::Parts(parts) => Pin::new(&mut parts.read).poll_read(cx, buf),
            Io::Boxed(boxed) => Pin::new(boxed).poll_read(cx, buf),
        };
        if let Poll::Ready(Ok(())) = polled {
            this.note_received(&buf.filled()[before..], wanted);
        }
        polled
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        let polled = match &mut this.io {
            Io::Tcp(tcp) => Pin::new(tcp).poll_write(cx, bytes),
            Io::Unix(unix) => Pin::new(unix).poll_write(cx, bytes),
            Io::Pair(pair) => match &pair.write {
                Some(write) => write.poll_write(cx, bytes),
                None => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
            },
            Io::Parts(parts) => Pin::new(&mut parts.write).poll_write(cx, bytes),
            Io::Boxed(boxed) => Pin::new(boxed).poll_write(cx, bytes),
        };
        if let (Poll::Ready(Ok(n)), Some(tap)) = (&polled, &this.tap)
            && *n > 0
        {
            tap.data(Direction::Sent, &bytes[..*n]);
        }
        polled
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        let polled = match &mut this.io {
            Io::Tcp(tcp) => Pin::new(tcp).poll_write_vectored(cx, slices),
            Io::Unix(unix) => Pin::new(unix).poll_write_vectored(cx, slices),
            Io::Pair(_) | Io::Parts(_) | Io::Boxed(_) => {
                let first = slices.iter().find(|slice| !slice.is_empty());
                return self.poll_write(cx, first.map_or(&[], |slice| slice));
            }
        };
        if let (Poll::Ready(Ok(n)), Some(tap)) = (&polled, &this.tap) {
            let mut left = *n;
            for slice in slices {
                let here = left.min(slice.len());
                if here > 0 {
                    tap.data(Direction::Sent, &slice[..here]);
                }
                left -= here;
            }
        }
        polled
    }

    fn is_write_vectored(&self) -> bool {
        matches!(self.io, Io::Tcp(_) | Io::Unix(_))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.io {
            Io::Tcp(tcp) => Pin::new(tcp).poll_flush(cx),
            Io::Unix(unix) => Pin::new(unix).poll_flush(cx),
            Io::Pair(_) => Poll::Ready(Ok(())),
            Io::Parts(parts) => Pin::new(&mut parts.write).poll_flush(cx),
            Io::Boxed(boxed) => Pin::new(boxed).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let polled = match &mut this.io {
            Io::Tcp(tcp) => Pin::new(tcp).poll_shutdown(cx),
            Io::Unix(unix) => Pin::new(unix).poll_shutdown(cx),
            Io::Pair(pair) => {
                pair.close_write();
                Poll::Ready(Ok(()))
            }
            Io::Parts(parts) => Pin::new(&mut parts.write).poll_shutdown(cx),
            Io::Boxed(boxed) => Pin::new(boxed).poll_shutdown(cx),
        };
        if let (Poll::Ready(Ok(())), Some(tap)) = (&polled, &this.tap) {
            tap.half_closed(Direction::Sent);
        }
        polled
    }
}

impl Pair {
    /// Close the way out, so that whoever reads it sees the end.
    fn close_write(&mut self) {
        if self.write.take().is_some() && self.is_stdio {
            // Another descriptor of the same pipe would keep it open: descriptor 1 itself has to go.
            // Where there is no /dev, a pipe that nobody reads takes its place.
            let null = std::fs::File::options().write(true).open("/dev/null");
            let substitute = null
                .map(OwnedFd::from)
                .or_else(|_| std::io::pipe().map(|(_, write)| write.into()));
            if let Ok(substitute) = substitute {
                let _ = nix::unistd::dup2_stdout(substitute);
            }
        }
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream")
            .field("local", &self.local())
            .field("peer", &self.peer())
            .finish_non_exhaustive()
    }
}
