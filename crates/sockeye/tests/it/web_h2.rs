//! HTTP/2 as the server.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use h2::client::SendRequest;
use sockeye::Net;
use sockeye::web::{Body, Bounds, Reply, Request, Response, Server};
use sockeye_testkit::peers::{self, h2load, nghttp};
use sockeye_testkit::{LIMIT, Program};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(LIMIT, future).await.expect("in time")
}

/// A server under test.
struct Site {
    at: String,
    stop: CancellationToken,
    running: JoinHandle<()>,
}

impl Site {
    async fn start(server: Server) -> Self {
        let listener = Net::new()
            .listen(&"127.0.0.1:0".parse().unwrap())
            .await
            .unwrap();
        let at = listener.local().to_string().replace("tcp://", "");
        let stop = CancellationToken::new();
        let running = tokio::spawn({
            let stop = stop.clone();
            async move {
                server.serve(listener, stop).await.unwrap();
            }
        });
        Self { at, stop, running }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.at)
    }

    /// A client by the crate, and its connection's task.
    async fn client(&self) -> (SendRequest<Bytes>, JoinHandle<Result<(), h2::Error>>) {
        let stream = TcpStream::connect(&self.at).await.unwrap();
        let (sender, connection) = h2::client::handshake(stream).await.unwrap();
        (sender, tokio::spawn(connection))
    }

    async fn raw(&self) -> Raw {
        let stream = TcpStream::connect(&self.at).await.unwrap();
        Raw::begin(stream).await
    }
}

/// A client that writes frames as it likes.
struct Raw {
    stream: TcpStream,
}

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;
const ENHANCE_YOUR_CALM: u32 = 11;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut frame = u32::try_from(payload.len()).unwrap().to_be_bytes()[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// A literal field that no table keeps (RFC 7541 section 6.2.2).
fn field(name: &str, value: &str) -> Vec<u8> {
    let length = |text: &str| u8::try_from(text.len()).unwrap();
    assert!(name.len() < 127 && value.len() < 127);
    let mut field = vec![0, length(name)];
    field.extend(name.as_bytes());
    field.push(length(value));
    field.extend(value.as_bytes());
    field
}

fn fields(list: &[(&str, &str)]) -> Vec<u8> {
    list.iter()
        .flat_map(|(name, value)| field(name, value))
        .collect()
}

fn get(path: &str) -> Vec<u8> {
    fields(&[
        (":method", "GET"),
        (":scheme", "http"),
        (":authority", "here"),
        (":path", path),
    ])
}

impl Raw {
    async fn begin(stream: TcpStream) -> Self {
        let mut raw = Self { stream };
        raw.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
        raw.send(&frame(SETTINGS, 0, 0, &[])).await;
        raw
    }

    async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// The next frame; `None` at the end, however it comes.
    async fn next(&mut self) -> Option<(u8, u8, u32, Vec<u8>)> {
        let mut head = [0; 9];
        self.stream.read_exact(&mut head).await.ok()?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; length as usize];
        self.stream.read_exact(&mut payload).await.ok()?;
        let stream = u32::from_be_bytes(head[5..].try_into().unwrap());
        Some((head[3], head[4], stream, payload))
    }

    /// The reason that GOAWAY gives.
    async fn goaway(&mut self) -> u32 {
        loop {
            let (kind, _, _, payload) = self.next().await.expect("GOAWAY before the end");
            if kind == GOAWAY {
                return u32::from_be_bytes(payload[4..8].try_into().unwrap());
            }
        }
    }

    /// The reason with which this stream is reset.
    async fn reset(&mut self, of: u32) -> u32 {
        loop {
            let (kind, _, stream, payload) = self.next().await.expect("RST_STREAM before the end");
            if kind == RST_STREAM && stream == of {
                return u32::from_be_bytes(payload[..4].try_into().unwrap());
            }
        }
    }

    /// Write these bytes again and again until GOAWAY comes; the reason, and how often they were written.
    async fn flood(self, bytes: Vec<u8>) -> (u32, usize) {
        let (reader, mut writer) = self.stream.into_split();
        let writing = tokio::spawn(async move {
            let mut times = 0;
            while writer.write_all(&bytes).await.is_ok() {
                times += 1;
            }
            times
        });
        let mut reader = tokio::io::BufReader::new(reader);
        let reason = loop {
            let mut head = [0; 9];
            reader
                .read_exact(&mut head)
                .await
                .expect("GOAWAY before the end");
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
            let mut payload = vec![0; length as usize];
            reader.read_exact(&mut payload).await.unwrap();
            if head[3] == GOAWAY {
                break u32::from_be_bytes(payload[4..8].try_into().unwrap());
            }
        };
        drop(reader);
        (reason, writing.await.unwrap())
    }
}

/// Tells how often it was dropped.
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

async fn echo(mut request: Request) -> Response {
    match request.path() {
        "/echo" => match request.body.bytes(1 << 30).await {
            Ok(bytes) => Response::typed("application/octet-stream", bytes),
            Err(error) => Response::error(error.status(), error),
        },
        "/panic" => panic!("on purpose"),
        "/upgrade" => Response::upgrade("tea", |_| async {}),
        "/abort" => Response::abort(),
        "/nothing" => Response::new(204),
        "/large" => Response::typed("application/octet-stream", vec![b'x'; 3 << 20]),
        path => Response::text(format!(
            "{} {path} for {} with {}\n",
            request.method(),
            request.host().unwrap_or("nobody"),
            request.headers().get_str("cookie").unwrap_or("no cookie"),
        )),
    }
}

fn curl(args: &[&str]) -> Option<String> {
    let curl = peers::curl()?;
    let flags = ["-sS", "--max-time", "8", "--http2-prior-knowledge"];
    let output = Program::start(curl, flags.iter().chain(args)).finish();
    assert!(output.code == Some(0), "{}", output.stderr_text());
    Some(output.stdout_text())
}

async fn blocking<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> T {
    soon(tokio::task::spawn_blocking(run)).await.unwrap()
}

#[tokio::test]
async fn curl_gets_posts_and_asks_for_heads() {
    let site = Site::start(Server::new(echo)).await;
    let at = site.at.clone();
    let url = site.url("/tea?x");
    let got = blocking(move || curl(&["-b", "a=1;b=2", "-w", "%{http_version}", &url])).await;
    let Some(got) = got else { return };
    assert_eq!(got, format!("GET /tea for {at} with a=1;b=2\n2"));
    let url = site.url("/echo");
    let body = "x".repeat(1 << 20);
    let sent = body.clone();
    let got = blocking(move || {
        let dir = sockeye_testkit::temporary_dir();
        let file = dir.path().join("body");
        std::fs::write(&file, sent).unwrap();
        curl(&["--data-binary", &format!("@{}", file.display()), &url])
    });
    assert_eq!(got.await.unwrap(), body);
    let url = site.url("/large");
    let head = blocking(move || curl(&["-I", &url])).await.unwrap();
    let lines: Vec<&str> = head.lines().collect();
    let [status, kind, length, date, ""] = lines[..] else {
        panic!("{head}");
    };
    assert_eq!(status, "HTTP/2 200 ");
    assert_eq!(kind, "content-type: application/octet-stream");
    assert_eq!(length, "content-length: 3145728");
    assert!(date.starts_with("date: "), "{date}");
    let url = site.url("/nothing");
    let head = blocking(move || curl(&["-i", &url])).await.unwrap();
    assert!(head.starts_with("HTTP/2 204 \r\ndate: "), "{head}");
    assert_eq!(head.lines().count(), 3, "{head}");
}

#[tokio::test]
async fn nghttp_sees_sound_frames() {
    let site = Site::start(Server::new(echo)).await;
    let url = site.url("/large");
    let Some(client) = nghttp(["-v", "-n", &url]) else {
        return;
    };
    let said = blocking(move || client.finish()).await.stdout_text();
    assert!(said.contains(":status: 200"), "{said}");
    assert!(said.contains("content-length: 3145728"), "{said}");
    assert!(!said.contains("RST_STREAM"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn h2load_gets_thousands_of_answers_on_many_streams() {
    let site = Site::start(Server::new(echo)).await;
    let url = site.url("/");
    let Some(load) = h2load(["-n", "5000", "-c", "5", "-m", "100", &url]) else {
        return;
    };
    let said = blocking(move || load.finish()).await.stdout_text();
    assert!(
        said.contains("5000 succeeded, 0 failed, 0 errored"),
        "{said}"
    );
    let url = site.url("/large");
    let load = h2load(["-n", "50", "-c", "2", "-m", "10", &url]).unwrap();
    let said = blocking(move || load.finish()).await.stdout_text();
    assert!(said.contains("50 succeeded, 0 failed, 0 errored"), "{said}");
}

async fn status(sender: &mut SendRequest<Bytes>, path: &str) -> Result<u16, h2::Error> {
    let request = http::Request::get(format!("http://here{path}"))
        .body(())
        .unwrap();
    let (response, _) = sender.send_request(request, true)?;
    soon(response)
        .await
        .map(|response| response.status().as_u16())
}

#[tokio::test]
async fn a_panic_is_500_an_upgrade_501_and_the_connection_lives_on() {
    let site = Site::start(Server::new(echo)).await;
    let (mut sender, _task) = site.client().await;
    assert_eq!(status(&mut sender, "/panic").await.unwrap(), 500);
    assert_eq!(status(&mut sender, "/upgrade").await.unwrap(), 501);
    let aborted = status(&mut sender, "/abort").await.unwrap_err();
    assert_eq!(aborted.reason(), Some(h2::Reason::INTERNAL_ERROR));
    assert_eq!(status(&mut sender, "/").await.unwrap(), 200);
}

#[tokio::test]
async fn a_request_that_is_cancelled_drops_its_handler() {
    let (dropped, began) = (Arc::<AtomicUsize>::default(), Arc::new(Notify::new()));
    let server = Server::new({
        let (dropped, began) = (Arc::clone(&dropped), Arc::clone(&began));
        move |_: Request| {
            let (counted, began) = (Counted(Arc::clone(&dropped)), Arc::clone(&began));
            async move {
                began.notify_one();
                std::future::pending::<()>().await;
                drop(counted);
                Response::new(200)
            }
        }
    });
    let site = Site::start(server).await;
    let (mut sender, _task) = site.client().await;
    let request = http::Request::get("http://here/").body(()).unwrap();
    let (response, mut stream) = sender.send_request(request, true).unwrap();
    soon(began.notified()).await;
    stream.send_reset(h2::Reason::CANCEL);
    drop(response);
    soon(async {
        while dropped.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn bodies_have_a_limit_and_continue_is_said_before_they_are_read() {
    let mut bounds = Bounds::default();
    bounds.body = 1000;
    let site = Site::start(Server::new(echo).bounds(bounds)).await;
    let (mut sender, _task) = site.client().await;
    for announced in [true, false] {
        let mut request = http::Request::post("http://here/echo");
        if announced {
            request = request.header("content-length", "1001");
        }
        let (response, mut body) = sender
            .send_request(request.body(()).unwrap(), false)
            .unwrap();
        if !announced {
            body.send_data(vec![0; 1001].into(), false).unwrap();
        }
        assert_eq!(soon(response).await.unwrap().status(), 413);
    }
    let request = http::Request::post("http://here/echo").header("expect", "100-continue");
    let (mut response, mut body) = sender
        .send_request(request.body(()).unwrap(), false)
        .unwrap();
    let told = soon(std::future::poll_fn(|cx| response.poll_informational(cx))).await;
    assert_eq!(told.unwrap().unwrap().status(), 100);
    body.send_data("tea".into(), true).unwrap();
    let mut answer = soon(response).await.unwrap().into_body();
    assert_eq!(soon(answer.data()).await.unwrap().unwrap(), "tea");
    let request = http::Request::post("http://here/echo").header("expect", "miracles");
    let (response, _) = sender
        .send_request(request.body(()).unwrap(), true)
        .unwrap();
    assert_eq!(soon(response).await.unwrap().status(), 417);
}

#[tokio::test]
async fn a_stop_lets_requests_finish_takes_no_more_and_ends() {
    let (began, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let server = Server::new({
        let (began, go) = (Arc::clone(&began), Arc::clone(&go));
        move |_: Request| {
            let (began, go) = (Arc::clone(&began), Arc::clone(&go));
            async move {
                began.notify_one();
                go.notified().await;
                Response::text("late\n")
            }
        }
    });
    let site = Site::start(server).await;
    let (_idle, idle_task) = site.client().await;
    let (mut sender, task) = site.client().await;
    let request = http::Request::get("http://here/").body(()).unwrap();
    let (response, _) = sender.send_request(request, true).unwrap();
    soon(began.notified()).await;
    site.stop.cancel();
    soon(idle_task).await.unwrap().unwrap();
    go.notify_one();
    let response = soon(response).await.unwrap();
    let mut body = response.into_body();
    assert_eq!(soon(body.data()).await.unwrap().unwrap(), "late\n");
    drop((body, sender));
    soon(task).await.unwrap().unwrap();
    soon(site.running).await.unwrap();
}

#[tokio::test]
async fn so_many_requests_and_no_more_on_one_connection() {
    let mut bounds = Bounds::default();
    bounds.requests = Some(2);
    let site = Site::start(Server::new(echo).bounds(bounds)).await;
    let (mut sender, task) = site.client().await;
    assert_eq!(status(&mut sender, "/").await.unwrap(), 200);
    assert_eq!(status(&mut sender, "/").await.unwrap(), 200);
    soon(task).await.unwrap().unwrap();
}

#[tokio::test]
async fn requests_that_are_none_are_refused() {
    let site = Site::start(Server::new(echo)).await;
    // What the crate itself refuses ends the stream with PROTOCOL_ERROR.
    let good: &[(&str, &str)] = &[
        (":method", "GET"),
        (":scheme", "http"),
        (":authority", "here"),
        (":path", "/"),
    ];
    for bad in [
        ("connection", "close"),
        ("transfer-encoding", "chunked"),
        ("keep-alive", "5"),
        ("upgrade", "h2c"),
        ("te", "gzip"),
        ("Capital", "x"),
        ("late:pseudo", "x"),
        (":path", "/again"),
        (":status", "200"),
    ] {
        let mut raw = site.raw().await;
        let block = [fields(good), field(bad.0, bad.1)].concat();
        raw.send(&frame(HEADERS, 5, 1, &block)).await;
        let ended = soon(async {
            loop {
                match raw.next().await {
                    Some((RST_STREAM, _, 1, why)) => return why == 1u32.to_be_bytes(),
                    Some((GOAWAY, ..)) | None => return true,
                    Some((HEADERS, ..)) => return false,
                    Some(_) => {}
                }
            }
        });
        assert!(ended.await, "{bad:?} was borne");
    }
    // What is left to us is answered.
    let scheme = (":scheme", "http");
    let authority = (":authority", "here");
    let method = (":method", "GET");
    for (request, expected) in [
        (
            &[method, scheme, authority, (":path", "/"), ("host", "there")][..],
            "`host` and `:authority` are not the same",
        ),
        (
            &[method, scheme, (":path", "/")],
            "a request without a host",
        ),
        (
            &[method, scheme, authority, (":path", "/\u{e9}")],
            "a target has only ASCII characters",
        ),
        (
            &[(":method", "CONNECT"), (":authority", "there:80")],
            "CONNECT is for proxies",
        ),
        (
            &[method, scheme, (":path", "/"), ("host", "there")],
            "GET / for there",
        ),
        (
            &[(":method", "OPTIONS"), scheme, authority, (":path", "*")],
            "OPTIONS * for here",
        ),
    ] {
        let mut raw = site.raw().await;
        raw.send(&frame(HEADERS, 5, 1, &fields(request))).await;
        let answer = soon(async {
            loop {
                match raw.next().await.expect("an answer") {
                    (DATA, _, 1, body) => return String::from_utf8(body).unwrap(),
                    (RST_STREAM, ..) | (GOAWAY, ..) => panic!("{request:?} was not answered"),
                    _ => {}
                }
            }
        });
        let answer = answer.await;
        assert!(answer.contains(expected), "{request:?}: {answer}");
    }
}

#[tokio::test]
async fn long_targets_and_many_fields_have_their_own_answers() {
    let mut bounds = Bounds::default();
    (bounds.head.line, bounds.head.fields) = (100, 10);
    let site = Site::start(Server::new(echo).bounds(bounds)).await;
    let (mut sender, _task) = site.client().await;
    assert_eq!(status(&mut sender, &"/x".repeat(60)).await.unwrap(), 414);
    let mut request = http::Request::get("http://here/");
    for number in 0..11 {
        request = request.header(format!("x-{number}"), "x");
    }
    let (response, _) = sender
        .send_request(request.body(()).unwrap(), true)
        .unwrap();
    assert_eq!(soon(response).await.unwrap().status(), 431);
    let large = "x".repeat(40 << 10);
    let request = http::Request::get("http://here/").header("x-large", large);
    let (response, _) = sender
        .send_request(request.body(()).unwrap(), true)
        .unwrap();
    assert_eq!(soon(response).await.unwrap().status(), 431);
}

#[tokio::test]
async fn a_storm_of_resets_is_told_to_calm_down() {
    let began = Arc::<AtomicUsize>::default();
    let server = Server::new({
        let began = Arc::clone(&began);
        move |_: Request| {
            began.fetch_add(1, Ordering::SeqCst);
            std::future::pending::<Response>()
        }
    });
    let site = Site::start(server).await;
    let raw = site.raw().await;
    let mut storm = Vec::new();
    for number in 0..5000 {
        let stream = number * 2 + 1;
        storm.extend(frame(HEADERS, 5, stream, &get("/")));
        storm.extend(frame(RST_STREAM, 0, stream, &8u32.to_be_bytes()));
    }
    let (reason, _) = soon(raw.flood(storm)).await;
    assert_eq!(reason, ENHANCE_YOUR_CALM);
    assert!(
        began.load(Ordering::SeqCst) < 1000,
        "{began:?} requests were begun"
    );
}

#[tokio::test]
async fn floods_of_small_frames_are_told_to_calm_down() {
    let site = Site::start(Server::new(echo)).await;
    let ping = frame(PING, 0, 0, &[7; 8]);
    let settings = frame(SETTINGS, 0, 0, &[]);
    let window = frame(WINDOW_UPDATE, 0, 0, &1u32.to_be_bytes());
    for flood in [ping, settings, window] {
        let raw = site.raw().await;
        let (reason, times) = soon(raw.flood(flood.repeat(1000))).await;
        assert_eq!(reason, ENHANCE_YOUR_CALM);
        assert!(times < 1000, "{times} thousand frames were borne");
    }
}

#[tokio::test]
async fn a_head_that_never_ends_ends_the_connection() {
    let site = Site::start(Server::new(echo)).await;
    for piece in [vec![], field("x", "y"), field("x", &"y".repeat(100))] {
        let mut raw = site.raw().await;
        raw.send(&frame(HEADERS, 1, 1, &get("/"))).await;
        let (reason, _) = soon(raw.flood(frame(CONTINUATION, 0, 1, &piece).repeat(100))).await;
        assert!([1, ENHANCE_YOUR_CALM].contains(&reason), "{reason}");
    }
}

#[tokio::test]
async fn who_opens_no_window_is_given_up() {
    let mut bounds = Bounds::default();
    bounds.stall_time = Duration::from_millis(300);
    let site = Site::start(Server::new(echo).bounds(bounds)).await;
    let mut raw = site.raw().await;
    // SETTINGS_INITIAL_WINDOW_SIZE is 4.
    let none = [&4u16.to_be_bytes()[..], &0u32.to_be_bytes()].concat();
    raw.send(&frame(SETTINGS, 0, 0, &none)).await;
    raw.send(&frame(HEADERS, 5, 1, &get("/large"))).await;
    assert_eq!(soon(raw.reset(1)).await, 8);
    // A short answer is not waited for by any task.
    raw.send(&frame(HEADERS, 5, 3, &get("/"))).await;
    assert_eq!(soon(raw.goaway()).await, 0);
}

#[tokio::test]
async fn a_window_of_one_byte_gets_the_answer_byte_by_byte() {
    let site = Site::start(Server::new(echo)).await;
    let mut raw = site.raw().await;
    let one = [&4u16.to_be_bytes()[..], &1u32.to_be_bytes()].concat();
    raw.send(&frame(SETTINGS, 0, 0, &one)).await;
    raw.send(&frame(HEADERS, 5, 1, &get("/"))).await;
    let mut body = Vec::new();
    soon(async {
        loop {
            let (kind, flags, _, payload) = raw.next().await.expect("the rest");
            if kind == DATA {
                assert!(payload.len() <= 1, "{payload:?}");
                body.extend(payload);
                if flags & 1 == 1 {
                    return;
                }
                raw.send(&frame(WINDOW_UPDATE, 0, 1, &1u32.to_be_bytes()))
                    .await;
            }
        }
    })
    .await;
    assert_eq!(
        String::from_utf8_lossy(&body),
        "GET / for here with no cookie\n"
    );
}

#[tokio::test]
async fn who_asks_nothing_is_told_to_go() {
    let mut bounds = Bounds::default();
    bounds.idle_time = Duration::from_millis(200);
    bounds.head_time = Duration::from_millis(200);
    let site = Site::start(Server::new(echo).bounds(bounds)).await;
    let mut raw = site.raw().await;
    assert_eq!(soon(raw.goaway()).await, 0);
    soon(async { while raw.next().await.is_some() {} }).await;
    // The preface and nothing else.
    let mut stream = TcpStream::connect(&site.at).await.unwrap();
    stream
        .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        .await
        .unwrap();
    let mut heard = Vec::new();
    // However it ends, it ends.
    let _ = soon(stream.read_to_end(&mut heard)).await;
}

#[tokio::test]
async fn a_body_that_trickles_is_too_slow() {
    let mut bounds = Bounds::default();
    bounds.body_rate = 500;
    tokio::time::pause();
    let (client, served) = tokio::io::duplex(1 << 16);
    let server = Server::new(echo).bounds(bounds);
    let stream = sockeye::Stream::from_io(served);
    let running = tokio::spawn(async move {
        let stop = CancellationToken::new();
        server.serve_stream(stream, stop).await;
    });
    let (mut sender, connection) = h2::client::handshake(client).await.unwrap();
    let driving = tokio::spawn(connection);
    let request = http::Request::post("http://here/echo").body(()).unwrap();
    let (response, mut body): (_, h2::SendStream<Bytes>) =
        sender.send_request(request, false).unwrap();
    body.send_data("slow".into(), false).unwrap();
    let response = timeout(Duration::from_secs(60), response).await.unwrap();
    assert_eq!(response.unwrap().status(), 408);
    drop((sender, body));
    driving.abort();
    running.abort();
}

#[tokio::test]
async fn a_reply_that_is_there_needs_no_future() {
    struct Now;
    impl sockeye::web::Handler for Now {
        fn handle(&self, request: Request) -> Reply {
            let body = Body::from(format!("{}\n", request.path()));
            Response::new(200).with_body(body).into()
        }
    }
    let site = Site::start(Server::new(Now)).await;
    let (mut sender, _task) = site.client().await;
    for _ in 0..300 {
        assert_eq!(status(&mut sender, "/now").await.unwrap(), 200);
    }
}
