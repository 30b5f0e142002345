//! The forms of a request's target, and the rules for `Host` (RFC 9112 section 3.2).

use super::error::{Error, ErrorKind, quoted};
use super::head::{RequestHead, Version};

/// The form of a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TargetForm {
    /// A path and perhaps a query: `/a?b`.
    Origin,
    /// A whole URL, as sent to proxies: `http://example.org/a`.
    Absolute,
    /// A host and a port, for `CONNECT` only.
    Authority,
    /// `*`, for `OPTIONS` only.
    Asterisk,
}

/// The form of a request's target.
///
/// # Errors
///
/// [`ErrorKind::Target`]: none of the four, one that the method does not take, or a fragment.
///
/// # Examples
///
/// ```
/// use sockeye_data::http1::{Headers, RequestHead, TargetForm, target_form};
///
/// let form = |method: &str, target: &str| target_form(&RequestHead::new(method, target, Headers::new()));
/// assert_eq!(form("GET", "/a?b"), Ok(TargetForm::Origin));
/// assert_eq!(form("CONNECT", "db.example:5432"), Ok(TargetForm::Authority));
/// assert!(form("GET", "*").is_err());
/// ```
pub fn target_form(head: &RequestHead) -> Result<TargetForm, Error> {
    let target = head.target.as_slice();
    if let Some(at) = target.iter().position(|&byte| byte == b'#') {
        let what = "a fragment in the target";
        return Err(Error::new(ErrorKind::Target, what, "RFC 9112 section 3.2").at(at));
    }
    match (head.method.as_str(), target) {
        ("CONNECT", target) => match split_authority(target) {
            Some((host, port)) if is_host(host) && !host.is_empty() && is_port(port) => {
                Ok(TargetForm::Authority)
            }
            _ => Err(wrong(target, "of CONNECT", "RFC 9112 section 3.2.3")),
        },
        (_, [b'/', ..]) => Ok(TargetForm::Origin),
        ("OPTIONS", b"*") => Ok(TargetForm::Asterisk),
        (method, b"*") => {
            let of = format!("of {}", quoted(method.as_bytes()));
            Err(wrong(target, &of, "RFC 9112 section 3.2.4"))
        }
        (_, target) if is_absolute(target) => Ok(TargetForm::Absolute),
        (_, target) => Err(wrong(target, "", "RFC 9112 section 3.2")),
    }
}

/// The one `Host` of a request, if it has one.
///
/// # Errors
///
/// [`ErrorKind::Target`]: HTTP/1.1 without one, more than one, or one that is not a host and perhaps a port.
pub fn host(head: &RequestHead) -> Result<Option<&[u8]>, Error> {
    const RULE: &str = "RFC 9112 section 3.2";
    let mut hosts = head.headers.all("host");
    let Some(value) = hosts.next() else {
        if head.version == Version::Http11 {
            let what = "a request without a host";
            return Err(Error::new(ErrorKind::Target, what, RULE));
        }
        return Ok(None);
    };
    if let Some(other) = hosts.next() {
        let what = format!("two hosts, {} and {}", quoted(value), quoted(other));
        return Err(Error::new(ErrorKind::Target, what, RULE));
    }
    let is_good = match split_authority(value) {
        Some((host, port)) => is_host(host) && (port.is_empty() || is_port(port)),
        None => is_host(value),
    };
    if !is_good {
        let what = format!("{} as the host", quoted(value));
        return Err(Error::new(ErrorKind::Target, what, RULE));
    }
    Ok(Some(value))
}

fn wrong(target: &[u8], of: &str, rule: &'static str) -> Error {
    let what = if of.is_empty() {
        format!("{} as the target", quoted(target))
    } else {
        format!("{} as the target {of}", quoted(target))
    };
    Error::new(ErrorKind::Target, what, rule)
}

/// Host and port, parted by the last colon outside brackets.
fn split_authority(authority: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = authority.iter().rposition(|&byte| byte == b':')?;
    if authority[colon..].contains(&b']') {
        return None;
    }
    Some((&authority[..colon], &authority[colon + 1..]))
}

fn is_port(port: &[u8]) -> bool {
    (1..=5).contains(&port.len())
        && port.iter().all(u8::is_ascii_digit)
        && port
            .iter()
            .fold(0_u32, |sum, digit| sum * 10 + u32::from(digit - b'0'))
            <= 65_535
}

/// A name, an IPv4 address or a bracketed IPv6 address (RFC 3986 section 3.2.2); an empty one too.
fn is_host(host: &[u8]) -> bool {
    if let [b'[', inner @ .., b']'] = host {
        return std::str::from_utf8(inner)
            .is_ok_and(|text| text.parse::<std::net::Ipv6Addr>().is_ok());
    }
    // Percent signs could hide any byte from whoever compares names, so they are left out.
    host.iter()
        .all(|&byte| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=".contains(&byte))
}

/// A scheme of letters, `://`, a host, perhaps a port, and then anything. A user in front of the host is refused: it is there to
/// make one host look like another (RFC 9110 section 4.2.4).
fn is_absolute(target: &[u8]) -> bool {
    let Some(colon) = target.iter().position(|&byte| byte == b':') else {
        return false;
    };
    let (scheme, rest) = target.split_at(colon);
    let Some(rest) = rest.strip_prefix(b"://") else {
        return false;
    };
    let end = rest.iter().position(|byte| b"/?".contains(byte));
    let authority = &rest[..end.unwrap_or(rest.len())];
    let (host, port) = split_authority(authority).unwrap_or((authority, b""));
    !scheme.is_empty()
        && scheme.iter().all(u8::is_ascii_alphabetic)
        && !host.is_empty()
        && is_host(host)
        && (port.is_empty() || is_port(port))
}
