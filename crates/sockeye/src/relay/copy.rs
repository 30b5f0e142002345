//! Bytes from stream to stream: read and written here, or handed to the kernel when a bulk of them flows.
//!
//! Reading goes through one buffer per thread, so a conversation that is idle or keeps up owns no memory. Only what
//! the listener does not take at once is kept, and nothing is read until that is gone.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::lane::{BUDGET, Fault, Lane, Source};
use super::options::JoinOptions;
use super::splice_linux::{self as splice, Filled};
use crate::net::Stream;

/// The size of the buffer that all conversations of a thread read into.
const SCRATCH: usize = 256 << 10;
/// The size of the first read; it grows to `SCRATCH` while the listener keeps up, and shrinks when it does not,
/// which bounds what a slow listener makes us keep.
pub(super) const FIRST_READ: usize = 64 << 10;
/// Reads shrink no further than this.
const SHORTEST_READ: usize = 16 << 10;
/// Only after this many bytes a pipe is worth its system calls.
const SPLICE_AFTER: u64 = 64 << 10;
/// Only a read this long is a sign of bulk; smaller portions are cheaper to copy.
const BULK: usize = 16 << 10;

thread_local! {
    static BUFFER: RefCell<Box<[u8]>> = RefCell::new(vec![0; SCRATCH].into_boxed_slice());
}

/// Work with this thread's buffer.
pub(super) fn with_scratch<R>(work: impl FnOnce(&mut [u8]) -> R) -> R {
    BUFFER.with(|buffer| match buffer.try_borrow_mut() {
        Ok(mut buffer) => work(&mut buffer),
        // A stream that runs another conversation inside its own read would find the buffer taken.
        Err(_) => work(&mut vec![0; FIRST_READ]),
    })
}

/// Read into a buffer that is never empty, so 0 is the end.
pub(super) fn poll_read_some(
    cx: &mut Context<'_>,
    from: &mut Stream,
    buf: &mut [u8],
) -> Poll<io::Result<usize>> {
    let mut buf = ReadBuf::new(buf);
    ready!(Pin::new(from).poll_read(cx, &mut buf))?;
    Poll::Ready(Ok(buf.filled().len()))
}

/// Move bytes until one side has to be waited for, the turn is over, or this way is.
pub(super) fn poll_bytes(
    lane: &mut Lane,
    cx: &mut Context<'_>,
    from: &mut Stream,
    to: &mut Stream,
    options: &JoinOptions,
) -> Poll<Result<(), Fault>> {
    let mut budget = BUDGET;
    loop {
        ready!(poll_held(lane, cx, to, options))?;
        if splice::poll_drain(lane, cx, to, options)?.is_pending() {
            return Poll::Pending;
        }
        if lane.holds() {
            continue;
        }
        if !matches!(lane.source, Source::Open) {
            return poll_end(lane, cx, to);
        }
        if budget == 0 {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        if lane.splicing {
            match ready!(splice::poll_fill(lane, cx, from, to, options))? {
                Filled::Moved(n) => budget = budget.saturating_sub(n),
                Filled::Ended => lane.source = Source::Ended,
                Filled::Refused => {}
            }
        } else {
            let n = ready!(poll_copy(lane, cx, from, to, options))?;
            budget = budget.saturating_sub(n);
        }
    }
}

/// Write what is held.
pub(super) fn poll_held(
    lane: &mut Lane,
    cx: &mut Context<'_>,
    to: &mut Stream,
    options: &JoinOptions,
) -> Poll<Result<(), Fault>> {
    while lane.held_at < lane.held.len() {
        let n =
            ready!(poll_write_some(cx, to, &lane.held[lane.held_at..])).map_err(Fault::Write)?;
        lane.held_at += n;
        lane.unflushed = true;
        lane.delivered(n, options);
    }
    if !lane.held.is_empty() {
        lane.release_held();
    }
    Poll::Ready(Ok(()))
}

/// One read, and as much writing as the listener takes. Ready with the number of bytes read.
fn poll_copy(
    lane: &mut Lane,
    cx: &mut Context<'_>,
    from: &mut Stream,
    to: &mut Stream,
    options: &JoinOptions,
) -> Poll<Result<usize, Fault>> {
    with_scratch(|buf| {
        let wanted = lane.read_size.min(buf.len());
        let n = match poll_read_some(cx, from, &mut buf[..wanted]) {
            Poll::Ready(Ok(n)) => n,
            Poll::Ready(Err(error)) => {
                lane.source = Source::Failed(error);
                return Poll::Ready(Ok(0));
            }
            Poll::Pending => {
                // Nothing follows at once, so a layer must not keep back what it has.
                ready!(poll_flush(lane, cx, to))?;
                return Poll::Pending;
            }
        };
        lane.moved += 1;
        if n == 0 {
            lane.source = Source::Ended;
            return Poll::Ready(Ok(0));
        }
        let mut at = 0;
        while at < n {
            match poll_write_some(cx, to, &buf[at..n]) {
                Poll::Ready(Ok(taken)) => {
                    at += taken;
                    lane.unflushed = true;
                    lane.delivered(taken, options);
                }
                Poll::Ready(Err(error)) => {
                    lane.hold(&buf[at..n]);
                    return Poll::Ready(Err(Fault::Write(error)));
                }
                Poll::Pending => {
                    lane.hold(&buf[at..n]);
                    break;
                }
            }
        }
        adapt(lane, n, wanted);
        Poll::Ready(Ok(n))
    })
}

/// Learn from a read: how long the next one may be, and whether the kernel should take over.
fn adapt(lane: &mut Lane, n: usize, wanted: usize) {
    if !lane.held.is_empty() {
        lane.read_size = (lane.read_size / 2).max(SHORTEST_READ);
    } else if n == wanted {
        lane.read_size = (lane.read_size * 2).min(SCRATCH);
    }
    if n < BULK || !lane.path.is_splice() || lane.bytes < SPLICE_AFTER {
        return;
    }
    if lane.without_pipe > 0 {
        lane.without_pipe -= 1;
    } else {
        lane.splicing = true;
        lane.small = 0;
    }
}

fn poll_write_some(cx: &mut Context<'_>, to: &mut Stream, bytes: &[u8]) -> Poll<io::Result<usize>> {
    match ready!(Pin::new(to).poll_write(cx, bytes))? {
        0 => Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
        n => Poll::Ready(Ok(n)),
    }
}

pub(super) fn poll_flush(
    lane: &mut Lane,
    cx: &mut Context<'_>,
    to: &mut Stream,
) -> Poll<Result<(), Fault>> {
    if lane.unflushed {
        ready!(Pin::new(to).poll_flush(cx)).map_err(Fault::Write)?;
        lane.unflushed = false;
    }
    Poll::Ready(Ok(()))
}

/// All is delivered: pass the end on, or say what went wrong.
pub(super) fn poll_end(
    lane: &mut Lane,
    cx: &mut Context<'_>,
    to: &mut Stream,
) -> Poll<Result<(), Fault>> {
    if matches!(lane.source, Source::Failed(_)) {
        // The failure is final, whether or not the last bytes can be flushed.
        drop(ready!(poll_flush(lane, cx, to)));
        let source = std::mem::replace(&mut lane.source, Source::Ended);
        return Poll::Ready(match source {
            Source::Failed(error) => Err(Fault::Read(error)),
            _ => Ok(()),
        });
    }
    if lane.doomed {
        // The listening side will be reset, which must not look like an end first.
        return poll_flush(lane, cx, to);
    }
    match ready!(Pin::new(to).poll_shutdown(cx)) {
        // The peer is gone altogether; it has our end in any case.
        Err(error) if error.kind() == io::ErrorKind::NotConnected => Poll::Ready(Ok(())),
        done => Poll::Ready(done.map_err(Fault::Write)),
    }
}
