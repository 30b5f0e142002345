//! This machine: what the system knows about services. (No sockets are opened here.)
//!
//! ```
//! use sockeye::host::services;
//!
//! assert_eq!(services::port("https", "tcp"), Some(443));
//! assert_eq!(services::name(443, "tcp").as_deref(), Some("https"));
//! ```

pub(crate) mod owner;
pub mod services;
