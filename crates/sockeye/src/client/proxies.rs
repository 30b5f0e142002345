//! Which proxy a URL goes through: one for everything, none, or what the environment says.

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;
use sockeye_data::url::{Scheme, Url};

use crate::endpoint::Proxy;
use crate::error::{Error, Kind, Operation, Result};

/// The most entries that a list of exceptions may have.
const MAX_EXCEPTIONS: usize = 4096;

/// Which proxy a URL goes through.
///
/// # Examples
///
/// ```
/// use sockeye::client::Proxies;
/// use sockeye::data::url::Url;
///
/// let proxies = Proxies::all("http://proxy.example:3128".parse()?).except("localhost, .example.org, 10.0.0.0/8");
/// let proxy = |url: &str| proxies.for_url(&Url::parse(url).unwrap()).map(ToString::to_string);
/// assert_eq!(proxy("https://www.python.org/").as_deref(), Some("http://proxy.example:3128"));
/// assert_eq!(proxy("https://docs.example.org/"), None);
/// assert_eq!(proxy("http://10.1.2.3/"), None);
/// # Ok::<(), sockeye::endpoint::ParseError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proxies {
    http: Option<Proxy>,
    https: Option<Proxy>,
    ftp: Option<Proxy>,
    all: Option<Proxy>,
    except: Exceptions,
}

impl Proxies {
    /// No proxy for anything.
    pub fn none() -> Self {
        Self::default()
    }

    /// This proxy for everything.
    pub fn all(proxy: Proxy) -> Self {
        Self {
            all: Some(proxy),
            ..Self::default()
        }
    }

    /// What the environment says, as curl reads it.
    ///
    /// These variables count, of each pair the first that is not empty: `http_proxy` for http, in lower case only, since a server may set `HTTP_PROXY` from what a client sends (CVE-2016-5385); `https_proxy` and
    /// `HTTPS_PROXY`; `ftp_proxy` and `FTP_PROXY`; `all_proxy` and `ALL_PROXY` for what is left; `no_proxy` and
    /// `NO_PROXY` for exceptions, see [`Proxies::except`].
    ///
    /// # Errors
    ///
    /// [`Kind::Usage`] if a variable holds what is no proxy; the error names it.
    pub fn from_environment() -> Result<Self> {
        Self::from_variables(|name| std::env::var(name).ok())
    }

    /// The same with variables of the caller's.
    ///
    /// # Errors
    ///
    /// As [`Proxies::from_environment`].
    ///
    /// # Examples
    ///
    /// ```
    /// use sockeye::client::Proxies;
    ///
    /// let variables = [("https_proxy", "socks5h://gate"), ("NO_PROXY", "*")];
    /// let value = |name: &str| variables.iter().find(|it| it.0 == name).map(|it| it.1.to_owned());
    /// let proxies = Proxies::from_variables(value)?;
    /// # let url = sockeye::data::url::Url::parse("https://a.example/").unwrap();
    /// assert_eq!(proxies.for_url(&url), None);
    /// # Ok::<(), sockeye::Error>(())
    /// ```
    pub fn from_variables(value: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let given = |name: &str| value(name).filter(|it| !it.trim().is_empty());
        let proxy = |names: &[&str]| -> Result<Option<Proxy>> {
            let Some((name, text)) = names.iter().find_map(|it| Some((*it, given(it)?))) else {
                return Ok(None);
            };
            text.trim().parse().map(Some).map_err(|refusal| {
                let error = Error::from(refusal);
                let why = format!("the environment variable {name}: {}", error.why());
                let hint = error.hint();
                let hint = hint.unwrap_or_else(|| format!("`unset {name}` goes without"));
                Error::new(Kind::Usage, Operation::Parse, why).with_hint(hint)
            })
        };
        let except = given("no_proxy").or_else(|| given("NO_PROXY"));
        Ok(Self {
            http: proxy(&["http_proxy"])?,
            https: proxy(&["https_proxy", "HTTPS_PROXY"])?,
            ftp: proxy(&["ftp_proxy", "FTP_PROXY"])?,
            all: proxy(&["all_proxy", "ALL_PROXY"])?,
            except: Exceptions::read(&except.unwrap_or_default()),
        })
    }

    /// The same, with these exceptions instead of others: hosts that are reached without a proxy, parted by commas or blanks.
    ///
    /// An entry is a name, which includes all names below it (`example.org` and `.example.org` are the same); an address; a network
    /// (`10.0.0.0/8`, `fd00::/8`); each of them also with a port (`example.org:8443`, `[::1]:80`); or `*` for everything. Networks
    /// count for addresses in URLs; names are not resolved for this. What is none of these is passed over. The first 4096
    /// entries count.
    #[must_use]
    pub fn except(mut self, list: &str) -> Self {
        self.except = Exceptions::read(list);
        self
    }

    /// The proxy for this URL, if it goes through one.
    pub fn for_url(&self, url: &Url) -> Option<&Proxy> {
        let own = match url.scheme() {
            Scheme::Http => &self.http,
            Scheme::Https => &self.https,
            Scheme::Ftp | Scheme::Ftps => &self.ftp,
            _ => return None,
        };
        let proxy = own.as_ref().or(self.all.as_ref())?;
        let port = url.port_or_default().unwrap_or(0);
        (!self.except.has(url.host(), port)).then_some(proxy)
    }
}

/// Hosts that are reached without a proxy.
#[derive(Clone, Default, PartialEq, Eq)]
struct Exceptions {
    entries: Vec<(Whom, Option<u16>)>,
}

#[derive(Clone, PartialEq, Eq)]
enum Whom {
    Everybody,
    /// This name and those below it, in lower case and without dots at its ends.
    Name(String),
    Network(IpNet),
}

impl Exceptions {
    fn read(list: &str) -> Self {
        let words = list.split(|c: char| c == ',' || c.is_whitespace());
        let words = words.filter(|word| !word.is_empty()).take(MAX_EXCEPTIONS);
        Self {
            entries: words.filter_map(entry).collect(),
        }
    }

    fn has(&self, host: &str, port: u16) -> bool {
        let bare = unbracketed(host).unwrap_or(host);
        let address = bare.parse::<IpAddr>().ok().map(|it| it.to_canonical());
        let name = bare.trim_end_matches('.').to_ascii_lowercase();
        let is_below = |above: &str| {
            let rest = name.strip_suffix(above);
            rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        };
        self.entries.iter().any(|(whom, only)| {
            only.is_none_or(|only| only == port)
                && match (whom, address) {
                    (Whom::Everybody, _) => true,
                    (Whom::Network(network), Some(address)) => network.contains(&address),
                    (Whom::Name(above), None) => is_below(above),
                    _ => false,
                }
        })
    }
}

fn entry(word: &str) -> Option<(Whom, Option<u16>)> {
    if let Some(whom) = whom(word) {
        return Some((whom, None));
    }
    let (host, port) = word.rsplit_once(':')?;
    Some((whom(host)?, Some(port.parse().ok()?)))
}

fn whom(word: &str) -> Option<Whom> {
    if word == "*" {
        return Some(Whom::Everybody);
    }
    let bare = unbracketed(word).unwrap_or(word);
    if let Ok(address) = bare.parse::<IpAddr>() {
        return Some(Whom::Network(address.to_canonical().into()));
    }
    // The brackets may stand around the address alone: [fd00::]/8.
    if let Ok(network) = word.replace(['[', ']'], "").parse::<IpNet>() {
        return Some(Whom::Network(network));
    }
    let name = word.trim_matches('.');
    let is_name = !name.is_empty() && !name.contains([':', '/', '[', ']', '*']);
    is_name.then(|| Whom::Name(name.to_ascii_lowercase()))
}

fn unbracketed(host: &str) -> Option<&str> {
    host.strip_prefix('[')?.strip_suffix(']')
}

impl fmt::Debug for Exceptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} exceptions", self.entries.len())
    }
}

#[cfg(test)]
mod tests;
