//! One hop: the head is made, a connection taken or opened, the request put and the head of the answer read.

use std::sync::Arc;
use std::time::{Duration, Instant};

use sockeye_data::http1::{self, Framing, Headers, RequestHead, ResponseHead};

use super::client::Inner;
use super::connection::{
    Answer, Connection, Home, Incoming, Outgoing, Payload, Route, Turn, Unanswered,
};
use super::hop::{Hop, Version, Why};
use super::redirect;
use super::request::Request;
use super::settings::{Settings, Versions};
use super::timing::{Timing, Wants};
use super::watch::{self, Keep, Stage};
use crate::error::{Error, Kind, Operation, Result};
use crate::net::{Recorder, login_refused};

/// Bodies in memory up to this size leave together with the head.
const WITH_HEAD: u64 = 64 << 10;
/// Larger bodies wait until the server wants them (RFC 9110 section 10.1.1), unless the request says otherwise.
const EXPECT_FROM: u64 = 1 << 20;
/// How often a request is put again because the server certainly did nothing for it, or closed a kept connection.
const REPEATED: u32 = 3;

/// What a hop adds to the request: what depends on where it goes.
#[derive(Debug, Default)]
pub(super) struct Additions {
    pub(super) cookie: Option<Vec<u8>>,
    pub(super) authorization: Option<Vec<u8>>,
    pub(super) without_expect: bool,
    /// It goes to another origin than was asked for: of the client's own lines, only those go that tell nothing of us.
    pub(super) is_abroad: bool,
}

impl Inner {
    /// Put the request once, on a kept connection or a new one. A kept one that proves to be closed is replaced if that is safe.
    pub(super) async fn hop(
        &self,
        request: &mut Request,
        additions: &Additions,
        hop: &mut Hop,
        opening: &mut Option<Arc<Recorder>>,
    ) -> Result<Incoming> {
        let settings = &self.settings;
        let route = self.route(request)?;
        hop.timing.wants = Wants {
            proxies: route.endpoint.options().via.len(),
            tls: !route.endpoint.layers().is_empty(),
        };
        let authority = request.url.authority();
        let scheme = request.url.scheme().as_str();
        let (mut may_be_kept, mut repeated) = (true, 0);
        loop {
            let (head, framing) = head(request, settings, additions, &route)?;
            hop.target = String::from_utf8_lossy(&head.target).into_owned();
            let mut bytes = Vec::new();
            if head.write(&mut bytes).is_ok() {
                hop.request_head_bytes = bytes.len() as u64;
            }
            hop.request = head.headers.clone();
            let connection = self.connection(&route, may_be_kept, opening).await?;
            hop.timing.connected = Some(settings.net.start().elapsed());
            hop.timing.opening = opening.take().map(|recorder| recorder.opening());
            let is_kept = connection.info().reused;
            hop.connection = Some(connection.info().clone());
            hop.version = connection.version(&head);
            let expects = head.headers.contains("expect");
            let keep = Keep::new(settings.keep_bodies);
            let body = payload(request, &keep, hop).await?;
            self.tell(Stage::Sending, hop);
            let outgoing = Outgoing {
                head: &head,
                scheme,
                authority: &authority,
                framing,
                body,
                expects,
                limits: settings.limits,
                lenient: settings.lenient,
            };
            let exchanged = connection.exchange(outgoing, self.home(&route)).await;
            watch::add(&mut hop.request_body, &keep.take(), usize::MAX);
            match exchanged {
                Ok(answer) => {
                    let refused = refused_by_proxy(&route, &answer.head);
                    let incoming = self.answered(hop, answer);
                    return refused.map_or(Ok(incoming), Err);
                }
                Err(failed) if repeated < REPEATED && may_go_again(is_kept, request, &failed) => {
                    repeated += 1;
                    may_be_kept = failed.is_unprocessed;
                }
                Err(failed) => {
                    let start = settings.net.start();
                    hop.timing.sent = since(start, failed.times.sent);
                    hop.timing.first_byte = since(start, failed.times.first_byte);
                    return Err(failed.error);
                }
            }
        }
    }

    fn route(&self, request: &Request) -> Result<Route> {
        let mut versions = request.versions.unwrap_or(self.settings.versions);
        // HTTP/2 has neither bytes as they were typed nor other protocols to go on with.
        if versions == Versions::Auto && (request.exact || request.headers.contains("upgrade")) {
            versions = Versions::Http11;
        }
        Route::new(&request.url, &self.settings, versions)
    }

    /// The head of this request, and how its body is framed.
    pub(super) fn head_of(
        &self,
        request: &Request,
        additions: &Additions,
    ) -> Result<(RequestHead, Framing)> {
        let route = self.route(request)?;
        head(request, &self.settings, additions, &route)
    }

    fn home(&self, route: &Route) -> Home {
        Home {
            pool: self.pool.clone(),
            route: route.clone(),
            start: self.settings.net.start(),
        }
    }

    async fn connection(
        &self,
        route: &Route,
        may_be_kept: bool,
        opening: &mut Option<Arc<Recorder>>,
    ) -> Result<Connection> {
        let permit = match self.pool.turn(route, may_be_kept).await? {
            Turn::Kept(kept) => return Ok(kept),
            Turn::Open(permit) => permit,
        };
        let (net, recorder) = self.settings.net.recorded();
        *opening = Some(recorder);
        let opened = self.pool.open(&net, route, permit).await;
        opened.map_err(|error| match &route.forward {
            Some(forward) => {
                let error = match error.kind() {
                    Kind::Refused => error.with_hint("is the proxy running, and is this its port?"),
                    _ => error,
                };
                error.through(format_args!("proxy {}", forward.proxy))
            }
            None => error,
        })
    }

    /// Tell whoever wants to hear of hops.
    pub(super) fn tell(&self, stage: Stage, hop: &Hop) {
        if let Some(observer) = &self.settings.hops {
            observer.0.on_hop(stage, hop);
        }
    }

    fn answered(&self, hop: &mut Hop, answer: Answer) -> Incoming {
        let start = self.settings.net.start();
        hop.version = answer.version;
        hop.status = answer.head.status;
        hop.reason = answer.head.reason;
        hop.headers = answer.head.headers;
        hop.head_bytes = answer.head_bytes;
        if hop.version == Version::Http2 {
            hop.request_head_bytes = 0;
        }
        hop.interim = answer.interim;
        hop.forgiven = answer.forgiven;
        hop.timing.sent = since(start, answer.times.sent);
        hop.timing.first_byte = since(start, answer.times.first_byte);
        hop.timing.head = since(start, answer.times.head);
        answer.incoming.note(hop);
        self.tell(Stage::Answered, hop);
        answer.incoming
    }
}

impl Hop {
    pub(super) fn new(request: &Request, why: Why, began: Duration) -> Self {
        Self {
            request_number: 0,
            number: 0,
            why,
            method: request.method.clone(),
            url: request.url.clone(),
            target: String::new(),
            version: Version::Http11,
            request: Headers::new(),
            request_head_bytes: 0,
            sent: 0,
            request_body: Vec::new(),
            interim: Vec::new(),
            status: 0,
            reason: Vec::new(),
            headers: Headers::new(),
            head_bytes: 0,
            received: 0,
            decoded: 0,
            body: Vec::new(),
            forgiven: Vec::new(),
            notes: Vec::new(),
            connection: None,
            timing: Timing {
                began,
                ..Timing::default()
            },
            error: None,
        }
    }
}

fn since(start: Instant, at: Option<tokio::time::Instant>) -> Option<Duration> {
    at.map(|at| at.into_std().saturating_duration_since(start))
}

/// Whether a request that got no answer may be put again, if its body is still there: where the server said that it did nothing
/// (RFC 9113 section 8.7), and where it closed a kept connection without a word. In that case it may have done what it was asked,
/// so only if doing it twice is the same as once (RFC 9110 section 9.2.2).
fn may_go_again(is_kept: bool, request: &Request, failed: &Unanswered) -> bool {
    let is_lost = matches!(failed.error.kind(), Kind::Lost | Kind::Protocol);
    let is_silent = is_kept && failed.silent && is_lost && is_idempotent(&request.method);
    (failed.is_unprocessed || is_silent) && request.body.is_repeatable()
}

/// What a proxy that forwards says for itself, not for the server: that it wants to know who asks.
fn refused_by_proxy(route: &Route, head: &ResponseHead) -> Option<Error> {
    let forward = route.forward.as_ref().filter(|_| head.status == 407)?;
    Some(login_refused(head, &forward.proxy).during(Operation::Fetch))
}

/// Whether doing it twice is the same as doing it once (RFC 9110 section 9.2.2).
pub(super) fn is_idempotent(method: &str) -> bool {
    matches!(
        method,
        "GET" | "HEAD" | "OPTIONS" | "TRACE" | "PUT" | "DELETE"
    )
}

async fn payload(request: &mut Request, keep: &Keep, hop: &mut Hop) -> Result<Payload> {
    hop.request_body.clear();
    if request.body.is_none() {
        return Ok(Payload::None);
    }
    if let Some(bytes) = request.body.as_bytes()
        && bytes.len() as u64 <= WITH_HEAD
    {
        watch::add(&mut hop.request_body, bytes, keep.limit());
        return Ok(Payload::Bytes(bytes.clone()));
    }
    Ok(Payload::Reader(keep.reader(request.body.open().await?)))
}

/// The head of the request as it will cross, and how its body is framed. This is what a dry run shows.
///
/// # Errors
///
/// [`Kind::Usage`] if a part of it cannot be written.
pub(super) fn head(
    request: &Request,
    settings: &Settings,
    additions: &Additions,
    route: &Route,
) -> Result<(RequestHead, Framing)> {
    let mut lines = Lines {
        request,
        headers: Headers::new(),
    };
    let is_http10 = route.versions == Versions::Http10;
    lines.add("Host", request.url.authority())?;
    if !request.exact {
        if let Some(name) = &settings.user_agent {
            lines.add("User-Agent", name)?;
        }
        lines.add("Accept", "*/*")?;
        if let Some(codings) = settings.decoding.accepted(&request.headers) {
            lines.add("Accept-Encoding", codings)?;
        }
        for field in settings.headers.iter() {
            let may_go = !additions.is_abroad || redirect::may_cross(field.name);
            if may_go && !lines.is_given(field.name) {
                append(&mut lines.headers, field.name.as_bytes(), field.value)?;
            }
        }
    }
    if let Some(authorization) = &additions.authorization {
        lines.add("Authorization", authorization)?;
    }
    if let Some(cookie) = &additions.cookie {
        lines.add("Cookie", cookie)?;
    }
    if let Some(Some(proof)) = route.forward.as_ref().map(|forward| &forward.authorization) {
        lines.add("Proxy-Authorization", proof)?;
    }
    let tunnelled = route.forward.is_none() && !route.endpoint.options().via.is_empty();
    for field in request.headers.iter() {
        let is = |name| field.name.eq_ignore_ascii_case(name);
        // What is meant for a proxy does not go through a tunnel to the server behind it.
        let is_misled = tunnelled && is("proxy-authorization");
        if !(additions.without_expect && is("expect") || is_misled) {
            lines.headers.append_line(field.line).map_err(unusable)?;
        }
    }
    let framing = body_lines(&mut lines, additions, is_http10)?;
    let mut target = match request.exact {
        true => request.url.typed_target(),
        false => request.url.target(),
    };
    if route.forward.is_some() {
        target = format!(
            "{}://{}{target}",
            request.url.scheme().as_str(),
            request.url.authority()
        );
    }
    let mut head = RequestHead::new(&request.method, target, lines.headers);
    if is_http10 {
        head.version = http1::Version::Http10;
    }
    Ok((head, framing))
}

/// The lines that the body needs, and how it is framed.
fn body_lines(lines: &mut Lines<'_>, additions: &Additions, is_http10: bool) -> Result<Framing> {
    let body = &lines.request.body;
    if body.is_none() {
        if matches!(&*lines.request.method, "POST" | "PUT" | "PATCH") {
            lines.add("Content-Length", "0")?;
        }
        return Ok(Framing::None);
    }
    if let Some(media_type) = body.media_type() {
        lines.add("Content-Type", media_type)?;
    }
    if let Some(coding) = body.coding() {
        lines.add("Content-Encoding", coding.as_str())?;
    }
    let framing = match body.length() {
        _ if lines.request.headers.contains("transfer-encoding") => Framing::Chunked,
        Some(length) => {
            lines.add("Content-Length", length.to_string())?;
            Framing::Length(length)
        }
        None if is_http10 => {
            let why = "HTTP/1.0 needs to know how long a body is";
            return Err(Error::new(Kind::Usage, Operation::Fetch, why)
                .with_hint("send it from a file, or speak HTTP/1.1"));
        }
        None => {
            lines.add("Transfer-Encoding", "chunked")?;
            Framing::Chunked
        }
    };
    let is_large = body.length().is_none_or(|length| length > EXPECT_FROM);
    let expects = lines
        .request
        .expect
        .unwrap_or(is_large && !lines.request.exact);
    if expects && !is_http10 && !additions.without_expect {
        lines.add("Expect", "100-continue")?;
    }
    Ok(framing)
}

/// Header lines being gathered: what was given is left as it is, and nothing is added beside it.
struct Lines<'r> {
    request: &'r Request,
    headers: Headers,
}

impl Lines<'_> {
    fn is_given(&self, name: &str) -> bool {
        let mut left_out = self.request.without.iter();
        self.request.headers.contains(name) || left_out.any(|it| it.eq_ignore_ascii_case(name))
    }

    fn add(&mut self, name: &str, value: impl AsRef<[u8]>) -> Result<()> {
        if self.is_given(name) {
            return Ok(());
        }
        append(&mut self.headers, name.as_bytes(), value.as_ref())
    }
}

fn append(headers: &mut Headers, name: &[u8], value: &[u8]) -> Result<()> {
    headers.append(name, value).map_err(unusable)
}

fn unusable(error: http1::Error) -> Error {
    Error::new(Kind::Usage, Operation::Fetch, error.to_string())
}
