//! One transfer in numbers: what `--write-out` and the event `timing` tell of it.

use std::time::Duration;

use sockeye::client::http::{Hop, Masking, Version, Why};
use sockeye::endpoint::{Carrier, Endpoint, Host, Port};

/// What came of a request, over all its hops. Of the last hop where nothing else is said.
#[derive(Clone, Debug, Default)]
pub(super) struct Summary {
    pub(super) number: u64,
    pub(super) method: String,
    pub(super) scheme: String,
    pub(super) url: String,
    pub(super) url_effective: String,
    pub(super) status: u16,
    pub(super) version: Option<&'static str>,
    pub(super) headers: Vec<(String, String)>,
    pub(super) content_type: Option<String>,
    pub(super) redirect_url: Option<String>,
    pub(super) local: Option<(String, u16)>,
    pub(super) remote: Option<(String, u16)>,
    pub(super) error: Option<String>,
    /// Of all hops.
    pub(super) connects: u64,
    pub(super) redirects: u64,
    pub(super) retries: u64,
    pub(super) head_bytes: u64,
    pub(super) request_head_bytes: u64,
    /// Bytes of the last body as they came, and of the one that was sent.
    pub(super) received: u64,
    pub(super) sent: u64,
    pub(super) times: Times,
}

/// Spans from the start of the first hop.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Times {
    pub(super) redirects: Duration,
    pub(super) resolved: Option<Duration>,
    pub(super) carried: Option<Duration>,
    pub(super) tls: Option<Duration>,
    pub(super) connected: Option<Duration>,
    pub(super) sent: Option<Duration>,
    pub(super) first_byte: Option<Duration>,
    pub(super) total: Duration,
}

impl Summary {
    /// What these hops of one request came to; the request was the so many-th, counted from 0.
    pub(super) fn new(hops: &[Hop], number: u64, masking: &Masking) -> Self {
        let (Some(first), Some(last)) = (hops.first(), hops.last()) else {
            return Self::default();
        };
        let connection = last.connection.as_ref();
        let ends = connection.map(|it| (it.local.as_ref(), it.peer.as_ref()));
        let (local, remote) = ends.unwrap_or_default();
        let count = |why: Why| hops.iter().filter(|hop| hop.why == why).count() as u64;
        let text = |name: &str| last.headers.get_str(name).map(str::to_owned);
        let opened = hops.iter().filter(|hop| {
            let connection = hop.connection.as_ref();
            connection.is_some_and(|connection| !connection.reused)
        });
        Self {
            number,
            method: last.method.clone(),
            scheme: last.url.scheme().as_str().to_owned(),
            url: masking.url(&first.url),
            url_effective: masking.url(&last.url),
            status: last.status,
            version: (last.status != 0).then(|| version(last.version)),
            headers: headers(last, masking),
            content_type: text("content-type"),
            redirect_url: last
                .headers
                .get("location")
                .filter(|_| (300..400).contains(&last.status))
                .and_then(|to| last.url.redirect(to).ok())
                .map(|url| masking.url(&url)),
            local: local.and_then(place),
            remote: remote.and_then(place),
            error: last.error.clone(),
            connects: opened.count() as u64,
            redirects: count(Why::Redirected),
            retries: count(Why::Retried),
            head_bytes: hops.iter().map(|hop| hop.head_bytes).sum(),
            request_head_bytes: hops.iter().map(|hop| hop.request_head_bytes).sum(),
            received: last.received,
            sent: last.sent,
            times: Times::new(first, last),
        }
    }

    /// The value of a header, the first of several.
    pub(super) fn header(&self, wanted: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let found = headers.find(|(name, _)| name.eq_ignore_ascii_case(wanted));
        found.map(|(_, value)| &**value)
    }

    /// So many bytes in the whole time, in bytes a second.
    pub(super) fn speed(&self, bytes: u64) -> u64 {
        let micros = self.times.total.as_micros().max(1);
        let speed = u128::from(bytes) * 1_000_000 / micros;
        u64::try_from(speed).unwrap_or(u64::MAX)
    }
}

impl Times {
    fn new(first: &Hop, last: &Hop) -> Self {
        let began = first.timing.began;
        let since = |at: Duration| at.saturating_sub(began);
        let timing = &last.timing;
        let opening = timing.opening.as_ref();
        let tls = opening.and_then(|it| it.layers.iter().rfind(|layer| layer.layer == "tls"));
        let looked_up = opening.and_then(|it| it.lookups.iter().filter_map(|it| it.ended).max());
        let attempted = opening
            .and_then(|it| it.attempts.first())
            .map(|it| it.began);
        Self {
            redirects: since(timing.began),
            resolved: looked_up.or(attempted).map(since),
            carried: opening.and_then(|it| it.carried).map(since),
            tls: tls.map(|layer| since(layer.at)),
            connected: timing.connected.map(since),
            sent: timing.sent.map(since),
            first_byte: timing.first_byte.map(since),
            total: since(timing.ended.unwrap_or(timing.began)),
        }
    }
}

fn headers(hop: &Hop, masking: &Masking) -> Vec<(String, String)> {
    let pair = |field: sockeye::data::http1::Field<'_>| {
        let value = masking.value(&field);
        let value = String::from_utf8_lossy(&value).into_owned();
        (field.name.to_owned(), value)
    };
    hop.headers.iter().map(pair).collect()
}

/// `1.1`, as curl writes it.
fn version(version: Version) -> &'static str {
    let text = version.as_str();
    text.strip_prefix("HTTP/").unwrap_or(text)
}

fn place(endpoint: &Endpoint) -> Option<(String, u16)> {
    let Carrier::Tcp(at) = endpoint.carrier() else {
        return None;
    };
    let (Host::Ip { addr, .. }, Port::Number(port)) = (&at.host, &at.port) else {
        return None;
    };
    Some((addr.to_string(), *port))
}
