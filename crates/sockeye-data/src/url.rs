//! URLs of http, https, ftp, ftps, file and data: as they were typed, and as the WHATWG reads them.
//!
//! Both views stand side by side, because both are right: what goes out may have to be exactly what was typed, while
//! joining, comparing and looking up need one form. What the two views could read differently is refused: backslashes,
//! control bytes, a second `@`, percent signs in a host.
//!
//! # Examples
//!
//! ```
//! use sockeye_data::url::Url;
//!
//! let url = Url::parse("http://me:s%40cret@BÜCHER.example:8080/%7e/../q?a#b")?;
//! assert_eq!(url.typed_target(), "/%7e/../q?a");
//! assert_eq!(url.target(), "/q?a");
//! assert_eq!((url.host(), url.port()), ("xn--bcher-kva.example", Some(8080)));
//! assert_eq!(url.password(), Some(b"s@cret".to_vec()));
//! assert_eq!(url.to_string(), "http://me:***@xn--bcher-kva.example:8080/q?a#b");
//! assert_eq!(url.join("../c")?.to_string(), "http://me:***@xn--bcher-kva.example:8080/c");
//! # Ok::<(), sockeye_data::url::UrlError>(())
//! ```

use std::fmt;

use crate::percent;

pub use self::data::DataUrl;
pub use self::error::UrlError;

mod data;
mod error;
mod join;
pub mod query;
mod typed;

#[cfg(test)]
mod tests;

/// The schemes that are spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// HTTP in the clear.
    Http,
    /// HTTP over TLS.
    Https,
    /// FTP in the clear.
    Ftp,
    /// FTP with TLS from the first byte on.
    Ftps,
    /// A file of this machine.
    File,
    /// The body is in the URL itself (RFC 2397).
    Data,
}

impl Scheme {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Http,
        Self::Https,
        Self::Ftp,
        Self::Ftps,
        Self::File,
        Self::Data,
    ];

    /// The scheme in lower case.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
            Self::Ftp => "ftp",
            Self::Ftps => "ftps",
            Self::File => "file",
            Self::Data => "data",
        }
    }

    /// The port that is meant if none is given.
    pub fn default_port(self) -> Option<u16> {
        match self {
            Self::Http => Some(80),
            Self::Https => Some(443),
            Self::Ftp => Some(21),
            Self::Ftps => Some(990),
            Self::File | Self::Data => None,
        }
    }

    fn find(name: &str) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|scheme| scheme.as_str().eq_ignore_ascii_case(name))
    }
}

/// Scheme, host and port: who may see a secret or a cookie of whom.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin {
    /// The scheme.
    pub scheme: Scheme,
    /// The host as [`Url::host`] gives it.
    pub host: String,
    /// The port, the default one too.
    pub port: u16,
}

/// A URL in both views.
///
/// Printing, in `{}` and in `{:?}`, shows the normal view with the password masked. Equality is that of the normal view.
#[derive(Clone)]
pub struct Url {
    scheme: Scheme,
    typed: String,
    userinfo: Option<(Vec<u8>, Option<Vec<u8>>)>,
    port: Option<u16>,
    typed_target: String,
    /// The WHATWG view, without user and port: those we read ourselves. For `ftps` its scheme is `ftp`, which follows the
    /// same rules and is known to it.
    normal: url::Url,
}

impl Url {
    /// Read a URL with its scheme.
    ///
    /// # Errors
    ///
    /// What is wrong, and where. Of a file's host only `localhost` and none are known.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        let scheme = typed::scheme(text)?;
        typed::refuse(text, scheme)?;
        let parts = typed::split(text, scheme)?;
        let normal = if scheme == Scheme::Data {
            text.to_owned()
        } else {
            let known = if scheme == Scheme::Ftps {
                "ftp"
            } else {
                scheme.as_str()
            };
            format!("{known}://{}{}{}", parts.host, parts.target, parts.fragment)
        };
        let normal = url::Url::parse(&normal).map_err(|error| {
            UrlError::new(parts.host_at, format!("`{}`: {error}", shown(parts.host)))
        })?;
        Ok(Self {
            scheme,
            typed: text.to_owned(),
            userinfo: parts.userinfo,
            port: parts.port,
            typed_target: parts.target.to_owned(),
            normal,
        })
    }

    /// Read a URL as people type it: the scheme may be missing.
    ///
    /// Then the port decides: 443 is https, 21 is ftp, 990 is ftps, and everything else is http. The name does not: most hosts
    /// called `ftp.…` speak http today. `:8080/x` is a port of this machine.
    ///
    /// # Errors
    ///
    /// As with [`parse`](Self::parse).
    ///
    /// # Examples
    ///
    /// ```
    /// use sockeye_data::url::Url;
    ///
    /// let read = |text| Url::parse_typed(text).map(|url| url.to_string());
    /// assert_eq!(read("localhost:8080/x")?, "http://localhost:8080/x");
    /// assert_eq!(read(":8080/x")?, "http://localhost:8080/x");
    /// assert_eq!(read("example.org:443")?, "https://example.org/");
    /// assert_eq!(read("ftp.example.org")?, "http://ftp.example.org/");
    /// assert!(read("mailto:me@example.org").is_err());
    /// # Ok::<(), sockeye_data::url::UrlError>(())
    /// ```
    pub fn parse_typed(text: &str) -> Result<Self, UrlError> {
        match typed::completed(text) {
            Some(completed) => Self::parse(&completed),
            None => Self::parse(text),
        }
    }

    /// The scheme.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The text that this was read from, password and all: not for showing.
    pub fn typed(&self) -> &str {
        &self.typed
    }

    /// The user, decoded; bytes, because nothing says which charset it is in.
    pub fn user(&self) -> Option<Vec<u8>> {
        self.userinfo.as_ref().map(|(user, _)| user.clone())
    }

    /// The password, decoded.
    pub fn password(&self) -> Option<Vec<u8>> {
        self.userinfo
            .as_ref()
            .and_then(|(_, password)| password.clone())
    }

    /// The host in lower case, international names in ASCII, IPv6 in brackets; empty for file and data.
    pub fn host(&self) -> &str {
        match self.scheme {
            Scheme::File | Scheme::Data => "",
            _ => self.normal.host_str().unwrap_or_default(),
        }
    }

    /// The port that was given, unless it is the usual one.
    pub fn port(&self) -> Option<u16> {
        self.port
            .filter(|port| Some(*port) != self.scheme.default_port())
    }

    /// The port to connect to; `None` for file and data.
    pub fn port_or_default(&self) -> Option<u16> {
        self.port.or(self.scheme.default_port())
    }

    /// What a `Host` header says: the host, and the port unless it is the usual one.
    pub fn authority(&self) -> String {
        match self.port() {
            Some(port) => format!("{}:{port}", self.host()),
            None => self.host().to_owned(),
        }
    }

    /// The path in the normal view: dot segments resolved, what needs it encoded.
    pub fn path(&self) -> &str {
        self.normal.path()
    }

    /// What is behind the question mark, encoded.
    pub fn query(&self) -> Option<&str> {
        self.normal.query()
    }

    /// What is behind the `#`, encoded; it is never sent.
    pub fn fragment(&self) -> Option<&str> {
        self.normal.fragment()
    }

    /// Path and query as a request carries them.
    pub fn target(&self) -> String {
        match self.query() {
            Some(query) => format!("{}?{query}", self.path()),
            None => self.path().to_owned(),
        }
    }

    /// Path and query exactly as they were typed, for requests whose bytes matter; `/` is put before a query alone.
    pub fn typed_target(&self) -> String {
        match self.typed_target.as_str() {
            "" => "/".to_owned(),
            target if target.starts_with('?') => format!("/{target}"),
            target => target.to_owned(),
        }
    }

    /// Scheme, host and port; `None` for file and data, which have no origin.
    pub fn origin(&self) -> Option<Origin> {
        Some(Origin {
            scheme: self.scheme,
            host: self.host().to_owned(),
            port: self.port_or_default()?,
        })
    }

    /// The whole URL in the normal view, the password in clear text: not for showing.
    pub fn to_secret_string(&self) -> String {
        self.print(false, true)
    }

    /// The URL without user, password and fragment, as a `Referer` or a log may hold it.
    pub fn without_secrets(&self) -> Self {
        let mut bare = self.clone();
        bare.userinfo = None;
        bare.normal.set_fragment(None);
        bare.typed = bare.print(false, true);
        bare
    }

    /// The same place over TLS: `http` becomes `https`, port 80 the usual one, and any other port stays (RFC 6797 section
    /// 8.3). `None` for other schemes.
    ///
    /// # Examples
    ///
    /// ```
    /// use sockeye_data::url::Url;
    ///
    /// let secure = |text| Url::parse(text).unwrap().secured().map(|url| url.to_string());
    /// assert_eq!(secure("http://a:80/%7e").as_deref(), Some("https://a/%7e"));
    /// assert_eq!(secure("http://a:8080/").as_deref(), Some("https://a:8080/"));
    /// assert_eq!(secure("https://a/"), None);
    /// ```
    pub fn secured(&self) -> Option<Self> {
        if self.scheme != Scheme::Http {
            return None;
        }
        let mut secure = self.clone();
        secure.normal.set_scheme("https").ok()?;
        secure.scheme = Scheme::Https;
        secure.port = self.port.filter(|port| *port != 80);
        secure.typed = secure.to_secret_string();
        Some(secure)
    }

    fn print(&self, masked: bool, fragment: bool) -> String {
        if self.scheme == Scheme::Data {
            return self.normal.to_string();
        }
        let mut text = format!("{}://", self.scheme.as_str());
        if let Some((user, password)) = &self.userinfo {
            text += &percent::encode(user, percent::Keep::UNRESERVED);
            match password {
                Some(_) if masked => text += ":***",
                Some(password) => {
                    text.push(':');
                    text += &percent::encode(password, percent::Keep::UNRESERVED);
                }
                None => {}
            }
            text.push('@');
        }
        text += &self.authority();
        text += &self.target();
        if let Some(anchor) = self.fragment().filter(|_| fragment) {
            text.push('#');
            text += anchor;
        }
        text
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.print(true, true))
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Url({self})")
    }
}

impl PartialEq for Url {
    fn eq(&self, other: &Self) -> bool {
        self.print(false, true) == other.print(false, true)
    }
}

impl Eq for Url {}

impl std::str::FromStr for Url {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        Self::parse(text)
    }
}

/// A foreign text as an error may show it: escaped, and short.
fn shown(text: &str) -> String {
    let end = text.floor_char_boundary(60);
    let more = if end < text.len() { "…" } else { "" };
    format!("{}{more}", crate::escape::escape(&text.as_bytes()[..end]))
}
