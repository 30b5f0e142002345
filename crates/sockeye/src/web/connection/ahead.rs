//! Reading on while an answer is being made: only so is it noticed that nobody waits for it any more.

use std::task::{Context, Poll, ready};

use super::buffers::SIZE;
use super::exchange::{Broken, Exchange};
use super::feed::Feed;
use super::h1::Connection;

impl Connection {
    /// Read what comes next, as far as a buffer has room; ready only if that breaks the connection.
    ///
    /// An end breaks nothing: a client may have said all and still listen (RFC 9112 section 9.6).
    pub(super) fn poll_gone<T>(
        &mut self,
        exchange: &Exchange,
        cx: &mut Context<'_>,
    ) -> Poll<Result<T, Broken>> {
        if exchange.feed.as_ref().is_some_and(Feed::is_waiting) {
            return Poll::Pending;
        }
        while !self.is_over && self.input.len() < SIZE {
            if let Err(error) = ready!(self.poll_fill(cx)) {
                return Poll::Ready(Err(Broken::Connection(error)));
            }
        }
        Poll::Pending
    }
}
