//! Joining: carry bytes between two links, faithfully.
//!
//! [`join`] moves what each side says to the other until the conversation is over, and says how it ended. Half-close
//! is law: the end of one side is passed on after its last byte, and the other way goes on. Nothing here opens a
//! connection, and nothing here changes a byte.
//!
//! A port forward is a loop around this:
//!
//! ```
//! use sockeye::relay::{self, EndPolicy, JoinOptions};
//! use sockeye::{Endpoint, Net, Result, net::Incoming};
//!
//! async fn forward(client: Incoming, target: &Endpoint) -> Result<()> {
//!     let inbound = client.handshake().await?;
//!     let outbound = Net::new().open(target).await?;
//!     let mut options = JoinOptions::default();
//!     assert_eq!(options.end, EndPolicy::UntilBoth);
//!     options.idle_timeout = Some(std::time::Duration::from_secs(3600));
//!     let joined = relay::join(inbound, outbound, &options).await;
//! #   assert_eq!(joined.totals.upstream.bytes, 11);
//!     println!("{} bytes up, {} down", joined.totals.upstream.bytes, joined.totals.downstream.bytes);
//!     Ok(())
//! }
//! # use tokio::io::{AsyncReadExt, AsyncWriteExt};
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
//! #     let mut listener = Net::new().listen(&"0".parse()?).await?;
//! #     let mut client = Net::new().connect(listener.local()).await?;
//! #     let incoming = listener.accept().await?.unwrap();
//! #     client.write_all(b"Hello World").await?;
//! #     client.shutdown().await?;
//! #     forward(incoming, &"exec:cat".parse()?).await?;
//! #     let mut echoed = String::new();
//! #     client.read_to_string(&mut echoed).await?;
//! #     assert_eq!(echoed, "Hello World");
//! #     Ok(())
//! # }
//! ```

mod broker;
mod clock;
mod copy;
mod framing;
mod join;
mod lane;
mod messages;
mod options;
mod pace;
mod path;
pub(crate) mod pipes;
mod service;
pub(crate) mod splice_linux;
mod totals;

pub use broker::{Broker, QUEUE, Slow};
pub use framing::Framing;
pub use join::{copy_both, join};
pub use options::{DATAGRAM_LINGER, DRAIN_TIMEOUT, EndPolicy, JoinOptions, Notice, Notify};
#[cfg(feature = "client")]
pub(crate) use pace::Budget;
pub use pace::paced;
pub use path::{Path, paths};
pub use pipes::Pipes;
pub use service::Service;
pub use totals::{Counters, Direction, EndedBy, Joined, Side, Totals, Way};

#[cfg(test)]
mod tests;
