//! Servers that never come to an end: each of their ways to fill our memory or to keep us is bounded.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sockeye::client::http::Client;
use sockeye::{Error, Kind};
use sockeye_testkit::LIMIT;
use tokio::time::timeout;

/// Says the first of these, and then the second for ever.
struct Endless {
    url: String,
    /// How many bytes it got rid of.
    sent: Arc<AtomicU64>,
}

impl Endless {
    fn new(first: &'static str, again: &'static str) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let sent = Arc::new(AtomicU64::new(0));
        let count = sent.clone();
        std::thread::spawn(move || {
            let Ok((mut stream, _)) = listener.accept() else {
                return;
            };
            drop(stream.read(&mut [0; 4096]));
            let again = again.repeat(1 + 4096 / again.len());
            let mut next = first;
            while stream.write_all(next.as_bytes()).is_ok() {
                count.fetch_add(next.len() as u64, Ordering::SeqCst);
                next = &again;
            }
        });
        Self { url, sent }
    }

    /// The error it comes to, after no more than the kernel's buffers and what we are willing to hold.
    async fn error(&self) -> Error {
        let fetch = async {
            let mut response = Client::new().get(&self.url).send().await?;
            while response.chunk().await?.is_some() {}
            Ok(())
        };
        let error: Error = timeout(LIMIT, fetch).await.expect("in time").unwrap_err();
        assert!(self.sent.load(Ordering::SeqCst) < 16 << 20, "{error}");
        error
    }
}

#[tokio::test]
async fn endless_heads_lines_and_interim_answers_end() {
    for (first, again) in [
        ("HTTP/1.1 200 OK\r\n", "X-Line: value\r\n"),
        ("HTTP/1.1 200 OK\r\nX: ", "abcdefgh"),
        ("HTTP/1.1 200 ", "reason "),
        ("", "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"),
        ("", "HTTP/1.1 100 Continue\r\n\r\n"),
        ("", "\r\n"),
        ("", "x"),
    ] {
        let error = Endless::new(first, again).error().await;
        assert_eq!(error.kind(), Kind::Protocol, "{first:?} {again:?}: {error}");
    }
}

#[tokio::test]
async fn endless_framing_without_a_body_ends() {
    const HEAD: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (first, again) in [
        // One extension, and many of them.
        (
            concat!(
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
                "1;x="
            ),
            "abcdefgh",
        ),
        (
            HEAD,
            "1;name=\"a long value of no use to anybody\"\r\nx\r\n",
        ),
        (
            concat!(
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
                "0\r\n"
            ),
            "X-Trailer: value\r\n",
        ),
        (
            concat!(
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
                "0\r\nX: "
            ),
            "abcdefgh",
        ),
        (
            concat!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "0"),
            "00000000",
        ),
    ] {
        let error = Endless::new(first, again).error().await;
        assert_eq!(error.kind(), Kind::Protocol, "{first:?} {again:?}: {error}");
    }
}

#[tokio::test]
async fn endless_empty_members_of_gzip_are_only_as_much_work_as_they_are_bytes() {
    // Twenty bytes that unfold to nothing, over and over, and then something that is no gzip.
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(b"").unwrap();
    let member = encoder.finish().unwrap();
    let mut body = member.repeat(2000);
    body.extend(b"broken");
    let web = sockeye_testkit::Web::new(move |_| {
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        [head.as_bytes(), &*body].concat()
    });
    let fetch = async { Client::new().get(&web.url("/")).send().await?.bytes().await };
    let error = timeout(LIMIT, fetch).await.expect("in time").unwrap_err();
    assert!(
        error.to_string().contains("follows behind its end"),
        "{error}"
    );
}
