//! Reading on while an answer is being made: only so is it noticed that nobody waits for it any more.

use std::io;
use std::task::{Context, Poll, ready};

use super::buffers::SIZE;
use super::h1::Connection;

impl Connection {
    /// Read what comes next, as far as a buffer has room; ready only with the error that ends the connection.
    ///
    /// An end is none: a client may have said all and still listen (RFC 9112 section 9.6).
    pub(super) fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        while !self.is_over && self.input.len() < SIZE {
            match ready!(self.poll_fill(cx)) {
                Ok(_) => {}
                Err(error) => return Poll::Ready(error),
            }
        }
        Poll::Pending
    }
}
