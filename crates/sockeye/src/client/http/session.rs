//! Sessions: cookies, secrets and header lines that are kept in a file from one run to the next, each bound to its origin.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use data_encoding::BASE64;
use serde::{Deserialize, Serialize};
use sockeye_data::cookie::SameSite;
use sockeye_data::http1::Headers;
use sockeye_data::url::{Origin, Url};

use super::auth::{Credential, Credentials};
use super::cookies::{Cookie, CookieJar};
use super::private_file;
use super::request::Request;
use crate::error::{Error, Kind, Operation, Result};

/// A longer file is refused.
const LONGEST_FILE: u64 = 16 << 20;
/// Origins that a session knows at most, and header lines of each.
const MOST_ORIGINS: usize = 1000;
const MOST_HEADERS: usize = 100;

/// Header lines that belong to one request, and not to those after it.
const OF_ONE_REQUEST: &[&str] = &[
    "host",
    "cookie",
    "range",
    "expect",
    "connection",
    "transfer-encoding",
    "te",
    "trailer",
    "upgrade",
    "keep-alive",
];

/// Cookies, secrets and header lines of one file. Clones share them.
///
/// What is kept for an origin (scheme, host and port) is sent to no other; cookies follow their own rules.
///
/// # Examples
///
/// ```
/// # let dir = tempfile::tempdir().unwrap();
/// # let path = dir.path().join("work.json");
/// use sockeye::client::http::{Client, Credential, Session};
/// use sockeye::data::url::Url;
///
/// let url = Url::parse("https://api.example/v1").unwrap();
/// let session = Session::open(&path)?;
/// session.remember(&url, Some(&Credential::Bearer("s3cret".into())), &Default::default());
/// session.save()?;
///
/// let again = Session::open(&path)?;
/// let client = Client::builder().cookies(again.cookies()).credentials(again.credentials()).build();
/// # let _ = client;
/// # Ok::<(), sockeye::Error>(())
/// ```
#[derive(Clone)]
pub struct Session {
    path: PathBuf,
    jar: CookieJar,
    credentials: Credentials,
    origins: Arc<Mutex<BTreeMap<String, Kept>>>,
}

/// What is kept for one origin.
#[derive(Clone, Default, Serialize, Deserialize)]
struct Kept {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    headers: Vec<(String, String)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    credential: Option<KeptCredential>,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(tag = "how", rename_all = "lowercase")]
enum KeptCredential {
    Basic { user: String, password: String },
    Digest { user: String, password: String },
    Any { user: String, password: String },
    Bearer { token: String },
}

#[derive(Serialize, Deserialize)]
struct File {
    #[serde(rename = "sockeye-session")]
    version: u32,
    #[serde(default)]
    cookies: Vec<KeptCookie>,
    #[serde(default)]
    origins: BTreeMap<String, Kept>,
}

#[derive(Serialize, Deserialize)]
struct KeptCookie {
    name: Text,
    value: Text,
    domain: String,
    #[serde(default)]
    host_only: bool,
    path: String,
    #[serde(default)]
    secure: bool,
    #[serde(default)]
    http_only: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    same_site: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires: Option<i64>,
}

/// Bytes: as text where they are text.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Text {
    Plain(String),
    Bytes { base64: String },
}

impl From<Vec<u8>> for Text {
    fn from(bytes: Vec<u8>) -> Self {
        String::from_utf8(bytes).map_or_else(
            |error| Self::Bytes {
                base64: BASE64.encode(error.as_bytes()),
            },
            Self::Plain,
        )
    }
}

impl Text {
    fn bytes(self) -> Option<Vec<u8>> {
        match self {
            Self::Plain(text) => Some(text.into_bytes()),
            Self::Bytes { base64 } => BASE64.decode(base64.as_bytes()).ok(),
        }
    }
}

impl Session {
    /// Read a session. A file that is not there begins one.
    ///
    /// # Errors
    ///
    /// [`Kind::Denied`], [`Kind::Io`] if it cannot be read or has more than 16 MiB; [`Kind::Usage`] if it is no session.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self> {
        let path = path.into();
        let refuse =
            |why: String| Error::new(Kind::Usage, Operation::Open, why).about(path.display());
        let (jar, credentials) = (CookieJar::new(), Credentials::new());
        let mut origins = BTreeMap::new();
        if let Some(text) = private_file::read(&path, LONGEST_FILE)? {
            let file: File = serde_json::from_slice(&text)
                .map_err(|error| refuse(format!("it is no session: {error}")))?;
            if file.version != 1 {
                return Err(refuse(format!(
                    "it is a session of version {}",
                    file.version
                )));
            }
            for cookie in file.cookies.into_iter().filter_map(KeptCookie::cookie) {
                if let Err(refusal) = jar.put(cookie) {
                    tracing::debug!("left out of the session: {refusal}");
                }
            }
            for (name, kept) in file.origins.into_iter().take(MOST_ORIGINS) {
                let origin = Url::parse(&name).ok().and_then(|url| url.origin());
                let origin =
                    origin.ok_or_else(|| refuse("it names an origin that is none".to_owned()))?;
                if let Some(credential) = &kept.credential {
                    credentials.insert(origin.clone(), credential.clone().into());
                }
                origins.insert(printed(&origin), kept);
            }
        }
        Ok(Self {
            path,
            jar,
            credentials,
            origins: Arc::new(Mutex::new(origins)),
        })
    }

    fn locked(&self) -> MutexGuard<'_, BTreeMap<String, Kept>> {
        // What is inside stays whole even if a thread panics between two of its lines.
        self.origins.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where it is kept.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its cookies: a client that has this jar fills it.
    pub fn cookies(&self) -> CookieJar {
        self.jar.clone()
    }

    /// Its secrets, each bound to its origin.
    pub fn credentials(&self) -> Credentials {
        self.credentials.clone()
    }

    /// Add the header lines that are kept for the origin of this request, where it has none of their name.
    ///
    /// # Errors
    ///
    /// [`Kind::Usage`] if the file has a line that cannot be sent.
    pub fn apply(&self, request: &mut Request) -> Result<()> {
        let Some(origin) = request.url.origin() else {
            return Ok(());
        };
        let kept = self
            .locked()
            .get(&printed(&origin))
            .cloned()
            .unwrap_or_default();
        let own: Vec<String> = request
            .headers
            .iter()
            .map(|field| field.name.to_ascii_lowercase())
            .collect();
        for (name, value) in &kept.headers {
            if !own.contains(&name.to_ascii_lowercase()) {
                let added = request.headers.append(name, value);
                added.map_err(|error| {
                    Error::new(Kind::Usage, Operation::Open, error.to_string())
                        .about(self.path.display())
                })?;
            }
        }
        Ok(())
    }

    /// Keep a credential and header lines for the origin of this URL. Lines stand in for those of their name; those that belong
    /// to one request alone are left out: `Content-…`, `If-…`, `Range`, `Cookie` and their like.
    pub fn remember(&self, url: &Url, credential: Option<&Credential>, headers: &Headers) {
        let Some(origin) = url.origin() else { return };
        let lines: Vec<(String, String)> = headers
            .iter()
            .filter(|field| is_lasting(field.name))
            .filter_map(|field| {
                let value = std::str::from_utf8(field.value).ok()?;
                Some((field.name.to_owned(), value.to_owned()))
            })
            .collect();
        if lines.is_empty() && credential.is_none() {
            return;
        }
        let mut origins = self.locked();
        if origins.len() >= MOST_ORIGINS && !origins.contains_key(&printed(&origin)) {
            return;
        }
        let kept = origins.entry(printed(&origin)).or_default();
        let named = |name: &str| lines.iter().any(|(it, _)| it.eq_ignore_ascii_case(name));
        kept.headers.retain(|(name, _)| !named(name));
        kept.headers.extend(lines);
        kept.headers.truncate(MOST_HEADERS);
        if let Some(credential) = credential {
            kept.credential = Some(credential.clone().into());
            self.credentials.insert(origin, credential.clone());
        }
    }

    /// Write it: as a whole or not at all, for its owner alone. Folders that are missing are made.
    ///
    /// # Errors
    ///
    /// [`Kind::Denied`], [`Kind::Io`] if it cannot be written.
    pub fn save(&self) -> Result<()> {
        let file = File {
            version: 1,
            cookies: self
                .jar
                .cookies()
                .into_iter()
                .map(KeptCookie::from)
                .collect(),
            origins: self.locked().clone(),
        };
        let fail = |error| Error::from_io(Operation::Write, error).about(self.path.display());
        let mut text = serde_json::to_vec_pretty(&file).map_err(|error| fail(error.into()))?;
        text.push(b'\n');
        if let Some(folder) = self
            .path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
        {
            private_file::make_folder(folder).map_err(fail)?;
        }
        private_file::write(&self.path, &text)
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

fn is_lasting(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let is_of_one =
        name.starts_with("content-") || name.starts_with("if-") || name.starts_with("proxy-");
    !is_of_one && !OF_ONE_REQUEST.contains(&&*name)
}

/// An origin as the file has it: a URL without a path.
fn printed(origin: &Origin) -> String {
    let scheme = origin.scheme;
    match scheme.default_port() == Some(origin.port) {
        true => format!("{}://{}", scheme.as_str(), origin.host),
        false => format!("{}://{}:{}", scheme.as_str(), origin.host, origin.port),
    }
}

impl From<Credential> for KeptCredential {
    fn from(credential: Credential) -> Self {
        match credential {
            Credential::Basic { user, password } => Self::Basic { user, password },
            Credential::Digest { user, password } => Self::Digest { user, password },
            Credential::Any { user, password } => Self::Any { user, password },
            Credential::Bearer(token) => Self::Bearer { token },
        }
    }
}

impl From<KeptCredential> for Credential {
    fn from(kept: KeptCredential) -> Self {
        match kept {
            KeptCredential::Basic { user, password } => Self::Basic { user, password },
            KeptCredential::Digest { user, password } => Self::Digest { user, password },
            KeptCredential::Any { user, password } => Self::Any { user, password },
            KeptCredential::Bearer { token } => Self::Bearer(token),
        }
    }
}

impl From<Cookie> for KeptCookie {
    fn from(cookie: Cookie) -> Self {
        Self {
            name: cookie.name.into(),
            value: cookie.value.into(),
            domain: cookie.domain,
            host_only: cookie.host_only,
            path: cookie.path,
            secure: cookie.secure,
            http_only: cookie.http_only,
            same_site: cookie.same_site.map(|it| it.as_str().to_owned()),
            expires: cookie.expires,
        }
    }
}

impl KeptCookie {
    fn cookie(self) -> Option<Cookie> {
        Some(Cookie {
            name: self.name.bytes()?,
            value: self.value.bytes()?,
            domain: super::canonical::of_text(&self.domain)?,
            host_only: self.host_only,
            path: self.path,
            secure: self.secure,
            http_only: self.http_only,
            same_site: self.same_site.and_then(|it| SameSite::parse(it.as_bytes())),
            expires: self.expires,
        })
    }
}
