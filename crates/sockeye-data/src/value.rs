//! One value for all formats: what JSON can say, and bytes.
//!
//! Every reader yields [`Value`]s and every writer takes them, so that each format converts into each other. Numbers keep the text
//! they were written as until they are computed with; strings are UTF-8, short ones without an allocation; a clone is cheap.

mod arithmetic;
mod array;
mod fall;
mod number;
mod object;
mod order;
pub(crate) mod text;

use std::sync::Arc;

pub use array::Array;
pub use number::Number;
pub use object::Object;

/// Text of values: UTF-8, up to 15 bytes in place, more behind a counted reference.
pub type Text = ecow::EcoString;

/// A value as it is on the wire of any format.
///
/// ```
/// use sockeye_data::value::{Object, Value};
///
/// let mut object = Object::new();
/// object.insert("id".into(), Value::from(7));
/// let value = Value::from(object);
/// assert_eq!(value.get("id").and_then(Value::as_i64), Some(7));
/// ```
#[derive(Clone, Debug, Default)]
pub enum Value {
    /// Nothing.
    #[default]
    Null,
    /// True or false.
    Bool(bool),
    /// A number, exactly as it was written.
    Number(Number),
    /// Text.
    String(Text),
    /// Bytes that are no text: CBOR, MessagePack and attachments have them. Formats without bytes write them as base64.
    Bytes(Arc<Vec<u8>>),
    /// Values in order.
    Array(Arc<Array>),
    /// Names and values, in the order in which they came.
    Object(Arc<Object>),
}

impl Value {
    /// An array.
    pub fn array(items: Vec<Value>) -> Self {
        Self::Array(Arc::new(items.into()))
    }

    /// Bytes that are no text.
    pub fn bytes(bytes: Vec<u8>) -> Self {
        Self::Bytes(Arc::new(bytes))
    }

    /// What the member `name` of an object is.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.as_object().and_then(|object| object.get(name))
    }

    /// The text of a string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// A number that is a whole one within 64 bits.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Number(number) => number.as_i64(),
            _ => None,
        }
    }

    /// The items of an array.
    pub fn as_array(&self) -> Option<&[Value]> {
        match self {
            Self::Array(items) => Some(items),
            _ => None,
        }
    }

    /// The members of an object.
    pub fn as_object(&self) -> Option<&Object> {
        match self {
            Self::Object(object) => Some(object),
            _ => None,
        }
    }

    /// What kind of value it is, in the words of JSON; bytes are `bytes`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "boolean",
            Self::Number(_) => "number",
            Self::String(_) => "string",
            Self::Bytes(_) => "bytes",
            Self::Array(_) => "array",
            Self::Object(_) => "object",
        }
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Number(Number::Int(value))
    }
}

impl From<i32> for Value {
    fn from(value: i32) -> Self {
        Self::from(i64::from(value))
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Number(Number::Float(value))
    }
}

impl From<Number> for Value {
    fn from(value: Number) -> Self {
        Self::Number(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::String(value.into())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::String(value.into())
    }
}

impl From<Text> for Value {
    fn from(value: Text) -> Self {
        Self::String(value)
    }
}

impl From<Vec<Value>> for Value {
    fn from(items: Vec<Value>) -> Self {
        Self::array(items)
    }
}

impl From<Object> for Value {
    fn from(object: Object) -> Self {
        Self::Object(Arc::new(object))
    }
}

#[cfg(test)]
mod tests {
    use super::Value;

    #[test]
    fn a_value_is_three_words() {
        assert_eq!(size_of::<Value>(), 24);
    }

    #[test]
    fn deep_values_fall_apart_without_a_stack() {
        let mut value = Value::Null;
        for level in 0..200_000 {
            value = match level % 2 {
                0 => Value::array(vec![value]),
                _ => super::Object::from_iter([("a".into(), value)]).into(),
            };
        }
        drop(value);
    }
}
