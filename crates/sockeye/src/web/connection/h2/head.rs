//! Heads of HTTP/2 and those that handlers know: a request's is checked and becomes one of HTTP/1.1, an answer's the reverse.

use std::cell::RefCell;
use std::time::{SystemTime, UNIX_EPOCH};

use http::HeaderMap;
use http::header::{CONTENT_LENGTH, COOKIE, DATE, HOST, HeaderName, HeaderValue};
use sockeye_data::fields::date;
use sockeye_data::http1::{Headers, RequestHead, Version, host};

use super::super::head::has_no_body;
use crate::web::response::Response;
use crate::web::server::Bounds;

/// A request that no handler is asked for: the status, and why.
pub(super) struct Refusal(pub(super) u16, pub(super) String);

/// The request's head in the form that all handlers see: target and `Host` as in HTTP/1.1, cookies in one line
/// (RFC 9113 section 8.2.3), and the size of it all.
///
/// What belongs to a connection of HTTP/1, and names with capitals, the crate has refused.
pub(super) fn request(
    parts: &http::request::Parts,
    bounds: &Bounds,
) -> Result<(RequestHead, usize), Refusal> {
    if parts.method == http::Method::CONNECT {
        let why = "CONNECT is for proxies, and this is none";
        return Err(Refusal(405, why.into()));
    }
    let Some(target) = parts.uri.path_and_query() else {
        return Err(Refusal(400, "a request without a path".into()));
    };
    let target = target.as_str();
    if !target.is_ascii() {
        let why = "a target has only ASCII characters (RFC 3986 section 2)";
        return Err(Refusal(400, why.into()));
    }
    if target.len() > bounds.head.line {
        return Err(Refusal(
            414,
            format!("the target has more than {} bytes", bounds.head.line),
        ));
    }
    if parts.headers.len() > bounds.head.fields {
        return Err(Refusal(
            431,
            format!("the head has more than {} fields", bounds.head.fields),
        ));
    }
    let headers = fields(parts).ok_or_else(|| Refusal(400, "a field cannot be read".into()))??;
    let size = parts
        .headers
        .iter()
        .map(|(n, v)| n.as_str().len() + v.len());
    let size = size.sum::<usize>() + target.len();
    let mut head = RequestHead::new(parts.method.as_str(), target, headers);
    head.version = Version::Http11;
    host(&head).map_err(|error| Refusal(400, error.to_string()))?;
    Ok((head, size))
}

/// The fields; `None` if one of them is none.
fn fields(parts: &http::request::Parts) -> Option<Result<Headers, Refusal>> {
    let mut headers = Headers::new();
    if let Some(authority) = parts.uri.authority() {
        for said in parts.headers.get_all(HOST) {
            if !said
                .as_bytes()
                .eq_ignore_ascii_case(authority.as_str().as_bytes())
            {
                let why = "`host` and `:authority` are not the same (RFC 9113 section 8.3.1)";
                return Some(Err(Refusal(400, why.into())));
            }
        }
        headers.append("host", authority.as_str()).ok()?;
    }
    for (name, value) in &parts.headers {
        if *name != COOKIE && (*name != HOST || parts.uri.authority().is_none()) {
            headers.append(name.as_str(), value.as_bytes()).ok()?;
        }
    }
    let crumbs: Vec<&[u8]> = parts
        .headers
        .get_all(COOKIE)
        .iter()
        .map(HeaderValue::as_bytes)
        .collect();
    if !crumbs.is_empty() {
        headers.append("cookie", crumbs.join(&b"; "[..])).ok()?;
    }
    Some(Ok(headers))
}

/// The answer's head in the types of the crate. What belongs to a connection of HTTP/1 has no place here
/// (RFC 9113 section 8.2.2), and what the server says itself is said once.
pub(super) fn response(response: &Response, bare: bool) -> Option<http::Response<()>> {
    const NOT_HERE: [&str; 7] = [
        "connection",
        "content-length",
        "date",
        "keep-alive",
        "proxy-connection",
        "transfer-encoding",
        "upgrade",
    ];
    let mut head = http::Response::new(());
    *head.status_mut() = http::StatusCode::from_u16(response.status()).ok()?;
    let headers = head.headers_mut();
    headers.reserve(8);
    for list in response.all_headers() {
        for field in list.iter() {
            let is_ours = NOT_HERE
                .iter()
                .any(|name| field.name.eq_ignore_ascii_case(name));
            if !is_ours {
                let name = HeaderName::from_bytes(field.name.as_bytes()).ok()?;
                headers.append(name, HeaderValue::from_bytes(field.value).ok()?);
            }
        }
    }
    let length = match response.get_str("content-length") {
        Some(said) if bare => said.parse().ok(),
        _ => response.body.length(),
    };
    if let Some(length) = length
        && !has_no_body(response.status())
    {
        headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    insert_date(headers);
    Some(head)
}

thread_local! {
    /// The value for the second that it was last asked for.
    static NOW: RefCell<Option<(u64, HeaderValue)>> = const { RefCell::new(None) };
}

fn insert_date(headers: &mut HeaderMap) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let seconds = now.unwrap_or_default().as_secs();
    NOW.with_borrow_mut(|kept| {
        if kept.as_ref().is_none_or(|(second, _)| *second != seconds) {
            let date = i64::try_from(seconds).ok().and_then(date::print);
            let value = date.and_then(|date| HeaderValue::from_str(&date).ok());
            *kept = value.map(|value| (seconds, value));
        }
        if let Some((_, value)) = kept {
            headers.insert(DATE, value.clone());
        }
    });
}
