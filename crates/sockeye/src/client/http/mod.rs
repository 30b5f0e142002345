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
//!
//! # Coming from Python's urllib
//!
//! | Python | here |
//! |---|---|
//! | `urlopen(url)` | [`get(url).await?`](get), or `client.get(url).send().await?` |
//! | `u.read()`, `u.status`, `u.headers["Content-Type"]`, `u.geturl()` | [`Response::bytes`], [`Response::status`], [`Response::header`], [`Response::url`] |
//! | `urlopen(url + "?" + urlencode(params))` | `client.get(url).query(params)` |
//! | `urlopen(url, urlencode(params).encode())` | `client.post(url).form(params)` |
//! | `Request(url, headers={...}, method="PUT", data=data)` | `client.put(url).header(name, value).body(data)` |
//! | `json.load(urlopen(url))` | `client.get(url).send().await?.json().await?` |
//! | `build_opener(HTTPCookieProcessor(CookieJar()))` | [`Builder::cookies`] with a [`CookieJar`] |
//! | `HTTPBasicAuthHandler`, `HTTPDigestAuthHandler` | [`RequestBuilder::credential`], [`Credentials`] |
//! | `ProxyHandler()` | [`Builder::proxies`] with [`Proxies`](crate::client::Proxies) |
//! | `HTTPError` for 404 | [`Response::error_for_status`]; a status alone is no error |
//! | `urlretrieve(url, filename)` | [`client::download`](crate::client::download), or [`Response::save_to`] |
//! | `http.client.HTTPConnection` with `set_debuglevel(1)` | [`Client`] with an [`Observer`](crate::Observer) in its [`Net`](crate::Net) |
//!
//! ```
//! # use sockeye_testkit::Web;
//! use sockeye::client::http::{Client, CookieJar};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> sockeye::Result<()> {
//! # let web = Web::new(|asked| {
//! #     let body = match asked.method() { "POST" => String::from_utf8_lossy(&asked.body).into_owned(), _ => asked.target().to_owned() };
//! #     format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
//! # });
//! # let url = &web.url("/post");
//! let client = Client::builder().cookies(CookieJar::default()).build();
//! let params = [("name", "Dave"), ("n", "3")];
//! let page = client.get(url).query(params).send().await?.text().await?;
//! assert_eq!(page, "/post?name=Dave&n=3");
//! let answer = client.post(url).form(params).send().await?.error_for_status()?;
//! assert_eq!(answer.bytes().await?, "name=Dave&n=3");
//! # Ok(())
//! # }
//! ```

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
