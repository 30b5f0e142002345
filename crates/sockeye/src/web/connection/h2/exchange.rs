//! One request over HTTP/2 that has to wait, as a task of its own: for its body, its handler, or the peer's window.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, SendStream};
use sockeye_data::http1::RequestHead;

use super::super::head::has_no_body;
use super::super::reply::poll_reply;
use super::super::timer::{Phase, Timer};
use super::feed::Feed;
use super::head;
use super::pipe::Line;
use crate::web::body::{Body, BodyError, Inner};
use crate::web::handler::Reply;
use crate::web::request::Client;
use crate::web::response::Response;
use crate::web::server::{Record, Server};

/// What is read from a file when the window has room for it. More than that an allocator would get from the kernel each time.
const CHUNK: usize = 64 << 10;

/// A request under way.
pub(super) struct Exchange {
    pub(super) server: Arc<Server>,
    pub(super) client: Arc<Client>,
    pub(super) line: Arc<Line>,
    pub(super) head: Arc<RequestHead>,
    pub(super) respond: SendResponse<Bytes>,
    pub(super) reply: Option<Reply>,
    pub(super) feed: Option<Feed>,
    pub(super) began: Option<Instant>,
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It was answered.
    Done,
    /// The client wanted it no longer.
    Cancelled,
}

/// What went over the wire of an answer.
struct Sent {
    status: u16,
    bytes: u64,
    broken: Option<String>,
    outcome: Outcome,
}

/// How long a client whose answer is out may go on sending.
const DRAIN_TIME: Duration = Duration::from_secs(5);

impl Exchange {
    /// See it through.
    pub(super) async fn run(mut self) -> Outcome {
        let _announced = self.server.announce_request();
        let response = poll_fn(|cx| {
            if let Some(feed) = &mut self.feed {
                feed.poll(Some(&mut self.respond), &self.line, cx);
            }
            if let Poll::Ready(response) = poll_reply(&mut self.reply, cx) {
                return Poll::Ready(Some(response));
            }
            self.respond.poll_reset(cx).map(|_| None)
        });
        let Some(response) = response.await else {
            self.record(None, &cancelled(499, 0));
            return Outcome::Cancelled;
        };
        let user = response.user().map(str::to_owned);
        let sent = self.send(refusing_upgrades(response)).await;
        self.record(user.as_deref(), &sent);
        if let (Some(feed), None) = (&mut self.feed, &sent.broken) {
            let drained = poll_fn(|cx| feed.poll_drain(&self.line, cx));
            // A client that goes on for longer loses its stream.
            let _ = tokio::time::timeout(DRAIN_TIME, drained).await;
        }
        sent.outcome
    }

    async fn send(&mut self, mut response: Response) -> Sent {
        let status = response.status();
        let mut sent = Sent {
            status,
            bytes: 0,
            broken: None,
            outcome: Outcome::Done,
        };
        if response.is_abort() {
            self.respond.send_reset(Reason::INTERNAL_ERROR);
            sent.broken = Some("the handler gave up".into());
            return sent;
        }
        let bare = self.head.method == "HEAD" || has_no_body(status);
        let ends = bare || response.body.is_empty();
        let Some(head) = head::response(&response, bare) else {
            self.respond.send_reset(Reason::INTERNAL_ERROR);
            sent.broken = Some("the head cannot be written".into());
            return sent;
        };
        let mut stream = match self.respond.send_response(head, ends) {
            Ok(stream) => stream,
            Err(error) => {
                sent.broken = Some(error.to_string());
                return sent;
            }
        };
        if ends {
            return sent;
        }
        let mut carry = Carry {
            body: std::mem::take(&mut response.body),
            chunk: Bytes::new(),
            timer: Timer::default(),
            sent: 0,
        };
        let stall = self.server.bounds.stall_time;
        let ended = poll_fn(|cx| {
            if let Some(feed) = &mut self.feed {
                feed.poll(None, &self.line, cx);
            }
            carry.poll(&mut stream, stall, &self.line, cx)
        });
        match ended.await {
            Ok(()) => {}
            Err(Broken::Cancelled) => sent = cancelled(status, 0),
            Err(Broken::Stalled) => {
                stream.send_reset(Reason::CANCEL);
                sent.broken = Some("the client took nothing for too long".into());
                sent.outcome = Outcome::Cancelled;
            }
            Err(Broken::Body(error)) => {
                stream.send_reset(Reason::INTERNAL_ERROR);
                sent.broken = Some(error.to_string());
            }
            Err(Broken::Stream(error)) => sent.broken = Some(error.to_string()),
        }
        sent.bytes = carry.sent;
        sent
    }

    fn record(&self, user: Option<&str>, sent: &Sent) {
        if let Some(log) = &self.server.log {
            log.answered(&Record {
                client: &self.client,
                head: Some(&self.head),
                user,
                status: sent.status,
                sent: sent.bytes,
                took: self.began.map(|at| at.elapsed()).unwrap_or_default(),
                broken: sent.broken.as_deref(),
            });
        }
    }
}

fn cancelled(status: u16, bytes: u64) -> Sent {
    Sent {
        status,
        bytes,
        broken: Some("the client cancelled it".into()),
        outcome: Outcome::Cancelled,
    }
}

/// A stream cannot become another protocol's.
pub(super) fn refusing_upgrades(response: Response) -> Response {
    match response.is_upgrade() {
        true => Response::error(501, "only HTTP/1.1 without a body can be upgraded"),
        false => response,
    }
}

/// Why an answer did not reach its end.
enum Broken {
    Cancelled,
    Stalled,
    Body(BodyError),
    Stream(h2::Error),
}

/// A body on its way out, as the peer's windows allow.
struct Carry {
    body: Body,
    chunk: Bytes,
    timer: Timer,
    sent: u64,
}

impl Carry {
    fn poll(
        &mut self,
        stream: &mut SendStream<Bytes>,
        stall: std::time::Duration,
        line: &Line,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), Broken>> {
        if stream.poll_reset(cx).is_ready() {
            return Poll::Ready(Err(Broken::Cancelled));
        }
        loop {
            let wanted = match (&self.body.0, self.chunk.len()) {
                // A file is read when there is room, and as much as there is room for.
                (Inner::File(part), 0) if part.length > 0 => {
                    usize::try_from(part.length).map_or(CHUNK, |left| left.min(CHUNK))
                }
                (_, 0) => {
                    match self.body.poll_chunk(cx) {
                        Poll::Ready(Some(Ok(chunk))) => self.chunk = chunk,
                        Poll::Ready(Some(Err(error))) => {
                            return Poll::Ready(Err(Broken::Body(error)));
                        }
                        Poll::Ready(None) => {
                            let ended = stream.send_data(Bytes::new(), true);
                            return Poll::Ready(ended.map_err(Broken::Stream));
                        }
                        Poll::Pending => {
                            self.timer.clear();
                            return Poll::Pending;
                        }
                    }
                    continue;
                }
                (_, length) => length.min(CHUNK),
            };
            let room = match poll_room(stream, wanted, cx) {
                Poll::Ready(room) => room?,
                Poll::Pending if self.timer.is_over(Phase::Stall, stall, cx) => {
                    return Poll::Ready(Err(Broken::Stalled));
                }
                Poll::Pending => return Poll::Pending,
            };
            self.timer.clear();
            let piece = match &mut self.body.0 {
                Inner::File(part) if self.chunk.is_empty() => {
                    match part.read(room.min(wanted)).map_err(Broken::Body)? {
                        Some(piece) => piece,
                        None => Bytes::new(),
                    }
                }
                _ => self.chunk.split_to(room.min(self.chunk.len())),
            };
            let length = piece.len() as u64;
            self.sent += length;
            line.sent(length);
            let is_last = self.chunk.is_empty() && self.body.is_empty();
            stream.send_data(piece, is_last).map_err(Broken::Stream)?;
            if is_last {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

/// How many bytes the peer's windows and our buffer have room for, at least one.
fn poll_room(
    stream: &mut SendStream<Bytes>,
    wanted: usize,
    cx: &mut Context<'_>,
) -> Poll<Result<usize, Broken>> {
    stream.reserve_capacity(wanted);
    loop {
        match stream.capacity() {
            0 => {}
            room => return Poll::Ready(Ok(room)),
        }
        match Pin::new(&mut *stream).poll_capacity(cx) {
            Poll::Ready(Some(Ok(_))) => {}
            Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(Broken::Stream(error))),
            Poll::Ready(None) => return Poll::Ready(Err(Broken::Cancelled)),
            Poll::Pending => return Poll::Pending,
        }
    }
}
