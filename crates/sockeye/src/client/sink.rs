//! Where a body is saved: a descriptor that is written without a detour, by the kernel itself where it can.

use std::fmt;
use std::future::poll_fn;
use std::io::{self, IsTerminal};
use std::os::fd::{AsFd, OwnedFd};
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use nix::fcntl::{FcntlArg, OFlag, fcntl, splice};
use nix::libc::off_t;
use nix::sys::uio::pwrite;
use nix::unistd::{read, write};

use crate::error::{Error, Operation, Result};
use crate::net::{Descriptor, KernelRef};
use crate::relay::Pipes;
use crate::relay::pipes::Pipe;
use crate::relay::splice_linux::{FLAGS, fill, is_refusal, is_temporary, try_direct};

/// Shorter bodies are not worth a pipe of our own.
const WORTH_A_PIPE: u64 = 256 << 10;
/// How often two ends that say they are ready may turn out not to be, before bytes are read and written instead.
const IN_VAIN: u32 = 8;

/// Where a body is saved: an open file, a pipe, a device, or standard output.
///
/// Files are written on the thread that reads the connection: what they take stays in the page cache, and a thread more would
/// cost more than it saves. Pipes and sockets are waited for.
pub struct Sink {
    to: Descriptor,
    /// Where the next byte goes, if not where the descriptor's own cursor stands.
    at: Option<u64>,
    way: Way,
    written: u64,
}

/// How the kernel can move bytes there.
enum Way {
    /// It is a pipe itself.
    Direct,
    /// Through a pipe of ours, which is empty between two calls.
    Piped(Option<Pipe>),
    /// It cannot.
    Copy,
}

/// What became of an attempt to have the kernel move bytes.
pub(crate) enum Moved {
    /// So many went from the connection to the sink; none if one of the two is not ready after all.
    Bytes(u64),
    /// The connection has ended.
    Ended,
    /// They have to be read and written.
    Refused,
    /// The sink took no more.
    Failed(Error),
}

impl Sink {
    /// Save where the cursor of this descriptor stands: an open file, a pipe, a device.
    ///
    /// # Errors
    ///
    /// [`Kind::Io`](crate::Kind::Io) if the system cannot tell what it is.
    pub fn new(to: impl Into<OwnedFd>) -> Result<Self> {
        let to = Descriptor::own(to.into()).map_err(unopened)?;
        Ok(Self::of(to, None))
    }

    /// Save in this file from this byte on; its cursor stays where it is, so that several sinks may share a file.
    ///
    /// # Errors
    ///
    /// As [`Sink::new`].
    pub fn at(file: impl Into<OwnedFd>, offset: u64) -> Result<Self> {
        let to = Descriptor::own(file.into()).map_err(unopened)?;
        Ok(Self::of(to, Some(offset)))
    }

    /// Write to standard output, whatever that is. Its mode is left alone.
    ///
    /// # Errors
    ///
    /// [`Kind::Io`](crate::Kind::Io) if it is closed.
    pub fn stdout() -> Result<Self> {
        let fd = io::stdout().as_fd().try_clone_to_owned();
        let to = fd.and_then(Descriptor::shared).map_err(unopened)?;
        Ok(Self::of(to, None))
    }

    fn of(to: Descriptor, at: Option<u64>) -> Self {
        let flags = fcntl(to.as_fd(), FcntlArg::F_GETFL).unwrap_or_default();
        let appends = OFlag::from_bits_retain(flags).contains(OFlag::O_APPEND);
        let way = match () {
            () if appends || to.is_polite() || !to.is_file() && to.as_fd().is_terminal() => {
                Way::Copy
            }
            () if to.is_pipe() => Way::Direct,
            () if to.is_always_ready() => Way::Piped(None),
            () => Way::Copy,
        };
        Self {
            to,
            at,
            way,
            written: 0,
        }
    }

    /// How many bytes it took so far.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Write these bytes, and take off their front what was written.
    ///
    /// # Errors
    ///
    /// [`Kind::Io`](crate::Kind::Io) if the disk is full, [`Kind::Lost`](crate::Kind::Lost) if nobody reads the pipe any more.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, `bytes` has what was not written yet.
    pub async fn write(&mut self, bytes: &mut Bytes) -> Result<()> {
        while !bytes.is_empty() {
            let written = self.write_some(bytes).await?;
            bytes.advance(written);
        }
        Ok(())
    }

    /// Write some of these bytes, at least one, and say how many.
    pub(crate) async fn write_some(&mut self, bytes: &[u8]) -> Result<usize> {
        let written = poll_fn(|cx| self.poll_write(cx, bytes)).await;
        match written.map_err(unwritten)? {
            0 if !bytes.is_empty() => Err(unwritten(io::ErrorKind::WriteZero.into())),
            written => Ok(written),
        }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = match self.at {
            None => ready!(self.to.poll_write(cx, bytes)),
            Some(at) => pwrite_once(&self.to, bytes, at),
        };
        if let Ok(written) = written {
            self.wrote(written as u64);
        }
        Poll::Ready(written)
    }

    fn wrote(&mut self, bytes: u64) {
        self.written += bytes;
        if let Some(at) = &mut self.at {
            *at = at.saturating_add(bytes);
        }
    }

    /// Whether so many bytes are worth having the kernel move them.
    pub(crate) fn is_worth(&self, bytes: u64) -> bool {
        match &self.way {
            Way::Piped(pipe) => pipe.is_some() || bytes >= WORTH_A_PIPE,
            Way::Direct => true,
            Way::Copy => false,
        }
    }

    /// Wait until it takes something.
    pub(crate) async fn ready(&mut self) -> Result<()> {
        poll_fn(|cx| self.to.poll_write_ready(cx))
            .await
            .map_err(unwritten)
    }

    /// Have the kernel move what the connection has, at most so many bytes. Pending means that the connection has nothing.
    pub(crate) fn poll_splice(
        &mut self,
        cx: &mut Context<'_>,
        source: KernelRef<'_>,
        most: u64,
    ) -> Poll<Moved> {
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        match self.way {
            Way::Direct => self.poll_direct(cx, source, most),
            Way::Piped(_) => self.poll_piped(cx, source, most),
            Way::Copy => Poll::Ready(Moved::Refused),
        }
    }

    fn poll_direct(
        &mut self,
        cx: &mut Context<'_>,
        source: KernelRef<'_>,
        most: usize,
    ) -> Poll<Moved> {
        for _ in 0..IN_VAIN {
            // What is wrong with the connection, a read will tell.
            if ready!(source.poll_read_ready(cx)).is_err() {
                return Poll::Ready(Moved::Refused);
            }
            match self.to.poll_write_ready(cx) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => return Poll::Ready(Moved::Failed(unwritten(error))),
                Poll::Pending => return Poll::Ready(Moved::Bytes(0)),
            }
            match try_direct(source, KernelRef::Descriptor(&self.to), most) {
                Ok(0) => return Poll::Ready(Moved::Ended),
                Ok(moved) => {
                    self.wrote(moved as u64);
                    return Poll::Ready(Moved::Bytes(moved as u64));
                }
                Err(error) if is_temporary(&error) => {}
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                    return Poll::Ready(Moved::Failed(unwritten(error)));
                }
                Err(_) => break,
            }
        }
        self.way = Way::Copy;
        Poll::Ready(Moved::Refused)
    }

    fn poll_piped(
        &mut self,
        cx: &mut Context<'_>,
        source: KernelRef<'_>,
        most: usize,
    ) -> Poll<Moved> {
        for _ in 0..IN_VAIN {
            if ready!(source.poll_read_ready(cx)).is_err() {
                return Poll::Ready(Moved::Refused);
            }
            let Some(mut pipe) = self.pipe() else { break };
            match fill(source, &mut pipe, most) {
                Ok(0) => return Poll::Ready(Moved::Ended),
                Ok(moved) => {
                    let drained = self.drain(&mut pipe);
                    if let Way::Piped(place) = &mut self.way {
                        *place = Some(pipe);
                    }
                    return Poll::Ready(match drained {
                        Ok(()) => Moved::Bytes(moved as u64),
                        Err(error) => {
                            self.way = Way::Copy;
                            Moved::Failed(unwritten(error))
                        }
                    });
                }
                Err(error) if is_temporary(&error) => self.way = Way::Piped(Some(pipe)),
                Err(error) if is_refusal(&error) => break,
                Err(_) => return Poll::Ready(Moved::Refused),
            }
        }
        self.way = Way::Copy;
        Poll::Ready(Moved::Refused)
    }

    fn pipe(&mut self) -> Option<Pipe> {
        match &mut self.way {
            Way::Piped(pipe) => pipe.take().or_else(|| Pipes::new().take()),
            Way::Direct | Way::Copy => None,
        }
    }

    /// Write all that is in the pipe. The sink is one that is always ready.
    fn drain(&mut self, pipe: &mut Pipe) -> io::Result<()> {
        while pipe.held > 0 {
            let mut offset = self.at.map(|at| off_t::try_from(at).unwrap_or(off_t::MAX));
            let fd = self.to.as_fd();
            let moved = splice(&pipe.read, None, fd, offset.as_mut(), pipe.held, FLAGS);
            match moved.map_err(io::Error::from) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(moved) => {
                    pipe.held = pipe.held.saturating_sub(moved);
                    self.wrote(moved as u64);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if is_temporary(&error) || is_refusal(&error) => {
                    self.way = Way::Copy;
                    return self.copy_out(pipe);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// The kernel does not splice there: read the pipe out and write.
    fn copy_out(&mut self, pipe: &mut Pipe) -> io::Result<()> {
        let mut buffer = vec![0; pipe.held];
        while pipe.held > 0 {
            let got = read(&pipe.read, &mut buffer)?;
            let mut rest = &buffer[..got];
            while !rest.is_empty() {
                let written = match self.at {
                    Some(at) => pwrite_once(&self.to, rest, at),
                    None => write(self.to.as_fd(), rest).map_err(io::Error::from),
                };
                match written {
                    Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                    Ok(written) => {
                        self.wrote(written as u64);
                        rest = &rest[written..];
                    }
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
            // Nobody else knows the pipe, so it cannot end before it gave what we put in.
            pipe.held = pipe.held.saturating_sub(got.max(1));
        }
        Ok(())
    }
}

impl fmt::Debug for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sink")
            .field("at", &self.at)
            .field("written", &self.written)
            .finish_non_exhaustive()
    }
}

fn pwrite_once(to: &Descriptor, bytes: &[u8], at: u64) -> io::Result<usize> {
    let too_far = || io::Error::from(io::ErrorKind::FileTooLarge);
    let at = off_t::try_from(at).map_err(|_| too_far())?;
    loop {
        match pwrite(to.as_fd(), bytes, at) {
            Err(nix::errno::Errno::EINTR) => {}
            done => return Ok(done?),
        }
    }
}

fn unopened(error: io::Error) -> Error {
    Error::from_io(Operation::Open, error)
}

fn unwritten(error: io::Error) -> Error {
    Error::from_io(Operation::Write, error)
}
