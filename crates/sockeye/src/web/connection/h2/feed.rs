//! The body of a request over HTTP/2, as its reader wants it: what is not read is not acknowledged, so that the window closes.

use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use h2::RecvStream;
use h2::server::SendResponse;
use tokio::time::Instant;

use super::super::timer::{Phase, Timer};
use super::pipe::Line;
use crate::web::body::{Body, BodyError};
use crate::web::intake::{Inlet, Wish, intake};

/// Over how long the rate of a body is looked at.
const WINDOW: Duration = Duration::from_secs(10);

/// A body that comes.
pub(super) struct Feed {
    inlet: Inlet,
    stream: RecvStream,
    /// The client waits for `100 Continue` before it sends.
    expects: bool,
    rate: u64,
    /// Since when the rate is measured, and what came since.
    window: Option<(Instant, u64)>,
    timer: Timer,
}

impl Feed {
    /// A body of this length, if that was announced, and its reader's end.
    pub(super) fn new(
        stream: RecvStream,
        length: Option<u64>,
        expects: bool,
        limit: u64,
        rate: u64,
    ) -> (Self, Body) {
        let (inlet, outlet) = intake(length, limit);
        let feed = Self {
            inlet,
            stream,
            expects,
            rate,
            window: None,
            timer: Timer::default(),
        };
        (feed, Body::intake(outlet))
    }

    /// Read on, if the reader wants more. What goes wrong is told to the reader.
    pub(super) fn poll(
        &mut self,
        respond: Option<&mut SendResponse<Bytes>>,
        line: &Line,
        cx: &mut Context<'_>,
    ) {
        let mut respond = respond;
        while self.inlet.wish(cx) == Wish::More {
            if std::mem::take(&mut self.expects)
                && let Some(respond) = respond.take()
            {
                let mut head = http::Response::new(());
                *head.status_mut() = http::StatusCode::CONTINUE;
                // If the stream is gone, reading says so.
                let _ = respond.send_informational(head);
            }
            match self.stream.poll_data(cx) {
                Poll::Ready(Some(Ok(bytes))) => self.take(bytes, line),
                Poll::Ready(Some(Err(error))) => {
                    let error = std::io::Error::other(error);
                    return self.inlet.end(Err(BodyError::Io(error)));
                }
                Poll::Ready(None) => return self.inlet.end(Ok(())),
                Poll::Pending => {
                    if self.is_too_slow(cx) {
                        self.inlet.end(Err(BodyError::TooSlow));
                    }
                    return;
                }
            }
        }
        // Nobody asks for more: that is not the client's fault.
        self.window = None;
        self.timer.clear();
    }

    fn take(&mut self, bytes: Bytes, line: &Line) {
        let length = bytes.len();
        line.received(length);
        if let Some((_, came)) = &mut self.window {
            *came += length as u64;
        }
        // An error means that the stream is gone, which the next read says.
        let _ = self.stream.flow_control().release_capacity(length);
        if length > 0 {
            self.inlet.push(bytes);
        }
    }

    /// Whether less came in the last window than must.
    fn is_too_slow(&mut self, cx: &mut Context<'_>) -> bool {
        let (since, came) = *self.window.get_or_insert_with(|| (Instant::now(), 0));
        if !self.timer.is_over(Phase::Body, WINDOW, cx) {
            return false;
        }
        let least = self.rate.saturating_mul(since.elapsed().as_secs());
        self.timer.clear();
        self.window = Some((Instant::now(), 0));
        // The next window must wake the task too.
        came < least || self.timer.is_over(Phase::Body, WINDOW, cx)
    }
}
