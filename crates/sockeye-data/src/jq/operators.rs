//! The operators of jq on values: `+`, `-`, `*`, `/`, `%` and the sign.

use std::ops::{Add, Div, Mul, Neg, Rem, Sub};
use std::sync::Arc;

use jaq_core::ValR;
use jaq_core::box_iter::BoxIter;

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

/// An object that others are put over, what is still to be put, and the name that it has in the object around it.
struct Merged {
    target: Object,
    rest: BoxIter<'static, (Text, Value)>,
    name: Text,
}

/// Put the members of `two` over those of `one`, objects within objects too; without recursion.
fn merge(one: Arc<Object>, two: Arc<Object>) -> Result<Object, Error> {
    let open = |one, two, name| Merged {
        target: Arc::unwrap_or_clone(one),
        rest: members(two),
        name,
    };
    let mut around: Vec<Merged> = Vec::new();
    let mut here = open(one, two, Text::new());
    loop {
        let Some((name, value)) = here.rest.next() else {
            let Some(mut outer) = around.pop() else {
                return Ok(here.target);
            };
            outer.target.insert(here.name, here.target.into());
            here = outer;
            continue;
        };
        match (here.target.get_mut(&name), value) {
            (Some(Value::Object(old)), Value::Object(new)) => {
                if around.len() > DEEPEST {
                    return fail("Object merge too deep");
                }
                let inner = open(std::mem::take(old), new, name);
                around.push(std::mem::replace(&mut here, inner));
            }
            (Some(old), new) => *old = new,
            (None, new) => {
                here.target.insert(name, new);
            }
        }
    }
}

/// A string as often as a number says: fractions are cut, nothing is left of less than zero.
fn repeat(text: &Text, times: &Number) -> ValR<Value> {
    let times = times.as_f64();
    if times.is_nan() || times < 0.0 {
        return Ok(Value::Null);
    }
    let length = text.len() as f64 * times;
    if length > MOST_BYTES as f64 {
        return fail("Repeat string result too long");
    }
    let times = times as usize;
    Ok(text.repeat(if text.is_empty() { 0 } else { times }).into())
}

impl Mul for Value {
    type Output = ValR<Self>;

    fn mul(self, other: Self) -> ValR<Self> {
        match (self, other) {
            (Self::Number(one), Self::Number(two)) => Ok(one.times(&two).into()),
            (Self::String(text), Self::Number(times))
            | (Self::Number(times), Self::String(text)) => repeat(&text, &times),
            (Self::Object(one), Self::Object(two)) => Ok(merge(one, two)?.into()),
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
