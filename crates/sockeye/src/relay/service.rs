//! The classic services: echo, discard, character generator, and a fixed reply.
//!
//! Each is a link like any other, so that [`join`](super::join) gives them half-close, limits and counters.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::net::{Link, MessageIo, Messages, Stream};

/// How many bytes, or messages' bytes, a service holds before the peer has to read.
const CAPACITY: usize = 64 * 1024;

/// The printable characters that the generator turns round (RFC 864).
const PRINTABLE: std::ops::Range<u8> = 0x20..0x7f;

/// How many there are.
const PRINTABLES: usize = (PRINTABLE.end - PRINTABLE.start) as usize;

/// The length of one generated line without its line end (RFC 864).
const LINE: usize = 72;

/// What a server can say without a program behind it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Service {
    /// What the peer says comes back (RFC 862).
    Echo,
    /// What the peer says is thrown away (RFC 863).
    Discard,
    /// Lines of characters without end (RFC 864); over messages, one line for each message.
    Chargen,
    /// These bytes, then the end; over messages, these bytes for each message. What the peer says is thrown away.
    Reply(Arc<[u8]>),
}

impl Service {
    /// The service as the other end of a link of this kind.
    ///
    /// # Examples
    ///
    /// ```
    /// # use sockeye::{Link, Stream, relay};
    /// # use tokio::io::{AsyncReadExt, AsyncWriteExt};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (mut peer, ours) = tokio::io::duplex(64);
    /// let peer_link = Link::Stream(Stream::from_io(ours));
    /// let echo = relay::Service::Echo.link_for(&peer_link);
    /// let server = tokio::spawn(async move {
    ///     relay::join(peer_link, echo, &relay::JoinOptions::default()).await
    /// });
    /// peer.write_all(b"Hello").await.unwrap();
    /// peer.shutdown().await.unwrap();
    /// let mut answer = String::new();
    /// peer.read_to_string(&mut answer).await.unwrap();
    /// assert_eq!(answer, "Hello");
    /// assert_eq!(server.await.unwrap().totals.upstream.bytes, 5);
    /// # }
    /// ```
    pub fn link_for(&self, peer: &Link) -> Link {
        match peer {
            Link::Messages(peer) => Link::Messages(Messages::new(
                Box::new(MessageService {
                    service: self.clone(),
                    unbounded: peer.is_unbounded(),
                    state: Mutex::default(),
                }),
                None,
                None,
                None,
            )),
            Link::Stream(_) => Link::Stream(Stream::from_io(StreamService {
                service: self.clone(),
                held: VecDeque::new(),
                position: 0,
                ended: false,
                reader: None,
                writer: None,
            })),
        }
    }
}

/// A service that speaks bytes.
struct StreamService {
    service: Service,
    /// What was said and is to be echoed.
    held: VecDeque<u8>,
    /// How far the generator or the reply has got.
    position: usize,
    ended: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl AsyncRead for StreamService {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        match &this.service {
            Service::Echo if !this.held.is_empty() => {
                let (front, _) = this.held.as_slices();
                let n = front.len().min(buf.remaining());
                buf.put_slice(&front[..n]);
                this.held.drain(..n);
                if this.held.is_empty() {
                    // An idle client costs no memory.
                    this.held = VecDeque::new();
                }
                if let Some(writer) = this.writer.take() {
                    writer.wake();
                }
                return Poll::Ready(Ok(()));
            }
            Service::Chargen if !this.ended => {
                generate(&mut this.position, buf);
                return Poll::Ready(Ok(()));
            }
            Service::Reply(bytes) => {
                let rest = &bytes[this.position..];
                let n = rest.len().min(buf.remaining());
                buf.put_slice(&rest[..n]);
                this.position += n;
                return Poll::Ready(Ok(()));
            }
            _ => {}
        }
        if this.ended {
            return Poll::Ready(Ok(()));
        }
        this.reader = Some(cx.waker().clone());
        Poll::Pending
    }
}

/// After so many characters the pattern repeats: as many lines as there are characters.
const PERIOD: usize = (LINE + 2) * PRINTABLES;

/// The whole pattern: each line begins one character later than the one before.
static PATTERN: [u8; PERIOD] = pattern();

const fn pattern() -> [u8; PERIOD] {
    let mut pattern = [0; PERIOD];
    let mut at = 0;
    while at < PERIOD {
        let (line, column) = (at / (LINE + 2), at % (LINE + 2));
        pattern[at] = match column {
            LINE => b'\r',
            column if column > LINE => b'\n',
            #[expect(clippy::cast_possible_truncation, reason = "it is less than 95")]
            column => PRINTABLE.start + ((line + column) % PRINTABLES) as u8,
        };
        at += 1;
    }
    pattern
}

/// Fill the buffer with the next characters of the endless pattern.
fn generate(position: &mut usize, buf: &mut ReadBuf<'_>) {
    let mut room = buf.remaining().min(CAPACITY);
    while room > 0 {
        let part = &PATTERN[*position..];
        let part = &part[..part.len().min(room)];
        buf.put_slice(part);
        room -= part.len();
        *position = (*position + part.len()) % PERIOD;
    }
}

impl AsyncWrite for StreamService {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        if !matches!(this.service, Service::Echo) {
            return Poll::Ready(Ok(bytes.len()));
        }
        let room = CAPACITY - this.held.len().min(CAPACITY);
        if room == 0 {
            this.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let n = bytes.len().min(room);
        this.held.extend(&bytes[..n]);
        if let Some(reader) = this.reader.take() {
            reader.wake();
        }
        Poll::Ready(Ok(n))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.ended = true;
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
        Poll::Ready(Ok(()))
    }
}

/// A service that speaks messages.
struct MessageService {
    service: Service,
    /// Whether the peer's messages may be of any length.
    unbounded: bool,
    state: Mutex<Held>,
}

/// Answers that the peer has not taken yet.
#[derive(Default)]
struct Held {
    messages: VecDeque<Box<[u8]>>,
    bytes: usize,
    position: usize,
    ended: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl MessageIo for MessageService {
    fn poll_send(&self, cx: &mut Context<'_>, message: &[u8]) -> Poll<io::Result<()>> {
        // Nothing panics while the lock is held.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let answer: Box<[u8]> = match &self.service {
            Service::Discard => return Poll::Ready(Ok(())),
            Service::Echo => message.into(),
            Service::Reply(bytes) => bytes.as_ref().into(),
            Service::Chargen => {
                // The period is a whole number of lines.
                let line = state.position..state.position + LINE + 2;
                state.position = line.end % PERIOD;
                PATTERN[line].into()
            }
        };
        if state.bytes >= CAPACITY {
            state.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        // Empty messages count too, or there could be any number of them.
        state.bytes += answer.len().max(1);
        state.messages.push_back(answer);
        if let Some(reader) = state.reader.take() {
            reader.wake();
        }
        Poll::Ready(Ok(()))
    }

    fn poll_recv(&self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<bool>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match state.messages.pop_front() {
            Some(message) if message.len() <= buf.remaining() => {
                buf.put_slice(&message);
                state.bytes -= message.len().max(1);
                if let Some(writer) = state.writer.take() {
                    writer.wake();
                }
                Poll::Ready(Ok(true))
            }
            Some(_) => Poll::Ready(Err(io::ErrorKind::InvalidData.into())),
            None if state.ended => Poll::Ready(Ok(false)),
            None => {
                state.reader = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    fn poll_recv_vec(
        &self,
        cx: &mut Context<'_>,
        _most: usize,
    ) -> Poll<io::Result<Option<Vec<u8>>>> {
        // Nothing panics while the lock is held.
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let next = state.messages.front().map_or(0, |message| message.len());
        drop(state);
        let mut bytes = vec![0; next];
        let mut buf = ReadBuf::new(&mut bytes);
        let more = ready!(self.poll_recv(cx, &mut buf))?;
        Poll::Ready(Ok(more.then_some(bytes)))
    }

    fn is_unbounded(&self) -> bool {
        self.unbounded
    }

    fn shutdown(&self) -> io::Result<()> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.ended = true;
        if let Some(reader) = state.reader.take() {
            reader.wake();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generator_turns_the_characters_round() {
        let mut bytes = [0; 3 * PERIOD + 5];
        let mut buf = ReadBuf::new(&mut bytes);
        let mut position = 0;
        generate(&mut position, &mut buf);
        assert_eq!(buf.remaining(), 0);
        let lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
        assert_eq!(
            lines[0],
            [&(0x20..0x68).collect::<Vec<u8>>()[..], b"\r\n"].concat()
        );
        assert!(lines[1].starts_with(b"!\"#"));
        assert!(
            lines[94].starts_with(b"~ !"),
            "the last character is followed by the first"
        );
        assert_eq!(lines[95], lines[0]);
        assert_eq!((position, lines[285]), (5, &b" !\"#$"[..]));
    }

    #[test]
    fn each_message_is_answered_by_the_next_line() {
        let service = MessageService {
            service: Service::Chargen,
            unbounded: false,
            state: Mutex::default(),
        };
        let mut cx = Context::from_waker(Waker::noop());
        for line in 0..200 {
            assert!(service.poll_send(&mut cx, b"").is_ready());
            let mut bytes = [0; 100];
            let mut buf = ReadBuf::new(&mut bytes);
            assert!(matches!(
                service.poll_recv(&mut cx, &mut buf),
                Poll::Ready(Ok(true))
            ));
            let from = line % PRINTABLES * (LINE + 2);
            assert_eq!(buf.filled(), &PATTERN[from..from + LINE + 2]);
        }
    }
}
