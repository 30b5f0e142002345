//! Numbers that keep what was written: `1.10` stays `1.10`, and 40 digits stay 40 digits. What is computed with them is in
//! `arithmetic`.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use num_bigint::BigInt;

use super::Text;

/// A number.
///
/// ```
/// use sockeye_data::value::Number;
///
/// let number = Number::from_json_text("12345678901234567890123").unwrap();
/// assert_eq!(number.to_string(), "12345678901234567890123");
/// assert_eq!(Number::from_json_text("1.10").unwrap().to_string(), "1.10");
/// assert_eq!(Number::from_json_text("01"), None);
/// ```
#[derive(Clone, Debug)]
pub enum Number {
    /// A whole number within 64 bits.
    Int(i64),
    /// What was computed, or came in binary.
    Float(f64),
    /// A larger whole number that was computed, or came in binary.
    Big(Arc<BigInt>),
    /// The text of a number as JSON writes it, where it is no [`Int`](Self::Int): it has a fraction, an exponent, too many digits,
    /// or it is `-0`.
    Text(Text),
}

impl Number {
    /// A number as JSON writes it (RFC 8259, section 6). `None` if it is none.
    pub fn from_json_text(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let digits = |from: usize| {
            from + bytes[from..]
                .iter()
                .take_while(|b| b.is_ascii_digit())
                .count()
        };
        let start = usize::from(bytes.first() == Some(&b'-'));
        let whole = digits(start);
        if whole == start || (whole - start > 1 && bytes[start] == b'0') {
            return None;
        }
        let mut end = whole;
        if bytes.get(end) == Some(&b'.') {
            let fraction = digits(end + 1);
            if fraction == end + 1 {
                return None;
            }
            end = fraction;
        }
        if matches!(bytes.get(end), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
            let exponent = digits((end + 1 + sign).min(bytes.len()));
            if exponent == end + 1 + sign {
                return None;
            }
            end = exponent;
        }
        if end != bytes.len() {
            return None;
        }
        if whole == end
            && text != "-0"
            && let Ok(int) = text.parse()
        {
            return Some(Self::Int(int));
        }
        Some(Self::Text(text.into()))
    }

    /// The whole number within 64 bits that it is.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Int(int) => Some(*int),
            _ => {
                let float = self.as_f64();
                // 2^63 is the first float beyond.
                (float.fract() == 0.0
                    && float.abs() < 9_223_372_036_854_775_808.0
                    && !self.is_big())
                .then_some(float as i64)
            }
        }
    }

    /// Whether it is a whole number of more digits than a float keeps.
    fn is_big(&self) -> bool {
        match self {
            Self::Big(_) => true,
            Self::Text(text) => {
                text.bytes().all(|b| b.is_ascii_digit() || b == b'-') && text.len() > 15
            }
            _ => false,
        }
    }

    /// The nearest 64-bit float.
    pub fn as_f64(&self) -> f64 {
        match self {
            Self::Int(int) => *int as f64,
            Self::Float(float) => *float,
            Self::Big(big) => big.to_string().parse().unwrap_or(f64::NAN),
            Self::Text(text) => text.parse().unwrap_or(f64::NAN),
        }
    }
}

impl PartialEq for Number {
    /// By value: `1.0` and `1` are the same number; what is no number equals nothing.
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Int(one), Self::Int(two)) => one == two,
            (Self::Text(one), Self::Text(two)) if one == two => true,
            _ => !self.is_nan() && self.total_cmp(other) == Ordering::Equal,
        }
    }
}

impl fmt::Display for Number {
    /// As JSON has it: what was written stays; a computed float has as many digits as tell it from its neighbours, in the notation
    /// of jq; what JSON cannot say is `null`, or the largest float in place of an infinity.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(int) => write!(f, "{int}"),
            Self::Float(float) => write_float(*float, f),
            Self::Big(big) => write!(f, "{big}"),
            Self::Text(text) => f.write_str(text),
        }
    }
}

/// In the notation of jq: plain up to fifteen zeros behind the digits and three before them, `1.5e+300` beyond.
fn write_float(float: f64, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if float.is_nan() {
        return f.write_str("null");
    }
    let float = float.clamp(f64::MIN, f64::MAX);
    if float.fract() == 0.0 && float.abs() < 1e15 {
        return match float == 0.0 && float.is_sign_negative() {
            true => f.write_str("-0"),
            false => write!(f, "{}", float as i64),
        };
    }
    let text = format!("{float:e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, mantissa) = match mantissa.strip_prefix('-') {
        Some(mantissa) => ("-", mantissa),
        None => ("", mantissa),
    };
    let digits = mantissa.replace('.', "");
    // Where the point stands, counted from the start of the digits.
    let point = exponent.parse::<i32>().unwrap_or(0) + 1;
    let count = digits.len() as i32;
    f.write_str(sign)?;
    if point <= -4 || point > count + 15 {
        let exponent = point - 1;
        let sign = if exponent < 0 { '-' } else { '+' };
        return write!(f, "{mantissa}e{sign}{:02}", exponent.abs());
    }
    if point <= 0 {
        return write!(f, "0.{}{digits}", "0".repeat(-point as usize));
    }
    if point >= count {
        return write!(f, "{digits}{}", "0".repeat((point - count) as usize));
    }
    let (whole, fraction) = digits.split_at(point as usize);
    write!(f, "{whole}.{fraction}")
}
