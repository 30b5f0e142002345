//! Lists and maps that are not whole yet.

use crate::members::{Duplicates, name_of};
use crate::record::ErrorKind;
use crate::value::{Object, Text, Value};

/// What is wrong with a value.
pub(crate) struct Fault {
    pub(crate) kind: ErrorKind,
    pub(crate) why: String,
}

impl Fault {
    pub(crate) fn syntax(why: impl Into<String>) -> Self {
        Self {
            kind: ErrorKind::Syntax,
            why: why.into(),
        }
    }

    pub(crate) fn limit(why: impl Into<String>) -> Self {
        Self {
            kind: ErrorKind::Limit,
            why: why.into(),
        }
    }
}

enum Frame {
    /// `None` means: until a break comes.
    List(Vec<Value>, Option<u64>),
    Map(Object, Option<Text>, Option<u64>),
    Tag(u64),
}

/// Values that are begun, the outermost first.
pub(crate) struct Stack {
    frames: Vec<Frame>,
    depth: usize,
    duplicates: Duplicates,
}

impl Stack {
    pub(crate) fn new(depth: usize, duplicates: Duplicates) -> Self {
        Self {
            frames: Vec::new(),
            depth,
            duplicates,
        }
    }

    pub(crate) fn clear(&mut self) {
        self.frames.clear();
    }

    /// A list begins, of so many items or until a break. An empty one is given back.
    pub(crate) fn list(&mut self, length: Option<u64>) -> Result<Option<Value>, Fault> {
        if length == Some(0) {
            return Ok(Some(Value::array(Vec::new())));
        }
        // Room for what was promised comes with what is there.
        self.push(Frame::List(Vec::new(), length))
    }

    /// A map begins, of so many members or until a break. An empty one is given back.
    pub(crate) fn map(&mut self, length: Option<u64>) -> Result<Option<Value>, Fault> {
        if length == Some(0) {
            return Ok(Some(Value::from(Object::new())));
        }
        self.push(Frame::Map(Object::new(), None, length))
    }

    /// A tag begins: the next value is its.
    pub(crate) fn tag(&mut self, tag: u64) -> Result<Option<Value>, Fault> {
        self.push(Frame::Tag(tag))
    }

    fn push(&mut self, frame: Frame) -> Result<Option<Value>, Fault> {
        if self.frames.len() >= self.depth {
            return Err(Fault::limit(format!("nested deeper than {}", self.depth)));
        }
        self.frames.push(frame);
        Ok(None)
    }

    /// A break: what was begun without a length is whole.
    pub(crate) fn end(&mut self) -> Result<Value, Fault> {
        match self.frames.pop() {
            Some(Frame::List(items, None)) => Ok(Value::array(items)),
            Some(Frame::Map(object, None, None)) => Ok(Value::from(object)),
            Some(Frame::Map(_, Some(_), None)) => {
                Err(Fault::syntax("a break between a key and its value"))
            }
            _ => Err(Fault::syntax(
                "a break where nothing without a length was begun",
            )),
        }
    }

    /// A value is whole and gets its place. `Some` is a record: the outermost value, whole. `tag` makes a value of a tag and its
    /// value.
    pub(crate) fn complete(
        &mut self,
        mut value: Value,
        tag: impl Fn(u64, Value) -> Result<Value, Fault>,
    ) -> Result<Option<Value>, Fault> {
        loop {
            let Some(frame) = self.frames.last_mut() else {
                return Ok(Some(value));
            };
            match frame {
                Frame::Tag(number) => {
                    value = tag(*number, value)?;
                    self.frames.pop();
                    continue;
                }
                Frame::List(items, left) => {
                    items.push(value);
                    if !count(left) {
                        return Ok(None);
                    }
                    value = Value::array(std::mem::take(items));
                }
                Frame::Map(object, key, left) => {
                    match key.take() {
                        None => {
                            *key = Some(named(&value, object, self.duplicates)?);
                            return Ok(None);
                        }
                        Some(name) => drop(object.insert(name, value)),
                    }
                    if !count(left) {
                        return Ok(None);
                    }
                    value = Value::from(std::mem::take(object));
                }
            }
            self.frames.pop();
        }
    }
}

/// One more is there; whether it was the last.
fn count(left: &mut Option<u64>) -> bool {
    match left {
        None => false,
        Some(left) => {
            *left -= 1;
            *left == 0
        }
    }
}

fn named(key: &Value, object: &Object, duplicates: Duplicates) -> Result<Text, Fault> {
    let Ok(name) = name_of(key) else {
        return Err(Fault::limit(
            "a key that is a list or a map is longer than 64 KiB",
        ));
    };
    if duplicates == Duplicates::Refuse && object.get(&name).is_some() {
        return Err(Fault::syntax(format!(
            "the key {name:?} stands twice in one map"
        )));
    }
    Ok(name)
}
