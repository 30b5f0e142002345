//! WebSocket (RFC 6455), as the server: messages both ways over the connection of one request.
//!
//! The handshake is ours; frames are read and written by `tungstenite` over our stream. Its extension `permessage-deflate` is not
//! offered: no message is compressed.

mod handshake;
mod patience;
mod socket;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

pub use socket::WebSocket;

/// A message: what a client sends or gets in one piece.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// Text.
    Text(String),
    /// Bytes.
    Binary(Bytes),
}

impl Message {
    /// The bytes, of whichever kind.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Binary(bytes) => bytes,
        }
    }

    /// The text, if it is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Binary(_) => None,
        }
    }
}

impl From<String> for Message {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Message {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<Bytes> for Message {
    fn from(bytes: Bytes) -> Self {
        Self::Binary(bytes)
    }
}

impl From<Vec<u8>> for Message {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Binary(bytes.into())
    }
}

/// What is agreed on and borne on a WebSocket.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct WebSocketOptions {
    /// The largest message, in bytes, that is taken (close code 1009 beyond): 16 MiB.
    pub message: usize,
    /// The largest frame, in bytes, that is taken (close code 1009 beyond): 16 MiB.
    pub frame: usize,
    /// The subprotocols that are spoken, the best one first; none unless said. A client that offers others only gets none.
    pub protocols: Vec<String>,
    /// From which pages browsers may come: this server's own unless said.
    pub origins: Origins,
    /// After so long without a word from the client it is pinged: 20 s.
    pub ping: Duration,
    /// So long may the answer to that take, before the client is taken for gone: 40 s.
    pub pong: Duration,
    /// So long may the client take nothing of what is sent to it: 30 s.
    pub stall: Duration,
    /// So long may the client take to answer our close: 5 s.
    pub close: Duration,
}

impl Default for WebSocketOptions {
    fn default() -> Self {
        Self {
            message: 16 << 20,
            frame: 16 << 20,
            protocols: Vec::new(),
            origins: Origins::Same,
            ping: Duration::from_secs(20),
            pong: Duration::from_secs(40),
            stall: Duration::from_secs(30),
            close: Duration::from_secs(5),
        }
    }
}

/// From which pages browsers may open a WebSocket. They send cookies along whatever the page, so any page could act for its
/// visitor (RFC 6455 section 10.2). Programs that send no `Origin` are no browsers, and may always.
#[derive(Clone, Default)]
#[non_exhaustive]
pub enum Origins {
    /// Pages of the host that the request is for.
    #[default]
    Same,
    /// These as well, as in `https://example.org`.
    Listed(Vec<String>),
    /// Those that this says.
    Decided(Arc<dyn Fn(&str) -> bool + Send + Sync>),
    /// All.
    Any,
}

impl fmt::Debug for Origins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Same => f.write_str("Same"),
            Self::Listed(origins) => f.debug_tuple("Listed").field(origins).finish(),
            Self::Decided(_) => f.write_str("Decided"),
            Self::Any => f.write_str("Any"),
        }
    }
}

/// Why a WebSocket is over before its time.
#[derive(Debug)]
#[non_exhaustive]
pub enum WebSocketError {
    /// The client broke the protocol (close code 1002).
    Protocol(String),
    /// A text that is not UTF-8 (1007).
    NotUtf8,
    /// A message or a frame that is too large (1009): so many bytes are allowed.
    TooLarge(usize),
    /// Nothing was heard of the client, not even an answer to a ping.
    Silent,
    /// It was closed before.
    Closed,
    /// The connection broke, or the client takes nothing.
    Io(std::io::Error),
    /// The handler's own reason (1011). The client is not told which.
    Other(Box<dyn std::error::Error + Send + Sync>),
}

impl WebSocketError {
    /// The handler's own reason to end.
    pub fn other(why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Other(why.into())
    }

    /// The close code that the client gets (RFC 6455 section 7.4.1); `None` if there is nobody to get one.
    pub fn code(&self) -> Option<u16> {
        match self {
            Self::Protocol(_) => Some(1002),
            Self::NotUtf8 => Some(1007),
            Self::TooLarge(_) => Some(1009),
            Self::Silent | Self::Other(_) => Some(1011),
            Self::Closed | Self::Io(_) => None,
        }
    }
}

impl fmt::Display for WebSocketError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Protocol(why) => write!(f, "the client broke the protocol: {why}"),
            Self::NotUtf8 => f.write_str("the client sent a text that is not UTF-8"),
            Self::TooLarge(limit) => write!(f, "a message has more than {limit} bytes"),
            Self::Silent => f.write_str("nothing is heard of the client"),
            Self::Closed => f.write_str("the WebSocket is closed"),
            Self::Io(error) => write!(f, "the connection broke: {error}"),
            Self::Other(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for WebSocketError {}

impl From<std::io::Error> for WebSocketError {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<crate::Error> for WebSocketError {
    fn from(error: crate::Error) -> Self {
        Self::other(error)
    }
}
