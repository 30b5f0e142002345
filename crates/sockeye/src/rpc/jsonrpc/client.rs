//! The client: calls, notifications and batches, whatever carries them.

mod http;
mod pending;
mod stream;
mod websocket;

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use sockeye_data::http1::Headers;
use sockeye_data::json;
use sockeye_data::jsonrpc::{Id, Limits, write_request};
use sockeye_data::units;
use sockeye_data::value::Value;

use crate::endpoint::Endpoint;
use crate::error::{Error, Kind, Operation, Result};
use crate::net::{Net, Stream};
use crate::rpc::call::{Answer, Call, CallError, Params};

/// What a client is set to.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ClientOptions {
    /// How long an answer may take: 60 s.
    pub timeout: Duration,
    /// What answers may cost: 16 MiB, nested 256 deep, 1,000 members of a batch.
    pub limits: Limits,
    /// Calls that wait for an answer on one connection: 1,024. Further ones wait to be sent.
    pub in_flight: usize,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(60),
            limits: Limits::default(),
            in_flight: 1_024,
        }
    }
}

/// A JSON-RPC 2.0 client. Calls may be made at the same time; answers find them by their ids, in any order.
///
/// # Examples
///
/// ```
/// # use sockeye::rpc::{Methods, jsonrpc::Server};
/// use sockeye::Net;
/// use sockeye::rpc::jsonrpc::Client;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let server = Server::new(Methods::new().typed("sum", async |(a, b): (i64, i64)| Ok(a + b)));
/// # let listener = Net::new().listen(&"0".parse()?).await?;
/// # let url = listener.local().to_string();
/// # tokio::spawn(async move { server.serve(listener, Default::default()).await });
/// let client = Client::connect(&Net::new(), &url).await?; // http://host/path, tcp://host:port, unix:/path, exec:PROGRAM ...
/// let (three, seven) = tokio::join!(
///     client.call("sum", [1.into(), 2.into()]),
///     client.call_typed::<i64>("sum", &(3, 4)),
/// );
/// assert_eq!((three?.as_i64(), seven?), (Some(3), 7));
/// # Ok(())
/// # }
/// ```
pub struct Client {
    carrier: Carrier,
    options: ClientOptions,
    next: AtomicU64,
}

enum Carrier {
    Http(http::Link),
    Stream(stream::Link),
}

/// Several calls and notifications that are sent together (section 6).
#[derive(Clone, Debug, Default)]
pub struct Batch {
    members: Vec<(bool, Call)>,
}

impl Batch {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// With a call too.
    #[must_use]
    pub fn call(mut self, method: impl Into<String>, params: impl Into<Params>) -> Self {
        self.members.push((true, Call::of(method, params)));
        self
    }

    /// With a notification too, which nobody answers.
    #[must_use]
    pub fn notify(mut self, method: impl Into<String>, params: impl Into<Params>) -> Self {
        self.members.push((false, Call::of(method, params)));
        self
    }
}

impl Client {
    /// A client of the server at this URL: `http://`, `https://`, `ws://`, `wss://` with a path; or an endpoint of a stream, such as `tcp://host:port`,
    /// `tls://host:port`, `unix:/path`, `exec:PROGRAM ARGUMENTS`, over which each message is a line.
    ///
    /// # Errors
    ///
    /// [`Kind::Usage`] for what is no URL, and those of [`Net::connect`]. Over HTTP nothing is connected before the first call.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes what was opened so far.
    pub async fn connect(net: &Net, url: &str) -> Result<Self> {
        Self::connect_with(net, url, ClientOptions::default()).await
    }

    /// [`Client::connect`] with other options.
    ///
    /// # Errors
    ///
    /// As [`Client::connect`].
    ///
    /// # Cancel safety
    ///
    /// As [`Client::connect`].
    pub async fn connect_with(net: &Net, url: &str, options: ClientOptions) -> Result<Self> {
        let scheme = url.split_once("://").map_or("", |(scheme, _)| scheme);
        match &*scheme.to_ascii_lowercase() {
            "http" | "https" => Self::over_http(http::client(net, &options), url, options),
            "ws" | "wss" => {
                let link = websocket::connect(net, url, &options).await?;
                Ok(Self::over(Carrier::Stream(link), options))
            }
            _ => {
                let endpoint: Endpoint = url.parse()?;
                let stream = net.connect(&endpoint).await?;
                Ok(Self::over_stream(stream, &endpoint, options))
            }
        }
    }

    /// A client of a server over HTTP, by a client of HTTP that is set up already: with headers, proxies, secrets.
    ///
    /// # Errors
    ///
    /// [`Kind::Usage`] if it is no URL.
    pub fn over_http(
        client: crate::client::http::Client,
        url: &str,
        options: ClientOptions,
    ) -> Result<Self> {
        let link = http::Link::new(client, url, options.limits.clone())?;
        Ok(Self::over(Carrier::Http(link), options))
    }

    /// A client of the server at the other end of this stream, by a WebSocket: `url` is `ws://host/path` or `wss://…`, which says
    /// what is asked for there, and `headers` are sent with that. The stream leads there already, in TLS for `wss`.
    ///
    /// # Errors
    ///
    /// [`Kind::Usage`] if it is no URL; [`Kind::Rejected`] with the status if the server answers with something else than a
    /// WebSocket; those of the stream.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the stream.
    pub async fn over_websocket(
        stream: Stream,
        url: &str,
        headers: &Headers,
        options: ClientOptions,
    ) -> Result<Self> {
        let link = websocket::over(stream, url, headers, &options).await?;
        Ok(Self::over(Carrier::Stream(link), options))
    }

    /// A client of the server at the other end of this stream, which is called `endpoint` where something fails.
    pub fn over_stream(stream: Stream, endpoint: &Endpoint, options: ClientOptions) -> Self {
        let link = stream::Link::new(stream, endpoint.to_string(), &options);
        Self::over(Carrier::Stream(link), options)
    }

    fn over(carrier: Carrier, options: ClientOptions) -> Self {
        Self {
            carrier,
            options,
            next: AtomicU64::new(1),
        }
    }

    /// Call a method, and wait for what it gives back.
    ///
    /// # Errors
    ///
    /// [`CallError::Fault`] if the server says no. [`CallError::Failed`] of kind [`Kind::TimedOut`], [`Kind::Lost`],
    /// [`Kind::Protocol`] if the server breaks the rules, and those of connecting.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future forgets the call; the server may do it nevertheless.
    pub async fn call(
        &self,
        method: &str,
        params: impl Into<Params>,
    ) -> std::result::Result<Value, CallError> {
        Ok(self.one(method, params.into().into_value()).await??)
    }

    /// [`Client::call`] with plain types, by serde: a tuple becomes values in order, a struct values by name.
    ///
    /// # Errors
    ///
    /// As [`Client::call`]; [`Kind::Usage`] for parameters that are neither, [`Kind::Protocol`] for a result of another type.
    ///
    /// # Cancel safety
    ///
    /// As [`Client::call`].
    pub async fn call_typed<R: DeserializeOwned>(
        &self,
        method: &str,
        params: &(impl Serialize + ?Sized),
    ) -> std::result::Result<R, CallError> {
        let usage = |why: String| Error::new(Kind::Usage, Operation::Call, why);
        let text = serde_json::to_vec(params)
            .map_err(|error| usage(format!("the parameters are no JSON: {error}")))?;
        let params = match json::parse(&text) {
            Ok(Value::Null) => None,
            Ok(params @ (Value::Array(_) | Value::Object(_))) => Some(params),
            _ => {
                let why = "parameters are values in order or by name: a tuple, a list, a struct";
                return Err(usage(why.into()).into());
            }
        };
        let result = self.one(method, params).await??;
        serde_json::from_str(&json::to_string(&result)).map_err(|error| {
            let why = format!("the result is of another type: {error}");
            self.about(Error::new(Kind::Protocol, Operation::Call, why))
                .into()
        })
    }

    /// Tell a method something without waiting for an answer, which never comes: done when it is on its way.
    ///
    /// # Errors
    ///
    /// As [`Client::call`]; there is a fault only where the carrier has answers of its own, as HTTP does.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves open whether it was sent.
    pub async fn notify(
        &self,
        method: &str,
        params: impl Into<Params>,
    ) -> std::result::Result<(), CallError> {
        let mut text = Vec::new();
        write_request(None, method, params.into().into_value().as_ref(), &mut text);
        let sent = async {
            match &self.carrier {
                Carrier::Http(link) => link.notify(text).await,
                Carrier::Stream(link) => Ok(link.notify(text).await?),
            }
        };
        self.in_time(sent).await
    }

    /// Send several calls together: the answers to those that are no notifications, in their order here.
    ///
    /// # Errors
    ///
    /// As [`Client::call`]: [`CallError::Fault`] if the server refuses the batch as a whole, [`Kind::Protocol`] if an answer is
    /// missing.
    ///
    /// # Cancel safety
    ///
    /// As [`Client::call`].
    pub async fn batch(&self, batch: Batch) -> std::result::Result<Vec<Answer>, CallError> {
        let calls = batch.members.iter().filter(|(is_call, _)| *is_call).count() as u64;
        if batch.members.is_empty() {
            return Ok(Vec::new());
        }
        let first = self.next.fetch_add(calls, Ordering::Relaxed);
        let (mut text, mut id) = (vec![b'['], first);
        for (is_call, call) in batch.members {
            if text.len() > 1 {
                text.push(b',');
            }
            let own = is_call.then(|| Id::from(id));
            id += u64::from(is_call);
            write_request(
                own.as_ref(),
                &call.method,
                call.params.into_value().as_ref(),
                &mut text,
            );
        }
        text.push(b']');
        let answered = async {
            match &self.carrier {
                Carrier::Http(link) if calls == 0 => link.notify(text).await.map(|()| Vec::new()),
                Carrier::Stream(link) if calls == 0 => {
                    Ok(link.notify(text).await.map(|()| Vec::new())?)
                }
                Carrier::Http(link) => link.batch(first..first + calls, text).await,
                Carrier::Stream(link) => link.batch(first..first + calls, text).await,
            }
        };
        self.in_time(answered).await
    }

    /// Close the connection when all that was said is on its way, and wait for the program at its other end, if it is one.
    ///
    /// # Errors
    ///
    /// [`Kind::Lost`] if the connection broke before.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future breaks the connection off.
    pub async fn close(self) -> Result<()> {
        match self.carrier {
            Carrier::Http(_) => Ok(()),
            Carrier::Stream(link) => link.close().await,
        }
    }

    async fn one(
        &self,
        method: &str,
        params: Option<Value>,
    ) -> std::result::Result<Answer, CallError> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let mut text = Vec::new();
        write_request(Some(&Id::from(id)), method, params.as_ref(), &mut text);
        let answered = async {
            match &self.carrier {
                Carrier::Http(link) => link.call(id, text).await,
                Carrier::Stream(link) => link.call(id, text).await,
            }
        };
        self.in_time(answered).await
    }

    async fn in_time<T>(
        &self,
        future: impl Future<Output = std::result::Result<T, CallError>>,
    ) -> std::result::Result<T, CallError> {
        match tokio::time::timeout(self.options.timeout, future).await {
            Ok(done) => done,
            Err(_) => {
                let most = units::print_duration(self.options.timeout);
                let error = Error::new(
                    Kind::TimedOut,
                    Operation::Call,
                    format!("no answer within {most}"),
                );
                Err(self.about(error).into())
            }
        }
    }

    fn about(&self, error: Error) -> Error {
        error.about(match &self.carrier {
            Carrier::Http(link) => link.name(),
            Carrier::Stream(link) => link.name(),
        })
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
