//! Messages in a stream: four bytes of length, the highest first, or -1 and eight bytes for what is longer than 2^31 - 1.
//!
//! No announced length is believed before its bytes are there. Several tasks may send and receive; each message goes out whole.

use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use bytes::BufMut;
use tokio::io::{AsyncReadExt, AsyncWrite, ReadBuf};

use super::super::super::messages::MessageIo;
use super::super::super::stream::Stream;
use crate::error::{Error, Kind, Operation};

/// How much is read at once, and how much room a message gets before its bytes are there.
const CHUNK: usize = 64 * 1024;

/// How much is read where a length is expected.
const HEAD: usize = 8 * 1024;

/// The longest message while nobody has shown that they know the key, as in Python.
const UNKNOWN: u64 = 256;

/// A stream that carries messages.
pub(super) struct Frames(Mutex<State>);

struct State {
    stream: Stream,
    limit: u64,
    /// What was read and not used yet, from `at` on.
    held: Vec<u8>,
    at: usize,
    reading: Reading,
    /// What is to be written, from `written` on.
    out: Vec<u8>,
    written: usize,
    closing: bool,
}

enum Reading {
    Head,
    /// A message of this length, as far as it is there.
    Body(u64, Vec<u8>),
    Ended,
    /// What comes cannot be understood any more.
    Broken,
}

impl Frames {
    pub(super) fn new(stream: Stream) -> Self {
        Self(Mutex::new(State {
            stream,
            limit: UNKNOWN,
            held: Vec::new(),
            at: 0,
            reading: Reading::Head,
            out: Vec::new(),
            written: 0,
            closing: false,
        }))
    }

    /// Take messages up to this length.
    pub(super) fn set_limit(&self, limit: u64) {
        self.state().limit = limit;
    }

    /// The next message; `None` at the end.
    pub(super) fn poll_next(&self, cx: &mut Context<'_>) -> Poll<io::Result<Option<Vec<u8>>>> {
        self.state().poll_next(cx)
    }

    /// Nothing panics while the lock is held.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<Vec<u8>>>> {
        loop {
            match &mut self.reading {
                Reading::Head => {
                    if let Some(length) = self.head()? {
                        self.reading = Reading::Body(length, Vec::new());
                        continue;
                    }
                    let had = self.held.len() - self.at;
                    self.held.drain(..self.at);
                    self.at = 0;
                    if ready!(poll_fill(&mut self.stream, cx, &mut self.held, HEAD))? == 0 {
                        self.reading = Reading::Ended;
                        return match had {
                            0 => Poll::Ready(Ok(None)),
                            _ => Poll::Ready(Err(cut())),
                        };
                    }
                }
                Reading::Body(length, bytes) => {
                    let missing = usize::try_from(*length).unwrap_or(usize::MAX) - bytes.len();
                    let there = missing.min(self.held.len() - self.at);
                    bytes.extend_from_slice(&self.held[self.at..self.at + there]);
                    self.at += there;
                    if self.at == self.held.len() {
                        // An idle connection costs no memory.
                        (self.held, self.at) = (Vec::new(), 0);
                    }
                    if there == missing {
                        let message = std::mem::take(bytes);
                        self.reading = Reading::Head;
                        return Poll::Ready(Ok(Some(message)));
                    }
                    let missing = missing - there;
                    if ready!(poll_fill(&mut self.stream, cx, bytes, missing))? == 0 {
                        self.reading = Reading::Ended;
                        return Poll::Ready(Err(cut()));
                    }
                }
                Reading::Ended => return Poll::Ready(Ok(None)),
                Reading::Broken => {
                    let why = "what comes behind a message that was not taken cannot be understood";
                    return Poll::Ready(Err(protocol(why.to_owned())));
                }
            }
        }
    }

    /// The length that comes next, if it is there.
    fn head(&mut self) -> io::Result<Option<u64>> {
        let there = &self.held[self.at..];
        let Some((short, rest)) = there.split_first_chunk::<4>() else {
            return Ok(None);
        };
        let (length, used) = match (i32::from_be_bytes(*short), rest.first_chunk::<8>()) {
            (-1, None) => return Ok(None),
            (-1, Some(long)) => (Some(u64::from_be_bytes(*long)), 12),
            (short, _) => (u64::try_from(short).ok(), 4),
        };
        self.at += used;
        let why = match length {
            Some(length) if length <= self.limit => return Ok(Some(length)),
            Some(length) => format!(
                "the peer announces a message of {length} bytes, and {} are taken at most",
                self.limit
            ),
            None => "the peer announces a length below zero, which no Python does".to_owned(),
        };
        self.reading = Reading::Broken;
        Err(protocol(why))
    }

    /// Write what is held; ready when nothing is.
    fn poll_write_out(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.written < self.out.len() {
            let rest = &self.out[self.written..];
            match ready!(Pin::new(&mut self.stream).poll_write(cx, rest)) {
                Ok(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Ok(n) => self.written += n,
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        (self.out, self.written) = (Vec::new(), 0);
        Poll::Ready(Ok(()))
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_write_out(cx))?;
        if !self.closing {
            return Pin::new(&mut self.stream).poll_flush(cx);
        }
        match ready!(Pin::new(&mut self.stream).poll_shutdown(cx)) {
            // A peer that is gone needs no end.
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Poll::Ready(Ok(())),
            done => Poll::Ready(done),
        }
    }
}

impl MessageIo for Frames {
    fn poll_send(&self, cx: &mut Context<'_>, message: &[u8]) -> Poll<io::Result<()>> {
        let mut state = self.state();
        if state.closing {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        // One message is held at most; it goes before the next one is taken.
        ready!(state.poll_write_out(cx))?;
        let mut out = Vec::with_capacity(12 + message.len());
        match i32::try_from(message.len()) {
            Ok(length) => out.extend_from_slice(&length.to_be_bytes()),
            Err(_) => {
                out.extend_from_slice(&(-1_i32).to_be_bytes());
                out.extend_from_slice(&(message.len() as u64).to_be_bytes());
            }
        }
        out.extend_from_slice(message);
        state.out = out;
        match state.poll_flush(cx) {
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            // It is taken: whoever flushes waits for the rest of it.
            _ => Poll::Ready(Ok(())),
        }
    }

    fn poll_recv(&self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<bool>> {
        match ready!(self.poll_next(cx))? {
            None => Poll::Ready(Ok(false)),
            Some(message) if message.len() <= buf.remaining() => {
                buf.put_slice(&message);
                Poll::Ready(Ok(true))
            }
            Some(_) => Poll::Ready(Err(io::ErrorKind::InvalidData.into())),
        }
    }

    fn poll_recv_vec(
        &self,
        cx: &mut Context<'_>,
        _most: usize,
    ) -> Poll<io::Result<Option<Vec<u8>>>> {
        self.poll_next(cx)
    }

    fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.state().poll_flush(cx)
    }

    fn shutdown(&self) -> io::Result<()> {
        let mut state = self.state();
        state.closing = true;
        // What cannot be said at once is said by whoever flushes.
        match state.poll_flush(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(done) => done,
            Poll::Pending => Ok(()),
        }
    }

    fn is_unbounded(&self) -> bool {
        true
    }
}

/// Read once, at most so much, into room that grows with what comes.
fn poll_fill(
    stream: &mut Stream,
    cx: &mut Context<'_>,
    into: &mut Vec<u8>,
    most: usize,
) -> Poll<io::Result<usize>> {
    let most = most.min(CHUNK);
    into.reserve(most);
    let mut room = into.limit(most);
    pin!(stream.read_buf(&mut room)).poll(cx)
}

/// An error that stays: it must not look like a message that only was too long for somebody's buffer.
fn protocol(why: String) -> io::Error {
    io::Error::other(Error::new(Kind::Protocol, Operation::Read, why).with_hint(
        "max-message=SIZE takes longer messages; a peer that is no Python has no such lengths",
    ))
}

fn cut() -> io::Error {
    io::Error::other(Error::new(
        Kind::Protocol,
        Operation::Read,
        "the peer ended within a message",
    ))
}
