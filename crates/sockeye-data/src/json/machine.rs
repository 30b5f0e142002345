//! The grammar of JSON as a machine that can stop wherever the text it has ends, and goes on when there is more. It has its own stack,
//! so that depth costs memory within a bound and never the stack of the thread.

use std::ops::ControlFlow;

use crate::record::ErrorKind;
use crate::value::{Object, Text, Value};

use super::duplicates;
use super::fault::Fault;
use super::lex::{self, Lexed, Surrogates};
use super::names::Names;
use super::relaxed;
use super::{Dialect, Duplicates, InvalidText, ReadOptions};

/// Whether to go on; the value that is complete, or none if more text is needed.
type Flow = ControlFlow<Option<Value>>;

/// What is read next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// A value that has to be there: at the top, behind a colon.
    Value,
    /// A value or the end of an array that just began.
    FirstItem,
    /// A value behind a comma.
    NextItem,
    /// A name or the end of an object that just began.
    FirstName,
    /// A name behind a comma.
    NextName,
    /// The colon behind a name.
    Colon,
    /// A comma or the end of what is open.
    After,
    /// The value of a member that nobody reads.
    Unread,
}

/// An array or object that is open.
#[derive(Debug)]
struct Frame {
    is_object: bool,
    /// Two names may be the same.
    suspect: bool,
    /// How many items (arrays) or members (objects) were there before.
    start: usize,
    /// A bit for each name that was there.
    seen: u64,
}

/// Reads one value after the other.
#[derive(Debug)]
pub(super) struct Machine {
    dialect: Dialect,
    duplicates: Duplicates,
    pub(super) surrogates: Surrogates,
    depth: usize,
    /// The members of an object at the top that are built.
    only: Option<Vec<Text>>,
    /// Reads past the others.
    unread: Option<Box<Machine>>,
    pub(super) state: State,
    frames: Vec<Frame>,
    items: Vec<Value>,
    members: Vec<(Text, Value)>,
    names: Names,
}

impl Machine {
    pub(super) fn new(options: &ReadOptions) -> Self {
        let mut machine = Self::with_depth(options, options.limits.depth);
        // Nobody would see that a name stands twice in what is not built.
        if options.duplicates != Duplicates::Error {
            machine.only.clone_from(&options.only);
        }
        if machine.only.is_some() {
            machine.unread = Some(Box::new(Self::with_depth(
                options,
                options.limits.depth.saturating_sub(1),
            )));
        }
        machine
    }

    fn with_depth(options: &ReadOptions, depth: usize) -> Self {
        Self {
            dialect: options.dialect,
            duplicates: options.duplicates,
            surrogates: Surrogates {
                replace: options.invalid_text == InvalidText::Replace,
                replaced: 0,
            },
            depth,
            only: None,
            unread: None,
            state: State::Value,
            frames: Vec::new(),
            items: Vec::new(),
            members: Vec::new(),
            names: Names::default(),
        }
    }

    /// Nothing of a value was read.
    pub(super) fn is_fresh(&self) -> bool {
        self.frames.is_empty() && self.state == State::Value
    }

    /// Forget what was begun.
    pub(super) fn reset(&mut self) {
        self.state = State::Value;
        self.frames.clear();
        self.items.clear();
        self.members.clear();
        if let Some(unread) = &mut self.unread {
            unread.reset();
        }
    }

    /// How many halves of surrogate pairs were replaced.
    pub(super) fn replaced(&self) -> u64 {
        let unread = self.unread.as_ref().map_or(0, |unread| unread.replaced());
        self.surrogates.replaced + unread
    }

    /// The place behind what may stand between values.
    pub(super) fn skip_space(&self, text: &str, at: usize, last: bool) -> Lexed<()> {
        match self.dialect {
            Dialect::Strict => self.space::<false>(text, at, last),
            _ => self.space::<true>(text, at, last),
        }
    }

    /// A name at `at`, by itself.
    pub(super) fn lex_name(&mut self, text: &str, at: usize, last: bool) -> Lexed<Text> {
        match (self.dialect, text.as_bytes()[at]) {
            (Dialect::Strict, b'"') => lex::string(text, at, last, &mut self.surrogates),
            (Dialect::Strict, _) => Err(self.no_name(text, at)),
            (dialect, _) => relaxed::name(dialect, text, at, last, &mut self.surrogates),
        }
    }

    /// Begin within these containers (`true` is an object): the last of them has just begun, or an item or member of it has just
    /// ended.
    pub(super) fn resume_within(&mut self, open: impl Iterator<Item = bool>, has_begun: bool) {
        self.reset();
        for is_object in open {
            self.open(is_object);
        }
        if !has_begun && !self.frames.is_empty() {
            self.state = State::After;
        }
    }

    /// Go on with a value at `at`; `None` if the text ends before the value does. What was read is behind `at` then.
    pub(super) fn build(
        &mut self,
        text: &str,
        at: &mut usize,
        last: bool,
    ) -> Result<Option<Value>, Fault> {
        match self.dialect {
            Dialect::Strict => self.run::<false, true>(text, at, last),
            _ => self.run::<true, true>(text, at, last),
        }
    }

    /// Go on with a value that is checked, but not built; whether it has ended.
    pub(super) fn skip(&mut self, text: &str, at: &mut usize, last: bool) -> Result<bool, Fault> {
        let done = match self.dialect {
            Dialect::Strict => self.run::<false, false>(text, at, last),
            _ => self.run::<true, false>(text, at, last),
        };
        Ok(done?.is_some())
    }

    fn run<const RELAXED: bool, const BUILD: bool>(
        &mut self,
        text: &str,
        at: &mut usize,
        last: bool,
    ) -> Result<Option<Value>, Fault> {
        loop {
            if !RELAXED && let Some(value) = self.quick::<BUILD>(text, at) {
                return Ok(Some(value));
            }
            let Some(((), next)) = self.space::<RELAXED>(text, *at, last)? else {
                return Ok(None);
            };
            *at = next;
            let Some(&byte) = text.as_bytes().get(next) else {
                return match last {
                    true => Err(self.truncated(next)),
                    false => Ok(None),
                };
            };
            let flow = match self.state {
                State::Value | State::FirstItem | State::NextItem => {
                    self.value::<RELAXED, BUILD>(text, at, byte, last)?
                }
                State::FirstName | State::NextName => {
                    self.name::<RELAXED, BUILD>(text, at, byte, last)?
                }
                State::Colon if byte == b':' => {
                    *at += 1;
                    self.state = self.behind_colon::<BUILD>();
                    ControlFlow::Continue(())
                }
                State::Colon => return Err(Fault::unexpected(text, next, "a colon")),
                State::After => self.after::<BUILD>(text, at, byte)?,
                State::Unread => self.pass_unread(text, at, last)?,
            };
            if let ControlFlow::Break(end) = flow {
                return Ok(end);
            }
        }
    }

    /// A value, or the end of the array.
    #[inline]
    fn value<const RELAXED: bool, const BUILD: bool>(
        &mut self,
        text: &str,
        at: &mut usize,
        byte: u8,
        last: bool,
    ) -> Result<Flow, Fault> {
        if let b'{' | b'[' = byte {
            if self.is_full() {
                return Err(self.too_deep(*at));
            }
            *at += 1;
            self.open(byte == b'{');
            return Ok(ControlFlow::Continue(()));
        }
        if byte == b']' && (self.state == State::FirstItem || self.may_end_here::<RELAXED>()) {
            return self.after::<BUILD>(text, at, byte);
        }
        let Some((value, end)) = self.scalar::<RELAXED, BUILD>(text, *at, byte, last)? else {
            return Ok(ControlFlow::Break(None));
        };
        if self.frames.is_empty() {
            // `true1` is not two values, wherever the text was cut.
            match text.as_bytes().get(end) {
                _ if matches!(byte, b'"' | b'\'') => {}
                None if !last => return Ok(ControlFlow::Break(None)),
                Some(b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'.' | b'+' | b'-') => {
                    return Err(Fault::unexpected(text, end, "the end of the value"));
                }
                _ => {}
            }
            *at = end;
            return Ok(ControlFlow::Break(Some(value)));
        }
        *at = end;
        self.put::<BUILD>(value);
        Ok(ControlFlow::Continue(()))
    }

    /// A comma came last, which may stand before the end of an array or object.
    fn may_end_here<const RELAXED: bool>(&self) -> bool {
        RELAXED && matches!(self.state, State::NextItem | State::NextName)
    }

    #[inline]
    fn scalar<const RELAXED: bool, const BUILD: bool>(
        &mut self,
        text: &str,
        at: usize,
        byte: u8,
        last: bool,
    ) -> Lexed<Value> {
        let literal = match byte {
            b'"' if !RELAXED => {
                let string = lex::string(text, at, last, &mut self.surrogates)?;
                return Ok(string.map(|(string, end)| (Value::String(string), end)));
            }
            b'0'..=b'9' | b'-' if !RELAXED => {
                let number = lex::number(text, at, last)?;
                return Ok(number.map(|(number, end)| (Value::Number(number), end)));
            }
            b't' => (Value::Bool(true), lex::literal(text, at, "true", last)?),
            b'f' => (Value::Bool(false), lex::literal(text, at, "false", last)?),
            b'n' => (Value::Null, lex::literal(text, at, "null", last)?),
            _ if RELAXED => {
                return relaxed::scalar(self.dialect, text, at, last, &mut self.surrogates);
            }
            _ => return Err(self.no_value(text, at)),
        };
        Ok(literal.1.map(|((), end)| (literal.0, end)))
    }

    /// A name, or the end of the object.
    #[inline]
    fn name<const RELAXED: bool, const BUILD: bool>(
        &mut self,
        text: &str,
        at: &mut usize,
        byte: u8,
        last: bool,
    ) -> Result<Flow, Fault> {
        let name = match byte {
            b'"' if !RELAXED => lex::string(text, *at, last, &mut self.surrogates)?,
            b'}' if self.state == State::FirstName || self.may_end_here::<RELAXED>() => {
                return self.after::<BUILD>(text, at, byte);
            }
            _ if RELAXED => relaxed::name(self.dialect, text, *at, last, &mut self.surrogates)?,
            _ => return Err(self.no_name(text, *at)),
        };
        let Some((name, end)) = name else {
            return Ok(ControlFlow::Break(None));
        };
        *at = end;
        self.state = State::Colon;
        if BUILD {
            self.begin_member(&name, Value::Null);
        }
        Ok(ControlFlow::Continue(()))
    }

    /// A comma or the end of what is open.
    #[inline]
    fn after<const BUILD: bool>(
        &mut self,
        text: &str,
        at: &mut usize,
        byte: u8,
    ) -> Result<Flow, Fault> {
        let is_object = self.frames.last().is_some_and(|frame| frame.is_object);
        match (byte, is_object) {
            (b',', true) => self.state = State::NextName,
            (b',', false) => self.state = State::NextItem,
            (b'}', true) | (b']', false) => {
                let value = self.close::<BUILD>(*at)?;
                *at += 1;
                if self.frames.is_empty() {
                    self.state = State::Value;
                    return Ok(ControlFlow::Break(Some(value)));
                }
                self.put::<BUILD>(value);
                return Ok(ControlFlow::Continue(()));
            }
            (_, true) => return Err(Fault::unexpected(text, *at, "a comma or '}'")),
            (_, false) => return Err(Fault::unexpected(text, *at, "a comma or ']'")),
        }
        *at += 1;
        Ok(ControlFlow::Continue(()))
    }

    /// Nothing more may be opened.
    #[inline]
    pub(super) fn is_full(&self) -> bool {
        self.frames.len() >= self.depth
    }

    /// Whether what is open is an object; nothing if nothing is open.
    #[inline]
    pub(super) fn is_object(&self) -> Option<bool> {
        self.frames.last().map(|frame| frame.is_object)
    }

    #[inline]
    pub(super) fn open(&mut self, is_object: bool) {
        self.frames.push(Frame {
            is_object,
            suspect: false,
            start: match is_object {
                true => self.members.len(),
                false => self.items.len(),
            },
            seen: 0,
        });
        self.state = match is_object {
            true => State::FirstName,
            false => State::FirstItem,
        };
    }

    /// The value of what ends, unless two names in it are the same.
    #[inline]
    pub(super) fn quick_close<const BUILD: bool>(&mut self) -> Option<Value> {
        let frame = self.frames.last()?;
        if frame.suspect {
            return None;
        }
        let value = match (BUILD, frame.is_object) {
            (false, _) => Value::Null,
            (true, false) => Value::array(self.items.split_off(frame.start)),
            (true, true) => Object::from_distinct(self.members.split_off(frame.start)).into(),
        };
        self.frames.pop();
        Some(value)
    }

    /// The value of what ends at `at`.
    fn close<const BUILD: bool>(&mut self, at: usize) -> Result<Value, Fault> {
        if let Some(value) = self.quick_close::<BUILD>() {
            return Ok(value);
        }
        let frame = self.frames.pop().expect("something is open where it ends");
        let members = self.members.split_off(frame.start);
        Ok(duplicates::settle(self.duplicates, members, at)?.into())
    }

    /// A value inside of something is complete.
    #[inline]
    pub(super) fn put<const BUILD: bool>(&mut self, value: Value) {
        self.state = State::After;
        if !BUILD {
            return;
        }
        if self.is_object() == Some(true) {
            if let Some((_, place)) = self.members.last_mut() {
                // It was null: there is nothing to drop.
                std::mem::forget(std::mem::replace(place, value));
            }
        } else {
            self.items.push(value);
        }
    }

    #[inline]
    pub(super) fn push_item(&mut self, value: Value) {
        self.items.push(value);
    }

    /// A member, of which the value may come later.
    #[inline(always)]
    pub(super) fn begin_member(&mut self, name: &str, value: Value) {
        let (known, place) = self.names.get(name);
        if let Some(frame) = self.frames.last_mut() {
            let bit = 1 << place;
            if frame.seen & bit != 0 && !frame.suspect {
                frame.suspect = duplicates::is_there(&self.members[frame.start..], name);
            }
            frame.seen |= bit;
        }
        self.members.push((known, value));
    }

    /// Whether a member is built.
    #[inline]
    pub(super) fn is_wanted(&self, name: &str) -> bool {
        match &self.only {
            Some(only) if self.frames.len() == 1 => only.iter().any(|wanted| wanted == name),
            _ => true,
        }
    }

    /// What comes behind the colon: the value, unless nobody reads it.
    fn behind_colon<const BUILD: bool>(&mut self) -> State {
        let is_wanted = match self.members.last() {
            Some((name, _)) if BUILD => self.is_wanted(name),
            _ => true,
        };
        if is_wanted {
            return State::Value;
        }
        self.members.pop();
        State::Unread
    }

    /// Read past a value that nobody reads.
    fn pass_unread(&mut self, text: &str, at: &mut usize, last: bool) -> Result<Flow, Fault> {
        let unread = self
            .unread
            .as_mut()
            .expect("there is one where names are chosen");
        if !unread.skip(text, at, last)? {
            return Ok(ControlFlow::Break(None));
        }
        self.state = State::After;
        Ok(ControlFlow::Continue(()))
    }

    fn no_value(&self, text: &str, at: usize) -> Fault {
        let fault = Fault::unexpected(text, at, "a value");
        match (self.state, text.as_bytes()[at]) {
            (State::NextItem, b']') => {
                fault.with_hint("--comments allows a comma behind the last item as well")
            }
            (_, b'\'' | b'+' | b'.' | b'N' | b'I') => {
                fault.with_hint("if it is JSON5, read it with --json5")
            }
            (_, b'/' | b'#') => fault.with_hint("--comments allows comments"),
            (_, b'<') => fault.with_hint("it looks like XML or HTML"),
            _ => fault,
        }
    }

    fn no_name(&self, text: &str, at: usize) -> Fault {
        let fault = Fault::unexpected(text, at, "a name in double quotes");
        match (self.state, text.as_bytes()[at]) {
            (State::NextName, b'}') => {
                fault.with_hint("--comments allows a comma behind the last item as well")
            }
            (_, b'/' | b'#') => fault.with_hint("--comments allows comments"),
            (_, b'\'' | b'_' | b'$' | b'a'..=b'z' | b'A'..=b'Z') => {
                fault.with_hint("if it is JSON5, read it with --json5")
            }
            _ => fault,
        }
    }

    pub(super) fn truncated(&self, at: usize) -> Fault {
        match self.frames.last() {
            None => Fault::truncated(at, "a value"),
            Some(frame) if frame.is_object => Fault::truncated(at, "an object"),
            Some(_) => Fault::truncated(at, "an array"),
        }
    }

    fn too_deep(&self, at: usize) -> Fault {
        let why = format!("values are nested deeper than {}", self.depth);
        Fault::new(ErrorKind::Limit, at, why).with_hint("--max-depth raises the bound")
    }

    #[inline]
    fn space<const RELAXED: bool>(&self, text: &str, at: usize, last: bool) -> Lexed<()> {
        match RELAXED {
            false => Ok(Some(((), lex::skip_space(text.as_bytes(), at)))),
            true => relaxed::skip_space(self.dialect, text, at, last),
        }
    }
}
