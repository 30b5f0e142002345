//! The pipeline: what is asked becomes hops, until one of them is the answer.
//!
//! Each hop passes the same stages: policy, HSTS, cookies, credentials, exchange. What came back then decides: a challenge or a
//! refused `Expect` asks again, a redirect goes on, and anything else is the answer.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

use sockeye_data::cookie::{self, SetCookie};
use sockeye_data::http1::{Framing, RequestHead};
use sockeye_data::url::{Origin, Url};
use tokio::io::AsyncRead;
use tokio::time::Instant;

use super::auth::Standing;
use super::client::{Client, Inner};
use super::connection::Incoming;
use super::decode::{Decoder, Plan};
use super::exchange::Additions;
use super::hop::{Hop, Why};
use super::redirect::{self, Next};
use super::request::Request;
use super::response::{Response, late};
use super::retry::{Outcome, Tried};
use super::watch::{self, Stage};
use crate::endpoint::Verify;
use crate::error::{Error, Kind, Operation, Result};
use crate::net::Recorder;

/// A request that failed, and the hops that it got to.
#[derive(Debug)]
#[non_exhaustive]
pub struct Failed {
    /// Why.
    pub error: Error,
    /// What happened before, the hop that failed last.
    pub hops: Vec<Hop>,
}

/// What would go out for a request.
#[derive(Debug)]
#[non_exhaustive]
pub struct Preview {
    /// The head, as HTTP/1 writes it.
    pub head: RequestHead,
    /// How the body would be framed.
    pub framing: Framing,
    /// The request, its body not yet read; its URL is the one that would be asked.
    pub request: Request,
}

impl Preview {
    /// What reads the body that would be sent.
    ///
    /// # Errors
    ///
    /// [`Kind::Io`], [`Kind::Denied`] if a file cannot be opened; [`Kind::Usage`] if it was read already and cannot be again.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future may lose a body that can be read only once.
    pub async fn body(&mut self) -> Result<Box<dyn AsyncRead + Send + Unpin>> {
        self.request.body.open().await
    }
}

/// One request on its way.
struct Journey<'c> {
    inner: &'c Inner,
    request: Request,
    /// The URL that was asked for, and its origin: what was typed for it goes nowhere else.
    typed: Url,
    origin: Option<Origin>,
    hops: Vec<Hop>,
    redirected: u32,
    challenged: u32,
    /// Whether a nonce of ours was too old already.
    stale: bool,
    without_expect: bool,
    number: u64,
    /// How the connection of the last hop comes about, while it does.
    opening: Option<Arc<Recorder>>,
    /// Whether the last hop was told to be over.
    is_told: bool,
}

/// The last answer's body, and what undoes its codings.
type Found = (Incoming, Option<Box<Decoder>>);

type Going<'j> = Pin<Box<dyn Future<Output = Result<Found>> + Send + 'j>>;

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
        let mut timeout = request.timeout.or(settings.timeout);
        if let Some(policy) = &settings.policy {
            timeout = policy.bounded(timeout);
        }
        let deadline = timeout.map(|timeout| Instant::now() + timeout);
        let mut journey = Journey::new(&self.0, request);
        journey.number = self.0.requests.fetch_add(1, Ordering::Relaxed);
        journey.is_told = false;
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
                hops: journey.arrive(),
                client: self.clone(),
                incoming,
                decoder,
                deadline,
                gathered: settings.limits.gathered,
                longest: settings.limits.body,
                taken: 0,
                is_over: false,
                unsaved: bytes::Bytes::new(),
            }),
            Err(error) => Err(Failed {
                hops: journey.fail(&error),
                error,
            }),
        }
    }
}

impl Client {
    /// What would go out first for this request: nothing is opened, and nothing is sent.
    ///
    /// # Errors
    ///
    /// [`Kind::Usage`] if a part of it cannot be written, [`Kind::Denied`] if the policy forbids it.
    ///
    /// # Examples
    ///
    /// ```
    /// use sockeye::client::http::Client;
    ///
    /// let client = Client::builder().user_agent(None).build();
    /// let request = client.get("http://localhost:8080/x").header("a", "b").build()?;
    /// let preview = client.preview(request)?;
    /// let mut bytes = Vec::new();
    /// preview.head.write(&mut bytes).unwrap();
    /// let text = String::from_utf8(bytes).unwrap();
    /// assert!(text.starts_with("GET /x HTTP/1.1\r\nHost: localhost:8080\r\n"), "{text}");
    /// # Ok::<(), sockeye::Error>(())
    /// ```
    pub fn preview(&self, request: Request) -> Result<Preview> {
        let mut journey = Journey::new(&self.0, request);
        journey.prepare()?;
        let additions = journey.additions();
        let (head, framing) = self.0.head_of(&journey.request, &additions)?;
        let empty = Request::new("GET", journey.request.url.clone())?;
        Ok(Preview {
            head,
            framing,
            request: std::mem::replace(&mut journey.request, empty),
        })
    }
}

impl<'c> Journey<'c> {
    /// A request before its first hop; there is nothing to be told about it yet.
    fn new(inner: &'c Inner, request: Request) -> Self {
        Self {
            inner,
            origin: request.url.origin(),
            typed: request.url.clone(),
            request,
            hops: Vec::new(),
            redirected: 0,
            challenged: 0,
            stale: false,
            without_expect: false,
            number: 0,
            opening: None,
            is_told: true,
        }
    }

    async fn go(&mut self) -> Result<Found> {
        let mut why = Why::Asked;
        let mut again = 0;
        let began = Instant::now();
        loop {
            let after = match self.hop(why).await {
                Ok(After::Again(next)) => {
                    why = next;
                    continue;
                }
                after => after,
            };
            if let Some(pause) = self.pause(&after, again, began) {
                again += 1;
                if let Ok(After::Answer(incoming)) = after {
                    self.drain(incoming).await;
                }
                if let Some(hop) = self.hops.last_mut() {
                    let pause = pause.as_secs_f32();
                    hop.notes
                        .push(format!("it is tried again after {pause:.1} s"));
                }
                tokio::time::sleep(pause).await;
                why = Why::Retried;
                continue;
            }
            if let After::Answer(incoming) = after? {
                return Ok((incoming, self.decoder()?));
            }
        }
    }

    /// How long to wait before it is tried again, if it is.
    fn pause(&self, after: &Result<After>, again: u32, began: Instant) -> Option<Duration> {
        if !self.request.body.is_repeatable() {
            return None;
        }
        let outcome = match after {
            Ok(_) => {
                let hop = self.hops.last()?;
                Outcome::Answered(hop.status, &hop.headers)
            }
            Err(error) => Outcome::Failed(error),
        };
        let tried = Tried {
            method: &self.request.method,
            again,
            elapsed: began.elapsed(),
            now: SystemTime::now(),
        };
        let retry = self.request.retry.as_ref();
        let retry = retry.unwrap_or(&self.inner.settings.retry);
        retry.pause(&tried, &outcome)
    }

    /// What undoes the codings of the last answer.
    fn decoder(&mut self) -> Result<Option<Box<Decoder>>> {
        let Some(hop) = self.hops.last_mut() else {
            return Ok(None);
        };
        let has_body = hop.method != "HEAD" && !matches!(hop.status, 204 | 304);
        if !has_body {
            return Ok(None);
        }
        let decoding = &self.inner.settings.decoding;
        match Plan::new(hop.status, &hop.headers, decoding) {
            Ok(Plan::Undo(decoder)) => Ok(Some(decoder)),
            Ok(Plan::Plain) => Ok(None),
            Ok(Plan::Left(why)) => {
                hop.notes.push(why);
                Ok(None)
            }
            Err(error) => Err(error.about(hop.url.without_secrets())),
        }
    }

    async fn hop(&mut self, why: Why) -> Result<After> {
        self.begin(why);
        let hopped = self.put().await;
        let incoming = hopped.map_err(|error| self.lost(error))?;
        self.learn();
        self.after(incoming).await
    }

    /// A hop begins where the one before ended, so that their times add up.
    fn begin(&mut self, why: Why) {
        let before = self.hops.last().and_then(|hop| hop.timing.ended);
        let began = before.unwrap_or_else(|| self.inner.settings.net.start().elapsed());
        let mut hop = Hop::new(&self.request, why, began);
        hop.request_number = self.number;
        hop.number = self.hops.len() as u64;
        if let Some(before) = self.hops.last() {
            self.inner.tell(Stage::Ended, before);
        }
        self.hops.push(hop);
        self.opening = None;
    }

    async fn put(&mut self) -> Result<Incoming> {
        self.prepare()?;
        let additions = self.additions();
        let end = self.hops.len() - 1;
        let hop = &mut self.hops[end];
        hop.url.clone_from(&self.request.url);
        let opening = &mut self.opening;
        self.inner
            .hop(&mut self.request, &additions, hop, opening)
            .await
    }

    /// The last hop failed.
    fn lost(&mut self, error: Error) -> Error {
        let error = in_words_of_urls(error.about(self.request.url.without_secrets()));
        self.end_last(Some(&error));
        error
    }

    /// The last hop is over, if it was not before.
    fn end_last(&mut self, error: Option<&Error>) {
        let now = self.inner.settings.net.start().elapsed();
        let Some(hop) = self.hops.last_mut() else {
            return;
        };
        if let Some(recorder) = self.opening.take() {
            hop.timing.opening = Some(recorder.opening());
        }
        hop.timing.ended.get_or_insert(now);
        if let Some(error) = error {
            hop.error.get_or_insert_with(|| error.to_string());
        }
    }

    /// The answer is there; its body goes on.
    fn arrive(&mut self) -> Vec<Hop> {
        self.is_told = true;
        std::mem::take(&mut self.hops)
    }

    /// It came to nothing.
    fn fail(&mut self, error: &Error) -> Vec<Hop> {
        self.end_last(Some(error));
        self.is_told = true;
        if let Some(hop) = self.hops.last() {
            self.inner.tell(Stage::Over, hop);
        }
        std::mem::take(&mut self.hops)
    }

    /// What decides before anything is opened.
    fn prepare(&mut self) -> Result<()> {
        let settings = &self.inner.settings;
        if let Some(store) = &settings.hsts
            && let Some(secure) = store.upgrade(&self.request.url)
        {
            // It is the same place, and nobody else has sent us there: what was typed for it goes along.
            if self.request.url.origin() == self.origin {
                self.origin = secure.origin();
            }
            self.request.url = secure;
        }
        let Some(policy) = &settings.policy else {
            return Ok(());
        };
        policy.check(&self.request.url)?;
        policy.check_way(&settings.options.via)?;
        policy.check_headers(&self.request.headers)
    }

    fn is_home(&self) -> bool {
        self.request.url.origin() == self.origin || self.inner.settings.redirects.is_trusting()
    }

    fn standing(&self) -> Standing<'_> {
        Standing {
            home: self.origin.as_ref(),
            typed: &self.typed,
            trusting: self.inner.settings.redirects.is_trusting(),
        }
    }

    /// What depends on where this hop goes.
    fn additions(&self) -> Additions {
        let credentials = &self.inner.settings.credentials;
        Additions {
            cookie: self.cookie(),
            authorization: credentials.authorize(&self.request, self.standing()),
            is_abroad: !self.is_home(),
            without_expect: self.without_expect,
        }
    }

    /// The cookies of the jar, and those that were typed for this origin, which come before others of their name.
    fn cookie(&self) -> Option<Vec<u8>> {
        let typed = match self.is_home() {
            true => &self.request.cookies[..],
            false => &[],
        };
        let jar = self.inner.settings.cookies.as_ref();
        let mut pairs = jar
            .map(|jar| jar.pairs(&self.request.url))
            .unwrap_or_default();
        pairs.retain(|(name, _)| typed.iter().all(|(it, _)| it != name));
        pairs.extend_from_slice(typed);
        (!pairs.is_empty()).then(|| cookie::header(pairs))
    }

    /// Keep what the answer says for later.
    fn learn(&mut self) {
        let settings = &self.inner.settings;
        let Some(hop) = self.hops.last() else { return };
        settings.credentials.learn(hop);
        if let Some(jar) = &settings.cookies {
            jar.store(&hop.url, &hop.headers);
            for set in hop.headers.all("set-cookie") {
                if let Ok(set) = SetCookie::parse(set)
                    && hop.url.origin() == self.origin
                {
                    self.request.cookies.retain(|(name, _)| *name != set.name);
                }
            }
        }
        // A host speaks for itself only if it was checked that it is that host (RFC 6797 section 8.1).
        if let Some(store) = &settings.hsts
            && settings.tls.verify == Verify::Full
        {
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
            let (first, mut stale) = (self.challenged == 0, self.stale);
            let credentials = &settings.credentials;
            let answers = self.request.body.is_repeatable()
                && credentials.challenged(&self.request, self.standing(), hop, first, &mut stale);
            self.stale = stale;
            if answers {
                self.challenged += 1;
                self.drain(incoming).await;
                return Ok(After::Again(Why::Authenticated));
            }
        }
        let next = settings
            .redirects
            .next(&self.request, &self.hops, self.redirected)
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
        self.stale = false;
        if let (Some(note), Some(hop)) = (next.note, self.hops.last_mut()) {
            hop.notes.push(note);
        }
        let crosses = next.url.origin() != self.request.url.origin();
        let request = &mut self.request;
        if crosses && !self.inner.settings.redirects.is_trusting() {
            redirect::strip(&mut request.headers);
        }
        if !next.keeps_body {
            redirect::strip_body(request);
        }
        if let Some(referer) = next.referer {
            request.headers.remove("referer");
            // A URL in its normal view has nothing that a header refuses.
            drop(request.headers.append("Referer", referer));
        }
        request.method = next.method;
        request.url = next.url;
    }

    /// Read a short body that nobody wants, so that its connection can be kept; a long one is not worth it.
    async fn drain(&mut self, mut incoming: Incoming) {
        const WORTH: u64 = 64 << 10;
        let mut read = 0;
        let end = self.hops.len() - 1;
        let keep = self.inner.settings.keep_bodies;
        let is_plain = !self.hops[end].headers.contains("content-encoding");
        let is_short = incoming.length().is_none_or(|length| length <= WORTH);
        while is_short && let Ok(Some(bytes)) = incoming.chunk().await {
            read += bytes.len() as u64;
            if is_plain {
                self.hops[end].keep(&bytes, keep);
            }
            if read > WORTH {
                break;
            }
        }
        incoming.note(&mut self.hops[end]);
        self.end_last(None);
    }
}

impl Drop for Journey<'_> {
    fn drop(&mut self) {
        if !self.is_told {
            let why = "it was given up";
            let error = Error::new(Kind::Canceled, Operation::Fetch, why);
            self.fail(&error.about(self.request.url.without_secrets()));
        }
    }
}

/// A hint that speaks of endpoints, for whoever typed a URL.
fn in_words_of_urls(error: Error) -> Error {
    match error.hint() {
        Some(hint) if hint.contains("tcp:// instead of tls://") => {
            error.with_hint(hint.replace("tcp:// instead of tls://", "http:// instead of https://"))
        }
        _ => error,
    }
}

impl Hop {
    /// A piece of the body, decoded.
    pub(super) fn keep(&mut self, bytes: &[u8], limit: u64) {
        self.decoded += bytes.len() as u64;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        watch::add(&mut self.body, bytes, limit);
    }
}
