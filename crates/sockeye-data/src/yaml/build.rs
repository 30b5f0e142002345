//! Builds values out of the parser's events, with a stack of its own.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use data_encoding::BASE64;
use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, StrInput, Tag};

use super::documents::{Document, after};
use super::{CORE, FORMAT, ReadOptions, schema};
use crate::members::{Duplicates, name_of};
use crate::record::{Error, ErrorKind, Position};
use crate::tagged::{self, Tags};
use crate::value::{Object, Text, Value};

/// How many bytes of a text weigh as much as one value.
const TEXT: usize = 1024;

/// A value, how many values it is made of, and how many levels of lists and maps.
#[derive(Clone)]
struct Node {
    value: Value,
    weight: usize,
    height: usize,
}

/// A list or map that is not at its end.
struct Frame {
    kind: Kind,
    anchor: usize,
    tag: Option<Text>,
    weight: usize,
    height: usize,
}

enum Kind {
    List(Vec<Value>),
    Map(Map),
}

#[derive(Default)]
struct Map {
    members: Object,
    key: Option<Key>,
    /// Maps that are merged in, each with the number of members before it.
    merged: Vec<(usize, Arc<Object>)>,
}

enum Key {
    Name(Text),
    Merge,
}

pub(super) struct Tree<'a> {
    document: &'a Document,
    options: &'a ReadOptions,
    frames: Vec<Frame>,
    anchors: HashMap<usize, Node>,
    expanded: usize,
    done: VecDeque<Value>,
}

impl<'a> Tree<'a> {
    pub(super) fn new(document: &'a Document, options: &'a ReadOptions) -> Self {
        Self {
            document,
            options,
            frames: Vec::new(),
            anchors: HashMap::new(),
            expanded: 0,
            done: VecDeque::new(),
        }
    }

    /// The values of the text: one, or none if it has only comments.
    pub(super) fn read(mut self) -> Result<VecDeque<Value>, Error> {
        let text = self.document.text.as_str();
        let plain = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut parser: Parser<'_, StrInput<'_>> = Parser::new_from_str(plain);
        while let Some(next) = parser.next_event() {
            let (event, span) = next.map_err(|error| self.scan_error(&error))?;
            self.event(event, span.start)?;
        }
        Ok(self.done)
    }

    fn event(&mut self, event: Event<'_>, at: Marker) -> Result<(), Error> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.scalar(&text, style, anchor, tag.as_deref(), at)
            }
            Event::SequenceStart(anchor, tag) => {
                self.open(Kind::List(Vec::new()), anchor, tag.as_deref(), at)
            }
            Event::MappingStart(anchor, tag) => {
                self.open(Kind::Map(Map::default()), anchor, tag.as_deref(), at)
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(at),
            Event::Alias(anchor) => self.alias(anchor, at),
            Event::DocumentEnd => {
                self.anchors.clear();
                Ok(())
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) => {
                Ok(())
            }
        }
    }

    fn open(
        &mut self,
        kind: Kind,
        anchor: usize,
        tag: Option<&Tag>,
        at: Marker,
    ) -> Result<(), Error> {
        if self.frames.len() >= self.options.limits.depth {
            return Err(self.too_deep(at));
        }
        let tag = tag.map(name_of_tag).filter(|name| {
            self.options.tags == Tags::Keep && !matches!(name.as_str(), "!" | "!!seq" | "!!map")
        });
        self.frames.push(Frame {
            kind,
            anchor,
            tag,
            weight: 1,
            height: 0,
        });
        Ok(())
    }

    fn close(&mut self, at: Marker) -> Result<(), Error> {
        // The parser closes what it opened.
        let Some(frame) = self.frames.pop() else {
            return Ok(());
        };
        let value = match frame.kind {
            Kind::List(items) => Value::array(items),
            Kind::Map(map) => Value::from(map.into_object()),
        };
        let value = match frame.tag {
            Some(name) => tagged::wrap(name, value),
            None => value,
        };
        let node = Node {
            value,
            weight: frame.weight,
            height: frame.height + 1,
        };
        self.complete(node, frame.anchor, false, at)
    }

    fn alias(&mut self, anchor: usize, at: Marker) -> Result<(), Error> {
        let Some(node) = self.anchors.get(&anchor) else {
            let why = "an alias within the value that it repeats";
            return Err(Error::syntax(FORMAT, why, self.place(at)));
        };
        self.expanded = self.expanded.saturating_add(node.weight);
        let limit = self.options.limits.expansion;
        if self.expanded > limit {
            let why = format!("aliases expand to more than {limit} values");
            let error = Error::new(ErrorKind::Limit, FORMAT, why).at(self.place(at));
            return Err(error.with_hint("raise the limit of expansion if you trust the input"));
        }
        if self.frames.len() + node.height > self.options.limits.depth {
            return Err(self.too_deep(at));
        }
        let node = node.clone();
        self.complete(node, 0, false, at)
    }

    fn scalar(
        &mut self,
        text: &str,
        style: ScalarStyle,
        anchor: usize,
        tag: Option<&Tag>,
        at: Marker,
    ) -> Result<(), Error> {
        let is_plain = style == ScalarStyle::Plain;
        let merges = self.options.merge && is_plain && text == "<<" && tag.is_none();
        let value = match tag.map(name_of_tag) {
            None if is_plain => schema::resolve(text),
            None => Value::from(text),
            Some(tag) => self.tagged_scalar(text, is_plain, &tag, at)?,
        };
        let node = Node {
            value,
            weight: 1 + text.len() / TEXT,
            height: 0,
        };
        self.complete(node, anchor, merges, at)
    }

    fn tagged_scalar(
        &self,
        text: &str,
        is_plain: bool,
        tag: &str,
        at: Marker,
    ) -> Result<Value, Error> {
        let known = match tag {
            "!" | "!!str" => Some(Value::from(text)),
            "!!null" => schema::is_null(text).then_some(Value::Null),
            "!!bool" => schema::bool(text).map(Value::Bool),
            "!!int" => schema::number(text)
                .filter(|_| schema::is_integer(text))
                .map(Value::Number),
            "!!float" => schema::number(text).map(Value::Number),
            "!!binary" => {
                let packed: String = text.split_ascii_whitespace().collect();
                BASE64.decode(packed.as_bytes()).ok().map(Value::bytes)
            }
            _ => {
                let value = match is_plain {
                    true => schema::resolve(text),
                    false => Value::from(text),
                };
                return Ok(match self.options.tags {
                    Tags::Keep => tagged::wrap(tag, value),
                    Tags::Drop => value,
                });
            }
        };
        known.ok_or_else(|| {
            let why = format!("this is no {tag}");
            Error::syntax(FORMAT, why, self.place(at))
        })
    }

    /// A value is there: it gets its place.
    fn complete(
        &mut self,
        node: Node,
        anchor: usize,
        merges: bool,
        at: Marker,
    ) -> Result<(), Error> {
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        let Some(frame) = self.frames.last_mut() else {
            self.done.push_back(node.value);
            return Ok(());
        };
        frame.weight = frame.weight.saturating_add(node.weight);
        frame.height = frame.height.max(node.height);
        let map = match &mut frame.kind {
            Kind::List(items) => {
                items.push(node.value);
                return Ok(());
            }
            Kind::Map(map) => map,
        };
        let fault = match map.key.take() {
            None if merges => {
                map.key = Some(Key::Merge);
                None
            }
            None => map.key(&node.value, self.options.duplicates),
            Some(Key::Merge) => map.merge(node.value),
            Some(Key::Name(name)) => {
                map.members.insert(name, node.value);
                None
            }
        };
        match fault {
            None => Ok(()),
            Some(fault) => Err(fault.at(self.place(at))),
        }
    }

    fn too_deep(&self, at: Marker) -> Error {
        let why = format!("nested deeper than {}", self.options.limits.depth);
        Error::new(ErrorKind::Limit, FORMAT, why).at(self.place(at))
    }

    fn scan_error(&self, error: &ScanError) -> Error {
        let kind = match error.info() {
            "recursion limit exceeded" => ErrorKind::Limit,
            _ => ErrorKind::Syntax,
        };
        Error::new(kind, FORMAT, error.info()).at(self.place(*error.marker()))
    }

    /// The parser counts characters.
    fn place(&self, marker: Marker) -> Position {
        let text = self.document.text.as_str();
        let skipped = usize::from(text.starts_with('\u{feff}'));
        let byte = text
            .char_indices()
            .nth(marker.index() + skipped)
            .map_or(text.len(), |(byte, _)| byte);
        after(self.document.start, &text.as_bytes()[..byte])
    }
}

impl Map {
    /// A key is there. `Some` says what is wrong with it.
    fn key(&mut self, key: &Value, duplicates: Duplicates) -> Option<Error> {
        let Ok(name) = name_of(key) else {
            let why = "a key that is a list or a map is longer than 64 KiB";
            return Some(Error::new(ErrorKind::Limit, FORMAT, why));
        };
        if duplicates == Duplicates::Refuse && self.members.get(&name).is_some() {
            let why = format!("the key {name:?} stands twice in one map");
            let error = Error::new(ErrorKind::Syntax, FORMAT, why);
            return Some(error.with_hint("let the last one count, or correct the input"));
        }
        self.key = Some(Key::Name(name));
        None
    }

    /// The value of `<<` is there. `Some` says what is wrong with it.
    fn merge(&mut self, value: Value) -> Option<Error> {
        let place = self.members.len();
        let mut add = |value: &Value| match value {
            Value::Object(object) => {
                self.merged.push((place, Arc::clone(object)));
                true
            }
            _ => false,
        };
        let all = match &value {
            Value::Array(items) => items.iter().all(add),
            other => add(other),
        };
        if all {
            return None;
        }
        let why = format!("<< takes a map or a list of maps, not a {}", value.kind());
        let error = Error::new(ErrorKind::Syntax, FORMAT, why);
        Some(error.with_hint("read << as a plain key, or quote it"))
    }

    /// The members: own ones win over merged ones, which stand where `<<` stood, the first of them over those behind it.
    fn into_object(self) -> Object {
        if self.merged.is_empty() {
            return self.members;
        }
        let mut all = Object::with_capacity(self.members.len());
        let mut merged = self.merged.into_iter().peekable();
        for place in 0..=self.members.len() {
            while let Some((_, object)) = merged.next_if(|(before, _)| *before <= place) {
                for (name, value) in object.iter() {
                    if self.members.get(name).is_none() && all.get(name).is_none() {
                        all.insert(name.clone(), value.clone());
                    }
                }
            }
            if let Some((name, value)) = self.members.at(place) {
                all.insert(name.clone(), value.clone());
            }
        }
        all
    }
}

/// The tag as it is called here: `!local`, `!!set` for YAML's own, `!<uri>` for others.
fn name_of_tag(tag: &Tag) -> Text {
    let uri = format!("{}{}", tag.handle, tag.suffix);
    match uri.strip_prefix(CORE) {
        Some(name) => format!("!!{name}").into(),
        None if uri.starts_with('!') => uri.into(),
        None => format!("!<{uri}>").into(),
    }
}
