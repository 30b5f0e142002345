//! What two readers might understand differently: each case of RFC 9112 that smuggling lives on, as raw bytes.
//!
//! Behind each case stands one more request, so that it shows how many requests the server has seen. What it takes is
//! given to h11 and llhttp too, who must take it and see the same body.

use std::fmt::Write as _;
use std::path::Path;

use sockeye::web::{Request, Response};
use sockeye_data::escape::escape;
use sockeye_testkit::{Program, deadline, peers, within};

use crate::web_raw::Site;

/// What comes behind each case.
const NEXT: &[u8] = b"GET /next HTTP/1.1\r\nHost: a\r\n\r\n";

/// Bytes of one case, and the statuses of all answers; the one to [`NEXT`] is among them.
type Case = (&'static [u8], &'static [u16]);

/// Taken, and so is what follows.
const TAKEN: &[Case] = &[
    (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", &[200, 200]),
    (b"GET / HTTP/1.1\r\nHost:a\r\n\r\n", &[200, 200]),
    (b"GET / HTTP/1.1\r\nHost: \t a \t\r\n\r\n", &[200, 200]),
    (b"GET / HTTP/1.1\r\nhOsT: a:80\r\n\r\n", &[200, 200]),
    (b"GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", &[200, 200]),
    (b"GET /?a=/../%00 HTTP/1.1\r\nHost: a\r\n\r\n", &[200, 200]),
    (b"GET http://a/b HTTP/1.1\r\nHost: a\r\n\r\n", &[200, 200]),
    (b"GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", &[200, 200]),
    (b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", &[200, 200]),
    (b"GET / HTTP/1.1\r\nHost: a\r\nA: \xff\x80\r\n\r\n", &[200, 200]),
    (b"GET / HTTP/1.1\r\nHost: a\r\nA:\r\n\r\n", &[200, 200]),
    (b"GET / HTTP/1.1\r\nHost: a\r\nContent_Length: 5\r\n\r\n", &[200, 200]),
    (b"GET / HTTP/1.1\r\nHost: a\r\n!#$%&'*+-.^_`|~: b\r\n\r\n", &[200, 200]),
    (b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", &[200]),
    (b"GET / HTTP/1.0\r\n\r\n", &[200]),
    (b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", &[200, 200]),
    (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nGET", &[200, 200]),
    (b"POST / HTTP/1.1\r\nHost: a\r\n\r\n", &[200, 200]),
    (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", &[200, 200]),
    (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", &[200, 200]),
    (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length:   5  \r\n\r\nhello", &[200, 200]),
    (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0005\r\n\r\nhello", &[200, 200]),
    (b"POST / HTTP/1.0\r\nContent-Length: 5\r\n\r\nhello", &[200]),
    (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", &[200, 200]),
    (b"POST / HTTP/1.1\r\nHost: a\r\ntransfer-encoding: CHUNKED\r\n\r\n5\r\nhello\r\n0\r\n\r\n", &[200, 200]),
    (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nA\r\n0123456789\r\na\r\n0123456789\r\n00\r\n\r\n", &[200, 200]),
    (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\n\r\n", &[200, 200]),
    (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;a=\"b;c\"\r\nhello\r\n0;z\r\n\r\n", &[200, 200]),
    (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nA: b\r\n\r\n", &[200, 200]),
];

/// Taken by us for a reason of RFC 9112, though not by both of the others.
const TAKEN_BY_US: &[Case] = &[
    // llhttp knows a list of methods.
    (b"TEA / HTTP/1.1\r\nHost: a\r\n\r\n", &[200, 200]),
    (b"get / HTTP/1.1\r\nHost: a\r\n\r\n", &[200, 200]),
    // One empty line before a request is passed over (section 2.2), but not by h11.
    (b"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", &[200, 200]),
];

/// Refused; nothing behind it is looked at.
const REFUSED: &[Case] = &[
    // The host.
    (b"GET / HTTP/1.1\r\n\r\n", &[400]),
    (b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", &[400]),
    (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", &[400]),
    (b"GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", &[400]),
    (b"GET / HTTP/1.1\r\nHost:\r\n\r\n", &[400]),
    (b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", &[400]),
    (b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", &[400]),
    (b"GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", &[400]),
    (b"GET / HTTP/1.1\r\nHost: a:b\r\n\r\n", &[400]),
    (b"GET / HTTP/1.1\r\nHost: a:99999\r\n\r\n", &[400]),
    (b"GET / HTTP/1.1\r\nHost: a%00\r\n\r\n", &[400]),
    (b"GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", &[400]),
    (b"GET / HTTP/1.1\r\nHost: http://a\r\n\r\n", &[400]),
    (b"GET http://a/ HTTP/1.1\r\n\r\n", &[400]),
    (b"GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n", &[400]),
    (b"GET http:///b HTTP/1.1\r\nHost: a\r\n\r\n", &[400]),
    // The first line.
    (b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", &[400]),
    (b"GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", &[400]),
    (b"GET /\tHTTP/1.1\r\nHost: a\r\n\r\n", &[505]),
    (b"GET / HTTP/1.1 \r\nHost: a\r\n\r\n", &[400]),
    (b"GET / HTTP/1.1 x\r\nHost: a\r\n\r\n", &[400]),
    (b" GET / HTTP/1.1\r\nHost: a\r\n\r\n", &[400]),
    (b"GET / http/1.1\r\nHost: a\r\n\r\n", &[400]),
    (b"GET / HTTP/1.10\r\nHost: a\r\n\r\n", &[400]),
    (b"GET / HTTP/1\r\nHost: a\r\n\r\n", &[400]),
    (b"GET / HTTP/+1.1\r\nHost: a\r\n\r\n", &[400]),
    (b"GET / HTTP/1.2\r\nHost: a\r\n\r\n", &[505]),
    (b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", &[505]),
    (b"GET /\r\n", &[505]),
    (b"GET\r\n\r\n", &[400]),
    (b"GET a HTTP/1.1\r\nHost: a\r\n\r\n", &[400]),
    (b"GET * HTTP/1.1\r\nHost: a\r\n\r\n", &[400]),
    (b"GET /#a HTTP/1.1\r\nHost: a\r\n\r\n", &[400]),
    (b"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", &[400]),
    (b"GET /\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n", &[400]),
    (b"GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n", &[400]),
    (b"G(T / HTTP/1.1\r\nHost: a\r\n\r\n", &[400]),
    (b"G\0T / HTTP/1.1\r\nHost: a\r\n\r\n", &[400]),
    (b"CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", &[501]),
    (b"CONNECT / HTTP/1.1\r\nHost: a\r\n\r\n", &[400]),
    (b"\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", &[400]),
    (b"\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", &[400]),
    (b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03", &[400]),
    // Where lines end.
    (b"GET / HTTP/1.1\nHost: a\n\n", &[400]),
    (b"GET / HTTP/1.1\r\nHost: a\n\r\n", &[400]),
    (b"GET / HTTP/1.1\r\nHost: a\r\nA: b\rC: d\r\n\r\n", &[400]),
    (b"GET / HTTP/1.1\r\nHost: a\r\r\n\r\n", &[400]),
    (b"GET / HTTP/1.1\rHost: a\r\n\r\n", &[400]),
    (b"GET / HTTP/1.1\r\nHost: a\r\nA: b\r\n\n", &[400]),
    // Header lines.
    (b"GET / HTTP/1.1\r\nHost : a\r\n\r\n", &[400]),
    (b"GET / HTTP/1.1\r\nHost: a\r\nA\t: b\r\n\r\n", &[400]),
    (b"GET / HTTP/1.1\r\nHost: a\r\nA: b\r\n c\r\n\r\n", &[400]),
    (b"GET / HTTP/1.1\r\n Host: a\r\n\r\n", &[400]),
    (b"GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n", &[400]),
    (b"GET / HTTP/1.1\r\nHost: a\r\nA b\r\n\r\n", &[400]),
    (b"GET / HTTP/1.1\r\nHost: a\r\nA B: c\r\n\r\n", &[400]),
    (b"GET / HTTP/1.1\r\nHost: a\r\nA(: c\r\n\r\n", &[400]),
    (b"GET / HTTP/1.1\r\nHost: a\r\n\xc3\xa9: c\r\n\r\n", &[400]),
    (b"GET / HTTP/1.1\r\nHost: a\r\nA: b\0c\r\n\r\n", &[400]),
    (b"GET / HTTP/1.1\r\nHost: a\r\nA\0: b\r\n\r\n", &[400]),
    (b"GET / HTTP/1.1\r\nHost: a\r\nA: b\x0bc\r\n\r\n", &[400]),
    (b"GET / HTTP/1.1\r\nHost: a\r\nA: b\x7f\r\n\r\n", &[400]),
    // A length and chunks, or either twice.
    (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", &[400]),
    (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", &[400]),
    (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello", &[400]),
    (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", &[400]),
    (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\nhello", &[400]),
    (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5,6\r\n\r\nhello", &[400]),
    (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", &[400]),
    (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", &[400]),
    // Lengths that are none.
    (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\nhello", &[400]),
    (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\nhello", &[400]),
    (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x5\r\n\r\nhello", &[400]),
    (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1_0\r\n\r\nhello", &[400]),
    (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5 5\r\n\r\nhello", &[400]),
    (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\nhello", &[400]),
    (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5.\r\n\r\nhello", &[400]),
    (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5;\r\n\r\nhello", &[400]),
    (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1e1\r\n\r\nhello", &[400]),
    (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \"5\"\r\n\r\nhello", &[400]),
    (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: five\r\n\r\nhello", &[400]),
    (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \xef\xbc\x95\r\n\r\nhello", &[400]),
    (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551621\r\n\r\nhello", &[400]),
    (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length : 5\r\n\r\nhello", &[400]),
    (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n 6\r\n\r\nhello", &[400]),
    // Codings.
    (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n0\r\n\r\n", &[501]),
    (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", &[501]),
    (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n", &[400]),
    (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n", &[501]),
    (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", &[501]),
    (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n", &[501]),
    (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n", &[501]),
    (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n\r\n0\r\n\r\n", &[501]),
    (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: ,chunked\r\n\r\n0\r\n\r\n", &[400]),
    (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\tchunked\r\n\r\n0\r\n\r\n", &[400]),
    (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n", &[400]),
    (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\0\r\n\r\n0\r\n\r\n", &[400]),
    (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n", &[400]),
    (b"POST / HTTP/1.1\r\nHost: a\r\n Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", &[400]),
    (b"POST / HTTP/1.1\r\nHost: a\r\nA: b\r\n\tTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", &[400]),
    (b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", &[400]),
    // Chunks.
    (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n", &[400]),
    (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n+5\r\nhello\r\n0\r\n\r\n", &[400]),
    (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n", &[400]),
    (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5 \r\nhello\r\n0\r\n\r\n", &[400]),
    (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n 5\r\nhello\r\n0\r\n\r\n", &[400]),
    (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5 ;\r\nhello\r\n0\r\n\r\n", &[400]),
    (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;\r\nhello\r\n0\r\n\r\n", &[400]),
    (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;a=\n\r\nhello\r\n0\r\n\r\n", &[400]),
    (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;a=\"b\r\nhello\r\n0\r\n\r\n", &[400]),
    (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;a\rb\r\nhello\r\n0\r\n\r\n", &[400]),
    (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n00000000000000005\r\nhello\r\n0\r\n\r\n", &[400]),
    (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000005\r\nhello\r\n0\r\n\r\n", &[400]),
    (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5_0\r\nhello\r\n0\r\n\r\n", &[400]),
    (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\ng\r\nhello\r\n0\r\n\r\n", &[400]),
    (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\r\nhello\r\n0\r\n\r\n", &[400]),
    (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n;a\r\nhello\r\n0\r\n\r\n", &[400]),
    (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n", &[400]),
    (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\rhello\r\n0\r\n\r\n", &[400]),
    (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\n0\r\n\r\n", &[400]),
    (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloX\r\n0\r\n\r\n", &[400]),
    (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello0\r\n\r\n", &[400]),
    (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\n", &[400]),
    (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 5\r\n\r\n", &[400]),
    (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n", &[400]),
    (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA B: c\r\n\r\n", &[400]),
    (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: b\r\n c\r\n\r\n", &[400]),
];

/// Says what it has read as the body.
async fn read(mut request: Request) -> Response {
    match request.body.bytes(1 << 20).await {
        Ok(body) => Response::new(200).with_body(body),
        Err(error) => Response::error(error.status(), error),
    }
}

/// Statuses and bodies of all answers, by their lengths.
fn answers(heard: &str) -> Vec<(u16, &str)> {
    let mut rest = heard;
    let mut all = Vec::new();
    while !rest.is_empty() {
        let (head, after) = rest.split_once("\r\n\r\n").unwrap();
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap().strip_prefix("HTTP/1.1 ").unwrap();
        let length = lines.find_map(|line| line.strip_prefix("Content-Length: "));
        let (body, next) = after.split_at(length.unwrap().parse().unwrap());
        all.push((status[..3].parse().unwrap(), body));
        rest = next;
    }
    all
}

fn with_next(bytes: &[u8]) -> Vec<u8> {
    [bytes, NEXT].concat()
}

#[test]
fn every_doubt_ends_the_connection() {
    deadline(std::time::Duration::from_secs(30), || {
        let site = Site::new(read);
        let mut wrong = String::new();
        for (bytes, wanted) in TAKEN.iter().chain(TAKEN_BY_US).chain(REFUSED) {
            let heard = site.ask(with_next(bytes));
            let got: Vec<u16> = answers(&heard).iter().map(|(status, _)| *status).collect();
            if got != *wanted {
                writeln!(wrong, "{}: {got:?} instead of {wanted:?}", escape(bytes)).unwrap();
            }
        }
        assert!(wrong.is_empty(), "{wrong}");
        assert!(TAKEN.len() + REFUSED.len() > 150);
    });
}

#[test]
fn who_is_refused_is_left_by_the_server() {
    within(|| {
        let site = Site::new(read);
        for (bytes, _) in REFUSED.iter().step_by(7) {
            // The client does not close: `rest` ends because the server does.
            let heard = site.say(with_next(bytes)).rest();
            assert!(heard.contains("\r\nConnection: close\r\n"), "{heard}");
        }
    });
}

#[test]
fn however_it_is_cut_the_answers_are_the_same() {
    within(|| {
        let site = Site::new(read);
        for (bytes, wanted) in TAKEN.iter().chain(REFUSED).step_by(5) {
            let mut talk = site.connect();
            for byte in with_next(bytes) {
                // The server may have had enough.
                if std::io::Write::write_all(&mut talk.0, &[byte]).is_err() {
                    break;
                }
            }
            let _ = talk.0.shutdown(std::net::Shutdown::Write);
            let heard = talk.rest();
            let got: Vec<u16> = answers(&heard).iter().map(|(status, _)| *status).collect();
            assert_eq!(got, *wanted, "{}", escape(bytes));
        }
    });
}

#[test]
fn h11_and_llhttp_take_what_we_take_and_see_the_same_body() {
    let Some(python) = peers::python_with(&["h11", "httptools"]) else {
        return;
    };
    deadline(std::time::Duration::from_secs(30), move || {
        let site = Site::new(read);
        let script =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../sockeye-data/tests/it/oracles.py");
        let hex = |bytes: &[u8]| {
            bytes.iter().fold(String::new(), |mut hex, byte| {
                write!(hex, "{byte:02x}").unwrap();
                hex
            })
        };
        let mut oracles = Program::start(python, [script]);
        let (mut lines, mut wanted) = (String::new(), String::new());
        for (bytes, _) in TAKEN {
            let heard = site.ask(bytes);
            let word = format!("yes:{}", hex(answers(&heard)[0].1.as_bytes()));
            writeln!(wanted, "{word} {word} {}", escape(bytes)).unwrap();
            writeln!(lines, "request {}", hex(bytes)).unwrap();
        }
        oracles.write(lines);
        let said = oracles.finish().stdout_text();
        let got: String = said
            .lines()
            .zip(TAKEN)
            .map(|(line, (bytes, _))| format!("{line} {}\n", escape(bytes)))
            .collect();
        assert_eq!(got, wanted);
    });
}
