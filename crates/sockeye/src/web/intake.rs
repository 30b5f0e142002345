//! The body of a request on its way from the connection to whoever reads it: one chunk at a time, and only when it is
//! wanted, so that a slow reader slows the peer and nothing piles up.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;

use super::body::BodyError;

#[derive(Debug)]
struct Shared {
    chunk: Option<Bytes>,
    /// What ends the body: its end, or an error.
    end: Option<Result<(), BodyError>>,
    /// Somebody has asked for the next chunk.
    wanted: bool,
    /// Nobody will ask any more.
    abandoned: bool,
    /// Bytes that may still come, and how many were allowed in all.
    room: u64,
    limit: u64,
    /// Bytes that are to come, if their number was announced.
    left: Option<u64>,
    reader: Option<Waker>,
    source: Option<Waker>,
}

/// The reader's end.
#[derive(Debug)]
pub(super) struct Outlet(Arc<Mutex<Shared>>);

/// The connection's end.
#[derive(Debug)]
pub(super) struct Inlet(Arc<Mutex<Shared>>);

/// What the reader wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// The next chunk.
    More,
    /// Nothing for now.
    Wait,
    /// Nothing any more.
    Done,
}

/// Both ends for a body of this many bytes, if that is known, with this limit.
pub(super) fn intake(length: Option<u64>, limit: u64) -> (Inlet, Outlet) {
    let shared = Arc::new(Mutex::new(Shared {
        chunk: None,
        end: None,
        wanted: false,
        abandoned: false,
        room: limit,
        limit,
        left: length,
        reader: None,
        source: None,
    }));
    (Inlet(Arc::clone(&shared)), Outlet(shared))
}

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Outlet {
    pub(super) fn left(&self) -> Option<u64> {
        lock(&self.0).left
    }

    pub(super) fn set_limit(&self, limit: u64) {
        let mut shared = lock(&self.0);
        let used = shared.limit - shared.room;
        shared.limit = limit;
        shared.room = limit.saturating_sub(used);
    }

    pub(super) fn poll_chunk(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, BodyError>>> {
        let mut shared = lock(&self.0);
        if shared.left.is_some_and(|left| left > shared.room) {
            // Known before anything is read: the peer need not send it.
            shared.abandoned = true;
            return Poll::Ready(Some(Err(BodyError::TooLarge(shared.limit))));
        }
        if let Some(chunk) = shared.chunk.take() {
            return Poll::Ready(Some(Ok(chunk)));
        }
        match shared.end.take() {
            Some(Ok(())) => {
                shared.end = Some(Ok(()));
                return Poll::Ready(None);
            }
            Some(Err(error)) => {
                shared.end = Some(Ok(()));
                return Poll::Ready(Some(Err(error)));
            }
            None => {}
        }
        shared.wanted = true;
        shared.reader = Some(cx.waker().clone());
        if let Some(source) = shared.source.take() {
            source.wake();
        }
        Poll::Pending
    }
}

impl Drop for Outlet {
    fn drop(&mut self) {
        let mut shared = lock(&self.0);
        shared.abandoned = true;
        shared.chunk = None;
        if let Some(source) = shared.source.take() {
            source.wake();
        }
    }
}

impl Inlet {
    /// What the reader wants now; the task is woken when that changes.
    pub(super) fn wish(&self, cx: &mut Context<'_>) -> Wish {
        let mut shared = lock(&self.0);
        if shared.abandoned || shared.end.is_some() {
            return Wish::Done;
        }
        if shared.wanted && shared.chunk.is_none() {
            return Wish::More;
        }
        shared.source = Some(cx.waker().clone());
        Wish::Wait
    }

    /// Whether nobody will ask for anything any more.
    pub(super) fn is_abandoned(&self) -> bool {
        lock(&self.0).abandoned
    }

    /// Hand over a chunk, which is not empty. Too many bytes in all end the body.
    pub(super) fn push(&self, chunk: Bytes) {
        let mut shared = lock(&self.0);
        let length = chunk.len() as u64;
        if length > shared.room {
            shared.end = Some(Err(BodyError::TooLarge(shared.limit)));
        } else {
            shared.room -= length;
            shared.left = shared.left.map(|left| left.saturating_sub(length));
            shared.chunk = Some(chunk);
        }
        shared.wanted = false;
        if let Some(reader) = shared.reader.take() {
            reader.wake();
        }
    }

    /// The body is over.
    pub(super) fn end(&self, how: Result<(), BodyError>) {
        let mut shared = lock(&self.0);
        if shared.end.is_none() {
            shared.end = Some(how);
        }
        if let Some(reader) = shared.reader.take() {
            reader.wake();
        }
    }
}

impl Drop for Inlet {
    fn drop(&mut self) {
        let gone = std::io::Error::new(
            std::io::ErrorKind::ConnectionAborted,
            "the connection is closed",
        );
        self.end(Err(gone.into()));
    }
}
