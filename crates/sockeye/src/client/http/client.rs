//! The client: a handle on settings, connections and secrets.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::SystemTime;

use super::connection::Pool;
use super::request::{Request, RequestBuilder};
use super::response::Response;
use super::settings::{Builder, Settings};
use crate::error::Result;

/// An HTTP client. Cloning it is cheap, and the clones share connections, cookies and secrets.
///
/// # Examples
///
/// ```
/// # use sockeye_testkit::{Peer, Step};
/// use sockeye::client::http::Client;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> sockeye::Result<()> {
/// # let peer = Peer::tcp([Step::until("\r\n\r\n"), Step::send("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")]);
/// # let url = format!("http://{}/nothing", peer.addr());
/// let client = Client::new();
/// let response = client.get(&url).header("Accept", "text/html").send().await?;
/// assert_eq!(response.status(), 404);
/// assert!(response.error_for_status().is_err());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Client(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) settings: Settings,
    pub(super) pool: Arc<Pool>,
    /// How many requests were sent.
    pub(super) requests: AtomicU64,
}

impl Client {
    /// A client as it is by default.
    pub fn new() -> Self {
        Self::of(Settings::default())
    }

    /// Set up a client.
    pub fn builder() -> Builder {
        Builder::default()
    }

    pub(super) fn of(mut settings: Settings) -> Self {
        if let Some(policy) = settings.policy.clone() {
            policy.bind(&mut settings);
        }
        let pool = Arc::new(Pool::new(settings.limits));
        Self(Arc::new(Inner {
            settings,
            pool,
            requests: AtomicU64::new(0),
        }))
    }

    /// The moment from which times of hops are counted, as the clock of this machine has it now.
    pub fn started(&self) -> SystemTime {
        SystemTime::now() - self.0.settings.net.start().elapsed()
    }

    /// Get what this URL names.
    pub fn get(&self, url: &str) -> RequestBuilder {
        self.request("GET", url)
    }

    /// Ask about what this URL names, without getting it.
    pub fn head(&self, url: &str) -> RequestBuilder {
        self.request("HEAD", url)
    }

    /// Hand something to what this URL names.
    pub fn post(&self, url: &str) -> RequestBuilder {
        self.request("POST", url)
    }

    /// Put something where this URL points.
    pub fn put(&self, url: &str) -> RequestBuilder {
        self.request("PUT", url)
    }

    /// Delete what this URL names.
    pub fn delete(&self, url: &str) -> RequestBuilder {
        self.request("DELETE", url)
    }

    /// Any method. The URL is read as people type it: without a scheme it is `http`.
    pub fn request(&self, method: &str, url: &str) -> RequestBuilder {
        RequestBuilder::new(self.clone(), method, url)
    }

    /// Send a request, follow redirects, and wait for the head of the last answer. The status decides nothing here: see
    /// [`Response::error_for_status`].
    ///
    /// # Errors
    ///
    /// Those of [`Net::connect`](crate::Net::connect); [`Kind::Protocol`](crate::Kind::Protocol) if the server breaks the rules
    /// of HTTP, [`Kind::Lost`](crate::Kind::Lost) if it goes away, [`Kind::TimedOut`](crate::Kind::TimedOut) after a time limit,
    /// [`Kind::Denied`](crate::Kind::Denied) if the policy forbids it.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the connection that was in use; others are kept.
    pub async fn send(&self, request: Request) -> Result<Response> {
        self.exchange(request).await.map_err(|failed| failed.error)
    }
}

impl Default for Client {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("settings", &self.0.settings)
            .finish_non_exhaustive()
    }
}

/// Get what this URL names, with a client as it is by default.
///
/// # Errors
///
/// As [`Client::send`].
///
/// # Cancel safety
///
/// Dropping the future closes the connection.
pub async fn get(url: &str) -> Result<Response> {
    Client::new().get(url).send().await
}
