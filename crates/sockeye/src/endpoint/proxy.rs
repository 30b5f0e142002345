//! A proxy as a value: who carries a connection on to where it is meant to go.
//!
//! It is what the option `via` holds. Its text is a URL, and its password is masked wherever it is shown to people.

use std::fmt;
use std::str::FromStr;

use data_encoding::BASE64;
use sockeye_data::percent::{self, Keep};

use super::carrier::{Host, HostPort, Port};
use super::parse;
use super::refusal::ParseError;

/// What stands for a password that is not shown. It is refused where a password is read.
pub(super) const MASK: &str = "***";

/// A proxy: `http://user:password@host:port`.
///
/// Without a scheme `http` is meant. Without a port it is 1080, and 443 for `https`, as in curl. User and password are
/// percent-decoded.
///
/// # Secrets
///
/// `Display` and `Debug` show `***` in the place of the password; such a text is refused when it is read again, so that a
/// masked password is never sent. [`Proxy::reveal`] gives the whole text.
///
/// # Examples
///
/// ```
/// use sockeye::endpoint::{Proxy, ProxyScheme};
///
/// let proxy: Proxy = "socks5h://me:p%40ss@proxy.example".parse()?;
/// assert_eq!((proxy.scheme(), proxy.port()), (ProxyScheme::Socks5h, 1080));
/// assert_eq!(proxy.password(), Some("p@ss"));
/// assert_eq!(proxy.to_string(), "socks5h://me:***@proxy.example:1080");
/// assert_eq!(proxy.reveal().parse::<Proxy>()?, proxy);
/// # Ok::<(), sockeye::endpoint::ParseError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Proxy {
    scheme: ProxyScheme,
    host: Host,
    port: u16,
    user: Option<String>,
    password: Option<String>,
}

/// What a proxy speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ProxyScheme {
    /// HTTP/1.1; tunnels are asked for with CONNECT (RFC 9110 section 9.3.6).
    Http,
    /// The same within TLS.
    Https,
    /// SOCKS 4: IPv4 only, and we resolve the name.
    Socks4,
    /// SOCKS 4a: the proxy resolves the name.
    Socks4a,
    /// SOCKS 5 (RFC 1928), and we resolve the name.
    Socks5,
    /// SOCKS 5, and the proxy resolves the name.
    Socks5h,
}

impl ProxyScheme {
    /// Every scheme.
    pub const ALL: [Self; 6] = [
        Self::Http,
        Self::Https,
        Self::Socks4,
        Self::Socks4a,
        Self::Socks5,
        Self::Socks5h,
    ];

    /// The word before the colon.
    pub fn word(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
            Self::Socks4 => "socks4",
            Self::Socks4a => "socks4a",
            Self::Socks5 => "socks5",
            Self::Socks5h => "socks5h",
        }
    }

    /// The port where none is written: 1080, and 443 for `https`.
    pub fn default_port(self) -> u16 {
        match self {
            Self::Https => 443,
            _ => 1080,
        }
    }

    /// Whether it speaks HTTP, within TLS or without.
    pub fn is_http(self) -> bool {
        matches!(self, Self::Http | Self::Https)
    }

    /// Whether names are resolved by the proxy, not by us.
    pub fn resolves(self) -> bool {
        !matches!(self, Self::Socks4 | Self::Socks5)
    }
}

impl Proxy {
    /// A proxy without a user.
    pub fn new(scheme: ProxyScheme, host: impl Into<Host>, port: u16) -> Self {
        Self {
            scheme,
            host: host.into(),
            port,
            user: None,
            password: None,
        }
    }

    /// The same proxy with a user and, mostly, a password.
    #[must_use]
    pub fn with_user(mut self, user: impl Into<String>, password: Option<String>) -> Self {
        self.user = Some(user.into());
        self.password = password;
        self
    }

    /// What it speaks.
    pub fn scheme(&self) -> ProxyScheme {
        self.scheme
    }

    /// Where it is.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The user that it is told, if any.
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// The password that it is told, if any.
    pub fn password(&self) -> Option<&str> {
        self.password.as_deref()
    }

    /// Host and port.
    pub fn place(&self) -> HostPort {
        HostPort {
            host: self.host.clone(),
            port: Port::Number(self.port),
        }
    }

    /// What the header `Proxy-Authorization` says to this proxy (RFC 7617), if it has a user.
    pub(crate) fn basic(&self) -> Option<String> {
        let pair = format!("{}:{}", self.user()?, self.password().unwrap_or_default());
        Some(format!("Basic {}", BASE64.encode(pair.as_bytes())))
    }

    /// The whole text, password included. Not for people's eyes.
    pub fn reveal(&self) -> String {
        self.text(|password| percent::encode(password.as_bytes(), Keep::UNRESERVED))
    }

    fn text(&self, password: impl Fn(&str) -> String) -> String {
        let mut text = format!("{}://", self.scheme.word());
        if let Some(user) = &self.user {
            text += &percent::encode(user.as_bytes(), Keep::UNRESERVED);
            if let Some(secret) = &self.password {
                text.push(':');
                text += &password(secret);
            }
            text.push('@');
        }
        text + &format!("{}:{}", self.host, self.port)
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(|_| MASK.to_owned()))
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({self})")
    }
}

impl FromStr for Proxy {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        parse::proxy(text)
    }
}
