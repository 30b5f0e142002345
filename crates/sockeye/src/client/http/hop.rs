//! What happened, hop by hop: one request and its answer each.

use std::fmt;

use sockeye_data::http1::Headers;
use sockeye_data::url::Url;

use super::timing::Timing;
use crate::endpoint::Endpoint;
use crate::net::Secured;
use crate::wire::ConnectionId;

/// A version of HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// HTTP/0.9: an answer without a head.
    Http09,
    /// HTTP/1.0.
    Http10,
    /// HTTP/1.1.
    Http11,
    /// HTTP/2.
    Http2,
}

impl Version {
    /// As it is written: `HTTP/1.1`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http09 => "HTTP/0.9",
            Self::Http10 => "HTTP/1.0",
            Self::Http11 => "HTTP/1.1",
            Self::Http2 => "HTTP/2",
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a request was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Why {
    /// It is what was asked for.
    Asked,
    /// The server sent us on.
    Redirected,
    /// The server wanted to know who asks.
    Authenticated,
    /// The server wanted nothing of `Expect: 100-continue` (RFC 9110 section 15.5.18).
    WithoutExpect,
    /// A kept connection turned out to be closed.
    Reconnected,
    /// It failed before, and is tried again.
    Retried,
}

impl Why {
    /// A stable word for this reason, as JSON events carry it.
    pub fn code(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Redirected => "redirected",
            Self::Authenticated => "authenticated",
            Self::WithoutExpect => "without-expect",
            Self::Reconnected => "reconnected",
            Self::Retried => "retried",
        }
    }
}

/// One request and what came of it.
///
/// The headers are those that crossed, secrets and all: whoever shows them masks them.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Hop {
    /// The number of the request that it belongs to, counted from 0 within one client.
    pub request_number: u64,
    /// Its own number within that request, counted from 0.
    pub number: u64,
    /// Why it was sent.
    pub why: Why,
    /// The method.
    pub method: String,
    /// The URL.
    pub url: Url,
    /// The target as it stood in the request line, or as `:path`.
    pub target: String,
    /// The version that was spoken.
    pub version: Version,
    /// The header lines of the request, as they were sent.
    pub request: Headers,
    /// Bytes of the request's head on the wire; 0 with HTTP/2, which compresses it.
    pub request_head_bytes: u64,
    /// Bytes of the request's body, without framing.
    pub sent: u64,
    /// The beginning of the request's body, as much of it as the client keeps: see
    /// [`Builder::keep_bodies`](super::Builder::keep_bodies).
    pub request_body: Vec<u8>,
    /// Answers before the last one: status 100 to 199.
    pub interim: Vec<(u16, Headers)>,
    /// The status of the answer; 0 if none came.
    pub status: u16,
    /// What stood behind the status.
    pub reason: Vec<u8>,
    /// The header lines of the answer.
    pub headers: Headers,
    /// Bytes of the answer's head on the wire; 0 with HTTP/2.
    pub head_bytes: u64,
    /// Bytes of the answer's body as they came, without framing and before decoding.
    pub received: u64,
    /// Bytes of the answer's body as they were handed out, after decoding.
    pub decoded: u64,
    /// The beginning of the answer's body after decoding, as much of it as the client keeps.
    pub body: Vec<u8>,
    /// What was wrong in the answer and forgiven, in words.
    pub forgiven: Vec<String>,
    /// What was decided about the answer and may surprise, in words: a coding that is left as it is, a way on without TLS.
    pub notes: Vec<String>,
    /// On which connection.
    pub connection: Option<ConnectionInfo>,
    /// What took how long.
    pub timing: Timing,
    /// Why it failed, if it did.
    pub error: Option<String>,
}

/// A connection, as reports show it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConnectionInfo {
    /// Its number, as in the wire view; 0 if nobody watches.
    pub id: ConnectionId,
    /// Whether an earlier request had opened it.
    pub reused: bool,
    /// Where we wanted to go.
    pub endpoint: Endpoint,
    /// Our end.
    pub local: Option<Endpoint>,
    /// The other end.
    pub peer: Option<Endpoint>,
    /// What TLS agreed on.
    pub secured: Option<Secured>,
}
