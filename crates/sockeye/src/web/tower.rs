//! Services of the `tower` family: an axum `Router`, or any other, as a handler; and a handler as such a service.
//!
//! Only the two traits are shared (`tower-service`, `http-body`): requests and responses are carried over, bodies stay streams.

use std::convert::Infallible;
use std::error::Error;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use http_body::{Frame, SizeHint};
use sockeye_data::http1::{Headers, RequestHead, Version};
use tower_service::Service;

use super::body::{Body, BodyError, Chunks};
use super::handler::{Handler, Reply, Shared};
use super::request::{Client, Request};
use super::response::Response;

/// A service as a handler: an axum `Router`, or whatever else answers an `http::Request`.
///
/// It sees what is left of the path ([`Request::rest`]), so that it can be [mounted](super::Routes::mount) anywhere, and finds the
/// [`Client`] as `Arc<Client>` among the request's extensions. Bodies are streamed both ways; trailers are left out. Upgrades are
/// not carried over: for WebSocket use [`WebSocket`](super::WebSocket). An error of the service is answered with 500.
///
/// # Examples
///
/// ```
/// use axum::routing::get;
/// use sockeye::web::{Mounted, Routes, TestClient};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> sockeye::Result<()> {
/// let app = axum::Router::new().route("/tea", get(async || "green"));
/// let site = Routes::new().mount("/app", Mounted::new(app)).build()?;
/// assert_eq!(TestClient::new(site).get("/app/tea").await.text(), "green");
/// # Ok(())
/// # }
/// ```
pub struct Mounted<S>(Mutex<S>);

impl<S> Mounted<S> {
    /// This service; each request is answered by a clone of it.
    pub fn new(service: S) -> Self {
        Self(Mutex::new(service))
    }
}

impl<S, B> Handler for Mounted<S>
where
    S: Service<http::Request<Body>, Response = http::Response<B>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    B: http_body::Body<Data: Send, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
{
    fn handle(&self, request: Request) -> Reply {
        let request = match to_http(request) {
            Ok(request) => request,
            Err(why) => return Response::error(400, why).into(),
        };
        let mut service = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        Reply::later(async move {
            // What went wrong may be nothing for strangers, and need not be `Send`.
            let failed = || Response::error(500, "the service of this request failed");
            if poll_fn(|cx| service.poll_ready(cx)).await.is_err() {
                return failed();
            }
            let answered = service.call(request).await;
            answered.map_or_else(|_| failed(), from_http)
        })
    }
}

impl<S> fmt::Debug for Mounted<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mounted(service)")
    }
}

fn to_http(mut request: Request) -> Result<http::Request<Body>, http::Error> {
    let body = std::mem::take(&mut request.body);
    let path = match request.rest() {
        "" => "/",
        path => path,
    };
    let target = match request.query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    let version = match (request.client().protocol, request.head().version) {
        ("h2", _) => http::Version::HTTP_2,
        (_, Version::Http10) => http::Version::HTTP_10,
        _ => http::Version::HTTP_11,
    };
    let mut builder = http::Request::builder()
        .method(request.method())
        .uri(target)
        .version(version)
        .extension(Arc::clone(request.client()));
    for field in request.headers().iter() {
        builder = builder.header(field.name, field.value);
    }
    builder.body(body)
}

fn from_http<B>(response: http::Response<B>) -> Response
where
    B: http_body::Body<Data: Send, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
{
    let (parts, body) = response.into_parts();
    let mut made = Response::new(parts.status.as_u16());
    for (name, value) in &parts.headers {
        made = made.header(name.as_str(), value.as_bytes());
    }
    let length = body.size_hint().exact();
    match body.is_end_stream() {
        true => made,
        false => made.with_body(Body::chunks(Frames(Box::pin(body)), length)),
    }
}

/// A foreign body as chunks.
struct Frames<B>(Pin<Box<B>>);

impl<B> Chunks for Frames<B>
where
    B: http_body::Body<Error: Into<Box<dyn Error + Send + Sync>>> + Send,
{
    fn poll_chunk(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, BodyError>>> {
        loop {
            let frame = match ready!(self.0.as_mut().poll_frame(cx)) {
                None => return Poll::Ready(None),
                Some(Err(error)) => {
                    let error = std::io::Error::other(error);
                    return Poll::Ready(Some(Err(error.into())));
                }
                Some(Ok(frame)) => frame,
            };
            // Trailers are left out.
            if let Ok(mut data) = frame.into_data()
                && data.has_remaining()
            {
                let bytes = data.copy_to_bytes(data.remaining());
                return Poll::Ready(Some(Ok(bytes)));
            }
        }
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let polled = self.get_mut().poll_chunk(cx);
        polled.map(|chunk| chunk.map(|chunk| chunk.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        self.length()
            .map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

/// A handler as a service, for servers and middlewares of others.
///
/// The client is the `Arc<Client>` among the request's extensions, if there is one. A response that upgrades becomes 501, one that
/// breaks off a body that fails.
///
/// # Examples
///
/// ```
/// use sockeye::web::{HandlerService, Request, Response, answer_with};
/// use tower_service::Service;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let tea = answer_with(|request: Request| Response::text(request.path().to_owned()));
/// let mut service = HandlerService::new(tea);
/// let request = http::Request::get("http://localhost/tea").body(String::new()).unwrap();
/// let mut response = service.call(request).await.unwrap();
/// assert_eq!(response.body_mut().bytes(10).await.unwrap(), "/tea");
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct HandlerService(Shared);

impl HandlerService {
    /// This handler.
    pub fn new(handler: impl Handler) -> Self {
        Self(Shared::new(handler))
    }
}

impl<B> Service<http::Request<B>> for HandlerService
where
    B: http_body::Body<Data: Send, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
{
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<http::Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        let reply = self.0.handle(ours(request));
        Box::pin(async move {
            let mut response = reply.response().await;
            if response.is_upgrade() {
                response = Response::error(501, "nothing can be upgraded here");
            }
            if response.is_abort() {
                response.body = Body::chunks(GivenUp, None);
            }
            Ok(theirs(response))
        })
    }
}

/// A foreign request as ours.
fn ours<B>(request: http::Request<B>) -> Request
where
    B: http_body::Body<Data: Send, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
{
    let (parts, body) = request.into_parts();
    let mut headers = Headers::new();
    if let Some(authority) = parts.uri.authority()
        && !parts.headers.contains_key("host")
    {
        // Both crates agree on what a line may have.
        let _ = headers.append("Host", authority.as_str());
    }
    for (name, value) in &parts.headers {
        let _ = headers.append(name.as_str(), value.as_bytes());
    }
    let target = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let mut head = RequestHead::new(parts.method.as_str(), target, headers);
    head.version = match parts.version {
        http::Version::HTTP_10 => Version::Http10,
        _ => Version::Http11,
    };
    let client = parts.extensions.get::<Arc<Client>>();
    let length = body.size_hint().exact();
    let body = match body.is_end_stream() {
        true => Body::empty(),
        false => Body::chunks(Frames(Box::pin(body)), length),
    };
    Request::new(Arc::new(head), body, client.cloned().unwrap_or_default())
}

/// Our response as a foreign one.
fn theirs(response: Response) -> http::Response<Body> {
    let mut builder = http::Response::builder().status(response.status());
    for headers in response.all_headers() {
        for field in headers.iter() {
            builder = builder.header(field.name, field.value);
        }
    }
    let failed = || {
        let mut failed = http::Response::new(Body::empty());
        *failed.status_mut() = http::StatusCode::INTERNAL_SERVER_ERROR;
        failed
    };
    builder.body(response.body).unwrap_or_else(|_| failed())
}

/// A body that fails at once.
struct GivenUp;

impl Chunks for GivenUp {
    fn poll_chunk(
        self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, BodyError>>> {
        let error = std::io::Error::other("the handler gave up");
        Poll::Ready(Some(Err(error.into())))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use axum::Json;
    use axum::body::Body as AxumBody;
    use axum::extract::{Extension, Path};
    use axum::routing::{any, get, post};

    use super::*;
    use crate::web::{Routes, TestClient};

    fn app() -> axum::Router {
        axum::Router::new()
            .route("/", get(async || "root"))
            .route(
                "/notes/{id}",
                get(async |Path(id): Path<u32>| format!("note {id}")),
            )
            .route(
                "/sum",
                post(async |Json(numbers): Json<Vec<u64>>| Json(numbers.iter().sum::<u64>())),
            )
            .route("/echo", post(async |body: AxumBody| body))
            .route("/uri", any(async |uri: http::Uri| uri.to_string()))
            .route(
                "/who",
                get(async |Extension(client): Extension<Arc<Client>>| client.protocol.to_owned()),
            )
    }

    fn client() -> TestClient {
        let site = Routes::new().mount("/app", Mounted::new(app())).build();
        TestClient::new(site.unwrap())
    }

    #[tokio::test]
    async fn a_router_of_axum_answers_beneath_its_mount() {
        let mut client = client();
        assert_eq!(client.get("/app").await.text(), "root");
        assert_eq!(client.get("/app/notes/7").await.text(), "note 7");
        assert_eq!(client.get("/app/notes/x").await.status(), 400);
        assert_eq!(client.get("/app/uri?a=%20b").await.text(), "/uri?a=%20b");
        assert_eq!(client.get("/app/who").await.status(), 200);
        let sum = client.post_json("/app/sum", &[1, 2, 3]).await;
        assert_eq!(
            (sum.json::<u64>().unwrap(), sum.header("content-type")),
            (6, Some("application/json"))
        );
        let refused = client.get("/app/sum").await;
        assert_eq!(
            (refused.status(), refused.header("allow")),
            (405, Some("POST"))
        );
        assert_eq!(client.get("/app/none").await.status(), 404);
    }

    #[tokio::test]
    async fn bodies_go_through_both_ways_as_they_come() {
        let (near, far) = tokio::io::duplex(64);
        let request = Request::made("POST", "/echo").with_body(Body::reader(far));
        let mut response = Mounted::new(app()).handle(request).response().await;
        let mut near = near;
        for piece in ["one", "two"] {
            tokio::io::AsyncWriteExt::write_all(&mut near, piece.as_bytes())
                .await
                .unwrap();
            assert_eq!(response.body.chunk().await.unwrap().unwrap(), piece);
        }
        drop(near);
        assert!(response.body.chunk().await.is_none());
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_breaks_off_on_the_other_side() {
        let request = Request::made("POST", "/echo").with_body(Body::chunks(GivenUp, None));
        let mut response = Mounted::new(app()).handle(request).response().await;
        assert!(matches!(
            response.body.chunk().await,
            Some(Err(BodyError::Io(_)))
        ));
    }

    #[tokio::test]
    async fn a_handler_serves_in_a_router_of_axum() {
        let ours = super::super::answer_with(|request: Request| match request.path() {
            "/break" => Response::abort(),
            path => Response::text(format!("{} {path}", request.host().unwrap_or_default())),
        });
        let app = axum::Router::new().fallback_service(HandlerService::new(ours));
        let mut client = TestClient::new(Mounted::new(app));
        assert_eq!(client.get("/x").await.text(), "localhost /x");
        let broken = client.get("/break").await;
        assert!(broken.fault().is_some());
    }
}
