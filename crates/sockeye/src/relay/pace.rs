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
const BURSTS_PER_SECOND: u32 = 10;

/// The same stream, but at most this many bytes a second each way, each way by itself.
///
/// What is counted are the bytes of this stream: of a TLS stream those that TLS protects, without its overhead. They pass
/// in bursts of a tenth of a second's worth, and a stream that was idle has saved up one burst, not more. Nothing is
/// lost: whoever sends faster is held up. A rate of 0 counts as 1.
pub fn paced(mut stream: Stream, bytes_per_second: u64) -> Stream {
    let rate = bytes_per_second.max(1);
    let info = stream.take_info();
    let paced = Paced {
        inner: stream,
        reading: Budget::new(rate),
        writing: Budget::new(rate),
    };
    Stream::layered(paced, info)
}

struct Paced {
    inner: Stream,
    reading: Budget,
    writing: Budget,
}

/// What may still pass before it has to wait: a token bucket, kept as the time at which it will be empty.
#[derive(Debug)]
pub(crate) struct Budget {
    rate: u64,
    /// When everything that passed so far would have passed at the rate.
    paid_until: Instant,
    wait: Option<Pin<Box<Sleep>>>,
}

impl Budget {
    pub(crate) fn new(rate: u64) -> Self {
        Self {
            rate,
            paid_until: Instant::now(),
            wait: None,
        }
    }

    /// How many bytes may pass now; waits until it is at least one.
    fn poll_allowance(&mut self, cx: &mut Context<'_>) -> Poll<usize> {
        if self.paid_until() > Instant::now() {
            let until = self.paid_until;
            let wait = self
                .wait
                .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(until)));
            if wait.deadline() != until {
                wait.as_mut().reset(until);
            }
            ready!(wait.as_mut().poll(cx));
        }
        let burst = (self.rate / u64::from(BURSTS_PER_SECOND)).max(1);
        Poll::Ready(usize::try_from(burst).unwrap_or(usize::MAX))
    }

    /// When everything that passed so far would have passed at the rate.
    pub(crate) fn paid_until(&self) -> Instant {
        self.paid_until
    }

    /// So many bytes have passed.
    pub(crate) fn spend(&mut self, bytes: usize) {
        #[expect(
            clippy::cast_precision_loss,
            reason = "a rounding error of a nanosecond is nothing here"
        )]
        let seconds = bytes as f64 / self.rate as f64;
        // Timers wake a little late; what they lose is made up for, up to one burst.
        let saved = Duration::from_secs(1) / BURSTS_PER_SECOND;
        let now = Instant::now();
        let from = now
            .checked_sub(saved)
            .map_or(now, |earliest| self.paid_until.max(earliest));
        self.paid_until = from + Duration::from_secs_f64(seconds);
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    /// The seconds that so many bytes take each way, both at once, under a paused clock.
    async fn seconds_for(bytes: usize, rate: u64) -> (f64, f64) {
        let (mut peer, ours) = duplex(1 << 20);
        let (mut reader, mut writer) = tokio::io::split(paced(Stream::from_io(ours), rate));
        let began = Instant::now();
        let (sent, to_send) = (vec![b'x'; bytes], vec![b'y'; bytes]);
        peer.write_all(&sent).await.unwrap();
        let reading = async {
            let mut heard = vec![0; bytes];
            reader.read_exact(&mut heard).await.unwrap();
            assert!(heard == sent);
            began.elapsed().as_secs_f64()
        };
        let writing = async {
            writer.write_all(&to_send).await.unwrap();
            began.elapsed().as_secs_f64()
        };
        let times = tokio::join!(reading, writing);
        let mut heard = vec![0; bytes];
        peer.read_exact(&mut heard).await.unwrap();
        assert!(heard == to_send);
        times
    }

    #[tokio::test(start_paused = true)]
    async fn each_way_has_the_whole_rate() {
        // The last burst needs no waiting, and one is saved up.
        let (read, written) = seconds_for(100_000, 10_000).await;
        for seconds in [read, written] {
            assert!((9.7..=10.1).contains(&seconds), "{seconds}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_rate_below_one_burst_still_moves_byte_by_byte() {
        let (read, _) = seconds_for(20, 2).await;
        assert!((9.0..=10.1).contains(&read), "{read}");
    }

    #[tokio::test(start_paused = true)]
    async fn an_idle_stream_saves_up_one_burst_and_not_more() {
        let (mut peer, ours) = duplex(1 << 20);
        let mut stream = paced(Stream::from_io(ours), 1000);
        tokio::time::advance(Duration::from_secs(3600)).await;
        peer.write_all(&[0; 1000]).await.unwrap();
        let began = Instant::now();
        stream.read_exact(&mut [0; 1000]).await.unwrap();
        let seconds = began.elapsed().as_secs_f64();
        assert!((0.7..=0.9).contains(&seconds), "{seconds}");
    }

    #[tokio::test]
    async fn who_is_there_is_still_known() {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0))
            .await
            .unwrap();
        let to = listener.local_addr().unwrap();
        let net = crate::Net::new();
        let stream = net.connect(&crate::Endpoint::from(to)).await.unwrap();
        let peer = stream.peer().cloned();
        assert!(peer.is_some());
        assert_eq!(paced(stream, 1000).peer(), peer.as_ref());
    }
}
