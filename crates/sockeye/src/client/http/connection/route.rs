//! Where a request goes, and on whose terms.

use sockeye_data::url::{Scheme, Url};

use crate::client::http::settings::{Settings, Versions};
use crate::endpoint::{Carrier, Endpoint, Host, HostPort, Layer, Port, Proxy, ProxyScheme};
use crate::error::{Error, Kind, Operation, Result};

/// Where a request goes. Two requests may share a connection only if all of this is equal: the endpoint holds every option that
/// decides whom we trust and who we are (roots, pins, client certificate, name, proxies), so none can be forgotten.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in crate::client::http) struct Route {
    pub(in crate::client::http) endpoint: Endpoint,
    pub(in crate::client::http) versions: Versions,
    pub(in crate::client::http) forward: Option<Forward>,
}

/// The request goes to a proxy that forwards it (RFC 9110 section 3.7): its target is the whole URL.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in crate::client::http) struct Forward {
    /// Who forwards it.
    pub(in crate::client::http) proxy: Proxy,
    /// What proves to the proxy who we are.
    pub(in crate::client::http) authorization: Option<String>,
}

impl Route {
    /// The way to this URL.
    ///
    /// # Errors
    ///
    /// [`Kind::Usage`] if the URL is none of http.
    pub(in crate::client::http) fn new(
        url: &Url,
        settings: &Settings,
        versions: Versions,
    ) -> Result<Self> {
        let secure = match url.scheme() {
            Scheme::Http => false,
            Scheme::Https => true,
            other => {
                let why = format!("`{}` is not spoken by a client of HTTP", other.as_str());
                return Err(
                    Error::new(Kind::Usage, Operation::Fetch, why).about(url.without_secrets())
                );
            }
        };
        let proxy = match &settings.instead {
            None if settings.options.via.is_empty() => settings.proxies.for_url(url),
            _ => None,
        };
        if let Some(proxy) = proxy.filter(|it| !secure && it.scheme().is_http()) {
            return forwarded(proxy, url, settings, versions);
        }
        let mut endpoint = match &settings.instead {
            Some(instead) => instead.clone(),
            None => {
                let mut endpoint = Endpoint::new(Carrier::Tcp(place(url)?));
                endpoint.options_mut().clone_from(&settings.options);
                endpoint.options_mut().via.extend(proxy.cloned());
                endpoint
            }
        };
        if secure {
            let mut tls = settings.tls.clone();
            if tls.alpn.is_empty() {
                tls.alpn = alpn(versions);
            }
            if settings.instead.is_some() && tls.sni.is_none() {
                tls.sni = Some(url.host().trim_matches(['[', ']']).to_owned());
            }
            endpoint = endpoint.with_layer(Layer::Tls(tls));
        }
        Ok(Self {
            endpoint,
            versions,
            forward: None,
        })
    }
}

impl Route {
    /// Whether HTTP/2 may be what is spoken there.
    pub(super) fn offers_http2(&self) -> bool {
        let offers = |layer: &Layer| matches!(layer, Layer::Tls(tls) if tls.alpn.iter().any(|name| name == "h2"));
        self.versions == Versions::Http2 || self.endpoint.layers().iter().any(offers)
    }
}

/// The way to a proxy that is asked for the whole URL. With TLS it is that of proxies: nothing that proves to a server who we are
/// is shown to it.
fn forwarded(proxy: &Proxy, url: &Url, settings: &Settings, versions: Versions) -> Result<Route> {
    settings.net.check_at_proxy(&place(url)?.host)?;
    let versions = match versions {
        Versions::Http10 => Versions::Http10,
        _ => Versions::Http11,
    };
    let mut endpoint = Endpoint::new(Carrier::Tcp(proxy.place()));
    endpoint.options_mut().clone_from(&settings.options);
    if proxy.scheme() == ProxyScheme::Https {
        let mut tls = (*settings.net.proxy_tls).clone();
        if tls.alpn.is_empty() {
            tls.alpn = alpn(versions);
        }
        endpoint = endpoint.with_layer(Layer::Tls(tls));
    }
    Ok(Route {
        endpoint,
        versions,
        forward: Some(Forward {
            proxy: proxy.clone(),
            authorization: proxy.basic(),
        }),
    })
}

/// The protocols to offer (RFC 7301).
fn alpn(versions: Versions) -> Vec<String> {
    let names: &[&str] = match versions {
        Versions::Http10 => &["http/1.0"],
        Versions::Auto => &["h2", "http/1.1"],
        Versions::Http11 => &["http/1.1"],
        Versions::Http2 => &["h2"],
    };
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// Host and port of a URL.
fn place(url: &Url) -> Result<HostPort> {
    let host = url.host();
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    let host = match bare.unwrap_or(host).parse() {
        Ok(addr) => Host::Ip { addr, scope: None },
        Err(_) => Host::Name(host.to_owned()),
    };
    let port = url.port_or_default().unwrap_or(80);
    if port == 0 {
        return Err(
            Error::new(Kind::Usage, Operation::Fetch, "nobody can be at port 0")
                .about(url.without_secrets())
                .with_hint("a URL with a port looks like http://host:8080/"),
        );
    }
    Ok(HostPort {
        host,
        port: Port::Number(port),
    })
}
