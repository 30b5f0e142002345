//! Events become records: the whole document, or each thing that a path leads to, one at a time.

use std::collections::VecDeque;
use std::io::Read;

use crate::record::{Error, ErrorKind, Position, ReadRecords};
use crate::value::Value;

use super::friendly::Friendly;
use super::lossless::{CDATA, COMMENT, Lossless};
use super::parser::{Event, Parser};
use super::path::{Matcher, Matches};
use super::{FORMAT, Mapping, ReadOptions, attributes::Attributes, names};

/// Reads records from a document, strictly: what is not well-formed is an error, also where no record is.
///
/// ```
/// use sockeye_data::record::ReadRecords;
/// use sockeye_data::value::Value;
/// use sockeye_data::xml::{Path, ReadOptions, Reader};
///
/// let feed = "<feed><item id='1'><title>One</title></item><item id='2'/></feed>";
/// let options = ReadOptions {
///     records: Some(Path::parse("feed/item").unwrap()),
///     ..ReadOptions::default()
/// };
/// let mut reader = Reader::new(feed.as_bytes(), &options);
/// let first = reader.next_record().unwrap().unwrap();
/// assert_eq!(first.get("@id"), Some(&Value::from("1")));
/// assert_eq!(first.get("title"), Some(&Value::from("One")));
/// assert_eq!(reader.records().count(), 1);
/// ```
pub struct Reader<R> {
    parser: Parser<R>,
    sink: Sink,
    is_done: bool,
}

/// Takes events in and makes records.
struct Sink {
    build: Build,
    matcher: Option<Matcher>,
    keeps_space: bool,
    /// For each element that is being built, the place in `found` where its value belongs.
    wanted: Vec<Option<usize>>,
    /// For each open element, whether its texts are wanted; only for paths to texts.
    texts: Vec<bool>,
    text: String,
    /// Found in the order of the document; `None` while it is being built.
    found: VecDeque<Option<Value>>,
    /// How many were given away before the first of `found`.
    given: usize,
    /// Where the record starts that is being built.
    started: u64,
}

enum Build {
    Friendly(Friendly),
    Lossless(Lossless),
}

impl<R: Read> Reader<R> {
    /// `read` gives UTF-8, whatever charset the XML declaration names: [`encoding_of`](super::encoding_of) tells it before.
    pub fn new(read: R, options: &ReadOptions) -> Self {
        let mut build = match options.mapping {
            Mapping::Friendly => {
                Build::Friendly(Friendly::new(options.list.clone(), options.keep_space))
            }
            Mapping::Lossless => Build::Lossless(Lossless::default()),
        };
        if let (Build::Lossless(build), None) = (&mut build, &options.records) {
            build.start_document();
        }
        Self {
            parser: Parser::new(read, options),
            sink: Sink {
                build,
                matcher: options.records.clone().map(Matcher::new),
                keeps_space: options.keep_space,
                wanted: Vec::new(),
                texts: Vec::new(),
                text: String::new(),
                found: VecDeque::new(),
                given: 0,
                started: 0,
            },
            is_done: false,
        }
    }

    /// A record may have only so many bytes of the input.
    fn check_size(&self, limit: usize) -> Result<(), Error> {
        let size = self.parser.consumed().saturating_sub(self.sink.started);
        if !self.sink.is_building() || size <= limit as u64 {
            return Ok(());
        }
        let why = format!("a record is larger than {limit} bytes");
        let error = Error::new(ErrorKind::Limit, FORMAT, why).at(self.parser.position());
        Err(match self.sink.matcher {
            Some(_) => error,
            None => error.with_hint("the whole document is one record; a path picks smaller ones"),
        })
    }

    fn read_record(&mut self) -> Result<Option<Value>, Error> {
        loop {
            if let Some(value) = self.sink.take() {
                return Ok(Some(value));
            }
            if self.is_done {
                return Ok(None);
            }
            let before = self.parser.consumed();
            match self.parser.next_event()? {
                Some(event) => self.sink.event(event, before),
                None => {
                    self.is_done = true;
                    self.sink.finish();
                }
            }
            self.check_size(self.parser.record_limit())?;
        }
    }
}

impl<R: Read> ReadRecords for Reader<R> {
    fn next_record(&mut self) -> Result<Option<Value>, Error> {
        let result = self.read_record();
        if result.is_err() {
            self.is_done = true;
            self.sink.found.clear();
        }
        result
    }

    fn position(&self) -> Position {
        self.parser.position()
    }
}

impl Sink {
    fn is_building(&self) -> bool {
        !self.wanted.is_empty()
    }

    /// The next record in the order of the document, if it is done.
    fn take(&mut self) -> Option<Value> {
        let value = self.found.front_mut()?.take()?;
        self.found.pop_front();
        self.given += 1;
        Some(value)
    }

    fn event(&mut self, event: Event<'_>, before: u64) {
        match event {
            Event::Start { name, attributes } => self.start(name, attributes, before),
            Event::End => self.end(),
            Event::Text(text) => self.text(text),
            Event::CData(text) => {
                if self.is_building()
                    && let Build::Lossless(build) = &mut self.build
                {
                    return build.node(CDATA, text.into());
                }
                self.text(text);
            }
            event => self.aside(event),
        }
    }

    /// What the friendly mapping leaves out.
    fn aside(&mut self, event: Event<'_>) {
        let is_whole = self.matcher.is_none();
        if !is_whole && !self.is_building() {
            return;
        }
        let Build::Lossless(build) = &mut self.build else {
            return;
        };
        match event {
            Event::Declaration(declared) => build.declaration(&declared),
            Event::Doctype(text) => build.doctype(text),
            Event::Comment(text) => build.node(COMMENT, text.into()),
            Event::Instruction { target, data } => build.instruction(target, data),
            Event::Start { .. } | Event::End | Event::Text(_) | Event::CData(_) => {}
        }
    }

    fn start(&mut self, name: &str, attributes: &Attributes, before: u64) {
        let matches = match &mut self.matcher {
            Some(matcher) => matcher.enter(name, attributes),
            None => Matches::default(),
        };
        if self.matcher.is_some() {
            self.end_text();
            self.texts.push(matches.text);
        }
        let mut place = None;
        if matches.element {
            place = Some(self.given + self.found.len());
            self.found.push_back(None);
        }
        if matches.attributes {
            self.attributes(attributes);
        }
        if place.is_none() && !self.is_building() && self.matcher.is_some() {
            return;
        }
        if self.wanted.is_empty() {
            self.started = before;
        }
        self.wanted.push(place);
        match &mut self.build {
            Build::Friendly(build) => build.start(name, attributes),
            Build::Lossless(build) => build.start(name, attributes),
        }
    }

    fn attributes(&mut self, attributes: &Attributes) {
        let Some(matcher) = &self.matcher else { return };
        let wanted = attributes
            .iter()
            .filter(|(name, _)| matcher.fits_attribute(name));
        self.found
            .extend(wanted.map(|(_, value)| Some(Value::from(value))));
    }

    fn text(&mut self, text: &str) {
        if self.texts.last() == Some(&true) {
            self.text.push_str(text);
        }
        if self.is_building() {
            match &mut self.build {
                Build::Friendly(build) => build.text(text),
                Build::Lossless(build) => build.text(text),
            }
        }
    }

    fn end(&mut self) {
        if let Some(matcher) = &mut self.matcher {
            matcher.leave();
            self.end_text();
            self.texts.pop();
        }
        let Some(place) = self.wanted.pop() else {
            return;
        };
        let is_outermost = self.wanted.is_empty();
        let value = match &mut self.build {
            Build::Friendly(build) => {
                let Some((name, value)) = build.end() else {
                    return;
                };
                if is_outermost && self.matcher.is_none() {
                    let document = [(name, value)].into_iter().collect();
                    self.found
                        .push_back(Some(Value::Object(std::sync::Arc::new(document))));
                    return;
                }
                if !is_outermost {
                    build.put(name, value.clone());
                }
                value
            }
            Build::Lossless(build) => {
                let Some(node) = build.end() else { return };
                if !is_outermost || self.matcher.is_none() {
                    build.put(node.clone());
                }
                node
            }
        };
        if let Some(found) = place.and_then(|place| self.found.get_mut(place - self.given)) {
            *found = Some(value);
        }
    }

    /// A text that a path leads to is over.
    fn end_text(&mut self) {
        if self.text.is_empty() {
            return;
        }
        let text = if self.keeps_space {
            self.text.as_str()
        } else {
            names::trim(&self.text)
        };
        if !text.is_empty() {
            self.found.push_back(Some(Value::from(text)));
        }
        self.text.clear();
    }

    /// The document is over.
    fn finish(&mut self) {
        if let (Build::Lossless(build), None) = (&mut self.build, &self.matcher) {
            self.found.extend(build.end().map(Some));
        }
    }
}
