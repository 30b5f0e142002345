//! The HTTP client against scripted servers: exactly these bytes go out, and what comes back is understood.

use std::time::Duration;

use sockeye::Kind;
use sockeye::client::http::{Body, Client, Limits, Why};
use sockeye_testkit::{LIMIT, Peer, Step, Web};
use tokio::time::timeout;

fn url(peer: &Peer, path: &str) -> String {
    format!("http://{}{path}", peer.addr())
}

/// A server that says exactly this, once.
fn saying(answer: impl AsRef<[u8]>) -> Peer {
    Peer::tcp([Step::until("\r\n\r\n"), Step::send(answer)])
}

async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(LIMIT, future).await.expect("in time")
}

#[tokio::test]
async fn header_lines_and_path_go_out_as_they_were_typed() {
    let peer = saying("HTTP/1.1 204 N\r\n\r\n");
    let request = Client::new().get(&url(&peer, "/%7e/../q")).exact();
    let request = request
        .header("x-B", "1")
        .header("X-a", "2")
        .header("x-B", "3");
    let response = soon(request.send()).await.unwrap();
    assert_eq!(
        (response.status(), &*response.hop().reason),
        (204, &b"N"[..])
    );
    let expected = format!(
        "GET /%7e/../q HTTP/1.1\r\nHost: {}\r\nx-B: 1\r\nX-a: 2\r\nx-B: 3\r\n\r\n",
        peer.addr()
    );
    assert_eq!(String::from_utf8(peer.finish().received).unwrap(), expected);
}

#[tokio::test]
async fn a_line_break_in_a_header_is_refused_before_connecting() {
    let request = Client::new()
        .get("http://127.0.0.1:1/")
        .header("a", "b\r\nc: d");
    let error = soon(request.send()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Usage, "{error}");
}

#[tokio::test]
async fn connections_are_kept_and_bodies_that_cannot_be_do_not_stand_in_the_way() {
    let web = Web::new(|asked| {
        match asked.target() {
        _ if asked.method() == "HEAD" => b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n".to_vec(),
        "/none" => b"HTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\n\r\n".to_vec(),
        "/chunks" => b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nT: 1\r\n\r\n".to_vec(),
        _ => b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello".to_vec(),
    }
    });
    let client = Client::new();
    let head = soon(client.head(&web.url("/")).send()).await.unwrap();
    assert_eq!(head.header("content-length"), Some("5"));
    drop(head);
    let none = soon(client.get(&web.url("/none")).send()).await.unwrap();
    assert_eq!(soon(none.bytes()).await.unwrap(), "");
    let mut chunks = soon(client.get(&web.url("/chunks")).send()).await.unwrap();
    assert_eq!(soon(chunks.gather()).await.unwrap(), "abc");
    assert_eq!(chunks.trailers().unwrap().get("t"), Some(&b"1"[..]));
    let last = soon(client.get(&web.url("/")).send()).await.unwrap();
    assert!(last.hop().connection.as_ref().unwrap().reused);
    assert_eq!(soon(last.text()).await.unwrap(), "hello");
    assert_eq!(web.connections(), 1);
}

#[tokio::test]
async fn a_short_body_is_an_error_and_what_came_is_kept() {
    let peer = saying("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfour");
    let mut response = soon(Client::new().get(&url(&peer, "/")).send())
        .await
        .unwrap();
    assert_eq!(soon(response.chunk()).await.unwrap().unwrap(), "four");
    let error = soon(response.chunk()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Protocol);
    let said = error.to_string();
    assert!(said.contains("only 4 of the 10 bytes"), "{said}");
    assert!(
        said.starts_with(&format!("cannot read from {}", url(&peer, "/")))
            || said.contains("cannot fetch http://"),
        "{said}"
    );
}

#[tokio::test]
async fn a_large_body_waits_until_the_server_wants_it() {
    let body = vec![b'x'; 2 << 20];
    let length = body.len() as u64;
    let peer = Peer::tcp([
        Step::until("\r\n\r\n"),
        Step::send("HTTP/1.1 100 Continue\r\n\r\n"),
        Step::expect(&body),
        Step::send("HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n"),
    ]);
    let request = Client::new().put(&url(&peer, "/")).body(Body::bytes(body));
    let response = soon(request.send()).await.unwrap();
    assert_eq!(response.status(), 201);
    let hop = response.hop();
    assert_eq!((hop.sent, hop.interim.len()), (length, 1));
    assert!(hop.request.contains("expect"));
}

#[tokio::test]
async fn an_answer_before_the_body_was_sent_is_reported() {
    let peer = Peer::tcp([
        Step::until("\r\n\r\n"),
        Step::send("HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nno!"),
    ]);
    let endless = Body::reader(tokio::io::repeat(b'x'), None);
    let mut request = Client::new()
        .put(&url(&peer, "/"))
        .body(endless)
        .build()
        .unwrap();
    request.set_expect(false);
    let response = soon(Client::new().send(request)).await.unwrap();
    assert_eq!(response.status(), 413);
}

#[tokio::test]
async fn a_server_that_wants_no_expectation_gets_the_body_without() {
    let web = Web::new(|asked| match asked.header("expect") {
        Some(_) => b"HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n".to_vec(),
        None => format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{}",
            asked.body.len(),
            String::from_utf8_lossy(&asked.body)
        )
        .into(),
    });
    let mut request = Client::new()
        .put(&web.url("/"))
        .body("hello")
        .build()
        .unwrap();
    request.set_expect(true);
    let response = soon(Client::new().send(request)).await.unwrap();
    assert_eq!(response.hop().why, Why::WithoutExpect);
    assert_eq!(soon(response.text()).await.unwrap(), "hello");
}

#[tokio::test]
async fn a_kept_connection_that_was_closed_is_replaced_for_what_may_be_done_twice() {
    // The second request on a connection gets nothing but its end.
    let web = Web::new(|asked| match asked.target() {
        "/silent" if asked.connection == 1 => Vec::new(),
        _ => b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".to_vec(),
    });
    let client = Client::new();
    soon(soon(client.get(&web.url("/")).send()).await.unwrap().text())
        .await
        .unwrap();
    let again = soon(client.get(&web.url("/silent")).send()).await.unwrap();
    assert_eq!(soon(again.text()).await.unwrap(), "ok");
    assert_eq!(web.connections(), 2);
}

#[tokio::test]
async fn answers_before_the_answer_and_silence_are_bounded() {
    let many = "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(20);
    let peer = saying(many);
    let error = soon(Client::new().get(&url(&peer, "/")).send())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Protocol, "{error}");

    let peer = Peer::tcp([Step::until("\r\n\r\n"), Step::ReadToEnd]);
    let mut limits = Limits::default();
    limits.idle = Duration::from_millis(50);
    let client = Client::builder().limits(limits).build();
    let error = soon(client.get(&url(&peer, "/")).send()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::TimedOut, "{error}");

    let peer = Peer::tcp([Step::until("\r\n\r\n"), Step::ReadToEnd]);
    let request = Client::new()
        .get(&url(&peer, "/"))
        .timeout(Duration::from_millis(50));
    let error = soon(request.send()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::TimedOut, "{error}");
}

#[tokio::test]
async fn old_servers_are_understood_only_if_that_was_asked_for() {
    for answer in ["hi", "HTTP/1.1 200 OK\nContent-Length: 2\n\nhi"] {
        let peer = saying(answer);
        let error = soon(Client::new().get(&url(&peer, "/")).send())
            .await
            .unwrap_err();
        assert_eq!(error.kind(), Kind::Protocol, "{error}");
        let peer = saying(answer);
        let client = Client::builder().lenient(true).build();
        let response = soon(client.get(&url(&peer, "/")).send()).await.unwrap();
        assert_eq!(soon(response.text()).await.unwrap(), "hi");
    }
}
