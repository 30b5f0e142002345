//! Responses as handlers make them.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use sockeye_data::http1::{Error, Headers};

use super::body::{Body, BodyError};
use crate::net::Stream;

/// The answer to a request.
///
/// Length, chunks, `Date` and `Connection` are the server's affair. HEAD, 204 and 304 go out without the body.
///
/// # Examples
///
/// ```
/// use sockeye::web::Response;
///
/// let made = Response::new(201).header("Location", "/notes/7").with_body("made\n");
/// assert_eq!((made.status(), made.headers().get_str("location")), (201, Some("/notes/7")));
/// ```
pub struct Response {
    status: u16,
    headers: Headers,
    /// Lines that many answers share.
    shared: Option<Arc<Headers>>,
    /// The body.
    pub body: Body,
    more: Option<Box<More>>,
}

/// What few responses have.
#[derive(Default)]
struct More {
    upgrade: Option<Upgrade>,
    abort: bool,
    user: Option<String>,
}

/// What goes on with the connection after a 101.
pub(super) type Upgrade =
    Box<dyn FnOnce(Stream) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send>;

impl Response {
    /// A response without headers and body. A status outside 200 to 999 becomes 500.
    pub fn new(status: u16) -> Self {
        Self {
            status: final_status(status),
            headers: Headers::new(),
            shared: None,
            body: Body::empty(),
            more: None,
        }
    }

    /// Plain text in UTF-8.
    pub fn text(text: impl Into<String>) -> Self {
        Self::typed("text/plain; charset=utf-8", text.into())
    }

    /// A page in UTF-8.
    pub fn html(page: impl Into<String>) -> Self {
        Self::typed("text/html; charset=utf-8", page.into())
    }

    /// A value as JSON; one that JSON cannot carry (a map whose keys are no text, say) becomes a 500.
    pub fn json(value: &impl serde::Serialize) -> Self {
        match serde_json::to_vec(value) {
            Ok(json) => Self::typed("application/json", json),
            Err(_) => Self::error(500, "the answer cannot be written as JSON"),
        }
    }

    /// A body of this media type.
    pub fn typed(media_type: &str, body: impl Into<Body>) -> Self {
        Self::new(200)
            .header("Content-Type", media_type)
            .with_body(body)
    }

    /// What went wrong, as one line of text.
    pub fn error(status: u16, why: impl fmt::Display) -> Self {
        Self::text(format!("{why}\n"))
            .header("X-Content-Type-Options", "nosniff")
            .with_status(status)
    }

    /// The client is to go there instead: 301, 302, 303, 307 or 308.
    pub fn redirect(status: u16, location: &str) -> Self {
        Self::new(status).header("Location", location)
    }

    /// The client and this handler go on over the connection with a protocol of their own (RFC 9110 section 7.8): the
    /// answer is 101 with this `Upgrade`, then `conversation` has the stream. Only HTTP/1.1 can do this; over HTTP/2 the
    /// client gets 501 instead.
    pub fn upgrade<F>(
        protocol: &str,
        conversation: impl FnOnce(Stream) -> F + Send + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let mut response = Self::new(200).header("Upgrade", protocol);
        response.status = 101;
        response.more().upgrade = Some(Box::new(move |stream| Box::pin(conversation(stream))));
        response
    }

    /// The connection is broken off instead of an answer: whoever fails in the middle of things must not seem to be done.
    pub fn abort() -> Self {
        let mut response = Self::new(500);
        response.more().abort = true;
        response
    }

    /// The status.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The same response with another status; one outside 200 to 999 becomes 500.
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = final_status(status);
        self
    }

    /// The same response with this body.
    pub fn with_body(mut self, body: impl Into<Body>) -> Self {
        self.body = body.into();
        self
    }

    /// The same response with one more header line. A line that cannot be written (a line break in its value, say) turns
    /// the response into a 500, so that nothing foreign gets into the head: what may fail belongs into
    /// [`Response::try_header`].
    pub fn header(self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.try_header(name, value).unwrap_or_else(|error| {
            Self::error(500, format_args!("a header cannot be written: {error}"))
        })
    }

    /// The same response with one more header line.
    ///
    /// # Errors
    ///
    /// A name or a value that no header line can have.
    pub fn try_header(mut self, name: &str, value: impl AsRef<[u8]>) -> Result<Self, Error> {
        self.headers.append(name, value)?;
        Ok(self)
    }

    /// The same response with lines that are made once for many answers.
    pub(crate) fn with_shared(mut self, headers: Arc<Headers>) -> Self {
        self.shared = Some(headers);
        self
    }

    /// The header lines of this answer alone, see [`Response::all_headers`].
    pub fn headers(&self) -> &Headers {
        &self.headers
    }

    /// The header lines, to be changed.
    pub fn headers_mut(&mut self) -> &mut Headers {
        if let Some(shared) = self.shared.take() {
            let own = std::mem::replace(&mut self.headers, Headers::clone(&shared));
            for field in own.iter() {
                // Was a good line before.
                let _ = self.headers.append_line(field.line);
            }
        }
        &mut self.headers
    }

    /// Both lists of header lines: those that many answers share, and those of this answer.
    pub fn all_headers(&self) -> [&Headers; 2] {
        static NONE: std::sync::LazyLock<Headers> = std::sync::LazyLock::new(Headers::new);
        [self.shared.as_deref().unwrap_or(&NONE), &self.headers]
    }

    /// The first value of this name, in either list.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.all_headers()
            .into_iter()
            .find_map(|headers| headers.get(name))
    }

    /// [`Response::get`], if it is text.
    pub fn get_str(&self, name: &str) -> Option<&str> {
        std::str::from_utf8(self.get(name)?).ok()
    }

    pub(super) fn take_upgrade(&mut self) -> Option<Upgrade> {
        self.more.as_mut()?.upgrade.take()
    }

    pub(super) fn is_upgrade(&self) -> bool {
        self.more
            .as_ref()
            .is_some_and(|more| more.upgrade.is_some())
    }

    pub(super) fn is_abort(&self) -> bool {
        self.more.as_ref().is_some_and(|more| more.abort)
    }

    /// For whom this is, for the log.
    pub(crate) fn for_user(mut self, user: impl Into<String>) -> Self {
        self.more().user = Some(user.into());
        self
    }

    pub(super) fn user(&self) -> Option<&str> {
        self.more.as_ref()?.user.as_deref()
    }

    fn more(&mut self) -> &mut More {
        self.more.get_or_insert_default()
    }
}

/// A status that an answer can end with.
fn final_status(status: u16) -> u16 {
    match status {
        200..=999 => status,
        _ => 500,
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.status)
            .field("headers", &self.all_headers())
            .field("body", &self.body)
            .finish_non_exhaustive()
    }
}

/// What a handler may return.
pub trait IntoResponse {
    /// The response it stands for.
    fn into_response(self) -> Response;
}

impl IntoResponse for Response {
    fn into_response(self) -> Response {
        self
    }
}

impl IntoResponse for &'static str {
    fn into_response(self) -> Response {
        Response::text(self)
    }
}

impl IntoResponse for String {
    fn into_response(self) -> Response {
        Response::text(self)
    }
}

impl IntoResponse for BodyError {
    fn into_response(self) -> Response {
        Response::error(self.status(), self)
    }
}

/// An error is logged nowhere and told to nobody but the client, so it should be fit for them.
impl<T: IntoResponse, E: IntoResponse> IntoResponse for Result<T, E> {
    fn into_response(self) -> Response {
        match self {
            Ok(good) => good.into_response(),
            Err(bad) => bad.into_response(),
        }
    }
}
