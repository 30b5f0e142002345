//! One observer that is several.

use std::fmt;
use std::sync::Arc;

use super::event::{Event, Observer};

/// Passes each event to several observers, in their order.
///
/// # Examples
///
/// ```
/// use std::io;
/// use std::sync::Arc;
/// use sockeye::wire::{Fanout, hexdump::HexView, jsonl::{JsonOptions, JsonView}};
///
/// let both = Fanout::new([
///     Arc::new(HexView::new(Box::new(io::sink()))) as _,
///     Arc::new(JsonView::new(Box::new(io::sink()), JsonOptions::default())) as _,
/// ]);
/// assert_eq!(both.len(), 2);
/// ```
#[derive(Clone, Default)]
pub struct Fanout {
    observers: Vec<Arc<dyn Observer>>,
}

impl Fanout {
    /// Pass events to these.
    pub fn new(observers: impl IntoIterator<Item = Arc<dyn Observer>>) -> Self {
        Self {
            observers: observers.into_iter().collect(),
        }
    }

    /// Pass events to one more.
    pub fn push(&mut self, observer: Arc<dyn Observer>) {
        self.observers.push(observer);
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.observers.len()
    }

    /// Whether nobody listens, so that connections need not be watched at all.
    pub fn is_empty(&self) -> bool {
        self.observers.is_empty()
    }
}

impl Observer for Fanout {
    fn on_event(&self, event: &Event<'_>) {
        for observer in &self.observers {
            if !event.what.is_traffic() || observer.wants_bytes() {
                observer.on_event(event);
            }
        }
    }

    fn wants_bytes(&self) -> bool {
        self.observers.iter().any(|observer| observer.wants_bytes())
    }
}

impl fmt::Debug for Fanout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fanout")
            .field("observers", &self.observers.len())
            .finish()
    }
}
