//! Unix sequenced packets: connections that keep message boundaries and have an end (unix(7), `SOCK_SEQPACKET`).
//!
//! An empty message and the end both read as zero bytes. The system adds the sender's credentials to every message
//! when asked (`SO_PASSCRED`), and to the end it does not: that tells them apart.

use std::fmt;
use std::future::poll_fn;
use std::io::{self, IoSliceMut};
use std::net::Shutdown;
use std::os::fd::AsRawFd;
use std::task::{Context, Poll};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, UnixCredentials, cmsg_space, recvmsg};
use socket2::Socket;
use tokio::io::ReadBuf;

use super::unix_path::{self, UnixPath, bind_guard, connect_error, endpoint_of, unix_addr};
use crate::endpoint::{Carrier, Endpoint, Options, UnixAddress, UnixKind};
use crate::error::{Error, Operation, Result};
use crate::net::Messages;
use crate::net::datagram::pktinfo::{send_connected, too_long_for};
use crate::net::datagram::socket::AsyncSocket;
use crate::net::messages::MessageIo;
use crate::wire::Tap;

/// Connections that may wait to be accepted when nothing else is said; the system caps it at `somaxconn`.
const BACKLOG: u32 = 4096;

/// How long to wait before a server whose queue is full is asked again.
const CONNECT_RETRY: Duration = Duration::from_millis(5);

/// A link to this server. While its queue is full this waits; the caller sets the deadline.
///
/// # Cancel safety
///
/// Cancel safe: the connection is closed again.
pub(crate) async fn connect(
    address: &UnixAddress,
    options: &Options,
    endpoint: &Endpoint,
    tap: Option<Tap>,
) -> Result<Messages> {
    let failed = |e: io::Error| connect_error(e, endpoint);
    let addr = unix_addr(&address.name, Operation::Connect).map_err(|e| e.on(endpoint))?;
    let socket = unix_path::socket(UnixKind::Seqpacket, options).map_err(failed)?;
    // The system gives a socket with this option a name of its own (autobind) when it connects.
    socket.set_passcred(true).map_err(failed)?;
    loop {
        match nix::sys::socket::connect(socket.as_raw_fd(), &addr) {
            Ok(()) => break,
            Err(Errno::EAGAIN) => tokio::time::sleep(CONNECT_RETRY).await,
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(failed(errno.into())),
        }
    }
    let peer = Endpoint::new(Carrier::Unix(address.clone()));
    messages(socket, tap, Some(peer)).map_err(failed)
}

/// Wraps a connected socket.
fn messages(socket: Socket, tap: Option<Tap>, peer: Option<Endpoint>) -> io::Result<Messages> {
    let local = endpoint_of(&socket.local_addr()?, UnixKind::Seqpacket);
    let socket = AsyncSocket::new(socket)?;
    Ok(Messages::new(
        Box::new(SeqpacketIo { socket }),
        tap,
        local,
        peer,
    ))
}

/// Accepts connections of sequenced packets.
pub(crate) struct SeqpacketListener {
    socket: AsyncSocket<Socket>,
    endpoint: Endpoint,
    local: Endpoint,
    _path: Option<UnixPath>,
}

impl SeqpacketListener {
    /// Listen on this name. Must run inside a tokio runtime.
    pub(crate) fn bind(
        address: &UnixAddress,
        options: &Options,
        endpoint: &Endpoint,
    ) -> Result<Self> {
        let failed = |e: io::Error| Error::from_io(Operation::Listen, e).on(endpoint);
        let socket = unix_path::socket(UnixKind::Seqpacket, options).map_err(failed)?;
        let path = bind_guard(&socket, address, options, endpoint)?;
        let backlog = options.backlog.unwrap_or(BACKLOG);
        socket
            .listen(i32::try_from(backlog).unwrap_or(i32::MAX))
            .map_err(failed)?;
        Ok(Self {
            socket: AsyncSocket::new(socket).map_err(failed)?,
            endpoint: endpoint.clone(),
            local: Endpoint::new(Carrier::Unix(address.clone())),
            _path: path,
        })
    }

    /// The next connection; the peer is `None` if its socket has no name.
    ///
    /// # Errors
    ///
    /// [`Kind::Io`](crate::Kind::Io) if there are no descriptors left, say; accepting can go on later.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: no connection is lost.
    pub(crate) async fn accept(&mut self) -> Result<Messages> {
        let failed = |e: io::Error| Error::from_io(Operation::Accept, e).on(&self.endpoint);
        let (socket, peer) = poll_fn(|cx| self.socket.poll_read(cx, Socket::accept))
            .await
            .map_err(failed)?;
        socket.set_nonblocking(true).map_err(failed)?;
        super::unix::apply_buffer((&socket).into(), self.endpoint.options());
        // What the peer sent before this carries its credentials all the same: they are added on receiving.
        socket.set_passcred(true).map_err(failed)?;
        let peer = endpoint_of(&peer, UnixKind::Seqpacket);
        messages(socket, None, peer).map_err(failed)
    }
}

impl fmt::Debug for SeqpacketListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SeqpacketListener")
            .field("local", &self.local)
            .finish_non_exhaustive()
    }
}

struct SeqpacketIo {
    socket: AsyncSocket<Socket>,
}

/// Space for one message of credentials and no more, so that no descriptor can be slipped in; aligned as the system
/// wants it.
#[repr(align(16))]
struct Control([u8; cmsg_space::<UnixCredentials>()]);

/// Receive one message; `None` is the end.
fn receive(socket: &Socket, buf: &mut [u8]) -> io::Result<Option<usize>> {
    let room = buf.len();
    let mut control = Control([0; cmsg_space::<UnixCredentials>()]);
    let mut slices = [IoSliceMut::new(buf)];
    let fd = socket.as_raw_fd();
    let got = recvmsg::<()>(fd, &mut slices, Some(&mut control.0), MsgFlags::empty())?;
    if got.flags.contains(MsgFlags::MSG_TRUNC) {
        return Err(too_long_for(room));
    }
    // An error here means that there was more than fits: a message with descriptors, not the end.
    let is_end = got.bytes == 0
        && got
            .cmsgs()
            .is_ok_and(|mut messages| messages.next().is_none());
    Ok((!is_end).then_some(got.bytes))
}

impl MessageIo for SeqpacketIo {
    fn poll_send(&self, cx: &mut Context<'_>, message: &[u8]) -> Poll<io::Result<()>> {
        self.socket
            .poll_write(cx, |socket| send_connected(socket, message))
    }

    fn poll_recv(&self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<bool>> {
        let unfilled = buf.initialize_unfilled();
        let polled = self
            .socket
            .poll_read(cx, |socket| receive(socket, unfilled));
        polled.map_ok(|received| {
            buf.advance(received.unwrap_or(0));
            received.is_some()
        })
    }

    fn shutdown(&self) -> io::Result<()> {
        self.socket.get().shutdown(Shutdown::Write)
    }
}
