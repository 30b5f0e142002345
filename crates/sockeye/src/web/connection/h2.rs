//! HTTP/2 (RFC 9113), by the `h2` crate over our stream.
//!
//! A request whose answer is short and there at once is answered in place, and one write sends what has gathered; each other
//! request is a task of its own. The crate bounds heads, CONTINUATION, streams and those reset before they were seen; requests
//! given up again and again, floods of small frames, and clients that take nothing are bounded here.

mod exchange;
mod feed;
mod head;
mod pipe;

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use h2::server::{Builder, Connection, SendResponse};
use h2::{Reason, RecvStream};
use sockeye_data::http1::{Expectation, expectation};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use self::exchange::{Exchange, Outcome, refusing_upgrades};
use self::feed::Feed;
use self::head::Refusal;
use self::pipe::{Line, Pipe};
use super::head::has_no_body;
use super::reply::{guarded, poll_reply};
use super::timer::{Phase, Timer};
use crate::net::Stream;
use crate::web::body::{Body, Inner};
use crate::web::handler::{Handler, Reply};
use crate::web::request::{Client, Request};
use crate::web::response::Response;
use crate::web::server::{Record, Server};

/// The largest body that is sent in place.
const SHORT: usize = 16 << 10;
/// The largest frame that a client may send.
const FRAME: u32 = 64 << 10;
/// What waits to be sent on one stream.
const SEND_BUFFER: usize = 256 << 10;
/// Requests that a client may give up beyond those it lets us answer.
const CANCELLED: u32 = 200;
/// What each request excuses beside its fields: frame headers, and acknowledgements of the answer.
const PER_REQUEST: usize = 256;
/// How long a client that was told to go may take its leave.
const LINGER: Duration = Duration::from_secs(1);

/// Speak HTTP/2 until either side ends it.
pub(super) async fn run(
    server: Arc<Server>,
    stream: Stream,
    client: Client,
    stop: CancellationToken,
) {
    let bounds = Arc::clone(&server.bounds);
    let window = bounds.window.min(i32::MAX.unsigned_abs());
    let (pipe, line) = Pipe::new(stream, bounds.stall_time, window);
    let mut builder = Builder::new();
    builder
        .max_concurrent_streams(bounds.streams)
        .max_header_list_size(u32::try_from(bounds.head.head).unwrap_or(u32::MAX))
        .max_frame_size(FRAME)
        .initial_window_size((window / 8).max(65_535).min(window))
        .initial_connection_window_size(window)
        .max_send_buffer_size(SEND_BUFFER);
    let shaken = timeout(bounds.head_time, builder.handshake::<_, Bytes>(pipe));
    let shaken = stop.run_until_cancelled(shaken).await;
    let Some(Ok(Ok(connection))) = shaken else {
        return;
    };
    let mut conversation = Conversation {
        server,
        client: Arc::new(client),
        connection,
        line,
        requests: JoinSet::new(),
        timer: Timer::default(),
        stopped: Some(Box::pin(stop.cancelled_owned())),
        asked: 0,
        cancelled: 0,
        leaving: false,
        gone: false,
    };
    poll_fn(|cx| conversation.poll(cx)).await;
}

/// A connection that speaks HTTP/2. Dropped, it ends the requests that run.
struct Conversation {
    server: Arc<Server>,
    client: Arc<Client>,
    connection: Connection<Pipe, Bytes>,
    line: Arc<Line>,
    requests: JoinSet<Outcome>,
    timer: Timer,
    stopped: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
    asked: u64,
    /// Requests that were given up; each one that is answered makes up for one.
    cancelled: u32,
    /// GOAWAY was said.
    leaving: bool,
    /// And nothing is waited for.
    gone: bool,
}

impl Conversation {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            if self.poll_requests(cx).is_ready() {
                return Poll::Ready(());
            }
            if self.gone {
                return Poll::Pending;
            }
            self.reap(cx);
            let calm = self.cancelled <= CANCELLED && !self.line.is_flooded();
            let again = match calm {
                false => self.leave_at_once(Reason::ENHANCE_YOUR_CALM),
                true => self.poll_stop(cx) || self.poll_waited(cx),
            };
            if !again {
                return Poll::Pending;
            }
        }
    }

    /// Take requests and answer what can be answered at once; then send what has gathered.
    fn poll_requests(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.line.cork();
        loop {
            match self.connection.poll_accept(cx) {
                Poll::Ready(Some(Ok((request, respond)))) => {
                    self.line.cork();
                    self.begin(request, respond, cx);
                }
                Poll::Ready(Some(Err(_)) | None) => return Poll::Ready(()),
                Poll::Pending if self.line.uncork() => {}
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// Count what became of the requests that are over.
    fn reap(&mut self, cx: &mut Context<'_>) {
        while let Poll::Ready(Some(ended)) = self.requests.poll_join_next(cx) {
            self.timer.clear();
            self.cancelled = match ended {
                Ok(Outcome::Cancelled) => self.cancelled + 1,
                _ => self.cancelled.saturating_sub(1),
            };
        }
    }

    /// Whether the server stops and this is the moment to say so.
    fn poll_stop(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(stopped) = &mut self.stopped else {
            return false;
        };
        if stopped.as_mut().poll(cx).is_pending() {
            return false;
        }
        self.stopped = None;
        self.leave()
    }

    /// Whether nothing was asked, or nothing taken, for too long.
    fn poll_waited(&mut self, cx: &mut Context<'_>) -> bool {
        if !self.requests.is_empty() {
            self.line.set_idle(false);
            self.timer.clear();
            return false;
        }
        let open = self.connection.has_streams();
        self.line.set_idle(!open);
        let bounds = &self.server.bounds;
        // What was answered in place and is not taken is not waited for by any task; and whoever was told to go may take its
        // leave, but not for ever.
        let (phase, allowed) = match (self.leaving, open) {
            (true, false) => (Phase::Linger, LINGER.min(bounds.idle_time)),
            (_, true) => (Phase::Stall, bounds.stall_time),
            (false, false) => (Phase::Idle, bounds.idle_time),
        };
        if !self.timer.is_over(phase, allowed, cx) {
            return false;
        }
        self.timer.clear();
        match phase {
            Phase::Idle => self.leave(),
            _ => self.leave_at_once(Reason::NO_ERROR),
        }
    }

    /// Take no further requests, and end when those that run are answered.
    fn leave(&mut self) -> bool {
        if !std::mem::replace(&mut self.leaving, true) {
            self.connection.graceful_shutdown();
        }
        true
    }

    /// End now. What runs is dropped with the connection.
    fn leave_at_once(&mut self, reason: Reason) -> bool {
        (self.leaving, self.gone) = (true, true);
        self.requests.abort_all();
        self.connection.abrupt_shutdown(reason);
        true
    }

    /// A request has come.
    fn begin(
        &mut self,
        request: http::Request<RecvStream>,
        respond: SendResponse<Bytes>,
        cx: &mut Context<'_>,
    ) {
        self.asked += 1;
        self.timer.clear();
        let began = self.server.clock();
        let bounds = Arc::clone(&self.server.bounds);
        if bounds.requests.is_some_and(|most| self.asked >= most) {
            self.leave();
        }
        let (parts, stream) = request.into_parts();
        let read =
            head::request(&parts, &bounds).and_then(|(head, size)| match expectation(&head) {
                Expectation::Unknown => Err(Refusal(
                    417,
                    "only `100-continue` can be expected here".into(),
                )),
                expects => Ok((head, size, expects == Expectation::Continue)),
            });
        let (head, size, expects) = match read {
            Ok(read) => read,
            Err(refusal) => return self.refuse(refusal, respond),
        };
        self.line.received(size + PER_REQUEST);
        let (feed, body) = if stream.is_end_stream() {
            (None, Body::empty())
        } else {
            let length = head.headers.get_str("content-length");
            let length = length.and_then(|length| length.parse().ok());
            let (feed, body) = Feed::new(stream, length, expects, bounds.body, bounds.body_rate);
            (Some(feed), body)
        };
        let head = Arc::new(head);
        let request = Request::new(Arc::clone(&head), body, Arc::clone(&self.client));
        let mut exchange = Exchange {
            server: Arc::clone(&self.server),
            client: Arc::clone(&self.client),
            line: Arc::clone(&self.line),
            head,
            respond,
            reply: Some(guarded(|| self.server.handler.handle(request))),
            feed,
            began,
        };
        if exchange.feed.is_none()
            && let Poll::Ready(response) = poll_reply(&mut exchange.reply, cx)
        {
            match self.answer(&mut exchange, refusing_upgrades(response)) {
                None => return,
                response => exchange.reply = response.map(Reply::Now),
            }
        }
        self.requests.spawn(exchange.run());
    }

    /// Answer in place, if that takes no waiting; else the answer comes back.
    ///
    /// A body that finds no room in the client's window waits in the crate: it is short, and streams are few.
    fn answer(&mut self, exchange: &mut Exchange, response: Response) -> Option<Response> {
        let bare = exchange.head.method == "HEAD" || has_no_body(response.status());
        let body = match &response.body.0 {
            _ if response.is_abort() => return Some(response),
            _ if bare => Bytes::new(),
            Inner::Empty => Bytes::new(),
            Inner::Bytes(bytes) if bytes.len() <= SHORT => bytes.clone(),
            _ => return Some(response),
        };
        let Some(head) = head::response(&response, bare) else {
            return Some(response);
        };
        let length = body.len() as u64;
        let sent = exchange
            .respond
            .send_response(head, body.is_empty())
            .and_then(|mut stream| match body.is_empty() {
                true => Ok(()),
                false => stream.send_data(body, true),
            });
        self.line.sent(length);
        self.cancelled = self.cancelled.saturating_sub(1);
        if let Some(log) = &self.server.log {
            let broken = sent.err().map(|error| error.to_string());
            log.answered(&Record {
                client: &self.client,
                head: Some(&exchange.head),
                user: response.user(),
                status: response.status(),
                sent: length,
                took: exchange.began.map(|at| at.elapsed()).unwrap_or_default(),
                broken: broken.as_deref(),
            });
        }
        None
    }

    /// Answer what is no request that can be served.
    fn refuse(&mut self, Refusal(status, why): Refusal, mut respond: SendResponse<Bytes>) {
        self.line.received(PER_REQUEST);
        let response = Response::error(status, &why);
        if let Some(head) = head::response(&response, false)
            && let Ok(mut stream) = respond.send_response(head, false)
        {
            // If the client is gone already, there is nobody to tell.
            let _ = stream.send_data(Bytes::from(format!("{why}\n")), true);
        }
        if let Some(log) = &self.server.log {
            log.answered(&Record {
                client: &self.client,
                head: None,
                user: None,
                status,
                sent: why.len() as u64 + 1,
                took: Duration::ZERO,
                broken: Some(&why),
            });
        }
    }
}
