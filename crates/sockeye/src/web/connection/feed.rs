//! The body of a request, read from the connection as its reader wants it.

use std::task::{Context, Poll};

use bytes::Bytes;
use sockeye_data::http1::{BodyDecoder, BodyLimits, Framing};

use super::h1::Connection;
use super::rate::Rate;
use crate::web::body::{Body, BodyError};
use crate::web::intake::{Inlet, Wish, intake};
use crate::web::server::Bounds;

/// What a client waits for that asked whether it may send a body (RFC 9110 section 10.1.1).
const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";
/// A body that comes.
pub(super) struct Feed {
    inlet: Inlet,
    decoder: BodyDecoder,
    /// The client waits for `100 Continue` before it sends.
    expects: bool,
    /// Its reader waits for what the client has not sent yet.
    is_waiting: bool,
    rate: Rate,
}

impl Feed {
    /// A body with this framing, and its reader's end.
    pub(super) fn new(framing: Framing, expects: bool, bounds: &Bounds) -> (Self, Body) {
        let length = match framing {
            Framing::Length(length) => Some(length),
            _ => None,
        };
        let (inlet, outlet) = intake(length, bounds.body);
        // Trailers are bounded as the head is.
        let limits = BodyLimits {
            trailers: bounds.head.head,
            trailer_fields: bounds.head.fields,
            ..BodyLimits::default()
        };
        let feed = Self {
            inlet,
            decoder: BodyDecoder::new(framing, limits),
            expects,
            is_waiting: false,
            rate: Rate::default(),
        };
        (feed, Body::intake(outlet))
    }

    /// Whether all of it was read.
    pub(super) fn is_done(&self) -> bool {
        self.decoder.is_done()
    }

    /// How many bytes are left to read if the client will send them without being asked, and their number is known.
    pub(super) fn left(&self) -> Option<u64> {
        match self.expects {
            true => None,
            false => self.decoder.plain(),
        }
    }

    /// Whether this is what reads from the connection now: whoever else does takes its bytes away.
    pub(super) fn is_waiting(&self) -> bool {
        self.is_waiting
    }

    /// The answer is about to begin. Whoever still reads the body needs it, so the client is asked for it now: among the
    /// bytes of the answer there is no place for that.
    pub(super) fn answer_begins(&mut self, out: &mut Vec<u8>) {
        if self.expects && !self.inlet.is_abandoned() {
            self.expects = false;
            out.extend_from_slice(CONTINUE);
        }
    }

    /// Read on, if the reader wants more. What goes wrong is told to the reader, and no further request is read then.
    pub(super) fn poll(&mut self, connection: &mut Connection, cx: &mut Context<'_>) {
        self.is_waiting = false;
        while self.inlet.wish(cx) == Wish::More {
            if self.decoder.is_done() {
                self.inlet.end(Ok(()));
                return;
            }
            if connection.input.is_empty() {
                if std::mem::take(&mut self.expects) {
                    connection.output.buffer().extend_from_slice(CONTINUE);
                }
                // Whoever waits for `100 Continue`, or for the answer to an earlier request, sends nothing before.
                if !connection.output.is_empty() && connection.poll_flush(cx).is_pending() {
                    self.is_waiting = true;
                    return;
                }
                match connection.poll_fill(cx) {
                    Poll::Ready(Ok(0)) => {
                        let end = self.decoder.end();
                        connection.closing = true;
                        self.inlet.end(end.map_err(BodyError::Broken));
                        return;
                    }
                    Poll::Ready(Ok(read)) => self.rate.count(read),
                    Poll::Ready(Err(error)) => {
                        connection.closing = true;
                        self.inlet.end(Err(error.into()));
                        return;
                    }
                    Poll::Pending => {
                        self.is_waiting = true;
                        if self
                            .rate
                            .is_too_slow(connection.server.bounds.body_rate, cx)
                        {
                            connection.closing = true;
                            self.inlet.end(Err(BodyError::TooSlow));
                        }
                        return;
                    }
                }
            }
            self.decode(connection);
        }
        // Nobody asks for more: that is not the client's fault.
        self.rate.pause();
    }

    fn decode(&mut self, connection: &mut Connection) {
        let consumed = match self.decoder.decode(connection.input.bytes()) {
            Ok(step) => {
                if !step.data.is_empty() {
                    self.inlet.push(Bytes::copy_from_slice(step.data));
                }
                step.consumed
            }
            Err(error) => {
                connection.closing = true;
                self.inlet.end(Err(BodyError::Broken(error)));
                return;
            }
        };
        connection.input.consume(consumed);
        if self.decoder.is_done() {
            self.inlet.end(Ok(()));
        }
    }

    /// Read the rest for nobody, so that the next request can be read. Pending until it is read.
    pub(super) fn poll_drain(
        &mut self,
        connection: &mut Connection,
        cx: &mut Context<'_>,
    ) -> Poll<bool> {
        loop {
            if self.decoder.is_done() {
                return Poll::Ready(true);
            }
            if connection.input.is_empty() {
                match connection.poll_fill(cx) {
                    Poll::Ready(Ok(read)) if read > 0 => self.rate.count(read),
                    Poll::Ready(_) => return Poll::Ready(false),
                    Poll::Pending
                        if self
                            .rate
                            .is_too_slow(connection.server.bounds.body_rate, cx) =>
                    {
                        return Poll::Ready(false);
                    }
                    Poll::Pending => return Poll::Pending,
                }
            }
            match self.decoder.decode(connection.input.bytes()) {
                Ok(step) => {
                    let consumed = step.consumed;
                    connection.input.consume(consumed);
                }
                Err(_) => return Poll::Ready(false),
            }
        }
    }
}
