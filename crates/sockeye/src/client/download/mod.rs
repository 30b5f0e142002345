//! Downloads: files that come whole, under a safe name, and go on where they broke.
//!
//! ```
//! # use sockeye_testkit::{Peer, Step};
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let peer = Peer::tcp([Step::until("\r\n\r\n"), Step::send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")]);
//! # let (url, dir) = (format!("http://{}/greeting.txt", peer.addr()), sockeye_testkit::temporary_dir());
//! use sockeye::client::{download::Download, http::Client};
//!
//! let saved = Download::new(&Client::new(), &url)?.into_folder(dir.path()).run().await?;
//! assert_eq!(saved.path, dir.path().join("greeting.txt"));
//! assert_eq!(std::fs::read(&saved.path)?, b"hello");
//! # Ok(())
//! # }
//! ```
//!
//! While it runs a file is called `NAME.part`, and `NAME.part.json` beside it says which bytes of which version are there. Whatever ends it (a
//! signal, a crash, a lost connection), the same download goes on there; only if the server proves that the file is still the same one
//! (RFC 9110 section 13.1.5), else it starts over. [`Download`] lists what can be chosen.

mod answer;
mod checksum;
mod engine;
mod event;
mod fetch;
mod folder;
mod job;
mod lane;
mod name;
mod part;
mod placed;
mod plan;
mod rate;
mod retries;
mod sidecar;
mod spans;
mod sums;
mod traffic;

pub use checksum::{Algorithm, Checksum};
pub use event::{Cause, Event};
pub use fetch::{Check, Download, Failed, Saved};
pub use part::Existing;
pub(in crate::client) use part::numbered;
pub use placed::Placed;
pub use plan::Segments;
pub use rate::Rate;
pub use retries::Retries;
pub use sums::find_checksum;
pub use traffic::{Traffic, all};
