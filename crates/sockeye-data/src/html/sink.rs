//! Where the parser of html5ever puts what it builds.

use std::borrow::Cow;
use std::cell::{Cell, Ref, RefCell};
use std::rc::Rc;

use html5ever::tendril::StrTendril;
use html5ever::tree_builder::{ElementFlags, NodeOrText, QuirksMode as Quirks, TreeSink};
use html5ever::{Attribute, QualName};

use super::tree::{Document, ElementData, Kind, NONE, NodeId, QuirksMode, ROOT};

/// What the tree costs so far.
#[derive(Debug, Default)]
pub(super) struct Gauge {
    /// Nodes that were made.
    pub(super) nodes: Cell<usize>,
    /// The deepest that something was put.
    pub(super) depth: Cell<u32>,
}

/// Builds a [`Document`].
pub(super) struct Sink {
    document: RefCell<Document>,
    gauge: Rc<Gauge>,
}

impl Sink {
    pub(super) fn new(gauge: Rc<Gauge>) -> Self {
        Self {
            document: RefCell::new(Document::empty()),
            gauge,
        }
    }

    fn push(&self, kind: Kind) -> NodeId {
        let id = self.document.borrow_mut().push(kind);
        self.gauge.nodes.set(id as usize);
        id
    }

    fn has_parent(&self, id: NodeId) -> bool {
        self.document.borrow().node(id).parent != NONE
    }

    /// Text that comes behind text becomes part of it.
    fn join(&self, id: NodeId, more: &str) -> bool {
        if id == NONE {
            return false;
        }
        match &mut self.document.borrow_mut().node_mut(id).kind {
            Kind::Text(text) => {
                text.push_str(more);
                true
            }
            _ => false,
        }
    }
}

fn attributes(attributes: Vec<Attribute>) -> Vec<(QualName, crate::value::Text)> {
    attributes
        .into_iter()
        .map(|attribute| (attribute.name, (*attribute.value).into()))
        .collect()
}

impl TreeSink for Sink {
    type Handle = NodeId;
    type Output = Document;
    type ElemName<'a> = Ref<'a, QualName>;

    fn finish(self) -> Document {
        self.document.into_inner()
    }

    /// What the standard calls a parse error is repaired as it says.
    fn parse_error(&self, _message: Cow<'static, str>) {}

    fn get_document(&self) -> NodeId {
        ROOT
    }

    fn elem_name<'a>(&'a self, target: &'a NodeId) -> Ref<'a, QualName> {
        Ref::map(self.document.borrow(), |document| {
            let element = document
                .element_data(*target)
                .expect("the parser asks for names of elements only");
            &element.name
        })
    }

    fn create_element(&self, name: QualName, given: Vec<Attribute>, flags: ElementFlags) -> NodeId {
        let content = match flags.template {
            true => self.push(Kind::Fragment),
            false => NONE,
        };
        self.push(Kind::Element(ElementData {
            name,
            attributes: attributes(given),
            content,
            holds_html: flags.mathml_annotation_xml_integration_point,
        }))
    }

    fn create_comment(&self, text: StrTendril) -> NodeId {
        self.push(Kind::Comment((*text).into()))
    }

    /// The parser of HTML makes comments of them before they come here.
    fn create_pi(&self, target: StrTendril, data: StrTendril) -> NodeId {
        self.push(Kind::Comment(format!("?{target} {data}").into()))
    }

    fn append(&self, parent: &NodeId, child: NodeOrText<NodeId>) {
        let id = match child {
            NodeOrText::AppendNode(id) => id,
            NodeOrText::AppendText(text) => {
                let last = self.document.borrow().node(*parent).last;
                if self.join(last, &text) {
                    return;
                }
                self.push(Kind::Text((*text).to_owned()))
            }
        };
        let mut document = self.document.borrow_mut();
        document.append(*parent, id);
        let depth = document.node(id).depth;
        self.gauge.depth.set(self.gauge.depth.get().max(depth));
    }

    fn append_before_sibling(&self, sibling: &NodeId, new: NodeOrText<NodeId>) {
        if !self.has_parent(*sibling) {
            return;
        }
        let id = match new {
            NodeOrText::AppendNode(id) => id,
            NodeOrText::AppendText(text) => {
                let previous = self.document.borrow().node(*sibling).previous;
                if self.join(previous, &text) {
                    return;
                }
                self.push(Kind::Text((*text).to_owned()))
            }
        };
        self.document.borrow_mut().insert_before(*sibling, id);
    }

    fn append_based_on_parent_node(
        &self,
        element: &NodeId,
        previous: &NodeId,
        child: NodeOrText<NodeId>,
    ) {
        if self.has_parent(*element) {
            self.append_before_sibling(element, child);
        } else {
            self.append(previous, child);
        }
    }

    fn append_doctype_to_document(&self, name: StrTendril, public: StrTendril, system: StrTendril) {
        let id = self.push(Kind::Doctype {
            name: (*name).into(),
            public: (*public).into(),
            system: (*system).into(),
        });
        self.document.borrow_mut().append(ROOT, id);
    }

    fn get_template_contents(&self, target: &NodeId) -> NodeId {
        let document = self.document.borrow();
        document
            .element_data(*target)
            .map_or(NONE, |element| element.content)
    }

    fn same_node(&self, one: &NodeId, other: &NodeId) -> bool {
        one == other
    }

    fn set_quirks_mode(&self, mode: Quirks) {
        self.document.borrow_mut().quirks = match mode {
            Quirks::Quirks => QuirksMode::Quirks,
            Quirks::LimitedQuirks => QuirksMode::LimitedQuirks,
            Quirks::NoQuirks => QuirksMode::NoQuirks,
        };
    }

    fn add_attrs_if_missing(&self, target: &NodeId, given: Vec<Attribute>) {
        let mut document = self.document.borrow_mut();
        if let Kind::Element(element) = &mut document.node_mut(*target).kind {
            for (name, value) in attributes(given) {
                if !element.attributes.iter().any(|(known, _)| *known == name) {
                    element.attributes.push((name, value));
                }
            }
        }
    }

    fn remove_from_parent(&self, target: &NodeId) {
        self.document.borrow_mut().detach(*target);
    }

    fn reparent_children(&self, node: &NodeId, new_parent: &NodeId) {
        self.document.borrow_mut().move_children(*node, *new_parent);
    }

    fn is_mathml_annotation_xml_integration_point(&self, handle: &NodeId) -> bool {
        let document = self.document.borrow();
        document
            .element_data(*handle)
            .is_some_and(|element| element.holds_html)
    }
}
