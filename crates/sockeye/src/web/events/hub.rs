//! One source of events and any number of clients that follow it.
//!
//! Each event is written once and shared by all followers. The last ones are kept: for those who come back, and for those who
//! are slow. Nobody is waited for.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use tokio::io::AsyncRead;

use super::{Event, Events};
use crate::web::handler::{Handler, Reply};
use crate::web::lines::Lines;
use crate::web::request::Request;
use crate::web::response::Response;

/// How many events are kept, and how many bytes of them.
const EVENTS: usize = 256;
const BYTES: usize = 1 << 20;

/// One source of events for any number of clients. Clones are the same hub; as a [`Handler`] it answers with all events from now on.
///
/// The last 256 events are kept, or fewer if they have more than 1 MiB. A client that comes back gets what it missed meanwhile, by
/// its `Last-Event-ID`: events without an id are given one. One that is slower than the events is told how many it missed by an
/// event named `missed`, or its answer ends, see [`Slow`].
///
/// # Examples
///
/// ```
/// use sockeye::web::{Event, EventHub, Handler, Request};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let hub = EventHub::new();
/// let mut answers = Vec::new();
/// for _ in 0..2 {
///     answers.push(hub.handle(Request::made("GET", "/")).response().await);
/// }
/// hub.send(Event::new("tea is ready").with_id("1"));
/// hub.close(); // else they would go on
/// for mut answer in answers {
///     assert_eq!(answer.body.bytes(1024).await.unwrap(), "id: 1\ndata: tea is ready\n\n");
/// }
/// # }
/// ```
#[derive(Clone)]
pub struct EventHub {
    shared: Arc<Shared>,
}

/// What becomes of a client that is slower than the events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Slow {
    /// It misses those that are no longer kept, and is told how many.
    #[default]
    Misses,
    /// Its answer ends; it comes back and says what it saw last.
    Ends,
}

struct Shared {
    state: Mutex<State>,
    slow: Slow,
    events: usize,
    bytes: usize,
    from_kept: bool,
}

#[derive(Default)]
struct State {
    kept: VecDeque<Kept>,
    bytes: usize,
    /// The number of the first one that is kept.
    first: u64,
    waiting: HashMap<u64, Waker>,
    followers: usize,
    next_follower: u64,
    closed: bool,
    /// How often the followers were parted from.
    parted: u64,
    /// What ids begin with, so that those of an earlier run mean nothing.
    run: String,
}

struct Kept {
    id: String,
    bytes: Bytes,
}

impl State {
    /// The number that the next event gets.
    fn next(&self) -> u64 {
        self.first + self.kept.len() as u64
    }
}

impl Default for EventHub {
    fn default() -> Self {
        Self::new()
    }
}

impl EventHub {
    /// A hub without events.
    pub fn new() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let state = State {
            run: format!("{:x}", now.unwrap_or_default().as_millis()),
            ..State::default()
        };
        Self {
            shared: Arc::new(Shared {
                state: Mutex::new(state),
                slow: Slow::default(),
                events: EVENTS,
                bytes: BYTES,
                from_kept: false,
            }),
        }
    }

    /// A new hub that keeps so many events, and no more than so many bytes of them unless a single one has more.
    pub fn keeping(events: usize, bytes: usize) -> Self {
        Self::new().changed(|shared| {
            shared.events = events.max(1);
            shared.bytes = bytes;
        })
    }

    /// A hub like this, with another treatment of slow clients. Those that follow already stay with this one.
    pub fn slow(self, slow: Slow) -> Self {
        self.changed(|shared| shared.slow = slow)
    }

    /// A hub like this, whose followers begin with the events that are kept, not with the next one.
    pub fn from_kept(self) -> Self {
        self.changed(|shared| shared.from_kept = true)
    }

    fn changed(self, change: impl FnOnce(&mut Shared)) -> Self {
        let old = &self.shared;
        let mut shared = Shared {
            state: Mutex::new(State {
                run: old.lock().run.clone(),
                ..State::default()
            }),
            ..**old
        };
        change(&mut shared);
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Send an event to all who follow. Never waits.
    pub fn send(&self, event: Event) {
        let mut state = self.shared.lock();
        if state.closed {
            return;
        }
        let event = match &event.id {
            Some(_) => event,
            None => {
                let id = format!("{}-{}", state.run, state.next());
                event.with_id(id)
            }
        };
        let bytes = Bytes::from(event.to_string());
        state.bytes += bytes.len();
        let id = event.id.unwrap_or_default();
        state.kept.push_back(Kept { id, bytes });
        while state.kept.len() > 1
            && (state.kept.len() > self.shared.events || state.bytes > self.shared.bytes)
        {
            if let Some(old) = state.kept.pop_front() {
                state.bytes -= old.bytes.len();
                state.first += 1;
            }
        }
        wake_all(state);
    }

    /// No more events: the answers of all who follow end when they have what is kept.
    pub fn close(&self) {
        let mut state = self.shared.lock();
        state.closed = true;
        wake_all(state);
    }

    /// The answers of all who follow now end, when they have what is kept: clients come back after a while, and follow what is sent
    /// then. For a source that begins anew.
    pub fn part(&self) {
        let mut state = self.shared.lock();
        state.parted += 1;
        wake_all(state);
    }

    /// Send each line of this reader as an event, until its end; a line of more than `longest` bytes as several. What is not UTF-8
    /// is replaced.
    ///
    /// # Errors
    ///
    /// Those of the reader.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses a line that has come in part.
    pub async fn send_lines(
        &self,
        reader: impl AsyncRead + Unpin,
        longest: usize,
    ) -> std::io::Result<()> {
        let mut lines = Lines::new(reader, longest);
        while let Some(line) = lines.next().await? {
            self.send(Event::new(String::from_utf8_lossy(&line)));
        }
        Ok(())
    }

    /// How many clients follow now.
    pub fn followers(&self) -> usize {
        self.shared.lock().followers
    }

    /// The events from now on, or from those on that this client missed since it was here last, until the server stops.
    pub fn follow(&self, request: &Request) -> Events {
        let mut state = self.shared.lock();
        let seen = request.last_event_id().and_then(|id| {
            let at = state.kept.iter().rposition(|kept| kept.id == id)?;
            Some(state.first + at as u64 + 1)
        });
        let next = match seen {
            Some(next) => next,
            // It was here, and what it saw is no longer kept.
            None if self.shared.from_kept || request.last_event_id().is_some() => state.first,
            None => state.next(),
        };
        let number = state.next_follower;
        state.next_follower += 1;
        state.followers += 1;
        let parted = state.parted;
        let waiting = state.next() - next;
        drop(state);
        request.note("events", || {
            format!("follows from event {next} on, {waiting} are there already")
        });
        let follower = Follower {
            shared: Arc::clone(&self.shared),
            number,
            next,
            parted,
        };
        Events::follow(follower).until(request.client().stopping())
    }

    /// Whether there is nothing more for this client, now and later.
    fn is_over_for(&self, request: &Request) -> bool {
        let state = self.shared.lock();
        let last = state.kept.back().map(|kept| kept.id.as_str());
        state.closed && (last.is_none() || last == request.last_event_id())
    }
}

impl Handler for EventHub {
    /// All events from now on; 204, after which clients do not come back, if the hub is closed and they have seen all.
    fn handle(&self, request: Request) -> Reply {
        if self.is_over_for(&request) {
            request.note("events", || "the source has ended".into());
            return Response::new(204).into();
        }
        self.follow(&request).into()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn wake_all(mut state: MutexGuard<'_, State>) {
    let waiting = std::mem::take(&mut state.waiting);
    drop(state);
    for waker in waiting.into_values() {
        waker.wake();
    }
}

/// One client's place among the events.
pub(super) struct Follower {
    shared: Arc<Shared>,
    number: u64,
    /// The number of the event that it gets next.
    next: u64,
    parted: u64,
}

impl Follower {
    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let mut state = self.shared.lock();
        if self.next < state.first {
            if self.shared.slow == Slow::Ends {
                return Poll::Ready(None);
            }
            let missed = state.first - self.next;
            self.next = state.first;
            let told = Event::new(missed.to_string()).named("missed");
            return Poll::Ready(Some(Bytes::from(told.to_string())));
        }
        let at = usize::try_from(self.next - state.first).unwrap_or(usize::MAX);
        if let Some(kept) = state.kept.get(at) {
            self.next += 1;
            return Poll::Ready(Some(kept.bytes.clone()));
        }
        if state.closed || state.parted != self.parted {
            return Poll::Ready(None);
        }
        state.waiting.insert(self.number, cx.waker().clone());
        Poll::Pending
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.followers -= 1;
        state.waiting.remove(&self.number);
    }
}

impl fmt::Debug for EventHub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.shared.lock();
        f.debug_struct("EventHub")
            .field("kept", &state.kept.len())
            .field("followers", &state.followers)
            .field("closed", &state.closed)
            .finish_non_exhaustive()
    }
}
