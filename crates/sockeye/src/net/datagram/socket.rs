//! A non-blocking socket that any number of tasks may wait for.
//!
//! tokio remembers one waker per direction of a descriptor; here one socket serves many sessions and tasks, so the
//! remembered waker is a list. No bytes are interpreted here.

use std::io;
use std::os::fd::AsRawFd;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker, ready};

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// How many tasks are remembered; when more come all are woken and ask again.
const MAX_WAITERS: usize = 1024;

/// Tasks that wait for the same thing.
#[derive(Debug, Default)]
pub(crate) struct Waiters(Mutex<Vec<Waker>>);

impl Waiters {
    /// Remember this task until the next wake.
    pub(crate) fn join(&self, waker: &Waker) {
        let mut list = lock(&self.0);
        if list.iter().any(|known| known.will_wake(waker)) {
            return;
        }
        let crowd = if list.len() >= MAX_WAITERS {
            std::mem::take(&mut *list)
        } else {
            Vec::new()
        };
        list.push(waker.clone());
        drop(list);
        crowd.into_iter().for_each(Waker::wake);
    }

    /// Wake every remembered task.
    pub(crate) fn wake_all(&self) {
        let list = std::mem::take(&mut *lock(&self.0));
        list.into_iter().for_each(Waker::wake);
    }
}

impl Wake for Waiters {
    fn wake(self: Arc<Self>) {
        self.wake_all();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.wake_all();
    }
}

/// A lock whose data stays usable when a holder panicked: every critical section here leaves it consistent.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A socket in non-blocking mode, registered with the runtime.
pub(crate) struct AsyncSocket<T: AsRawFd> {
    fd: Arc<AsyncFd<T>>,
    readers: Side,
    writers: Side,
    errors: Option<Mutex<Pending>>,
}

/// Waits for an error of the socket.
type Pending = Pin<Box<dyn Future<Output = io::Result<()>> + Send>>;

struct Side {
    waiters: Arc<Waiters>,
    waker: Waker,
}

impl Side {
    fn new() -> Self {
        let waiters = Arc::new(Waiters::default());
        let waker = Waker::from(Arc::clone(&waiters));
        Self { waiters, waker }
    }

    fn join(&self, cx: &Context<'_>) -> Context<'_> {
        self.waiters.join(cx.waker());
        Context::from_waker(&self.waker)
    }
}

impl<T: AsRawFd + Send + Sync + 'static> AsyncSocket<T> {
    /// Register a socket that is already in non-blocking mode. Must run inside a tokio runtime.
    pub(crate) fn new(socket: T) -> io::Result<Self> {
        Self::register(socket, Interest::READABLE | Interest::WRITABLE)
    }

    /// The same for a socket that has errors of its own to be read, as a connected UDP socket has: an ICMP answer makes
    /// it neither readable nor writable, but failed.
    pub(crate) fn watching_errors(socket: T) -> io::Result<Self> {
        let interest = Interest::READABLE | Interest::WRITABLE | Interest::ERROR;
        let mut made = Self::register(socket, interest)?;
        made.errors = Some(Mutex::new(error_of(Arc::clone(&made.fd))));
        Ok(made)
    }

    #[allow(
        deprecated,
        reason = "its successor is unsafe; every T here owns one descriptor and keeps it"
    )]
    fn register(socket: T, interest: Interest) -> io::Result<Self> {
        Ok(Self {
            fd: Arc::new(AsyncFd::with_interest(socket, interest)?),
            readers: Side::new(),
            writers: Side::new(),
            errors: None,
        })
    }

    /// The socket itself, for calls that never wait.
    pub(crate) fn get(&self) -> &T {
        self.fd.get_ref()
    }

    /// Repeat a call that reads until it no longer says `WouldBlock`.
    pub(crate) fn poll_read<R>(
        &self,
        cx: &mut Context<'_>,
        mut call: impl FnMut(&T) -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        loop {
            let mut shared = self.readers.join(cx);
            let Poll::Ready(guard) = self.fd.poll_read_ready(&mut shared) else {
                ready!(self.poll_error(&mut shared))?;
                match call(self.fd.get_ref()) {
                    Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                    Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                    done => return Poll::Ready(done),
                }
                continue;
            };
            match guard?.try_io(|fd| call(fd.get_ref())) {
                Ok(Err(e)) if e.kind() == io::ErrorKind::Interrupted => {}
                Ok(done) => return Poll::Ready(done),
                Err(_would_block) => {}
            }
        }
    }

    /// Wait until the socket has failed, if that is watched.
    fn poll_error(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(errors) = &self.errors else {
            return Poll::Pending;
        };
        let mut waiting = lock(errors);
        let done = ready!(waiting.as_mut().poll(cx));
        *waiting = error_of(Arc::clone(&self.fd));
        Poll::Ready(done)
    }

    /// Repeat a call that writes until it no longer says `WouldBlock`.
    pub(crate) fn poll_write<R>(
        &self,
        cx: &mut Context<'_>,
        mut call: impl FnMut(&T) -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        loop {
            let mut shared = self.writers.join(cx);
            let mut guard = ready!(self.fd.poll_write_ready(&mut shared))?;
            match guard.try_io(|fd| call(fd.get_ref())) {
                Ok(Err(e)) if e.kind() == io::ErrorKind::Interrupted => {}
                Ok(done) => return Poll::Ready(done),
                Err(_would_block) => {}
            }
        }
    }
}

/// Ends when the socket has failed; the next one waits for the next failure.
fn error_of<T: AsRawFd + Send + Sync + 'static>(fd: Arc<AsyncFd<T>>) -> Pending {
    Box::pin(async move {
        fd.ready(Interest::ERROR).await?.clear_ready();
        Ok(())
    })
}
