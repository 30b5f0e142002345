//! A connection that carries messages.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll, ready};

use tokio::io::ReadBuf;

use crate::endpoint::Endpoint;
use crate::error::{Error, Operation, Result};
use crate::wire::{Direction, OpenTap, Tap};

/// The largest payload of one UDP datagram over IPv4, in bytes: 65,535 less the IP and UDP headers (RFC 768).
pub const MAX_DATAGRAM: usize = 65_507;

/// A link to one peer that keeps message boundaries: UDP, Unix datagrams, Unix sequenced packets, and the layer `python` over any
/// stream.
///
/// An empty message is a message. Only links that have an end (sequenced packets, `python`) report one.
pub struct Messages {
    io: Box<dyn MessageIo>,
    tap: Option<Box<OpenTap>>,
    // Boxed, so that a link that carries bytes need not be as large.
    local: Option<Box<Endpoint>>,
    peer: Option<Box<Endpoint>>,
}

/// What a carrier of messages must do.
pub(crate) trait MessageIo: Send + Sync {
    /// Send one whole message.
    fn poll_send(&self, cx: &mut Context<'_>, message: &[u8]) -> Poll<io::Result<()>>;
    /// Receive one message into the buffer; `false` at the end of the link. What does not fit is an error of kind
    /// `InvalidData`, never cut silently.
    fn poll_recv(&self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<bool>>;
    /// Say that we send no more, where the carrier has a way to say it.
    fn shutdown(&self) -> io::Result<()>;
    /// Receive one message whatever its length, where there is no longest one; else of at most so many bytes.
    fn poll_recv_vec(
        &self,
        cx: &mut Context<'_>,
        most: usize,
    ) -> Poll<io::Result<Option<Vec<u8>>>> {
        let mut bytes = vec![0; most];
        let mut buf = ReadBuf::new(&mut bytes);
        let more = ready!(self.poll_recv(cx, &mut buf))?;
        let length = buf.filled().len();
        bytes.truncate(length);
        Poll::Ready(Ok(more.then_some(bytes)))
    }
    /// Wait until what was taken is on its way.
    fn poll_flush(&self, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
    /// Whether messages may be of any length, and the link can end by itself.
    fn is_unbounded(&self) -> bool {
        false
    }
}

impl Messages {
    pub(crate) fn new(
        io: Box<dyn MessageIo>,
        tap: Option<Tap>,
        local: Option<Endpoint>,
        peer: Option<Endpoint>,
    ) -> Self {
        Self {
            io,
            tap: tap.map(|tap| Box::new(OpenTap::new(tap))),
            local: local.map(Box::new),
            peer: peer.map(Box::new),
        }
    }

    /// The same link, observed.
    pub(crate) fn tapped(mut self, tap: Option<Tap>) -> Self {
        self.tap = tap.map(|tap| Box::new(OpenTap::new(tap)));
        self
    }

    /// Our end, if it has an address.
    pub fn local(&self) -> Option<&Endpoint> {
        self.local.as_deref()
    }

    /// The other end, if it has an address.
    pub fn peer(&self) -> Option<&Endpoint> {
        self.peer.as_deref()
    }

    /// Send one message, whole.
    ///
    /// # Errors
    ///
    /// [`Kind::Usage`](crate::Kind::Usage) if it is too long for the carrier; [`Kind::Refused`](crate::Kind::Refused)
    /// if an earlier datagram was answered by "port unreachable" (RFC 1122 section 4.1.3.3): the next one may succeed.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a message is sent whole or not at all. On a link over a stream (`python`) a message that was begun is brought to
    /// its end by the next call.
    pub async fn send(&self, message: &[u8]) -> Result<()> {
        let sent = async {
            poll_fn(|cx| self.poll_send(cx, message)).await?;
            poll_fn(|cx| self.poll_flush(cx)).await
        };
        sent.await.map_err(|e| self.error(Operation::Write, e))
    }

    /// Wait until all that was sent is on its way. After [`Messages::send`] it is.
    ///
    /// # Errors
    ///
    /// As [`Messages::send`].
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn flush(&self) -> Result<()> {
        poll_fn(|cx| self.poll_flush(cx))
            .await
            .map_err(|e| self.error(Operation::Write, e))
    }

    /// Receive one message into `buf` and return its length; `None` is the end of the link.
    ///
    /// # Errors
    ///
    /// [`Kind::Protocol`](crate::Kind::Protocol) if the message is longer than `buf`;
    /// [`MAX_DATAGRAM`] bytes hold every UDP datagram.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: no message is lost.
    pub async fn recv(&self, buf: &mut [u8]) -> Result<Option<usize>> {
        let mut buf = ReadBuf::new(buf);
        let more = poll_fn(|cx| self.poll_recv(cx, &mut buf))
            .await
            .map_err(|e| self.error(Operation::Read, e))?;
        Ok(more.then_some(buf.filled().len()))
    }

    /// Receive one message of any length; `None` is the end of the link.
    ///
    /// # Errors
    ///
    /// [`Kind::Protocol`](crate::Kind::Protocol) if the peer breaks the rules of a layer, or ends within a message.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: no message is lost.
    pub async fn recv_vec(&self) -> Result<Option<Vec<u8>>> {
        poll_fn(|cx| self.poll_recv_vec(cx))
            .await
            .map_err(|e| self.error(Operation::Read, e))
    }

    /// Say that we send no more. Datagrams have no way to say it; sequenced packets have.
    ///
    /// # Errors
    ///
    /// [`Kind::Io`](crate::Kind::Io) if the system refuses.
    pub fn shutdown(&self) -> Result<()> {
        self.io
            .shutdown()
            .map_err(|e| self.error(Operation::Write, e))?;
        if let Some(tap) = &self.tap {
            tap.half_closed(Direction::Sent);
        }
        Ok(())
    }

    /// The poll form of [`Messages::send`].
    pub fn poll_send(&self, cx: &mut Context<'_>, message: &[u8]) -> Poll<io::Result<()>> {
        let polled = self.io.poll_send(cx, message);
        if let (Poll::Ready(Ok(())), Some(tap)) = (&polled, &self.tap) {
            tap.data(Direction::Sent, message);
        }
        polled
    }

    /// The poll form of [`Messages::recv`]; `buf` must be empty, and `false` is the end of the link.
    pub fn poll_recv(&self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<bool>> {
        let polled = self.io.poll_recv(cx, buf);
        if let (Poll::Ready(Ok(more)), Some(tap)) = (&polled, &self.tap) {
            if *more {
                tap.data(Direction::Received, buf.filled());
            } else {
                tap.half_closed(Direction::Received);
            }
        }
        polled
    }

    /// The poll form of [`Messages::recv_vec`].
    pub fn poll_recv_vec(&self, cx: &mut Context<'_>) -> Poll<io::Result<Option<Vec<u8>>>> {
        let polled = self.io.poll_recv_vec(cx, MAX_DATAGRAM);
        if let (Poll::Ready(Ok(message)), Some(tap)) = (&polled, &self.tap) {
            match message {
                Some(message) => tap.data(Direction::Received, message),
                None => tap.half_closed(Direction::Received),
            }
        }
        polled
    }

    /// The poll form of [`Messages::flush`].
    pub fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.io.poll_flush(cx)
    }

    /// Whether messages of this link may be of any length, so that a buffer of fixed size may be too short.
    pub(crate) fn is_unbounded(&self) -> bool {
        self.io.is_unbounded()
    }

    fn error(&self, operation: Operation, error: io::Error) -> Error {
        let made = Error::from_io(operation, error);
        match &self.peer {
            Some(peer) => made.on(peer),
            None => made,
        }
    }
}

impl fmt::Debug for Messages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Messages")
            .field("local", &self.local)
            .field("peer", &self.peer)
            .finish_non_exhaustive()
    }
}
