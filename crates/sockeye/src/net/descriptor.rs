//! A descriptor that tokio has no type for: a pipe, a terminal, a file, an inherited socket.
//!
//! Nothing here changes the mode of a descriptor that other processes share: standard input and output keep the mode
//! they had, so the shell that started us finds its terminal as it left it.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::task::{Context, Poll, ready};

use nix::fcntl::{FcntlArg, OFlag, fcntl, open};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::stat::{Mode as Permissions, SFlag, fstat};
use tokio::io::Interest;
use tokio::io::ReadBuf;
use tokio::io::unix::AsyncFd;

/// The most a write to a shared blocking descriptor may carry: POSIX promises that a pipe which polls writable takes
/// `PIPE_BUF` bytes without blocking.
const POLITE_WRITE: usize = 4096;

/// A readable or writable descriptor of any kind.
#[derive(Debug)]
pub(crate) struct Descriptor {
    mode: Mode,
    kind: SFlag,
}

#[derive(Debug)]
enum Mode {
    /// Ours alone, in non-blocking mode.
    Own(AsyncFd<OwnedFd>),
    /// Shared with other processes and in blocking mode: asked with poll(2) before every call.
    Polite(AsyncFd<OwnedFd>),
    /// A regular file or another thing that epoll refuses because it is always ready.
    Always(OwnedFd),
}

impl Descriptor {
    /// A descriptor that no other process shares; it is put into non-blocking mode.
    pub(crate) fn own(fd: OwnedFd) -> io::Result<Self> {
        let kind = kind_of(fd.as_fd())?;
        if kind == SFlag::S_IFREG {
            return Ok(Self {
                mode: Mode::Always(fd),
                kind,
            });
        }
        let flags = OFlag::from_bits_retain(fcntl(&fd, FcntlArg::F_GETFL)?);
        fcntl(&fd, FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK))?;
        Self::register(fd, kind, Mode::Own)
    }

    /// A descriptor that other processes may share, such as standard input; its mode is left alone.
    ///
    /// Pipes and terminals are opened anew through `/proc`, so that the new description can be non-blocking. Where that
    /// is not possible (a socket, a terminal of another user, no `/proc`) poll(2) is asked before every call.
    pub(crate) fn shared(fd: OwnedFd) -> io::Result<Self> {
        let kind = kind_of(fd.as_fd())?;
        if kind == SFlag::S_IFREG {
            return Ok(Self {
                mode: Mode::Always(fd),
                kind,
            });
        }
        if kind == SFlag::S_IFIFO || kind == SFlag::S_IFCHR {
            let access = OFlag::from_bits_retain(fcntl(&fd, FcntlArg::F_GETFL)?) & OFlag::O_ACCMODE;
            let path = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&fd));
            let flags = access | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC | OFlag::O_NOCTTY;
            if let Ok(anew) = open(path.as_str(), flags, Permissions::empty()) {
                return Self::register(anew, kind, Mode::Own);
            }
        }
        Self::register(fd, kind, Mode::Polite)
    }

    fn register(fd: OwnedFd, kind: SFlag, mode: fn(AsyncFd<OwnedFd>) -> Mode) -> io::Result<Self> {
        match register(fd) {
            Ok(fd) => Ok(Self {
                mode: mode(fd),
                kind,
            }),
            Err((fd, error)) if error.raw_os_error() == Some(nix::libc::EPERM) => {
                // epoll refuses what is always ready: /dev/null, directories, some devices.
                Ok(Self {
                    mode: Mode::Always(fd),
                    kind,
                })
            }
            Err((_, error)) => Err(error),
        }
    }

    /// Whether this is a pipe, so that splice(2) needs no other one.
    pub(crate) fn is_pipe(&self) -> bool {
        self.kind == SFlag::S_IFIFO
    }

    /// Whether this is a regular file.
    pub(crate) fn is_file(&self) -> bool {
        self.kind == SFlag::S_IFREG
    }

    /// Whether this is a socket.
    pub(crate) fn is_socket(&self) -> bool {
        self.kind == SFlag::S_IFSOCK
    }

    /// Whether other processes share it in blocking mode, so that only small, polite calls are safe.
    pub(crate) fn is_polite(&self) -> bool {
        matches!(self.mode, Mode::Polite(_))
    }

    /// Whether writing never has to be waited for, as with a regular file and `/dev/null`.
    #[allow(dead_code, reason = "for clients, and a build may have none")]
    pub(crate) fn is_always_ready(&self) -> bool {
        matches!(self.mode, Mode::Always(_))
    }

    /// Wait until a read can be tried.
    pub(crate) fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &self.mode {
            Mode::Always(_) => Poll::Ready(Ok(())),
            Mode::Own(fd) | Mode::Polite(fd) => fd.poll_read_ready(cx).map_ok(drop),
        }
    }

    /// Wait until a write can be tried.
    pub(crate) fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &self.mode {
            Mode::Always(_) => Poll::Ready(Ok(())),
            Mode::Own(fd) | Mode::Polite(fd) => fd.poll_write_ready(cx).map_ok(drop),
        }
    }

    /// Try a call that reads; `WouldBlock` clears the readiness.
    pub(crate) fn try_read_io<R>(
        &self,
        call: impl FnOnce(BorrowedFd<'_>) -> io::Result<R>,
    ) -> io::Result<R> {
        self.try_io(Interest::READABLE, PollFlags::POLLIN, call)
    }

    /// Try a call that writes; `WouldBlock` clears the readiness.
    pub(crate) fn try_write_io<R>(
        &self,
        call: impl FnOnce(BorrowedFd<'_>) -> io::Result<R>,
    ) -> io::Result<R> {
        self.try_io(Interest::WRITABLE, PollFlags::POLLOUT, call)
    }

    fn try_io<R>(
        &self,
        interest: Interest,
        events: PollFlags,
        call: impl FnOnce(BorrowedFd<'_>) -> io::Result<R>,
    ) -> io::Result<R> {
        match &self.mode {
            Mode::Always(fd) => call(fd.as_fd()),
            Mode::Own(fd) => fd.try_io(interest, |fd| call(fd.as_fd())),
            Mode::Polite(fd) => fd.try_io(interest, |fd| {
                let mut ask = [PollFd::new(fd.as_fd(), events)];
                if poll(&mut ask, PollTimeout::ZERO)? == 0 {
                    return Err(io::ErrorKind::WouldBlock.into());
                }
                call(fd.as_fd())
            }),
        }
    }

    /// Read what is there.
    pub(crate) fn poll_read(
        &self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            ready!(self.poll_read_ready(cx))?;
            let unfilled = buf.initialize_unfilled();
            match self.try_read_io(|fd| Ok(nix::unistd::read(fd, unfilled)?)) {
                Ok(n) => {
                    buf.advance(n);
                    return Poll::Ready(Ok(()));
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Poll::Ready(Err(e)),
            }
        }
    }

    /// Write what fits.
    pub(crate) fn poll_write(&self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let bytes = match self.mode {
            Mode::Polite(_) => &bytes[..bytes.len().min(POLITE_WRITE)],
            _ => bytes,
        };
        loop {
            ready!(self.poll_write_ready(cx))?;
            match self.try_write_io(|fd| Ok(nix::unistd::write(fd, bytes)?)) {
                Ok(n) => return Poll::Ready(Ok(n)),
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Poll::Ready(Err(e)),
            }
        }
    }
}

impl AsFd for Descriptor {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match &self.mode {
            Mode::Own(fd) | Mode::Polite(fd) => fd.get_ref().as_fd(),
            Mode::Always(fd) => fd.as_fd(),
        }
    }
}

fn kind_of(fd: BorrowedFd<'_>) -> io::Result<SFlag> {
    Ok(SFlag::from_bits_truncate(fstat(fd)?.st_mode) & SFlag::S_IFMT)
}

fn interest_of(fd: &OwnedFd) -> io::Result<Interest> {
    let access = OFlag::from_bits_retain(fcntl(fd, FcntlArg::F_GETFL)?) & OFlag::O_ACCMODE;
    Ok(match access {
        OFlag::O_RDONLY => Interest::READABLE,
        OFlag::O_WRONLY => Interest::WRITABLE,
        _ => Interest::READABLE | Interest::WRITABLE,
    })
}

/// Have tokio watch a descriptor; on failure it is given back.
#[expect(
    unsafe_code,
    reason = "tokio cannot know that a descriptor stays open while it is registered"
)]
fn register(fd: OwnedFd) -> Result<AsyncFd<OwnedFd>, (OwnedFd, io::Error)> {
    let interest = match interest_of(&fd) {
        Ok(interest) => interest,
        Err(error) => return Err((fd, error)),
    };
    // SAFETY: an `OwnedFd` always returns the same descriptor and keeps it open until it is dropped, which the `AsyncFd`
    // that owns it does only after it has taken it out of epoll.
    unsafe { AsyncFd::register_with_interest(fd, interest) }.map_err(|refused| refused.into_parts())
}
