//! From places to a value: without recursion, each shared list made once, and measured as often as it is referred to.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::arena::{Arena, Id, Node};
use crate::binary::Fault;
use crate::members::name_of;
use crate::record::Limits;
use crate::value::{Number, Object, Text, Value};

/// What a value comes to when everything in it is written out.
#[derive(Clone, Copy, Default)]
struct Measure {
    values: u64,
    bytes: u64,
    depth: usize,
}

impl Measure {
    fn of(leaf: &Value) -> Self {
        let bytes = match leaf {
            Value::String(text) => text.len(),
            Value::Bytes(bytes) => bytes.len(),
            Value::Number(Number::Text(text)) => text.len(),
            // Whole numbers may have thousands of bytes, and two digits and a half for each.
            Value::Number(Number::Big(big)) => {
                usize::try_from(big.bits() / 3).unwrap_or(usize::MAX)
            }
            _ => 0,
        };
        Self {
            values: 1,
            bytes: bytes as u64,
            depth: 0,
        }
    }
}

/// A list or dict that is being made.
struct Frame {
    id: Id,
    is_dict: bool,
    children: Vec<Id>,
    next: usize,
    items: Vec<Value>,
    object: Object,
    key: Option<Text>,
    measure: Measure,
}

pub(super) struct Finish<'a> {
    arena: Arena,
    limits: &'a Limits,
    frames: Vec<Frame>,
    measures: Vec<Measure>,
    /// What keys that are no texts are called: a long one may be the key of many dicts.
    names: HashMap<Id, Text>,
}

impl<'a> Finish<'a> {
    pub(super) fn new(arena: Arena, limits: &'a Limits) -> Self {
        Self {
            arena,
            limits,
            frames: Vec::new(),
            measures: Vec::new(),
            names: HashMap::new(),
        }
    }

    /// The value at this place.
    pub(super) fn value(mut self, root: Id) -> Result<Value, Fault> {
        let mut current = root;
        loop {
            let mut made = self.enter(current)?;
            // Whole values go into what holds them, until one has an item that is not made yet.
            loop {
                let Some((value, measure)) = made.take() else {
                    break;
                };
                let id = current;
                let Some(frame) = self.frames.last_mut() else {
                    return Ok(value);
                };
                place(frame, id, value, measure, &mut self.names)?;
                self.check()?;
                made = self.leave(&mut current);
            }
            if let Some(frame) = self.frames.last_mut() {
                current = frame.children[frame.next];
                frame.next += 1;
            }
        }
    }

    /// A value that is whole; or nothing, and a frame for what has items.
    fn enter(&mut self, id: Id) -> Result<Option<(Value, Measure)>, Fault> {
        let node = &mut self.arena.nodes[id as usize];
        let (is_dict, children) = match std::mem::replace(node, Node::Open) {
            Node::Leaf(value) => {
                *node = Node::Leaf(value.clone());
                let measure = Measure::of(&value);
                return Ok(Some((value, measure)));
            }
            Node::Made(value, at) => {
                *node = Node::Made(value.clone(), at);
                return Ok(Some((value, self.measures[at as usize])));
            }
            Node::Open => return Err(Fault::syntax("a list or dict that contains itself")),
            Node::List(items) | Node::Tuple(items) | Node::Set(items) => (false, items),
            Node::Dict(items) => (true, items),
        };
        if self.frames.len() >= self.limits.depth {
            let why = format!("nested deeper than {}", self.limits.depth);
            return Err(Fault::limit(why));
        }
        let is_empty = children.is_empty();
        self.frames.push(Frame {
            id,
            is_dict,
            items: Vec::with_capacity(if is_dict { 0 } else { children.len() }),
            object: Object::with_capacity(if is_dict { children.len() / 2 } else { 0 }),
            children,
            next: 0,
            key: None,
            measure: Measure {
                values: 1,
                bytes: 0,
                depth: 1,
            },
        });
        Ok(match is_empty {
            true => self.close(),
            false => None,
        })
    }

    /// The innermost frame as a value, if it is whole. `current` becomes its place.
    fn leave(&mut self, current: &mut Id) -> Option<(Value, Measure)> {
        let frame = self.frames.last()?;
        if frame.next < frame.children.len() {
            return None;
        }
        *current = frame.id;
        self.close()
    }

    fn close(&mut self) -> Option<(Value, Measure)> {
        let frame = self.frames.pop()?;
        let value = match frame.is_dict {
            true => Value::from(frame.object),
            false => Value::array(frame.items),
        };
        let at = u32::try_from(self.measures.len()).unwrap_or(u32::MAX);
        self.measures.push(frame.measure);
        self.arena.nodes[frame.id as usize] = Node::Made(value.clone(), at);
        Some((value, frame.measure))
    }

    /// Whether the innermost frame is within bounds.
    fn check(&self) -> Result<(), Fault> {
        let Some(frame) = self.frames.last() else {
            return Ok(());
        };
        let limits = self.limits;
        if self.frames.len() + frame.measure.depth > limits.depth + 1 {
            let why = format!("nested deeper than {}", limits.depth);
            return Err(Fault::limit(why));
        }
        let most = self.arena.written.saturating_add(limits.expansion as u64);
        if frame.measure.values > most {
            let why = format!(
                "shared lists and dicts come to more than {} values beyond those written",
                limits.expansion
            );
            return Err(Fault::limit(why));
        }
        if frame.measure.bytes > limits.record as u64 {
            let why = format!(
                "texts that are referred to again come to more than {} bytes",
                limits.record
            );
            return Err(Fault::limit(why));
        }
        Ok(())
    }
}

/// Put a value where it belongs: as an item, as a key, or as the value of one.
fn place(
    frame: &mut Frame,
    id: Id,
    value: Value,
    measure: Measure,
    names: &mut HashMap<Id, Text>,
) -> Result<(), Fault> {
    let total = &mut frame.measure;
    total.values = total.values.saturating_add(measure.values);
    total.bytes = total.bytes.saturating_add(measure.bytes);
    total.depth = total.depth.max(measure.depth + 1);
    if !frame.is_dict {
        frame.items.push(value);
        return Ok(());
    }
    match frame.key.take() {
        None => {
            let name = match value {
                Value::String(text) => text,
                other => match names.entry(id) {
                    Entry::Occupied(known) => known.get().clone(),
                    Entry::Vacant(free) => {
                        let name = name_of(&other)
                            .map_err(|_| Fault::limit("a key whose name is too long"))?;
                        free.insert(name).clone()
                    }
                },
            };
            total.bytes = total.bytes.saturating_add(name.len() as u64);
            if frame.object.get(&name).is_some() {
                let shown: String = name.chars().take(40).collect();
                return Err(Fault::syntax(format!("two keys are called {shown:?}")));
            }
            frame.key = Some(name);
        }
        Some(name) => drop(frame.object.insert(name, value)),
    }
    Ok(())
}
