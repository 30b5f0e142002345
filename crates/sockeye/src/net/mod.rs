//! Talking: the only place that opens sockets.

// The carriers are opened by `Net`; this line goes with the first function of it that does.
#[allow(dead_code)]
mod carrier;
mod child;
mod context;
#[allow(dead_code)]
mod datagram;
mod descriptor;
mod messages;
pub mod resolve;
mod stream;

pub use context::{CONNECT_TIMEOUT, Net};
pub use datagram::{Arrived, DatagramSocket, PeerAddress};
pub use messages::{MAX_DATAGRAM, Messages};
pub use stream::{Secured, Stream};

/// A connection of either kind.
#[derive(Debug)]
#[non_exhaustive]
pub enum Link {
    /// It carries bytes.
    Stream(Stream),
    /// It carries messages.
    Messages(Messages),
}
