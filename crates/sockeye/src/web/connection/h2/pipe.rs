//! What the `h2` crate reads from and writes to: our stream, with answers gathered into few writes, and two bounds that the
//! crate does not have: a client that takes nothing, and one that sends much and asks little.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::super::timer::{Phase, Timer};
use crate::net::Stream;

/// What is gathered before it is written.
const GATHERED: usize = 64 << 10;
/// What a buffer may keep for a connection on which nothing is asked.
const KEPT: usize = 4 << 10;
/// Bytes that are neither heads nor bodies: so many are borne at once, and so many more for each second.
const OVERHEAD: u64 = 1 << 20;
const OVERHEAD_PER_SECOND: u64 = 1 << 10;
/// For so many bytes of an answer a client may send one in return, to say that it has them.
const ACKNOWLEDGED: u64 = 8;

/// The stream below HTTP/2.
pub(super) struct Pipe {
    stream: Stream,
    gathered: Vec<u8>,
    written: usize,
    stall_time: Duration,
    timer: Timer,
    line: Arc<Line>,
}

/// What the task of the connection knows of the pipe, which the crate owns.
#[derive(Debug)]
pub(super) struct Line {
    began: Instant,
    corked: AtomicBool,
    /// Nothing is asked at the moment: memory is given back.
    idle: AtomicBool,
    gathered: AtomicUsize,
    read: AtomicU64,
    /// Bytes of heads and bodies, both ways, as far as they excuse what was read.
    excused: AtomicU64,
    /// Bytes of bodies that may have come and were not asked for yet.
    window: u64,
}

impl Line {
    /// From now on what is written is gathered.
    pub(super) fn cork(&self) {
        self.corked.store(true, Relaxed);
    }

    /// What is flushed from now on is sent. Whether something waits for that.
    pub(super) fn uncork(&self) -> bool {
        self.corked.swap(false, Relaxed) && self.gathered.load(Relaxed) > 0
    }

    /// Whether anything is asked.
    pub(super) fn set_idle(&self, idle: bool) {
        self.idle.store(idle, Relaxed);
    }

    /// So many bytes of a head or a body came.
    pub(super) fn received(&self, bytes: usize) {
        self.excused.fetch_add(bytes as u64, Relaxed);
    }

    /// So many bytes of a body were sent.
    pub(super) fn sent(&self, bytes: u64) {
        self.excused.fetch_add(bytes / ACKNOWLEDGED, Relaxed);
    }

    /// Whether the client sends far more than it asks: PING, SETTINGS, WINDOW_UPDATE and padding are work too.
    pub(super) fn is_flooded(&self) -> bool {
        let excess = self
            .read
            .load(Relaxed)
            .saturating_sub(self.excused.load(Relaxed));
        let borne = OVERHEAD + self.window;
        excess > borne && excess - borne > self.began.elapsed().as_secs() * OVERHEAD_PER_SECOND
    }
}

impl Pipe {
    /// A pipe over this stream that fails when the client takes nothing for so long.
    pub(super) fn new(stream: Stream, stall_time: Duration, window: u32) -> (Self, Arc<Line>) {
        let line = Arc::new(Line {
            began: Instant::now(),
            corked: AtomicBool::new(false),
            idle: AtomicBool::new(false),
            gathered: AtomicUsize::new(0),
            read: AtomicU64::new(0),
            excused: AtomicU64::new(0),
            window: window.into(),
        });
        let pipe = Self {
            stream,
            gathered: Vec::new(),
            written: 0,
            stall_time,
            timer: Timer::default(),
            line: Arc::clone(&line),
        };
        (pipe, line)
    }

    fn poll_stalled<T>(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        match self.timer.is_over(Phase::Stall, self.stall_time, cx) {
            true => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            false => Poll::Pending,
        }
    }

    /// Write what was gathered.
    fn poll_gathered(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.written < self.gathered.len() {
            let rest = &self.gathered[self.written..];
            match Pin::new(&mut self.stream).poll_write(cx, rest) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(bytes)) => {
                    self.written += bytes;
                    self.timer.clear();
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => return self.poll_stalled(cx),
            }
        }
        self.written = 0;
        self.gathered.clear();
        if self.gathered.capacity() > KEPT && self.line.idle.load(Relaxed) {
            self.gathered = Vec::new();
        }
        self.line.gathered.store(0, Relaxed);
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Pipe {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        let read = buf.filled().len() - before;
        self.line.read.fetch_add(read as u64, Relaxed);
        polled
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        let length: usize = slices.iter().map(|slice| slice.len()).sum();
        if this.gathered.len() + length > GATHERED && !this.gathered.is_empty() {
            ready!(this.poll_gathered(cx))?;
        }
        if length <= GATHERED {
            for slice in slices {
                this.gathered.extend_from_slice(slice);
            }
            this.line.gathered.store(this.gathered.len(), Relaxed);
            return Poll::Ready(Ok(length));
        }
        let first = slices.iter().find(|slice| !slice.is_empty());
        match Pin::new(&mut this.stream).poll_write(cx, first.map_or(&[], |slice| slice)) {
            Poll::Pending => this.poll_stalled(cx),
            written => {
                this.timer.clear();
                written
            }
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.line.corked.load(Relaxed) {
            // Whoever corked it comes back.
            return Poll::Ready(Ok(()));
        }
        ready!(self.poll_gathered(cx))?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_gathered(cx))?;
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
