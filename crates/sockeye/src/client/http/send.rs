//! The pipeline: what is asked becomes hops, until one of them is the answer.
//!
//! Each hop passes the same stages: policy, HSTS, cookies, credentials, exchange. What came back then decides: a challenge or a
//! refused `Expect` asks again, a redirect goes on, and anything else is the answer.

use std::pin::Pin;

use sockeye_data::url::Origin;
use tokio::time::Instant;

use super::client::{Client, Inner};
use super::connection::Incoming;
use super::decode::Decoder;
use super::exchange::Additions;
use super::hop::{Hop, Why};
use super::redirect::{self, Next};
use super::request::Request;
use super::response::{Response, late};
use super::retry::Outcome;
use crate::error::{Error, Result};

/// A request that failed, and the hops that it got to.
#[derive(Debug)]
#[non_exhaustive]
pub struct Failed {
    /// Why.
    pub error: Error,
    /// What happened before, the hop that failed last.
    pub hops: Vec<Hop>,
}

/// One request on its way.
struct Journey<'c> {
    inner: &'c Inner,
    request: Request,
    /// The origin that was asked for: what was typed for it goes nowhere else.
    origin: Option<Origin>,
    hops: Vec<Hop>,
    redirected: u32,
    challenged: u32,
    without_expect: bool,
}

type Going<'j> = Pin<Box<dyn Future<Output = Result<(Incoming, Option<Decoder>)>> + Send + 'j>>;

/// What to do after a hop.
enum After {
    Answer(Incoming),
    Again(Why),
}

impl Client {
    /// Like [`Client::send`]; a failure also tells what happened before it.
    ///
    /// # Errors
    ///
    /// As [`Client::send`].
    ///
    /// # Cancel safety
    ///
    /// As [`Client::send`].
    pub async fn exchange(&self, request: Request) -> Result<Response, Failed> {
        let settings = &self.0.settings;
        let timeout = request.timeout.or(settings.timeout);
        let deadline = timeout.map(|timeout| Instant::now() + timeout);
        let mut journey = Journey {
            inner: &self.0,
            origin: request.url.origin(),
            request,
            hops: Vec::new(),
            redirected: 0,
            challenged: 0,
            without_expect: false,
        };
        // Boxed, so that the futures of our callers stay small, and the compiler's work on them too.
        let going: Going<'_> = Box::pin(journey.go());
        let result = match deadline {
            Some(deadline) => tokio::time::timeout_at(deadline, going).await.ok(),
            None => Some(going.await),
        };
        let url = || journey.request.url.without_secrets();
        let result = result.unwrap_or_else(|| Err(late().about(url())));
        match result {
            Ok((incoming, decoder)) => Ok(Response {
                hops: journey.hops,
                incoming,
                decoder,
                deadline,
                gathered: settings.limits.gathered,
                is_over: false,
                decoded: Vec::new(),
            }),
            Err(error) => Err(Failed {
                error,
                hops: journey.hops,
            }),
        }
    }
}

impl Journey<'_> {
    async fn go(&mut self) -> Result<(Incoming, Option<Decoder>)> {
        let mut why = Why::Asked;
        let mut tries = 0;
        loop {
            let after = self.hop(why).await;
            let outcome = match &after {
                Ok(After::Again(next)) => {
                    why = *next;
                    continue;
                }
                Ok(After::Answer(_)) => match self.hops.last() {
                    Some(hop) => Outcome::Answered(hop.status, &hop.headers),
                    None => Outcome::Answered(0, &self.request.headers),
                },
                Err(error) => Outcome::Failed(error),
            };
            let retry = &self.inner.settings.retry;
            let can_go = self.request.body.is_repeatable();
            if can_go && let Some(pause) = retry.pause(&self.request.method, tries, &outcome) {
                tries += 1;
                tokio::time::sleep(pause).await;
                why = Why::Retried;
                continue;
            }
            if let After::Answer(incoming) = after? {
                return Ok((incoming, self.decoder()?));
            }
        }
    }

    fn decoder(&self) -> Result<Option<Decoder>> {
        let Some(hop) = self.hops.last() else {
            return Ok(None);
        };
        let has_body = hop.method != "HEAD" && !matches!(hop.status, 204 | 304);
        if !has_body {
            return Ok(None);
        }
        let decoding = &self.inner.settings.decoding;
        Decoder::new(&hop.headers, decoding).map_err(|error| error.about(hop.url.without_secrets()))
    }

    async fn hop(&mut self, why: Why) -> Result<After> {
        self.prepare()?;
        let additions = self.additions();
        let hopped = self.inner.hop(&mut self.request, &additions, why).await;
        let (hop, incoming) = match hopped {
            Ok(hopped) => hopped,
            Err(lost) => {
                self.hops.push(*lost.hop);
                return Err(lost.error);
            }
        };
        self.hops.push(hop);
        self.learn();
        self.after(incoming).await
    }

    /// What decides before anything is opened.
    fn prepare(&mut self) -> Result<()> {
        let settings = &self.inner.settings;
        if let Some(store) = &settings.hsts
            && let Some(secure) = store.upgrade(&self.request.url)
        {
            self.request.url = secure;
        }
        match &settings.policy {
            Some(policy) => policy
                .check(&self.request.url)
                .map_err(|error| error.about(self.request.url.without_secrets())),
            None => Ok(()),
        }
    }

    /// What depends on where this hop goes.
    fn additions(&self) -> Additions {
        let settings = &self.inner.settings;
        let url = &self.request.url;
        let is_home = url.origin() == self.origin || settings.redirects.is_trusting();
        let own = self.request.credential.as_ref().filter(|_| is_home);
        Additions {
            cookie: settings.cookies.as_ref().and_then(|jar| jar.header(url)),
            authorization: settings.credentials.authorize(&self.request, own),
            without_expect: self.without_expect,
        }
    }

    /// Keep what the answer says for later.
    fn learn(&self) {
        let settings = &self.inner.settings;
        let Some(hop) = self.hops.last() else { return };
        if let Some(jar) = &settings.cookies {
            jar.store(&hop.url, &hop.headers);
        }
        if let Some(store) = &settings.hsts {
            store.note(&hop.url, &hop.headers);
        }
    }

    async fn after(&mut self, incoming: Incoming) -> Result<After> {
        let settings = &self.inner.settings;
        let Some(hop) = self.hops.last() else {
            return Ok(After::Answer(incoming));
        };
        let status = hop.status;
        if status == 417 && hop.request.contains("expect") && !self.without_expect {
            self.without_expect = true;
            self.drain(incoming).await;
            return Ok(After::Again(Why::WithoutExpect));
        }
        if matches!(status, 401 | 407) && self.challenged < settings.limits.challenges {
            let is_home = hop.url.origin() == self.origin || settings.redirects.is_trusting();
            let own = self.request.credential.as_ref().filter(|_| is_home);
            let answers = self.request.body.is_repeatable()
                && settings
                    .credentials
                    .challenged(&self.request, own, status, &hop.headers);
            if answers {
                self.challenged += 1;
                self.drain(incoming).await;
                return Ok(After::Again(Why::Authenticated));
            }
        }
        let next = settings
            .redirects
            .next(&self.request, status, &hop.headers, self.redirected)
            .map_err(|error| error.about(hop.url.without_secrets()))?;
        let Some(next) = next else {
            return Ok(After::Answer(incoming));
        };
        self.drain(incoming).await;
        self.turn(next);
        Ok(After::Again(Why::Redirected))
    }

    /// Go on to another URL. What was typed for one origin does not cross to another, unless that was allowed.
    fn turn(&mut self, next: Next) {
        self.redirected += 1;
        self.challenged = 0;
        let crosses = next.url.origin() != self.request.url.origin();
        let request = &mut self.request;
        if crosses && !self.inner.settings.redirects.is_trusting() {
            redirect::strip(&mut request.headers);
        }
        if !next.keeps_body {
            redirect::strip_body(request);
        }
        request.method = next.method;
        request.url = next.url;
    }

    /// Read a short body that nobody wants, so that its connection can be kept; a long one is not worth it.
    async fn drain(&mut self, mut incoming: Incoming) {
        const WORTH: u64 = 64 << 10;
        let mut read = 0;
        let end = self.hops.len() - 1;
        if incoming.length().is_some_and(|length| length > WORTH) {
            return incoming.note(&mut self.hops[end]);
        }
        while let Ok(Some(bytes)) = incoming.chunk().await {
            read += bytes.len() as u64;
            if read > WORTH {
                break;
            }
        }
        incoming.note(&mut self.hops[end]);
        let now = self.inner.settings.net.start().elapsed();
        self.hops[end].timing.ended.get_or_insert(now);
    }
}
