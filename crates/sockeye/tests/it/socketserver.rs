//! The servers of the chapter on `socketserver`, proved against Python's clients.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use sockeye::net::{Arrival, Limits, Link, MAX_DATAGRAM, Net, Stream, serve};
use sockeye::{Endpoint, Listener};
use sockeye_testkit::{Program, peers, temporary_dir, within};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, split};
use tokio_util::sync::CancellationToken;

fn python(script: &str, args: &[&str]) -> Option<Program> {
    let python = peers::python3()?;
    Some(Program::start(python, ["-c", script].iter().chain(args)))
}

fn block<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(work)
}

/// The end of the program, without holding up the runtime that serves it.
async fn ended(program: Program) -> String {
    let output = tokio::task::spawn_blocking(|| program.wait())
        .await
        .unwrap();
    assert!(output.code == Some(0), "{}", output.stderr_text());
    output.stdout_text()
}

fn port_of(at: &Endpoint) -> String {
    at.to_string().rsplit(':').next().unwrap().to_owned()
}

async fn listen(at: &str) -> Listener {
    Net::new().listen(&at.parse().unwrap()).await.unwrap()
}

async fn echo(mut request: Stream) -> std::io::Result<()> {
    let mut data = [0; 16384];
    loop {
        let n = request.read(&mut data).await?;
        if n == 0 {
            return request.shutdown().await;
        }
        request.write_all(&data[..n]).await?;
    }
}

async fn times_two(request: Stream) -> std::io::Result<()> {
    let (rfile, mut wfile) = split(request);
    let mut lines = BufReader::new(rfile).lines();
    while let Some(line) = tokio::time::timeout(Duration::from_secs(5), lines.next_line()).await?? {
        let number: i64 = line.trim().parse().map_err(std::io::Error::other)?;
        wfile
            .write_all(format!("{}\n", number * 2).as_bytes())
            .await?;
    }
    wfile.shutdown().await
}

/// Serve with this handler until the Python program has ended; what it said, and how many clients there were.
async fn served<F, R>(
    listener: Listener,
    limits: Limits,
    handle: F,
    program: Program,
) -> (String, u64)
where
    F: Fn(Stream) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = std::io::Result<()>> + Send + 'static,
{
    let stop = CancellationToken::new();
    let serving = tokio::spawn(serve(listener, limits, stop.clone(), move |arrival| {
        let handle = handle.clone();
        async move {
            let Arrival::Accepted(incoming) = arrival else {
                return;
            };
            if let Ok(Link::Stream(request)) = incoming.handshake().await {
                drop(handle(request).await);
            }
        }
    }));
    let said = ended(program).await;
    stop.cancel();
    (said, serving.await.unwrap().unwrap().accepted)
}

const TWO_CLIENTS: &str = r#"
import socket, sys
a, b = (socket.create_connection(("127.0.0.1", int(sys.argv[1]))) for _ in "ab")
for s in (b, a):
    s.sendall(b"Hello"); print(s.recv(5, socket.MSG_WAITALL).decode())
for s in (a, b):
    s.shutdown(socket.SHUT_WR); print(s.recv(1))
"#;

#[test]
fn a_threading_server_answers_the_second_client_first() {
    within(|| {
        block(async {
            let listener = listen("127.0.0.1:0").await;
            let Some(program) = python(TWO_CLIENTS, &[&port_of(listener.local())]) else {
                return;
            };
            let (said, accepted) = served(listener, Limits::default(), echo, program).await;
            assert_eq!((said.as_str(), accepted), ("Hello\nHello\nb''\nb''\n", 2));
        });
    });
}

const IN_TURN: &str = r#"
import socket, sys
a, b = (socket.create_connection(("127.0.0.1", int(sys.argv[1]))) for _ in "ab")
b.sendall(b"second"); a.sendall(b"first")
print(a.recv(5, socket.MSG_WAITALL)); a.close()
print(b.recv(6, socket.MSG_WAITALL)); b.close()
"#;

/// `TCPServer` has one client at a time; the next one waits.
#[test]
fn a_plain_server_serves_one_after_the_other() {
    within(|| {
        block(async {
            let listener = listen("127.0.0.1:0").await;
            let Some(program) = python(IN_TURN, &[&port_of(listener.local())]) else {
                return;
            };
            let mut limits = Limits::default();
            limits.max_clients = Some(1);
            let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
            let seen = Arc::clone(&most);
            let handle = move |request| {
                let (now, most) = (Arc::clone(&now), Arc::clone(&most));
                async move {
                    most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    let done = echo(request).await;
                    now.fetch_sub(1, Ordering::SeqCst);
                    done
                }
            };
            let (said, accepted) = served(listener, limits, handle, program).await;
            assert_eq!((said.as_str(), accepted), ("b'first'\nb'second'\n", 2));
            assert_eq!(seen.load(Ordering::SeqCst), 1);
        });
    });
}

const LINES: &str = r#"
import socket, sys
s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])
f = s.makefile("rw")
for n in (21, -3):
    print(n, file=f, flush=True); print(f.readline(), end="")
s.shutdown(socket.SHUT_WR); print(repr(f.read()))
"#;

/// `StreamRequestHandler` behind a `UnixStreamServer`; the socket file is gone afterwards.
#[test]
fn a_stream_request_handler_answers_line_by_line() {
    within(|| {
        let folder = temporary_dir();
        let path = folder.path().join("calc.sock");
        let text = path.to_str().unwrap();
        block(async {
            let listener = listen(&format!("unix:{text}")).await;
            let Some(program) = python(LINES, &[text]) else {
                return;
            };
            let (said, accepted) = served(listener, Limits::default(), times_two, program).await;
            assert_eq!((said.as_str(), accepted), ("42\n-6\n''\n", 1));
        });
        assert!(!path.exists());
    });
}

const DATAGRAMS: &str = r#"
import socket, sys
for word in (b"hello", b"", b"x" * 60000):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(5)
    s.sendto(word, ("127.0.0.1", int(sys.argv[1])))
    print(s.recv(65535) == word.upper())
"#;

#[test]
fn a_udp_server_answers_whoever_asks() {
    within(|| {
        block(async {
            let socket = Net::new()
                .bind(&"udp://127.0.0.1:0".parse().unwrap())
                .await
                .unwrap();
            let Some(program) = python(DATAGRAMS, &[&port_of(socket.local())]) else {
                return;
            };
            let stop = CancellationToken::new();
            let serving = stop.clone();
            let server = tokio::spawn(async move {
                let mut data = vec![0; MAX_DATAGRAM];
                let mut count = 0;
                while let Some(arrived) = serving
                    .run_until_cancelled(socket.recv_from(&mut data))
                    .await
                {
                    let arrived = arrived.unwrap();
                    let answer = data[..arrived.len].to_ascii_uppercase();
                    socket.send_to(&answer, &arrived.peer).await.unwrap();
                    count += 1;
                }
                count
            });
            assert_eq!(ended(program).await, "True\nTrue\nTrue\n");
            stop.cancel();
            assert_eq!(server.await.unwrap(), 3);
        });
    });
}
