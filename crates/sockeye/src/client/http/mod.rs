//! HTTP: a client that shows what it does (RFC 9110, 9112, 9113).
//!
//! ```
//! # use sockeye_testkit::{Peer, Step};
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> sockeye::Result<()> {
//! # let peer = Peer::tcp([Step::until("\r\n\r\n"), Step::send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")]);
//! # let url = format!("http://{}/", peer.addr());
//! let page = sockeye::client::http::get(&url).await?.text().await?;
//! assert_eq!(page, "hello");
//! # Ok(())
//! # }
//! ```
//!
//! A [`Client`] keeps connections, cookies and secrets between requests; cloning it is cheap and shares them.

mod auth;
mod body;
mod canonical;
mod client;
mod connection;
mod cookies;
mod decode;
mod dry_run;
mod encode;
mod exchange;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod har;
mod hop;
mod hsts;
mod mask;
mod multipart;
mod policy;
mod private_file;
mod redirect;
mod request;
mod response;
mod retry;
mod send;
mod session;
mod settings;
mod timing;
mod watch;

pub use auth::{ClientCredentials, Credential, Credentials, Login};
pub use body::Body;
pub use client::{Client, get};
pub use cookies::{BrokenLine, Cookie, CookieJar, CookieLimits, CookieRefusal};
pub use decode::Decoding;
pub use dry_run::DryRun;
pub use encode::Coding;
pub use har::Har;
pub use hop::{ConnectionInfo, Hop, Version, Why};
pub use hsts::HstsStore;
pub use mask::Masking;
pub use multipart::{Multipart, Part};
pub use policy::{Policy, Reach};
pub use redirect::Redirects;
pub use request::{Request, RequestBuilder};
pub use response::Response;
pub use retry::Retry;
pub use send::{Failed, Preview};
pub use session::Session;
pub use settings::{Builder, Limits, Versions};
pub use timing::{Interval, Phase, Timing};
pub use watch::{HopObserver, Stage};
