//! One request that has to wait: for its body, its handler, or the way out.

use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::task::Poll;
use std::time::Instant;

use sockeye_data::http1::{Framing, RequestHead, Version};

use super::carry::Carry;
use super::feed::Feed;
use super::h1::{Connection, End};
use super::head::{self, Facts};
use super::reply::{guarded, poll_reply};
use crate::web::handler::{Handler, Reply};
use crate::web::request::Request;
use crate::web::response::{Response, Upgrade};
use crate::web::server::{Announced, Record, Server};

/// The rest of a body that is read for nobody so that the connection lives on.
const DRAIN: u64 = 64 << 10;

/// The status in the log for a client that left before its answer began, as nginx has it.
const GONE: u16 = 499;

/// A request under way.
pub(super) struct Exchange {
    head: Arc<RequestHead>,
    reply: Option<Reply>,
    pub(super) feed: Option<Feed>,
    facts: Facts,
    began: Option<Instant>,
    /// Where the answer begins among all that is sent over the connection.
    begins: Option<u64>,
    status: u16,
    user: Option<String>,
    sent: u64,
    _announced: Option<Announced>,
}

impl Exchange {
    /// One whose reply was not there at once.
    pub(super) fn new(
        server: &Server,
        head: Arc<RequestHead>,
        reply: Reply,
        facts: Facts,
        began: Option<Instant>,
    ) -> Self {
        Self {
            head,
            reply: Some(reply),
            feed: None,
            facts,
            began,
            begins: None,
            status: 0,
            user: None,
            sent: 0,
            _announced: server.announce_request(),
        }
    }

    /// One with a body; the handler is asked.
    pub(super) fn with_body(
        connection: &Connection,
        head: Arc<RequestHead>,
        framing: Framing,
        facts: Facts,
        expects: bool,
        began: Option<Instant>,
    ) -> Self {
        let server = &connection.server;
        let (feed, body) = Feed::new(framing, expects, &server.bounds);
        let request = Request::new(Arc::clone(&head), body, Arc::clone(&connection.client));
        let reply = guarded(|| server.handler.handle(request));
        Self {
            feed: Some(feed),
            ..Self::new(server, head, reply, facts, began)
        }
    }
}

impl Connection {
    /// See a request through. An error is how the connection ends.
    pub(super) async fn exchange(&mut self, mut exchange: Box<Exchange>) -> Result<(), End> {
        let result = self.respond(&mut exchange).await;
        self.record(&exchange, result.as_ref().err());
        match result {
            Ok(()) => {}
            Err(Broken::Upgraded) => return Err(End::Broken),
            Err(Broken::Body(_)) => {
                // The client may have what there is, but must not take it for the whole.
                let _ = poll_fn(|cx| self.poll_flush(cx)).await;
                if let Some(stream) = self.stream.take() {
                    stream.abort();
                }
                return Err(End::Broken);
            }
            Err(Broken::Connection(_)) => return Err(End::Broken),
        }
        self.settle(&mut exchange).await;
        Ok(())
    }

    async fn respond(&mut self, exchange: &mut Exchange) -> Result<(), Broken> {
        let mut response = poll_fn(|cx| {
            if let Some(feed) = &mut exchange.feed {
                feed.poll(self, cx);
            }
            if let Poll::Ready(response) = poll_reply(&mut exchange.reply, cx) {
                return Poll::Ready(Ok(response));
            }
            // Answers to earlier requests must not wait for this one.
            if !self.output.is_empty()
                && let Poll::Ready(Err(error)) = self.poll_flush(cx)
            {
                return Poll::Ready(Err(Broken::Connection(error)));
            }
            self.poll_gone(exchange, cx)
        })
        .await?;
        exchange.status = response.status();
        exchange.user = response.user().map(str::to_owned);
        if response.is_abort() {
            return Err(Broken::Body("the handler gave up".into()));
        }
        if let Some(upgrade) = response.take_upgrade() {
            let (facts, has_body) = (exchange.facts, exchange.feed.is_some());
            if facts.version != Version::Http11 || has_body {
                exchange.status = self.refuse_upgrade(facts);
                return Ok(());
            }
            return self.upgrade(facts, response, upgrade).await;
        }
        if let Some(feed) = &mut exchange.feed {
            feed.answer_begins(self.output.buffer());
        }
        let framing = head::framing(&response, exchange.facts);
        self.decide_keep(exchange, framing);
        let facts = exchange.facts;
        exchange.begins = Some(self.output.position());
        head::write(self.output.buffer(), &response, framing, facts);
        self.closing |= !facts.keep;
        if framing == Framing::None {
            return Ok(());
        }
        let mut carry = Carry::new(std::mem::take(&mut response.body), framing);
        let sent = poll_fn(|cx| {
            if let Some(feed) = &mut exchange.feed {
                feed.poll(self, cx);
            }
            match carry.poll(self, cx) {
                Poll::Pending => self.poll_gone(exchange, cx),
                sent => sent,
            }
        })
        .await;
        // What waits in our buffer has not arrived.
        exchange.sent = carry.sent().saturating_sub(self.output.len() as u64);
        sent
    }

    /// Whether the connection lives on, when the answer's head is about to be written.
    fn decide_keep(&self, exchange: &mut Exchange, framing: Framing) {
        let ends = framing == Framing::UntilClose;
        exchange.facts.keep &= !ends && !self.closing && !self.is_stopping();
        if let Some(feed) = &exchange.feed {
            let drains = feed.is_done() || feed.left().is_some_and(|left| left <= DRAIN);
            exchange.facts.keep &= drains;
        }
    }

    /// After the answer: what is left of the request's body is read, if it is short.
    async fn settle(&mut self, exchange: &mut Exchange) {
        let Some(mut feed) = exchange.feed.take() else {
            return;
        };
        if self.closing || feed.is_done() {
            return;
        }
        let drained = poll_fn(|cx| {
            // The answer first: the client may wait for it. Or it takes nothing before it has said all.
            if !self.output.is_empty()
                && let Poll::Ready(Err(_)) = self.poll_flush(cx)
            {
                return Poll::Ready(false);
            }
            feed.poll_drain(self, cx)
        });
        if !drained.await {
            self.closing = true;
        }
    }

    /// The status of the answer to a client whose connection cannot become something else.
    fn refuse_upgrade(&mut self, facts: Facts) -> u16 {
        let refused = Response::error(501, "only HTTP/1.1 without a body can be upgraded");
        let facts = Facts {
            keep: false,
            ..facts
        };
        self.pile(&refused, facts);
        refused.status()
    }

    async fn upgrade(
        &mut self,
        facts: Facts,
        response: Response,
        upgrade: Upgrade,
    ) -> Result<(), Broken> {
        head::write(self.output.buffer(), &response, Framing::None, facts);
        poll_fn(|cx| self.poll_flush(cx))
            .await
            .map_err(Broken::Connection)?;
        drop(response);
        upgrade(self.take_stream()).await;
        Err(Broken::Upgraded)
    }

    /// Whether anything of the answer was sent.
    fn has_begun(&self, exchange: &Exchange) -> bool {
        let begins = exchange.begins;
        begins.is_some_and(|begins| self.output.all_sent() > begins)
    }

    fn record(&self, exchange: &Exchange, broken: Option<&Broken>) {
        let Some(log) = &self.server.log else { return };
        let why = match broken {
            None | Some(Broken::Upgraded) => None,
            Some(Broken::Body(why)) => Some(why.clone()),
            Some(Broken::Connection(error)) => Some(error.to_string()),
        };
        log.answered(&Record {
            client: &self.client,
            head: Some(&exchange.head),
            user: exchange.user.as_deref(),
            status: match broken {
                Some(Broken::Connection(_)) if !self.has_begun(exchange) => GONE,
                _ => exchange.status,
            },
            sent: exchange.sent,
            took: exchange
                .began
                .map(|began| began.elapsed())
                .unwrap_or_default(),
            broken: why.as_deref(),
        });
    }
}

/// Why an answer did not reach its end.
#[derive(Debug)]
pub(super) enum Broken {
    /// The connection is in other hands.
    Upgraded,
    /// Its body failed, or has another length than was said.
    Body(String),
    /// The client is gone.
    Connection(io::Error),
}
