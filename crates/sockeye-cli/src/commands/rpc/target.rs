//! Whom `rpc` calls: which protocol, over what.

use clap::ValueEnum;
use sockeye::data::url::{Scheme, Url};
use sockeye::endpoint::Carrier;
use sockeye::{Endpoint, Error, Kind, Operation, Result};

/// The protocols.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Protocol {
    /// JSON-RPC 2.0
    Json,
    /// XML-RPC, as Python's xmlrpc speaks it
    Xml,
}

impl Protocol {
    /// Its name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Json => "JSON-RPC 2.0",
            Self::Xml => "XML-RPC",
        }
    }
}

/// What carries the calls.
#[derive(Clone, Debug)]
pub(super) enum Place {
    /// HTTP or HTTPS.
    Http(Url),
    /// A stream: a message on each line.
    Lines(Endpoint),
    /// WebSocket: a call is a message; the URL has the scheme http or https here.
    WebSocket(Url),
}

/// Whom to call.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) protocol: Protocol,
    /// Why this protocol.
    pub(super) why: &'static str,
    pub(super) place: Place,
}

impl Target {
    /// Read what was typed.
    ///
    /// # Errors
    ///
    /// [`Kind::Usage`] if it is none, or contradicts `--protocol`.
    pub(super) fn read(typed: &str, flag: Option<Protocol>) -> Result<Self> {
        let (prefix, rest) = match typed.split_once('+') {
            Some(("jsonrpc", rest)) => (Some(Protocol::Json), rest),
            Some(("xmlrpc", rest)) => (Some(Protocol::Xml), rest),
            _ => (None, typed),
        };
        if let (Some(prefix), Some(flag)) = (prefix, flag)
            && prefix != flag
        {
            let why = format!(
                "the scheme says {}, and --protocol says {}",
                prefix.name(),
                flag.name()
            );
            return Err(usage(why).with_hint("leave out --protocol"));
        }
        let place = place(rest)?;
        let (protocol, why) = match (flag, prefix, &place) {
            (Some(flag), _, _) => (flag, "--protocol says so"),
            (_, Some(prefix), _) => (prefix, "its scheme says so"),
            (_, _, Place::Http(url)) if url.path().ends_with("/RPC2") => {
                (Protocol::Xml, "its path ends with /RPC2")
            }
            _ => (
                Protocol::Json,
                "nothing says that it is XML-RPC; xmlrpc+http:// or --protocol xml would",
            ),
        };
        if protocol == Protocol::Xml && !matches!(place, Place::Http(_)) {
            return Err(usage("XML-RPC is carried by http and https alone")
                .with_hint("as in xmlrpc+http://localhost:8000/RPC2"));
        }
        Ok(Self {
            protocol,
            why,
            place,
        })
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.place {
            Place::Http(url) => write!(f, "{}", url.without_secrets()),
            Place::Lines(endpoint) => write!(f, "{endpoint}"),
            Place::WebSocket(url) => write!(
                f,
                "{}",
                url.without_secrets().to_string().replacen("http", "ws", 1)
            ),
        }
    }
}

fn place(text: &str) -> Result<Place> {
    let scheme = text.split_once(':').map_or("", |(scheme, _)| scheme);
    let scheme = scheme.to_ascii_lowercase();
    match &*scheme {
        "ws" | "wss" => {
            let as_http = format!("http{}", &text[2..]);
            Ok(Place::WebSocket(url(&as_http, text)?))
        }
        "http" | "https" => Ok(Place::Http(url(text, text)?)),
        // `localhost:8000` has no scheme but a port; `tls+unix:/path` has one.
        _ if is_endpoint(&scheme, text) => {
            let endpoint: Endpoint = text.parse()?;
            if endpoint.carrier().keeps_boundaries()
                || matches!(endpoint.carrier(), Carrier::File(_))
            {
                let why = format!("{} carries no calls", endpoint.carrier().scheme());
                return Err(
                    usage(why).with_hint("http, https, ws, wss, tcp, tls, unix and exec do")
                );
            }
            Ok(Place::Lines(endpoint))
        }
        _ => Ok(Place::Http(url(text, text)?)),
    }
}

fn is_endpoint(scheme: &str, text: &str) -> bool {
    let innermost = scheme.rsplit('+').next().unwrap_or_default();
    let known = [
        "tcp",
        "tls",
        "unix",
        "exec",
        "pty",
        "stdio",
        "udp",
        "file",
        "unix-dgram",
        "unix-seqpacket",
        "quic",
    ];
    known.contains(&innermost)
        && (text.contains("://") || !matches!(innermost, "tcp" | "tls" | "udp" | "quic"))
}

fn url(text: &str, typed: &str) -> Result<Url> {
    let url = Url::parse_typed(text).map_err(|error| {
        let shown = sockeye::data::escape::escape(typed.as_bytes());
        usage(format!("`{shown}` is {error}"))
    });
    let url = url.map_err(|error| {
        error.with_hint(
            "a URL looks like http://host/path; tcp://host:port and unix:/path are others",
        )
    })?;
    match url.scheme() {
        Scheme::Http | Scheme::Https => Ok(url),
        _ => Err(
            usage(format!("`{}` carries no calls", url.without_secrets()))
                .with_hint("http, https, ws, wss, tcp, tls, unix and exec do"),
        ),
    }
}

fn usage(why: impl Into<String>) -> Error {
    Error::new(Kind::Usage, Operation::Parse, why)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn protocol_and_carrier_follow_from_what_is_typed() {
        for (typed, protocol, carrier) in [
            ("http://h/rpc", Protocol::Json, "http"),
            ("h:8000", Protocol::Json, "http"),
            ("localhost:8000/RPC2", Protocol::Xml, "http"),
            ("https://h/a/RPC2", Protocol::Xml, "http"),
            ("jsonrpc+http://h/RPC2", Protocol::Json, "http"),
            ("xmlrpc+https://h/", Protocol::Xml, "http"),
            ("ws://h/x", Protocol::Json, "ws"),
            ("wss://h/x", Protocol::Json, "ws"),
            ("tcp://h:1", Protocol::Json, "lines"),
            ("tls://h:1", Protocol::Json, "lines"),
            ("jsonrpc+tcp://h:1", Protocol::Json, "lines"),
            ("unix:/run/x", Protocol::Json, "lines"),
            ("tls+unix:/run/x", Protocol::Json, "lines"),
            ("exec:cat -u", Protocol::Json, "lines"),
        ] {
            let target = Target::read(typed, None).unwrap();
            let got = match target.place {
                Place::Http(_) => "http",
                Place::Lines(_) => "lines",
                Place::WebSocket(_) => "ws",
            };
            assert_eq!((target.protocol, got), (protocol, carrier), "{typed}");
        }
        let forced = Target::read("h/x", Some(Protocol::Xml)).unwrap();
        assert_eq!(forced.protocol, Protocol::Xml);
        let target = Target::read("wss://h/x", None).unwrap();
        assert_eq!(target.to_string(), "wss://h/x");
    }

    #[test]
    fn what_carries_no_calls_is_refused() {
        for (typed, flag) in [
            ("udp://h:1", None),
            ("file:/x", None),
            ("ftp://h/x", None),
            ("xmlrpc+tcp://h:1", None),
            ("xmlrpc+http://h/", Some(Protocol::Json)),
            ("unix:/x", Some(Protocol::Xml)),
        ] {
            let refused = Target::read(typed, flag).unwrap_err();
            assert_eq!(refused.kind(), Kind::Usage, "{typed}");
            assert!(refused.hint().is_some(), "{typed}: {refused}");
        }
    }
}
