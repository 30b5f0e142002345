//! A non-blocking socket that any number of tasks may wait for.
//!
//! tokio remembers one waker per direction of a descriptor; here one socket serves many sessions and tasks, so the
//! remembered waker is a list. No bytes are interpreted here.

use std::io;
use std::os::fd::AsRawFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker, ready};

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
#[derive(Debug)]
pub(crate) struct AsyncSocket<T: AsRawFd> {
    fd: AsyncFd<T>,
    readers: Side,
    writers: Side,
}

#[derive(Debug)]
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

impl<T: AsRawFd> AsyncSocket<T> {
    /// Register a socket that is already in non-blocking mode. Must run inside a tokio runtime.
    #[allow(
        deprecated,
        reason = "its successor is unsafe; every T here owns one descriptor and keeps it"
    )]
    pub(crate) fn new(socket: T) -> io::Result<Self> {
        Ok(Self {
            fd: AsyncFd::new(socket)?,
            readers: Side::new(),
            writers: Side::new(),
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
            let mut guard = ready!(self.fd.poll_read_ready(&mut shared))?;
            match guard.try_io(|fd| call(fd.get_ref())) {
                Ok(Err(e)) if e.kind() == io::ErrorKind::Interrupted => {}
                Ok(done) => return Poll::Ready(done),
                Err(_would_block) => {}
            }
        }
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
