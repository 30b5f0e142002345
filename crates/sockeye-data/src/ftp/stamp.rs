//! Points in time as `MDTM`, `MFMT` and the fact `modify` write them (RFC 3659 section 2.3): `20240131235959.5`, in UTC.

use crate::fields::date;

/// Seconds since 1970 of a time; fractions are read and dropped.
///
/// Some servers of the year 2000 wrote `19100…` for it: five digits of year, 1900 and 100 put behind each other. They are read too.
///
/// # Examples
///
/// ```
/// use sockeye_data::ftp::stamp;
///
/// assert_eq!(stamp::parse(b"19700102000001.25"), Some(86_401));
/// assert_eq!(stamp::parse(b"191000101000000"), stamp::parse(b"20000101000000"));
/// assert_eq!(stamp::parse(b"20230229000000"), None);
/// ```
pub fn parse(text: &[u8]) -> Option<i64> {
    let end = text.iter().position(|&byte| byte == b'.');
    let (whole, fraction) = text.split_at(end.unwrap_or(text.len()));
    let is_fraction =
        fraction.is_empty() || (fraction.len() > 1 && fraction[1..].iter().all(u8::is_ascii_digit));
    if !is_fraction || !whole.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let (year, rest) = match (whole.len(), whole.strip_prefix(b"19")) {
        (15, Some(rest)) => (1900 + number(rest.get(..3)?)?, &rest[3..]),
        (14, _) => (number(&whole[..4])?, &whole[4..]),
        _ => return None,
    };
    let pair = |at: usize| number(rest.get(at..at + 2)?);
    date::seconds_of(year, pair(0)?, pair(2)?, [pair(4)?, pair(6)?, pair(8)?])
}

/// Write seconds since 1970; `None` before the year 0 and after 9999.
///
/// # Examples
///
/// ```
/// assert_eq!(sockeye_data::ftp::stamp::print(86_401).as_deref(), Some("19700102000001"));
/// ```
pub fn print(seconds: i64) -> Option<String> {
    let (year, month, day, [hour, minute, second]) = date::parts_of(seconds)?;
    Some(format!(
        "{year:04}{month:02}{day:02}{hour:02}{minute:02}{second:02}"
    ))
}

/// The number that these digits are; `None` if there are none, too many, or other bytes.
pub(super) fn number(digits: &[u8]) -> Option<i64> {
    if digits.is_empty() || digits.len() > 18 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let add = |number, digit: &u8| number * 10 + i64::from(digit - b'0');
    Some(digits.iter().fold(0, add))
}
