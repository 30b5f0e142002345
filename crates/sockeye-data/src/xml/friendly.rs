//! The friendly mapping, as xmltodict and its kin have it: elements are members, attributes `@name`, text beside them `#text`. The order
//! of elements with different names, comments and instructions are lost.

use crate::value::{Object, Text, Value};

use super::attributes::Attributes;
use super::names;

/// Builds the value of one element at a time, without recursion.
#[derive(Debug)]
pub(super) struct Friendly {
    list: Vec<String>,
    keeps_space: bool,
    open: Vec<Open>,
    /// The text of all open elements behind each other: of an inner one, it is taken out before more comes to the outer one.
    text: String,
}

#[derive(Debug)]
struct Open {
    name: Text,
    members: Object,
    text: usize,
}

impl Friendly {
    pub(super) fn new(list: Vec<String>, keeps_space: bool) -> Self {
        Self {
            list,
            keeps_space,
            open: Vec::new(),
            text: String::new(),
        }
    }

    pub(super) fn start(&mut self, name: &str, attributes: &Attributes) {
        let mut members = Object::new();
        let mut marked = Text::new();
        for (name, value) in attributes.iter() {
            marked.clear();
            marked.push('@');
            marked.push_str(name);
            members.insert(marked.clone(), Value::from(value));
        }
        self.open.push(Open {
            name: name.into(),
            members,
            text: self.text.len(),
        });
    }

    pub(super) fn text(&mut self, text: &str) {
        let Some(open) = self.open.last() else { return };
        // What will be cut off at the end need not be kept until then.
        let cut = !self.keeps_space && self.text.len() == open.text;
        let text = if cut {
            text.trim_start_matches([' ', '\t', '\n', '\r'])
        } else {
            text
        };
        self.text.push_str(text);
    }

    /// The element is over: its name and its value.
    pub(super) fn end(&mut self) -> Option<(Text, Value)> {
        let open = self.open.pop()?;
        let text = &self.text[open.text..];
        let has_members = !open.members.is_empty();
        let text = match self.keeps_space {
            false => names::trim(text),
            true if has_members && names::is_blank(text) => "",
            true => text,
        };
        let value = match (has_members, text.is_empty()) {
            (false, true) => Value::Null,
            (false, false) => Value::from(text),
            (true, is_empty) => {
                let mut members = open.members;
                if !is_empty {
                    members.insert("#text".into(), Value::from(text));
                }
                Value::from(members)
            }
        };
        self.text.truncate(open.text);
        Some((open.name, value))
    }

    /// Put the value of an inner element into the one around it.
    pub(super) fn put(&mut self, name: Text, value: Value) {
        let Some(outer) = self.open.last_mut() else {
            return;
        };
        match outer.members.get_mut(&name) {
            // Values of elements are no arrays, so this one holds those that came before.
            Some(Value::Array(items)) => std::sync::Arc::make_mut(items).push(value),
            Some(one) => {
                let first = std::mem::take(one);
                *one = Value::array(vec![first, value]);
            }
            None => {
                let is_list = self.list.iter().any(|listed| *listed == *name);
                let value = if is_list {
                    Value::array(vec![value])
                } else {
                    value
                };
                outer.members.insert(name, value);
            }
        }
    }
}
