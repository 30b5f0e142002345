//! The lossless mapping: everything that a document says, in order. No friendly value has such members, since no name of XML starts
//! with `#`.
//!
//! | Node | Value |
//! |---|---|
//! | document | `{"#document": [nodes]}` |
//! | XML declaration | `{"#xml": {"version": "1.0", "encoding": "…", "standalone": "yes"}}` |
//! | DOCTYPE | `{"#doctype": "…"}`, what is between `<!DOCTYPE` and `>` |
//! | element | `{"#element": "name", "#attributes": {…}, "#children": [nodes]}`; the latter two where there are some |
//! | text | `"…"` |
//! | CDATA | `{"#cdata": "…"}` |
//! | comment | `{"#comment": "…"}` |
//! | processing instruction | `{"#instruction": {"target": "…", "data": "…"}}` |

use crate::value::{Object, Text, Value};

use super::attributes::Attributes;
use super::declaration::Declaration;
use super::names;

pub(super) const DOCUMENT: &str = "#document";
pub(super) const DECLARATION: &str = "#xml";
pub(super) const DOCTYPE: &str = "#doctype";
pub(super) const ELEMENT: &str = "#element";
pub(super) const ATTRIBUTES: &str = "#attributes";
pub(super) const CHILDREN: &str = "#children";
pub(super) const CDATA: &str = "#cdata";
pub(super) const COMMENT: &str = "#comment";
pub(super) const INSTRUCTION: &str = "#instruction";

/// Builds nodes of a document or of an element, without recursion.
#[derive(Debug, Default)]
pub(super) struct Lossless {
    open: Vec<Open>,
    text: String,
}

#[derive(Debug)]
struct Open {
    head: Object,
    children: Vec<Value>,
}

impl Lossless {
    /// A document, which is ended like an element.
    pub(super) fn start_document(&mut self) {
        self.open.push(Open {
            head: Object::new(),
            children: Vec::new(),
        });
    }

    pub(super) fn start(&mut self, name: &str, attributes: &Attributes) {
        self.end_text();
        let mut head = Object::new();
        head.insert(ELEMENT.into(), name.into());
        if attributes.len() > 0 {
            let pairs = attributes.iter();
            let object: Object = pairs
                .map(|(name, value)| (Text::from(name), Value::from(value)))
                .collect();
            head.insert(ATTRIBUTES.into(), object.into());
        }
        self.open.push(Open {
            head,
            children: Vec::new(),
        });
    }

    pub(super) fn text(&mut self, text: &str) {
        self.text.push_str(text);
    }

    pub(super) fn node(&mut self, name: &str, value: Value) {
        self.end_text();
        self.put(member(name, value));
    }

    pub(super) fn declaration(&mut self, declared: &Declaration<'_>) {
        let parts = [
            ("version", Some(declared.version)),
            ("encoding", declared.encoding),
            ("standalone", declared.standalone),
        ];
        let parts = parts
            .into_iter()
            .filter_map(|(name, value)| Some((name.into(), value?.into())));
        self.node(DECLARATION, Value::from(parts.collect::<Object>()));
    }

    pub(super) fn doctype(&mut self, text: &str) {
        self.node(DOCTYPE, names::trim(text).into());
    }

    pub(super) fn instruction(&mut self, target: &str, data: &str) {
        let mut parts = Object::new();
        parts.insert("target".into(), target.into());
        if !data.is_empty() {
            parts.insert("data".into(), data.into());
        }
        self.node(INSTRUCTION, parts.into());
    }

    /// The element, or the document, is over.
    pub(super) fn end(&mut self) -> Option<Value> {
        self.end_text();
        let Open { mut head, children } = self.open.pop()?;
        if head.is_empty() {
            head.insert(DOCUMENT.into(), Value::array(children));
        } else if !children.is_empty() {
            head.insert(CHILDREN.into(), Value::array(children));
        }
        Some(head.into())
    }

    pub(super) fn put(&mut self, node: Value) {
        if let Some(open) = self.open.last_mut() {
            open.children.push(node);
        }
    }

    fn end_text(&mut self) {
        if !self.text.is_empty() {
            let text = Value::from(self.text.as_str());
            self.text.clear();
            self.put(text);
        }
    }
}

fn member(name: &str, value: Value) -> Value {
    let mut node = Object::new();
    node.insert(name.into(), value);
    node.into()
}
