//! A broker: what one member says, all others hear.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::net::Stream;

/// How many bytes may wait for one member when nothing else is said.
pub const QUEUE: usize = 1024 * 1024;

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
/// pieces in which it arrived, in the same order to everyone.
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
}

#[derive(Debug, Default)]
struct Member {
    waiting: VecDeque<Arc<[u8]>>,
    bytes: usize,
    /// How much of the first piece was read.
    read: usize,
    dropped: bool,
    reader: Option<Waker>,
}

impl Broker {
    /// A broker that holds at most `queue` bytes for each member.
    pub fn new(queue: usize, slow: Slow) -> Self {
        Self {
            room: Arc::default(),
            queue: queue.max(1),
            slow,
        }
    }

    /// A new member: reading it gives what the others say, writing to it tells the others. It leaves when it is dropped.
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
        let mut room = self.room();
        let id = room.next;
        room.next += 1;
        room.members.insert(id, Member::default());
        drop(room);
        Stream::from_io(Seat {
            broker: self.clone(),
            id,
            spoken: false,
        })
    }

    /// Pieces that members missed because their queues were full.
    pub fn missed(&self) -> u64 {
        self.room().missed
    }

    fn room(&self) -> MutexGuard<'_, Room> {
        // Nothing panics while the lock is held.
        self.room.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn say(&self, speaker: u64, bytes: &[u8]) {
        let piece: Arc<[u8]> = bytes.into();
        let mut room = self.room();
        let mut missed = 0;
        for member in room
            .members
            .iter_mut()
            .filter(|(id, _)| **id != speaker)
            .map(|(_, member)| member)
        {
            // One piece always fits, however small the queue.
            if member.bytes > 0 && member.bytes + piece.len() > self.queue {
                missed += 1;
                member.dropped |= self.slow == Slow::Disconnect;
            } else {
                member.bytes += piece.len();
                member.waiting.push_back(Arc::clone(&piece));
            }
            if let Some(reader) = member.reader.take() {
                reader.wake();
            }
        }
        room.missed += missed;
    }
}

/// A member's place.
struct Seat {
    broker: Broker,
    id: u64,
    spoken: bool,
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
        let mut room = self.broker.room();
        let Some(member) = room.members.get_mut(&self.id) else {
            return Poll::Ready(Ok(()));
        };
        if let Some(piece) = member.waiting.front() {
            let rest = &piece[member.read..];
            let n = rest.len().min(buf.remaining());
            buf.put_slice(&rest[..n]);
            member.read += n;
            member.bytes -= n;
            if member.read == piece.len() {
                member.waiting.pop_front();
                member.read = 0;
            }
            return Poll::Ready(Ok(()));
        }
        if member.dropped {
            return Poll::Ready(Err(io::Error::new(
                io::ErrorKind::TimedOut,
                "the client does not read fast enough and was dropped",
            )));
        }
        if self.spoken {
            // It has nothing more to say, and what waited for it is delivered.
            return Poll::Ready(Ok(()));
        }
        member.reader = Some(cx.waker().clone());
        Poll::Pending
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

    fn poll_shutdown(mut self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.spoken = true;
        let mut room = self.broker.room();
        if let Some(reader) = room
            .members
            .get_mut(&self.id)
            .and_then(|member| member.reader.take())
        {
            reader.wake();
        }
        Poll::Ready(Ok(()))
    }
}
