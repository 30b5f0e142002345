//! From text to the tree, piece by piece and within bounds.

use std::rc::Rc;

use html5ever::tendril::TendrilSink;
use html5ever::tree_builder::TreeBuilderOpts;
use html5ever::{LocalName, ParseOpts, Parser, QualName, local_name, ns};

use super::FORMAT;
use super::sink::{Gauge, Sink};
use super::tree::{Document, NONE, ROOT};
use crate::record::{Error, ErrorKind, Limits, Position};

/// So much text goes to the parser before the bounds are looked at.
const PIECE: usize = 4096;

/// Elements that the standard adds by itself: html, head, body.
const OWN: usize = 16;

/// Builds a document from pieces of text.
///
/// ```
/// use sockeye_data::html::Builder;
/// use sockeye_data::record::Limits;
///
/// let mut builder = Builder::new(&Limits::default());
/// for piece in ["<p>a<", "p>b"] {
///     builder.push(piece)?;
/// }
/// assert_eq!(builder.finish()?.text(), "a\n\nb");
/// # Ok::<(), sockeye_data::record::Error>(())
/// ```
pub struct Builder {
    parser: Parser<Sink>,
    gauge: Rc<Gauge>,
    limits: Limits,
    bytes: u64,
    fragment: bool,
}

impl Builder {
    /// A document within these bounds: [`Limits::depth`] of elements in elements (1,000 unless it is set; browsers draw 512),
    /// [`Limits::record`] bytes of text, and [`Limits::expansion`] nodes more than the text has bytes: some markup makes a few
    /// bytes into many elements.
    pub fn new(limits: &Limits) -> Self {
        let gauge = Rc::new(Gauge::default());
        let parser = html5ever::parse_document(Sink::new(Rc::clone(&gauge)), options(false));
        Self::with(parser, gauge, limits, false)
    }

    /// What stands within an element of this tag, as `innerHTML` reads it. `svg` and `math` before the tag and a space name
    /// elements that are not of HTML: `svg desc`.
    pub fn fragment(context: &str, limits: &Limits) -> Self {
        Self::fragment_with(context, limits, false)
    }

    /// See [`Builder::fragment`]; with `scripts` as a browser that runs them reads it: `<noscript>` holds text.
    pub fn fragment_with(context: &str, limits: &Limits, scripts: bool) -> Self {
        let gauge = Rc::new(Gauge::default());
        let (space, tag) = match context.split_once(' ') {
            Some(("svg", tag)) => (ns!(svg), tag),
            Some(("math", tag)) => (ns!(mathml), tag),
            _ => (ns!(html), context),
        };
        let name = QualName::new(None, space, LocalName::from(tag));
        let sink = Sink::new(Rc::clone(&gauge));
        let parser = html5ever::parse_fragment(sink, options(scripts), name, Vec::new(), scripts);
        Self::with(parser, gauge, limits, true)
    }

    /// See [`Builder::new`]; as a browser that runs scripts reads it: `<noscript>` holds text.
    pub fn with_scripts(limits: &Limits) -> Self {
        let gauge = Rc::new(Gauge::default());
        let parser = html5ever::parse_document(Sink::new(Rc::clone(&gauge)), options(true));
        Self::with(parser, gauge, limits, false)
    }

    fn with(parser: Parser<Sink>, gauge: Rc<Gauge>, limits: &Limits, fragment: bool) -> Self {
        Self {
            parser,
            gauge,
            limits: limits.clone(),
            bytes: 0,
            fragment,
        }
    }

    /// More of the text.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Limit`] when a bound is reached; nothing else is wrong in HTML.
    pub fn push(&mut self, text: &str) -> Result<(), Error> {
        let mut rest = text;
        while !rest.is_empty() {
            let mut cut = rest.len().min(PIECE);
            while !rest.is_char_boundary(cut) {
                cut -= 1;
            }
            let (piece, behind) = rest.split_at(cut);
            self.bytes += piece.len() as u64;
            if self.bytes > self.limits.record as u64 {
                return Err(self.limit(
                    "the document is larger than",
                    self.limits.record,
                    "--max-record",
                ));
            }
            self.parser.process(piece.into());
            self.check_cost()?;
            rest = behind;
        }
        Ok(())
    }

    /// The document, when there is no more text.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Limit`] when a bound is reached.
    pub fn finish(self) -> Result<Document, Error> {
        let gauge = Rc::clone(&self.gauge);
        let (limits, bytes, fragment) = (self.limits.clone(), self.bytes, self.fragment);
        let mut document = self.parser.finish();
        check(&gauge, &limits, bytes)?;
        if fragment {
            unwrap_root(&mut document);
        }
        let depth = document.depth();
        gauge.depth.set(depth as u32);
        check(&gauge, &limits, bytes)?;
        Ok(document)
    }

    fn check_cost(&self) -> Result<(), Error> {
        check(&self.gauge, &self.limits, self.bytes)
    }

    fn limit(&self, what: &str, bound: usize, flag: &str) -> Error {
        limit(what, bound, flag, self.bytes)
    }
}

fn check(gauge: &Gauge, limits: &Limits, bytes: u64) -> Result<(), Error> {
    // The document and the text in the innermost element are levels, too.
    if gauge.depth.get() as usize > limits.depth.saturating_add(2) {
        return Err(limit(
            "elements are nested deeper than",
            limits.depth,
            "--max-depth",
            bytes,
        ));
    }
    let allowed = (bytes as usize)
        .saturating_add(limits.expansion)
        .saturating_add(OWN);
    if gauge.nodes.get() > allowed || gauge.nodes.get() >= NONE as usize {
        let what = "the text makes more nodes than it has bytes, beyond";
        return Err(limit(what, limits.expansion, "--max-expansion", bytes));
    }
    Ok(())
}

fn limit(what: &str, bound: usize, flag: &str, bytes: u64) -> Error {
    Error::new(ErrorKind::Limit, FORMAT, format!("{what} {bound}"))
        .at(Position {
            byte: bytes,
            line: 0,
            column: 0,
        })
        .with_hint(format!("raise it with {flag}"))
}

fn options(scripts: bool) -> ParseOpts {
    ParseOpts {
        tree_builder: TreeBuilderOpts {
            scripting_enabled: scripts,
            ..TreeBuilderOpts::default()
        },
        ..ParseOpts::default()
    }
}

/// The parser puts a fragment into an element `html`, which is not part of it.
fn unwrap_root(document: &mut Document) {
    let root = document.children(ROOT).find(|id| {
        document
            .element_data(*id)
            .is_some_and(|element| element.name.local == local_name!("html"))
    });
    if let Some(root) = root {
        document.detach(root);
        document.move_children(root, ROOT);
    }
}

impl Document {
    /// The document that the text makes, within the bounds of [`Limits::default`].
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Limit`] when a bound is reached; nothing else is wrong in HTML.
    pub fn parse(text: &str) -> Result<Self, Error> {
        Self::parse_within(text, &Limits::default())
    }

    /// The document that the text makes, within these bounds: see [`Builder::new`].
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Limit`] when a bound is reached.
    pub fn parse_within(text: &str, limits: &Limits) -> Result<Self, Error> {
        let mut builder = Builder::new(limits);
        builder.push(text)?;
        builder.finish()
    }
}
