//! What is computed with numbers: whole ones exactly, however many digits they need; all others as 64-bit floats.

use std::cmp::Ordering;
use std::sync::Arc;

use num_bigint::{BigInt, Sign};

use super::Number;

/// A whole number of more bits than this becomes a float, so that squaring again and again ends.
const MOST_BITS: u64 = 1 << 16;

/// As many digits are read as a whole number; more of them make a float.
const MOST_DIGITS: usize = 20_000;

/// A number ready to compute with.
enum Ready {
    Int(i64),
    Big(Arc<BigInt>),
    Float(f64),
}

impl Ready {
    fn float(&self) -> f64 {
        match self {
            Self::Int(int) => *int as f64,
            Self::Big(big) => big_to_float(big),
            Self::Float(float) => *float,
        }
    }

    /// The whole number, if it is one by kind.
    fn big(&self) -> Option<BigInt> {
        match self {
            Self::Int(int) => Some((*int).into()),
            Self::Big(big) => Some((**big).clone()),
            Self::Float(_) => None,
        }
    }
}

/// The nearest float.
fn big_to_float(big: &BigInt) -> f64 {
    let (sign, digits) = big.to_u64_digits();
    let size = digits.iter().rev().fold(0.0_f64, |size, digit| {
        size * 18_446_744_073_709_551_616.0 + *digit as f64
    });
    // Adding up rounds more than once; what is written in decimal rounds once.
    let size = match digits.len() {
        0 | 1 => size,
        2..=17 => big.magnitude().to_string().parse().unwrap_or(size),
        _ => f64::INFINITY,
    };
    if sign == Sign::Minus { -size } else { size }
}

/// Into the smallest kind that holds it.
fn shrink(big: BigInt) -> Number {
    match i64::try_from(&big) {
        Ok(int) => Number::Int(int),
        Err(_) if big.bits() > MOST_BITS => Number::Float(big_to_float(&big)),
        Err(_) => Number::Big(Arc::new(big)),
    }
}

impl Number {
    fn ready(&self) -> Ready {
        match self {
            Self::Int(int) => Ready::Int(*int),
            Self::Float(float) => Ready::Float(*float),
            Self::Big(big) => Ready::Big(big.clone()),
            Self::Text(text) => {
                let whole = text.len() <= MOST_DIGITS
                    && text != "-0"
                    && text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
                match text.parse::<BigInt>() {
                    Ok(big) if whole => Ready::Big(Arc::new(big)),
                    _ => Ready::Float(text.parse().unwrap_or(f64::NAN)),
                }
            }
        }
    }

    /// Whether it is a whole number by kind: it has neither fraction nor exponent, and is computed with exactly.
    pub fn is_whole(&self) -> bool {
        match self {
            Self::Int(_) | Self::Big(_) => true,
            Self::Float(_) => false,
            Self::Text(_) => !matches!(self.ready(), Ready::Float(_)),
        }
    }

    /// Whether it stands for what is no number, such as the logarithm of -1.
    pub fn is_nan(&self) -> bool {
        matches!(self, Self::Float(float) if float.is_nan())
    }

    /// The order of all numbers: what is no number comes first, and equals itself.
    pub fn total_cmp(&self, other: &Self) -> Ordering {
        if let (Self::Int(one), Self::Int(two)) = (self, other) {
            return one.cmp(two);
        }
        let (one, two) = (self.ready(), other.ready());
        match (&one, &two) {
            (Ready::Float(one), Ready::Float(two)) => floats(*one, *two),
            (Ready::Float(float), whole) => whole_and_float(whole, *float).reverse(),
            (whole, Ready::Float(float)) => whole_and_float(whole, *float),
            _ => one.big().cmp(&two.big()),
        }
    }

    fn exact(
        &self,
        other: &Self,
        small: fn(i64, i64) -> Option<i64>,
        big: fn(BigInt, BigInt) -> BigInt,
        float: fn(f64, f64) -> f64,
    ) -> Self {
        if let (Self::Int(one), Self::Int(two)) = (self, other)
            && let Some(result) = small(*one, *two)
        {
            return Self::Int(result);
        }
        let (one, two) = (self.ready(), other.ready());
        match (one.big(), two.big()) {
            (Some(one), Some(two)) => shrink(big(one, two)),
            _ => Self::Float(float(one.float(), two.float())),
        }
    }

    /// The sum.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        self.exact(other, i64::checked_add, |a, b| a + b, |a, b| a + b)
    }

    /// The difference.
    #[must_use]
    pub fn minus(&self, other: &Self) -> Self {
        self.exact(other, i64::checked_sub, |a, b| a - b, |a, b| a - b)
    }

    /// The product.
    #[must_use]
    pub fn times(&self, other: &Self) -> Self {
        self.exact(other, i64::checked_mul, |a, b| a * b, |a, b| a * b)
    }

    /// The quotient: exact where two whole numbers go into each other, else a float. `None` where `other` is zero.
    pub fn over(&self, other: &Self) -> Option<Self> {
        if let (Self::Int(one), Self::Int(two)) = (self, other) {
            match one.checked_rem(*two) {
                Some(0) => return one.checked_div(*two).map(Self::Int),
                Some(_) => return Some(Self::Float(*one as f64 / *two as f64)),
                None if *two == 0 => return None,
                // The least number by -1.
                None => {}
            }
        }
        let (one, two) = (self.ready(), other.ready());
        if two.float() == 0.0 {
            return None;
        }
        if let (Some(one), Some(two)) = (one.big(), two.big())
            && (&one % &two).sign() == Sign::NoSign
        {
            return Some(shrink(one / two));
        }
        Some(Self::Float(one.float() / two.float()))
    }

    /// The remainder of a division of whole numbers, with the sign of this one; fractions are cut off first. `None` where `other`
    /// is then zero.
    pub fn modulo(&self, other: &Self) -> Option<Self> {
        let (one, two) = (self.ready(), other.ready());
        if one.float().is_nan() || two.float().is_nan() {
            return Some(Self::Float(f64::NAN));
        }
        let whole = |ready: Ready| match ready {
            Ready::Float(float) => BigInt::from(float as i64),
            Ready::Int(int) => int.into(),
            Ready::Big(big) => Arc::unwrap_or_clone(big),
        };
        let (one, two) = (whole(one), whole(two));
        (two.sign() != Sign::NoSign).then(|| shrink(one % two))
    }

    /// With the other sign. What was written stays as it was written.
    #[must_use]
    pub fn negated(&self) -> Self {
        match self {
            Self::Int(0) => Self::Float(-0.0),
            Self::Int(int) => int
                .checked_neg()
                .map_or_else(|| shrink(-BigInt::from(*int)), Self::Int),
            Self::Float(float) => Self::Float(-float),
            Self::Big(big) => shrink(-(**big).clone()),
            Self::Text(text) => match text.strip_prefix('-') {
                Some(rest) => Self::from_json_text(rest).unwrap_or(Self::Text(rest.into())),
                None => {
                    let text = format!("-{text}");
                    Self::from_json_text(&text).unwrap_or(Self::Text(text.into()))
                }
            },
        }
    }

    /// Without its sign.
    #[must_use]
    pub fn size(&self) -> Self {
        let negative = match self {
            Self::Int(int) => *int < 0,
            Self::Float(float) => return Self::Float(float.abs()),
            Self::Big(big) => big.sign() == Sign::Minus,
            Self::Text(text) => text.starts_with('-'),
        };
        if negative {
            self.negated()
        } else {
            self.clone()
        }
    }
}

fn floats(one: f64, two: f64) -> Ordering {
    match one.partial_cmp(&two) {
        Some(order) => order,
        None => two.is_nan().cmp(&one.is_nan()),
    }
}

fn whole_and_float(whole: &Ready, float: f64) -> Ordering {
    if float.is_nan() {
        return Ordering::Greater;
    }
    let near = floats(whole.float(), float);
    if near != Ordering::Equal || float.is_infinite() || float.abs() < 9_007_199_254_740_992.0 {
        return near;
    }
    // So large a float is a whole number: all its digits can be written.
    let digits = format!("{float:.0}").parse::<BigInt>().ok();
    whole.big().cmp(&digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Number {
        Number::from_json_text(text).unwrap()
    }

    #[test]
    fn whole_numbers_are_computed_with_exactly() {
        let most = Number::Int(i64::MAX);
        assert_eq!(
            most.plus(&Number::Int(1)).to_string(),
            "9223372036854775808"
        );
        assert_eq!(
            most.plus(&Number::Int(1)).minus(&Number::Int(1)).as_i64(),
            Some(i64::MAX)
        );
        let product = number("12345678901234567890").times(&number("98765432109876543210"));
        assert_eq!(
            product.to_string(),
            "1219326311370217952237463801111263526900"
        );
        assert_eq!(
            product.over(&number("10")).unwrap().to_string(),
            "121932631137021795223746380111126352690"
        );
        assert_eq!(
            Number::Int(i64::MIN).negated().to_string(),
            "9223372036854775808"
        );
        assert_eq!(
            Number::Int(i64::MIN)
                .modulo(&Number::Int(-1))
                .unwrap()
                .to_string(),
            "0"
        );
        let quotient = Number::Int(i64::MIN).over(&Number::Int(-1)).unwrap();
        assert_eq!(quotient.to_string(), "9223372036854775808");
        assert!(Number::Int(1).over(&Number::Float(0.0)).is_none());
    }

    #[test]
    fn squaring_again_and_again_ends_as_a_float() {
        let mut value = Number::Int(7);
        for _ in 0..64 {
            value = value.times(&value);
        }
        assert_eq!(value.as_f64(), f64::INFINITY);
    }

    #[test]
    fn floats_are_written_as_jq_writes_them() {
        for (float, text) in [
            (3.0, "3"),
            (-0.0, "-0"),
            (0.1, "0.1"),
            (1e17, "1e+17"),
            (1e16, "1e+16"),
            (1e300, "1e+300"),
            (1.5e300, "1.5e+300"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (1.25e-7, "1.25e-07"),
            (-12.5, "-12.5"),
            (f64::NAN, "null"),
            (f64::INFINITY, "1.7976931348623157e+308"),
            (1e15, "1000000000000000"),
            (123456789012345680000.0, "123456789012345680000"),
        ] {
            assert_eq!(Number::Float(float).to_string(), text);
        }
    }

    #[test]
    fn the_order_is_one_of_values() {
        let sorted = [
            "-1e3",
            "-5",
            "0",
            "0.5",
            "1",
            "1.5",
            "9007199254740993",
            "9007199254740994.0",
            "1e40",
        ];
        for (place, one) in sorted.iter().enumerate() {
            for (other_place, other) in sorted.iter().enumerate() {
                assert_eq!(
                    number(one).total_cmp(&number(other)),
                    place.cmp(&other_place),
                    "{one} {other}"
                );
            }
        }
        assert_eq!(number("1.10"), Number::Float(1.1));
        assert_ne!(
            number("9007199254740993"),
            Number::Float(9007199254740992.0)
        );
        assert_eq!(
            Number::Float(f64::NAN).total_cmp(&Number::Int(i64::MIN)),
            Ordering::Less
        );
    }
}
