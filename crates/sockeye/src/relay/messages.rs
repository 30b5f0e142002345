//! Messages from link to link, and between messages and bytes.
//!
//! A datagram that is too long or that nobody took is counted and the next one goes on: that is what datagrams are.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use nix::errno::Errno;
use tokio::io::{AsyncWrite, ReadBuf};

use super::copy::{poll_end, poll_flush, poll_held, poll_read_some, with_scratch};
use super::lane::{BUDGET, Fault, Lane, Source};
use super::options::{JoinOptions, Notice};
use crate::endpoint::{Carrier, UnixKind};
use crate::net::{Link, Messages};

/// What one message takes from the budget beside its bytes, so that empty ones and errors have an end too.
const PER_MESSAGE: usize = 4 << 10;

/// Whether this link can say that it has ended: all but datagrams can.
pub(super) fn has_end(link: &Link) -> bool {
    match link {
        Link::Stream(_) => true,
        Link::Messages(messages) => messages_have_end(messages),
    }
}

fn messages_have_end(messages: &Messages) -> bool {
    if messages.is_unbounded() {
        return true;
    }
    [messages.local(), messages.peer()]
        .into_iter()
        .flatten()
        .any(|endpoint| match endpoint.carrier() {
            Carrier::Unix(address) => address.kind == UnixKind::Seqpacket,
            carrier => !carrier.keeps_boundaries(),
        })
}

/// Move messages until one side has to be waited for, the turn is over, or this way is.
pub(super) fn poll_messages(
    lane: &mut Lane,
    cx: &mut Context<'_>,
    from: &mut Link,
    to: &mut Link,
    options: &JoinOptions,
) -> Poll<Result<(), Fault>> {
    let mut budget = BUDGET;
    loop {
        ready!(poll_deliver_held(lane, cx, to, options))?;
        if !matches!(lane.source, Source::Open) {
            return poll_end_of_messages(lane, cx, to);
        }
        if budget == 0 {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        if let Link::Messages(unbounded) = &*from
            && unbounded.is_unbounded()
        {
            let spent = ready!(poll_pass(lane, cx, unbounded, to, options))?;
            budget = budget.saturating_sub(spent);
            continue;
        }
        let taken = with_scratch(|buf| {
            let taken = match poll_take(lane, cx, from, options, buf) {
                Poll::Ready(Some(n)) => n,
                Poll::Ready(None) => return Poll::Ready(Ok(0)),
                Poll::Pending => {
                    match &mut *to {
                        Link::Stream(to) => ready!(poll_flush(lane, cx, to))?,
                        Link::Messages(to) => ready!(to.poll_flush(cx)).map_err(Fault::Write)?,
                    }
                    return Poll::Pending;
                }
            };
            lane.moved += 1;
            lane.tried_again = false;
            offer(lane, cx, to, options, &buf[..taken]).map_ok(|()| taken)
        });
        budget = budget.saturating_sub(ready!(taken)? + PER_MESSAGE);
    }
}

/// Take one message that may be of any length, and offer it. What it takes from the budget.
fn poll_pass(
    lane: &mut Lane,
    cx: &mut Context<'_>,
    from: &Messages,
    to: &mut Link,
    options: &JoinOptions,
) -> Poll<Result<usize, Fault>> {
    let message = match from.poll_recv_vec(cx) {
        Poll::Ready(Ok(Some(message))) => message,
        Poll::Ready(Ok(None)) => {
            lane.source = Source::Ended;
            return Poll::Ready(Ok(0));
        }
        Poll::Ready(Err(error)) => {
            lane.source = Source::Failed(error);
            return Poll::Ready(Ok(0));
        }
        Poll::Pending => {
            match to {
                Link::Stream(to) => ready!(poll_flush(lane, cx, to))?,
                Link::Messages(to) => ready!(to.poll_flush(cx)).map_err(Fault::Write)?,
            }
            return Poll::Pending;
        }
    };
    lane.moved += 1;
    lane.tried_again = false;
    let spent = message.len() + PER_MESSAGE;
    offer(lane, cx, to, options, &message).map_ok(|()| spent)
}

/// Take one message, or the bytes that become one. `None` when there is none this time; `lane.source` says why.
fn poll_take(
    lane: &mut Lane,
    cx: &mut Context<'_>,
    from: &mut Link,
    options: &JoinOptions,
    buf: &mut [u8],
) -> Poll<Option<usize>> {
    match from {
        Link::Stream(from) => {
            let longest = options.framing.longest().min(buf.len());
            match ready!(poll_read_some(cx, from, &mut buf[..longest])) {
                Ok(0) => lane.source = Source::Ended,
                Ok(n) => return Poll::Ready(Some(n)),
                Err(error) => lane.source = Source::Failed(error),
            }
        }
        Link::Messages(from) => {
            let mut buf = ReadBuf::new(buf);
            match ready!(from.poll_recv(cx, &mut buf)) {
                Ok(true) => return Poll::Ready(Some(buf.filled().len())),
                Ok(false) => lane.source = Source::Ended,
                Err(error) if error.kind() == io::ErrorKind::InvalidData => lane.dropped += 1,
                Err(error) if !messages_have_end(from) && is_passing(&error) => {
                    count(lane, options, &error);
                }
                Err(error) => lane.source = Source::Failed(error),
            }
        }
    }
    Poll::Ready(None)
}

/// Deliver a message that was just taken, or keep it.
fn offer(
    lane: &mut Lane,
    cx: &mut Context<'_>,
    to: &mut Link,
    options: &JoinOptions,
    message: &[u8],
) -> Poll<Result<(), Fault>> {
    match to {
        Link::Messages(to) => match poll_send(lane, cx, to, options, message) {
            Poll::Pending => {
                lane.hold(message);
                lane.holds_message = true;
            }
            Poll::Ready(Err(fault)) => {
                lane.hold(message);
                return Poll::Ready(Err(fault));
            }
            Poll::Ready(Ok(())) => {}
        },
        Link::Stream(to) => {
            if message.is_empty() {
                return Poll::Ready(Ok(()));
            }
            let taken = match Pin::new(to).poll_write(cx, message) {
                Poll::Ready(Ok(n)) => n,
                Poll::Ready(Err(error)) => {
                    lane.hold(message);
                    return Poll::Ready(Err(Fault::Write(error)));
                }
                Poll::Pending => 0,
            };
            if taken > 0 {
                lane.unflushed = true;
                lane.delivered(taken, options);
            }
            lane.hold(&message[taken..]);
        }
    }
    // Whatever is held now is delivered, or waited for, at the start of the next round.
    Poll::Ready(Ok(()))
}

fn poll_deliver_held(
    lane: &mut Lane,
    cx: &mut Context<'_>,
    to: &mut Link,
    options: &JoinOptions,
) -> Poll<Result<(), Fault>> {
    match to {
        Link::Stream(to) => poll_held(lane, cx, to, options),
        Link::Messages(to) if lane.holds_message => {
            let message = std::mem::take(&mut lane.held);
            let sent = poll_send(lane, cx, to, options, &message);
            if let Poll::Ready(Ok(())) = sent {
                lane.release_held();
            } else {
                lane.held = message;
            }
            sent
        }
        Link::Messages(_) => Poll::Ready(Ok(())),
    }
}

/// Send one message; ready also when it is lost in a way that datagrams may be lost.
fn poll_send(
    lane: &mut Lane,
    cx: &mut Context<'_>,
    to: &Messages,
    options: &JoinOptions,
    message: &[u8],
) -> Poll<Result<(), Fault>> {
    loop {
        let Err(error) = ready!(to.poll_send(cx, message)) else {
            lane.messages += 1;
            lane.delivered(message.len(), options);
            return Poll::Ready(Ok(()));
        };
        if is_too_long(&error) {
            lane.dropped += 1;
        } else if !messages_have_end(to) && is_passing(&error) {
            count(lane, options, &error);
            // The error is the answer to an earlier datagram (RFC 1122 section 4.1.3.3), and took this one's place.
            if error.kind() == io::ErrorKind::ConnectionRefused && !lane.tried_again {
                lane.tried_again = true;
                continue;
            }
        } else {
            return Poll::Ready(Err(Fault::Write(error)));
        }
        lane.undelivered += message.len() as u64;
        return Poll::Ready(Ok(()));
    }
}

fn poll_end_of_messages(
    lane: &mut Lane,
    cx: &mut Context<'_>,
    to: &mut Link,
) -> Poll<Result<(), Fault>> {
    match to {
        Link::Stream(to) => poll_end(lane, cx, to),
        Link::Messages(to) => {
            ready!(to.poll_flush(cx)).map_err(Fault::Write)?;
            match std::mem::replace(&mut lane.source, Source::Ended) {
                Source::Failed(error) => return Poll::Ready(Err(Fault::Read(error))),
                Source::Stopped => lane.source = Source::Stopped,
                Source::Open | Source::Ended => {}
            }
            // A link that is gone has our end in any case, and datagrams have no end to pass on.
            drop(to.shutdown());
            to.poll_flush(cx).map_err(Fault::Write)
        }
    }
}

/// Count an error that the next datagram may not meet, and pass on what it says of the peer.
fn count(lane: &mut Lane, options: &JoinOptions, error: &io::Error) {
    lane.errors += 1;
    if let Some(notify) = &options.notify
        && error.kind() == io::ErrorKind::ConnectionRefused
    {
        notify(Notice::Refused);
    }
}

fn is_too_long(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::InvalidInput
        || error.raw_os_error() == Some(Errno::EMSGSIZE as i32)
}

/// Whether the next datagram may fare better.
fn is_passing(error: &io::Error) -> bool {
    use io::ErrorKind as E;
    matches!(
        error.kind(),
        E::ConnectionRefused
            | E::ConnectionReset
            | E::HostUnreachable
            | E::NetworkUnreachable
            | E::NetworkDown
            | E::PermissionDenied
            | E::Interrupted
    ) || error.raw_os_error() == Some(Errno::ENOBUFS as i32)
}
