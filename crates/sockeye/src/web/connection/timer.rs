//! One timer for each connection, which is nearly never touched: between requests a point in time is noted, no more.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// The next request.
    Idle,
    /// The rest of a head.
    Head,
    /// That the client takes what is sent.
    Stall,
    /// That more of a body comes.
    Body,
    /// That the client closes.
    Linger,
}

#[derive(Debug, Default)]
pub(super) struct Timer {
    waiting: Option<(Phase, Instant)>,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Timer {
    /// Whatever was waited for has come.
    pub(super) fn clear(&mut self) {
        self.waiting = None;
    }

    /// Whatever was waited for in this phase has come.
    pub(super) fn end(&mut self, phase: Phase) {
        if self.waiting.is_some_and(|(current, _)| current == phase) {
            self.waiting = None;
        }
    }

    /// Whether this phase has lasted longer than it may. The task is woken when it has.
    pub(super) fn is_over(
        &mut self,
        phase: Phase,
        allowed: Duration,
        cx: &mut Context<'_>,
    ) -> bool {
        let deadline = match self.waiting {
            Some((current, deadline)) if current == phase => deadline,
            _ => {
                let now = Instant::now();
                let deadline = now.checked_add(allowed).unwrap_or(now + FOREVER);
                self.waiting = Some((phase, deadline));
                deadline
            }
        };
        let sleep = self
            .sleep
            .get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if sleep.deadline() > deadline {
            sleep.as_mut().reset(deadline);
        }
        while sleep.as_mut().poll(cx) == Poll::Ready(()) {
            if Instant::now() >= deadline {
                return true;
            }
            // It was set for an earlier phase.
            sleep.as_mut().reset(deadline);
        }
        false
    }
}

/// A time that no connection lasts.
const FOREVER: Duration = Duration::from_secs(60 * 60 * 24 * 365);
