//! The access log and the figures: what is written, and that nobody waits for whoever takes it.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use serde_json::Value;
use sockeye::Net;
use sockeye::web::{
    AccessLog, LogFormat, LogWriter, Loss, Metrics, Refusal, Reply, Request, Response, Server,
};
use sockeye_testkit::{Gate, LIMIT, Program, peers, within};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// A sink that tells of each write.
struct Told(mpsc::Sender<String>);

impl Write for Told {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        self.0.send(text).map_err(io::Error::other)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A writer, and what arrives.
fn told() -> (LogWriter, mpsc::Receiver<String>) {
    let (sender, receiver) = mpsc::channel();
    (LogWriter::new(Told(sender)).unwrap(), receiver)
}

/// A sink that stands still until a gate opens.
struct Still(Arc<Gate>, Told);

impl Write for Still {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.wait();
        self.1.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn the_first_line_is_written_at_once_and_the_last_ones_at_the_end() {
    within(|| {
        let (writer, lines) = told();
        writer.write(b"one\n");
        assert_eq!(lines.recv_timeout(LIMIT).unwrap(), "one\n");
        writer.write(b"two\n");
        let other = writer.clone();
        drop(writer);
        other.write(b"three\n");
        drop(other);
        let rest: String = lines.iter().collect();
        assert_eq!(rest, "two\nthree\n");
    });
}

#[test]
fn lines_of_several_threads_are_whole_and_in_their_order() {
    within(|| {
        let (writer, lines) = told();
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let writer = &writer;
                scope.spawn(move || {
                    for number in 0..5000 {
                        writer.write(format!("{thread} {number}\n").as_bytes());
                    }
                });
            }
        });
        assert!(writer.flush(LIMIT));
        assert_eq!(writer.lost(), 0);
        drop(writer);
        let all: String = lines.iter().collect();
        let mut next = [0; 4];
        for line in all.lines() {
            let (thread, number) = line.split_once(' ').unwrap();
            let expected = &mut next[thread.parse::<usize>().unwrap()];
            assert_eq!(number.parse::<usize>().unwrap(), *expected);
            *expected += 1;
        }
        assert_eq!(next, [5000; 4]);
    });
}

#[test]
fn a_reader_that_stands_still_costs_lines_that_are_counted() {
    within(|| {
        let gate = Arc::new(Gate::new());
        let (sender, lines) = mpsc::channel();
        let losses = Arc::new(Mutex::new(Vec::new()));
        let tell = {
            let losses = Arc::clone(&losses);
            move |loss: Loss| {
                losses
                    .lock()
                    .unwrap()
                    .push((loss.lines, loss.error.is_none()))
            }
        };
        let sink = Still(Arc::clone(&gate), Told(sender));
        let writer = LogWriter::with_room(sink, 40, tell).unwrap();
        writer.write(b"0123456789\n");
        // The first batch is being written, or waits; in any case four more do not fit.
        for _ in 0..10 {
            writer.write(b"0123456789\n");
        }
        let lost = writer.lost();
        assert!((4..=8).contains(&lost), "{lost}");
        assert!(!writer.flush(Duration::ZERO));
        gate.open();
        assert!(writer.flush(LIMIT));
        drop(writer);
        let arrived: String = lines.iter().collect();
        assert_eq!(arrived.lines().count() as u64 + lost, 11);
        assert_eq!(*losses.lock().unwrap(), [(lost, true)]);
    });
}

#[test]
fn a_log_that_cannot_be_written_says_why() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    within(|| {
        let (sender, losses) = mpsc::channel();
        let tell = move |loss| sender.send(loss).unwrap();
        let writer = LogWriter::with_room(Full, 1000, tell).unwrap();
        writer.write(b"one\ntwo\n");
        let loss = losses.recv_timeout(LIMIT).unwrap();
        assert_eq!(loss.lines, 2);
        assert_eq!(loss.error.unwrap().kind(), io::ErrorKind::StorageFull);
        assert_eq!(writer.lost(), 2);
    });
}

#[test]
fn a_rotated_log_goes_on_in_the_new_file() {
    within(|| {
        let (writer, before) = told();
        writer.write(b"before\n");
        assert!(writer.flush(LIMIT));
        let (sender, after) = mpsc::channel();
        writer.replace(Told(sender));
        // The old one is closed although nothing more is written.
        assert_eq!(before.iter().collect::<String>(), "before\n");
        writer.write(b"after\n");
        drop(writer);
        assert_eq!(after.iter().collect::<String>(), "after\n");
    });
}

/// A server with this log, and what one client gets for these bytes.
async fn answered(server: Server, request: &[u8]) -> String {
    let at = "127.0.0.1:0".parse().unwrap();
    let listener = Net::new().listen(&at).await.unwrap();
    let address = listener.local().to_string().replace("tcp://", "");
    let stop = CancellationToken::new();
    let running = tokio::spawn({
        let stop = stop.clone();
        async move { server.serve(listener, stop).await }
    });
    let mut client = TcpStream::connect(address).await.unwrap();
    client.write_all(request).await.unwrap();
    client.shutdown().await.unwrap();
    let mut answer = String::new();
    // A connection that is broken off is one of the answers.
    let read = client.read_to_string(&mut answer);
    let _ = timeout(LIMIT, read).await.unwrap();
    stop.cancel();
    running.await.unwrap().unwrap();
    answer
}

fn hello(request: Request) -> std::future::Ready<Response> {
    let response = match request.path() {
        "/gone" => Response::abort(),
        _ => Response::text("hello\n"),
    };
    std::future::ready(response)
}

#[tokio::test]
async fn requests_refusals_and_broken_answers_are_lines() {
    let (writer, lines) = told();
    let log = Arc::new(AccessLog::new(LogFormat::Json, writer));
    let request = b"GET /a?b HTTP/1.1\r\nHost: here\r\nUser-Agent: me\r\n\r\nHEAD /a HTTP/1.1\r\nHost: here\r\n\r\nGET /a HTTP/1.1\r\n\r\n";
    answered(Server::new(hello).log(log.clone()), request).await;
    answered(
        Server::new(hello).log(log),
        b"GET /gone HTTP/1.1\r\nHost: here\r\n\r\n",
    )
    .await;
    let lines: Vec<Value> = lines
        .iter()
        .collect::<String>()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let seen: Vec<_> = lines
        .iter()
        .map(|line| {
            assert_eq!(line["type"], "request");
            let broken = line["broken"].is_string();
            (
                line["method"].as_str(),
                line["target"].as_str(),
                line["status"].as_u64().unwrap(),
                line["sent"].as_u64().unwrap(),
                broken,
            )
        })
        .collect();
    let without_host = lines[2]["sent"].as_u64().unwrap();
    assert_eq!(
        seen,
        [
            (Some("GET"), Some("/a?b"), 200, 6, false),
            (Some("HEAD"), Some("/a"), 200, 0, false),
            (None, None, 400, without_host, true),
            (Some("GET"), Some("/gone"), 500, 0, true),
        ]
    );
    assert_eq!(
        (&lines[0]["host"], &lines[0]["agent"]),
        (&"here".into(), &"me".into())
    );
}

/// What the reference parser of the format makes of a page: each sample, sorted.
fn parsed(page: &str) -> Option<Vec<String>> {
    const SCRIPT: &str = "import sys\n\
        from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse\n\
        for family in parse(sys.stdin.read()):\n\
        \x20   for sample in family.samples:\n\
        \x20       labels = ','.join(f'{k}={v}' for k, v in sorted(sample.labels.items()))\n\
        \x20       print(family.type, sample.name, labels, float(sample.value))\n";
    let python = peers::python_with(&["prometheus_client"])?;
    let mut program = Program::start(python, ["-c", SCRIPT]);
    program.write(page);
    let output = program.finish();
    assert_eq!(output.code, Some(0), "{}\n{page}", output.stderr_text());
    let mut samples: Vec<String> = output.stdout_text().lines().map(str::to_owned).collect();
    samples.sort();
    Some(samples)
}

#[tokio::test]
async fn figures_are_what_the_reference_parser_reads() {
    let metrics = Arc::new(Metrics::new());
    let request = b"GET /a HTTP/1.1\r\nHost: here\r\n\r\nBREW /a HTTP/1.1\r\nHost: here\r\n\r\nnonsense\r\n\r\n";
    answered(Server::new(hello).log(metrics.clone()), request).await;
    sockeye::web::Log::refused(&*metrics, None, Refusal::Full);
    let page = answered(
        Server::new(metrics.handler()),
        b"GET /metrics HTTP/1.0\r\n\r\n",
    )
    .await;
    let (head, body) = page.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    let media_type = "Content-Type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n";
    assert!(head.contains(media_type), "{head}");
    assert!(body.ends_with("\n# EOF\n"));
    let Some(samples) = parsed(body) else { return };
    let has = |sample: &str| {
        assert!(
            samples.iter().any(|line| line == sample),
            "{sample} is not in {samples:#?}"
        );
    };
    has("counter sockeye_http_requests_total method=GET,status=2xx 1.0");
    has("counter sockeye_http_requests_total method=other,status=2xx 1.0");
    has("counter sockeye_http_requests_total method=other,status=4xx 1.0");
    has("histogram sockeye_http_request_duration_seconds_count  3.0");
    has("histogram sockeye_http_request_duration_seconds_bucket le=+Inf 3.0");
    has("gauge sockeye_http_requests_in_flight  0.0");
    has("counter sockeye_http_broken_total  1.0");
    has("gauge sockeye_connections_open  0.0");
    has("counter sockeye_connections_total  1.0");
    has("counter sockeye_connections_refused_total reason=full 1.0");
    has("counter sockeye_connections_refused_total reason=denied 0.0");
    has("counter sockeye_log_lines_lost_total  0.0");
    has("info sockeye_build_info version=0.1.0 1.0");
}

#[tokio::test]
async fn what_waits_is_in_flight() {
    let metrics = Arc::new(Metrics::new());
    let (there, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let server = {
        let (there, go) = (there.clone(), go.clone());
        Server::new(move |_: Request| {
            let (there, go) = (there.clone(), go.clone());
            async move {
                there.notify_one();
                go.notified().await;
                Response::text("late\n")
            }
        })
    };
    let server = server.log(metrics.clone());
    let asking = tokio::spawn(answered(server, b"GET / HTTP/1.1\r\nHost: here\r\n\r\n"));
    timeout(LIMIT, there.notified()).await.unwrap();
    assert!(
        metrics
            .text()
            .contains("\nsockeye_http_requests_in_flight 1\n")
    );
    assert!(metrics.text().contains("\nsockeye_connections_open 1\n"));
    go.notify_one();
    asking.await.unwrap();
    assert!(
        metrics
            .text()
            .contains("\nsockeye_http_requests_in_flight 0\n")
    );
    assert!(metrics.text().contains("\nsockeye_connections_open 0\n"));
}

#[tokio::test]
async fn figures_are_read_and_nothing_else() {
    let site = Arc::new(Metrics::new()).handler();
    let status = |method, target| {
        let reply: Reply = sockeye::web::Handler::handle(&site, Request::made(method, target));
        async { reply.response().await.status() }
    };
    assert_eq!(status("GET", "/metrics").await, 200);
    assert_eq!(status("HEAD", "/").await, 200);
    assert_eq!(status("POST", "/metrics").await, 405);
    assert_eq!(status("GET", "/secret").await, 404);
}
