//! One client for both protocols: calls, notifications, several at once.

use std::time::Duration;

use sockeye::data::value::Value;
use sockeye::data::xmlrpc::{ReadOptions, WriteOptions};
use sockeye::rpc::{Answer, Call, CallError, jsonrpc, xmlrpc};
use sockeye::{Error, Kind, Operation, Result};

use super::reach::ReachArgs;
use super::target::{Place, Protocol, Target};
use crate::args::TalkingArgs;
use crate::output::Output;

/// How values of XML-RPC are written and read.
#[derive(Clone, Debug, Default)]
pub(super) struct XmlOptions {
    pub(super) write: WriteOptions,
    pub(super) read: ReadOptions,
}

/// A client.
pub(super) enum Caller {
    Json(Box<jsonrpc::Client>),
    Xml(Box<xmlrpc::Client>),
}

impl Caller {
    /// Reach the server. Over HTTP nothing is opened before the first call.
    ///
    /// # Errors
    ///
    /// Those of connecting.
    pub(super) async fn open(
        target: &Target,
        xml: &XmlOptions,
        reach: &ReachArgs,
        talking: &TalkingArgs,
        output: &Output,
    ) -> Result<Self> {
        reach.check(&target.place)?;
        let net = talking.net(output, false);
        match (&target.place, target.protocol) {
            (Place::Http(url), Protocol::Xml) => {
                let http = reach.client(url, talking, net, output)?;
                let mut read = xml.read.clone();
                read.limits.record = bytes(reach.max_answer);
                let client = xmlrpc::Client::new(&url.to_secret_string())?
                    .http(http)
                    .write(xml.write.clone())
                    .read(read)
                    .timeout(reach.patience());
                Ok(Self::Xml(Box::new(client)))
            }
            (Place::Http(url), Protocol::Json) => {
                let http = reach.client(url, talking, net, output)?;
                let url = url.to_secret_string();
                let client = jsonrpc::Client::over_http(http, &url, options(reach))?;
                Ok(Self::Json(Box::new(client)))
            }
            (Place::WebSocket(url), _) => {
                let endpoint = talking.through(reach.endpoint(url)?)?;
                let headers = reach.lines(output)?;
                let stream = net.connect(&endpoint).await?;
                let url = url.to_secret_string().replacen("http", "ws", 1);
                let client =
                    jsonrpc::Client::over_websocket(stream, &url, &headers, options(reach));
                let client = client.await?;
                Ok(Self::Json(Box::new(client)))
            }
            (Place::Lines(endpoint), _) => {
                let endpoint = talking.through(endpoint.clone())?;
                crate::commands::say_what_is_weak(&endpoint, output);
                let stream = net.connect(&endpoint).await?;
                let client = jsonrpc::Client::over_stream(stream, &endpoint, options(reach));
                Ok(Self::Json(Box::new(client)))
            }
        }
    }

    /// One call.
    pub(super) async fn call(&self, call: Call) -> Result<Value, CallError> {
        match self {
            Self::Json(client) => client.call(&call.method, call.params).await,
            Self::Xml(client) => client.call(&call.method, call.params).await,
        }
    }

    /// A call that nobody answers.
    pub(super) async fn notify(&self, call: Call) -> Result<(), CallError> {
        match self {
            Self::Json(client) => client.notify(&call.method, call.params).await,
            Self::Xml(_) => {
                let why = "XML-RPC has no notifications: each call is answered";
                Err(Error::new(Kind::Usage, Operation::Parse, why).into())
            }
        }
    }

    /// Several calls at once; their answers in their order.
    pub(super) async fn batch(&self, calls: Vec<Call>) -> Result<Vec<Answer>, CallError> {
        match self {
            Self::Json(client) => {
                let batch = calls
                    .into_iter()
                    .fold(jsonrpc::Batch::new(), |batch, call| {
                        batch.call(call.method, call.params)
                    });
                client.batch(batch).await
            }
            Self::Xml(client) => client.multicall(calls).await,
        }
    }

    /// The end: what was said is on its way, and a program at the other end has ended.
    pub(super) async fn close(self) -> Result<()> {
        match self {
            Self::Json(client) => client.close().await,
            Self::Xml(_) => Ok(()),
        }
    }
}

fn options(reach: &ReachArgs) -> jsonrpc::ClientOptions {
    let mut options = jsonrpc::ClientOptions::default();
    options.timeout = reach.patience();
    options.limits.bytes = bytes(reach.max_answer);
    options
}

pub(super) fn bytes(size: u64) -> usize {
    usize::try_from(size).unwrap_or(usize::MAX)
}

/// A fault in our words; anything else as it is.
pub(super) fn said_no(error: CallError) -> Error {
    match error {
        CallError::Fault(fault) => {
            let message = sockeye::data::escape::escape(fault.message.as_bytes());
            let data = fault.data.as_ref().map(|data| {
                let data = sockeye::data::json::to_string(data);
                format!(" {}", sockeye::data::escape::escape(data.as_bytes()))
            });
            let why = format!(
                "the peer says no: {message} (fault {}){}",
                fault.code,
                data.unwrap_or_default()
            );
            Error::new(Kind::Rejected, Operation::Call, why)
        }
        CallError::Failed(error) => error,
        other => Error::new(Kind::Protocol, Operation::Call, other.to_string()),
    }
}

/// Waiting for answers, unless said otherwise.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);
