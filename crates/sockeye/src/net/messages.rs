//! A connection that carries messages.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll};

use tokio::io::ReadBuf;

use crate::endpoint::Endpoint;
use crate::error::{Error, Operation, Result};
use crate::wire::{Direction, OpenTap, Tap};

/// The largest payload of one UDP datagram over IPv4, in bytes: 65,535 less the IP and UDP headers (RFC 768).
pub const MAX_DATAGRAM: usize = 65_507;

/// A link to one peer that keeps message boundaries: UDP, Unix datagrams, Unix sequenced packets.
///
/// An empty message is a message. Only carriers that have an end (sequenced packets) report one.
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
    /// Cancel safe: a message is sent whole or not at all.
    pub async fn send(&self, message: &[u8]) -> Result<()> {
        poll_fn(|cx| self.poll_send(cx, message))
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
