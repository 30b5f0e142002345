//! What the crate `selectors` wants to know of names, pseudo-classes and elements.

use std::fmt;

use cssparser::{CowRcStr, ParseError, Parser as CssParser, ToCss};
use html5ever::{LocalName, Namespace, local_name, ns};
use precomputed_hash::PrecomputedHash;
use selectors::attr::{AttrSelectorOperation, CaseSensitivity, NamespaceConstraint};
use selectors::bloom::BloomFilter;
use selectors::matching::{ElementSelectorFlags, MatchingContext, matches_selector};
use selectors::parser::{
    self, Combinator, ParseRelative, Selector, SelectorImpl, SelectorList,
    SelectorParseErrorKind as Wrong,
};
use selectors::{Element as _, OpaqueElement};

use super::element::Element;
use super::tree::{ElementData, Kind, NONE, NodeId, ROOT};

/// The kinds of things that our selectors are made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Names;

impl SelectorImpl for Names {
    type ExtraMatchingData<'a> = ();
    type AttrValue = Value;
    type Identifier = Name;
    type LocalName = Name;
    type NamespaceUrl = Namespace;
    type NamespacePrefix = Name;
    type BorrowedNamespaceUrl = Namespace;
    type BorrowedLocalName = Name;
    type NonTSPseudoClass = PseudoClass;
    type PseudoElement = PseudoElement;
}

/// The value of an attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Value(String);

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self(value.to_owned())
    }
}

impl AsRef<str> for Value {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl ToCss for Value {
    fn to_css<W: fmt::Write>(&self, out: &mut W) -> fmt::Result {
        cssparser::serialize_string(&self.0, out)
    }
}

/// The name of an element, an attribute, a class.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Name(LocalName);

impl From<&str> for Name {
    fn from(name: &str) -> Self {
        Self(name.into())
    }
}

impl ToCss for Name {
    fn to_css<W: fmt::Write>(&self, out: &mut W) -> fmt::Result {
        cssparser::serialize_identifier(&self.0, out)
    }
}

impl PrecomputedHash for Name {
    fn precomputed_hash(&self) -> u32 {
        self.0.precomputed_hash()
    }
}

/// Pseudo-classes that depend on more than the place in the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PseudoClass {
    /// `:link` and `:any-link`: nothing was visited here.
    Link,
    Checked,
    Disabled,
    Enabled,
    Required,
    Optional,
    /// `:contains("text")`, which CSS does not have, but other tools do.
    Contains(String),
    /// `:has()`. The library's own calls itself for each level of the tree, and would overflow the stack on a deep one.
    Has(SelectorList<Names>),
}

impl parser::NonTSPseudoClass for PseudoClass {
    fn is_active_or_hover(&self) -> bool {
        false
    }

    fn is_user_action_state(&self) -> bool {
        false
    }
}

impl ToCss for PseudoClass {
    fn to_css<W: fmt::Write>(&self, out: &mut W) -> fmt::Result {
        match self {
            Self::Link => out.write_str(":any-link"),
            Self::Checked => out.write_str(":checked"),
            Self::Disabled => out.write_str(":disabled"),
            Self::Enabled => out.write_str(":enabled"),
            Self::Required => out.write_str(":required"),
            Self::Optional => out.write_str(":optional"),
            Self::Contains(text) => {
                out.write_str(":contains(")?;
                cssparser::serialize_string(text, out)?;
                out.write_str(")")
            }
            Self::Has(list) => {
                out.write_str(":has(")?;
                list.to_css(out)?;
                out.write_str(")")
            }
        }
    }
}

/// There are none: nothing is drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PseudoElement {}

impl parser::PseudoElement for PseudoElement {}

impl ToCss for PseudoElement {
    fn to_css<W: fmt::Write>(&self, _out: &mut W) -> fmt::Result {
        match *self {}
    }
}

/// Which selectors are understood.
pub(super) struct Grammar {
    /// Whether this is within `:has()`, which does not hold another one.
    pub(super) in_has: bool,
}

impl<'i> parser::Parser<'i> for Grammar {
    type Impl = Names;
    type Error = Wrong;

    fn parse_nth_child_of(&self) -> bool {
        true
    }

    fn parse_is_and_where(&self) -> bool {
        true
    }

    /// What is wrong within `:is()` is said, too.
    fn allow_forgiving_selectors(&self) -> bool {
        false
    }

    fn parse_non_ts_pseudo_class(
        &self,
        name: CowRcStr<'i>,
    ) -> Result<PseudoClass, ParseError<Wrong>> {
        let known = [
            ("link", PseudoClass::Link),
            ("any-link", PseudoClass::Link),
            ("checked", PseudoClass::Checked),
            ("disabled", PseudoClass::Disabled),
            ("enabled", PseudoClass::Enabled),
            ("required", PseudoClass::Required),
            ("optional", PseudoClass::Optional),
        ];
        known
            .into_iter()
            .find(|(known, _)| name.eq_ignore_ascii_case(known))
            .map(|(_, class)| class)
            .ok_or_else(|| ParseError::custom(Wrong::UnsupportedPseudoClassOrElement))
    }

    fn parse_non_ts_functional_pseudo_class(
        &self,
        name: CowRcStr<'i>,
        parser: &mut CssParser<'i>,
        _after_part: bool,
    ) -> Result<PseudoClass, ParseError<Wrong>> {
        if name.eq_ignore_ascii_case("has") && !self.in_has {
            let inner = Grammar { in_has: true };
            return SelectorList::parse(&inner, parser, ParseRelative::ForHas)
                .map(PseudoClass::Has);
        }
        if !name.eq_ignore_ascii_case("contains") {
            return Err(ParseError::custom(Wrong::UnsupportedPseudoClassOrElement));
        }
        let text = parser.expect_ident_or_string()?;
        Ok(PseudoClass::Contains(text.to_string()))
    }

    fn namespace_for_prefix(&self, prefix: &Name) -> Option<Namespace> {
        match &*prefix.0 {
            "html" => Some(ns!(html)),
            "svg" => Some(ns!(svg)),
            "math" => Some(ns!(mathml)),
            "xlink" => Some(ns!(xlink)),
            "xml" => Some(ns!(xml)),
            _ => None,
        }
    }
}

/// An element as selectors see it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen<'a>(pub(super) Element<'a>);

impl Seen<'_> {
    fn other(&self, id: NodeId) -> Self {
        Self(Element {
            document: self.0.document,
            id,
        })
    }

    fn data(&self) -> &ElementData {
        self.0.data()
    }

    fn attribute(&self, name: &str) -> Option<&str> {
        self.0.attribute(name)
    }

    fn is_disabled(&self) -> bool {
        let can_be = [
            "button", "input", "select", "textarea", "fieldset", "optgroup", "option",
        ];
        can_be.contains(&self.data().html_tag()) && self.attribute("disabled").is_some()
    }

    fn is_enabled(&self) -> bool {
        let can_be = [
            "button", "input", "select", "textarea", "fieldset", "optgroup", "option",
        ];
        can_be.contains(&self.data().html_tag()) && self.attribute("disabled").is_none()
    }

    fn takes_input(&self) -> bool {
        ["input", "select", "textarea"].contains(&self.data().html_tag())
    }

    fn is_checked(&self) -> bool {
        match self.data().html_tag() {
            "option" => self.attribute("selected").is_some(),
            "input" => self.attribute("checked").is_some(),
            _ => false,
        }
    }
}

/// Whether something that the element has matches: below it, or behind it.
fn has(
    element: &Seen<'_>,
    list: &SelectorList<Names>,
    context: &mut MatchingContext<'_, Names>,
) -> bool {
    if context.relative_selector_anchor().is_some() {
        return false;
    }
    context.nest_for_relative_selector(element.opaque(), |context| {
        list.slice().iter().any(|selector| {
            let mut matches =
                |found: Seen<'_>| matches_selector(selector, 0, None, &found, context);
            match selector.combinator_at_parse_order(1) {
                Combinator::NextSibling | Combinator::LaterSibling => {
                    let mut sibling = element.next_sibling_element();
                    while let Some(found) = sibling {
                        if matches(found) || below(found).any(&mut matches) {
                            return true;
                        }
                        sibling = found.next_sibling_element();
                    }
                    false
                }
                // Nothing but a child: the whole subtree need not be looked at.
                Combinator::Child if is_one_step(selector) => children(*element).any(matches),
                _ => below(*element).any(matches),
            }
        })
    })
}

/// Whether a relative selector is its first combinator and what stands behind that.
fn is_one_step(selector: &Selector<Names>) -> bool {
    let combinators = selector.iter_raw_match_order();
    combinators.filter(|part| part.is_combinator()).count() == 1
}

fn children(element: Seen<'_>) -> impl Iterator<Item = Seen<'_>> {
    std::iter::successors(element.first_element_child(), |child| {
        child.next_sibling_element()
    })
}

fn below(element: Seen<'_>) -> impl Iterator<Item = Seen<'_>> {
    element.0.document.elements_below(element.0.id).map(Seen)
}

impl selectors::Element for Seen<'_> {
    type Impl = Names;

    fn opaque(&self) -> OpaqueElement {
        OpaqueElement::new(self.0.document.node(self.0.id))
    }

    fn parent_element(&self) -> Option<Self> {
        let parent = self.0.document.node(self.0.id).parent;
        self.0.document.element_data(parent)?;
        Some(self.other(parent))
    }

    fn parent_node_is_shadow_root(&self) -> bool {
        false
    }

    fn containing_shadow_host(&self) -> Option<Self> {
        None
    }

    fn is_pseudo_element(&self) -> bool {
        false
    }

    fn prev_sibling_element(&self) -> Option<Self> {
        let mut id = self.0.document.node(self.0.id).previous;
        while id != NONE && self.0.document.element_data(id).is_none() {
            id = self.0.document.node(id).previous;
        }
        (id != NONE).then(|| self.other(id))
    }

    fn next_sibling_element(&self) -> Option<Self> {
        let mut id = self.0.document.node(self.0.id).next;
        while id != NONE && self.0.document.element_data(id).is_none() {
            id = self.0.document.node(id).next;
        }
        (id != NONE).then(|| self.other(id))
    }

    fn first_element_child(&self) -> Option<Self> {
        let mut id = self.0.document.node(self.0.id).first;
        while id != NONE && self.0.document.element_data(id).is_none() {
            id = self.0.document.node(id).next;
        }
        (id != NONE).then(|| self.other(id))
    }

    fn is_html_element_in_html_document(&self) -> bool {
        self.data().is_html()
    }

    fn has_local_name(&self, name: &Name) -> bool {
        self.data().name.local == name.0
    }

    fn has_namespace(&self, space: &Namespace) -> bool {
        self.data().name.ns == *space
    }

    fn is_same_type(&self, other: &Self) -> bool {
        let (one, other) = (&self.data().name, &other.data().name);
        one.local == other.local && one.ns == other.ns
    }

    fn attr_matches(
        &self,
        space: &NamespaceConstraint<&Namespace>,
        name: &Name,
        operation: &AttrSelectorOperation<&Value>,
    ) -> bool {
        self.data().attributes.iter().any(|(known, value)| {
            !matches!(*space, NamespaceConstraint::Specific(space) if *space != known.ns)
                && known.local == name.0
                && operation.eval_str(value)
        })
    }

    fn match_non_ts_pseudo_class(
        &self,
        class: &PseudoClass,
        context: &mut MatchingContext<'_, Names>,
    ) -> bool {
        match class {
            PseudoClass::Link => self.is_link(),
            PseudoClass::Checked => self.is_checked(),
            PseudoClass::Disabled => self.is_disabled(),
            PseudoClass::Enabled => self.is_enabled(),
            PseudoClass::Required => self.takes_input() && self.attribute("required").is_some(),
            PseudoClass::Optional => self.takes_input() && self.attribute("required").is_none(),
            PseudoClass::Contains(text) => self.0.text_content().contains(text.as_str()),
            PseudoClass::Has(list) => has(self, list, context),
        }
    }

    fn match_pseudo_element(
        &self,
        element: &PseudoElement,
        _context: &mut MatchingContext<'_, Names>,
    ) -> bool {
        match *element {}
    }

    fn apply_selector_flags(&self, _flags: ElementSelectorFlags) {}

    fn is_link(&self) -> bool {
        let data = self.data();
        data.is_html()
            && matches!(data.name.local, local_name!("a") | local_name!("area"))
            && self.attribute("href").is_some()
    }

    fn is_html_slot_element(&self) -> bool {
        self.data().html_tag() == "slot"
    }

    fn has_id(&self, id: &Name, case: CaseSensitivity) -> bool {
        let own = self.attribute("id");
        own.is_some_and(|own| case.eq(id.0.as_bytes(), own.as_bytes()))
    }

    fn has_class(&self, name: &Name, case: CaseSensitivity) -> bool {
        self.attribute("class").is_some_and(|classes| {
            classes
                .split_ascii_whitespace()
                .any(|class| case.eq(name.0.as_bytes(), class.as_bytes()))
        })
    }

    fn has_custom_state(&self, _name: &Name) -> bool {
        false
    }

    fn imported_part(&self, _name: &Name) -> Option<Name> {
        None
    }

    fn is_part(&self, _name: &Name) -> bool {
        false
    }

    fn is_empty(&self) -> bool {
        self.0
            .document
            .children(self.0.id)
            .all(|id| matches!(self.0.document.node(id).kind, Kind::Comment(_)))
    }

    fn is_root(&self) -> bool {
        self.0.document.node(self.0.id).parent == ROOT
    }

    /// Only asked for by the library's own `:has()`, which is not used.
    fn add_element_unique_hashes(&self, _filter: &mut BloomFilter) -> bool {
        false
    }
}
