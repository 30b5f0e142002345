//! Other ways than what a name and a port say: addresses that are known beforehand, and connections that go elsewhere.
//!
//! Only where a connection goes changes. The name that a certificate must have, and whatever a protocol says about the
//! host, stay as they are in the endpoint.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Instant;

use super::Net;
use super::resolve::{self, Protocol};
use crate::endpoint::{Family, Host, HostPort, Options, Port};
use crate::error::{Error, Kind, Operation, Result};
use crate::host::services;
use crate::wire::{Watch, What};

/// What a host at one port means, whatever the resolver says: `HOST:PORT:ADDRESS[,ADDRESS...]`, as `--resolve` of curl.
///
/// `*` as the host stands for every name.
///
/// # Examples
///
/// ```
/// use sockeye::net::Known;
///
/// let known: Known = "www.example.org:443:127.0.0.1,[::1]".parse()?;
/// assert_eq!(known.addresses.len(), 2);
/// # Ok::<(), sockeye::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// The name; `None` is every name.
    pub host: Option<String>,
    /// The port for which it counts.
    pub port: u16,
    /// The addresses, in the order in which they are tried.
    pub addresses: Vec<IpAddr>,
}

/// A connection that goes elsewhere: `HOST1:PORT1:HOST2:PORT2`, as `--connect-to` of curl.
///
/// A part that is left out means every host or port before, and the same host or port behind.
///
/// # Examples
///
/// ```
/// use sockeye::net::Detour;
///
/// let detour: Detour = "www.example.org::staging.example.org:8443".parse()?;
/// assert_eq!((detour.port, detour.to_port), (None, Some(8443)));
/// # Ok::<(), sockeye::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Detour {
    /// Whom it is for; `None` is everybody.
    pub host: Option<Host>,
    /// At which port; `None` is every port.
    pub port: Option<u16>,
    /// Where it goes instead; `None` is the same host.
    pub to_host: Option<Host>,
    /// At which port; `None` is the same port.
    pub to_port: Option<u16>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Detours {
    known: Vec<Known>,
    detours: Vec<Detour>,
}

impl Net {
    /// The same settings, for a place that was found already and from which nothing may lead away.
    #[allow(dead_code, reason = "for clients, which a build may not have")]
    pub(crate) fn straight(&self) -> Self {
        let mut net = self.clone();
        net.detours = Arc::default();
        net
    }

    /// Let a name at one port mean these addresses. The first that fits counts; nobody is asked then.
    #[must_use]
    pub fn known(mut self, known: Known) -> Self {
        Arc::make_mut(&mut self.detours).known.push(known);
        self
    }

    /// Let connections to one place go to another. The first that fits counts; it counts for the target of an endpoint, not
    /// for proxies, and before [`Net::known`].
    #[must_use]
    pub fn detour(mut self, detour: Detour) -> Self {
        Arc::make_mut(&mut self.detours).detours.push(detour);
        self
    }

    /// Where a connection to this place really goes.
    pub(super) fn led(&self, to: &HostPort) -> HostPort {
        if self.detours.detours.is_empty() {
            return to.clone();
        }
        let port = number(&to.port);
        let fits = |detour: &&Detour| {
            let host = detour.host.as_ref().is_none_or(|it| same(it, &to.host));
            host && (detour.port.is_none() || detour.port == port)
        };
        match self.detours.detours.iter().find(fits) {
            None => to.clone(),
            Some(detour) => HostPort {
                host: detour.to_host.clone().unwrap_or_else(|| to.host.clone()),
                port: detour.to_port.map_or_else(|| to.port.clone(), Port::Number),
            },
        }
    }

    /// The addresses of a place that may be connected to, in the order in which they should be tried, never empty.
    ///
    /// # Errors
    ///
    /// Those of [`resolve::addresses`]; [`Kind::Denied`] if [`Net::allow_addresses`] allows none of them.
    pub(super) async fn addresses(
        &self,
        to: &HostPort,
        protocol: Protocol,
        options: &Options,
        watch: Option<&Watch>,
        deadline: Instant,
    ) -> Result<Vec<SocketAddr>> {
        let addresses = match self.known_addresses(to, options, protocol, watch)? {
            Some(addresses) => addresses,
            None => {
                resolve::addresses(&self.resolver, to, protocol, options, watch, deadline).await?
            }
        };
        self.guard.allowed(addresses, watch, protocol.word())
    }

    fn known_addresses(
        &self,
        to: &HostPort,
        options: &Options,
        protocol: Protocol,
        watch: Option<&Watch>,
    ) -> Result<Option<Vec<SocketAddr>>> {
        let (Host::Name(name), false) = (&to.host, self.detours.known.is_empty()) else {
            return Ok(None);
        };
        let Some(port) = number(&to.port) else {
            return Ok(None);
        };
        let fits = |known: &&Known| {
            let host = known.host.as_deref();
            known.port == port && host.is_none_or(|it| same_name(it, name))
        };
        let Some(known) = self.detours.known.iter().find(fits) else {
            return Ok(None);
        };
        let wanted = |address: &IpAddr| match options.family {
            None => true,
            Some(Family::V4) => address.is_ipv4(),
            Some(Family::V6) => address.is_ipv6(),
        };
        let addresses = known.addresses.iter().copied().filter(wanted);
        let addresses: Vec<_> = addresses.map(|it| SocketAddr::new(it, port)).collect();
        if addresses.is_empty() {
            let why = format!("{name} is known beforehand, with no address of the wanted family");
            return Err(Error::new(Kind::Name, Operation::Resolve, why));
        }
        if let Some(watch) = watch {
            watch.report(protocol.word(), What::Resolving { name });
            let what = What::Resolved {
                name,
                addresses: &addresses,
                source: "override",
            };
            watch.report(protocol.word(), what);
        }
        Ok(Some(addresses))
    }
}

/// The number of a port, if it has one.
pub(super) fn number(port: &Port) -> Option<u16> {
    match port {
        Port::Number(number) => Some(*number),
        Port::Name(name) => services::find(name, Protocol::Tcp.word()).ok(),
    }
}

fn same(a: &Host, b: &Host) -> bool {
    match (a, b) {
        (Host::Name(a), Host::Name(b)) => same_name(a, b),
        (Host::Ip { addr: a, .. }, Host::Ip { addr: b, .. }) => {
            a.to_canonical() == b.to_canonical()
        }
        (a, b) => a == b,
    }
}

fn same_name(a: &str, b: &str) -> bool {
    let bare = |name: &'_ str| name.strip_suffix('.').unwrap_or(name).to_owned();
    bare(a).eq_ignore_ascii_case(&bare(b))
}

impl fmt::Display for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host.as_deref().unwrap_or("*"), self.port)?;
        for (index, address) in self.addresses.iter().enumerate() {
            f.write_str(if index == 0 { ":" } else { "," })?;
            match address {
                IpAddr::V4(address) => write!(f, "{address}")?,
                IpAddr::V6(address) => write!(f, "[{address}]")?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for Detour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = |host: &Option<Host>| host.as_ref().map_or_else(String::new, Host::to_string);
        let port = |port: &Option<u16>| port.map_or_else(String::new, |port| port.to_string());
        let (from, to) = (host(&self.host), host(&self.to_host));
        let (port, to_port) = (port(&self.port), port(&self.to_port));
        write!(f, "{from}:{port}:{to}:{to_port}")
    }
}

impl FromStr for Known {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        const HINT: &str =
            "as in www.example.org:443:127.0.0.1, with commas between several addresses";
        let refuse = |why: String| Error::new(Kind::Usage, Operation::Parse, why).with_hint(HINT);
        let (host, rest) = part(text).map_err(|why| refuse(format!("{text:?}: {why}")))?;
        let (port, addresses) = rest
            .split_once(':')
            .ok_or_else(|| refuse(format!("{text:?} has no addresses")))?;
        let port = port_number(port)
            .ok_or_else(|| refuse(format!("{port:?} is not a port from 1 to 65535")))?;
        let address = |text: &str| {
            let bare = text.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
            let address = bare.unwrap_or(text).parse();
            address.map_err(|_| refuse(format!("{text:?} is not an address")))
        };
        if host.is_empty() {
            return Err(refuse(format!("{text:?} has no host")));
        }
        Ok(Self {
            host: (host != "*").then(|| host.to_owned()),
            port,
            addresses: addresses.split(',').map(address).collect::<Result<_>>()?,
        })
    }
}

impl FromStr for Detour {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        const HINT: &str = "as in www.example.org:443:127.0.0.1:8443; a part that is left out is every one, or the same";
        let refuse = |why: &str| {
            Error::new(Kind::Usage, Operation::Parse, format!("{text:?}: {why}")).with_hint(HINT)
        };
        let (host, rest) = part(text).map_err(refuse)?;
        let (port, rest) = rest
            .split_once(':')
            .ok_or_else(|| refuse("it has not four parts"))?;
        let (to_host, to_port) = part(rest).map_err(refuse)?;
        let host_of = |text: &str| (!text.is_empty()).then(|| Host::from(text));
        let port_of = |text: &str| match text {
            "" => Ok(None),
            _ => port_number(text)
                .map(Some)
                .ok_or_else(|| refuse("a port is from 1 to 65535")),
        };
        Ok(Self {
            host: host_of(host),
            port: port_of(port)?,
            to_host: host_of(to_host),
            to_port: port_of(to_port)?,
        })
    }
}

/// The part before a colon, in which an address in brackets may have colons of its own, and what follows.
fn part(text: &str) -> Result<(&str, &str), &'static str> {
    let end = match text.strip_prefix('[') {
        Some(rest) => rest.find(']').ok_or("a bracket that is never closed")? + 2,
        None => text.find(':').ok_or("it has too few parts")?,
    };
    let (before, after) = (&text[..end], &text[end..]);
    let after = after.strip_prefix(':').ok_or("a colon is missing")?;
    Ok((before, after))
}

fn port_number(text: &str) -> Option<u16> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|port| digits && *port > 0)
}
