//! The one point where the bytes of a connection are observed.

use std::sync::Arc;
use std::time::Instant;

use super::event::{ConnectionId, Direction, Event, Observer, Side, What};

/// What all taps of one connection share: who listens, which connection it is, and when time began.
#[derive(Clone)]
pub struct Watch {
    observer: Arc<dyn Observer>,
    connection: ConnectionId,
    side: Side,
    start: Instant,
}

impl Watch {
    /// A watch on one connection; times are counted from `start`.
    pub fn new(
        observer: Arc<dyn Observer>,
        connection: ConnectionId,
        side: Side,
        start: Instant,
    ) -> Self {
        Self {
            observer,
            connection,
            side,
            start,
        }
    }

    /// Report something that happened at this carrier or layer.
    pub fn report(&self, layer: &str, what: What<'_>) {
        self.emit(layer, false, what);
    }

    fn emit(&self, layer: &str, covered: bool, what: What<'_>) {
        self.observer.on_event(&Event {
            connection: self.connection,
            side: self.side,
            at: self.start.elapsed(),
            layer,
            covered,
            what,
        });
    }
}

/// The observation point of one stream or message link.
#[derive(Clone)]
pub struct Tap {
    watch: Watch,
    layer: &'static str,
    covered: bool,
}

impl Tap {
    /// A tap at this carrier or layer; `covered` if a layer above transforms the bytes.
    pub fn new(watch: Watch, layer: &'static str, covered: bool) -> Self {
        Self {
            watch,
            layer,
            covered,
        }
    }

    /// Bytes, or one message, went this way.
    pub fn data(&self, direction: Direction, bytes: &[u8]) {
        self.watch
            .emit(self.layer, self.covered, What::Data(direction, bytes));
    }

    /// Report something else that happened here.
    pub fn report(&self, what: What<'_>) {
        self.watch.emit(self.layer, self.covered, what);
    }

    /// The watch this tap belongs to.
    pub fn watch(&self) -> &Watch {
        &self.watch
    }
}
