//! One program for each WebSocket: a line of its output is a message, a message is a line of its input.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::AsyncWriteExt;
use tokio::process::ChildStdin;
use tokio::time::{Instant, sleep_until, timeout};

use super::environ::{Files, Names, environment};
use super::gate::Pass;
use super::run::status_words;
use super::setup::{Remark, RemarkKind, Setup};
use super::stderr;
use crate::endpoint::Argv;
use crate::net::program::{self, Running, Spec};
use crate::web::handler::{Handler, Reply};
use crate::web::lines::Lines;
use crate::web::request::Request;
use crate::web::response::Response;
use crate::web::{Message, WebSocket, WebSocketError, WebSocketOptions};

/// Input that waits for the program, before the client has to.
const WAITING: usize = 64 << 10;
/// How long a program may take to end when its client is gone, or when it has closed its output.
const PARTING: Duration = Duration::from_secs(2);

/// One program for each WebSocket.
///
/// Each line that it writes is a message: text if it is UTF-8, else bytes. Each message is a line of its input; one with line
/// breaks is several. When the client closes, its input ends, and after 2 s it is ended; when it ends, the WebSocket is closed, with
/// code 1000 or, if it ended badly, 1011. Its environment is that of a CGI program; of the bounds of the [`Setup`], programs at
/// once, the queue and the silence (of a program that does not read its input) hold.
///
/// # Examples
///
/// ```
/// use sockeye::web::programs::{Setup, Talk};
/// use sockeye::web::{Routes, Server};
///
/// let talk = Talk::new("bc -q".parse()?, &Setup::new());
/// let server = Server::new(Routes::new().get("/bc", talk).build()?);
/// # Ok::<(), sockeye::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Talk(Arc<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    argv: Argv,
    setup: Setup,
    options: WebSocketOptions,
    longest: usize,
}

impl Talk {
    /// This program, for every client anew.
    pub fn new(argv: Argv, setup: &Setup) -> Self {
        Self(Arc::new(Inner {
            argv,
            setup: setup.clone(),
            options: WebSocketOptions::default(),
            longest: 64 << 10,
        }))
    }

    /// The same with other options of its WebSockets.
    #[must_use]
    pub fn options(mut self, options: WebSocketOptions) -> Self {
        Arc::make_mut(&mut self.0).options = options;
        self
    }

    /// The same with another bound on the length of a line, in bytes; longer ones are several messages: 64 KiB.
    #[must_use]
    pub fn longest_line(mut self, bytes: usize) -> Self {
        Arc::make_mut(&mut self.0).longest = bytes;
        self
    }
}

impl Handler for Talk {
    fn handle(&self, request: Request) -> Reply {
        let inner = Arc::clone(&self.0);
        Reply::later(async move { inner.open(request).await })
    }
}

impl Inner {
    async fn open(&self, request: Request) -> Response {
        let names = match Names::decode(request.base(), request.rest()) {
            Ok(names) => names,
            Err(why) => return Response::error(400, why),
        };
        let agreed = match WebSocket::agree(&request, &self.options) {
            Ok(agreed) => agreed,
            Err(refused) => return *refused,
        };
        let setup = &self.setup;
        let pass = match setup.gate.enter().await {
            Ok(pass) => pass,
            Err(busy) => return busy,
        };
        let (files, env) = (Files::default(), &setup.env);
        let spec = Spec {
            argv: &self.argv,
            env: &environment(env, &request, &names, setup.authorization, files),
            clean: true,
            dir: None,
        };
        let name = self.argv.program.display().to_string();
        request.note("program", || format!("`{name}` talks, line by line"));
        let mut running = match program::start(&spec, true) {
            Ok(running) => running,
            Err(error) => return setup.not_started(&name, &error),
        };
        if let Some(reader) = running.stderr.take() {
            let (setup, name, pid) = (setup.clone(), name.clone(), running.pid());
            tokio::spawn(stderr::tell(reader, setup, name, pid, stderr::LINES));
        }
        let talking = Talking {
            running,
            name,
            setup: setup.clone(),
            longest: self.longest,
            _pass: pass,
        };
        WebSocket::accept_agreed(agreed, self.options.clone(), request, |socket| {
            talking.through(socket)
        })
    }
}

/// A program that talks with a client.
struct Talking {
    running: Running,
    name: String,
    setup: Setup,
    longest: usize,
    /// Its place among the programs at once.
    _pass: Pass,
}

impl Talking {
    async fn through(mut self, mut socket: WebSocket) -> Result<(), WebSocketError> {
        let talked = self.talk(&mut socket).await;
        match timeout(PARTING, self.running.ended()).await {
            Ok(Ok(status)) if !status.success() => {
                let why = format!("it ended with {}", status_words(status));
                self.setup.remark(&Remark {
                    program: &self.name,
                    pid: Some(self.running.pid()),
                    kind: RemarkKind::Failed,
                    text: &why,
                });
                talked.and(Err(WebSocketError::other(why)))
            }
            Ok(_) => talked,
            Err(_) => {
                self.running.end().await;
                talked
            }
        }
    }

    /// Pass messages and lines on until either side ends; the program's input is over then.
    async fn talk(&mut self, socket: &mut WebSocket) -> Result<(), WebSocketError> {
        let Some(stdout) = self.running.stdout.take() else {
            return Ok(());
        };
        let mut stdin = self.running.stdin.take();
        let mut lines = Lines::new(stdout, self.longest);
        let mut waiting = BytesMut::new();
        let silence = self.setup.limits.silence;
        let mut stuck = Instant::now() + silence;
        loop {
            tokio::select! {
                line = lines.next() => match line? {
                    Some(line) => socket.send(message(line)).await?,
                    None => return Ok(()),
                },
                message = socket.receive(), if waiting.len() < WAITING => match message? {
                    Some(message) if stdin.is_some() => {
                        if waiting.is_empty() {
                            stuck = Instant::now() + silence;
                        }
                        waiting.extend_from_slice(message.as_bytes());
                        waiting.extend_from_slice(b"\n");
                    }
                    Some(_) => {}
                    None => break,
                },
                written = write(&mut stdin, &mut waiting), if !waiting.is_empty() => {
                    stuck = Instant::now() + silence;
                    if written.is_err() {
                        // It does not want to hear anything; it may still have something to say.
                        stdin = None;
                        waiting.clear();
                    }
                }
                () = sleep_until(stuck), if !waiting.is_empty() => {
                    return Err(WebSocketError::other("the program does not read its input"));
                }
            }
        }
        // The client is gone: what it said is passed on, what the program says now is nobody's.
        let rest = async {
            while !waiting.is_empty() && write(&mut stdin, &mut waiting).await.is_ok() {}
            drop(stdin.take());
            while let Ok(Some(_)) = lines.next().await {}
        };
        let _ = timeout(PARTING, rest).await;
        Ok(())
    }
}

async fn write(stdin: &mut Option<ChildStdin>, waiting: &mut BytesMut) -> io::Result<()> {
    match stdin {
        Some(stdin) => stdin.write_buf(waiting).await.map(drop),
        None => Err(io::ErrorKind::BrokenPipe.into()),
    }
}

fn message(line: bytes::Bytes) -> Message {
    match std::str::from_utf8(&line) {
        Ok(text) => Message::from(text),
        Err(_) => Message::Binary(line),
    }
}
