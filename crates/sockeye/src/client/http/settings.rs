//! What a client is set to.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use sockeye_data::http1::{self, Headers};

use super::auth::Credentials;
use super::client::Client;
use super::cookies::CookieJar;
use super::decode::Decoding;
use super::hsts::HstsStore;
use super::policy::Policy;
use super::redirect::Redirects;
use super::retry::Retry;
use super::watch::HopObserver;
use crate::client::Proxies;
use crate::endpoint::{Endpoint, Options, TlsOptions};
use crate::error::{Error, Kind, Operation, Result};
use crate::net::Net;

/// Which versions of HTTP may be spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Versions {
    /// HTTP/2 if the server agrees to it over TLS (RFC 7301), else HTTP/1.1.
    #[default]
    Auto,
    /// HTTP/1.0: one request for each connection, no chunks.
    Http10,
    /// HTTP/1.1.
    Http11,
    /// HTTP/2: over TLS it has to be agreed on, without TLS the server is known to speak it ("prior knowledge").
    Http2,
}

/// What bounds answers and connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// The head of an answer: 256 KiB and 256 lines by default, and 64 KiB for one line.
    pub head: http1::Limits,
    /// How many answers of status 1xx may come before the last one; 16 by default.
    pub interim: u32,
    /// How long no byte may cross while an answer or its body is awaited; 2 minutes by default.
    pub idle: Duration,
    /// How long a body waits for `100 Continue` before it is sent anyway; 1 s by default.
    pub expect: Duration,
    /// Connections that are kept for one place; 32 by default.
    pub kept_per_place: usize,
    /// Connections that are kept altogether; 256 by default.
    pub kept: usize,
    /// Connections of HTTP/1 that are in use for one place at a time; 16 by default. Further requests wait for their turn, no
    /// longer than `idle`. With HTTP/2 all requests share one connection.
    pub per_place: usize,
    /// How many bytes of one body a server may send ahead over HTTP/2; 16 MiB by default.
    pub stream_window: u32,
    /// How many bytes of all bodies together a server may send ahead on one connection of HTTP/2; 64 MiB by default.
    pub connection_window: u32,
    /// How long a connection is kept; 60 s by default.
    pub keep: Duration,
    /// The longest body that is gathered in memory ([`Response::bytes`](super::Response::bytes) and its like); 64 MiB by
    /// default.
    pub gathered: u64,
    /// The longest body that is taken at all, decoded; a longer one is an error of [`Kind::Denied`]. No limit by default.
    pub body: Option<u64>,
    /// How often one request may be asked anew because the server wants to know who asks; 3 by default.
    pub challenges: u32,
}

impl Default for Limits {
    fn default() -> Self {
        let head = http1::Limits {
            line: 64 << 10,
            head: 256 << 10,
            fields: 256,
        };
        Self {
            head,
            interim: 16,
            idle: Duration::from_secs(120),
            expect: Duration::from_secs(1),
            kept_per_place: 32,
            per_place: 16,
            stream_window: 16 << 20,
            connection_window: 64 << 20,
            kept: 256,
            keep: Duration::from_secs(60),
            gathered: 64 << 20,
            body: None,
            challenges: 3,
        }
    }
}

/// Everything a client is set to. Fields are read where they matter; [`Builder`] sets them.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) net: Net,
    pub(crate) versions: Versions,
    pub(crate) tls: TlsOptions,
    pub(crate) options: Options,
    pub(crate) instead: Option<Endpoint>,
    pub(crate) proxies: Proxies,
    pub(crate) redirects: Redirects,
    pub(crate) decoding: Decoding,
    pub(crate) cookies: Option<CookieJar>,
    pub(crate) hsts: Option<HstsStore>,
    pub(crate) credentials: Credentials,
    pub(crate) policy: Option<Policy>,
    pub(crate) retry: Retry,
    pub(crate) limits: Limits,
    pub(crate) headers: Headers,
    pub(crate) user_agent: Option<String>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) lenient: bool,
    pub(crate) keep_bodies: u64,
    pub(crate) hops: Option<HopObservers>,
}

/// Who hears of hops.
#[derive(Clone)]
pub(crate) struct HopObservers(pub(crate) Arc<dyn HopObserver>);

impl fmt::Debug for HopObservers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HopObserver")
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            net: Net::new(),
            versions: Versions::default(),
            tls: TlsOptions::default(),
            options: Options::default(),
            instead: None,
            proxies: Proxies::none(),
            redirects: Redirects::default(),
            decoding: Decoding::default(),
            cookies: None,
            hsts: None,
            credentials: Credentials::default(),
            policy: None,
            retry: Retry::default(),
            limits: Limits::default(),
            headers: Headers::new(),
            user_agent: Some(concat!("sockeye/", env!("CARGO_PKG_VERSION")).to_owned()),
            timeout: None,
            lenient: false,
            keep_bodies: 0,
            hops: None,
        }
    }
}

/// Sets up a [`Client`].
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use sockeye::client::http::{Client, Redirects, Versions};
///
/// let client = Client::builder()
///     .versions(Versions::Http11)
///     .redirects(Redirects::none())
///     .timeout(Duration::from_secs(30))
///     .header("Accept-Language", "de")?
///     .build();
/// # let _ = client;
/// # Ok::<(), sockeye::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "a builder does nothing until it is built"]
pub struct Builder(Settings);

impl Builder {
    /// The client.
    pub fn build(self) -> Client {
        Client::of(self.0)
    }

    /// Talk this way: deadlines, names, who watches.
    pub fn net(mut self, net: Net) -> Self {
        self.0.net = net;
        self
    }

    /// Speak these versions of HTTP.
    pub fn versions(mut self, versions: Versions) -> Self {
        self.0.versions = versions;
        self
    }

    /// Speak TLS this way; protocols to offer follow from the versions unless some are named here.
    pub fn tls(mut self, tls: TlsOptions) -> Self {
        self.0.tls = tls;
        self
    }

    /// Open connections with these options.
    pub fn endpoint_options(mut self, options: Options) -> Self {
        self.0.options = options;
        self
    }

    /// Connect here, a Unix socket say, wherever a URL leads; its own layers and options count.
    pub fn connect_to(mut self, endpoint: Endpoint) -> Self {
        self.0.instead = Some(endpoint);
        self
    }

    /// Go through these proxies; none by default. The environment counts only if it is asked for
    /// ([`Proxies::from_environment`]), and not at all with [`Builder::connect_to`] or where the options have a `via`.
    ///
    /// Plain `http` is put to an HTTP proxy as a whole URL, which it forwards; everything else goes through a tunnel.
    pub fn proxies(mut self, proxies: Proxies) -> Self {
        self.0.proxies = proxies;
        self
    }

    /// Follow redirects this way.
    pub fn redirects(mut self, redirects: Redirects) -> Self {
        self.0.redirects = redirects;
        self
    }

    /// Decode bodies this way.
    pub fn decoding(mut self, decoding: Decoding) -> Self {
        self.0.decoding = decoding;
        self
    }

    /// Keep cookies here; none are kept by default.
    pub fn cookies(mut self, jar: CookieJar) -> Self {
        self.0.cookies = Some(jar);
        self
    }

    /// Keep here which hosts want TLS (RFC 6797); nothing is kept by default.
    pub fn hsts(mut self, store: HstsStore) -> Self {
        self.0.hsts = Some(store);
        self
    }

    /// Secrets, each for one origin.
    pub fn credentials(mut self, credentials: Credentials) -> Self {
        self.0.credentials = credentials;
        self
    }

    /// Ask only what this permits.
    pub fn policy(mut self, policy: Policy) -> Self {
        self.0.policy = Some(policy);
        self
    }

    /// Try again this way; nothing is tried again by default.
    pub fn retry(mut self, retry: Retry) -> Self {
        self.0.retry = retry;
        self
    }

    /// Bounds.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.0.limits = limits;
        self
    }

    /// A header line of every request that has none of this name.
    ///
    /// # Errors
    ///
    /// [`Kind::Usage`] if name or value cannot stand in a header.
    pub fn header(mut self, name: &str, value: &str) -> Result<Self> {
        let added = self.0.headers.append(name, value);
        added.map_err(|error| Error::new(Kind::Usage, Operation::Parse, error.to_string()))?;
        Ok(self)
    }

    /// What we call ourselves; `sockeye/VERSION` by default, `None` sends nothing.
    pub fn user_agent(mut self, name: Option<String>) -> Self {
        self.0.user_agent = name;
        self
    }

    /// How long one request may take, its redirects and the body included; without end by default.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.0.timeout = Some(timeout);
        self
    }

    /// Report each hop while it happens to this observer.
    pub fn hop_observer(mut self, observer: Arc<dyn HopObserver>) -> Self {
        self.0.hops = Some(HopObservers(observer));
        self
    }

    /// Keep so many bytes of each body in its hop, for reports such as [`Har`](super::Har); none by default.
    pub fn keep_bodies(mut self, bytes: u64) -> Self {
        self.0.keep_bodies = bytes;
        self
    }

    /// Forgive what old servers do: HTTP/0.9, bare line feeds, lengths that are given twice.
    pub fn lenient(mut self, lenient: bool) -> Self {
        self.0.lenient = lenient;
        self
    }
}
