//! Strict events of a document: what [`tokens`](super::tokens) cuts is checked to be well-formed, references are expanded
//! within bounds, defaults are applied. This is a tokenizer of its own and not one on top of `quick-xml`: that one is lenient, so each
//! tag, reference and DOCTYPE had to be cut a second time to be checked, replacement texts of entities and exact positions
//! would have come from a second machinery anyway, and texts of any size would have been copied whole.

use std::io::{self, Read};

use crate::record::{Error, ErrorKind, Position};

use super::attributes::{Attributes, Bounds};
use super::declaration::{self, Declaration};
use super::dtd::Dtd;
use super::entities::{Budget, no_char, recursive};
use super::input::Input;
use super::namespaces::Scope;
use super::tokens::Token;
use super::{FORMAT, Fault, Namespaces, ReadOptions, names};

/// What a document consists of. References are expanded: their text comes as text, their elements as elements.
#[derive(Debug)]
pub(crate) enum Event<'a> {
    Declaration(Declaration<'a>),
    /// What is between `<!DOCTYPE` and `>`.
    Doctype(&'a str),
    Start {
        name: &'a str,
        attributes: &'a Attributes,
    },
    End,
    /// One text may come in pieces.
    Text(&'a str),
    CData(&'a str),
    Comment(&'a str),
    Instruction {
        target: &'a str,
        data: &'a str,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Not a byte was read.
    Start,
    /// Before the DOCTYPE.
    Misc,
    /// Before the root element.
    Prolog,
    Root,
    After,
}

/// An entity whose replacement text is being read.
struct Nested {
    input: Input<io::Empty>,
    name: String,
    /// How many elements were open before it.
    depth: usize,
}

pub(crate) struct Parser<R> {
    input: Input<R>,
    nested: Vec<Nested>,
    /// The names of all open elements behind each other, and where each starts.
    open: String,
    starts: Vec<usize>,
    attributes: Attributes,
    /// What a reference to a character stands for.
    text: String,
    dtd: Dtd,
    budget: Budget,
    scope: Option<Scope>,
    stage: Stage,
    standalone: bool,
    /// The last start tag was empty: its end comes next.
    is_empty: bool,
    bounds: Bounds,
    depth: usize,
    record: usize,
    decoded: bool,
}

impl<R: Read> Parser<R> {
    pub(crate) fn new(read: R, options: &ReadOptions) -> Self {
        let scope = options.namespaces == Namespaces::Check;
        Self {
            input: Input::new(read, options.limits.record),
            nested: Vec::new(),
            open: String::new(),
            starts: Vec::new(),
            attributes: Attributes::default(),
            text: String::new(),
            dtd: Dtd::new(false, scope),
            budget: Budget::new(options.limits.expansion),
            scope: scope.then(Scope::default),
            stage: Stage::Start,
            standalone: false,
            is_empty: false,
            bounds: Bounds {
                attributes: options.attributes,
                name: options.name,
            },
            depth: options.limits.depth,
            record: options.limits.record,
            decoded: options.decoded,
        }
    }

    /// How many bytes a record may have.
    pub(super) fn record_limit(&self) -> usize {
        self.record
    }

    /// Where the parser is.
    pub(crate) fn position(&self) -> Position {
        self.input.position(self.input.at)
    }

    /// About how many bytes are behind it.
    pub(super) fn consumed(&self) -> u64 {
        self.input.consumed()
    }

    /// The next event; `None` after a whole document.
    pub(crate) fn next_event(&mut self) -> Result<Option<Event<'_>>, Error> {
        if std::mem::take(&mut self.is_empty) {
            self.close();
            return Ok(Some(Event::End));
        }
        loop {
            let token = match self.nested.last_mut() {
                None => self.input.token()?,
                Some(nested) => match nested.input.token() {
                    Ok(token) => token,
                    Err(error) => return Err(self.in_entity(error)),
                },
            };
            let is_first = self.stage == Stage::Start;
            self.stage = self.stage.at_least(Stage::Misc);
            match token {
                Token::Text(range) => {
                    if self.stage == Stage::Root {
                        return Ok(Some(Event::Text(&self.window()[range])));
                    }
                    self.check_outside(range)?;
                }
                Token::Reference(range) => {
                    if self.expand(range)? {
                        return Ok(Some(Event::Text(&self.text)));
                    }
                }
                Token::Start { inner, empty } => {
                    let name = self.start(inner.clone(), empty)?;
                    let name = &self.window()[inner.start..inner.start + name];
                    let attributes = &self.attributes;
                    return Ok(Some(Event::Start { name, attributes }));
                }
                Token::End(range) => {
                    self.end(range)?;
                    return Ok(Some(Event::End));
                }
                Token::Comment(range) => return Ok(Some(Event::Comment(&self.window()[range]))),
                Token::CData(range) => {
                    if self.stage != Stage::Root {
                        return Err(self.fail(
                            range.start,
                            Fault::new(0, "CDATA outside of the root element"),
                        ));
                    }
                    return Ok(Some(Event::CData(&self.window()[range])));
                }
                Token::Instruction(range) => {
                    if is_first && declaration::is_declaration(&self.window()[range.clone()]) {
                        return self.declared(range).map(Some);
                    }
                    let checked = check_instruction(&self.window()[range.clone()]);
                    let target = checked.map_err(|fault| self.fail(range.start, fault))?;
                    if self.scope.is_some() && self.window()[range.clone()][..target].contains(':')
                    {
                        let fault =
                            Fault::new(0, "the target of a processing instruction has a colon");
                        return Err(self.fail(range.start, fault));
                    }
                    let (target, data) = self.window()[range].split_at(target);
                    let data = data.trim_start_matches([' ', '\t', '\n', '\r']);
                    return Ok(Some(Event::Instruction { target, data }));
                }
                Token::Doctype(range) => {
                    self.doctype(range.clone())?;
                    return Ok(Some(Event::Doctype(&self.window()[range])));
                }
                Token::Nothing => match self.nested.pop() {
                    None => return self.finish(),
                    Some(nested) if nested.depth == self.starts.len() => {}
                    Some(nested) => {
                        let why =
                            format!("the entity {:?} does not close what it opens", nested.name);
                        return Err(self.fail(0, Fault::new(0, why)));
                    }
                },
            }
        }
    }

    /// The characters that ranges are of.
    fn window(&self) -> &str {
        self.nested
            .last()
            .map_or(&self.input.text, |nested| &nested.input.text)
    }

    /// A fault, `from` bytes behind the start of the window.
    fn fail(&self, from: usize, fault: Fault) -> Error {
        match self.nested.last() {
            None => {
                let position = self.input.position(from + fault.at);
                fault.into_error(position)
            }
            Some(nested) => fault.within(&nested.name, 0).into_error(self.position()),
        }
    }

    fn in_entity(&self, error: Error) -> Error {
        let name = self.nested.last().map_or("", |nested| &nested.name);
        let hint = format!("it stands in the replacement text of the entity {name:?}");
        let kind = match error.kind() {
            ErrorKind::Truncated => ErrorKind::Syntax,
            kind => kind,
        };
        Error::new(kind, FORMAT, error.why().to_owned())
            .at(self.position())
            .with_hint(hint)
    }

    fn check_outside(&self, range: std::ops::Range<usize>) -> Result<(), Error> {
        let text = &self.input.text[range.clone()];
        match text.bytes().position(|byte| !names::is_space(byte)) {
            None => Ok(()),
            Some(at) => Err(self.fail(
                range.start + at,
                Fault::new(0, "text outside of the root element"),
            )),
        }
    }

    fn declared(&mut self, range: std::ops::Range<usize>) -> Result<Event<'_>, Error> {
        let declared = declaration::parse(&self.input.text[range.clone()]);
        let declared = declared.map_err(|fault| self.fail(range.start, fault))?;
        let encoding = declared.encoding.unwrap_or("UTF-8").to_ascii_uppercase();
        let is_wide = encoding.starts_with("UTF-16") || encoding.starts_with("ISO-10646-UCS-");
        let is_other = self.input.has_mark && encoding != "UTF-8";
        if !self.decoded && (is_wide || is_other) {
            let fault = Fault::new(
                0,
                format!("the document declares {encoding}, but it is UTF-8"),
            );
            return Err(self.fail(range.start, fault));
        }
        self.standalone = declared.standalone == Some("yes");
        Ok(Event::Declaration(declared))
    }

    fn doctype(&mut self, range: std::ops::Range<usize>) -> Result<(), Error> {
        if self.stage != Stage::Misc {
            let why = "a DOCTYPE that is not before the root element, or a second one";
            return Err(self.fail(range.start, Fault::new(0, why)));
        }
        self.stage = Stage::Prolog;
        self.budget.read = self.input.consumed();
        self.dtd = Dtd::new(self.standalone, self.scope.is_some());
        let parsed = self
            .dtd
            .parse(&self.input.text[range.clone()], &mut self.budget);
        parsed.map_err(|fault| self.fail(range.start, fault))
    }

    /// A start tag; the length of its name.
    fn start(&mut self, range: std::ops::Range<usize>, empty: bool) -> Result<usize, Error> {
        let result = self.start_checked(range.clone());
        let name = result.map_err(|fault| self.fail(range.start, fault))?;
        self.is_empty = empty;
        self.stage = Stage::Root;
        Ok(name)
    }

    fn start_checked(&mut self, range: std::ops::Range<usize>) -> Result<usize, Fault> {
        if self.stage == Stage::After {
            return Err(Fault::new(0, "a second root element"));
        }
        if self.starts.len() == self.depth {
            let why = format!("elements are nested deeper than {}", self.depth);
            return Err(Fault::limit(0, why));
        }
        self.budget.read = self.input.consumed();
        let window = match self.nested.last() {
            None => &self.input.text,
            Some(nested) => &nested.input.text,
        };
        let tag = &window[range];
        let len = self
            .attributes
            .parse(tag, self.bounds, &self.dtd.entities, &mut self.budget)?;
        let name = &tag[..len];
        if let Some(defaults) = self.dtd.defaults(name) {
            self.attributes.complete(defaults);
        }
        self.starts.push(self.open.len());
        self.open.push_str(name);
        if let Some(scope) = &mut self.scope {
            scope.enter(name, &self.attributes, self.starts.len())?;
        }
        Ok(len)
    }

    fn end(&mut self, range: std::ops::Range<usize>) -> Result<(), Error> {
        let result = self.end_checked(range.clone());
        result.map_err(|fault| self.fail(range.start, fault))?;
        self.close();
        Ok(())
    }

    fn end_checked(&self, range: std::ops::Range<usize>) -> Result<(), Fault> {
        let name = self.window()[range].trim_end_matches([' ', '\t', '\n', '\r']);
        let outside = self.nested.last().map_or(0, |nested| nested.depth);
        let Some(&start) = self.starts.last() else {
            return Err(Fault::new(0, format!("\"</{name}>\" ends nothing")));
        };
        if self.starts.len() == outside {
            return Err(Fault::new(
                0,
                format!("\"</{name}>\" ends an element outside of the entity"),
            ));
        }
        let open = &self.open[start..];
        if name != open {
            return Err(Fault::new(
                0,
                format!("\"</{name}>\" where \"</{open}>\" should be"),
            ));
        }
        Ok(())
    }

    fn close(&mut self) {
        if let Some(scope) = &mut self.scope {
            scope.leave(self.starts.len());
        }
        if let Some(start) = self.starts.pop() {
            self.open.truncate(start);
        }
        if self.starts.is_empty() {
            self.stage = Stage::After;
        }
    }

    /// What is between `&` and `;`: whether it is text, which is in `self.text` then; else its replacement text is read next.
    fn expand(&mut self, range: std::ops::Range<usize>) -> Result<bool, Error> {
        let result = self.expand_checked(range.clone());
        result.map_err(|fault| self.fail(range.start.saturating_sub(1), fault))
    }

    fn expand_checked(&mut self, range: std::ops::Range<usize>) -> Result<bool, Fault> {
        let window = match self.nested.last() {
            None => &self.input.text,
            Some(nested) => &nested.input.text,
        };
        let name = &window[range];
        if self.stage != Stage::Root {
            return Err(Fault::new(0, "a reference outside of the root element"));
        }
        self.text.clear();
        if name.starts_with('#') {
            let char = names::referenced_char(name).ok_or_else(|| no_char(name, 0))?;
            self.text.push(char);
            return Ok(true);
        }
        if let Some(text) = names::predefined(name) {
            self.text.push_str(text);
            return Ok(true);
        }
        if !names::is_name(name) {
            let why = format!("\"&{name};\" is no reference");
            return Err(Fault::new(0, why).with_hint("write &amp; for the character itself"));
        }
        let replacement = self.dtd.entities.text(name, 0)?;
        self.budget.read = self.input.consumed();
        self.budget.spend(replacement.len(), 0)?;
        let is_plain = memchr::memchr2(b'<', b'&', replacement.as_bytes()).is_none();
        if is_plain && !replacement.contains("]]>") {
            self.text.push_str(&replacement);
            return Ok(true);
        }
        if self.nested.iter().any(|nested| nested.name == name) {
            return Err(recursive(name, 0));
        }
        if self.nested.len() == self.depth {
            let why = format!("entities are nested deeper than {}", self.depth);
            return Err(Fault::limit(0, why));
        }
        let nested = Nested {
            input: Input::of_entity(&replacement),
            name: name.to_owned(),
            depth: self.starts.len(),
        };
        self.nested.push(nested);
        Ok(false)
    }

    fn finish(&self) -> Result<Option<Event<'_>>, Error> {
        match self.stage {
            Stage::After => Ok(None),
            Stage::Root => {
                let start = self.starts.last().copied().unwrap_or_default();
                Err(self
                    .input
                    .cut(&format!("the element {:?}", &self.open[start..])))
            }
            _ => {
                let why = "the document has no root element";
                Err(Error::new(ErrorKind::Truncated, FORMAT, why).at(self.position()))
            }
        }
    }
}

impl Stage {
    fn at_least(self, other: Self) -> Self {
        if (self as u8) < (other as u8) {
            other
        } else {
            self
        }
    }
}

/// The inside of a processing instruction: the length of its target.
pub(super) fn check_instruction(inner: &str) -> Result<usize, Fault> {
    let target = names::name_len(inner);
    if target == 0 {
        return Err(Fault::new(0, "a processing instruction has no target"));
    }
    if inner[..target].eq_ignore_ascii_case("xml") {
        let why = "an XML declaration that is not at the start of the document";
        return Err(
            Fault::new(0, why).with_hint("remove what is before it, blanks and line breaks too")
        );
    }
    match inner[target..].bytes().next() {
        None => Ok(target),
        Some(byte) if names::is_space(byte) => Ok(target),
        Some(_) => Err(Fault::new(
            target,
            "a blank is missing after the target of a processing instruction",
        )),
    }
}
