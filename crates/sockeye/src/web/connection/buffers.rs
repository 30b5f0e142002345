//! Buffers of a connection, which has them only while something is in them: ten thousand idle ones have none.

use std::cell::RefCell;

/// A buffer as connections get it: the heads of most requests fit, and most answers from memory.
const SIZE: usize = 16 << 10;
/// How many unused buffers a thread keeps.
const KEPT: usize = 64;

thread_local! {
    static SPARE: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// Bytes that came and are not used up. `buffer` is initialised throughout; `start..end` is what is in it.
#[derive(Debug, Default)]
pub(super) struct Input {
    buffer: Vec<u8>,
    start: usize,
    end: usize,
}

impl Input {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    pub(super) fn is_empty(&self) -> bool {
        self.start == self.end
    }

    pub(super) fn len(&self) -> usize {
        self.end - self.start
    }

    /// So many bytes are used up.
    pub(super) fn consume(&mut self, bytes: usize) {
        self.start += bytes;
        if self.is_empty() {
            (self.start, self.end) = (0, 0);
        }
    }

    /// Room to read into; never empty.
    pub(super) fn room(&mut self) -> &mut [u8] {
        if self.buffer.is_empty() {
            self.buffer = take();
        }
        if self.end == self.buffer.len() {
            if self.start > 0 {
                self.buffer.copy_within(self.start..self.end, 0);
                (self.start, self.end) = (0, self.end - self.start);
            } else {
                self.buffer.resize(2 * self.buffer.len(), 0);
            }
        }
        &mut self.buffer[self.end..]
    }

    /// So many bytes were read into the room.
    pub(super) fn filled(&mut self, bytes: usize) {
        self.end += bytes;
    }

    /// Give the buffer back if nothing is in it.
    pub(super) fn release(&mut self) {
        if self.is_empty() && !self.buffer.is_empty() {
            give(std::mem::take(&mut self.buffer));
        }
    }
}

/// Bytes that are to be sent.
#[derive(Debug, Default)]
pub(super) struct Output {
    buffer: Vec<u8>,
    sent: usize,
}

impl Output {
    /// Where to write what is to be sent.
    pub(super) fn buffer(&mut self) -> &mut Vec<u8> {
        if self.buffer.capacity() == 0 {
            self.buffer = take();
            self.buffer.clear();
        }
        &mut self.buffer
    }

    pub(super) fn pending(&self) -> &[u8] {
        &self.buffer[self.sent..]
    }

    pub(super) fn len(&self) -> usize {
        self.buffer.len() - self.sent
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// So many bytes were sent.
    pub(super) fn sent(&mut self, bytes: usize) {
        self.sent += bytes;
        if self.is_empty() {
            self.sent = 0;
            self.buffer.clear();
        }
    }

    /// Give the buffer back if nothing is in it.
    pub(super) fn release(&mut self) {
        if self.is_empty() && self.buffer.capacity() > 0 {
            let mut buffer = std::mem::take(&mut self.buffer);
            if buffer.capacity() >= SIZE {
                buffer.resize(SIZE, 0);
                give(buffer);
            }
        }
    }
}

fn take() -> Vec<u8> {
    let spare = SPARE.with_borrow_mut(Vec::pop);
    spare.unwrap_or_else(|| vec![0; SIZE])
}

fn give(buffer: Vec<u8>) {
    // One that had to grow for a large head is not kept.
    if buffer.len() == SIZE && buffer.capacity() < 2 * SIZE {
        SPARE.with_borrow_mut(|spare| {
            if spare.len() < KEPT {
                spare.push(buffer);
            }
        });
    }
}
