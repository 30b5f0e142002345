//! `listen` without a mode: what clients say comes to standard output, what is typed goes to them.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use sockeye::endpoint::Carrier;
use sockeye::relay::EndPolicy;
use sockeye::wire::ConnectionId;
use sockeye::{Endpoint, Link, Net, Result, Stream};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

use super::labels::Labels;
use crate::local::{self, Input, Manner, TerminalText};
use crate::output::{Level, Output};
use crate::report::Data;

/// How many pieces of input may wait for one client before the input waits for it.
const QUEUE: usize = 16;

/// How much of the input is read at once.
const CHUNK: usize = 64 * 1024;

/// The people at this end.
#[derive(Clone)]
pub(super) struct Console(Arc<Shared>);

struct Shared {
    once: bool,
    label: bool,
    terminal: bool,
    output: Output,
    stop: CancellationToken,
    labels: Labels,
    clients: Mutex<BTreeMap<u64, mpsc::Sender<Arc<[u8]>>>>,
    seen: AtomicU64,
    reading: AtomicBool,
    /// What is typed is over: whoever comes now is told so at once.
    ended: AtomicBool,
    /// Somebody came.
    arrived: Notify,
}

impl Console {
    pub(super) fn new(once: bool, label: bool, output: &Output, stop: &CancellationToken) -> Self {
        Self(Arc::new(Shared {
            once,
            label,
            terminal: io::stdout().is_terminal(),
            output: output.clone(),
            stop: stop.clone(),
            labels: Labels::default(),
            clients: Mutex::default(),
            seen: AtomicU64::new(0),
            reading: AtomicBool::new(false),
            ended: AtomicBool::new(false),
            arrived: Notify::new(),
        }))
    }

    /// Whether there has been more than one client, so that they have to be told apart.
    pub(super) fn tells_apart(&self) -> bool {
        let shared = &self.0;
        shared.label || (shared.terminal && shared.seen.load(Ordering::Relaxed) > 1)
    }

    /// When a conversation is over. Where a person types, or nobody does, the client's end is the end. A file, and a pipe
    /// that belongs to the only client, is sent to its end, for a client that has said all may still listen.
    pub(super) fn policy(&self) -> EndPolicy {
        match local::input() {
            Input::File => EndPolicy::UntilBoth,
            Input::Flow if self.0.once => EndPolicy::UntilBoth,
            _ => EndPolicy::UntilRemote,
        }
    }

    /// Our side of the conversation with one client.
    pub(super) async fn link(&self, connection: ConnectionId) -> Result<Link> {
        let shared = &self.0;
        shared.seen.fetch_add(1, Ordering::Relaxed);
        if shared.once && !shared.label {
            // The whole of standard input and output belongs to this client.
            let manner = Manner {
                connection: connection.0,
                patient: true,
                ..Manner::default()
            };
            return local::open(manner, &shared.output, &shared.stop).await;
        }
        let (sender, receiver) = mpsc::channel(QUEUE);
        {
            let mut clients = shared.clients();
            // Under the lock under which the end is told, so that nobody misses it.
            if !shared.ended.load(Ordering::Relaxed) {
                clients.insert(connection.0, sender);
            }
        }
        shared.arrived.notify_one();
        // The input is read only once somebody is there to hear it.
        if !shared.reading.swap(true, Ordering::Relaxed) {
            tokio::spawn(read_input(Arc::clone(shared)));
        }
        let input = Typed {
            client: connection.0,
            receiver,
            piece: Piece::default(),
            shared: Arc::clone(shared),
        };
        let plain = !shared.label && !shared.terminal && !shared.output.json();
        let write = if plain {
            Stream::stdout()?
        } else {
            let escaper = shared.terminal.then(TerminalText::default);
            Stream::from_io(Spoken {
                client: connection.0,
                escaper,
                console: self.clone(),
            })
        };
        Ok(Link::Stream(Stream::from_parts(input, write)))
    }
}

impl Shared {
    fn clients(&self) -> MutexGuard<'_, BTreeMap<u64, mpsc::Sender<Arc<[u8]>>>> {
        // Nothing panics while the lock is held.
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Pass a piece on to everybody, or to one; waits for those who are slow.
    async fn send(&self, to: Option<u64>, piece: &[u8]) {
        let piece: Arc<[u8]> = piece.into();
        let senders: Vec<_> = match to {
            Some(client) => self.clients().get(&client).cloned().into_iter().collect(),
            None => self.clients().values().cloned().collect(),
        };
        if senders.is_empty()
            && let Some(client) = to
        {
            self.output
                .say(Level::Normal, format_args!("there is no client #{client}"));
        }
        for sender in senders {
            // A client that has left meanwhile misses it.
            drop(sender.send(Arc::clone(&piece)).await);
        }
    }
}

/// Read the input to its end and pass it on.
async fn read_input(shared: Arc<Shared>) {
    let Ok(mut stdin) = Net::new().connect(&Endpoint::new(Carrier::Stdio)).await else {
        return;
    };
    let addressed = io::stdin().is_terminal();
    let mut chunk = vec![0; CHUNK];
    let mut said = false;
    loop {
        let read = match shared
            .stop
            .run_until_cancelled(stdin.read(&mut chunk))
            .await
        {
            Some(Ok(read)) if read > 0 => read,
            _ => break,
        };
        said = true;
        while shared.clients().is_empty() && !addressed {
            // Piped input waits for the next client; what a person types to nobody is lost, as in a room.
            shared.arrived.notified().await;
        }
        match addressed.then(|| address(&chunk[..read])).flatten() {
            Some((client, text)) => shared.send(Some(client), text).await,
            None => shared.send(None, &chunk[..read]).await,
        }
    }
    // Input that was empty from the start (`< /dev/null`) says nothing, not even goodbye.
    if said || addressed || shared.stop.is_cancelled() {
        let mut clients = shared.clients();
        shared.ended.store(true, Ordering::Relaxed);
        clients.clear();
    }
}

/// `@2 text` is for client 2 alone.
fn address(line: &[u8]) -> Option<(u64, &[u8])> {
    let rest = line.strip_prefix(b"@")?;
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let client = std::str::from_utf8(&rest[..digits]).ok()?.parse().ok()?;
    rest[digits..].strip_prefix(b" ").map(|text| (client, text))
}

/// What is typed, for one client.
struct Typed {
    client: u64,
    receiver: mpsc::Receiver<Arc<[u8]>>,
    piece: Piece,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Piece {
    bytes: Option<Arc<[u8]>>,
    read: usize,
}

impl Drop for Typed {
    fn drop(&mut self) {
        self.shared.clients().remove(&self.client);
    }
}

impl AsyncRead for Typed {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let bytes = match this.piece.bytes.take() {
            Some(bytes) => bytes,
            None => match ready!(this.receiver.poll_recv(cx)) {
                Some(bytes) => {
                    this.piece.read = 0;
                    bytes
                }
                None => return Poll::Ready(Ok(())),
            },
        };
        let rest = &bytes[this.piece.read..];
        let n = rest.len().min(buf.remaining());
        buf.put_slice(&rest[..n]);
        this.piece.read += n;
        if this.piece.read < bytes.len() {
            this.piece.bytes = Some(bytes);
        }
        Poll::Ready(Ok(()))
    }
}

/// What one client says, written for a person or a program that tells clients apart.
struct Spoken {
    client: u64,
    escaper: Option<TerminalText>,
    console: Console,
}

impl AsyncRead for Spoken {
    fn poll_read(
        self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        _buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Spoken {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        let shared = &this.console.0;
        if shared.output.json() {
            shared.output.json_line(&Data::new(this.client, bytes));
        } else {
            shared.labels.write(
                this.client,
                this.console.tells_apart(),
                bytes,
                this.escaper.as_mut(),
            )?;
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_number_and_a_blank_address_one_client() {
        assert_eq!(address(b"@2 hello\n"), Some((2, &b"hello\n"[..])));
        assert_eq!(address(b"@12  x"), Some((12, &b" x"[..])));
        for everybody in [
            "@x y\n",
            "@2\n",
            "2 x\n",
            "@ 2 x\n",
            "a@2 x\n",
            "@99999999999999999999 x\n",
        ] {
            assert_eq!(address(everybody.as_bytes()), None, "{everybody:?}");
        }
    }
}
