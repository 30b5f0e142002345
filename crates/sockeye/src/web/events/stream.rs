//! Events on their way to one client.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use tokio::sync::mpsc;
use tokio::time::{Instant, Sleep, sleep};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use super::Event;
use super::hub::Follower;
use crate::web::body::{Body, BodyError, Chunks};
use crate::web::response::{IntoResponse, Response};

/// How long nothing is sent before a comment is, so that both ends and whoever stands between them know that all is well.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// An answer of events that are still to come (`text/event-stream`).
///
/// It ends when its source does, when the client is gone, or when the server stops (see [`Events::until`]); a client that did not
/// ask for an end comes back after some seconds. A comment goes out after 15 s without an event.
///
/// # Examples
///
/// ```
/// use sockeye::web::{Event, Events, Request, TestClient};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let mut client = TestClient::new(async |request: Request| {
///     let (sender, events) = Events::channel(16);
///     tokio::spawn(async move {
///         for count in 1..=3 {
///             // An error: the client is gone.
///             sender.send(Event::new(count.to_string())).await?;
///         }
///         Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
///     });
///     events.until(request.client().stopping())
/// });
/// assert_eq!(client.get("/").await.text(), "data: 1\n\ndata: 2\n\ndata: 3\n\n");
/// # }
/// ```
pub struct Events {
    source: Source,
    keep_alive: Duration,
    stop: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
}

enum Source {
    Stream(Pin<Box<dyn Stream<Item = Event> + Send>>),
    Channel(mpsc::Receiver<Event>),
    Follower(Follower),
}

impl Events {
    /// The events of this stream.
    pub fn new(events: impl Stream<Item = Event> + Send + 'static) -> Self {
        Self::from_source(Source::Stream(Box::pin(events)))
    }

    /// Events that are sent from elsewhere; so many may wait for a slow client before its sender has to. When the client is gone,
    /// sending fails.
    ///
    /// # Panics
    ///
    /// With room for none.
    pub fn channel(room: usize) -> (mpsc::Sender<Event>, Self) {
        let (sender, receiver) = mpsc::channel(room);
        (sender, Self::from_source(Source::Channel(receiver)))
    }

    pub(super) fn follow(follower: Follower) -> Self {
        Self::from_source(Source::Follower(follower))
    }

    fn from_source(source: Source) -> Self {
        Self {
            source,
            keep_alive: KEEP_ALIVE,
            stop: None,
        }
    }

    /// The same, with a comment after so long without an event; 15 s unless said.
    pub fn keep_alive(mut self, time: Duration) -> Self {
        self.keep_alive = time.max(Duration::from_millis(1));
        self
    }

    /// The same, over when this is cancelled.
    pub fn until(mut self, stop: CancellationToken) -> Self {
        self.stop = Some(Box::pin(stop.cancelled_owned()));
        self
    }
}

impl IntoResponse for Events {
    fn into_response(self) -> Response {
        let body = Sending {
            events: self,
            timer: None,
        };
        Response::typed("text/event-stream", Body::chunks(body, None))
            .header("Cache-Control", "no-store")
            // nginx holds answers back otherwise.
            .header("X-Accel-Buffering", "no")
    }
}

struct Sending {
    events: Events,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Chunks for Sending {
    fn poll_chunk(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, BodyError>>> {
        let this = &mut *self;
        if let Some(stop) = &mut this.events.stop
            && stop.as_mut().poll(cx).is_ready()
        {
            return Poll::Ready(None);
        }
        if let Poll::Ready(next) = this.events.source.poll_next(cx) {
            this.timer = None;
            return Poll::Ready(next.map(Ok));
        }
        let keep_alive = this.events.keep_alive;
        let timer = this
            .timer
            .get_or_insert_with(|| Box::pin(sleep(keep_alive)));
        if timer.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        timer.as_mut().reset(Instant::now() + keep_alive);
        Poll::Ready(Some(Ok(Bytes::from_static(b":\n\n"))))
    }
}

impl Source {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let event = match self {
            Self::Stream(stream) => stream.as_mut().poll_next(cx),
            Self::Channel(receiver) => receiver.poll_recv(cx),
            Self::Follower(follower) => return follower.poll_next(cx),
        };
        event.map(|event| event.map(|event| Bytes::from(event.to_string())))
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events")
            .field("keep_alive", &self.keep_alive)
            .finish_non_exhaustive()
    }
}
