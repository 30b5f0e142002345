//! Where a body ends (RFC 9112 section 6): the rules that smuggling lives on, so every doubt is an error.

use super::error::{Error, ErrorKind, quoted};
use super::head::{RequestHead, ResponseHead, Version};
use super::headers::Headers;

/// How the end of a body is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Framing {
    /// There is no body.
    None,
    /// It has this many bytes.
    Length(u64),
    /// It comes in chunks, each with its length.
    Chunked,
    /// It ends when the peer closes; responses only.
    UntilClose,
}

/// What is let pass when a body's end is in doubt; [`STRICT`](Self::STRICT) by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FramingPolicy {
    /// Several `Content-Length` that say the same are taken as one.
    pub identical_lengths: bool,
    /// A `Content-Length` beside `Transfer-Encoding` is passed over. Responses only: in requests it is always refused.
    pub length_beside_chunked: bool,
}

impl FramingPolicy {
    /// Nothing is let pass.
    pub const STRICT: Self = Self {
        identical_lengths: false,
        length_beside_chunked: false,
    };
    /// What RFC 9112 allows a recipient to let pass, for old servers.
    pub const LENIENT: Self = Self {
        identical_lengths: true,
        length_beside_chunked: true,
    };
}

/// How the body of a request ends.
///
/// # Errors
///
/// [`ErrorKind::Framing`]: lengths that are malformed, too large or several; a length beside chunks; chunks in HTTP/1.0.
/// [`ErrorKind::UnknownCoding`]: a transfer coding other than `chunked`.
///
/// # Examples
///
/// ```
/// use sockeye_data::http1::{Framing, Headers, RequestHead, request_body};
///
/// let mut headers = Headers::new();
/// headers.append("Content-Length", "5")?;
/// assert_eq!(request_body(&RequestHead::new("PUT", "/", headers.clone()))?, Framing::Length(5));
/// headers.append("Transfer-Encoding", "chunked")?;
/// assert_eq!(
///     request_body(&RequestHead::new("PUT", "/", headers)).unwrap_err().to_string(),
///     "both Transfer-Encoding and Content-Length (RFC 9112 section 6.1)",
/// );
/// # Ok::<(), sockeye_data::http1::Error>(())
/// ```
pub fn request_body(head: &RequestHead) -> Result<Framing, Error> {
    request_body_with(head, FramingPolicy::STRICT)
}

/// [`request_body`] with a policy.
///
/// # Errors
///
/// As with [`request_body`], less what the policy lets pass.
pub fn request_body_with(head: &RequestHead, policy: FramingPolicy) -> Result<Framing, Error> {
    let policy = FramingPolicy {
        length_beside_chunked: false,
        ..policy
    };
    let framing = announced(head.version, &head.headers, policy)?;
    Ok(match framing {
        // "Content-Length: 0" and no length at all are the same to whoever reads.
        None | Some(Framing::Length(0)) => Framing::None,
        Some(framing) => framing,
    })
}

/// How the body of the response to a request of this method ends.
///
/// HEAD, 1xx, 204, 304 and a successful CONNECT have no body, whatever length or coding they announce.
///
/// # Errors
///
/// As with [`request_body`].
pub fn response_body(head: &ResponseHead, method: &[u8]) -> Result<Framing, Error> {
    response_body_with(head, method, FramingPolicy::STRICT)
}

/// [`response_body`] with a policy.
///
/// # Errors
///
/// As with [`request_body`], less what the policy lets pass.
pub fn response_body_with(
    head: &ResponseHead,
    method: &[u8],
    policy: FramingPolicy,
) -> Result<Framing, Error> {
    let is_tunnel = method == b"CONNECT" && (200..300).contains(&head.status);
    if method == b"HEAD" || matches!(head.status, 100..=199 | 204 | 304) || is_tunnel {
        // What is announced is passed over here, but not if it makes no sense.
        announced(head.version, &head.headers, policy)?;
        return Ok(Framing::None);
    }
    if head.version == Version::Http09 {
        return Ok(Framing::UntilClose);
    }
    let framing = announced(head.version, &head.headers, policy)?;
    Ok(framing.unwrap_or(Framing::UntilClose))
}

/// What the headers say, if they say anything.
fn announced(
    version: Version,
    headers: &Headers,
    policy: FramingPolicy,
) -> Result<Option<Framing>, Error> {
    let length = content_length(headers, policy)?;
    if !headers.contains("transfer-encoding") {
        return Ok(length.map(Framing::Length));
    }
    if version != Version::Http11 {
        let what = format!("Transfer-Encoding in {}", version.as_str());
        return Err(framing(what, "RFC 9112 section 6.1"));
    }
    if length.is_some() && !policy.length_beside_chunked {
        let what = "both Transfer-Encoding and Content-Length";
        return Err(framing(what, "RFC 9112 section 6.1"));
    }
    let mut codings = headers.all("transfer-encoding");
    let coding = codings.next().unwrap_or_default();
    if let Some(other) = codings.next() {
        let what = format!(
            "two lines of Transfer-Encoding, {} and {}",
            quoted(coding),
            quoted(other)
        );
        return Err(framing(what, "RFC 9112 section 6.1"));
    }
    let mut fields = headers.iter();
    let is_transfer = |name: &str| name.eq_ignore_ascii_case("transfer-encoding");
    if fields.any(|field| is_transfer(field.name) && field.line.contains(&b'\t')) {
        // Some readers take a tab for a part of the value: an old way to hide the header from one of two.
        let what = "a tab in the line of Transfer-Encoding";
        return Err(framing(what, "RFC 9112 section 6.1"));
    }
    if coding.eq_ignore_ascii_case(b"chunked") {
        return Ok(Some(Framing::Chunked));
    }
    Err(wrong_coding(headers, coding))
}

fn wrong_coding(headers: &Headers, coding: &[u8]) -> Error {
    let list: Vec<&[u8]> = headers.list("transfer-encoding").collect();
    let is_chunked = |coding: &&[u8]| coding.eq_ignore_ascii_case(b"chunked");
    let chunked = list.iter().filter(|coding| is_chunked(coding)).count();
    let what = if chunked > 1 {
        format!("Transfer-Encoding: {}, chunked twice", quoted(coding))
    } else if chunked == 1 && list.len() > 1 && !list.last().is_some_and(is_chunked) {
        format!("Transfer-Encoding: {}, chunked not last", quoted(coding))
    } else if chunked == 1 && list.len() == 1 {
        format!("Transfer-Encoding: {}, a list with holes", quoted(coding))
    } else {
        let what = format!("the transfer coding {}", quoted(coding));
        return Error::new(ErrorKind::UnknownCoding, what, "RFC 9112 section 6.1");
    };
    framing(what, "RFC 9112 section 6.3")
}

fn content_length(headers: &Headers, policy: FramingPolicy) -> Result<Option<u64>, Error> {
    const RULE: &str = "RFC 9112 section 6.3";
    let mut length: Option<(u64, &[u8])> = None;
    for line in headers.all("content-length") {
        for value in line.split(|&byte| byte == b',') {
            // Blanks around members of a list are no part of them; those around the whole value are gone already.
            let value = super::syntax::trim(value);
            let new = digits(value)?;
            match length {
                Some((old, text)) if old != new => {
                    let what = format!("Content-Length {} and {}", quoted(text), quoted(value));
                    return Err(framing(what, RULE));
                }
                Some(_) if !policy.identical_lengths => {
                    let what = format!("Content-Length {} twice", quoted(value));
                    return Err(framing(what, RULE));
                }
                _ => length = Some((new, value)),
            }
        }
    }
    Ok(length.map(|(length, _)| length))
}

fn digits(value: &[u8]) -> Result<u64, Error> {
    let is_number = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
    // Digits alone parse, unless they are too many.
    let number = std::str::from_utf8(value).ok().filter(|_| is_number);
    number.and_then(|text| text.parse().ok()).ok_or_else(|| {
        let what = if is_number {
            format!("Content-Length {}, more than 2^64", quoted(value))
        } else {
            format!("Content-Length {}, which is not a number", quoted(value))
        };
        framing(what, "RFC 9110 section 8.6")
    })
}

fn framing(what: impl Into<std::borrow::Cow<'static, str>>, rule: &'static str) -> Error {
    Error::new(ErrorKind::Framing, what, rule)
}
