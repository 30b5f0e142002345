//! Dates of HTTP (RFC 9110 section 5.6.7) as seconds since 1970, and back; no clock and no leap seconds.

const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];
const DAY: i64 = 86_400;

/// Read a date in one of the three forms: the usual one, RFC 850's, and that of C's `asctime`.
///
/// The day of the week is not compared with the date. Years of two digits are 1970 to 2069: there is no clock here that could do it better.
///
/// # Examples
///
/// ```
/// use sockeye_data::fields::date::parse;
///
/// assert_eq!(parse("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777));
/// assert_eq!(parse("Sunday, 06-Nov-94 08:49:37 GMT"), Some(784_111_777));
/// assert_eq!(parse("Sun Nov  6 08:49:37 1994"), Some(784_111_777));
/// assert_eq!(parse("tomorrow"), None);
/// ```
pub fn parse(text: &str) -> Option<i64> {
    let Some((weekday, rest)) = text.split_once(", ") else {
        return asctime(text);
    };
    let rest = rest.strip_suffix(" GMT")?;
    if DAYS.contains(&weekday) {
        let mut parts = rest.split(' ');
        let mut next = || parts.next();
        let (day, month, year, time) = (next()?, next()?, next()?, next()?);
        let seconds = seconds(number(year, 4)?, month, number(day, 2)?, time)?;
        return parts.next().is_none().then_some(seconds);
    }
    const LONG: [&str; 7] = ["Thurs", "Fri", "Satur", "Sun", "Mon", "Tues", "Wednes"];
    if !LONG.contains(&weekday.strip_suffix("day")?) {
        return None;
    }
    let (date, time) = rest.split_once(' ')?;
    let mut parts = date.splitn(3, '-');
    let (day, month, year) = (parts.next()?, parts.next()?, number(parts.next()?, 2)?);
    let century = if year < 70 { 2000 } else { 1900 };
    seconds(century + year, month, number(day, 2)?, time)
}

/// Write seconds since 1970 in the usual form; `None` before the year 0 and after 9999.
///
/// # Examples
///
/// ```
/// use sockeye_data::fields::date::print;
///
/// assert_eq!(print(784_111_777).as_deref(), Some("Sun, 06 Nov 1994 08:49:37 GMT"));
/// ```
pub fn print(seconds: i64) -> Option<String> {
    let (days, time) = (seconds.div_euclid(DAY), seconds.rem_euclid(DAY));
    let (year, month, day) = civil(days)?;
    // Both are remainders of a division, so they are in range.
    let weekday = DAYS[days.rem_euclid(7) as usize];
    let month = MONTHS[month as usize - 1];
    let (hours, minutes, seconds) = (time / 3600, time / 60 % 60, time % 60);
    Some(format!(
        "{weekday}, {day:02} {month} {year:04} {hours:02}:{minutes:02}:{seconds:02} GMT"
    ))
}

/// Write seconds since 1970, and millionths of one, in the form of RFC 3339; `None` before the year 0 and after 9999.
///
/// # Examples
///
/// ```
/// use sockeye_data::fields::date::timestamp;
///
/// assert_eq!(timestamp(784_111_777, 90_000).as_deref(), Some("1994-11-06T08:49:37.090000Z"));
/// ```
pub fn timestamp(seconds: i64, micros: u32) -> Option<String> {
    let (days, time) = (seconds.div_euclid(DAY), seconds.rem_euclid(DAY));
    let (year, month, day) = civil(days)?;
    let (hours, minutes, seconds) = (time / 3600, time / 60 % 60, time % 60);
    Some(format!(
        "{year:04}-{month:02}-{day:02}T{hours:02}:{minutes:02}:{seconds:02}.{micros:06}Z"
    ))
}

fn asctime(text: &str) -> Option<i64> {
    let mut parts = text.splitn(3, ' ');
    let (weekday, month, rest) = (parts.next()?, parts.next()?, parts.next()?);
    if !DAYS.contains(&weekday) || !rest.is_ascii() || rest.len() != 16 {
        return None;
    }
    let day = match rest[..2].strip_prefix(' ') {
        Some(digit) => number(digit, 1)?,
        None => number(&rest[..2], 2)?,
    };
    let (time, year) = rest[2..].strip_prefix(' ')?.split_once(' ')?;
    seconds(number(year, 4)?, month, day, time)
}

fn number(text: &str, digits: usize) -> Option<i64> {
    let is_number = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_number)
}

fn seconds(year: i64, month: &str, day: i64, time: &str) -> Option<i64> {
    let month = month_of(month.as_bytes())?;
    let mut parts = time.splitn(3, ':');
    let mut next = || number(parts.next()?, 2);
    seconds_of(year, month, day, [next()?, next()?, next()?])
}

/// The number of a month with exactly this name, 1 to 12.
pub(crate) fn month_of(name: &[u8]) -> Option<i64> {
    let mut names = MONTHS.iter();
    names
        .position(|month| month.as_bytes() == name)
        .map(|at| at as i64 + 1)
}

/// Seconds since 1970 of a date and a time in UTC; `None` if there is no such day or time.
pub fn seconds_of(year: i64, month: i64, day: i64, time: [i64; 3]) -> Option<i64> {
    if !(0..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let days = days(year, month, day);
    // A day that the month does not have comes out as another date.
    if civil(days)? != (year, month, day) {
        return None;
    }
    let [hours, minutes, seconds] = time;
    // 60 is a leap second, which Unix time does not have.
    let is_time =
        (0..=23).contains(&hours) && (0..=59).contains(&minutes) && (0..=60).contains(&seconds);
    is_time.then(|| days * DAY + hours * 3600 + minutes * 60 + seconds.min(59))
}

/// Year, month, day, and hours, minutes and seconds, for years 0 to 9999.
pub fn parts_of(seconds: i64) -> Option<(i64, i64, i64, [i64; 3])> {
    let (days, time) = (seconds.div_euclid(DAY), seconds.rem_euclid(DAY));
    let (year, month, day) = civil(days)?;
    Some((year, month, day, [time / 3600, time / 60 % 60, time % 60]))
}

/// Days since 1970 of a date; the year is taken to begin in March, so that the leap day is its last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let (era, year) = (year.div_euclid(400), year.rem_euclid(400));
    era * 146_097 + year * 365 + year / 4 - year / 100 + day_of_year - 719_468
}

/// Year, month and day, for years 0 to 9999.
fn civil(days: i64) -> Option<(i64, i64, i64)> {
    let days = days.checked_add(719_468)?;
    let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = era * 400 + year + i64::from(month <= 2);
    (0..=9999).contains(&year).then_some((year, month, day))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn dates_of_three_forms() {
        for (text, seconds) in [
            ("Thu, 01 Jan 1970 00:00:00 GMT", Some(0)),
            ("Wed, 31 Dec 1969 23:59:59 GMT", Some(-1)),
            ("Thu, 29 Feb 2024 12:00:00 GMT", Some(1_709_208_000)),
            ("Fri, 31 Dec 9999 23:59:59 GMT", Some(253_402_300_799)),
            ("Friday, 31-Dec-99 23:59:59 GMT", Some(946_684_799)),
            ("Tuesday, 01-Jan-19 00:00:00 GMT", Some(1_546_300_800)),
            ("Thu Jan  1 00:00:00 1970", Some(0)),
            ("Sat Dec 31 23:59:60 2016", Some(1_483_228_799)),
            ("Wed, 29 Feb 2023 12:00:00 GMT", None),
            ("Thu, 1 Jan 1970 00:00:00 GMT", None),
            ("Thu, 01 Jan 1970 00:00:00 +0000", None),
            ("Thu, 01 Jan 1970 24:00:00 GMT", None),
            ("Thu, 01 jan 1970 00:00:00 GMT", None),
            ("Thu, 01 Jan 1970 00:00:00 x GMT", None),
            ("Xxx, 01 Jan 1970 00:00:00 GMT", None),
            ("Xxxday, 01-Jan-70 00:00:00 GMT", None),
            ("Thu Jan 1 00:00:00 1970", None),
            ("Thu Jan €1 00:00:00 197", None),
            ("0", None),
            ("-1", None),
            ("", None),
        ] {
            assert_eq!(parse(text), seconds, "{text}");
        }
        assert_eq!(print(i64::MAX), None);
        assert_eq!(print(i64::MIN), None);
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_again(seconds in -62_167_219_200_i64..253_402_300_800) {
            prop_assert_eq!(parse(&print(seconds).unwrap()), Some(seconds));
        }

        #[test]
        fn any_text_is_read_or_not(text: String) {
            parse(&text);
        }
    }
}
