//! Figures of a server for a monitoring system, in the OpenMetrics text format 1.0.
//!
//! Counting is a few atomic additions for each request; only who asks for the page pays for the text.

use std::fmt::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::access_log::LogWriter;
use super::handler::{Handler, Reply};
use super::request::{Client, Request};
use super::response::Response;
use super::server::{Log, Record, Refusal};
use crate::endpoint::Endpoint;
use crate::error::{Error, Kind};
use crate::wire::ConnectionId;

/// The media type of the page.
const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Methods with figures of their own (RFC 9110 section 9, RFC 5789); whatever else clients come up with shares one.
const METHODS: [&str; 10] = [
    "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "CONNECT", "TRACE", "other",
];
/// Classes of statuses.
const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];
/// Upper bounds of durations in microseconds, and as they are written.
const BUCKETS: [(u64, &str); 12] = [
    (50, "5e-05"),
    (100, "0.0001"),
    (250, "0.00025"),
    (1_000, "0.001"),
    (2_500, "0.0025"),
    (10_000, "0.01"),
    (25_000, "0.025"),
    (100_000, "0.1"),
    (250_000, "0.25"),
    (1_000_000, "1.0"),
    (2_500_000, "2.5"),
    (10_000_000, "10.0"),
];

/// Counts what a server does. It is a [`Log`]; [`Metrics::handler`] shows the figures, best on a listener of its own.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use sockeye::web::{Metrics, Request, Response, Server};
///
/// let metrics = Arc::new(Metrics::new());
/// let server = Server::new(|_: Request| async { Response::text("hello\n") }).log(metrics.clone());
/// let figures = Server::new(metrics.handler());
/// assert!(metrics.text().contains("\nsockeye_http_sent_bytes_total 0\n"));
/// # let _ = (server, figures);
/// ```
pub struct Metrics {
    requests: [[AtomicU64; CLASSES.len()]; METHODS.len()],
    durations: [AtomicU64; BUCKETS.len() + 1],
    micros: AtomicU64,
    sent: AtomicU64,
    broken: AtomicU64,
    in_flight: AtomicI64,
    accepted: AtomicU64,
    open: AtomicI64,
    denied: AtomicU64,
    full: AtomicU64,
    handshakes: AtomicU64,
    failed: AtomicU64,
    logs: Vec<LogWriter>,
    since: Duration,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            requests: Default::default(),
            durations: Default::default(),
            micros: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            broken: AtomicU64::new(0),
            in_flight: AtomicI64::new(0),
            accepted: AtomicU64::new(0),
            open: AtomicI64::new(0),
            denied: AtomicU64::new(0),
            full: AtomicU64::new(0),
            handshakes: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            logs: Vec::new(),
            since: SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default(),
        }
    }
}

impl Metrics {
    /// Nothing counted yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same, with the lines that these logs lost.
    pub fn logs(mut self, logs: impl IntoIterator<Item = LogWriter>) -> Self {
        self.logs.extend(logs);
        self
    }

    /// Shows the figures at `/metrics` (and at `/`).
    pub fn handler(self: &Arc<Self>) -> impl Handler + use<> {
        Page(Arc::clone(self))
    }

    /// The figures.
    pub fn text(&self) -> String {
        let mut page = Text(String::with_capacity(4096));
        self.write_requests(&mut page);
        self.write_connections(&mut page);
        page.family("sockeye_build", "info", "", "The program.");
        page.line(format_args!(
            "sockeye_build_info{{version=\"{}\"}} 1",
            env!("CARGO_PKG_VERSION")
        ));
        page.family(
            "process_start_time_seconds",
            "gauge",
            "seconds",
            "When counting began, in seconds since 1970.",
        );
        page.line(format_args!(
            "process_start_time_seconds {}",
            seconds(self.since)
        ));
        page.0.push_str("# EOF\n");
        page.0
    }

    fn write_requests(&self, page: &mut Text) {
        let about = "Requests that were answered, by method and class of the status.";
        page.family("sockeye_http_requests", "counter", "", about);
        for (method, classes) in METHODS.iter().zip(&self.requests) {
            for (class, count) in CLASSES.iter().zip(classes) {
                let count = count.load(Ordering::Relaxed);
                if count > 0 {
                    page.line(format_args!(
                        "sockeye_http_requests_total{{method=\"{method}\",status=\"{class}\"}} {count}"
                    ));
                }
            }
        }
        let name = "sockeye_http_request_duration_seconds";
        let about = "From the end of a request's head to the end of its answer.";
        page.family(name, "histogram", "seconds", about);
        let mut count = 0;
        let bounds = BUCKETS.iter().map(|(_, bound)| *bound).chain(["+Inf"]);
        // Read before the buckets: what is counted meanwhile is in none of the two.
        let micros = self.micros.load(Ordering::Relaxed);
        for (bound, bucket) in bounds.zip(&self.durations) {
            count += bucket.load(Ordering::Relaxed);
            page.line(format_args!("{name}_bucket{{le=\"{bound}\"}} {count}"));
        }
        page.line(format_args!("{name}_count {count}"));
        let sum = seconds(Duration::from_micros(micros));
        page.line(format_args!("{name}_sum {sum}"));
        page.single(
            ("sockeye_http_requests_in_flight", "gauge", ""),
            "Requests that wait for their body, their handler or their client.",
            &self.in_flight.load(Ordering::Relaxed),
        );
        page.counter(
            "sockeye_http_sent_bytes",
            "bytes",
            "Bytes of bodies that were sent.",
            &self.sent,
        );
        page.counter(
            "sockeye_http_broken",
            "",
            "Answers that did not reach their end, and what was no request.",
            &self.broken,
        );
    }

    fn write_connections(&self, page: &mut Text) {
        page.single(
            ("sockeye_connections_open", "gauge", ""),
            "Clients that are there.",
            &self.open.load(Ordering::Relaxed),
        );
        page.counter(
            "sockeye_connections",
            "",
            "Clients that came in.",
            &self.accepted,
        );
        let name = "sockeye_connections_refused";
        page.family(
            name,
            "counter",
            "",
            "Clients that were not let in, and why.",
        );
        for (reason, count) in [("denied", &self.denied), ("full", &self.full)] {
            let count = count.load(Ordering::Relaxed);
            page.line(format_args!("{name}_total{{reason=\"{reason}\"}} {count}"));
        }
        page.counter(
            "sockeye_tls_handshakes_failed",
            "",
            "TLS handshakes that failed.",
            &self.handshakes,
        );
        page.counter(
            "sockeye_accept_failed",
            "",
            "Clients that were lost otherwise before they said anything.",
            &self.failed,
        );
        let lost: u64 = self.logs.iter().map(LogWriter::lost).sum();
        page.single(
            ("sockeye_log_lines_lost", "counter", ""),
            "Lines of logs that nobody took in time.",
            &lost,
        );
    }
}

impl Log for Metrics {
    fn answered(&self, record: &Record<'_>) {
        let method = record.head.map_or("", |head| &*head.method);
        let method = METHODS
            .iter()
            .position(|known| *known == method)
            .unwrap_or(METHODS.len() - 1);
        let class = usize::from(record.status / 100).clamp(1, CLASSES.len()) - 1;
        self.requests[method][class].fetch_add(1, Ordering::Relaxed);
        let micros = u64::try_from(record.took.as_micros()).unwrap_or(u64::MAX);
        let bucket = BUCKETS
            .iter()
            .position(|(bound, _)| micros <= *bound)
            .unwrap_or(BUCKETS.len());
        self.durations[bucket].fetch_add(1, Ordering::Relaxed);
        self.micros.fetch_add(micros, Ordering::Relaxed);
        self.sent.fetch_add(record.sent, Ordering::Relaxed);
        if record.broken.is_some() {
            self.broken.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn failed(&self, error: &Error) {
        let count = match error.kind() {
            Kind::Tls => &self.handshakes,
            _ => &self.failed,
        };
        count.fetch_add(1, Ordering::Relaxed);
    }

    fn refused(&self, _peer: Option<&Endpoint>, why: Refusal) {
        let count = match why {
            Refusal::Denied => &self.denied,
            Refusal::Full => &self.full,
        };
        count.fetch_add(1, Ordering::Relaxed);
    }

    fn connected(&self, _client: &Client) {
        self.accepted.fetch_add(1, Ordering::Relaxed);
        self.open.fetch_add(1, Ordering::Relaxed);
    }

    fn closed(&self, _connection: ConnectionId) {
        self.open.fetch_sub(1, Ordering::Relaxed);
    }

    fn began(&self) {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
    }

    fn ended(&self) {
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The figures as a page.
struct Page(Arc<Metrics>);

impl Handler for Page {
    fn handle(&self, request: Request) -> Reply {
        match (request.method(), request.path()) {
            ("GET" | "HEAD", "/metrics" | "/") => Response::typed(MEDIA_TYPE, self.0.text())
                .header("Cache-Control", "no-store")
                .into(),
            (_, "/metrics" | "/") => Response::error(405, "figures can only be read")
                .header("Allow", "GET, HEAD")
                .into(),
            _ => Response::error(404, "the figures are at /metrics").into(),
        }
    }
}

/// A page that is being written.
struct Text(String);

impl Text {
    fn line(&mut self, line: fmt::Arguments<'_>) {
        // Writing into a string does not fail.
        let _ = writeln!(self.0, "{line}");
    }

    fn family(&mut self, name: &str, kind: &str, unit: &str, about: &str) {
        self.line(format_args!("# TYPE {name} {kind}"));
        if !unit.is_empty() {
            self.line(format_args!("# UNIT {name} {unit}"));
        }
        self.line(format_args!("# HELP {name} {about}"));
    }

    fn single(
        &mut self,
        (name, kind, unit): (&str, &str, &str),
        about: &str,
        value: &dyn fmt::Display,
    ) {
        self.family(name, kind, unit, about);
        let total = if kind == "counter" { "_total" } else { "" };
        self.line(format_args!("{name}{total} {value}"));
    }

    fn counter(&mut self, name: &str, unit: &str, about: &str, value: &AtomicU64) {
        let value = value.load(Ordering::Relaxed);
        self.single((name, "counter", unit), about, &value);
    }
}

/// Seconds with microseconds.
fn seconds(span: Duration) -> String {
    format!("{}.{:06}", span.as_secs(), span.subsec_micros())
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}
