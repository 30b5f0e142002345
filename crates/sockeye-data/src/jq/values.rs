//! `Value` as jaq computes with it: what jq's operators, indices, slices and updates do with each kind. The wording of errors is jq's.

use std::sync::Arc;

use jaq_core::box_iter::{BoxIter, box_once};
use jaq_core::path::Opt;
use jaq_core::val::Range;
use jaq_core::{Exn, ValR, ValX};

use super::engine::Stack;
use super::slices::{self, Bounds};
use crate::value::{Array, Number, Object, Text, Value};

/// An error of a program.
pub(super) type Error = jaq_core::Error<Value>;

/// An array grows by an assignment to at most as many items.
const MOST_ITEMS: i64 = 1 << 24;

/// Objects are merged, and searched for others, to this depth.
pub(super) const DEEPEST: usize = 10_000;

/// How much of a value a message shows.
const SHOWN: usize = 29;

/// An error of these words.
pub(super) fn fail<T>(why: impl Into<String>) -> Result<T, Error> {
    Err(Error::new(Value::from(why.into())))
}

/// A value with its kind, as messages show it: `string ("abc")`.
pub(super) fn shown(value: &Value) -> String {
    // Of a long text, the start is enough to see.
    let text = match value {
        Value::String(text) if text.len() > 2 * SHOWN => {
            Value::from(slices::start_of(text, SHOWN + 1)).to_string()
        }
        _ => value.to_string(),
    };
    let kind = value.kind();
    if text.len() <= SHOWN {
        return format!("{kind} ({text})");
    }
    let end = match text.as_bytes()[0] {
        b'"' => "\"",
        b'[' => "]",
        b'{' => "}",
        _ => "",
    };
    let start = slices::start_of(&text, SHOWN - 3 - end.len());
    format!("{kind} ({start}...{end})")
}

/// "kind (value) cannot …".
pub(super) fn cannot<T>(value: &Value, what: &str) -> Result<T, Error> {
    fail(format!("{} {what}", shown(value)))
}

pub(super) fn both<T>(one: &Value, two: &Value, what: &str) -> Result<T, Error> {
    fail(format!("{} and {} {what}", shown(one), shown(two)))
}

fn cannot_index(value: &Value, index: &Value) -> Error {
    Error::new(format!("Cannot index {} with {}", value.kind(), shown(index)).into())
}

fn cannot_iterate(value: &Value) -> Error {
    Error::new(format!("Cannot iterate over {}", shown(value)).into())
}

/// The place that a number names: cut, and counted from the end if it is negative. `None` for what is no number.
fn place(number: &Number) -> Option<i64> {
    match number {
        Number::Int(int) => Some(*int),
        _ => {
            let float = number.as_f64();
            (!float.is_nan()).then_some(float as i64)
        }
    }
}

/// The items of `array` at which `part` begins.
pub(super) fn occurrences(array: &[Value], part: &[Value]) -> Value {
    let found = |at: &usize| array[*at..].starts_with(part);
    let places = match part.is_empty() {
        true => 0..0,
        false => 0..(array.len() + 1).saturating_sub(part.len()),
    };
    places
        .filter(found)
        .map(|at| Value::from(at as i64))
        .collect()
}

impl Value {
    /// What stands at an index, if it can be asked for.
    pub(super) fn index_by(&self, index: &Value) -> Result<Value, Error> {
        Ok(match (self, index) {
            (Self::Object(object), Self::String(name)) => {
                object.get(name).cloned().unwrap_or_default()
            }
            (Self::Array(items), Self::Number(number)) => {
                let place = place(number).and_then(|at| slices::from_either_end(at, items.len()));
                place
                    .and_then(|at| items.get(at).cloned())
                    .unwrap_or_default()
            }
            (Self::Bytes(bytes), Self::Number(number)) => {
                let place = place(number).and_then(|at| slices::from_either_end(at, bytes.len()));
                let byte = place.and_then(|at| bytes.get(at).copied());
                byte.map_or(Self::Null, |byte| i64::from(byte).into())
            }
            (Self::Array(_) | Self::String(_) | Self::Bytes(_), Self::Object(slice)) => {
                self.slice(slice.get("start"), slice.get("end"))?
            }
            (Self::Array(items), Self::Array(part)) => occurrences(items, part),
            (Self::Null, Self::String(_) | Self::Number(_) | Self::Object(_)) => Self::Null,
            _ => return Err(cannot_index(self, index)),
        })
    }

    /// A part of an array, a string (in characters) or bytes.
    fn slice(&self, start: Option<&Value>, end: Option<&Value>) -> Result<Value, Error> {
        let bounds = Bounds::new(start, end)?;
        Ok(match self {
            Self::Null => Self::Null,
            Self::Array(items) => {
                let range = bounds.within(items.len());
                items[range].iter().cloned().collect()
            }
            Self::Bytes(bytes) => Self::bytes(bytes[bounds.within(bytes.len())].to_vec()),
            Self::String(text) => Self::from(bounds.of_text(text)),
            _ => {
                let slice = Self::from(start.cloned()..end.cloned());
                return Err(cannot_index(self, &slice));
            }
        })
    }

    /// Whether it contains another, as jq sees it.
    pub(super) fn contains(
        &self,
        other: &Value,
        depth: usize,
        stack: Stack,
    ) -> Result<bool, Error> {
        if depth > DEEPEST || stack.is_used() {
            return fail("Containment check too deep");
        }
        match (self, other) {
            (Self::Object(one), Self::Object(two)) => {
                for (name, value) in two.iter() {
                    match one.get(name) {
                        Some(mine) if mine.contains(value, depth + 1, stack)? => {}
                        _ => return Ok(false),
                    }
                }
                Ok(true)
            }
            (Self::Array(one), Self::Array(two)) => {
                for value in two.iter() {
                    let mut found = false;
                    for mine in one.iter() {
                        if mine.kind() == value.kind() && mine.contains(value, depth + 1, stack)? {
                            found = true;
                            break;
                        }
                    }
                    if !found {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            (Self::String(one), Self::String(two)) => {
                Ok(memchr::memmem::find(one.as_bytes(), two.as_bytes()).is_some())
            }
            (Self::Bytes(one), Self::Bytes(two)) => Ok(memchr::memmem::find(one, two).is_some()),
            _ if self.kind() == other.kind() => Ok(self == other),
            _ if depth > 0 => Ok(false),
            _ => both(self, other, "cannot have their containment checked"),
        }
    }
}

impl From<isize> for Value {
    fn from(value: isize) -> Self {
        Self::from(value as i64)
    }
}

impl From<usize> for Value {
    fn from(value: usize) -> Self {
        match i64::try_from(value) {
            Ok(value) => value.into(),
            Err(_) => (value as f64).into(),
        }
    }
}

impl From<Range<Value>> for Value {
    /// A slice as paths have it: an object with `start` and `end`.
    fn from(range: Range<Value>) -> Self {
        let mut object = Object::with_capacity(2);
        object.insert("start".into(), range.start.unwrap_or_default());
        object.insert("end".into(), range.end.unwrap_or_default());
        object.into()
    }
}

impl FromIterator<Value> for Value {
    fn from_iter<I: IntoIterator<Item = Value>>(items: I) -> Self {
        Self::Array(Arc::new(items.into_iter().collect()))
    }
}

/// The items of an array: taken out where nobody else has the array, else copied one by one, so that who stops early pays little.
fn items(array: Arc<Array>) -> BoxIter<'static, ValR<Value>> {
    match Arc::try_unwrap(array) {
        Ok(array) => Box::new(array.into_iter().map(Ok)),
        Err(array) => Box::new((0..array.len()).map(move |at| Ok(array[at].clone()))),
    }
}

pub(super) fn members(object: Arc<Object>) -> BoxIter<'static, (Text, Value)> {
    match Arc::try_unwrap(object) {
        Ok(object) => Box::new(object.into_iter()),
        Err(object) => Box::new((0..object.len()).map(move |at| {
            let (name, value) = object.at(at).expect("a place below the length");
            (name.clone(), value.clone())
        })),
    }
}

impl jaq_core::ValT for Value {
    fn from_num(text: &str) -> ValR<Self> {
        let number = Number::from_json_text(text);
        Ok(number.map_or_else(|| text.parse().unwrap_or(f64::NAN).into(), Self::Number))
    }

    fn from_map<I: IntoIterator<Item = (Self, Self)>>(members: I) -> ValR<Self> {
        let mut object = Object::new();
        for (name, value) in members {
            match name {
                Self::String(name) => object.insert(name, value),
                name => {
                    return fail(format!("Object keys must be strings, not {}", shown(&name)));
                }
            };
        }
        Ok(object.into())
    }

    fn key_values(self) -> BoxIter<'static, ValR<(Self, Self), Self>> {
        match self {
            Self::Array(array) => {
                let places = (0..).map(|at: i64| Self::from(at));
                Box::new(places.zip(items(array)).map(|(at, item)| Ok((at, item?))))
            }
            Self::Object(object) => {
                Box::new(members(object).map(|(name, value)| Ok((Self::String(name), value))))
            }
            _ => box_once(Err(cannot_iterate(&self))),
        }
    }

    fn values(self) -> Box<dyn Iterator<Item = ValR<Self>>> {
        match self {
            Self::Array(array) => items(array),
            Self::Object(object) => Box::new(members(object).map(|(_, value)| Ok(value))),
            _ => box_once(Err(cannot_iterate(&self))),
        }
    }

    fn index(self, index: &Self) -> ValR<Self> {
        self.index_by(index)
    }

    fn range(self, range: Range<&Self>) -> ValR<Self> {
        self.slice(range.start, range.end)
    }

    fn map_values<'a, I: Iterator<Item = ValX<'a, Self>>>(
        self,
        opt: Opt,
        f: impl Fn(Self) -> I,
    ) -> ValX<'a, Self> {
        match self {
            Self::Array(array) => {
                let mut array = Arc::unwrap_or_clone(array);
                let mut kept = 0;
                for at in 0..array.len() {
                    let item = std::mem::take(&mut array[at]);
                    if let Some(item) = f(item).next().transpose()? {
                        array[kept] = item;
                        kept += 1;
                    }
                }
                array.truncate(kept);
                Ok(Self::Array(Arc::new(array)))
            }
            Self::Object(object) => {
                let object = Arc::unwrap_or_clone(object);
                let mut mapped = Object::with_capacity(object.len());
                for (name, value) in object {
                    if let Some(value) = f(value).next().transpose()? {
                        mapped.insert(name, value);
                    }
                }
                Ok(mapped.into())
            }
            value => opt.fail(value, |value| Exn::from(cannot_iterate(&value))),
        }
    }

    fn map_index<'a, I: Iterator<Item = ValX<'a, Self>>>(
        self,
        index: &Self,
        opt: Opt,
        f: impl Fn(Self) -> I,
    ) -> ValX<'a, Self> {
        match (self, index) {
            (Self::Object(object), Self::String(name)) => map_member(object, name, f),
            (Self::Null, Self::String(name)) => Ok(match f(Self::Null).next().transpose()? {
                Some(value) => Object::from_iter([(name.clone(), value)]).into(),
                None => Self::Null,
            }),
            (Self::Array(array), Self::Number(number)) => map_item(array, number, f),
            (Self::Null, Self::Number(number)) => {
                let array = map_item(Arc::default(), number, f)?;
                Ok(if array.as_array().is_some_and(<[_]>::is_empty) {
                    Self::Null
                } else {
                    array
                })
            }
            (value @ (Self::Array(_) | Self::String(_) | Self::Null), Self::Object(slice)) => {
                value.map_range(slice.get("start")..slice.get("end"), opt, f)
            }
            (value, index) => opt.fail(value, |value| Exn::from(cannot_index(&value, index))),
        }
    }

    fn map_range<'a, I: Iterator<Item = ValX<'a, Self>>>(
        self,
        range: Range<&Self>,
        opt: Opt,
        f: impl Fn(Self) -> I,
    ) -> ValX<'a, Self> {
        let array = match self {
            Self::Array(array) => array,
            Self::Null => Arc::default(),
            Self::String(_) => {
                return opt.fail(self, |_| {
                    Exn::from(Error::str("Cannot update string slices"))
                });
            }
            _ => {
                let slice = Self::from(range.start.cloned()..range.end.cloned());
                return opt.fail(self, |value| Exn::from(cannot_index(&value, &slice)));
            }
        };
        let mut array = Arc::unwrap_or_clone(array);
        let range = Bounds::new(range.start, range.end)?.within(array.len());
        let part = Self::array(array[range.clone()].to_vec());
        match f(part).next().transpose()? {
            Some(Self::Array(part)) => {
                array.splice(range, part.iter().cloned());
            }
            None => {
                array.drain(range);
            }
            Some(_) => {
                let why = "A slice of an array can only be assigned another array";
                return Err(Exn::from(Error::str(why)));
            }
        }
        Ok(Self::Array(Arc::new(array)))
    }

    fn as_bool(&self) -> bool {
        !matches!(self, Self::Null | Self::Bool(false))
    }

    fn into_string(self) -> Self {
        match self {
            Self::String(_) => self,
            Self::Bytes(bytes) => data_encoding::BASE64.encode(&bytes).into(),
            value => value.to_string().into(),
        }
    }
}

fn map_member<'a, I: Iterator<Item = ValX<'a, Value>>>(
    mut object: Arc<Object>,
    name: &Text,
    f: impl Fn(Value) -> I,
) -> ValX<'a, Value> {
    let members = Arc::make_mut(&mut object);
    let old = members.get_mut(name).map(std::mem::take);
    match f(old.unwrap_or_default()).next().transpose()? {
        Some(new) => match members.get_mut(name) {
            Some(place) => *place = new,
            None => {
                members.insert(name.clone(), new);
            }
        },
        None => {
            members.remove(name);
        }
    }
    Ok(Value::Object(object))
}

fn map_item<'a, I: Iterator<Item = ValX<'a, Value>>>(
    mut array: Arc<Array>,
    number: &Number,
    f: impl Fn(Value) -> I,
) -> ValX<'a, Value> {
    let why = |why: &str| Exn::from(Error::str(why));
    let asked = place(number).ok_or_else(|| why("Cannot set array element at NaN index"))?;
    let at = slices::from_either_end(asked, array.len());
    let items = Arc::make_mut(&mut array);
    let old = at.and_then(|at| items.get_mut(at)).map(std::mem::take);
    let new = f(old.unwrap_or_default()).next().transpose()?;
    match (new, at) {
        (Some(new), Some(at)) => {
            if at as i64 >= MOST_ITEMS && at >= items.len() {
                return Err(why("Array index too large"));
            }
            if at >= items.len() {
                items.resize(at + 1, Value::Null);
            }
            items[at] = new;
        }
        (Some(_), None) => return Err(why("Out of bounds negative array index")),
        (None, Some(at)) if at < items.len() => {
            items.remove(at);
        }
        (None, _) => {}
    }
    Ok(Value::Array(array))
}

impl jaq_std::ValT for Value {
    fn into_seq<S: FromIterator<Self>>(self) -> Result<S, Self> {
        match self {
            Self::Array(array) => Ok(match Arc::try_unwrap(array) {
                Ok(array) => array.into_iter().collect(),
                Err(array) => array.iter().cloned().collect(),
            }),
            value => Err(value),
        }
    }

    fn is_int(&self) -> bool {
        matches!(self, Self::Number(number) if number.is_whole())
    }

    fn as_isize(&self) -> Option<isize> {
        match self {
            Self::Number(number @ (Number::Int(_) | Number::Text(_) | Number::Big(_))) => {
                number.as_i64().map(|int| int as isize)
            }
            // What is computed is often a float that means a whole number.
            Self::Number(Number::Float(float)) if float.fract() == 0.0 && float.abs() < 9e15 => {
                Some(*float as isize)
            }
            _ => None,
        }
    }

    fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(number.as_f64()),
            _ => None,
        }
    }

    fn is_utf8_str(&self) -> bool {
        matches!(self, Self::String(_))
    }

    fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Self::String(text) => Some(text.as_bytes()),
            Self::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    fn as_sub_str(&self, sub: &[u8]) -> Self {
        match self {
            Self::Bytes(_) => Self::bytes(sub.to_vec()),
            _ => String::from_utf8_lossy(sub).as_ref().into(),
        }
    }

    fn from_utf8_bytes(bytes: impl AsRef<[u8]> + Send + 'static) -> Self {
        String::from_utf8_lossy(bytes.as_ref()).as_ref().into()
    }
}
