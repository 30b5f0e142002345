//! Reaching a peer through proxies: the first one is connected to, and each is asked for a way to the next.

use std::time::Instant;

use sockeye_data::socks;
use tokio::time::timeout_at;

use super::connect::carried;
use super::detour;
use super::layer::{self, Spot, http_connect};
use super::place::Place;
use super::resolve::Protocol;
use super::stream::{Io, Stream};
use super::{Net, race};
use crate::endpoint::{Endpoint, Family, Host, HostPort, Options, Proxy, ProxyScheme};
use crate::error::{Error, Kind, Operation, Result};
use crate::wire::{Watch, What};

/// The protocol that proxies behind TLS are offered (RFC 7301).
const ALPN: &str = "http/1.1";

/// Connect to `at`, the place of this endpoint, through all the proxies of its options.
///
/// # Errors
///
/// Those of [`race::dial`] for the first proxy, those of its TLS, and what each proxy answers; each names the proxy.
///
/// # Cancel safety
///
/// Dropping the future closes what was opened so far.
pub(super) async fn connect(
    net: &Net,
    to: &Endpoint,
    at: &HostPort,
    watch: Option<&Watch>,
    deadline: Instant,
) -> Result<Stream> {
    let options = to.options();
    let chain = &options.via;
    let tls = tls(net, chain)?;
    let Some(first) = chain.first() else {
        let why = "there is no proxy to go through";
        return Err(Error::new(Kind::Usage, Operation::Connect, why));
    };
    let dialed = race::dial(net, &first.place(), options, watch, deadline).await;
    let tcp = dialed.map_err(|error| {
        let error = match error.kind() {
            Kind::Refused => error.with_hint("is the proxy running, and is this its port?"),
            _ => error,
        };
        named(error, chain, 0)
    })?;
    let peer: Place = tcp.peer_addr().ok().into();
    let mut stream = carried(Io::Tcp(tcp), to, watch, Place::default(), peer, None);
    for (index, proxy) in chain.iter().enumerate() {
        let next = chain.get(index + 1).map(Proxy::place);
        let next = next.as_ref().unwrap_or(at);
        let hop = Hop {
            net,
            proxy,
            options,
            watch,
            deadline,
        };
        let asked = async {
            if let Some(tls) = tls
                .as_ref()
                .filter(|_| proxy.scheme() == ProxyScheme::Https)
            {
                let spot = Spot {
                    name: proxy.scheme().word(),
                    covered: is_covered(to, index + 1),
                };
                let host = Some(proxy.host());
                stream = tls.connect(stream, host, spot, watch, deadline).await?;
            }
            hop.ask(stream, next).await
        };
        stream = asked
            .await
            .map_err(|error| named(error.during(Operation::Connect), chain, index))?;
    }
    // What TLS agreed on with a proxy says nothing about the peer.
    stream.forget_secured();
    Ok(stream)
}

/// Whether what travels on the carrier, or above so many of the proxies, is wrapped once more.
pub(super) fn is_covered(to: &Endpoint, proxies: usize) -> bool {
    let mut rest = to.options().via.iter().skip(proxies);
    !to.layers().is_empty() || rest.any(|proxy| proxy.scheme() == ProxyScheme::Https)
}

/// The TLS of proxies, if one speaks it; made before anything is opened, so that what is wrong with it shows first.
fn tls(net: &Net, chain: &[Proxy]) -> Result<Option<layer::Connector>> {
    if !chain.iter().any(|it| it.scheme() == ProxyScheme::Https) {
        return Ok(None);
    }
    let mut options = (*net.proxy_tls).clone();
    if options.alpn.is_empty() {
        options.alpn = vec![ALPN.to_owned()];
    }
    net.connector(&options)
        .map(Some)
        .map_err(|error| error.during(Operation::Connect))
}

/// Which proxy it was that failed.
fn named(error: Error, chain: &[Proxy], index: usize) -> Error {
    let proxy = &chain[index];
    match chain.len() {
        1 => error.through(format_args!("proxy {proxy}")),
        many => error.through(format_args!("proxy {} of {many}, {proxy}", index + 1)),
    }
}

/// One proxy, which is asked for a way on.
struct Hop<'a> {
    net: &'a Net,
    proxy: &'a Proxy,
    options: &'a Options,
    watch: Option<&'a Watch>,
    deadline: Instant,
}

impl Hop<'_> {
    async fn ask(&self, stream: Stream, next: &HostPort) -> Result<Stream> {
        let to = self.target(next).await?;
        let asked = async {
            match self.proxy.scheme() {
                ProxyScheme::Http | ProxyScheme::Https => {
                    http_connect::tunnel(stream, &to, self.proxy).await
                }
                _ => layer::socks::tunnel(stream, &to, self.proxy).await,
            }
        };
        let Ok(answered) = timeout_at(self.deadline.into(), asked).await else {
            let why = format!("it did not answer in time when asked for {to}");
            return Err(Error::new(Kind::TimedOut, Operation::Connect, why));
        };
        let (stream, agreed) = answered?;
        if let Some(watch) = self.watch {
            let agreed = &agreed;
            watch.report(self.proxy.scheme().word(), What::Handshake { agreed });
        }
        Ok(stream)
    }

    /// The place as this proxy is told it.
    async fn target(&self, next: &HostPort) -> Result<socks::Address> {
        let Some(port) = detour::number(&next.port) else {
            let why = format!("nobody knows the service {}", next.port);
            return Err(Error::new(Kind::Name, Operation::Resolve, why));
        };
        let host =
            match &next.host {
                Host::Name(name) if self.proxy.scheme().resolves() => {
                    self.net.guard.name_at_proxy(name)?;
                    socks::Host::Name(name.clone().into_bytes())
                }
                Host::Name(_) => return self.resolved(next).await,
                Host::Ip { addr, scope: None } => {
                    self.net.guard.check(*addr)?;
                    socks::Host::Ip(*addr)
                }
                Host::Ip { .. } => {
                    let why = format!("it cannot be told the zone of {}", next.host);
                    return Err(Error::new(Kind::Usage, Operation::Connect, why)
                        .with_hint("a zone means something on this machine only"));
                }
                Host::Any | Host::Loopback => {
                    let why = "it would take this machine for its own";
                    return Err(Error::new(Kind::Usage, Operation::Connect, why).with_hint(
                        format!("write localhost:{port} if the proxy's machine is meant"),
                    ));
                }
            };
        Ok(socks::Address { host, port })
    }

    /// The first address of a name that we resolve: SOCKS asks for one.
    async fn resolved(&self, next: &HostPort) -> Result<socks::Address> {
        let mut options = Options::default();
        options.family = match self.proxy.scheme() {
            ProxyScheme::Socks4 => Some(Family::V4),
            _ => self.options.family,
        };
        let found = self
            .net
            .addresses(next, Protocol::Tcp, &options, self.watch, self.deadline)
            .await?;
        // There is always one.
        let first = found.first().copied();
        first
            .map(Into::into)
            .ok_or_else(|| Error::new(Kind::Name, Operation::Resolve, "the name has no address"))
    }
}
