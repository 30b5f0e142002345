//! HTTP/1: requests one after the other.
//!
//! The way that most requests take has no allocation for the connection and no future: whatever is in the buffer is parsed
//! and answered in place, answers pile up in one buffer, and one write sends them. What has to wait (a body, a handler that
//! takes its time, a file) is an exchange, in its own file.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use sockeye_data::http1::{
    self, Expectation, Framing, Parsed, RequestHead, RequestParser, Version, expectation,
    persistent, request_body,
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_util::sync::CancellationToken;

use super::buffers::{Input, Output};
use super::exchange::Exchange;
use super::head::{self, Facts};
use super::reply::guarded;
use super::timer::{Phase, Timer};
use crate::net::{Stream, early};
use crate::web::body::{Body, Inner};
use crate::web::handler::{Handler, Reply};
use crate::web::request::{Client, Request};
use crate::web::response::Response;
use crate::web::server::{Announced, Record, Server};

/// Answers that pile up before they are sent, and the largest body that is copied among them.
const PILE: usize = 64 << 10;
/// What HTTP/2 begins with (RFC 9113 section 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// All was said.
    Close,
    /// There is nobody to say anything to.
    Broken,
    /// HTTP/2 follows, which is not ended at all.
    Http2,
}

/// What is next.
enum Next {
    End(End),
    Exchange(Box<Exchange>),
}

/// A connection that speaks HTTP/1.
pub(super) struct Connection {
    /// `None` when an upgrade has taken it.
    pub(super) stream: Option<Stream>,
    pub(super) server: Arc<Server>,
    pub(super) client: Arc<Client>,
    pub(super) stop: CancellationToken,
    pub(super) input: Input,
    pub(super) output: Output,
    /// There while a head is incomplete.
    parser: Option<Box<RequestParser>>,
    pub(super) timer: Timer,
    /// No further request is read.
    pub(super) closing: bool,
    /// The client has said its last byte.
    pub(super) is_over: bool,
    /// An empty line before the next request was passed over.
    skipped: bool,
    requests: u64,
    /// The log hears of the end when this goes.
    pub(super) announced: Option<Announced>,
}

impl Connection {
    pub(super) fn new(
        server: Arc<Server>,
        stream: Stream,
        client: Client,
        stop: CancellationToken,
    ) -> Self {
        let announced = server.announce(&client);
        Self {
            stream: Some(stream),
            announced,
            server,
            client: Arc::new(client),
            stop,
            input: Input::default(),
            output: Output::default(),
            parser: None,
            timer: Timer::default(),
            closing: false,
            is_over: false,
            skipped: false,
            requests: 0,
        }
    }

    pub(super) async fn run(&mut self) -> End {
        loop {
            match poll_fn(|cx| self.poll_next(cx)).await {
                Next::End(end) => return end,
                Next::Exchange(exchange) => {
                    if let Err(end) = Box::pin(self.exchange(exchange)).await {
                        return end;
                    }
                }
            }
        }
    }

    /// Read and answer requests until one has to wait or the connection ends.
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Next> {
        loop {
            let is_full = match self.take_requests() {
                Some(Taking::Next(next)) => return Poll::Ready(next),
                Some(Taking::Full) => true,
                None => false,
            };
            match self.poll_flush(cx) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(_)) => return Poll::Ready(Next::End(End::Broken)),
                Poll::Pending => return Poll::Pending,
            }
            if self.closing {
                return Poll::Ready(Next::End(End::Close));
            }
            if is_full {
                // There may be more requests in the buffer, for which nothing need be read.
                continue;
            }
            match self.poll_fill(cx) {
                Poll::Ready(Ok(0)) => {
                    if self.input.is_empty() {
                        return Poll::Ready(Next::End(End::Close));
                    }
                    self.refuse(None, 400, "the request ends in the middle of its head");
                }
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(_)) => return Poll::Ready(Next::End(End::Broken)),
                Poll::Pending => {
                    if let Some(end) = ready!(self.poll_waited(cx)) {
                        return Poll::Ready(Next::End(end));
                    }
                }
            }
        }
    }

    /// Answer what is in the buffer, and say what stopped it; `None` is that more has to be read.
    fn take_requests(&mut self) -> Option<Taking> {
        while !self.closing && !self.input.is_empty() {
            if self.output.len() >= PILE {
                return Some(Taking::Full);
            }
            match self.take_request() {
                Ok(Some(Taken::Http2)) => return Some(Taking::Next(Next::End(End::Http2))),
                Ok(Some(Taken::Request(head, framing))) => {
                    self.timer.clear();
                    if let Some(exchange) = self.answer(head, framing) {
                        return Some(Taking::Next(Next::Exchange(exchange)));
                    }
                }
                Ok(None) => break,
                Err(error) => self.refuse(None, error.status(), &error.to_string()),
            }
        }
        None
    }

    /// Nothing came: whether that has gone on for too long, or the server stops.
    fn poll_waited(&mut self, cx: &mut Context<'_>) -> Poll<Option<End>> {
        if !self.input.is_empty() || self.requests == 0 {
            // A connection that never said anything has the time of a head too.
            if self
                .timer
                .is_over(Phase::Head, self.server.bounds.head_time, cx)
            {
                if self.input.is_empty() {
                    return Poll::Ready(Some(End::Close));
                }
                self.refuse(None, 408, "the head of the request came too slowly");
                return Poll::Ready(None);
            }
        } else if self
            .timer
            .is_over(Phase::Idle, self.server.bounds.idle_time, cx)
        {
            return Poll::Ready(Some(End::Close));
        }
        // Who drives this connection wakes it when that changes.
        if self.input.is_empty() && self.is_stopping() {
            return Poll::Ready(Some(End::Close));
        }
        Poll::Pending
    }

    /// The next head in the buffer, if it is complete.
    fn take_request(&mut self) -> Result<Option<Taken>, http1::Error> {
        if self.parser.is_none() && !self.skip_line() {
            return Ok(None);
        }
        let bytes = self.input.bytes();
        if self.requests == 0 && bytes.first() == Some(&b'P') {
            let length = bytes.len().min(PREFACE.len());
            if bytes[..length] == PREFACE[..length] {
                return Ok((length == PREFACE.len()).then_some(Taken::Http2));
            }
        }
        let limits = self.server.bounds.head;
        let parsed = match &mut self.parser {
            Some(parser) => parser.parse(bytes)?,
            None => {
                let mut parser = RequestParser::new(limits);
                let parsed = parser.parse(bytes)?;
                if parsed == Parsed::Incomplete {
                    self.parser = Some(Box::new(parser));
                }
                parsed
            }
        };
        let Parsed::Complete { head, consumed, .. } = parsed else {
            return Ok(None);
        };
        self.parser = None;
        self.skipped = false;
        self.input.consume(consumed);
        let framing = request_body(&head)?;
        Ok(Some(Taken::Request(head, framing)))
    }

    /// Pass over one empty line before a request, which old clients send after a body (RFC 9112 section 2.2); whether
    /// there is something behind it.
    fn skip_line(&mut self) -> bool {
        if !self.skipped {
            match self.input.bytes() {
                b"\r" => return false,
                [b'\r', b'\n', ..] => {
                    self.input.consume(2);
                    self.skipped = true;
                }
                _ => {}
            }
        }
        !self.input.is_empty()
    }

    /// Answer a request: at once into the pile, or by an exchange.
    fn answer(&mut self, head: RequestHead, framing: Framing) -> Option<Box<Exchange>> {
        self.requests += 1;
        let is_last = self
            .server
            .bounds
            .requests
            .is_some_and(|most| self.requests >= most);
        let facts = Facts {
            version: head.version,
            is_head: head.method == "HEAD",
            keep: persistent(head.version, &head.headers) && !is_last && !self.stop.is_cancelled(),
        };
        let expects = match expectation(&head) {
            Expectation::Unknown => {
                self.refuse(Some(&head), 417, "only `100-continue` can be expected here");
                return None;
            }
            expectation => expectation == Expectation::Continue,
        };
        if let Some((status, why)) = unserved(&head) {
            self.refuse(Some(&head), status, why);
            return None;
        }
        let began = self.server.clock();
        let head = Arc::new(head);
        if framing != Framing::None {
            let exchange = Exchange::with_body(self, head, framing, facts, expects, began);
            return Some(Box::new(exchange));
        }
        let request = Request::new(Arc::clone(&head), Body::empty(), Arc::clone(&self.client));
        match guarded(|| self.server.handler.handle(request)) {
            Reply::Now(response) if is_short(&response) => {
                self.pile(&response, facts);
                if let Some(log) = &self.server.log {
                    let sent = match facts.is_head {
                        true => 0,
                        false => response.body.length().unwrap_or_default(),
                    };
                    log.answered(&Record {
                        client: &self.client,
                        head: Some(&head),
                        user: response.user(),
                        status: response.status(),
                        sent,
                        took: began.map(|began| began.elapsed()).unwrap_or_default(),
                        broken: None,
                    });
                }
                None
            }
            reply => Some(Box::new(Exchange::new(
                &self.server,
                head,
                reply,
                facts,
                began,
            ))),
        }
    }

    /// Put a whole answer on the pile.
    pub(super) fn pile(&mut self, response: &Response, facts: Facts) {
        let framing = head::framing(response, facts);
        let out = self.output.buffer();
        head::write(out, response, framing, facts);
        if let (Framing::Length(_), Inner::Bytes(bytes)) = (framing, &response.body.0) {
            out.extend_from_slice(bytes);
        }
        self.closing |= !facts.keep;
    }

    /// Answer what is no request that can be served, and read no further.
    fn refuse(&mut self, head: Option<&RequestHead>, status: u16, why: &str) {
        let facts = Facts {
            version: head.map_or(Version::Http11, |head| head.version),
            is_head: head.is_some_and(|head| head.method == "HEAD"),
            keep: false,
        };
        self.pile(&Response::error(status, why), facts);
        if let Some(log) = &self.server.log {
            log.answered(&Record {
                client: &self.client,
                head,
                user: None,
                status,
                sent: match facts.is_head {
                    true => 0,
                    false => why.len() as u64 + 1,
                },
                took: Duration::ZERO,
                broken: Some(why),
            });
        }
    }

    /// Whether the server is to stop.
    pub(super) fn is_stopping(&self) -> bool {
        self.stop.is_cancelled()
    }

    /// Read into the input; 0 is the end.
    pub(super) fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let Some(stream) = &mut self.stream else {
            return Poll::Ready(Ok(0));
        };
        let mut room = ReadBuf::new(self.input.room());
        let polled = Pin::new(stream).poll_read(cx, &mut room);
        let read = room.filled().len();
        self.input.filled(read);
        match polled {
            Poll::Ready(Ok(())) => {
                self.is_over |= read == 0;
                Poll::Ready(Ok(read))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => {
                self.input.release();
                Poll::Pending
            }
        }
    }

    /// Send what is to be sent. An error too if the client takes nothing for too long.
    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(stream) = &mut self.stream else {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        };
        while !self.output.is_empty() {
            match Pin::new(&mut *stream).poll_write(cx, self.output.pending()) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(bytes)) => {
                    self.output.sent(bytes);
                    self.timer.clear();
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => return self.poll_stalled(cx),
            }
        }
        self.output.release();
        match Pin::new(stream).poll_flush(cx) {
            // A layer has bytes of its own to send.
            Poll::Pending => self.poll_stalled(cx),
            flushed => {
                self.timer.end(Phase::Stall);
                flushed
            }
        }
    }

    /// The client takes nothing: an error when that has gone on for too long.
    pub(super) fn poll_stalled(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let allowed = self.server.bounds.stall_time;
        if self.timer.is_over(Phase::Stall, allowed, cx) {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        Poll::Pending
    }

    /// The stream with what was read of it and not used.
    pub(super) fn take_stream(&mut self) -> Stream {
        let stream = self.stream.take();
        let stream = stream.unwrap_or_else(|| Stream::from_io(tokio::io::empty()));
        let stream = early::before(self.input.bytes().to_vec(), stream);
        self.input.consume(self.input.len());
        stream
    }
}

/// Why no further requests are taken from the buffer.
enum Taking {
    Next(Next),
    /// Answers have piled up, which are to be sent first.
    Full,
}

/// A head that was taken from the buffer.
enum Taken {
    Request(RequestHead, Framing),
    Http2,
}

/// Whether the whole answer can be written in place.
fn is_short(response: &Response) -> bool {
    !response.is_upgrade()
        && !response.is_abort()
        && match &response.body.0 {
            Inner::Empty => true,
            Inner::Bytes(bytes) => bytes.len() <= PILE,
            _ => false,
        }
}

/// What no handler is asked for.
fn unserved(head: &RequestHead) -> Option<(u16, &'static str)> {
    if !head.target.is_ascii() {
        return Some((
            400,
            "a target has only ASCII characters (RFC 9112 section 3.2)",
        ));
    }
    if head.headers.get("host") == Some(b"") {
        return Some((400, "an empty host (RFC 9110 section 4.2.1)"));
    }
    (head.method == "CONNECT").then_some((501, "CONNECT is for proxies, and this is none"))
}
