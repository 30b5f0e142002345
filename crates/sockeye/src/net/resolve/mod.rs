//! Names: what a name means on this machine, without blocking `getaddrinfo`.
//!
//! A [`Resolver`] follows the machine's own configuration: `/etc/nsswitch.conf` for the order, `/etc/hosts`,
//! `/etc/resolv.conf` for name servers and search list, `/etc/gai.conf` for preferred addresses. None of these files has to exist. Nothing is remembered but the
//! configuration itself: every look-up asks again.
//!
//! ```
//! use std::time::{Duration, Instant};
//! use sockeye::net::resolve::Resolver;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> sockeye::Result<()> {
//! let deadline = Instant::now() + Duration::from_secs(5);
//! let found = Resolver::system().lookup("localhost", None, deadline).await?;
//! assert!(found.addresses.iter().all(|address| address.is_loopback()));
//! assert_eq!(found.source, "localhost");
//! # Ok(())
//! # }
//! ```

mod addresses;
mod compare;
mod dns;
mod explain;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod gai_conf;
mod hosts;
mod message;
mod missed;
mod name;
mod nsswitch;
mod order;
pub mod query;
mod resolv_conf;
#[cfg(test)]
pub(crate) mod tests;
mod view;
mod walk;
mod zone;

pub(crate) use zone::index as zone_index;

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::{Duration, Instant};

use self::gai_conf::Policy;
use self::name::HostName;
use self::view::{Cache, Sources, Text};
use crate::endpoint::Family;
use crate::error::Result;

pub(crate) use self::addresses::local_addresses;
pub use self::addresses::{Protocol, addresses};
pub use self::compare::{Cause, Difference};
pub use self::dns::Failure;
pub use self::explain::{Asked, Explanation, HostsLine, Meaning, Said, Skipped, Step, Told};
pub use self::order::{Ranked, Rule};
pub use self::walk::{SpecialUse, special_use};

/// Finds the addresses of names.
///
/// Whatever the configuration says, addresses mean themselves, and `localhost` and every name below it are this
/// machine (RFC 6761 section 6.3).
///
/// # Examples
///
/// ```
/// use std::time::{Duration, Instant};
/// use sockeye::net::resolve::Resolver;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> sockeye::Result<()> {
/// let resolver = Resolver::new().hosts_text("192.0.2.7 db.example db");
/// let deadline = Instant::now() + Duration::from_secs(5);
/// let found = resolver.lookup("DB", None, deadline).await?;
/// assert_eq!(found.addresses, ["192.0.2.7".parse::<std::net::IpAddr>().unwrap()]);
/// assert_eq!(found.source, "hosts");
/// # Ok(()) }
/// ```
#[derive(Debug, Default)]
pub struct Resolver {
    sources: Arc<Sources>,
    overrides: HashMap<String, Vec<IpAddr>>,
    cache: Cache,
    /// Counts questions, for name servers that are asked in turn.
    turn: AtomicUsize,
}

/// What a name means.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Resolved {
    /// The addresses in the order in which they should be tried (RFC 6724), never empty.
    pub addresses: Vec<IpAddr>,
    /// Who knew it: `literal`, `override`, `localhost`, `hosts`, `myhostname`, `dns`.
    pub source: &'static str,
    /// The zones of the addresses; 0 for those that need none.
    scopes: Vec<u32>,
}

impl Resolved {
    fn new(mut found: Vec<SocketAddr>, source: &'static str, policy: &Policy) -> Self {
        order::sort(&mut found, policy, order::source);
        let scope = |address: &SocketAddr| match address {
            SocketAddr::V4(_) => 0,
            SocketAddr::V6(v6) => v6.scope_id(),
        };
        Self {
            scopes: found.iter().map(scope).collect(),
            addresses: found.iter().map(SocketAddr::ip).collect(),
            source,
        }
    }

    /// The addresses with a port, in the same order. Link-local ones keep the zone that the hosts file gave them.
    pub fn with_port(&self, port: u16) -> Vec<SocketAddr> {
        let pairs = self.addresses.iter().zip(&self.scopes);
        pairs
            .map(|(&address, &scope)| with_scope(address, port, scope))
            .collect()
    }
}

/// A socket address, with the zone if it is an IPv6 one.
fn with_scope(address: IpAddr, port: u16, scope: u32) -> SocketAddr {
    match address {
        IpAddr::V4(v4) => SocketAddr::new(v4.into(), port),
        IpAddr::V6(v6) => std::net::SocketAddrV6::new(v6, port, 0, scope).into(),
    }
}

/// Whether an address is of the wanted family.
fn is_of(family: Option<Family>, address: IpAddr) -> bool {
    match family {
        None => true,
        Some(Family::V4) => address.is_ipv4(),
        Some(Family::V6) => address.is_ipv6(),
    }
}

impl Resolver {
    /// A resolver that knows nothing but addresses and `localhost`; the methods below add to it.
    pub fn new() -> Self {
        Self::default()
    }

    /// As this machine is configured; nothing is read before the first look-up, and again only after it changed.
    pub fn system() -> Self {
        Self::in_directory("/etc")
    }

    /// As a machine with its configuration in this directory: `hosts`, `nsswitch.conf`, `resolv.conf`, `gai.conf`. The
    /// environment variables `LOCALDOMAIN` and `RES_OPTIONS` count, and so does the name of this machine.
    pub fn in_directory(directory: impl Into<PathBuf>) -> Self {
        let directory = directory.into();
        Self::new().change(|sources| {
            sources.hosts = Text::File(directory.join("hosts"));
            sources.nsswitch = Text::File(directory.join("nsswitch.conf"));
            sources.resolv_conf = Text::File(directory.join("resolv.conf"));
            sources.gai_conf = Text::File(directory.join("gai.conf"));
            sources.environment = true;
        })
    }

    fn change(mut self, change: impl FnOnce(&mut Sources)) -> Self {
        change(Arc::make_mut(&mut self.sources));
        self.cache = Cache::default();
        self
    }

    /// Take this as the hosts file, see hosts(5). The first 16 MiB count.
    #[must_use]
    pub fn hosts_text(self, text: impl AsRef<[u8]>) -> Self {
        let text = Text::Given(text.as_ref().into());
        self.change(|sources| sources.hosts = text)
    }

    /// Read this hosts file.
    #[must_use]
    pub fn hosts_file(self, path: impl Into<PathBuf>) -> Self {
        let text = Text::File(path.into());
        self.change(|sources| sources.hosts = text)
    }

    /// Take this as nsswitch.conf(5).
    #[must_use]
    pub fn nsswitch_text(self, text: impl AsRef<[u8]>) -> Self {
        let text = Text::Given(text.as_ref().into());
        self.change(|sources| sources.nsswitch = text)
    }

    /// Take this as resolv.conf(5).
    #[must_use]
    pub fn resolv_conf_text(self, text: impl AsRef<[u8]>) -> Self {
        let text = Text::Given(text.as_ref().into());
        self.change(|sources| sources.resolv_conf = text)
    }

    /// Take this as gai.conf(5), which says what addresses to prefer.
    #[must_use]
    pub fn gai_conf_text(self, text: impl AsRef<[u8]>) -> Self {
        let text = Text::Given(text.as_ref().into());
        self.change(|sources| sources.gai_conf = text)
    }

    /// Ask these name servers, in this order; without any, nobody is asked.
    #[must_use]
    pub fn name_servers(self, servers: impl IntoIterator<Item = SocketAddr>) -> Self {
        let servers = servers.into_iter().collect();
        self.change(|sources| sources.servers = Some(servers))
    }

    /// Try short names in these domains.
    #[must_use]
    pub fn search(self, domains: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let domains = domains.into_iter().map(Into::into).collect();
        self.change(|sources| sources.search = Some(domains))
    }

    /// Try a name with this many dots as it is before the search list; 1 by default.
    #[must_use]
    pub fn ndots(self, dots: usize) -> Self {
        self.change(|sources| sources.ndots = Some(dots))
    }

    /// Wait this long for one name server the first time; 5 s by default.
    #[must_use]
    pub fn timeout(self, timeout: Duration) -> Self {
        self.change(|sources| sources.timeout = Some(timeout))
    }

    /// Ask each silent name server this often; twice by default.
    #[must_use]
    pub fn attempts(self, attempts: u32) -> Self {
        self.change(|sources| sources.attempts = Some(attempts.max(1)))
    }

    /// Let a name mean these addresses, whatever anybody says. Without addresses, nothing changes.
    #[must_use]
    pub fn overrides(
        mut self,
        name: impl AsRef<str>,
        addresses: impl IntoIterator<Item = IpAddr>,
    ) -> Self {
        let name = name.as_ref();
        let key = HostName::parse(name).map_or_else(|_| name.to_owned(), |name| name.text);
        self.overrides.entry(key).or_default().extend(addresses);
        self
    }

    /// The name servers that are asked, in their order; none if nobody is.
    pub async fn servers(&self) -> Vec<SocketAddr> {
        let view = self.cache.view(&self.sources).await;
        view.dns.servers.clone()
    }

    /// The addresses of a name, in the order in which they should be tried.
    ///
    /// A and AAAA are asked for together. Once one of them is known, the other may take 250 ms more.
    ///
    /// # Errors
    ///
    /// [`Kind::Name`](crate::Kind::Name) if nobody knows it, if it has no address of this family, if name servers fail,
    /// or if it is no host name at all; [`Kind::TimedOut`](crate::Kind::TimedOut) if no name server answers before the
    /// deadline; [`Kind::Usage`](crate::Kind::Usage) for a literal address of the other family. The text says who was
    /// asked.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends the look-up and leaves nothing behind.
    pub async fn lookup(
        &self,
        name: &str,
        family: Option<Family>,
        deadline: Instant,
    ) -> Result<Resolved> {
        self.resolve(name, family, deadline, None).await.found
    }
}
