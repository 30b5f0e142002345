//! The body of a request over HTTP/2, as its reader wants it: what is not read is not acknowledged, so that the window closes.

use std::task::{Context, Poll};

use bytes::Bytes;
use h2::RecvStream;
use h2::server::SendResponse;

use super::super::rate::Rate;
use super::pipe::Line;
use crate::web::body::{Body, BodyError};
use crate::web::intake::{Inlet, Wish, intake};

/// What is read of a body for nobody.
const DRAIN: usize = 16 << 20;

/// A body that comes.
pub(super) struct Feed {
    inlet: Inlet,
    stream: RecvStream,
    /// The client waits for `100 Continue` before it sends.
    expects: bool,
    rate: Rate,
    least: u64,
    /// What was read for nobody.
    drained: usize,
}

impl Feed {
    /// A body of this length, if that was announced, and its reader's end.
    pub(super) fn new(
        stream: RecvStream,
        length: Option<u64>,
        expects: bool,
        limit: u64,
        least: u64,
    ) -> (Self, Body) {
        let (inlet, outlet) = intake(length, limit);
        let feed = Self {
            inlet,
            stream,
            expects,
            rate: Rate::default(),
            least,
            drained: 0,
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
                    if self.rate.is_too_slow(self.least, cx) {
                        self.inlet.end(Err(BodyError::TooSlow));
                    }
                    return;
                }
            }
        }
        // Nobody asks for more: that is not the client's fault.
        self.rate.pause();
    }

    /// The answer is out: what the client is still sending is read for nobody, within bounds. To close the stream on it is
    /// allowed (RFC 9113 section 8.1), but there are clients that lose the answer then.
    pub(super) fn poll_drain(&mut self, line: &Line, cx: &mut Context<'_>) -> Poll<()> {
        // Whoever waits to be asked sends nothing.
        while !self.expects && self.drained < DRAIN {
            match self.stream.poll_data(cx) {
                Poll::Ready(Some(Ok(bytes))) => {
                    line.received(bytes.len());
                    self.drained += bytes.len();
                    let _ = self.stream.flow_control().release_capacity(bytes.len());
                }
                Poll::Ready(_) => break,
                Poll::Pending => return Poll::Pending,
            }
        }
        Poll::Ready(())
    }

    fn take(&mut self, bytes: Bytes, line: &Line) {
        let length = bytes.len();
        line.received(length);
        self.rate.count(length);
        // An error means that the stream is gone, which the next read says.
        let _ = self.stream.flow_control().release_capacity(length);
        if length > 0 {
            self.inlet.push(bytes);
        }
    }
}
