//! Asking a handler without any socket: for tests of handlers, and wherever an answer is wanted and no connection is there.

use std::collections::BTreeMap;
use std::fmt;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sockeye_data::cookie::SetCookie;
use sockeye_data::http1::Headers;

use super::body::{Body, BodyError};
use super::handler::{Handler, Shared};
use super::request::Request;
use super::response::Response;

/// The largest body that is collected.
const LARGEST: u64 = 64 << 20;

/// Asks a handler as a browser would, without sockets: what it answers is collected, its cookies are kept and sent again.
/// Redirects are not followed: where to is what a test asks.
///
/// No server is in between: nothing limits bodies, and a handler that panics panics here, which is how a test fails.
///
/// # Examples
///
/// ```
/// use sockeye::web::{Request, Response, SetCookie, TestClient};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let mut client = TestClient::new(async |request: Request| match request.cookie("name") {
///     Some(name) => Response::text(format!("hello, {name}")),
///     None => Response::redirect(303, "/").cookie(SetCookie::new("name", "jo")),
/// });
/// let first = client.get("/").await;
/// assert_eq!((first.status(), first.header("location")), (303, Some("/")));
/// assert_eq!(client.get("/").await.text(), "hello, jo");
/// # }
/// ```
pub struct TestClient {
    handler: Shared,
    cookies: BTreeMap<Vec<u8>, Vec<u8>>,
}

/// What a handler answered, whole.
pub struct Answer {
    status: u16,
    headers: Headers,
    body: Bytes,
    fault: Option<BodyError>,
}

impl TestClient {
    /// Ask this handler.
    pub fn new(handler: impl Handler) -> Self {
        Self {
            handler: Shared::new(handler),
            cookies: BTreeMap::new(),
        }
    }

    /// GET what is there.
    pub async fn get(&mut self, target: &str) -> Answer {
        self.ask(Request::made("GET", target)).await
    }

    /// POST this body there.
    pub async fn post(&mut self, target: &str, body: impl Into<Body>) -> Answer {
        self.ask(Request::made("POST", target).with_body(body))
            .await
    }

    /// POST this value there, as JSON; one that JSON cannot carry (a map whose keys are no text, say) becomes an empty body.
    pub async fn post_json(&mut self, target: &str, value: &impl Serialize) -> Answer {
        self.post_typed(
            target,
            "application/json",
            serde_json::to_vec(value).unwrap_or_default(),
        )
        .await
    }

    /// POST the fields of a form there.
    pub async fn post_form(&mut self, target: &str, fields: &[(&str, &str)]) -> Answer {
        let form = sockeye_data::url::query::form(fields.iter().copied());
        let form_type = "application/x-www-form-urlencoded";
        self.post_typed(target, form_type, form).await
    }

    async fn post_typed(
        &mut self,
        target: &str,
        media_type: &str,
        body: impl Into<Body>,
    ) -> Answer {
        let mut request = Request::made("POST", target).with_body(body);
        // A constant that is a good line.
        let _ = request
            .head_mut()
            .headers
            .append("Content-Type", media_type);
        self.ask(request).await
    }

    /// Ask this. The cookies so far are added, and those of the answer are kept.
    ///
    /// # Panics
    ///
    /// If the handler does.
    pub async fn ask(&mut self, mut request: Request) -> Answer {
        if !self.cookies.is_empty() && !request.headers().contains("cookie") {
            let line = sockeye_data::cookie::header(&self.cookies);
            // They were good cookies before.
            let _ = request.head_mut().headers.append("Cookie", line);
        }
        let is_head = request.is_head();
        let response = self.handler.handle(request).response().await;
        let answer = Answer::collect(response, is_head).await;
        for line in answer.headers.all("set-cookie") {
            self.keep(line);
        }
        answer
    }

    fn keep(&mut self, line: &[u8]) {
        let Ok(cookie) = SetCookie::parse(line) else {
            return;
        };
        if cookie.max_age.is_some_and(|seconds| seconds <= 0) {
            self.cookies.remove(&cookie.name);
        } else {
            self.cookies.insert(cookie.name, cookie.value);
        }
    }

    /// The value of a cookie that is kept.
    pub fn cookie(&self, name: &str) -> Option<&str> {
        std::str::from_utf8(self.cookies.get(name.as_bytes())?).ok()
    }
}

impl Answer {
    async fn collect(mut response: Response, is_head: bool) -> Self {
        let mut headers = Headers::new();
        for field in response.all_headers().into_iter().flat_map(Headers::iter) {
            // Was a good line before.
            let _ = headers.append_line(field.line);
        }
        let status = response.status();
        let (body, fault) = match is_head || matches!(status, 101 | 204 | 304) {
            true => (Bytes::new(), None),
            false => match response.body.bytes(LARGEST).await {
                Ok(body) => (body, None),
                Err(fault) => (Bytes::new(), Some(fault)),
            },
        };
        Self {
            status,
            headers,
            body,
            fault,
        }
    }

    /// The status.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The first value of this header, if it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get_str(name)
    }

    /// All header lines.
    pub fn headers(&self) -> &Headers {
        &self.headers
    }

    /// The body; empty after HEAD, if the status has none, and if it failed.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// Why the body did not come to its end, if it did not.
    pub fn fault(&self) -> Option<&BodyError> {
        self.fault.as_ref()
    }

    /// The body as text; what is not UTF-8 is replaced.
    pub fn text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.body)
    }

    /// The body as a value of JSON.
    ///
    /// # Errors
    ///
    /// Why it is none.
    pub fn json<T: DeserializeOwned>(&self) -> serde_json::Result<T> {
        serde_json::from_slice(&self.body)
    }
}

impl fmt::Debug for TestClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestClient").finish_non_exhaustive()
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer")
            .field("status", &self.status)
            .field("headers", &self.headers)
            .field("body", &self.body)
            .field("fault", &self.fault)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::web;

    #[tokio::test]
    async fn cookies_come_and_go_and_head_has_no_body() {
        let mut client = TestClient::new(web::answer_with(|request: Request| {
            let has: Vec<String> = request
                .cookies()
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            let response = Response::text(has.join(","));
            match request.path() {
                "/set" => response
                    .cookie(web::SetCookie::new("a", "1"))
                    .cookie(web::SetCookie::new("b", "2")),
                "/drop" => response.cookie(web::SetCookie::removal("a")),
                _ => response,
            }
        }));
        assert_eq!(client.get("/set").await.text(), "");
        assert_eq!(client.cookie("b"), Some("2"));
        assert_eq!(client.get("/drop").await.text(), "a=1,b=2");
        assert_eq!(client.get("/").await.text(), "b=2");
        let head = client.ask(Request::made("HEAD", "/")).await;
        assert_eq!((head.status(), head.body().len()), (200, 0));
    }

    #[tokio::test]
    async fn forms_and_json_are_sent_as_such() {
        async fn sum(mut request: Request) -> Result<Response, web::Problem> {
            if request.path() == "/form" {
                let form = request.form(100).await?;
                return Ok(Response::text(form.get("a").unwrap_or("-").to_owned()));
            }
            let numbers: Vec<u64> = request.json(100).await?;
            Ok(Response::json(&numbers.iter().sum::<u64>()))
        }
        let mut client = TestClient::new(sum);
        assert_eq!(
            client
                .post_json("/", &[1, 2, 3])
                .await
                .json::<u64>()
                .unwrap(),
            6
        );
        assert_eq!(
            client.post_form("/form", &[("a", "x & y")]).await.text(),
            "x & y"
        );
        assert_eq!(client.post("/", "1").await.status(), 415);
    }
}
