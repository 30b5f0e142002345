//! HTTP/1 as the server, by raw bytes.

use std::io::{ErrorKind, Read, Write};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use sockeye::web::{Body, BodyError, Chunks, Handler, Reply, Request, Response};
use sockeye_testkit::{Gate, deadline, pattern, within};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::web_raw::{Entry, Site, Talk};

/// Answers at once with what was asked for.
struct AtOnce;

impl Handler for AtOnce {
    fn handle(&self, request: Request) -> Reply {
        Response::text(format!("{}\n", request.path())).into()
    }
}

/// A body that yields these, one at a time.
struct Pieces(Vec<Option<&'static str>>);

impl Chunks for Pieces {
    fn poll_chunk(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, BodyError>>> {
        if self.0.is_empty() {
            return Poll::Ready(None);
        }
        let piece = self.0.remove(0).expect("a piece that panics");
        Poll::Ready(Some(Ok(Bytes::from_static(piece.as_bytes()))))
    }
}

fn pieces(pieces: &[Option<&'static str>], length: Option<u64>) -> Body {
    Body::chunks(Pieces(pieces.to_vec()), length)
}

fn answer(path: &str) -> String {
    let length = path.len() + 1;
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {length}\r\n\r\n{path}\n"
    )
}

#[test]
fn requests_in_one_packet_are_answered_in_order() {
    within(|| {
        let site = Site::new(AtOnce);
        let both =
            site.ask("GET /a HTTP/1.1\r\nHost: a\r\n\r\nGET /b?c HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(both, answer("/a") + &answer("/b"));
    });
}

#[test]
fn a_request_that_comes_byte_by_byte_is_one() {
    within(|| {
        let site = Site::new(AtOnce);
        let mut talk = site.connect();
        for _ in 0..2 {
            for byte in b"GET /slow HTTP/1.1\r\nHost: a\r\nA: b\r\n\r\n" {
                talk.say([*byte]);
            }
            assert_eq!(talk.until("/slow\n"), answer("/slow"));
        }
    });
}

#[test]
fn any_number_of_requests_may_come_before_the_first_answer_is_read() {
    within(|| {
        let site = Site::new(|_: Request| async { Response::new(200).with_body("x".repeat(1000)) });
        let request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(500);
        let short = Site::new(AtOnce);
        for site in [site, short] {
            let mut talk = site.say(&request);
            let count = talk.0.try_clone().unwrap();
            talk.say(request.replace("Host", "Connection: keep-alive\r\nHost"));
            talk.end();
            let heard = Talk(count).rest();
            assert_eq!(heard.matches("HTTP/1.1 200 OK").count(), 1000);
        }
    });
}

#[test]
fn more_answers_than_pile_up_are_all_sent_though_nothing_more_comes() {
    within(|| {
        struct Long;
        impl Handler for Long {
            fn handle(&self, _: Request) -> Reply {
                Response::new(200).with_body("x".repeat(5000)).into()
            }
        }
        let site = Site::new(Long);
        let mut talk = site.say("GET / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(200));
        let mut heard = vec![0; 200 * 5000];
        // Nothing more is said: what is in the server's buffer has to be enough.
        talk.0.read_exact(&mut heard).unwrap();
    });
}

#[test]
fn a_client_that_says_no_more_gets_the_whole_answer() {
    deadline(std::time::Duration::from_secs(30), || {
        let body = pattern(1, 20_000_000);
        let whole = body.clone();
        let site = Site::new(move |_: Request| {
            let body = body.clone();
            async move {
                tokio::task::yield_now().await;
                Response::new(200).with_body(body)
            }
        });
        let mut talk = site.say("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        talk.end();
        talk.until("\r\n\r\n");
        let mut heard = Vec::new();
        talk.0.read_to_end(&mut heard).unwrap();
        assert!(heard == whole);
        let sent = whole.len() as u64;
        assert_eq!(site.record(), entry("/", 200, sent, None));
    });
}

fn entry(target: &str, status: u16, sent: u64, broken: Option<&str>) -> Entry {
    Entry {
        target: Some(target.into()),
        status,
        sent,
        broken: broken.map(str::to_owned),
    }
}

#[test]
fn answers_without_a_body_have_none_and_say_what_they_should() {
    within(|| {
        let site = Site::new(|request: Request| async move {
            let status = request.path()[1..].parse().unwrap_or(200);
            let made = Response::new(status).with_body("hello");
            match request.query() {
                Some(_) => made.with_body(pieces(&[Some("hello")], None)),
                None => made,
            }
        });
        let heads = site.ask(
            "HEAD / HTTP/1.1\r\nHost: a\r\n\r\nHEAD /?c HTTP/1.1\r\nHost: a\r\n\r\n\
             GET /204 HTTP/1.1\r\nHost: a\r\n\r\nGET /304?c HTTP/1.1\r\nHost: a\r\n\r\n\
             HEAD /304 HTTP/1.1\r\nHost: a\r\n\r\nGET /101 HTTP/1.1\r\nHost: a\r\n\r\n",
        );
        assert_eq!(
            heads,
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n\
             HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
             HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 304 Not Modified\r\n\r\n\
             HTTP/1.1 304 Not Modified\r\n\r\n\
             HTTP/1.1 500 Internal Server Error\r\nContent-Length: 5\r\n\r\nhello"
        );
    });
}

#[test]
fn the_connection_lives_as_long_as_the_version_and_the_client_say() {
    within(|| {
        let site = Site::new(AtOnce);
        let again = "GET /b HTTP/1.1\r\nHost: a\r\n\r\n";
        let closes = |answer: String| answer.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n");
        let kept = answer("/a").replace("\r\n\r\n", "\r\nConnection: keep-alive\r\n\r\n");
        let cases = [
            ("GET /a HTTP/1.0\r\n\r\n", answer("/a")),
            (
                "GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
                kept + &answer("/b"),
            ),
            (
                "GET /a HTTP/1.1\r\nHost: a\r\nConnection: x, Close\r\n\r\n",
                closes(answer("/a")),
            ),
            (
                "GET /a HTTP/1.1\r\nHost: a\r\n\r\n",
                answer("/a") + &answer("/b"),
            ),
        ];
        for (request, answers) in cases {
            assert_eq!(site.ask(format!("{request}{again}")), answers, "{request}");
        }
    });
}

#[test]
fn a_body_of_unknown_length_comes_in_chunks_or_until_the_end() {
    within(|| {
        let site = Site::new(|_: Request| async {
            Response::new(200).with_body(pieces(&[Some("one"), Some("twenty characters...")], None))
        });
        assert_eq!(
            site.ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n14\r\ntwenty characters...\r\n0\r\n\r\n"
        );
        assert_eq!(
            site.ask("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"),
            "HTTP/1.1 200 OK\r\n\r\nonetwenty characters..."
        );
        assert_eq!(site.record(), entry("/", 200, 23, None));
        assert_eq!(site.record(), entry("/", 200, 23, None));
    });
}

#[test]
fn an_answer_that_is_not_what_was_said_is_broken_off() {
    within(|| {
        let site = Site::new(|request: Request| async move {
            match request.path() {
                "/short" => Response::new(200).with_body(pieces(&[Some("four")], Some(10))),
                "/long" => {
                    Response::new(200).with_body(pieces(&[Some("four"), Some("x")], Some(4)))
                }
                "/panic" => Response::new(200).with_body(pieces(&[Some("four"), None], None)),
                _ => Response::abort(),
            }
        });
        let ask = |path: &str| {
            site.say(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"))
                .until_reset()
        };
        assert_eq!(
            ask("/short"),
            "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfour"
        );
        ask("/long");
        ask("/panic");
        assert_eq!(ask("/abort"), "");
        let why = [
            "a body that is 6 bytes short of its length (RFC 9110 section 8.6)",
            "more bytes of body than were announced (RFC 9110 section 8.6)",
            "the body of the answer failed",
            "the handler gave up",
        ];
        for why in why {
            assert_eq!(site.record().broken.as_deref(), Some(why));
        }
    });
}

#[test]
fn a_handler_that_panics_is_answered_for_and_the_connection_lives_on() {
    within(|| {
        struct Panics;
        impl Handler for Panics {
            fn handle(&self, request: Request) -> Reply {
                match request.path() {
                    "/now" => panic!("at once"),
                    "/later" => Reply::later(async {
                        tokio::task::yield_now().await;
                        let none: Option<Response> = std::hint::black_box(None);
                        none.expect("later")
                    }),
                    _ => AtOnce.handle(request),
                }
            }
        }
        let site = Site::new(Panics);
        let answers = site.ask(
            "GET /now HTTP/1.1\r\nHost: a\r\n\r\nGET /later HTTP/1.1\r\nHost: a\r\n\r\n\
             POST /now HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhiGET /a HTTP/1.1\r\nHost: a\r\n\r\n",
        );
        let failed = "HTTP/1.1 500 Internal Server Error\r\nContent-Type: text/plain; charset=utf-8\r\n\
             X-Content-Type-Options: nosniff\r\nContent-Length: 35\r\n\r\nthe handler of this request failed\n";
        assert_eq!(answers, failed.repeat(3) + &answer("/a"));
    });
}

/// Sends the body back as it comes.
async fn echo(request: Request) -> Response {
    Response::new(200).with_body(request.body)
}

#[test]
fn a_client_that_asks_first_is_told_to_send_when_the_body_is_read() {
    within(|| {
        let head = "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: ";
        let site = Site::new(|mut request: Request| async move {
            match request.body.bytes(10).await {
                Ok(body) => Response::new(200).with_body(body),
                Err(error) => Response::error(error.status(), error),
            }
        });
        let mut talk = site.say(format!("{head}5\r\n\r\n"));
        assert_eq!(talk.until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
        talk.say("hello");
        assert_eq!(
            talk.until("hello"),
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
        );
        // Too large: that is said instead, and the body never comes.
        talk.say(format!("{head}500\r\n\r\n"));
        assert_eq!(
            talk.rest(),
            "HTTP/1.1 413 Content Too Large\r\nContent-Type: text/plain; charset=utf-8\r\n\
             X-Content-Type-Options: nosniff\r\nContent-Length: 32\r\nConnection: close\r\n\r\n\
             the body has more than 10 bytes\n"
        );

        // The answer begins before the body is read: the client is asked before both.
        let site = Site::new(echo);
        let mut talk = site.say(format!("{head}5\r\n\r\n"));
        assert_eq!(talk.until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
        talk.say("hello");
        assert_eq!(
            talk.until("hello"),
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
        );
        let unknown = site.ask("GET / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n");
        assert!(
            unknown.starts_with("HTTP/1.1 417 Expectation Failed\r\n"),
            "{unknown}"
        );
    });
}

#[test]
fn a_body_goes_back_while_it_comes_and_no_more_is_taken_than_is_given_back() {
    deadline(std::time::Duration::from_secs(60), || {
        const LENGTH: u64 = 100_000_000;
        let site = Site::new(|mut request: Request| async move {
            request.body.set_limit(u64::MAX);
            echo(request).await
        });
        let mut talk = site.say(format!(
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {LENGTH}\r\n\r\n"
        ));
        // Nothing is read back: what goes in is what the buffers on the way take, and not the server.
        let block = pattern(7, 1 << 20);
        talk.0.set_nonblocking(true).unwrap();
        let (mut written, mut full) = (0, 0);
        while full < 200 {
            match talk.0.write(&block[written % block.len()..]) {
                Ok(bytes) => (written, full) = (written + bytes, 0),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    full += 1;
                    std::thread::park_timeout(std::time::Duration::from_millis(1));
                }
                Err(error) => panic!("{error}"),
            }
        }
        assert!(written < 40 << 20, "{written} bytes went in");
        talk.0.set_nonblocking(false).unwrap();
        let mut writer = talk.0.try_clone().unwrap();
        let (rest, first) = (block.clone(), written);
        let writing = std::thread::spawn(move || {
            let mut written = first;
            while (written as u64) < LENGTH {
                let at = written % rest.len();
                let most = usize::try_from(LENGTH).unwrap() - written;
                let end = rest.len().min(at + most);
                writer.write_all(&rest[at..end]).unwrap();
                written += end - at;
            }
        });
        talk.until("\r\n\r\n");
        let mut heard = vec![0; block.len()];
        let mut left = usize::try_from(LENGTH).unwrap();
        while left > 0 {
            let length = left.min(heard.len());
            talk.0.read_exact(&mut heard[..length]).unwrap();
            assert!(heard[..length] == block[..length]);
            left -= length;
        }
        writing.join().unwrap();
        assert_eq!(site.record(), entry("/", 200, LENGTH, None));
    });
}

#[test]
fn a_connection_becomes_something_else() {
    within(|| {
        let site = Site::new(|_: Request| async {
            Response::upgrade("shout", |mut stream| async move {
                let mut byte = [0];
                while stream.read(&mut byte).await.unwrap() > 0 {
                    byte.make_ascii_uppercase();
                    stream.write_all(&byte).await.unwrap();
                }
            })
        });
        // The first word comes with the request.
        let asked = "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: shout\r\n";
        let mut talk = site.say(format!("{asked}\r\nhello "));
        assert_eq!(
            talk.until("HELLO "),
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: shout\r\nConnection: upgrade\r\n\r\nHELLO "
        );
        talk.say("world");
        talk.end();
        assert_eq!(talk.rest(), "WORLD");
        assert_eq!(site.record(), entry("/", 101, 0, None));
        for request in [
            format!("{asked}Content-Length: 1\r\n\r\nx"),
            "GET / HTTP/1.0\r\n\r\n".to_owned(),
        ] {
            let answer = site.ask(request);
            assert!(answer.starts_with("HTTP/1.1 501 "), "{answer}");
            assert_eq!(site.record().status, 501);
        }
    });
}

/// Opens a gate when it goes.
struct Opens(Gate);

impl Drop for Opens {
    fn drop(&mut self) {
        self.0.open();
    }
}

#[test]
fn a_client_that_is_gone_ends_the_handler_and_is_logged_as_gone() {
    within(|| {
        let (began, ended) = (Gate::new(), Gate::new());
        let (begins, ends) = (began.clone(), ended.clone());
        let site = Site::new(move |_: Request| {
            let (began, ended) = (begins.clone(), Opens(ends.clone()));
            async move {
                began.open();
                let _ended = ended;
                std::future::pending::<()>().await;
                Response::new(200)
            }
        });
        let talk = site.say("GET /for-ever HTTP/1.1\r\nHost: a\r\n\r\n");
        assert!(began.wait());
        talk.reset();
        assert!(ended.wait());
        let record = site.record();
        assert_eq!((record.status, record.sent), (499, 0));
        assert!(record.broken.is_some());
    });
}

#[test]
fn a_client_that_leaves_in_the_middle_is_logged_with_what_it_got() {
    within(|| {
        let body = vec![7; 50 << 20];
        let site = Site::new(move |_: Request| {
            let body = body.clone();
            async move { Response::new(200).with_body(body) }
        });
        let mut talk = site.say("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        talk.0.read_exact(&mut [0; 1000]).unwrap();
        talk.reset();
        let record = site.record();
        assert_eq!(record.status, 200);
        assert!((500..50 << 20).contains(&record.sent), "{record:?}");
        assert!(record.broken.is_some());
    });
}

#[test]
fn a_body_that_nobody_read_is_passed_over_if_it_is_short() {
    within(|| {
        let site = Site::new(AtOnce);
        let post = |length: usize| {
            let body = "x".repeat(length);
            format!("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n{body}")
        };
        let again = "GET /b HTTP/1.1\r\nHost: a\r\n\r\n";
        assert_eq!(site.ask(post(60_000) + again), answer("/a") + &answer("/b"));
        // A long one is not: the answer arrives all the same, and whole.
        let closes = answer("/a").replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n");
        assert_eq!(site.ask(post(4_000_000) + again), closes);
    });
}

#[test]
fn the_host_is_that_of_a_whole_url_if_the_target_is_one() {
    within(|| {
        let site = Site::new(|request: Request| async move {
            format!("{:?} {}\n", request.host(), request.path())
        });
        let answer = site.ask("GET http://b.example:81/c?d HTTP/1.1\r\nHost: a.example\r\n\r\n");
        assert!(
            answer.ends_with("\r\n\r\nSome(\"b.example:81\") /c\n"),
            "{answer}"
        );
    });
}

#[test]
fn the_first_bytes_say_whether_it_is_http2_however_they_are_cut() {
    within(|| {
        let site = Site::new(AtOnce);
        let mut talk = site.connect();
        for byte in b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0" {
            talk.say([*byte]);
        }
        let mut frame = [0; 9];
        talk.0.read_exact(&mut frame).unwrap();
        // SETTINGS (RFC 9113 section 6.5).
        assert_eq!(frame[3], 4);
        assert_eq!(site.ask("PUT /p HTTP/1.1\r\nHost: a\r\n\r\n"), answer("/p"));
    });
}
