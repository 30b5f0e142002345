//! Friendly values: members are elements, `@name` is an attribute, `#text` is text, arrays are elements that repeat.

use std::borrow::Cow;

use crate::record::{Error, ErrorKind};
use crate::value::{Object, Value};

use super::super::{FORMAT, names};
use super::{Crumb, Trail, lossless, text};

/// How deep values may be nested that are written.
const DEPTH: usize = 10_000;

/// Where lines break.
#[derive(Clone, Copy)]
pub(super) struct Layout {
    pub(super) indent: Option<usize>,
    pub(super) depth: usize,
}

/// What is still to be written, the next thing last.
enum Task<'a> {
    Element(&'a str, &'a Value, Layout),
    Text(&'a Value),
    End(&'a str, Layout, bool),
    Enter(Crumb),
    Leave,
}

/// Write the element `name`; an array is several of them.
pub(super) fn write(
    name: &str,
    value: &Value,
    layout: Layout,
    trail: &mut Trail,
    out: &mut Vec<u8>,
) -> Result<(), Error> {
    let mut tasks = Vec::new();
    element(name, value, layout, trail, &mut tasks, out)?;
    while let Some(task) = tasks.pop() {
        match task {
            Task::Element(name, value, layout) => {
                element(name, value, layout, trail, &mut tasks, out)?;
            }
            Task::Text(value) => {
                let Some(content) = scalar(value) else {
                    let why = format!("{} as the text of an element", value.kind());
                    return Err(trail.unsupported(&why));
                };
                text::text(&content, trail, out)?;
            }
            Task::End(name, layout, breaks) => {
                if breaks {
                    line(layout, out);
                }
                out.extend_from_slice(b"</");
                out.extend_from_slice(name.as_bytes());
                out.push(b'>');
            }
            Task::Enter(crumb) => trail.0.push(crumb),
            Task::Leave => drop(trail.0.pop()),
        }
    }
    Ok(())
}

fn line(layout: Layout, out: &mut Vec<u8>) {
    if let Some(indent) = layout.indent {
        out.push(b'\n');
        out.resize(out.len() + indent * layout.depth, b' ');
    }
}

fn element<'a>(
    name: &'a str,
    value: &'a Value,
    layout: Layout,
    trail: &mut Trail,
    tasks: &mut Vec<Task<'a>>,
    out: &mut Vec<u8>,
) -> Result<(), Error> {
    if !names::is_name(name) {
        return Err(trail.unsupported(&format!("{name:?} is no name of an element")));
    }
    if layout.depth > DEPTH {
        let why = format!("values are nested deeper than {DEPTH}");
        return Err(Error::new(ErrorKind::Limit, FORMAT, why));
    }
    if lossless::is_node(value) {
        return Err(trail.unsupported("a lossless node within a friendly value"));
    }
    if layout.depth > 0 {
        line(layout, out);
    }
    out.push(b'<');
    out.extend_from_slice(name.as_bytes());
    if let Value::Object(object) = value {
        return members(name, object, layout, trail, tasks, out);
    }
    let Some(content) = scalar(value) else {
        return Err(trail.unsupported("an array within an array"));
    };
    if content.is_empty() {
        out.extend_from_slice(b"/>");
        return Ok(());
    }
    out.push(b'>');
    text::text(&content, trail, out)?;
    out.extend_from_slice(b"</");
    out.extend_from_slice(name.as_bytes());
    out.push(b'>');
    Ok(())
}

fn members<'a>(
    name: &'a str,
    object: &'a Object,
    layout: Layout,
    trail: &mut Trail,
    tasks: &mut Vec<Task<'a>>,
    out: &mut Vec<u8>,
) -> Result<(), Error> {
    let mut has_children = false;
    let mut has_text = false;
    for (member, value) in object.iter() {
        if let Some(attribute) = member.strip_prefix('@') {
            trail.0.push(Crumb::Member(member.to_string()));
            let Some(content) = scalar(value) else {
                let why = format!("{} as the value of an attribute", value.kind());
                return Err(trail.unsupported(&why));
            };
            text::attribute(attribute, &content, trail, out)?;
            trail.0.pop();
        } else if member == "#text" {
            has_text = true;
        } else {
            has_children |= value.as_array().is_none_or(|items| !items.is_empty());
        }
    }
    if !has_children && !has_text {
        out.extend_from_slice(b"/>");
        return Ok(());
    }
    out.push(b'>');
    // Blanks beside text would be text.
    let indent = if has_text { None } else { layout.indent };
    tasks.push(Task::End(name, layout, indent.is_some()));
    let inner = Layout {
        indent,
        depth: layout.depth + 1,
    };
    let first = tasks.len();
    for (member, value) in object.iter().filter(|(member, _)| !member.starts_with('@')) {
        tasks.push(Task::Enter(Crumb::Member(member.to_string())));
        match value {
            _ if member == "#text" => tasks.push(Task::Text(value)),
            Value::Array(items) => {
                for (at, item) in items.iter().enumerate() {
                    tasks.push(Task::Enter(Crumb::Item(at)));
                    tasks.push(Task::Element(member, item, inner));
                    tasks.push(Task::Leave);
                }
            }
            _ => tasks.push(Task::Element(member, value, inner)),
        }
        tasks.push(Task::Leave);
    }
    tasks[first..].reverse();
    Ok(())
}

/// What a value is as text; arrays and objects are none.
fn scalar(value: &Value) -> Option<Cow<'_, str>> {
    Some(match value {
        Value::Null => Cow::Borrowed(""),
        Value::Bool(true) => Cow::Borrowed("true"),
        Value::Bool(false) => Cow::Borrowed("false"),
        Value::Number(number) => Cow::Owned(number.to_string()),
        Value::String(text) => Cow::Borrowed(text),
        Value::Bytes(bytes) => Cow::Owned(data_encoding::BASE64.encode(bytes)),
        Value::Array(_) | Value::Object(_) => return None,
    })
}
