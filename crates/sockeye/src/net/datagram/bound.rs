//! One socket, many peers, each datagram by itself.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use super::open::bind_all;
use super::peer::PeerAddress;
use super::pktinfo::{Arrival, Unconnected, wrong_family};
use super::socket::AsyncSocket;
use crate::endpoint::{Endpoint, Options, UnixAddress};
use crate::error::{Error, Operation, Result};
use crate::net::carrier::unix_path::{self, UnixPath};
use crate::wire::{Direction, OpenTap, Tap};

/// How long to wait before a Unix datagram is offered again to a peer whose queue is full: the system does not say
/// when an unconnected socket's peer has room.
pub(super) const UNIX_RETRY: Duration = Duration::from_millis(2);

/// A datagram socket without a fixed peer: UDP (RFC 768) or Unix datagrams (unix(7)).
///
/// An address list of both families is served by one socket per family; both show here as one.
pub struct DatagramSocket {
    sockets: Vec<AsyncSocket<Unconnected>>,
    next: AtomicUsize,
    tap: Option<OpenTap>,
    local: Endpoint,
    endpoint: Endpoint,
    /// Keeps the socket file as long as the socket.
    _path: Option<UnixPath>,
}

/// What is known of a received datagram beside its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Arrived {
    /// How many bytes of the buffer it filled; 0 is a datagram too.
    pub len: usize,
    /// Who sent it.
    pub peer: PeerAddress,
    /// The address it was sent to, if the carrier has one: an address of this machine, a group, a broadcast address.
    pub asked: Option<IpAddr>,
}

impl DatagramSocket {
    /// Bind a UDP socket to these addresses. Must run inside a tokio runtime.
    pub(crate) fn bind(
        addrs: &[SocketAddr],
        options: &Options,
        endpoint: &Endpoint,
        tap: Option<Tap>,
    ) -> Result<Self> {
        let sockets = bind_all(addrs, options, endpoint)?;
        Ok(Self::new(sockets, None, endpoint, tap))
    }

    /// Bind a Unix datagram socket to this name. Must run inside a tokio runtime.
    pub(crate) fn bind_unix(
        address: &UnixAddress,
        options: &Options,
        endpoint: &Endpoint,
        tap: Option<Tap>,
    ) -> Result<Self> {
        let (socket, path) = bind_unix(address, options, endpoint)?;
        Ok(Self::new(vec![socket], path, endpoint, tap))
    }

    fn new(
        sockets: Vec<AsyncSocket<Unconnected>>,
        path: Option<UnixPath>,
        endpoint: &Endpoint,
        tap: Option<Tap>,
    ) -> Self {
        let local = sockets
            .first()
            .and_then(|socket| socket.get().local()?.endpoint())
            .unwrap_or_else(|| endpoint.clone());
        Self {
            sockets,
            next: AtomicUsize::new(0),
            tap: tap.map(OpenTap::new),
            local,
            endpoint: endpoint.clone(),
            _path: path,
        }
    }

    /// The address it is bound to, with the port the system chose.
    pub fn local(&self) -> &Endpoint {
        &self.local
    }

    /// Send one datagram to this peer.
    ///
    /// # Errors
    ///
    /// [`Kind::Usage`](crate::Kind::Usage) if it is too long or the peer is of another family;
    /// [`Kind::Denied`](crate::Kind::Denied) for a broadcast address without `broadcast=yes`;
    /// [`Kind::Unsupported`](crate::Kind::Unsupported) if the peer has no name.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a datagram is sent whole or not at all.
    pub async fn send_to(&self, message: &[u8], peer: &PeerAddress) -> Result<()> {
        let fitting = self
            .sockets
            .iter()
            .find(|socket| socket.get().reaches(peer));
        let Some(socket) = fitting else {
            return Err(self.send_error(wrong_family(peer), peer));
        };
        loop {
            let sent = match socket.get() {
                Unconnected::Udp { .. } => {
                    poll_fn(|cx| socket.poll_write(cx, |s| s.send(message, peer, None))).await
                }
                Unconnected::Unix(..) => socket.get().send(message, peer, None),
            };
            match sent {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    tokio::time::sleep(UNIX_RETRY).await;
                }
                Err(e) => return Err(self.send_error(e, peer)),
                Ok(()) => break,
            }
        }
        if let Some(tap) = &self.tap {
            tap.data(Direction::Sent, message);
        }
        Ok(())
    }

    /// Receive one datagram.
    ///
    /// # Errors
    ///
    /// [`Kind::Protocol`](crate::Kind::Protocol) if it is longer than `buf`: it is lost then.
    /// [`MAX_DATAGRAM`](crate::net::MAX_DATAGRAM) bytes hold every UDP datagram over IPv4.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: no datagram is lost.
    pub async fn recv_from(&self, buf: &mut [u8]) -> Result<Arrived> {
        let arrival = poll_fn(|cx| self.poll_receive(cx, buf))
            .await
            .map_err(|e| Error::from_io(Operation::Read, e).on(&self.endpoint))?;
        if let Some(tap) = &self.tap {
            tap.data(Direction::Received, &buf[..arrival.len]);
        }
        Ok(Arrived {
            len: arrival.len,
            peer: arrival.peer,
            asked: arrival.asked,
        })
    }

    fn poll_receive(&self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<Arrival>> {
        let start = self.next.fetch_add(1, Ordering::Relaxed);
        for step in 0..self.sockets.len() {
            let socket = &self.sockets[start.wrapping_add(step) % self.sockets.len()];
            if let Poll::Ready(done) = socket.poll_read(cx, |s| s.receive(buf)) {
                return Poll::Ready(done);
            }
        }
        Poll::Pending
    }

    fn send_error(&self, error: io::Error, peer: &PeerAddress) -> Error {
        let denied = error.kind() == io::ErrorKind::PermissionDenied;
        let made = Error::from_io(Operation::Write, error);
        let made = match peer {
            PeerAddress::Ip(addr) if denied && addr.is_ipv4() => broadcast_denied(made),
            _ => made,
        };
        match peer.endpoint() {
            Some(peer) => made.on(&peer),
            None => made.on(&self.endpoint),
        }
    }
}

/// The system says "permission denied" when a broadcast address is sent to without `SO_BROADCAST`.
pub(in crate::net) fn broadcast_denied(error: Error) -> Error {
    error.with_hint("if this is a broadcast address, allow it: `?broadcast=yes`")
}

impl fmt::Debug for DatagramSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatagramSocket")
            .field("local", &self.local)
            .finish_non_exhaustive()
    }
}

/// A Unix datagram socket bound to this name, and the keeper of its file.
pub(super) fn bind_unix(
    address: &UnixAddress,
    options: &Options,
    endpoint: &Endpoint,
) -> Result<(AsyncSocket<Unconnected>, Option<UnixPath>)> {
    let failed = |e: io::Error| Error::from_io(Operation::Listen, e).on(endpoint);
    let socket = unix_path::socket(address.kind, options).map_err(failed)?;
    let path = unix_path::bind_guard(&socket, address, options, endpoint)?;
    let socket = Unconnected::Unix(std::os::fd::OwnedFd::from(socket).into(), Mutex::new(()));
    Ok((AsyncSocket::new(socket).map_err(failed)?, path))
}
