//! The text as it was typed, cut into its parts (RFC 3986 section 3) and checked for what two readers could take
//! differently.

use super::{Scheme, UrlError, shown};
use crate::percent;

/// The parts of a text; all borrow from it.
pub(super) struct Parts<'t> {
    pub(super) userinfo: Option<(Vec<u8>, Option<Vec<u8>>)>,
    pub(super) host: &'t str,
    pub(super) host_at: usize,
    pub(super) port: Option<u16>,
    /// Path and query.
    pub(super) target: &'t str,
    /// With its `#`, or empty.
    pub(super) fragment: &'t str,
}

pub(super) fn scheme(text: &str) -> Result<Scheme, UrlError> {
    let Some((name, _)) = text.split_once(':') else {
        return Err(UrlError::new(0, "it has no scheme, as in http://"));
    };
    Scheme::find(name).ok_or_else(|| {
        let what = format!(
            "unknown scheme `{}`; known are http, https, ftp, ftps, file and data",
            shown(name)
        );
        UrlError::new(0, what)
    })
}

/// A text without a scheme, completed; `None` if it has one.
pub(super) fn completed(text: &str) -> Option<String> {
    let end = text.find(['/', '?', '#']).unwrap_or(text.len());
    let (authority, rest) = text.split_at(end);
    if let Some(rest) = text.strip_prefix("//") {
        return completed(rest).or_else(|| Some(format!("http://{rest}")));
    }
    let host_port = authority.rsplit('@').next().unwrap_or_default();
    let port = match host_port.rsplit_once(':') {
        Some((_, port)) if !port.contains(']') => port,
        _ => "",
    };
    let has_port = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    if authority.contains(':') && !has_port && !authority.contains('@') && !host_port.ends_with(']')
    {
        return None;
    }
    // `data:123@x` and the like name a scheme, and so does anything before `://`.
    let first = authority.split(':').next().unwrap_or_default();
    if rest.starts_with("//") && authority.ends_with(':')
        || Scheme::find(first).is_some_and(|scheme| scheme == Scheme::Data)
        || authority.eq_ignore_ascii_case("file:")
        || (authority.contains('@') && first.eq_ignore_ascii_case("mailto"))
    {
        return None;
    }
    let scheme = match port {
        "443" => "https",
        "21" => "ftp",
        "990" => "ftps",
        _ => "http",
    };
    let host = if authority.starts_with(':') {
        "localhost"
    } else {
        ""
    };
    Some(format!("{scheme}://{host}{authority}{rest}"))
}

/// Refuse what two readers could take differently.
pub(super) fn refuse(text: &str, scheme: Scheme) -> Result<(), UrlError> {
    for (at, letter) in text.char_indices() {
        if letter.is_control() || (letter.is_whitespace() && letter != ' ') {
            let what = format!(
                "{} in it",
                crate::escape::escape(letter.to_string().as_bytes())
            );
            return Err(UrlError::new(at, what));
        }
    }
    if let Some(at) = text.find(' ').filter(|_| scheme != Scheme::Data) {
        return Err(UrlError::new(at, "a blank in it; in a URL that is %20"));
    }
    let end = text.find(['?', '#']).unwrap_or(text.len());
    match text[..end].find('\\') {
        Some(at) if scheme != Scheme::Data => {
            Err(UrlError::new(at, "a backslash in it; in a URL that is %5C"))
        }
        _ => Ok(()),
    }
}

pub(super) fn split(text: &str, scheme: Scheme) -> Result<Parts<'_>, UrlError> {
    // The scheme is known, so the colon is there.
    let start = scheme.as_str().len() + 1;
    let hash = text.find('#').unwrap_or(text.len());
    let (rest, fragment) = (&text[start..hash], &text[hash..]);
    let mut parts = Parts {
        userinfo: None,
        host: "",
        host_at: start,
        port: None,
        target: rest,
        fragment,
    };
    let Some(after) = rest.strip_prefix("//") else {
        return match scheme {
            Scheme::Data => Ok(parts),
            Scheme::File if rest.starts_with('/') => Ok(parts),
            _ => Err(UrlError::new(
                start,
                "two slashes are missing behind the scheme",
            )),
        };
    };
    if scheme == Scheme::Data {
        return Ok(parts);
    }
    let end = after.find(['/', '?']).unwrap_or(after.len());
    let (authority, target) = after.split_at(end);
    parts.target = target;
    let mut host_port = authority;
    let mut at = start + 2;
    if let Some((userinfo, host)) = authority.split_once('@') {
        if let Some(second) = host.find('@') {
            let at = at + userinfo.len() + 1 + second;
            return Err(UrlError::new(
                at,
                "a second `@`; in a user or password that is %40",
            ));
        }
        parts.userinfo = Some(split_user(userinfo, at)?);
        at += userinfo.len() + 1;
        host_port = host;
    }
    (parts.host, parts.port) = split_port(host_port, at)?;
    parts.host_at = at;
    check_host(parts.host, at, scheme)?;
    if scheme == Scheme::File && (parts.userinfo.is_some() || parts.port.is_some()) {
        return Err(UrlError::new(at, "a file has no user and no port"));
    }
    Ok(parts)
}

fn split_user(userinfo: &str, at: usize) -> Result<(Vec<u8>, Option<Vec<u8>>), UrlError> {
    let decode = |text: &str, at: usize| {
        let bytes = percent::decode(text).map_err(|error| {
            UrlError::new(
                at + error.offset(),
                "a percent sign without two digits in the user or password",
            )
        })?;
        if bytes.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)) {
            return Err(UrlError::new(
                at,
                "a line break or NUL in the user or password",
            ));
        }
        Ok(bytes)
    };
    match userinfo.split_once(':') {
        Some((user, password)) => Ok((
            decode(user, at)?,
            Some(decode(password, at + user.len() + 1)?),
        )),
        None => Ok((decode(userinfo, at)?, None)),
    }
}

fn split_port(host_port: &str, at: usize) -> Result<(&str, Option<u16>), UrlError> {
    let (host, port) = match host_port.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, port),
        _ => return Ok((host_port, None)),
    };
    if port.is_empty() {
        return Ok((host, None));
    }
    let is_number = port.bytes().all(|byte| byte.is_ascii_digit());
    match port.parse() {
        Ok(port) if is_number => Ok((host, Some(port))),
        _ => {
            let what = format!("`{}` is not a port, 0 to 65535", shown(port));
            Err(UrlError::new(at + host.len() + 1, what))
        }
    }
}

fn check_host(host: &str, at: usize, scheme: Scheme) -> Result<(), UrlError> {
    if scheme == Scheme::File {
        if host.is_empty() || host.eq_ignore_ascii_case("localhost") {
            return Ok(());
        }
        let what = format!(
            "a file on `{}`; only files of this machine are known",
            shown(host)
        );
        return Err(UrlError::new(at, what));
    }
    if host.is_empty() {
        return Err(UrlError::new(at, "it has no host"));
    }
    if host.starts_with('[') && host.contains('%') {
        return Err(UrlError::new(
            at,
            "a zone in an IPv6 address, which means something on one machine only",
        ));
    }
    if let Some(percent) = host.find('%') {
        return Err(UrlError::new(at + percent, "a percent sign in the host"));
    }
    if !host.starts_with('[') && host.contains(':') {
        return Err(UrlError::new(
            at,
            "an IPv6 address without brackets, or a second port",
        ));
    }
    Ok(())
}
