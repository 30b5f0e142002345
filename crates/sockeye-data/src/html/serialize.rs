//! The tree as text again, by the standard's algorithm for fragments.

use html5ever::{LocalName, QualName, local_name, ns};

use super::entity::{escape_attribute_into, escape_text_into};
use super::tree::{Document, ElementData, Kind, NONE, NodeId, Step, attribute_name};

/// An element and what stands in it.
pub(super) fn outer(document: &Document, id: NodeId, out: &mut String) {
    for step in document.walk(id, true) {
        one(document, step, out);
    }
}

/// What stands in an element.
pub(super) fn inner(document: &Document, id: NodeId, out: &mut String) {
    for step in document.walk(id, true) {
        if !matches!(step, Step::Enter(at) | Step::Leave(at) if at == id) {
            one(document, step, out);
        }
    }
}

fn one(document: &Document, step: Step, out: &mut String) {
    match step {
        Step::Enter(id) => match &document.node(id).kind {
            Kind::Fragment => {}
            Kind::Doctype {
                name,
                public,
                system,
            } => doctype(name, public, system, out),
            Kind::Element(element) => {
                let attributes = element.attributes.iter();
                let attributes = attributes.map(|(name, value)| (attribute_name(name), value));
                let keep = first_line_is_lost(element)
                    && first_text(document, id).is_some_and(|text| text.starts_with('\n'));
                start_tag(&element.name.local, attributes, out);
                if keep {
                    out.push('\n');
                }
            }
            Kind::Text(text) if is_raw(document.node(id).parent, document) => out.push_str(text),
            Kind::Text(text) => escape_text_into(text, out),
            Kind::Comment(text) => {
                out.push_str("<!--");
                out.push_str(text);
                out.push_str("-->");
            }
        },
        Step::Leave(id) => {
            if let Some(element) = document.element_data(id)
                && !(element.is_html() && is_void(&element.name.local))
            {
                end_tag(&element.name.local, out);
            }
        }
    }
}

/// `<!DOCTYPE html>`, with the identifiers that it has.
pub(super) fn doctype(name: &str, public: &str, system: &str, out: &mut String) {
    out.push_str("<!DOCTYPE ");
    out.push_str(name);
    let quote = |id: &str| if id.contains('"') { '\'' } else { '"' };
    match (public, system) {
        ("", "") => {}
        ("", system) => out.push_str(&format!(" SYSTEM {0}{system}{0}", quote(system))),
        (public, "") => out.push_str(&format!(" PUBLIC {0}{public}{0}", quote(public))),
        (public, system) => out.push_str(&format!(
            " PUBLIC {0}{public}{0} {1}{system}{1}",
            quote(public),
            quote(system)
        )),
    }
    out.push('>');
}

/// `<tag name="value">`.
pub(super) fn start_tag<N: AsRef<str>, V: AsRef<str>>(
    tag: &str,
    attributes: impl Iterator<Item = (N, V)>,
    out: &mut String,
) {
    out.push('<');
    out.push_str(tag);
    for (name, value) in attributes {
        out.push(' ');
        out.push_str(name.as_ref());
        out.push_str("=\"");
        escape_attribute_into(value.as_ref(), out);
        out.push('"');
    }
    out.push('>');
}

pub(super) fn end_tag(tag: &str, out: &mut String) {
    out.push_str("</");
    out.push_str(tag);
    out.push('>');
}

/// Whether an element of HTML has no end tag, and nothing in it.
pub(super) fn is_void(tag: &str) -> bool {
    matches!(
        tag,
        "area"
            | "base"
            | "basefont"
            | "bgsound"
            | "br"
            | "col"
            | "embed"
            | "frame"
            | "hr"
            | "img"
            | "input"
            | "keygen"
            | "link"
            | "meta"
            | "param"
            | "source"
            | "track"
            | "wbr"
    )
}

/// Whether text in this element of HTML is not escaped.
pub(super) fn holds_raw_text(tag: &str) -> bool {
    matches!(
        tag,
        "style" | "script" | "xmp" | "iframe" | "noembed" | "noframes" | "plaintext"
    )
}

fn is_raw(parent: NodeId, document: &Document) -> bool {
    parent != NONE
        && document
            .element_data(parent)
            .is_some_and(|element| holds_raw_text(element.html_tag()))
}

/// Whether a line break right behind the start tag is not read; one that is meant has to be written twice.
fn first_line_is_lost(element: &ElementData) -> bool {
    let QualName { ns, local, .. } = &element.name;
    *ns == ns!(html) && loses_line(local)
}

fn loses_line(tag: &LocalName) -> bool {
    matches!(
        *tag,
        local_name!("pre") | local_name!("textarea") | local_name!("listing")
    )
}

fn first_text(document: &Document, id: NodeId) -> Option<&str> {
    match &document.node(document.children(id).next()?).kind {
        Kind::Text(text) => Some(text),
        _ => None,
    }
}
