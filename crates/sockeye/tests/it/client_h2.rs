//! HTTP/2: many requests on one connection, what servers may do to it, and what is spoken where it is not.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, RecvStream};
use sockeye::client::http::{Body, Client, Limits, Version, Versions};
use sockeye::endpoint::TlsOptions;
use sockeye::net::Link;
use sockeye::{Kind, Net};
use sockeye_testkit::peers::{Caddy, Nginx};
use sockeye_testkit::{LIMIT, Web};
use tokio::task::JoinSet;
use tokio::time::timeout;

async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(LIMIT, future).await.expect("in time")
}

type Request = http::Request<RecvStream>;

/// A server of HTTP/2 without TLS. Each request is handed to `answer`, with the number of its connection, counted from 1.
struct Server {
    url: String,
    connections: Arc<AtomicUsize>,
}

impl Server {
    async fn start<F>(
        setup: impl Fn(&mut h2::server::Builder) + Send + 'static,
        answer: impl Fn(usize, Request, SendResponse<Bytes>) -> F + Send + Sync + Clone + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let mut listener = Net::new()
            .listen(&"127.0.0.1:0".parse().unwrap())
            .await
            .unwrap();
        let url = listener.local().to_string().replace("tcp:", "http:");
        let connections = Arc::<AtomicUsize>::default();
        let count = connections.clone();
        tokio::spawn(async move {
            while let Some(incoming) = listener.accept().await.unwrap() {
                let Ok(Link::Stream(stream)) = incoming.handshake().await else {
                    continue;
                };
                let number = count.fetch_add(1, Ordering::SeqCst) + 1;
                let mut builder = h2::server::Builder::new();
                setup(&mut builder);
                let answer = answer.clone();
                tokio::spawn(async move {
                    let mut connection = builder.handshake(stream).await.unwrap();
                    while let Some(Ok((request, respond))) = connection.accept().await {
                        if request.uri().path() == "/last" {
                            connection.graceful_shutdown();
                        }
                        tokio::spawn(answer(number, request, respond));
                    }
                });
            }
        });
        Self { url, connections }
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

fn say(mut respond: SendResponse<Bytes>, status: u16, body: &'static str) {
    let head = http::Response::builder().status(status).body(()).unwrap();
    let mut stream = respond.send_response(head, false).unwrap();
    stream.send_data(Bytes::from(body), true).unwrap();
}

fn client() -> Client {
    Client::builder().versions(Versions::Http2).build()
}

fn trusting(ca: std::path::PathBuf, versions: Versions) -> Client {
    let mut tls = TlsOptions::default();
    tls.ca = Some(ca);
    Client::builder().tls(tls).versions(versions).build()
}

#[tokio::test]
async fn requests_that_start_together_share_one_connection() {
    let Some(nginx) = Nginx::start() else { return };
    nginx.put("a.txt", "hello");
    let client = trusting(nginx.ca(), Versions::Auto);
    let mut asked = JoinSet::new();
    for _ in 0..100 {
        let (client, url) = (
            client.clone(),
            format!("https://localhost:{}/a.txt", nginx.h2().port()),
        );
        asked.spawn(async move {
            let response = client.get(&url).send().await.unwrap();
            assert_eq!(
                (response.version(), response.hop().request_head_bytes),
                (Version::Http2, 0)
            );
            let reused = response.hop().connection.as_ref().unwrap().reused;
            assert_eq!(response.content_length(), Some(5));
            assert_eq!(response.text().await.unwrap(), "hello");
            usize::from(reused)
        });
    }
    let reused: usize = soon(asked.join_all()).await.into_iter().sum();
    assert_eq!(reused, 99);
    soon(
        client
            .get(&format!("https://localhost:{}/echo", nginx.h2().port()))
            .send(),
    )
    .await
    .unwrap();
    let log = nginx.log("/echo");
    let connections: std::collections::BTreeSet<_> = log
        .lines()
        .filter_map(|line| line.split(' ').next())
        .collect();
    assert_eq!(connections.len(), 1, "{log}");
}

#[tokio::test]
async fn where_http2_is_not_spoken_it_is_http1_or_a_clear_error() {
    let Some(nginx) = Nginx::start() else { return };
    nginx.put("a.txt", "hello");
    let url = format!("https://localhost:{}/a.txt", nginx.https().port());
    let response = soon(trusting(nginx.ca(), Versions::Auto).get(&url).send())
        .await
        .unwrap();
    assert_eq!(response.version(), Version::Http11);
    let error = soon(trusting(nginx.ca(), Versions::Http2).get(&url).send())
        .await
        .unwrap_err();
    assert!(
        error.kind() == Kind::Tls || error.to_string().contains("HTTP/2 was offered"),
        "{error}"
    );

    let plain = format!("http://{}/a.txt", nginx.http());
    let error = soon(client().get(&plain).send()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Protocol, "{error}");
    assert!(error.to_string().contains("not in HTTP/2"), "{error}");
    assert!(error.hint().unwrap().contains("HTTP/1.1"));

    let known = format!("http://{}/a.txt", nginx.h2c());
    let response = soon(client().get(&known).send()).await.unwrap();
    assert_eq!(response.version(), Version::Http2);
    assert_eq!(soon(response.text()).await.unwrap(), "hello");
    // What is typed exactly, and what asks for another protocol, stays with HTTP/1.1.
    let url = format!("https://localhost:{}/echo", nginx.h2().port());
    let client = trusting(nginx.ca(), Versions::Auto);
    let response = soon(client.get(&url).exact().send()).await.unwrap();
    assert_eq!(response.version(), Version::Http11);
}

#[tokio::test]
async fn a_large_body_crosses_both_ways() {
    let Some(nginx) = Nginx::start() else { return };
    let body: Vec<u8> = (0..1_500_000_u32).flat_map(u32::to_le_bytes).collect();
    let (h2, client) = (nginx.h2().port(), trusting(nginx.ca(), Versions::Auto));
    let url = format!("https://localhost:{h2}/up/big");
    let reader = Body::reader(std::io::Cursor::new(body.clone()), None);
    let response = soon(client.put(&url).body(reader).send()).await.unwrap();
    assert_eq!(
        (response.status(), response.hop().sent),
        (201, body.len() as u64)
    );
    assert!(nginx.uploaded("big").unwrap() == body);
    nginx.put("big", &body);
    let url = format!("https://localhost:{h2}/big");
    let mut response = soon(client.get(&url).send()).await.unwrap();
    assert!(soon(response.gather()).await.unwrap() == body);
    assert_eq!(response.hop().received, body.len() as u64);

    let Some(caddy) = Caddy::start() else { return };
    caddy.put("big", &body);
    let client = trusting(caddy.ca(), Versions::Auto);
    let url = format!("https://localhost:{}/big", caddy.https().port());
    let mut response = soon(client.get(&url).send()).await.unwrap();
    assert_eq!(response.version(), Version::Http2);
    assert!(soon(response.gather()).await.unwrap() == body);
}

#[tokio::test]
async fn lines_of_one_connection_are_left_out_and_the_host_is_the_authority() {
    let server = Server::start(
        |_| {},
        |_, request, respond| async move {
            assert_eq!(request.uri().authority().unwrap(), "example.org");
            assert_eq!(request.uri().path_and_query().unwrap(), "/a?b=%20");
            let names: Vec<_> = request.headers().keys().map(|name| name.as_str()).collect();
            assert_eq!(names, ["user-agent", "accept", "te", "x-a"]);
            assert_eq!(request.headers().get_all("x-a").iter().count(), 2);
            say(respond, 200, "ok");
        },
    )
    .await;
    let request = client().get(&server.url("/a?b=%20"));
    let request = request
        .header("Host", "example.org")
        .header("Connection", "keep-alive, X-Hop")
        .header("Keep-Alive", "5")
        .header("X-Hop", "1")
        .header("TE", "trailers")
        .header("X-A", "1")
        .header("x-a", "2");
    let mut request = request.build().unwrap();
    request.leave_out("accept-encoding");
    let response = soon(client().send(request)).await.unwrap();
    assert_eq!(soon(response.text()).await.unwrap(), "ok");
}

#[tokio::test]
async fn answers_before_the_answer_and_trailers_are_kept() {
    let server = Server::start(
        |_| {},
        |_, _, mut respond: SendResponse<Bytes>| async move {
            let early = http::Response::builder()
                .status(103)
                .header("link", "</a>")
                .body(())
                .unwrap();
            respond.send_informational(early).unwrap();
            let head = http::Response::builder().status(200).body(()).unwrap();
            let mut stream = respond.send_response(head, false).unwrap();
            stream.send_data(Bytes::from("body"), false).unwrap();
            let trailers = [("digest", "x")]
                .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
            stream
                .send_trailers(http::HeaderMap::from_iter(trailers))
                .unwrap();
        },
    )
    .await;
    let mut response = soon(client().get(&server.url("/")).send()).await.unwrap();
    assert_eq!(response.hop().interim[0].0, 103);
    assert_eq!(response.hop().interim[0].1.get_str("link"), Some("</a>"));
    assert_eq!(soon(response.gather()).await.unwrap(), "body");
    assert_eq!(response.trailers().unwrap().get_str("digest"), Some("x"));
}

#[tokio::test]
async fn a_refused_request_is_put_again_elsewhere_even_if_it_changes_things() {
    let server = Server::start(
        |_| {},
        |connection, _, mut respond: SendResponse<Bytes>| async move {
            match connection {
                1 => respond.send_reset(Reason::REFUSED_STREAM),
                _ => say(respond, 200, "ok"),
            }
        },
    )
    .await;
    let response = soon(client().post(&server.url("/")).body("x").send())
        .await
        .unwrap();
    assert_eq!(soon(response.text()).await.unwrap(), "ok");
    assert_eq!(server.connections(), 2);

    // One that always refuses is not asked for ever.
    let server = Server::start(
        |_| {},
        |_, _, mut respond: SendResponse<Bytes>| async move {
            respond.send_reset(Reason::REFUSED_STREAM);
        },
    )
    .await;
    let error = soon(client().get(&server.url("/")).send())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Lost, "{error}");
    assert_eq!(server.connections(), 4);
}

#[tokio::test]
async fn a_server_that_leaves_answers_what_it_took_and_the_rest_goes_to_a_new_connection() {
    let server = Server::start(
        |_| {},
        |_, _, respond| async move { say(respond, 200, "ok") },
    )
    .await;
    let client = client();
    for path in ["/", "/last", "/", "/"] {
        let response = soon(client.get(&server.url(path)).send()).await.unwrap();
        assert_eq!(soon(response.text()).await.unwrap(), "ok");
    }
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn a_dropped_response_resets_its_stream_and_nothing_else() {
    let (told, mut reset) = tokio::sync::mpsc::unbounded_channel();
    let server = Server::start(
        |_| {},
        move |_, request, mut respond: SendResponse<Bytes>| {
            let told = told.clone();
            async move {
                if request.uri().path() == "/" {
                    return say(respond, 200, "ok");
                }
                let head = http::Response::builder().status(200).body(()).unwrap();
                let mut stream = respond.send_response(head, false).unwrap();
                let reason = std::future::poll_fn(|cx| stream.poll_reset(cx)).await;
                told.send(reason.unwrap()).unwrap();
            }
        },
    )
    .await;
    let client = client();
    let endless = soon(client.get(&server.url("/endless")).send())
        .await
        .unwrap();
    drop(endless);
    assert_eq!(soon(reset.recv()).await.unwrap(), Reason::CANCEL);
    // A request that nobody waits for any more as well.
    let response = soon(client.get(&server.url("/")).send()).await.unwrap();
    assert_eq!(soon(response.text()).await.unwrap(), "ok");
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn an_answer_before_the_body_was_sent_is_reported() {
    let server = Server::start(
        |_| {},
        |_, _, respond| async move { say(respond, 413, "no!") },
    )
    .await;
    let endless = Body::reader(tokio::io::repeat(b'x'), None);
    let mut request = client()
        .put(&server.url("/"))
        .body(endless)
        .build()
        .unwrap();
    request.set_expect(false);
    let response = soon(client().send(request)).await.unwrap();
    assert_eq!(response.status(), 413);
    // The same if the body waits until it is wanted.
    let body = Body::bytes(vec![b'x'; 2 << 20]);
    let response = soon(client().put(&server.url("/")).body(body).send())
        .await
        .unwrap();
    assert_eq!((response.status(), response.hop().sent), (413, 0));
}

#[tokio::test]
async fn no_more_requests_are_open_than_the_server_takes() {
    let open = Arc::<AtomicUsize>::default();
    let server = Server::start(
        |builder| {
            builder.max_concurrent_streams(2);
        },
        move |_, _, respond| {
            let open = open.clone();
            async move {
                assert!(open.fetch_add(1, Ordering::SeqCst) < 2);
                tokio::task::yield_now().await;
                open.fetch_sub(1, Ordering::SeqCst);
                say(respond, 200, "ok");
            }
        },
    )
    .await;
    let client = client();
    soon(client.get(&server.url("/")).send()).await.unwrap();
    let mut asked = JoinSet::new();
    for _ in 0..50 {
        let (client, url) = (client.clone(), server.url("/"));
        asked.spawn(async move { client.get(&url).send().await.unwrap().text().await.unwrap() });
    }
    assert!(soon(asked.join_all()).await.iter().all(|text| text == "ok"));
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn what_is_sent_ahead_and_the_size_of_heads_are_bounded() {
    let sent = Arc::<AtomicUsize>::default();
    let count = sent.clone();
    let server = Server::start(
        |_| {},
        move |_, request, mut respond: SendResponse<Bytes>| {
            let count = count.clone();
            async move {
                let mut head = http::Response::builder().status(200);
                if request.uri().path() == "/head" {
                    for i in 0..40 {
                        head = head.header("x-a", format!("{i}{}", "x".repeat(8000)));
                    }
                }
                let mut stream = respond
                    .send_response(head.body(()).unwrap(), false)
                    .unwrap();
                loop {
                    stream.reserve_capacity(1000);
                    let room = match stream.capacity() {
                        0 => match std::future::poll_fn(|cx| stream.poll_capacity(cx)).await {
                            Some(Ok(room)) => room,
                            _ => return,
                        },
                        room => room,
                    };
                    let length = room.min(1000);
                    stream
                        .send_data(Bytes::from(vec![0; length]), false)
                        .unwrap();
                    count.fetch_add(length, Ordering::SeqCst);
                }
            }
        },
    )
    .await;
    let mut limits = Limits::default();
    limits.stream_window = 100_000;
    let client = Client::builder()
        .versions(Versions::Http2)
        .limits(limits)
        .build();
    let mut first = soon(client.get(&server.url("/")).send()).await.unwrap();
    // Another request on the same connection shows that everything before it has arrived.
    drop(soon(client.get(&server.url("/")).send()).await.unwrap());
    let ahead = sent.load(Ordering::SeqCst);
    assert!(ahead <= 2 * 100_000, "{ahead}");
    soon(first.chunk()).await.unwrap().unwrap();

    let error = soon(client.get(&server.url("/head")).send())
        .await
        .unwrap_err();
    assert!(
        matches!(error.kind(), Kind::Protocol | Kind::Lost),
        "{error}"
    );
}

#[tokio::test]
async fn a_body_shorter_than_its_length_is_an_error() {
    let server = Server::start(
        |_| {},
        |_, _, mut respond: SendResponse<Bytes>| async move {
            let head = http::Response::builder()
                .status(200)
                .header("content-length", "10");
            let mut stream = respond
                .send_response(head.body(()).unwrap(), false)
                .unwrap();
            stream.send_data(Bytes::from("four"), true).unwrap();
        },
    )
    .await;
    let mut response = soon(client().get(&server.url("/")).send()).await.unwrap();
    let error = loop {
        match soon(response.chunk()).await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("the body is complete"),
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), Kind::Protocol, "{error}");
}

#[tokio::test]
async fn connections_in_use_are_bounded_and_further_requests_wait_in_order() {
    let web = Web::new(|_| b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".to_vec());
    let mut limits = Limits::default();
    limits.per_place = 3;
    let client = Client::builder().limits(limits).build();
    let mut asked = JoinSet::new();
    for _ in 0..60 {
        let (client, url) = (client.clone(), web.url("/"));
        asked.spawn(async move { client.get(&url).send().await.unwrap().text().await.unwrap() });
    }
    // Some change their mind.
    for _ in 0..20 {
        let (client, url) = (client.clone(), web.url("/"));
        asked.spawn(async move {
            let asked = client.get(&url).send();
            drop(timeout(std::time::Duration::from_micros(50), asked).await);
            "ok".to_owned()
        });
    }
    assert!(soon(asked.join_all()).await.iter().all(|text| text == "ok"));
    // Those who changed their mind closed theirs; the others never had more than three at once.
    assert!(web.connections() <= 3 + 20, "{}", web.connections());

    limits.idle = std::time::Duration::from_millis(50);
    limits.per_place = 1;
    let client = Client::builder().limits(limits).build();
    let held = soon(client.get(&web.url("/")).send()).await.unwrap();
    let error = soon(client.get(&web.url("/")).send()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::TimedOut, "{error}");
    drop(held);
    soon(client.get(&web.url("/")).send()).await.unwrap();
}

#[tokio::test]
async fn a_first_connection_that_fails_is_told_to_all_who_wait_for_it() {
    let client = client();
    let mut asked = JoinSet::new();
    for _ in 0..5 {
        let request = client.get("http://127.0.0.1:1/").send();
        asked.spawn(async move { request.await.unwrap_err().kind() });
    }
    assert!(
        soon(asked.join_all())
            .await
            .iter()
            .all(|&kind| kind == Kind::Refused)
    );
}
