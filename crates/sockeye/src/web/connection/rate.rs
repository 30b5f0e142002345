//! How fast a body comes, over the time in which somebody waits for it.

use std::task::Context;
use std::time::Duration;

use tokio::time::Instant;

use super::timer::{Phase, Timer};

/// Over how long the rate is looked at.
const WINDOW: Duration = Duration::from_secs(10);

/// The rate of one body.
#[derive(Debug, Default)]
pub(super) struct Rate {
    /// Since when, and what came since.
    window: Option<(Instant, u64)>,
    /// Since when nobody waits, which is not the client's fault.
    paused: Option<Instant>,
    timer: Timer,
}

impl Rate {
    /// So many bytes came.
    pub(super) fn count(&mut self, bytes: usize) {
        if let Some((_, came)) = &mut self.window {
            *came += bytes as u64;
        }
    }

    /// Nobody waits for more. The window stands still, and does not begin anew: else a byte now and then would be enough.
    pub(super) fn pause(&mut self) {
        if self.window.is_some() {
            self.paused.get_or_insert_with(Instant::now);
        }
        self.timer.clear();
    }

    /// Somebody waits and nothing came: whether less came in the last window than `least` bytes per second. The task is
    /// woken when the window is over.
    pub(super) fn is_too_slow(&mut self, least: u64, cx: &mut Context<'_>) -> bool {
        let now = Instant::now();
        let (since, came) = self.window.get_or_insert((now, 0));
        if let Some(paused) = self.paused.take() {
            *since += now.saturating_duration_since(paused);
        }
        let mut waited = now.saturating_duration_since(*since);
        if waited >= WINDOW {
            if *came < least.saturating_mul(waited.as_secs()) {
                return true;
            }
            (*since, *came, waited) = (now, 0, Duration::ZERO);
        }
        self.timer.clear();
        self.timer
            .is_over(Phase::Body, WINDOW.saturating_sub(waited), cx)
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_byte_now_and_then_is_too_slow_and_a_reader_that_rests_is_not_held_against_the_client()
     {
        let cx = &mut Context::from_waker(Waker::noop());
        let mut rate = Rate::default();
        assert!(!rate.is_too_slow(500, cx));
        tokio::time::advance(Duration::from_secs(6)).await;
        rate.count(1);
        rate.pause();
        assert!(!rate.is_too_slow(500, cx));
        tokio::time::advance(Duration::from_secs(5)).await;
        assert!(rate.is_too_slow(500, cx));

        let mut rate = Rate::default();
        assert!(!rate.is_too_slow(500, cx));
        rate.count(6000);
        rate.pause();
        tokio::time::advance(Duration::from_secs(1000)).await;
        assert!(!rate.is_too_slow(500, cx));
        tokio::time::advance(Duration::from_secs(11)).await;
        assert!(!rate.is_too_slow(500, cx));
    }
}
