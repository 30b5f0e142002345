//! Where a view writes: whole lines in one call, quiet after the first error.
//!
//! Also what the views share in keeping state per connection, and the first columns of their lines.

#![expect(
    clippy::disallowed_methods,
    reason = "the view waits for its reader rather than losing bytes"
)]

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::thread;
use std::time::Duration;

use super::event::{ConnectionId, Event, Side};

/// How many connections a view keeps state for; beyond, that of the oldest is dropped.
pub(super) const MAX_CONNECTIONS: usize = 65_536;

/// A buffer of more than this is written before its event is complete, at the end of a line.
const SPILL: usize = 256 * 1024;

/// How much of the buffer is kept from one event to the next.
const KEEP: usize = 512 * 1024;

/// How long to wait for a terminal or pipe that takes nothing now.
const RETRY: Duration = Duration::from_millis(1);

/// A writer with a buffer for the text of one event.
pub(super) struct Sink {
    out: Option<Box<dyn Write + Send>>,
    pub(super) buffer: Vec<u8>,
    error: Option<io::Error>,
}

impl Sink {
    pub(super) fn new(out: Box<dyn Write + Send>) -> Self {
        Self {
            out: Some(out),
            buffer: Vec::new(),
            error: None,
        }
    }

    /// Whether nothing can be written any more.
    pub(super) fn is_silent(&self) -> bool {
        self.out.is_none()
    }

    /// The error that silenced this sink, once.
    pub(super) fn take_error(&mut self) -> Option<io::Error> {
        self.error.take()
    }

    /// Write what is there if it has become large. Called at line ends only, so that lines stay whole.
    pub(super) fn spill(&mut self) {
        if self.buffer.len() > SPILL {
            self.commit();
        }
    }

    /// Write what is there, in one call if the writer takes it in one.
    pub(super) fn commit(&mut self) {
        if let Some(out) = &mut self.out
            && !self.buffer.is_empty()
            && let Err(error) = write_whole(out.as_mut(), &self.buffer)
        {
            self.error = Some(error);
            self.out = None;
        }
        self.buffer.clear();
        self.buffer.shrink_to(KEEP);
    }
}

/// `write_all` and `flush`, but patient: stderr may share its non-blocking mode with a stdin that is a terminal.
fn write_whole(out: &mut dyn Write, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match out.write(bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => bytes = bytes.get(count..).unwrap_or_default(),
            Err(error) => wait_or_fail(error)?,
        }
    }
    while let Err(error) = out.flush() {
        wait_or_fail(error)?;
    }
    Ok(())
}

fn wait_or_fail(error: io::Error) -> io::Result<()> {
    match error.kind() {
        io::ErrorKind::Interrupted => Ok(()),
        io::ErrorKind::WouldBlock => {
            thread::sleep(RETRY);
            Ok(())
        }
        _ => Err(error),
    }
}

/// What a view remembers of each connection, bounded by [`MAX_CONNECTIONS`].
pub(super) struct States<T> {
    map: BTreeMap<(ConnectionId, u8), T>,
    max: usize,
}

impl<T: Default> States<T> {
    pub(super) fn new() -> Self {
        Self::with_max(MAX_CONNECTIONS)
    }

    pub(super) fn with_max(max: usize) -> Self {
        Self {
            map: BTreeMap::new(),
            max,
        }
    }

    pub(super) fn get(&self, event: &Event<'_>) -> Option<&T> {
        self.map.get(&key(event))
    }

    pub(super) fn entry(&mut self, event: &Event<'_>) -> &mut T {
        let key = key(event);
        if self.map.len() >= self.max && !self.map.contains_key(&key) {
            // Numbers only grow, so the lowest is the oldest.
            self.map.pop_first();
        }
        self.map.entry(key).or_default()
    }

    pub(super) fn remove(&mut self, event: &Event<'_>) -> Option<T> {
        self.map.remove(&key(event))
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.map.len()
    }
}

fn key(event: &Event<'_>) -> (ConnectionId, u8) {
    let side = match event.side {
        Side::Only => 0,
        Side::Inbound => 1,
        Side::Outbound => 2,
    };
    (event.connection, side)
}

/// Seconds since the start with microseconds: `0.000412`.
pub(super) fn push_time(out: &mut Vec<u8>, at: Duration) {
    push_decimal(out, at.as_secs(), 1);
    out.push(b'.');
    push_decimal(out, u64::from(at.subsec_micros()), 6);
}

/// Connection and side: `#1`, `#1 in`, `#1 out`.
pub(super) fn push_connection(out: &mut Vec<u8>, event: &Event<'_>) {
    out.push(b'#');
    push_decimal(out, event.connection.0, 1);
    out.extend_from_slice(match event.side {
        Side::Only => b"",
        Side::Inbound => b" in",
        Side::Outbound => b" out",
    });
}

/// A number in decimal, with zeros in front up to `width` (20 at most).
pub(super) fn push_decimal(out: &mut Vec<u8>, mut number: u64, width: usize) {
    let mut digits = [b'0'; 20];
    let mut at = digits.len();
    while number > 0 {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
    }
    let start = at.min(digits.len() - width.clamp(1, digits.len()));
    out.extend_from_slice(&digits[start..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_the_standard_library_writes_them() {
        for number in [0, 7, 10, 412, 999_999, u64::MAX] {
            for width in [1, 6, 20] {
                let mut out = Vec::new();
                push_decimal(&mut out, number, width);
                assert_eq!(out, format!("{number:0width$}").into_bytes());
            }
        }
    }
}
