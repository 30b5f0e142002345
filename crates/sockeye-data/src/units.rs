//! Durations and sizes as people write them: `250ms`, `1.5h`, `64KiB`.
//!
//! One number, whole or with a decimal point, and one unit. Nothing is rounded: what cannot be held exactly is
//! refused. Printing takes the largest unit that leaves a whole number, so that what is printed parses to the same.

use std::fmt;
use std::time::Duration;

/// Units of time in nanoseconds, smallest first; printing uses the first name of each.
const TIME: &[(&str, u128)] = &[
    ("ns", 1),
    ("us", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
    ("d", 86_400_000_000_000),
];

/// Units of size in bytes that are printed, smallest first.
const BINARY: &[(&str, u128)] = &[
    ("B", 1),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("PiB", 1 << 50),
    ("EiB", 1 << 60),
];

const A_DURATION: &str = "a duration is a number with ns, us, ms, s, m, h or d, as in 250ms";
const A_SIZE: &str = "a size is a number with nothing, B, KiB, MiB, GiB (steps of 1024) or kB, MB, GB (steps of 1000), \
                      as in 64KiB";

/// Reads a duration: a number and one of `ns`, `us` (or `µs`), `ms`, `s`, `m` (minutes), `h`, `d` (24 hours).
///
/// The unit is never left out, and its case matters.
///
/// # Errors
///
/// Text of another form, a fraction below a nanosecond, more than a [`Duration`] holds.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use sockeye_data::units::parse_duration;
///
/// assert_eq!(parse_duration("250ms").unwrap(), Duration::from_millis(250));
/// assert_eq!(parse_duration("1.5h").unwrap(), Duration::from_secs(5400));
/// let error = parse_duration("30").unwrap_err();
/// assert_eq!(error.to_string(), "`30` is not a duration: it has no unit");
/// assert_eq!(error.expected(), "a duration is a number with ns, us, ms, s, m, h or d, as in 250ms");
/// ```
pub fn parse_duration(text: &str) -> Result<Duration, UnitError> {
    let fail = |reason: &str| UnitError::new(text, "duration", reason, A_DURATION);
    let (number, unit) = cut(text).map_err(fail)?;
    if unit.is_empty() {
        return Err(fail("it has no unit"));
    }
    let unit = if unit == "µs" || unit == "μs" {
        "us"
    } else {
        unit
    };
    let step = TIME.iter().find(|(name, _)| *name == unit);
    let Some((_, step)) = step else {
        return Err(fail(&format!("`{}` is not a unit of time", shown(unit))));
    };
    let nanos = multiply(number, *step).map_err(|inexact| {
        fail(if inexact {
            "it is finer than a nanosecond"
        } else {
            "it is too long"
        })
    })?;
    let seconds = u64::try_from(nanos / 1_000_000_000).map_err(|_| fail("it is too long"))?;
    // The remainder of a division by 10^9 is below 2^32.
    Ok(Duration::new(seconds, (nanos % 1_000_000_000) as u32))
}

/// Writes a duration so that [`parse_duration`] reads the same again: `250ms`, `90s`, `1d`.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use sockeye_data::units::print_duration;
///
/// assert_eq!(print_duration(Duration::from_secs(90)), "90s");
/// assert_eq!(print_duration(Duration::from_micros(1_500)), "1500us");
/// assert_eq!(print_duration(Duration::ZERO), "0s");
/// ```
pub fn print_duration(duration: Duration) -> String {
    if duration.is_zero() {
        return "0s".to_owned();
    }
    print(duration.as_nanos(), TIME)
}

/// Reads a size in bytes: a number and a unit, or a plain number of bytes.
///
/// `KiB`, `MiB`, `GiB`, `TiB`, `PiB`, `EiB` go in steps of 1024, `kB`, `MB`, `GB`, `TB`, `PB`, `EB` in steps of 1000.
/// A letter alone (`64K`, `1M`) goes in steps of 1024, as in GNU programs. The case of the letters does not matter; all
/// are bytes, there is no unit of bits.
///
/// # Errors
///
/// Text of another form, a fraction of a byte, more than 2^64 − 1 bytes.
///
/// # Examples
///
/// ```
/// use sockeye_data::units::parse_size;
///
/// assert_eq!(parse_size("64KiB").unwrap(), 65_536);
/// assert_eq!(parse_size("1M").unwrap(), 1_048_576);
/// assert_eq!(parse_size("1MB").unwrap(), 1_000_000);
/// assert_eq!(parse_size("512").unwrap(), 512);
/// assert!(parse_size("0.3B").is_err());
/// ```
pub fn parse_size(text: &str) -> Result<u64, UnitError> {
    let fail = |reason: &str| UnitError::new(text, "size", reason, A_SIZE);
    let (number, unit) = cut(text).map_err(fail)?;
    let step =
        size_step(unit).ok_or_else(|| fail(&format!("`{}` is not a unit of size", shown(unit))))?;
    let bytes = multiply(number, step).map_err(|inexact| {
        fail(if inexact {
            "it is finer than a byte"
        } else {
            "it is too large"
        })
    })?;
    u64::try_from(bytes).map_err(|_| fail("it is too large"))
}

/// Writes a size so that [`parse_size`] reads the same again, in steps of 1024: `64KiB`, `1000B`.
///
/// # Examples
///
/// ```
/// use sockeye_data::units::print_size;
///
/// assert_eq!(print_size(1 << 20), "1MiB");
/// assert_eq!(print_size(1_500), "1500B");
/// ```
pub fn print_size(bytes: u64) -> String {
    if bytes == 0 {
        return "0B".to_owned();
    }
    print(u128::from(bytes), BINARY)
}

fn size_step(unit: &str) -> Option<u128> {
    let unit = unit.to_ascii_lowercase();
    let Some(letter) = unit.chars().next().filter(|letter| *letter != 'b') else {
        return (unit.is_empty() || unit == "b").then_some(1);
    };
    let power = "kmgtpe".find(letter)? as u32 + 1;
    // The prefix is one ASCII letter, so byte 1 is a boundary.
    match &unit[1..] {
        "" | "ib" => Some(1 << (10 * power)),
        "b" => Some(1000u128.pow(power)),
        _ => None,
    }
}

/// The number and the unit behind it. More than 40 digits are refused: nothing that long fits.
fn cut(text: &str) -> Result<((&str, &str), &str), &'static str> {
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    if text.is_empty() {
        return Err("it is empty");
    }
    if number.is_empty() {
        return Err(if unit.starts_with('-') {
            "it is negative"
        } else {
            "it does not start with a number"
        });
    }
    let (whole, fraction) = match number.split_once('.') {
        None => (number, ""),
        Some((whole, fraction))
            if !whole.is_empty() && !fraction.is_empty() && !fraction.contains('.') =>
        {
            (whole, fraction)
        }
        Some(_) => return Err("its number needs digits on both sides of one decimal point"),
    };
    if number.len() > 40 {
        return Err("its number is too long");
    }
    Ok(((whole, fraction.trim_end_matches('0')), unit))
}

/// Number times step, exactly; an error says whether it is a fraction (`true`) or too much (`false`).
fn multiply((whole, fraction): (&str, &str), step: u128) -> Result<u128, bool> {
    let whole: u128 = whole.parse().map_err(|_| false)?;
    let mut total = whole.checked_mul(step).ok_or(false)?;
    if !fraction.is_empty() {
        let scale = 10u128.checked_pow(fraction.len() as u32).ok_or(true)?;
        let digits: u128 = fraction.parse().map_err(|_| true)?;
        // The fraction is below the scale, so a product that overflows has far too many digits to be exact.
        let product = digits.checked_mul(step).ok_or(true)?;
        if product % scale != 0 {
            return Err(true);
        }
        total = total.checked_add(product / scale).ok_or(false)?;
    }
    Ok(total)
}

fn print(value: u128, units: &[(&str, u128)]) -> String {
    let fits = units
        .iter()
        .rev()
        .find(|(_, step)| value.is_multiple_of(*step));
    // The smallest unit is 1 and divides everything.
    let (name, step) = fits.copied().unwrap_or(units[0]);
    format!("{}{name}", value / step)
}

/// What the reader gets to see of a text: no control characters, not much of it.
fn shown(text: &str) -> String {
    let mut short: String = text.chars().take(40).flat_map(char::escape_debug).collect();
    if text.chars().nth(40).is_some() {
        short.push('…');
    }
    short
}

/// A text that is not a duration or a size, why, and what was expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitError {
    text: String,
    what: &'static str,
    reason: String,
    expected: &'static str,
}

impl UnitError {
    fn new(text: &str, what: &'static str, reason: &str, expected: &'static str) -> Self {
        Self {
            text: shown(text),
            what,
            reason: reason.to_owned(),
            expected,
        }
    }

    /// Why it was refused, as a clause: `it has no unit`.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// What would have been right, with an example.
    pub fn expected(&self) -> &'static str {
        self.expected
    }
}

impl fmt::Display for UnitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not a {}: {}", self.text, self.what, self.reason)
    }
}

impl std::error::Error for UnitError {}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations_are_exact() {
        for (text, nanos) in [
            ("0s", 0),
            ("1ns", 1),
            ("0.5us", 500),
            ("7µs", 7_000),
            ("0.000000001s", 1),
            ("1.50m", 90_000_000_000),
            ("2d", 172_800_000_000_000),
        ] {
            assert_eq!(parse_duration(text).unwrap().as_nanos(), nanos, "{text}");
        }
    }

    #[test]
    fn wrong_durations_say_why() {
        for (text, reason) in [
            ("", "it is empty"),
            ("30", "it has no unit"),
            ("s", "it does not start with a number"),
            ("-1s", "it is negative"),
            (
                "1.s",
                "its number needs digits on both sides of one decimal point",
            ),
            (
                "1.2.3s",
                "its number needs digits on both sides of one decimal point",
            ),
            ("5 s", "` s` is not a unit of time"),
            ("5S", "`S` is not a unit of time"),
            ("1m30s", "`m30s` is not a unit of time"),
            ("0.1ns", "it is finer than a nanosecond"),
            ("18446744073709551616s", "it is too long"),
            ("999999999999999999999999999999999999999d", "it is too long"),
        ] {
            assert_eq!(parse_duration(text).unwrap_err().reason(), reason, "{text}");
        }
    }

    #[test]
    fn sizes_follow_the_three_spellings() {
        for (text, bytes) in [
            ("0", 0),
            ("7B", 7),
            ("64k", 65_536),
            ("64kB", 64_000),
            ("64kib", 65_536),
            ("1.5M", 1_572_864),
            ("2GB", 2_000_000_000),
            ("16383PiB", 16_383 << 50),
            ("18446744073709551615", u64::MAX),
        ] {
            assert_eq!(parse_size(text).unwrap(), bytes, "{text}");
        }
    }

    #[test]
    fn wrong_sizes_say_why() {
        for (text, reason) in [
            ("", "it is empty"),
            ("x", "it does not start with a number"),
            ("1x", "`x` is not a unit of size"),
            ("1bb", "`bb` is not a unit of size"),
            ("1é", "`é` is not a unit of size"),
            ("0.3B", "it is finer than a byte"),
            ("16EiB", "it is too large"),
        ] {
            assert_eq!(parse_size(text).unwrap_err().reason(), reason, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_parses_to_the_same(seconds: u64, nanos in 0u32..1_000_000_000, bytes: u64) {
            let duration = Duration::new(seconds, nanos);
            prop_assert_eq!(parse_duration(&print_duration(duration)).unwrap(), duration);
            prop_assert_eq!(parse_size(&print_size(bytes)).unwrap(), bytes);
        }

        #[test]
        fn any_text_is_read_or_refused(text in "\\PC*|[0-9.]{0,60}[a-zµ]{0,3}") {
            let _ = parse_duration(&text);
            let _ = parse_size(&text);
        }
    }
}
