//! All calls over one stream, a message on each line. A task of its own owns the stream.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use sockeye_data::jsonrpc::{Framing, Limits, Splitter};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::ClientOptions;
use super::pending::{Over, Pending};
use crate::error::{Kind, Result};
use crate::net::Stream;
use crate::rpc::call::{Answer, CallError};

/// Messages that wait to be written.
const QUEUE: usize = 64;
/// What is gathered before it is written.
const GATHERED: usize = 64 << 10;
/// What we may have to say to a server that calls us and reads nothing.
const WAITING: usize = 1 << 20;
/// How long a program at the other end may take to end when it is told to.
const FAREWELL: Duration = Duration::from_secs(5);

/// A message to be sent, and who wants to know when it was.
pub(super) struct Outgoing {
    pub(super) text: Vec<u8>,
    pub(super) sent: Option<oneshot::Sender<()>>,
}

/// What callers have of a connection.
pub(super) struct Link {
    outgoing: mpsc::Sender<Outgoing>,
    pending: Arc<Pending>,
    places: Semaphore,
    task: JoinHandle<()>,
    name: String,
}

impl Link {
    /// Speak over this stream.
    pub(super) fn new(stream: Stream, name: String, options: &ClientOptions) -> Self {
        let limits = options.limits.clone();
        Self::driven(name, options, |outgoing, pending| {
            drive(stream, outgoing, pending, limits)
        })
    }

    /// A link whose messages are carried by what `drive` makes.
    pub(super) fn driven<F>(
        name: String,
        options: &ClientOptions,
        drive: impl FnOnce(mpsc::Receiver<Outgoing>, Arc<Pending>) -> F,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let pending = Arc::new(Pending::new(options.limits.clone()));
        let (outgoing, taken) = mpsc::channel(QUEUE);
        let task = tokio::spawn(drive(taken, Arc::clone(&pending)));
        Self {
            outgoing,
            pending,
            places: Semaphore::new(options.in_flight.clamp(1, Semaphore::MAX_PERMITS)),
            task,
            name,
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) async fn call(&self, id: u64, text: Vec<u8>) -> Result<Answer, CallError> {
        let mut answers = self.batch(id..id + 1, text).await?;
        // One was asked for, and one is there.
        let gone = || Over::new(Kind::Lost, "the connection is closed").error(&self.name);
        answers.pop().ok_or_else(|| gone().into())
    }

    pub(super) async fn batch(
        &self,
        ids: Range<u64>,
        text: Vec<u8>,
    ) -> Result<Vec<Answer>, CallError> {
        // Never closed.
        let _place = self.places.acquire().await.ok();
        let waiting = self.pending.wait(ids);
        let mut waiting = waiting.map_err(|over| over.error(&self.name))?;
        // If nobody takes it any more, those who wait are told why.
        let _ = self.outgoing.send(Outgoing { text, sent: None }).await;
        waiting.answers(&self.name).await
    }

    pub(super) async fn notify(&self, text: Vec<u8>) -> Result<()> {
        let (tell, told) = oneshot::channel();
        let sent = Some(tell);
        let sent = match self.outgoing.send(Outgoing { text, sent }).await {
            Ok(()) => told.await.is_ok(),
            Err(_) => false,
        };
        match sent {
            true => Ok(()),
            false => Err(self.over()),
        }
    }

    fn over(&self) -> crate::error::Error {
        let over = self.pending.over();
        let over = over.unwrap_or_else(|| Over::new(Kind::Lost, "the connection is closed"));
        over.error(&self.name)
    }

    pub(super) async fn close(self) -> Result<()> {
        let over = self.pending.over().map(|over| over.error(&self.name));
        drop(self.outgoing);
        // A task that panicked has nothing left to close.
        let _ = self.task.await;
        over.map_or(Ok(()), Err)
    }
}

/// Write what is to be sent, hand out what comes, until either side ends it.
async fn drive(
    stream: Stream,
    mut outgoing: mpsc::Receiver<Outgoing>,
    pending: Arc<Pending>,
    limits: Limits,
) {
    let (mut reader, mut writer) = tokio::io::split(stream);
    let mut splitter = Splitter::new(Framing::Values, limits.bytes);
    let mut out = Out::default();
    let over = loop {
        tokio::select! {
            taken = outgoing.recv(), if out.bytes.len() < GATHERED => match taken {
                Some(message) => out.add(message),
                None => break None,
            },
            written = writer.write(&out.bytes[out.written..]), if out.written < out.bytes.len() => {
                let flushed = match written {
                    Ok(count) if count > 0 && !out.wrote(count) => Ok(()),
                    Ok(count) if count > 0 => writer.flush().await,
                    Ok(_) => Err(std::io::ErrorKind::WriteZero.into()),
                    Err(error) => Err(error),
                };
                match flushed {
                    Ok(()) => out.tell(),
                    Err(error) => break Some(Over::new(Kind::Lost, format!("the connection broke: {error}"))),
                }
            }
            read = reader.read_buf(splitter.room()), if out.bytes.len() < WAITING => match read {
                Ok(0) => break Some(hear_last(&mut splitter, &pending, &mut out)),
                Ok(_) => match hear_all(&mut splitter, &pending, &mut out) {
                    Ok(()) => {}
                    Err(over) => break Some(over),
                },
                Err(error) => break Some(Over::new(Kind::Lost, format!("the connection broke: {error}"))),
            },
        }
    };
    let is_farewell = over.is_none();
    pending.end(over.unwrap_or_else(|| Over::new(Kind::Canceled, "the client was closed")));
    // What callers still send is refused from here on.
    drop(outgoing);
    if is_farewell {
        let rest = async {
            writer.write_all(&out.bytes[out.written..]).await?;
            writer.shutdown().await
        };
        if matches!(timeout(FAREWELL, rest).await, Ok(Ok(()))) {
            out.written = out.bytes.len();
            out.tell();
            let _ = timeout(FAREWELL, reader.unsplit(writer).close()).await;
        }
    }
}

/// Hand out the messages that are complete.
fn hear_all(splitter: &mut Splitter, pending: &Pending, out: &mut Out) -> Result<(), Over> {
    loop {
        match splitter.next() {
            Ok(Some(message)) => {
                if let Some(answer) = pending.hear(message)? {
                    out.add(Outgoing {
                        text: answer,
                        sent: None,
                    });
                }
            }
            Ok(None) => return Ok(()),
            Err(error) => return Err(Over::new(Kind::Protocol, error.to_string())),
        }
    }
}

/// The stream is at its end: the last message counts if it is whole.
fn hear_last(splitter: &mut Splitter, pending: &Pending, out: &mut Out) -> Over {
    if let Err(over) = hear_all(splitter, pending, out) {
        return over;
    }
    match splitter.finish().map(|rest| pending.hear(rest)) {
        Some(Err(over)) => over,
        _ => Over::new(Kind::Lost, "the server closed the connection"),
    }
}

/// Bytes on their way out.
#[derive(Default)]
struct Out {
    bytes: Vec<u8>,
    written: usize,
    sent: Vec<oneshot::Sender<()>>,
}

impl Out {
    fn add(&mut self, message: Outgoing) {
        self.bytes.extend_from_slice(&message.text);
        self.bytes.push(b'\n');
        self.sent.extend(message.sent);
    }

    /// So many bytes more are written; whether that is all.
    fn wrote(&mut self, count: usize) -> bool {
        self.written += count;
        if self.written < self.bytes.len() {
            return false;
        }
        self.written = 0;
        self.bytes.clear();
        self.bytes.shrink_to(4 * GATHERED);
        true
    }

    /// If nothing is left to write, say so to those who want to know.
    fn tell(&mut self) {
        if self.bytes.len() == self.written {
            for sent in self.sent.drain(..) {
                let _ = sent.send(());
            }
        }
    }
}
