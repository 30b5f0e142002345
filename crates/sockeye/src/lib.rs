//! Sockets you can see.

// Unit tests may open sockets of their own; the library itself does it in `net` only.
#![cfg_attr(test, allow(clippy::disallowed_methods))]

pub mod endpoint;
pub mod error;
pub mod host;
pub mod net;
pub mod relay;
pub mod wire;

pub use endpoint::Endpoint;
pub use error::{Error, Kind, Operation, Result};
pub use net::{Link, Listener, Messages, Net, Stream};
#[doc(inline)]
pub use sockeye_data as data;
pub use wire::Observer;
