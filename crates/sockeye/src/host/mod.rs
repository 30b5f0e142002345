//! This machine: its sockets and who holds them, and what the system knows about services. (It asks the kernel; no
//! connection is opened here.)
//!
//! ```
//! use sockeye::host::services;
//!
//! assert_eq!(services::port("https", "tcp"), Some(443));
//! assert_eq!(services::name(443, "tcp").as_deref(), Some("https"));
//! ```

pub mod act;
pub mod assertion;
pub mod cgroups;
pub(crate) mod diag;
pub mod filter;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
pub(crate) mod mounts;
pub(crate) mod namespaces;
pub(crate) mod owner;
pub(crate) mod owners;
pub mod pairs;
pub mod process;
mod queues;
mod reading;
pub mod services;
pub mod socket;
pub mod subflows;
pub mod table;
pub mod tcp_info;
pub mod users;
pub mod verdict;
pub mod watch;
pub mod who;

pub use diag::{CloseEvents, Heard};
