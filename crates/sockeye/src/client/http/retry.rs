//! Trying again.

use std::time::Duration;

use sockeye_data::http1::Headers;

use crate::error::Error;

/// What is tried again, how often, and after which pause.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Retry {
    times: u32,
}

/// How a try ended.
pub(super) enum Outcome<'a> {
    Answered(u16, &'a Headers),
    Failed(&'a Error),
}

impl Retry {
    /// At most this many times.
    pub fn times(times: u32) -> Self {
        Self { times }
    }

    /// How long to wait before the next try, if there is to be one.
    pub(super) fn pause(
        &self,
        method: &str,
        tries: u32,
        outcome: &Outcome<'_>,
    ) -> Option<Duration> {
        let is_worth_it = match outcome {
            Outcome::Answered(status, headers) if headers.contains("retry-after") => *status >= 400,
            Outcome::Answered(status, _) => matches!(status, 408 | 429 | 500 | 502 | 503 | 504),
            Outcome::Failed(error) => {
                matches!(error.kind(), crate::Kind::Lost | crate::Kind::TimedOut)
            }
        };
        let may = super::exchange::is_idempotent(method);
        (is_worth_it && may && tries < self.times).then(|| Duration::from_secs(1 << tries.min(5)))
    }
}
