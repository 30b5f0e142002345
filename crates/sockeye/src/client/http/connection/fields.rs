//! Between the lines of HTTP/1, which everything else here speaks, and the fields of HTTP/2 (RFC 9113 section 8).

use http::header::{HeaderMap, HeaderName, HeaderValue};
use sockeye_data::http1::Headers;

use super::Outgoing;
use crate::error::{Error, Kind, Operation, Result};

/// What belongs to one connection of HTTP/1 and has no place here (RFC 9113 section 8.2.2).
const OF_CONNECTIONS: [&str; 7] = [
    "connection",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-connection",
    "transfer-encoding",
    "upgrade",
];

/// The head of the request. `Host` becomes `:authority`, names become small, and what belongs to a connection is left out.
pub(super) fn request(request: &Outgoing<'_>) -> Result<http::Request<()>> {
    let head = request.head;
    let authority = match head.headers.get("host") {
        Some(host) => host,
        None => request.authority.as_bytes(),
    };
    let uri = http::Uri::builder()
        .scheme(request.scheme)
        .authority(authority)
        .path_and_query(&*head.target)
        .build()
        .map_err(|error| unwritable("the URL", &error))?;
    let named: Vec<&[u8]> = head.headers.list("connection").collect();
    let mut made = http::Request::new(());
    *made.uri_mut() = uri;
    *made.method_mut() = http::Method::from_bytes(head.method.as_bytes())
        .map_err(|error| unwritable("the method", &error))?;
    *made.version_mut() = http::Version::HTTP_2;
    let fields = made.headers_mut();
    for field in head.headers.iter() {
        let is = |name: &str| field.name.eq_ignore_ascii_case(name);
        let is_named = named
            .iter()
            .any(|name| name.eq_ignore_ascii_case(field.name.as_bytes()));
        let is_other_te = is("te") && !field.value.eq_ignore_ascii_case(b"trailers");
        if is_named || is_other_te || OF_CONNECTIONS.iter().any(|name| is(name)) {
            continue;
        }
        let name = HeaderName::from_bytes(field.name.as_bytes())
            .map_err(|error| unwritable("a header's name", &error))?;
        let value = HeaderValue::from_bytes(field.value)
            .map_err(|error| unwritable("a header's value", &error))?;
        fields
            .try_append(name, value)
            .map_err(|error| unwritable("so many headers", &error))?;
    }
    Ok(made)
}

/// Header lines as everything else here has them.
///
/// # Errors
///
/// [`Kind::Protocol`] for what HTTP/1 could not say either.
pub(super) fn headers(fields: &HeaderMap) -> Result<Headers> {
    let mut headers = Headers::new();
    for (name, value) in fields {
        headers
            .append(name.as_str(), value.as_bytes())
            .map_err(|error| Error::new(Kind::Protocol, Operation::Fetch, error.to_string()))?;
    }
    Ok(headers)
}

fn unwritable(what: &str, error: &dyn std::fmt::Display) -> Error {
    let why = format!("{what} cannot be written in HTTP/2: {error}");
    Error::new(Kind::Usage, Operation::Fetch, why)
}
