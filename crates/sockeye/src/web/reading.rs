//! Requests as values: JSON, forms, text, cookies; and what a client is told whose request is none of that.

use std::fmt;

use serde::de::DeserializeOwned;
use sockeye_data::fields::MediaType;
use sockeye_data::{cookie, url};

use super::body::BodyError;
use super::request::Request;
use super::response::{IntoResponse, Response};

/// Why a request is not what its handler needs. As a response: its status, and the reason as one line of text.
#[derive(Debug)]
pub struct Problem {
    status: u16,
    why: String,
}

impl Problem {
    /// A refusal of one's own; the client reads the reason.
    pub fn new(status: u16, why: impl fmt::Display) -> Self {
        Self {
            status,
            why: why.to_string(),
        }
    }

    /// The status that the client gets.
    pub fn status(&self) -> u16 {
        self.status
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}

impl std::error::Error for Problem {}

impl From<BodyError> for Problem {
    fn from(error: BodyError) -> Self {
        Self::new(error.status(), error)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        Response::error(self.status, self.why)
    }
}

/// The fields of a form, in the order in which they came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Form(Vec<(String, String)>);

impl Form {
    /// The first value of this name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// All values of this name.
    pub fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        let named = self.0.iter().filter(move |(key, _)| key == name);
        named.map(|(_, value)| value.as_str())
    }

    /// All fields: names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl Request {
    /// The body, at most this many bytes, as a value of JSON.
    ///
    /// # Errors
    ///
    /// 415 unless `Content-Type` is one of JSON (`application/json`, `...+json`), 413 for a larger body, 400 for one that is not
    /// JSON or not such a value; the reason says where.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: what was read is lost.
    ///
    /// # Examples
    ///
    /// ```
    /// use sockeye::web::{Problem, Request, Response, TestClient};
    ///
    /// #[derive(serde::Deserialize)]
    /// struct Note { text: String }
    ///
    /// async fn add(mut request: Request) -> Result<Response, Problem> {
    ///     let note: Note = request.json(64 << 10).await?;
    ///     Ok(Response::text(note.text).with_status(201))
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let mut client = TestClient::new(add);
    /// let added = client.post_json("/", &serde_json::json!({"text": "tea"})).await;
    /// assert_eq!((added.status(), &*added.text()), (201, "tea"));
    /// let refused = client.post_json("/", &serde_json::json!({"txt": 1})).await;
    /// assert_eq!(refused.status(), 400);
    /// assert_eq!(refused.text(), "the body is not the JSON that is wanted: missing field `text` at line 1 column 9\n");
    /// # }
    /// ```
    pub async fn json<T: DeserializeOwned>(&mut self, limit: u64) -> Result<T, Problem> {
        if !self.media_type()?.is_some_and(|media| media.is_json()) {
            return Err(Problem::new(415, "the body has to be application/json"));
        }
        let bytes = self.whole_body(limit).await?;
        serde_json::from_slice(&bytes).map_err(|error| {
            Problem::new(
                400,
                format_args!("the body is not the JSON that is wanted: {error}"),
            )
        })
    }

    /// The body, at most this many bytes, as the fields of a form (`application/x-www-form-urlencoded`).
    ///
    /// # Errors
    ///
    /// 415 for another media type, 413 for a larger body, 400 for names or values that are not UTF-8.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: what was read is lost.
    ///
    /// # Examples
    ///
    /// ```
    /// use sockeye::web::Request;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let request = Request::made("POST", "/").with_body("tea=green&tea=mint&sugar=");
    /// let mut request = request.with_header("Content-Type", "application/x-www-form-urlencoded").unwrap();
    /// let form = request.form(1024).await.unwrap();
    /// assert_eq!((form.get("tea"), form.all("tea").count(), form.get("milk")), (Some("green"), 2, None));
    /// # }
    /// ```
    pub async fn form(&mut self, limit: u64) -> Result<Form, Problem> {
        const FORM: &str = "application/x-www-form-urlencoded";
        if self
            .media_type()?
            .is_none_or(|media| media.essence() != FORM)
        {
            return Err(Problem::new(415, format_args!("the body has to be {FORM}")));
        }
        let text = self.text(limit).await?;
        let utf8 = |bytes| {
            String::from_utf8(bytes).map_err(|_| Problem::new(400, "the form is not in UTF-8"))
        };
        let pairs = url::query::parse(&text).into_iter();
        let pairs = pairs.map(|(name, value)| Ok((utf8(name)?, utf8(value)?)));
        Ok(Form(pairs.collect::<Result<_, Problem>>()?))
    }

    /// The body, at most this many bytes, as text in UTF-8, whatever its media type.
    ///
    /// # Errors
    ///
    /// 415 for a charset that is neither UTF-8 nor ASCII, 413 for a larger body, 400 for one that is not UTF-8.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: what was read is lost.
    pub async fn text(&mut self, limit: u64) -> Result<String, Problem> {
        let media = self.media_type()?;
        let charset = media.as_ref().and_then(MediaType::charset);
        let is_ours = |name: &str| {
            ["utf-8", "utf8", "us-ascii"]
                .iter()
                .any(|our| name.eq_ignore_ascii_case(our))
        };
        if !charset.is_none_or(is_ours) {
            return Err(Problem::new(415, "the body has to be in UTF-8"));
        }
        let bytes = self.whole_body(limit).await?;
        match String::from_utf8(bytes.to_vec()) {
            Ok(text) => Ok(text),
            Err(error) => {
                let at = error.utf8_error().valid_up_to();
                Err(Problem::new(
                    400,
                    format_args!("the body is not UTF-8 at byte {at}"),
                ))
            }
        }
    }

    async fn whole_body(&mut self, limit: u64) -> Result<bytes::Bytes, Problem> {
        self.body.set_limit(limit);
        Ok(self.body.bytes(limit).await?)
    }

    /// The media type of the body; `None` if nothing says it.
    ///
    /// # Errors
    ///
    /// 415 for one that is none, or for a body with a content coding, which nobody undoes here.
    pub fn media_type(&self) -> Result<Option<MediaType>, Problem> {
        let mut codings = self.headers().list("content-encoding");
        if codings.any(|coding| !coding.eq_ignore_ascii_case(b"identity")) {
            return Err(Problem::new(
                415,
                "the body has to come without a content coding",
            ));
        }
        let Some(value) = self.headers().get("content-type") else {
            return Ok(None);
        };
        let media = MediaType::parse(value);
        let media = media.ok_or_else(|| Problem::new(415, "the Content-Type is no media type"));
        media.map(Some)
    }

    /// The cookies that came: names and values, in their order (RFC 6265 section 5.4). What is not UTF-8 is left out.
    pub fn cookies(&self) -> impl Iterator<Item = (&str, &str)> {
        let pairs = self.headers().all("cookie").flat_map(cookie::pairs);
        pairs.filter_map(|(name, value)| {
            Some((
                std::str::from_utf8(name).ok()?,
                std::str::from_utf8(value).ok()?,
            ))
        })
    }

    /// The first cookie of this name.
    pub fn cookie(&self, name: &str) -> Option<&str> {
        let mut cookies = self.cookies();
        cookies.find_map(|(key, value)| (key == name).then_some(value))
    }

    /// The last event that a client of [`Events`](super::Events) saw before its connection broke (`Last-Event-ID`).
    pub fn last_event_id(&self) -> Option<&str> {
        self.headers().get_str("last-event-id")
    }
}

/// A cookie for the client.
///
/// Unless something else is said, it holds for all paths of this very host, until the browser is closed; scripts do not see it
/// (`HttpOnly`), it goes over TLS only (`Secure`; browsers make an exception for localhost), and other sites' forms and pictures
/// do not send it (`SameSite=Lax`).
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use sockeye::web::{Response, SetCookie};
///
/// let week = Duration::from_secs(7 * 24 * 60 * 60);
/// let response = Response::new(204).cookie(SetCookie::new("session", "x1").lasting(week));
/// let line = "session=x1; Path=/; HttpOnly; Secure; SameSite=Lax; Max-Age=604800";
/// assert_eq!(response.get_str("set-cookie"), Some(line));
/// ```
#[derive(Clone, Debug)]
pub struct SetCookie {
    name: String,
    value: String,
    path: String,
    domain: Option<String>,
    seconds: Option<u64>,
    scripts: bool,
    plain: bool,
    same_site: cookie::SameSite,
}

impl SetCookie {
    /// A cookie with this name and value.
    pub fn new(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            value: value.into(),
            path: "/".into(),
            domain: None,
            seconds: None,
            scripts: false,
            plain: false,
            same_site: cookie::SameSite::Lax,
        }
    }

    /// What takes a cookie away; name and path have to be those with which it was set.
    pub fn removal(name: impl Into<String>) -> Self {
        Self::new(name, "").lasting(std::time::Duration::ZERO)
    }

    /// It holds beneath this path only.
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }

    /// It goes to this host and all beneath it, not to this very host alone.
    pub fn domain(mut self, domain: impl Into<String>) -> Self {
        self.domain = Some(domain.into());
        self
    }

    /// The client keeps it for so long, in whole seconds.
    pub fn lasting(mut self, time: std::time::Duration) -> Self {
        self.seconds = Some(time.as_secs());
        self
    }

    /// With which requests from other sites it is sent.
    pub fn same_site(mut self, rule: cookie::SameSite) -> Self {
        self.same_site = rule;
        self
    }

    /// Scripts of the page may read it.
    pub fn for_scripts(mut self) -> Self {
        self.scripts = true;
        self
    }

    /// It goes over connections without TLS too, where anybody on the way can read it.
    pub fn without_secure(mut self) -> Self {
        self.plain = true;
        self
    }

    /// The value of `Set-Cookie`; `None` if a part of it cannot be written: one with `;`, a control character, a blank in the
    /// name, or more than what is said of a name with the prefix `__Host-` or `__Secure-` (RFC 6265bis section 4.1.3).
    fn line(&self) -> Option<String> {
        cookie::check(self.name.as_bytes(), self.value.as_bytes()).ok()?;
        let is_name = |byte: u8| byte.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?={}".contains(&byte);
        let is_value = |byte: u8| byte.is_ascii_graphic() && !b"\",;\\".contains(&byte);
        let is_attribute = |text: &str| {
            text.bytes()
                .all(|byte| (b' '..0x7f).contains(&byte) && byte != b';')
        };
        let is_written = !self.name.is_empty()
            && self.name.bytes().all(is_name)
            && self.value.bytes().all(is_value)
            && is_attribute(&self.path)
            && self.domain.as_deref().is_none_or(is_attribute);
        let keeps_promise = match cookie::Prefix::of(self.name.as_bytes()) {
            Some(cookie::Prefix::Host) => !self.plain && self.domain.is_none() && self.path == "/",
            Some(cookie::Prefix::Secure) => !self.plain,
            None => true,
        };
        if !is_written || !keeps_promise {
            return None;
        }
        let mut line = format!("{}={}; Path={}", self.name, self.value, self.path);
        if let Some(domain) = &self.domain {
            line.push_str("; Domain=");
            line.push_str(domain);
        }
        if !self.scripts {
            line.push_str("; HttpOnly");
        }
        if !self.plain {
            line.push_str("; Secure");
        }
        line.push_str("; SameSite=");
        line.push_str(self.same_site.as_str());
        if let Some(seconds) = self.seconds {
            line.push_str(&format!("; Max-Age={seconds}"));
        }
        Some(line)
    }
}

impl Response {
    /// The same response with this cookie. One that cannot be written as it is (with a blank or a quote in its value, say: encode
    /// it) turns the response into a 500, so that nothing foreign gets into the head.
    pub fn cookie(self, cookie: SetCookie) -> Self {
        match cookie.line() {
            Some(line) => self.header("Set-Cookie", line),
            None => Self::error(500, "a cookie cannot be written"),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn request(media_type: &str, body: &'static [u8]) -> Request {
        let request = Request::made("POST", "/").with_body(body);
        request.with_header("Content-Type", media_type).unwrap()
    }

    #[tokio::test]
    async fn what_is_no_json_is_refused_by_its_kind() {
        for (media_type, body, status) in [
            ("application/json", &b"7"[..], 200),
            ("application/problem+json; charset=utf-8", b"7", 200),
            ("text/plain", b"7", 415),
            ("nonsense", b"7", 415),
            ("application/json", b"", 400),
            ("application/json", b"\xff", 400),
            ("application/json", b"7, 8", 400),
            ("application/json", b"12345678901234567", 413),
        ] {
            let read: Result<u64, Problem> = request(media_type, body).json(16).await;
            let got = read.map_or_else(|problem| problem.status(), |_| 200);
            assert_eq!(got, status, "{media_type} {body:?}");
        }
        let coded = request("application/json", b"7");
        let mut coded = coded.with_header("Content-Encoding", "gzip").unwrap();
        assert_eq!(coded.json::<u64>(16).await.unwrap_err().status(), 415);
        let mut bare = Request::made("POST", "/").with_body("7");
        assert_eq!(bare.json::<u64>(16).await.unwrap_err().status(), 415);
    }

    #[tokio::test]
    async fn text_and_forms_are_utf8_or_refused() {
        let mut text = request("text/plain", "tëa".as_bytes());
        assert_eq!(text.text(9).await.unwrap(), "tëa");
        let refused = request("text/plain", b"ab\xff").text(9).await.unwrap_err();
        assert_eq!(
            (refused.status(), refused.to_string()),
            (400, "the body is not UTF-8 at byte 2".to_owned())
        );
        let mut latin = request("text/plain; charset=latin1", b"a");
        assert_eq!(latin.text(9).await.unwrap_err().status(), 415);
        let form = "application/x-www-form-urlencoded";
        assert_eq!(
            request(form, b"a=%ff").form(9).await.unwrap_err().status(),
            400
        );
        assert_eq!(
            request(form, b"a=1234567")
                .form(8)
                .await
                .unwrap_err()
                .status(),
            413
        );
        let fields = request(form, b"a=1&b=x+y").form(99).await.unwrap();
        assert_eq!(
            fields.iter().collect::<Vec<_>>(),
            [("a", "1"), ("b", "x y")]
        );
        assert_eq!(
            request("text/csv", b"a=1")
                .form(9)
                .await
                .unwrap_err()
                .status(),
            415
        );
    }

    #[test]
    fn cookies_are_read_from_all_their_lines() {
        let request = Request::made("GET", "/").with_header("Cookie", "a=1; b=2");
        let request = request
            .unwrap()
            .with_header("Cookie", "a=3; c=\"x\"")
            .unwrap();
        assert_eq!(request.cookie("a"), Some("1"));
        assert_eq!(request.cookie("c"), Some("\"x\""));
        assert_eq!((request.cookies().count(), request.cookie("d")), (4, None));
    }

    #[test]
    fn a_cookie_that_cannot_be_written_is_a_500() {
        let set = |cookie| Response::new(200).cookie(cookie).status();
        for (cookie, status) in [
            (SetCookie::new("a", "b"), 200),
            (SetCookie::new("__Host-a", "b"), 200),
            (SetCookie::new("__Host-a", "b").path("/x"), 500),
            (SetCookie::new("__Host-a", "b").domain("x.example"), 500),
            (SetCookie::new("__Secure-a", "b").without_secure(), 500),
            (SetCookie::new("a", "b; Domain=x"), 500),
            (SetCookie::new("a", "b\r\nX: y"), 500),
            (SetCookie::new("a b", "c"), 500),
            (SetCookie::new("", "c"), 500),
            (SetCookie::new("a", "b").path("/;x"), 500),
        ] {
            assert_eq!(set(cookie.clone()), status, "{cookie:?}");
        }
        let gone =
            Response::new(200).cookie(SetCookie::removal("a").for_scripts().without_secure());
        assert_eq!(
            gone.get_str("set-cookie"),
            Some("a=; Path=/; SameSite=Lax; Max-Age=0")
        );
    }
}
