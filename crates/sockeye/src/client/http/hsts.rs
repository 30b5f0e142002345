//! Hosts that want TLS (RFC 6797), and the file in which curl keeps them too.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sockeye_data::fields::date;
use sockeye_data::http1::Headers;
use sockeye_data::url::{Scheme, Url};

use super::cookies::{BrokenLine, now};
use super::{canonical, private_file};
use crate::error::Result;

/// Hosts that are kept at most; those that end first go first.
const MOST_HOSTS: usize = 10_000;
/// A longer file is refused.
const LONGEST_FILE: u64 = 4 << 20;

/// What is known of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Wish {
    /// Until when, in seconds since 1970.
    until: i64,
    /// Whether it speaks for the hosts below it.
    subdomains: bool,
}

/// Which hosts want TLS. Clones share what they know.
///
/// # Examples
///
/// ```
/// use sockeye::client::http::HstsStore;
/// use sockeye::data::url::Url;
///
/// let store = HstsStore::new();
/// let bank = Url::parse("https://bank.example/").unwrap();
/// store.learn(&bank, b"max-age=31536000; includeSubDomains");
/// let asked = Url::parse("http://www.Bank.example.:8080/x").unwrap();
/// assert_eq!(store.upgrade(&asked).unwrap().to_string(), "https://www.bank.example.:8080/x");
/// ```
#[derive(Clone, Default)]
pub struct HstsStore(Arc<Mutex<BTreeMap<String, Wish>>>);

impl HstsStore {
    /// A store that knows of no host.
    pub fn new() -> Self {
        Self::default()
    }

    fn locked(&self) -> MutexGuard<'_, BTreeMap<String, Wish>> {
        // What is inside stays whole even if a thread panics between two of its lines.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The URL to ask instead, if its host wants TLS: port 80 becomes 443, any other stays (RFC 6797 section 8.3).
    pub fn upgrade(&self, url: &Url) -> Option<Url> {
        let secure = url.secured()?;
        let host = canonical::of_url(url);
        if canonical::is_address(&host) {
            return None;
        }
        let (known, now) = (self.locked(), now());
        let mut name = &*host;
        loop {
            let wish = known.get(name).filter(|wish| wish.until > now);
            if wish.is_some_and(|wish| wish.subdomains || name == host) {
                return Some(secure);
            }
            name = name.split_once('.')?.1;
        }
    }

    /// Keep what the answer from this URL says; only the first header counts (RFC 6797 section 8.1).
    pub fn note(&self, url: &Url, headers: &Headers) {
        if let Some(value) = headers.get("strict-transport-security") {
            self.learn(url, value);
        }
    }

    /// Keep what this value of `Strict-Transport-Security` says of the host of this URL. It counts only over TLS, whose
    /// certificate must have been checked, and never for addresses. Gives whether it was kept.
    pub fn learn(&self, url: &Url, value: &[u8]) -> bool {
        let host = canonical::of_url(url);
        if url.scheme() != Scheme::Https || canonical::is_address(&host) {
            return false;
        }
        let Some((seconds, subdomains)) = parse(value) else {
            return false;
        };
        let mut known = self.locked();
        if seconds == 0 {
            known.remove(&host);
            return true;
        }
        let until = now().saturating_add(seconds);
        insert(&mut known, host, Wish { until, subdomains });
        true
    }

    /// Add the hosts of a file as curl writes it with `--hsts`. A file that is not there knows of none.
    ///
    /// Gives the lines that could not be used.
    ///
    /// # Errors
    ///
    /// [`Kind::Denied`](crate::Kind::Denied), [`Kind::Io`](crate::Kind::Io) if it cannot be read, or has more than 4 MiB.
    pub fn read_file(&self, path: impl AsRef<Path>) -> Result<Vec<BrokenLine>> {
        let text = private_file::read(path.as_ref(), LONGEST_FILE)?.unwrap_or_default();
        let mut broken = Vec::new();
        let mut known = self.locked();
        for (index, line) in text.split(|byte| *byte == b'\n').enumerate() {
            let line = line.trim_ascii();
            if line.is_empty() || line.starts_with(b"#") {
                continue;
            }
            match parse_line(line) {
                Some((host, wish)) => insert(&mut known, host, wish),
                None => broken.push(BrokenLine {
                    line: index + 1,
                    why: "no host and date".to_owned(),
                }),
            }
        }
        Ok(broken)
    }

    /// Write the hosts to a file as [`read_file`](Self::read_file) and curl read it: as a whole or not at all, for its owner
    /// alone.
    ///
    /// # Errors
    ///
    /// [`Kind::Denied`](crate::Kind::Denied), [`Kind::Io`](crate::Kind::Io) if it cannot be written.
    pub fn write_file(&self, path: impl AsRef<Path>) -> Result<()> {
        let mut text =
            "# Hosts that want TLS (RFC 6797). Written by sockeye; curl --hsts reads it too.\n"
                .to_owned();
        let now = now();
        for (host, wish) in self.locked().iter().filter(|(_, wish)| wish.until > now) {
            let dot = if wish.subdomains { "." } else { "" };
            text += &format!("{dot}{host} \"{}\"\n", print(wish.until));
        }
        private_file::write(path.as_ref(), text.as_bytes())
    }
}

impl fmt::Debug for HstsStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.locked().keys()).finish()
    }
}

fn insert(known: &mut BTreeMap<String, Wish>, host: String, wish: Wish) {
    known.insert(host, wish);
    while known.len() > MOST_HOSTS {
        let first = known.iter().min_by_key(|(_, wish)| wish.until);
        let Some(host) = first.map(|(host, _)| host.clone()) else {
            return;
        };
        known.remove(&host);
    }
}

/// Seconds, and whether hosts below are meant; `None` for what RFC 6797 section 6.1 does not allow.
fn parse(value: &[u8]) -> Option<(i64, bool)> {
    let text = std::str::from_utf8(value).ok()?;
    let (mut seconds, mut subdomains) = (None, false);
    for directive in text.split(';').map(str::trim).filter(|it| !it.is_empty()) {
        let (name, value) = match directive.split_once('=') {
            Some((name, value)) => (name.trim(), Some(value.trim())),
            None => (directive, None),
        };
        if name.eq_ignore_ascii_case("max-age") {
            let value = value?;
            let quoted = value
                .strip_prefix('"')
                .and_then(|value| value.strip_suffix('"'));
            let digits = quoted.unwrap_or(value);
            let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            if seconds.is_some() || !is_number {
                return None;
            }
            seconds = Some(digits.parse().unwrap_or(i64::MAX));
        } else if name.eq_ignore_ascii_case("includesubdomains") {
            if subdomains {
                return None;
            }
            subdomains = true;
        }
    }
    Some((seconds?, subdomains))
}

/// `.example.org "20271231 23:59:59"`; `unlimited` has no end.
fn parse_line(line: &[u8]) -> Option<(String, Wish)> {
    let text = std::str::from_utf8(line).ok()?;
    let (host, rest) = text.split_once(char::is_whitespace)?;
    let (host, subdomains) = match host.strip_prefix('.') {
        Some(host) => (host, true),
        None => (host, false),
    };
    let host = canonical::of_text(host).filter(|host| !canonical::is_address(host))?;
    let when = rest.trim().strip_prefix('"')?.strip_suffix('"')?;
    let until = match when {
        "unlimited" => i64::MAX,
        when => {
            let digits = when.replace([' ', ':'], "");
            let is_date = digits.len() == 14 && digits.bytes().all(|byte| byte.is_ascii_digit());
            let number = |from: usize, to: usize| digits.get(from..to)?.parse().ok();
            let time = [number(8, 10)?, number(10, 12)?, number(12, 14)?];
            let until = date::seconds_of(number(0, 4)?, number(4, 6)?, number(6, 8)?, time);
            until.filter(|_| is_date)?
        }
    };
    Some((host, Wish { until, subdomains }))
}

fn print(until: i64) -> String {
    match date::parts_of(until) {
        Some((year, month, day, [hours, minutes, seconds])) => {
            format!("{year:04}{month:02}{day:02} {hours:02}:{minutes:02}:{seconds:02}")
        }
        None => "unlimited".to_owned(),
    }
}
