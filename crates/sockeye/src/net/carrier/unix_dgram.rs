//! Unix datagrams to one peer (unix(7)). Listening is done by `net::datagram`.

use std::io;
use std::os::fd::AsRawFd;
use std::task::{Context, Poll};

use nix::sys::socket::UnixAddr;
use socket2::Socket;
use tokio::io::ReadBuf;

use super::unix_path::{self, connect_error, endpoint_of, unix_addr};
use crate::endpoint::{Endpoint, Options, UnixAddress, UnixKind};
use crate::error::{Operation, Result};
use crate::net::Messages;
use crate::net::datagram::pktinfo::{receive_connected, send_connected};
use crate::net::datagram::socket::AsyncSocket;
use crate::net::messages::MessageIo;
use crate::wire::Tap;

/// A Unix datagram link to this server. Must run inside a tokio runtime.
///
/// Our socket gets a name from the system (an abstract one, Linux's autobind), so that the server can answer.
pub(crate) fn connect(
    address: &UnixAddress,
    options: &Options,
    endpoint: &Endpoint,
    tap: Option<Tap>,
) -> Result<Messages> {
    let failed = |e: io::Error| connect_error(e, endpoint);
    let addr = unix_addr(&address.name, Operation::Connect).map_err(|e| e.on(endpoint))?;
    let socket = unix_path::socket(UnixKind::Dgram, options).map_err(failed)?;
    let fd = socket.as_raw_fd();
    nix::sys::socket::bind(fd, &UnixAddr::new_unnamed()).map_err(|e| failed(e.into()))?;
    nix::sys::socket::connect(fd, &addr).map_err(|e| failed(e.into()))?;
    let local = socket.local_addr().map_err(failed)?;
    let local = endpoint_of(&local, UnixKind::Dgram);
    let peer = Endpoint::new(crate::endpoint::Carrier::Unix(address.clone()));
    let socket = AsyncSocket::new(socket).map_err(failed)?;
    Ok(Messages::new(
        Box::new(DgramIo { socket }),
        tap,
        local,
        Some(peer),
    ))
}

struct DgramIo {
    socket: AsyncSocket<Socket>,
}

impl MessageIo for DgramIo {
    fn poll_send(&self, cx: &mut Context<'_>, message: &[u8]) -> Poll<io::Result<()>> {
        self.socket
            .poll_write(cx, |socket| send_connected(socket, message))
    }

    fn poll_recv(&self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<bool>> {
        let unfilled = buf.initialize_unfilled();
        let polled = self
            .socket
            .poll_read(cx, |socket| receive_connected(socket, unfilled));
        polled.map_ok(|len| {
            buf.advance(len);
            true
        })
    }

    fn shutdown(&self) -> io::Result<()> {
        Ok(())
    }
}
