//! The text of a proxy: `[scheme "://"] [user [":" password] "@"] host [":" port]`.

use crate::endpoint::carrier::Host;
use crate::endpoint::proxy::{MASK, Proxy, ProxyScheme};
use crate::endpoint::refusal::{Fail, Piece, quoted};
use crate::endpoint::schemes;

use super::address::{bracketed, host};

/// The longest user name and password of SOCKS 5 (RFC 1929 section 2), kept for SOCKS 4 too.
const SOCKS_LIMIT: usize = 255;

const FORM: &str = "as in http://proxy.example:3128 or socks5h://proxy.example; USER:PASSWORD@ may stand before the host";

/// Reads a proxy. Its parts are percent-decoded one by one, so the text is not decoded as a whole before.
pub(in crate::endpoint) fn read(text: Piece<'_>) -> Result<Proxy, Fail> {
    if text.text.is_empty() {
        return Err(text.fail("no proxy").hint(FORM));
    }
    let (scheme, rest) = scheme(text)?;
    let (user, place) = match sign(rest.text) {
        Some(i) => (Some(rest.split_at(i).0), rest.split_at(i + 1).1),
        None => (None, rest),
    };
    let (host, port) = place_of(place, scheme)?;
    let proxy = Proxy::new(scheme, host, port);
    match user {
        Some(user) => with_user(proxy, user),
        None => Ok(proxy),
    }
}

/// Where the sign between user and host is. A password may hold one too, and so may the zone in brackets.
fn sign(text: &str) -> Option<usize> {
    match text.rfind("@[") {
        Some(i) => Some(i),
        None if text.starts_with('[') => None,
        None => text.rfind('@'),
    }
}

fn scheme(text: Piece<'_>) -> Result<(ProxyScheme, Piece<'_>), Fail> {
    let Some(i) = text.text.find("://") else {
        return Ok((ProxyScheme::Http, text));
    };
    let (word, rest) = text.split_at(i);
    let known = ProxyScheme::ALL
        .into_iter()
        .find(|scheme| scheme.word().eq_ignore_ascii_case(word.text));
    if let Some(scheme) = known {
        return Ok((scheme, rest.strip_prefix("://").unwrap_or(rest)));
    }
    let words = ProxyScheme::ALL.map(ProxyScheme::word);
    let fail = word.fail(format!("unknown kind of proxy {}", quoted(word.text)));
    if word.text.eq_ignore_ascii_case("socks") {
        return Err(fail.hint("socks5h if the proxy is to resolve names, socks5 if we are"));
    }
    Err(match schemes::nearest(word.text, words.into_iter()) {
        Some(near) => fail.hint(format!("perhaps {near}:// is meant")),
        None => fail.hint(format!("it is one of {}", words.join(", "))),
    })
}

fn place_of(place: Piece<'_>, scheme: ProxyScheme) -> Result<(Host, u16), Fail> {
    let slash = place.text.find('/').unwrap_or(place.text.len());
    let (authority, path) = place.split_at(slash);
    if path.text.len() > 1 {
        return Err(path
            .fail("a proxy takes no path")
            .hint("leave it out; in a user name or password a slash is written %2F"));
    }
    let (name, port) = if authority.text.starts_with('[') {
        let (host, rest) = bracketed(authority)?;
        match rest.strip_prefix(":") {
            Some(port) => (host, Some(port)),
            None if rest.text.is_empty() => (host, None),
            None => return Err(rest.fail("only a colon and a port may follow the bracket")),
        }
    } else {
        let (name, port) = match authority.split_once(':') {
            Some((name, port)) => (name, Some(port)),
            None => (authority, None),
        };
        if name.text.is_empty() {
            return Err(name.fail("no host of the proxy").hint(FORM));
        }
        if let Some(more) = port.and_then(|port| port.split_once(':')) {
            return Err(more
                .1
                .fail("a second colon")
                .hint("an IPv6 address stands in brackets, as in http://[::1]:3128"));
        }
        (host(name)?, port)
    };
    match port {
        Some(port) => Ok((name, number(port)?)),
        None => Ok((name, scheme.default_port())),
    }
}

fn number(port: Piece<'_>) -> Result<u16, Fail> {
    let digits = port.text.bytes().all(|byte| byte.is_ascii_digit());
    let number = port
        .text
        .parse()
        .ok()
        .filter(|number| digits && *number > 0);
    number.ok_or_else(|| {
        port.fail("not the port of a proxy")
            .hint("it is a number from 1 to 65535")
    })
}

/// What is refused here is never repeated: it may be a secret.
fn with_user(proxy: Proxy, userinfo: Piece<'_>) -> Result<Proxy, Fail> {
    let (user, password) = match userinfo.split_once(':') {
        Some((user, password)) => (user, Some(password)),
        None => (userinfo, None),
    };
    let scheme = proxy.scheme();
    let is_socks4 = matches!(scheme, ProxyScheme::Socks4 | ProxyScheme::Socks4a);
    if let Some(password) = password.filter(|_| is_socks4) {
        return Err(password
            .fail("a password, which SOCKS 4 does not have")
            .hint("leave it out, or use socks5"));
    }
    if let Some(masked) = password.filter(|password| password.text == MASK) {
        return Err(masked
            .fail("a password that was masked when it was shown")
            .hint("write it in full; three asterisks themselves are %2A%2A%2A"));
    }
    let name = secret(user, scheme)?;
    if scheme.is_http() && name.contains(':') {
        return Err(user.fail("a colon in the user name, which HTTP does not allow"));
    }
    let password = password.map(|it| secret(it, scheme)).transpose()?;
    Ok(proxy.with_user(name, password))
}

fn secret(piece: Piece<'_>, scheme: ProxyScheme) -> Result<String, Fail> {
    let text = piece.decode_text()?;
    if text.contains(char::is_control) {
        return Err(piece.fail("a control character in the user name or password"));
    }
    if !scheme.is_http() && text.len() > SOCKS_LIMIT {
        return Err(piece.fail(format!(
            "a user name or password longer than {SOCKS_LIMIT} bytes"
        )));
    }
    Ok(text)
}
