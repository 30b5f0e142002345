//! Answers over HTTP/1.1, cut anywhere, and a scripted server behind our own TLS.
#![allow(clippy::unwrap_used)]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::http1::Answer;
use super::*;
use crate::net::Link;
use crate::net::resolve::query::{Outcome, Question, RecordKind, Response, ask};
use crate::wire::{Event, Observer, What};

/// Read an answer that comes in pieces of this length, and then ends.
fn read(bytes: &[u8], piece: usize) -> Result<(Head, Vec<u8>)> {
    let mut answer = Answer::default();
    for bytes in bytes.chunks(piece.max(1)) {
        if let Some(whole) = answer.take(bytes)? {
            return Ok(whole);
        }
    }
    match answer.take(&[])? {
        Some(whole) => Ok(whole),
        None => Err(broken("it ends too early")),
    }
}

fn body(bytes: &str) -> String {
    let (_, body) = read(bytes.as_bytes(), 7).unwrap();
    String::from_utf8(body).unwrap()
}

fn why(bytes: &str) -> String {
    read(bytes.as_bytes(), 7).unwrap_err().to_string()
}

#[test]
fn bodies_of_every_framing_are_read() {
    assert_eq!(
        body("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbodyMORE"),
        "body"
    );
    assert_eq!(
        body("HTTP/1.1 200 OK\r\ncontent-length: 4\r\nContent-Length: 4\r\n\r\nbody"),
        "body"
    );
    assert_eq!(
        body("HTTP/1.0 200 OK\r\n\r\nuntil the end"),
        "until the end"
    );
    assert_eq!(
        body(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n3;x=y\r\nabc\r\n0a\r\n0123456789\r\n0\r\nt: u\r\n\r\n"
        ),
        "abc0123456789"
    );
    assert_eq!(
        body("HTTP/1.1 103 Hints\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nx"),
        "x"
    );
    assert_eq!(body("HTTP/1.1 204 None\r\n\r\n"), "");
    let (head, _) = read(
        b"HTTP/1.1 200 OK\r\nAge: 17\r\nserver:  a\r\nCache-Control: max-age=3\r\n\r\n",
        1,
    )
    .unwrap();
    assert_eq!((head.status, head.age), (200, Some(17)));
    assert_eq!(head.server.as_deref(), Some("a"));
    assert_eq!(head.cache_control.as_deref(), Some("max-age=3"));
}

#[test]
fn what_is_not_certain_is_refused() {
    assert!(why("SSH-2.0-x\r\n").contains("`SSH-2.0` instead of an answer in HTTP"));
    assert!(
        why("HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nx")
            .contains("`1` and `2`")
    );
    assert!(
        why("HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\nx")
            .contains("both Transfer-Encoding and Content-Length")
    );
    assert!(why("HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\nx").contains("coding `gzip`"));
    assert!(why("HTTP/1.1 200 OK\r\ncontent-length: +1\r\n\r\nx").contains("not a number"));
    assert!(why("HTTP/1.1 200 OK\r\ncontent-length: 65536\r\n\r\nx").contains("longer than 65535"));
    assert!(
        why("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nffffffff\r\n")
            .contains("4294967295 bytes before the end of a chunk")
    );
    assert!(
        why("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nabc")
            .contains("where the line break after a chunk should be")
    );
    assert!(
        why("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n")
            .contains("`x` in a chunk size")
    );
    assert!(why("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nx").contains("only 1 of the 9 bytes"));
    assert!(
        why(&format!("HTTP/1.1 200 OK\r\n{}", "a: b\r\n".repeat(100)))
            .contains("more than 64 header lines")
    );
    assert!(
        why(&format!("HTTP/1.1 200 OK\r\na: {}", "b".repeat(40_000)))
            .contains("a head of more than 32768 bytes")
    );
    assert!(why(&"HTTP/1.1 100 Go\r\n\r\n".repeat(20)).contains("again and again"));
    let tiny = format!(
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{}",
        "0001;x=yyyyyyyyyyyyyyyyy\r\na\r\n".repeat(60_000)
    );
    assert!(why(&tiny).contains("chunk extensions"));
    let tiny = format!(
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{}",
        "0001\r\na\r\n".repeat(60_000)
    );
    assert!(why(&tiny).contains("mostly framing"));
}

proptest! {
    #[test]
    fn the_cut_does_not_matter(piece in 1usize..80) {
        let bytes = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\na\r\n0123456789\r\n0\r\n\r\n";
        prop_assert_eq!(read(bytes, piece).unwrap().1, b"abc0123456789");
    }

    #[test]
    fn any_bytes_are_taken_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300), chunked: bool) {
        let head: &[u8] = if chunked { b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" } else { b"HTTP/1.1 " };
        let _ = read(&[head, &bytes].concat(), 13);
    }
}

/// Serve one request behind our own TLS: what the client said, and what came of it.
async fn serve(
    alpn: &str,
    options: &Options,
    reply: impl FnOnce(Vec<u8>) -> Vec<u8> + Send + 'static,
) -> (String, Result<Response>) {
    serve_observed(&Net::new(), alpn, options, reply).await
}

async fn serve_observed(
    client: &Net,
    alpn: &str,
    options: &Options,
    reply: impl FnOnce(Vec<u8>) -> Vec<u8> + Send + 'static,
) -> (String, Result<Response>) {
    let net = Net::new();
    let at = format!("tls://127.0.0.1:0?alpn={alpn}").parse().unwrap();
    let mut listener = net.listen(&at).await.unwrap();
    let port = match listener.local().carrier() {
        crate::endpoint::Carrier::Tcp(at) => at.port.to_string(),
        other => panic!("{other:?}"),
    };
    let serving = tokio::spawn(async move {
        let incoming = listener.accept().await.unwrap().unwrap();
        let Ok(Link::Stream(mut stream)) = incoming.handshake().await else {
            return Vec::new();
        };
        let mut said = Vec::new();
        let mut buffer = vec![0; 4096];
        // The head, and the body of a POST, which is padded to 128 bytes.
        while !said.windows(4).any(|end| end == b"\r\n\r\n")
            || (said.starts_with(b"POST")
                && said.windows(4).position(|end| end == b"\r\n\r\n").unwrap() + 132 > said.len())
        {
            match stream.read(&mut buffer).await {
                Ok(length) if length > 0 => said.extend_from_slice(&buffer[..length]),
                _ => return said,
            }
        }
        let answer = reply(said.clone());
        let _ = stream.write_all(&answer).await;
        let _ = stream.shutdown().await;
        said
    });
    let server: Server = format!("https://127.0.0.1:{port}/dns-query?verify=none")
        .parse()
        .unwrap();
    let question = Question::new("db.example".parse().unwrap(), RecordKind::A);
    let asking = ask(client, &server, &question, options);
    let asked = tokio::time::timeout(Duration::from_secs(10), asking)
        .await
        .unwrap();
    let said = serving.await.unwrap();
    (String::from_utf8_lossy(&said).into_owned(), asked)
}

/// The question of a POST, sent back as an answer with no records.
fn echoed(said: &[u8]) -> Vec<u8> {
    let mut message = said[said.len() - 128..].to_vec();
    message[2] |= 0x80;
    message
}

fn with_head(head: &str, body: &[u8]) -> Vec<u8> {
    [
        format!("{head}\r\ncontent-length: {}\r\n\r\n", body.len()).as_bytes(),
        body,
    ]
    .concat()
}

const FINE: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/dns-message\r\nage: 250";

#[tokio::test]
async fn a_server_that_chooses_http_1_is_spoken_to_in_it() {
    let options = Options::default().cookie(true);
    let (said, asked) = serve("http/1.1", &options, |said| with_head(FINE, &echoed(&said))).await;
    let response = asked.unwrap();
    assert!(
        said.starts_with("POST /dns-query HTTP/1.1\r\nhost: 127.0.0.1:"),
        "{said}"
    );
    assert!(said.contains("\r\ncontent-type: application/dns-message\r\ncontent-length: 128\r\n"));
    assert_eq!(response.outcome, Outcome::NoData);
    let http = response.http.unwrap();
    assert_eq!(
        (http.version, http.method, http.age),
        ("HTTP/1.1", "POST", Some(250))
    );
    assert_eq!(response.size, 128);
}

#[tokio::test]
async fn get_has_the_question_in_its_path() {
    let options = Options::default().https_get(true);
    let (said, asked) = serve("http/1.1", &options, |said| {
        let said = String::from_utf8(said).unwrap();
        let question = said
            .split_once("?dns=")
            .unwrap()
            .1
            .split(' ')
            .next()
            .unwrap();
        let mut message = BASE64URL_NOPAD.decode(question.as_bytes()).unwrap();
        message[2] |= 0x80;
        with_head(FINE, &message)
    })
    .await;
    assert_eq!(asked.unwrap().http.unwrap().method, "GET");
    // Without an identifier, caches know the question again (RFC 8484 section 4.1).
    assert!(said.starts_with("GET /dns-query?dns=AAAB"), "{said}");
}

#[tokio::test]
async fn what_is_no_answer_says_what_it_is() {
    for (head, wanted) in [
        ("HTTP/1.1 404 Not Found", "it answers HTTP 404"),
        (
            "HTTP/1.1 302 Found\r\nlocation: https://x/",
            "sends us to \"https://x/\"",
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-type: text/html; charset=utf-8",
            "it answers with \"text/html\"",
        ),
        (FINE, "its answer is not to our question"),
    ] {
        let reply = move |_| with_head(head, b"<html>");
        let (_, asked) = serve("http/1.1", &Options::default(), reply).await;
        let error = asked.unwrap_err();
        assert_eq!(error.kind(), Kind::Protocol);
        assert!(error.to_string().contains(wanted), "{error}");
    }
}

#[tokio::test]
async fn a_server_that_breaks_http_2_is_an_error_and_no_panic() {
    let reply = |_| b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
    let (_, asked) = serve("h2", &Options::default(), reply).await;
    let error = asked.unwrap_err();
    assert!(
        matches!(error.kind(), Kind::Protocol | Kind::Lost),
        "{error:?}"
    );
}

#[derive(Default)]
struct Heard(Mutex<String>);

impl Observer for Heard {
    fn on_event(&self, event: &Event<'_>) {
        if let (What::Data(direction, bytes), "tls") = (&event.what, event.layer) {
            let text = String::from_utf8_lossy(bytes);
            *self.0.lock().unwrap() += &format!("{direction:?} {text}");
        }
    }
}

#[tokio::test]
async fn every_byte_of_the_conversation_is_seen() {
    let heard = Arc::new(Heard::default());
    let net = Net::new().observer(heard.clone());
    let reply = |said: Vec<u8>| with_head(FINE, &echoed(&said));
    let (_, asked) = serve_observed(&net, "http/1.1", &Options::default(), reply).await;
    asked.unwrap();
    let heard = heard.0.lock().unwrap();
    assert!(heard.contains("Sent POST /dns-query HTTP/1.1"), "{heard}");
    assert!(heard.contains("Received HTTP/1.1 200 OK"), "{heard}");
}
