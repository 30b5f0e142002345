//! `Retry-After` (RFC 9110 section 10.2.3): when to come again.

use super::date;

/// When to come again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RetryAfter {
    /// After so many seconds.
    Seconds(u64),
    /// At this time, in seconds since 1970.
    At(i64),
}

impl RetryAfter {
    /// Read a number of seconds or a date.
    ///
    /// # Examples
    ///
    /// ```
    /// use sockeye_data::fields::RetryAfter;
    ///
    /// assert_eq!(RetryAfter::parse(b"120"), Some(RetryAfter::Seconds(120)));
    /// assert_eq!(RetryAfter::parse(b"Thu, 01 Jan 1970 00:01:00 GMT"), Some(RetryAfter::At(60)));
    /// assert_eq!(RetryAfter::parse(b"-1"), None);
    /// assert_eq!(RetryAfter::At(60).seconds_from(50), 10);
    /// ```
    pub fn parse(value: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(value).ok()?;
        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
            // More than 2^64 seconds is as good as for ever.
            return Some(Self::Seconds(text.parse().unwrap_or(u64::MAX)));
        }
        date::parse(text).map(Self::At)
    }

    /// How many seconds to wait if it is `now`, in seconds since 1970; 0 if the time is past.
    pub fn seconds_from(self, now: i64) -> u64 {
        match self {
            Self::Seconds(seconds) => seconds,
            Self::At(time) => u64::try_from(time.saturating_sub(now)).unwrap_or(0),
        }
    }
}
