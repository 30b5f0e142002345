//! What is reported: each event is one value, written as a line of talk or as a line of JSON.

use std::fmt;
use std::time::Duration;

use serde::Serialize;
use sockeye::net::{Attempt, Ending, Listener};
use sockeye::relay::{EndedBy, Joined, Path, Side, Totals, Way};
use sockeye::{Endpoint, Error};

use crate::commands::serve;

/// A server is ready.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename = "listening")]
pub(crate) struct Listening {
    pub(crate) endpoint: String,
    pub(crate) addresses: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) fingerprint: Option<String>,
}

impl fmt::Display for Listening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "listening on {}", self.endpoint)
    }
}

/// A web server is ready.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename = "listening")]
pub(crate) struct Serving {
    pub(crate) endpoint: String,
    pub(crate) addresses: Vec<String>,
    /// What to type into a browser.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) fingerprint: Option<String>,
}

impl Serving {
    pub(crate) fn at(listener: &Listener) -> Self {
        let endpoint = listener.local();
        let acceptor = listener.acceptors().first();
        Self {
            endpoint: endpoint.to_string(),
            addresses: listener
                .addresses()
                .iter()
                .map(Endpoint::to_string)
                .collect(),
            url: serve::url(endpoint),
            fingerprint: acceptor.map(|acceptor| acceptor.fingerprint()),
        }
    }
}

impl fmt::Display for Serving {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = self.url.as_ref().unwrap_or(&self.endpoint);
        write!(f, "listening on {place}")
    }
}

/// A conversation began.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename = "connected", rename_all = "kebab-case")]
pub(crate) struct Connected {
    pub(crate) connection: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) peer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) local: Option<String>,
    /// The endpoint a relay connected to for this client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) target: Option<String>,
    /// What TLS agreed on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tls: Option<String>,
    /// Seconds that connecting took.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) seconds: Option<f64>,
    #[serde(skip)]
    pub(crate) numbered: bool,
}

impl fmt::Display for Connected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.numbered {
            write!(f, "#{} ", self.connection)?;
        }
        f.write_str("connected")?;
        if let Some(peer) = &self.peer {
            write!(f, " {peer}")?;
        }
        if let Some(local) = &self.local {
            write!(f, " from {}", address_of(local))?;
        }
        if let Some(target) = &self.target {
            write!(f, " to {target}")?;
        }
        if let Some(tls) = &self.tls {
            write!(f, " with {tls}")?;
        }
        Ok(())
    }
}

/// The part of an endpoint's text behind the scheme.
fn address_of(endpoint: &str) -> &str {
    endpoint
        .split_once("://")
        .map_or(endpoint, |(_, address)| address)
}

/// One way of a conversation ended.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename = "half-closed")]
pub(crate) struct HalfClosed {
    pub(crate) connection: u64,
    pub(crate) way: &'static str,
    pub(crate) bytes: u64,
}

impl fmt::Display for HalfClosed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "#{} {} ended after {} bytes",
            self.connection, self.way, self.bytes
        )
    }
}

/// A conversation is over.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename = "closed")]
pub(crate) struct Closed {
    pub(crate) connection: u64,
    pub(crate) reason: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) side: Option<&'static str>,
    pub(crate) upstream: WayReport,
    pub(crate) downstream: WayReport,
    pub(crate) seconds: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) exit: Option<u8>,
    #[serde(skip)]
    pub(crate) cause: String,
    #[serde(skip)]
    pub(crate) parties: Parties,
}

/// What people call the two sides of a conversation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Parties {
    /// The local and the remote side.
    #[default]
    Sides,
    /// This server, and a client on the remote side.
    Server,
    /// A client of a relay on the local side, its target on the remote one.
    Relay,
}

impl Parties {
    fn local(self) -> &'static str {
        match self {
            Self::Sides => "the local side",
            Self::Server => "this side",
            Self::Relay => "the client",
        }
    }

    fn remote(self) -> &'static str {
        match self {
            Self::Sides => "the remote side",
            Self::Server => "the client",
            Self::Relay => "the target",
        }
    }

    /// What went to the remote side, and what came from it.
    fn ways(self) -> (&'static str, &'static str) {
        match self {
            Self::Sides | Self::Relay => ("upstream", "downstream"),
            Self::Server => ("sent", "received"),
        }
    }

    fn of(self, side: Side) -> &'static str {
        match side {
            Side::Local => self.local(),
            Side::Remote => self.remote(),
        }
    }
}

/// What one way carried.
#[derive(Debug, Serialize)]
pub(crate) struct WayReport {
    pub(crate) bytes: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) undelivered: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) messages: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) dropped: u64,
    /// TLS ended without close_notify.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) truncated: bool,
    pub(crate) path: String,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl From<&Way> for WayReport {
    fn from(way: &Way) -> Self {
        Self {
            bytes: way.bytes,
            undelivered: way.undelivered,
            messages: way.messages,
            dropped: way.dropped,
            truncated: way.truncated,
            path: way.path.to_string(),
        }
    }
}

impl Closed {
    pub(crate) fn new(connection: u64, joined: &Joined) -> Self {
        Self::between(Parties::Sides, connection, joined)
    }

    pub(crate) fn between(parties: Parties, connection: u64, joined: &Joined) -> Self {
        let totals = &joined.totals;
        Self {
            connection,
            reason: totals.ended_by.reason(),
            side: totals.ended_by.side().map(|side| side.code()),
            upstream: (&totals.upstream).into(),
            downstream: (&totals.downstream).into(),
            seconds: seconds(totals.elapsed),
            exit: joined
                .remote_exit
                .or(joined.local_exit)
                .map(crate::exit::program_code),
            cause: cause_between(totals, parties),
            parties,
        }
    }
}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (up, down) = self.parties.ways();
        write!(
            f,
            "#{} closed after {:.3} s: {} bytes {up} ({}), {} bytes {down} ({}); {}",
            self.connection,
            self.seconds,
            self.upstream.bytes,
            self.upstream.path,
            self.downstream.bytes,
            self.downstream.path,
            self.cause
        )?;
        let lost = self.upstream.undelivered + self.downstream.undelivered;
        if lost > 0 {
            write!(f, "; {lost} bytes could not be delivered")?;
        }
        let dropped = self.upstream.dropped + self.downstream.dropped;
        if dropped > 0 {
            write!(f, "; {dropped} messages were dropped")?;
        }
        if let Some(exit) = self.exit {
            write!(f, "; the program exited with {exit}")?;
        }
        Ok(())
    }
}

fn cause(totals: &Totals) -> String {
    cause_between(totals, Parties::Sides)
}

fn cause_between(totals: &Totals, parties: Parties) -> String {
    match &totals.ended_by {
        EndedBy::Ends => "both sides had ended".into(),
        EndedBy::LocalEnd => format!("{} ended", parties.local()),
        EndedBy::RemoteEnd => format!("{} ended", parties.remote()),
        EndedBy::Reset(side) => format!("{} reset it", parties.of(*side)),
        EndedBy::Idle => "nothing moved (idle timeout)".into(),
        EndedBy::HalfCloseTimeout => {
            "nothing moved after one side had ended (half-close timeout)".into()
        }
        EndedBy::Stopped => "stopped".into(),
        EndedBy::Failed(side, error) => format!("{} failed: {error}", parties.of(*side)),
        other => other.reason().into(),
    }
}

/// What a client said, under `--json`.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename = "data")]
pub(crate) struct Data {
    pub(crate) connection: u64,
    pub(crate) length: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) base64: Option<String>,
}

impl Data {
    /// The bytes as text if they are UTF-8, else in base64.
    pub(crate) fn new(connection: u64, bytes: &[u8]) -> Self {
        let text = std::str::from_utf8(bytes).ok().map(str::to_owned);
        let base64 = text.is_none().then(|| data_encoding::BASE64.encode(bytes));
        Self {
            connection,
            length: bytes.len(),
            text,
            base64,
        }
    }
}

/// A client was not let in.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename = "refused")]
pub(crate) struct Refused {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) peer: Option<String>,
    pub(crate) reason: &'static str,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let peer = self.peer.as_deref().unwrap_or("a client");
        match self.reason {
            "denied" => write!(
                f,
                "refused {peer}: it is not on the list of those who may come in"
            ),
            _ => write!(f, "refused {peer}: as many as --max-clients are there"),
        }
    }
}

/// Something failed.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename = "error")]
pub(crate) struct ErrorEvent {
    pub(crate) code: &'static str,
    pub(crate) message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) endpoint: Option<String>,
    /// The URL or the file it is about, if it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) about: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) connection: Option<u64>,
}

impl From<&Error> for ErrorEvent {
    fn from(error: &Error) -> Self {
        Self {
            code: error.kind().code(),
            message: error.to_string(),
            hint: error.hint(),
            endpoint: error.endpoint().map(Endpoint::to_string),
            about: error.subject().map(str::to_owned),
            connection: None,
        }
    }
}

/// A server stopped.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename = "stopped")]
pub(crate) struct Stopped {
    pub(crate) clients: u64,
    pub(crate) refused: u64,
}

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "stopped after {}, {} refused",
            counted(self.clients, "client"),
            self.refused
        )
    }
}

/// Live counts of a relay.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename = "stats")]
pub(crate) struct Stats {
    /// Clients that are there.
    pub(crate) open: u64,
    /// Clients that have come so far.
    pub(crate) clients: u64,
    pub(crate) refused: u64,
    pub(crate) upstream: u64,
    pub(crate) downstream: u64,
    pub(crate) seconds: f64,
    /// What was new since the last time, and over which time.
    #[serde(skip)]
    pub(crate) latest: Option<(u64, u64, Duration)>,
}

impl fmt::Display for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} open of {} clients; {} bytes upstream, {} bytes downstream",
            self.open, self.clients, self.upstream, self.downstream
        )?;
        if let Some((up, down, time)) = self.latest {
            write!(
                f,
                "; now {}/s up, {}/s down",
                rate(up, time),
                rate(down, time)
            )?;
        }
        Ok(())
    }
}

/// The summary that `connect -v` ends with.
#[derive(Debug)]
pub(crate) struct Summary<'a> {
    pub(crate) totals: &'a Totals,
    pub(crate) connected_after: Duration,
}

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let totals = self.totals;
        write_way(f, "sent", &totals.upstream, totals.elapsed)?;
        write_way(f, "received", &totals.downstream, totals.elapsed)?;
        write!(
            f,
            "connected in {}, talked for {}; {}",
            short(self.connected_after),
            short(totals.elapsed),
            cause(totals)
        )
    }
}

/// A number of things, with an s where it belongs.
fn counted(number: u64, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}

/// Fewer bytes than this say nothing about a speed.
const RATED_BYTES: u64 = 64 * 1024;

/// One line of the summary: `received 33554432 bytes, 2.1 GB/s, splice`.
fn write_way(f: &mut fmt::Formatter<'_>, verb: &str, way: &Way, elapsed: Duration) -> fmt::Result {
    write!(f, "{verb} {} bytes", way.bytes)?;
    if way.messages > 0 {
        write!(f, " in {}", counted(way.messages, "message"))?;
    }
    if way.bytes >= RATED_BYTES {
        write!(f, ", {}/s", rate(way.bytes, elapsed))?;
    }
    if way.path.is_splice() && way.spliced == 0 {
        // Splicing begins when a bulk of data flows.
        writeln!(f, ", copying: too little for splice")
    } else {
        // How many messages there were is said already.
        match way.path {
            Path::Messages if way.messages > 0 => writeln!(f),
            path => writeln!(f, ", {path}"),
        }
    }
}

/// Bytes with a unit prefix, for a speed.
pub(crate) fn rate(bytes: u64, elapsed: Duration) -> String {
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    let mut per_second = bytes as f64 / elapsed.as_secs_f64().max(1e-6);
    for unit in ["B", "kB", "MB"] {
        if per_second < 1000.0 {
            return format!("{per_second:.0} {unit}");
        }
        per_second /= 1000.0;
    }
    format!("{per_second:.2} GB")
}

/// A time as people read it.
pub(crate) fn short(time: Duration) -> String {
    if time < Duration::from_secs(1) {
        format!("{:.1} ms", time.as_secs_f64() * 1e3)
    } else {
        format!("{:.2} s", time.as_secs_f64())
    }
}

/// Seconds with microseconds, as JSON has them.
pub(crate) fn seconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e6
}

/// One address that was tried, as `resolve --race` and `fetch --timing` tell it.
#[derive(Debug, Serialize)]
pub(crate) struct AttemptEvent {
    address: String,
    began: f64,
    ended: f64,
    ending: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
}

impl AttemptEvent {
    /// The attempt, with its times in seconds as `since` counts them.
    pub(crate) fn new(attempt: &Attempt, since: impl Fn(Duration) -> f64) -> Self {
        let (ending, code, why) = match &attempt.ending {
            Ending::Won => ("won", None, None),
            Ending::Canceled => ("canceled", None, None),
            Ending::Failed { kind, why } => ("failed", Some(kind.code()), Some(why.clone())),
            _ => ("other", None, None),
        };
        Self {
            address: attempt.address.to_string(),
            began: since(attempt.began),
            ended: since(attempt.ended),
            ending,
            code,
            why,
        }
    }
}
