//! Names: what a name means on this machine, without blocking `getaddrinfo`.
//!
//! A [`Resolver`] follows the machine's own configuration: `/etc/nsswitch.conf` for the order, `/etc/hosts`,
//! `/etc/resolv.conf` for name servers and search list. None of these files has to exist. Nothing is remembered but the
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
mod dns;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod hosts;
mod missed;
mod name;
mod nsswitch;
mod order;
mod resolv_conf;
#[cfg(test)]
pub(crate) mod tests;
mod view;
mod zone;

pub(crate) use zone::index as zone_index;

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use hickory_proto::rr::Name;

use self::dns::{Answer, Failure};
use self::missed::Missed;
use self::name::HostName;
use self::nsswitch::{Service, Status};
use self::view::{Cache, Sources, Text, View};
use crate::endpoint::Family;
use crate::error::{Error, Kind, Operation, Result};

pub(crate) use self::addresses::local_addresses;
pub use self::addresses::{Protocol, addresses};

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
    fn new(mut found: Vec<SocketAddr>, source: &'static str) -> Self {
        order::sort(&mut found, order::source);
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

/// How asking name servers ended.
enum Outcome {
    Found(Vec<IpAddr>),
    NoData,
    NoName,
    Failed(Vec<Failure>),
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

    /// As a machine with its configuration in this directory: `hosts`, `nsswitch.conf`, `resolv.conf`. The environment
    /// variables `LOCALDOMAIN` and `RES_OPTIONS` count, and so does the name of this machine.
    pub fn in_directory(directory: impl Into<PathBuf>) -> Self {
        let directory = directory.into();
        Self::new().change(|sources| {
            sources.hosts = Text::File(directory.join("hosts"));
            sources.nsswitch = Text::File(directory.join("nsswitch.conf"));
            sources.resolv_conf = Text::File(directory.join("resolv.conf"));
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

    /// The addresses of a name, in the order in which they should be tried.
    ///
    /// A and AAAA are asked for together. Once one of them is known, the other may take 250 ms more.
    ///
    /// # Errors
    ///
    /// [`Kind::Name`] if nobody knows it, if it has no address of this family, if name servers fail, or if it is no
    /// host name at all; [`Kind::TimedOut`] if no name server answers before the deadline; [`Kind::Usage`] for a
    /// literal address of the other family. The text says who was asked.
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
        if let Ok(address) = name.parse::<IpAddr>() {
            return literal(address, family);
        }
        let host = HostName::parse(name)?;
        let mut missed = Missed::default();
        if let Some(known) = self.overrides.get(&host.text).filter(|it| !it.is_empty()) {
            let known = known.iter().map(|&address| SocketAddr::new(address, 0));
            if let Some(found) = of_family(known, family, "override") {
                return Ok(found);
            }
            missed.ask("the overrides");
            missed.has_no_address = true;
            return Err(missed.into_error(name, family));
        }
        if host.text == "localhost" {
            return Ok(localhost(family));
        }
        // RFC 6761 section 6.4 and RFC 7686 section 2: names that name servers must never see.
        if is_below(&host.text, "invalid") || is_below(&host.text, "onion") {
            missed.ask("nobody, for such names are not in the DNS");
            return Err(missed.into_error(name, family));
        }
        let deadline = tokio::time::Instant::from_std(deadline);
        let view = tokio::time::timeout_at(deadline, self.cache.view(&self.sources));
        let view = view.await.map_err(|_| {
            let why = format!("there was no time left to look for {name}");
            Error::new(Kind::TimedOut, Operation::Resolve, why)
        })?;
        if is_below(&host.text, "localhost") {
            // The hosts file may choose among this machine's addresses, but nothing leads elsewhere.
            let known = view.hosts.find(&host.text).iter().copied();
            let known = known.filter(|address| address.ip().is_loopback());
            return Ok(of_family(known, family, "hosts").unwrap_or_else(|| localhost(family)));
        }
        self.walk(&view, name, &host, family, deadline).await
    }

    /// Ask one after the other, in the order of the configuration.
    async fn walk(
        &self,
        view: &View,
        name: &str,
        host: &HostName,
        family: Option<Family>,
        deadline: tokio::time::Instant,
    ) -> Result<Resolved> {
        let mut missed = Missed::default();
        for step in &view.order {
            let ended = match step.service {
                Service::Files => {
                    if let Text::File(path) = &self.sources.hosts {
                        missed.ask(path.display());
                    } else if matches!(self.sources.hosts, Text::Given(_)) {
                        missed.ask("the hosts text");
                    }
                    let known = view.hosts.find(&host.text);
                    if let Some(found) = of_family(known.iter().copied(), family, "hosts") {
                        return Ok(found);
                    }
                    missed.has_no_address |= !known.is_empty();
                    Status::NotFound
                }
                Service::MyHostname => {
                    if view.hostname.as_ref() == Some(&host.text) {
                        let mut found = localhost(family);
                        found.source = "myhostname";
                        return Ok(found);
                    }
                    Status::NotFound
                }
                Service::Dns if view.dns.servers.is_empty() => Status::Unavailable,
                Service::Dns => match self
                    .search_dns(view, host, family, deadline, &mut missed)
                    .await
                {
                    Ok(found) => return Ok(found),
                    Err(status) => status,
                },
            };
            if step.ends_at(ended) {
                break;
            }
        }
        Err(missed.into_error(name, family))
    }

    /// Ask name servers for each full name that this one may mean, until one exists and has addresses.
    async fn search_dns(
        &self,
        view: &View,
        host: &HostName,
        family: Option<Family>,
        deadline: tokio::time::Instant,
        missed: &mut Missed,
    ) -> std::result::Result<Resolved, Status> {
        for server in &view.dns.servers {
            missed.ask(server);
        }
        for candidate in view.dns.candidates(&host.written(), view.domain()) {
            let Ok(full) = Name::from_ascii(format!("{candidate}.")) else {
                // With this domain behind it, the name is too long to exist.
                continue;
            };
            missed.tried.push(candidate);
            match self.ask_families(view, &full, family, deadline).await {
                Outcome::Found(found) => {
                    let found = found.into_iter().map(|address| SocketAddr::new(address, 0));
                    return Ok(Resolved::new(found.collect(), "dns"));
                }
                Outcome::NoData => missed.has_no_address = true,
                Outcome::NoName => {}
                Outcome::Failed(failures) => {
                    // A server that says SERVFAIL may know the next name; one that says nothing would cost its
                    // whole patience again.
                    let answered = |failure: &Failure| matches!(failure.why, dns::Why::Code(_));
                    let go_on = failures.iter().any(answered);
                    missed.fail(failures);
                    if !go_on {
                        break;
                    }
                }
            }
        }
        Err(if missed.failures.is_empty() {
            Status::NotFound
        } else {
            Status::TryAgain
        })
    }

    /// Ask for both families at once, or for the only one that is wanted.
    async fn ask_families(
        &self,
        view: &View,
        full: &Name,
        family: Option<Family>,
        deadline: tokio::time::Instant,
    ) -> Outcome {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let ask = |family| dns::ask(&view.dns, turn, full, family, deadline);
        let family = family.or(view.dns.no_aaaa.then_some(Family::V4));
        if let Some(family) = family {
            return combine([ask(family).await]);
        }
        let mut four = std::pin::pin!(ask(Family::V4));
        let mut six = std::pin::pin!(ask(Family::V6));
        tokio::select! {
            first = &mut four => { let second = other(&first, six).await; combine([first, second]) }
            first = &mut six => { let second = other(&first, four).await; combine([first, second]) }
        }
    }
}

type Asked = std::result::Result<Answer, Vec<Failure>>;

/// The answer for the other family, which may be late only if the first one has no addresses.
async fn other(first: &Asked, second: impl Future<Output = Asked>) -> Asked {
    if !matches!(first, Ok(Answer::Found(_))) {
        return second.await;
    }
    let second = tokio::time::timeout(dns::OTHER_FAMILY_GRACE, second);
    second.await.unwrap_or(Ok(Answer::NoData))
}

fn combine<const N: usize>(answers: [Asked; N]) -> Outcome {
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    let (mut no_name, mut no_data) = (false, false);
    for answer in answers {
        match answer {
            Ok(Answer::Found(addresses)) => found.extend(addresses),
            Ok(Answer::NoName) => no_name = true,
            Ok(Answer::NoData) => no_data = true,
            Err(failed) => failures.extend(failed),
        }
    }
    if !found.is_empty() {
        Outcome::Found(found)
    } else if no_name && !no_data {
        Outcome::NoName
    } else if !failures.is_empty() {
        Outcome::Failed(failures)
    } else {
        Outcome::NoData
    }
}

/// Whether a name is this domain or below it.
fn is_below(name: &str, domain: &str) -> bool {
    name.strip_suffix(domain)
        .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

fn literal(address: IpAddr, family: Option<Family>) -> Result<Resolved> {
    if is_of(family, address) {
        return Ok(Resolved::new(vec![SocketAddr::new(address, 0)], "literal"));
    }
    let (is, wanted) = if address.is_ipv4() {
        ("IPv4", "IPv6")
    } else {
        ("IPv6", "IPv4")
    };
    let why = format!("{address} is an {is} address, and only {wanted} is wanted");
    Err(Error::new(Kind::Usage, Operation::Resolve, why)
        .with_hint("leave out -4, -6 and family=, or write an address of that family"))
}

/// This machine, by both families (RFC 6761 section 6.3).
fn localhost(family: Option<Family>) -> Resolved {
    let both = [
        IpAddr::from(Ipv6Addr::LOCALHOST),
        IpAddr::from(Ipv4Addr::LOCALHOST),
    ];
    let found = both.into_iter().filter(|&address| is_of(family, address));
    let found = found.map(|address| SocketAddr::new(address, 0)).collect();
    Resolved::new(found, "localhost")
}

fn of_family(
    known: impl Iterator<Item = SocketAddr>,
    family: Option<Family>,
    source: &'static str,
) -> Option<Resolved> {
    let found: Vec<_> = known.filter(|known| is_of(family, known.ip())).collect();
    (!found.is_empty()).then(|| Resolved::new(found, source))
}
