//! What the views write, for scripted events.
#![allow(clippy::unwrap_used)]

mod hexdump;
mod jsonl;
mod manual;
mod text;

use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::jsonl::{JsonOptions, JsonView};
use super::sink::States;
use super::text::{TextOptions, TextView};
use super::{ConnectionId, Direction, Event, Fanout, Observer, Side, What};

/// A writer whose bytes can be looked at, and which counts the calls.
#[derive(Clone, Default)]
struct Memory(Arc<Mutex<(Vec<u8>, usize)>>);

impl Memory {
    fn bytes(&self) -> Vec<u8> {
        self.0.lock().unwrap().0.clone()
    }

    fn text(&self) -> String {
        String::from_utf8(self.bytes()).unwrap()
    }

    fn calls(&self) -> usize {
        self.0.lock().unwrap().1
    }
}

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut inner = self.0.lock().unwrap();
        inner.0.extend_from_slice(bytes);
        inner.1 += 1;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// An event at a round time; tests change what they need.
fn event<'a>(connection: u64, layer: &'a str, what: What<'a>) -> Event<'a> {
    Event {
        connection: ConnectionId(connection),
        side: Side::Only,
        at: Duration::from_micros(412),
        layer,
        covered: false,
        framed: false,
        what,
    }
}

fn sent(bytes: &[u8]) -> What<'_> {
    What::Data(Direction::Sent, bytes)
}

fn received(bytes: &[u8]) -> What<'_> {
    What::Data(Direction::Received, bytes)
}

/// A writer that fails in a given way at first, then takes one byte at a time.
struct Troubled(Vec<io::ErrorKind>, Memory);

impl Write for Troubled {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.0.pop() {
            Some(kind) => Err(kind.into()),
            None => self.1.write(&bytes[..1]),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_writer_that_is_slow_or_interrupted_loses_nothing() {
    let memory = Memory::default();
    let trouble = vec![io::ErrorKind::Interrupted, io::ErrorKind::WouldBlock];
    let out = Box::new(Troubled(trouble, memory.clone()));
    let view = TextView::new(out, TextOptions::default());
    view.on_event(&event(1, "tcp", sent(b"hello\n")));
    assert_eq!(memory.text(), "0.000412 #1 > hello\\n\n");
    assert!(view.take_error().is_none());
}

#[test]
fn a_writer_that_fails_silences_the_view_and_is_remembered() {
    let memory = Memory::default();
    let out = Box::new(Troubled(vec![io::ErrorKind::BrokenPipe], memory.clone()));
    let view = JsonView::new(out, JsonOptions::default());
    view.on_event(&event(1, "tcp", sent(b"hello\n")));
    view.on_event(&event(1, "tcp", sent(b"hello\n")));
    assert_eq!(memory.text(), "");
    let error = view.take_error().unwrap();
    assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    assert!(view.take_error().is_none());
}

#[test]
fn every_observer_of_a_fanout_hears_every_event() {
    let (one, two) = (Memory::default(), Memory::default());
    let mut fanout =
        Fanout::new([Arc::new(TextView::new(Box::new(one.clone()), TextOptions::default())) as _]);
    fanout.push(Arc::new(TextView::new(
        Box::new(two.clone()),
        TextOptions::default(),
    )));
    fanout.on_event(&event(1, "tcp", sent(b"hello\n")));
    assert_eq!(one.text(), "0.000412 #1 > hello\\n\n");
    assert_eq!(one.text(), two.text());
    assert!(!fanout.is_empty());
}

#[test]
fn beyond_the_bound_the_oldest_connection_is_forgotten() {
    let mut states: States<u32> = States::with_max(2);
    for connection in [1, 2, 2, 3] {
        *states.entry(&event(connection, "tcp", sent(b""))) += 1;
    }
    assert_eq!(states.len(), 2);
    assert!(states.get(&event(1, "tcp", sent(b""))).is_none());
    assert_eq!(states.get(&event(2, "tcp", sent(b""))), Some(&2));
    assert_eq!(states.remove(&event(3, "tcp", sent(b""))), Some(1));
}
