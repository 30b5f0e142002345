//! A stream held to a rate.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

use crate::net::Stream;

/// How much may pass at once: a tenth of a second's worth, so that the flow looks even.
const BURSTS_PER_SECOND: u64 = 10;

/// The same stream, but at most this many bytes a second each way.
///
/// Nothing is lost: whoever sends faster is held up. A rate of 0 counts as 1.
pub fn paced(stream: Stream, bytes_per_second: u64) -> Stream {
    let rate = bytes_per_second.max(1);
    Stream::layered(Paced {
        inner: stream,
        reading: Budget::new(rate),
        writing: Budget::new(rate),
    })
}

struct Paced {
    inner: Stream,
    reading: Budget,
    writing: Budget,
}

/// What may still pass before it has to wait: a token bucket.
struct Budget {
    rate: u64,
    /// When everything that passed so far would have passed at the rate.
    paid_until: Instant,
    wait: Option<Pin<Box<Sleep>>>,
}

impl Budget {
    fn new(rate: u64) -> Self {
        Self {
            rate,
            paid_until: Instant::now(),
            wait: None,
        }
    }

    /// How many bytes may pass now; waits until it is at least one.
    fn poll_allowance(&mut self, cx: &mut Context<'_>) -> Poll<usize> {
        let now = Instant::now();
        // An idle stream saves up one burst, not more.
        self.paid_until = self.paid_until.max(now);
        if self.paid_until > now {
            let until = self.paid_until;
            let wait = self
                .wait
                .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(until)));
            if wait.deadline() != until {
                wait.as_mut().reset(until);
            }
            ready!(wait.as_mut().poll(cx));
        }
        let burst = (self.rate / BURSTS_PER_SECOND).max(1);
        Poll::Ready(usize::try_from(burst).unwrap_or(usize::MAX))
    }

    /// So many bytes have passed.
    fn spend(&mut self, bytes: usize) {
        #[expect(
            clippy::cast_precision_loss,
            reason = "a rounding error of a nanosecond is nothing here"
        )]
        let seconds = bytes as f64 / self.rate as f64;
        self.paid_until = Instant::now() + Duration::from_secs_f64(seconds);
    }
}

impl AsyncRead for Paced {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let allowance = ready!(this.reading.poll_allowance(cx)).min(buf.remaining());
        let mut part = buf.take(allowance);
        ready!(Pin::new(&mut this.inner).poll_read(cx, &mut part))?;
        let filled = part.filled().len();
        // `part` borrows the unfilled rest of `buf` and has initialized what it filled.
        let unfilled = buf.initialize_unfilled_to(filled);
        debug_assert_eq!(unfilled.len(), filled);
        buf.advance(filled);
        this.reading.spend(filled);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Paced {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        let allowance = ready!(this.writing.poll_allowance(cx)).min(bytes.len());
        let written = ready!(Pin::new(&mut this.inner).poll_write(cx, &bytes[..allowance]))?;
        this.writing.spend(written);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

impl crate::net::Duplex for Paced {
    fn below(&mut self) -> Option<&mut Stream> {
        Some(&mut self.inner)
    }
}
