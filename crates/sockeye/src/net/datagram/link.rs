//! The link of one session: what a handler of one peer holds.
//!
//! It takes from the session's queue and sends through the listener's socket; the receiving is done in `sessions`.

use std::io;
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use tokio::io::ReadBuf;
use tokio::time::{Instant, Sleep, sleep, sleep_until};

use super::bound::UNIX_RETRY;
use super::peer::PeerAddress;
use super::pktinfo::{Unconnected, too_long_for};
use super::sessions::{Hub, Session};
use super::socket::lock;
use crate::net::messages::MessageIo;

/// Longer than anybody waits, and short enough to be added to any point in time.
const FOREVER: Duration = Duration::from_secs(10 * 365 * 86_400);

/// The link that a handler holds.
pub(super) struct SessionIo {
    session: Arc<Session>,
    hub: Arc<Hub>,
    idle: Mutex<Option<Pin<Box<Sleep>>>>,
    retry: Mutex<Option<Pin<Box<Sleep>>>>,
}

impl SessionIo {
    pub(super) fn new(session: Arc<Session>, hub: Arc<Hub>) -> Self {
        Self {
            session,
            hub,
            idle: Mutex::new(None),
            retry: Mutex::new(None),
        }
    }

    /// Whether the session ended because nothing happened for too long.
    fn poll_idle(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.session.readers.join(cx.waker());
        let waker = Waker::from(Arc::clone(&self.session.readers));
        let mut shared = Context::from_waker(&waker);
        let mut idle = lock(&self.idle);
        loop {
            let mut state = lock(&self.session.state);
            if state.ended || !state.queue.is_empty() {
                return Poll::Ready(());
            }
            let timeout = self.hub.limits.idle_timeout.min(FOREVER);
            let due = state.last + timeout;
            if due <= Instant::now() {
                state.ended = true;
                drop(state);
                lock(&self.hub.table).remove(&self.session);
                return Poll::Ready(());
            }
            drop(state);
            let timer = idle.get_or_insert_with(|| Box::pin(sleep_until(due)));
            ready!(timer.as_mut().poll(&mut shared));
            // There was traffic since the timer was set, or the session is due in the next round.
            timer.as_mut().reset(due);
        }
    }

    /// Unix: the system does not say when there is room in the peer's queue, so ask again after a while.
    fn poll_send_unix(&self, cx: &mut Context<'_>, message: &[u8]) -> Poll<io::Result<()>> {
        let key = &self.session.key;
        let mut retry = lock(&self.retry);
        loop {
            if let Some(timer) = retry.as_mut() {
                ready!(timer.as_mut().poll(cx));
                *retry = None;
            }
            match self.hub.sockets[key.socket]
                .get()
                .send(message, &key.peer, None)
            {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    *retry = Some(Box::pin(sleep(UNIX_RETRY)));
                }
                done => return Poll::Ready(done),
            }
        }
    }

    fn poll_send_udp(&self, cx: &mut Context<'_>, message: &[u8]) -> Poll<io::Result<()>> {
        let key = &self.session.key;
        let socket = &self.hub.sockets[key.socket];
        let mut send = |socket: &Unconnected| socket.send(message, &key.peer, key.via);
        match ready!(socket.poll_write(cx, &mut send)) {
            // An ICMP answer to somebody else's datagram may be waiting on the shared socket; this call took it away.
            Err(e) if e.kind() == io::ErrorKind::ConnectionRefused => {
                self.hub.count_error(&e);
                socket.poll_write(cx, &mut send)
            }
            done => Poll::Ready(done),
        }
    }
}

impl MessageIo for SessionIo {
    fn poll_send(&self, cx: &mut Context<'_>, message: &[u8]) -> Poll<io::Result<()>> {
        let polled = match self.session.key.peer {
            PeerAddress::Ip(_) => self.poll_send_udp(cx, message),
            PeerAddress::Unix(_) => self.poll_send_unix(cx, message),
        };
        if let Poll::Ready(Ok(())) = polled {
            lock(&self.session.state).last = Instant::now();
        }
        polled
    }

    fn poll_recv(&self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<bool>> {
        loop {
            let mut state = lock(&self.session.state);
            if let Some(message) = state.queue.pop_front() {
                state.bytes -= message.len();
                self.hub.queued.fetch_sub(message.len(), Ordering::Relaxed);
                drop(state);
                if message.len() > buf.remaining() {
                    return Poll::Ready(Err(too_long_for(buf.remaining())));
                }
                buf.put_slice(&message);
                return Poll::Ready(Ok(true));
            }
            if state.ended {
                return Poll::Ready(Ok(false));
            }
            drop(state);
            ready!(self.poll_idle(cx));
        }
    }

    fn shutdown(&self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for SessionIo {
    fn drop(&mut self) {
        self.hub.forget(&self.session);
    }
}
