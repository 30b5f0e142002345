//! The values of a pickle while it is read: a value may be remembered before it is filled, so each is a place in one list, and lists
//! and dicts hold places.

use std::collections::HashMap;

use crate::binary::Fault;
use crate::value::Value;

/// The place of a value.
pub(super) type Id = u32;

pub(super) enum Node {
    /// Whole from the start.
    Leaf(Value),
    List(Vec<Id>),
    /// A list that takes nothing more.
    Tuple(Vec<Id>),
    Set(Vec<Id>),
    /// Keys and values in turn.
    Dict(Vec<Id>),
    /// Being turned into a value just now: to meet it again is a circle.
    Open,
    /// A list or dict that is a value now, and where its measure is.
    Made(Value, u32),
}

/// All values, and what was remembered.
pub(super) struct Arena {
    pub(super) nodes: Vec<Node>,
    /// How many times a value is an item of another one, as written.
    pub(super) written: u64,
    /// Remembered under 0, 1, 2 and so on, and under other numbers.
    memo: Vec<Id>,
    sparse: HashMap<u32, Id>,
    memo_limit: usize,
}

/// Where None, True and False are; they need no place of their own each time.
pub(super) const NONE: Id = 0;
pub(super) const TRUE: Id = 1;
pub(super) const FALSE: Id = 2;

impl Arena {
    pub(super) fn new(memo_limit: usize) -> Self {
        let constants = [Value::Null, Value::Bool(true), Value::Bool(false)];
        Self {
            nodes: constants.into_iter().map(Node::Leaf).collect(),
            written: 1,
            memo: Vec::new(),
            sparse: HashMap::new(),
            memo_limit,
        }
    }

    pub(super) fn add(&mut self, node: Node) -> Result<Id, Fault> {
        if let Node::List(items) | Node::Tuple(items) | Node::Set(items) | Node::Dict(items) = &node
        {
            self.written += items.len() as u64;
        }
        let id =
            Id::try_from(self.nodes.len()).map_err(|_| Fault::limit("more than 2^32 values"))?;
        self.nodes.push(node);
        Ok(id)
    }

    /// Put items into a list, a set or, keys and values in turn, a dict.
    pub(super) fn extend(&mut self, id: Id, items: &[Id], into: Into) -> Result<(), Fault> {
        self.written += items.len() as u64;
        match (self.nodes.get_mut(id as usize), into) {
            (Some(Node::List(known)), Into::List)
            | (Some(Node::Set(known)), Into::Set)
            | (Some(Node::Dict(known)), Into::Dict) => {
                known.extend_from_slice(items);
                Ok(())
            }
            _ => Err(Fault::syntax(match into {
                Into::List => "items for what is no list",
                Into::Set => "items for what is no set",
                Into::Dict => "members for what is no dict",
            })),
        }
    }

    /// Remember a value under a number, or under the next one.
    pub(super) fn remember(&mut self, number: Option<u32>, id: Id) -> Result<(), Fault> {
        let count = self.memo.len() + self.sparse.len();
        let number = match number {
            Some(number) => number as usize,
            None => count,
        };
        if let Some(known) = self.memo.get_mut(number) {
            *known = id;
            return Ok(());
        }
        if count >= self.memo_limit {
            let why = format!("more than {} values remembered", self.memo_limit);
            return Err(Fault::limit(why));
        }
        if number == self.memo.len() {
            self.memo.push(id);
        } else {
            let number = u32::try_from(number).map_err(|_| Fault::limit("a memo beyond 2^32"))?;
            self.sparse.insert(number, id);
        }
        Ok(())
    }

    pub(super) fn remembered(&self, number: u32) -> Result<Id, Fault> {
        let known = self.memo.get(number as usize);
        known
            .or_else(|| self.sparse.get(&number))
            .copied()
            .ok_or_else(|| Fault::syntax(format!("nothing is remembered under {number}")))
    }
}

/// What items are put into.
#[derive(Clone, Copy)]
pub(super) enum Into {
    List,
    Set,
    Dict,
}
