//! Dates of cookies: whatever servers write, as RFC 6265bis section 5.1.1 reads it.

use crate::fields::date::seconds_of;

const MONTHS: [&[u8; 3]; 12] = [
    b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec",
];

/// Read a date in nearly any order, as seconds since 1970.
///
/// # Examples
///
/// ```
/// use sockeye_data::cookie::parse_date;
///
/// assert_eq!(parse_date(b"Sun, 06-Nov-1994 08:49:37 GMT"), Some(784_111_777));
/// assert_eq!(parse_date(b"8:49:37 6 november 94"), Some(784_111_777));
/// assert_eq!(parse_date(b"tomorrow"), None);
/// ```
pub fn parse_date(text: &[u8]) -> Option<i64> {
    let (mut time, mut day, mut month, mut year) = (None, None, None, None);
    let tokens = text.split(|byte| is_delimiter(*byte));
    for token in tokens.filter(|token| !token.is_empty()) {
        if time.is_none()
            && let Some(found) = time_of(token)
        {
            time = Some(found);
        } else if day.is_none()
            && let Some((found, _)) = number(token, 1..=2, true)
        {
            day = Some(found);
        } else if month.is_none()
            && let Some(found) = month_of(token)
        {
            month = Some(found);
        } else if year.is_none()
            && let Some((found, _)) = number(token, 2..=4, true)
        {
            year = Some(found);
        }
    }
    let year = match year? {
        year @ 70..=99 => year + 1900,
        year @ 0..=69 => year + 2000,
        year => year,
    };
    let [hours, minutes, seconds] = time?;
    if year < 1601 || seconds > 59 {
        return None;
    }
    seconds_of(year, month?, day?, [hours, minutes, seconds])
}

fn is_delimiter(byte: u8) -> bool {
    matches!(byte, 0x09 | 0x20..=0x2f | 0x3b..=0x40 | 0x5b..=0x60 | 0x7b..=0x7e)
}

/// A number of so many digits at the start, and what follows it; the rest must not go on with a digit.
fn number(
    text: &[u8],
    digits: std::ops::RangeInclusive<usize>,
    may_go_on: bool,
) -> Option<(i64, &[u8])> {
    let length = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if !digits.contains(&length) || (!may_go_on && length < text.len()) {
        return None;
    }
    let (number, rest) = text.split_at(length);
    let number = std::str::from_utf8(number).ok()?.parse().ok()?;
    Some((number, rest))
}

/// `8:49:37`, with anything but a digit behind it.
fn time_of(token: &[u8]) -> Option<[i64; 3]> {
    let mut parts = token.splitn(3, |byte| *byte == b':');
    let (hours, minutes, seconds) = (parts.next()?, parts.next()?, parts.next()?);
    Some([
        number(hours, 1..=2, false)?.0,
        number(minutes, 1..=2, false)?.0,
        number(seconds, 1..=2, true)?.0,
    ])
}

fn month_of(token: &[u8]) -> Option<i64> {
    let start = token.get(..3)?.to_ascii_lowercase();
    let at = MONTHS.iter().position(|month| month[..] == start)?;
    i64::try_from(at).ok().map(|at| at + 1)
}
