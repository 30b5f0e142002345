//! A chapter for those who come from Python's `socketserver`: the same servers here, side by side. There is nothing to call in this
//! module; every program below runs as a test.
//!
//! A server of `socketserver` is two classes: one that accepts, and a handler that is made for each request. Here it is a
//! [`Listener`](super::Listener), the loop [`serve()`](super::serve()), and an async function that is called for each client in a task
//! of its own. What differs between `TCPServer` and `UnixStreamServer` is the text of the endpoint.
//!
//! # An echo server, one task for each connection
//!
//! ```python
//! class EchoHandler(socketserver.BaseRequestHandler):
//!     def handle(self):
//!         while data := self.request.recv(16384):
//!             self.request.sendall(data)
//!
//! with socketserver.ThreadingTCPServer(("127.0.0.1", 0), EchoHandler) as server:
//!     server.serve_forever()
//! ```
//!
//! ```
//! use sockeye::net::{Arrival, Limits, Link, Net, Stream, serve};
//! use tokio::io::{AsyncReadExt, AsyncWriteExt};
//! use tokio_util::sync::CancellationToken;
//!
//! // BaseRequestHandler.handle: `request` is self.request.
//! async fn handle(mut request: Stream) -> std::io::Result<()> {
//!     let mut data = [0; 16384];
//!     loop {
//!         let n = request.read(&mut data).await?;
//!         if n == 0 {
//!             return request.shutdown().await; // b"" in Python: the client has said all
//!         }
//!         request.write_all(&data[..n]).await?;
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let listener = Net::new().listen(&"127.0.0.1:0".parse()?).await?; // server_bind, server_activate
//! let address = listener.local().clone(); // server.server_address
//! let stop = CancellationToken::new();
//! let server = tokio::spawn(serve(listener, Limits::default(), stop.clone(), |arrival| async move {
//!     let Arrival::Accepted(incoming) = arrival else { return };
//!     let peer = incoming.peer().cloned(); // self.client_address
//!     let Ok(Link::Stream(request)) = incoming.handshake().await else { return };
//!     if let Err(error) = handle(request).await {
//!         eprintln!("{peer:?}: {error}"); // server.handle_error: the others go on
//!     }
//! }));
//!
//! // Two clients at once: the second is answered while the first one is still there.
//! let (mut one, mut two) = (Net::new().connect(&address).await?, Net::new().connect(&address).await?);
//! let mut heard = [0; 5];
//! for client in [&mut two, &mut one] {
//!     client.write_all(b"Hello").await?;
//!     client.read_exact(&mut heard).await?;
//!     assert_eq!(&heard, b"Hello");
//! }
//! drop((one, two));
//! stop.cancel(); // server.shutdown(), which waits for the handlers as `server_close` of ThreadingTCPServer does
//! assert_eq!(server.await??.accepted, 2);
//! # Ok(())
//! # }
//! ```
//!
//! A plain `TCPServer` serves one client after the other: that is `limits.max_clients = Some(1)`. The next one waits in the queue of
//! the kernel. A handler that panics ends its own connection; the loop goes on.
//!
//! # Lines: `StreamRequestHandler` with `rfile` and `wfile`
//!
//! ```python
//! class TimesTwo(socketserver.StreamRequestHandler):
//!     timeout = 5
//!     def handle(self):
//!         for line in self.rfile:
//!             self.wfile.write(b"%d\n" % (int(line) * 2))
//! ```
//!
//! ```
//! use std::time::Duration;
//!
//! use sockeye::net::{Link, Net, Stream};
//! use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, split};
//! use tokio::time::timeout;
//!
//! const TIMEOUT: Duration = Duration::from_secs(5);
//!
//! async fn handle(request: Stream) -> std::io::Result<()> {
//!     let (rfile, mut wfile) = split(request);
//!     let mut lines = BufReader::new(rfile).lines();
//!     while let Some(line) = timeout(TIMEOUT, lines.next_line()).await?? {
//!         let number: i64 = line.trim().parse().map_err(std::io::Error::other)?;
//!         wfile.write_all(format!("{}\n", number * 2).as_bytes()).await?;
//!     }
//!     wfile.shutdown().await
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut listener = Net::new().listen(&"127.0.0.1:0".parse()?).await?;
//! let mut client = Net::new().connect(listener.local()).await?;
//! client.write_all(b"21\n-3\n").await?;
//! client.shutdown().await?;
//!
//! // server.handle_request(): one client, in this task.
//! let incoming = listener.accept().await?.expect("a TCP listener goes on for ever");
//! let Link::Stream(request) = incoming.handshake().await? else { panic!("TCP carries bytes") };
//! handle(request).await?;
//! let mut heard = String::new();
//! client.read_to_string(&mut heard).await?;
//! assert_eq!(heard, "42\n-6\n");
//! # Ok(())
//! # }
//! ```
//!
//! A line has no longest length here, as in Python; whoever serves strangers reads with `take` around it.
//!
//! # A UDP server
//!
//! ```python
//! class Upper(socketserver.BaseRequestHandler):
//!     def handle(self):
//!         data, socket = self.request
//!         socket.sendto(data.upper(), self.client_address)
//!
//! with socketserver.UDPServer(("127.0.0.1", 0), Upper) as server:
//!     server.serve_forever()
//! ```
//!
//! ```
//! use sockeye::net::{MAX_DATAGRAM, Net};
//! use tokio_util::sync::CancellationToken;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let socket = Net::new().bind(&"udp://127.0.0.1:0".parse()?).await?;
//! let address = socket.local().clone();
//! let stop = CancellationToken::new();
//! let serving = stop.clone();
//! let server = tokio::spawn(async move {
//!     let mut data = vec![0; MAX_DATAGRAM]; // max_packet_size
//!     while let Some(arrived) = serving.run_until_cancelled(socket.recv_from(&mut data)).await {
//!         let arrived = arrived?;
//!         let answer = data[..arrived.len].to_ascii_uppercase();
//!         socket.send_to(&answer, &arrived.peer).await?; // self.client_address
//!     }
//!     Ok::<(), sockeye::Error>(())
//! });
//!
//! let client = Net::new().connect_messages(&address).await?;
//! client.send(b"hello").await?;
//! let mut heard = [0; 100];
//! assert_eq!(client.recv(&mut heard).await?, Some(5));
//! assert_eq!(&heard[..5], b"HELLO");
//! stop.cancel();
//! server.await??;
//! # Ok(())
//! # }
//! ```
//!
//! Where each peer is to have a conversation of its own, [`Net::listen`](super::Net::listen) on a `udp:` endpoint gives a
//! [`Link::Messages`](super::Link::Messages) for each: `ThreadingUDPServer`, but with memory between datagrams.
//!
//! # Word for word
//!
//! | Python | here |
//! |---|---|
//! | `TCPServer(("localhost", 8000), H)` | `net.listen(&"localhost:8000".parse()?)`, `limits.max_clients = Some(1)` |
//! | `ThreadingTCPServer`, `ThreadingMixIn` | [`serve()`](super::serve()): a task for each client, and [`Limits::max_clients`](super::Limits) as a bound |
//! | `ForkingTCPServer` | [`Net::run`](super::Net::run) for each client, or `sockeye listen PORT --exec CMD` |
//! | `UDPServer`, `ThreadingUDPServer` | [`Net::bind`](super::Net::bind); [`Net::listen`](super::Net::listen) with a session for each peer |
//! | `UnixStreamServer(path, H)` | `net.listen(&"unix:/path".parse()?)`; a stale file is removed, ours goes at the end |
//! | `UnixDatagramServer(path, H)` | `net.bind(&"unix-dgram:/path".parse()?)` |
//! | `BaseRequestHandler.setup`, `handle`, `finish` | the beginning, middle and end of an async function; `Drop` is a `finally` |
//! | `self.request` | the [`Stream`](super::Stream) of [`Incoming::handshake`](super::Incoming::handshake) |
//! | `self.client_address` | [`Incoming::peer`](super::Incoming::peer), [`Stream::peer`](super::Stream::peer) |
//! | `self.server` (what handlers share) | an `Arc` that the closure captures |
//! | `StreamRequestHandler.rfile`, `wfile` | `tokio::io::split` and `BufReader`; `BufWriter` for `wbufsize` |
//! | `StreamRequestHandler.timeout` | `tokio::time::timeout` around what waits |
//! | `disable_nagle_algorithm = True` | always so; `?nodelay=no` turns it off |
//! | `serve_forever()` | `serve(...).await` |
//! | `shutdown()` | `stop.cancel()`, from anywhere; `serve` then waits for the handlers |
//! | `block_on_close = False` | spawn what shall go on, and end the handler |
//! | `handle_request()` | `listener.accept().await`, once |
//! | `timeout`, `handle_timeout()` | `tokio::time::timeout(time, listener.accept())`, and what its `Err` means |
//! | `service_actions()` | another task, or a branch of `tokio::select!` |
//! | `request_queue_size = 5` | `?backlog=5`; 4096 unless it is said |
//! | `allow_reuse_address = True` | always so: a port can be taken again at once |
//! | `allow_reuse_port = True` | `?reuseport=yes` |
//! | `address_family = AF_INET6` | `[::1]:8000`; `:8000` is both families, `?family=6` one of them |
//! | `server_address`, `server.fileno()` | [`Listener::local`](super::Listener::local); a socket that you have comes in by `fd:3` |
//! | `verify_request(request, client_address)` | [`Limits::admission`](super::Limits), or look at [`Incoming::peer`](super::Incoming::peer) and drop it |
//! | `handle_error(request, client_address)` | the `Err` of your handler; `Arrival::Failed` for the loop itself |
//! | `server_close()` | dropping the listener; `serve` does it at the end |
//!
//! What `socketserver` has not: TLS is `tls://` in front of the same endpoint, limits for each address are
//! [`Limits::per_address`](super::Limits), and an [`Observer`](crate::Observer) sees all bytes. A client that is slow with TLS holds
//! nobody up, for the handshake is in its own task.
