//! HAR 1.2: what happened, as browsers and their tools read it.
//!
//! The format is described at <https://w3c.github.io/web-performance/specs/HAR/Overview.html>; members that begin with `_`
//! are our own.

use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use data_encoding::BASE64;
use serde::Serialize;
use sockeye_data::fields::{MediaType, date};
use sockeye_data::http1::Headers;
use sockeye_data::url::query;

use super::hop::{Hop, Version};
use super::mask::Masking;
use super::timing::{Phase, Timing};
use crate::endpoint::{Carrier, Endpoint, Host};

/// A HAR document: one entry for each hop.
///
/// Secrets are masked, see [`Masking`], unless that is turned off. Bodies are those that the client kept, see
/// [`Builder::keep_bodies`](super::Builder::keep_bodies); what is no text is in base64.
///
/// # Examples
///
/// ```
/// # use sockeye_testkit::{Peer, Step};
/// use sockeye::client::http::{Client, Har};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> sockeye::Result<()> {
/// # let peer = Peer::tcp([Step::until("\r\n\r\n"), Step::send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")]);
/// # let url = format!("http://{}/", peer.addr());
/// let client = Client::builder().keep_bodies(1 << 20).build();
/// let mut response = client.get(&url).send().await?;
/// response.gather().await?;
/// let mut har = Har::new(client.started());
/// for hop in response.hops() {
///     har.add(hop);
/// }
/// let json = har.to_json();
/// assert!(json.contains(r#""text": "hello""#), "{json}");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Har {
    started: SystemTime,
    masking: Masking,
    entries: Vec<Entry>,
    /// Bytes of bodies that it has.
    bodies: usize,
}

/// How many bytes of bodies one document has; those of later hops are left out.
const MAX_BODIES: usize = 64 << 20;

impl Har {
    /// An empty document. Times of hops are counted from that moment, see [`Client::started`](super::Client::started).
    pub fn new(started: SystemTime) -> Self {
        Self {
            started,
            masking: Masking::default(),
            entries: Vec::new(),
            bodies: 0,
        }
    }

    /// Count times of hops that are added from now on from that moment.
    pub fn set_started(&mut self, started: SystemTime) {
        self.started = started;
    }

    /// Mask secrets this way from now on.
    #[must_use]
    pub fn masking(mut self, masking: Masking) -> Self {
        self.masking = masking;
        self
    }

    /// Add a hop, once it is over. Bodies of one document have 64 MiB together; those that are too many are left out.
    pub fn add(&mut self, hop: &Hop) {
        let more = hop.request_body.len() + hop.body.len();
        if self.bodies + more > MAX_BODIES {
            let mut without = hop.clone();
            without.request_body.clear();
            without.body.clear();
            self.entries
                .push(Entry::new(&without, self.started, &self.masking));
            return;
        }
        self.bodies += more;
        self.entries
            .push(Entry::new(hop, self.started, &self.masking));
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The document, for people and programs.
    pub fn to_json(&self) -> String {
        let mut entries: Vec<&Entry> = self.entries.iter().collect();
        entries.sort_by(|a, b| a.started_date_time.cmp(&b.started_date_time));
        let document = Document {
            log: Log {
                version: "1.2",
                creator: Creator {
                    name: "sockeye",
                    version: env!("CARGO_PKG_VERSION"),
                },
                entries,
            },
        };
        // Neither maps with odd keys nor values that fail are in it.
        serde_json::to_string_pretty(&document).unwrap_or_default()
    }
}

#[derive(Serialize)]
struct Document<'a> {
    log: Log<'a>,
}

#[derive(Serialize)]
struct Log<'a> {
    version: &'static str,
    creator: Creator,
    entries: Vec<&'a Entry>,
}

#[derive(Serialize)]
struct Creator {
    name: &'static str,
    version: &'static str,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    started_date_time: String,
    time: f64,
    request: Asked,
    response: Answered,
    cache: Nothing,
    timings: Timings,
    #[serde(rename = "serverIPAddress", skip_serializing_if = "Option::is_none")]
    server_ip_address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    connection: Option<String>,
    #[serde(rename = "_why")]
    why: &'static str,
    #[serde(rename = "_reused")]
    reused: bool,
    #[serde(rename = "_error", skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// `{}`
#[derive(Clone, Debug, Serialize)]
struct Nothing {}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Asked {
    method: String,
    url: String,
    http_version: String,
    cookies: Vec<Cookie>,
    headers: Vec<Pair>,
    query_string: Vec<Pair>,
    #[serde(skip_serializing_if = "Option::is_none")]
    post_data: Option<PostData>,
    headers_size: i64,
    body_size: i64,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Answered {
    status: u16,
    status_text: String,
    http_version: String,
    cookies: Vec<Cookie>,
    headers: Vec<Pair>,
    content: Content,
    #[serde(rename = "redirectURL")]
    redirect_url: String,
    headers_size: i64,
    body_size: i64,
}

#[derive(Clone, Debug, Serialize)]
struct Pair {
    name: String,
    value: String,
}

#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Cookie {
    name: String,
    value: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    domain: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<String>,
    #[serde(skip_serializing_if = "is_false")]
    http_only: bool,
    #[serde(skip_serializing_if = "is_false")]
    secure: bool,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct PostData {
    mime_type: String,
    text: String,
    #[serde(rename = "_encoding", skip_serializing_if = "Option::is_none")]
    encoding: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Content {
    size: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    compression: Option<i64>,
    mime_type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    encoding: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<String>,
}

/// Milliseconds; -1 is what did not happen. `ssl` is a part of `connect`.
#[derive(Clone, Debug, Serialize)]
struct Timings {
    blocked: f64,
    dns: f64,
    connect: f64,
    ssl: f64,
    send: f64,
    wait: f64,
    receive: f64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde wants it")]
fn is_false(flag: &bool) -> bool {
    !flag
}

impl Entry {
    fn new(hop: &Hop, started: SystemTime, masking: &Masking) -> Self {
        let connection = hop.connection.as_ref();
        let peer = connection.and_then(|connection| connection.peer.as_ref());
        let id = connection.map(|connection| connection.id.0);
        let timings = Timings::new(&hop.timing);
        Self {
            started_date_time: moment(started + hop.timing.began),
            time: timings.total(),
            request: Asked::new(hop, masking),
            response: Answered::new(hop, masking),
            cache: Nothing {},
            timings,
            server_ip_address: peer.and_then(address).map(|ip| ip.to_string()),
            connection: id.map(|id| id.to_string()),
            why: hop.why.code(),
            reused: connection.is_some_and(|connection| connection.reused),
            error: hop.error.clone(),
        }
    }
}

impl Asked {
    fn new(hop: &Hop, masking: &Masking) -> Self {
        let cookies = hop.request.all("cookie").flat_map(|value| {
            let text = String::from_utf8_lossy(value).into_owned();
            let parts: Vec<String> = text.split(';').map(str::to_owned).collect();
            parts.into_iter().map(|part| cookie(&part, masking))
        });
        let pairs = hop.url.query().map(query::parse).unwrap_or_default();
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Self {
            method: hop.method.clone(),
            url: masking.url(&hop.url),
            http_version: version(hop.version),
            cookies: cookies.collect(),
            headers: pairs_of(&hop.request, masking),
            query_string: pairs
                .into_iter()
                .map(|(name, value)| Pair {
                    name: text(name),
                    value: text(value),
                })
                .collect(),
            post_data: post_data(hop),
            headers_size: size(hop.request_head_bytes),
            body_size: i64::try_from(hop.sent).unwrap_or(-1),
        }
    }
}

impl Answered {
    fn new(hop: &Hop, masking: &Masking) -> Self {
        let came = hop.status != 0;
        let cookies = hop.headers.all("set-cookie").map(|value| {
            let text = String::from_utf8_lossy(value).into_owned();
            set_cookie(&text, masking)
        });
        let location = hop.headers.iter();
        let location = location.filter(|field| field.name.eq_ignore_ascii_case("location"));
        let location = location
            .map(|field| masking.value(&field).into_owned())
            .next();
        let redirects = (300..400).contains(&hop.status);
        let redirect_url = location.filter(|_| redirects).unwrap_or_default();
        Self {
            status: hop.status,
            status_text: String::from_utf8_lossy(&hop.reason).into_owned(),
            http_version: if came {
                version(hop.version)
            } else {
                String::new()
            },
            cookies: cookies.collect(),
            headers: pairs_of(&hop.headers, masking),
            content: content(hop),
            redirect_url: String::from_utf8_lossy(&redirect_url).into_owned(),
            headers_size: if came { size(hop.head_bytes) } else { -1 },
            body_size: if came {
                i64::try_from(hop.received).unwrap_or(-1)
            } else {
                -1
            },
        }
    }
}

impl Timings {
    fn new(timing: &Timing) -> Self {
        let mut timings = Self {
            blocked: -1.0,
            dns: -1.0,
            connect: -1.0,
            ssl: -1.0,
            send: 0.0,
            wait: 0.0,
            receive: 0.0,
        };
        for interval in timing.intervals() {
            let span = milliseconds(interval.ended.saturating_sub(interval.began));
            let add = |sum: &mut f64| *sum = sum.max(0.0) + span;
            match interval.phase {
                Phase::Preparing => add(&mut timings.blocked),
                Phase::Resolving => add(&mut timings.dns),
                Phase::Connecting | Phase::Proxying => add(&mut timings.connect),
                Phase::Securing => {
                    add(&mut timings.connect);
                    add(&mut timings.ssl);
                }
                Phase::Sending => add(&mut timings.send),
                Phase::Waiting => add(&mut timings.wait),
                Phase::Receiving => add(&mut timings.receive),
            }
        }
        timings
    }

    fn total(&self) -> f64 {
        let happened = [self.blocked, self.dns, self.connect];
        let before: f64 = happened.iter().map(|span| span.max(0.0)).sum();
        before + self.send + self.wait + self.receive
    }
}

/// The size of a head, which is unknown where HTTP/2 compressed it.
fn size(bytes: u64) -> i64 {
    match bytes {
        0 => -1,
        bytes => i64::try_from(bytes).unwrap_or(-1),
    }
}

fn version(version: Version) -> String {
    version.as_str().to_owned()
}

fn milliseconds(span: Duration) -> f64 {
    span.as_secs_f64() * 1e3
}

fn moment(time: SystemTime) -> String {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    let since = since.unwrap_or(Duration::ZERO);
    let seconds = i64::try_from(since.as_secs()).unwrap_or(i64::MAX);
    date::timestamp(seconds, since.subsec_micros()).unwrap_or_default()
}

fn address(endpoint: &Endpoint) -> Option<IpAddr> {
    match endpoint.carrier() {
        Carrier::Tcp(place) => match &place.host {
            Host::Ip { addr, .. } => Some(*addr),
            _ => None,
        },
        _ => None,
    }
}

fn pairs_of(headers: &Headers, masking: &Masking) -> Vec<Pair> {
    let pair = |field: sockeye_data::http1::Field<'_>| Pair {
        name: field.name.to_owned(),
        value: String::from_utf8_lossy(&masking.value(&field)).into_owned(),
    };
    headers.iter().map(pair).collect()
}

/// A cookie that was sent.
fn cookie(text: &str, masking: &Masking) -> Cookie {
    let (name, value) = text.trim().split_once('=').unwrap_or(("", text.trim()));
    Cookie {
        name: name.to_owned(),
        value: masking.cookie(value).to_owned(),
        ..Cookie::default()
    }
}

/// A cookie that was set, as it was said: what its attributes mean to a jar is another matter.
fn set_cookie(text: &str, masking: &Masking) -> Cookie {
    let mut parts = text.split(';');
    let mut set = cookie(parts.next().unwrap_or_default(), masking);
    for attribute in parts {
        let (name, value) = attribute
            .trim()
            .split_once('=')
            .unwrap_or((attribute.trim(), ""));
        let value = value.trim();
        match &*name.trim().to_ascii_lowercase() {
            "path" => set.path = Some(value.to_owned()),
            "domain" => set.domain = Some(value.to_owned()),
            "expires" => {
                set.expires = date::parse(value).and_then(|seconds| date::timestamp(seconds, 0));
            }
            "httponly" => set.http_only = true,
            "secure" => set.secure = true,
            _ => {}
        }
    }
    set
}

/// Bytes as JSON can hold them: text where they are, else base64.
fn as_text(bytes: &[u8]) -> (String, Option<&'static str>) {
    match std::str::from_utf8(bytes) {
        Ok(text) => (text.to_owned(), None),
        Err(_) => (BASE64.encode(bytes), Some("base64")),
    }
}

fn media_type(headers: &Headers) -> String {
    headers
        .get_str("content-type")
        .unwrap_or_default()
        .to_owned()
}

fn post_data(hop: &Hop) -> Option<PostData> {
    if hop.sent == 0 && hop.request_body.is_empty() {
        return None;
    }
    let kept = &hop.request_body;
    let (text, encoding) = as_text(kept);
    let missing = hop.sent.saturating_sub(kept.len() as u64);
    Some(PostData {
        mime_type: media_type(&hop.request),
        text,
        encoding,
        comment: (missing > 0).then(|| format!("{missing} bytes were not kept")),
    })
}

fn content(hop: &Hop) -> Content {
    let kept = &hop.body;
    let is_coded = hop.headers.contains("content-encoding");
    let size = match hop.decoded.max(kept.len() as u64) {
        // The kernel moved it, unseen.
        0 if !is_coded => hop.received,
        size => size,
    };
    let saved = i64::try_from(size).unwrap_or(i64::MAX) - i64::try_from(hop.received).unwrap_or(0);
    let mut bytes = &kept[..];
    let missing = size.saturating_sub(kept.len() as u64);
    if missing > 0 && is_utf8(&hop.headers) {
        // A character that the bound cut in two is no reason for base64.
        bytes = whole_characters(bytes);
    }
    let (text, encoding) = as_text(bytes);
    Content {
        size,
        compression: (is_coded && size > 0).then_some(saved),
        mime_type: media_type(&hop.headers),
        text: (!kept.is_empty()).then_some(text),
        encoding: encoding.filter(|_| !kept.is_empty()),
        comment: (missing > 0).then(|| format!("{missing} bytes were not kept")),
    }
}

fn is_utf8(headers: &Headers) -> bool {
    let media_type = headers.get("content-type").and_then(MediaType::parse);
    media_type.is_some_and(|it| it.essence().starts_with("text/") || it.is_json())
}

fn whole_characters(bytes: &[u8]) -> &[u8] {
    match std::str::from_utf8(bytes) {
        Err(error) if error.error_len().is_none() => &bytes[..error.valid_up_to()],
        _ => bytes,
    }
}
