//! Talking: the only place that opens sockets.

mod child;
mod context;
mod descriptor;
mod messages;
pub mod resolve;
mod stream;

pub use context::{CONNECT_TIMEOUT, Net};
#[cfg(test)]
pub(crate) use messages::MessageIo;
pub use messages::{MAX_DATAGRAM, Messages};
#[cfg(test)]
pub(crate) use stream::Duplex;
pub(crate) use stream::KernelRef;
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
