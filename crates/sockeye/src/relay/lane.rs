//! One way of a conversation: what it holds, what it carried, and whether it is over.

use std::io;
use std::task::{Context, Poll, ready};

use tokio::time::Instant;

use super::options::{JoinOptions, Notice};
use super::path::Path;
use super::pipes::Pipe;
use super::totals::{Direction, Way};
use super::{copy, messages};
use crate::net::Link;

/// The most bytes one way moves before other tasks get their turn.
pub(super) const BUDGET: usize = 2 << 20;

/// Why a way cannot go on.
#[derive(Debug)]
pub(super) enum Fault {
    /// The speaking side failed; all that it had said is delivered.
    Read(io::Error),
    /// The listening side failed.
    Write(io::Error),
}

/// What is known of the speaking side.
#[derive(Debug)]
pub(super) enum Source {
    Open,
    Ended,
    /// We were asked to read no more.
    Stopped,
    Failed(io::Error),
}

/// Where a way stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Bytes flow.
    Open,
    /// Nobody listens any more: what is said is read, counted and thrown away.
    Discarding,
    /// The end was seen and passed on.
    Ended,
    /// It failed, was stopped or given up.
    Broken,
}

/// One way of a conversation.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) way: Direction,
    pub(super) state: State,
    pub(super) source: Source,
    pub(super) path: Path,
    /// What was read and could not be written at once; empty most of the time, and then without memory.
    pub(super) held: Vec<u8>,
    pub(super) held_at: usize,
    /// Whether `held` is a message, which may be empty.
    pub(super) holds_message: bool,
    /// A pipe of ours, with bytes in it or about to be filled.
    pub(super) pipe: Option<Pipe>,
    /// Whether the kernel moves the bytes just now.
    pub(super) splicing: bool,
    /// Small portions in a row that the kernel moved.
    pub(super) small: u8,
    /// Reads to copy before a pipe is asked for again.
    pub(super) without_pipe: u8,
    /// The size of the next read.
    pub(super) read_size: usize,
    /// Whether the listening side holds bytes back until it is flushed.
    pub(super) unflushed: bool,
    /// Whether the message in hand was refused once on account of an earlier one.
    pub(super) tried_again: bool,
    /// Whether the listening side will be reset at the end because it broke the way it speaks on.
    pub(super) doomed: bool,
    /// Anything read or delivered adds to it.
    pub(super) moved: u64,
    pub(super) moved_at: Instant,
    pub(super) bytes: u64,
    pub(super) spliced: u64,
    pub(super) undelivered: u64,
    pub(super) messages: u64,
    pub(super) dropped: u64,
    pub(super) errors: u64,
}

impl Lane {
    pub(super) fn new(way: Direction, path: Path) -> Self {
        Self {
            way,
            state: State::Open,
            source: Source::Open,
            path,
            held: Vec::new(),
            held_at: 0,
            holds_message: false,
            pipe: None,
            splicing: false,
            small: 0,
            without_pipe: 0,
            read_size: copy::FIRST_READ,
            unflushed: false,
            tried_again: false,
            doomed: false,
            moved: 0,
            moved_at: Instant::now(),
            bytes: 0,
            spliced: 0,
            undelivered: 0,
            messages: 0,
            dropped: 0,
            errors: 0,
        }
    }

    /// Move what can be moved. Ready when this way is over, one way or the other.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        from: &mut Link,
        to: &mut Link,
        options: &JoinOptions,
    ) -> Poll<Result<(), Fault>> {
        if self.state == State::Discarding {
            return self.poll_discard(cx, from);
        }
        let polled = match (from, to) {
            (Link::Stream(from), Link::Stream(to)) => copy::poll_bytes(self, cx, from, to, options),
            (from, to) => messages::poll_messages(self, cx, from, to, options),
        };
        match ready!(polled) {
            Ok(()) if self.doomed || matches!(self.source, Source::Stopped) => {
                self.give_up();
                Poll::Ready(Ok(()))
            }
            Ok(()) => {
                self.state = State::Ended;
                if let Some(notify) = &options.notify {
                    notify(Notice::HalfClosed {
                        way: self.way,
                        bytes: self.bytes,
                    });
                }
                Poll::Ready(Ok(()))
            }
            Err(fault) => {
                self.give_up();
                Poll::Ready(Err(fault))
            }
        }
    }

    /// Whether nothing more will happen on this way.
    pub(super) fn is_over(&self) -> bool {
        matches!(self.state, State::Ended | State::Broken)
    }

    /// Whether something was read that is not delivered yet.
    pub(super) fn holds(&self) -> bool {
        self.holds_message
            || !self.held.is_empty()
            || self.pipe.as_ref().is_some_and(|p| p.held > 0)
    }

    /// Read no more; what was read will be delivered.
    pub(super) fn stop_reading(&mut self, source: Source) {
        if matches!(self.source, Source::Open) {
            self.source = source;
        }
        if self.state == State::Discarding {
            self.state = State::Broken;
        }
    }

    /// Count what is held as undelivered and end this way.
    pub(super) fn give_up(&mut self) {
        self.undelivered += (self.held.len() - self.held_at) as u64;
        self.release_held();
        if let Some(pipe) = self.pipe.take() {
            self.undelivered += pipe.held as u64;
        }
        if self.state != State::Ended {
            self.state = State::Broken;
        }
    }

    /// Take note of bytes that the listening side took.
    pub(super) fn delivered(&mut self, bytes: usize, options: &JoinOptions) {
        let bytes = bytes as u64;
        self.bytes += bytes;
        self.moved += 1;
        if let Some(counters) = &options.counters {
            counters.add(self.way, bytes);
        }
    }

    /// Keep what could not be written.
    pub(super) fn hold(&mut self, bytes: &[u8]) {
        self.held = bytes.to_vec();
        self.held_at = 0;
    }

    /// Give the memory of what was held back.
    pub(super) fn release_held(&mut self) {
        self.held = Vec::new();
        self.held_at = 0;
        self.holds_message = false;
    }

    /// Take another path from now on.
    pub(super) fn change_path(&mut self, path: Path, options: &JoinOptions) {
        self.path = path;
        self.splicing = false;
        if let Some(notify) = &options.notify {
            notify(Notice::Path {
                way: self.way,
                path,
            });
        }
    }

    fn poll_discard(&mut self, cx: &mut Context<'_>, from: &mut Link) -> Poll<Result<(), Fault>> {
        let mut budget = BUDGET;
        loop {
            if budget == 0 {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            let taken = match from {
                Link::Stream(from) => ready!(copy::with_scratch(|buf| {
                    copy::poll_read_some(cx, from, buf)
                })),
                // Datagrams that nobody takes are nobody's loss.
                Link::Messages(_) => Ok(0),
            };
            match taken {
                Ok(0) | Err(_) => {
                    self.state = State::Broken;
                    return Poll::Ready(Ok(()));
                }
                Ok(n) => {
                    self.undelivered += n as u64;
                    self.moved += 1;
                    budget = budget.saturating_sub(n);
                }
            }
        }
    }

    /// The figures of this way.
    pub(super) fn totals(&self) -> Way {
        Way {
            bytes: self.bytes,
            spliced: self.spliced,
            undelivered: self.undelivered,
            messages: self.messages,
            dropped: self.dropped,
            errors: self.errors,
            path: self.path,
            ended: self.state == State::Ended,
            truncated: false,
        }
    }
}
