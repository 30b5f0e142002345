//! The tree of a document: nodes in one block of memory that know their neighbours by number.
//!
//! Nothing here calls itself, so no depth of nesting can exhaust the stack, not even when the tree goes.

use html5ever::{QualName, ns};

use crate::value::Text;

/// The number of a node.
pub(super) type NodeId = u32;

/// No node.
pub(super) const NONE: NodeId = u32::MAX;

/// The document node.
pub(super) const ROOT: NodeId = 0;

/// How a document says that old browsers drew it differently; it decides whether names of classes have a case.
pub(super) use selectors::matching::QuirksMode;

/// An HTML document.
#[derive(Clone)]
pub struct Document {
    pub(super) nodes: Vec<NodeData>,
    pub(super) quirks: QuirksMode,
}

#[derive(Clone, Debug)]
pub(super) struct NodeData {
    pub(super) parent: NodeId,
    pub(super) previous: NodeId,
    pub(super) next: NodeId,
    pub(super) first: NodeId,
    pub(super) last: NodeId,
    /// Below the document node; what is moved later keeps what it had.
    pub(super) depth: u32,
    pub(super) kind: Kind,
}

#[derive(Clone, Debug)]
pub(super) enum Kind {
    /// The document, or what a `<template>` holds.
    Fragment,
    Doctype {
        name: Text,
        public: Text,
        system: Text,
    },
    Element(ElementData),
    Text(String),
    Comment(Text),
}

#[derive(Clone, Debug)]
pub(super) struct ElementData {
    pub(super) name: QualName,
    pub(super) attributes: Vec<(QualName, Text)>,
    /// The fragment of a `<template>`.
    pub(super) content: NodeId,
    /// `<annotation-xml>` of MathML that holds HTML.
    pub(super) holds_html: bool,
}

impl ElementData {
    pub(super) fn is_html(&self) -> bool {
        self.name.ns == ns!(html)
    }

    /// The tag of an element of HTML; empty for those of SVG and MathML.
    pub(super) fn html_tag(&self) -> &str {
        if self.is_html() { &self.name.local } else { "" }
    }

    pub(super) fn attribute(&self, name: &str) -> Option<&Text> {
        let found = self.attributes.iter().find(|(known, _)| {
            match known.prefix.as_deref().filter(|prefix| !prefix.is_empty()) {
                None => *known.local == *name,
                Some(prefix) => name
                    .strip_prefix(prefix)
                    .and_then(|rest| rest.strip_prefix(':'))
                    .is_some_and(|local| *known.local == *local),
            }
        });
        found.map(|(_, value)| value)
    }
}

/// The name of an attribute as it is written: `href`, `xlink:href`.
pub(super) fn attribute_name(name: &QualName) -> Text {
    match name.prefix.as_deref().filter(|prefix| !prefix.is_empty()) {
        None => (*name.local).into(),
        Some(prefix) => ecow::eco_format!("{prefix}:{}", name.local),
    }
}

impl std::fmt::Debug for Document {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Document of {} nodes", self.nodes.len())
    }
}

impl Document {
    pub(super) fn empty() -> Self {
        let mut document = Self {
            nodes: Vec::new(),
            quirks: QuirksMode::NoQuirks,
        };
        document.push(Kind::Fragment);
        document
    }

    /// A new node without a parent.
    pub(super) fn push(&mut self, kind: Kind) -> NodeId {
        let id = self.nodes.len() as NodeId;
        self.nodes.push(NodeData {
            parent: NONE,
            previous: NONE,
            next: NONE,
            first: NONE,
            last: NONE,
            depth: 0,
            kind,
        });
        id
    }

    pub(super) fn node(&self, id: NodeId) -> &NodeData {
        &self.nodes[id as usize]
    }

    pub(super) fn node_mut(&mut self, id: NodeId) -> &mut NodeData {
        &mut self.nodes[id as usize]
    }

    pub(super) fn element_data(&self, id: NodeId) -> Option<&ElementData> {
        match &self.nodes.get(id as usize)?.kind {
            Kind::Element(element) => Some(element),
            _ => None,
        }
    }

    /// Take a node out of its parent.
    pub(super) fn detach(&mut self, id: NodeId) {
        let NodeData {
            parent,
            previous,
            next,
            ..
        } = *self.node(id);
        if parent == NONE {
            return;
        }
        match previous {
            NONE => self.node_mut(parent).first = next,
            _ => self.node_mut(previous).next = next,
        }
        match next {
            NONE => self.node_mut(parent).last = previous,
            _ => self.node_mut(next).previous = previous,
        }
        let node = self.node_mut(id);
        (node.parent, node.previous, node.next) = (NONE, NONE, NONE);
    }

    /// Put a node in as the last child.
    pub(super) fn append(&mut self, parent: NodeId, id: NodeId) {
        self.detach(id);
        let (last, depth) = (self.node(parent).last, self.node(parent).depth + 1);
        let node = self.node_mut(id);
        (node.parent, node.previous, node.depth) = (parent, last, depth);
        match last {
            NONE => self.node_mut(parent).first = id,
            _ => self.node_mut(last).next = id,
        }
        self.node_mut(parent).last = id;
    }

    /// Put a node in before a sibling that has a parent.
    pub(super) fn insert_before(&mut self, sibling: NodeId, id: NodeId) {
        self.detach(id);
        let (parent, previous) = (self.node(sibling).parent, self.node(sibling).previous);
        let depth = self.node(sibling).depth;
        let node = self.node_mut(id);
        (node.parent, node.previous, node.next) = (parent, previous, sibling);
        node.depth = depth;
        match previous {
            NONE => self.node_mut(parent).first = id,
            _ => self.node_mut(previous).next = id,
        }
        self.node_mut(sibling).previous = id;
    }

    /// All children of one become the last ones of another.
    pub(super) fn move_children(&mut self, from: NodeId, to: NodeId) {
        while self.node(from).first != NONE {
            let child = self.node(from).first;
            self.append(to, child);
        }
    }

    /// The children of a node; those of a `<template>` are what it holds.
    pub(super) fn children(&self, id: NodeId) -> Siblings<'_> {
        let holder = match self.element_data(id) {
            Some(element) if element.content != NONE => element.content,
            _ => id,
        };
        Siblings {
            document: self,
            next: self.node(holder).first,
        }
    }

    /// Enter and leave all nodes below one, in order. What templates hold is gone through where `templates` says so.
    pub(super) fn walk(&self, from: NodeId, templates: bool) -> Walk<'_> {
        Walk {
            document: self,
            stack: vec![Step::Enter(from)],
            templates,
        }
    }

    /// How deep elements are really nested.
    pub(super) fn depth(&self) -> usize {
        let (mut depth, mut deepest) = (0_usize, 0);
        for step in self.walk(ROOT, true) {
            match step {
                Step::Enter(_) => depth += 1,
                Step::Leave(_) => depth -= 1,
            }
            deepest = deepest.max(depth);
        }
        deepest
    }
}

/// See [`Document::children`].
pub(super) struct Siblings<'a> {
    document: &'a Document,
    next: NodeId,
}

impl Iterator for Siblings<'_> {
    type Item = NodeId;

    fn next(&mut self) -> Option<NodeId> {
        if self.next == NONE {
            return None;
        }
        let id = self.next;
        self.next = self.document.node(id).next;
        Some(id)
    }
}

/// One step of a walk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Enter(NodeId),
    Leave(NodeId),
}

/// See [`Document::walk`].
pub(super) struct Walk<'a> {
    document: &'a Document,
    stack: Vec<Step>,
    templates: bool,
}

impl Walk<'_> {
    /// Do not go below the node that was entered last; it is left next.
    pub(super) fn skip_children(&mut self) {
        while matches!(self.stack.last(), Some(Step::Enter(_))) {
            self.stack.pop();
        }
    }
}

impl Iterator for Walk<'_> {
    type Item = Step;

    fn next(&mut self) -> Option<Step> {
        let step = self.stack.pop()?;
        if let Step::Enter(id) = step {
            self.stack.push(Step::Leave(id));
            let from = self.stack.len();
            let is_template = self
                .document
                .element_data(id)
                .is_some_and(|element| element.content != NONE);
            if self.templates || !is_template {
                self.stack
                    .extend(self.document.children(id).map(Step::Enter));
                self.stack[from..].reverse();
            }
        }
        Some(step)
    }
}
