//! Trying again, politely: only what may be done twice, after a pause, and not for ever.

#[cfg(test)]
mod tests;

use std::time::{Duration, SystemTime};

use sockeye_data::fields::RetryAfter;
use sockeye_data::http1::Headers;

use crate::error::{Error, Kind, Operation};

/// What is tried again, how often, and after which pause. By default nothing is.
///
/// Tried again are answers of status 408, 429, 500, 502, 503 and 504, broken connections and time limits. Requests that
/// change something when done twice (`POST`, `PATCH`) are not, unless [`Retry::all`] says so or nothing of them was sent;
/// a body that can be read only once is never sent again.
///
/// A server that says `Retry-After` (RFC 9110 section 10.2.3) is left alone for that long. Else the pause is one second, and
/// twice as long each time, minus up to half of it by chance, so that many clients do not come back at once.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use sockeye::client::http::{Client, Retry};
///
/// let retry = Retry::times(5).first(Duration::from_millis(200)).within(Duration::from_secs(60));
/// let client = Client::builder().retry(retry).build();
/// # let _ = client;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retry {
    times: u32,
    first: Duration,
    longest: Duration,
    within: Option<Duration>,
    all: bool,
    refused: bool,
    seed: Option<u64>,
}

/// How a try ended.
pub(super) enum Outcome<'a> {
    Answered(u16, &'a Headers),
    Failed(&'a Error),
}

/// What was tried by now.
pub(super) struct Tried<'a> {
    pub(super) method: &'a str,
    /// How often it was tried again.
    pub(super) again: u32,
    /// Since the first try began.
    pub(super) elapsed: Duration,
    /// The time, to read dates by.
    pub(super) now: SystemTime,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            times: 0,
            first: Duration::from_secs(1),
            longest: Duration::from_secs(60),
            within: None,
            all: false,
            refused: false,
            seed: None,
        }
    }
}

impl Retry {
    /// At most this many times.
    pub fn times(times: u32) -> Self {
        Self {
            times,
            ..Self::default()
        }
    }

    /// The pause before the second try, 1 s by default; it doubles each time.
    #[must_use]
    pub fn first(mut self, pause: Duration) -> Self {
        self.first = pause;
        self
    }

    /// The longest pause, 60 s by default. If a server asks for a longer one, its answer is the answer.
    #[must_use]
    pub fn longest(mut self, pause: Duration) -> Self {
        self.longest = pause;
        self
    }

    /// Begin no try later than this after the first one began; without end by default.
    #[must_use]
    pub fn within(mut self, time: Duration) -> Self {
        self.within = Some(time);
        self
    }

    /// Try requests again that change something when they are done twice, such as `POST`.
    #[must_use]
    pub fn all(mut self, all: bool) -> Self {
        self.all = all;
        self
    }

    /// Try again where nobody listens: a server that is about to start.
    #[must_use]
    pub fn refused(mut self, refused: bool) -> Self {
        self.refused = refused;
        self
    }

    /// Let chance have this seed, so that pauses are the same each time. By default each request has its own.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// How long to wait before the next try, if there is to be one.
    pub(super) fn pause(&self, tried: &Tried<'_>, outcome: &Outcome<'_>) -> Option<Duration> {
        if tried.again >= self.times || !self.is_worth_it(outcome) {
            return None;
        }
        let may = self.all || super::exchange::is_idempotent(tried.method) || was_not_sent(outcome);
        if !may {
            return None;
        }
        let pause = match asked(outcome, tried.now) {
            Some(asked) if asked > self.longest => return None,
            Some(asked) => asked,
            None => self.backed_off(tried.again),
        };
        let in_time = self
            .within
            .is_none_or(|within| tried.elapsed.saturating_add(pause) <= within);
        in_time.then_some(pause)
    }

    fn is_worth_it(&self, outcome: &Outcome<'_>) -> bool {
        match outcome {
            Outcome::Answered(status, _) => matches!(status, 408 | 429 | 500 | 502 | 503 | 504),
            Outcome::Failed(error) => match error.kind() {
                Kind::Lost | Kind::TimedOut => true,
                Kind::Refused => self.refused,
                _ => false,
            },
        }
    }

    /// The pause that grows: between half of it and all of it.
    fn backed_off(&self, again: u32) -> Duration {
        let doubled = 2_u32.saturating_pow(again.min(30));
        let whole = self.first.saturating_mul(doubled).min(self.longest);
        let seed = self.seed.unwrap_or_else(random);
        let chance = spread(seed.wrapping_add(u64::from(again)));
        // A number between a half and one.
        whole.mul_f64(0.5 + (chance >> 11) as f64 / (1_u64 << 54) as f64)
    }
}

/// Whether not a byte of the request can have arrived.
fn was_not_sent(outcome: &Outcome<'_>) -> bool {
    matches!(outcome, Outcome::Failed(error)
        if matches!(error.operation(), Operation::Resolve | Operation::Connect | Operation::Handshake))
}

/// The pause that the server asks for.
fn asked(outcome: &Outcome<'_>, now: SystemTime) -> Option<Duration> {
    let Outcome::Answered(_, headers) = outcome else {
        return None;
    };
    let after = RetryAfter::parse(headers.get("retry-after")?)?;
    let now = now.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    let now = i64::try_from(now.as_secs()).ok()?;
    Some(Duration::from_secs(after.seconds_from(now)))
}

/// A number that is not known before; chance need not be good here, only different for each client.
fn random() -> u64 {
    let mut bytes = [0; 8];
    match getrandom::fill(&mut bytes) {
        Ok(()) => u64::from_le_bytes(bytes),
        Err(_) => 0,
    }
}

/// Any number made of this one, evenly spread (SplitMix64).
fn spread(seed: u64) -> u64 {
    let mut mixed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
