//! The way through a value that is written, without recursion.

use std::fmt::Write as _;

use crate::value::{Object, Text, Value};

/// What comes next.
pub(crate) enum Visit<'a> {
    Key(&'a Text),
    Value(&'a Value),
}

enum Frame<'a> {
    List(&'a [Value], usize),
    /// The members, their order if it is not their own, the next one, and whether its key was visited.
    Map(&'a Object, Option<Vec<usize>>, usize, bool),
    One(Option<&'a Value>),
}

/// Visits values one by one. Who gets a list or a map enters it, or leaves it out.
pub(crate) struct Walk<'a>(Vec<Frame<'a>>);

impl<'a> Walk<'a> {
    pub(crate) fn new(value: &'a Value) -> Self {
        Self(vec![Frame::One(Some(value))])
    }

    pub(crate) fn enter_list(&mut self, items: &'a [Value]) {
        self.0.push(Frame::List(items, 0));
    }

    pub(crate) fn enter_map(&mut self, object: &'a Object, order: Option<Vec<usize>>) {
        self.0.push(Frame::Map(object, order, 0, false));
    }

    /// A value within another one, as behind a tag.
    pub(crate) fn enter(&mut self, value: &'a Value) {
        self.0.push(Frame::One(Some(value)));
    }

    pub(crate) fn next(&mut self) -> Option<Visit<'a>> {
        loop {
            let found = match self.0.last_mut()? {
                Frame::One(value) => value.take().map(Visit::Value),
                Frame::List(items, next) => {
                    *next += 1;
                    items.get(*next - 1).map(Visit::Value)
                }
                Frame::Map(object, order, next, is_key_done) => {
                    let place = order
                        .as_ref()
                        .map_or(Some(*next), |order| order.get(*next).copied());
                    let member = place.and_then(|place| object.at(place));
                    match std::mem::replace(is_key_done, !*is_key_done) {
                        false => member.map(|(name, _)| Visit::Key(name)),
                        true => {
                            *next += 1;
                            member.map(|(_, value)| Visit::Value(value))
                        }
                    }
                }
            };
            match found {
                Some(visit) => return Some(visit),
                None => drop(self.0.pop()),
            }
        }
    }

    /// Where the value is that was visited last, as jq writes it.
    pub(crate) fn path(&self) -> String {
        let mut path = String::new();
        for frame in &self.0 {
            match frame {
                Frame::One(_) => {}
                Frame::List(_, next) => {
                    let _ = write!(path, "[{}]", next.saturating_sub(1));
                }
                Frame::Map(object, order, next, is_key_done) => {
                    let next = next.saturating_sub(usize::from(!is_key_done));
                    let place = order
                        .as_ref()
                        .map_or(Some(next), |order| order.get(next).copied());
                    if let Some((name, _)) = place.and_then(|place| object.at(place)) {
                        push_name(&mut path, name);
                    }
                }
            }
        }
        match path.is_empty() {
            true => ".".to_owned(),
            false if path.starts_with('[') => format!(".{path}"),
            false => path,
        }
    }
}

/// A name in a path: `.a`, or `."a b"`.
pub(crate) fn push_name(path: &mut String, name: &str) {
    let is_word = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    let _ = match is_word {
        true => write!(path, ".{name}"),
        false => write!(path, ".{name:?}"),
    };
}
