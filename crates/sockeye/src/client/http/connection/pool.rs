//! Connections that are kept for the next request, and how many there may be.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{Instant, timeout};

use super::{Connection, Route, h1, h2};
use crate::client::http::hop::ConnectionInfo;
use crate::client::http::settings::{Limits, Versions};
use crate::error::{Error, Kind, Operation, Result};
use crate::net::{Net, Stream};
use crate::wire::{ConnectionId, Side};

/// Connections that are kept, each under the whole [`Route`] it was opened for.
pub(in crate::client::http) struct Pool {
    limits: Limits,
    places: Mutex<HashMap<Route, Place>>,
}

/// What is known of where a route leads.
struct Place {
    idle: Vec<Idle>,
    /// The one connection of HTTP/2 that all requests share.
    shared: Option<h2::Connection>,
    /// Whether HTTP/2 was offered and HTTP/1 is what the server speaks.
    is_http1: bool,
    /// Somebody opens the first connection, and all others wait to learn what is spoken there. `true` says that it failed.
    learning: Option<watch::Receiver<bool>>,
    /// One for each connection of HTTP/1 that is in use.
    slots: Arc<Semaphore>,
}

struct Idle {
    connection: Box<h1::Connection>,
    since: Instant,
}

/// Where a connection goes back to when its answer was read.
#[derive(Clone)]
pub(in crate::client::http) struct Home {
    pub(in crate::client::http) pool: Arc<Pool>,
    pub(in crate::client::http) route: Route,
    /// When the time of reports began.
    pub(in crate::client::http) start: std::time::Instant,
}

/// What a request may use.
pub(in crate::client::http) enum Turn {
    /// A connection that is open already.
    Kept(Connection),
    /// It may open one.
    Open(Permit),
}

/// The right to open a connection.
pub(in crate::client::http) struct Permit {
    slot: Option<OwnedSemaphorePermit>,
    /// Dropping it wakes those who wait to learn what is spoken.
    learning: Option<watch::Sender<bool>>,
}

impl Place {
    fn new(limits: &Limits) -> Self {
        let slots = limits.per_place.clamp(1, Semaphore::MAX_PERMITS);
        Self {
            idle: Vec::new(),
            shared: None,
            is_http1: false,
            learning: None,
            slots: Arc::new(Semaphore::new(slots)),
        }
    }

    /// The shared connection, if the server still takes requests on it.
    fn shared(&mut self) -> Option<h2::Connection> {
        if self.shared.as_ref().is_some_and(|shared| !shared.is_open()) {
            self.shared = None;
        }
        self.shared.as_ref().map(h2::Connection::again)
    }

    fn is_in_use(&self) -> bool {
        // Requests that are under way, or wait, hold the semaphore too.
        let is_learning = |learning: &watch::Receiver<bool>| learning.has_changed().is_ok();
        let is_shared = self.shared.as_ref().is_some_and(h2::Connection::is_open);
        is_shared
            || self.learning.as_ref().is_some_and(is_learning)
            || !self.idle.is_empty()
            || Arc::strong_count(&self.slots) > 1
    }
}

impl Pool {
    pub(in crate::client::http) fn new(limits: Limits) -> Self {
        Self {
            limits,
            places: Mutex::default(),
        }
    }

    /// A connection that leads there, or the right to open one; waits for its turn if as many are in use as may be.
    ///
    /// # Errors
    ///
    /// [`Kind::TimedOut`] if none of them becomes free within the time that a server may be silent.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives the turn to the next; they come in order.
    pub(in crate::client::http) async fn turn(
        &self,
        route: &Route,
        may_be_kept: bool,
    ) -> Result<Turn> {
        if route.offers_http2()
            && let Some(turn) = self.learned(route).await
        {
            return Ok(turn);
        }
        self.http1(route, may_be_kept).await
    }

    pub(super) async fn http1(&self, route: &Route, may_be_kept: bool) -> Result<Turn> {
        let slots = self.with(route, |place| place.slots.clone());
        let Ok(slot) = timeout(self.limits.idle, slots.acquire_owned()).await else {
            let why = format!(
                "{} connections are in use, and none became free for {} s",
                self.limits.per_place,
                self.limits.idle.as_secs()
            );
            return Err(Error::new(Kind::TimedOut, Operation::Connect, why)
                .with_hint("an answer holds its connection until it is read or dropped"));
        };
        // The semaphore is never closed.
        let mut slot = slot.ok();
        if may_be_kept && let Some(mut kept) = self.with(route, |place| self.idle(place)) {
            kept.hold(slot.take());
            return Ok(Turn::Kept(Connection::H1(kept)));
        }
        Ok(Turn::Open(Permit {
            slot,
            learning: None,
        }))
    }

    /// Where HTTP/2 may be spoken, one opens the first connection and the others wait for it; `None` if this is HTTP/1.
    async fn learned(&self, route: &Route) -> Option<Turn> {
        let mut is_alone = false;
        loop {
            let next = self.with(route, |place| {
                if let Some(shared) = place.shared() {
                    return Some(Ok(Turn::Kept(Connection::H2(Box::new(shared)))));
                }
                if place.is_http1 || is_alone {
                    return None;
                }
                match &place.learning {
                    Some(learning) if learning.has_changed().is_ok() => Some(Err(learning.clone())),
                    _ => {
                        let (sender, receiver) = watch::channel(false);
                        place.learning = Some(receiver);
                        let learning = Some(sender);
                        Some(Ok(Turn::Open(Permit {
                            slot: None,
                            learning,
                        })))
                    }
                }
            });
            match next? {
                Ok(turn) => return Some(turn),
                Err(mut learning) => {
                    while learning.changed().await.is_ok() {}
                    // It failed: each tries for itself, for waiting in turn would add all their times up.
                    is_alone = *learning.borrow();
                }
            }
        }
    }

    fn idle(&self, place: &mut Place) -> Option<Box<h1::Connection>> {
        while let Some(mut candidate) = place.idle.pop() {
            let is_fresh = candidate.since.elapsed() < self.limits.keep;
            if is_fresh && candidate.connection.is_open() {
                return Some(candidate.connection);
            }
        }
        None
    }

    /// Open a connection.
    ///
    /// # Errors
    ///
    /// Those of [`Net::connect`]; [`Kind::Protocol`] if HTTP/2 is wanted and not spoken there.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes what was opened, and lets another try.
    pub(in crate::client::http) async fn open(
        &self,
        net: &Net,
        route: &Route,
        mut permit: Permit,
    ) -> Result<Connection> {
        let opened = self.connect(net, route).await;
        if opened.is_err()
            && let Some(learning) = &permit.learning
        {
            learning.send_replace(true);
        }
        Ok(match opened? {
            Connection::H1(mut connection) => {
                self.with(route, |place| {
                    place.is_http1 = true;
                    let slots = place.slots.clone();
                    let slot = permit.slot.take();
                    connection.hold(slot.or_else(|| slots.try_acquire_owned().ok()));
                });
                Connection::H1(connection)
            }
            Connection::H2(connection) => {
                let kept = locked(&self.places)
                    .values()
                    .filter(|it| it.shared.is_some())
                    .count();
                if kept < self.limits.kept {
                    self.with(route, |place| place.shared = Some((*connection).clone()));
                }
                Connection::H2(connection)
            }
        })
    }

    async fn connect(&self, net: &Net, route: &Route) -> Result<Connection> {
        let id = net.next_connection();
        let stream = net
            .for_conversation(id, Side::Only)
            .connect(&route.endpoint)
            .await?;
        let info = info(id, &stream, route);
        if speaks_http2(&stream, route)? {
            let connection = h2::Connection::start(stream, info, &self.limits).await?;
            return Ok(Connection::H2(Box::new(connection)));
        }
        Ok(Connection::H1(Box::new(h1::Connection::new(stream, info))))
    }

    /// Keep a connection whose last answer was read to its end.
    pub(super) fn give(&self, route: &Route, mut connection: Box<h1::Connection>) {
        let slot = connection.hold(None);
        let mut places = locked(&self.places);
        let all: usize = places.values().map(|place| place.idle.len()).sum();
        let place = place(&mut places, route, &self.limits);
        if place.idle.len() < self.limits.kept_per_place && all < self.limits.kept {
            place.idle.push(Idle {
                connection,
                since: Instant::now(),
            });
        }
        drop(places);
        // Whoever gets it finds the connection.
        drop(slot);
    }

    /// How many places are remembered.
    #[cfg(test)]
    pub(super) fn places(&self) -> usize {
        locked(&self.places).len()
    }

    fn with<T>(&self, route: &Route, then: impl FnOnce(&mut Place) -> T) -> T {
        then(place(&mut locked(&self.places), route, &self.limits))
    }
}

/// Nothing panics while the lock is held.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn place<'p>(
    places: &'p mut HashMap<Route, Place>,
    route: &Route,
    limits: &Limits,
) -> &'p mut Place {
    if !places.contains_key(route) {
        // Places that nobody uses are forgotten, so that a walk through the whole web does not fill the memory.
        if places.len() >= limits.kept {
            places.retain(|_, place| place.is_in_use());
        }
        places.insert(route.clone(), Place::new(limits));
    }
    #[expect(
        clippy::unwrap_used,
        reason = "it was put there just now if it was not there; an entry would need a copy of the route each time"
    )]
    places.get_mut(route).unwrap()
}

/// Whether this connection is to speak HTTP/2: if TLS agreed on it, or if it is known without TLS.
fn speaks_http2(stream: &Stream, route: &Route) -> Result<bool> {
    let Some(secured) = stream.secured() else {
        return Ok(route.versions == Versions::Http2);
    };
    let is_agreed = secured.alpn.as_deref() == Some("h2");
    if !is_agreed && route.versions == Versions::Http2 {
        let why = "HTTP/2 was offered, and it does not agree to it (RFC 7301)";
        return Err(Error::new(Kind::Protocol, Operation::Fetch, why)
            .with_hint("without a fixed version, HTTP/1.1 is spoken where HTTP/2 is not"));
    }
    Ok(is_agreed)
}

fn info(id: ConnectionId, stream: &Stream, route: &Route) -> ConnectionInfo {
    ConnectionInfo {
        id,
        reused: false,
        endpoint: route.endpoint.clone(),
        local: stream.local().cloned(),
        peer: stream.peer().cloned(),
        secured: stream.secured().cloned(),
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").finish_non_exhaustive()
    }
}
