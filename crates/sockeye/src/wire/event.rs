//! What can happen on a connection.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use crate::endpoint::Endpoint;
use crate::error::Error;

/// Whoever wants to know what happens on connections.
///
/// Called on the task that moves the bytes: an observer that takes its time slows the transfer and loses nothing.
pub trait Observer: Send + Sync {
    /// Something happened.
    fn on_event(&self, event: &Event<'_>);

    /// Whether it wants to hear of bytes, too; asked once for each connection. An observer that says no hears how a
    /// connection comes about ([`What::is_traffic`] tells what it does not hear) and costs nothing afterwards: the
    /// kernel may then move the bytes.
    fn wants_bytes(&self) -> bool {
        true
    }
}

/// The number of a connection, counted from 1 within one [`Net`](crate::Net).
///
/// Both ends of one relayed conversation share a number and differ in [`Event::side`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId(pub u64);

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

/// Which side of a conversation a connection is on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Side {
    /// The conversation has one connection.
    #[default]
    Only,
    /// The accepted connection of a relay.
    Inbound,
    /// The connection that a relay opened.
    Outbound,
}

/// Which way bytes went, seen from us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// We sent them.
    Sent,
    /// The peer sent them.
    Received,
}

/// One thing that happened.
#[derive(Debug)]
#[non_exhaustive]
pub struct Event<'a> {
    /// On which connection.
    pub connection: ConnectionId,
    /// On which side of a relayed conversation.
    pub side: Side,
    /// When, counted from the start of the [`Net`](crate::Net).
    pub at: Duration,
    /// At which carrier or layer: `tcp`, `tls`.
    pub layer: &'a str,
    /// Whether a layer above transforms these bytes, so that they are ciphertext or framing.
    pub covered: bool,
    /// Whether that layer only parts the bytes into messages, so that they are framing and no ciphertext.
    pub framed: bool,
    /// What it was.
    pub what: What<'a>,
}

/// What happened.
#[derive(Debug)]
#[non_exhaustive]
pub enum What<'a> {
    /// A name is looked up.
    Resolving {
        /// The name.
        name: &'a str,
    },
    /// A name was found.
    Resolved {
        /// The name.
        name: &'a str,
        /// Its addresses, in the order they will be tried.
        addresses: &'a [SocketAddr],
        /// Who knew it: `hosts`, `dns`, `localhost`.
        source: &'a str,
    },
    /// One address is tried.
    Connecting {
        /// The address.
        address: SocketAddr,
    },
    /// One attempt failed; others may go on.
    AttemptFailed {
        /// The address.
        address: SocketAddr,
        /// Why.
        error: &'a Error,
    },
    /// The carrier is open.
    Connected {
        /// Our end.
        local: Option<&'a Endpoint>,
        /// The other end.
        peer: Option<&'a Endpoint>,
    },
    /// A layer agreed with the peer.
    Handshake {
        /// What was agreed, in words: `TLSv1.3 TLS13_AES_128_GCM_SHA256 alpn=h2`.
        agreed: &'a str,
    },
    /// A secret of a layer, in the NSS key log format (draft-ietf-tls-keylogfile).
    Secret {
        /// One line without its line end.
        line: &'a str,
    },
    /// Bytes crossed. For a message link this is one whole message, which may be empty.
    Data(Direction, &'a [u8]),
    /// One direction ended: we sent, or received, the last byte.
    HalfClosed(Direction),
    /// The connection is over.
    Closed {
        /// The exit status of the program behind it, if there was one.
        exit: Option<std::process::ExitStatus>,
    },
    /// The connection failed.
    Failed(&'a Error),
}

impl What<'_> {
    /// Whether it is told at a tap: bytes, ends, and secrets of layers.
    pub fn is_traffic(&self) -> bool {
        matches!(
            self,
            Self::Data(..) | Self::HalfClosed(_) | Self::Closed { .. } | Self::Secret { .. }
        )
    }
}
