//! Sockets you can see: connect, listen, relay, fetch, convert and serve with every byte visible, and know whose each socket is.
//!
//! An address is a value ([`Endpoint`]), how we talk is a value ([`Net`]), and a connection is a [`Stream`] of bytes or
//! a link of [`Messages`]. TCP, UDP, Unix sockets, programs, terminals, files and inherited descriptors are opened and
//! read in the same way, with TLS over any stream of them, and one [`Observer`] sees every byte of all of them.
//!
//! # A client
//!
//! The TCP client that every network course begins with: send a request, read the whole answer, print it.
//!
//! ```
//! # async fn tiny_web_server() -> sockeye::Result<sockeye::Endpoint> {
//! #     let page = "HTTP/1.0 200 OK\r\nContent-type: text/html\r\n\r\n<HTML>\n";
//! #     let reply = sockeye::relay::Service::Reply(page.as_bytes().into());
//! #     let mut listener = Net::new().listen(&"0".parse()?).await?;
//! #     let address = listener.local().clone();
//! #     tokio::spawn(async move {
//! #         let client = listener.accept().await?.expect("a client").handshake().await?;
//! #         let ours = reply.link_for(&client);
//! #         sockeye::relay::join(client, ours, &Default::default()).await;
//! #         Ok::<(), sockeye::Error>(())
//! #     });
//! #     Ok(address)
//! # }
//! use sockeye::{Endpoint, Net};
//! use tokio::io::{AsyncReadExt, AsyncWriteExt};
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let to: Endpoint = "www.python.org:80".parse()?;
//! #   let to = tiny_web_server().await?;
//!     let mut server = Net::new().connect(&to).await?;
//!     server.write_all(b"GET /index.html HTTP/1.0\r\n\r\n").await?;
//!     let mut response = String::new();
//!     server.read_to_string(&mut response).await?;
//!     print!("{response}");
//! #   assert!(response.starts_with("HTTP/1.0 200 OK\r\n") && response.ends_with("<HTML>\n"));
//!     Ok(())
//! }
//! ```
//!
//! The same fifteen lines talk TLS if the text says `tls://www.python.org:443`, to a local service if it says
//! `unix:/run/app.sock`, and to a program if it says `exec:CMD`. `crates/sockeye/examples` has this and more as programs.
//!
//! # A client of the web
//!
//! ```
//! # #[cfg(feature = "client")] {
//! # use sockeye_testkit::{Peer, Step};
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> sockeye::Result<()> {
//! # let peer = Peer::tcp([Step::until("\r\n\r\n"), Step::send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")]);
//! # let url = &format!("http://{}/", peer.addr());
//! let page = sockeye::client::http::get(url).await?.text().await?;
//! assert_eq!(page, "hello");
//! # Ok(())
//! # }
//! # main().unwrap(); }
//! ```
//!
//! [`client::http`] has requests, cookies, secrets and policies, [`client::download`] files, [`client::ftp`] the older way.
//!
//! # A server
//!
//! ```
//! use sockeye::relay::{JoinOptions, Service, join};
//! use sockeye::{Error, Link, Net};
//! # use tokio::io::{AsyncReadExt, AsyncWriteExt};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
//! let net = Net::new();
//! let mut listener = net.listen(&"0".parse()?).await?; // a bare port is this machine only; 0 lets the system choose
//! let address = listener.local().clone(); // tcp://127.0.0.1:41233
//! tokio::spawn(async move {
//!     while let Some(incoming) = listener.accept().await? {
//!         tokio::spawn(async move {
//!             let client: Link = incoming.handshake().await?;
//!             let echo = Service::Echo.link_for(&client);
//!             join(client, echo, &JoinOptions::default()).await;
//!             Ok::<(), Error>(())
//!         });
//!     }
//!     Ok::<(), Error>(())
//! });
//! # let mut client = net.connect(&address).await?;
//! # client.write_all(b"Hello World").await?;
//! # client.shutdown().await?;
//! # let mut reply = String::new();
//! # client.read_to_string(&mut reply).await?;
//! # assert_eq!(reply, "Hello World");
//! # Ok(())
//! # }
//! ```
//!
//! [`net::serve()`] is the same loop with bounds on clients, lists of who may come in, and a graceful stop.
//!
//! # A web server
//!
//! A handler turns a request into a response; routes, files, programs and other people's services are handlers too.
//!
//! ```
//! # #[cfg(feature = "web")] {
//! use std::sync::Arc;
//! use std::sync::atomic::{AtomicU64, Ordering};
//!
//! use sockeye::Net;
//! use sockeye::web::files::{Files, Root, Rules};
//! use sockeye::web::{Problem, Request, Routes, Server, answer_with};
//! use tokio_util::sync::CancellationToken;
//!
//! #[derive(serde::Deserialize)]
//! struct Note { text: String }
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> sockeye::Result<()> {
//!     let count = Arc::new(AtomicU64::new(0)); // state that all requests share
//!     let routes = Routes::new()
//!         .get("/hello/{name}", async |request: Request| format!("hello, {}", request.param("name").unwrap_or("you")))
//!         .get("/count", answer_with(move |_| count.fetch_add(1, Ordering::Relaxed).to_string()))
//!         .post("/notes", async |mut request: Request| {
//!             let note: Note = request.json(64 << 10).await?; // 400, 413 or 415 if it is none
//!             Ok::<_, Problem>(note.text)
//!         })
//!         .mount("/files", Files::new(Root::new(".", Rules::default())?))
//!         .build()?;
//!     let listener = Net::new().listen(&"0".parse()?).await?; // or 8000, :443, tls://..., unix:/path, fd:3
//!     let stop = CancellationToken::new();
//! #   let (address, stopping) = (listener.local().clone(), stop.clone());
//! #   tokio::spawn(async move {
//! #       use tokio::io::{AsyncReadExt, AsyncWriteExt};
//! #       let ask = async |text: &str| {
//! #           let mut client = Net::new().connect(&address).await.unwrap();
//! #           client.write_all(text.as_bytes()).await.unwrap();
//! #           let mut answer = String::new();
//! #           client.read_to_string(&mut answer).await.unwrap();
//! #           answer
//! #       };
//! #       assert!(ask("GET /hello/jo HTTP/1.0\r\n\r\n").await.ends_with("\r\n\r\nhello, jo"));
//! #       assert!(ask("GET /count HTTP/1.0\r\n\r\n").await.ends_with("\r\n\r\n0"));
//! #       assert!(ask("GET /files/Cargo.toml HTTP/1.0\r\n\r\n").await.contains("[package]"));
//! #       let note = "POST /notes HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: 14\r\n\r\n{\"text\": \"tea\"}";
//! #       assert!(ask(&note.replace("14", "15")).await.ends_with("\r\n\r\ntea"));
//! #       stopping.cancel();
//! #   });
//!     Server::new(routes).serve(listener, stop).await?; // until it is cancelled
//!     Ok(())
//! }
//! # main().unwrap(); }
//! ```
//!
//! A handler that panics is a 500; connection and server live on. [`web::Events`] and [`web::WebSocket`] keep talking,
//! [`web::Mounted`] takes an axum `Router`, and [`web::TestClient`] asks any handler without a socket.
//!
//! # The map
//!
//! ```text
//! text ─parse→ Endpoint ─Net::connect→ Stream   ─┐
//!                       ─Net::connect_messages→ Messages ─┴─ Link ─┐
//!                       ─Net::listen→ Listener ─accept→ Incoming ─handshake→ Link ─┴─ relay::join → Joined
//!                       ─Net::bind→ DatagramSocket (one socket, many peers)
//! ```
//!
//! | you have a question about | look at |
//! |---|---|
//! | an address: its grammar, its options | [`Endpoint`], [`endpoint`] |
//! | connecting, deadlines, names | [`Net`], [`net::resolve`] |
//! | bytes, half-close, resets, what TLS agreed on | [`Stream`] |
//! | datagrams and packets | [`Messages`], [`net::DatagramSocket`] |
//! | serving | [`Listener`], [`net::serve()`], [`net::Limits`], [`net::Admission`] |
//! | joining two connections; when that is over | [`relay::join`], [`relay::JoinOptions`], [`relay::EndPolicy`] |
//! | what failed | [`Error`], [`Kind`], [`Operation`] |
//! | what happened | [`Observer`], [`wire::Event`], [`wire::text`], [`wire::hexdump`], [`wire::jsonl`] |
//! | what a name means here, and what the DNS says | [`Net::explain`], [`net::resolve::query`] |
//! | this machine's sockets and who holds them | [`host::table`], [`host::filter`], [`host::verdict`], [`host::watch`] |
//! | one connection by its ends; closing it; stopping a server | [`host::table::Request::exact`], [`host::act`] |
//! | which port `https` is | [`host::services`] |
//! | asking for what a URL names; saving it; FTP | [`client::http`], [`client::download`], [`client::ftp`] |
//! | answering over HTTP: routes, files, programs | [`web`]: [`web::Server`], [`web::Handler`], [`web::Routes`] |
//! | events and WebSocket | [`web::Events`], [`web::EventHub`], [`web::WebSocket`] |
//! | proxies | [`Proxies`](client::Proxies), the option `via` of an [`Endpoint`] |
//! | JSON, CSV, XML, YAML, HTML, mail and more; jq programs | [`data`]: [`data::value`], [`data::record`], [`data::jq`] |
//! | escapes, percent codes, `250ms` and `64KiB`, HTTP/1, URLs | [`data`] |
//!
//! Reading and writing is tokio's [`AsyncRead`](tokio::io::AsyncRead) and [`AsyncWrite`](tokio::io::AsyncWrite), so what
//! works with a tokio socket works with a [`Stream`]. Dropping a future cancels it; each one says under *Cancel safety* what
//! that leaves behind. A tokio runtime with I/O and time enabled has to be running.
//!
//! # Errors
//!
//! Every function here returns an [`Error`]: one line that is complete by itself, a [`Kind`] for programs, and mostly a hint.
//! Reading from and writing to a stream gives `std::io::Error`, as with every stream of tokio.
//!
//! ```
//! use sockeye::{Kind, Net};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> sockeye::Result<()> {
//! let error = Net::new().connect(&"db.invalid:5432".parse()?).await.unwrap_err();
//! assert_eq!(error.kind(), Kind::Name);
//! assert!(error.to_string().starts_with("cannot resolve tcp://db.invalid:5432: nobody knows the name db.invalid"));
//! assert_eq!(error.hint().as_deref(), Some("check the spelling"));
//! # Ok(())
//! # }
//! ```
//!
//! # Seeing the bytes
//!
//! An observer is told what happens on each connection of its [`Net`]: names, attempts, handshakes, every byte, both ends.
//! It is called on the task that moves the bytes: it misses nothing, and if it is slow the transfer is.
//!
//! ```
//! use std::sync::{Arc, Mutex};
//! use sockeye::wire::{Direction, Event, What};
//! use sockeye::{Net, Observer};
//! use tokio::io::{AsyncReadExt, AsyncWriteExt};
//!
//! #[derive(Default)]
//! struct Heard(Mutex<Vec<u8>>);
//!
//! impl Observer for Heard {
//!     fn on_event(&self, event: &Event<'_>) {
//!         if let What::Data(Direction::Received, bytes) = event.what {
//!             self.0.lock().unwrap().extend_from_slice(bytes);
//!         }
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let heard = Arc::new(Heard::default());
//! let mut cat = Net::new().observer(heard.clone()).connect(&"exec:cat".parse()?).await?;
//! cat.write_all(b"Hello World").await?;
//! cat.shutdown().await?;
//! cat.read_to_end(&mut Vec::new()).await?;
//! assert_eq!(*heard.0.lock().unwrap(), b"Hello World");
//! # Ok(())
//! # }
//! ```
//!
//! [`wire::text::TextView`], [`wire::hexdump::HexView`] and [`wire::jsonl::JsonView`] are observers that write what they hear;
//! [`wire::Fanout`] lets several listen.
//!
//! # The sockets of this machine
//!
//! ```
//! use sockeye::Net;
//! use sockeye::host::process::Owners;
//! use sockeye::host::table::Request;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let server = Net::new().listen(&"0".parse()?).await?;
//! # let port = server.local().to_string().rsplit(':').next().unwrap().to_owned();
//! let filter = format!("tcp and listening and sport = :{port}").parse()?;
//! let table = Request::new().filter(filter).read()?; // some milliseconds; `spawn_blocking` in a server
//! for socket in &table.sockets {
//!     let Owners::Held(holders) = table.owners(socket) else { panic!("it is ours") };
//!     assert_eq!(table.process(&holders[0]).pid, std::process::id());
//! }
//! # assert!(!table.sockets.is_empty());
//! # Ok(())
//! # }
//! ```
//!
//! # Coming from Python
//!
//! | Python | here |
//! |---|---|
//! | `socket(AF_INET, SOCK_STREAM)` | nothing to do: the scheme of the endpoint says it, `tcp://` by default |
//! | `s.connect(("www.python.org", 80))`, `create_connection` | `net.connect(&"www.python.org:80".parse()?).await?` |
//! | `s.send(data)`, `s.sendall(data)` | `s.write(data)`, `s.write_all(data)` (`AsyncWriteExt`) |
//! | `s.recv(16384)` until it is empty | `s.read_to_end(&mut chunks)` (`AsyncReadExt`) |
//! | `s.shutdown(SHUT_WR)` | `s.shutdown().await?` |
//! | `s.close()` | `drop(s)`; after `exec:`, [`Stream::close`] waits for the program and gives its status |
//! | `s.getpeername()`, `s.getsockname()` | [`Stream::peer`], [`Stream::local`] |
//! | `s.settimeout(10)` | [`Net::connect_timeout`] for connecting, `tokio::time::timeout` for the rest |
//! | `s.setsockopt(...)` | options of the endpoint: `?nodelay=no&keepalive=30s` |
//! | `s.bind(("", 15000)); s.listen(5)` | `net.listen(&":15000".parse()?)`; `"15000"` is this machine only |
//! | `c, a = s.accept()` | `listener.accept()`, then [`Incoming::handshake`](net::Incoming::handshake) |
//! | `socketserver`: servers and request handlers | [`net::serve()`]; [`net::socketserver`] is a chapter of its own |
//! | `SOCK_DGRAM`, `sendto`, `recvfrom` | [`Net::bind`]; [`Net::connect_messages`] for one peer |
//! | `AF_UNIX` | `unix:/path`, `unix:@abstract`, `unix-dgram:`, `unix-seqpacket:` |
//! | `AF_INET6` | nothing to do: both families are tried, or `?family=6` |
//! | `ssl.wrap_socket(s)` | `tls://host:port` |
//! | `multiprocessing.connection`: `Client`, `Listener` | [`rpc::python`], `python+tcp://host:port?authkey=…` |
//! | `subprocess.Popen(cmd, stdin=PIPE, stdout=PIPE)` | `exec:CMD` |
//! | `gethostbyname(name)`, `getservbyname(name)` | [`net::resolve::Resolver`], [`host::services::port`] |
//!
//! For the web:
//!
//! | Python | here |
//! |---|---|
//! | `python -m http.server 8000` | `sockeye serve --port 8000`; [`web::files::Files`] in a program |
//! | `BaseHTTPRequestHandler` with `do_GET`, `do_POST` | [`web::Routes::get`], [`web::Routes::post`] |
//! | `self.command`, `self.path`, `self.headers["X"]` | `request.method()`, `.path()` and `.query()`, `.headers().get_str("X")` |
//! | `self.rfile.read(n)` | `request.body.bytes(limit)`, or piece by piece [`web::Body::chunk`] |
//! | `send_response`, `send_header`, `wfile.write` | `Response::new(200).header(name, value).with_body(body)` |
//! | `ThreadingHTTPServer(("", 8000), Handler).serve_forever()` | `Server::new(handler).serve(listener, stop)` with a listener at `:8000` |
//! | `server.shutdown()` | `stop.cancel()`; requests that run are finished |
//! | `wsgiref.simple_server`, `CGIHTTPRequestHandler` | [`web::programs`], `sockeye serve --wsgi`, `--cgi` |
//! | `@app.route("/notes/<id>")` (Flask) | `Routes::new().get("/notes/{id}", handler)`, `request.param("id")` |
//! | `request.args`, `.form`, `.json`, `.cookies` | [`query_value`](web::Request::query_value), [`form`](web::Request::form), [`json`](web::Request::json), [`cookie`](web::Request::cookie) |
//! | `abort(404, why)`, `redirect(url)`, `jsonify(x)` | `Problem::new(404, why)`, `Response::redirect(303, url)`, `Response::json(&x)` |
//! | `before_request`, middleware | a handler around a handler: [`web::answer_with`] |
//! | `app.test_client()` | [`web::TestClient`] |
//! | `websockets.serve(talk, ...)` | [`web::WebSocket::accept`] |
//! | a generator with `mimetype="text/event-stream"` | [`web::Events`], [`web::EventHub`] |
//!
//! For data, all in [`data`]:
//!
//! | Python | here |
//! |---|---|
//! | `json.loads(text)`, `json.dumps(x)` | [`json::parse`](data::json::parse), [`json::to_string`](data::json::to_string); numbers keep all digits |
//! | `for line in f: json.loads(line)` | [`json::Reader`](data::json::Reader), [`Records`](records) of any `AsyncRead` |
//! | `csv.DictReader(f)`, `csv.DictWriter(f)`, `csv.Sniffer` | [`csv::Reader`](data::csv::Reader), [`csv::Writer`](data::csv::Writer), [`csv::sniff`](data::csv::sniff) |
//! | `xml.etree.ElementTree.iterparse(f)` | [`xml::Reader`](data::xml::Reader) with the path of its records |
//! | `html.parser`, `html.unescape` | [`html::Document`](data::html::Document), [`html::unescape`](data::html::unescape) |
//! | `email.message_from_bytes(b)`, `mailbox.mbox` | [`mail::Reader`](data::mail::Reader) |
//! | `base64`, `binascii`, `quopri`, `urllib.parse.quote` | [`codec`](data::codec) |
//! | `tomllib`, PyYAML, `cbor2`, `msgpack` | [`toml`](data::toml), [`yaml`](data::yaml), [`cbor`](data::cbor), [`msgpack`](data::msgpack) |
//! | `gzip`, `zlib`, `codecs` | [`compress`](data::compress), [`charset`](data::charset) |
//!
//! # Features
//!
//! A feature adds to the API and never changes what is there. An endpoint that needs a feature which was not built in is
//! refused with [`Kind::Unsupported`], and the message names the feature.
//!
//! | feature | default | what it adds | why one may leave it out |
//! |---|---|---|---|
//! | `tls` | yes | the layer `tls` over every stream | the TLS stack needs a C compiler to build |
//! | `client` | yes | clients: HTTP/1 and HTTP/2, downloads, FTP | they bring content codings and a list of public suffixes |
//! | `web` | yes | servers: HTTP/1 and HTTP/2, files, programs, handlers of your own | they bring content codings and HTTP/2 |
//! | `formats` | yes | Internet data: values, formats, jq programs, codecs in [`data`] | they bring readers for HTML, YAML, mail and more |
//! | `rpc` | yes | calls between programs: JSON-RPC, XML-RPC, Python's `multiprocessing.connection` in [`rpc`] | it needs `client`, `web` and `formats` |
//! | `work` | yes | one job for each input, here or on many machines, in [`work`] | it brings SQLite and a NATS client |
//!
//! Linux is the platform that is built and tested.

// Unit tests may open sockets of their own; the library itself does it in `net` only.
#![cfg_attr(
    test,
    allow(clippy::disallowed_methods, clippy::field_reassign_with_default)
)]

#[cfg(feature = "client")]
pub mod client;
pub mod endpoint;
pub mod error;
pub mod host;
pub mod net;
#[cfg(feature = "formats")]
pub mod records;
pub mod relay;
#[cfg(feature = "rpc")]
pub mod rpc;
#[cfg(feature = "web")]
pub mod web;
pub mod wire;
#[cfg(feature = "work")]
pub mod work;

pub use endpoint::Endpoint;
pub use error::{Error, Kind, Operation, Result};
pub use net::{Link, Listener, Messages, Net, Stream};
#[doc(inline)]
pub use sockeye_data as data;
pub use wire::Observer;
