//! Groups of flags that several commands share.

mod endpoint;
mod serving;
mod talking;
mod until;
mod values;

pub(crate) use endpoint::endpoint;
pub(crate) use serving::ServingArgs;
pub(crate) use talking::{TalkingArgs, WireFormat};
pub(crate) use until::Until;
pub(crate) use values::{duration, size};
