//! The order of values, as jq has it: null, false, true, numbers, strings, bytes, arrays, objects. Without recursion, so that values
//! nested however deep can be compared.

use std::cmp::Ordering;

use super::{Object, Value};

impl Value {
    /// Where its kind stands in the order.
    fn rank(&self) -> u8 {
        match self {
            Self::Null => 0,
            Self::Bool(false) => 1,
            Self::Bool(true) => 2,
            Self::Number(_) => 3,
            Self::String(_) => 4,
            Self::Bytes(_) => 5,
            Self::Array(_) => 6,
            Self::Object(_) => 7,
        }
    }
}

/// Values beside each other that are still to be compared, the next one last.
type Pending<'a> = Vec<(&'a Value, &'a Value)>;

/// Compare what can be compared at once; what lies within goes to `pending`.
fn step<'a>(one: &'a Value, two: &'a Value, pending: &mut Pending<'a>) -> Ordering {
    match (one, two) {
        (Value::Number(one), Value::Number(two)) => one.total_cmp(two),
        (Value::String(one), Value::String(two)) => one.as_bytes().cmp(two.as_bytes()),
        (Value::Bytes(one), Value::Bytes(two)) => one.cmp(two),
        (Value::Array(one), Value::Array(two)) => {
            // What is behind the shorter one only counts where all before it is the same: it is asked last.
            let lengths = one.len().cmp(&two.len());
            let mut pairs = one.iter().zip(two.iter());
            let mut simple = 0;
            for (a, b) in pairs.by_ref() {
                let order = match (a, b) {
                    (Value::Array(_), Value::Array(_)) | (Value::Object(_), Value::Object(_)) => {
                        break;
                    }
                    _ => step(a, b, pending),
                };
                simple += 1;
                if order != Ordering::Equal {
                    return order;
                }
            }
            if lengths != Ordering::Equal {
                pending.push(by_length(lengths));
            }
            let rest = one.iter().zip(two.iter()).skip(simple);
            pending.extend(rest.rev());
            Ordering::Equal
        }
        (Value::Object(one), Value::Object(two)) => objects(one, two, pending),
        _ => one.rank().cmp(&two.rank()),
    }
}

/// A pair that is in the order that is known already.
fn by_length(order: Ordering) -> (&'static Value, &'static Value) {
    static LESS: Value = Value::Null;
    static MORE: Value = Value::Bool(true);
    match order {
        Ordering::Less => (&LESS, &MORE),
        Ordering::Equal => (&LESS, &LESS),
        Ordering::Greater => (&MORE, &LESS),
    }
}

/// First the names, sorted, as arrays; then the values in the order of the names.
fn objects<'a>(one: &'a Object, two: &'a Object, pending: &mut Pending<'a>) -> Ordering {
    let sorted = |object: &'a Object| {
        let mut members: Vec<_> = object.iter().collect();
        members.sort_unstable_by(|a, b| a.0.as_bytes().cmp(b.0.as_bytes()));
        members
    };
    let (one, two) = (sorted(one), sorted(two));
    let names = one
        .iter()
        .map(|(name, _)| name.as_bytes())
        .cmp(two.iter().map(|(name, _)| name.as_bytes()));
    if names == Ordering::Equal {
        pending.extend(one.iter().zip(&two).rev().map(|(a, b)| (a.1, b.1)));
    }
    names
}

impl Ord for Value {
    /// The order in which jq sorts. It is one of all values: what is no number equals itself here.
    fn cmp(&self, other: &Self) -> Ordering {
        let mut pending = Vec::new();
        let mut order = step(self, other, &mut pending);
        while order == Ordering::Equal {
            let Some((one, two)) = pending.pop() else {
                break;
            };
            order = step(one, two, &mut pending);
        }
        order
    }
}

impl PartialOrd for Value {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }

    /// As in jq, what is no number is less than everything, itself too.
    fn lt(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Number(one), Self::Number(_)) if one.is_nan() => true,
            _ => self.cmp(other).is_lt(),
        }
    }

    fn le(&self, other: &Self) -> bool {
        self < other || self.cmp(other).is_le()
    }
}

impl Eq for Value {}

impl PartialEq for Value {
    /// By value: `1.0` is `1`, and the order of members does not count.
    fn eq(&self, other: &Self) -> bool {
        let mut pending = vec![];
        let mut same = equal_step(self, other, &mut pending);
        while same {
            let Some((one, two)) = pending.pop() else {
                break;
            };
            same = equal_step(one, two, &mut pending);
        }
        same
    }
}

/// Whether they can be the same; what lies within goes to `pending`.
fn equal_step<'a>(one: &'a Value, two: &'a Value, pending: &mut Pending<'a>) -> bool {
    match (one, two) {
        (Value::Null, Value::Null) => true,
        (Value::Bool(one), Value::Bool(two)) => one == two,
        (Value::Number(one), Value::Number(two)) => one == two,
        (Value::String(one), Value::String(two)) => one == two,
        (Value::Bytes(one), Value::Bytes(two)) => one == two,
        (Value::Array(one), Value::Array(two)) => {
            let same = one.len() == two.len();
            if same {
                pending.extend(one.iter().zip(two.iter()));
            }
            same
        }
        (Value::Object(one), Value::Object(two)) => {
            one.len() == two.len()
                && one.iter().all(|(name, value)| match two.get(name) {
                    Some(other) => {
                        pending.push((value, other));
                        true
                    }
                    None => false,
                })
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_stand_in_the_order_of_jq() {
        let object = |members: &[(&str, i64)]| -> Value {
            let members = members
                .iter()
                .map(|(name, value)| ((*name).into(), (*value).into()));
            Object::from_iter(members).into()
        };
        let sorted = [
            Value::Null,
            false.into(),
            true.into(),
            f64::NAN.into(),
            (-1).into(),
            0.5.into(),
            2.into(),
            "".into(),
            "B".into(),
            "a".into(),
            "é".into(),
            Value::bytes(vec![0]),
            Value::array(vec![]),
            Value::array(vec![1.into()]),
            Value::array(vec![1.into(), 0.into()]),
            Value::array(vec![Value::array(vec![0.into()])]),
            Value::array(vec![Value::array(vec![1.into()]), 0.into()]),
            object(&[]),
            object(&[("a", 1)]),
            object(&[("b", 0), ("a", 2)]),
            object(&[("a", 2), ("b", 1)]),
            object(&[("b", 0)]),
        ];
        for (place, one) in sorted.iter().enumerate() {
            for (other, two) in sorted.iter().enumerate() {
                assert_eq!(one.cmp(two), place.cmp(&other), "{one:?} {two:?}");
            }
        }
        assert!(sorted[3] != sorted[3] && sorted[3] < sorted[3]);
    }

    #[test]
    fn deep_values_are_compared() {
        let deep =
            |last: i64| (0..200_000).fold(Value::from(last), |value, _| Value::array(vec![value]));
        assert!(deep(1) == deep(1));
        assert!(deep(1) < deep(2));
    }
}
