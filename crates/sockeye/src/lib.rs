//! Sockets you can see.
pub mod endpoint;
pub mod error;
pub mod host;
pub mod net;
pub mod relay;
pub mod wire;

pub use endpoint::Endpoint;
pub use error::{Error, Kind, Operation, Result};
#[doc(inline)]
pub use sockeye_data as data;
pub use wire::Observer;
