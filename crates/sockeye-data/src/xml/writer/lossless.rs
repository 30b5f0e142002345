//! Lossless nodes, see the [reader's mapping](super::super::lossless).

use crate::record::{Error, Limits};
use crate::value::{Object, Value};

use super::super::dtd::Dtd;
use super::super::entities::Budget;
use super::super::input::Input;
use super::super::lossless::{
    ATTRIBUTES, CDATA, CHILDREN, COMMENT, DECLARATION, DOCTYPE, DOCUMENT, ELEMENT, INSTRUCTION,
};
use super::super::tokens::Token;
use super::super::{declaration, names, parser};
use super::{Crumb, Trail, text};

/// What is still to be written, the next thing last.
enum Task<'a> {
    Node(&'a Value),
    End(&'a str),
    Enter(Crumb),
    Leave,
}

pub(super) fn is_document(value: &Value) -> bool {
    value.get(DOCUMENT).is_some()
}

pub(super) fn is_element(value: &Value) -> bool {
    value.get(ELEMENT).is_some()
}

/// Whether it has the shape of the lossless mapping, text aside.
pub(super) fn is_node(value: &Value) -> bool {
    const NAMES: [&str; 7] = [
        ELEMENT,
        DOCUMENT,
        DECLARATION,
        DOCTYPE,
        CDATA,
        COMMENT,
        INSTRUCTION,
    ];
    value
        .as_object()
        .is_some_and(|object| NAMES.iter().any(|name| object.get(name).is_some()))
}

/// Write a node and all within it.
pub(super) fn write(node: &Value, trail: &mut Trail, out: &mut Vec<u8>) -> Result<(), Error> {
    let mut tasks = vec![Task::Node(node)];
    while let Some(task) = tasks.pop() {
        match task {
            Task::Node(node) => write_node(node, trail, &mut tasks, out)?,
            Task::End(name) => {
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

fn write_node<'a>(
    node: &'a Value,
    trail: &mut Trail,
    tasks: &mut Vec<Task<'a>>,
    out: &mut Vec<u8>,
) -> Result<(), Error> {
    let object = match node {
        Value::String(content) => return text::text(content, trail, out),
        Value::Object(object) => object,
        other => return Err(trail.unsupported(&format!("{} is no node", other.kind()))),
    };
    if object.get(ELEMENT).is_some() {
        return element(object, trail, tasks, out);
    }
    let (name, value) = match (object.len(), object.at(0)) {
        (1, Some(member)) => member,
        _ => return Err(trail.unsupported("an object that is no lossless node")),
    };
    trail.0.push(Crumb::Member(name.to_string()));
    match name.as_str() {
        DOCUMENT => document(value, trail, tasks)?,
        DECLARATION => declared(value, trail, out)?,
        INSTRUCTION => instruction(value, trail, out)?,
        DOCTYPE => {
            between("<!DOCTYPE ", value, ">", trail, out, is_doctype)?;
            out.push(b'\n');
        }
        CDATA => between("<![CDATA[", value, "]]>", trail, out, |text| {
            !text.contains("]]>")
        })?,
        COMMENT => between("<!--", value, "-->", trail, out, |text| {
            !text.contains("--") && !text.ends_with('-')
        })?,
        _ => return Err(trail.unsupported("an object that is no lossless node")),
    }
    trail.0.pop();
    Ok(())
}

fn between(
    start: &str,
    value: &Value,
    end: &str,
    trail: &Trail,
    out: &mut Vec<u8>,
    is_good: impl Fn(&str) -> bool,
) -> Result<(), Error> {
    let content = string(value, trail)?;
    text::check(content, trail)?;
    if !is_good(content) || content.contains('\r') {
        let why = format!("{start:?} and {end:?} cannot be around this text");
        return Err(trail.unsupported(&why));
    }
    for part in [start, content, end] {
        out.extend_from_slice(part.as_bytes());
    }
    Ok(())
}

/// Whether it is the inside of one DOCTYPE.
fn is_doctype(content: &str) -> bool {
    let whole = format!("<!DOCTYPE {content}>");
    let token = Input::of_entity(&whole).token();
    let ends = matches!(token, Ok(Token::Doctype(inner)) if inner.end + 1 == whole.len());
    let mut budget = Budget::new(Limits::default().expansion);
    let inner = &whole["<!DOCTYPE".len()..whole.len() - 1];
    ends && Dtd::new(false, false).parse(inner, &mut budget).is_ok()
}

fn string<'a>(value: &'a Value, trail: &Trail) -> Result<&'a str, Error> {
    value
        .as_str()
        .ok_or_else(|| trail.unsupported(&format!("{} instead of a string", value.kind())))
}

/// The nodes of a document: one element, and no text beside it.
fn document<'a>(value: &'a Value, trail: &Trail, tasks: &mut Vec<Task<'a>>) -> Result<(), Error> {
    let Some(nodes) = value.as_array() else {
        return Err(trail.unsupported("a document is an array of nodes"));
    };
    if nodes.iter().filter(|node| is_element(node)).count() != 1 {
        return Err(trail.unsupported("a document has one root element"));
    }
    for (at, node) in nodes.iter().enumerate() {
        let is_head = node.get(DECLARATION).is_some() && at > 0;
        if is_head || node.get(CDATA).is_some() || !is_node(node) || is_document(node) {
            return Err(
                trail.unsupported(&format!("node {at} cannot be in this place of a document"))
            );
        }
    }
    children(DOCUMENT, nodes, tasks);
    Ok(())
}

fn children<'a>(name: &str, nodes: &'a [Value], tasks: &mut Vec<Task<'a>>) {
    tasks.push(Task::Leave);
    for (at, node) in nodes.iter().enumerate().rev() {
        tasks.push(Task::Leave);
        tasks.push(Task::Node(node));
        tasks.push(Task::Enter(Crumb::Item(at)));
    }
    tasks.push(Task::Enter(Crumb::Member(name.to_owned())));
}

fn element<'a>(
    object: &'a Object,
    trail: &mut Trail,
    tasks: &mut Vec<Task<'a>>,
    out: &mut Vec<u8>,
) -> Result<(), Error> {
    let known = [ELEMENT, ATTRIBUTES, CHILDREN];
    if let Some(other) = object.keys().find(|name| !known.contains(&name.as_str())) {
        return Err(trail.unsupported(&format!("{other:?} is no part of a lossless element")));
    }
    let name = object.get(ELEMENT).and_then(Value::as_str);
    let Some(name) = name.filter(|name| names::is_name(name)) else {
        trail.0.push(Crumb::Member(ELEMENT.to_owned()));
        return Err(trail.unsupported("this is no name of an element"));
    };
    out.push(b'<');
    out.extend_from_slice(name.as_bytes());
    if let Some(attributes) = object.get(ATTRIBUTES) {
        trail.0.push(Crumb::Member(ATTRIBUTES.to_owned()));
        let Some(attributes) = attributes.as_object() else {
            return Err(trail.unsupported("attributes are an object"));
        };
        for (name, value) in attributes.iter() {
            trail.0.push(Crumb::Member(name.to_string()));
            text::attribute(name, string(value, trail)?, trail, out)?;
            trail.0.pop();
        }
        trail.0.pop();
    }
    match object.get(CHILDREN) {
        None => out.extend_from_slice(b"/>"),
        Some(Value::Array(nodes)) => {
            out.push(b'>');
            if let Some(at) = nodes.iter().position(is_outside) {
                return Err(trail.unsupported(&format!("child {at} cannot be within an element")));
            }
            tasks.push(Task::End(name));
            children(CHILDREN, nodes, tasks);
        }
        Some(other) => {
            return Err(trail.unsupported(&format!("children are an array, not {}", other.kind())));
        }
    }
    Ok(())
}

/// Nodes that only a document has.
fn is_outside(node: &Value) -> bool {
    [DOCUMENT, DECLARATION, DOCTYPE]
        .iter()
        .any(|name| node.get(name).is_some())
}

/// The declaration says UTF-8, since that is what is written.
fn declared(value: &Value, trail: &Trail, out: &mut Vec<u8>) -> Result<(), Error> {
    let part = |name: &str| value.get(name).and_then(Value::as_str);
    let mut inner = format!("xml version=\"{}\"", part("version").unwrap_or("1.0"));
    if part("encoding").is_some() {
        inner.push_str(" encoding=\"UTF-8\"");
    }
    if let Some(word) = part("standalone") {
        inner.push_str(&format!(" standalone=\"{word}\""));
    }
    if declaration::parse(&inner).is_err() {
        return Err(trail.unsupported("this is no XML declaration"));
    }
    out.extend_from_slice(format!("<?{inner}?>\n").as_bytes());
    Ok(())
}

fn instruction(value: &Value, trail: &Trail, out: &mut Vec<u8>) -> Result<(), Error> {
    let part = |name: &str| value.get(name).map_or(Ok(""), |value| string(value, trail));
    let (target, data) = (part("target")?, part("data")?);
    let inner = if data.is_empty() {
        target.to_owned()
    } else {
        format!("{target} {data}")
    };
    let is_good = names::is_name(target)
        && parser::check_instruction(&inner).is_ok()
        && !data.contains("?>")
        && !data.contains('\r')
        && !data.starts_with([' ', '\t', '\n']);
    if !is_good {
        return Err(trail.unsupported("this is no processing instruction"));
    }
    text::check(data, trail)?;
    out.extend_from_slice(format!("<?{inner}?>").as_bytes());
    Ok(())
}
