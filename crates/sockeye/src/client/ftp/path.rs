//! What a URL names on a server (RFC 1738 section 3.2.2).

use sockeye_data::percent;
use sockeye_data::url::Url;

use super::session::TransferType;
use crate::endpoint::{Carrier, Endpoint, Host, HostPort, Options, Port};
use crate::error::{Error, Kind, Operation, Result};

/// The path that a URL names, from where a login lands, and how it is to be transferred.
///
/// # Examples
///
/// ```
/// use sockeye::client::ftp::UrlPath;
///
/// let path = |text: &str| UrlPath::of(&text.parse().unwrap()).unwrap().path;
/// assert_eq!(path("ftp://host/pub/a%20b"), b"pub/a b"); // where the login lands
/// assert_eq!(path("ftp://host/%2Fetc/motd"), b"/etc/motd"); // from the root
/// assert_eq!(path("ftp://host"), b"");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UrlPath {
    /// The path, decoded; nothing at all is where the login lands.
    pub path: Vec<u8>,
    /// What `;type=` says, if it does.
    pub transfer: Option<TransferType>,
    /// Whether a directory is meant: the path ends in a slash, is empty, or `;type=d` says so.
    pub is_directory: bool,
}

impl UrlPath {
    /// Read the path of a URL.
    ///
    /// # Errors
    ///
    /// [`Kind::Usage`] if it cannot be decoded, or has a line break or a NUL.
    pub fn of(url: &Url) -> Result<Self> {
        let usage = |why: &str| Error::new(Kind::Usage, Operation::Fetch, why).about(url);
        let path = url.path();
        let path = path.strip_prefix('/').unwrap_or(path);
        let (path, kind) = match path.rsplit_once(";type=") {
            Some((path, kind)) => (path, Some(kind.to_ascii_lowercase())),
            None => (path, None),
        };
        let transfer = match kind.as_deref() {
            None | Some("d") => None,
            Some("i") => Some(TransferType::Binary),
            Some("a") => Some(TransferType::Text),
            Some(_) => return Err(usage("of the types only i, a and d are known")),
        };
        let path = percent::decode(path)
            .map_err(|_| usage("a percent sign without two digits behind it"))?;
        if path.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)) {
            return Err(usage("a line break or NUL in the path"));
        }
        let is_directory =
            path.is_empty() || path.ends_with(b"/") || kind.is_some_and(|kind| kind == "d");
        Ok(Self {
            path,
            transfer,
            is_directory,
        })
    }
}

/// Where the server of a URL is, with these options.
pub(super) fn endpoint(url: &Url, options: &Options) -> Result<Endpoint> {
    let host = url.host();
    let bare = host.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
    let host = match bare.unwrap_or(host).parse() {
        Ok(addr) => Host::Ip { addr, scope: None },
        Err(_) => Host::Name(host.to_owned()),
    };
    let port = url.port_or_default().unwrap_or(21);
    if port == 0 {
        let why = "nobody can be at port 0";
        return Err(Error::new(Kind::Usage, Operation::Fetch, why).about(url));
    }
    let place = HostPort {
        host,
        port: Port::Number(port),
    };
    Ok(Endpoint::new(Carrier::Tcp(place)).with_options(options.clone()))
}
