//! One WebSocket: receiving, sending, and how it ends.

use std::fmt;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::CapacityError;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{self, Message as Raw};
use tokio_util::sync::CancellationToken;

use super::handshake::{Agreed, agree};
use super::patience::Patience;
use super::{Message, WebSocketError, WebSocketOptions};
use crate::net::Stream;
use crate::web::request::{Client, Request};
use crate::web::response::Response;

/// The largest frame that we send: more goes in several, so that no message is copied whole.
const FRAME: usize = 256 << 10;
/// What may wait to be sent to a client that pings and never reads.
const WAITING: usize = 1 << 20;
const READ_BUFFER: usize = 8 << 10;
/// How long, and for how many bytes, a client that broke the protocol may go on sending.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES: u64 = 1 << 20;

/// Messages both ways.
///
/// Pings are answered, and sent, while [`WebSocket::receive`] waits. When the handler's future ends, the WebSocket is closed: with
/// code 1000, or the one of its error; with 1001 when the server stops, 1011 if the handler panics.
///
/// # Examples
///
/// ```
/// use sockeye::web::{Request, Response, WebSocket};
///
/// /// Says everything again.
/// async fn echo(request: Request) -> Response {
///     WebSocket::accept(request, |mut socket| async move {
///         while let Some(message) = socket.receive().await? {
///             socket.send(message).await?;
///         }
///         Ok(())
///     })
/// }
/// # sockeye::web::Server::new(echo);
/// ```
pub struct WebSocket {
    /// There until this is dropped.
    inner: Option<Box<Inner>>,
    /// Where it goes then, to be closed.
    home: Home,
}

type Home = Arc<Mutex<Option<Box<Inner>>>>;

struct Inner {
    frames: WebSocketStream<Patience>,
    options: Arc<WebSocketOptions>,
    protocol: Option<String>,
    client: Arc<Client>,
    stop: CancellationToken,
    heard: Instant,
    /// When a ping was sent that nothing has followed.
    pinged: Option<Instant>,
    /// When we have sent a close.
    closed: Option<Instant>,
    /// Nothing will come any more.
    over: bool,
    /// The peer's code and reason.
    peer_closed: Option<(u16, String)>,
}

impl WebSocket {
    /// Open a WebSocket with the usual options, if the request asks for one; the answer says why not otherwise: 426 for what is no
    /// handshake, or not of version 13, 400, 403 for a page of another site, 405, 501 over HTTP/2.
    pub fn accept<F>(
        request: Request,
        conversation: impl FnOnce(Self) -> F + Send + 'static,
    ) -> Response
    where
        F: Future<Output = Result<(), WebSocketError>> + Send + 'static,
    {
        Self::accept_with(WebSocketOptions::default(), request, conversation)
    }

    /// [`WebSocket::accept`] with other options.
    pub fn accept_with<F>(
        options: WebSocketOptions,
        request: Request,
        conversation: impl FnOnce(Self) -> F + Send + 'static,
    ) -> Response
    where
        F: Future<Output = Result<(), WebSocketError>> + Send + 'static,
    {
        match Self::agree(&request, &options) {
            Ok(agreed) => Self::accept_agreed(agreed, options, request, conversation),
            Err(refused) => *refused,
        }
    }

    /// Whether this request opens a WebSocket; else the answer that says why not.
    pub(in crate::web) fn agree(
        request: &Request,
        options: &WebSocketOptions,
    ) -> Result<Agreed, Box<Response>> {
        agree(request, options)
    }

    /// [`WebSocket::accept_with`] for a request that was found to open one.
    pub(in crate::web) fn accept_agreed<F>(
        agreed: Agreed,
        options: WebSocketOptions,
        request: Request,
        conversation: impl FnOnce(Self) -> F + Send + 'static,
    ) -> Response
    where
        F: Future<Output = Result<(), WebSocketError>> + Send + 'static,
    {
        let (client, protocol) = (Arc::clone(request.client()), agreed.protocol.clone());
        let response = Response::upgrade("websocket", move |stream| async move {
            let home = Home::default();
            let socket = Self {
                inner: Some(Inner::open(stream, options, protocol, client).await),
                home: Arc::clone(&home),
            };
            let ended = guarded(conversation(socket)).await;
            let inner = home.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(inner) = inner {
                inner.finish(ended).await;
            }
        });
        let response = response.header("Sec-WebSocket-Accept", agreed.accept);
        match agreed.protocol {
            Some(protocol) => response.header("Sec-WebSocket-Protocol", protocol),
            None => response,
        }
    }

    /// The next message; `None` when the client has closed, or the server stops.
    ///
    /// # Errors
    ///
    /// [`WebSocketError`]: the client has been told, nothing follows.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a message is returned or comes the next time. So it may stand in a `select!` beside what makes messages.
    pub async fn receive(&mut self) -> Result<Option<Message>, WebSocketError> {
        match &mut self.inner {
            Some(inner) => inner.receive().await,
            None => Ok(None),
        }
    }

    /// Send a message, and wait until the system has it.
    ///
    /// # Errors
    ///
    /// [`WebSocketError::Closed`], or [`WebSocketError::Io`] if the client is gone or takes nothing.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: a part of the message may have been sent, and the WebSocket is of no more use.
    pub async fn send(&mut self, message: impl Into<Message>) -> Result<(), WebSocketError> {
        match &mut self.inner {
            Some(inner) => inner.send(message.into()).await,
            None => Err(WebSocketError::Closed),
        }
    }

    /// Say that this is the end, with a code (1000, or 3000 to 4999 for reasons of one's own; RFC 6455 section 7.4) and a reason, of
    /// which at most 123 bytes are sent. What the client still sends can be received. A code that may not be sent becomes 1000.
    ///
    /// # Errors
    ///
    /// As [`WebSocket::send`].
    ///
    /// # Cancel safety
    ///
    /// As [`WebSocket::send`].
    pub async fn close(&mut self, code: u16, reason: &str) -> Result<(), WebSocketError> {
        match &mut self.inner {
            Some(inner) => inner.say_close(code, reason).await,
            None => Err(WebSocketError::Closed),
        }
    }

    /// The subprotocol that was agreed on.
    pub fn protocol(&self) -> Option<&str> {
        self.inner.as_ref()?.protocol.as_deref()
    }

    /// Who is at the other end.
    pub fn client(&self) -> Option<&Arc<Client>> {
        Some(&self.inner.as_ref()?.client)
    }

    /// The code and the reason with which the client closed, once it has; 1005 if it gave none.
    pub fn closed(&self) -> Option<(u16, &str)> {
        let (code, reason) = self.inner.as_ref()?.peer_closed.as_ref()?;
        Some((*code, reason))
    }
}

impl Drop for WebSocket {
    fn drop(&mut self) {
        let inner = self.inner.take();
        *self.home.lock().unwrap_or_else(PoisonError::into_inner) = inner;
    }
}

impl Inner {
    async fn open(
        stream: Stream,
        options: WebSocketOptions,
        protocol: Option<String>,
        client: Arc<Client>,
    ) -> Box<Self> {
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER)
            .write_buffer_size(0)
            .max_write_buffer_size(WAITING)
            .max_message_size(Some(options.message))
            .max_frame_size(Some(options.frame));
        let stream = Patience::new(stream, options.stall);
        let stop = client.stopping();
        Box::new(Self {
            frames: WebSocketStream::from_raw_socket(stream, Role::Server, Some(config)).await,
            options: Arc::new(options),
            protocol,
            client,
            stop,
            heard: Instant::now(),
            pinged: None,
            closed: None,
            over: false,
            peer_closed: None,
        })
    }

    async fn receive(&mut self) -> Result<Option<Message>, WebSocketError> {
        while !self.over {
            let due = match (self.closed, self.pinged) {
                (Some(closed), _) => closed + self.options.close,
                (None, Some(pinged)) => pinged + self.options.pong,
                (None, None) => self.heard + self.options.ping,
            };
            tokio::select! {
                // What has come counts, even if the handler was long away.
                biased;
                frame = self.frames.next() => {
                    if let Some(message) = self.heard(frame).await? {
                        return Ok(Some(message));
                    }
                }
                () = self.stop.cancelled(), if self.closed.is_none() => {
                    self.say_close(1001, "the server stops").await?;
                    return Ok(None);
                }
                () = sleep_until(due) => self.ping_or_give_up().await?,
            }
        }
        Ok(None)
    }

    /// What a frame says.
    async fn heard(
        &mut self,
        frame: Option<Result<Raw, tungstenite::Error>>,
    ) -> Result<Option<Message>, WebSocketError> {
        (self.heard, self.pinged) = (Instant::now(), None);
        match frame {
            Some(Ok(Raw::Text(text))) => Ok(Some(Message::Text(text.as_str().to_owned()))),
            Some(Ok(Raw::Binary(bytes))) => Ok(Some(Message::Binary(bytes))),
            Some(Ok(Raw::Close(close))) => {
                let said = close.map(|frame| (frame.code.into(), frame.reason.as_str().to_owned()));
                self.peer_closed = Some(said.unwrap_or((1005, String::new())));
                Ok(None)
            }
            Some(Ok(_)) => Ok(None),
            None => {
                self.over = true;
                Ok(None)
            }
            Some(Err(error)) => {
                self.over = true;
                let error = said(error, &self.options);
                if let Some(code) = error.code() {
                    // Whether or not it hears this, the error is the one to tell of.
                    let _ = self.say_close(code, &error.to_string()).await;
                }
                Err(error)
            }
        }
    }

    async fn ping_or_give_up(&mut self) -> Result<(), WebSocketError> {
        if self.closed.is_some() {
            self.over = true;
            return Ok(());
        }
        if self.pinged.is_some() {
            self.over = true;
            return Err(WebSocketError::Silent);
        }
        self.pinged = Some(Instant::now());
        let sent = self.frames.send(Raw::Ping(Bytes::new())).await;
        sent.map_err(|error| said(error, &self.options))
    }

    async fn send(&mut self, message: Message) -> Result<(), WebSocketError> {
        if self.closed.is_some() {
            return Err(WebSocketError::Closed);
        }
        let (kind, mut bytes) = match message {
            Message::Text(text) => (Data::Text, Bytes::from(text)),
            Message::Binary(bytes) => (Data::Binary, bytes),
        };
        let mut kind = OpCode::Data(kind);
        loop {
            let piece = bytes.split_to(bytes.len().min(FRAME));
            let frame = Frame::message(piece, kind, bytes.is_empty());
            let sent = self.frames.send(Raw::Frame(frame)).await;
            sent.map_err(|error| said(error, &self.options))?;
            if bytes.is_empty() {
                return Ok(());
            }
            kind = OpCode::Data(Data::Continue);
        }
    }

    async fn say_close(&mut self, code: u16, reason: &str) -> Result<(), WebSocketError> {
        if self.closed.is_some() || self.peer_closed.is_some() {
            return Ok(());
        }
        self.closed = Some(Instant::now());
        let code = Some(CloseCode::from(code)).filter(|code| code.is_allowed());
        let mut end = reason.len().min(123);
        while !reason.is_char_boundary(end) {
            end -= 1;
        }
        let frame = CloseFrame {
            code: code.unwrap_or(CloseCode::Normal),
            reason: reason[..end].into(),
        };
        let sent = self.frames.send(Raw::Close(Some(frame))).await;
        sent.map_err(|error| said(error, &self.options))
    }

    /// The handler is done: the closing handshake, then the end of the stream, by us first (RFC 6455 section 7.1.1).
    async fn finish(mut self: Box<Self>, ended: Option<Result<(), WebSocketError>>) {
        let (code, why) = match &ended {
            // The client has closed, perhaps without our answer yet.
            Some(Ok(()) | Err(WebSocketError::Closed)) => (Some(1000), ""),
            Some(Err(error)) => (error.code(), ""),
            None => (Some(1011), "the handler failed"),
        };
        let Some(code) = code else { return };
        if self.say_close(code, why).await.is_err() {
            return;
        }
        let patience = self.options.close;
        let answered = async { while let Some(Ok(_)) = self.frames.next().await {} };
        let _ = timeout(patience, answered).await;
        let mut stream = self.frames.into_inner();
        if stream.shutdown().await.is_err() {
            return;
        }
        // A close with unread bytes would be a reset, which may overtake our last words.
        let mut rest = stream.take(LINGER_BYTES);
        let drained = async {
            let mut bytes = [0; 4096];
            while rest.read(&mut bytes).await.is_ok_and(|read| read > 0) {}
        };
        let _ = timeout(LINGER, drained).await;
    }
}

/// An error in our words.
fn said(error: tungstenite::Error, options: &WebSocketOptions) -> WebSocketError {
    match error {
        tungstenite::Error::Protocol(
            tungstenite::error::ProtocolError::ResetWithoutClosingHandshake,
        ) => WebSocketError::Io(std::io::ErrorKind::UnexpectedEof.into()),
        tungstenite::Error::Protocol(tungstenite::error::ProtocolError::SendAfterClosing)
        | tungstenite::Error::ConnectionClosed
        | tungstenite::Error::AlreadyClosed => WebSocketError::Closed,
        tungstenite::Error::Protocol(error) => WebSocketError::Protocol(error.to_string()),
        tungstenite::Error::Utf8(_) => WebSocketError::NotUtf8,
        tungstenite::Error::Capacity(CapacityError::MessageTooLong { max_size, .. }) => {
            WebSocketError::TooLarge(max_size)
        }
        tungstenite::Error::Capacity(_) => WebSocketError::TooLarge(options.message),
        tungstenite::Error::Io(error) => WebSocketError::Io(error),
        error => WebSocketError::Io(std::io::Error::other(error)),
    }
}

/// What the handler's future says; `None` if it panics.
async fn guarded<T>(conversation: impl Future<Output = T>) -> Option<T> {
    let mut conversation = pin!(conversation);
    poll_fn(|cx| {
        // What the handler leaves behind is its own: nothing of ours is in it.
        match catch_unwind(AssertUnwindSafe(|| conversation.as_mut().poll(cx))) {
            Ok(polled) => polled.map(Some),
            Err(_) => Poll::Ready(None),
        }
    })
    .await
}

impl fmt::Debug for WebSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSocket")
            .field("protocol", &self.protocol())
            .field("closed", &self.closed())
            .finish_non_exhaustive()
    }
}
