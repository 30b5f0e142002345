//! What becomes of the connection: kept, closed, turned into something else, or asked to wait.

use super::head::{RequestHead, ResponseHead, Version};
use super::headers::Headers;
use super::syntax::is_token;

/// Whether the connection lives on after this message, as far as its sender has a say (RFC 9112 section 9.3).
///
/// A body that ends with the connection ends it too: that is in the [`Framing`](super::Framing). With both a length and
/// chunks it is better closed, even if a policy let that pass.
pub fn persistent(version: Version, headers: &Headers) -> bool {
    if headers.contains("transfer-encoding") && headers.contains("content-length") {
        return false;
    }
    match version {
        Version::Http09 => false,
        Version::Http10 => has_option(headers, "keep-alive") && !has_option(headers, "close"),
        Version::Http11 => !has_option(headers, "close"),
    }
}

/// The headers that concern this connection alone and that a proxy does not pass on: the fixed ones, and those that
/// `Connection` names (RFC 9110 section 7.6.1), in lower case.
pub fn connection_names(headers: &Headers) -> Vec<String> {
    const FIXED: [&str; 9] = [
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    ];
    let named = headers
        .list("connection")
        .filter(|option| is_token(option))
        .map(|option| String::from_utf8_lossy(option).to_ascii_lowercase());
    FIXED.map(str::to_owned).into_iter().chain(named).collect()
}

/// The protocols that the sender would change to, or has changed to in a 101, in its order; empty if it did not say
/// `Connection: upgrade` too, or not in HTTP/1.1 (RFC 9110 section 7.8).
pub fn upgrade(version: Version, headers: &Headers) -> Vec<&[u8]> {
    if version != Version::Http11 || !has_option(headers, "upgrade") {
        return Vec::new();
    }
    headers.list("upgrade").collect()
}

/// Whether the connection is a tunnel after this response: a successful CONNECT, or a 101.
pub fn is_tunnel(head: &ResponseHead, method: &[u8]) -> bool {
    head.status == 101 || (method == b"CONNECT" && (200..300).contains(&head.status))
}

/// What a request expects before its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Expectation {
    /// Nothing.
    None,
    /// `100 Continue`, or a final answer.
    Continue,
    /// Something unknown, which is answered with 417.
    Unknown,
}

/// What a request expects before its body (RFC 9110 section 10.1.1); in HTTP/1.0 nothing, whatever it says.
pub fn expectation(head: &RequestHead) -> Expectation {
    if head.version != Version::Http11 {
        return Expectation::None;
    }
    let mut expectation = Expectation::None;
    for expected in head.headers.list("expect") {
        if !expected.eq_ignore_ascii_case(b"100-continue") {
            return Expectation::Unknown;
        }
        expectation = Expectation::Continue;
    }
    expectation
}

fn has_option(headers: &Headers, option: &str) -> bool {
    headers
        .list("connection")
        .any(|member| member.eq_ignore_ascii_case(option.as_bytes()))
}
