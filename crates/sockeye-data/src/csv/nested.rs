//! Arrays and objects within a record: as JSON text, or each value as a cell of its own.

use crate::value::{Object, Text, Value};

/// Compact JSON text.
pub(super) fn json(value: &Value) -> String {
    crate::json::to_string(value)
}

/// The members of an object and of what is in it, named by their paths; `None` if nothing is in it.
pub(super) fn flat(object: &Object) -> Option<Vec<(Text, Value)>> {
    let nested = |value: &Value| matches!(value, Value::Array(_) | Value::Object(_));
    if !object.iter().any(|(_, value)| nested(value)) {
        return None;
    }
    let mut flat = Vec::new();
    // The next one is the last.
    let mut open: Vec<(Text, Value)> = members(None, object);
    open.reverse();
    while let Some((path, value)) = open.pop() {
        let mut within = match &value {
            Value::Object(object) if !object.is_empty() => members(Some(&path), object),
            Value::Array(items) if !items.is_empty() => items
                .iter()
                .enumerate()
                .map(|(place, item)| (under(Some(&path), &place.to_string()), item.clone()))
                .collect(),
            _ => {
                flat.push((path, value));
                continue;
            }
        };
        within.reverse();
        open.append(&mut within);
    }
    // `{"a.b":1,"a":{"b":2}}`: both stay.
    let names = super::header::distinct(flat.iter().map(|(name, _)| name.clone()));
    Some(
        names
            .into_iter()
            .zip(flat.into_iter().map(|(_, value)| value))
            .collect(),
    )
}

fn members(path: Option<&Text>, object: &Object) -> Vec<(Text, Value)> {
    object
        .iter()
        .map(|(name, value)| (under(path, name), value.clone()))
        .collect()
}

fn under(path: Option<&Text>, name: &str) -> Text {
    let Some(path) = path else {
        return name.into();
    };
    let mut under = Text::with_capacity(path.len() + 1 + name.len());
    under.push_str(path);
    under.push('.');
    under.push_str(name);
    under
}
