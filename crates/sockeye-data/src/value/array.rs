//! Items of an array: a vector that also falls apart without recursion, however deep it is nested.

use std::ops::{Deref, DerefMut};

use super::{Value, fall};

/// Values in order: a `Vec<Value>` in all but name, made by `into()`, `collect()` or [`Value::array`].
///
/// ```
/// use sockeye_data::value::{Array, Value};
///
/// let mut array: Array = vec![Value::from(1)].into();
/// array.push(Value::Null);
/// assert_eq!(array.len(), 2);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Array(Vec<Value>);

impl Array {
    /// The items as a plain vector.
    pub fn into_vec(mut self) -> Vec<Value> {
        std::mem::take(&mut self.0)
    }
}

impl Drop for Array {
    fn drop(&mut self) {
        if self.0.iter().any(fall::is_nested) {
            fall::apart(std::mem::take(&mut self.0).into_iter());
        }
    }
}

impl PartialEq for Array {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl Deref for Array {
    type Target = Vec<Value>;

    fn deref(&self) -> &Vec<Value> {
        &self.0
    }
}

impl DerefMut for Array {
    fn deref_mut(&mut self) -> &mut Vec<Value> {
        &mut self.0
    }
}

impl From<Vec<Value>> for Array {
    fn from(items: Vec<Value>) -> Self {
        Self(items)
    }
}

impl From<Array> for Vec<Value> {
    fn from(array: Array) -> Self {
        array.into_vec()
    }
}

impl FromIterator<Value> for Array {
    fn from_iter<I: IntoIterator<Item = Value>>(items: I) -> Self {
        Self(items.into_iter().collect())
    }
}

impl IntoIterator for Array {
    type Item = Value;
    type IntoIter = std::vec::IntoIter<Value>;

    fn into_iter(self) -> Self::IntoIter {
        self.into_vec().into_iter()
    }
}

impl<'a> IntoIterator for &'a Array {
    type Item = &'a Value;
    type IntoIter = std::slice::Iter<'a, Value>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}
