//! What CBOR and MessagePack have in common: bytes piece by piece, where no promised length is believed, a stack of lists and maps
//! in place of recursion, and the way back through a value.

mod source;
mod stack;
mod walk;

pub(crate) use source::Source;
pub(crate) use stack::{Fault, Stack};
pub(crate) use walk::{Visit, Walk, push_name};

use std::sync::Arc;

use num_bigint::BigInt;

use crate::value::Number;

/// How many bytes a whole number may have. One of a megabyte would take minutes to be written in decimal.
pub(crate) const BIG: usize = 4096;
/// How many decimal digits fit into [`BIG`] bytes.
pub(crate) const BIG_DIGITS: usize = 9_800;

/// A whole number, the small ones as such.
pub(crate) fn whole(big: BigInt) -> Number {
    match i64::try_from(&big) {
        Ok(int) => Number::Int(int),
        Err(_) => Number::Big(Arc::new(big)),
    }
}

/// A number as binary formats see it.
pub(crate) enum Kind {
    Int(i64),
    Big(Arc<BigInt>),
    Float(f64),
    /// Digits that no 64-bit float keeps: whether it is negative, the digits and the power of ten.
    Decimal(bool, String, i64),
    /// A whole number of more than [`BIG_DIGITS`] digits, or an exponent beyond 64 bits.
    Huge,
}

/// Sort a number.
pub(crate) fn kind(number: &Number) -> Kind {
    let text = match number {
        Number::Int(int) => return Kind::Int(*int),
        Number::Float(float) => return Kind::Float(*float),
        Number::Big(big) if big.bits() > 8 * BIG as u64 => return Kind::Huge,
        Number::Big(big) => match i64::try_from(&**big) {
            Ok(int) => return Kind::Int(int),
            Err(_) => return Kind::Big(Arc::clone(big)),
        },
        Number::Text(text) => text.as_str(),
    };
    if is_whole(number) {
        if text == "-0" {
            return Kind::Float(-0.0);
        }
        if text.len() > BIG_DIGITS {
            return Kind::Huge;
        }
        return match text.parse::<BigInt>().map(whole) {
            Ok(Number::Int(int)) => Kind::Int(int),
            Ok(Number::Big(big)) => Kind::Big(big),
            _ => Kind::Huge,
        };
    }
    let float: f64 = text.parse().unwrap_or(f64::NAN);
    let Some(exact) = decimal(text) else {
        return Kind::Huge;
    };
    if float.is_finite() && decimal(&format!("{float:e}")).as_ref() == Some(&exact) {
        return Kind::Float(float);
    }
    match exact {
        (_, digits, _) if digits.len() > BIG_DIGITS => Kind::Huge,
        (is_negative, digits, exponent) => Kind::Decimal(is_negative, digits, exponent),
    }
}

/// Whether a number is written without a fraction and without an exponent.
pub(crate) fn is_whole(number: &Number) -> bool {
    match number {
        Number::Int(_) | Number::Big(_) => true,
        Number::Float(_) => false,
        Number::Text(text) => text.bytes().all(|b| b.is_ascii_digit() || b == b'-'),
    }
}

/// Sign, digits without zeros around them, and the power of ten of the last one. `None` where the power has more than 64 bits.
fn decimal(text: &str) -> Option<(bool, String, i64)> {
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(at) => (&text[..at], text[at + 1..].parse::<i64>().ok()?),
        None => (text, 0),
    };
    let is_negative = mantissa.starts_with('-');
    let mantissa = mantissa.strip_prefix('-').unwrap_or(mantissa);
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let exponent = exponent.checked_sub(i64::try_from(fraction.len()).ok()?)?;
    let kept = digits.trim_end_matches('0');
    let dropped = i64::try_from(digits.len() - kept.len()).ok()?;
    let kept = kept.trim_start_matches('0');
    match kept.is_empty() {
        true => Some((is_negative, String::new(), 0)),
        false => Some((is_negative, kept.to_owned(), exponent.checked_add(dropped)?)),
    }
}
