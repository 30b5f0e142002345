//! Descriptors that this process inherited, and keeping ours from the programs we start.
//!
//! The only place that turns a number into a descriptor. Numbers are duplicated, never adopted, so that nothing here can
//! close a descriptor twice.

use std::env;
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd, RawFd};
use std::sync::Once;

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use socket2::SockRef;

use crate::endpoint::Descriptor;
use crate::error::{Error, Kind, Operation, Result};
use crate::net::descriptor::Descriptor as Own;
use crate::net::stream::{Io, Pair};

/// The first descriptor that socket activation passes on, see sd_listen_fds(3).
const LISTEN_FDS_START: RawFd = 3;

/// A duplicate of the inherited descriptor.
pub(crate) fn take(which: &Descriptor) -> Result<OwnedFd> {
    let number = match which {
        Descriptor::Number(number) => RawFd::try_from(*number).map_err(|_| unknown(*number))?,
        Descriptor::Name(name) => find(name)?,
    };
    duplicate(number).map_err(|e| match e.raw_os_error() {
        Some(nix::libc::EBADF) => unknown(number.unsigned_abs()),
        _ => Error::from_io(Operation::Open, e),
    })
}

/// The stream behind an inherited descriptor: a connected socket, a pipe, a terminal, a file.
pub(crate) fn connected(which: &Descriptor) -> Result<Io> {
    let fd = take(which)?;
    let open = |e| Error::from_io(Operation::Open, e);
    let socket = SockRef::from(&fd);
    if socket
        .r#type()
        .is_ok_and(|kind| kind != socket2::Type::STREAM)
    {
        return Err(Error::new(
            Kind::Unsupported,
            Operation::Open,
            "it is not a stream socket",
        ));
    }
    if socket.is_listener().unwrap_or(false) {
        return Err(Error::new(
            Kind::Usage,
            Operation::Open,
            "it is a listening socket, not a connection",
        )
        .with_hint("use it where an endpoint to listen on is asked for"));
    }
    match socket.local_addr() {
        Ok(address) if address.as_socket().is_some() => {
            let tcp = std::net::TcpStream::from(fd);
            tcp.set_nonblocking(true).map_err(open)?;
            Ok(Io::Tcp(tokio::net::TcpStream::from_std(tcp).map_err(open)?))
        }
        Ok(_) => {
            let unix = std::os::unix::net::UnixStream::from(fd);
            unix.set_nonblocking(true).map_err(open)?;
            Ok(Io::Unix(
                tokio::net::UnixStream::from_std(unix).map_err(open)?,
            ))
        }
        // Not a socket. The description may be shared with other processes, so its mode is left alone.
        Err(_) => {
            let again = fd.try_clone().map_err(open)?;
            let (reads, writes) = directions(&fd).map_err(open)?;
            let read = reads.then(|| Own::shared(fd)).transpose().map_err(open)?;
            let write = writes
                .then(|| Own::shared(again))
                .transpose()
                .map_err(open)?;
            Ok(Io::from(Pair {
                read,
                write,
                is_stdio: false,
            }))
        }
    }
}

/// What an inherited descriptor is to a server.
pub(crate) enum Inherited {
    /// A listening TCP socket.
    Tcp(tokio::net::TcpListener),
    /// A listening Unix stream socket.
    Unix(tokio::net::UnixListener),
    /// Something else: one conversation.
    Other,
}

/// The listening socket behind an inherited descriptor, if it is one.
pub(crate) fn listening(which: &Descriptor) -> Result<Inherited> {
    let fd = take(which)?;
    let socket = SockRef::from(&fd);
    if !socket.is_listener().unwrap_or(false) {
        return Ok(Inherited::Other);
    }
    let open = |e| Error::from_io(Operation::Open, e);
    let is_ip = socket
        .local_addr()
        .is_ok_and(|address| address.as_socket().is_some());
    socket.set_nonblocking(true).map_err(open)?;
    Ok(if is_ip {
        Inherited::Tcp(tokio::net::TcpListener::from_std(fd.into()).map_err(open)?)
    } else {
        Inherited::Unix(tokio::net::UnixListener::from_std(fd.into()).map_err(open)?)
    })
}

/// Whether a descriptor was opened for reading and for writing.
fn directions(fd: &OwnedFd) -> io::Result<(bool, bool)> {
    let access = OFlag::from_bits_retain(fcntl(fd, FcntlArg::F_GETFL)?) & OFlag::O_ACCMODE;
    Ok((access != OFlag::O_WRONLY, access != OFlag::O_RDONLY))
}

fn unknown(number: u32) -> Error {
    Error::new(
        Kind::Io,
        Operation::Open,
        format!("this process has no descriptor {number}"),
    )
    .with_hint(format!(
        "the shell passes one on with `{number}<>FILE` or `{number}<&0`"
    ))
}

#[expect(
    unsafe_code,
    reason = "std has no checked way from a number to a descriptor"
)]
fn duplicate(number: RawFd) -> io::Result<OwnedFd> {
    if number < 0 {
        return Err(io::Error::from_raw_os_error(nix::libc::EBADF));
    }
    // SAFETY: the borrow lives for this one call to fcntl(F_DUPFD_CLOEXEC), which fails with EBADF if nothing is open
    // under the number and does nothing else to it.
    unsafe { BorrowedFd::borrow_raw(number) }.try_clone_to_owned()
}

/// The number of a descriptor that socket activation gave this name.
fn find(name: &str) -> Result<RawFd> {
    let meant_for_us =
        env::var("LISTEN_PID").is_ok_and(|pid| pid == std::process::id().to_string());
    let count = env::var("LISTEN_FDS")
        .ok()
        .and_then(|count| count.parse::<RawFd>().ok());
    let (true, Some(count)) = (meant_for_us, count) else {
        return Err(Error::new(
            Kind::Io,
            Operation::Open,
            "no descriptors were passed to this process (LISTEN_PID and LISTEN_FDS do not name it)",
        )
        .with_hint(
            "start it by socket activation, or name a descriptor by its number, as in fd:3",
        ));
    };
    let names = env::var("LISTEN_FDNAMES").unwrap_or_default();
    let position = names.split(':').position(|given| given == name);
    position
        .and_then(|position| RawFd::try_from(position).ok())
        .filter(|position| *position < count)
        .map(|position| LISTEN_FDS_START + position)
        .ok_or_else(|| {
            Error::new(
                Kind::Io,
                Operation::Open,
                format!("no passed descriptor is called `{name}`"),
            )
            .with_hint(format!("LISTEN_FDNAMES has `{names}`"))
        })
}

/// Close descriptors that we inherited on exec, so that programs we start see 0, 1 and 2 only.
///
/// Our own are opened that way; this is for those that our parent left open. Done once, before the first program.
pub(crate) fn keep_from_programs() {
    static ONCE: Once = Once::new();
    ONCE.call_once(mark_all);
}

#[expect(unsafe_code, reason = "nix has no close_range")]
fn mark_all() {
    // SAFETY: with CLOSE_RANGE_CLOEXEC the call closes nothing; it sets a flag on what is open.
    let done = unsafe {
        nix::libc::syscall(
            nix::libc::SYS_close_range,
            3_u32,
            u32::MAX,
            nix::libc::CLOSE_RANGE_CLOEXEC,
        )
    };
    if done != 0 {
        tracing::warn!("close_range failed: programs may inherit descriptors");
    }
}
