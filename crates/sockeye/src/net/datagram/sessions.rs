//! A listener of datagrams: what arrives is sorted by peer, and every peer becomes a link of its own.
//!
//! One task receives into one buffer and puts each datagram into the bounded queue of its peer, so a slow handler
//! loses datagrams of its own peer and of nobody else. The task ends with the listener and its last session.
//! docs/datagrams.md tells the rules.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::bound::bind_unix;
use super::link::SessionIo;
use super::open::bind_all;
use super::peer::PeerAddress;
use super::pktinfo::{Arrival, Unconnected, Via};
use super::socket::{AsyncSocket, Waiters, lock};
use crate::endpoint::{Carrier, Endpoint, HostPort, Options, UnixAddress};
use crate::error::{Error, Operation, Result};
use crate::net::Messages;
use crate::net::carrier::unix_path::UnixPath;

/// The receive buffer for UDP: the length field of a datagram has 16 bits (RFC 768), so every one fits.
const RECEIVE_BYTES: usize = 65_536;

/// How many sessions are looked at to find one that has been silent long.
const CANDIDATES: usize = 16;

/// The socket is taken as broken after this many errors with nothing received between them.
const MAX_ERRORS: u32 = 1000;

/// The bounds of a listener of datagrams.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SessionLimits {
    /// Sessions at the same time: 65,536.
    pub max_sessions: usize,
    /// A session ends after this time without a datagram either way: 60 s.
    pub idle_timeout: Duration,
    /// When the table is full, a session silent for at least this long makes room for a new peer: 1 s.
    pub evict_after: Duration,
    /// Received datagrams that may wait in one session: 64.
    pub queue_messages: usize,
    /// Received bytes that may wait in one session: 1 MiB.
    pub queue_bytes: usize,
    /// Received bytes that may wait in all sessions together: 64 MiB.
    pub total_bytes: usize,
}

impl Default for SessionLimits {
    fn default() -> Self {
        Self {
            max_sessions: 65_536,
            idle_timeout: Duration::from_secs(60),
            evict_after: Duration::from_secs(1),
            queue_messages: 64,
            queue_bytes: 1 << 20,
            total_bytes: 64 << 20,
        }
    }
}

/// Accepts peers: one [`Messages`] for each pair of peer and local address.
pub(crate) struct Sessions {
    hub: Arc<Hub>,
    locals: Vec<Endpoint>,
    endpoint: Endpoint,
}

impl Sessions {
    /// Listen on these UDP addresses, on one port. Must run inside a tokio runtime.
    pub(crate) fn udp(
        addrs: &[SocketAddr],
        options: &Options,
        limits: SessionLimits,
        endpoint: &Endpoint,
    ) -> Result<Self> {
        let sockets = bind_all(addrs, options, endpoint)?;
        Ok(Self::new(sockets, None, limits, endpoint))
    }

    /// Listen on this Unix datagram name. Must run inside a tokio runtime.
    pub(crate) fn unix(
        address: &UnixAddress,
        options: &Options,
        limits: SessionLimits,
        endpoint: &Endpoint,
    ) -> Result<Self> {
        let (socket, path) = bind_unix(address, options, endpoint)?;
        Ok(Self::new(vec![socket], path, limits, endpoint))
    }

    fn new(
        sockets: Vec<AsyncSocket<Unconnected>>,
        path: Option<UnixPath>,
        limits: SessionLimits,
        endpoint: &Endpoint,
    ) -> Self {
        let locals = sockets
            .iter()
            .filter_map(|socket| socket.get().local()?.endpoint())
            .collect();
        let hub = Arc::new(Hub {
            sockets,
            limits,
            table: Mutex::default(),
            acceptors: Waiters::default(),
            queued: AtomicUsize::new(0),
            dropped: AtomicU64::new(0),
            errors: AtomicU64::new(0),
            pump: OnceLock::new(),
            _path: path,
        });
        lock(&hub.table).accepting = true;
        let pump = tokio::spawn(pump(Arc::downgrade(&hub))).abort_handle();
        // It was empty: nobody else has seen the hub yet.
        drop(hub.pump.set(pump));
        Self {
            hub,
            locals,
            endpoint: endpoint.clone(),
        }
    }

    /// Where it listens, one endpoint for each socket, with the port the system chose.
    pub(crate) fn locals(&self) -> &[Endpoint] {
        &self.locals
    }

    /// Datagrams that were thrown away because a queue or the table was full.
    pub(crate) fn dropped(&self) -> u64 {
        self.hub.dropped.load(Ordering::Relaxed)
    }

    /// Sessions that are open or wait to be accepted.
    pub(crate) fn open(&self) -> usize {
        lock(&self.hub.table).sessions.len()
    }

    /// The next new peer; its first datagram waits in the link.
    ///
    /// # Errors
    ///
    /// [`Kind::Io`](crate::Kind::Io) if the socket is broken for good. What one peer does is never an error here.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: no peer is lost.
    pub(crate) async fn accept(&mut self) -> Result<Messages> {
        let session = poll_fn(|cx| self.hub.poll_pending(cx))
            .await
            .map_err(|e| Error::from_io(Operation::Accept, e).on(&self.endpoint))?;
        let key = &session.key;
        let peer = key.peer.endpoint();
        let local = self.hub.local_of(key);
        let io = SessionIo::new(session, Arc::clone(&self.hub));
        Ok(Messages::new(Box::new(io), None, local, peer))
    }
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions")
            .field("locals", &self.locals)
            .field("open", &self.open())
            .finish_non_exhaustive()
    }
}

impl Drop for Sessions {
    fn drop(&mut self) {
        let pending = {
            let mut table = lock(&self.hub.table);
            table.accepting = false;
            std::mem::take(&mut table.pending)
        };
        for session in pending {
            self.hub.forget(&session);
        }
    }
}

/// What the listener, its sessions and the receiving task share.
pub(super) struct Hub {
    pub(super) sockets: Vec<AsyncSocket<Unconnected>>,
    pub(super) limits: SessionLimits,
    pub(super) table: Mutex<Table>,
    acceptors: Waiters,
    pub(super) queued: AtomicUsize,
    dropped: AtomicU64,
    errors: AtomicU64,
    pump: OnceLock<AbortHandle>,
    _path: Option<UnixPath>,
}

#[derive(Default)]
pub(super) struct Table {
    sessions: HashMap<Key, Arc<Session>>,
    pending: VecDeque<Arc<Session>>,
    /// Every session once, in the order in which it will be looked at when room is needed; may name closed ones.
    round: VecDeque<(Key, u64)>,
    next_id: u64,
    accepting: bool,
    failure: Option<io::Error>,
}

/// Who talks to which of our addresses.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) socket: usize,
    pub(super) peer: PeerAddress,
    pub(super) via: Option<Via>,
}

pub(super) struct Session {
    id: u64,
    pub(super) key: Key,
    pub(super) state: Mutex<State>,
    pub(super) readers: Arc<Waiters>,
}

pub(super) struct State {
    pub(super) queue: VecDeque<Box<[u8]>>,
    pub(super) bytes: usize,
    pub(super) last: Instant,
    pub(super) ended: bool,
}

impl Drop for Hub {
    fn drop(&mut self) {
        if let Some(pump) = self.pump.get() {
            pump.abort();
        }
    }
}

/// Receive and sort until nobody is left who could be interested. It holds the sockets only while it runs, so they
/// close with their last user, not when the runtime gets around to it.
async fn pump(hub: Weak<Hub>) {
    let size = match hub.upgrade() {
        Some(hub) if hub.is_unix() => hub.limits.queue_bytes.max(RECEIVE_BYTES),
        _ => RECEIVE_BYTES,
    };
    let mut buf = vec![0; size];
    let mut next = 0;
    let mut errors = 0;
    poll_fn(|cx| {
        let Some(hub) = hub.upgrade() else {
            return Poll::Ready(());
        };
        loop {
            match ready!(hub.poll_receive(cx, &mut buf, &mut next)) {
                Ok((socket, arrival)) => {
                    errors = 0;
                    hub.deliver(socket, &arrival, &buf[..arrival.len]);
                }
                Err(e) => {
                    errors += 1;
                    hub.count_error(&e);
                    if errors >= MAX_ERRORS {
                        hub.fail(e);
                        return Poll::Ready(());
                    }
                }
            }
        }
    })
    .await;
}

impl Hub {
    fn is_unix(&self) -> bool {
        self.sockets
            .iter()
            .any(|socket| matches!(socket.get(), Unconnected::Unix(..)))
    }

    /// The next datagram of any socket; each has its turn first.
    fn poll_receive(
        &self,
        cx: &mut Context<'_>,
        buf: &mut [u8],
        next: &mut usize,
    ) -> Poll<io::Result<(usize, Arrival)>> {
        *next = next.wrapping_add(1);
        for step in 0..self.sockets.len() {
            let index = next.wrapping_add(step) % self.sockets.len();
            let polled = self.sockets[index].poll_read(cx, |socket| socket.receive(buf));
            if let Poll::Ready(done) = polled {
                return Poll::Ready(done.map(|arrival| (index, arrival)));
            }
        }
        Poll::Pending
    }

    fn poll_pending(&self, cx: &mut Context<'_>) -> Poll<io::Result<Arc<Session>>> {
        let mut table = lock(&self.table);
        if let Some(session) = table.pending.pop_front() {
            return Poll::Ready(Ok(session));
        }
        if let Some(failure) = &table.failure {
            let again = match failure.raw_os_error() {
                Some(code) => io::Error::from_raw_os_error(code),
                None => failure.kind().into(),
            };
            return Poll::Ready(Err(again));
        }
        self.acceptors.join(cx.waker());
        Poll::Pending
    }

    /// Put a datagram where its peer's handler finds it.
    fn deliver(&self, socket: usize, arrival: &Arrival, message: &[u8]) {
        let key = Key {
            socket,
            peer: arrival.peer.clone(),
            via: arrival.via,
        };
        let mut table = lock(&self.table);
        let known = table.sessions.get(&key).cloned();
        if let Some(session) = known
            && self.push(&session, message)
        {
            return;
        }
        let session = match table.admit(key, &self.limits) {
            Some(session) => session,
            None => {
                self.dropped.fetch_add(1, Ordering::Relaxed);
                return;
            }
        };
        self.push(&session, message);
        table.pending.push_back(session);
        drop(table);
        self.acceptors.wake_all();
    }

    /// Queue a datagram; `false` if the session has ended. One too many is thrown away and counted.
    fn push(&self, session: &Session, message: &[u8]) -> bool {
        let mut state = lock(&session.state);
        if state.ended {
            return false;
        }
        state.last = Instant::now();
        let fits = state.queue.len() < self.limits.queue_messages
            && state.bytes + message.len() <= self.limits.queue_bytes
            && self.queued.load(Ordering::Relaxed) + message.len() <= self.limits.total_bytes;
        if fits {
            state.bytes += message.len();
            self.queued.fetch_add(message.len(), Ordering::Relaxed);
            state.queue.push_back(message.into());
        } else {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
        drop(state);
        session.readers.wake_all();
        true
    }

    /// Take a session out of the table and throw away what waits in it.
    pub(super) fn forget(&self, session: &Session) {
        {
            let mut table = lock(&self.table);
            table.remove(session);
        }
        let mut state = lock(&session.state);
        state.ended = true;
        self.queued.fetch_sub(state.bytes, Ordering::Relaxed);
        state.bytes = 0;
        state.queue.clear();
    }

    pub(super) fn count_error(&self, error: &io::Error) {
        self.errors.fetch_add(1, Ordering::Relaxed);
        tracing::debug!(%error, "skipped an error of a datagram listener");
    }

    /// The socket is broken: tell the acceptor and end all sessions.
    fn fail(&self, error: io::Error) {
        let mut table = lock(&self.table);
        table.failure = Some(error);
        for session in table.sessions.values() {
            session.end();
        }
        table.sessions.clear();
        drop(table);
        self.acceptors.wake_all();
    }

    /// Our end of a session: the address that was asked, and the port of the socket.
    fn local_of(&self, key: &Key) -> Option<Endpoint> {
        let local = self.sockets.get(key.socket)?.get().local()?;
        match (local, key.via) {
            (PeerAddress::Ip(local), Some(via)) => {
                let at = SocketAddr::new(via.from.to_canonical(), local.port());
                Some(Endpoint::new(Carrier::Udp(HostPort::from_addr(at))))
            }
            (local, _) => local.endpoint(),
        }
    }
}

impl Table {
    /// A new session, if there is room or room can be made.
    fn admit(&mut self, key: Key, limits: &SessionLimits) -> Option<Arc<Session>> {
        if !self.accepting {
            return None;
        }
        let full = self.sessions.len() >= limits.max_sessions;
        if full && !self.sessions.contains_key(&key) && !self.evict(limits.evict_after) {
            return None;
        }
        self.next_id += 1;
        let session = Arc::new(Session {
            id: self.next_id,
            key: key.clone(),
            state: Mutex::new(State {
                queue: VecDeque::new(),
                bytes: 0,
                last: Instant::now(),
                ended: false,
            }),
            readers: Arc::default(),
        });
        self.sessions.insert(key.clone(), Arc::clone(&session));
        self.round.push_back((key, session.id));
        if self.round.len() > 2 * self.sessions.len() + CANDIDATES {
            let sessions = &self.sessions;
            self.round
                .retain(|(key, id)| sessions.get(key).is_some_and(|known| known.id == *id));
        }
        Some(session)
    }

    /// Close the longest silent one of the next candidates, if it has been silent long enough.
    fn evict(&mut self, silent_for: Duration) -> bool {
        let mut seen = Vec::with_capacity(CANDIDATES);
        while seen.len() < CANDIDATES
            && let Some((key, id)) = self.round.pop_front()
        {
            if let Some(session) = self.sessions.get(&key).filter(|known| known.id == id) {
                let last = lock(&session.state).last;
                seen.push((last, Arc::clone(session)));
            }
        }
        let oldest = (0..seen.len()).min_by_key(|index| seen[*index].0);
        let mut evicted = false;
        for (index, (last, session)) in seen.iter().enumerate() {
            if Some(index) == oldest && last.elapsed() >= silent_for {
                session.end();
                self.sessions.remove(&session.key);
                evicted = true;
            } else {
                self.round.push_back((session.key.clone(), session.id));
            }
        }
        evicted
    }

    pub(super) fn remove(&mut self, session: &Session) {
        if let Some(known) = self.sessions.get(&session.key)
            && known.id == session.id
        {
            self.sessions.remove(&session.key);
        }
    }
}

impl Session {
    /// Nothing more will come; what waits can still be received.
    fn end(&self) {
        lock(&self.state).ended = true;
        self.readers.wake_all();
    }
}
