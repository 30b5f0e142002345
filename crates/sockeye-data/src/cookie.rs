//! Cookies as text (RFC 6265bis): `Set-Cookie`, `Cookie`, and the file that curl, wget and browsers share.
//!
//! What a cookie means for which host, and whether it may be set at all, is for the one who keeps it: here are no hosts and
//! no clock.
//!
//! # Examples
//!
//! ```
//! use sockeye_data::cookie::{SameSite, SetCookie};
//!
//! let cookie = SetCookie::parse(b"id=7; Path=/shop; Max-Age=60; Secure; SameSite=Lax")?;
//! assert_eq!((&*cookie.name, &*cookie.value), (&b"id"[..], &b"7"[..]));
//! assert_eq!((cookie.path.as_deref(), cookie.max_age), (Some("/shop"), Some(60)));
//! assert!(cookie.secure && cookie.same_site == Some(SameSite::Lax));
//! assert!(SetCookie::parse(b"id=7\x1b[2J").is_err());
//! # Ok::<(), sockeye_data::cookie::CookieFault>(())
//! ```

use std::fmt;

use crate::http1::syntax::trim;

pub use self::date::parse_date;
pub use self::file::{FileCookie, FileLine, parse_line};

mod date;
mod file;

#[cfg(test)]
mod tests;

/// Name and value together have at most this many bytes (RFC 6265bis section 5.6).
pub const LONGEST_PAIR: usize = 4096;
/// An attribute whose value is longer than this many bytes is ignored (RFC 6265bis section 5.6).
pub const LONGEST_ATTRIBUTE: usize = 1024;

/// Which requests of other sites carry a cookie (RFC 6265bis section 5.6.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SameSite {
    /// None.
    Strict,
    /// Those that bring a person to the site.
    Lax,
    /// All.
    None,
}

impl SameSite {
    /// As it is written: `Lax`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Strict => "Strict",
            Self::Lax => "Lax",
            Self::None => "None",
        }
    }

    /// Read it, in any case.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let mut all = [Self::Strict, Self::Lax, Self::None].into_iter();
        all.find(|it| it.as_str().as_bytes().eq_ignore_ascii_case(text))
    }
}

/// Why a cookie is none, or may not be set: a noun phrase.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CookieFault {
    /// A control byte, which could end a line of a header or of a file.
    Control,
    /// Neither a name nor a value.
    Empty,
    /// More than [`LONGEST_PAIR`] bytes.
    TooLong,
    /// A nameless cookie that would be sent as if it had a prefix.
    FalsePrefix,
    /// What cannot stand in a `Cookie` header: a semicolon, or an equals sign in the name.
    Unwritable,
}

impl fmt::Display for CookieFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Control => "a control byte in a cookie",
            Self::Empty => "a cookie without a name and a value",
            Self::TooLong => "a cookie of more than 4096 bytes",
            Self::FalsePrefix => "a cookie without a name whose value pretends to be one",
            Self::Unwritable => "a cookie with a semicolon, or an equals sign in its name",
        })
    }
}

impl std::error::Error for CookieFault {}

/// What a `Set-Cookie` says, before anybody has decided about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetCookie {
    /// The name; it may be empty.
    pub name: Vec<u8>,
    /// The value, quotes and all.
    pub value: Vec<u8>,
    /// The attribute `Domain` in lower case, without a leading dot; `None` if it is missing or empty.
    pub domain: Option<String>,
    /// The attribute `Path`; `None` if it is missing or does not begin with a slash.
    pub path: Option<String>,
    /// `Expires`, in seconds since 1970.
    pub expires: Option<i64>,
    /// `Max-Age`, in seconds; zero and less mean at once. It goes before `Expires`.
    pub max_age: Option<i64>,
    /// `Secure`.
    pub secure: bool,
    /// `HttpOnly`.
    pub http_only: bool,
    /// `SameSite`, if it is one that is known.
    pub same_site: Option<SameSite>,
}

impl SetCookie {
    /// Read the value of a `Set-Cookie` header (RFC 6265bis section 5.6).
    ///
    /// A tab is refused with the other control bytes, as curl does: it would tear a line of a cookie file.
    ///
    /// # Errors
    ///
    /// Why it is no cookie.
    pub fn parse(value: &[u8]) -> Result<Self, CookieFault> {
        if value
            .iter()
            .any(|byte| byte.is_ascii_control() && *byte != b'\t')
        {
            return Err(CookieFault::Control);
        }
        let mut parts = value.split(|byte| *byte == b';');
        let pair = parts.next().unwrap_or_default();
        let (name, content) = match pair.iter().position(|byte| *byte == b'=') {
            Some(at) => (trim(&pair[..at]), trim(&pair[at + 1..])),
            None => (&b""[..], trim(pair)),
        };
        check(name, content)?;
        let mut cookie = Self {
            name: name.to_vec(),
            value: content.to_vec(),
            domain: None,
            path: None,
            expires: None,
            max_age: None,
            secure: false,
            http_only: false,
            same_site: None,
        };
        for attribute in parts {
            let (name, value) = match attribute.iter().position(|byte| *byte == b'=') {
                Some(at) => (trim(&attribute[..at]), trim(&attribute[at + 1..])),
                None => (trim(attribute), &b""[..]),
            };
            if value.len() <= LONGEST_ATTRIBUTE {
                cookie.attribute(&name.to_ascii_lowercase(), value);
            }
        }
        Ok(cookie)
    }

    /// The last attribute of a name counts.
    fn attribute(&mut self, name: &[u8], value: &[u8]) {
        match name {
            b"expires" => {
                if let Some(at) = parse_date(value) {
                    self.expires = Some(at);
                }
            }
            b"max-age" => {
                if let Some(seconds) = seconds(value) {
                    self.max_age = Some(seconds);
                }
            }
            b"domain" => {
                let value = value.strip_prefix(b".").unwrap_or(value);
                let domain = String::from_utf8_lossy(value).to_lowercase();
                self.domain = Some(domain).filter(|it| !it.is_empty());
            }
            b"path" => {
                let path = std::str::from_utf8(value).ok();
                self.path = path.filter(|it| it.starts_with('/')).map(str::to_owned);
            }
            b"secure" => self.secure = true,
            b"httponly" => self.http_only = true,
            b"samesite" => self.same_site = SameSite::parse(value),
            _ => {}
        }
    }
}

/// `Max-Age`: digits, perhaps behind a minus; more than fits is as much as fits.
fn seconds(value: &[u8]) -> Option<i64> {
    let (negative, digits) = match value.strip_prefix(b"-") {
        Some(digits) => (true, digits),
        None => (false, value),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    if negative {
        return Some(0);
    }
    let add = |sum: i64, digit: &u8| {
        sum.saturating_mul(10)
            .saturating_add(i64::from(digit - b'0'))
    };
    Some(digits.iter().fold(0, add))
}

/// Whether this may be a cookie at all.
///
/// # Errors
///
/// Why not.
pub fn check(name: &[u8], value: &[u8]) -> Result<(), CookieFault> {
    if name.iter().chain(value).any(u8::is_ascii_control) {
        return Err(CookieFault::Control);
    }
    if name.is_empty() && value.is_empty() {
        return Err(CookieFault::Empty);
    }
    if name.len() + value.len() > LONGEST_PAIR {
        return Err(CookieFault::TooLong);
    }
    if name.contains(&b'=') || name.contains(&b';') || value.contains(&b';') {
        return Err(CookieFault::Unwritable);
    }
    if name.is_empty() && (Prefix::of(value).is_some() || value.contains(&b'=')) {
        return Err(CookieFault::FalsePrefix);
    }
    Ok(())
}

/// What the name of a cookie promises (RFC 6265bis section 4.1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Prefix {
    /// `__Secure-`: it was set over a secure connection.
    Secure,
    /// `__Host-`: that, for this very host, and for all its paths.
    Host,
}

impl Prefix {
    /// The prefix of this name, in any case.
    pub fn of(name: &[u8]) -> Option<Self> {
        let begins = |with: &[u8]| {
            name.get(..with.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(with))
        };
        if begins(b"__Secure-") {
            Some(Self::Secure)
        } else if begins(b"__Host-") {
            Some(Self::Host)
        } else {
            None
        }
    }
}

/// Cut the value of a `Cookie` header into names and values (RFC 6265bis section 4.2); a part without `=` is a value without a name.
///
/// # Examples
///
/// ```
/// use sockeye_data::cookie::pairs;
///
/// let found: Vec<_> = pairs(b"a=1; b=x=y;; c").collect();
/// assert_eq!(found, [(&b"a"[..], &b"1"[..]), (b"b", b"x=y"), (b"", b"c")]);
/// ```
pub fn pairs(value: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let parts = value.split(|byte| *byte == b';').map(trim);
    parts.filter(|part| !part.is_empty()).map(|part| {
        match part.iter().position(|byte| *byte == b'=') {
            Some(at) => (trim(&part[..at]), trim(&part[at + 1..])),
            None => (&b""[..], part),
        }
    })
}

/// The value of a `Cookie` header with these.
///
/// # Examples
///
/// ```
/// assert_eq!(sockeye_data::cookie::header([("a", "1"), ("", "c")]), b"a=1; c");
/// ```
pub fn header<N: AsRef<[u8]>, V: AsRef<[u8]>>(
    cookies: impl IntoIterator<Item = (N, V)>,
) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, value) in cookies {
        if !out.is_empty() {
            out.extend_from_slice(b"; ");
        }
        if !name.as_ref().is_empty() {
            out.extend_from_slice(name.as_ref());
            out.push(b'=');
        }
        out.extend_from_slice(value.as_ref());
    }
    out
}
