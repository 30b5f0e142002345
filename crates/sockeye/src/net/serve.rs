//! Serving: the accept loop that every server here shares.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use pin_project_lite::pin_project;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::admission::Admission;
use super::crowd::{Crowd, PerAddress, Seat};
use super::listener::{Incoming, Listener};
use crate::endpoint::Endpoint;
use crate::error::{Error, Result};

/// How long the accept loop rests when this machine is out of descriptors and no client leaves.
const OUT_OF_DESCRIPTORS_PAUSE: Duration = Duration::from_millis(100);

/// What a server bounds.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Limits {
    /// Clients at once; `None` is no limit but the machine's.
    pub max_clients: Option<usize>,
    /// What happens to a client beyond that.
    pub when_full: WhenFull,
    /// Clients of one address at once; one beyond that is closed at once, whatever `when_full` says: others must not wait
    /// for it.
    pub per_address: PerAddress,
    /// Who may come in.
    pub admission: Admission,
    /// Stop accepting after this many clients; `None` is no end.
    pub total: Option<u64>,
}

/// What happens to a client when [`Limits::max_clients`] are there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhenFull {
    /// It waits in the queue of the kernel until another one leaves.
    #[default]
    Wait,
    /// It is accepted and closed at once.
    Refuse,
}

/// What the accept loop has to say.
#[derive(Debug)]
#[non_exhaustive]
pub enum Arrival {
    /// A client arrived and is to be handled.
    Accepted(Incoming),
    /// A client was kept out by the lists.
    Denied(Option<Endpoint>),
    /// A client was turned away because enough are there, in all or of its address.
    Full(Option<Endpoint>),
    /// Accepting failed; the loop goes on.
    Failed(Error),
}

/// What a server did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Served {
    /// Clients that were handled.
    pub accepted: u64,
    /// Clients that were kept out or turned away.
    pub refused: u64,
}

/// Accept clients and run `handle` for each in a task of its own, until `stop` is cancelled or the listener ends; then
/// wait for the tasks that run.
///
/// Arrivals that are not [`Arrival::Accepted`] are handed over for reporting only. When the machine is out of descriptors
/// the loop rests until a client leaves, and says so once.
///
/// # Errors
///
/// Those of the listener that no waiting mends.
///
/// # Cancel safety
///
/// Dropping the future stops accepting; the tasks go on.
///
/// # Examples
///
/// An echo server in ten lines:
///
/// ```
/// # use sockeye::net::{Arrival, Limits, Net, serve};
/// # use sockeye::Link;
/// # use tokio_util::sync::CancellationToken;
/// # use tokio::io::{AsyncReadExt, AsyncWriteExt};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> sockeye::Result<()> {
/// let net = Net::new();
/// let listener = net.listen(&"0".parse()?).await?;
/// let address = listener.local().clone();
/// let stop = CancellationToken::new();
/// let server = tokio::spawn(serve(listener, Limits::default(), stop.clone(), |arrival| async move {
///     let Arrival::Accepted(incoming) = arrival else { return };
///     let Ok(Link::Stream(stream)) = incoming.handshake().await else { return };
///     let (mut reader, mut writer) = tokio::io::split(stream);
///     let _ = tokio::io::copy(&mut reader, &mut writer).await;
///     let _ = writer.shutdown().await;
/// }));
/// let mut client = net.connect(&address).await?;
/// client.write_all(b"Hello World").await.unwrap();
/// client.shutdown().await.unwrap();
/// let mut reply = String::new();
/// client.read_to_string(&mut reply).await.unwrap();
/// assert_eq!(reply, "Hello World");
/// stop.cancel();
/// assert_eq!(server.await.unwrap()?.accepted, 1);
/// # Ok(())
/// # }
/// ```
pub async fn serve<H, F>(
    mut listener: Listener,
    limits: Limits,
    stop: CancellationToken,
    handle: H,
) -> Result<Served>
where
    H: Fn(Arrival) -> F,
    F: Future<Output = ()> + Send + 'static,
{
    let mut accepting = AcceptLoop {
        slots: limits
            .max_clients
            .map(|max| Arc::new(Semaphore::new(max.min(Semaphore::MAX_PERMITS)))),
        crowd: Crowd::new(limits.per_address),
        limits,
        left: Arc::new(Notify::new()),
        tasks: TaskTracker::new(),
        served: Served::default(),
    };
    let result = stop
        .run_until_cancelled(accepting.run(&mut listener, &handle))
        .await;
    // Whoever is still in the kernel's queue is refused now instead of waiting for us in vain.
    drop(listener);
    accepting.tasks.close();
    accepting.tasks.wait().await;
    result.unwrap_or(Ok(())).map(|()| accepting.served)
}

struct AcceptLoop {
    limits: Limits,
    slots: Option<Arc<Semaphore>>,
    crowd: Crowd,
    left: Arc<Notify>,
    tasks: TaskTracker,
    served: Served,
}

impl AcceptLoop {
    async fn run<H, F>(&mut self, listener: &mut Listener, handle: &H) -> Result<()>
    where
        H: Fn(Arrival) -> F,
        F: Future<Output = ()> + Send + 'static,
    {
        let mut resting = false;
        while self
            .limits
            .total
            .is_none_or(|total| self.served.accepted < total)
        {
            let waited = match (&self.slots, self.limits.when_full) {
                (Some(slots), WhenFull::Wait) => Arc::clone(slots).acquire_owned().await.ok(),
                _ => None,
            };
            let left = Arc::clone(&self.left);
            let left = left.notified();
            match listener.accept().await {
                Ok(Some(incoming)) => {
                    resting = false;
                    let (arrival, held) = self.admit(incoming, waited);
                    self.begin(arrival, held, handle);
                }
                Ok(None) => break,
                Err(error) if is_peer_gone(&error) => {}
                Err(error) if is_out_of_resources(&error) => {
                    if !resting {
                        self.begin(Arrival::Failed(error), Held::default(), handle);
                    }
                    resting = true;
                    drop(tokio::time::timeout(OUT_OF_DESCRIPTORS_PAUSE, left).await);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Decide about one client.
    fn admit(
        &mut self,
        incoming: Incoming,
        waited: Option<OwnedSemaphorePermit>,
    ) -> (Arrival, Held) {
        if !incoming.is_admitted(&self.limits.admission) {
            self.served.refused += 1;
            return (Arrival::Denied(incoming.peer().cloned()), Held::default());
        }
        let Ok(seat) = self.crowd.enter(incoming.peer_ip()) else {
            self.served.refused += 1;
            return (Arrival::Full(incoming.peer().cloned()), Held::default());
        };
        let slot = match (&self.slots, waited) {
            (None, _) => None,
            (Some(_), Some(waited)) => Some(waited),
            (Some(slots), None) => match Arc::clone(slots).try_acquire_owned() {
                Ok(slot) => Some(slot),
                Err(_) => {
                    self.served.refused += 1;
                    return (Arrival::Full(incoming.peer().cloned()), Held::default());
                }
            },
        };
        self.served.accepted += 1;
        (Arrival::Accepted(incoming), Held { slot, seat })
    }

    fn begin<H, F>(&self, arrival: Arrival, held: Held, handle: &H)
    where
        H: Fn(Arrival) -> F,
        F: Future<Output = ()> + Send + 'static,
    {
        let guard = Leaving {
            held: held.is_any().then(|| Box::new(held)),
            left: Arc::clone(&self.left),
        };
        let task = handle(arrival);
        self.tasks.spawn(Accompanied { task, guard });
    }
}

/// What a client takes from the others while it is there.
#[derive(Default)]
struct Held {
    slot: Option<OwnedSemaphorePermit>,
    seat: Option<Seat>,
}

impl Held {
    fn is_any(&self) -> bool {
        self.slot.is_some() || self.seat.is_some()
    }
}

/// Tells the accept loop that a client has left, when it is dropped.
struct Leaving {
    /// `None` if it is nothing, as it mostly is: thousands of idle clients have one of these each.
    held: Option<Box<Held>>,
    left: Arc<Notify>,
}

impl Drop for Leaving {
    fn drop(&mut self) {
        if let Some(held) = self.held.take() {
            drop((held.slot, held.seat));
        }
        self.left.notify_waiters();
    }
}

pin_project! {
    /// The task of a client, and the guard for as long as it runs.
    ///
    /// By hand: an `async` block that awaits a future it was given has room for it twice.
    struct Accompanied<F> {
        #[pin]
        task: F,
        guard: Leaving,
    }
}

impl<F: Future<Output = ()>> Future for Accompanied<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.project().task.poll(cx)
    }
}

/// Errors that accept(2) passes on from a connection that died in the queue.
fn is_peer_gone(error: &Error) -> bool {
    use nix::libc::{ECONNABORTED, ECONNRESET, EPERM, EPROTO};
    matches!(
        error.os_code(),
        Some(ECONNABORTED | ECONNRESET | EPERM | EPROTO)
    )
}

/// Errors that end when a client leaves.
fn is_out_of_resources(error: &Error) -> bool {
    use nix::libc::{EMFILE, ENFILE, ENOBUFS, ENOMEM};
    matches!(error.os_code(), Some(EMFILE | ENFILE | ENOBUFS | ENOMEM))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serving_adds_little_to_what_a_client_costs() {
        let held = [0u8; 2000];
        let task = async move {
            std::future::pending::<()>().await;
            assert_eq!(held.len(), 2000);
        };
        let guard = Leaving {
            held: None,
            left: Arc::default(),
        };
        let alone = size_of_val(&task);
        let with = size_of_val(&Accompanied { task, guard });
        assert!(with <= alone + 64, "{alone} became {with} bytes");
    }
}
