//! CSS selectors: parsed, with the place of what is wrong, and matched.

use std::fmt;

use cssparser::{BasicParseErrorKind, ParseErrorKind, Parser as CssParser, ToCss};
use selectors::matching::{
    MatchingContext, MatchingForInvalidation, MatchingMode, NeedsSelectorFlags, SelectorCaches,
    matches_selector,
};
use selectors::parser::{ParseRelative, SelectorList, SelectorParseErrorKind as Wrong};

use super::css::{Grammar, Names, Seen};
use super::element::Element;
use super::tree::{Document, NodeId, ROOT, Step, Walk};

/// So long may a selector be, in bytes.
const LONGEST: usize = 1 << 16;

/// How deep `:is(:not(:has(…)))` may go.
const DEEPEST: usize = 32;

/// A list of CSS selectors.
///
/// Understood is what Selectors 4 says of elements: types, `*`, `#id`, `.class`, `[attribute]` with all operators and the flags
/// `i` and `s`, all four combinators, `:is()`, `:where()`, `:not()`, `:has()`, `:nth-child(2n+1 of S)` and its kin, `:root`,
/// `:empty`, `:scope`, `:any-link`, `:checked`, `:disabled`, `:enabled`, `:required`, `:optional`; the namespaces `html|`, `svg|`
/// and `math|`. Of no standard, but useful: `:contains("text")`.
///
/// ```
/// use sockeye_data::html::Selector;
///
/// let wrong = Selector::parse("td:nth-chld(2)").unwrap_err();
/// assert_eq!(wrong.to_string(), "no such pseudo-class at byte 2 of \"td:nth-chld(2)\"");
/// ```
#[derive(Clone, Debug)]
pub struct Selector {
    list: SelectorList<Names>,
}

impl Selector {
    /// Parse a list of selectors.
    ///
    /// # Errors
    ///
    /// The text is no selector, or one that browsers do not know; the error says where and what to try. A selector has up to
    /// 64 KiB, and 32 levels of parentheses.
    pub fn parse(text: &str) -> Result<Self, SelectorError> {
        check_size(text)?;
        let mut parser = CssParser::new(text);
        match SelectorList::parse(&Grammar { in_has: false }, &mut parser, ParseRelative::No) {
            Ok(list) => Ok(Self { list }),
            Err(error) => {
                let at = parser.position().byte_index().min(text.len());
                Err(SelectorError::new(text, at, &error.kind))
            }
        }
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.list.to_css(f)
    }
}

impl std::str::FromStr for Selector {
    type Err = SelectorError;

    fn from_str(text: &str) -> Result<Self, SelectorError> {
        Self::parse(text)
    }
}

/// Selectors are read by calls within calls, so deep ones are refused first.
fn check_size(text: &str) -> Result<(), SelectorError> {
    let mut depth = 0_usize;
    let deep = text.bytes().position(|byte| {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth > DEEPEST
    });
    match deep {
        Some(at) => Err(SelectorError::plain(
            text,
            at,
            "too many parentheses in each other",
            "write it flatter",
        )),
        None if text.len() > LONGEST => Err(SelectorError::plain(
            text,
            LONGEST,
            "the selector is longer than 64 KiB",
            "select several times",
        )),
        None => Ok(()),
    }
}

/// Why a text is no selector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SelectorError {
    text: String,
    at: usize,
    why: &'static str,
    hint: &'static str,
}

impl SelectorError {
    fn plain(text: &str, at: usize, why: &'static str, hint: &'static str) -> Self {
        let mut shown: String = text.chars().take(200).collect();
        if shown.len() < text.len() {
            shown.push('…');
        }
        Self {
            text: shown,
            at,
            why,
            hint,
        }
    }

    fn new(text: &str, at: usize, kind: &ParseErrorKind<Wrong>) -> Self {
        let (why, hint) = match kind {
            ParseErrorKind::Basic(kind) => basic(kind),
            ParseErrorKind::Custom(wrong) => custom(wrong),
        };
        let at = match kind {
            ParseErrorKind::Custom(Wrong::UnsupportedPseudoClassOrElement) => {
                text[..at].rfind(':').unwrap_or(at)
            }
            _ => at,
        };
        Self::plain(text, at, why, hint)
    }

    /// How many bytes of the selector stand before what is wrong.
    pub fn at(&self) -> usize {
        self.at
    }

    /// One thing to try.
    pub fn hint(&self) -> &'static str {
        self.hint
    }
}

fn basic(kind: &BasicParseErrorKind) -> (&'static str, &'static str) {
    match kind {
        BasicParseErrorKind::EndOfInput => (
            "the selector ends too early",
            "close what was opened, or put a name behind the last sign",
        ),
        BasicParseErrorKind::TooManyNestedBlocks => {
            ("too many parentheses in each other", "write it flatter")
        }
        _ => (
            "this is not expected",
            "put values with other signs than letters, digits, - and _ into quotes: [href=\"/a\"]",
        ),
    }
}

fn custom(wrong: &Wrong) -> (&'static str, &'static str) {
    match wrong {
        Wrong::EmptySelector => ("a selector is missing", "write one, such as a[href]"),
        Wrong::DanglingCombinator => (
            "a combinator has nothing behind it",
            "put a selector behind it, or * for any element",
        ),
        Wrong::UnsupportedPseudoClassOrElement => (
            "no such pseudo-class",
            "known are :is :where :not :has :nth-child :first-child :only-child :empty :root :checked :contains(\"text\") and their kin",
        ),
        Wrong::ExpectedNamespace => (
            "no such namespace",
            "known are html| svg| math|, and *| for any",
        ),
        Wrong::ClassNeedsIdent => (
            "a class has no name",
            "escape a first digit: .\\31 23, or use [class~=\"123\"]",
        ),
        Wrong::NoIdentForPseudo
        | Wrong::PseudoElementExpectedColon
        | Wrong::PseudoElementExpectedIdent => (
            "a pseudo-class has no name",
            "put it behind the colon, or escape the colon: a\\:b",
        ),
        Wrong::BadValueInAttr
        | Wrong::UnexpectedTokenInAttributeSelector
        | Wrong::NoQualifiedNameInAttributeSelector
        | Wrong::InvalidQualNameInAttr
        | Wrong::ExpectedBarInAttr => (
            "the attribute is not written right",
            "write [name], or [name=\"value\"] with quotes, or ^= $= *= ~= |= in place of =",
        ),
        _ => (
            "this is not expected",
            "separate selectors by a comma, and escape other signs by a backslash",
        ),
    }
}

impl fmt::Display for SelectorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {} of {:?}", self.why, self.at, self.text)
    }
}

impl std::error::Error for SelectorError {}

/// The elements that a selector picks, in order: see [`Document::select`].
pub struct Selection<'a> {
    document: &'a Document,
    selector: &'a Selector,
    walk: Walk<'a>,
    scope: NodeId,
    caches: SelectorCaches,
}

impl<'a> Iterator for Selection<'a> {
    type Item = Element<'a>;

    fn next(&mut self) -> Option<Element<'a>> {
        loop {
            let Step::Enter(id) = self.walk.next()? else {
                continue;
            };
            if id == self.scope || self.document.element_data(id).is_none() {
                continue;
            }
            let element = Element {
                document: self.document,
                id,
            };
            if self.matches(&element) {
                return Some(element);
            }
        }
    }
}

impl Selection<'_> {
    fn matches(&mut self, element: &Element<'_>) -> bool {
        let mut context = MatchingContext::new(
            MatchingMode::Normal,
            None,
            &mut self.caches,
            self.document.quirks,
            NeedsSelectorFlags::No,
            MatchingForInvalidation::No,
        );
        if self.scope != ROOT {
            let scope = Element {
                document: self.document,
                id: self.scope,
            };
            context.scope_element = Some(selectors::Element::opaque(&Seen(scope)));
        }
        self.selector
            .list
            .slice()
            .iter()
            .any(|selector| matches_selector(selector, 0, None, &Seen(*element), &mut context))
    }
}

impl Document {
    /// The elements that a selector picks, in order, each once. As in browsers, what templates hold is not looked at.
    pub fn select<'a>(&'a self, selector: &'a Selector) -> Selection<'a> {
        self.select_below(ROOT, selector)
    }

    pub(super) fn select_below<'a>(
        &'a self,
        scope: NodeId,
        selector: &'a Selector,
    ) -> Selection<'a> {
        Selection {
            document: self,
            selector,
            walk: self.walk(scope, false),
            scope,
            caches: SelectorCaches::default(),
        }
    }
}

impl<'a> Element<'a> {
    /// The elements below this one that a selector picks; `:scope` is this one.
    pub fn select(&self, selector: &'a Selector) -> Selection<'a> {
        self.document.select_below(self.id, selector)
    }
}
