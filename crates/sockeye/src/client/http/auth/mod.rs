//! Who we are: secrets, each bound to one origin, and how they are proved.

mod digest;
mod oauth2;
mod proof;

#[cfg(test)]
mod tests;

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sockeye_data::challenge;
use sockeye_data::netrc::Netrc;
use sockeye_data::url::{Origin, Scheme, Url};

use self::digest::Asked;
pub use self::oauth2::ClientCredentials;
pub(in crate::client) use self::proof::{Proof, challenges};
use super::hop::Hop;
use super::private_file;
use super::request::Request;
use crate::error::{Error, Kind, Operation, Result};

/// How a user and a password are proved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Login {
    /// They are sent as they are, unasked (RFC 7617).
    #[default]
    Basic,
    /// Nothing is sent until the server asks, and never the password itself (RFC 7616).
    Digest,
    /// Nothing is sent until the server asks; of what it offers then, the strongest is used.
    Any,
}

/// What proves who we are. It is never shown.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Credential {
    /// A user and a password, sent as they are, unasked ([`Login::Basic`]).
    Basic {
        /// The user.
        user: String,
        /// The password.
        password: String,
    },
    /// A user, and a password that is never sent itself ([`Login::Digest`]).
    Digest {
        /// The user.
        user: String,
        /// The password.
        password: String,
    },
    /// A user and a password, proved as the server likes it best among what is strongest ([`Login::Any`]).
    Any {
        /// The user.
        user: String,
        /// The password.
        password: String,
    },
    /// A token (RFC 6750).
    Bearer(String),
}

impl Credential {
    /// A user and a password, proved this way.
    pub fn login(login: Login, user: impl Into<String>, password: impl Into<String>) -> Self {
        let (user, password) = (user.into(), password.into());
        match login {
            Login::Basic => Self::Basic { user, password },
            Login::Digest => Self::Digest { user, password },
            Login::Any => Self::Any { user, password },
        }
    }

    fn user(&self) -> Option<&str> {
        match self {
            Self::Basic { user, .. } | Self::Digest { user, .. } | Self::Any { user, .. } => {
                Some(user)
            }
            Self::Bearer(_) => None,
        }
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Basic { user, .. } => write!(f, "Basic({user:?})"),
            Self::Digest { user, .. } => write!(f, "Digest({user:?})"),
            Self::Any { user, .. } => write!(f, "Any({user:?})"),
            Self::Bearer(_) => f.write_str("Bearer"),
        }
    }
}

/// A user and a password, as bytes: those of a URL may be in any charset. Neither is ever shown.
#[derive(Clone, PartialEq, Eq)]
pub(in crate::client) struct Secret {
    pub(in crate::client) user: Vec<u8>,
    pub(in crate::client) password: Vec<u8>,
}

/// Where a hop stands: whether what was typed for the first origin may be used there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Standing<'a> {
    /// The origin that was asked for.
    pub(super) home: Option<&'a Origin>,
    /// The URL that was asked for, whose user and password are for its origin.
    pub(super) typed: &'a Url,
    /// What was meant for the first origin may go wherever servers send us.
    pub(super) trusting: bool,
}

impl Standing<'_> {
    fn is_home(&self, url: &Url) -> bool {
        self.trusting || url.origin().as_ref() == self.home
    }

    /// Whether the `.netrc` may speak for a host to which redirects have led: not for another port or scheme of the first host,
    /// nor for odd ports, nor in the clear after TLS.
    fn may_look_up(&self, url: &Url) -> bool {
        let (Some(home), false) = (self.home, self.is_home(url)) else {
            return true;
        };
        let is_downgraded = home.scheme == Scheme::Https && url.scheme() != Scheme::Https;
        url.host() != home.host && url.port().is_none() && !is_downgraded
    }
}

/// Who we are for one request.
enum Who {
    Login(Login, Secret),
    Token(String),
}

impl From<&Credential> for Who {
    fn from(credential: &Credential) -> Self {
        let login = |login, user: &str, password: &str| {
            let (user, password) = (user.as_bytes().to_vec(), password.as_bytes().to_vec());
            Self::Login(login, Secret { user, password })
        };
        match credential {
            Credential::Basic { user, password } => login(Login::Basic, user, password),
            Credential::Digest { user, password } => login(Login::Digest, user, password),
            Credential::Any { user, password } => login(Login::Any, user, password),
            Credential::Bearer(token) => Self::Token(token.clone()),
        }
    }
}

/// How many origins' proofs are remembered; the one that was not used for longest goes.
const MOST_PROOFS: usize = 256;

#[derive(Default)]
struct Held {
    bound: Vec<(Origin, Credential)>,
    netrc: Netrc,
    login: Login,
    /// What servers asked for, by origin and user: it is never used for another.
    proofs: Vec<(Origin, Vec<u8>, Proof)>,
}

impl Held {
    fn proof(&mut self, origin: &Origin, user: &[u8]) -> Option<&mut Proof> {
        let mut all = self.proofs.iter();
        let at = all.position(|(of, by, _)| of == origin && by == user)?;
        let last = self.proofs.remove(at);
        self.proofs.push(last);
        self.proofs.last_mut().map(|(_, _, proof)| proof)
    }

    fn forget(&mut self, origin: &Origin, user: &[u8]) {
        self.proofs.retain(|(of, by, _)| of != origin || by != user);
    }
}

/// Secrets, each for one origin (scheme, host and port), and what servers said about how to prove them. Clones share them.
///
/// For a request the first of these counts: a user and a password in its URL; what the request brings itself, as long as
/// redirects have not led to another origin; what was bound to its origin with [`insert`](Self::insert); the `.netrc`. A user
/// in the URL without a password picks among them.
///
/// # Examples
///
/// ```
/// use sockeye::client::http::{Client, Credential, Credentials};
/// use sockeye::data::url::Url;
///
/// let credentials = Credentials::new();
/// let origin = Url::parse("https://api.example").unwrap().origin().unwrap();
/// credentials.insert(origin, Credential::Bearer("s3cret".into()));
/// assert!(!format!("{credentials:?}").contains("s3cret"));
/// let client = Client::builder().credentials(credentials).build();
/// # let _ = client;
/// ```
#[derive(Clone, Default)]
pub struct Credentials(Arc<Mutex<Held>>);

impl Credentials {
    /// No secrets.
    pub fn new() -> Self {
        Self::default()
    }

    fn locked(&self) -> MutexGuard<'_, Held> {
        // What is inside stays whole even if a thread panics between two of its lines.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Prove with this who we are to this origin, and to no other. It replaces what was bound to it before.
    pub fn insert(&self, origin: Origin, credential: Credential) {
        let mut held = self.locked();
        held.bound.retain(|(bound, _)| *bound != origin);
        held.bound.push((origin, credential));
    }

    /// Look hosts up here, if nothing else is known for them.
    pub fn set_netrc(&self, netrc: Netrc) {
        self.locked().netrc = netrc;
    }

    /// The same from a file. One that is not there knows of nobody.
    ///
    /// # Errors
    ///
    /// [`Kind::Denied`], [`Kind::Io`] if it cannot be read; [`Kind::Usage`] if it is no such file, with the line.
    pub fn read_netrc(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let longest = u64::try_from(sockeye_data::netrc::LONGEST_FILE).unwrap_or(u64::MAX);
        let text = private_file::read(path, longest)?.unwrap_or_default();
        let netrc = Netrc::parse(&text).map_err(|error| {
            Error::new(Kind::Usage, Operation::Open, error.to_string()).about(path.display())
        })?;
        self.set_netrc(netrc);
        Ok(())
    }

    /// How users and passwords of URLs and of the `.netrc` are proved; [`Login::Basic`] by default.
    pub fn set_login(&self, login: Login) {
        self.locked().login = login;
    }

    /// Who we are for this request.
    fn who(&self, request: &Request, standing: Standing<'_>) -> Option<Who> {
        let held = self.locked();
        let url = &request.url;
        let is_home = standing.is_home(url);
        let from = match url.user().is_none() && is_home {
            true => standing.typed,
            false => url,
        };
        let user = from.user().filter(|user| !user.is_empty());
        let from_url = |password| {
            let user = user.clone().unwrap_or_default();
            Who::Login(held.login, Secret { user, password })
        };
        if let Some(password) = from.password() {
            return Some(from_url(password));
        }
        let fits = |credential: &&Credential| match (&user, credential.user()) {
            (Some(user), Some(known)) => user == known.as_bytes(),
            _ => true,
        };
        let origin = url.origin()?;
        let own = request.credential.as_ref().filter(|_| is_home);
        let mut bound = held.bound.iter().filter(|(bound, _)| *bound == origin);
        let bound = || bound.find_map(|(_, it)| Some(it).filter(fits));
        if let Some(credential) = own.filter(fits).or_else(bound) {
            return Some(credential.into());
        }
        if standing.may_look_up(url)
            && let Some(secret) = netrc(&held.netrc, url, user.as_deref(), is_home)
        {
            return Some(Who::Login(held.login, secret));
        }
        user.is_some().then(|| from_url(Vec::new()))
    }

    /// The value of `Authorization` for this request, if it is to be sent unasked.
    pub(super) fn authorize(&self, request: &Request, standing: Standing<'_>) -> Option<Vec<u8>> {
        match self.who(request, standing)? {
            Who::Token(token) => Some(format!("Bearer {token}").into_bytes()),
            Who::Login(Login::Basic, secret) => Some(proof::basic(&secret)),
            Who::Login(_, secret) => {
                let origin = request.url.origin()?;
                let mut held = self.locked();
                let proof = held.proof(&origin, &secret.user)?;
                Some(proof.answer(&secret, asked(request, &target(request))))
            }
        }
    }

    /// A server wants to know who asks (401). Whether the request shall be put again, with what [`Credentials::authorize`]
    /// gives then. `first` says that this request was not challenged before, `stale` whether a nonce of it was too old before.
    pub(super) fn challenged(
        &self,
        request: &Request,
        standing: Standing<'_>,
        hop: &Hop,
        first: bool,
        stale: &mut bool,
    ) -> bool {
        if hop.status != 401 || request.headers.contains("authorization") {
            return false;
        }
        let (Some(Who::Login(login, secret)), Some(origin)) =
            (self.who(request, standing), request.url.origin())
        else {
            return false;
        };
        let offered = challenges(&hop.headers, "www-authenticate");
        let has_body = request.body.is_none() || request.body.as_bytes().is_some();
        let chosen = match login {
            Login::Basic => return false,
            _ => Proof::choose(&offered, login == Login::Any, has_body),
        };
        let mut held = self.locked();
        let before = held.proof(&origin, &secret.user).map(|proof| proof.clone());
        let Some(chosen) = chosen else {
            held.forget(&origin, &secret.user);
            return false;
        };
        // It was proved and not believed: once more only if the proof was an old one.
        let was_sent = hop.request.contains("authorization");
        if was_sent && let Some(before) = before {
            let is_new = !chosen.is_like(&before);
            let is_stale = is_new && chosen.is_stale() && !*stale;
            *stale |= is_stale;
            if !(is_stale || (is_new && first)) {
                held.forget(&origin, &secret.user);
                return false;
            }
        }
        held.forget(&origin, &secret.user);
        if held.proofs.len() >= MOST_PROOFS {
            held.proofs.remove(0);
        }
        held.proofs.push((origin, secret.user, chosen));
        true
    }

    /// An answer may bring the nonce of the next request (RFC 7615 section 3).
    pub(super) fn learn(&self, hop: &Hop) {
        let (Some(value), Some(origin)) =
            (hop.headers.get("authentication-info"), hop.url.origin())
        else {
            return;
        };
        let found = challenge::parameters(value);
        let mut next = found.into_iter().filter(|(name, _)| name == "nextnonce");
        let (Some((_, nonce)), Some(sent)) = (next.next(), hop.request.get("authorization")) else {
            return;
        };
        let sent = challenge::parse(sent);
        let with = sent.first().and_then(|sent| sent.parameter("nonce"));
        let mut held = self.locked();
        for (of, _, proof) in &mut held.proofs {
            if *of == origin && with.is_some() {
                proof.renew(with, &nonce);
            }
        }
    }
}

/// The password of this host, if the file knows one for this user. Elsewhere than at home the host must be named in it.
fn netrc(netrc: &Netrc, url: &Url, user: Option<&[u8]>, is_home: bool) -> Option<Secret> {
    let user = match user {
        Some(user) => Some(std::str::from_utf8(user).ok()?),
        None => None,
    };
    let host = url.host().trim_matches(['[', ']']);
    let found = netrc.find(host, user)?;
    if found.machine.is_none() && !is_home {
        return None;
    }
    let name = user.or(found.login.as_deref())?;
    Some(Secret {
        user: name.as_bytes().to_vec(),
        password: found.password.clone().unwrap_or_default().into_bytes(),
    })
}

fn target(request: &Request) -> String {
    match request.exact {
        true => request.url.typed_target(),
        false => request.url.target(),
    }
}

fn asked<'a>(request: &'a Request, target: &'a str) -> Asked<'a> {
    let body = match request.body.is_none() {
        true => Some(&b""[..]),
        false => request.body.as_bytes().map(|bytes| &bytes[..]),
    };
    Asked {
        method: &request.method,
        target,
        body,
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let held = self.locked();
        let mut map = f.debug_map();
        for (origin, credential) in &held.bound {
            let place = format!(
                "{}://{}:{}",
                origin.scheme.as_str(),
                origin.host,
                origin.port
            );
            map.entry(&place, credential);
        }
        map.finish()
    }
}
