//! Which failures are tried again, and after how long.

use std::time::Duration;

use super::job::Ending;

/// What is tried again: only what fails, never what is not there ([`Ending::NotFound`], [`Ending::NotStarted`]) unless asked.
#[derive(Clone, Debug)]
pub struct Retries {
    /// How many attempts may follow the first; 0 by default.
    pub most: u32,
    /// How long to wait before the second attempt; doubled for each further one. 1 s by default.
    pub wait: Duration,
    /// The longest such wait. 60 s by default.
    pub most_wait: Duration,
    /// Only these exit statuses are tried again; all but 126 and 127 if empty.
    pub only: Vec<u8>,
    /// These never are.
    pub never: Vec<u8>,
}

impl Default for Retries {
    fn default() -> Self {
        Self {
            most: 0,
            wait: Duration::from_secs(1),
            most_wait: Duration::from_secs(60),
            only: Vec::new(),
            never: Vec::new(),
        }
    }
}

impl Retries {
    /// How long to wait before another attempt after `attempts` that ended like this; `None` if there is none.
    ///
    /// The run waits between half of that and all of it, at random, so that what failed together does not come again together.
    pub fn after(&self, attempts: u32, ending: &Ending) -> Option<Duration> {
        let again = match ending {
            Ending::Exited(0) | Ending::Canceled => false,
            Ending::NotFound(_) | Ending::NotStarted(_) => false,
            Ending::Exited(status) if self.never.contains(status) => false,
            Ending::Exited(status) if self.only.is_empty() => !matches!(status, 126 | 127),
            Ending::Exited(status) => self.only.contains(status),
            _ => self.only.is_empty(),
        };
        if !again || attempts > self.most {
            return None;
        }
        let doubled = self
            .wait
            .saturating_mul(1 << (attempts.saturating_sub(1)).min(20));
        Some(doubled.min(self.most_wait))
    }

    /// Between half of this wait and all of it.
    pub(super) fn spread(wait: Duration) -> Duration {
        let random = getrandom::u32().unwrap_or(u32::MAX);
        let half = wait / 2;
        half + half.mul_f64(f64::from(random) / f64::from(u32::MAX))
    }
}
