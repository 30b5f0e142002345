//! Unix stream sockets, see unix(7).

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::{UnixListener as StdUnixListener, UnixStream as StdUnixStream};
use std::time::{Duration, Instant};

use nix::sys::socket::UnixAddr;
use socket2::SockRef;
use tokio::net::{UnixListener, UnixStream};

use super::unix_path::{self, UnixPath, bind_guard, unix_addr};
use crate::endpoint::{Endpoint, Options, UnixAddress, UnixKind};
use crate::error::{Error, Kind, Operation, Result};

/// How long to wait before asking again when the listener's queue is full; the kernel offers nothing to wait on.
const FULL_QUEUE_PAUSE: Duration = Duration::from_millis(10);

/// Connections that may wait to be accepted; the system caps it at `net.core.somaxconn`.
const BACKLOG: u32 = 4096;

/// Connect to a stream socket, waiting for room in the listener's queue until the deadline.
pub(crate) async fn connect(
    address: &UnixAddress,
    options: &Options,
    endpoint: &Endpoint,
    deadline: Instant,
) -> Result<UnixStream> {
    let name = unix_addr(&address.name, Operation::Connect)?;
    loop {
        match try_connect(&name, options) {
            Ok(stream) => return Ok(stream),
            // For Unix sockets EAGAIN means that the backlog is full, see connect(2).
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                if Instant::now() >= deadline {
                    return Err(Error::new(
                        Kind::TimedOut,
                        Operation::Connect,
                        "the server does not accept (its queue is full)",
                    ));
                }
                tokio::time::sleep(FULL_QUEUE_PAUSE).await;
            }
            Err(e) => return Err(unix_path::connect_error(e, endpoint)),
        }
    }
}

fn try_connect(name: &UnixAddr, options: &Options) -> io::Result<UnixStream> {
    let socket = unix_path::socket(UnixKind::Stream, options)?;
    nix::sys::socket::connect(socket.as_raw_fd(), name)?;
    UnixStream::from_std(StdUnixStream::from(OwnedFd::from(socket)))
}

/// Put `buffer=` on a socket that was accepted: unlike TCP's, it does not inherit that from its listener.
pub(crate) fn apply_buffer(socket: SockRef<'_>, options: &Options) {
    if let Some(bytes) = options.buffer {
        let bytes = usize::try_from(bytes)
            .unwrap_or(usize::MAX)
            .min(i32::MAX as usize);
        // The listener took this size before, so it is one that the system takes.
        let _ = socket.set_recv_buffer_size(bytes);
        let _ = socket.set_send_buffer_size(bytes);
    }
}

/// Listen on a stream socket; the guard removes the socket file at the end.
pub(crate) fn listen(
    address: &UnixAddress,
    options: &Options,
    endpoint: &Endpoint,
) -> Result<(UnixListener, Option<UnixPath>)> {
    let failed = |e| Error::from_io(Operation::Listen, e);
    let socket = unix_path::socket(UnixKind::Stream, options).map_err(failed)?;
    let guard = bind_guard(&socket, address, options, endpoint)?;
    let backlog = i32::try_from(options.backlog.unwrap_or(BACKLOG)).unwrap_or(i32::MAX);
    socket.listen(backlog).map_err(failed)?;
    let listener = StdUnixListener::from(OwnedFd::from(socket));
    Ok((UnixListener::from_std(listener).map_err(failed)?, guard))
}
