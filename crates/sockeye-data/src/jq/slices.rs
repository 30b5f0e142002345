//! Places and slices of arrays and texts, as jq counts them: from either end, fractions to the outside, in characters.

use std::ops;

use super::values::{Error, fail};
use crate::value::Value;

/// The place that `at` names, counted from the end if it is negative; `None` before the start. It may lie beyond the end.
pub(super) fn from_either_end(at: i64, length: usize) -> Option<usize> {
    match at < 0 {
        true => usize::try_from(at.checked_add(i64::try_from(length).ok()?)?).ok(),
        false => usize::try_from(at).ok(),
    }
}

/// The start of a text, at most so many bytes of whole characters.
pub(super) fn start_of(text: &str, bytes: usize) -> &str {
    let mut end = bytes.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// Where a slice begins and ends; what is missing is at the end of the whole.
pub(super) struct Bounds {
    start: Option<f64>,
    end: Option<f64>,
}

impl Bounds {
    pub(super) fn new(start: Option<&Value>, end: Option<&Value>) -> Result<Self, Error> {
        let bound = |value: Option<&Value>| match value {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Number(number)) => {
                let float = number.as_f64();
                Ok((!float.is_nan()).then_some(float))
            }
            Some(_) => fail("Array/string slice indices must be integers"),
        };
        Ok(Self {
            start: bound(start)?,
            end: bound(end)?,
        })
    }

    /// The slice of so many items.
    pub(super) fn within(&self, length: usize) -> ops::Range<usize> {
        let most = length as f64;
        let place = |at: f64| {
            if at < 0.0 {
                (at + most).max(0.0)
            } else {
                at.min(most)
            }
        };
        let start = self.start.map_or(0, |at| place(at).floor() as usize);
        let end = self.end.map_or(length, |at| place(at).ceil() as usize);
        start..end.max(start)
    }

    /// The slice of a text, in characters.
    pub(super) fn of_text<'a>(&self, text: &'a str) -> &'a str {
        if text.is_ascii() {
            return &text[self.within(text.len())];
        }
        let range = self.within(text.chars().count());
        let mut places = text.char_indices().map(|(at, _)| at).chain([text.len()]);
        let start = places.nth(range.start).unwrap_or(text.len());
        match range.len() {
            0 => "",
            more => &text[start..places.nth(more - 1).unwrap_or(text.len())],
        }
    }
}
