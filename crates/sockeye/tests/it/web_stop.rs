//! How a server stops.

use std::sync::Arc;
use std::time::Duration;

use sockeye::Net;
use sockeye::web::{Bounds, Request, Response, Server};
use sockeye_testkit::LIMIT;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: here\r\n\r\n";

async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(LIMIT, future).await.expect("in time")
}

struct Running {
    at: String,
    stop: CancellationToken,
    task: JoinHandle<()>,
    began: Arc<Notify>,
    go: Arc<Notify>,
}

/// A server whose handler says that it began and waits to be told to go on.
async fn start(bounds: Bounds) -> Running {
    let (began, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let server = Server::new({
        let (began, go) = (Arc::clone(&began), Arc::clone(&go));
        move |_: Request| {
            let (began, go) = (Arc::clone(&began), Arc::clone(&go));
            async move {
                began.notify_one();
                go.notified().await;
                Response::typed("application/octet-stream", vec![b'x'; 32 << 20])
            }
        }
    })
    .bounds(bounds);
    let endpoint = "127.0.0.1:0".parse().unwrap();
    let listener = Net::new().listen(&endpoint).await.unwrap();
    let at = listener.local().to_string().replace("tcp://", "");
    let stop = CancellationToken::new();
    let task = tokio::spawn({
        let stop = stop.clone();
        async move {
            server.serve(listener, stop).await.unwrap();
        }
    });
    Running {
        at,
        stop,
        task,
        began,
        go,
    }
}

#[tokio::test]
async fn what_runs_ends_whole_and_says_that_it_is_the_last() {
    let running = start(Bounds::default()).await;
    let mut silent = TcpStream::connect(&running.at).await.unwrap();
    let mut asking = TcpStream::connect(&running.at).await.unwrap();
    asking.write_all(GET).await.unwrap();
    soon(running.began.notified()).await;
    running.stop.cancel();
    // Whoever asks nothing is let go at once, and nobody else comes in.
    assert_eq!(soon(silent.read(&mut [0])).await.unwrap(), 0);
    assert!(TcpStream::connect(&running.at).await.is_err());
    running.go.notify_one();
    let mut answer = Vec::new();
    soon(asking.read_to_end(&mut answer)).await.unwrap();
    let head = answer
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .unwrap();
    assert_eq!(answer.len(), head + 4 + (32 << 20));
    let head = String::from_utf8_lossy(&answer[..head]);
    assert!(head.contains("\r\nConnection: close"), "{head}");
    soon(running.task).await.unwrap();
}

#[tokio::test]
async fn when_grace_is_over_what_runs_is_cut_off() {
    let mut bounds = Bounds::default();
    bounds.grace = Duration::from_millis(50);
    let running = start(bounds).await;
    let mut asking = TcpStream::connect(&running.at).await.unwrap();
    asking.write_all(GET).await.unwrap();
    soon(running.began.notified()).await;
    running.stop.cancel();
    soon(running.task).await.unwrap();
    let mut answer = Vec::new();
    // An end or a reset: but no answer.
    let _ = soon(asking.read_to_end(&mut answer)).await;
    assert!(answer.is_empty());
}
