//! The operators of jq on values: `+`, `-`, `*`, `/`, `%` and the sign.

use std::ops::{Add, Div, Mul, Neg, Rem, Sub};
use std::sync::Arc;

use jaq_core::ValR;

use super::values::{DEEPEST, Error, both, cannot, fail, members};
use crate::value::{Number, Object, Text, Value};

/// A string is repeated to at most as many bytes.
const MOST_BYTES: usize = 1 << 30;

impl Add for Value {
    type Output = ValR<Self>;

    fn add(self, other: Self) -> ValR<Self> {
        Ok(match (self, other) {
            (Self::Number(one), Self::Number(two)) => one.plus(&two).into(),
            (Self::Null, value) | (value, Self::Null) => value,
            (Self::String(mut one), Self::String(two)) => {
                one.push_str(&two);
                one.into()
            }
            (Self::Bytes(mut one), Self::Bytes(two)) => {
                Arc::make_mut(&mut one).extend_from_slice(&two);
                Self::Bytes(one)
            }
            (Self::Array(one), Self::Array(two)) if one.is_empty() => Self::Array(two),
            (Self::Array(mut one), Self::Array(two)) => {
                match Arc::try_unwrap(two) {
                    Ok(two) => Arc::make_mut(&mut one).extend(two),
                    Err(two) => Arc::make_mut(&mut one).extend(two.iter().cloned()),
                }
                Self::Array(one)
            }
            (Self::Object(mut one), Self::Object(two)) => {
                let target = Arc::make_mut(&mut one);
                members(two).for_each(|(name, value)| {
                    target.insert(name, value);
                });
                Self::Object(one)
            }
            (one, two) => return both(&one, &two, "cannot be added"),
        })
    }
}

impl Sub for Value {
    type Output = ValR<Self>;

    fn sub(self, other: Self) -> ValR<Self> {
        match (self, other) {
            (Self::Number(one), Self::Number(two)) => Ok(one.minus(&two).into()),
            (Self::Array(mut one), Self::Array(two)) => {
                let mut sorted: Vec<&Self> = two.iter().collect();
                sorted.sort_unstable();
                Arc::make_mut(&mut one).retain(|item| sorted.binary_search(&item).is_err());
                Ok(Self::Array(one))
            }
            (one, two) => both(&one, &two, "cannot be subtracted"),
        }
    }
}

/// Put the members of `two` over those of `one`, objects within objects too.
fn merge(one: &mut Arc<Object>, two: Arc<Object>, depth: u32) -> Result<(), Error> {
    if depth > DEEPEST {
        return fail("Object multiplication too deep");
    }
    let target = Arc::make_mut(one);
    for (name, value) in members(two) {
        match (target.get_mut(&name), value) {
            (Some(Value::Object(old)), Value::Object(new)) => merge(old, new, depth + 1)?,
            (Some(old), new) => *old = new,
            (None, new) => {
                target.insert(name, new);
            }
        }
    }
    Ok(())
}

/// A string as often as a number says: fractions round up, nothing is left of less than zero.
fn repeat(text: &Text, times: &Number) -> ValR<Value> {
    let times = times.as_f64();
    if times.is_nan() || times < 0.0 {
        return Ok(Value::Null);
    }
    let length = text.len() as f64 * times;
    if length > MOST_BYTES as f64 {
        return fail("Repeat string result too long");
    }
    let times = if times < 1.0 && times > 0.0 {
        1
    } else {
        times as usize
    };
    Ok(text.repeat(if text.is_empty() { 0 } else { times }).into())
}

impl Mul for Value {
    type Output = ValR<Self>;

    fn mul(self, other: Self) -> ValR<Self> {
        match (self, other) {
            (Self::Number(one), Self::Number(two)) => Ok(one.times(&two).into()),
            (Self::String(text), Self::Number(times))
            | (Self::Number(times), Self::String(text)) => repeat(&text, &times),
            (Self::Object(mut one), Self::Object(two)) => {
                merge(&mut one, two, 0)?;
                Ok(Self::Object(one))
            }
            (one, two) => both(&one, &two, "cannot be multiplied"),
        }
    }
}

impl Div for Value {
    type Output = ValR<Self>;

    fn div(self, other: Self) -> ValR<Self> {
        match (&self, &other) {
            (Self::Number(one), Self::Number(two)) => match one.over(two) {
                Some(quotient) => Ok(quotient.into()),
                None => both(
                    &self,
                    &other,
                    "cannot be divided because the divisor is zero",
                ),
            },
            (Self::String(one), Self::String(two)) => Ok(split(one, two)),
            _ => both(&self, &other, "cannot be divided"),
        }
    }
}

/// The parts of a text between separators; all its characters where the separator is empty.
fn split(text: &str, separator: &str) -> Value {
    match (text, separator) {
        ("", _) => Value::array(Vec::new()),
        (text, "") => {
            let mut buffer = [0; 4];
            let each = text
                .chars()
                .map(|c| Value::from(&*c.encode_utf8(&mut buffer)));
            each.collect()
        }
        _ => text.split(separator).map(Value::from).collect(),
    }
}

impl Rem for Value {
    type Output = ValR<Self>;

    fn rem(self, other: Self) -> ValR<Self> {
        match (&self, &other) {
            (Self::Number(one), Self::Number(two)) => match one.modulo(two) {
                Some(rest) => Ok(rest.into()),
                None => {
                    let why = "cannot be divided (remainder) because the divisor is zero";
                    both(&self, &other, why)
                }
            },
            _ => both(&self, &other, "cannot be divided (remainder)"),
        }
    }
}

impl Neg for Value {
    type Output = ValR<Self>;

    fn neg(self) -> ValR<Self> {
        match self {
            Self::Number(number) => Ok(number.negated().into()),
            value => cannot(&value, "cannot be negated"),
        }
    }
}
