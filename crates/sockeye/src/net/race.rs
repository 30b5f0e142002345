//! Reaching a peer by whichever of its addresses answers first (RFC 8305, "happy eyeballs").
//!
//! Attempts start one after the other, 250 ms apart or as soon as one failed; the first connection wins and the others
//! are closed. Every attempt is reported.

#![expect(
    clippy::disallowed_methods,
    reason = "this is where `net` opens what it carries"
)]

use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use socket2::{Domain, SockRef, Socket, Type};
use tokio::net::{TcpSocket, TcpStream};

use super::carrier::tcp;
use super::context::Net;
use super::resolve::{self, Protocol};
use crate::endpoint::{Family, HostPort, Options};
use crate::error::{Error, Kind, Operation, Result};
use crate::wire::{Watch, What};

/// How long one attempt has the field to itself (RFC 8305 section 5).
pub(crate) const ATTEMPT_DELAY: Duration = Duration::from_millis(250);
/// The most addresses that are tried.
const MAX_ADDRESSES: usize = 64;
/// The most addresses that an error lists.
const MAX_LISTED: usize = 8;
/// The layer of the events.
const LAYER: &str = "tcp";

/// Look up where this leads and connect to whichever address answers first.
///
/// # Errors
///
/// Those of [`Net::addresses`] and of [`connect`].
///
/// # Cancel safety
///
/// Dropping the future closes everything that was begun.
pub(crate) async fn dial(
    net: &Net,
    to: &HostPort,
    options: &Options,
    watch: Option<&Watch>,
    deadline: Instant,
) -> Result<TcpStream> {
    let local = resolve::local_addresses(&net.resolver, options, Protocol::Tcp, deadline).await?;
    let targets = net
        .addresses(to, Protocol::Tcp, options, watch, deadline)
        .await?;
    connect(targets, &local, options, watch, deadline).await
}

/// Connect to whichever of these addresses answers first, trying them in this order; the first 64 count.
///
/// With local addresses, each attempt is bound to the first of its family, and targets of the other family are left
/// out.
///
/// # Errors
///
/// If every attempt failed, the error names each address with its reason and has the most telling kind: `Refused`
/// before `Denied`, `TimedOut`, `Lost`, `Unreachable` and the rest. If the deadline passes first, [`Kind::TimedOut`].
/// [`Kind::Usage`] if no local address fits.
///
/// # Cancel safety
///
/// Dropping the future closes everything that was begun.
pub(crate) async fn connect(
    targets: Vec<SocketAddr>,
    local: &[SocketAddr],
    options: &Options,
    watch: Option<&Watch>,
    deadline: Instant,
) -> Result<TcpStream> {
    let pairs = pair(targets, local)?;
    let mut race = Race {
        options,
        watch,
        running: Vec::new(),
        failed: Vec::new(),
    };
    let deadline = tokio::time::Instant::from_std(deadline);
    let mut waiting = pairs.into_iter();
    let mut next_start = tokio::time::Instant::now();
    loop {
        let now = tokio::time::Instant::now();
        if race.running.is_empty() && now >= deadline {
            return Err(race.out_of_time());
        }
        // The first attempt starts here and now: a timer, however short, costs a millisecond.
        if now >= next_start
            && let Some((target, local)) = waiting.next()
        {
            race.start(target, local);
            next_start = now + ATTEMPT_DELAY;
        }
        if waiting.len() == 0 && race.running.is_empty() {
            return Err(race.all_failed());
        }
        let wake = if waiting.len() == 0 {
            deadline
        } else {
            deadline.min(next_start)
        };
        // A connection that is there counts even if the deadline passed in the same moment.
        match tokio::time::timeout_at(wake, race.finished()).await {
            Ok((_, Ok(stream))) => {
                race.abandon();
                return Ok(stream);
            }
            Ok((address, Err(error))) => {
                race.fail(address, Error::from_io(Operation::Connect, error));
                next_start = tokio::time::Instant::now();
            }
            Err(_) if tokio::time::Instant::now() >= deadline => return Err(race.out_of_time()),
            Err(_) => {}
        }
    }
}

/// Each target with the local address it is to be reached from.
fn pair(
    mut targets: Vec<SocketAddr>,
    local: &[SocketAddr],
) -> Result<Vec<(SocketAddr, Option<SocketAddr>)>> {
    targets.truncate(MAX_ADDRESSES);
    if local.is_empty() {
        return Ok(targets.into_iter().map(|target| (target, None)).collect());
    }
    let fitting = |target: &SocketAddr| {
        let mut local = local.iter().copied();
        local.find(|local| local.is_ipv4() == target.is_ipv4())
    };
    let all = addresses(targets.iter());
    let pairs: Vec<_> = targets
        .into_iter()
        .filter_map(|target| fitting(&target).map(|local| (target, Some(local))))
        .collect();
    if pairs.is_empty() {
        let why = format!(
            "bind={} is of the other address family",
            addresses(local.iter())
        );
        return Err(Error::new(Kind::Usage, Operation::Connect, why)
            .at(all)
            .with_hint("bind to an address of the same family as the target's"));
    }
    Ok(pairs)
}

type Connecting = Pin<Box<dyn Future<Output = io::Result<TcpStream>> + Send>>;

/// The attempts of one race.
struct Race<'a> {
    options: &'a Options,
    watch: Option<&'a Watch>,
    running: Vec<(SocketAddr, Connecting)>,
    failed: Vec<(SocketAddr, Error)>,
}

impl Race<'_> {
    fn start(&mut self, target: SocketAddr, local: Option<SocketAddr>) {
        if let Some(watch) = self.watch {
            watch.report(LAYER, What::Connecting { address: target });
        }
        let socket = open(target, local, self.options);
        let connecting = Box::pin(async move {
            let stream = socket?.connect(target).await?;
            refuse_self(stream)
        });
        self.running.push((target, connecting));
    }

    /// The next attempt that ends; for ever if none runs.
    async fn finished(&mut self) -> (SocketAddr, io::Result<TcpStream>) {
        poll_fn(|context| {
            for index in 0..self.running.len() {
                if let Poll::Ready(result) = self.running[index].1.as_mut().poll(context) {
                    let (address, _) = self.running.remove(index);
                    return Poll::Ready((address, result));
                }
            }
            Poll::Pending
        })
        .await
    }

    fn fail(&mut self, address: SocketAddr, error: Error) {
        if let Some(watch) = self.watch {
            let error = &error;
            watch.report(LAYER, What::AttemptFailed { address, error });
        }
        self.failed.push((address, error));
    }

    /// Close what still runs, for another address was faster.
    fn abandon(mut self) {
        for (address, connecting) in std::mem::take(&mut self.running) {
            drop(connecting);
            let why = "another address was faster";
            self.fail(address, Error::new(Kind::Canceled, Operation::Connect, why));
        }
    }

    fn out_of_time(mut self) -> Error {
        let running = std::mem::take(&mut self.running);
        for (address, connecting) in running {
            drop(connecting);
            let error = Error::from_io(Operation::Connect, io::ErrorKind::TimedOut.into());
            self.fail(address, error);
        }
        if self.failed.is_empty() {
            let why = "there was no time left to connect";
            return Error::new(Kind::TimedOut, Operation::Connect, why);
        }
        summary(self.failed, Some(Kind::TimedOut))
    }

    fn all_failed(self) -> Error {
        if self.failed.is_empty() {
            return Error::new(Kind::Name, Operation::Connect, "there is no address to try");
        }
        summary(self.failed, None)
    }
}

/// A socket with its options, bound if that is asked for.
fn open(target: SocketAddr, local: Option<SocketAddr>, options: &Options) -> io::Result<TcpSocket> {
    let (domain, family) = match target {
        SocketAddr::V4(_) => (Domain::IPV4, Family::V4),
        SocketAddr::V6(_) => (Domain::IPV6, Family::V6),
    };
    let socket = Socket::new(domain, Type::STREAM.nonblocking(), None)?;
    tcp::apply(SockRef::from(&socket), options, family)?;
    if options.reuseport {
        socket.set_reuse_port(true)?;
    }
    if let Some(local) = local {
        if local.port() != 0 {
            // Several attempts of one race, and a connection that ended just now, may have the same local port.
            socket.set_reuse_address(true)?;
        }
        let bound = socket.bind(&local.into());
        bound.map_err(|error| bind_error(local, error))?;
    }
    Ok(TcpSocket::from_std_stream(socket.into()))
}

/// The local address is at fault, not the peer's, which the error names anyway.
fn bind_error(local: SocketAddr, error: io::Error) -> io::Error {
    let error = Error::from_io(Operation::Listen, error);
    let shown = match local.port() {
        0 => local.ip().to_string(),
        _ => local.to_string(),
    };
    let why = format!("bind={shown} fails: {}", error.why());
    Error::new(error.kind(), Operation::Connect, why)
        .with_hint("`ip address` shows the addresses of this machine")
        .into()
}

/// A connection from a socket to itself looks like success and is none: nobody listened, and the system happened to
/// choose the very port that we connect to (RFC 9293 section 3.5, simultaneous open).
fn refuse_self(stream: TcpStream) -> io::Result<TcpStream> {
    match (stream.local_addr(), stream.peer_addr()) {
        (Ok(local), Ok(peer)) if local == peer => {
            // Reset it, or the port stays taken for a minute.
            SockRef::from(&stream).set_linger(Some(Duration::ZERO))?;
            Err(io::Error::from_raw_os_error(nix::libc::ECONNREFUSED))
        }
        _ => Ok(stream),
    }
}

/// One error for all attempts: each address with its reason, or the reason once if it is the same for all.
fn summary(mut failed: Vec<(SocketAddr, Error)>, kind: Option<Kind>) -> Error {
    // The order of the attempts stays; among equally telling errors the first one counts.
    let telling = (0..failed.len()).min_by_key(|&index| precedence(failed[index].1.kind()));
    let Some(telling) = telling else {
        return Error::new(Kind::Io, Operation::Connect, "nothing was tried");
    };
    let same = |(_, error): &(SocketAddr, Error)| error.why() == failed[0].1.why();
    if failed.iter().all(same) {
        let all = addresses(failed.iter().map(|(address, _)| address));
        return failed.swap_remove(telling).1.at(all);
    }
    let mut why = String::new();
    for (address, error) in failed.iter().take(MAX_LISTED) {
        if !why.is_empty() {
            why.push_str("; ");
        }
        why += &format!("{address}: {}", error.why());
    }
    if failed.len() > MAX_LISTED {
        why += &format!("; {} more", failed.len() - MAX_LISTED);
    }
    let kind = kind.unwrap_or_else(|| failed[telling].1.kind());
    Error::new(kind, Operation::Connect, why)
}

/// The smaller, the more it tells about the peer.
fn precedence(kind: Kind) -> u8 {
    match kind {
        Kind::Refused => 0,
        Kind::Denied => 1,
        Kind::InUse => 2,
        Kind::TimedOut => 3,
        Kind::Lost => 4,
        Kind::Unreachable => 5,
        _ => 6,
    }
}

fn addresses<'a>(list: impl ExactSizeIterator<Item = &'a SocketAddr>) -> String {
    let more = list.len().saturating_sub(MAX_LISTED);
    let shown: Vec<String> = list.take(MAX_LISTED).map(ToString::to_string).collect();
    let mut text = shown.join(", ");
    if more > 0 {
        text += &format!(", {more} more");
    }
    text
}

#[cfg(test)]
pub(crate) mod tests;
