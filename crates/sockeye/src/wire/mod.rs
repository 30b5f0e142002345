//! Watching: what happened on a connection, told to whoever listens.
//!
//! Bytes are observed at one place, the [`Tap`] of a stream or message link, and reported as an [`Event`] to one
//! [`Observer`]. The modules below are observers that write what they hear: [`text`], [`hexdump`] and [`jsonl`];
//! a [`Fanout`] lets several of them listen.
//!
//! ```
//! use std::sync::{Arc, atomic::{AtomicUsize, Ordering}};
//! use sockeye::wire::{Event, What};
//! use sockeye::{Net, Observer};
//!
//! #[derive(Default)]
//! struct Attempts(AtomicUsize);
//!
//! impl Observer for Attempts {
//!     fn on_event(&self, event: &Event<'_>) {
//!         if let What::Connecting { .. } = event.what {
//!             self.0.fetch_add(1, Ordering::Relaxed);
//!         }
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> sockeye::Result<()> {
//! let attempts = Arc::new(Attempts::default());
//! let net = Net::new().observer(attempts.clone());
//! let listener = net.listen(&"127.0.0.1:0".parse()?).await?;
//! net.connect(listener.local()).await?;
//! assert_eq!(attempts.0.load(Ordering::Relaxed), 1);
//! # Ok(())
//! # }
//! ```

mod event;
mod fanout;
pub mod hexdump;
pub mod jsonl;
#[cfg(feature = "tls")]
pub(crate) mod keylog;
mod sink;
mod tap;
pub mod text;
mod words;

pub use event::{ConnectionId, Direction, Event, Observer, Side, What};
pub use fanout::Fanout;
pub(crate) use tap::OpenTap;
pub use tap::{Tap, Watch};

#[cfg(test)]
mod tests;
