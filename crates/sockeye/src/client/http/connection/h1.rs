//! HTTP/1 on one connection (RFC 9112).

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use sockeye_data::http1::{
    BodyDecoder, BodyEncoder, BodyLimits, Framing, FramingPolicy, Headers, Parsed, ResponseHead,
    ResponseParser, Strictness, is_tunnel, persistent, response_body_with,
};
use tokio::io::{AsyncRead, AsyncReadExt, ReadBuf, ReadHalf};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, timeout};

use super::upload::{self, Upload, Uploaded};
use super::{Answer, Home, Incoming, Outgoing, Payload, Times, Unanswered};
use crate::client::http::hop::{ConnectionInfo, Hop, Version};
use crate::client::http::settings::Limits;
use crate::client::sink::{Moved, Sink};
use crate::error::{Error, Kind, Operation, Result};
use crate::net::Stream;

/// The first read of an answer, and the largest of a body that comes fast, in bytes.
const FIRST_READ: usize = 16 << 10;
const MAX_READ: usize = 256 << 10;

/// One connection, between two requests.
pub(in crate::client::http) struct Connection {
    io: Io,
    buffer: BytesMut,
    /// How much is read at once.
    want: usize,
    info: ConnectionInfo,
    count: Arc<AtomicU64>,
    /// When the last byte of a request left.
    sent: Option<Instant>,
    /// What counts it as in use; behind the stream, so that it is closed by the time another may be opened.
    slot: Option<OwnedSemaphorePermit>,
}

enum Io {
    Whole(Stream),
    /// A body is being sent.
    Sending {
        read: ReadHalf<Stream>,
        upload: Upload,
    },
    /// Only while one of the others becomes another.
    Between,
}

impl Connection {
    pub(super) fn new(stream: Stream, info: ConnectionInfo) -> Self {
        Self {
            io: Io::Whole(stream),
            buffer: BytesMut::new(),
            want: FIRST_READ,
            info,
            count: Arc::default(),
            sent: None,
            slot: None,
        }
    }

    /// Hold this right to be in use; what was held before comes back.
    pub(super) fn hold(
        &mut self,
        slot: Option<OwnedSemaphorePermit>,
    ) -> Option<OwnedSemaphorePermit> {
        std::mem::replace(&mut self.slot, slot)
    }

    pub(super) fn info(&self) -> &ConnectionInfo {
        &self.info
    }

    /// Whether the server has neither closed it nor said something unasked, as far as is known by now.
    pub(super) fn is_open(&mut self) -> bool {
        let Io::Whole(stream) = &mut self.io else {
            return false;
        };
        let mut byte = [0];
        let mut byte = ReadBuf::new(&mut byte);
        let mut context = Context::from_waker(Waker::noop());
        let polled = std::pin::Pin::new(stream).poll_read(&mut context, &mut byte);
        self.buffer.is_empty() && matches!(polled, Poll::Pending)
    }

    /// See [`super::Connection::exchange`].
    pub(super) async fn exchange(
        mut self: Box<Self>,
        request: Outgoing<'_>,
        home: Home,
    ) -> Result<Answer, Unanswered> {
        let mut reading = Reading::new(&request);
        match self.converse(request, &mut reading).await {
            Ok((head, head_bytes)) => reading.answer(self, head, head_bytes, home),
            Err(error) => Err(reading.unanswered(error, &self)),
        }
    }

    async fn converse(
        &mut self,
        request: Outgoing<'_>,
        reading: &mut Reading,
    ) -> Result<(ResponseHead, u64)> {
        self.count = Arc::default();
        self.sent = None;
        let broken = |error: sockeye_data::http1::Error| {
            Error::new(Kind::Usage, Operation::Fetch, error.to_string())
        };
        let mut out = Vec::with_capacity(1024);
        request.head.write(&mut out).map_err(broken)?;
        let mut reader = None;
        match request.body {
            Payload::None => {}
            Payload::Bytes(bytes) => {
                let mut encoder = BodyEncoder::new(request.framing);
                encoder.write(&bytes, &mut out).map_err(broken)?;
                encoder.finish(&Headers::new(), &mut out).map_err(broken)?;
                self.count.store(bytes.len() as u64, Ordering::Relaxed);
            }
            Payload::Reader(body) => reader = Some(body),
        }
        let idle = request.limits.idle;
        let Io::Whole(stream) = &mut self.io else {
            return Err(gone());
        };
        // A server that refuses a request may answer and close before it has read it: its answer tells more than our error.
        let put = upload::put(stream, &out, idle).await;
        let Some(body) = reader else {
            self.sent = put.is_ok().then(Instant::now);
            return self.answer_or(put.err(), reading).await;
        };
        if put.is_err() {
            return self.answer_or(put.err(), reading).await;
        }
        if request.expects
            && let Ok(head) = timeout(request.limits.expect, self.head(reading, true)).await
            && let Some(head) = head?
        {
            return Ok(head);
        }
        if let Io::Whole(stream) = std::mem::replace(&mut self.io, Io::Between) {
            let (read, write) = tokio::io::split(stream);
            let upload = upload::start(write, body, request.framing, idle, self.count.clone());
            self.io = Io::Sending { read, upload };
        }
        self.answer_or(None, reading).await
    }

    /// The answer; if there is none, why the request could not be sent, if it could not.
    async fn answer_or(
        &mut self,
        failed: Option<Error>,
        reading: &mut Reading,
    ) -> Result<(ResponseHead, u64)> {
        match self.head(reading, false).await {
            Ok(Some(head)) => Ok(head),
            Ok(None) => Err(failed.unwrap_or_else(gone)),
            Err(error) => Err(failed.unwrap_or(error)),
        }
    }

    /// Read heads until one is the answer; with `or_continue`, `None` as soon as the server wants the body.
    ///
    /// What was read stays in the buffer if the future is dropped.
    async fn head(
        &mut self,
        reading: &mut Reading,
        or_continue: bool,
    ) -> Result<Option<(ResponseHead, u64)>> {
        loop {
            let parsed = match self.buffer.is_empty() {
                true => Parsed::Incomplete,
                false => reading.parser.parse(&self.buffer).map_err(protocol)?,
            };
            let Parsed::Complete {
                head,
                consumed,
                forgiven,
            } = parsed
            else {
                if self.fill(reading.limits.idle).await? == 0 {
                    let end = reading.parser.end(&self.buffer);
                    let is_silent = self.buffer.is_empty();
                    let Parsed::Complete { head, consumed, .. } =
                        end.map_err(|error| match is_silent {
                            true => unanswered(error),
                            false => cut_off(error),
                        })?
                    else {
                        return Err(gone());
                    };
                    self.buffer.advance(consumed);
                    return Ok(Some((head, consumed as u64)));
                }
                reading.times.first_byte.get_or_insert_with(Instant::now);
                continue;
            };
            self.buffer.advance(consumed);
            let forgiven = forgiven.iter().map(ToString::to_string);
            reading.forgiven.extend(forgiven);
            let is_interim = (100..=199).contains(&head.status) && head.status != 101;
            if !is_interim {
                reading.times.head = Some(Instant::now());
                return Ok(Some((head, consumed as u64)));
            }
            reading.interim.push((head.status, head.headers));
            if reading.interim.len() > reading.limits.interim as usize {
                let why = format!(
                    "more than {} answers before the answer",
                    reading.limits.interim
                );
                return Err(Error::new(Kind::Protocol, Operation::Fetch, why));
            }
            if or_continue && head.status == 100 {
                return Ok(None);
            }
        }
    }

    /// Read more into the buffer: 0 at the end. A body that is being sent goes on meanwhile.
    async fn fill(&mut self, idle: Duration) -> Result<usize> {
        if self.buffer.capacity() - self.buffer.len() < self.want {
            self.buffer.reserve(self.want);
        }
        let room = self.buffer.capacity() - self.buffer.len();
        let read = match self.read(idle).await {
            Ok(read) => read?,
            Err(_) => return Err(silent(idle)),
        };
        if read == room && self.want < MAX_READ {
            self.want *= 2;
        }
        Ok(read)
    }

    async fn read(&mut self, idle: Duration) -> Result<Result<usize>, tokio::time::error::Elapsed> {
        let failed = |error| Error::from_io(Operation::Read, error);
        loop {
            let uploaded = match &mut self.io {
                Io::Whole(stream) => {
                    let read = timeout(idle, stream.read_buf(&mut self.buffer)).await?;
                    return Ok(read.map_err(failed));
                }
                Io::Sending { read, upload } => {
                    tokio::select! {
                        biased;
                        uploaded = upload => uploaded,
                        read = read.read_buf(&mut self.buffer) => return Ok(read.map_err(failed)),
                    }
                }
                Io::Between => return Ok(Err(gone())),
            };
            if let Err(error) = self.uploaded(uploaded) {
                return Ok(Err(error));
            }
        }
    }

    /// The body was sent, or not: the two halves are one stream again.
    fn uploaded(&mut self, uploaded: Uploaded) -> Result<()> {
        if let Io::Sending { read, .. } = std::mem::replace(&mut self.io, Io::Between) {
            self.io = Io::Whole(read.unsplit(uploaded.write));
        }
        match uploaded.result {
            Ok(()) => {
                self.sent = Some(uploaded.at);
                Ok(())
            }
            // The server takes no more: what it says about that is yet to be read.
            Err(error) if error.kind() == Kind::Lost => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// What is read before the body.
struct Reading {
    parser: ResponseParser,
    limits: Limits,
    lenient: bool,
    method: String,
    /// Whether our request lets the connection be kept.
    keeps: bool,
    interim: Vec<(u16, Headers)>,
    forgiven: Vec<String>,
    times: Times,
}

impl Reading {
    fn new(request: &Outgoing<'_>) -> Self {
        let strictness = match request.lenient {
            true => Strictness::LENIENT,
            false => Strictness::STRICT,
        };
        Self {
            parser: ResponseParser::with_strictness(request.limits.head, strictness),
            limits: request.limits,
            lenient: request.lenient,
            method: request.head.method.clone(),
            keeps: persistent(request.head.version, &request.head.headers),
            interim: Vec::new(),
            forgiven: Vec::new(),
            times: Times::default(),
        }
    }

    fn unanswered(self, error: Error, connection: &Connection) -> Unanswered {
        let mut times = self.times;
        times.sent = connection.sent;
        Unanswered {
            error,
            silent: times.first_byte.is_none(),
            is_unprocessed: false,
            times,
        }
    }

    fn answer(
        self,
        connection: Box<Connection>,
        head: ResponseHead,
        head_bytes: u64,
        home: Home,
    ) -> Result<Answer, Unanswered> {
        let policy = match self.lenient {
            true => FramingPolicy::LENIENT,
            false => FramingPolicy::STRICT,
        };
        let is_tunnel = head.status == 101 || is_tunnel(&head, self.method.as_bytes());
        let framing = match is_tunnel {
            true => Framing::UntilClose,
            false => match response_body_with(&head, self.method.as_bytes(), policy) {
                Ok(framing) => framing,
                Err(error) => return Err(self.unanswered(protocol(error), &connection)),
            },
        };
        let keep =
            self.keeps && persistent(head.version, &head.headers) && framing != Framing::UntilClose;
        let mut times = self.times;
        times.sent = connection.sent;
        let length = match framing {
            Framing::None => Some(0),
            Framing::Length(length) => Some(length),
            Framing::Chunked | Framing::UntilClose => None,
        };
        let mut body = Body {
            is_secure: connection.info.secured.is_some(),
            connection: Some(connection),
            decoder: BodyDecoder::new(framing, BodyLimits::default()),
            keep,
            home,
            idle: self.limits.idle,
            until_close: framing == Framing::UntilClose,
            length,
            received: 0,
            sent: 0,
            sent_at: None,
            ended: None,
        };
        if body.decoder.is_done() {
            body.finish();
        }
        Ok(Answer {
            version: version(&head),
            head,
            head_bytes,
            interim: self.interim,
            forgiven: self.forgiven,
            times,
            incoming: Incoming::H1(Box::new(body)),
        })
    }
}

/// The body of an answer. When it was read, the connection goes back to the pool.
pub(in crate::client::http) struct Body {
    connection: Option<Box<Connection>>,
    decoder: BodyDecoder,
    keep: bool,
    home: Home,
    idle: Duration,
    is_secure: bool,
    until_close: bool,
    length: Option<u64>,
    received: u64,
    sent: u64,
    sent_at: Option<Instant>,
    ended: Option<Instant>,
}

impl Body {
    /// See [`Incoming::chunk`].
    pub(super) async fn chunk(&mut self) -> Result<Option<Bytes>> {
        loop {
            let Some(connection) = &mut self.connection else {
                return Ok(None);
            };
            if connection.buffer.is_empty() {
                if connection.fill(self.idle).await? == 0 {
                    return self.end();
                }
                continue;
            }
            let step = self.decoder.decode(&connection.buffer).map_err(protocol)?;
            let (data, consumed) = (step.data.len(), step.consumed);
            // The data is a slice of the buffer: framing before it and behind it is dropped, and no byte is copied. No data is
            // a slice of nothing.
            let before = match data {
                0 => consumed,
                _ => step.data.as_ptr() as usize - connection.buffer.as_ptr() as usize,
            };
            connection.buffer.advance(before);
            let bytes = (data > 0).then(|| {
                let bytes = connection.buffer.split_to(data).freeze();
                connection.buffer.advance(consumed - before - data);
                bytes
            });
            self.received += data as u64;
            if self.decoder.is_done() {
                self.finish();
            }
            if bytes.is_some() {
                return Ok(bytes);
            }
        }
    }

    /// See [`Incoming::splice`].
    pub(super) async fn splice(&mut self, sink: &mut Sink, most: u64) -> Result<Moved> {
        let left = match self.decoder.plain() {
            Some(left) => left,
            None if self.until_close => u64::MAX,
            None => return Ok(Moved::Refused),
        };
        let most = left.min(most);
        let Some(Connection {
            io: Io::Whole(stream),
            buffer,
            ..
        }) = self.connection.as_deref()
        else {
            return Ok(Moved::Refused);
        };
        if !buffer.is_empty() || !sink.is_worth(left) || stream.kernel_read().is_none() {
            return Ok(Moved::Refused);
        }
        // However long the sink takes: that is not the server's fault.
        if let Err(error) = sink.ready().await {
            return Ok(Moved::Failed(error));
        }
        let moved = poll_fn(|cx| match stream.kernel_read() {
            Some(source) => sink.poll_splice(cx, source, most),
            None => Poll::Ready(Moved::Refused),
        });
        let Ok(moved) = timeout(self.idle, moved).await else {
            return Err(silent(self.idle));
        };
        match moved {
            Moved::Bytes(bytes) => {
                self.decoder.skip(bytes);
                self.received += bytes;
                if self.decoder.is_done() {
                    self.finish();
                }
            }
            Moved::Ended => drop(self.end()?),
            Moved::Refused | Moved::Failed(_) => {}
        }
        Ok(moved)
    }

    /// The server closed: was that the end?
    fn end(&mut self) -> Result<Option<Bytes>> {
        self.decoder.end().map_err(cut_off)?;
        let truncated = matches!(&self.connection, Some(connection)
            if matches!(&connection.io, Io::Whole(stream) if stream.truncated()));
        if self.until_close && self.is_secure && truncated {
            let why = "the connection was cut off: TLS was not closed (RFC 8446 section 6.1), and nothing else says where the body ends";
            return Err(Error::new(Kind::Protocol, Operation::Read, why)
                .with_hint("what came is kept; it may not be all"));
        }
        self.finish();
        Ok(None)
    }

    /// All of it was read.
    fn finish(&mut self) {
        self.ended = Some(Instant::now());
        let Some(connection) = self.connection.take() else {
            return;
        };
        self.sent = connection.count.load(Ordering::Relaxed);
        self.sent_at = connection.sent;
        // A request that was not sent to its end leaves the connection in the middle of it.
        let is_clean = connection.buffer.is_empty() && connection.sent.is_some();
        if self.keep && is_clean && matches!(connection.io, Io::Whole(_)) {
            let mut connection = connection;
            connection.info.reused = true;
            connection.want = FIRST_READ;
            self.home.pool.give(&self.home.route, connection);
        }
    }

    pub(super) fn length(&self) -> Option<u64> {
        self.length
    }

    pub(super) fn trailers(&self) -> Option<&Headers> {
        self.decoder.trailers()
    }

    pub(super) fn note(&self, hop: &mut Hop) {
        hop.received = self.received;
        let (sent, at) = match &self.connection {
            Some(connection) => (connection.count.load(Ordering::Relaxed), connection.sent),
            None => (self.sent, self.sent_at),
        };
        hop.sent = sent;
        let start = self.home.start;
        let since = |at: Instant| at.into_std().saturating_duration_since(start);
        hop.timing.sent = at.map(since);
        hop.timing.ended = self.ended.map(since);
    }
}

fn version(head: &ResponseHead) -> Version {
    match head.version {
        sockeye_data::http1::Version::Http09 => Version::Http09,
        sockeye_data::http1::Version::Http10 => Version::Http10,
        sockeye_data::http1::Version::Http11 => Version::Http11,
    }
}

/// The server broke the rules.
fn protocol(error: sockeye_data::http1::Error) -> Error {
    Error::new(Kind::Protocol, Operation::Fetch, error.to_string())
}

/// The server closed in the middle of something.
fn cut_off(error: sockeye_data::http1::Error) -> Error {
    Error::new(
        Kind::Protocol,
        Operation::Fetch,
        format!("the server closed the connection: {error}"),
    )
}

fn silent(idle: Duration) -> Error {
    let why = format!("the server said nothing for {idle:?}");
    Error::new(Kind::TimedOut, Operation::Read, why)
}

/// The server closed instead of answering.
fn unanswered(error: sockeye_data::http1::Error) -> Error {
    let why = format!("the server closed the connection: {error}");
    Error::new(Kind::Lost, Operation::Fetch, why)
}

fn gone() -> Error {
    Error::new(Kind::Lost, Operation::Fetch, "the connection is closed")
}
