//! How a stream of bytes becomes messages, and messages a stream of bytes.

use crate::net::MAX_DATAGRAM;

/// How bytes are cut into messages when one side of a conversation carries bytes and the other messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Framing {
    /// What one read brings, at most [`MAX_DATAGRAM`] bytes, is one message; the bytes of a message are written as
    /// they are, so an empty message leaves no trace in the stream.
    #[default]
    Raw,
}

impl Framing {
    /// The most bytes of the stream that may become one message.
    pub(super) fn longest(self) -> usize {
        match self {
            Self::Raw => MAX_DATAGRAM,
        }
    }
}
