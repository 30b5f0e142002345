//! The inside of a type's element, both ways: what Python's `int`, `float`, `Decimal` and `b64decode` take, without underscores and
//! digits of other scripts.

use data_encoding::BASE64;

use crate::tagged::{Tags, wrap};
use crate::value::{Number, Value};

/// How many digits a whole number may have: as many as Python takes.
const DIGITS: usize = 4_300;

/// What an element's name says of its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Int,
    Double,
    Decimal,
    Boolean,
    String,
    Date,
    Base64,
    Nil,
}

impl Type {
    /// By the name of the element, its prefix taken off.
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "int" | "i1" | "i2" | "i4" | "i8" | "biginteger" => Self::Int,
            "double" | "float" => Self::Double,
            "bigdecimal" => Self::Decimal,
            "boolean" => Self::Boolean,
            "string" => Self::String,
            "dateTime.iso8601" => Self::Date,
            "base64" => Self::Base64,
            "nil" => Self::Nil,
            _ => return None,
        })
    }

    /// What the text of such an element says; else what it should be.
    pub(super) fn value(self, text: &str, tags: Tags) -> Result<Value, &'static str> {
        let trimmed = text.trim_matches(is_blank);
        match self {
            Self::Int => whole(trimmed)
                .map(Value::from)
                .ok_or("a whole number of at most 4,300 digits"),
            Self::Double => double(trimmed, tags).ok_or("a number"),
            Self::Decimal => decimal(trimmed, tags).ok_or("a decimal number"),
            Self::Boolean => match text {
                "0" => Ok(false.into()),
                "1" => Ok(true.into()),
                _ => Err("0 or 1"),
            },
            Self::String => Ok(text.into()),
            Self::Date if !is_date(trimmed) => Err("a date and a time as in 20261127T10:30:00"),
            Self::Date => Ok(match tags {
                Tags::Keep => wrap("!dateTime.iso8601", trimmed.into()),
                Tags::Drop => trimmed.into(),
            }),
            Self::Base64 => bytes(text).ok_or("base64"),
            Self::Nil if trimmed.is_empty() => Ok(Value::Null),
            Self::Nil => Err("empty"),
        }
    }
}

pub(super) fn is_blank(char: char) -> bool {
    matches!(char, ' ' | '\t' | '\n' | '\r')
}

/// A whole number of any size, in the form that JSON has.
pub(super) fn whole(text: &str) -> Option<Number> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let is_digits = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if !is_digits || digits.len() > DIGITS {
        return None;
    }
    let digits = digits.trim_start_matches('0');
    match digits {
        "" => Some(Number::Int(0)),
        _ => Number::from_json_text(&format!("{sign}{digits}")),
    }
}

/// A float: as it was written where JSON has it so, else as Python writes it.
fn double(text: &str, tags: Tags) -> Option<Value> {
    let float = float(text)?;
    if !float.is_finite() && !text.bytes().any(|byte| byte.is_ascii_digit()) {
        return Some(match tags {
            Tags::Keep => wrap("!double", repr(float).into()),
            Tags::Drop => float.into(),
        });
    }
    let has_point = text.contains(['.', 'e', 'E']);
    let written = has_point
        .then(|| Number::from_json_text(text))
        .flatten()
        .or_else(|| Number::from_json_text(&repr(float)));
    Some(written.unwrap_or(Number::Float(float)).into())
}

/// What Python's `float` takes, without underscores.
pub(super) fn float(text: &str) -> Option<f64> {
    text.parse().ok()
}

/// A decimal number with all its digits.
fn decimal(text: &str, tags: Tags) -> Option<Value> {
    let plain = plain(text)?;
    let number = Number::from_json_text(&plain)?;
    Some(match tags {
        Tags::Keep => wrap("!bigdecimal", plain.into()),
        Tags::Drop => number.into(),
    })
}

/// A decimal number in the form that JSON has: `+.5` is `0.5`, `1.` is `1`, `007` is `7`.
fn plain(text: &str) -> Option<String> {
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let (mantissa, exponent) = match rest.find(['e', 'E']) {
        Some(at) => rest.split_at(at),
        None => (rest, ""),
    };
    let (before, after) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if before.is_empty() && after.is_empty() {
        return None;
    }
    let before = match before.trim_start_matches('0') {
        // What is no digit is refused by whoever reads the whole.
        "" => "0",
        before => before,
    };
    let point = if after.is_empty() { "" } else { "." };
    Some(format!("{sign}{before}{point}{after}{exponent}"))
}

/// Whether this has the form of a date and a time: `YYYYMMDDTHH:MM:SS`, with hyphens and without colons too, and perhaps parts of
/// a second and a zone. Whether there is such a day nobody asks: `00000000T00:00:00` is what some send for "never".
pub(super) fn is_date(text: &str) -> bool {
    let mut rest = text;
    let digits = |rest: &mut &str, count: usize| {
        let is_there = rest.len() >= count && rest.bytes().take(count).all(|b| b.is_ascii_digit());
        if is_there {
            *rest = &rest[count..];
        }
        is_there
    };
    let skip = |rest: &mut &str, mark: char| match rest.strip_prefix(mark) {
        Some(after) => {
            *rest = after;
            true
        }
        None => false,
    };
    if !digits(&mut rest, 4) {
        return false;
    }
    let hyphens = skip(&mut rest, '-');
    if !digits(&mut rest, 2) || skip(&mut rest, '-') != hyphens || !digits(&mut rest, 2) {
        return false;
    }
    if !skip(&mut rest, 'T') || !digits(&mut rest, 2) {
        return false;
    }
    let colons = skip(&mut rest, ':');
    if !digits(&mut rest, 2) || skip(&mut rest, ':') != colons || !digits(&mut rest, 2) {
        return false;
    }
    rest.len() <= 40
        && rest
            .bytes()
            .all(|byte| byte.is_ascii_digit() || b".,:+-Z".contains(&byte))
}

/// base64, with line breaks wherever they are.
pub(super) fn bytes(text: &str) -> Option<Value> {
    let packed: Vec<u8> = text
        .bytes()
        .filter(|byte| !is_blank(char::from(*byte)))
        .collect();
    BASE64.decode(&packed).ok().map(Value::bytes)
}

/// A float as Python's `repr` writes it.
pub(super) fn repr(float: f64) -> String {
    if float.is_nan() {
        return "nan".to_owned();
    }
    if float.is_infinite() {
        return if float > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let text = format!("{float:e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..16).contains(&exponent) {
        let plain = format!("{float}");
        return if plain.contains('.') {
            plain
        } else {
            plain + ".0"
        };
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.abs())
}
