//! The dispatcher: a message in, its answer out, whatever carries them; and what calls may cost.

use std::fmt;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::join_all;
use sockeye_data::jsonrpc::{
    Calls, ErrorObject, Id, Limits, Refused, Request, read_calls, write_error, write_result,
};
use sockeye_data::units;
use sockeye_data::value::{Array, Object, Value};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio_util::sync::CancellationToken;

use super::{discover, lines};
use crate::error::Result;
use crate::net::{self, Arrival, Link, Listener, Served, Stream};
pub use crate::rpc::call::TOO_MUCH;
use crate::rpc::call::{Answer, BEYOND, Fault, Params};
use crate::rpc::methods::Methods;
use crate::web::Origins;

/// The code of the fault for a call that finds as many waiting as may; it may be tried again, as its data says.
pub const BUSY: i64 = -32000;
/// The code of the fault for a call that took longer than it may.
pub const OUT_OF_TIME: i64 = -32001;

/// What calls may cost, and what is borne of clients.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Bounds {
    /// What messages may cost: 16 MiB, nested 256 deep, 1,000 members of a batch.
    pub limits: Limits,
    /// Bytes of all answers to one batch: 64 MiB; calls beyond are answered with fault [`TOO_MUCH`].
    pub answers: usize,
    /// Calls that run at once, of all clients: 1,024.
    pub running: usize,
    /// Calls that wait for their turn meanwhile: 4,096; further ones are refused with fault [`BUSY`].
    pub waiting: usize,
    /// How long a call may take, its waiting included: 60 s; then it is given up with fault [`OUT_OF_TIME`].
    pub time: Duration,
    /// Messages of one connection that are worked on at once: 256. No more is read of it meanwhile.
    pub pipelined: usize,
    /// How long a connection may be idle: 10 minutes. HTTP has bounds of its own, see [`web::Bounds`](crate::web::Bounds).
    pub idle: Duration,
    /// How long a client may take nothing of what is sent to it: 30 s.
    pub stall: Duration,
    /// How long calls that run may take after a stop: 10 s.
    pub grace: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            answers: 64 << 20,
            running: 1_024,
            waiting: 4_096,
            time: Duration::from_secs(60),
            pipelined: 256,
            idle: Duration::from_secs(600),
            stall: Duration::from_secs(30),
            grace: Duration::from_secs(10),
        }
    }
}

/// A call that is over, for whoever keeps a log.
#[derive(Debug)]
#[non_exhaustive]
pub struct Called<'a> {
    /// The name of the method.
    pub method: &'a str,
    /// The id, as JSON; `None` for a notification.
    pub id: Option<&'a str>,
    /// From its arrival to its end.
    pub took: Duration,
    /// What came of it; of a notification, nobody else is told.
    pub answer: &'a Answer,
}

type Hear = dyn Fn(&Called<'_>) + Send + Sync;

/// A JSON-RPC 2.0 server: methods, and what calls may cost. Cloning is cheap, and the clones share their bounds.
///
/// Names that begin with `rpc.` are reserved (section 8): of these only `rpc.discover` is answered, with a list of the methods
/// (OpenRPC). `system.listMethods` and `system.methodHelp` are answered too, unless methods of these names are there.
///
/// The members of a batch, and the messages of one connection, are worked on at the same time; the answers to a batch come
/// together. A method that panics is answered for with fault -32603.
///
/// As a [`web::Handler`](crate::web::Handler) it takes `POST` with a JSON body on whatever path it is mounted, and WebSockets.
///
/// # Examples
///
/// ```
/// use sockeye::Net;
/// use sockeye::rpc::Methods;
/// use sockeye::rpc::jsonrpc::{Client, Server};
/// use tokio_util::sync::CancellationToken;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let server = Server::new(Methods::new().typed("greet", async |(name,): (String,)| Ok(format!("hello, {name}"))));
/// let listener = Net::new().listen(&"0".parse()?).await?;
/// let url = listener.local().to_string().replace("tcp:", "http:");
/// let stop = CancellationToken::new();
/// let web = sockeye::web::Server::new(server);
/// tokio::spawn({ let stop = stop.clone(); async move { web.serve(listener, stop).await } });
/// let client = Client::connect(&Net::new(), &url).await?;
/// assert_eq!(client.call("greet", ["jo".into()]).await?.as_str(), Some("hello, jo"));
/// stop.cancel();
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Server(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    methods: Methods,
    bounds: Bounds,
    gate: Arc<Gate>,
    heard: Option<Arc<Hear>>,
    origins: Origins,
}

impl Server {
    /// A server of these methods.
    pub fn new(methods: Methods) -> Self {
        let bounds = Bounds::default();
        Self(Arc::new(Inner {
            methods,
            gate: Arc::new(Gate::new(&bounds)),
            bounds,
            heard: None,
            origins: Origins::Same,
        }))
    }

    /// The same server with these bounds.
    #[must_use]
    pub fn bounds(mut self, bounds: Bounds) -> Self {
        let inner = Arc::make_mut(&mut self.0);
        inner.gate = Arc::new(Gate::new(&bounds));
        inner.bounds = bounds;
        self
    }

    /// The same server with somebody who hears of every call that is over. Called on the task of the call.
    #[must_use]
    pub fn on_call(mut self, hear: impl Fn(&Called<'_>) + Send + Sync + 'static) -> Self {
        Arc::make_mut(&mut self.0).heard = Some(Arc::new(hear));
        self
    }

    /// The same server with WebSockets for pages of these origins too: by default, of its own alone. Programs say no origin.
    #[must_use]
    pub fn origins(mut self, origins: Origins) -> Self {
        Arc::make_mut(&mut self.0).origins = origins;
        self
    }

    pub(super) fn may_come(&self) -> Origins {
        self.0.origins.clone()
    }

    /// The methods.
    pub fn methods(&self) -> &Methods {
        &self.0.methods
    }

    pub(super) fn borne(&self) -> &Bounds {
        &self.0.bounds
    }

    /// The answer to one message; `None` if there is none, for notifications.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives up the calls.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use sockeye::rpc::{Methods, jsonrpc::Server};
    ///
    /// let server = Server::new(Methods::new());
    /// let answer = server.answer(br#"{"jsonrpc": "2.0", "method": "foobar", "id": "1"}"#).await.unwrap();
    /// let text = r#"{"jsonrpc":"2.0","error":{"code":-32601,"message":"Method not found"},"id":"1"}"#;
    /// assert_eq!(String::from_utf8(answer).unwrap(), text);
    /// # }
    /// ```
    pub async fn answer(&self, message: &[u8]) -> Option<Vec<u8>> {
        self.answering(message).await
    }

    /// [`Server::answer`], of which nothing is borrowed from the message.
    pub(super) fn answering(
        &self,
        message: &[u8],
    ) -> impl Future<Output = Option<Vec<u8>>> + Send + use<> {
        let calls = read_calls(message, &self.0.bounds.limits);
        let server = self.clone();
        async move {
            let members = match calls {
                Calls::One(one) => {
                    let mut out = Vec::new();
                    server.one(one, &mut out).await;
                    return (!out.is_empty()).then_some(out);
                }
                Calls::Many(members) => members,
            };
            let (server, room) = (&server, &AtomicUsize::new(server.0.bounds.answers));
            let answers = members.into_iter().map(|member| async move {
                let mut out = Vec::new();
                let id = member.as_ref().ok().and_then(|request| request.id.clone());
                server.one(member, &mut out).await;
                let take = |left: usize| left.checked_sub(out.len());
                let taken = room.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take);
                // What is no call has a short answer.
                if let (Err(_), Some(id)) = (taken, id) {
                    out = Vec::new();
                    write_error(&id, &Fault::new(TOO_MUCH, BEYOND).into(), &mut out);
                }
                out
            });
            joined(&join_all(answers).await)
        }
    }

    /// The answer to one member of a batch, or to one that is alone.
    async fn one(&self, one: std::result::Result<Request, Refused>, out: &mut Vec<u8>) {
        let Request { id, method, params } = match one {
            Ok(request) => request,
            Err(refused) => return write_error(&refused.id, &refused.error, out),
        };
        let began = self.0.heard.as_ref().map(|_| Instant::now());
        let answer = self
            .call(&method, params.map_or(Params::None, into_params))
            .await;
        if let (Some(hear), Some(began)) = (&self.0.heard, began) {
            hear(&Called {
                method: &method,
                id: id.as_ref().map(Id::as_json),
                took: began.elapsed(),
                answer: &answer,
            });
        }
        match (id, answer) {
            (None, _) => {}
            (Some(id), Ok(result)) => write_result(&id, &result, out),
            (Some(id), Err(fault)) => write_error(&id, &fault.into(), out),
        }
    }

    async fn call(&self, name: &str, params: Params) -> Answer {
        let inner = &*self.0;
        let Some(method) = inner
            .methods
            .get(name)
            .filter(|_| !name.starts_with("rpc."))
        else {
            return discover::answer(&inner.methods, name, &params)
                .unwrap_or_else(|| Err(ErrorObject::method_not_found().into()));
        };
        let answering = async {
            let _turn = inner.gate.enter().await?;
            match AssertUnwindSafe(method.call(params)).catch_unwind().await {
                Ok(answer) => answer,
                Err(_) => Err(ErrorObject::internal_error().into()),
            }
        };
        match tokio::time::timeout(inner.bounds.time, answering).await {
            Ok(answer) => answer,
            Err(_) => {
                let most = units::print_duration(inner.bounds.time);
                Err(Fault::new(
                    OUT_OF_TIME,
                    format!("the call was not done after {most}"),
                ))
            }
        }
    }

    /// Serve streams, one message after another on each, until `stop` is cancelled or the listener ends (`stdio:`); then calls
    /// that run may end within [`Bounds::grace`].
    ///
    /// A message is one line, or ends with the bracket that closes it; answers come as they are ready, each on its line.
    ///
    /// # Errors
    ///
    /// Those of the listener that no waiting mends.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future stops accepting; connections go on.
    pub async fn serve(&self, listener: Listener, stop: CancellationToken) -> Result<Served> {
        self.serve_within(listener, net::Limits::default(), stop)
            .await
    }

    /// [`Server::serve`] with bounds on how many come in, and who.
    ///
    /// # Errors
    ///
    /// Those of the listener that no waiting mends.
    ///
    /// # Cancel safety
    ///
    /// As [`Server::serve`].
    pub async fn serve_within(
        &self,
        listener: Listener,
        limits: net::Limits,
        stop: CancellationToken,
    ) -> Result<Served> {
        // Whoever started us with pipes may take its time.
        let is_patient = listener.is_single();
        net::serve(listener, limits, stop.clone(), |arrival| {
            let (server, stop) = (self.clone(), stop.clone());
            async move {
                let Arrival::Accepted(incoming) = arrival else {
                    return;
                };
                let shaken = stop.run_until_cancelled(incoming.handshake()).await;
                if let Some(Ok(Link::Stream(stream))) = shaken {
                    lines::converse(server, stream, is_patient, stop).await;
                }
            }
        })
        .await
    }

    /// Speak over this stream until either side ends it.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the connection.
    pub async fn serve_stream(&self, stream: Stream, stop: CancellationToken) {
        lines::converse(self.clone(), stream, false, stop).await;
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("methods", &self.0.methods)
            .field("bounds", &self.0.bounds)
            .finish_non_exhaustive()
    }
}

/// The answers to a batch; `None` if there are none.
fn joined(answers: &[Vec<u8>]) -> Option<Vec<u8>> {
    let mut out =
        Vec::with_capacity(answers.iter().map(|answer| answer.len() + 1).sum::<usize>() + 1);
    for answer in answers.iter().filter(|answer| !answer.is_empty()) {
        out.push(if out.is_empty() { b'[' } else { b',' });
        out.extend_from_slice(answer);
    }
    if out.is_empty() {
        return None;
    }
    out.push(b']');
    Some(out)
}

/// An array or an object as parameters.
fn into_params(params: Value) -> Params {
    match params {
        Value::Array(items) => Params::List(
            Arc::try_unwrap(items).map_or_else(|items| items.to_vec(), Array::into_vec),
        ),
        Value::Object(members) => Params::Named(
            Arc::try_unwrap(members).unwrap_or_else(|members| Object::clone(&members)),
        ),
        other => Params::List(vec![other]),
    }
}

/// Lets so many calls run, and so many wait.
struct Gate {
    turns: Semaphore,
    waiting: AtomicUsize,
    most: usize,
}

impl Gate {
    fn new(bounds: &Bounds) -> Self {
        Self {
            turns: Semaphore::new(bounds.running.clamp(1, Semaphore::MAX_PERMITS)),
            waiting: AtomicUsize::new(0),
            most: bounds.waiting,
        }
    }

    async fn enter(&self) -> std::result::Result<SemaphorePermit<'_>, Fault> {
        if let Ok(turn) = self.turns.try_acquire() {
            return Ok(turn);
        }
        let before = self.waiting.fetch_add(1, Ordering::Relaxed);
        let _leaving = Leaving(&self.waiting);
        if before >= self.most {
            return Err(busy());
        }
        self.turns.acquire().await.map_err(|_| busy())
    }
}

struct Leaving<'a>(&'a AtomicUsize);

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn busy() -> Fault {
    Fault {
        data: Some(Object::from_iter([("retry".into(), true.into())]).into()),
        ..Fault::new(
            BUSY,
            "the server has as many calls as it takes: try again later",
        )
    }
}
