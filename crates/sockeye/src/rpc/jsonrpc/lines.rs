//! Calls on a stream, answers back as they are ready, each on a line.

use std::pin::Pin;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::stream::{FuturesUnordered, StreamExt};
use sockeye_data::jsonrpc::{ErrorObject, Framing, Id, Splitter, TooLong, write_error};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::server::Server;
use crate::net::Stream;

/// What may wait to be sent before no more is read.
const WAITING: usize = 1 << 20;
/// How long, and for how many bytes, a client that sent too much may go on sending.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES: u64 = 4 << 20;
/// A time that never comes.
const NEVER: Duration = Duration::from_secs(365 * 24 * 3600);

type Answering = Pin<Box<dyn Future<Output = Option<Vec<u8>>> + Send>>;

/// What is going on between us and one client.
struct Talk {
    server: Server,
    splitter: Splitter,
    pending: FuturesUnordered<Answering>,
    out: Vec<u8>,
    /// How much of that is written.
    written: usize,
    /// Nothing more is read.
    ended: bool,
    /// A message was too long: what follows it cannot be told apart.
    lost: bool,
    /// We are to stop: what has come is answered only as far as it was begun.
    stopped: bool,
}

/// Answer what comes on this stream until either side ends it. A patient conversation may be idle without end.
pub(super) async fn converse(
    server: Server,
    stream: Stream,
    patient: bool,
    stop: CancellationToken,
) {
    let bounds = server.borne().clone();
    let (mut reader, mut writer) = tokio::io::split(stream);
    let mut talk = Talk::new(server);
    let idle = if patient { NEVER } else { bounds.idle };
    let mut moved = Instant::now();
    let mut last = moved + NEVER;
    loop {
        talk.take_messages();
        if talk.is_over() {
            break;
        }
        let is_writing = talk.written < talk.out.len();
        let is_reading = !talk.ended && talk.may_take();
        let due = match (is_writing, talk.pending.is_empty()) {
            (true, _) => moved + bounds.stall,
            (false, true) => moved + idle,
            (false, false) => moved + NEVER,
        };
        tokio::select! {
            biased;
            () = stop.cancelled(), if !talk.stopped => {
                last = Instant::now() + bounds.grace;
                (talk.ended, talk.stopped) = (true, true);
            }
            Some(answer) = talk.pending.next(), if !talk.pending.is_empty() => {
                talk.say(answer);
                moved = Instant::now();
            }
            written = writer.write(&talk.out[talk.written..]), if is_writing => {
                match written {
                    Ok(count) if count > 0 => talk.written += count,
                    _ => return,
                }
                moved = Instant::now();
                if talk.written == talk.out.len() {
                    talk.forget_written();
                    if !matches!(timeout(bounds.stall, writer.flush()).await, Ok(Ok(()))) {
                        return;
                    }
                }
            }
            read = reader.read_buf(talk.splitter.room()), if is_reading => {
                match read {
                    Ok(count) => talk.ended = count == 0,
                    // The client is gone, and so is everybody who would read an answer.
                    Err(_) => return,
                }
                moved = Instant::now();
            }
            () = sleep_until(due.min(last)) => break,
        }
    }
    if timeout(bounds.stall, writer.shutdown()).await.is_ok() && talk.lost {
        linger(&mut reader).await;
    }
}

impl Talk {
    fn new(server: Server) -> Self {
        let most = server.borne().limits.bytes;
        Self {
            server,
            splitter: Splitter::new(Framing::Lines, most),
            pending: FuturesUnordered::new(),
            out: Vec::new(),
            written: 0,
            ended: false,
            lost: false,
            stopped: false,
        }
    }

    /// Whether another message may be begun.
    fn may_take(&self) -> bool {
        self.pending.len() < self.server.borne().pipelined
            && self.out.len() - self.written < WAITING
    }

    /// Begin with the messages that are here.
    fn take_messages(&mut self) {
        while !self.lost && !self.stopped && self.may_take() {
            let message = match self.splitter.next() {
                Ok(None) if self.ended => self.splitter.finish(),
                Ok(message) => message,
                Err(error) => return self.refuse(too_long(&error)),
            };
            let Some(message) = message else {
                return;
            };
            if is_http(message) {
                let why = "HTTP is not spoken here";
                return self.refuse(ErrorObject::parse_error().because(why));
            }
            let mut answering: Answering = Box::pin(self.server.answering(message));
            // Most are done at once, and need not be woken for.
            match answering.as_mut().now_or_never() {
                Some(answer) => self.say(answer),
                None => self.pending.push(answering),
            }
        }
    }

    fn say(&mut self, answer: Option<Vec<u8>>) {
        if let Some(answer) = answer {
            self.out.extend_from_slice(&answer);
            self.out.push(b'\n');
        }
    }

    /// Nothing that follows is a message any more.
    fn refuse(&mut self, error: ErrorObject) {
        let mut answer = Vec::new();
        write_error(&Id::null(), &error, &mut answer);
        self.say(Some(answer));
        (self.ended, self.lost) = (true, true);
    }

    fn forget_written(&mut self) {
        self.written = 0;
        self.out.clear();
        self.out.shrink_to(64 << 10);
    }

    /// Whether all is done. What was taken before a stop is answered; what was not is left.
    fn is_over(&self) -> bool {
        self.ended && self.pending.is_empty() && self.written == self.out.len()
    }
}

fn too_long(error: &TooLong) -> ErrorObject {
    ErrorObject::invalid_request().because(error.to_string())
}

/// Whether this is the first line of a request of HTTP. A page in a browser can have one sent to any port of this machine, with a
/// body whose lines would be calls.
fn is_http(line: &[u8]) -> bool {
    let line = line.trim_ascii();
    let version = line.len().checked_sub(9).map(|at| &line[at..]);
    let is_versioned = version.is_some_and(|it| it.starts_with(b" HTTP/") && it[7] == b'.');
    is_versioned && line.first().is_some_and(u8::is_ascii_alphabetic)
}

/// Read on for a while, so that the peer reads our last words before it learns that nobody listens.
async fn linger(reader: &mut (impl AsyncRead + Unpin)) {
    let mut rest = reader.take(LINGER_BYTES);
    drop(timeout(LINGER, tokio::io::copy(&mut rest, &mut tokio::io::sink())).await);
}
