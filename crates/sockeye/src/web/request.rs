//! Requests as handlers see them.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use sockeye_data::http1::{Headers, RequestHead};
use tokio_util::sync::CancellationToken;

use super::body::Body;
use super::trail::Trail;
use crate::endpoint::Endpoint;
use crate::net::Secured;
use crate::wire::ConnectionId;

/// A request that is to be answered.
pub struct Request {
    head: Arc<RequestHead>,
    /// The body; empty unless the request has one.
    pub body: Body,
    client: Arc<Client>,
    more: Option<Box<More>>,
}

/// What few requests have.
#[derive(Default)]
struct More {
    params: Vec<(String, String)>,
    user: Option<String>,
    trail: Option<Trail>,
    base: usize,
    rights: Option<Arc<Rights>>,
    uploads: bool,
}

/// Whether this user may read (`false`) or write (`true`) what is at this path, decoded and with a slash at its beginning.
pub(super) type Rights = dyn Fn(bool, &[u8]) -> bool + Send + Sync;

/// Who asks, and where: the same for all requests of one connection.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Client {
    /// The connection, as the wire view numbers it.
    pub connection: ConnectionId,
    /// The client's address, if it has one: a client on a Unix socket has none.
    pub address: Option<SocketAddr>,
    /// The client's own name for its end, if the carrier has names.
    pub peer: Option<Box<Endpoint>>,
    /// Where we listen.
    pub server: Option<Arc<Endpoint>>,
    /// What TLS agreed on, if TLS is spoken.
    pub secured: Option<Box<Secured>>,
    /// `h2` or `http/1.1`.
    pub protocol: &'static str,
    pub(super) stop: Option<CancellationToken>,
}

impl Client {
    /// Cancelled when the server is to stop: an answer that goes on and on ends then. Never cancelled for requests that come from
    /// nowhere.
    pub fn stopping(&self) -> CancellationToken {
        self.stop.clone().unwrap_or_default()
    }
}

impl Request {
    pub(super) fn new(head: Arc<RequestHead>, body: Body, client: Arc<Client>) -> Self {
        Self {
            head,
            body,
            client,
            more: None,
        }
    }

    /// A request that comes from nowhere, for tests and for asking a handler directly.
    ///
    /// # Examples
    ///
    /// ```
    /// use sockeye::web::Request;
    ///
    /// let request = Request::made("GET", "/a%20b?c=d");
    /// assert_eq!((request.path(), request.query()), ("/a%20b", Some("c=d")));
    /// ```
    pub fn made(method: &str, target: &str) -> Self {
        let mut headers = Headers::new();
        // A constant that is a good header.
        let _ = headers.append("Host", "localhost");
        let head = RequestHead::new(method, target, headers);
        Self::new(Arc::new(head), Body::empty(), Arc::default())
    }

    /// The same request with one more header line.
    ///
    /// # Errors
    ///
    /// A name or a value that no header line can have.
    pub fn with_header(
        mut self,
        name: &str,
        value: impl AsRef<[u8]>,
    ) -> Result<Self, sockeye_data::http1::Error> {
        self.head_mut().headers.append(name, value)?;
        Ok(self)
    }

    /// The same request with this body.
    pub fn with_body(mut self, body: impl Into<Body>) -> Self {
        self.body = body.into();
        self
    }

    /// The method; its case matters.
    pub fn method(&self) -> &str {
        &self.head.method
    }

    /// Whether the answer goes without its body.
    pub fn is_head(&self) -> bool {
        self.head.method == "HEAD"
    }

    /// The head as it came: exact target, version, header lines.
    pub fn head(&self) -> &RequestHead {
        &self.head
    }

    /// The head, to be changed.
    pub fn head_mut(&mut self) -> &mut RequestHead {
        Arc::make_mut(&mut self.head)
    }

    /// The header lines.
    pub fn headers(&self) -> &Headers {
        &self.head.headers
    }

    /// The path with its percent codes, as it came; `/` if the target is a URL without one, `*` for `OPTIONS *`.
    pub fn path(&self) -> &str {
        let (path, _) = split_target(&self.head.target);
        path
    }

    /// What follows the first `?` of the target, as it came.
    pub fn query(&self) -> Option<&str> {
        let (_, query) = split_target(&self.head.target);
        query
    }

    /// The first value of this name in the query, decoded.
    pub fn query_value(&self, name: &str) -> Option<String> {
        let pairs = sockeye_data::url::query::parse(self.query()?);
        pairs
            .into_iter()
            .find(|(key, _)| key == name.as_bytes())
            .map(|(_, value)| String::from_utf8_lossy(&value).into_owned())
    }

    /// The host and perhaps the port that the client meant: of the target if that is a whole URL, else of `Host`
    /// (RFC 9112 section 3.3).
    pub fn host(&self) -> Option<&str> {
        match absolute(&self.head.target) {
            Some((authority, _)) => Some(authority),
            None => self.head.headers.get_str("host"),
        }
    }

    /// Who asks, and where.
    pub fn client(&self) -> &Arc<Client> {
        &self.client
    }

    /// The part of the path that a route took: all before what is left for this handler.
    pub fn base(&self) -> &str {
        let base = self.more.as_ref().map_or(0, |more| more.base);
        self.path().get(..base).unwrap_or_default()
    }

    /// The part of the path that is left for this handler; it begins with `/` or is empty.
    pub fn rest(&self) -> &str {
        let base = self.more.as_ref().map_or(0, |more| more.base);
        self.path().get(base..).unwrap_or_default()
    }

    /// The target is another one now: nothing of its path is settled.
    pub(super) fn start_over(&mut self) {
        if let Some(more) = &mut self.more {
            more.base = 0;
            more.params.clear();
        }
    }

    /// So many bytes of the path are settled.
    pub(super) fn set_base(&mut self, bytes: usize) {
        self.more().base = bytes;
    }

    /// A piece of the path that a route named.
    pub fn param(&self, name: &str) -> Option<&str> {
        let params = &self.more.as_ref()?.params;
        let (_, value) = params.iter().rfind(|(key, _)| key == name)?;
        Some(value)
    }

    /// More pieces of the path; of two with one name the later one counts.
    pub(super) fn add_params(&mut self, params: Vec<(String, String)>) {
        if !params.is_empty() {
            self.more().params.extend(params);
        }
    }

    /// The user that proved to be one, if accounts are asked for.
    pub fn user(&self) -> Option<&str> {
        self.more.as_ref()?.user.as_deref()
    }

    /// Say who this is.
    pub fn set_user(&mut self, user: impl Into<String>) {
        self.more().user = Some(user.into());
    }

    /// Whether the rules let this user read what is at another path: decoded, with a slash at its beginning. For handlers
    /// that show more than was asked for: a folder with what is below it.
    pub fn may_read(&self, path: &[u8]) -> bool {
        self.may(false, path)
    }

    /// Whether there are rules on what this user may do.
    pub(super) fn is_restricted(&self) -> bool {
        self.more.as_ref().is_some_and(|more| more.rights.is_some())
    }

    /// Whether the rules let this user write there, see [`Request::may_read`].
    pub fn may_write(&self, path: &[u8]) -> bool {
        self.may(true, path)
    }

    fn may(&self, write: bool, path: &[u8]) -> bool {
        let rights = self.more.as_ref().and_then(|more| more.rights.as_ref());
        rights.is_none_or(|may| may(write, path))
    }

    /// Say what this user may do. Further rules do not lift earlier ones.
    pub(super) fn set_rights(&mut self, rights: Arc<Rights>) {
        let more = self.more();
        more.rights = Some(match more.rights.take() {
            Some(before) => {
                Arc::new(move |write, path: &[u8]| before(write, path) && rights(write, path))
            }
            None => rights,
        });
    }

    /// Whether files can be uploaded to this folder by this user, so that its page can offer it.
    pub fn takes_uploads(&self) -> bool {
        self.more.as_ref().is_some_and(|more| more.uploads)
    }

    /// Say that files can be uploaded here.
    pub(super) fn set_takes_uploads(&mut self) {
        self.more().uploads = true;
    }

    /// Ask for notes on how this request is answered.
    pub fn set_trail(&mut self, trail: Trail) {
        self.more().trail = Some(trail);
    }

    /// Leave a note if somebody asked for notes; `text` is made only then.
    pub fn note(&self, rule: &'static str, text: impl FnOnce() -> String) {
        if let Some(trail) = self.trail() {
            trail.note(rule, text());
        }
    }

    /// Where notes go, if somebody asked for notes.
    pub fn trail(&self) -> Option<&Trail> {
        self.more.as_ref()?.trail.as_ref()
    }

    fn more(&mut self) -> &mut More {
        self.more.get_or_insert_default()
    }
}

/// Path and query of a target.
fn split_target(target: &[u8]) -> (&str, Option<&str>) {
    let rest = match absolute(target) {
        Some((_, "")) => "/",
        Some((_, rest)) => rest,
        None => std::str::from_utf8(target).unwrap_or("/"),
    };
    match rest.split_once('?') {
        Some(("", query)) => ("/", Some(query)),
        Some((path, query)) => (path, Some(query)),
        None => (rest, None),
    }
}

/// Authority and the rest of a target that is a whole URL.
fn absolute(target: &[u8]) -> Option<(&str, &str)> {
    if target.starts_with(b"/") {
        return None;
    }
    let (_, after) = std::str::from_utf8(target).ok()?.split_once("://")?;
    let end = after.find(['/', '?']).unwrap_or(after.len());
    Some(after.split_at(end))
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("head", &self.head)
            .field("body", &self.body)
            .finish_non_exhaustive()
    }
}
