//! Timestamps of MessagePack (extension -1) as texts of RFC 3339, and back.

use toml::value::{Datetime, Offset};

const DAY: i64 = 86_400;
/// Seconds of the years 0 to 9999, which is what RFC 3339 can write.
const FIRST: i64 = -62_167_219_200;
const LAST: i64 = 253_402_300_799;

/// The text of an extension's bytes: 4, 8 or 12 of them. `None` if they are no timestamp, or one that RFC 3339 cannot write.
pub(super) fn to_text(bytes: &[u8]) -> Option<String> {
    let (seconds, nanos) = match bytes.len() {
        4 => (i64::from(u32::from_be_bytes(bytes.try_into().ok()?)), 0),
        8 => {
            let both = u64::from_be_bytes(bytes.try_into().ok()?);
            ((both & 0x3_ffff_ffff) as i64, (both >> 34) as u32)
        }
        12 => {
            let nanos = u32::from_be_bytes(bytes[..4].try_into().ok()?);
            (i64::from_be_bytes(bytes[4..].try_into().ok()?), nanos)
        }
        _ => return None,
    };
    if nanos > 999_999_999 || !(FIRST..=LAST).contains(&seconds) {
        return None;
    }
    let (year, month, day) = civil(seconds.div_euclid(DAY));
    let time = seconds.rem_euclid(DAY);
    let (hour, minute, second) = (time / 3600, time / 60 % 60, time % 60);
    let fraction = match nanos {
        0 => String::new(),
        nanos => format!(".{nanos:09}").trim_end_matches('0').to_owned(),
    };
    Some(format!(
        "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}Z"
    ))
}

/// The bytes of a text, in the shortest of the three forms. `None` if it is no date and time with an offset.
pub(super) fn to_bytes(text: &str) -> Option<Vec<u8>> {
    let parsed: Datetime = text.parse().ok()?;
    let (date, time, offset) = (parsed.date?, parsed.time?, parsed.offset?);
    let minutes = match offset {
        Offset::Z => 0,
        Offset::Custom { minutes } => i64::from(minutes),
    };
    let days = days(
        i64::from(date.year),
        i64::from(date.month),
        i64::from(date.day),
    );
    let second = i64::from(time.second.unwrap_or(0));
    let clock = i64::from(time.hour) * 3600 + i64::from(time.minute) * 60 + second;
    let seconds = days * DAY + clock - minutes * 60;
    let nanos = time.nanosecond.unwrap_or(0);
    Some(match (u64::try_from(seconds), nanos) {
        (Ok(seconds), 0) if seconds <= u64::from(u32::MAX) => {
            (seconds as u32).to_be_bytes().to_vec()
        }
        (Ok(seconds), nanos) if seconds < 1 << 34 => {
            (u64::from(nanos) << 34 | seconds).to_be_bytes().to_vec()
        }
        _ => {
            let mut bytes = nanos.to_be_bytes().to_vec();
            bytes.extend(seconds.to_be_bytes());
            bytes
        }
    })
}

/// Year, month and day of days since 1970. Years start in March here, so that the odd day of leap years is the last.
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

/// The way back.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let from_march = if month > 2 { month - 3 } else { month + 9 };
    let day_of_year = (153 * from_march + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}
