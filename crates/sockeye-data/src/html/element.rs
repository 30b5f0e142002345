//! Elements of a document, as they are asked for.

use super::tree::{Document, ElementData, Kind, NodeId, ROOT, Step, attribute_name};
use crate::value::Text;

/// An element of a [`Document`].
#[derive(Clone, Copy)]
pub struct Element<'a> {
    pub(super) document: &'a Document,
    pub(super) id: NodeId,
}

/// What stands in an element or the document.
#[derive(Clone, Copy, Debug)]
pub enum Node<'a> {
    /// `<!DOCTYPE name PUBLIC "public" "system">`; what is not there is empty.
    Doctype {
        /// Its name: `html`.
        name: &'a str,
        /// The public identifier.
        public: &'a str,
        /// The system identifier.
        system: &'a str,
    },
    /// An element.
    Element(Element<'a>),
    /// Text.
    Text(&'a str),
    /// `<!-- a comment -->`.
    Comment(&'a str),
}

impl std::fmt::Debug for Element<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "<{}> ({})", self.tag(), self.id)
    }
}

impl PartialEq for Element<'_> {
    /// Whether it is the same element, not only an equal one.
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.document, other.document) && self.id == other.id
    }
}

impl<'a> Element<'a> {
    pub(super) fn data(&self) -> &'a ElementData {
        self.document
            .element_data(self.id)
            .expect("an Element is made of nodes that are elements")
    }

    /// The tag: in lower case, where it is of HTML.
    pub fn tag(&self) -> &'a str {
        &self.data().name.local
    }

    /// The namespace: `html`, `svg`, `math`, or its URL.
    pub fn namespace(&self) -> &'a str {
        match &*self.data().name.ns {
            "http://www.w3.org/1999/xhtml" => "html",
            "http://www.w3.org/2000/svg" => "svg",
            "http://www.w3.org/1998/Math/MathML" => "math",
            other => other,
        }
    }

    /// The value of an attribute.
    pub fn attribute(&self, name: &str) -> Option<&'a str> {
        self.data().attribute(name).map(Text::as_str)
    }

    /// Names and values of all attributes, in order.
    pub fn attributes(&self) -> impl Iterator<Item = (Text, &'a str)> + use<'a> {
        let attributes = self.data().attributes.iter();
        attributes.map(|(name, value)| (attribute_name(name), value.as_str()))
    }

    /// The element that it stands in.
    pub fn parent(&self) -> Option<Element<'a>> {
        let parent = self.document.node(self.id).parent;
        self.document.element_data(parent)?;
        Some(Element {
            document: self.document,
            id: parent,
        })
    }

    /// What stands in it; for a `<template>`, what that holds.
    pub fn children(&self) -> impl Iterator<Item = Node<'a>> + use<'a> {
        let document = self.document;
        document
            .children(self.id)
            .filter_map(move |id| document.as_node(id))
    }

    /// The text as a browser would show it: see [`Document::text`].
    pub fn text(&self) -> String {
        super::text::inner_text(self.document, self.id)
    }

    /// All text as it is written, that of scripts and styles as well.
    pub fn text_content(&self) -> String {
        let mut text = String::new();
        for step in self.document.walk(self.id, false) {
            if let Step::Enter(id) = step
                && let Kind::Text(piece) = &self.document.node(id).kind
            {
                text.push_str(piece);
            }
        }
        text
    }

    /// The element as HTML.
    pub fn html(&self) -> String {
        let mut out = String::new();
        super::serialize::outer(self.document, self.id, &mut out);
        out
    }

    /// What stands in it as HTML.
    pub fn inner_html(&self) -> String {
        let mut out = String::new();
        super::serialize::inner(self.document, self.id, &mut out);
        out
    }
}

impl Document {
    pub(super) fn as_node(&self, id: NodeId) -> Option<Node<'_>> {
        Some(match &self.node(id).kind {
            Kind::Fragment => return None,
            Kind::Doctype {
                name,
                public,
                system,
            } => Node::Doctype {
                name,
                public,
                system,
            },
            Kind::Element(_) => Node::Element(Element { document: self, id }),
            Kind::Text(text) => Node::Text(text),
            Kind::Comment(text) => Node::Comment(text),
        })
    }

    /// What stands in the document: the doctype, comments, the element `html`.
    pub fn children_of_root(&self) -> impl Iterator<Item = Node<'_>> {
        self.children(ROOT).filter_map(|id| self.as_node(id))
    }

    /// All elements, in order; what templates hold is not among them.
    pub fn elements(&self) -> impl Iterator<Item = Element<'_>> {
        self.elements_below(ROOT)
    }

    pub(super) fn elements_below(&self, id: NodeId) -> impl Iterator<Item = Element<'_>> {
        self.walk(id, false).filter_map(move |step| match step {
            Step::Enter(found) if found != id && self.element_data(found).is_some() => {
                Some(Element {
                    document: self,
                    id: found,
                })
            }
            _ => None,
        })
    }

    /// The first element with this tag.
    pub fn first(&self, tag: &str) -> Option<Element<'_>> {
        self.elements()
            .find(|element| element.data().html_tag() == tag)
    }

    /// The title, its white space made single spaces.
    pub fn title(&self) -> Option<String> {
        let text = self.first("title")?.text_content();
        Some(text.split_ascii_whitespace().collect::<Vec<_>>().join(" "))
    }

    /// The text as a browser would show it, after the standard's `innerText`: white space is collapsed, blocks stand on lines of
    /// their own with an empty line around paragraphs, `<br>` breaks the line, cells are separated by tabs. Scripts, styles,
    /// templates, the head, and what is `hidden` or `display: none` in its own style are left out.
    pub fn text(&self) -> String {
        super::text::inner_text(self, ROOT)
    }

    /// The document as HTML.
    pub fn to_html(&self) -> String {
        let mut out = String::new();
        super::serialize::inner(self, ROOT, &mut out);
        out
    }
}
