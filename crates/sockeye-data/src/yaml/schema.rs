//! The core schema of YAML 1.2 (10.3): what a plain scalar is.

use std::sync::Arc;

use num_bigint::BigInt;

use crate::value::{Number, Value};

/// How many digits a number in base 8 or 16 may have; with more it stays text.
const DIGITS: usize = 4096;

/// The value of a plain scalar.
pub(super) fn resolve(text: &str) -> Value {
    match text.as_bytes().first() {
        None => Value::Null,
        Some(b'~' | b'n' | b'N') if is_null(text) => Value::Null,
        Some(b't' | b'T' | b'f' | b'F') => {
            bool(text).map_or_else(|| Value::from(text), Value::Bool)
        }
        Some(b'0'..=b'9' | b'+' | b'-' | b'.') => {
            number(text).map_or_else(|| Value::from(text), Value::Number)
        }
        Some(_) => Value::from(text),
    }
}

pub(super) fn is_null(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

pub(super) fn bool(text: &str) -> Option<bool> {
    match text {
        "true" | "True" | "TRUE" => Some(true),
        "false" | "False" | "FALSE" => Some(false),
        _ => None,
    }
}

/// The number, with its text as it is or as JSON writes the same: `+1` is `1`, `.5` is `0.5`, `0o17` is `15`.
pub(super) fn number(text: &str) -> Option<Number> {
    if let Some(number) = Number::from_json_text(text) {
        return Some(number);
    }
    if let Some(digits) = text.strip_prefix("0x") {
        return based(digits, 16);
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return based(digits, 8);
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let is_negative = text.starts_with('-');
    match unsigned {
        ".inf" | ".Inf" | ".INF" if is_negative => Some(Number::Float(f64::NEG_INFINITY)),
        ".inf" | ".Inf" | ".INF" => Some(Number::Float(f64::INFINITY)),
        ".nan" | ".NaN" | ".NAN" if unsigned == text => Some(Number::Float(f64::NAN)),
        _ => decimal(unsigned, is_negative),
    }
}

fn based(digits: &str, radix: u32) -> Option<Number> {
    if digits.is_empty() || digits.len() > DIGITS || !digits.chars().all(|c| c.is_digit(radix)) {
        return None;
    }
    if let Ok(int) = i64::from_str_radix(digits, radix) {
        return Some(Number::Int(int));
    }
    let big = BigInt::parse_bytes(digits.as_bytes(), radix)?;
    Some(Number::Big(Arc::new(big)))
}

/// Digits as JSON wants them.
fn decimal(unsigned: &str, is_negative: bool) -> Option<Number> {
    let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
        Some(at) => unsigned.split_at(at),
        None => (unsigned, ""),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    if whole.is_empty() && fraction.is_none_or(str::is_empty) {
        return None;
    }
    let whole = match whole.trim_start_matches('0') {
        "" => "0",
        digits => digits,
    };
    let sign = if is_negative { "-" } else { "" };
    let fraction = match fraction {
        None => String::new(),
        Some("") => ".0".to_owned(),
        Some(digits) => format!(".{digits}"),
    };
    Number::from_json_text(&format!("{sign}{whole}{fraction}{exponent}"))
}

/// Whether the text of a number is one of an integer.
pub(super) fn is_integer(text: &str) -> bool {
    text.starts_with("0x") || !text.contains(['.', 'e', 'E'])
}
