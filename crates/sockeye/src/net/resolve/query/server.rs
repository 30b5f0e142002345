//! Whom to ask: a name server and the way to it.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use serde::{Serialize, Serializer};

use crate::endpoint::{Carrier, Endpoint, Host, Layer, Port};
use crate::error::{Error, Kind, Operation, Result};
use crate::net::Net;

/// The path of RFC 8484's examples, which nearly all servers use.
const PATH: &str = "/dns-query";
/// The longest text of a server that is read, in bytes.
const MAX_TEXT: usize = 4096;

/// How a question travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Transport {
    /// Datagrams (RFC 1035), and TCP for what does not fit.
    Udp,
    /// TCP (RFC 7766).
    Tcp,
    /// TLS (RFC 7858), "DoT".
    Tls,
    /// HTTPS (RFC 8484), "DoH".
    Https,
}

impl Transport {
    /// The scheme: `udp`, `tcp`, `tls`, `https`.
    pub fn scheme(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Https => "https",
        }
    }

    /// The port that is meant if none is written: 53, 853 or 443.
    pub fn port(self) -> u16 {
        match self {
            Self::Udp | Self::Tcp => 53,
            Self::Tls => 853,
            Self::Https => 443,
        }
    }

    /// Whether others cannot read the question on its way.
    pub fn is_encrypted(self) -> bool {
        matches!(self, Self::Tls | Self::Https)
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.scheme())
    }
}

impl Serialize for Transport {
    /// As its scheme.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.scheme())
    }
}

/// A name server and the way to it.
///
/// | form | meaning |
/// |---|---|
/// | `192.0.2.1`, `2001:db8::1`, `dns.example` | UDP at port 53, and TCP for what does not fit |
/// | `192.0.2.1:5353`, `[::1]:53`, `udp://h:p` | the same at this port |
/// | `tcp://h[:53]` | TCP |
/// | `tls://h[:853]` | DNS over TLS |
/// | `https://h[:443][/dns-query]` | DNS over HTTPS; `{?dns}` at its end may stand there and changes nothing |
///
/// Behind a question mark stand the options of an [`Endpoint`]: `tls://192.0.2.1?sni=dns.example&ca=roots.pem`. A name
/// is resolved as this machine does it, by the resolver of the [`Net`]. It prints in full, and reads back the same.
///
/// # Examples
///
/// ```
/// use sockeye::net::resolve::query::{Server, Transport};
///
/// let server: Server = "192.0.2.1".parse()?;
/// assert_eq!(server.to_string(), "udp://192.0.2.1:53");
/// let server: Server = "https://dns.example?verify=none".parse()?;
/// assert_eq!(server.to_string(), "https://dns.example:443/dns-query?verify=none");
/// assert_eq!(server.transport(), Transport::Https);
/// # Ok::<(), sockeye::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Server {
    transport: Transport,
    endpoint: Endpoint,
    /// The path of HTTPS; empty for all others.
    path: String,
}

impl Server {
    /// The server at this address over UDP, and over TCP for what does not fit.
    pub fn udp(address: SocketAddr) -> Self {
        let host: Host = match address {
            SocketAddr::V6(v6) if v6.scope_id() != 0 => Host::Ip {
                addr: IpAddr::V6(*v6.ip()),
                scope: Some(v6.scope_id().to_string()),
            },
            address => address.ip().to_string().into(),
        };
        Self {
            transport: Transport::Udp,
            endpoint: Endpoint::udp(host, address.port()),
            path: String::new(),
        }
    }

    /// The servers that this machine asks: those of the `Net`'s resolver, by default those in `/etc/resolv.conf`.
    pub async fn system(net: &Net) -> Vec<Self> {
        let servers = net.resolver.servers().await;
        servers.into_iter().map(Self::udp).collect()
    }

    /// How questions travel to it.
    pub fn transport(&self) -> Transport {
        self.transport
    }

    /// What is connected to, with TLS where that is spoken.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The options of the endpoint, to be changed in place.
    pub fn endpoint_mut(&mut self) -> &mut Endpoint {
        &mut self.endpoint
    }

    /// The path of a server that speaks HTTPS: `/dns-query`.
    pub fn path(&self) -> Option<&str> {
        (self.transport == Transport::Https).then_some(&self.path)
    }

    /// Host and port as they stand in a request over HTTPS.
    #[allow(dead_code, reason = "for HTTPS, which a build may not have")]
    pub(super) fn authority(&self) -> String {
        match self.endpoint.carrier() {
            Carrier::Tcp(at) | Carrier::Udp(at) => {
                let host = match &at.host {
                    Host::Ip {
                        addr: IpAddr::V6(v6),
                        ..
                    } => format!("[{v6}]"),
                    host => host.to_string(),
                };
                match &at.port {
                    Port::Number(443) => host,
                    port => format!("{host}:{port}"),
                }
            }
            _ => String::new(),
        }
    }

    /// The same server over TCP, for an answer that did not fit into a datagram.
    pub(super) fn over_tcp(&self) -> Self {
        let mut endpoint = match self.endpoint.carrier() {
            Carrier::Udp(at) => Endpoint::new(Carrier::Tcp(at.clone())),
            carrier => Endpoint::new(carrier.clone()),
        };
        *endpoint.options_mut() = self.endpoint.options().clone();
        Self {
            transport: Transport::Tcp,
            endpoint,
            path: String::new(),
        }
    }
}

impl FromStr for Server {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if text.len() > MAX_TEXT {
            return Err(refused(text, "it is too long"));
        }
        let (transport, rest) = match text.split_once("://") {
            Some((scheme, rest)) => (transport(text, scheme)?, rest),
            None => (Transport::Udp, text),
        };
        let (target, options) = match rest.split_once('?') {
            // The template of RFC 6570 that DNS over HTTPS is announced with.
            Some((target, "dns}")) if target.ends_with('{') => (target.trim_end_matches('{'), None),
            Some((target, options)) => (target, Some(options)),
            None => (rest, None),
        };
        let (authority, path) = match target.find('/') {
            Some(at) => target.split_at(at),
            None => (target, ""),
        };
        let path = match (transport, path) {
            (Transport::Https, "" | "/") => PATH.to_owned(),
            (Transport::Https, path) => checked_path(text, path)?,
            (_, "") => String::new(),
            (transport, _) => {
                let why = format!("{transport} takes no path");
                return Err(refused(text, &why));
            }
        };
        let scheme = match transport {
            Transport::Https => "tls",
            transport => transport.scheme(),
        };
        let place = with_port(text, authority, transport.port())?;
        let options = options.map_or_else(String::new, |options| format!("?{options}"));
        let endpoint: Endpoint = format!("{scheme}://{place}{options}").parse().map_err(
            |e: crate::endpoint::ParseError| {
                let error = refused(text, e.reason());
                match e.hint() {
                    Some(hint) => error.with_hint(hint),
                    None => error,
                }
            },
        )?;
        Ok(Self {
            transport,
            endpoint,
            path,
        })
    }
}

fn transport(text: &str, scheme: &str) -> Result<Transport> {
    Ok(match &*scheme.to_ascii_lowercase() {
        "udp" | "dns" => Transport::Udp,
        "tcp" => Transport::Tcp,
        "tls" | "dot" => Transport::Tls,
        "https" | "doh" => Transport::Https,
        "http" => {
            return Err(refused(text, "DNS over HTTP without TLS is not spoken")
                .with_hint("as in https://dns.example/dns-query"));
        }
        "quic" | "doq" | "h3" | "sdns" => {
            return Err(Error::new(
                Kind::Unsupported,
                Operation::Parse,
                format!("{scheme}:// is not built in yet for name servers"),
            )
            .with_hint("this version has udp, tcp, tls, https"));
        }
        _ => {
            return Err(refused(text, "unknown scheme")
                .with_hint("name servers are asked over udp, tcp, tls, https"));
        }
    })
}

/// Host and port, where the port may be missing and an IPv6 address need not have brackets then.
fn with_port(text: &str, authority: &str, port: u16) -> Result<String> {
    if authority.is_empty() || authority.starts_with(':') {
        return Err(
            refused(text, "it names no host").with_hint("as in 192.0.2.1, [::1]:53, dns.example")
        );
    }
    let bare = authority.split('%').next().unwrap_or(authority);
    if bare.parse::<Ipv6Addr>().is_ok() {
        return Ok(format!("[{authority}]:{port}"));
    }
    let has_port = match authority.rfind(']') {
        Some(end) => authority[end..].contains(':'),
        None => authority.contains(':'),
    };
    Ok(match has_port {
        true => authority.to_owned(),
        false => format!("{authority}:{port}"),
    })
}

/// A path that can stand in a request as it is.
fn checked_path(text: &str, path: &str) -> Result<String> {
    let fits = |byte: u8| byte.is_ascii_graphic() && !b"{}#\\\"<>^`|".contains(&byte);
    if path.bytes().all(fits) {
        return Ok(path.to_owned());
    }
    Err(
        refused(text, "its path has characters that a request cannot have")
            .with_hint("other bytes are written %XX"),
    )
}

fn refused(text: &str, why: &str) -> Error {
    let shown: String = text.chars().take(100).collect();
    let why = format!("{shown:?} is no name server: {why}");
    Error::new(Kind::Usage, Operation::Parse, why)
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.transport != Transport::Https {
            return write!(f, "{}", self.endpoint);
        }
        let text = self.endpoint.to_string();
        let rest = text.strip_prefix("tls://").unwrap_or(&text);
        let (target, options) = rest.split_at(rest.find('?').unwrap_or(rest.len()));
        write!(f, "https://{target}{}{options}", self.path)
    }
}

impl Serialize for Server {
    /// As a string, in the form that it prints in.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The endpoint with the protocols of HTTP to offer, unless the user chose some.
#[allow(dead_code, reason = "for HTTPS, which a build may not have")]
pub(super) fn offering_http(endpoint: &Endpoint) -> Endpoint {
    let mut offered = Endpoint::new(endpoint.carrier().clone());
    *offered.options_mut() = endpoint.options().clone();
    for layer in endpoint.layers() {
        let Layer::Tls(tls) = layer else {
            offered = offered.with_layer(layer.clone());
            continue;
        };
        let mut tls = tls.clone();
        if tls.alpn.is_empty() {
            tls.alpn = vec!["h2".into(), "http/1.1".into()];
        }
        offered = offered.with_layer(Layer::Tls(tls));
    }
    offered
}
