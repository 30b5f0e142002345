//! What answers requests.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use super::request::Request;
use super::response::{IntoResponse, Response};

/// Answers requests.
///
/// Every `async` function or closure from [`Request`] to a [`Response`] (or what becomes one, see [`IntoResponse`]) is a
/// handler. A type of its own is one by this one method; what it needs in the future it returns, it clones.
///
/// A handler that panics is answered for with status 500; connection and server live on.
///
/// # Examples
///
/// ```
/// use sockeye::web::{Handler, Reply, Request, Response};
///
/// struct Greeter(String);
///
/// impl Handler for Greeter {
///     fn handle(&self, request: Request) -> Reply {
///         Response::text(format!("{}, {}\n", self.0, request.path())).into()
///     }
/// }
/// # fn takes(_: impl Handler) {}
/// # takes(Greeter("Hello".into()));
/// # takes(|request: Request| async move { Response::text(request.method().to_owned()) });
/// ```
pub trait Handler: Send + Sync + 'static {
    /// Answer this request, now or later. Called on the task of the connection: what takes long belongs into
    /// [`Reply::later`].
    fn handle(&self, request: Request) -> Reply;
}

/// An answer that is there, or a promise of one.
pub enum Reply {
    /// The answer.
    Now(Response),
    /// The answer is being made. Dropped if the connection ends first.
    Later(Pin<Box<dyn Future<Output = Response> + Send>>),
}

impl Reply {
    /// An answer that takes time.
    pub fn later<F>(answer: F) -> Self
    where
        F: Future<Output: IntoResponse> + Send + 'static,
    {
        Self::Later(Box::pin(async move { answer.await.into_response() }))
    }

    /// The same answer, changed before it is sent.
    pub fn map(self, change: impl FnOnce(Response) -> Response + Send + 'static) -> Self {
        match self {
            Self::Now(response) => Self::Now(change(response)),
            Self::Later(future) => Self::Later(Box::pin(async move { change(future.await) })),
        }
    }

    /// Wait for the answer.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives the answer up.
    pub async fn response(self) -> Response {
        match self {
            Self::Now(response) => response,
            Self::Later(future) => future.await,
        }
    }
}

impl<R: IntoResponse> From<R> for Reply {
    fn from(response: R) -> Self {
        Self::Now(response.into_response())
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Now(response) => f.debug_tuple("Now").field(response).finish(),
            Self::Later(_) => f.write_str("Later"),
        }
    }
}

impl<F, Fut> Handler for F
where
    F: Fn(Request) -> Fut + Send + Sync + 'static,
    Fut: Future<Output: IntoResponse> + Send + 'static,
{
    fn handle(&self, request: Request) -> Reply {
        Reply::later(self(request))
    }
}

/// A handler from a function that answers at once, or by a [`Reply`]: for what needs no `async`, and for what wraps
/// another handler.
///
/// # Examples
///
/// ```
/// use sockeye::web::{Handler, Request, Response, Shared, TestClient, answer_with};
///
/// /// Around any handler: every answer says who made it.
/// fn signed(inner: impl Handler) -> impl Handler {
///     let inner = Shared::new(inner);
///     answer_with(move |request| inner.handle(request).map(|response| response.header("Server", "tea/1")))
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let site = signed(answer_with(|request| Response::text(request.path().to_owned())));
/// let answer = TestClient::new(site).get("/tea").await;
/// assert_eq!((answer.header("server"), &*answer.text()), (Some("tea/1"), "/tea"));
/// # }
/// ```
pub fn answer_with<F, R>(answer: F) -> AnswerWith<F>
where
    F: Fn(Request) -> R + Send + Sync + 'static,
    R: Into<Reply>,
{
    AnswerWith(answer)
}

/// What [`answer_with`] makes.
#[derive(Clone, Copy)]
pub struct AnswerWith<F>(F);

impl<F, R> Handler for AnswerWith<F>
where
    F: Fn(Request) -> R + Send + Sync + 'static,
    R: Into<Reply>,
{
    fn handle(&self, request: Request) -> Reply {
        (self.0)(request).into()
    }
}

impl<F> fmt::Debug for AnswerWith<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AnswerWith(function)")
    }
}

/// A handler that several own.
#[derive(Clone)]
pub struct Shared(Arc<dyn Handler>);

impl Shared {
    /// Share this handler.
    pub fn new(handler: impl Handler) -> Self {
        Self(Arc::new(handler))
    }
}

impl Handler for Shared {
    fn handle(&self, request: Request) -> Reply {
        self.0.handle(request)
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Shared(handler)")
    }
}
