//! The jar without its lock and its clock: who may set what, what goes where, and what has to go.

use std::collections::HashMap;

use sockeye_data::cookie::{self, Prefix, SetCookie};
use sockeye_data::url::{Scheme, Url};

use super::{Cookie, CookieLimits, CookieRefusal};
use crate::client::http::canonical;

#[derive(Debug)]
struct Held {
    cookie: Cookie,
    /// Counted, since several come within one second: when it came first, and when it was sent last.
    created: u64,
    used: u64,
}

/// Cookies by site: all that one request could need, and all that are bounded together.
#[derive(Debug, Default)]
pub(super) struct Store {
    limits: CookieLimits,
    sites: HashMap<String, Vec<Held>>,
    total: usize,
    ticks: u64,
}

impl Store {
    pub(super) fn new(limits: CookieLimits) -> Self {
        Self {
            limits,
            ..Self::default()
        }
    }

    pub(super) fn limits(&self) -> CookieLimits {
        self.limits
    }

    /// RFC 6265bis section 5.7.
    pub(super) fn add(
        &mut self,
        url: &Url,
        set_cookie: &[u8],
        now: i64,
    ) -> Result<(), CookieRefusal> {
        let set = SetCookie::parse(set_cookie).map_err(CookieRefusal::Fault)?;
        let host = canonical::of_url(url);
        let is_secure = url.scheme() == Scheme::Https;
        let (domain, host_only) = domain(&host, set.domain.as_deref())?;
        if set.secure && !is_secure {
            return Err(CookieRefusal::Insecure);
        }
        if Prefix::of(&set.name) == Some(Prefix::Host) && set.path.as_deref() != Some("/") {
            return Err(CookieRefusal::Prefix);
        }
        let cookie = Cookie {
            domain,
            host_only,
            path: set.path.clone().unwrap_or_else(|| default_path(url.path())),
            secure: set.secure,
            http_only: set.http_only,
            same_site: set.same_site,
            expires: match set.max_age {
                Some(..=0) => Some(i64::MIN),
                Some(seconds) => Some(now.saturating_add(seconds)),
                None => set.expires,
            },
            name: set.name,
            value: set.value,
        };
        if !is_secure && self.hides_secure(&cookie) {
            return Err(CookieRefusal::Overwrites);
        }
        self.put(cookie, now)
    }

    /// Keep a cookie whose sender is known to be entitled to it.
    pub(super) fn put(&mut self, mut cookie: Cookie, now: i64) -> Result<(), CookieRefusal> {
        cookie::check(&cookie.name, &cookie.value).map_err(CookieRefusal::Fault)?;
        if !cookie.host_only && canonical::is_public_suffix(&cookie.domain) {
            return Err(CookieRefusal::PublicSuffix);
        }
        let keeps_promise = match Prefix::of(&cookie.name) {
            Some(Prefix::Secure) => cookie.secure,
            Some(Prefix::Host) => cookie.secure && cookie.host_only && cookie.path == "/",
            None => true,
        };
        if !keeps_promise {
            return Err(CookieRefusal::Prefix);
        }
        let latest = now.saturating_add(self.limits.lifetime);
        cookie.expires = cookie.expires.map(|at| at.min(latest));
        self.ticks += 1;
        let mut held = Held {
            created: self.ticks,
            used: self.ticks,
            cookie,
        };
        let site = canonical::site(&held.cookie.domain).to_owned();
        let cookies = self.sites.entry(site.clone()).or_default();
        let same = |it: &Held| {
            let (a, b) = (&it.cookie, &held.cookie);
            a.name == b.name
                && a.domain == b.domain
                && a.host_only == b.host_only
                && a.path == b.path
        };
        if let Some(at) = cookies.iter().position(same) {
            held.created = cookies.swap_remove(at).created;
            self.total -= 1;
        }
        if !is_over(&held.cookie, now) {
            cookies.push(held);
            self.total += 1;
        }
        self.make_room(&site, now);
        Ok(())
    }

    /// Whether without TLS this would stand before, or instead of, one that came with TLS.
    fn hides_secure(&self, cookie: &Cookie) -> bool {
        let site = canonical::site(&cookie.domain);
        let mut cookies = self.sites.get(site).into_iter().flatten();
        cookies.any(|held| {
            let it = &held.cookie;
            let meets = canonical::is_within(&it.domain, &cookie.domain)
                || canonical::is_within(&cookie.domain, &it.domain);
            it.secure && it.name == cookie.name && meets && path_matches(&cookie.path, &it.path)
        })
    }

    fn make_room(&mut self, site: &str, now: i64) {
        let Some(cookies) = self.sites.get_mut(site) else {
            return;
        };
        if cookies.len() > self.limits.per_site {
            self.total -= drop_over(cookies, now);
        }
        while cookies.len() > self.limits.per_site {
            let worst = cookies.iter().enumerate();
            let worst = worst.min_by_key(|(_, held)| (held.cookie.secure, held.used));
            let Some(at) = worst.map(|(at, _)| at) else {
                break;
            };
            cookies.swap_remove(at);
            self.total -= 1;
        }
        if cookies.is_empty() {
            self.sites.remove(site);
        }
        if self.total > self.limits.total {
            for cookies in self.sites.values_mut() {
                self.total -= drop_over(cookies, now);
            }
        }
        while self.total > self.limits.total {
            let all = self.sites.iter().flat_map(|(site, cookies)| {
                let each = cookies.iter().enumerate();
                each.map(move |(at, held)| (held.cookie.secure, held.used, site, at))
            });
            let Some((_, _, site, at)) = all.min() else {
                break;
            };
            let site = site.clone();
            if let Some(cookies) = self.sites.get_mut(&site) {
                cookies.swap_remove(at);
                self.total -= 1;
            }
        }
        if self.sites.len() > self.limits.total {
            self.sites.retain(|_, cookies| !cookies.is_empty());
        }
    }

    /// RFC 6265bis section 5.8.3.
    pub(super) fn matching(&mut self, url: &Url, now: i64) -> Vec<(Vec<u8>, Vec<u8>)> {
        let host = canonical::of_url(url);
        let is_secure = url.scheme() == Scheme::Https;
        let Some(cookies) = self.sites.get_mut(canonical::site(&host)) else {
            return Vec::new();
        };
        self.total -= drop_over(cookies, now);
        let fits = |cookie: &Cookie| {
            let is_there = match cookie.host_only {
                true => cookie.domain == host,
                false => canonical::is_within(&host, &cookie.domain),
            };
            is_there && (is_secure || !cookie.secure) && path_matches(url.path(), &cookie.path)
        };
        let mut found: Vec<&mut Held> = cookies
            .iter_mut()
            .filter(|held| fits(&held.cookie))
            .collect();
        found.sort_by_key(|held| (std::cmp::Reverse(held.cookie.path.len()), held.created));
        self.ticks += 1;
        let mut room = self.limits.header;
        let mut pairs = Vec::new();
        for held in found.into_iter().take(self.limits.per_request) {
            let cookie = &held.cookie;
            // "name=value; ".
            let needs = cookie.name.len() + cookie.value.len() + 3;
            if needs > room {
                break;
            }
            room -= needs;
            held.used = self.ticks;
            pairs.push((cookie.name.clone(), cookie.value.clone()));
        }
        pairs
    }

    pub(super) fn all(&self, now: i64) -> Vec<Cookie> {
        let mut held: Vec<&Held> = self.sites.values().flatten().collect();
        held.retain(|held| !is_over(&held.cookie, now));
        held.sort_by_key(|held| (canonical::site(&held.cookie.domain), held.created));
        held.into_iter().map(|held| held.cookie.clone()).collect()
    }

    pub(super) fn clear(&mut self) {
        self.sites.clear();
        self.total = 0;
    }

    pub(super) fn end_session(&mut self) {
        for cookies in self.sites.values_mut() {
            cookies.retain(|held| held.cookie.expires.is_some());
        }
        self.sites.retain(|_, cookies| !cookies.is_empty());
        self.total = self.sites.values().map(Vec::len).sum();
    }
}

/// The domain a cookie is for, and whether for it alone. Hosts are compared only in their one form.
fn domain(host: &str, wanted: Option<&str>) -> Result<(String, bool), CookieRefusal> {
    let Some(wanted) = wanted else {
        return Ok((host.to_owned(), true));
    };
    // A dot at the end is another spelling of a name that this host may not speak for: refused, as browsers and curl do.
    let domain = canonical::of_text(wanted).filter(|_| !wanted.ends_with('.'));
    let domain = domain.ok_or(CookieRefusal::Foreign)?;
    if domain == host && (canonical::is_address(host) || canonical::is_public_suffix(host)) {
        return Ok((domain, true));
    }
    if canonical::is_public_suffix(&domain) {
        return Err(CookieRefusal::PublicSuffix);
    }
    match canonical::is_within(host, &domain) {
        true => Ok((domain, false)),
        false => Err(CookieRefusal::Foreign),
    }
}

fn is_over(cookie: &Cookie, now: i64) -> bool {
    cookie.expires.is_some_and(|at| at <= now)
}

fn drop_over(cookies: &mut Vec<Held>, now: i64) -> usize {
    let before = cookies.len();
    cookies.retain(|held| !is_over(&held.cookie, now));
    before - cookies.len()
}

/// RFC 6265bis section 5.1.4.
fn default_path(path: &str) -> String {
    match path.rsplit_once('/') {
        Some((folder, _)) if folder.starts_with('/') => folder.to_owned(),
        _ => "/".to_owned(),
    }
}

/// RFC 6265bis section 5.1.4.
fn path_matches(path: &str, of_cookie: &str) -> bool {
    path == of_cookie
        || path
            .strip_prefix(of_cookie)
            .is_some_and(|rest| of_cookie.ends_with('/') || rest.starts_with('/'))
}
