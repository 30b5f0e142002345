//! Parts of a body: `Range` and `Content-Range` (RFC 9110 section 14).

use std::fmt;

/// One part that is asked for, as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ByteRange {
    /// From one byte to another, both included.
    FromTo(u64, u64),
    /// From a byte to the end.
    From(u64),
    /// So many bytes at the end.
    Last(u64),
}

impl ByteRange {
    /// The first and the last byte of this part of a body of `length` bytes; `None` if there is nothing of it.
    ///
    /// # Examples
    ///
    /// ```
    /// use sockeye_data::fields::ByteRange;
    ///
    /// assert_eq!(ByteRange::From(7).within(10), Some((7, 9)));
    /// assert_eq!(ByteRange::Last(20).within(10), Some((0, 9)));
    /// assert_eq!(ByteRange::From(10).within(10), None);
    /// ```
    pub fn within(self, length: u64) -> Option<(u64, u64)> {
        let end = length.checked_sub(1)?;
        match self {
            Self::FromTo(first, last) if first <= end => Some((first, last.min(end))),
            Self::From(first) if first <= end => Some((first, end)),
            Self::Last(count) if count > 0 => Some((length.saturating_sub(count), end)),
            _ => None,
        }
    }
}

impl fmt::Display for ByteRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FromTo(first, last) => write!(f, "{first}-{last}"),
            Self::From(first) => write!(f, "{first}-"),
            Self::Last(count) => write!(f, "-{count}"),
        }
    }
}

/// The parts that a `Range` asks for, in its order; at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RangeRequest(pub Vec<ByteRange>);

impl RangeRequest {
    /// Read `bytes=0-9,20-,-5`; `None` for other units, for anything malformed, and for more than `limit` parts: then
    /// the whole body is the right answer.
    ///
    /// # Examples
    ///
    /// ```
    /// use sockeye_data::fields::{ByteRange, RangeRequest};
    ///
    /// let parts = RangeRequest::parse(b"bytes=0-9, -5", 16).unwrap();
    /// assert_eq!(parts.0, [ByteRange::FromTo(0, 9), ByteRange::Last(5)]);
    /// assert_eq!(parts.to_string(), "bytes=0-9,-5");
    /// ```
    pub fn parse(value: &[u8], limit: usize) -> Option<Self> {
        let (unit, list) = std::str::from_utf8(value).ok()?.split_once('=')?;
        if !unit.eq_ignore_ascii_case("bytes") {
            return None;
        }
        let mut parts = Vec::new();
        for part in list.split(',').map(|part| part.trim_matches([' ', '\t'])) {
            if part.is_empty() {
                continue;
            }
            let (first, last) = part.split_once('-')?;
            let part = match (first, last) {
                ("", last) => ByteRange::Last(number(last)?),
                (first, "") => ByteRange::From(number(first)?),
                (first, last) => {
                    let (first, last) = (number(first)?, number(last)?);
                    (first <= last).then_some(ByteRange::FromTo(first, last))?
                }
            };
            if parts.len() >= limit {
                return None;
            }
            parts.push(part);
        }
        (!parts.is_empty()).then_some(Self(parts))
    }
}

impl fmt::Display for RangeRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes=")?;
        for (i, part) in self.0.iter().enumerate() {
            let comma = if i == 0 { "" } else { "," };
            write!(f, "{comma}{part}")?;
        }
        Ok(())
    }
}

/// Which part of a body an answer holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ContentRange {
    /// `bytes 0-9/100`: the first byte, the last one, and the length of the whole, if it is known.
    Part(u64, u64, Option<u64>),
    /// `bytes */100`: nothing, because there is nothing there (status 416); the length of the whole.
    Unsatisfied(u64),
}

impl ContentRange {
    /// Read a value of `Content-Range`; `None` for other units and for what makes no sense, such as a part beyond the
    /// end.
    ///
    /// # Examples
    ///
    /// ```
    /// use sockeye_data::fields::ContentRange;
    ///
    /// assert_eq!(ContentRange::parse(b"bytes 0-9/100"), Some(ContentRange::Part(0, 9, Some(100))));
    /// assert_eq!(ContentRange::parse(b"bytes */100"), Some(ContentRange::Unsatisfied(100)));
    /// assert_eq!(ContentRange::parse(b"bytes 0-100/100"), None);
    /// ```
    pub fn parse(value: &[u8]) -> Option<Self> {
        let (unit, rest) = std::str::from_utf8(value).ok()?.split_once(' ')?;
        if !unit.eq_ignore_ascii_case("bytes") {
            return None;
        }
        let (part, whole) = rest.split_once('/')?;
        if part == "*" {
            return Some(Self::Unsatisfied(number(whole)?));
        }
        let (first, last) = part.split_once('-')?;
        let (first, last) = (number(first)?, number(last)?);
        let whole = match whole {
            "*" => None,
            whole => Some(number(whole)?),
        };
        let is_sound = first <= last && whole.is_none_or(|whole| last < whole);
        is_sound.then_some(Self::Part(first, last, whole))
    }
}

impl fmt::Display for ContentRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Part(first, last, Some(whole)) => write!(f, "bytes {first}-{last}/{whole}"),
            Self::Part(first, last, None) => write!(f, "bytes {first}-{last}/*"),
            Self::Unsatisfied(whole) => write!(f, "bytes */{whole}"),
        }
    }
}

fn number(text: &str) -> Option<u64> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_number)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn ranges_are_read_printed_and_cut_to_the_body() {
        for (text, printed) in [
            ("bytes=0-0", Some("bytes=0-0")),
            ("Bytes=5-,,-5 , 1-2", Some("bytes=5-,-5,1-2")),
            ("bytes=", None),
            ("bytes=-", None),
            ("bytes=5-4", None),
            ("bytes=+5-", None),
            ("bytes=a-", None),
            ("bytes=1-2-3", None),
            ("bytes 1-2", None),
            ("lines=1-2", None),
            ("bytes=18446744073709551616-", None),
            ("bytes=0-,1-,2-,3-", None),
        ] {
            let parts = RangeRequest::parse(text.as_bytes(), 3);
            assert_eq!(
                parts.map(|parts| parts.to_string()).as_deref(),
                printed,
                "{text}"
            );
        }
        assert_eq!(ByteRange::FromTo(2, 99).within(10), Some((2, 9)));
        for part in [ByteRange::Last(0), ByteRange::FromTo(10, 11)] {
            assert_eq!(part.within(10), None, "{part}");
        }
        assert_eq!(ByteRange::From(0).within(0), None);
        assert_eq!(
            ByteRange::Last(u64::MAX).within(u64::MAX),
            Some((0, u64::MAX - 1))
        );
    }

    #[test]
    fn content_ranges_that_make_no_sense_are_none() {
        for text in ["bytes 0-9/100", "bytes 0-9/*", "bytes */0"] {
            assert_eq!(
                ContentRange::parse(text.as_bytes()).unwrap().to_string(),
                text
            );
        }
        for text in [
            "bytes 9-0/100",
            "bytes 0-9/9",
            "bytes */*",
            "bytes 0-9",
            "items 0-9/10",
            "bytes=0-9/10",
            "bytes -9/10",
        ] {
            assert_eq!(ContentRange::parse(text.as_bytes()), None, "{text}");
        }
    }
}
