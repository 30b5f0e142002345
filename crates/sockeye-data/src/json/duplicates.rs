//! Names that stand more than once in an object.

use std::sync::Arc;

use crate::value::{Object, Text, Value};

use super::Duplicates;
use super::fault::Fault;

/// More members than this are not looked through one by one.
const FEW: usize = 16;

/// Whether a name is there already. Yes is also said where it would take long to know.
#[cold]
pub(super) fn is_there(members: &[(Text, Value)], name: &str) -> bool {
    members.len() > FEW || members.iter().any(|(known, _)| known == name)
}

/// An object of which two names may be the same; it ends at `at`.
#[cold]
pub(super) fn settle(
    duplicates: Duplicates,
    members: Vec<(Text, Value)>,
    at: usize,
) -> Result<Object, Fault> {
    let mut object = Object::with_capacity(members.len());
    // Those that stand more than once, with all their values.
    let mut several = Object::new();
    for (name, value) in members {
        if duplicates == Duplicates::Last {
            object.insert(name, value);
            continue;
        }
        let Some(known) = object.get_mut(&name) else {
            object.insert(name, value);
            continue;
        };
        if duplicates == Duplicates::Error {
            let why = format!("the name {name:?} stands twice in an object");
            return Err(Fault::syntax(at, why));
        }
        match known {
            Value::Array(values) if several.get(&name).is_some() => {
                Arc::make_mut(values).push(value);
            }
            first => {
                *first = Value::array(vec![std::mem::take(first), value]);
                several.insert(name, Value::Null);
            }
        }
    }
    Ok(object)
}
