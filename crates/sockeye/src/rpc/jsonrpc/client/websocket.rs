//! All calls over one WebSocket (RFC 6455), as the client. The handshake is ours, frames are those of `tungstenite`.

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::SplitSink;
use futures_util::{SinkExt, StreamExt};
use sha1::{Digest, Sha1};
use sockeye_data::http1::{self, Headers, Parsed, RequestHead, ResponseHead, ResponseParser};
use sockeye_data::url::{Scheme, Url};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{self, Message};

use super::ClientOptions;
use super::pending::{Over, Pending};
use super::stream::{Link, Outgoing};
use crate::endpoint::Endpoint;
use crate::error::{Error, Kind, Operation, Result};
use crate::net::{Net, Stream};

/// What every key is joined with (section 1.3).
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/// Answers to calls of the server that may wait to be sent.
const REPLIES: usize = 16;
/// How long the server may take to answer our close.
const FAREWELL: Duration = Duration::from_secs(5);

type Frames = WebSocketStream<Stream>;

/// Connect to `ws://…` or `wss://…`.
pub(super) async fn connect(net: &Net, url: &str, options: &ClientOptions) -> Result<Link> {
    let place = Place::read(url)?;
    let stream = net.connect(&place.endpoint()?).await?;
    begin(stream, place, &Headers::new(), options).await
}

/// The same over a stream that leads there already, with further header lines.
pub(super) async fn over(
    stream: Stream,
    url: &str,
    headers: &Headers,
    options: &ClientOptions,
) -> Result<Link> {
    begin(stream, Place::read(url)?, headers, options).await
}

async fn begin(
    stream: Stream,
    place: Place,
    headers: &Headers,
    options: &ClientOptions,
) -> Result<Link> {
    let shaken = timeout(options.timeout, shake(stream, &place, headers, options)).await;
    let late = || {
        Error::new(
            Kind::TimedOut,
            Operation::Handshake,
            "the server does not answer",
        )
    };
    let frames = shaken
        .unwrap_or_else(|_| Err(late()))
        .map_err(|error| error.about(&place.name))?;
    let limits = options.limits.bytes;
    Ok(Link::driven(place.name, options, |outgoing, pending| {
        drive(frames, outgoing, pending, limits)
    }))
}

/// Where a URL leads.
struct Place {
    url: Url,
    name: String,
}

impl Place {
    fn read(text: &str) -> Result<Self> {
        // The same in all but the name of the scheme (section 3).
        let as_http = format!("http{}", text.get(2..).unwrap_or_default());
        let url = Url::parse(&as_http).map_err(|error| {
            Error::new(Kind::Usage, Operation::Parse, error.to_string())
                .with_hint("a URL looks like ws://host/path")
        })?;
        Ok(Self {
            name: url.without_secrets().to_string().replacen("http", "ws", 1),
            url,
        })
    }

    fn endpoint(&self) -> Result<Endpoint> {
        let (scheme, options) = match self.url.scheme() {
            Scheme::Https => ("tls", "?alpn=http/1.1"),
            _ => ("tcp", ""),
        };
        let port = self.url.port_or_default().unwrap_or(80);
        let endpoint = format!("{scheme}://{}:{port}{options}", self.url.host());
        Ok(endpoint.parse()?)
    }

    /// The head of the request, with these lines.
    fn request(&self, key: &str, further: &Headers) -> Result<Vec<u8>, http1::Error> {
        let mut headers = Headers::new();
        headers.append("Host", self.url.authority())?;
        headers.append("Connection", "Upgrade")?;
        headers.append("Upgrade", "websocket")?;
        headers.append("Sec-WebSocket-Version", "13")?;
        headers.append("Sec-WebSocket-Key", key)?;
        headers.append("User-Agent", concat!("sockeye/", env!("CARGO_PKG_VERSION")))?;
        if let Some(user) = self.url.user() {
            let secret = [&*user, b":", &self.url.password().unwrap_or_default()].concat();
            let secret = data_encoding::BASE64.encode(&secret);
            headers.append("Authorization", format!("Basic {secret}"))?;
        }
        // Lines of one's own stand for those that would be sent, but the handshake is ours.
        for field in further.iter() {
            let names = ["Host", "User-Agent", "Authorization"];
            if names
                .iter()
                .any(|name| field.name.eq_ignore_ascii_case(name))
            {
                headers.remove(field.name);
            }
        }
        for field in further.iter() {
            headers.append(field.name, field.value)?;
        }
        let mut out = Vec::new();
        RequestHead::new("GET", self.url.target(), headers).write(&mut out)?;
        Ok(out)
    }
}

/// The handshake (section 4.1).
async fn shake(
    mut stream: Stream,
    place: &Place,
    headers: &Headers,
    options: &ClientOptions,
) -> Result<Frames> {
    let io = |error| Error::from_io(Operation::Handshake, error);
    let protocol = |why: String| Error::new(Kind::Protocol, Operation::Handshake, why);
    let key = random_key()?;
    let request = place.request(&key, headers);
    let request = request
        .map_err(|error| Error::new(Kind::Usage, Operation::Handshake, error.to_string()))?;
    stream.write_all(&request).await.map_err(io)?;
    stream.flush().await.map_err(io)?;
    let mut parser = ResponseParser::new(http1::Limits::default());
    let mut buffer = Vec::with_capacity(4 << 10);
    let (head, consumed) = loop {
        if stream.read_buf(&mut buffer).await.map_err(io)? == 0 {
            let why = "the server closed the connection before it answered";
            return Err(Error::new(Kind::Lost, Operation::Handshake, why));
        }
        match parser.parse(&buffer) {
            Ok(Parsed::Complete { head, consumed, .. }) => break (head, consumed),
            Ok(Parsed::Incomplete) => {}
            Err(error) => return Err(protocol(error.to_string())),
        }
    };
    check(&head, &key)?;
    let config = WebSocketConfig::default()
        .max_message_size(Some(options.limits.bytes))
        .max_frame_size(Some(options.limits.bytes));
    let rest = buffer.split_off(consumed);
    Ok(WebSocketStream::from_partially_read(stream, rest, Role::Client, Some(config)).await)
}

/// Whether the server agrees.
fn check(head: &ResponseHead, key: &str) -> Result<()> {
    if head.status != 101 {
        let why = format!(
            "the server answers {}, and not with a WebSocket",
            head.status
        );
        return Err(Error::new(Kind::Rejected, Operation::Handshake, why).with_status(head.status));
    }
    let digest = Sha1::new().chain_update(key).chain_update(GUID).finalize();
    let accept = data_encoding::BASE64.encode(&digest);
    let is_right = head.headers.get("sec-websocket-accept") == Some(accept.as_bytes());
    let is_websocket = http1::upgrade(head.version, &head.headers)
        .iter()
        .any(|name| name.eq_ignore_ascii_case(b"websocket"));
    if !is_right || !is_websocket {
        let why = "the server's answer to the handshake of WebSocket is wrong";
        return Err(Error::new(Kind::Protocol, Operation::Handshake, why));
    }
    Ok(())
}

fn random_key() -> Result<String> {
    let mut key = [0; 16];
    getrandom::fill(&mut key).map_err(|error| {
        let why = format!("the system gives no random numbers: {error}");
        Error::new(Kind::Io, Operation::Handshake, why)
    })?;
    Ok(data_encoding::BASE64.encode(&key))
}

/// Send what is to be sent, hand out what comes, until either side ends it.
async fn drive(
    frames: Frames,
    mut outgoing: mpsc::Receiver<Outgoing>,
    pending: Arc<Pending>,
    limit: usize,
) {
    let (mut sink, mut source) = frames.split();
    let (reply, mut replies) = mpsc::channel(REPLIES);
    // Both at the same time: two ends that only write wait for each other.
    let over = tokio::select! {
        over = send_all(&mut sink, &mut outgoing, &mut replies) => over,
        over = async {
            loop {
                let message = match source.next().await {
                    None | Some(Ok(Message::Close(_))) => break Over::new(Kind::Lost, "the server closed the WebSocket"),
                    Some(Ok(message @ (Message::Text(_) | Message::Binary(_)))) => message.into_data(),
                    Some(Ok(_)) => continue,
                    Some(Err(error)) => break broken(error, limit),
                };
                match pending.hear(&message) {
                    // A server that calls us without end is not answered without end.
                    Ok(answer) => drop(answer.map(|answer| reply.try_send(answer))),
                    Err(over) => break over,
                }
            }
        } => Some(over),
    };
    let is_farewell = over.is_none();
    pending.end(over.unwrap_or_else(|| Over::new(Kind::Canceled, "the client was closed")));
    drop(outgoing);
    let goodbye = async {
        if sink.close().await.is_ok() && is_farewell {
            while let Some(Ok(_)) = source.next().await {}
        }
    };
    drop(timeout(FAREWELL, goodbye).await);
}

/// Send until nobody has anything to send any more: then `None`.
async fn send_all(
    sink: &mut SplitSink<Frames, Message>,
    outgoing: &mut mpsc::Receiver<Outgoing>,
    replies: &mut mpsc::Receiver<Vec<u8>>,
) -> Option<Over> {
    loop {
        let message = tokio::select! {
            message = outgoing.recv() => message?,
            Some(text) = replies.recv() => Outgoing { text, sent: None },
        };
        // What we write is UTF-8.
        let text = String::from_utf8(message.text).unwrap_or_default();
        if let Err(error) = sink.send(Message::text(text)).await {
            return Some(broken(error, 0));
        }
        if let Some(sent) = message.sent {
            // Whoever does not wait any more need not know.
            let _ = sent.send(());
        }
    }
}

/// What an error of the frames means.
fn broken(error: tungstenite::Error, limit: usize) -> Over {
    match error {
        tungstenite::Error::ConnectionClosed | tungstenite::Error::AlreadyClosed => {
            Over::new(Kind::Lost, "the server closed the WebSocket")
        }
        tungstenite::Error::Io(error) => {
            Over::new(Kind::Lost, format!("the connection broke: {error}"))
        }
        tungstenite::Error::Capacity(_) => Over::new(
            Kind::Protocol,
            format!("a message has more than {limit} bytes"),
        ),
        error => Over::new(
            Kind::Protocol,
            format!("the server breaks the rules of WebSocket: {error}"),
        ),
    }
}
