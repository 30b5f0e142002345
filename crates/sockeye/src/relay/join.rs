//! Two links, two ways, one task: until the conversation is over.

use std::future::{pending, poll_fn};
use std::io;
use std::pin::pin;
use std::process::ExitStatus;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::Instant;

use super::clock::Clock;
use super::lane::{Fault, Lane, Source, State};
use super::messages::has_end;
use super::options::{EndPolicy, JoinOptions};
use super::path::between;
use super::totals::{Direction, EndedBy, Joined, Side, Totals};
use crate::error::{Error, Kind, Operation};
use crate::net::{FOREVER, Link, Stream};

/// How long a program may take to end by itself when its conversation was cut short.
const CHILD_PATIENCE: Duration = Duration::from_secs(2);

/// Carry bytes or messages both ways between two links until the conversation is over; then close both.
///
/// `local` is the accepted side of a relay, or our terminal; `remote` is the side that was opened. The end of one
/// side is passed on as a half-close after its last byte, and the other way goes on for as long as it takes (RFC 9293
/// section 3.6). A reset of one side becomes a reset of the other, after what was read before it is written. What was
/// read and could not be delivered is counted.
///
/// Where the kernel can move the bytes and nobody watches them, it does, once a bulk of them flows.
///
/// This never fails: [`Totals::ended_by`] says how it ended.
///
/// # Cancel safety
///
/// Dropping the future closes both links; what was read and not yet written is lost. To stop without a loss, cancel
/// [`JoinOptions::stop`].
///
/// # Examples
///
/// ```
/// use sockeye::net::{Link, Stream};
/// use sockeye::relay::{JoinOptions, join};
/// use tokio::io::{AsyncReadExt, AsyncWriteExt};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// let (mut client, inbound) = tokio::io::duplex(1024);
/// let (outbound, mut server) = tokio::io::duplex(1024);
/// let relay = tokio::spawn(async move {
///     let inbound = Link::Stream(Stream::from_io(inbound));
///     let outbound = Link::Stream(Stream::from_io(outbound));
///     join(inbound, outbound, &JoinOptions::default()).await
/// });
///
/// client.write_all(b"question").await?;
/// client.shutdown().await?;
/// let mut heard = String::new();
/// server.read_to_string(&mut heard).await?;
/// server.write_all(b"late answer").await?;
/// drop(server);
/// let mut answer = String::new();
/// client.read_to_string(&mut answer).await?;
/// assert_eq!((heard.as_str(), answer.as_str()), ("question", "late answer"));
///
/// let totals = relay.await?.totals;
/// assert_eq!((totals.upstream.bytes, totals.downstream.bytes), (8, 11));
/// assert_eq!(totals.ended_by.reason(), "ended");
/// # Ok(())
/// # }
/// ```
pub async fn join(local: Link, remote: Link, options: &JoinOptions) -> Joined {
    let mut talk = Conversation::new(local, remote, options);
    let ended_by = {
        let mut stop = pin!(stopped(options));
        poll_fn(|cx| {
            if !talk.stopping && stop.as_mut().poll(cx).is_ready() {
                talk.stop();
            }
            talk.poll(cx)
        })
        .await
    };
    // On the heap, and only now: an idle conversation must be small.
    Box::pin(talk.finish(ended_by)).await
}

/// Carry bytes both ways between two streams until both have ended, with default options.
///
/// # Cancel safety
///
/// As [`join`].
pub async fn copy_both(local: Stream, remote: Stream) -> Totals {
    let options = JoinOptions::default();
    join(Link::Stream(local), Link::Stream(remote), &options)
        .await
        .totals
}

struct Conversation<'a> {
    local: Link,
    remote: Link,
    up: Lane,
    down: Lane,
    options: &'a JoinOptions,
    /// A file or pipe that is only written was opened.
    remote_is_mute: bool,
    clock: Clock,
    began: Instant,
    /// When the last way ended.
    way_ended_at: Option<Instant>,
    /// When undelivered bytes are given up.
    drain_by: Option<Instant>,
    stopping: bool,
    /// The first thing that broke the conversation.
    broken: Option<(Side, Operation, io::Error)>,
    /// Whoever reads our standard output has gone.
    unheard: bool,
}

/// Which deadline comes next.
#[derive(Clone, Copy)]
enum Due {
    Idle,
    HalfClose,
    Linger(Direction),
    Drain,
}

impl<'a> Conversation<'a> {
    fn new(local: Link, remote: Link, options: &'a JoinOptions) -> Self {
        let up = Lane::new(
            Direction::Upstream,
            between(&local, &remote, options.copy_only),
        );
        let down = Lane::new(
            Direction::Downstream,
            between(&remote, &local, options.copy_only),
        );
        let remote_is_mute = never_speaks(&remote);
        Self {
            local,
            remote,
            up,
            down,
            options,
            remote_is_mute,
            clock: Clock::default(),
            began: Instant::now(),
            way_ended_at: None,
            drain_by: None,
            stopping: false,
            broken: None,
            unheard: false,
        }
    }

    fn stop(&mut self) {
        self.stopping = true;
        self.up.stop_reading(Source::Stopped);
        self.down.stop_reading(Source::Stopped);
        self.drain();
    }

    /// From now on the last bytes have only so much time.
    fn drain(&mut self) {
        let by = Instant::now() + self.options.drain_timeout.min(FOREVER);
        self.drain_by.get_or_insert(by);
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<EndedBy> {
        loop {
            self.poll_lane(cx, Direction::Upstream);
            self.poll_lane(cx, Direction::Downstream);
            if let Some(ended_by) = self.verdict() {
                return Poll::Ready(ended_by);
            }
            match self.poll_deadlines(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Due::Idle) => return Poll::Ready(EndedBy::Idle),
                Poll::Ready(Due::HalfClose) => return Poll::Ready(EndedBy::HalfCloseTimeout),
                Poll::Ready(Due::Linger(Direction::Upstream)) => {
                    self.up.stop_reading(Source::Ended)
                }
                Poll::Ready(Due::Linger(Direction::Downstream)) => {
                    self.down.stop_reading(Source::Ended)
                }
                Poll::Ready(Due::Drain) => {
                    for lane in [&mut self.up, &mut self.down] {
                        if !lane.is_over() {
                            lane.give_up();
                        }
                    }
                }
            }
        }
    }

    fn poll_lane(&mut self, cx: &mut Context<'_>, way: Direction) {
        if way == Direction::Downstream && self.is_still_told() {
            return;
        }
        let (lane, from, to) = match way {
            Direction::Upstream => (&mut self.up, &mut self.local, &mut self.remote),
            Direction::Downstream => (&mut self.down, &mut self.remote, &mut self.local),
        };
        if lane.is_over() {
            return;
        }
        let moved = lane.moved;
        let polled = lane.poll(cx, from, to, self.options);
        if lane.moved != moved && self.watches_silence() {
            self.lane_mut(way).moved_at = Instant::now();
        }
        match polled {
            Poll::Pending => {
                if matches!(self.lane_mut(way).source, Source::Failed(_)) {
                    self.drain();
                }
            }
            Poll::Ready(Ok(())) => self.way_ended_at = Some(Instant::now()),
            Poll::Ready(Err(fault)) => {
                self.lane_failed(way, fault);
                if self.lane_mut(way).state == State::Discarding {
                    // It waits for other things now, and has not been asked for them yet.
                    self.poll_lane(cx, way);
                }
            }
        }
    }

    /// Whether the remote side cannot speak and is spoken to. That it says nothing is no end yet: passed on, it would make
    /// the local side leave before it has said all.
    fn is_still_told(&self) -> bool {
        self.remote_is_mute
            && self.up.state == State::Open
            && self.broken.is_none()
            && !self.stopping
    }

    fn lane_failed(&mut self, way: Direction, fault: Fault) {
        self.way_ended_at = Some(Instant::now());
        match fault {
            Fault::Read(error) => {
                self.broken
                    .get_or_insert((way.from(), Operation::Read, error));
                // Who failed to speak no longer listens either.
                match way {
                    Direction::Upstream => self.down.give_up(),
                    Direction::Downstream => self.up.give_up(),
                }
            }
            Fault::Write(error) if self.ends_quietly(way.to(), &error) => {
                let says_more = matches!(
                    &self.local,
                    Link::Stream(local) if local.has_child() || local.never_hears()
                );
                match way.to() {
                    Side::Local if !says_more => self.unheard = true,
                    // A program that no longer reads, or a file that never did, may have more to say, and closing with
                    // unread bytes would reset the other side before it hears that.
                    _ => self.lane_mut(way).state = State::Discarding,
                }
            }
            Fault::Write(error) => {
                match way {
                    Direction::Upstream => self.down.doomed = true,
                    Direction::Downstream => self.up.doomed = true,
                }
                if !self.link(way.to()).is_socket() {
                    // A full disk does not end what is read from elsewhere, as a broken connection would.
                    self.drain();
                }
                self.broken
                    .get_or_insert((way.to(), Operation::Write, error));
            }
        }
    }

    /// A broken pipe is how a program says that it has read enough; on a connection it is a loss.
    fn ends_quietly(&self, side: Side, error: &io::Error) -> bool {
        error.kind() == io::ErrorKind::BrokenPipe
            && matches!(self.link(side), Link::Stream(stream) if stream.is_local_pair())
    }

    fn link(&self, side: Side) -> &Link {
        match side {
            Side::Local => &self.local,
            Side::Remote => &self.remote,
        }
    }

    fn verdict(&mut self) -> Option<EndedBy> {
        if self.unheard {
            return Some(EndedBy::LocalEnd);
        }
        let discarding = |lane: &Lane| lane.state == State::Discarding;
        let last = (discarding(&self.up) && self.down.is_over())
            || (discarding(&self.down) && self.up.is_over());
        if last && self.drain_by.is_none() {
            self.drain();
        }
        if self.up.is_over() && self.down.is_over() {
            return Some(match self.broken.take() {
                Some((side, operation, error)) => self.failure(side, operation, error),
                None if self.stopping => EndedBy::Stopped,
                None => EndedBy::Ends,
            });
        }
        if self.broken.is_some() || self.stopping {
            return None;
        }
        let ended = |lane: &Lane| lane.state == State::Ended;
        match self.options.end {
            EndPolicy::UntilBoth => None,
            EndPolicy::UntilRemote | EndPolicy::UntilEither if ended(&self.down) => {
                Some(EndedBy::RemoteEnd)
            }
            EndPolicy::UntilLocal | EndPolicy::UntilEither if ended(&self.up) => {
                Some(EndedBy::LocalEnd)
            }
            EndPolicy::UntilRemote | EndPolicy::UntilLocal | EndPolicy::UntilEither => None,
        }
    }

    fn failure(&self, side: Side, operation: Operation, error: io::Error) -> EndedBy {
        let error = Error::from_io(operation, error);
        if error.kind() == Kind::Lost {
            return EndedBy::Reset(side);
        }
        let peer = match self.link(side) {
            Link::Stream(stream) => stream.peer(),
            Link::Messages(messages) => messages.peer(),
        };
        EndedBy::Failed(
            side,
            match peer {
                Some(peer) => error.on(peer),
                None => error,
            },
        )
    }

    fn lane_mut(&mut self, way: Direction) -> &mut Lane {
        match way {
            Direction::Upstream => &mut self.up,
            Direction::Downstream => &mut self.down,
        }
    }

    /// Whether any deadline counts from the last time that something moved.
    fn watches_silence(&self) -> bool {
        self.options.idle_timeout.is_some()
            || self.options.half_close_timeout.is_some()
            || matches!(self.local, Link::Messages(_))
            || matches!(self.remote, Link::Messages(_))
    }

    fn poll_deadlines(&mut self, cx: &mut Context<'_>) -> Poll<Due> {
        match self.next_deadline() {
            Some((at, due)) => self.clock.poll_until(cx, at).map(|()| due),
            None => Poll::Pending,
        }
    }

    fn next_deadline(&self) -> Option<(Instant, Due)> {
        let options = self.options;
        let mut next: Option<(Instant, Due)> = self.drain_by.map(|by| (by, Due::Drain));
        let mut offer = |at: Instant, due: Due| {
            if next.is_none_or(|(earlier, _)| at < earlier) {
                next = Some((at, due));
            }
        };
        if let Some(idle) = options.idle_timeout {
            offer(self.up.moved_at.max(self.down.moved_at) + idle, Due::Idle);
        }
        let alone = match (self.up.is_over(), self.down.is_over()) {
            (false, true) => Some((&self.up, &self.local)),
            (true, false) => Some((&self.down, &self.remote)),
            _ => None,
        };
        if let (Some((lane, from)), Some(since)) = (alone, self.way_ended_at) {
            let since = since.max(lane.moved_at);
            if let Some(timeout) = options.half_close_timeout {
                offer(since + timeout, Due::HalfClose);
            }
            if let (Some(linger), Source::Open, false) =
                (options.datagram_linger, &lane.source, has_end(from))
            {
                offer(since + linger, Due::Linger(lane.way));
            }
        }
        next
    }

    async fn finish(mut self, ended_by: EndedBy) -> Joined {
        for lane in [&mut self.up, &mut self.down] {
            if !lane.is_over() {
                lane.give_up();
            }
        }
        // What one side suffered the other one must see: a reset must not look like an end.
        match &ended_by {
            EndedBy::Reset(side) | EndedBy::Failed(side, _) => {
                abort(match side.other() {
                    Side::Local => &mut self.local,
                    Side::Remote => &mut self.remote,
                });
            }
            _ => {}
        }
        let patience = match &ended_by {
            EndedBy::Ends => None,
            _ => Some(CHILD_PATIENCE),
        };
        let mut upstream = self.up.totals();
        let mut downstream = self.down.totals();
        // Known to the links alone, and they are gone after this.
        upstream.truncated = is_truncated(&self.local);
        downstream.truncated = is_truncated(&self.remote);
        let totals = Totals {
            upstream,
            downstream,
            ended_by,
            elapsed: self.began.elapsed(),
        };
        // Both at once: the peer of one must not wait for the program behind the other.
        let (local_exit, remote_exit) = tokio::join!(
            close(self.local, patience, self.options),
            close(self.remote, patience, self.options)
        );
        Joined {
            totals,
            local_exit,
            remote_exit,
        }
    }
}

/// Ready when we are asked to stop.
async fn stopped(options: &JoinOptions) {
    match &options.stop {
        Some(stop) => stop.cancelled().await,
        None => pending().await,
    }
}

fn is_truncated(link: &Link) -> bool {
    matches!(link, Link::Stream(stream) if stream.truncated())
}

fn never_speaks(link: &Link) -> bool {
    matches!(link, Link::Stream(stream) if stream.never_speaks())
}

fn abort(link: &mut Link) {
    if let Link::Stream(stream) = link {
        stream.set_abort();
    }
}

async fn close(
    link: Link,
    patience: Option<Duration>,
    options: &JoinOptions,
) -> Option<ExitStatus> {
    let Link::Stream(stream) = link else {
        return None;
    };
    let closed = match patience {
        Some(patience) => stream.close_within(patience).await,
        None => {
            let mut closing = pin!(stream.close());
            tokio::select! {
                closed = &mut closing => closed,
                // A program that closed its output and goes on must not hold up a stop.
                () = stopped(options) => {
                    let last_chance = tokio::time::timeout(CHILD_PATIENCE, closing);
                    last_chance.await.unwrap_or(Ok(None))
                }
            }
        }
    };
    // The conversation is over; that a program's status cannot be had changes nothing about it.
    closed.unwrap_or_else(|error| {
        tracing::debug!(%error, "the program's status is not known");
        None
    })
}
