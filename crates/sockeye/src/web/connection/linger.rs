//! The end of a connection, so that the last answer arrives.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::Conversation;
use super::h1::Connection;
use super::timer::Phase;

/// How long, and for how many bytes, a client whose connection is closed may go on sending.
const LINGER: Duration = Duration::from_secs(5);
const LINGER_BYTES: usize = 16 << 20;

impl Connection {
    /// Close, so that the last answer arrives even if the client is still sending: a close with unread bytes would be a
    /// reset, which may overtake the answer (RFC 9112 section 9.6).
    pub(super) async fn close(mut self) -> Option<Conversation> {
        let mut stream = self.stream.take()?;
        let shut = poll_fn(|cx| match Pin::new(&mut stream).poll_shutdown(cx) {
            Poll::Pending if self.timer.is_over(Phase::Linger, LINGER, cx) => {
                Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
            }
            polled => polled,
        });
        if shut.await.is_err() {
            return None;
        }
        let mut read = 0;
        while read < LINGER_BYTES && !self.is_over {
            let step = poll_fn(|cx| {
                let mut room = ReadBuf::new(self.input.room());
                let polled = Pin::new(&mut stream).poll_read(cx, &mut room);
                let length = room.filled().len();
                match polled {
                    Poll::Ready(Ok(())) => Poll::Ready(length),
                    Poll::Ready(Err(_)) => Poll::Ready(0),
                    Poll::Pending => {
                        self.input.release();
                        match self.timer.is_over(Phase::Linger, LINGER, cx) {
                            true => Poll::Ready(0),
                            false => Poll::Pending,
                        }
                    }
                }
            });
            match step.await {
                0 => break,
                length => read += length,
            }
        }
        None
    }
}
