//! Groups of flags that several commands share.

mod accounts;
mod broker;
mod endpoint;
mod lazy;
mod serving;
mod talking;
mod until;
mod usage;
mod values;

pub(crate) use accounts::AccountArgs;
pub(crate) use broker::BrokerArgs;
pub(crate) use endpoint::endpoint;
pub(crate) use lazy::Lazy;
pub(crate) use serving::ServingArgs;
pub(crate) use talking::{TalkingArgs, WireFormat};
pub(crate) use until::Until;
pub(crate) use usage::parse;
pub(crate) use values::{Bytes, bytes, duration, size};
