//! Connections: where they lead, which are kept, and how one request crosses them.

mod fields;
#[cfg(any(test, feature = "fuzzing"))]
pub(super) mod fuzzing;
mod h1;
mod h2;
mod pool;
mod route;
#[cfg(test)]
mod tests;
mod upload;
mod upload2;

use bytes::Bytes;
use sockeye_data::http1::{self, Headers, RequestHead, ResponseHead};
use tokio::time::Instant;

pub(super) use self::pool::{Home, Pool, Turn};
pub(super) use self::route::Route;

use super::body::BodyReader;
use super::hop::{ConnectionInfo, Hop, Version};
use super::settings::Limits;
use crate::client::sink::{Moved, Sink};
use crate::error::{Error, Result};

/// A request, ready to cross.
pub(super) struct Outgoing<'a> {
    pub(super) head: &'a sockeye_data::http1::RequestHead,
    pub(super) scheme: &'static str,
    pub(super) authority: &'a str,
    pub(super) framing: sockeye_data::http1::Framing,
    pub(super) body: Payload,
    /// Whether the body waits for `100 Continue`.
    pub(super) expects: bool,
    pub(super) limits: Limits,
    pub(super) lenient: bool,
}

/// What follows the head.
pub(super) enum Payload {
    None,
    /// In memory, and short enough to go out with the head.
    Bytes(Bytes),
    Reader(BodyReader),
}

/// The head of an answer, and where its body comes from.
pub(super) struct Answer {
    pub(super) version: Version,
    pub(super) head: ResponseHead,
    pub(super) head_bytes: u64,
    pub(super) interim: Vec<(u16, Headers)>,
    pub(super) forgiven: Vec<String>,
    pub(super) times: Times,
    pub(super) incoming: Incoming,
}

/// When things happened on a connection.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Times {
    pub(super) sent: Option<Instant>,
    pub(super) first_byte: Option<Instant>,
    pub(super) head: Option<Instant>,
}

/// A request that got no answer.
pub(super) struct Unanswered {
    pub(super) error: Error,
    /// Whether not one byte of an answer came, so that the server may have closed a kept connection before it read anything.
    pub(super) silent: bool,
    /// Whether the server said that it has not even looked at the request.
    pub(super) is_unprocessed: bool,
    pub(super) times: Times,
}

/// The body of an answer, from whatever carries it.
pub(super) enum Incoming {
    H1(Box<h1::Body>),
    H2(Box<h2::Body>),
}

impl Incoming {
    /// The next piece, as it came; cancel safe.
    pub(super) async fn chunk(&mut self) -> Result<Option<Bytes>> {
        match self {
            Self::H1(body) => body.chunk().await,
            Self::H2(body) => body.chunk().await,
        }
    }

    /// Have the kernel move the next bytes there, at most so many, if it can; cancel safe.
    pub(super) async fn splice(&mut self, sink: &mut Sink, most: u64) -> Result<Moved> {
        match self {
            Self::H1(body) => body.splice(sink, most).await,
            Self::H2(_) => Ok(Moved::Refused),
        }
    }

    /// How many bytes it will have, if the server says so.
    pub(super) fn length(&self) -> Option<u64> {
        match self {
            Self::H1(body) => body.length(),
            Self::H2(body) => body.length(),
        }
    }

    /// The header lines behind the body.
    pub(super) fn trailers(&self) -> Option<&Headers> {
        match self {
            Self::H1(body) => body.trailers(),
            Self::H2(body) => body.trailers(),
        }
    }

    /// Bring counts and times of the hop up to date.
    pub(super) fn note(&self, hop: &mut Hop) {
        match self {
            Self::H1(body) => body.note(hop),
            Self::H2(body) => body.note(hop),
        }
    }
}

/// An open connection of any version.
pub(super) enum Connection {
    H1(Box<h1::Connection>),
    H2(Box<h2::Connection>),
}

impl Connection {
    /// What reports show of it.
    pub(super) fn info(&self) -> &ConnectionInfo {
        match self {
            Self::H1(connection) => connection.info(),
            Self::H2(connection) => connection.info(),
        }
    }

    /// The version in which this head goes over it.
    pub(super) fn version(&self, head: &RequestHead) -> Version {
        match (self, head.version) {
            (Self::H2(_), _) => Version::Http2,
            (Self::H1(_), http1::Version::Http10) => Version::Http10,
            (Self::H1(_), http1::Version::Http09 | http1::Version::Http11) => Version::Http11,
        }
    }

    /// Put a request, and wait for the head of the answer.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the connection (HTTP/1) or resets the stream (HTTP/2).
    pub(super) async fn exchange(
        self,
        request: Outgoing<'_>,
        home: Home,
    ) -> Result<Answer, Unanswered> {
        match self {
            Self::H1(connection) => connection.exchange(request, home).await,
            Self::H2(connection) => connection.exchange(request, home).await,
        }
    }
}
