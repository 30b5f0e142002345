//! The wire view for people: each line of the conversation as escaped text.
//!
//! ```text
//! 0.000412 #1 > GET /index.html HTTP/1.0\r\n
//! 0.000733 #1 < HTTP/1.0 200 OK\r\n
//! ```
//!
//! What was sent and received appears in the order of events. It is not a format for programs: see
//! [`jsonl`](super::jsonl) for that, and [`hexdump`](super::hexdump) for bytes that are no text.

use std::fmt;
use std::io::{self, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

use sockeye_data::escape::Escaper;

use super::event::{Direction, Event, Observer, Side, What};
use super::sink::{Sink, States, push_connection, push_decimal, push_time};
use super::words::{byte_unit, describe};

/// How many bytes of data one line of the view shows; what is longer continues on the next line.
const MAX_LINE: usize = 4096;

/// How many layers and directions of one connection have an escaper of their own.
const MAX_FLOWS: usize = 32;

/// The carriers whose data events are whole messages: a character never goes on in the next one.
const MESSAGE_CARRIERS: [&str; 4] = ["udp", "unix-dgram", "unix-seqpacket", "python"];

const SENT_COLOR: &[u8] = b"\x1b[36m";
const RECEIVED_COLOR: &[u8] = b"\x1b[32m";
const NO_COLOR: &[u8] = b"\x1b[0m";

/// How a [`TextView`] shows things; by default everything, without colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TextOptions {
    /// In a relay every byte is seen on both sides. Show it only where it arrived, not where it was sent on.
    /// Ciphertext and connections that are no relay's are shown in full.
    pub once: bool,
    /// Give what was sent and what was received different colours (ANSI), beside `>` and `<`.
    pub color: bool,
}

impl TextOptions {
    /// The same with [`once`](Self::once) set.
    #[must_use]
    pub fn once(mut self, once: bool) -> Self {
        self.once = once;
        self
    }

    /// The same with [`color`](Self::color) set.
    #[must_use]
    pub fn color(mut self, color: bool) -> Self {
        self.color = color;
        self
    }
}

/// An observer that writes conversations as text.
///
/// Each event is written by one call, up to 256 KiB of text. The first error of the writer silences the view; see
/// [`TextView::take_error`].
///
/// # Examples
///
/// ```
/// use std::io;
/// use std::sync::Arc;
/// use sockeye::wire::text::{TextOptions, TextView};
///
/// let view = TextView::new(Box::new(io::stderr()), TextOptions::default().once(true));
/// let net = sockeye::net::Net::new().observer(Arc::new(view));
/// ```
pub struct TextView {
    inner: Mutex<Inner>,
}

struct Inner {
    sink: Sink,
    options: TextOptions,
    states: States<Connection>,
    /// The text of one line, kept for its memory.
    text: String,
}

#[derive(Default)]
struct Connection {
    /// Whether there is more than one layer, so that lines must name theirs.
    layered: bool,
    flows: Vec<Flow>,
}

struct Flow {
    layer: String,
    direction: Direction,
    escaper: Escaper,
}

impl TextView {
    /// A view that writes to `out`, usually stderr.
    pub fn new(out: Box<dyn Write + Send>, options: TextOptions) -> Self {
        Self {
            inner: Mutex::new(Inner {
                sink: Sink::new(out),
                options,
                states: States::new(),
                text: String::new(),
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

impl Observer for TextView {
    fn on_event(&self, event: &Event<'_>) {
        let mut inner = self.lock();
        if inner.sink.is_silent() {
            return;
        }
        inner.show(event);
        inner.sink.commit();
    }
}

impl Inner {
    fn show(&mut self, event: &Event<'_>) {
        if event.covered || matches!(event.what, What::Handshake { .. }) {
            self.states.entry(event).layered = true;
        }
        match &event.what {
            What::Data(direction, bytes) if event.covered => {
                self.show_covered(event, *direction, bytes.len());
            }
            What::Data(Direction::Sent, _) if self.options.once && event.side != Side::Only => {}
            What::Data(direction, bytes) => self.show_data(event, *direction, bytes),
            What::HalfClosed(direction) => {
                self.finish(event, Some(*direction));
                self.show_words(event);
            }
            What::Closed { .. } | What::Failed(_) => {
                self.finish(event, None);
                self.show_words(event);
                self.states.remove(event);
            }
            _ => self.show_words(event),
        }
    }

    fn show_data(&mut self, event: &Event<'_>, direction: Direction, bytes: &[u8]) {
        let mut text = std::mem::take(&mut self.text);
        if bytes.is_empty() {
            self.line(event, event.layer, direction, "(empty message)");
        }
        let mut escaper = self.take_escaper(event, direction);
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            for piece in line.chunks(MAX_LINE) {
                text.clear();
                escaper.push(piece, &mut text);
                self.line(event, event.layer, direction, &text);
            }
        }
        if MESSAGE_CARRIERS.contains(&event.layer) {
            text.clear();
            escaper.finish(&mut text);
            self.line(event, event.layer, direction, &text);
        }
        self.put_escaper(event, direction, escaper);
        text.clear();
        text.shrink_to(16 * MAX_LINE);
        self.text = text;
    }

    fn show_covered(&mut self, event: &Event<'_>, direction: Direction, count: usize) {
        let mut words = Vec::new();
        push_decimal(&mut words, count as u64, 1);
        words.extend_from_slice(byte_unit(count).as_bytes());
        words.extend_from_slice(match event.framed {
            true => b" with lengths".as_slice(),
            false => b" of ciphertext",
        });
        let words = String::from_utf8_lossy(&words).into_owned();
        self.line(event, event.layer, direction, &words);
    }

    fn show_words(&mut self, event: &Event<'_>) {
        let mut words = String::new();
        if describe(&event.what, &mut words) {
            self.start(event, event.layer);
            self.sink.buffer.extend_from_slice(b"* ");
            self.sink.buffer.extend_from_slice(words.as_bytes());
            self.sink.buffer.push(b'\n');
        }
    }

    /// Show the unfinished characters of streams that ended: one direction of this layer, or all of the connection.
    fn finish(&mut self, event: &Event<'_>, direction: Option<Direction>) {
        if self.states.get(event).is_none() {
            return;
        }
        let flows = std::mem::take(&mut self.states.entry(event).flows);
        let (ended, open) = flows.into_iter().partition(|flow| {
            direction.is_none_or(|direction| flow.belongs_to(event.layer, direction))
        });
        self.states.entry(event).flows = open;
        let ended: Vec<Flow> = ended;
        for mut flow in ended {
            let mut text = String::new();
            flow.escaper.finish(&mut text);
            self.line(event, &flow.layer, flow.direction, &text);
        }
    }

    /// Write one line of data; no text is no line.
    fn line(&mut self, event: &Event<'_>, layer: &str, direction: Direction, text: &str) {
        if text.is_empty() {
            return;
        }
        self.start(event, layer);
        let (mark, color) = match direction {
            Direction::Sent => (b"> ", SENT_COLOR),
            Direction::Received => (b"< ", RECEIVED_COLOR),
        };
        let color = if self.options.color { color } else { b"" };
        let buffer = &mut self.sink.buffer;
        buffer.extend_from_slice(color);
        buffer.extend_from_slice(mark);
        buffer.extend_from_slice(text.as_bytes());
        if !color.is_empty() {
            buffer.extend_from_slice(NO_COLOR);
        }
        buffer.push(b'\n');
        self.sink.spill();
    }

    /// The first columns: time, connection, and the layer if there are several.
    fn start(&mut self, event: &Event<'_>, layer: &str) {
        let layered = event.covered || self.states.get(event).is_some_and(|state| state.layered);
        let buffer = &mut self.sink.buffer;
        push_time(buffer, event.at);
        buffer.push(b' ');
        push_connection(buffer, event);
        buffer.push(b' ');
        if layered {
            buffer.extend_from_slice(layer.as_bytes());
            buffer.push(b' ');
        }
    }

    fn take_escaper(&mut self, event: &Event<'_>, direction: Direction) -> Escaper {
        self.states
            .entry(event)
            .flows
            .iter_mut()
            .find(|flow| flow.belongs_to(event.layer, direction))
            .map(|flow| std::mem::take(&mut flow.escaper))
            .unwrap_or_default()
    }

    fn put_escaper(&mut self, event: &Event<'_>, direction: Direction, mut escaper: Escaper) {
        let flows = &mut self.states.entry(event).flows;
        let known = flows
            .iter_mut()
            .find(|flow| flow.belongs_to(event.layer, direction));
        if let Some(flow) = known {
            flow.escaper = escaper;
        } else if escaper.held() == 0 {
            // Nothing to remember.
        } else if flows.len() < MAX_FLOWS {
            flows.push(Flow {
                layer: event.layer.to_owned(),
                direction,
                escaper,
            });
        } else {
            let mut text = String::new();
            escaper.finish(&mut text);
            self.line(event, event.layer, direction, &text);
        }
    }
}

impl Flow {
    fn belongs_to(&self, layer: &str, direction: Direction) -> bool {
        self.direction == direction && self.layer == layer
    }
}

impl fmt::Debug for TextView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TextView").finish_non_exhaustive()
    }
}
