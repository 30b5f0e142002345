//! Cookies (RFC 6265bis): which are taken, which are sent where, and the file they are kept in.

mod store;

#[cfg(test)]
mod tests;

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use sockeye_data::cookie::{CookieFault, FileCookie, FileLine, SameSite, parse_line};
use sockeye_data::http1::Headers;
use sockeye_data::url::Url;

use self::store::Store;
use super::{canonical, private_file};
use crate::error::Result;

/// A longer cookie file is refused: 16 MiB hold many times what a jar does.
const LONGEST_FILE: u64 = 16 << 20;

/// What bounds a jar. What is beyond goes in this order: what is over, what is not `Secure`, what was not sent for longest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CookieLimits {
    /// Cookies of one site, its subdomains included; 180 by default.
    pub per_site: usize,
    /// Cookies altogether; 3000 by default.
    pub total: usize,
    /// Cookies that one answer may set; 50 by default.
    pub per_answer: usize,
    /// Cookies in one request; 150 by default.
    pub per_request: usize,
    /// Bytes of the `Cookie` header of one request; 8190 by default, which most servers take.
    pub header: usize,
    /// Seconds until a cookie ends at the latest; 400 days by default.
    pub lifetime: i64,
}

impl Default for CookieLimits {
    fn default() -> Self {
        Self {
            per_site: 180,
            total: 3000,
            per_answer: 50,
            per_request: 150,
            header: 8190,
            lifetime: 400 * 86_400,
        }
    }
}

/// One cookie, as a jar keeps it. It is shown without its value.
#[derive(Clone, PartialEq, Eq)]
pub struct Cookie {
    /// The name; it may be empty.
    pub name: Vec<u8>,
    /// The value.
    pub value: Vec<u8>,
    /// The host it is for, in lower case and ASCII.
    pub domain: String,
    /// Whether it is for this host alone; else hosts below it get it too.
    pub host_only: bool,
    /// It is sent to paths that begin with this one.
    pub path: String,
    /// Only over TLS.
    pub secure: bool,
    /// Not for scripts, which we have none of: it is kept for the file.
    pub http_only: bool,
    /// Which requests of other sites carry it; kept, and not acted on, since we are no page.
    pub same_site: Option<SameSite>,
    /// When it ends, in seconds since 1970; `None` ends with the session.
    pub expires: Option<i64>,
}

impl fmt::Debug for Cookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = String::from_utf8_lossy(&self.name);
        let host = if self.host_only { "" } else { "." };
        write!(f, "Cookie({name:?} of {host}{}{})", self.domain, self.path)
    }
}

/// Why a cookie was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CookieRefusal {
    /// It is no cookie.
    Fault(CookieFault),
    /// Its domain is not the host that sets it, nor above it.
    Foreign,
    /// Its domain is one below which everybody may register names.
    PublicSuffix,
    /// It wants TLS and was set without.
    Insecure,
    /// Without TLS it would stand before one that was set with (RFC 6265bis section 5.7, step 16).
    Overwrites,
    /// It is not what its name promises: `__Secure-` or `__Host-`.
    Prefix,
    /// The answer sets more cookies than one may.
    TooMany,
}

impl fmt::Display for CookieRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fault(fault) => return fault.fmt(f),
            Self::Foreign => "a cookie for another host",
            Self::PublicSuffix => "a cookie for all hosts below a public suffix",
            Self::Insecure => "a cookie that wants TLS and came without",
            Self::Overwrites => "a cookie that came without TLS, and hides one that came with it",
            Self::Prefix => "a cookie that is not what its name promises",
            Self::TooMany => "more cookies than one answer may set",
        })
    }
}

impl std::error::Error for CookieRefusal {}

/// A line of a cookie file that could not be used.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BrokenLine {
    /// Which, counted from 1.
    pub line: usize,
    /// Why.
    pub why: String,
}

/// Keeps cookies. Clones share them.
///
/// # Examples
///
/// ```
/// use sockeye::client::http::CookieJar;
/// use sockeye::data::url::Url;
///
/// let jar = CookieJar::new();
/// let shop = Url::parse("https://shop.example.co.uk/cart/add").unwrap();
/// jar.add(&shop, b"id=7; Domain=example.co.uk; Path=/")?;
/// assert!(jar.add(&shop, b"id=7; Domain=co.uk").is_err());
///
/// let www = Url::parse("http://www.example.co.uk/").unwrap();
/// assert_eq!(jar.header(&www).as_deref(), Some(&b"id=7"[..]));
/// assert_eq!(jar.header(&Url::parse("http://example.com/").unwrap()), None);
/// # Ok::<(), sockeye::client::http::CookieRefusal>(())
/// ```
#[derive(Clone, Default)]
pub struct CookieJar(Arc<Mutex<Store>>);

impl CookieJar {
    /// An empty jar.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty jar with these bounds.
    pub fn with_limits(limits: CookieLimits) -> Self {
        Self(Arc::new(Mutex::new(Store::new(limits))))
    }

    fn locked(&self) -> MutexGuard<'_, Store> {
        // What is inside stays whole even if a thread panics between two of its lines.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The value of `Cookie` for this URL, if there is one: longer paths first, then older cookies (RFC 6265bis section 5.8.3).
    pub fn header(&self, url: &Url) -> Option<Vec<u8>> {
        let found = self.pairs(url);
        (!found.is_empty()).then(|| sockeye_data::cookie::header(found))
    }

    /// Names and values that go with a request for this URL.
    pub(super) fn pairs(&self, url: &Url) -> Vec<(Vec<u8>, Vec<u8>)> {
        self.locked().matching(url, now())
    }

    /// Keep the cookies of the answer from this URL. Those that are refused are told to developers (`tracing`).
    pub fn store(&self, url: &Url, headers: &Headers) {
        let per_answer = self.locked().limits().per_answer;
        for (index, value) in headers.all("set-cookie").enumerate() {
            let taken = match index < per_answer {
                true => self.add(url, value),
                false => Err(CookieRefusal::TooMany),
            };
            if let Err(refusal) = taken {
                tracing::debug!("refused from {}: {refusal}", url.host());
            }
            if index > per_answer {
                break;
            }
        }
    }

    /// Take one `Set-Cookie` from this URL.
    ///
    /// # Errors
    ///
    /// Why it is not taken; a cookie of that name that was there before is still there.
    pub fn add(&self, url: &Url, set_cookie: &[u8]) -> Result<(), CookieRefusal> {
        self.locked().add(url, set_cookie, now())
    }

    /// All cookies, those that are over left out; by site.
    pub fn cookies(&self) -> Vec<Cookie> {
        self.locked().all(now())
    }

    /// Put back a cookie that a jar had.
    ///
    /// # Errors
    ///
    /// [`CookieRefusal::Fault`], [`CookieRefusal::PublicSuffix`], [`CookieRefusal::Prefix`] if no jar can have had it.
    pub fn put(&self, cookie: Cookie) -> Result<(), CookieRefusal> {
        self.locked().put(cookie, now())
    }

    /// Forget all.
    pub fn clear(&self) {
        self.locked().clear();
    }

    /// Forget those that end with the session.
    pub fn end_session(&self) {
        self.locked().end_session();
    }

    /// Add the cookies of a file as Netscape had it, and curl, wget and browsers' extensions write it. A file that is not there
    /// holds none.
    ///
    /// Gives the lines that could not be used: nothing but those is lost.
    ///
    /// # Errors
    ///
    /// [`Kind::Denied`](crate::Kind::Denied), [`Kind::Io`](crate::Kind::Io) if it cannot be read, or has more than 16 MiB.
    pub fn read_file(&self, path: impl AsRef<Path>) -> Result<Vec<BrokenLine>> {
        let text = private_file::read(path.as_ref(), LONGEST_FILE)?;
        Ok(self.read(&text.unwrap_or_default()))
    }

    /// The same from text.
    pub fn read(&self, text: &[u8]) -> Vec<BrokenLine> {
        let mut broken = Vec::new();
        let now = now();
        let mut store = self.locked();
        for (index, line) in text.split(|byte| *byte == b'\n').enumerate() {
            let put = match parse_line(line) {
                Ok(FileLine::Nothing) => Ok(()),
                Ok(FileLine::Cookie(cookie)) => match of_file(cookie) {
                    Some(cookie) => store.put(cookie, now).map_err(|why| why.to_string()),
                    None => Err("no host".to_owned()),
                },
                Err(why) => Err(why),
            };
            if let Err(why) = put {
                let line = index + 1;
                broken.push(BrokenLine { line, why });
            }
        }
        broken
    }

    /// Write all cookies to a file as [`read_file`](Self::read_file) reads it: as a whole or not at all, for its owner alone.
    ///
    /// # Errors
    ///
    /// [`Kind::Denied`](crate::Kind::Denied), [`Kind::Io`](crate::Kind::Io) if it cannot be written.
    pub fn write_file(&self, path: impl AsRef<Path>) -> Result<()> {
        private_file::write(path.as_ref(), &self.to_text())
    }

    /// The same as text.
    pub fn to_text(&self) -> Vec<u8> {
        let mut text =
            b"# Netscape HTTP Cookie File\n# Written by sockeye; curl and wget read it too.\n\n"
                .to_vec();
        for cookie in self.cookies() {
            let cookie = FileCookie {
                domain: cookie.domain,
                tail_match: !cookie.host_only,
                path: cookie.path,
                secure: cookie.secure,
                http_only: cookie.http_only,
                expires: cookie.expires,
                name: cookie.name,
                value: cookie.value,
            };
            if cookie.check().is_ok() {
                text.extend(cookie.to_line());
                text.push(b'\n');
            }
        }
        text
    }
}

impl fmt::Debug for CookieJar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.cookies()).finish()
    }
}

fn of_file(cookie: FileCookie) -> Option<Cookie> {
    let domain = canonical::of_text(&cookie.domain).or_else(|| {
        // Addresses of IPv6 stand in the file without their brackets.
        canonical::of_text(&format!("[{}]", cookie.domain))
    })?;
    Some(Cookie {
        host_only: !cookie.tail_match || canonical::is_address(&domain),
        domain,
        path: cookie.path,
        secure: cookie.secure,
        http_only: cookie.http_only,
        same_site: None,
        expires: cookie.expires,
        name: cookie.name,
        value: cookie.value,
    })
}

/// Seconds since 1970.
pub(super) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
    })
}
