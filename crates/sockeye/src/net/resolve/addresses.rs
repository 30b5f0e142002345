//! From the two halves of an endpoint to socket addresses that can be connected to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Instant;

use super::walk::literal;
use super::{Resolver, is_of, with_scope, zone};
use crate::endpoint::{Host, HostPort, Options, Port, nearest_scheme};
use crate::error::{Error, Kind, Operation, Result};
use crate::host::services;
use crate::wire::{Watch, What};

/// Which transport a service is meant for; the services table keeps them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

impl Protocol {
    /// Its word in the services table and in events.
    pub fn word(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }
}

/// The addresses to connect to, in the order in which they should be tried, never empty.
///
/// Names are looked up, and told to the watch; no host (`:80`) and only a port (`80`) mean this machine. The options
/// count as far as `family` and `interface`.
///
/// # Errors
///
/// Those of [`Resolver::lookup`]; [`Kind::Name`] for a service or an interface that nobody knows; [`Kind::Usage`] for a
/// link-local address without a zone.
///
/// # Cancel safety
///
/// Dropping the future ends the look-up and leaves nothing behind.
pub async fn addresses(
    resolver: &Resolver,
    to: &HostPort,
    protocol: Protocol,
    options: &Options,
    watch: Option<&Watch>,
    deadline: Instant,
) -> Result<Vec<SocketAddr>> {
    let port = port(&to.port, protocol).map_err(|error| meant_scheme(error, to))?;
    match &to.host {
        Host::Any | Host::Loopback => Ok(resolver
            .lookup("localhost", options.family, deadline)
            .await?
            .with_port(port)),
        Host::Ip { addr, scope } => Ok(vec![ip(*addr, scope.as_deref(), port, options)?]),
        Host::Name(name) => {
            if let Some(watch) = watch {
                watch.report(protocol.word(), What::Resolving { name });
            }
            let found = resolver.lookup(name, options.family, deadline).await?;
            let addresses = found.with_port(port);
            if let Some(watch) = watch {
                let what = What::Resolved {
                    name,
                    addresses: &addresses,
                    source: found.source,
                };
                watch.report(protocol.word(), what);
            }
            Ok(addresses)
        }
    }
}

/// The local addresses that `bind=` allows; empty if it was not given.
pub(crate) async fn local_addresses(
    resolver: &Resolver,
    options: &Options,
    protocol: Protocol,
    deadline: Instant,
) -> Result<Vec<SocketAddr>> {
    let Some(bind) = &options.bind else {
        return Ok(Vec::new());
    };
    if bind.host == Host::Any {
        let port = port(&bind.port, protocol)?;
        let any = [
            IpAddr::from(Ipv6Addr::UNSPECIFIED),
            IpAddr::from(Ipv4Addr::UNSPECIFIED),
        ];
        let any = any.into_iter().filter(|&any| is_of(options.family, any));
        return Ok(any.map(|any| SocketAddr::new(any, port)).collect());
    }
    addresses(resolver, bind, protocol, options, None, deadline).await
}

/// A command behind a mistyped scheme (`exce:cat`) reads as a host and its service.
fn meant_scheme(error: Error, to: &HostPort) -> Error {
    match &to.host {
        Host::Name(word) => match nearest_scheme(word) {
            Some(scheme) => error.with_hint(format!(
                "if {word} is not a host: did you mean {scheme}:{} ?",
                to.port
            )),
            None => error,
        },
        _ => error,
    }
}

fn port(port: &Port, protocol: Protocol) -> Result<u16> {
    match port {
        Port::Number(number) => Ok(*number),
        Port::Name(name) => services::find(name, protocol.word()),
    }
}

fn ip(address: IpAddr, zone: Option<&str>, port: u16, options: &Options) -> Result<SocketAddr> {
    literal(address, options.family)?;
    let zone = zone.or_else(|| match address {
        IpAddr::V6(v6) if v6.is_unicast_link_local() => options.interface.as_deref(),
        _ => None,
    });
    let Some(zone) = zone else {
        if matches!(address, IpAddr::V6(v6) if v6.is_unicast_link_local()) {
            let why = format!("{address} is link-local: it means nothing without an interface");
            return Err(Error::new(Kind::Usage, Operation::Resolve, why)
                .with_hint(format!("write [{address}%INTERFACE], such as %eth0")));
        }
        return Ok(SocketAddr::new(address, port));
    };
    match zone::index(zone) {
        Some(scope) => Ok(with_scope(address, port, scope)),
        None => {
            let why = format!("this machine has no network interface {zone:?}");
            Err(Error::new(Kind::Name, Operation::Resolve, why)
                .with_hint("`ip link` shows the interfaces"))
        }
    }
}
