//! What is borne of clients, and what is not.

use std::io::{ErrorKind, Read, Write};
use std::time::Duration;

use sockeye::Stream;
use sockeye::net::{Limits, PerAddress};
use sockeye::web::{Bounds, Request, Response, Server};
use sockeye_testkit::within;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use crate::web_raw::{Site, Talk};

/// Reads the body and says how long it is.
async fn read(mut request: Request) -> Response {
    match request.body.bytes(u64::MAX).await {
        Ok(body) => Response::text(format!("{}\n", body.len())),
        Err(error) => Response::error(error.status(), error),
    }
}

fn site(change: impl FnOnce(&mut Bounds)) -> Site {
    let mut bounds = Bounds::default();
    change(&mut bounds);
    Site::of(Server::new(read).bounds(bounds))
}

/// The first line of an answer, and whether the connection is closed behind it.
fn verdict(answer: &str) -> (&str, bool) {
    let line = answer.lines().next().unwrap_or_default();
    assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
    (line, answer.contains("\r\nConnection: close\r\n"))
}

#[test]
fn heads_have_bounds() {
    within(|| {
        let site = site(|_| {});
        let long = |bytes: usize| "x".repeat(bytes);
        let many = |lines: usize| "a: b\r\n".repeat(lines);
        let cases = [
            (
                format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", long(8000)),
                "200 OK",
            ),
            (
                format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", long(9 << 10)),
                "414 URI Too Long",
            ),
            (format!("GET /{}", long(9 << 10)), "414 URI Too Long"),
            (
                format!("GET / HTTP/1.1\r\nHost: a\r\nA: {}\r\n\r\n", long(31 << 10)),
                "200 OK",
            ),
            (
                format!("GET / HTTP/1.1\r\nHost: a\r\nA: {}\r\n\r\n", long(40 << 10)),
                "431 Request Header Fields Too Large",
            ),
            (
                format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", many(99)),
                "200 OK",
            ),
            (
                format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", many(100)),
                "431 Request Header Fields Too Large",
            ),
            (
                format!("{} / HTTP/1.1\r\nHost: a\r\n\r\n", long(64)),
                "501 Not Implemented",
            ),
            (long(64), "501 Not Implemented"),
        ];
        for (request, status) in cases {
            let answer = site.ask(&request);
            let short = &request[..request.len().min(40)];
            assert_eq!(
                verdict(&answer),
                (&*format!("HTTP/1.1 {status}"), status != "200 OK"),
                "{short}"
            );
        }
    });
}

#[test]
fn trailers_have_the_bounds_of_heads() {
    within(|| {
        let site = site(|_| {});
        let head =
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n";
        for (trailer, status) in [
            ("a: b\r\n".repeat(100), "200 OK"),
            (
                "a: b\r\n".repeat(101),
                "431 Request Header Fields Too Large",
            ),
            (
                format!("a: {}\r\n", "b".repeat(40 << 10)),
                "431 Request Header Fields Too Large",
            ),
        ] {
            let answer = site.ask(format!("{head}{trailer}\r\n"));
            assert_eq!(verdict(&answer).0, format!("HTTP/1.1 {status}"));
        }
    });
}

#[test]
fn the_answer_to_a_head_that_is_too_large_arrives_though_the_client_goes_on() {
    within(|| {
        let site = site(|_| {});
        let mut talk = site.say("GET / HTTP/1.1\r\nHost: a\r\n");
        let mut writer = talk.0.try_clone().unwrap();
        let writing = std::thread::spawn(move || {
            let line = format!("A: {}\r\n", "x".repeat(1000));
            // Four megabytes, or until the server has had enough.
            for _ in 0..4000 {
                if writer.write_all(line.as_bytes()).is_err() {
                    break;
                }
            }
        });
        assert!(talk.until("\r\n").starts_with("HTTP/1.1 431 "));
        writing.join().unwrap();
    });
}

#[test]
fn bodies_have_bounds() {
    within(|| {
        let site = site(|bounds| bounds.body = 1000);
        let announced = |length: usize| {
            format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n")
        };
        let body = "x".repeat(1000);
        let answer = site.ask(announced(1000) + &body);
        assert!(answer.ends_with("\r\n\r\n1000\n"), "{answer}");
        // Nothing of it has to come.
        let mut talk = site.say(announced(1001));
        assert_eq!(talk.until("\r\n"), "HTTP/1.1 413 Content Too Large\r\n");
        let chunked = format!(
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3e8\r\n{body}\r\n"
        );
        let answer = site.ask(format!("{chunked}0\r\n\r\n"));
        assert!(answer.ends_with("\r\n\r\n1000\n"), "{answer}");
        let answer = site.ask(format!("{chunked}1\r\nx\r\n0\r\n\r\n"));
        assert_eq!(verdict(&answer), ("HTTP/1.1 413 Content Too Large", true));
    });
}

#[test]
fn a_connection_has_so_many_requests() {
    within(|| {
        let site = site(|bounds| bounds.requests = Some(2));
        let answers = site.ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(3));
        let parts: Vec<_> = answers.split_inclusive("\r\n\r\n0\n").collect();
        assert_eq!(parts.len(), 2, "{answers}");
        assert!(!parts[0].contains("Connection") && parts[1].contains("\r\nConnection: close\r\n"));
    });
}

#[test]
fn an_address_has_so_many_connections() {
    within(|| {
        let mut limits = Limits::default();
        limits.per_address = PerAddress::at_most(2);
        let site = Site::of(Server::new(read).limits(limits));
        let request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
        let is_served = |talk: &mut Talk| {
            let _ = talk.0.write_all(request.as_bytes());
            matches!(talk.0.read(&mut [0; 4096]), Ok(bytes) if bytes > 0)
        };
        let (mut first, mut second) = (site.connect(), site.connect());
        assert!(is_served(&mut first) && is_served(&mut second));
        assert!(!is_served(&mut site.connect()));
        first.end();
        first.rest();
        // The place is free a moment later.
        while !is_served(&mut site.connect()) {}
        assert!(is_served(&mut second));
    });
}

/// A connection in memory, under a clock that runs ahead when nothing happens.
struct Timed {
    client: DuplexStream,
    serving: JoinHandle<()>,
    began: Instant,
}

impl Timed {
    fn new(buffer: usize) -> Self {
        let (client, stream) = duplex(buffer);
        let server = Server::new(|request: Request| async move {
            match request.path() {
                "/long" => Response::new(200).with_body("x".repeat(100_000)),
                _ => read(request).await,
            }
        });
        let serving = tokio::spawn(async move {
            let stream = Stream::from_io(stream);
            server.serve_stream(stream, CancellationToken::new()).await;
        });
        Self {
            client,
            serving,
            began: Instant::now(),
        }
    }

    /// What comes until the end, and after how many seconds that was.
    async fn rest(mut self) -> (String, u64) {
        let mut heard = Vec::new();
        self.client.read_to_end(&mut heard).await.unwrap();
        let took = self.began.elapsed().as_secs();
        (String::from_utf8(heard).unwrap(), took)
    }
}

/// Let time pass, of the clock that runs ahead.
async fn pass(seconds: u64) {
    let never = std::future::pending::<()>();
    assert!(timeout(Duration::from_secs(seconds), never).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_head_has_ten_seconds_however_it_trickles() {
    let silent = Timed::new(1 << 16);
    assert_eq!(silent.rest().await, (String::new(), 10));

    let mut trickling = Timed::new(1 << 16);
    for byte in b"GET / HTT" {
        trickling.client.write_all(&[*byte]).await.unwrap();
        pass(1).await;
    }
    let (answer, took) = trickling.rest().await;
    assert!(
        answer.starts_with("HTTP/1.1 408 Request Timeout\r\n"),
        "{answer}"
    );
    assert_eq!(took, 10);

    // From its first byte on, in a later request.
    let mut later = Timed::new(1 << 16);
    later
        .client
        .write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        .await
        .unwrap();
    pass(40).await;
    later.client.write_all(b"GET /").await.unwrap();
    let (answer, took) = later.rest().await;
    assert!(answer.contains("HTTP/1.1 408 "), "{answer}");
    assert_eq!(took, 50);
}

#[tokio::test(start_paused = true)]
async fn a_connection_is_idle_for_a_minute_at_most() {
    let mut idle = Timed::new(1 << 16);
    for _ in 0..3 {
        pass(9).await;
        idle.client
            .write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            .await
            .unwrap();
        let mut answer = [0; 300];
        assert!(idle.client.read(&mut answer).await.unwrap() > 0);
    }
    assert_eq!(idle.rest().await, (String::new(), 27 + 60));
}

#[tokio::test(start_paused = true)]
async fn a_body_has_to_come_at_a_rate() {
    let head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n";
    let mut silent = Timed::new(1 << 16);
    silent.client.write_all(head).await.unwrap();
    let (answer, took) = silent.rest().await;
    assert!(
        answer.starts_with("HTTP/1.1 408 Request Timeout\r\n"),
        "{answer}"
    );
    assert!(answer.contains("Connection: close"), "{answer}");
    assert_eq!(took, 10);

    // 600 bytes a second will do, 400 will not.
    for (bytes, seconds) in [(600, 167), (400, 10)] {
        let mut slow = Timed::new(1 << 16);
        slow.client.write_all(head).await.unwrap();
        let mut left: usize = 100_000;
        while left > 0 && !slow.serving.is_finished() && slow.began.elapsed().as_secs() < seconds {
            let length = left.min(bytes);
            left -= length;
            slow.client.write_all(&vec![b'x'; length]).await.unwrap();
            pass(1).await;
        }
        let is_fast = bytes == 600;
        let mut answer = vec![0; 12];
        slow.client.read_exact(&mut answer).await.unwrap();
        let status: &[u8] = if is_fast { b"200" } else { b"408" };
        assert_eq!(&answer[9..], status);
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_takes_nothing_is_left() {
    let mut stalled = Timed::new(1000);
    stalled
        .client
        .write_all(b"GET /long HTTP/1.1\r\nHost: a\r\n\r\n")
        .await
        .unwrap();
    (&mut stalled.serving).await.unwrap();
    assert_eq!(stalled.began.elapsed().as_secs(), 30);

    // One that takes a little now and then is not.
    let mut slow = Timed::new(1000);
    slow.client
        .write_all(b"GET /long HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        .await
        .unwrap();
    let mut heard = 0;
    loop {
        pass(20).await;
        match slow.client.read(&mut [0; 1000]).await.unwrap() {
            0 => break,
            bytes => heard += bytes,
        }
    }
    assert!(heard > 100_000);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_never_closes_is_left_after_its_last_answer() {
    let mut lingering = Timed::new(1 << 16);
    lingering
        .client
        .write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        .await
        .unwrap();
    (&mut lingering.serving).await.unwrap();
    assert_eq!(lingering.began.elapsed().as_secs(), 5);
}

#[test]
fn what_waits_for_a_slow_reader_is_not_piled_up() {
    within(|| {
        let site =
            Site::new(|_: Request| async { Response::new(200).with_body("x".repeat(50_000)) });
        let mut talk = site.connect();
        talk.0.set_nonblocking(true).unwrap();
        let request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(1000);
        // Answers are never read, so requests must be taken no further at some point.
        let (mut written, mut full) = (0_usize, 0);
        while full < 100 {
            match talk.0.write(request.as_bytes()) {
                Ok(bytes) => (written, full) = (written + bytes, 0),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    full += 1;
                    std::thread::park_timeout(Duration::from_millis(1));
                }
                Err(error) => panic!("{error}"),
            }
            assert!(written < 64 << 20);
        }
    });
}
