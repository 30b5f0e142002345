//! The elements of one huge value: a path to them, and the walk along it that builds nothing else.

use std::fmt;
use std::str::FromStr;

use crate::record::ErrorKind;
use crate::value::{Text, Value};

use super::core;
use super::fault::Fault;
use super::lex::Lexed;
use super::machine::Machine;
use super::{Duplicates, ReadOptions};

/// A path to records within values, such as `.[]`, `.a.b[]` or `.a[].b[]`.
///
/// Each record is read by itself, so that a value of any size takes the memory of one element. What is beside the path is checked and
/// not kept. Paths work as in jq: a member that is missing is null, and what cannot be gone into is an error of kind
/// [`ErrorKind::Mismatch`] behind which the next value is read. One thing is other than in jq: elements are there before the rest of
/// the value was seen, so that a name of the path that stands twice in an object is gone into twice.
///
/// ```
/// use sockeye_data::json::{Elements, ReadOptions, Reader, Step};
/// use sockeye_data::record::ReadRecords as _;
///
/// let elements: Elements = ".items[]".parse().unwrap();
/// assert_eq!(elements, Elements::new(vec![Step::Name("items".into()), Step::Each]));
///
/// let mut options = ReadOptions::default();
/// options.elements = Some(elements);
/// let mut reader = Reader::new(&b"{\"total\": 2, \"items\": [1, 2]}"[..], &options);
/// assert_eq!(reader.next_record().unwrap(), Some(1.into()));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Elements(Vec<Step>);

/// A step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The member of an object.
    Name(Text),
    /// Each item of an array, the value of each member of an object.
    Each,
    /// Each item of an array. What is no array is an element itself. Only the last step can be this one.
    Items,
}

impl Elements {
    /// A path of these steps.
    pub fn new(steps: Vec<Step>) -> Self {
        Self(steps)
    }

    /// Its steps.
    pub fn steps(&self) -> &[Step] {
        &self.0
    }
}

impl fmt::Display for Elements {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !matches!(self.0.first(), Some(Step::Name(_))) {
            f.write_str(".")?;
        }
        for step in &self.0 {
            match step {
                Step::Each | Step::Items => f.write_str("[]")?,
                Step::Name(name) if is_plain(name) => write!(f, ".{name}")?,
                Step::Name(name) => {
                    let mut quoted = Vec::new();
                    super::write_text(name, false, &mut quoted);
                    write!(f, ".{}", String::from_utf8_lossy(&quoted))?;
                }
            }
        }
        Ok(())
    }
}

/// A name that needs no quotes in a path.
fn is_plain(name: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    name.bytes().all(is_part) && name.starts_with(|first: char| !first.is_ascii_digit())
}

/// A path is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathError(String);

impl fmt::Display for PathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} is no path to elements; they are as .[], .name[] or .\"a name\"[].items[]",
            self.0
        )
    }
}

impl std::error::Error for PathError {}

impl FromStr for Elements {
    type Err = PathError;

    /// A path as jq writes it: `.[]`, `.a.b[]`, `."a b"[]`.
    fn from_str(path: &str) -> Result<Self, Self::Err> {
        let error = || PathError(path.to_owned());
        let mut rest = path.strip_prefix('.').ok_or_else(error)?;
        let mut steps = Vec::new();
        let mut may_be_name = true;
        while !rest.is_empty() {
            if let Some(behind) = rest.strip_prefix("[]") {
                steps.push(Step::Each);
                rest = behind;
                may_be_name = false;
                continue;
            }
            if !may_be_name {
                rest = rest.strip_prefix('.').ok_or_else(error)?;
            }
            let length = match rest.starts_with('"') {
                true => quoted_length(rest).ok_or_else(error)?,
                false => rest.find(['.', '[']).unwrap_or(rest.len()),
            };
            let (name, behind) = rest.split_at(length);
            let name = match super::parse(name.as_bytes()) {
                Ok(Value::String(name)) => name,
                _ if is_plain(name) => name.into(),
                _ => return Err(error()),
            };
            steps.push(Step::Name(name));
            rest = behind;
            may_be_name = false;
        }
        Ok(Self(steps))
    }
}

/// How long the string is that a text begins with.
fn quoted_length(text: &str) -> Option<usize> {
    let mut is_escaped = false;
    for (place, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => return Some(place + 1),
            _ => {}
        }
    }
    None
}

/// What is read next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// A value on the path.
    Value,
    FirstItem,
    NextItem,
    FirstName,
    NextName,
    /// The colon, and whether the path goes through the member.
    Colon(bool),
    After,
    /// A record.
    Record,
    /// A value on the path that is neither array nor object.
    Scalar,
    /// A value beside the path.
    Beside,
    /// All that is left of the value at the top.
    Rest,
}

/// An array or object on the path. Its place in the list of those that are open is the place of its step in the path.
#[derive(Debug)]
struct Level {
    is_object: bool,
    /// The member of the path was there.
    is_found: bool,
}

/// Walks through values to the elements at the end of a path.
#[derive(Debug)]
pub(super) struct Walk {
    steps: Vec<Step>,
    refuse_duplicates: bool,
    is_strict: bool,
    state: State,
    levels: Vec<Level>,
    /// Where the record began.
    begin: Option<usize>,
    /// Builds records.
    records: Machine,
    /// Reads past all else.
    others: Machine,
}

impl Walk {
    pub(super) fn new(elements: &Elements, options: &ReadOptions) -> Self {
        let mut without = options.clone();
        without.only = None;
        Self {
            steps: elements.0.clone(),
            refuse_duplicates: options.duplicates == Duplicates::Error,
            is_strict: options.dialect == super::Dialect::Strict,
            state: State::Value,
            levels: Vec::new(),
            begin: None,
            records: Machine::new(options),
            others: Machine::new(&without),
        }
    }

    pub(super) fn is_fresh(&self) -> bool {
        self.levels.is_empty() && self.state == State::Value
    }

    pub(super) fn is_in_record(&self) -> bool {
        self.state == State::Record
    }

    pub(super) fn take_begin(&mut self) -> Option<usize> {
        self.begin.take()
    }

    pub(super) fn reset(&mut self) {
        self.state = State::Value;
        self.levels.clear();
        self.begin = None;
        self.records.reset();
        self.others.reset();
    }

    pub(super) fn replaced(&self) -> u64 {
        self.records.replaced() + self.others.replaced()
    }

    pub(super) fn skip_space(&self, text: &str, at: usize, last: bool) -> Lexed<()> {
        self.others.skip_space(text, at, last)
    }

    /// Go on at `at`, which moves behind what was read.
    pub(super) fn step(
        &mut self,
        text: &str,
        at: &mut usize,
        last: bool,
    ) -> Result<core::Step, Fault> {
        loop {
            match self.state {
                State::Record => match self.build_record(text, at, last)? {
                    None => return Ok(core::Step::More),
                    Some(value) => {
                        self.value_ended();
                        return Ok(core::Step::Record(value));
                    }
                },
                State::Scalar => match self.others.build(text, at, last)? {
                    None => return Ok(core::Step::More),
                    Some(value) => {
                        let place = self.levels.len();
                        self.value_ended();
                        if let Some(record) = self.scalar(value, place, *at)? {
                            return Ok(core::Step::Record(record));
                        }
                    }
                },
                State::Beside if !self.others.skip(text, at, last)? => {
                    return Ok(core::Step::More);
                }
                State::Beside => self.state = State::After,
                State::Rest if !self.others.skip(text, at, last)? => return Ok(core::Step::More),
                State::Rest => self.state = State::Value,
                _ => {
                    let Some(((), next)) = self.skip_space(text, *at, last)? else {
                        return Ok(core::Step::More);
                    };
                    *at = next;
                    let Some(&byte) = text.as_bytes().get(next) else {
                        return match last {
                            true => Err(self.truncated(next)),
                            false => Ok(core::Step::More),
                        };
                    };
                    let step = self.mark(text, at, byte, last)?;
                    if let Some(step) = step {
                        return Ok(step);
                    }
                }
            }
            if self.is_fresh() {
                return Ok(core::Step::Nothing);
            }
        }
    }

    fn build_record(
        &mut self,
        text: &str,
        at: &mut usize,
        last: bool,
    ) -> Result<Option<Value>, Fault> {
        // A number at the end of a text that was cut may be half of one.
        let is_whole = last && self.levels.is_empty();
        let value = self.records.build(text, at, is_whole)?;
        if value.is_none() && last {
            return Err(match self.records.is_fresh() {
                true => self.truncated(text.len()),
                false => self.records.truncated(text.len()),
            });
        }
        Ok(value)
    }

    /// Brackets, names, colons and commas around the elements.
    fn mark(
        &mut self,
        text: &str,
        at: &mut usize,
        byte: u8,
        last: bool,
    ) -> Result<Option<core::Step>, Fault> {
        match (self.state, byte) {
            (State::FirstItem | State::After, b']') if !self.is_in_object() => {
                return self.close(at);
            }
            (State::FirstName | State::After, b'}') if self.is_in_object() => {
                return self.close(at);
            }
            (State::NextItem, b']') | (State::NextName, b'}') if !self.is_strict => {
                return self.close(at);
            }
            (State::Value | State::FirstItem | State::NextItem, _) => self.enter(at, byte)?,
            (State::FirstName | State::NextName, _) => {
                let Some((name, end)) = self.others.lex_name(text, *at, last)? else {
                    return Ok(Some(core::Step::More));
                };
                self.name(&name, *at)?;
                *at = end;
            }
            (State::Colon(is_on_path), b':') => {
                *at += 1;
                self.state = if is_on_path {
                    State::Value
                } else {
                    State::Beside
                };
            }
            (State::Colon(_), _) => return Err(Fault::unexpected(text, *at, "a colon")),
            (_, b',') => {
                *at += 1;
                self.state = match self.is_in_object() {
                    true => State::NextName,
                    false => State::NextItem,
                };
            }
            _ if self.is_in_object() => return Err(Fault::unexpected(text, *at, "a comma or '}'")),
            _ => return Err(Fault::unexpected(text, *at, "a comma or ']'")),
        }
        Ok(None)
    }

    /// A value begins that the path leads to or through.
    fn enter(&mut self, at: &mut usize, byte: u8) -> Result<(), Fault> {
        let Some(step) = self.steps.get(self.levels.len()) else {
            self.begin = Some(*at);
            self.state = State::Record;
            return Ok(());
        };
        let is_object = byte == b'{';
        match (step, byte) {
            (Step::Items, b'{') => {
                self.begin = Some(*at);
                self.state = State::Record;
                Ok(())
            }
            (_, b'{') | (Step::Each | Step::Items, b'[') => {
                *at += 1;
                self.levels.push(Level {
                    is_object,
                    is_found: false,
                });
                self.state = match is_object {
                    true => State::FirstName,
                    false => State::FirstItem,
                };
                Ok(())
            }
            (Step::Name(name), b'[') => {
                let fault = mismatch(*at, format!("cannot index array with {name:?}"));
                *at += 1;
                let open = self.levels.iter().map(|level| level.is_object);
                self.others.resume_within(open.chain([false]), true);
                self.levels.clear();
                self.state = State::Rest;
                Err(fault)
            }
            _ => {
                self.state = State::Scalar;
                Ok(())
            }
        }
    }

    fn is_in_object(&self) -> bool {
        self.levels.last().is_some_and(|level| level.is_object)
    }

    /// A name in an object on the path.
    fn name(&mut self, name: &Text, at: usize) -> Result<(), Fault> {
        let place = self.levels.len().saturating_sub(1);
        let is_on_path = match self.steps.get(place) {
            Some(Step::Name(wanted)) => wanted == name,
            _ => true,
        };
        if is_on_path && let Some(level) = self.levels.last_mut() {
            let is_wanted_once = matches!(self.steps.get(place), Some(Step::Name(_)));
            if level.is_found && is_wanted_once && self.refuse_duplicates {
                let why = format!("the name {name:?} stands twice in an object");
                return Err(Fault::syntax(at, why));
            }
            level.is_found = true;
        }
        self.state = State::Colon(is_on_path);
        Ok(())
    }

    fn value_ended(&mut self) {
        self.state = match self.levels.is_empty() {
            true => State::Value,
            false => State::After,
        };
    }

    /// The array or object that was gone into last ends.
    fn close(&mut self, at: &mut usize) -> Result<Option<core::Step>, Fault> {
        *at += 1;
        let Some(level) = self.levels.pop() else {
            return Ok(None);
        };
        self.value_ended();
        let place = self.levels.len();
        let is_missing = !level.is_found && matches!(self.steps.get(place), Some(Step::Name(_)));
        if !is_missing {
            return Ok(None);
        }
        let record = self.scalar(Value::Null, place, *at)?;
        Ok(record.map(core::Step::Record))
    }

    /// What the path comes to from the step at `place` on, for a value that just ended: null has members that are null.
    fn scalar(&mut self, value: Value, place: usize, at: usize) -> Result<Option<Value>, Fault> {
        let kind = value.kind();
        let fault = match self.steps.get(place..).unwrap_or_default() {
            [] | [Step::Items, ..] => return Ok(Some(value)),
            [Step::Name(_), rest @ ..] if value == Value::Null => {
                match rest.contains(&Step::Each) {
                    false => return Ok(Some(value)),
                    true => "cannot iterate over null".to_owned(),
                }
            }
            [Step::Each, ..] if value == Value::Null => "cannot iterate over null".to_owned(),
            [Step::Each, ..] => format!("cannot iterate over {kind} ({})", shown(&value)),
            [Step::Name(name), ..] => format!("cannot index {kind} with {name:?}"),
        };
        if !self.levels.is_empty() {
            let open = self.levels.iter().map(|level| level.is_object);
            self.others.resume_within(open, false);
            self.levels.clear();
            self.state = State::Rest;
        }
        Err(mismatch(at, fault))
    }

    fn truncated(&self, at: usize) -> Fault {
        match self.levels.last() {
            None => Fault::truncated(at, "a value"),
            Some(level) if level.is_object => Fault::truncated(at, "an object"),
            Some(_) => Fault::truncated(at, "an array"),
        }
    }
}

fn mismatch(at: usize, why: String) -> Fault {
    Fault::new(ErrorKind::Mismatch, at, why)
}

/// The beginning of a value for a message.
fn shown(value: &Value) -> String {
    let text = super::to_string(value);
    let mut start: String = text.chars().take(40).collect();
    if start.len() < text.len() {
        start.push('…');
    }
    start
}
