//! Going on after a failure: how often, and after which pause.

use std::time::Duration;

use crate::error::{Error, Kind};

/// How often a download is tried again without having got a byte further, and after which pauses.
///
/// A pause doubles with each try in vain and is varied by up to a half each way, so that many clients do not come back at once. What a
/// server asks for (`Retry-After`, RFC 9110 section 10.2.3) goes before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Retries {
    /// Tries in vain, one after the other; 5 by default, 0 for none.
    pub times: u32,
    /// The first pause; 1 s by default.
    pub pause: Duration,
    /// The longest pause, and the longest that a server may ask for; 1 minute by default.
    pub longest: Duration,
    /// Tries altogether, however far each of them got; 100 by default.
    pub most: u32,
    /// Begin no try later than this after the download began; without end by default.
    pub within: Option<Duration>,
    /// Try again too where nobody listens; only if bytes came before, by default.
    pub refused: bool,
    /// Try requests again too that are no `GET`; off by default.
    pub all: bool,
    /// Makes the pauses the same in every run, for tests.
    pub seed: Option<u64>,
}

impl Default for Retries {
    fn default() -> Self {
        Self {
            times: 5,
            pause: Duration::from_secs(1),
            longest: Duration::from_secs(60),
            most: 100,
            within: None,
            refused: false,
            all: false,
            seed: None,
        }
    }
}

impl Retries {
    /// So many tries in vain, and the rest by default.
    pub fn times(times: u32) -> Self {
        Self {
            times,
            ..Self::default()
        }
    }

    /// The pause before the next try; `None` if there is none.
    pub(super) fn pause(&self, in_vain: u32, all: u32, wanted: Option<u64>) -> Option<Duration> {
        if in_vain >= self.times || all >= self.most {
            return None;
        }
        if let Some(seconds) = wanted {
            let pause = Duration::from_secs(seconds);
            return (pause <= self.longest).then_some(pause);
        }
        let doubled = self.pause.saturating_mul(1 << in_vain.min(16));
        let pause = doubled.min(self.longest);
        Some(pause.mul_f64(0.5 + self.random(all)))
    }

    /// A number from 0 to 1.
    fn random(&self, all: u32) -> f64 {
        let bits = match self.seed {
            // splitmix64
            Some(seed) => {
                let mut it =
                    seed.wrapping_add(u64::from(all + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
                it = (it ^ (it >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
                it = (it ^ (it >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
                it ^ (it >> 31)
            }
            None => getrandom::u64().unwrap_or(1 << 63),
        };
        #[expect(clippy::cast_precision_loss, reason = "a pause needs no more digits")]
        let part = (bits >> 11) as f64 / (1_u64 << 53) as f64;
        part
    }
}

/// Whether this status may be another one soon (RFC 9110 section 15).
pub(super) fn is_passing_status(status: u16) -> bool {
    matches!(status, 408 | 425 | 429 | 500 | 502 | 503 | 504)
}

/// Whether this failure may be gone soon. What a server breaks is only tried again if it had begun well.
pub(super) fn is_passing(error: &Error, had_bytes: bool) -> bool {
    match error.kind() {
        Kind::Lost | Kind::TimedOut => true,
        Kind::Protocol | Kind::Refused | Kind::Unreachable | Kind::Name => had_bytes,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_vary_and_end() {
        let retries = Retries {
            seed: Some(7),
            ..Retries::default()
        };
        let pauses: Vec<_> = (0..6)
            .map(|tries| retries.pause(tries, tries, None))
            .collect();
        for (tries, pause) in pauses[..5].iter().enumerate() {
            let seconds = pause.unwrap().as_secs_f64();
            let middle = f64::from(1 << tries);
            assert!(
                (middle * 0.5..=middle * 1.5).contains(&seconds),
                "{tries}: {seconds}"
            );
        }
        assert_eq!(pauses[5], None);
        assert_eq!(retries.pause(0, 0, None), pauses[0]);
        let times = |times| Retries { times, ..retries };
        assert!(times(40).pause(30, 30, None).unwrap() <= Duration::from_secs(90));
        assert_eq!(times(1000).pause(0, 100, None), None);
        assert_eq!(times(0).pause(0, 0, None), None);
    }

    #[test]
    fn what_a_server_asks_for_goes_before_unless_it_is_too_long() {
        let retries = Retries::default();
        assert_eq!(retries.pause(0, 0, Some(7)), Some(Duration::from_secs(7)));
        assert_eq!(retries.pause(0, 0, Some(61)), None);
    }

    #[test]
    fn only_what_may_pass_is_tried_again() {
        assert!(is_passing_status(503) && !is_passing_status(404));
        let failed = |kind| Error::new(kind, crate::Operation::Fetch, "x");
        for (kind, at_first, later) in [
            (Kind::Lost, true, true),
            (Kind::TimedOut, true, true),
            (Kind::Protocol, false, true),
            (Kind::Refused, false, true),
            (Kind::Tls, false, false),
            (Kind::Io, false, false),
        ] {
            assert_eq!(is_passing(&failed(kind), false), at_first, "{kind:?}");
            assert_eq!(is_passing(&failed(kind), true), later, "{kind:?}");
        }
    }
}
