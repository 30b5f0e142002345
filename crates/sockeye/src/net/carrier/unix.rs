//! Unix stream sockets, see unix(7).

use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::fd::OwnedFd;
use std::os::unix::net::{
    SocketAddr as UnixSocketAddr, UnixListener as StdUnixListener, UnixStream as StdUnixStream,
};
use std::time::{Duration, Instant};

use socket2::{Domain, SockAddr, Socket, Type};
use tokio::net::{UnixListener, UnixStream};

use super::unix_path::BoundPath;
use crate::endpoint::{Carrier, Endpoint, Options, UnixAddress, UnixKind, UnixName};
use crate::error::{Error, Kind, Operation, Result};

/// How long to wait before asking again when the listener's queue is full; the kernel offers nothing to wait on.
const FULL_QUEUE_PAUSE: Duration = Duration::from_millis(10);

/// Connect to a stream socket, waiting for room in the listener's queue until the deadline.
pub(crate) async fn connect(
    name: &UnixName,
    options: &Options,
    deadline: Instant,
) -> Result<UnixStream> {
    let address = socket_address(name)?;
    loop {
        match try_connect(&address, options) {
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
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                return Err(Error::new(
                    Kind::Refused,
                    Operation::Connect,
                    "there is no such socket",
                ));
            }
            Err(e) => return Err(Error::from_io(Operation::Connect, e)),
        }
    }
}

fn try_connect(address: &SockAddr, options: &Options) -> io::Result<UnixStream> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    if let Some(bytes) = options.buffer {
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        socket.set_send_buffer_size(bytes)?;
        socket.set_recv_buffer_size(bytes)?;
    }
    socket.connect(address)?;
    UnixStream::from_std(StdUnixStream::from(OwnedFd::from(socket)))
}

/// Listen on a stream socket; the guard removes the socket file at the end.
pub(crate) fn listen(name: &UnixName, options: &Options) -> Result<(UnixListener, Option<BoundPath>)> {
    let listen = |e| Error::from_io(Operation::Listen, e);
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None).map_err(listen)?;
    socket.set_nonblocking(true).map_err(listen)?;
    let guard = super::unix_path::bind(&socket, name, options)?;
    let backlog = i32::try_from(options.backlog.unwrap_or(4096)).unwrap_or(i32::MAX);
    socket.listen(backlog).map_err(listen)?;
    let listener = StdUnixListener::from(OwnedFd::from(socket));
    Ok((UnixListener::from_std(listener).map_err(listen)?, guard))
}

/// The kernel's form of a name.
pub(crate) fn socket_address(name: &UnixName) -> Result<SockAddr> {
    let made = match name {
        UnixName::Path(path) => SockAddr::unix(path),
        UnixName::Abstract(bytes) => {
            let mut with_nul = vec![0];
            with_nul.extend_from_slice(bytes);
            SockAddr::unix(std::path::Path::new(
                <std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(&with_nul),
            ))
        }
    };
    made.map_err(|e| {
        Error::new(
            Kind::Usage,
            Operation::Connect,
            format!("the socket's name does not fit: {e}"),
        )
        .with_hint("a path may have at most 107 bytes; a relative path is shorter")
    })
}

/// The endpoint of a kernel address, if it has a name.
pub(crate) fn endpoint_of(address: &UnixSocketAddr, kind: UnixKind) -> Option<Endpoint> {
    let name = match (address.as_pathname(), address.as_abstract_name()) {
        (Some(path), _) => UnixName::Path(path.to_owned()),
        (_, Some(name)) => UnixName::Abstract(name.to_owned()),
        _ => return None,
    };
    Some(Endpoint::new(Carrier::Unix(UnixAddress { kind, name })))
}
