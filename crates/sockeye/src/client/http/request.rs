//! What is asked for.

use std::time::Duration;

use serde::Serialize;
use sockeye_data::cookie;
use sockeye_data::http1::Headers;
use sockeye_data::url::{self, Url};

use super::auth::Credential;
use super::body::Body;
use super::client::Client;
use super::multipart::Multipart;
use super::response::Response;
use super::retry::Retry;
use super::settings::Versions;
use crate::error::{Error, Kind, Operation, Result};

/// A request: a method, a URL, header lines and a body.
///
/// Header lines go out as they are given here: their case, order and duplicates are kept. What a client adds (`Host`,
/// `User-Agent`, `Accept`, `Accept-Encoding`, and what the body needs) is added only if no line of that name is here.
#[derive(Debug)]
pub struct Request {
    pub(crate) method: String,
    pub(crate) url: Url,
    pub(crate) headers: Headers,
    pub(crate) without: Vec<String>,
    pub(crate) body: Body,
    pub(crate) credential: Option<Credential>,
    pub(crate) cookies: Vec<(Vec<u8>, Vec<u8>)>,
    pub(crate) exact: bool,
    pub(crate) timeout: Option<Duration>,
    pub(crate) versions: Option<Versions>,
    pub(crate) expect: Option<bool>,
    pub(crate) retry: Option<Retry>,
}

impl Request {
    /// A request for this URL.
    ///
    /// # Errors
    ///
    /// [`Kind::Usage`] if the method is no token (RFC 9110 section 9.1).
    pub fn new(method: impl Into<String>, url: Url) -> Result<Self> {
        let method = method.into();
        let is_token =
            |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if method.is_empty() || !method.bytes().all(is_token) {
            let why = format!("{method:?} is not a method");
            return Err(Error::new(Kind::Usage, Operation::Parse, why)
                .with_hint("methods are words such as GET, POST, PUT"));
        }
        Ok(Self {
            method,
            url,
            headers: Headers::new(),
            without: Vec::new(),
            body: Body::empty(),
            credential: None,
            cookies: Vec::new(),
            exact: false,
            timeout: None,
            versions: None,
            expect: None,
            retry: None,
        })
    }

    /// The method.
    pub fn method(&self) -> &str {
        &self.method
    }

    /// The URL.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The header lines that were given.
    pub fn headers(&self) -> &Headers {
        &self.headers
    }

    /// The header lines, to change them.
    pub fn headers_mut(&mut self) -> &mut Headers {
        &mut self.headers
    }

    /// The body.
    pub fn body(&self) -> &Body {
        &self.body
    }

    /// Send this body.
    pub fn set_body(&mut self, body: impl Into<Body>) {
        self.body = body.into();
    }

    /// Add this, which is encoded already, behind the query of the URL.
    ///
    /// # Errors
    ///
    /// [`Kind::Usage`] if no URL can have that.
    pub fn add_query(&mut self, encoded: &str) -> Result<()> {
        self.url = with_query(&self.url, encoded)?;
        Ok(())
    }

    /// Leave out a header that the client would add by itself.
    pub fn leave_out(&mut self, name: impl Into<String>) {
        self.without.push(name.into());
    }

    /// Send the path exactly as it was typed, and no header but those given here, `Host` and what frames the body.
    pub fn set_exact(&mut self, exact: bool) {
        self.exact = exact;
    }

    /// Prove with this who we are, to the origin of this request's URL and to no other.
    pub fn set_credential(&mut self, credential: Credential) {
        self.credential = Some(credential);
    }

    /// Send this cookie to the origin of this request's URL and to no other. It stands in for one of that name in the client's
    /// jar, until an answer sets it anew.
    ///
    /// # Errors
    ///
    /// [`Kind::Usage`] if it cannot stand in a `Cookie` header.
    pub fn add_cookie(&mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Result<()> {
        let (name, value) = (name.as_ref().to_vec(), value.as_ref().to_vec());
        cookie::check(&name, &value)
            .map_err(|fault| Error::new(Kind::Usage, Operation::Parse, fault.to_string()))?;
        self.cookies.push((name, value));
        Ok(())
    }

    /// How long everything may take, body included; as the client says by default.
    pub fn set_timeout(&mut self, timeout: Duration) {
        self.timeout = Some(timeout);
    }

    /// Which versions of HTTP may be spoken; as the client says by default.
    pub fn set_versions(&mut self, versions: Versions) {
        self.versions = Some(versions);
    }

    /// Whether the body waits until the server wants it (RFC 9110 section 10.1.1); by default it does if it is larger than
    /// 1 MiB or of unknown length.
    pub fn set_expect(&mut self, expect: bool) {
        self.expect = Some(expect);
    }

    /// How it is tried again; as the client says by default.
    pub fn set_retry(&mut self, retry: Retry) {
        self.retry = Some(retry);
    }
}

/// Builds a request step by step. What is wrong shows when it is sent.
#[derive(Debug)]
#[must_use = "a request that is not sent does nothing"]
pub struct RequestBuilder {
    client: Client,
    request: Result<Request>,
}

impl RequestBuilder {
    pub(crate) fn new(client: Client, method: &str, url: &str) -> Self {
        let url = Url::parse_typed(url).map_err(|error| {
            Error::new(Kind::Usage, Operation::Parse, format!("{error}"))
                .with_hint("a URL looks like http://host/path")
        });
        Self {
            client,
            request: url.and_then(|url| Request::new(method, url)),
        }
    }

    fn change(mut self, change: impl FnOnce(&mut Request) -> Result<()>) -> Self {
        self.request = self.request.and_then(|mut request| {
            change(&mut request)?;
            Ok(request)
        });
        self
    }

    /// Add a header line.
    pub fn header(self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Self {
        self.change(|request| {
            let added = request.headers.append(name, value);
            added.map_err(|error| Error::new(Kind::Usage, Operation::Parse, error.to_string()))
        })
    }

    /// Add these to the query of the URL.
    pub fn query<N: AsRef<[u8]>, V: AsRef<[u8]>>(
        self,
        pairs: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        self.change(|request| {
            request.url = with_query(&request.url, &url::query::query(pairs))?;
            Ok(())
        })
    }

    /// Send this body.
    pub fn body(self, body: impl Into<Body>) -> Self {
        self.change(|request| {
            request.body = body.into();
            Ok(())
        })
    }

    /// Send this as JSON, and ask for JSON.
    pub fn json(self, value: &(impl Serialize + ?Sized)) -> Self {
        self.change(|request| {
            let bytes = serde_json::to_vec(value).map_err(|error| {
                let why = format!("it cannot be written as JSON: {error}");
                Error::new(Kind::Usage, Operation::Parse, why)
            })?;
            request.body = Body::bytes(bytes).with_media_type("application/json");
            if !request.headers.contains("accept") {
                // Neither name nor value can be refused.
                drop(
                    request
                        .headers
                        .append("Accept", "application/json, */*;q=0.5"),
                );
            }
            Ok(())
        })
    }

    /// Send these as a form does (`application/x-www-form-urlencoded`).
    pub fn form<N: AsRef<[u8]>, V: AsRef<[u8]>>(
        self,
        pairs: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        self.change(|request| {
            request.body = Body::bytes(url::query::form(pairs))
                .with_media_type("application/x-www-form-urlencoded");
            Ok(())
        })
    }

    /// Send these parts as a form with files does (`multipart/form-data`, RFC 7578).
    pub fn multipart(self, parts: Multipart) -> Self {
        self.change(|request| {
            request.body = parts.into_body()?;
            Ok(())
        })
    }

    /// Prove who we are with a user and a password (RFC 7617), to the origin of this URL and to no other.
    pub fn basic_auth(self, user: impl Into<String>, password: impl Into<String>) -> Self {
        let (user, password) = (user.into(), password.into());
        self.credential(Credential::Basic { user, password })
    }

    /// Prove who we are with a token (RFC 6750), to the origin of this URL and to no other.
    pub fn bearer(self, token: impl Into<String>) -> Self {
        self.credential(Credential::Bearer(token.into()))
    }

    /// Prove with this who we are, to the origin of this URL and to no other.
    pub fn credential(self, credential: Credential) -> Self {
        self.change(|request| {
            request.credential = Some(credential);
            Ok(())
        })
    }

    /// Send this cookie to the origin of this URL and to no other: see [`Request::add_cookie`].
    pub fn cookie(self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Self {
        self.change(|request| request.add_cookie(name, value))
    }

    /// Send the path exactly as it was typed, and no header but those given here, `Host` and what frames the body.
    pub fn exact(self) -> Self {
        self.change(|request| {
            request.exact = true;
            Ok(())
        })
    }

    /// How long everything may take, body included.
    pub fn timeout(self, timeout: Duration) -> Self {
        self.change(|request| {
            request.timeout = Some(timeout);
            Ok(())
        })
    }

    /// Which versions of HTTP may be spoken.
    pub fn versions(self, versions: Versions) -> Self {
        self.change(|request| {
            request.versions = Some(versions);
            Ok(())
        })
    }

    /// The request, to be looked at or changed before it is sent.
    ///
    /// # Errors
    ///
    /// [`Kind::Usage`] for whatever was wrong in the steps before.
    pub fn build(self) -> Result<Request> {
        self.request
    }

    /// Send it, and wait for the head of the answer.
    ///
    /// # Errors
    ///
    /// As [`Client::send`], and those of [`RequestBuilder::build`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the connection it was sent on.
    pub async fn send(self) -> Result<Response> {
        self.client.send(self.request?).await
    }
}

/// The URL with this behind its query.
fn with_query(url: &Url, more: &str) -> Result<Url> {
    if more.is_empty() {
        return Ok(url.clone());
    }
    let typed = url.typed();
    let (before, fragment) = match typed.split_once('#') {
        Some((before, fragment)) => (before, format!("#{fragment}")),
        None => (typed, String::new()),
    };
    let mark = match before.split_once('?') {
        Some((_, "")) => "",
        Some(_) => "&",
        None => "?",
    };
    Url::parse(&format!("{before}{mark}{more}{fragment}"))
        .map_err(|error| Error::new(Kind::Usage, Operation::Parse, error.to_string()))
}
