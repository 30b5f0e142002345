//! How we talk: the settings that every connection of this process shares.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::datagram::SessionLimits;
use super::detour::Detours;
use super::guard::Guard;
use super::layer::Connector;
use super::layer::serving::TlsServing;
use super::resolve::Resolver;
use crate::endpoint::TlsOptions;
use crate::error::Result;
use crate::wire::{ConnectionId, Observer, Side, Tap, Watch};

/// How long connecting may take when nothing else is said: resolving, racing addresses and all handshakes together.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How many layers' worth of certificates and roots are kept.
const MAX_CONNECTORS: usize = 16;

/// Longer than anybody waits, and short enough to be added to any point in time.
pub(crate) const FOREVER: Duration = Duration::from_secs(10 * 365 * 86_400);

/// The point in time after this span, however long it is.
pub(crate) fn deadline_after(span: Duration) -> Instant {
    Instant::now() + span.min(FOREVER)
}

/// How we talk. The default is a sensible client and server; cloning is cheap and shares the settings.
#[derive(Clone)]
pub struct Net {
    pub(crate) observer: Option<Arc<dyn Observer>>,
    pub(crate) connect_timeout: Duration,
    pub(crate) resolver: Arc<Resolver>,
    pub(crate) program_groups: bool,
    pub(crate) sessions: SessionLimits,
    pub(super) guard: Guard,
    pub(super) detours: Arc<Detours>,
    pub(crate) proxy_tls: Arc<TlsOptions>,
    pub(super) tls_serving: Arc<TlsServing>,
    connectors: Arc<Mutex<Vec<(TlsOptions, Connector)>>>,
    connections: Arc<AtomicU64>,
    start: Instant,
    identity: Option<(ConnectionId, Side)>,
}

impl Default for Net {
    fn default() -> Self {
        Self {
            observer: None,
            connect_timeout: CONNECT_TIMEOUT,
            resolver: Arc::new(Resolver::system()),
            program_groups: false,
            sessions: SessionLimits::default(),
            guard: Guard::default(),
            detours: Arc::default(),
            proxy_tls: Arc::default(),
            tls_serving: Arc::default(),
            connectors: Arc::default(),
            connections: Arc::default(),
            start: Instant::now(),
            identity: None,
        }
    }
}

impl Net {
    /// The same as the default.
    pub fn new() -> Self {
        Self::default()
    }

    /// Report everything that happens on connections, byte for byte, to this observer.
    #[must_use]
    pub fn observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observer = Some(observer);
        self
    }

    /// How long connecting may take altogether; 10 s by default.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// The same settings, with nobody watching.
    #[must_use]
    pub fn unobserved(&self) -> Self {
        let mut net = self.clone();
        net.observer = None;
        net
    }

    /// Find names this way.
    #[must_use]
    pub fn resolver(mut self, resolver: Resolver) -> Self {
        self.resolver = Arc::new(resolver);
        self
    }

    /// What bounds the sessions of a listener for datagrams.
    #[must_use]
    pub fn sessions(mut self, limits: SessionLimits) -> Self {
        self.sessions = limits;
        self
    }

    /// How TLS is spoken with proxies (`via=https://...`); as by default, with ALPN `http/1.1`, when nothing is said. The
    /// TLS of the endpoint is not used for them.
    #[must_use]
    pub fn proxy_tls(mut self, options: TlsOptions) -> Self {
        self.proxy_tls = Arc::new(options);
        self
    }

    /// How listeners speak TLS beyond what their endpoints say.
    #[must_use]
    pub fn tls_serving(mut self, serving: TlsServing) -> Self {
        self.tls_serving = Arc::new(serving);
        self
    }

    /// Whether programs (`exec:`) get a process group of their own, so that Ctrl-C at our terminal does not reach them and
    /// ending them ends what they started; off by default.
    #[must_use]
    pub fn program_groups(mut self, own: bool) -> Self {
        self.program_groups = own;
        self
    }

    /// A number for the next conversation.
    pub fn next_connection(&self) -> ConnectionId {
        ConnectionId(self.connections.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// The same settings, for a connection that belongs to this conversation on this side.
    #[must_use]
    pub fn for_conversation(&self, connection: ConnectionId, side: Side) -> Self {
        let mut net = self.clone();
        net.identity = Some((connection, side));
        net
    }

    /// When time began, for the times of events.
    pub fn start(&self) -> Instant {
        self.start
    }

    /// The client's side of a layer. What its options name, certificates and trusted roots, is read once and kept, for a
    /// relay needs it again for every client.
    pub(crate) fn connector(&self, tls: &TlsOptions) -> Result<Connector> {
        // Nothing panics while the lock is held.
        let mut connectors = self
            .connectors
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some((_, connector)) = connectors.iter().find(|(known, _)| known == tls) {
            return Ok(connector.clone());
        }
        let connector = Connector::new(tls)?;
        if connectors.len() == MAX_CONNECTORS {
            connectors.remove(0);
        }
        connectors.push((tls.clone(), connector.clone()));
        Ok(connector)
    }

    /// A watch on a new connection, if anybody listens. Its number is that of the conversation, or the next one.
    pub(crate) fn watch(&self) -> Option<Watch> {
        let observer = self.observer.clone()?;
        let (connection, side) = self
            .identity
            .unwrap_or_else(|| (self.next_connection(), Side::Only));
        Some(Watch::new(observer, connection, side, self.start))
    }

    /// The same for a peer that arrived.
    pub(crate) fn watch_for(&self, connection: ConnectionId, side: Side) -> Option<Watch> {
        let observer = self.observer.clone()?;
        Some(Watch::new(observer, connection, side, self.start))
    }

    /// The tap of a carrier or layer on this watch, if bytes are wanted.
    pub(crate) fn tap(watch: Option<&Watch>, layer: &'static str, covered: bool) -> Option<Tap> {
        let watch = watch.filter(|watch| watch.wants_bytes());
        watch.map(|watch| Tap::new(watch.clone(), layer, covered))
    }
}

impl fmt::Debug for Net {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Net")
            .field("connect_timeout", &self.connect_timeout)
            .finish_non_exhaustive()
    }
}
