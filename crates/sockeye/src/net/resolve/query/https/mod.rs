//! DNS over HTTPS (RFC 8484), over HTTP/2 or HTTP/1.1 as the server chooses, on our own TLS stream.
//!
//! One request per connection. Redirects are not followed: whom to ask is the user's choice.

#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod http1;
mod http2;

use std::time::Instant;

use data_encoding::BASE64URL_NOPAD;

use super::decode::Asked;
use super::exchange::{Received, Via, Waiting};
use super::response::HttpInfo;
use super::server::offering_http;
use super::{Options, Server};
use crate::error::{Error, Kind, Operation, Result};
use crate::net::Net;

/// The media type of messages of the DNS (RFC 8484 section 6).
const MEDIA_TYPE: &str = "application/dns-message";
/// The longest answer, in bytes: that of a message of the DNS.
const MAX_BODY: usize = 65_535;
/// The longest head of an answer, in bytes.
const MAX_HEAD: usize = 32 * 1024;

/// What is asked of the server.
struct Request<'a> {
    method: &'static str,
    authority: String,
    /// The path, with the question behind it for GET.
    target: String,
    body: &'a [u8],
}

/// What the server says before the answer itself, as far as it matters here.
#[derive(Debug, Default, PartialEq, Eq)]
struct Head {
    status: u16,
    content_type: String,
    location: Option<String>,
    age: Option<u64>,
    cache_control: Option<String>,
    server: Option<String>,
}

impl Head {
    /// Note a header, if it matters here; the first of several counts.
    fn note(&mut self, name: &str, value: &[u8]) {
        let text = || String::from_utf8_lossy(value).trim().to_owned();
        match &*name.to_ascii_lowercase() {
            "content-type" if self.content_type.is_empty() => self.content_type = text(),
            "location" => drop(self.location.get_or_insert_with(text)),
            "cache-control" => drop(self.cache_control.get_or_insert_with(text)),
            "server" => drop(self.server.get_or_insert_with(text)),
            "age" if self.age.is_none() => self.age = text().parse().ok(),
            _ => {}
        }
    }

    /// Whether what follows is a message of the DNS.
    fn check(&self) -> Result<()> {
        if let (300..=399, Some(location)) = (self.status, &self.location) {
            return Err(broken(format!(
                "it answers HTTP {} and sends us to {location:?}",
                self.status
            ))
            .with_hint("redirects are not followed; ask there if you trust it"));
        }
        if !(200..=299).contains(&self.status) {
            return Err(broken(format!("it answers HTTP {}", self.status))
                .with_hint("is the path right? most servers take /dns-query"));
        }
        let media_type = self.content_type.split(';').next().unwrap_or_default();
        if !media_type.trim().eq_ignore_ascii_case(MEDIA_TYPE) {
            let shown: String = media_type.chars().take(60).collect();
            return Err(
                broken(format!("it answers with {shown:?}, not with {MEDIA_TYPE}"))
                    .with_hint("is the path right? most servers take /dns-query"),
            );
        }
        Ok(())
    }
}

/// Put the question to this server, and wait for its answer, however long that takes.
///
/// # Cancel safety
///
/// Dropping the future closes the connection.
pub(super) async fn exchange(
    net: &Net,
    server: &Server,
    asked: &Asked,
    options: &Options,
    mut waiting: Waiting<'_>,
) -> Result<Received> {
    let stream = net.connect(&offering_http(server.endpoint())).await?;
    let mut via = Via {
        address: stream.peer_address(),
        secured: stream.secured().cloned(),
        http: None,
    };
    let path = server.path().unwrap_or_default();
    let question = BASE64URL_NOPAD.encode(&asked.bytes);
    let request = match options.https_get {
        true => Request {
            method: "GET",
            authority: server.authority(),
            target: format!("{path}?dns={question}"),
            body: &[],
        },
        false => Request {
            method: "POST",
            authority: server.authority(),
            target: path.to_owned(),
            body: &asked.bytes,
        },
    };
    let chosen = via
        .secured
        .as_ref()
        .and_then(|secured| secured.alpn.as_deref());
    let is_http2 = chosen == Some("h2");
    waiting.sent = Instant::now();
    let (head, body) = match is_http2 {
        true => http2::send(stream, &request).await?,
        false => http1::send(stream, &request).await?,
    };
    head.check()?;
    via.http = Some(HttpInfo {
        version: if is_http2 { "HTTP/2" } else { "HTTP/1.1" },
        method: request.method,
        status: head.status,
        age: head.age,
        cache_control: head.cache_control,
        server: head.server,
    });
    match waiting.take(&body, &mut via)? {
        Some(received) => Ok(received),
        None => Err(broken("its answer is not to our question")),
    }
}

/// The server broke the rules of HTTP.
fn broken(why: impl Into<String>) -> Error {
    Error::new(Kind::Protocol, Operation::Ask, why)
}

#[cfg(test)]
mod tests;
