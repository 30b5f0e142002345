//! The handshake (RFC 6455 section 4.2): whether a request is one, and what is answered.

use sha1::{Digest, Sha1};
use sockeye_data::http1;

use super::{Origins, WebSocketOptions};
use crate::web::request::Request;
use crate::web::response::Response;

/// What every accepted key is joined with (section 1.3).
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// What was agreed on.
pub(in crate::web) struct Agreed {
    pub(in crate::web::websocket) accept: String,
    pub(in crate::web::websocket) protocol: Option<String>,
}

/// Whether this request opens a WebSocket; else what the client is told.
pub(super) fn agree(
    request: &Request,
    options: &WebSocketOptions,
) -> Result<Agreed, Box<Response>> {
    let headers = request.headers();
    let refuse = |status: u16, why: &str, lines: &[(&str, &str)]| {
        request.note("websocket", || format!("refused: {why}"));
        let refused = Response::error(status, why);
        let refused = lines
            .iter()
            .fold(refused, |it, (name, value)| it.header(name, value));
        Box::new(refused)
    };
    if request.client().protocol == "h2" {
        return Err(refuse(501, "a WebSocket needs HTTP/1.1 here", &[]));
    }
    let wanted = http1::upgrade(request.head().version, headers);
    if !wanted
        .iter()
        .any(|name| name.eq_ignore_ascii_case(b"websocket"))
    {
        return Err(refuse(
            426,
            "this place speaks WebSocket",
            &[("Upgrade", "websocket")],
        ));
    }
    if request.method() != "GET" {
        return Err(refuse(
            405,
            "a WebSocket begins with GET",
            &[("Allow", "GET")],
        ));
    }
    let mut versions = headers.list("sec-websocket-version");
    if versions.next() != Some(b"13") || versions.next().is_some() {
        let lines = [("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13")];
        return Err(refuse(
            426,
            "only version 13 of WebSocket is spoken",
            &lines,
        ));
    }
    let mut keys = headers.all("sec-websocket-key");
    let key = match (keys.next(), keys.next()) {
        (Some(key), None) if is_key(key) => key,
        _ => {
            return Err(refuse(
                400,
                "Sec-WebSocket-Key has to be 16 bytes in base64, once",
                &[],
            ));
        }
    };
    if !may_come(request, &options.origins) {
        return Err(refuse(
            403,
            "pages of this origin may not open a WebSocket here",
            &[],
        ));
    }
    let offered: Vec<&[u8]> = headers.list("sec-websocket-protocol").collect();
    let protocol = options
        .protocols
        .iter()
        .find(|ours| offered.contains(&ours.as_bytes()));
    request.note("websocket", || match protocol {
        Some(protocol) => format!("accepted, speaking {protocol}"),
        None => "accepted".into(),
    });
    Ok(Agreed {
        accept: accept(key),
        protocol: protocol.cloned(),
    })
}

/// The answer to a key.
fn accept(key: &[u8]) -> String {
    let digest = Sha1::new().chain_update(key).chain_update(GUID).finalize();
    data_encoding::BASE64.encode(&digest)
}

fn is_key(key: &[u8]) -> bool {
    data_encoding::BASE64
        .decode(key)
        .is_ok_and(|bytes| bytes.len() == 16)
}

fn may_come(request: &Request, origins: &Origins) -> bool {
    let origin = match request.headers().get("origin") {
        None => return true,
        Some(origin) => std::str::from_utf8(origin).unwrap_or("null"),
    };
    match origins {
        Origins::Any => true,
        Origins::Decided(decide) => decide(origin),
        Origins::Same => is_own(request, origin),
        Origins::Listed(listed) => {
            is_own(request, origin)
                || listed
                    .iter()
                    .any(|known| known.eq_ignore_ascii_case(origin))
        }
    }
}

/// Whether this origin is the host that the request is for.
fn is_own(request: &Request, origin: &str) -> bool {
    let Some((scheme, authority)) = origin.split_once("://") else {
        return false;
    };
    let port = match scheme {
        "http" => ":80",
        "https" => ":443",
        _ => return false,
    };
    let bare = |authority: &str| {
        authority
            .strip_suffix(port)
            .unwrap_or(authority)
            .to_ascii_lowercase()
    };
    request
        .host()
        .is_some_and(|host| bare(host) == bare(authority))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::Arc;

    use super::*;

    const GOOD: [(&str, &str); 4] = [
        ("Connection", "keep-alive, Upgrade"),
        ("Upgrade", "WebSocket"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];

    fn request(headers: &[(&str, &str)]) -> Request {
        let made = Request::made("GET", "/");
        headers.iter().fold(made, |request, (name, value)| {
            request.with_header(name, value).unwrap()
        })
    }

    fn status(headers: &[(&str, &str)], options: &WebSocketOptions) -> u16 {
        agree(&request(headers), options).map_or_else(|response| response.status(), |_| 101)
    }

    #[test]
    fn the_key_of_the_rfc_is_answered_as_in_the_rfc() {
        let agreed = agree(&request(&GOOD), &WebSocketOptions::default());
        assert_eq!(agreed.ok().unwrap().accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn what_is_no_handshake_is_refused_by_its_kind() {
        let options = WebSocketOptions::default();
        let with = |name: &str, value: &'static str| {
            let changed = GOOD.map(|(known, old)| (known, if known == name { value } else { old }));
            status(&changed, &options)
        };
        assert_eq!(status(&GOOD, &options), 101);
        assert_eq!(with("Connection", "keep-alive"), 426);
        assert_eq!(with("Upgrade", "h2c"), 426);
        assert_eq!(with("Sec-WebSocket-Version", "8"), 426);
        assert_eq!(with("Sec-WebSocket-Version", "13, 8"), 426);
        assert_eq!(with("Sec-WebSocket-Key", "short"), 400);
        assert_eq!(with("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ"), 400);
        let twice = [&GOOD[..], &[("Sec-WebSocket-Key", GOOD[3].1)]].concat();
        assert_eq!(status(&twice, &options), 400);
        let mut post = request(&GOOD);
        post.head_mut().method = "POST".into();
        assert_eq!(agree(&post, &options).err().unwrap().status(), 405);
        let old = agree(&request(&[]), &options).err().unwrap();
        assert_eq!(
            (old.status(), old.get_str("upgrade")),
            (426, Some("websocket"))
        );
    }

    #[test]
    fn pages_of_other_sites_are_kept_out() {
        let mut options = WebSocketOptions::default();
        let from = |options: &WebSocketOptions, origin: &'static str| {
            status(&[&GOOD[..], &[("Origin", origin)]].concat(), options)
        };
        assert_eq!(from(&options, "http://localhost"), 101);
        assert_eq!(from(&options, "https://LOCALHOST:443"), 101);
        assert_eq!(from(&options, "http://localhost:8080"), 403);
        assert_eq!(from(&options, "http://evil.example"), 403);
        assert_eq!(from(&options, "null"), 403);
        options.origins = Origins::Listed(vec!["https://app.example".into()]);
        assert_eq!(from(&options, "https://app.example"), 101);
        assert_eq!(from(&options, "https://app.example.evil"), 403);
        options.origins = Origins::Decided(Arc::new(|origin| origin.ends_with(".example")));
        assert_eq!(from(&options, "https://b.example"), 101);
        assert_eq!(from(&options, "http://localhost"), 403);
        options.origins = Origins::Any;
        assert_eq!(from(&options, "null"), 101);
    }

    #[test]
    fn the_first_of_our_protocols_that_is_offered_is_spoken() {
        let mut options = WebSocketOptions::default();
        let offer = [&GOOD[..], &[("Sec-WebSocket-Protocol", "a, chat")]].concat();
        let spoken =
            |options: &WebSocketOptions| agree(&request(&offer), options).ok().unwrap().protocol;
        assert_eq!(spoken(&options), None);
        options.protocols = vec!["other".into(), "chat".into(), "a".into()];
        assert_eq!(spoken(&options).as_deref(), Some("chat"));
    }
}
