//! How a connection came about, step by step: look-ups, attempts, the carrier, and each layer's handshake.
//!
//! It is the opening of every connection; only what its events say is gathered here.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::attempts::{Attempt, Ending};
use super::context::Net;
use crate::error::Kind;
use crate::wire::{Event, Fanout, Observer, What};

/// How a connection came about, or how it did not. Times are counted from the start of the [`Net`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Opening {
    /// Names that were looked up. With proxies, theirs.
    pub lookups: Vec<Lookup>,
    /// Addresses that were tried, in the order of the starts.
    pub attempts: Vec<Attempt>,
    /// When the carrier was open; `None` if it never was.
    pub carried: Option<Duration>,
    /// What the layers over the carrier agreed on, in the order of their handshakes.
    pub layers: Vec<Agreed>,
}

/// One name that was looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Lookup {
    /// The name.
    pub name: String,
    /// When it began.
    pub began: Duration,
    /// When the name was found; `None` if it was not.
    pub ended: Option<Duration>,
    /// Its addresses, in the order in which they are tried.
    pub addresses: Vec<SocketAddr>,
    /// Who knew it: `hosts`, `dns`, `localhost`.
    pub source: String,
}

/// What one layer agreed on with the peer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Agreed {
    /// The layer: `tls`.
    pub layer: String,
    /// When its handshake was done.
    pub at: Duration,
    /// What was agreed, in words: `TLSv1.3 TLS13_AES_128_GCM_SHA256 alpn=h2`.
    pub words: String,
}

impl Opening {
    /// The attempt that connected.
    pub fn winner(&self) -> Option<&Attempt> {
        self.attempts
            .iter()
            .find(|attempt| attempt.ending == Ending::Won)
    }
}

impl Net {
    /// The same settings, and what hears how the next connection comes about. Whoever watches hears it too.
    pub(crate) fn recorded(&self) -> (Self, Arc<Recorder>) {
        let recorder = Arc::new(Recorder::default());
        let mut observers = Fanout::new(self.observer.clone());
        observers.push(recorder.clone());
        (self.clone().observer(Arc::new(observers)), recorder)
    }
}

/// Hears how one connection comes about.
#[derive(Debug, Default)]
pub(crate) struct Recorder(Mutex<Heard>);

#[derive(Debug, Default)]
struct Heard {
    opening: Opening,
    /// The attempts that go on; their place is that in `opening.attempts`.
    running: Vec<usize>,
    last: Duration,
}

impl Observer for Recorder {
    fn on_event(&self, event: &Event<'_>) {
        // Nothing panics while the lock is held.
        let mut heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        heard.hear(event);
    }

    fn wants_bytes(&self) -> bool {
        false
    }
}

impl Heard {
    fn hear(&mut self, event: &Event<'_>) {
        self.last = event.at;
        let opening = &mut self.opening;
        match &event.what {
            What::Resolving { name } => opening.lookups.push(Lookup {
                name: (*name).to_owned(),
                began: event.at,
                ended: None,
                addresses: Vec::new(),
                source: String::new(),
            }),
            What::Resolved {
                name,
                addresses,
                source,
            } => {
                let mut open = opening.lookups.iter_mut();
                let open = open.find(|it| it.name == *name && it.ended.is_none());
                if let Some(lookup) = open {
                    lookup.ended = Some(event.at);
                    lookup.addresses = addresses.to_vec();
                    lookup.source = (*source).to_owned();
                }
            }
            What::Connecting { address } => {
                self.running.push(opening.attempts.len());
                opening.attempts.push(Attempt {
                    address: *address,
                    began: event.at,
                    ended: event.at,
                    ending: Ending::Canceled,
                });
            }
            What::AttemptFailed { address, error } => {
                let is_it = |&place: &usize| opening.attempts[place].address == *address;
                if let Some(at) = self.running.iter().position(is_it) {
                    let attempt = &mut opening.attempts[self.running.remove(at)];
                    attempt.ended = event.at;
                    attempt.ending = match error.kind() {
                        Kind::Canceled => Ending::Canceled,
                        kind => Ending::Failed {
                            kind,
                            why: error.why().to_owned(),
                        },
                    };
                }
            }
            What::Connected { .. } => {
                opening.carried = Some(event.at);
                // The only attempt of which no end was heard is the one that connected.
                for place in self.running.drain(..) {
                    opening.attempts[place].ended = event.at;
                    opening.attempts[place].ending = Ending::Won;
                }
            }
            What::Handshake { agreed } => opening.layers.push(Agreed {
                layer: event.layer.to_owned(),
                at: event.at,
                words: (*agreed).to_owned(),
            }),
            _ => {}
        }
    }
}

impl Recorder {
    /// What was heard. Attempts that still run are given up now.
    pub(crate) fn opening(&self) -> Opening {
        let mut heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let last = heard.last;
        for place in std::mem::take(&mut heard.running) {
            heard.opening.attempts[place].ended = last;
        }
        heard.opening.clone()
    }
}

#[cfg(test)]
mod tests;
