//! The one point where the bytes of a connection are observed.

use std::ops::Deref;
use std::process::ExitStatus;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
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

    /// Whether bytes, ends and secrets are to be reported.
    pub fn wants_bytes(&self) -> bool {
        self.observer.wants_bytes()
    }

    /// Report something that happened at this carrier or layer.
    pub fn report(&self, layer: &str, what: What<'_>) {
        self.emit(layer, [false, false], what);
    }

    fn emit(&self, layer: &str, [covered, framed]: [bool; 2], what: What<'_>) {
        self.observer.on_event(&Event {
            connection: self.connection,
            side: self.side,
            at: self.start.elapsed(),
            layer,
            covered,
            framed,
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
    framed: bool,
}

impl Tap {
    /// A tap at this carrier or layer; `covered` if a layer above transforms the bytes.
    pub fn new(watch: Watch, layer: &'static str, covered: bool) -> Self {
        Self {
            watch,
            layer,
            covered,
            framed: false,
        }
    }

    /// Bytes, or one message, went this way.
    pub fn data(&self, direction: Direction, bytes: &[u8]) {
        self.watch
            .emit(self.layer, self.cover(), What::Data(direction, bytes));
    }

    /// Report something else that happened here.
    pub fn report(&self, what: What<'_>) {
        self.watch.emit(self.layer, self.cover(), what);
    }

    fn cover(&self) -> [bool; 2] {
        [self.covered, self.framed]
    }

    /// The watch this tap belongs to.
    pub fn watch(&self) -> &Watch {
        &self.watch
    }
}

/// The tap of something that is open: it reports each direction's end once, and the end of all when it is dropped.
pub(crate) struct OpenTap {
    tap: Tap,
    exit: Option<ExitStatus>,
    ended: [AtomicBool; 2],
}

impl OpenTap {
    pub(crate) fn new(tap: Tap) -> Self {
        Self {
            tap,
            exit: None,
            ended: Default::default(),
        }
    }

    /// Report that one direction ended, unless that was said before.
    pub(crate) fn half_closed(&self, direction: Direction) {
        let which = usize::from(direction == Direction::Received);
        if !self.ended[which].swap(true, Ordering::Relaxed) {
            self.tap.report(What::HalfClosed(direction));
        }
    }

    /// A layer goes on top now, which only makes messages of the bytes, and says when all is over.
    #[allow(
        dead_code,
        reason = "for layers of messages, and a build may have none"
    )]
    pub(crate) fn frame(&mut self) {
        self.tap.covered = true;
        self.tap.framed = true;
    }

    /// A layer goes on top now, which transforms the bytes and says when all is over.
    pub(crate) fn cover(&mut self) -> Watch {
        self.tap.covered = true;
        self.tap.watch.clone()
    }

    /// Report the end now, with the exit status of the program behind it.
    pub(crate) fn close(mut self, exit: Option<ExitStatus>) {
        self.exit = exit;
    }
}

impl Drop for OpenTap {
    fn drop(&mut self) {
        // A connection ends once: below another layer it is the layer above that says so.
        if !self.tap.covered {
            self.tap.report(What::Closed { exit: self.exit });
        }
    }
}

impl Deref for OpenTap {
    type Target = Tap;

    fn deref(&self) -> &Tap {
        &self.tap
    }
}
