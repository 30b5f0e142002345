//! Talking: the only place that opens sockets.

mod child;
mod context;
mod descriptor;
mod layer;
mod messages;
pub mod resolve;
mod stream;

pub use context::{CONNECT_TIMEOUT, Net};
pub use layer::weakened;
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
