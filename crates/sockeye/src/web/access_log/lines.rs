//! The lines themselves. Whatever a client says is escaped, so that nobody forges a line or speaks to a terminal.

use std::borrow::Cow;
use std::io::Write;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Serialize;
use sockeye_data::fields::date;
use sockeye_data::http1::{RequestHead, Version};

use crate::web::decimal;
use crate::web::request::Client;
use crate::web::server::Record;

/// Now, in words that are made once a second.
pub(super) struct Stamp {
    second: u64,
    millis: u32,
    /// `2026-11-26T20:47:01.`
    day_and_time: Vec<u8>,
    /// `26/Nov/2026:20:47:01 +0000`
    combined: Vec<u8>,
}

impl Stamp {
    pub(super) const fn new() -> Self {
        Self {
            second: u64::MAX,
            millis: 0,
            day_and_time: Vec::new(),
            combined: Vec::new(),
        }
    }

    /// Look at the clock.
    pub(super) fn update(&mut self) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        self.set(now.unwrap_or_default());
    }

    fn set(&mut self, now: Duration) {
        self.millis = now.subsec_millis();
        if self.second == now.as_secs() {
            return;
        }
        self.second = now.as_secs();
        let parts = i64::try_from(self.second).ok().and_then(date::parts_of);
        let (year, month, day, [hours, minutes, seconds]) = parts.unwrap_or((0, 1, 1, [0; 3]));
        // Writing into a vector does not fail.
        self.day_and_time.clear();
        let _ = write!(
            self.day_and_time,
            "{year:04}-{month:02}-{day:02}T{hours:02}:{minutes:02}:{seconds:02}."
        );
        const MONTHS: [&str; 12] = [
            "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
        ];
        let month = usize::try_from(month - 1)
            .ok()
            .and_then(|at| MONTHS.get(at));
        let month = month.unwrap_or(&"Jan");
        self.combined.clear();
        let _ = write!(
            self.combined,
            "{day:02}/{month}/{year:04}:{hours:02}:{minutes:02}:{seconds:02} +0000"
        );
    }

    /// `20:47:01`
    fn time(&self) -> &[u8] {
        self.day_and_time.get(11..19).unwrap_or_default()
    }
}

/// Apache's `%h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-agent}i"`.
pub(super) fn combined(out: &mut Vec<u8>, stamp: &Stamp, record: &Record<'_>) {
    write_host(out, record.client);
    out.extend_from_slice(b" - ");
    match record.user {
        // What Apache writes for a name without letters, so that the columns stay.
        Some("") => out.extend_from_slice(b"\"\""),
        Some(user) => write_escaped(out, user.as_bytes()),
        None => out.push(b'-'),
    }
    out.extend_from_slice(b" [");
    out.extend_from_slice(&stamp.combined);
    out.extend_from_slice(b"] \"");
    match record.head {
        Some(head) => {
            write_escaped(out, head.method.as_bytes());
            out.push(b' ');
            write_escaped(out, &head.target);
            out.push(b' ');
            out.extend_from_slice(protocol(head, record.client).as_bytes());
        }
        None => out.push(b'-'),
    }
    out.extend_from_slice(b"\" ");
    decimal::write(out, record.status.into());
    out.push(b' ');
    match record.sent {
        0 => out.push(b'-'),
        sent => decimal::write(out, sent),
    }
    for name in ["referer", "user-agent"] {
        out.extend_from_slice(b" \"");
        match record.head.and_then(|head| head.headers.get(name)) {
            Some(value) => write_escaped(out, value),
            None => out.push(b'-'),
        }
        out.push(b'"');
    }
    out.push(b'\n');
}

/// What of the line as JSON is there.
#[derive(Serialize)]
#[serde(tag = "type", rename = "request")]
struct Line<'a> {
    time: &'a str,
    connection: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    client: Option<SocketAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    protocol: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<Cow<'a, str>>,
    status: u16,
    sent: u64,
    seconds: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    referer: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    agent: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tls: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    broken: Option<&'a str>,
}

/// A JSON object. Bytes that are no UTF-8 become U+FFFD.
pub(super) fn json(out: &mut Vec<u8>, stamp: &Stamp, record: &Record<'_>) {
    let mut time = [0; 24];
    let length = stamp.day_and_time.len().min(20);
    time[..length].copy_from_slice(&stamp.day_and_time[..length]);
    for (at, divisor) in [(20, 100), (21, 10), (22, 1)] {
        time[at] = b'0' + (stamp.millis / divisor % 10) as u8;
    }
    time[23] = b'Z';
    let value = |name| {
        let value = record.head?.headers.get(name)?;
        Some(String::from_utf8_lossy(value))
    };
    let head = record.head;
    let line = Line {
        time: std::str::from_utf8(&time).unwrap_or_default(),
        connection: record.client.connection.0,
        client: record.client.address,
        user: record.user,
        method: head.map(|head| &*head.method),
        target: head.map(|head| String::from_utf8_lossy(&head.target)),
        protocol: head.map(|head| protocol(head, record.client)),
        host: value("host"),
        status: record.status,
        sent: record.sent,
        seconds: record.took.as_micros() as f64 / 1e6,
        referer: value("referer"),
        agent: value("user-agent"),
        tls: record
            .client
            .secured
            .as_ref()
            .map(|secured| &*secured.version),
        broken: record.broken,
    };
    // Writing into a vector does not fail, and all of it is text and numbers.
    let _ = serde_json::to_writer(&mut *out, &line);
    out.push(b'\n');
}

/// `20:47:01Z 127.0.0.1 GET /a 200 1.2 KiB 0.4 ms`
pub(super) fn short(out: &mut Vec<u8>, stamp: &Stamp, record: &Record<'_>, color: bool) {
    out.extend_from_slice(stamp.time());
    out.extend_from_slice(b"Z ");
    write_host(out, record.client);
    out.push(b' ');
    if let Some(user) = record.user {
        write_escaped(out, user.as_bytes());
        out.push(b' ');
    }
    if let Some(head) = record.head {
        write_escaped(out, head.method.as_bytes());
        out.push(b' ');
        write_escaped(out, &head.target);
        out.push(b' ');
    }
    if color {
        out.extend_from_slice(match record.status {
            500.. => b"\x1b[31m",
            400.. => b"\x1b[33m",
            300.. => b"\x1b[36m",
            _ => b"\x1b[32m",
        });
    }
    decimal::write(out, record.status.into());
    if color {
        out.extend_from_slice(b"\x1b[0m");
    }
    if record.sent > 0 {
        out.push(b' ');
        write_size(out, record.sent);
    }
    if record.head.is_some() {
        out.push(b' ');
        write_time(out, record.took);
    }
    if let Some(why) = record.broken {
        out.extend_from_slice(b": ");
        write_escaped(out, why.as_bytes());
    }
    out.push(b'\n');
}

/// What the request says it speaks; over HTTP/2 heads are in the form of HTTP/1.1.
fn protocol(head: &RequestHead, client: &Client) -> &'static str {
    match (client.protocol, head.version) {
        ("h2", _) => "HTTP/2.0",
        (_, Version::Http10) => "HTTP/1.0",
        _ => "HTTP/1.1",
    }
}

fn write_host(out: &mut Vec<u8>, client: &Client) {
    match client.address.map(|address| address.ip().to_canonical()) {
        Some(IpAddr::V4(address)) => {
            for (at, octet) in address.octets().into_iter().enumerate() {
                if at > 0 {
                    out.push(b'.');
                }
                decimal::write(out, octet.into());
            }
        }
        // Writing into a vector does not fail.
        Some(IpAddr::V6(address)) => drop(write!(out, "{address}")),
        None => out.push(b'-'),
    }
}

/// As Apache does it: printable ASCII stays, quotes and backslashes get a backslash, the rest is `\n` and the like or `\x1b`.
fn write_escaped(out: &mut Vec<u8>, bytes: &[u8]) {
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|byte| !is_plain(*byte)) {
        out.extend_from_slice(&rest[..at]);
        match rest[at] {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            0x08 => out.extend_from_slice(b"\\b"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0x0b => out.extend_from_slice(b"\\v"),
            // Writing into a vector does not fail.
            other => drop(write!(out, "\\x{other:02x}")),
        }
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
}

fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\'
}

/// `17 B`, `1.2 KiB`, `3.4 GiB`, rounded down.
fn write_size(out: &mut Vec<u8>, bytes: u64) {
    if bytes < 1024 {
        decimal::write(out, bytes);
        out.extend_from_slice(b" B");
        return;
    }
    let mut tenths = u128::from(bytes) * 10 / 1024;
    let mut unit = 0;
    while tenths >= 10_240 && unit < 3 {
        tenths /= 1024;
        unit += 1;
    }
    write_tenths(out, tenths);
    out.extend_from_slice([b" KiB", b" MiB", b" GiB", b" TiB"][unit]);
}

/// `0.4 ms`, `1.2 s`, rounded down.
fn write_time(out: &mut Vec<u8>, took: Duration) {
    if took < Duration::from_secs(1) {
        write_tenths(out, took.as_micros() / 100);
        out.extend_from_slice(b" ms");
    } else {
        write_tenths(out, took.as_millis() / 100);
        out.extend_from_slice(b" s");
    }
}

fn write_tenths(out: &mut Vec<u8>, tenths: u128) {
    decimal::write(out, u64::try_from(tenths / 10).unwrap_or(u64::MAX));
    out.push(b'.');
    out.push(b'0' + (tenths % 10) as u8);
}

#[cfg(test)]
mod tests;
