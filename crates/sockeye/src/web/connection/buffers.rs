//! Buffers of a connection, which has them only while something is in them: ten thousand idle ones have none.

use std::cell::RefCell;

/// A buffer as connections get it: the heads of most requests fit, and most answers from memory.
pub(super) const SIZE: usize = 16 << 10;
/// How many unused buffers of each kind a thread keeps.
const KEPT: usize = 16;

/// Buffers that nobody uses. Those to read into are initialised throughout, those to write to are empty.
type Spare = RefCell<Vec<Vec<u8>>>;

thread_local! {
    static TO_READ: Spare = const { RefCell::new(Vec::new()) };
    static TO_WRITE: Spare = const { RefCell::new(Vec::new()) };
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
            let spare = TO_READ.with_borrow_mut(Vec::pop);
            self.buffer = spare.unwrap_or_else(|| vec![0; SIZE]);
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
            TO_READ.with_borrow_mut(|spare| keep(spare, std::mem::take(&mut self.buffer)));
        }
    }
}

/// Bytes that are to be sent.
#[derive(Debug, Default)]
pub(super) struct Output {
    buffer: Vec<u8>,
    sent: usize,
    all: u64,
}

impl Output {
    /// Where to write what is to be sent.
    pub(super) fn buffer(&mut self) -> &mut Vec<u8> {
        if self.buffer.capacity() == 0 {
            let spare = TO_WRITE.with_borrow_mut(Vec::pop);
            self.buffer = spare.unwrap_or_else(|| Vec::with_capacity(SIZE));
        }
        if self.sent > self.len() {
            // Else a client that never quite catches up would make it grow for ever.
            self.buffer.drain(..self.sent);
            self.sent = 0;
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

    /// Bytes that were sent since the connection began.
    pub(super) fn all_sent(&self) -> u64 {
        self.all
    }

    /// Where the next byte stands among all that is sent over the connection.
    pub(super) fn position(&self) -> u64 {
        self.all + self.len() as u64
    }

    /// So many bytes were sent.
    pub(super) fn sent(&mut self, bytes: usize) {
        self.sent += bytes;
        self.all += bytes as u64;
        if self.is_empty() {
            self.sent = 0;
            self.buffer.clear();
        }
    }

    /// Give the buffer back if nothing is in it.
    pub(super) fn release(&mut self) {
        if self.is_empty() && self.buffer.capacity() > 0 {
            TO_WRITE.with_borrow_mut(|spare| keep(spare, std::mem::take(&mut self.buffer)));
        }
    }
}

fn keep(spare: &mut Vec<Vec<u8>>, buffer: Vec<u8>) {
    // One that had to grow is not kept.
    if buffer.capacity() < 2 * SIZE && spare.len() < KEPT {
        spare.push(buffer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sent_takes_no_room() {
        let mut output = Output::default();
        for _ in 0..10_000 {
            output.buffer().extend_from_slice(&[b'x'; 100]);
            output.sent(if output.len() > 100 { 100 } else { 50 });
            assert!(output.len() <= 200 && output.buffer.len() <= 500);
        }
        output.sent(output.len());
        assert_eq!(output.all_sent(), 1_000_000);
        output.release();
        assert_eq!(output.buffer.capacity(), 0);
    }

    #[test]
    fn room_to_read_into_is_never_empty_and_grows_only_for_what_is_kept() {
        let mut input = Input::default();
        for _ in 0..100 {
            let room = input.room().len();
            input.filled(room);
            input.consume(input.len() - 10);
        }
        assert_eq!(input.buffer.len(), SIZE);
        let room = input.room().len();
        input.filled(room);
        assert!(!input.room().is_empty());
        assert_eq!(input.buffer.len(), 2 * SIZE);
    }
}
