//! Bytes that never enter this process: splice(2) from a descriptor to a pipe to a descriptor.
//!
//! Whatever the kernel refuses is copied instead; what is in the pipe by then is read out, so nothing is lost.
//! Like write(2), splice(2) may raise SIGPIPE; Rust programs ignore that signal from their start.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::task::{Context, Poll, ready};

use nix::errno::Errno;
use nix::fcntl::{SpliceFFlags, splice};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{MsgFlags, recv};

use super::lane::{Fault, Lane};
use super::options::JoinOptions;
use super::path::Path;
use super::pipes::Pipe;
use crate::net::{KernelRef, Stream};

/// Portions below this many bytes are cheaper to copy.
const SMALL: usize = 4 << 10;
/// So many small portions in a row and the way goes back to copying, until a long read shows a bulk again.
const SMALL_IN_A_ROW: u8 = 16;
/// How many long reads are copied before a pipe is asked for again.
const WITHOUT_PIPE: u8 = 64;
/// The most bytes moved from or to a foreign pipe by one call.
const DIRECT: usize = 1 << 20;
/// A slot of a pipe holds at most one page of this size, and at least one byte.
const PAGE: usize = 4096;

// No SPLICE_F_MORE: each call moves all that is in the pipe, so we never know of more.
pub(crate) const FLAGS: SpliceFFlags =
    SpliceFFlags::SPLICE_F_MOVE.union(SpliceFFlags::SPLICE_F_NONBLOCK);

/// What became of an attempt to take bytes from the source.
#[derive(Debug)]
pub(super) enum Filled {
    /// So many bytes went into the pipe, or straight to their end.
    Moved(usize),
    /// The source has ended.
    Ended,
    /// Copy instead, for now or for good.
    Refused,
}

/// Empty our pipe into the listening side. Pending when that has to be waited for; afterwards the pipe is empty, or
/// its bytes are held by the lane because they have to be copied.
pub(super) fn poll_drain(
    lane: &mut Lane,
    cx: &mut Context<'_>,
    to: &Stream,
    options: &JoinOptions,
) -> Result<Poll<()>, Fault> {
    while let Some(pipe) = lane.pipe.as_mut().filter(|pipe| pipe.held > 0) {
        let Some(sink) = to.kernel_write() else {
            copy_from_now_on(lane, options, "the way out changed")?;
            break;
        };
        match sink.poll_write_ready(cx) {
            Poll::Ready(ready) => ready.map_err(Fault::Write)?,
            Poll::Pending => return Ok(Poll::Pending),
        }
        let moved =
            sink.try_write_io(|fd| Ok(splice(&pipe.read, None, fd, None, pipe.held, FLAGS)?));
        match moved {
            Ok(0) => return Err(Fault::Write(io::ErrorKind::WriteZero.into())),
            Ok(n) => {
                pipe.held = pipe.held.saturating_sub(n);
                lane.spliced += n as u64;
                lane.delivered(n, options);
            }
            Err(error) if is_temporary(&error) => {}
            Err(error) if is_refusal(&error) => {
                copy_from_now_on(lane, options, "the kernel cannot splice to it")?;
                break;
            }
            Err(error) => return Err(Fault::Write(error)),
        }
    }
    Ok(Poll::Ready(()))
}

/// Take what the source has.
pub(super) fn poll_fill(
    lane: &mut Lane,
    cx: &mut Context<'_>,
    from: &Stream,
    to: &Stream,
    options: &JoinOptions,
) -> Poll<Result<Filled, Fault>> {
    let (Some(source), Some(sink)) = (from.kernel_read(), to.kernel_write()) else {
        lane.splicing = false;
        return Poll::Ready(Ok(Filled::Refused));
    };
    let filled = match lane.path {
        Path::SpliceDirect => ready!(poll_direct(lane, cx, source, sink, options))?,
        _ => ready!(poll_into_pipe(lane, cx, source, options))?,
    };
    if let Filled::Moved(n) = filled {
        lane.moved += 1;
        lane.small = if n < SMALL {
            lane.small.saturating_add(1)
        } else {
            0
        };
        if lane.small == SMALL_IN_A_ROW {
            lane.splicing = false;
        }
    }
    Poll::Ready(Ok(filled))
}

fn poll_into_pipe(
    lane: &mut Lane,
    cx: &mut Context<'_>,
    source: KernelRef<'_>,
    options: &JoinOptions,
) -> Poll<Result<Filled, Fault>> {
    loop {
        match source.poll_read_ready(cx) {
            Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(error)) => return failed(lane, error),
            Poll::Pending => {
                if let Some(pipe) = lane.pipe.take() {
                    options.pipes.give(pipe);
                }
                return Poll::Pending;
            }
        }
        let Some(mut pipe) = lane.pipe.take().or_else(|| options.pipes.take()) else {
            lane.splicing = false;
            lane.without_pipe = WITHOUT_PIPE;
            return Poll::Ready(Ok(Filled::Refused));
        };
        match fill(source, &mut pipe, usize::MAX) {
            Ok(0) => {
                options.pipes.give(pipe);
                return Poll::Ready(Ok(Filled::Ended));
            }
            Ok(n) => {
                lane.pipe = Some(pipe);
                return Poll::Ready(Ok(Filled::Moved(n)));
            }
            Err(error) if is_temporary(&error) => lane.pipe = Some(pipe),
            Err(error) if is_refusal(&error) => {
                options.pipes.give(pipe);
                let why = "the kernel cannot splice from it";
                lane.change_path(Path::Copy { why }, options);
                return Poll::Ready(Ok(Filled::Refused));
            }
            Err(error) => {
                options.pipes.give(pipe);
                return failed(lane, error);
            }
        }
    }
}

/// One call that takes all there is, at most so many bytes. The pipe is empty, so "would block" speaks of the source.
pub(crate) fn fill(source: KernelRef<'_>, pipe: &mut Pipe, most: usize) -> io::Result<usize> {
    let most = most.min(pipe.capacity);
    let mut got = None;
    let tried = source.try_read_io(|fd| {
        let attempt = || splice(fd, None, &pipe.write, None, most, FLAGS);
        let n = match attempt() {
            // Either it came just now, and the second attempt takes it, or splice(2) cannot.
            Err(Errno::EAGAIN) if can_be_read(source, fd) => attempt().map_err(|e| match e {
                Errno::EAGAIN => Errno::EINVAL,
                other => other,
            })?,
            done => done?,
        };
        got = Some(n);
        // TCP stops when its queue is empty or the pipe is full. With fewer bytes than slots it was not the pipe,
        // so the next call would find nothing: forget the readiness and save that call.
        if n > 0 && n < most.min(pipe.capacity / PAGE) && matches!(source, KernelRef::Tcp(_)) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        Ok(())
    });
    match got {
        Some(n) => {
            pipe.held = n;
            Ok(n)
        }
        None => tried.map(|()| 0),
    }
}

/// Whether read(2) finds something where splice(2) did not: urgent data (RFC 9293 section 3.8.5) stops the one and not the
/// other. The readiness must not be forgotten then, for no new event would come.
fn can_be_read(source: KernelRef<'_>, fd: BorrowedFd<'_>) -> bool {
    let flags = MsgFlags::MSG_PEEK | MsgFlags::MSG_DONTWAIT;
    matches!(source, KernelRef::Tcp(_) | KernelRef::Unix(_))
        && recv(fd.as_raw_fd(), &mut [0], flags).is_ok()
}

/// One end is a pipe already. "Would block" may mean either end, so poll(2) has to tell.
fn poll_direct(
    lane: &mut Lane,
    cx: &mut Context<'_>,
    source: KernelRef<'_>,
    sink: KernelRef<'_>,
    options: &JoinOptions,
) -> Poll<Result<Filled, Fault>> {
    let mut in_vain = 0;
    loop {
        match ready!(source.poll_read_ready(cx)) {
            Ok(()) => {}
            Err(error) => return failed(lane, error),
        }
        ready!(sink.poll_write_ready(cx)).map_err(Fault::Write)?;
        match try_direct(source, sink, DIRECT) {
            Ok(0) => return Poll::Ready(Ok(Filled::Ended)),
            Ok(n) => {
                lane.spliced += n as u64;
                lane.delivered(n, options);
                return Poll::Ready(Ok(Filled::Moved(n)));
            }
            Err(error) if is_temporary(&error) => {
                in_vain += 1;
                if in_vain > 8 {
                    // The two ends say they are ready and the kernel says they are not: read and write decide.
                    lane.splicing = false;
                    return Poll::Ready(Ok(Filled::Refused));
                }
            }
            Err(error) if is_refusal(&error) => {
                let why = "the kernel cannot splice between these two";
                lane.change_path(Path::Copy { why }, options);
                return Poll::Ready(Ok(Filled::Refused));
            }
            // A pipe that is read never fails, and one that is written fails with EPIPE only.
            Err(error) if source.is_pipe() || error.kind() == io::ErrorKind::BrokenPipe => {
                return Poll::Ready(Err(Fault::Write(error)));
            }
            Err(error) => return failed(lane, error),
        }
    }
}

/// One call from end to end, of which one is a pipe; at most so many bytes.
pub(crate) fn try_direct(
    source: KernelRef<'_>,
    sink: KernelRef<'_>,
    most: usize,
) -> io::Result<usize> {
    let would_block = || io::Error::from(io::ErrorKind::WouldBlock);
    let mut result = Err(would_block());
    // The inner and the outer call each forget the readiness of their end if that end is to be waited for; what
    // they return says no more than that.
    drop(source.try_read_io(|from| {
        let mut source_blocks = false;
        drop(sink.try_write_io(|to| {
            result = splice(from, None, to, None, most.min(DIRECT), FLAGS).map_err(io::Error::from);
            let blocked = result
                .as_ref()
                .is_err_and(|e| e.kind() == io::ErrorKind::WouldBlock);
            if !blocked {
                return Ok(());
            }
            let (readable, writable) = ready_ends(from, to)?;
            source_blocks = !readable;
            if writable { Ok(()) } else { Err(would_block()) }
        }));
        if source_blocks {
            Err(would_block())
        } else {
            Ok(())
        }
    }));
    result
}

fn ready_ends(from: BorrowedFd<'_>, to: BorrowedFd<'_>) -> io::Result<(bool, bool)> {
    let mut ask = [
        PollFd::new(from, PollFlags::POLLIN),
        PollFd::new(to, PollFlags::POLLOUT),
    ];
    poll(&mut ask, PollTimeout::ZERO)?;
    let ready = |fd: &PollFd<'_>| fd.any().unwrap_or(true);
    Ok((ready(&ask[0]), ready(&ask[1])))
}

fn failed(lane: &mut Lane, error: io::Error) -> Poll<Result<Filled, Fault>> {
    lane.source = super::lane::Source::Failed(error);
    Poll::Ready(Ok(Filled::Refused))
}

/// Read our pipe out, so that its bytes can be written, and copy from now on.
fn copy_from_now_on(
    lane: &mut Lane,
    options: &JoinOptions,
    why: &'static str,
) -> Result<(), Fault> {
    lane.change_path(Path::Copy { why }, options);
    let Some(mut pipe) = lane.pipe.take() else {
        return Ok(());
    };
    let mut held = vec![0; pipe.held];
    let mut at = 0;
    while at < held.len() {
        match nix::unistd::read(&pipe.read, &mut held[at..]) {
            // Cannot happen: the pipe holds what we put in and nobody else knows it.
            Ok(0) => break,
            Ok(n) => at += n,
            Err(Errno::EINTR) => {}
            Err(error) => return Err(Fault::Write(error.into())),
        }
    }
    held.truncate(at);
    pipe.held = 0;
    options.pipes.give(pipe);
    lane.held = held;
    lane.held_at = 0;
    Ok(())
}

pub(crate) fn is_temporary(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
    )
}

/// Whether splice(2) does not know this kind of descriptor, which is no fault of the connection.
pub(crate) fn is_refusal(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error().map(Errno::from_raw),
        Some(Errno::EINVAL | Errno::ENOSYS | Errno::EOPNOTSUPP | Errno::EPERM | Errno::ESPIPE)
    )
}
