//! FTP and FTPS: files and directories of a server (RFC 959, 1123, 2228, 2389, 2428, 2640, 3659, 4217).
//!
//! What Python's `ftplib` does in its first lines, here with an error for everything that may go wrong:
//!
//! ```no_run
//! use sockeye::Net;
//! use sockeye::client::ftp::{Ftp, Settings};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let url = "ftp://ftp.us.debian.org".parse()?; // >>> ftp = FTP('ftp.us.debian.org'); ftp.login()
//! let mut ftp = Ftp::open(&Net::new(), &url, Settings::new()).await?;
//! ftp.cwd("debian").await?; // >>> ftp.cwd('debian')
//! for entry in ftp.list("").await? {
//!     println!("{:?} {}", entry.kind, String::from_utf8_lossy(&entry.name)); // >>> ftp.retrlines('LIST')
//! }
//! let readme = ftp.get("README").await?.bytes(1 << 20).await?; // >>> ftp.retrbinary('RETR README', fp.write)
//! ftp.quit().await; // >>> ftp.quit()
//! # Ok(())
//! # }
//! ```
//!
//! # What is on the wire
//!
//! A session is one connection of commands and answers; each file and each listing has another one, opened just for it. Both go
//! through [`Net`](crate::Net), so deadlines, names, proxies and the wire view are the same as everywhere; the second one goes to
//! the address that the session has, whatever the server says.
//!
//! With [`Security::Explicit`] nothing is said in clear text but `AUTH TLS`, and with [`Security::Implicit`] nothing at all. What
//! was asked for is done or the session ends. The connections for files are encrypted too and resume the TLS session of the
//! first, which servers may demand.
//!
//! Transfers are byte for byte unless [`Ftp::transfer_type`] says otherwise. They are complete when the server has confirmed
//! them and the number of bytes is right; see [`Download::chunk`].

mod control;
mod data;
mod enter;
mod path;
mod session;
mod settings;
mod transfer;
pub mod tree;

pub use path::UrlPath;
pub use session::{Ftp, TransferType};
pub use settings::{DataMode, IDLE_TIMEOUT, Login, REPLY_TIMEOUT, Said, Security, Settings};
pub use sockeye_data::ftp::{
    Entry, EntryKind, Features, Listing, ListingFormat, ListingLimits, Modified, NameFault,
    Precision, Reply, ReplyLimits, name_fault,
};
pub use transfer::{Download, Upload};
