//! What browsers are kept from doing for others: writing to this site because a page elsewhere says so, and reading a site
//! of this machine under a foreign name (DNS rebinding).

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, LazyLock};

use super::handler::{Handler, Reply, Shared};
use super::request::Request;
use super::response::Response;
use crate::endpoint::Carrier;

/// A handler around a site that keeps foreign pages from using it.
///
/// - What changes something (every method but GET, HEAD, OPTIONS and TRACE, and every upgrade but WebSocket, which has its own
///   [`Origins`](super::Origins)) is refused with 403 if a
///   browser says that a page of another origin wants it: by `Sec-Fetch-Site`, else by `Origin`. Programs send neither.
/// - A site that listens on loopback only answers to addresses, `localhost`, this machine's name and the names it was
///   given; else with 421. One that listens for everyone does so if it was given names.
///
/// # Examples
///
/// ```
/// use sockeye::web::guard::Guard;
/// use sockeye::web::{Handler, Request, Response};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let site = Guard::new(|_: Request| async { Response::text("done") });
/// let write = || Request::made("POST", "/");
/// assert_eq!(site.handle(write()).response().await.status(), 200);
/// let foreign = write().with_header("Origin", "https://elsewhere.example")?;
/// assert_eq!(site.handle(foreign).response().await.status(), 403);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Guard(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    site: Shared,
    hosts: Vec<String>,
    origins: Vec<String>,
}

impl Guard {
    /// Guard this site.
    pub fn new(site: impl Handler) -> Self {
        Self(Arc::new(Inner {
            site: Shared::new(site),
            hosts: Vec::new(),
            origins: Vec::new(),
        }))
    }

    /// The site has this name too; without a port.
    pub fn host(mut self, name: impl Into<String>) -> Self {
        let name = name.into().to_ascii_lowercase();
        Arc::make_mut(&mut self.0).hosts.push(name);
        self
    }

    /// Pages of this origin may write here: `https://app.example`.
    pub fn origin(mut self, origin: impl Into<String>) -> Self {
        let origin = origin.into().trim_end_matches('/').to_ascii_lowercase();
        Arc::make_mut(&mut self.0).origins.push(origin);
        self
    }
}

impl Inner {
    /// Why a request is refused.
    fn refusal(&self, request: &Request) -> Option<(u16, &'static str)> {
        if self.minds_hosts(request) && !request.host().is_none_or(|host| self.is_ours(host)) {
            return Some((
                421,
                "this site does not go by that name; `serve --host NAME` adds one",
            ));
        }
        if changes(request) && !self.is_from_here(request) {
            return Some((403, "a page of another site may not do this here"));
        }
        None
    }

    /// Whether the name in a request matters: always if names were given, else on loopback.
    fn minds_hosts(&self, request: &Request) -> bool {
        let server = request.client().server.as_deref();
        let is_loopback = server.is_some_and(|server| {
            matches!(server.carrier(), Carrier::Tcp(_)) && !server.carrier().is_for_everyone()
        });
        is_loopback || (server.is_some() && !self.hosts.is_empty())
    }

    fn is_ours(&self, host: &str) -> bool {
        let host = without_port(host).to_ascii_lowercase();
        let host = host.strip_suffix('.').unwrap_or(&host);
        let is_address = match host.strip_prefix('[').and_then(|it| it.strip_suffix(']')) {
            Some(inner) => inner.parse::<Ipv6Addr>().is_ok(),
            None => host.parse::<IpAddr>().is_ok(),
        };
        is_address
            || host == "localhost"
            || host.ends_with(".localhost")
            || MACHINE
                .as_deref()
                .is_some_and(|name| is_machine(host, name))
            || self.hosts.iter().any(|name| name == host)
    }

    /// Whether no page of another origin is behind a request, as far as a browser says.
    fn is_from_here(&self, request: &Request) -> bool {
        let headers = request.headers();
        let origin = headers.get_str("origin").map(str::to_ascii_lowercase);
        if origin
            .as_ref()
            .is_some_and(|origin| self.origins.contains(origin))
        {
            return true;
        }
        if let Some(site) = headers.get_str("sec-fetch-site") {
            return matches!(site, "same-origin" | "none");
        }
        if !headers.contains("origin") {
            return true;
        }
        let authority = origin.as_deref().and_then(|it| it.split_once("://"));
        match (authority, request.host()) {
            (Some((_, authority)), Some(host)) => authority == host.to_ascii_lowercase(),
            _ => false,
        }
    }
}

/// The name of this machine, which does not change while we run.
static MACHINE: LazyLock<Option<String>> = LazyLock::new(|| {
    let name = nix::unistd::gethostname().ok()?.into_string().ok()?;
    (!name.is_empty()).then(|| name.to_ascii_lowercase())
});

/// Whether this is the machine's name, whole or without its domain, or as neighbours know it.
fn is_machine(host: &str, name: &str) -> bool {
    let short = name.split('.').next().unwrap_or(name);
    host == name || host == short || host.strip_suffix(".local") == Some(short)
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port))
            if port.bytes().all(|it| it.is_ascii_digit()) && !name.ends_with(':') =>
        {
            name
        }
        _ => host,
    }
}

/// Whether a request may change something.
fn changes(request: &Request) -> bool {
    !matches!(request.method(), "GET" | "HEAD" | "OPTIONS" | "TRACE")
        || request
            .headers()
            .get("upgrade")
            .is_some_and(|to| !to.eq_ignore_ascii_case(b"websocket"))
}

impl Handler for Guard {
    fn handle(&self, request: Request) -> Reply {
        match self.0.refusal(&request) {
            Some((status, why)) => {
                request.note("guard", || format!("refused with {status}: {why}"));
                Response::error(status, why).into()
            }
            None => self.0.site.handle(request),
        }
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard")
            .field("hosts", &self.0.hosts)
            .field("origins", &self.0.origins)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(guard: &Guard, method: &str, lines: &[(&str, &str)]) -> u16 {
        let mut request = Request::made(method, "/");
        for (name, value) in lines {
            request = request.with_header(name, value).unwrap();
        }
        guard.0.refusal(&request).map_or(200, |(status, _)| status)
    }

    #[test]
    fn writes_for_foreign_pages_are_refused() {
        let guard = Guard::new(|_: Request| async { "" }).origin("https://App.example/");
        for (lines, wanted) in [
            (&[][..], 200),
            (&[("Origin", "http://localhost")], 200),
            (&[("Origin", "http://localhost:81")], 403),
            (&[("Origin", "null")], 403),
            (&[("Origin", "https://app.example")], 200),
            (&[("Sec-Fetch-Site", "same-origin")], 200),
            (&[("Sec-Fetch-Site", "none")], 200),
            (&[("Sec-Fetch-Site", "same-site")], 403),
            (
                &[
                    ("Sec-Fetch-Site", "cross-site"),
                    ("Origin", "http://localhost"),
                ],
                403,
            ),
            (
                &[
                    ("Sec-Fetch-Site", "cross-site"),
                    ("Origin", "https://app.example"),
                ],
                200,
            ),
        ] {
            assert_eq!(status(&guard, "PUT", lines), wanted, "{lines:?}");
            assert_eq!(status(&guard, "GET", lines), 200);
        }
        let socket = [("Upgrade", "h2c"), ("Origin", "http://elsewhere.example")];
        assert_eq!(status(&guard, "GET", &socket), 403);
    }

    #[test]
    fn names_that_are_ours() {
        let guard = Guard::new(|_: Request| async { "" }).host("Files.example");
        for (host, is_ours) in [
            ("localhost:8000", true),
            ("a.localhost", true),
            ("127.0.0.1:8000", true),
            ("[::1]:8000", true),
            ("[::1]", true),
            ("files.example:8000", true),
            ("FILES.example.", true),
            ("evil.example:8000", false),
            ("localhost.evil.example", false),
            ("", false),
        ] {
            assert_eq!(guard.0.is_ours(host), is_ours, "{host}");
        }
        assert!(
            is_machine("box", "box.lan")
                && is_machine("box.local", "box")
                && !is_machine("b", "box")
        );
    }
}
