//! The wire view for bytes: every byte in hexadecimal, in lines that `xxd` can turn back.
//!
//! ```text
//! # 0.000412 #1 > tcp 18 bytes
//! 00000000: 4745 5420 2f20 4854 5450 2f31 2e30 0d0a  GET / HTTP/1.0.. > tcp #1
//! 00000010: 0d0a                                     ..               > tcp #1
//! ```
//!
//! Each line ends in the name of its stream, so `grep ' > tcp #1$' dump | xxd -r` gives exactly what was sent there.
//! Lines that begin with `#` are remarks for people. `xxd -r` would take digits in them for data, and streams have
//! offsets of their own, so pick one stream by its name before turning it back.

use std::fmt;
use std::io::{self, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::event::{Direction, Event, Observer, What};
use super::sink::{Sink, States, push_connection, push_decimal, push_time};
use super::words::{byte_unit, describe};

/// How many bytes one line shows.
const WIDTH: usize = 16;

/// Where the character column begins, counted from the colon after the offset.
const CHARACTERS: usize = 43;

/// How many layers and directions of one connection have an offset of their own.
const MAX_FLOWS: usize = 32;

/// An observer that writes every byte in hexadecimal.
///
/// What an event says is written when it happens, by one call up to 256 KiB of text, so nothing is lost when the
/// process ends. The first error of the writer silences the view; see [`HexView::take_error`].
///
/// Offsets are counted per connection, side, layer and direction. They start again at 0 if more than 65,536
/// connections are open at once and this one was among the oldest.
///
/// # Examples
///
/// ```
/// use std::io;
/// use std::sync::Arc;
/// use sockeye::wire::hexdump::HexView;
///
/// let net = sockeye::net::Net::new().observer(Arc::new(HexView::new(Box::new(io::stderr()))));
/// ```
pub struct HexView {
    inner: Mutex<Inner>,
}

struct Inner {
    sink: Sink,
    states: States<Vec<Flow>>,
}

struct Flow {
    layer: String,
    direction: Direction,
    offset: u64,
    /// What stands after the character column, with the line end: ` > tcp #1\n`.
    suffix: Vec<u8>,
}

impl HexView {
    /// A view that writes to `out`: stderr, a file.
    pub fn new(out: Box<dyn Write + Send>) -> Self {
        Self {
            inner: Mutex::new(Inner {
                sink: Sink::new(out),
                states: States::new(),
            }),
        }
    }

    /// The error that silenced the view, if there was one; it is given out once.
    pub fn take_error(&self) -> Option<io::Error> {
        self.lock().sink.take_error()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for HexView {
    fn on_event(&self, event: &Event<'_>) {
        let mut inner = self.lock();
        if inner.sink.is_silent() {
            return;
        }
        match &event.what {
            What::Data(direction, bytes) => inner.show_data(event, *direction, bytes),
            _ => inner.show_words(event),
        }
        if matches!(event.what, What::Closed { .. } | What::Failed(_)) {
            inner.states.remove(event);
        }
        inner.sink.commit();
    }
}

impl Inner {
    fn show_data(&mut self, event: &Event<'_>, direction: Direction, bytes: &[u8]) {
        let buffer = &mut self.sink.buffer;
        start_remark(buffer, event);
        buffer.extend_from_slice(mark(direction));
        buffer.extend_from_slice(event.layer.as_bytes());
        buffer.push(b' ');
        push_decimal(buffer, bytes.len() as u64, 1);
        buffer.extend_from_slice(byte_unit(bytes.len()).as_bytes());
        buffer.push(b'\n');

        let flows = self.states.entry(event);
        let flow = Flow::find(flows, event, direction);
        for row in bytes.chunks(WIDTH) {
            push_row(&mut self.sink.buffer, flow.offset, row, &flow.suffix);
            flow.offset += row.len() as u64;
            self.sink.spill();
        }
    }

    fn show_words(&mut self, event: &Event<'_>) {
        let mut words = String::new();
        if !describe(&event.what, &mut words) {
            return;
        }
        // A remark must not look like a line of a stream to grep, whatever text it quotes.
        if words.rsplit(' ').next().is_some_and(ends_a_stream_name) {
            words.push('.');
        }
        let buffer = &mut self.sink.buffer;
        start_remark(buffer, event);
        buffer.extend_from_slice(event.layer.as_bytes());
        buffer.push(b' ');
        buffer.extend_from_slice(words.as_bytes());
        buffer.push(b'\n');
    }
}

impl Flow {
    fn find<'a>(flows: &'a mut Vec<Self>, event: &Event<'_>, direction: Direction) -> &'a mut Self {
        let known = flows
            .iter()
            .position(|flow| flow.direction == direction && flow.layer == event.layer);
        let index = known.unwrap_or_else(|| {
            if flows.len() >= MAX_FLOWS {
                flows.remove(0);
            }
            flows.push(Self::new(event, direction));
            flows.len() - 1
        });
        &mut flows[index]
    }

    fn new(event: &Event<'_>, direction: Direction) -> Self {
        let mut suffix = vec![b' '];
        suffix.extend_from_slice(mark(direction));
        suffix.extend_from_slice(event.layer.as_bytes());
        suffix.push(b' ');
        push_connection(&mut suffix, event);
        suffix.push(b'\n');
        Self {
            layer: event.layer.to_owned(),
            direction,
            offset: 0,
            suffix,
        }
    }
}

/// The first columns of a remark: `# 0.000412 #1 `.
fn start_remark(buffer: &mut Vec<u8>, event: &Event<'_>) {
    buffer.extend_from_slice(b"# ");
    push_time(buffer, event.at);
    buffer.push(b' ');
    push_connection(buffer, event);
    buffer.push(b' ');
}

fn mark(direction: Direction) -> &'static [u8] {
    match direction {
        Direction::Sent => b"> ",
        Direction::Received => b"< ",
    }
}

fn ends_a_stream_name(word: &str) -> bool {
    word.starts_with('#') || matches!(word, "in" | "out")
}

/// One line as `xxd` writes it, the character column filled up to its width, then the name of the stream.
pub(super) fn push_row(buffer: &mut Vec<u8>, offset: u64, bytes: &[u8], suffix: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut row = [b' '; CHARACTERS + WIDTH];
    row[0] = b':';
    for (index, byte) in bytes.iter().take(WIDTH).enumerate() {
        // Two digits per byte and a space after every second one.
        let column = 2 + 2 * index + index / 2;
        row[column] = DIGITS[usize::from(byte >> 4)];
        row[column + 1] = DIGITS[usize::from(byte & 15)];
        row[CHARACTERS + index] = match byte {
            b' '..=b'~' => *byte,
            _ => b'.',
        };
    }
    let mut number = [b'0'; 16];
    for (index, digit) in number.iter_mut().rev().enumerate() {
        *digit = DIGITS[(offset >> (4 * index)) as usize & 15];
    }
    // At least eight digits, more when the offset needs them.
    let zeros = (offset.leading_zeros() / 4).min(8) as usize;
    buffer.extend_from_slice(&number[zeros..]);
    buffer.extend_from_slice(&row);
    buffer.extend_from_slice(suffix);
}

impl fmt::Debug for HexView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HexView").finish_non_exhaustive()
    }
}
