//! Names of Unix domain sockets: taking them, and giving their files back.
//!
//! What every kind of Unix socket needs before it listens (unix(7)): a stale file goes, a foreign one stays, ours has
//! its permissions from the first moment and is gone at the end.

#![expect(
    clippy::disallowed_methods,
    reason = "this is where `net` opens what it carries"
)]

use std::fs;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::fcntl::{OFlag, open};
use nix::sys::socket::UnixAddr;
use nix::sys::stat::{Mode, fchmod};
use socket2::{Domain, SockAddr, Socket, Type};

use crate::endpoint::{Carrier, Endpoint, Options, UnixAddress, UnixKind, UnixName};
use crate::error::{Error, Kind, Operation, Result};

/// The longest name of a Unix socket, in bytes: `sun_path` has 108, one of which is the NUL.
pub(crate) const MAX_NAME: usize = 107;

/// Keeps the file of a bound socket and removes it when dropped, if it still is that file.
#[derive(Debug)]
pub(crate) struct UnixPath {
    path: PathBuf,
    device: u64,
    inode: u64,
}

impl Drop for UnixPath {
    fn drop(&mut self) {
        if let Ok(meta) = fs::symlink_metadata(&self.path)
            && (meta.dev(), meta.ino()) == (self.device, self.inode)
        {
            // Nobody is left to tell; a file that stays is stale and goes next time.
            drop(fs::remove_file(&self.path));
        }
    }
}

/// A Unix socket of this kind in non-blocking mode, with the buffer that the options ask for.
pub(crate) fn socket(kind: UnixKind, options: &Options) -> io::Result<Socket> {
    let socket = Socket::new(Domain::UNIX, socket_type(kind), None)?;
    socket.set_nonblocking(true)?;
    if let Some(bytes) = options.buffer {
        let bytes = usize::try_from(bytes)
            .unwrap_or(usize::MAX)
            .min(i32::MAX as usize);
        socket.set_recv_buffer_size(bytes)?;
        socket.set_send_buffer_size(bytes)?;
    }
    Ok(socket)
}

fn socket_type(kind: UnixKind) -> Type {
    match kind {
        UnixKind::Stream => Type::STREAM,
        UnixKind::Dgram => Type::DGRAM,
        UnixKind::Seqpacket => Type::SEQPACKET,
    }
}

/// The name as the system calls want it.
///
/// # Errors
///
/// [`Kind::Usage`] if it is empty, too long, or a path with a NUL byte.
pub(crate) fn unix_addr(name: &UnixName, operation: Operation) -> Result<UnixAddr> {
    let (len, what) = match name {
        UnixName::Path(path) => (path.as_os_str().len(), "path"),
        UnixName::Abstract(name) => (name.len(), "abstract name"),
    };
    if len > MAX_NAME {
        let why = format!(
            "the {what} has {len} bytes, and the name of a Unix socket has at most {MAX_NAME}"
        );
        return Err(Error::new(Kind::Usage, operation, why)
            .with_hint("use a shorter path, or a path relative to the current directory"));
    }
    if len == 0 && matches!(name, UnixName::Path(_)) {
        return Err(Error::new(Kind::Usage, operation, "the path is empty"));
    }
    match name {
        UnixName::Path(path) => UnixAddr::new(path.as_os_str().as_bytes()),
        UnixName::Abstract(name) => UnixAddr::new_abstract(name),
    }
    .map_err(|_| Error::new(Kind::Usage, operation, format!("the {what} has a NUL byte")))
}

/// Bind this socket to its name; the guard is `None` for an abstract name, or if `unlink=no` leaves the file alone.
///
/// # Errors
///
/// [`Kind::InUse`] if a server answers there or the file is no socket, [`Kind::Usage`] for an impossible name,
/// [`Kind::Denied`] if the directory is not ours to write.
pub(crate) fn bind_guard(
    socket: &Socket,
    address: &UnixAddress,
    options: &Options,
    endpoint: &Endpoint,
) -> Result<Option<UnixPath>> {
    bind(socket, address, options).map_err(|e| e.on(endpoint))
}

fn bind(socket: &Socket, address: &UnixAddress, options: &Options) -> Result<Option<UnixPath>> {
    let failed = |e: io::Error| Error::from_io(Operation::Listen, e);
    let addr = unix_addr(&address.name, Operation::Listen)?;
    let bind = || nix::sys::socket::bind(socket.as_raw_fd(), &addr).map_err(io::Error::from);
    let UnixName::Path(path) = &address.name else {
        bind().map_err(failed)?;
        return Ok(None);
    };
    let unlink = options.unlink.unwrap_or(true);
    if unlink {
        remove_stale(path, address.kind, &addr)?;
    }
    if let Some(mode) = options.mode {
        // Linux gives the file the permissions of the descriptor (less the umask), so it is never open to more.
        fchmod(socket, Mode::from_bits_truncate(mode)).map_err(|e| failed(e.into()))?;
    }
    bind().map_err(|e| bind_error(e, unlink))?;
    let meta = fs::symlink_metadata(path).map_err(failed)?;
    let made = (meta.dev(), meta.ino());
    if let Some(mode) = options.mode
        && meta.mode() & 0o777 != mode & 0o777
    {
        widen(path, made, mode).map_err(failed)?;
    }
    Ok(unlink.then(|| UnixPath {
        path: absolute(path),
        device: made.0,
        inode: made.1,
    }))
}

/// The path that still means the same file after the process has changed its directory.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

fn bind_error(error: io::Error, unlink: bool) -> Error {
    if error.kind() == io::ErrorKind::NotFound {
        let why = "the directory that it is to be in is not there";
        return Error::new(Kind::Io, Operation::Listen, why).with_hint("`mkdir -p` makes it");
    }
    let made = Error::from_io(Operation::Listen, error);
    if made.kind() == Kind::InUse && !unlink {
        return made.with_hint("the file is there already: remove it, or leave `unlink=no` out");
    }
    made
}

/// Give the file the permissions that the umask took away; only ever called on the file that was just made.
pub(crate) fn widen(path: &Path, made: (u64, u64), mode: u32) -> io::Result<()> {
    let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let file = fs::File::from(open(path, flags, Mode::empty())?);
    let meta = file.metadata()?;
    if (meta.dev(), meta.ino()) != made {
        return Err(io::Error::other("somebody replaced the socket file"));
    }
    let permissions = fs::Permissions::from_mode(mode & 0o777);
    // chmod(2) takes no O_PATH descriptor, but its name in /proc; where /proc is missing the path has to do.
    let by_descriptor = format!("/proc/self/fd/{}", file.as_raw_fd());
    fs::set_permissions(by_descriptor, permissions.clone())
        .or_else(|_| fs::set_permissions(path, permissions))
}

/// Remove the file of a socket whose server is gone. Anything else at that path is an error.
fn remove_stale(path: &Path, kind: UnixKind, addr: &UnixAddr) -> Result<()> {
    let failed = |e: io::Error| Error::from_io(Operation::Listen, e);
    let meta = match fs::symlink_metadata(path) {
        Ok(meta) => meta,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(failed(e)),
    };
    if !meta.file_type().is_socket() {
        let why = "there is a file of that name, and it is no socket";
        return Err(Error::new(Kind::InUse, Operation::Listen, why)
            .with_hint("only stale sockets are removed; take another path"));
    }
    let probe = Socket::new(Domain::UNIX, socket_type(kind), None).map_err(failed)?;
    probe.set_nonblocking(true).map_err(failed)?;
    match nix::sys::socket::connect(probe.as_raw_fd(), addr) {
        Err(nix::errno::Errno::ECONNREFUSED) => {}
        Err(nix::errno::Errno::ENOENT) => return Ok(()),
        Err(nix::errno::Errno::EACCES) => {
            let why = "there is a socket of that name, and this machine denies asking whose it is";
            return Err(Error::new(Kind::InUse, Operation::Listen, why));
        }
        // Connected, its queue is full, or it is a socket of another kind: somebody is there.
        _ => {
            let why = "another server answers there";
            return Err(Error::new(Kind::InUse, Operation::Listen, why)
                .with_hint("stop it first, or take another path"));
        }
    }
    match fs::symlink_metadata(path) {
        Ok(now) if (now.dev(), now.ino()) == (meta.dev(), meta.ino()) => {
            fs::remove_file(path).map_err(failed)
        }
        // Another server was quicker; binding will say so.
        _ => Ok(()),
    }
}

/// What a failed connect to a Unix socket means.
pub(crate) fn connect_error(error: io::Error, endpoint: &Endpoint) -> Error {
    use nix::libc::{ECONNREFUSED, ENOENT, EPROTOTYPE};
    let made = |why: &str, hint: &str| {
        Error::new(Kind::Refused, Operation::Connect, why)
            .on(endpoint)
            .with_hint(hint)
    };
    let path = match endpoint.carrier() {
        Carrier::Unix(UnixAddress {
            name: UnixName::Path(path),
            ..
        }) => Some(path),
        _ => None,
    };
    match (error.raw_os_error(), path) {
        (Some(ENOENT), _) => made(
            "there is no such socket",
            "is the server running, and is this its path? `--retry 10` waits for it",
        ),
        (Some(EPROTOTYPE), _) => Error::from_io(Operation::Connect, error)
            .on(endpoint)
            .with_hint("the socket there is of another kind: try `unix:`, `unix-dgram:` or `unix-seqpacket:`"),
        (Some(ECONNREFUSED), Some(path))
            if fs::metadata(path).is_ok_and(|meta| !meta.file_type().is_socket()) =>
        {
            made("what is there is not a socket", "`file:` opens a file, `fifo:` a named pipe")
        }
        // An abstract name has no file, so it is there only as long as its server.
        (Some(ECONNREFUSED), None) => made(
            "there is no such socket",
            "is the server running? `--retry 10` waits for it",
        ),
        _ => Error::from_io(Operation::Connect, error).on(endpoint),
    }
}

/// The name that the system tells, as an endpoint; `None` if the socket has none.
pub(crate) fn endpoint_of(addr: &SockAddr, kind: UnixKind) -> Option<Endpoint> {
    let name = match addr.as_pathname() {
        Some(path) => UnixName::Path(path.to_owned()),
        None => UnixName::Abstract(addr.as_abstract_namespace()?.to_vec()),
    };
    Some(Endpoint::new(Carrier::Unix(UnixAddress { kind, name })))
}
