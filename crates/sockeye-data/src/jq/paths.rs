//! Functions on paths, and updates by paths: `getpath`, `setpath`, `delpaths`, and what `|=` does where the path is not a plain one.

use std::iter;
use std::sync::Arc;

use jaq_core::box_iter::box_once;
use jaq_core::native::{unary, v};
use jaq_core::path::Opt;
use jaq_core::{Bind, Exn, Native, ValT, ValX};

use super::engine::{Cv, Jq, Natives, Values};
use super::slices::Bounds;
use super::values::{Error, fail};
use crate::value::Value;

/// A path is at most so long.
const LONGEST: usize = 10_000;

pub(super) fn natives() -> Natives {
    let fun = || Bind::Fun(());
    let var = || Bind::Var(());
    vec![
        ("getpath", v(1), getpath()),
        ("setpath", v(2), Native::new(|cv| setpath(cv))),
        (
            "delpaths",
            v(1),
            Native::new(|cv| unary(cv, |value, paths| delete_all(value, &paths))),
        ),
        (
            "_modify",
            [fun(), fun()].into(),
            Native::new(|cv| modify(cv)),
        ),
        (
            "_assign",
            [fun(), var()].into(),
            Native::new(|cv| assign(cv)),
        ),
        ("_recurse", v(0), recurse()),
    ]
}

fn setpath(mut cv: Cv<'_>) -> Values<'_> {
    let (new, path) = (cv.0.pop_var(), cv.0.pop_var());
    let steps = steps(&path).map_err(Exn::from);
    box_once(steps.and_then(|steps| set(cv.1, &steps, new)))
}

fn getpath() -> Native<Jq> {
    Native::new(|cv: Cv<'_>| jaq_core::native::unary(cv, |value, path| get(&value, &steps(&path)?)))
        .with_paths(|mut cv| {
            let path = cv.0.pop_var();
            let (value, before) = cv.1;
            let found = steps(&path).and_then(|steps| Ok((get(&value, &steps)?, steps)));
            box_once(match found {
                Ok((found, steps)) => {
                    let path = steps.into_iter().fold(before, |path, step| path.cons(step));
                    Ok((found, path))
                }
                Err(error) => Err(Exn::from(error)),
            })
        })
}

fn recurse() -> Native<Jq> {
    Native::new(|cv| {
        let children = |value: &Value| value.is_container().then(|| value.clone().values());
        Box::new(Descent::new(Ok(cv.1), children).map(Ok))
    })
    .with_paths(|cv| {
        let all = Descent::new(Ok(cv.1), |(value, path)| {
            let path = path.clone();
            let members = value.is_container().then(|| value.clone().key_values())?;
            let below = members.map(move |member| {
                let (key, value) = member?;
                Ok((value, path.clone().cons(key)))
            });
            Some(Box::new(below) as Below<_>)
        });
        Box::new(all.map(Ok))
    })
}

type Below<T> = Box<dyn Iterator<Item = Result<T, Error>>>;

/// A value, then what is within it, each before what is within that; without recursion.
struct Descent<T, F> {
    pending: Vec<Below<T>>,
    children: F,
}

impl<T: 'static, F: Fn(&T) -> Option<Below<T>>> Descent<T, F> {
    fn new(start: Result<T, Error>, children: F) -> Self {
        Self {
            pending: vec![Box::new(iter::once(start))],
            children,
        }
    }
}

impl<T, F: Fn(&T) -> Option<Below<T>>> Iterator for Descent<T, F> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        loop {
            match self.pending.last_mut()?.next() {
                Some(Ok(value)) => {
                    self.pending.extend((self.children)(&value));
                    return Some(value);
                }
                Some(Err(_)) => {}
                None => {
                    self.pending.pop();
                }
            }
        }
    }
}

impl Value {
    fn is_container(&self) -> bool {
        matches!(self, Self::Array(_) | Self::Object(_))
    }
}

/// The steps of a path.
fn steps(path: &Value) -> Result<Vec<Value>, Error> {
    match path {
        Value::Array(steps) if steps.len() > LONGEST => fail("Path too deep"),
        Value::Array(steps) => Ok(steps.to_vec()),
        _ => fail("Path must be specified as an array"),
    }
}

/// What is at the end of a path; null where nothing is.
fn get(value: &Value, steps: &[Value]) -> Result<Value, Error> {
    let mut found = value.clone();
    for step in steps {
        if found == Value::Null {
            break;
        }
        found = found.index_by(step)?;
    }
    Ok(found)
}

/// Put a value at the end of a path.
fn set<'a>(value: Value, steps: &[Value], new: Value) -> ValX<'a, Value> {
    update(value, steps, &|_| Some(Ok(new.clone())))
}

/// What becomes of the value at the end of a path.
type Change<'f, 'a> = &'f dyn Fn(Value) -> Option<ValX<'a, Value>>;

/// Change what is at the end of a path, without recursion: on the way down, each value is taken out of the one around it.
fn update<'a>(mut value: Value, steps: &[Value], change: Change<'_, 'a>) -> ValX<'a, Value> {
    let Some((last, before)) = steps.split_last() else {
        return change(value).unwrap_or(Ok(Value::Null));
    };
    let mut around = Vec::with_capacity(before.len());
    for step in before {
        let inner = take(&mut value, step)?;
        around.push(std::mem::replace(&mut value, inner));
    }
    value = value.map_index(last, Opt::Essential, |old| change(old).into_iter())?;
    for step in before.iter().rev() {
        let inner = std::cell::Cell::new(Some(value));
        let outer = around.pop().unwrap_or_default();
        value = outer.map_index(step, Opt::Essential, |_| inner.take().map(Ok).into_iter())?;
    }
    Ok(value)
}

/// Take out what a step leads to; null where nothing is.
fn take(value: &mut Value, step: &Value) -> Result<Value, Error> {
    let inner = match (&mut *value, step) {
        (Value::Object(object), Value::String(name)) => {
            Arc::make_mut(object).get_mut(name).map(std::mem::take)
        }
        (Value::Array(items), Value::Number(number)) => {
            let at = number.as_i64();
            let at = at.and_then(|at| super::slices::from_either_end(at, items.len()));
            at.and_then(|at| Arc::make_mut(items).get_mut(at).map(std::mem::take))
        }
        (value, step) => return value.index_by(step),
    };
    Ok(inner.unwrap_or_default())
}

/// Take out what is at the end of a path. What is not there need not be taken out.
fn delete(value: Value, steps: &[Value]) -> Result<Value, Error> {
    let Some((last, before)) = steps.split_last() else {
        return Ok(Value::Null);
    };
    let parent = get(&value, before)?;
    let why = match (&parent, last) {
        (Value::Null, _) => return Ok(value),
        (Value::Object(_), Value::String(_))
        | (Value::Array(_), Value::Number(_) | Value::Object(_)) => {
            drop(parent);
            let gone = update(value, steps, &|_| None);
            return gone.map_err(|exn| match exn.get_err() {
                Ok(error) => error,
                Err(_) => Error::str("deleting cannot break out"),
            });
        }
        (Value::Object(_), _) => format!("Cannot delete {} field of object", last.kind()),
        (Value::Array(_), _) => format!("Cannot delete {} element of array", last.kind()),
        _ => format!("Cannot delete fields from {}", parent.kind()),
    };
    fail(why)
}

/// Take out what all these paths lead to, the last first, so that no path leads elsewhere in between.
fn delete_all(value: Value, paths: &Value) -> Result<Value, Error> {
    let Value::Array(paths) = paths else {
        return fail("Paths must be specified as an array");
    };
    let mut plain = Vec::with_capacity(paths.len());
    for path in paths.iter() {
        match path {
            Value::Array(_) => from_the_start(&value, steps(path)?, &mut plain),
            _ => {
                return fail(format!(
                    "Path must be specified as array, not {}",
                    path.kind()
                ));
            }
        }
    }
    plain.sort_unstable();
    plain.dedup();
    let mut last_first = plain.into_iter().rev();
    last_first.try_fold(value, |value, path| delete(value, &path))
}

/// A path with its places counted from the start; a slice at its end becomes the places in it. What is no number leads nowhere.
fn from_the_start(value: &Value, mut steps: Vec<Value>, plain: &mut Vec<Vec<Value>>) {
    let mut at = value.clone();
    for step in &mut steps {
        if let (Value::Array(items), Value::Number(number)) = (&at, &*step) {
            let place = number.as_f64();
            if place.is_nan() {
                return;
            }
            match super::slices::from_either_end(place as i64, items.len()) {
                Some(place) => *step = place.into(),
                None => return,
            }
        }
        at = at.index_by(step).unwrap_or_default();
    }
    let parent = steps.split_last();
    let parent = parent.and_then(|(last, before)| Some((get(value, before).ok()?, last)));
    match parent {
        Some((Value::Array(items), Value::Object(slice))) => {
            let bounds = Bounds::new(slice.get("start"), slice.get("end"));
            let places = bounds.map_or(0..0, |bounds| bounds.within(items.len()));
            for place in places {
                let mut path = steps.clone();
                path.pop();
                path.push(place.into());
                plain.push(path);
            }
        }
        _ => plain.push(steps),
    }
}

/// All paths that a function of paths yields, evaluated on `value` as it was, then `each` on the value as it becomes.
fn each_path<'a>(
    mut cv: Cv<'a>,
    mut each: impl FnMut(Value, Vec<Value>) -> ValX<'a, Value>,
) -> ValX<'a, Value> {
    let (paths, ctx) = cv.0.pop_fun();
    let mut value = cv.1.clone();
    for found in paths.paths((ctx, (cv.1, Default::default()))) {
        let (_, path) = found?;
        let mut steps: Vec<Value> = path.iter().cloned().collect();
        drop(path);
        if steps.len() > LONGEST {
            return Err(Exn::from(Error::str("Path too deep")));
        }
        steps.reverse();
        value = each(value, steps)?;
    }
    Ok(value)
}

/// `paths |= f`: what `f` yields first is put in the place; where it yields nothing, the place goes in the end.
fn modify(mut cv: Cv<'_>) -> Values<'_> {
    let (f, ctx) = cv.0.pop_fun();
    let mut gone = Vec::new();
    let changed = each_path(cv, |value, steps| {
        let is_gone = std::cell::Cell::new(false);
        let change = |old| {
            let new = f.run((ctx.clone(), old)).next();
            is_gone.set(new.is_none());
            new
        };
        let there = exists(&value, &steps);
        if !there {
            // What is not there is not made for nothing.
            get(&value, &steps)?;
            return match change(Value::Null) {
                Some(new) => set(value, &steps, new?),
                None => Ok(value),
            };
        }
        let value = update(value, &steps, &|old| {
            Some(change(old).unwrap_or(Ok(Value::Null)))
        })?;
        if is_gone.get() {
            gone.push(Value::array(steps));
        }
        Ok(value)
    });
    let changed = changed.and_then(|value| match gone.is_empty() {
        true => Ok(value),
        false => Ok(delete_all(value, &Value::array(gone))?),
    });
    box_once(changed)
}

/// Whether something is at the end of a path.
fn exists(value: &Value, steps: &[Value]) -> bool {
    let mut at = value;
    for step in steps {
        let next = match (at, step) {
            (Value::Object(object), Value::String(name)) => object.get(name),
            (Value::Array(items), Value::Number(number)) => number
                .as_i64()
                .and_then(|at| super::slices::from_either_end(at, items.len()))
                .and_then(|at| items.get(at)),
            // A slice is always there.
            (Value::Array(_), Value::Object(_)) => return true,
            _ => None,
        };
        match next {
            Some(next) => at = next,
            None => return false,
        }
    }
    true
}

/// `paths = value`.
fn assign(mut cv: Cv<'_>) -> Values<'_> {
    let new = cv.0.pop_var();
    box_once(each_path(cv, |value, steps| {
        set(value, &steps, new.clone())
    }))
}
