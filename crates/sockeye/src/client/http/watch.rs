//! Who hears of hops while they happen, and what of bodies is kept for them.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, ReadBuf};

use super::body::BodyReader;
use super::hop::Hop;

/// Whoever wants to hear of each hop while it happens.
///
/// Called on the task that sends the request: what takes its time here delays the transfer.
pub trait HopObserver: Send + Sync {
    /// A hop came to this point. [`Hop::request_number`] tells requests apart, [`Hop::number`] their hops.
    fn on_hop(&self, stage: Stage, hop: &Hop);
}

/// How far a hop has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Stage {
    /// There is a connection, and the head of the request is sent next. A hop that gets no connection has no such point.
    Sending,
    /// The head of the answer is there.
    Answered,
    /// The hop is over, and another one follows.
    Ended,
    /// The hop is over, and with it the request: its body was read or given up, or the hop failed.
    Over,
}

/// Keeps the beginning of a body that is sent from a reader.
pub(super) struct Keep {
    limit: usize,
    kept: Arc<Mutex<Vec<u8>>>,
}

impl Keep {
    pub(super) fn new(limit: u64) -> Self {
        Self {
            limit: usize::try_from(limit).unwrap_or(usize::MAX),
            kept: Arc::default(),
        }
    }

    /// How many bytes are kept.
    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    /// The same reader, of which the beginning is kept.
    pub(super) fn reader(&self, reader: BodyReader) -> BodyReader {
        if self.limit == 0 {
            return reader;
        }
        Box::new(Kept {
            reader,
            limit: self.limit,
            kept: self.kept.clone(),
        })
    }

    /// What was kept so far.
    pub(super) fn take(&self) -> Vec<u8> {
        // Nothing panics while the lock is held.
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut kept)
    }
}

struct Kept {
    reader: BodyReader,
    limit: usize,
    kept: Arc<Mutex<Vec<u8>>>,
}

impl AsyncRead for Kept {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.reader).poll_read(context, buf);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        add(&mut kept, &buf.filled()[before..], self.limit);
        polled
    }
}

/// Add bytes to what is kept, up to the limit.
pub(super) fn add(kept: &mut Vec<u8>, bytes: &[u8], limit: usize) {
    let room = limit.saturating_sub(kept.len());
    kept.extend_from_slice(&bytes[..bytes.len().min(room)]);
}
