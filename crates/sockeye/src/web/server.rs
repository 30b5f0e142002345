//! The server: listeners, what is borne of clients, and how it stops.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sockeye_data::http1;
use tokio_util::sync::CancellationToken;

use super::connection::{self, Conversation, Watched};
use super::handler::{Handler, Shared};
use super::request::{Client, Request};
use crate::endpoint::Endpoint;
use crate::error::{Error, Result};
use crate::net::{self, Arrival, Incoming, Link, Listener, Served, Stream};
use crate::wire::ConnectionId;

/// What is borne of a client.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Bounds {
    /// The head of a request: 8 KiB of request line (414 beyond), 32 KiB in all and 100 lines (431 beyond).
    pub head: http1::Limits,
    /// How long a head may take from its first byte, or from the beginning of the connection: 10 s, however it trickles.
    pub head_time: Duration,
    /// How long a connection may be idle between requests: 60 s.
    pub idle_time: Duration,
    /// Bytes of a request's body (413 beyond): 16 MiB, unless the handler says otherwise by [`Body::set_limit`](super::Body::set_limit).
    pub body: u64,
    /// Bytes per second that a body comes with at least, on average over 10 s: 500.
    pub body_rate: u64,
    /// How long a client may take nothing of what is sent to it: 30 s.
    pub stall_time: Duration,
    /// Requests of one connection; then it is closed. No limit by default.
    pub requests: Option<u64>,
    /// How long requests that run may take after a stop: 30 s.
    pub grace: Duration,
    /// Requests at once on one connection of HTTP/2: 100.
    pub streams: u32,
    /// Bytes of requests' bodies that a client of HTTP/2 may send before they are read, on one connection: 1 MiB; at most
    /// 2 GiB less one.
    pub window: u32,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            head: http1::Limits {
                line: 8 << 10,
                head: 32 << 10,
                fields: 100,
            },
            head_time: Duration::from_secs(10),
            idle_time: Duration::from_secs(60),
            body: 16 << 20,
            body_rate: 500,
            stall_time: Duration::from_secs(30),
            requests: None,
            grace: Duration::from_secs(30),
            streams: 100,
            window: 1 << 20,
        }
    }
}

/// Clients of one address at once, unless something else is said by [`Server::limits`]: 1024, this machine's own not
/// counted.
pub const PER_ADDRESS: net::PerAddress = net::PerAddress::at_most(1024).but_loopback();

/// Hears of every request that was answered.
pub trait Log: Send + Sync + 'static {
    /// A request was answered, or its connection ended meanwhile. Called on the task of the connection.
    fn answered(&self, record: &Record<'_>);

    /// A handshake failed, or accepting did.
    fn failed(&self, _error: &Error) {}

    /// A client was not let in.
    fn refused(&self, _peer: Option<&Endpoint>, _why: Refusal) {}

    /// A client is there, and its handshakes are over.
    fn connected(&self, _client: &Client) {}

    /// The client is gone. Called once for each [`Log::connected`].
    fn closed(&self, _connection: ConnectionId) {}

    /// A request could not be answered at once: for its body, its handler or its client.
    fn began(&self) {}

    /// It is over, answered or not. Called once for each [`Log::began`].
    fn ended(&self) {}
}

/// Why a client was not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// Its address is not on the list of those who may come in.
    Denied,
    /// As many clients as are allowed are there.
    Full,
}

/// Somebody who was announced to the log, until this is dropped.
pub(super) enum Announced {
    Client(Arc<dyn Log>, ConnectionId),
    Request(Arc<dyn Log>),
}

impl Drop for Announced {
    fn drop(&mut self) {
        match self {
            Self::Client(log, connection) => log.closed(*connection),
            Self::Request(log) => log.ended(),
        }
    }
}

/// What became of a request.
#[derive(Debug)]
#[non_exhaustive]
pub struct Record<'a> {
    /// Who asked.
    pub client: &'a Client,
    /// The request's head; `None` if what came was not a request.
    pub head: Option<&'a http1::RequestHead>,
    /// The user, if there are accounts and one was proven.
    pub user: Option<&'a str>,
    /// The status that was sent.
    pub status: u16,
    /// Bytes of the answer's body that were sent, transfer coding not counted.
    pub sent: u64,
    /// From the end of the request's head to the end of the answer.
    pub took: Duration,
    /// Why the answer did not reach its end, if it did not.
    pub broken: Option<&'a str>,
}

/// A web server: a handler, and what is borne of clients.
///
/// # Examples
///
/// ```
/// use sockeye::Net;
/// use sockeye::web::{Request, Response, Server};
/// use tokio_util::sync::CancellationToken;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> sockeye::Result<()> {
/// let listener = Net::new().listen(&"0".parse()?).await?; // this machine only, any free port
/// let address = listener.local().clone();
/// let server = Server::new(|request: Request| async move { Response::text(format!("you asked for {}\n", request.path())) });
/// let stop = CancellationToken::new();
/// let running = tokio::spawn({ let stop = stop.clone(); async move { server.serve(listener, stop).await } });
/// # use tokio::io::{AsyncReadExt, AsyncWriteExt};
/// # let mut client = Net::new().connect(&address).await?;
/// # client.write_all(b"GET /tea HTTP/1.0\r\n\r\n").await.unwrap();
/// # let mut answer = String::new();
/// # client.read_to_string(&mut answer).await.unwrap();
/// # assert!(answer.ends_with("\r\n\r\nyou asked for /tea\n"), "{answer}");
/// stop.cancel();
/// running.await.unwrap()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Server {
    pub(super) handler: Shared,
    pub(super) bounds: Arc<Bounds>,
    pub(super) log: Option<Arc<dyn Log>>,
    limits: net::Limits,
}

impl Server {
    /// A server that answers by this handler.
    pub fn new(handler: impl Handler) -> Self {
        Self {
            handler: Shared::new(handler),
            bounds: Arc::default(),
            log: None,
            limits: limits(),
        }
    }

    /// The same server with these bounds on what is borne of a client.
    pub fn bounds(mut self, bounds: Bounds) -> Self {
        self.bounds = Arc::new(bounds);
        self
    }

    /// The same server with these bounds on how many come in, and who; without, 1024 at once from each address but this
    /// machine's own.
    pub fn limits(mut self, limits: net::Limits) -> Self {
        self.limits = limits;
        self
    }

    /// The same server with somebody who hears of every request.
    pub fn log(mut self, log: Arc<dyn Log>) -> Self {
        self.log = Some(log);
        self
    }

    /// Serve whoever arrives there until `stop` is cancelled; then requests that run may end within [`Bounds::grace`].
    ///
    /// # Errors
    ///
    /// Those of the listener that no waiting mends.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future stops accepting; connections go on.
    pub async fn serve(&self, listener: Listener, stop: CancellationToken) -> Result<Served> {
        let at = Arc::new(listener.local().clone());
        let server = Arc::new(self.clone());
        let cut = CancellationToken::new();
        let cutter = tokio::spawn({
            let (stop, cut, grace) = (stop.clone(), cut.clone(), self.bounds.grace);
            async move {
                stop.cancelled().await;
                tokio::time::sleep(grace).await;
                cut.cancel();
            }
        });
        let served = net::serve(listener, self.limits.clone(), stop.clone(), |arrival| {
            server.arrived(arrival, &at, stop.clone(), cut.clone())
        })
        .await;
        cutter.abort();
        served
    }

    /// What becomes of one client. The future is small: ten thousand of them may be idle.
    fn arrived(
        self: &Arc<Self>,
        arrival: Arrival,
        at: &Arc<Endpoint>,
        stop: CancellationToken,
        cut: CancellationToken,
    ) -> impl Future<Output = ()> + Send + use<> {
        let server = Arc::clone(self);
        let conversation = match arrival {
            Arrival::Accepted(incoming) => {
                Conversation::new(server.greet(incoming, Arc::clone(at), stop.clone()))
            }
            others => {
                server.say_arrived(others);
                Conversation::new(std::future::ready(None))
            }
        };
        Watched::new(conversation, stop, cut)
    }

    /// Tell of those who are not let in.
    fn say_arrived(&self, arrival: Arrival) {
        match arrival {
            Arrival::Accepted(_) => {}
            Arrival::Failed(error) => self.say_failed(&error),
            Arrival::Denied(peer) => self.say_refused(peer.as_ref(), Refusal::Denied),
            Arrival::Full(peer) => self.say_refused(peer.as_ref(), Refusal::Full),
        }
    }

    /// The handshakes; nothing of them is left when the conversation begins.
    async fn greet(
        self: Arc<Self>,
        incoming: Incoming,
        at: Arc<Endpoint>,
        stop: CancellationToken,
    ) -> Option<Conversation> {
        // Whoever has not even greeted when the server stops has asked nothing.
        let shaken = stop.run_until_cancelled(Self::shake(incoming, at)).await?;
        match shaken {
            Ok((stream, client)) => Some(connection::conversation(self, stream, client, stop)),
            Err(error) => {
                self.say_failed(&error);
                None
            }
        }
    }

    async fn shake(incoming: Incoming, at: Arc<Endpoint>) -> Result<(Stream, Client)> {
        let connection = incoming.connection();
        let link = incoming.handshake().await?;
        let Link::Stream(stream) = link else {
            return Err(Error::new(
                crate::error::Kind::Usage,
                crate::error::Operation::Accept,
                "HTTP needs a stream of bytes",
            )
            .on(&at));
        };
        let client = Client {
            connection,
            server: Some(at),
            ..Client::of(&stream)
        };
        Ok((stream, client))
    }

    /// Speak HTTP over this stream until either side ends it. What was agreed on by TLS (ALPN) or the first bytes say which
    /// version.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the connection.
    pub async fn serve_stream(&self, stream: Stream, stop: CancellationToken) {
        let client = Client::of(&stream);
        let server = Arc::new(self.clone());
        let conversation = connection::conversation(server, stream, client, stop.clone());
        Watched::new(conversation, stop, CancellationToken::new()).await;
    }

    fn say_failed(&self, error: &Error) {
        if let Some(log) = &self.log {
            log.failed(error);
        }
    }

    fn say_refused(&self, peer: Option<&Endpoint>, why: Refusal) {
        if let Some(log) = &self.log {
            log.refused(peer, why);
        }
    }

    pub(super) fn announce(&self, client: &Client) -> Option<Announced> {
        let log = self.log.as_ref()?;
        log.connected(client);
        Some(Announced::Client(Arc::clone(log), client.connection))
    }

    /// Tell the log of a request that is not answered at once.
    pub(super) fn announce_request(&self) -> Option<Announced> {
        let log = self.log.as_ref()?;
        log.began();
        Some(Announced::Request(Arc::clone(log)))
    }

    /// When a request began, if anybody will hear how long it took.
    pub(super) fn clock(&self) -> Option<Instant> {
        self.log.is_some().then(Instant::now)
    }
}

/// Who comes in unless something else is said.
fn limits() -> net::Limits {
    net::Limits {
        per_address: PER_ADDRESS,
        ..net::Limits::default()
    }
}

impl Client {
    /// Who is at the other end of this stream.
    fn of(stream: &Stream) -> Self {
        let is_h2 = stream
            .secured()
            .is_some_and(|secured| secured.alpn.as_deref() == Some("h2"));
        let address = stream.peer_address();
        Self {
            address,
            peer: match address {
                // The address says it all.
                Some(_) => None,
                None => stream.peer().cloned().map(Box::new),
            },
            secured: stream.secured().cloned().map(Box::new),
            protocol: if is_h2 { "h2" } else { "http/1.1" },
            ..Self::default()
        }
    }
}

impl Handler for Server {
    /// Ask the server's handler without any connection, as the test client and explanations do.
    fn handle(&self, request: Request) -> super::handler::Reply {
        self.handler.handle(request)
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("bounds", &self.bounds)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::Response;

    #[test]
    fn an_idle_client_costs_little() {
        let server = Server::new(|_: Request| async { Response::new(204) });
        let at = Arc::new(Endpoint::unix("/a"));
        let (stop, cut) = (CancellationToken::new(), CancellationToken::new());
        let task = Arc::new(server).arrived(Arrival::Denied(None), &at, stop, cut);
        let (task, rest) = (size_of_val(&task), connection::idle_size());
        assert!(task <= 130, "the task became {task} bytes");
        assert!(rest <= 400, "the connection became {rest} bytes");
    }
}
