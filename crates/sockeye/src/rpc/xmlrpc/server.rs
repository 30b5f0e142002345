//! The server: a web handler that answers calls by methods.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use sockeye_data::record::ErrorKind;
use sockeye_data::value::Value;
use sockeye_data::xmlrpc::{self, ReadOptions, WriteOptions};
use tokio::time::Instant;

use super::coding::{self, Coded};
use super::gate::{Busy, Gate};
use super::system;
use crate::rpc::{Answer, Fault, Methods, Params};
use crate::web::{Handler, Reply, Request, Response};

/// What is large is read and packed on a thread of its own, so that others have their turn.
const LARGE: usize = 256 << 10;

/// What is borne of clients.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Bounds {
    /// Bytes of a request's body as it comes (413 beyond): 20 MiB.
    pub body: u64,
    /// Bytes of a request's body that came in gzip, unpacked (413 beyond): 20 MiB, as in Python.
    pub inflated: u64,
    /// Requests that are worked on at once: 256.
    pub at_once: usize,
    /// Requests that wait for their turn (503 beyond): 1,024.
    pub queue: usize,
    /// How long a request waits for its turn, and then how long its methods may take together: 60 s. A method that takes longer
    /// is dropped, and its call answered with fault 1.
    pub time: Duration,
    /// Calls in one `system.multicall`: 1,000.
    pub multicall: usize,
    /// Bytes of all answers in one `system.multicall`: 64 MiB; calls beyond are answered with fault -32002.
    pub answers: usize,
    /// From how many bytes on an answer is sent in gzip, to clients that take it: 1,400, as in Python; `None` is never.
    pub gzip_above: Option<usize>,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            body: 20 << 20,
            inflated: 20 << 20,
            at_once: 256,
            queue: 1_024,
            time: Duration::from_secs(60),
            multicall: 1_000,
            answers: 64 << 20,
            gzip_above: Some(1_400),
        }
    }
}

/// A call that is over, for whoever keeps a log.
#[derive(Debug)]
#[non_exhaustive]
pub struct Called<'a> {
    /// The name of the method.
    pub method: &'a str,
    /// From its arrival to its end.
    pub took: Duration,
    /// What came of it.
    pub answer: &'a Answer,
}

type Hear = dyn Fn(&Called<'_>) + Send + Sync;

/// Who hears of calls.
#[derive(Clone)]
struct Hearer(Arc<Hear>);

impl std::fmt::Debug for Hearer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hearer")
    }
}

/// A web handler that answers calls by [`Methods`], as Python's `SimpleXMLRPCServer` does. Cloning it is cheap.
///
/// It answers POST on `/` and `/RPC2`. Faults have status 200. A method that panics is fault 1, one that nobody has -32601,
/// what is no XML -32700, what is no call -32600. `system.listMethods`, `methodHelp`, `methodSignature` and `multicall` are there
/// unless methods of these names are.
///
/// Pages of other sites can send calls too, from the browser of whoever opens them: a [`Guard`](crate::web::guard::Guard) around
/// it refuses them.
///
/// # Examples
///
/// ```
/// use sockeye::data::value::Value;
/// use sockeye::rpc::{Methods, Params, xmlrpc::Service};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let methods = Methods::new().add("echo", async |params: Params| Ok(params.into_value().unwrap_or_default()));
/// let service = Service::new(methods);
/// let answer = service.answer(b"<methodCall><methodName>echo</methodName></methodCall>").await;
/// assert!(String::from_utf8(answer).unwrap().contains("<value><array><data>\n</data></array></value>"));
/// # let _ = Value::Null;
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Service(Arc<Inner>);

#[derive(Clone, Debug)]
pub(super) struct Inner {
    pub(super) methods: Methods,
    paths: Vec<String>,
    read: ReadOptions,
    pub(super) write: WriteOptions,
    pub(super) bounds: Bounds,
    introspection: bool,
    multicall: bool,
    gate: Gate,
    heard: Option<Hearer>,
}

impl Service {
    /// Answer by these methods.
    pub fn new(methods: Methods) -> Self {
        let bounds = Bounds::default();
        let mut read = ReadOptions::default();
        read.limits.record = usize::MAX;
        Self(Arc::new(Inner {
            methods,
            paths: vec!["/".to_owned(), "/RPC2".to_owned()],
            read,
            write: WriteOptions::default(),
            gate: Gate::new(bounds.at_once, bounds.queue, bounds.time),
            bounds,
            introspection: true,
            multicall: true,
            heard: None,
        }))
    }

    fn change(mut self, change: impl FnOnce(&mut Inner)) -> Self {
        change(Arc::make_mut(&mut self.0));
        self
    }

    /// Answer on these paths, 404 elsewhere; on all if there are none. `/` and `/RPC2` by default.
    #[must_use]
    pub fn paths<P: Into<String>>(self, paths: impl IntoIterator<Item = P>) -> Self {
        let paths = paths.into_iter().map(Into::into).collect();
        self.change(|inner| inner.paths = paths)
    }

    /// Write values this way: whether null and numbers beyond 32 bits may be answered. They are fault 1 by default.
    #[must_use]
    pub fn write(self, options: WriteOptions) -> Self {
        self.change(|inner| inner.write = options)
    }

    /// Read values this way: whether dates keep their type.
    #[must_use]
    pub fn read(self, options: ReadOptions) -> Self {
        self.change(|inner| inner.read = options)
    }

    /// Bear this much.
    #[must_use]
    pub fn bounds(self, bounds: Bounds) -> Self {
        self.change(|inner| {
            inner.gate = Gate::new(bounds.at_once, bounds.queue, bounds.time);
            inner.bounds = bounds;
        })
    }

    /// Whether methods can be listed and asked about; they can by default.
    #[must_use]
    pub fn introspection(self, on: bool) -> Self {
        self.change(|inner| inner.introspection = on)
    }

    /// Whether there is `system.multicall`; there is by default.
    #[must_use]
    pub fn multicall(self, on: bool) -> Self {
        self.change(|inner| inner.multicall = on)
    }

    /// With somebody who hears of every call that is over, each one of several too. Called on the task of the call.
    #[must_use]
    pub fn on_call(self, hear: impl Fn(&Called<'_>) + Send + Sync + 'static) -> Self {
        self.change(|inner| inner.heard = Some(Hearer(Arc::new(hear))))
    }

    /// The methods.
    pub fn methods(&self) -> &Methods {
        &self.0.methods
    }

    /// Answer one document with another, whatever carries them. It is always an answer: what is wrong is a fault.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the method that runs.
    pub async fn answer(&self, document: &[u8]) -> Vec<u8> {
        let call = xmlrpc::parse_call(document, &self.0.read);
        self.0.answer(call).await
    }
}

impl Handler for Service {
    fn handle(&self, request: Request) -> Reply {
        let inner = &self.0;
        if !inner.paths.is_empty() && !inner.paths.iter().any(|path| path == request.path()) {
            return Response::error(404, "no such page").into();
        }
        if request.method() != "POST" {
            return Response::error(405, "calls come by POST")
                .header("Allow", "POST")
                .into();
        }
        let inner = Arc::clone(inner);
        Reply::later(async move { inner.respond(request).await.unwrap_or_else(|no| no) })
    }
}

impl Inner {
    /// Whether one of the methods of every server is here under its own name.
    pub(super) fn has_system(&self, name: &str) -> bool {
        let is_on = match name {
            system::MULTICALL => self.multicall,
            "system.listMethods" | "system.methodHelp" | "system.methodSignature" => {
                self.introspection
            }
            _ => false,
        };
        is_on && self.methods.get(name).is_none()
    }

    async fn respond(self: Arc<Self>, mut request: Request) -> Result<Response, Response> {
        let error = |status, why: String| Response::error(status, why);
        let most = self.bounds.body;
        request.body.set_limit(most);
        let body = request.body.bytes(most).await;
        let body = body.map_err(|failed| error(failed.status(), failed.to_string()))?;
        let is_gzip = match coding::coded(request.headers()) {
            Coded::Plain => false,
            Coded::Gzip => true,
            Coded::Other(name) => {
                let why = format!("the encoding {name:?} is not supported");
                return Err(error(415, why).header("Accept-Encoding", "gzip"));
            }
        };
        let _place = self.gate.enter().await.map_err(|Busy| {
            error(503, "too many calls at once".to_owned()).header("Retry-After", "1")
        })?;
        let call = self.parse(body, is_gzip).await;
        let call = call.map_err(|(status, why)| error(status, why))?;
        let answer = self.answer(call).await;
        let wants = self
            .bounds
            .gzip_above
            .is_some_and(|least| answer.len() > least);
        if !wants || !coding::takes_gzip(request.headers()) {
            return Ok(Response::typed("text/xml", answer));
        }
        let packed = match answer.len() {
            0..LARGE => coding::packed(&answer),
            _ => aside(move || coding::packed(&answer)).await,
        };
        let packed = packed.map_err(|failed| error(500, format!("gzip failed: {failed}")))?;
        Ok(Response::typed("text/xml", packed).header("Content-Encoding", "gzip"))
    }

    /// The call in a body; a status and a reason if it cannot even be unpacked.
    async fn parse(
        self: &Arc<Self>,
        body: Bytes,
        is_gzip: bool,
    ) -> Result<Result<xmlrpc::Call, sockeye_data::record::Error>, (u16, String)> {
        let is_large = is_gzip || body.len() >= LARGE;
        let inner = Arc::clone(self);
        let parse = move || {
            let body = match is_gzip {
                true => coding::inflated(&body, inner.bounds.inflated)?,
                false => body,
            };
            Ok(xmlrpc::parse_call(&body, &inner.read))
        };
        if is_large {
            aside(parse).await
        } else {
            parse()
        }
    }

    /// The document that answers a call.
    async fn answer(&self, call: Result<xmlrpc::Call, sockeye_data::record::Error>) -> Vec<u8> {
        let answer = match call {
            Ok(call) => {
                let deadline = Instant::now().checked_add(self.bounds.time);
                self.run(&call.method, call.params, deadline).await
            }
            Err(error) => {
                let code = match error.format() {
                    "xml" if error.kind() != ErrorKind::Limit => -32700,
                    _ => -32600,
                };
                Err(Fault::new(code, error.to_string()))
            }
        };
        let written = answer.and_then(|value| {
            xmlrpc::write_answer(&value, &self.write).map_err(|error| system::unsendable(&error))
        });
        written.unwrap_or_else(|fault| xmlrpc::write_fault(fault.code, &system::told(&fault)))
    }

    /// What a method answers, whatever it does.
    pub(super) async fn run(
        &self,
        method: &str,
        params: Vec<Value>,
        deadline: Option<Instant>,
    ) -> Answer {
        let started = Instant::now();
        let answer = match self.has_system(method) {
            true => system::answer(self, method, &params, deadline).await,
            false => self.run_own(method, params, deadline).await,
        };
        if let Some(Hearer(hear)) = &self.heard {
            let took = started.elapsed();
            let answer = &answer;
            hear(&Called {
                method,
                took,
                answer,
            });
        }
        answer
    }

    async fn run_own(&self, method: &str, params: Vec<Value>, deadline: Option<Instant>) -> Answer {
        let Some(known) = self.methods.get(method) else {
            return Err(Fault::new(
                -32601,
                format!("method {method:?} is not supported"),
            ));
        };
        if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            let why = format!("the method {method:?} was not called: the time is up");
            return Err(Fault::new(1, why));
        }
        // What a method leaves behind is its own: nothing of ours is in it.
        let called = AssertUnwindSafe(known.call(Params::List(params))).catch_unwind();
        let called = match deadline {
            Some(deadline) => tokio::time::timeout_at(deadline, called).await,
            None => Ok(called.await),
        };
        match called {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(Fault::new(1, format!("the method {method:?} failed"))),
            Err(_) => {
                let why = format!(
                    "the method {method:?} was not done in {:?}",
                    self.bounds.time
                );
                Err(Fault::new(1, why))
            }
        }
    }
}

/// Work that takes long, on a thread of its own. A panic goes on as one.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(failed) => match failed.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime is shutting down: nobody waits for an answer.
            Err(_) => std::future::pending().await,
        },
    }
}
