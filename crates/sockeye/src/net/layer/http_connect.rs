//! A tunnel through an HTTP proxy: CONNECT (RFC 9110 section 9.3.6, RFC 9112 section 3.2.3).
//!
//! What is said here is for the proxy alone: the head of this request has nothing of what travels through the tunnel, and
//! the proxy's secrets never enter it.

use sockeye_data::escape;
use sockeye_data::http1::{
    Headers, Limits, Parsed, RequestHead, ResponseHead, ResponseParser, is_tunnel,
};
use sockeye_data::socks::Address;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::early;
use crate::endpoint::Proxy;
use crate::error::{Error, Kind, Operation, Result};
use crate::net::stream::Stream;

/// The most interim answers (1xx) before the one that counts.
const MAX_INTERIM: usize = 8;

/// How much is read at once; an answer to CONNECT is mostly shorter than this.
const PIECE: usize = 4096;

/// How much of the proxy's own words an error repeats, in bytes.
const SHOWN: usize = 80;

/// Ask for a tunnel to this place. Any 2xx opens it, and what came behind the answer is the first of what the peer says.
///
/// The second value says what was agreed, in words.
///
/// # Errors
///
/// [`Kind::Denied`] for 401, 403 and 407; [`Kind::Unreachable`], [`Kind::TimedOut`] for what it says of the peer;
/// [`Kind::Unsupported`] if it makes no tunnels; [`Kind::Protocol`] if it does not speak HTTP; [`Kind::Lost`].
pub(crate) async fn tunnel(
    mut stream: Stream,
    to: &Address,
    proxy: &Proxy,
) -> Result<(Stream, String)> {
    let request = request(to, proxy)?;
    let io = |error| Error::from_io(Operation::Connect, error);
    stream.write_all(&request).await.map_err(io)?;
    stream.flush().await.map_err(io)?;
    let mut buffer = Vec::with_capacity(PIECE);
    let head = answer(&mut stream, &mut buffer).await?;
    if !is_tunnel(&head, b"CONNECT") {
        return Err(refusal(&head, to, proxy));
    }
    let agreed = format!("tunnel to {to}, {}", said(&head));
    Ok((early::before(buffer, stream), agreed))
}

fn request(to: &Address, proxy: &Proxy) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    let mut made = || {
        let mut headers = Headers::new();
        headers.append("Host", to.to_string())?;
        if let Some(credentials) = proxy.basic() {
            headers.append("Proxy-Authorization", credentials)?;
        }
        RequestHead::new("CONNECT", to.to_string(), headers).write(&mut out)
    };
    made().map_err(|error| {
        let why = format!("it cannot be asked for that: {error}");
        Error::new(Kind::Usage, Operation::Connect, why)
    })?;
    Ok(out)
}

/// The head of the answer that counts; what came behind it stays in the buffer.
async fn answer(stream: &mut Stream, buffer: &mut Vec<u8>) -> Result<ResponseHead> {
    let mut interim = 0;
    let mut parser = ResponseParser::new(Limits::default());
    loop {
        match parser
            .parse(buffer)
            .map_err(|error| no_http(&error, buffer))?
        {
            Parsed::Complete { head, consumed, .. } => {
                buffer.drain(..consumed);
                if !(100..200).contains(&head.status) {
                    return Ok(head);
                }
                interim += 1;
                if interim > MAX_INTERIM {
                    let why = format!("more than {MAX_INTERIM} interim answers");
                    return Err(Error::new(Kind::Protocol, Operation::Connect, why));
                }
                parser = ResponseParser::new(Limits::default());
            }
            Parsed::Incomplete => {
                buffer.reserve(PIECE);
                let read = stream.read_buf(buffer).await;
                if read.map_err(|error| Error::from_io(Operation::Connect, error))? == 0 {
                    let why = match buffer.is_empty() {
                        true => "it closed the connection without an answer",
                        false => "it closed the connection in the middle of its answer",
                    };
                    return Err(Error::new(Kind::Lost, Operation::Connect, why).with_hint(
                        "does it speak HTTP? `via=` takes https:// and socks5h:// too",
                    ));
                }
            }
        }
    }
}

fn no_http(error: &sockeye_data::http1::Error, bytes: &[u8]) -> Error {
    let why = format!("what it answers is not HTTP: {error}");
    let error = Error::new(Kind::Protocol, Operation::Connect, why);
    match bytes.first() {
        // An alert or a handshake record of TLS (RFC 8446 section 5.1).
        Some(0x15 | 0x16) => error.with_hint("it speaks TLS: try https:// for the proxy"),
        Some(0x00 | 0x04 | 0x05) => error.with_hint("it may speak SOCKS: try socks5h://"),
        _ => error.with_hint("is it a proxy, and is this its port?"),
    }
}

/// Its status and its words for it, harmless and short.
fn said(head: &ResponseHead) -> String {
    match head.reason.is_empty() {
        true => head.status.to_string(),
        false => format!(
            "{} {}",
            head.status,
            escape::escape_start(&head.reason, SHOWN)
        ),
    }
}

fn refusal(head: &ResponseHead, to: &Address, proxy: &Proxy) -> Error {
    let said = said(head);
    // Squid names its reason in a header of its own.
    let detail = head.headers.get("X-Squid-Error").map(|it| {
        let word = it.split(|byte| *byte == b' ').next().unwrap_or_default();
        format!(" ({})", escape::escape_start(word, SHOWN))
    });
    let detail = detail.unwrap_or_default();
    let refused = |kind, why: String| Error::new(kind, Operation::Connect, why);
    match head.status {
        407 => wants_login(head, proxy, &said),
        401 | 403 => refused(
            Kind::Denied,
            format!("it does not allow {to}: {said}{detail}"),
        )
        .with_hint("its rules decide; many proxies make tunnels to port 443 only"),
        404 | 405 | 501 => refused(
            Kind::Unsupported,
            format!("it makes no tunnels: {said}{detail}"),
        )
        .with_hint("is it a proxy, or a web server?"),
        504 => refused(
            Kind::TimedOut,
            format!("it did not reach {to} in time: {said}{detail}"),
        )
        .with_hint("the proxy works; what is behind it does not answer"),
        500..=599 => refused(
            Kind::Unreachable,
            format!("it does not reach {to}: {said}{detail}"),
        )
        .with_hint("the proxy works; is the name right, and is the server running?"),
        _ => refused(
            Kind::Protocol,
            format!("it answers {said}{detail} where a tunnel was asked for"),
        ),
    }
}

/// Why a proxy does not know who we are (407), told with its name.
///
/// For requests that it forwards; those for a tunnel end in the same words.
#[allow(dead_code, reason = "for clients of HTTP, and a build may have none")]
pub(crate) fn login_refused(head: &ResponseHead, proxy: &Proxy) -> Error {
    wants_login(head, proxy, &said(head)).through(format_args!("proxy {proxy}"))
}

fn wants_login(head: &ResponseHead, proxy: &Proxy, said: &str) -> Error {
    let kinds: Vec<String> = head
        .headers
        .all("Proxy-Authenticate")
        .filter_map(|it| it.split(|byte| matches!(byte, b' ' | b',')).next())
        .filter(|word| !word.is_empty())
        .map(|word| escape::escape_start(word, SHOWN))
        .collect();
    let takes_basic = kinds.is_empty() || kinds.iter().any(|it| it.eq_ignore_ascii_case("basic"));
    let error = |why: String| Error::new(Kind::Denied, Operation::Connect, why);
    if !takes_basic {
        let why = format!(
            "it wants a login of another kind, {}: {said}",
            kinds.join(", ")
        );
        return error(why).with_hint("Basic is what is known here");
    }
    match proxy.user() {
        None => error(format!("it wants a user and a password: {said}")).with_hint(format!(
            "as in {}://USER:PASSWORD@{}",
            proxy.scheme().word(),
            proxy.place()
        )),
        Some(_) => error(format!("it does not accept this user and password: {said}"))
            .with_hint("a character such as @ or : in them is written %40 or %3A"),
    }
}
