//! Values that carry a type of their own: tags of YAML and CBOR, dates of TOML, extensions of MessagePack.
//!
//! JSON has no place for such a type. With [`Tags::Keep`] readers yield, and writers take, an object with one member whose name is
//! `!` and the type: `{"!date-local": "1979-05-27"}` is a date in TOML, `{"!32": "https://a.example/"}` a URL in CBOR.

use crate::value::{Object, Text, Value};

/// What happens to types that JSON does not have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tags {
    /// The value stays, its type goes. Writers take an object `{"!name": …}` as an object.
    #[default]
    Drop,
    /// The value becomes `{"!name": value}`, and such an object is written as the type that it names.
    Keep,
}

/// A value with its type; `name` starts with `!`.
pub(crate) fn wrap(name: impl Into<Text>, value: Value) -> Value {
    let mut object = Object::with_capacity(1);
    object.insert(name.into(), value);
    Value::from(object)
}

/// The type's name and the value, if this is a value with its type and `tags` says so.
pub(crate) fn unwrap(value: &Value, tags: Tags) -> Option<(&str, &Value)> {
    let object = value.as_object().filter(|object| object.len() == 1)?;
    let (name, value) = object.at(0)?;
    (tags == Tags::Keep && name.len() > 1 && name.starts_with('!'))
        .then_some((name.as_str(), value))
}
