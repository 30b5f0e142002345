//! What x is: numbers, dates or categories; as numbers to draw by, and back as labels.

use std::collections::HashMap;

use sockeye::data::value::{Text, Value};

/// More categories are no chart that anybody can read.
const CATEGORIES: usize = 10_000;

const SECONDS: f64 = 86_400.0;

/// How values of x become places. The first value decides.
#[derive(Debug)]
pub(super) enum Scale {
    Numbers,
    /// Seconds since 1970.
    Dates,
    Categories(Vec<Text>, HashMap<Text, usize>),
}

impl Scale {
    /// The scale of a first value.
    pub(super) fn of(value: &Value) -> Self {
        match value {
            _ if number(value).is_some() => Self::Numbers,
            Value::String(text) if date(text).is_some() => Self::Dates,
            _ => Self::Categories(Vec::new(), HashMap::new()),
        }
    }

    /// The place of a value.
    pub(super) fn place(&mut self, value: &Value) -> Result<f64, String> {
        match self {
            Self::Numbers => finite(value),
            Self::Dates => value
                .as_str()
                .and_then(date)
                .ok_or_else(|| format!("{} is no date, and those before are", shown(value))),
            Self::Categories(names, places) => {
                let name = match value {
                    Value::String(text) => text.clone(),
                    value => shown(value).into(),
                };
                if let Some(place) = places.get(&name) {
                    return Ok(*place as f64);
                }
                if names.len() == CATEGORIES {
                    return Err(format!("there are more than {CATEGORIES} different texts"));
                }
                places.insert(name.clone(), names.len());
                names.push(name);
                Ok((names.len() - 1) as f64)
            }
        }
    }

    /// What stands at a place; `span` is from the first to the last.
    pub(super) fn label(&self, place: f64, span: f64) -> String {
        match self {
            Self::Numbers => label(place, span),
            Self::Dates => date_label(place, span),
            Self::Categories(names, _) => {
                let name = names.get(place.round().max(0.0) as usize);
                name.map(|name| super::table::shown(name))
                    .unwrap_or_default()
            }
        }
    }
}

/// A number, or a text that is one.
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => Some(number.as_f64()),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// A number that can be drawn.
pub(super) fn finite(value: &Value) -> Result<f64, String> {
    match number(value) {
        Some(number) if number.is_finite() => Ok(number),
        Some(_) => Err(format!("{} cannot be drawn", shown(value))),
        None => Err(format!("{} is no number", shown(value))),
    }
}

fn shown(value: &Value) -> String {
    let text = sockeye::data::json::to_string(value);
    match text.chars().count() {
        0..=40 => text,
        _ => text.chars().take(40).chain(['…']).collect(),
    }
}

/// A number with as many digits as tell places of this span apart.
pub(super) fn label(number: f64, span: f64) -> String {
    let size = number.abs().max(span.abs());
    if size >= 1e15 || (size > 0.0 && size < 1e-4) {
        return format!("{number:.2e}");
    }
    let digits = match span.abs() {
        0.0 => 2,
        span => (2.0 - span.log10()).ceil().clamp(0.0, 6.0) as usize,
    };
    let text = format!("{number:.digits$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

/// Seconds since 1970 of `2026-01-31`, `2026-01-31T12:00:00.5Z`, `2026-01-31 12:00+01:00`. A time without a zone is UTC.
fn date(text: &str) -> Option<f64> {
    let text = text.trim();
    let (day, time) = match text.get(10..11) {
        None => (text, ""),
        Some("T" | "t" | " ") => (text.get(..10)?, text.get(11..)?),
        Some(_) => return None,
    };
    let mut parts = day.split('-');
    let year: i64 = parts.next().filter(|year| year.len() == 4)?.parse().ok()?;
    let month: i64 = parts.next().filter(|part| part.len() == 2)?.parse().ok()?;
    let day: i64 = parts.next().unwrap_or("01").parse().ok()?;
    let fits = (1..=12).contains(&month) && (1..=31).contains(&day) && parts.next().is_none();
    let seconds = if time.is_empty() {
        0.0
    } else {
        time_of_day(time)?
    };
    fits.then(|| days(year, month, day) as f64 * SECONDS + seconds)
}

fn time_of_day(time: &str) -> Option<f64> {
    let zone = time.find(['Z', 'z', '+', '-']).unwrap_or(time.len());
    let (clock, zone) = time.split_at(zone);
    let mut parts = clock.split(':');
    let hour: f64 = parts.next()?.parse().ok()?;
    let minute: f64 = parts.next()?.parse().ok()?;
    let second: f64 = parts
        .next()
        .map_or(Some(0.0), |second| second.parse().ok())?;
    let offset = match zone.as_bytes() {
        [] | [b'Z' | b'z'] => 0.0,
        [sign, ..] => {
            let digits: String = zone[1..].chars().filter(|c| *c != ':').collect();
            let hours: f64 = digits.get(..2)?.parse().ok()?;
            let minutes: f64 = digits
                .get(2..)
                .filter(|m| !m.is_empty())
                .map_or(Some(0.0), |m| m.parse().ok())?;
            let seconds = hours * 3600.0 + minutes * 60.0;
            if *sign == b'-' { -seconds } else { seconds }
        }
    };
    let fits = hour < 25.0 && minute < 60.0 && second < 61.0 && parts.next().is_none();
    fits.then_some(hour * 3600.0 + minute * 60.0 + second - offset)
}

/// Days from 1970 to a day of the Gregorian calendar, which began in March in this count.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

fn date_label(seconds: f64, span: f64) -> String {
    let day = (seconds / SECONDS).floor();
    let second = (seconds - day * SECONDS) as i64;
    let shifted = day as i64 + 719_468;
    let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    match span {
        span if span >= 4.0 * SECONDS => format!("{year:04}-{month:02}-{day:02}"),
        span if span >= 1800.0 => format!("{month:02}-{day:02} {hour:02}:{minute:02}"),
        _ => format!("{hour:02}:{minute:02}:{second:02}"),
    }
}

#[cfg(test)]
mod tests {
    use super::{Scale, date, date_label, label};
    use sockeye::data::value::Value;

    #[test]
    fn dates_go_both_ways() {
        for (text, seconds) in [
            ("1970-01-01", 0.0),
            ("2000-03-01", 951_868_800.0),
            ("2026-11-26T23:48:11Z", 1_795_736_891.0),
            ("1969-12-31 23:00", -3600.0),
            ("1970-01-01T01:00:00+01:00", 0.0),
        ] {
            assert_eq!(date(text), Some(seconds), "{text}");
            let shown = date_label(seconds, 1e9);
            let day = if text.contains('+') {
                "1970-01-01"
            } else {
                &text[..10]
            };
            assert_eq!(shown, day);
        }
        for text in [
            "",
            "x",
            "2026-13-01",
            "2026-01-01x",
            "20260101",
            "2026-01-01T25",
        ] {
            assert_eq!(date(text), None, "{text}");
        }
    }

    #[test]
    fn the_first_value_decides_and_others_must_fit() {
        let mut scale = Scale::of(&Value::from("7"));
        assert_eq!(scale.place(&Value::from("8")), Ok(8.0));
        assert_eq!(
            scale.place(&Value::from("x")).unwrap_err(),
            "\"x\" is no number"
        );
        assert_eq!(
            scale.place(&Value::from(f64::INFINITY)).unwrap_err(),
            "1.7976931348623157e+308 cannot be drawn"
        );
        let mut scale = Scale::of(&Value::from("a"));
        assert_eq!(scale.place(&Value::from("b")), Ok(0.0));
        assert_eq!(scale.place(&Value::from("c")), Ok(1.0));
        assert_eq!(scale.label(1.0, 1.0), "c");
    }

    #[test]
    fn labels_have_the_digits_that_matter() {
        assert_eq!(label(0.125, 0.5), "0.125");
        assert_eq!(label(1234.5678, 1000.0), "1235");
        assert_eq!(label(2.0, 10.0), "2");
        assert_eq!(label(3e20, 1e20), "3.00e20");
    }
}
