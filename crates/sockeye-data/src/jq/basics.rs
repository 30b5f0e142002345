//! Functions of kinds, numbers, arrays and objects, with the wording of jq.

use std::iter;

use jaq_core::box_iter::box_once;
use jaq_core::native::{bome, unary, v};
use jaq_core::{Bind, Exn, Native, ValR, ValT as _, ValX};

use super::engine::{Cv, Jq, Natives, Values};
use super::values::{Error, cannot, fail, occurrences, shown};
use crate::value::{Number, Value};

pub(super) fn natives() -> Natives {
    let plain: Vec<Plain> = vec![
        ("not", v(0), |cv| once((!cv.1.as_bool()).into())),
        ("null", v(0), |_| once(Value::Null)),
        ("true", v(0), |_| once(true.into())),
        ("false", v(0), |_| once(false.into())),
        ("nan", v(0), |_| once(f64::NAN.into())),
        ("infinite", v(0), |_| once(f64::INFINITY.into())),
        ("type", v(0), |cv| once(cv.1.kind().into())),
        ("_shown", v(0), |cv| once(shown(&cv.1).into())),
        ("_number", v(0), |cv| {
            bome(number(&cv.1).map(|_| cv.1.clone()))
        }),
        ("_isnan", v(0), |cv| {
            bome(number(&cv.1).map(|n| n.as_f64().is_nan().into()))
        }),
        ("length", v(0), |cv| bome(length(&cv.1))),
        ("keys", v(0), |cv| bome(keys(&cv.1, true))),
        ("keys_unsorted", v(0), |cv| bome(keys(&cv.1, false))),
        ("has", v(1), |cv| unary(cv, |value, key| has(&value, &key))),
        ("contains", v(1), |cv| {
            let stack = cv.0.data().stack;
            unary(cv, move |value, part| {
                Ok(value.contains(&part, 0, stack)?.into())
            })
        }),
        ("indices", v(1), |cv| {
            unary(cv, |value, part| indices(&value, &part))
        }),
        ("_strindices", v(1), |cv| {
            unary(cv, |value, part| text_indices(&value, &part))
        }),
        ("range", v(3), |cv| range(cv)),
        ("sort", v(0), |cv| bome(sorted(cv.1))),
        ("sort_by", fun(), |cv| box_once(sort_by(cv))),
        ("group_by", fun(), |cv| box_once(group_by(cv))),
        ("reverse", v(0), |cv| bome(reversed(cv.1))),
        ("bsearch", v(1), |cv| {
            unary(cv, |value, wanted| search(&value, &wanted))
        }),
        ("tonumber", v(0), |cv| bome(to_number(cv.1))),
        ("toboolean", v(0), |cv| bome(to_boolean(cv.1))),
    ];
    let empty = ("empty", v(0), empty());
    let mut all = natives_of(plain);
    all.push(empty);
    all
}

/// A function with its arguments.
pub(super) type Plain = jaq_core::native::Filter<jaq_core::RunPtr<Jq>>;

/// As native functions that neither yield paths nor can be updated.
pub(super) fn natives_of(plain: Vec<Plain>) -> Natives {
    let each = plain.into_iter();
    each.map(|(name, arguments, run)| (name, arguments, Native::<Jq>::new(run)))
        .collect()
}

pub(super) fn once<'a>(value: Value) -> Values<'a> {
    box_once(Ok(value))
}

fn fun() -> Box<[Bind]> {
    [Bind::Fun(())].into()
}

fn empty() -> Native<Jq> {
    Native::new(|_| Box::new(iter::empty()))
        .with_paths(|_| Box::new(iter::empty()))
        .with_update(|cv, _| once(cv.1))
}

fn number(value: &Value) -> Result<&Number, Error> {
    match value {
        Value::Number(number) => Ok(number),
        _ => cannot(value, "number required"),
    }
}

fn length(value: &Value) -> ValR<Value> {
    Ok(match value {
        Value::Null => 0.into(),
        Value::Bool(_) => return cannot(value, "has no length"),
        Value::Number(number) => number.size().into(),
        Value::String(text) if text.is_ascii() => text.len().into(),
        Value::String(text) => text.chars().count().into(),
        Value::Bytes(bytes) => bytes.len().into(),
        Value::Array(items) => items.len().into(),
        Value::Object(members) => members.len().into(),
    })
}

fn keys(value: &Value, sorted: bool) -> ValR<Value> {
    match value {
        Value::Array(items) => Ok((0..items.len()).map(Value::from).collect()),
        Value::Object(members) => {
            let mut names: Vec<_> = members.keys().cloned().collect();
            if sorted {
                names.sort_unstable_by(|a, b| a.as_bytes().cmp(b.as_bytes()));
            }
            Ok(names.into_iter().map(Value::String).collect())
        }
        _ => cannot(value, "has no keys"),
    }
}

fn has(value: &Value, key: &Value) -> ValR<Value> {
    match (value, key) {
        (Value::Object(members), Value::String(name)) => Ok(members.get(name).is_some().into()),
        (Value::Null, Value::String(_) | Value::Number(_)) => Ok(false.into()),
        (Value::Array(items), Value::Number(number)) => {
            let at = number.as_f64();
            Ok((at >= 0.0 && at < items.len() as f64).into())
        }
        (Value::Bytes(bytes), Value::Number(number)) => {
            let at = number.as_f64();
            Ok((at >= 0.0 && at < bytes.len() as f64).into())
        }
        _ => {
            let (kind, key) = (value.kind(), key.kind());
            fail(format!("Cannot check whether {kind} has a {key} key"))
        }
    }
}

fn indices(value: &Value, part: &Value) -> ValR<Value> {
    match (value, part) {
        (Value::Null, _) => Ok(Value::Null),
        (Value::Array(items), Value::Array(part)) => Ok(if part.is_empty() {
            Value::Null
        } else {
            occurrences(items, part)
        }),
        (Value::Array(items), _) => Ok(occurrences(items, std::slice::from_ref(part))),
        (Value::String(_), Value::String(_)) => text_indices(value, part),
        _ => value.index_by(part),
    }
}

/// Where one text is in another, in characters; overlapping ones too.
fn text_indices(value: &Value, part: &Value) -> ValR<Value> {
    let Value::String(text) = value else {
        return cannot(value, "cannot be searched, as it is not a string");
    };
    let Value::String(part) = part else {
        return cannot(part, "is not a string");
    };
    if part.is_empty() {
        return Ok(Value::Null);
    }
    let (mut found, mut from, mut count) = (Vec::new(), 0, 0_usize);
    while let Some(at) = memchr::memmem::find(&text.as_bytes()[from..], part.as_bytes()) {
        count += text[from..from + at].chars().count();
        found.push(Value::from(count));
        let step = text[from + at..].chars().next().map_or(1, char::len_utf8);
        from += at + step;
        count += 1;
    }
    Ok(Value::array(found))
}

/// From one number up or down to another, by steps.
fn range(mut cv: Cv<'_>) -> Values<'_> {
    let (by, upto, from) = (cv.0.pop_var(), cv.0.pop_var(), cv.0.pop_var());
    let (Value::Number(by), Value::Number(upto), Value::Number(mut at)) = (by, upto, from) else {
        return bome(fail("Range bounds must be numeric"));
    };
    if let (Number::Int(by @ 1..), Number::Int(upto), Number::Int(at)) = (&by, &upto, &at) {
        let step = usize::try_from(*by).unwrap_or(usize::MAX);
        return Box::new((*at..*upto).step_by(step).map(|at| Ok(at.into())));
    }
    let step = by.as_f64();
    Box::new(iter::from_fn(move || {
        let order = at.total_cmp(&upto);
        if step.is_nan() || !(step > 0.0 && order.is_lt() || step < 0.0 && order.is_gt()) {
            return None;
        }
        let next = at.plus(&by);
        Some(Ok(std::mem::replace(&mut at, next).into()))
    }))
}

/// The items of what must be an array to be sorted.
fn items(value: Value) -> Result<Vec<Value>, Error> {
    match value {
        Value::Array(array) => Ok(std::sync::Arc::unwrap_or_clone(array).into_vec()),
        _ => cannot(&value, "cannot be sorted, as it is not an array"),
    }
}

fn sorted(value: Value) -> ValR<Value> {
    let mut items = items(value)?;
    items.sort();
    Ok(items.into())
}

/// Items with what a function yields for each, sorted by that.
fn by_keys<'a>(mut cv: Cv<'a>) -> Result<Vec<(Vec<Value>, Value)>, Exn<'a, Value>> {
    let (f, ctx) = cv.0.pop_fun();
    let keyed = items(cv.1)?.into_iter().map(|item| {
        let keys = f
            .run((ctx.clone(), item.clone()))
            .collect::<Result<Vec<_>, _>>()?;
        Ok((keys, item))
    });
    let mut keyed = keyed.collect::<Result<Vec<_>, Exn<'a, Value>>>()?;
    keyed.sort_by(|one, two| one.0.cmp(&two.0));
    Ok(keyed)
}

fn sort_by(cv: Cv<'_>) -> ValX<'_, Value> {
    Ok(by_keys(cv)?.into_iter().map(|(_, item)| item).collect())
}

fn group_by(cv: Cv<'_>) -> ValX<'_, Value> {
    let mut groups: Vec<(Vec<Value>, Vec<Value>)> = Vec::new();
    for (keys, item) in by_keys(cv)? {
        match groups.last_mut() {
            Some((known, group)) if *known == keys => group.push(item),
            _ => groups.push((keys, vec![item])),
        }
    }
    Ok(groups
        .into_iter()
        .map(|(_, group)| Value::array(group))
        .collect())
}

fn reversed(value: Value) -> ValR<Value> {
    Ok(match value {
        Value::Null => Value::array(Vec::new()),
        Value::String(text) => text.chars().rev().collect::<String>().into(),
        Value::Array(array) => {
            let mut items = std::sync::Arc::unwrap_or_clone(array);
            items.reverse();
            Value::Array(std::sync::Arc::new(items))
        }
        value => return cannot(&value, "cannot be reversed, as it is not an array"),
    })
}

fn search(value: &Value, wanted: &Value) -> ValR<Value> {
    match value {
        Value::Array(items) => Ok(match items.binary_search(wanted) {
            Ok(at) => at.into(),
            Err(at) => (-1 - at as i64).into(),
        }),
        _ => cannot(value, "cannot be searched from"),
    }
}

fn to_number(value: Value) -> ValR<Value> {
    match &value {
        Value::Number(_) => Ok(value),
        Value::String(text) => match literal(text) {
            Some(number) => Ok(number.into()),
            None => cannot(&value, "cannot be parsed as a number"),
        },
        _ => cannot(&value, "cannot be parsed as a number"),
    }
}

/// A number as jq reads it from a text: as JSON has it, with zeros in front, or without digits on one side of the point.
fn literal(text: &str) -> Option<Number> {
    if let Some(number) = Number::from_json_text(text) {
        return Some(number);
    }
    if text == "nan" {
        return Some(Number::Float(f64::NAN));
    }
    let decimal = |b: u8| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-');
    let text = text.strip_prefix('+').unwrap_or(text);
    if !text.bytes().all(decimal) || text.starts_with('+') {
        return None;
    }
    let float: f64 = text.parse().ok()?;
    let whole = text.strip_prefix('-').unwrap_or(text);
    if whole.bytes().all(|b| b.is_ascii_digit()) {
        let sign = if text.starts_with('-') { "-" } else { "" };
        let digits = whole.trim_start_matches('0');
        return Number::from_json_text(&format!(
            "{sign}{}",
            if digits.is_empty() { "0" } else { digits }
        ));
    }
    Some(Number::Float(float))
}

fn to_boolean(value: Value) -> ValR<Value> {
    match &value {
        Value::Bool(_) => Ok(value),
        Value::String(text) if text == "true" => Ok(true.into()),
        Value::String(text) if text == "false" => Ok(false.into()),
        _ => cannot(&value, "cannot be parsed as a boolean"),
    }
}
