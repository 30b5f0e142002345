//! HTTP/2 on one connection that many requests share (RFC 9113).

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use bytes::Bytes;
use h2::RecvStream;
use h2::client::{ResponseFuture, SendRequest};
use sockeye_data::http1::{Framing, Headers, ResponseHead};
use tokio::time::{Instant, timeout};

use super::fields;
use super::upload2::{self, Upload};
use super::{Answer, Home, Incoming, Outgoing, Payload, Times, Unanswered};
use crate::client::http::hop::{ConnectionInfo, Hop, Version};
use crate::client::http::settings::Limits;
use crate::error::{Error, Kind, Operation, Result};
use crate::net::Stream;

/// The longest frame that a server may send, in bytes.
const FRAME: u32 = 64 << 10;

/// A handle on a connection; its clones share it. It closes when all are gone and the last answer was read.
#[derive(Clone)]
pub(in crate::client::http) struct Connection {
    sender: SendRequest<Bytes>,
    info: ConnectionInfo,
    state: Arc<State>,
}

/// What the handles and the task that drives the connection know of each other.
struct State {
    began: Instant,
    /// Whether TLS agreed on HTTP/2, so that there is no doubt that the server speaks it.
    is_agreed: bool,
    /// Whether the server ever answered anything.
    was_heard: AtomicBool,
    is_over: AtomicBool,
    active: AtomicUsize,
    /// When the last request ended, in milliseconds after the beginning.
    last_used: AtomicU64,
}

impl State {
    fn is_idle_for(&self, time: Duration) -> bool {
        let last = Duration::from_millis(self.last_used.load(Ordering::Relaxed));
        let is_unused = self.active.load(Ordering::Relaxed) == 0;
        is_unused && self.began.elapsed().saturating_sub(last) >= time
    }
}

/// Counts as one request under way while it lives.
struct Lease(Arc<State>);

impl Lease {
    fn new(state: &Arc<State>) -> Self {
        state.active.fetch_add(1, Ordering::Relaxed);
        Self(state.clone())
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        // A connection that is older than 500 million years has other worries.
        let now = u64::try_from(self.0.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.0.last_used.store(now, Ordering::Relaxed);
        self.0.active.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Says that the connection is over when the task that drives it ends, however that comes.
struct Over(Arc<State>);

impl Drop for Over {
    fn drop(&mut self) {
        self.0.is_over.store(true, Ordering::Relaxed);
    }
}

impl Connection {
    /// Begin to speak HTTP/2 on this stream. A task of its own moves the frames, until the server closes, all handles are gone,
    /// or nobody has asked for anything as long as connections are kept.
    pub(super) async fn start(
        stream: Stream,
        info: ConnectionInfo,
        limits: &Limits,
    ) -> Result<Self> {
        let head = u32::try_from(limits.head.head).unwrap_or(u32::MAX);
        let state = Arc::new(State {
            began: Instant::now(),
            is_agreed: info.secured.is_some(),
            was_heard: AtomicBool::new(false),
            is_over: AtomicBool::new(false),
            active: AtomicUsize::new(0),
            last_used: AtomicU64::new(0),
        });
        let mut builder = h2::client::Builder::new();
        builder
            .enable_push(false)
            .initial_window_size(limits.stream_window.clamp(MIN_WINDOW, MAX_WINDOW))
            .initial_connection_window_size(limits.connection_window.clamp(MIN_WINDOW, MAX_WINDOW))
            .max_frame_size(FRAME)
            .max_header_list_size(head);
        let shaken = timeout(limits.idle, builder.handshake(stream)).await;
        let Ok(shaken) = shaken else {
            return Err(silent(limits.idle));
        };
        let (sender, connection) = shaken.map_err(|error| failed(error, &state))?;
        let (over, keep) = (Over(state.clone()), limits.keep);
        tokio::spawn(async move {
            let mut connection = pin!(connection);
            // Whatever ends it, the requests on it hear of it.
            while timeout(keep, &mut connection).await.is_err() && !over.0.is_idle_for(keep) {}
        });
        Ok(Self {
            sender,
            info,
            state,
        })
    }

    pub(super) fn info(&self) -> &ConnectionInfo {
        &self.info
    }

    /// The same connection, for the next request.
    pub(super) fn again(&self) -> Self {
        let mut again = self.clone();
        again.info.reused = true;
        again
    }

    /// Whether new requests can be put on it, as far as is known by now: a server that is about to leave takes none.
    pub(super) fn is_open(&self) -> bool {
        let mut context = Context::from_waker(Waker::noop());
        let is_over = self.state.is_over.load(Ordering::Relaxed);
        !is_over
            && !matches!(
                self.sender.clone().poll_ready(&mut context),
                Poll::Ready(Err(_))
            )
    }

    /// Put no new requests on it.
    fn retire(&self) {
        self.state.is_over.store(true, Ordering::Relaxed);
    }

    /// See [`super::Connection::exchange`].
    pub(super) async fn exchange(
        mut self,
        request: Outgoing<'_>,
        home: Home,
    ) -> Result<Answer, Unanswered> {
        let mut reading = Reading {
            limits: request.limits,
            interim: Vec::new(),
            times: Times::default(),
        };
        let lease = Lease::new(&self.state);
        match self.converse(request, &mut reading).await {
            Ok((response, upload)) => {
                self.state.was_heard.store(true, Ordering::Relaxed);
                reading.answer(response, upload, lease, home)
            }
            Err(fault) => {
                let (error, is_unprocessed) = fault.explain(&self.state);
                if is_unprocessed {
                    self.retire();
                }
                Err(Unanswered {
                    error,
                    silent: reading.times.first_byte.is_none(),
                    is_unprocessed,
                    times: reading.times,
                })
            }
        }
    }

    async fn converse(
        &mut self,
        request: Outgoing<'_>,
        reading: &mut Reading,
    ) -> Result<(http::Response<RecvStream>, Uploading), Fault> {
        let head = fields::request(&request)?;
        let has_body = !matches!(request.body, Payload::None);
        let (mut response, stream) = self.sender.send_request(head, !has_body)?;
        // The server says how many requests it takes at once; until it takes this one, others hold it up and not the server.
        poll_fn(|cx| self.sender.poll_ready(cx)).await?;
        let count = Arc::<AtomicU64>::default();
        let mut uploading = Uploading {
            upload: None,
            count: count.clone(),
            sent: None,
        };
        match request.body {
            Payload::None => {
                drop(stream);
                uploading.sent = Some(Instant::now());
            }
            Payload::Bytes(bytes) => {
                let length = bytes.len() as u64;
                uploading.upload = Some(upload2::bytes(stream, bytes, request.limits.idle));
                count.store(length, Ordering::Relaxed);
            }
            Payload::Reader(body) => {
                if request.expects {
                    let wanted = poll_fn(|cx| reading.poll_head(cx, &mut response, true));
                    if let Ok(head) = timeout(request.limits.expect, wanted).await
                        && let Some(response) = head?
                    {
                        return Ok((response, uploading));
                    }
                }
                let length = match request.framing {
                    Framing::Length(length) => Some(length),
                    _ => None,
                };
                let idle = request.limits.idle;
                uploading.upload = Some(upload2::start(stream, body, length, idle, count));
            }
        }
        let response = reading.answered(&mut response, &mut uploading).await?;
        Ok((response, uploading))
    }
}

/// The smallest window, which is the default of the protocol, and the largest (RFC 9113 section 6.9.1).
const MIN_WINDOW: u32 = (1 << 16) - 1;
const MAX_WINDOW: u32 = (1 << 31) - 1;

/// What went wrong with a request.
enum Fault {
    /// As the protocol says it.
    Http2(h2::Error),
    Ours(Error),
}

impl From<h2::Error> for Fault {
    fn from(error: h2::Error) -> Self {
        Self::Http2(error)
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Ours(error)
    }
}

impl Fault {
    /// In our words, and whether the server has certainly not looked at the request (RFC 9113 section 8.7).
    fn explain(self, state: &State) -> (Error, bool) {
        match self {
            Self::Ours(error) => (error, false),
            Self::Http2(error) => {
                let is_refused =
                    error.is_reset() && error.reason() == Some(h2::Reason::REFUSED_STREAM);
                let is_left = error.is_go_away() && error.reason() == Some(h2::Reason::NO_ERROR);
                let is_unprocessed = error.is_remote() && (is_refused || is_left);
                (failed(error, state), is_unprocessed)
            }
        }
    }
}

/// What is read before the body.
struct Reading {
    limits: Limits,
    interim: Vec<(u16, Headers)>,
    times: Times,
}

impl Reading {
    /// The head of the answer, while the body is sent.
    async fn answered(
        &mut self,
        response: &mut ResponseFuture,
        uploading: &mut Uploading,
    ) -> Result<http::Response<RecvStream>, Fault> {
        let idle = self.limits.idle;
        loop {
            let before = uploading.count.load(Ordering::Relaxed);
            let polled = timeout(
                idle,
                poll_fn(|cx| {
                    if let Poll::Ready(Err(error)) = uploading.poll(cx) {
                        return Poll::Ready(Err(Fault::Ours(error)));
                    }
                    self.poll_head(cx, response, false)
                }),
            );
            match polled.await {
                Ok(head) => {
                    if let Some(head) = head? {
                        return Ok(head);
                    }
                }
                // A server that takes the body is not silent.
                Err(_) if uploading.count.load(Ordering::Relaxed) > before => {}
                Err(_) => return Err(silent(idle).into()),
            }
        }
    }

    /// The head of the answer; with `or_continue`, `None` as soon as the server wants the body.
    fn poll_head(
        &mut self,
        cx: &mut Context<'_>,
        response: &mut ResponseFuture,
        or_continue: bool,
    ) -> Poll<Result<Option<http::Response<RecvStream>>, Fault>> {
        while let Some(interim) = ready!(response.poll_informational(cx)).transpose()? {
            self.times.first_byte.get_or_insert_with(Instant::now);
            let status = interim.status().as_u16();
            self.interim
                .push((status, fields::headers(interim.headers())?));
            if self.interim.len() > self.limits.interim as usize {
                let why = format!(
                    "more than {} answers before the answer",
                    self.limits.interim
                );
                let error = Error::new(Kind::Protocol, Operation::Fetch, why);
                return Poll::Ready(Err(error.into()));
            }
            if or_continue && status == 100 {
                return Poll::Ready(Ok(None));
            }
        }
        let head = ready!(Pin::new(response).poll(cx))?;
        let now = Instant::now();
        self.times.first_byte.get_or_insert(now);
        self.times.head = Some(now);
        Poll::Ready(Ok(Some(head)))
    }

    fn answer(
        mut self,
        response: http::Response<RecvStream>,
        uploading: Uploading,
        lease: Lease,
        home: Home,
    ) -> Result<Answer, Unanswered> {
        self.times.sent = uploading.sent;
        let (parts, recv) = response.into_parts();
        let headers = match fields::headers(&parts.headers) {
            Ok(headers) => headers,
            Err(error) => {
                return Err(Unanswered {
                    error,
                    silent: false,
                    is_unprocessed: false,
                    times: self.times,
                });
            }
        };
        let length = headers
            .get_str("content-length")
            .and_then(|length| length.parse().ok());
        let length = if recv.is_end_stream() {
            Some(0)
        } else {
            length
        };
        let mut body = Body {
            recv: Some(recv),
            uploading,
            lease: Some(lease),
            idle: self.limits.idle,
            start: home.start,
            length,
            received: 0,
            trailers: None,
            ended: None,
        };
        if length == Some(0) && body.is_at_end() {
            body.finish();
        }
        let head = ResponseHead::new(parts.status.as_u16(), headers);
        Ok(Answer {
            version: Version::Http2,
            head,
            head_bytes: 0,
            interim: self.interim,
            forgiven: Vec::new(),
            times: self.times,
            incoming: Incoming::H2(Box::new(body)),
        })
    }
}

/// A body on its way, if there is one.
struct Uploading {
    upload: Option<Upload>,
    count: Arc<AtomicU64>,
    sent: Option<Instant>,
}

impl Uploading {
    /// Go on. A server that takes no more of it says in its answer why.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let Some(upload) = &mut self.upload else {
            return Poll::Ready(Ok(()));
        };
        let result = ready!(upload.as_mut().poll(cx));
        self.upload = None;
        match result {
            Ok(()) => self.sent = Some(Instant::now()),
            Err(error) if error.kind() == Kind::Lost => {}
            Err(error) => return Poll::Ready(Err(error)),
        }
        Poll::Ready(Ok(()))
    }
}

/// The body of an answer. Dropping it before its end resets its stream, and the connection goes on.
pub(in crate::client::http) struct Body {
    recv: Option<RecvStream>,
    uploading: Uploading,
    lease: Option<Lease>,
    idle: Duration,
    start: std::time::Instant,
    length: Option<u64>,
    received: u64,
    trailers: Option<Headers>,
    ended: Option<Instant>,
}

impl Body {
    fn is_at_end(&self) -> bool {
        self.recv.as_ref().is_none_or(RecvStream::is_end_stream)
    }

    /// See [`Incoming::chunk`].
    pub(super) async fn chunk(&mut self) -> Result<Option<Bytes>> {
        let idle = self.idle;
        let Ok(polled) = timeout(idle, poll_fn(|cx| self.poll_chunk(cx))).await else {
            return Err(silent(idle));
        };
        polled
    }

    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>>> {
        if let Poll::Ready(Err(error)) = self.uploading.poll(cx) {
            return Poll::Ready(Err(error));
        }
        let (Some(recv), Some(lease)) = (&mut self.recv, &self.lease) else {
            return Poll::Ready(Ok(None));
        };
        let broken = |error| failed(error, &lease.0);
        match ready!(recv.poll_data(cx)) {
            Some(Ok(bytes)) => {
                // What was handed out is out of the window; how fast it is taken is how fast the server may send.
                let released = recv.flow_control().release_capacity(bytes.len());
                released.map_err(broken)?;
                self.received += bytes.len() as u64;
                Poll::Ready(Ok(Some(bytes)))
            }
            Some(Err(error)) => Poll::Ready(Err(broken(error))),
            None => {
                let trailers = ready!(recv.poll_trailers(cx)).map_err(broken)?;
                self.trailers = trailers.as_ref().map(fields::headers).transpose()?;
                self.finish();
                Poll::Ready(Ok(None))
            }
        }
    }

    fn finish(&mut self) {
        self.ended = Some(Instant::now());
        self.recv = None;
        self.lease = None;
    }

    pub(super) fn length(&self) -> Option<u64> {
        self.length
    }

    pub(super) fn trailers(&self) -> Option<&Headers> {
        self.trailers.as_ref()
    }

    pub(super) fn note(&self, hop: &mut Hop) {
        hop.received = self.received;
        hop.sent = self.uploading.count.load(Ordering::Relaxed);
        let since = |at: Instant| at.into_std().saturating_duration_since(self.start);
        hop.timing.sent = self.uploading.sent.map(since);
        hop.timing.ended = self.ended.map(since);
    }
}

/// What the protocol's error means.
fn failed(error: h2::Error, state: &State) -> Error {
    let is_unheard = !state.was_heard.load(Ordering::Relaxed);
    let (is_io, is_library) = (error.is_io(), error.is_library());
    let hint = "without TLS a server has to be known to speak HTTP/2; try HTTP/1.1";
    if is_unheard && !state.is_agreed && is_library {
        let why = "it answers, but not in HTTP/2 (RFC 9113 section 3.4)";
        return Error::new(Kind::Protocol, Operation::Fetch, why).with_hint(hint);
    }
    let text = error.to_string();
    let (kind, why) = match error.reason() {
        _ if is_io => {
            let failed = match error.into_io() {
                Some(io) => Error::from_io(Operation::Read, io),
                None => Error::new(Kind::Lost, Operation::Read, "the connection is lost"),
            };
            return match is_unheard && !state.is_agreed {
                true => failed.with_hint(hint),
                false => failed,
            };
        }
        _ if is_library => (
            Kind::Protocol,
            format!("it breaks the rules of HTTP/2: {text}"),
        ),
        Some(reason) => {
            let what = match error.is_go_away() {
                true => "the server closes the connection",
                false => "the server breaks the request off",
            };
            (Kind::Lost, format!("{what}: {}", reason.description()))
        }
        None => (Kind::Lost, format!("the connection is closed: {text}")),
    };
    Error::new(kind, Operation::Fetch, why)
}

fn silent(idle: Duration) -> Error {
    let why = format!("the server said nothing for {} s", idle.as_secs());
    Error::new(Kind::TimedOut, Operation::Read, why)
}
