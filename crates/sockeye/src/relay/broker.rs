//! A broker: what one member says, all others hear.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_util::sync::CancellationToken;

use crate::net::{Link, MessageIo, Messages, Stream};

/// How many bytes may wait for one member when nothing else is said.
pub const QUEUE: usize = 1024 * 1024;

/// What one waiting piece counts at least, so that small ones have a bound too.
const PIECE: usize = 32;

/// What happens to a member that does not take what waits for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Slow {
    /// It misses what does not fit its queue, and stays.
    #[default]
    Skip,
    /// It is disconnected.
    Disconnect,
}

/// What one member says, all others hear.
///
/// A member that ends its side is heard no more and goes on listening until it leaves. What is said is passed on in the
/// pieces in which it arrived, in the same order to everyone; over messages each piece is one message, empty ones too.
#[derive(Clone, Debug)]
pub struct Broker {
    room: Arc<Mutex<Room>>,
    queue: usize,
    slow: Slow,
}

#[derive(Debug, Default)]
struct Room {
    members: HashMap<u64, Member>,
    next: u64,
    missed: u64,
    dropped: u64,
}

#[derive(Debug)]
struct Member {
    waiting: VecDeque<Arc<[u8]>>,
    /// What the waiting pieces count.
    waits: usize,
    /// How much of the first piece was read.
    read: usize,
    /// It has nothing more to say.
    spoken: bool,
    reader: Option<Waker>,
    leave: CancellationToken,
}

impl Broker {
    /// A broker that holds at most `queue` bytes for each member; a piece counts at least 32.
    pub fn new(queue: usize, slow: Slow) -> Self {
        Self {
            room: Arc::default(),
            queue: queue.max(1),
            slow,
        }
    }

    /// A new member: reading it gives what the others say, writing to it tells the others. It leaves when it is dropped.
    ///
    /// With [`Slow::Disconnect`], use [`Broker::link_for`]: a member that is stuck has to be cut off from outside.
    ///
    /// # Examples
    ///
    /// ```
    /// # use sockeye::relay::Broker;
    /// # use tokio::io::{AsyncReadExt, AsyncWriteExt};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let broker = Broker::new(1024, Default::default());
    /// let (mut ann, mut bob) = (broker.member(), broker.member());
    /// ann.write_all(b"hello").await.unwrap();
    /// let mut heard = [0; 5];
    /// bob.read_exact(&mut heard).await.unwrap();
    /// assert_eq!(&heard, b"hello");
    /// # }
    /// ```
    pub fn member(&self) -> Stream {
        Stream::from_io(self.seat(CancellationToken::new()))
    }

    /// A new member as the other end of a link of this kind. `leave` is cancelled when the member is to be disconnected
    /// because it is too slow: give it to [`JoinOptions::stop`](super::JoinOptions::stop).
    pub fn link_for(&self, peer: &Link, leave: CancellationToken) -> Link {
        let mut seat = self.seat(leave);
        match peer {
            Link::Messages(peer) => {
                seat.unbounded = peer.is_unbounded();
                Link::Messages(Messages::new(Box::new(seat), None, None, None))
            }
            Link::Stream(_) => Link::Stream(Stream::from_io(seat)),
        }
    }

    /// Pieces that members missed because their queues were full.
    pub fn missed(&self) -> u64 {
        self.room().missed
    }

    /// Members that were disconnected because their queues were full.
    pub fn dropped(&self) -> u64 {
        self.room().dropped
    }

    fn seat(&self, leave: CancellationToken) -> Seat {
        let mut room = self.room();
        let id = room.next;
        room.next += 1;
        room.members.insert(
            id,
            Member {
                waiting: VecDeque::new(),
                waits: 0,
                read: 0,
                spoken: false,
                reader: None,
                leave,
            },
        );
        drop(room);
        Seat {
            broker: self.clone(),
            id,
            unbounded: false,
        }
    }

    fn room(&self) -> MutexGuard<'_, Room> {
        // Nothing panics while the lock is held.
        self.room.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn say(&self, speaker: u64, bytes: &[u8]) {
        let piece: Arc<[u8]> = bytes.into();
        let mut room = self.room();
        let (mut missed, mut too_slow) = (0, Vec::new());
        for (id, member) in room.members.iter_mut().filter(|(id, _)| **id != speaker) {
            // One piece always fits, however small the queue.
            if member.waits > 0 && member.waits + cost(&piece) > self.queue {
                missed += 1;
                if self.slow == Slow::Disconnect {
                    too_slow.push(*id);
                }
                continue;
            }
            member.waits += cost(&piece);
            member.waiting.push_back(Arc::clone(&piece));
            if let Some(reader) = member.reader.take() {
                reader.wake();
            }
        }
        room.missed += missed;
        for id in too_slow {
            // Gone at once: what waits for it is freed, and it is not told that it missed more.
            if let Some(member) = room.members.remove(&id) {
                room.dropped += 1;
                member.leave.cancel();
            }
        }
    }
}

/// What a waiting piece counts.
fn cost(piece: &[u8]) -> usize {
    piece.len().max(PIECE)
}

impl Member {
    /// Copy what waits into the buffer, up to the end of a piece.
    fn read(&mut self, buf: &mut ReadBuf<'_>) -> bool {
        let Some(piece) = self.waiting.front() else {
            return false;
        };
        let rest = &piece[self.read..];
        let n = rest.len().min(buf.remaining());
        buf.put_slice(&rest[..n]);
        self.read += n;
        if self.read == piece.len() {
            self.waits -= cost(piece);
            self.read = 0;
            self.waiting.pop_front();
            if self.waiting.is_empty() {
                // An idle member costs no memory.
                self.waiting = VecDeque::new();
            }
        }
        true
    }
}

/// A member's place.
struct Seat {
    broker: Broker,
    id: u64,
    /// Whether messages may be of any length.
    unbounded: bool,
}

impl Seat {
    /// Read one piece, or a part of it; `false` is the end.
    fn poll_hear(&self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<bool> {
        let mut room = self.broker.room();
        let Some(member) = room.members.get_mut(&self.id) else {
            return Poll::Ready(false);
        };
        if member.read(buf) {
            return Poll::Ready(true);
        }
        if member.spoken {
            // It has nothing more to say, and what waited for it is delivered.
            return Poll::Ready(false);
        }
        member.reader = Some(cx.waker().clone());
        Poll::Pending
    }

    fn stop_speaking(&self) {
        let mut room = self.broker.room();
        if let Some(member) = room.members.get_mut(&self.id) {
            member.spoken = true;
            if let Some(reader) = member.reader.take() {
                reader.wake();
            }
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.broker.room().members.remove(&self.id);
    }
}

impl AsyncRead for Seat {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        // An empty piece is nothing to a reader of bytes, and must not look like the end.
        while ready!(self.poll_hear(cx, buf)) && buf.filled().len() == before && buf.remaining() > 0
        {
        }
        Poll::Ready(Ok(()))
    }
}

impl MessageIo for Seat {
    fn poll_send(&self, _cx: &mut Context<'_>, message: &[u8]) -> Poll<io::Result<()>> {
        self.broker.say(self.id, message);
        Poll::Ready(Ok(()))
    }

    fn poll_recv(&self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<bool>> {
        self.poll_hear(cx, buf).map(Ok)
    }

    fn poll_recv_vec(
        &self,
        cx: &mut Context<'_>,
        _most: usize,
    ) -> Poll<io::Result<Option<Vec<u8>>>> {
        let room = self.broker.room();
        let member = room.members.get(&self.id);
        let next = member.and_then(|member| member.waiting.front().map(|piece| piece.len()));
        drop(room);
        let mut bytes = vec![0; next.unwrap_or(0)];
        let more = ready!(self.poll_hear(cx, &mut ReadBuf::new(&mut bytes)));
        Poll::Ready(Ok(more.then_some(bytes)))
    }

    fn is_unbounded(&self) -> bool {
        self.unbounded
    }

    fn shutdown(&self) -> io::Result<()> {
        self.stop_speaking();
        Ok(())
    }
}

impl AsyncWrite for Seat {
    fn poll_write(
        self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if !bytes.is_empty() {
            self.broker.say(self.id, bytes);
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stop_speaking();
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    /// A link of messages, to ask for a seat of that kind.
    fn messages(broker: &Broker, leave: &CancellationToken) -> Messages {
        let kind = Link::Messages(Messages::new(
            Box::new(broker.seat(CancellationToken::new())),
            None,
            None,
            None,
        ));
        match broker.link_for(&kind, leave.clone()) {
            Link::Messages(messages) => messages,
            Link::Stream(_) => unreachable!("messages were asked for"),
        }
    }

    #[tokio::test]
    async fn messages_keep_their_boundaries_even_empty_ones() {
        let broker = Broker::new(1024, Slow::Skip);
        let leave = CancellationToken::new();
        let (ann, bob) = (messages(&broker, &leave), messages(&broker, &leave));
        for said in [&b"one"[..], b"", b"two"] {
            ann.send(said).await.unwrap();
        }
        let mut buf = [0; 64];
        for length in [3, 0, 3] {
            assert_eq!(bob.recv(&mut buf).await.unwrap(), Some(length));
        }
        assert_eq!(&buf[..3], b"two");
    }

    #[tokio::test]
    async fn an_empty_message_is_no_end_to_a_reader_of_bytes() {
        let broker = Broker::new(1024, Slow::Skip);
        let ann = messages(&broker, &CancellationToken::new());
        let mut bob = broker.member();
        ann.send(b"").await.unwrap();
        ann.send(b"x").await.unwrap();
        assert_eq!(bob.read_u8().await.unwrap(), b'x');
    }

    #[tokio::test]
    async fn a_slow_member_misses_what_does_not_fit_and_the_rest_is_whole() {
        let broker = Broker::new(100, Slow::Skip);
        let (mut ann, mut bob) = (broker.member(), broker.member());
        for piece in [[b'a'; 60], [b'b'; 60], [b'c'; 60]] {
            ann.write_all(&piece).await.unwrap();
        }
        assert_eq!((broker.missed(), broker.dropped()), (2, 0));
        let mut heard = [0; 60];
        bob.read_exact(&mut heard).await.unwrap();
        assert_eq!(heard, [b'a'; 60]);
        ann.write_all(b"d").await.unwrap();
        assert_eq!(bob.read_u8().await.unwrap(), b'd');
    }

    #[tokio::test]
    async fn small_pieces_have_a_bound_too() {
        let broker = Broker::new(320, Slow::Skip);
        let (mut ann, _bob) = (broker.member(), broker.member());
        for _ in 0..100 {
            ann.write_all(b"x").await.unwrap();
        }
        assert_eq!(broker.missed(), 90);
    }

    #[tokio::test]
    async fn a_stuck_member_is_told_to_leave_and_takes_nothing_along() {
        let broker = Broker::new(10, Slow::Disconnect);
        let leave = CancellationToken::new();
        let (mut ann, mut bob) = (broker.member(), broker.seat(leave.clone()));
        ann.write_all(b"first").await.unwrap();
        assert!(!leave.is_cancelled());
        ann.write_all(b"second").await.unwrap();
        assert!(leave.is_cancelled());
        assert_eq!(broker.dropped(), 1);
        let mut heard = Vec::new();
        bob.read_to_end(&mut heard).await.unwrap();
        assert!(heard.is_empty());
        drop(bob);
        ann.write_all(b"goes on").await.unwrap();
    }
}
