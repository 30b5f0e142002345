//! Raw bytes there and back, for what no proper client sends.

use std::time::Duration;

use sockeye::client::http::{Body, Client, Request};
use sockeye::data::url::Url;
use sockeye::{Endpoint, Error, Kind, Link, Net, Operation, Result, Stream};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};

use super::reach::ReachArgs;
use super::target::{Place, Protocol, Target};
use crate::args::TalkingArgs;
use crate::output::Output;

/// A call whose answer says that nothing came before it.
const END: &str =
    r#"{"jsonrpc":"2.0","method":"sockeye_check_no_such_method","id":"sockeye-check-end"}"#;
const END_ID: &[u8] = b"\"sockeye-check-end\"";

/// What came back.
#[derive(Debug, Default)]
pub(super) struct Reply {
    /// The status, over HTTP.
    pub(super) status: Option<u16>,
    /// The media type of the body, over HTTP.
    pub(super) media_type: Option<String>,
    /// How long the body is, as its head says.
    pub(super) length: Option<u64>,
    /// The body, or the line; empty if nothing came.
    pub(super) body: Vec<u8>,
    /// Why there is none: the connection was lost, the time was over.
    pub(super) broken: Option<String>,
}

/// How cases reach the server.
#[expect(clippy::large_enum_variant, reason = "there is one of them")]
pub(super) enum Carrier {
    /// Each case is a POST.
    Http {
        client: Box<Client>,
        url: Url,
        media_type: &'static str,
    },
    /// Each case is a line on a connection of its own.
    Lines {
        net: Net,
        endpoint: Endpoint,
        most: u64,
    },
}

impl Carrier {
    /// A carrier to there; nothing is opened yet.
    ///
    /// # Errors
    ///
    /// [`Kind::Usage`] for flags that have no effect there; [`Kind::Unsupported`] for WebSockets.
    pub(super) fn open(
        target: &Target,
        reach: &ReachArgs,
        talking: &TalkingArgs,
        output: &Output,
    ) -> Result<Self> {
        reach.check(&target.place)?;
        let net = talking.net(output, false);
        match &target.place {
            Place::Http(url) => Ok(Self::Http {
                client: Box::new(reach.client(url, talking, net, output)?),
                url: url.clone(),
                media_type: match target.protocol {
                    Protocol::Json => "application/json",
                    Protocol::Xml => "text/xml",
                },
            }),
            Place::Lines(endpoint) => {
                let endpoint = talking.through(endpoint.clone())?;
                crate::commands::say_what_is_weak(&endpoint, output);
                Ok(Self::Lines {
                    net,
                    endpoint,
                    most: reach.max_answer,
                })
            }
            Place::WebSocket(_) => {
                let why = "raw calls are not sent over ws and wss";
                let error = Error::new(Kind::Unsupported, Operation::Parse, why);
                Err(error.with_hint("the same server is reached over http, tcp or unix"))
            }
        }
    }

    /// Send a case, and wait for what comes; what breaks on the way is part of the reply.
    ///
    /// # Errors
    ///
    /// Those of connecting over a stream.
    pub(super) async fn exchange(
        &self,
        sent: &[u8],
        silent: bool,
        patience: Duration,
    ) -> Result<Reply> {
        match self {
            Self::Http {
                client,
                url,
                media_type,
            } => {
                let mut request = Request::new("POST", url.clone())?;
                request.set_body(Body::bytes(sent.to_vec()).with_media_type(*media_type));
                let posted = tokio::time::timeout(patience, post(client, request)).await;
                match posted {
                    Ok(Ok(reply)) => Ok(reply),
                    Ok(Err(error)) if is_unreachable(&error) => Err(error),
                    Ok(Err(error)) => Ok(broken(error.why().to_owned())),
                    Err(_) => Ok(late(patience)),
                }
            }
            Self::Lines {
                net,
                endpoint,
                most,
            } => {
                let stream = match net.open(endpoint).await? {
                    Link::Stream(stream) => stream,
                    other => {
                        other.abort();
                        return Ok(broken("it carries no bytes".to_owned()));
                    }
                };
                let talk = line(stream, sent, silent, *most);
                match tokio::time::timeout(patience, talk).await {
                    Ok(Ok(reply)) => Ok(reply),
                    Ok(Err(error)) => Ok(broken(error.to_string())),
                    Err(_) => Ok(late(patience)),
                }
            }
        }
    }
}

/// Nobody was reached at all: that is no verdict.
fn is_unreachable(error: &Error) -> bool {
    matches!(
        error.kind(),
        Kind::Name | Kind::Refused | Kind::Unreachable | Kind::Tls | Kind::Usage | Kind::Denied
    )
}

fn broken(why: String) -> Reply {
    Reply {
        broken: Some(why),
        ..Reply::default()
    }
}

fn late(patience: Duration) -> Reply {
    broken(format!("nothing came within {patience:?}"))
}

async fn post(client: &Client, request: Request) -> Result<Reply> {
    let mut response = client.send(request).await?;
    let length = response.content_length();
    let body = response.gather().await?;
    Ok(Reply {
        status: Some(response.status()),
        media_type: response.header("content-type").map(str::to_owned),
        length,
        body: body.to_vec(),
        broken: None,
    })
}

/// One line there, one line back. Where nothing may come, a call is sent behind it, and its answer has to be the first.
async fn line(mut stream: Stream, sent: &[u8], silent: bool, most: u64) -> std::io::Result<Reply> {
    let mut bytes = sent.to_vec();
    bytes.push(b'\n');
    if silent {
        bytes.extend_from_slice(END.as_bytes());
        bytes.push(b'\n');
    }
    stream.write_all(&bytes).await?;
    let mut reply = Reply {
        body: next_line(&mut stream, most).await?,
        ..Reply::default()
    };
    if silent
        && reply
            .body
            .windows(END_ID.len())
            .any(|piece| piece == END_ID)
    {
        reply.body.clear();
    } else if reply.body.is_empty() {
        reply.broken = Some("the connection was closed without an answer".to_owned());
    }
    Ok(reply)
}

async fn next_line(stream: &mut (impl AsyncRead + Unpin), most: u64) -> std::io::Result<Vec<u8>> {
    let mut line = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let read = stream.read(&mut chunk).await?;
        if let Some(end) = chunk[..read].iter().position(|byte| *byte == b'\n') {
            line.extend_from_slice(&chunk[..end]);
            return Ok(line);
        }
        line.extend_from_slice(&chunk[..read]);
        if read == 0 {
            return Ok(line);
        }
        if u64::try_from(line.len()).unwrap_or(u64::MAX) > most {
            return Err(std::io::Error::other(
                "the line is longer than --max-answer",
            ));
        }
    }
}
