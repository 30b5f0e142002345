//! Talking: the only place that opens sockets.

pub(crate) mod carrier;
mod child;
mod context;
mod descriptor;
mod messages;
pub(crate) mod race;
pub mod resolve;
mod stream;

pub use context::{CONNECT_TIMEOUT, Net};
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
