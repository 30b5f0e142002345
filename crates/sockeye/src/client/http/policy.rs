//! What may be asked: a fetch that a server may call with a user's URL.
//!
//! The URL is looked at before each hop, and the addresses that its name resolves to are looked at where they are connected
//! to, so that a name cannot mean one thing when it is checked and another when it is used. `docs/policy.md` says what this is
//! good for and what not.

mod addresses;
mod file;
mod hosts;
#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::time::Duration;

use ipnet::IpNet;
use sockeye_data::http1::Headers;
use sockeye_data::url::{Scheme, Url};

use self::hosts::HostRule;
use super::settings::Settings;
use crate::client::Proxies;
use crate::endpoint::Proxy;
use crate::error::{Error, Kind, Operation, Result};
use crate::net::Net;

/// Which schemes, hosts, ports and addresses may be asked, on every hop, and how much may come.
///
/// [`Policy::default`] permits everything, [`Policy::public`] what a server may fetch for a stranger. Either can be narrowed
/// and widened; what is denied stays denied, whatever is allowed.
///
/// # Examples
///
/// ```
/// use sockeye::client::http::{Client, Policy};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> sockeye::Result<()> {
/// let client = Client::builder().policy(Policy::public().deny_host("*.example.net")?).build();
/// for url in ["http://127.0.0.1/", "http://0x7f.1/", "http://[::ffff:10.0.0.1]/", "http://www.example.net/"] {
///     let error = client.get(url).send().await.unwrap_err();
///     assert_eq!(error.kind(), sockeye::Kind::Denied, "{error}");
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    schemes: Option<Vec<Scheme>>,
    allowed_hosts: Vec<HostRule>,
    denied_hosts: Vec<HostRule>,
    /// First and last of each range; none means all.
    ports: Vec<(u16, u16)>,
    reach: Reach,
    allowed_addresses: Vec<IpNet>,
    denied_addresses: Vec<IpNet>,
    max_body: Option<u64>,
    max_redirects: Option<u32>,
    max_time: Option<Duration>,
    forbidden_headers: Vec<String>,
    forbids_proxies: bool,
}

/// Which addresses may be connected to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Reach {
    /// All that are not denied.
    #[default]
    Any,
    /// Those of the public internet, and those that are allowed by name of their network.
    Public,
    /// Only those that are allowed by name of their network.
    Listed,
}

impl Policy {
    /// What a server may fetch for a stranger: http and https, ports 80 and 443, addresses of the public internet only, bodies
    /// up to 16 MiB decoded, 5 redirects, 30 s, no proxies, and no headers that mean the connection or name another host.
    pub fn public() -> Self {
        Self {
            schemes: Some(vec![Scheme::Http, Scheme::Https]),
            ports: vec![(80, 80), (443, 443)],
            reach: Reach::Public,
            max_body: Some(16 << 20),
            max_redirects: Some(5),
            max_time: Some(Duration::from_secs(30)),
            forbidden_headers: CONNECTION_HEADERS.map(str::to_owned).to_vec(),
            forbids_proxies: true,
            ..Self::default()
        }
    }

    /// Only these schemes.
    #[must_use]
    pub fn schemes(mut self, schemes: impl IntoIterator<Item = Scheme>) -> Self {
        self.schemes = Some(schemes.into_iter().collect());
        self
    }

    /// Allow this host; as soon as one is allowed by name, all others are not. `example.org` is this host, `*.example.org` are
    /// those below it, `.example.org` is both.
    ///
    /// # Errors
    ///
    /// [`Kind::Usage`] if that is no host.
    pub fn allow_host(mut self, rule: &str) -> Result<Self> {
        self.allowed_hosts.push(HostRule::parse(rule)?);
        Ok(self)
    }

    /// Deny this host, written as in [`Policy::allow_host`], whatever is allowed.
    ///
    /// # Errors
    ///
    /// [`Kind::Usage`] if that is no host.
    pub fn deny_host(mut self, rule: &str) -> Result<Self> {
        self.denied_hosts.push(HostRule::parse(rule)?);
        Ok(self)
    }

    /// Only these ports.
    #[must_use]
    pub fn ports(mut self, ports: impl IntoIterator<Item = u16>) -> Self {
        self.ports = ports.into_iter().map(|port| (port, port)).collect();
        self
    }

    /// Every port.
    #[must_use]
    pub fn any_port(mut self) -> Self {
        self.ports.clear();
        self
    }

    /// Which addresses may be connected to.
    #[must_use]
    pub fn reach(mut self, reach: Reach) -> Self {
        self.reach = reach;
        self
    }

    /// Allow the addresses of this network: `10.1.0.0/16`, `fd00::/8`, or one address.
    ///
    /// # Errors
    ///
    /// [`Kind::Usage`] if that is no network.
    pub fn allow_addresses(mut self, network: &str) -> Result<Self> {
        self.allowed_addresses.push(addresses::network(network)?);
        Ok(self)
    }

    /// Deny the addresses of this network, whatever is allowed.
    ///
    /// # Errors
    ///
    /// [`Kind::Usage`] if that is no network.
    pub fn deny_addresses(mut self, network: &str) -> Result<Self> {
        self.denied_addresses.push(addresses::network(network)?);
        Ok(self)
    }

    /// The longest body that may come, decoded, in bytes.
    #[must_use]
    pub fn max_body(mut self, bytes: u64) -> Self {
        self.max_body = Some(bytes);
        self
    }

    /// How many redirects may be followed; 0 follows none.
    #[must_use]
    pub fn max_redirects(mut self, redirects: u32) -> Self {
        self.max_redirects = Some(redirects);
        self
    }

    /// How long one request may take, redirects, tries and the body included.
    #[must_use]
    pub fn max_time(mut self, time: Duration) -> Self {
        self.max_time = Some(time);
        self
    }

    /// Requests may not bring this header.
    #[must_use]
    pub fn forbid_header(mut self, name: &str) -> Self {
        self.forbidden_headers.push(name.to_ascii_lowercase());
        self
    }

    /// Whether a proxy may be used; if not, those of [`Builder::proxies`](super::Builder::proxies) are not, and one of the
    /// endpoint's options is an error. One that is given a name resolves it where nobody can check what comes out.
    #[must_use]
    pub fn proxies(mut self, allowed: bool) -> Self {
        self.forbids_proxies = !allowed;
        self
    }

    /// Whether a proxy may be used.
    pub fn allows_proxies(&self) -> bool {
        !self.forbids_proxies
    }

    /// Read a policy from JSON, see `docs/policy.md`: `{"extends": "public", "allow_hosts": ["*.example.org"]}`.
    ///
    /// # Errors
    ///
    /// [`Kind::Usage`], with what is wrong and the nearest known word.
    pub fn parse(json: &str) -> Result<Self> {
        file::parse(json)
    }

    /// Whether this URL may be asked, before its name is looked up.
    ///
    /// # Errors
    ///
    /// [`Kind::Denied`], with the rule.
    pub fn check(&self, url: &Url) -> Result<()> {
        let scheme = url.scheme();
        if let Some(schemes) = &self.schemes
            && !schemes.contains(&scheme)
        {
            return Err(denied(format!(
                "the policy does not allow `{}`",
                scheme.as_str()
            )));
        }
        let Some(port) = url.port_or_default() else {
            // It has neither host nor port.
            return Ok(());
        };
        let host = hosts::canonical(url.host());
        if self.denied_hosts.iter().any(|rule| rule.matches(host)) {
            return Err(denied(format!("the policy denies the host {host}")));
        }
        let is_listed = self.allowed_hosts.iter().any(|rule| rule.matches(host));
        if !self.allowed_hosts.is_empty() && !is_listed {
            return Err(denied(format!("the policy does not allow the host {host}")));
        }
        let has = |(first, last): &(u16, u16)| (*first..=*last).contains(&port);
        if !self.ports.is_empty() && !self.ports.iter().any(has) {
            return Err(denied(format!("the policy does not allow port {port}")));
        }
        match host.trim_matches(['[', ']']).parse() {
            Ok(address) => self
                .check_address(address)
                .map_err(|why| denied(format!("the policy does not allow {address}: {why}"))),
            Err(_) => Ok(()),
        }
    }

    /// Whether this address may be connected to; if not, why, as a clause.
    ///
    /// An IPv6 address in which an IPv4 address is embedded (mapped, NAT64, 6to4) has to be allowed as both.
    ///
    /// # Errors
    ///
    /// The rule, as a clause.
    pub fn check_address(&self, address: IpAddr) -> Result<(), String> {
        let address = address.to_canonical();
        let embedded = addresses::embedded(address);
        for one in [Some(address), embedded].into_iter().flatten() {
            let within = |networks: &[IpNet]| networks.iter().any(|network| network.contains(&one));
            if within(&self.denied_addresses) {
                return Err("its network is denied".to_owned());
            }
            if within(&self.allowed_addresses) {
                continue;
            }
            match self.reach {
                Reach::Any => {}
                Reach::Listed => return Err("its network is not allowed".to_owned()),
                Reach::Public => {
                    if let Some(what) = addresses::special(one) {
                        return Err(format!("it is {what}"));
                    }
                }
            }
        }
        Ok(())
    }

    /// The same way of talking, but to no address that this policy does not allow, beside what it did not allow before.
    #[must_use]
    pub fn guard(&self, net: Net) -> Net {
        if self.reach == Reach::Any && self.denied_addresses.is_empty() {
            return net;
        }
        let policy = self.clone();
        net.allow_addresses(move |address| policy.check_address(address))
            .names_at_proxies(false)
    }

    /// Whether a request may be sent this way.
    pub(super) fn check_way(&self, via: &[Proxy]) -> Result<()> {
        match via.is_empty() || self.allows_proxies() {
            true => Ok(()),
            false => Err(denied("the policy allows no proxies".to_owned())),
        }
    }

    /// Whether a request may bring these headers.
    pub(super) fn check_headers(&self, headers: &Headers) -> Result<()> {
        for field in headers.iter() {
            let mut forbidden = self.forbidden_headers.iter();
            if forbidden.any(|name| name.eq_ignore_ascii_case(field.name)) {
                return Err(denied(format!(
                    "the policy does not allow the header {}",
                    field.name
                )));
            }
        }
        Ok(())
    }

    /// Bound what a client is set to.
    pub(super) fn bind(&self, settings: &mut Settings) {
        settings.net = self.guard(settings.net.clone());
        if let Some(most) = self.max_redirects {
            settings.redirects = settings.redirects.clone().bounded(most);
        }
        if self.forbids_proxies {
            settings.proxies = Proxies::none();
        }
        settings.limits.body = least(settings.limits.body, self.max_body);
        settings.timeout = self.bounded(settings.timeout);
    }

    /// The time that a request may take.
    pub(super) fn bounded(&self, time: Option<Duration>) -> Option<Duration> {
        least(time, self.max_time)
    }
}

/// What means the connection (RFC 9110 section 7.6.1) or names another host than the one that was checked.
const CONNECTION_HEADERS: [&str; 11] = [
    "host",
    "connection",
    "content-length",
    "expect",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

fn least<T: Ord>(one: Option<T>, other: Option<T>) -> Option<T> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

fn denied(why: String) -> Error {
    Error::new(Kind::Denied, Operation::Fetch, why)
}
