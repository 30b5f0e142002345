//! The handler that lets in who may.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;

use super::Accounts;
use super::access::{self, Rule};
use super::authorization::{self, Claim};
use super::known::{Failures, Known};
use super::password::{Secret, is_equal};
use crate::web::handler::{Handler, Reply, Shared};
use crate::web::request::{Client, Request};
use crate::web::response::Response;

/// Hashes that are computed at once, and requests that wait for it.
const AT_ONCE: usize = 2;
const MOST_WAITING: usize = 64;
/// Over how long failures are counted.
const WINDOW: Duration = Duration::from_secs(60);

/// A handler around a site that lets in who may, by rules.
///
/// The first rule that speaks of a path and a verb decides; if none does, it takes an account. Whoever has not said who they
/// are gets 401 where that could help, and 403 otherwise. Credentials that are wrong get 401 even where everyone may; after
/// ten of them within a minute, their address gets 429.
#[derive(Clone)]
pub struct Gate(Arc<Inner>);

struct Inner {
    accounts: Accounts,
    rules: Arc<Vec<Rule>>,
    site: Shared,
    known: Known,
    failures: Failures,
    hashing: Semaphore,
    waiting: Semaphore,
    /// For users that are not there: it takes as long to find that out.
    decoy: Secret,
}

/// Who asks.
enum Who {
    Nobody,
    User(String),
    /// They have to prove it first, and that takes a while.
    Unproven(String, Vec<u8>, [u8; 32]),
    Wrong,
}

impl Gate {
    /// Let these in, by these rules.
    pub fn new(accounts: Accounts, rules: Vec<Rule>, site: impl Handler) -> Self {
        let slow = accounts.users.values().find(|secret| secret.is_slow());
        let decoy = slow.cloned().unwrap_or_else(|| Secret::of(b""));
        Self(Arc::new(Inner {
            accounts,
            rules: Arc::new(rules),
            site: Shared::new(site),
            known: Known::new(),
            failures: Failures::new(10, WINDOW),
            hashing: Semaphore::new(AT_ONCE),
            waiting: Semaphore::new(MOST_WAITING),
            decoy,
        }))
    }

    /// The same gate with another number of wrong credentials within a minute that an address may send: 10 by default.
    ///
    /// Before the gate is shared: one that is in use stays as it is.
    pub fn max_failures(mut self, most: u32) -> Self {
        if let Some(inner) = Arc::get_mut(&mut self.0) {
            inner.failures = Failures::new(most, WINDOW);
        }
        self
    }
}

impl Handler for Gate {
    fn handle(&self, request: Request) -> Reply {
        let Some(path) = decoded(request.path()) else {
            return Response::error(
                400,
                "a path that leads elsewhere, or is not percent-encoded",
            )
            .into();
        };
        match self.0.who(&request) {
            Who::Nobody => self.0.admit(request, &path, None),
            Who::User(user) => self.0.admit(request, &path, Some(user)),
            Who::Wrong => self.0.wrong(&request).into(),
            Who::Unproven(user, password, digest) => {
                if let Some(wait) = self.0.failures.wait(address(request.client())) {
                    return too_many(&request, wait).into();
                }
                let inner = Arc::clone(&self.0);
                Reply::later(async move {
                    match inner.prove(&user, password).await {
                        None => Response::error(
                            503,
                            "too many passwords are being looked at; try again",
                        )
                        .header("Retry-After", "1"),
                        Some(false) => inner.wrong(&request),
                        Some(true) => {
                            inner.known.remember(digest, user.clone());
                            inner.failures.forgive(address(request.client()));
                            inner.admit(request, &path, Some(user)).response().await
                        }
                    }
                })
            }
        }
    }
}

impl Inner {
    /// Who a request is from, as far as that is known at once.
    fn who(&self, request: &Request) -> Who {
        match authorization::read(request.headers()) {
            Claim::None => match self.certified(request.client()) {
                Some(user) => Who::User(user),
                None => Who::Nobody,
            },
            Claim::Unknown => Who::Wrong,
            Claim::Bearer(token) => {
                let digest: [u8; 32] = Sha256::digest(&token).into();
                // All are compared, so that the time does not tell which is the one.
                let mut found = None;
                for (name, known) in &self.accounts.tokens {
                    if is_equal(&digest, known) {
                        found = Some(name);
                    }
                }
                found.map_or(Who::Wrong, |name| Who::User(name.clone()))
            }
            Claim::Basic(user, password) => {
                let digest = self.known.digest("basic", &user, &password);
                match self.known.user(&digest) {
                    Some(user) => Who::User(user),
                    None => Who::Unproven(user, password, digest),
                }
            }
        }
    }

    fn certified(&self, client: &Client) -> Option<String> {
        let secured = client
            .secured
            .as_ref()
            .filter(|_| self.accounts.certificates)?;
        secured.peer_name.clone()
    }

    /// Whether this is the user's password; `None` if too many ask.
    async fn prove(self: &Arc<Self>, user: &str, password: Vec<u8>) -> Option<bool> {
        let (secret, is_there) = match self.accounts.users.get(user) {
            Some(secret) => (secret.clone(), true),
            None => (self.decoy.clone(), false),
        };
        if !secret.is_slow() {
            return Some(secret.verify(&password) && is_there);
        }
        let _waiting = self.waiting.try_acquire().ok()?;
        let _hashing = self.hashing.acquire().await.ok()?;
        let verified = tokio::task::spawn_blocking(move || secret.verify(&password)).await;
        Some(verified.unwrap_or(false) && is_there)
    }

    /// Hand the request on, if this user may do it.
    fn admit(&self, mut request: Request, path: &[u8], user: Option<String>) -> Reply {
        let write = !matches!(request.method(), "GET" | "HEAD" | "OPTIONS");
        let (may, why) = decide(&self.rules, write, path, user.as_deref());
        let may = may && !self.packs_more(&request, path, user.as_deref());
        request.note("account", || {
            let who = user.as_deref().unwrap_or("nobody in particular");
            let verb = if write { "write" } else { "read" };
            format!("{who} may{} {verb}: {why}", if may { "" } else { " not" })
        });
        if !may {
            return match user {
                Some(user) => Response::error(403, "you may not do this")
                    .for_user(user)
                    .into(),
                None => self.challenge("this needs an account").into(),
            };
        }
        let (rules, name) = (Arc::clone(&self.rules), user.clone());
        request.set_rights(Arc::new(move |write, path: &[u8]| {
            decide(&rules, write, path, name.as_deref()).0
        }));
        let Some(user) = user else {
            return self.site.handle(request);
        };
        request.set_user(user.clone());
        self.site
            .handle(request)
            .map(|response| response.for_user(user))
    }

    /// Whether the folder is to be packed with something beneath it that this user may not read.
    fn packs_more(&self, request: &Request, path: &[u8], user: Option<&str>) -> bool {
        if request.query_value("archive").is_none() {
            return false;
        }
        let names = access::names(path);
        let rules = self.rules.iter();
        rules
            .filter(|rule| rule.reaches_beneath(false, &names))
            .any(|rule| !rule.lets(user))
    }

    fn wrong(&self, request: &Request) -> Response {
        let address = address(request.client());
        if let Some(wait) = self.failures.wait(address) {
            return too_many(request, wait);
        }
        self.failures.count(address);
        request.note("account", || "the credentials are wrong".to_owned());
        self.challenge("these credentials are not good")
    }

    fn challenge(&self, why: &str) -> Response {
        let mut response = Response::error(401, why);
        if !self.accounts.users.is_empty() || self.accounts.tokens.is_empty() {
            response = response.header(
                "WWW-Authenticate",
                "Basic realm=\"sockeye\", charset=\"UTF-8\"",
            );
        }
        if !self.accounts.tokens.is_empty() {
            response = response.header("WWW-Authenticate", "Bearer realm=\"sockeye\"");
        }
        response
    }
}

/// Whether a user may do it, and which rule says so.
fn decide(rules: &[Rule], write: bool, path: &[u8], user: Option<&str>) -> (bool, String) {
    let names = access::names(path);
    match rules.iter().find(|rule| rule.fits(write, &names)) {
        Some(rule) => (rule.lets(user), format!("rule `{rule}`")),
        None => (
            user.is_some(),
            "no rule speaks of it, so it takes an account".to_owned(),
        ),
    }
}

fn too_many(request: &Request, wait: Duration) -> Response {
    request.note("account", || "the address guessed too often".to_owned());
    Response::error(429, "too many wrong passwords from this address")
        .header("Retry-After", (wait.as_secs() + 1).to_string())
}

fn address(client: &Client) -> Option<IpAddr> {
    client.address.map(|address| address.ip())
}

/// A path as files are found by; `None` if it leads up, which no client asks for.
fn decoded(path: &str) -> Option<Vec<u8>> {
    let path = sockeye_data::percent::decode(path).ok()?;
    let leads_up = path
        .split(|byte| matches!(byte, b'/' | b'\\'))
        .any(|name| name == b"..");
    (!leads_up).then_some(path)
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate")
            .field("accounts", &self.0.accounts)
            .field("rules", &self.0.rules)
            .finish_non_exhaustive()
    }
}
