//! Where tables and events come from: the kernel.

use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::Limits;
use super::changes::{Changes, Events};
use super::ledger::Ledger;
use crate::error::{Error, Operation, Result};
use crate::host::diag::CloseEvents;
use crate::host::socket::Protocol;
use crate::host::table::{Notice, OwnerCache, Request, Table, Where};

/// What one look at the kernel brought, for [`Ledger::take`].
#[derive(Debug)]
pub struct Reading {
    /// The sockets.
    pub table: Table,
    /// What the kernel told since the reading before.
    pub events: Events,
    /// When that was.
    pub at: Instant,
}

impl Reading {
    /// This reading, with the events of an earlier one that nobody took in: for a view that stands still meanwhile. More
    /// events than [`Limits::closings`] allows by default count as lost.
    #[must_use]
    pub fn after(mut self, earlier: Self) -> Self {
        let mut events = earlier.events;
        events.told &= self.events.told;
        events.lost |= self.events.lost;
        events.closed.append(&mut self.events.closed);
        let limit = Limits::default().closings;
        if events.closed.len() > limit {
            events.closed.truncate(limit);
            events.lost = true;
        }
        self.events = events;
        self
    }
}

/// Reads tables, and hears of closed sockets in between.
///
/// Reading takes milliseconds and blocks: an asynchronous program calls [`Source::read`] through `spawn_blocking`, and
/// gives what it read to a [`Ledger`] of its own. Others use a [`Watch`].
#[derive(Debug)]
pub struct Source {
    request: Request,
    owners: OwnerCache,
    events: Option<CloseEvents>,
    heard: Events,
    limit: usize,
    /// Why no events come, to be said with the first table.
    silent: Option<Notice>,
}

impl Source {
    /// Listen for closed sockets from now on; the first table is read by [`Source::read`].
    ///
    /// The kernel tells of the network namespace of this program only, and only of TCP and UDP. If it refuses to tell at
    /// all, the first table has the notice `no-closing-events`, and closings are found by comparing tables.
    pub fn new(request: Request, limits: Limits) -> Self {
        let kernel = &request.kernel;
        let internet = [Protocol::Tcp, Protocol::Udp];
        let wanted = internet.iter().any(|one| kernel.protocols.has(*one))
            && matches!(request.namespaces, Where::Here | Where::Everywhere);
        let (mut events, mut silent) = (None, None);
        if wanted {
            match CloseEvents::subscribe() {
                Ok(subscribed) => events = Some(subscribed),
                Err(error) => {
                    silent = Some(Notice {
                        code: "no-closing-events",
                        text: format!(
                            "the kernel does not tell of closed sockets ({error}); those that come and go between two looks are missed"
                        ),
                    });
                }
            }
        }
        Self {
            owners: OwnerCache::new(),
            heard: Events {
                told: events.is_some(),
                ..Events::default()
            },
            request,
            events,
            limit: limits.closings,
            silent,
        }
    }

    /// Becomes readable when sockets were closed; [`Source::hear`] takes that in. `None` if the kernel does not tell.
    pub fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.events.as_ref().map(AsFd::as_fd)
    }

    /// Take in what the kernel has told so far. Never blocks.
    ///
    /// The kernel keeps about a thousand closings: who reads tables slowly on a busy machine calls this in between.
    ///
    /// # Errors
    ///
    /// [`Kind::Io`](crate::Kind::Io) if the kernel cannot be heard any more.
    pub fn hear(&mut self) -> Result<()> {
        let Some(events) = &mut self.events else {
            return Ok(());
        };
        loop {
            let before = self.heard.closed.len();
            let heard = events.read(&mut self.heard.closed)?;
            self.heard.lost |= heard.overflowed;
            let kernel = &self.request.kernel;
            keep_from(&mut self.heard.closed, before, |socket| {
                let port = |wanted: Option<u16>, port| wanted.is_none() || wanted == port;
                kernel.protocols.has(socket.protocol)
                    && port(kernel.local_port, socket.local.port())
                    && port(kernel.peer_port, socket.peer.port())
            });
            if self.heard.closed.len() > self.limit {
                self.heard.closed.truncate(self.limit);
                self.heard.lost = true;
            }
            if !heard.more {
                return Ok(());
            }
        }
    }

    /// Wait until the kernel tells something, at most so long.
    fn wait(&self, at_most: Duration) -> Result<()> {
        let mut ask: Vec<PollFd<'_>> = self.descriptor().into_iter().map(readable).collect();
        // Rounded up, so that the last millisecond is waited for and not spun through.
        let millis = at_most.as_micros().div_ceil(1_000);
        let timeout = PollTimeout::try_from(millis).unwrap_or(PollTimeout::MAX);
        match poll(&mut ask, timeout) {
            Ok(_) | Err(Errno::EINTR) => Ok(()),
            Err(error) => Err(Error::from_io(Operation::Read, error.into())),
        }
    }

    /// Read the table, and what the kernel told up to then.
    ///
    /// # Errors
    ///
    /// As [`Request::read`]; and as [`Source::hear`].
    pub fn read(&mut self) -> Result<Reading> {
        let mut table = self.request.read_again(&mut self.owners)?;
        let at = Instant::now();
        table.notices.extend(self.silent.take());
        // After the table: whoever is in neither has not been told yet, instead of having been told too early.
        self.hear()?;
        let next = Events {
            told: self.heard.told,
            ..Events::default()
        };
        Ok(Reading {
            table,
            events: std::mem::replace(&mut self.heard, next),
            at,
        })
    }
}

fn readable(descriptor: BorrowedFd<'_>) -> PollFd<'_> {
    PollFd::new(descriptor, PollFlags::POLLIN)
}

/// Keep the elements before this place, and those behind it that pass.
fn keep_from<T>(list: &mut Vec<T>, start: usize, pass: impl Fn(&T) -> bool) {
    let mut at = 0;
    list.retain(|one| {
        at += 1;
        at <= start || pass(one)
    });
}

/// Sockets under watch.
///
/// # Examples
///
/// ```
/// use sockeye::host::table::Request;
/// use sockeye::host::watch::Watch;
///
/// # fn main() -> sockeye::Result<()> {
/// let mut watch = Watch::new(Request::new());
/// watch.tick()?;
/// let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
/// let changes = watch.tick()?;
/// for key in &changes.opened {
///     let (_, socket) = watch.ledger().find(*key).unwrap();
///     assert!(!socket.protocol.word().is_empty());
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Watch {
    source: Source,
    ledger: Ledger,
}

impl Watch {
    /// Watch these sockets, with the default [`Limits`]. Whoever wants rates asks for
    /// [`Wanted::tcp`](crate::host::socket::Wanted::tcp) in the request.
    pub fn new(request: Request) -> Self {
        Self::with_limits(request, Limits::default())
    }

    /// Watch these sockets and remember so much.
    pub fn with_limits(request: Request, limits: Limits) -> Self {
        Self {
            source: Source::new(request, limits),
            ledger: Ledger::new(limits),
        }
    }

    /// Look again. It takes milliseconds and blocks.
    ///
    /// # Errors
    ///
    /// As [`Source::read`]; what was known before stays, and the next tick may work.
    pub fn tick(&mut self) -> Result<Changes> {
        let reading = self.source.read()?;
        Ok(self.ledger.take(reading))
    }

    /// Wait for the kernel to tell of closings until `deadline`, and take them in. Blocks; call it between two ticks.
    ///
    /// # Errors
    ///
    /// As [`Source::hear`].
    pub fn listen_until(&mut self, deadline: Instant) -> Result<()> {
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            self.source.wait(left)?;
            self.source.hear()?;
        }
    }

    /// What is known now.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }
}
