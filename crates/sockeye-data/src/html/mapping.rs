//! Documents and elements as values, and back.
//!
//! The tree as values: a document is `{"children": […]}`, an element `{"tag", "attributes": {…}, "children": […]}`, with
//! `"namespace": "svg"` or `"math"` where it is not of HTML; text is a string, a comment `{"comment": …}`, a doctype `{"doctype":
//! "html"}`, with `"public"` and `"system"` where it has them. What a `<template>` holds stands as its children.

use super::address::Base;
use super::element::{Element, Node};
use super::serialize;
use super::tree::{Document, NodeId, ROOT, Step};
use super::{FORMAT, entity};
use crate::record::{Error, ErrorKind};
use crate::value::{Object, Text, Value};

/// Deeper trees are not made into values: those who use them call themselves for each level.
const DEEPEST: usize = 2_000;

impl Document {
    /// The document as a value that says all that is in the tree.
    ///
    /// ```
    /// use sockeye_data::html::{Document, to_string};
    ///
    /// let page = Document::parse("<!doctype html><p class=x>a &amp; b")?;
    /// let value = page.to_value()?;
    /// let html = "<!DOCTYPE html><html><head></head><body><p class=\"x\">a &amp; b</p></body></html>";
    /// assert_eq!(to_string(&value)?, html);
    /// # Ok::<(), sockeye_data::record::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Limit`] when elements are nested deeper than 2,000.
    pub fn to_value(&self) -> Result<Value, Error> {
        value_of(self, ROOT)
    }

    /// All links (`<a href>` and `<area href>`) as records: `href`, `text`, and `rel`, which is null where there is none.
    pub fn links<'a>(&'a self, base: Option<&'a Base>) -> impl Iterator<Item = Value> + 'a {
        self.elements()
            .filter(|element| matches!(element.data().html_tag(), "a" | "area"))
            .filter_map(move |element| {
                let href = element.attribute("href")?;
                let text = match element.tag() {
                    "area" => element.attribute("alt").unwrap_or_default().to_owned(),
                    _ => element.text(),
                };
                let mut link = Object::new();
                link.insert("href".into(), Base::resolved(base, href).into());
                link.insert("text".into(), text.trim().into());
                link.insert(
                    "rel".into(),
                    element.attribute("rel").map_or(Value::Null, Value::from),
                );
                Some(link.into())
            })
    }
}

impl Element<'_> {
    /// The element as a value that says all that is in it: see [`Document::to_value`].
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Limit`] when elements are nested deeper than 2,000.
    pub fn to_value(&self) -> Result<Value, Error> {
        value_of(self.document, self.id)
    }

    /// The element as a record: `tag`, `attributes`, `text` (as it is shown), `html` (with what stands in it).
    pub fn to_record(&self, base: Option<&Base>) -> Value {
        let mut record = Object::new();
        record.insert("tag".into(), self.tag().into());
        record.insert("attributes".into(), attributes(*self, base).into());
        record.insert("text".into(), self.text().into());
        record.insert("html".into(), self.html().into());
        record.into()
    }
}

fn attributes(element: Element<'_>, base: Option<&Base>) -> Object {
    element
        .attributes()
        .map(|(name, value)| {
            let value = Base::resolved_attribute(base, &name, value);
            (name, value.into())
        })
        .collect()
}

fn value_of(document: &Document, from: NodeId) -> Result<Value, Error> {
    // The children of each element that was entered and not left.
    let mut open: Vec<Vec<Value>> = vec![Vec::new()];
    for step in document.walk(from, true) {
        match step {
            Step::Enter(_) => {
                open.push(Vec::new());
                if open.len() > DEEPEST {
                    let why = format!("elements are nested deeper than {DEEPEST}");
                    return Err(Error::new(ErrorKind::Limit, FORMAT, why)
                        .with_hint("pick what you want by a selector"));
                }
            }
            Step::Leave(id) => {
                let children = open.pop().unwrap_or_default();
                let value = one(document.as_node(id), children);
                open.last_mut().expect("one for the whole").push(value);
            }
        }
    }
    Ok(open.pop().and_then(|mut all| all.pop()).unwrap_or_default())
}

fn one(node: Option<Node<'_>>, children: Vec<Value>) -> Value {
    let mut object = Object::new();
    match node {
        Some(Node::Text(text)) => return text.into(),
        Some(Node::Comment(text)) => {
            object.insert("comment".into(), text.into());
        }
        Some(Node::Doctype {
            name,
            public,
            system,
        }) => {
            object.insert("doctype".into(), name.into());
            if !public.is_empty() {
                object.insert("public".into(), public.into());
            }
            if !system.is_empty() {
                object.insert("system".into(), system.into());
            }
        }
        Some(Node::Element(element)) => {
            object.insert("tag".into(), element.tag().into());
            if element.namespace() != "html" {
                object.insert("namespace".into(), element.namespace().into());
            }
            object.insert("attributes".into(), attributes(element, None).into());
            object.insert("children".into(), Value::array(children));
        }
        None => {
            object.insert("children".into(), Value::array(children));
        }
    }
    object.into()
}

/// Whether a value is a document, an element, a comment or a doctype.
pub(super) fn is_tree(value: &Value) -> bool {
    let Some(object) = value.as_object() else {
        return false;
    };
    let has = |name| {
        object
            .get(name)
            .is_some_and(|value| value.as_str().is_some())
    };
    let has_children = object
        .get("children")
        .is_some_and(|value| value.as_array().is_some());
    (has("tag") && (has_children || has("html"))) || has_children && object.len() == 1
}

/// What is left to write.
enum Due<'a> {
    Value(&'a Value),
    End(&'a str),
}

/// Append a tree as HTML.
pub(super) fn write_tree(value: &Value, out: &mut String) -> Result<(), Error> {
    let mut due = vec![Due::Value(value)];
    // The element of HTML that each piece stands in.
    let mut within: Vec<&str> = Vec::new();
    while let Some(next) = due.pop() {
        match next {
            Due::End(tag) => {
                within.pop();
                serialize::end_tag(tag, out);
            }
            Due::Value(value) => {
                let inside = within.last().copied().unwrap_or_default();
                write_node(value, inside, &mut due, &mut within, out)?;
            }
        }
    }
    Ok(())
}

fn write_node<'a>(
    value: &'a Value,
    inside: &str,
    due: &mut Vec<Due<'a>>,
    within: &mut Vec<&'a str>,
    out: &mut String,
) -> Result<(), Error> {
    let object = match value {
        Value::String(text) => return write_text(text, inside, out),
        Value::Object(object) => object,
        other => {
            let why = format!("a {} is no part of a document", other.kind());
            return Err(unsupported(
                why,
                "text is a string, an element an object with a tag",
            ));
        }
    };
    if let Some(comment) = object.get("comment").and_then(Value::as_str) {
        return write_comment(comment, out);
    }
    if let Some(name) = object.get("doctype").and_then(Value::as_str) {
        let id = |name| object.get(name).and_then(Value::as_str).unwrap_or_default();
        return write_doctype(name, id("public"), id("system"), out);
    }
    let children = object.get("children").and_then(Value::as_array);
    let Some(tag) = object.get("tag").and_then(Value::as_str) else {
        let Some(children) = children else {
            return Err(unsupported(
                "an object without a tag is no element".to_owned(),
                "elements have \"tag\", \"attributes\" and \"children\"",
            ));
        };
        due.extend(children.iter().rev().map(Due::Value));
        return Ok(());
    };
    if let (None, Some(html)) = (children, object.get("html").and_then(Value::as_str)) {
        out.push_str(html);
        return Ok(());
    }
    let is_html = object
        .get("namespace")
        .is_none_or(|space| space.as_str() == Some("html"));
    let children = children.unwrap_or_default();
    start(tag, object.get("attributes"), out)?;
    if is_html && serialize::is_void(tag) {
        return match children.is_empty() {
            true => Ok(()),
            false => Err(unsupported(
                format!("<{tag}> cannot have children"),
                "put them behind it",
            )),
        };
    }
    let begins_with_line =
        matches!(children.first(), Some(Value::String(text)) if text.starts_with('\n'));
    if is_html && begins_with_line && matches!(tag, "pre" | "textarea" | "listing") {
        out.push('\n');
    }
    within.push(if is_html { tag } else { "" });
    due.push(Due::End(tag));
    due.extend(children.iter().rev().map(Due::Value));
    Ok(())
}

fn start(tag: &str, attributes: Option<&Value>, out: &mut String) -> Result<(), Error> {
    let is_name = tag.starts_with(|c: char| c.is_ascii_alphabetic())
        && !tag.contains(|c: char| c.is_ascii_whitespace() || matches!(c, '/' | '>' | '\0'));
    if !is_name {
        return Err(unsupported(
            format!("{tag:?} is no tag"),
            "a tag begins with a letter: p, h1, my-tag",
        ));
    }
    let mut written: Vec<(&str, Text)> = Vec::new();
    if let Some(attributes) = attributes.and_then(Value::as_object) {
        for (name, value) in attributes.iter() {
            let is_name = !name.is_empty()
                && !name.contains(|c: char| {
                    c.is_ascii_whitespace() || matches!(c, '"' | '\'' | '>' | '/' | '=' | '\0')
                });
            if !is_name {
                return Err(unsupported(
                    format!("{name:?} is no name of an attribute"),
                    "rename it",
                ));
            }
            match value {
                Value::String(text) => written.push((name, text.clone())),
                Value::Number(number) => written.push((name, ecow::eco_format!("{number}"))),
                Value::Bool(true) => written.push((name, Text::new())),
                Value::Bool(false) | Value::Null => {}
                other => {
                    let why = format!("the attribute {name} is {}", other.kind());
                    return Err(unsupported(why, "attributes are text"));
                }
            }
        }
    }
    serialize::start_tag(tag, written.into_iter(), out);
    Ok(())
}

fn write_text(text: &str, inside: &str, out: &mut String) -> Result<(), Error> {
    if !serialize::holds_raw_text(inside) {
        entity::escape_text_into(text, out);
        return Ok(());
    }
    let ends = text.to_ascii_lowercase().contains(&format!("</{inside}"));
    if ends {
        let why = format!("the text of <{inside}> has its end tag in it");
        return Err(unsupported(why, "write <\\/ in scripts"));
    }
    out.push_str(text);
    Ok(())
}

fn write_comment(text: &str, out: &mut String) -> Result<(), Error> {
    let breaks = text.starts_with('>')
        || text.starts_with("->")
        || text.contains("-->")
        || text.contains("--!>")
        || text.ends_with("--!")
        || text.ends_with('-');
    if breaks {
        return Err(unsupported(
            "a comment holds its own end".to_owned(),
            "put a space into -->",
        ));
    }
    out.push_str("<!--");
    out.push_str(text);
    out.push_str("-->");
    Ok(())
}

fn write_doctype(name: &str, public: &str, system: &str, out: &mut String) -> Result<(), Error> {
    let quoted = |id: &str| id.contains('>') || (id.contains('"') && id.contains('\''));
    if name.contains(|c: char| c.is_ascii_whitespace() || c == '>')
        || quoted(public)
        || quoted(system)
    {
        return Err(unsupported(
            "the doctype cannot be written".to_owned(),
            "use \"doctype\": \"html\"",
        ));
    }
    serialize::doctype(name, public, system, out);
    Ok(())
}

pub(super) fn unsupported(why: String, hint: &str) -> Error {
    Error::new(ErrorKind::Unsupported, FORMAT, why).with_hint(hint)
}
