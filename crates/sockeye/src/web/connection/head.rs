//! The head of an answer in HTTP/1, and how its body is framed.

use std::cell::RefCell;
use std::time::{SystemTime, UNIX_EPOCH};

use sockeye_data::fields::date;
use sockeye_data::http1::{Framing, ResponseHead, Version};

use crate::web::decimal;
use crate::web::response::Response;

/// What of the request and the connection decides about the head.
#[derive(Clone, Copy, Debug)]
pub(super) struct Facts {
    pub(super) version: Version,
    pub(super) is_head: bool,
    /// Whether the connection lives on.
    pub(super) keep: bool,
}

/// Whether the server writes this line itself, whatever the handler says.
fn is_ours(name: &[u8]) -> bool {
    let ours: &[u8] = match name.len() {
        4 => b"date",
        10 => b"connection",
        14 => b"content-length",
        17 => b"transfer-encoding",
        _ => return false,
    };
    name.eq_ignore_ascii_case(ours)
}

/// How the body of this answer is framed. `None` if it has no body, whatever it holds.
pub(super) fn framing(response: &Response, facts: Facts) -> Framing {
    if facts.is_head || has_no_body(response.status()) {
        return Framing::None;
    }
    match response.body.length() {
        Some(length) => Framing::Length(length),
        None if facts.version == Version::Http11 => Framing::Chunked,
        None => Framing::UntilClose,
    }
}

pub(super) fn has_no_body(status: u16) -> bool {
    matches!(status, 100..200 | 204 | 304)
}

/// Write the head.
pub(super) fn write(out: &mut Vec<u8>, response: &Response, framing: Framing, facts: Facts) {
    out.reserve(512);
    write_status(out, response.status());
    for headers in response.all_headers() {
        headers.write_without(out, is_ours);
    }
    write_length(out, response, framing, facts);
    match (facts.keep, facts.version) {
        _ if response.status() == 101 => out.extend_from_slice(b"Connection: upgrade\r\n"),
        (false, Version::Http11) => out.extend_from_slice(b"Connection: close\r\n"),
        (true, Version::Http10) => out.extend_from_slice(b"Connection: keep-alive\r\n"),
        _ => {}
    }
    write_date(out);
    out.extend_from_slice(b"\r\n");
}

fn write_length(out: &mut Vec<u8>, response: &Response, framing: Framing, facts: Facts) {
    let length = match framing {
        Framing::Length(length) => Some(length),
        Framing::Chunked => {
            out.extend_from_slice(b"Transfer-Encoding: chunked\r\n");
            return;
        }
        // An answer to HEAD says what one to GET would; 204 and 1xx have no length, 304 need not say.
        Framing::None if facts.is_head && !has_no_body(response.status()) => {
            match response.get_str("content-length") {
                Some(said) => said.parse().ok(),
                None => response.body.length(),
            }
        }
        _ => None,
    };
    if let Some(length) = length {
        out.extend_from_slice(b"Content-Length: ");
        decimal::write(out, length);
        out.extend_from_slice(b"\r\n");
    } else if facts.is_head
        && facts.version == Version::Http11
        && response.body.length().is_none()
        && !has_no_body(response.status())
    {
        out.extend_from_slice(b"Transfer-Encoding: chunked\r\n");
    }
}

fn write_status(out: &mut Vec<u8>, status: u16) {
    if status == 200 {
        out.extend_from_slice(b"HTTP/1.1 200 OK\r\n");
        return;
    }
    let head = ResponseHead::new(status, sockeye_data::http1::Headers::new());
    out.extend_from_slice(b"HTTP/1.1 ");
    decimal::write(out, status.into());
    out.push(b' ');
    out.extend_from_slice(&head.reason);
    out.extend_from_slice(b"\r\n");
}

thread_local! {
    /// The line for the second that it was last asked for.
    static DATE: RefCell<(u64, Vec<u8>)> = const { RefCell::new((0, Vec::new())) };
}

fn write_date(out: &mut Vec<u8>) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let seconds = now.unwrap_or_default().as_secs();
    DATE.with_borrow_mut(|(second, line)| {
        if *second != seconds {
            *second = seconds;
            line.clear();
            let date = i64::try_from(seconds).ok().and_then(date::print);
            if let Some(date) = date {
                line.extend_from_slice(b"Date: ");
                line.extend_from_slice(date.as_bytes());
                line.extend_from_slice(b"\r\n");
            }
        }
        out.extend_from_slice(line);
    });
}
