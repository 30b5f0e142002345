//! What is wrong within a piece of markup, before it is known where in the document the piece is.

use std::borrow::Cow;

use crate::record::{Error, ErrorKind, Position};

use super::FORMAT;

/// Something is wrong `at` bytes behind the start of a piece.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) at: usize,
    kind: ErrorKind,
    why: Cow<'static, str>,
    hint: Option<Cow<'static, str>>,
}

impl Fault {
    pub(super) fn new(at: usize, why: impl Into<Cow<'static, str>>) -> Self {
        Self {
            at,
            kind: ErrorKind::Syntax,
            why: why.into(),
            hint: None,
        }
    }

    pub(super) fn limit(at: usize, why: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kind: ErrorKind::Limit,
            ..Self::new(at, why)
        }
    }

    pub(super) fn unsupported(at: usize, why: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kind: ErrorKind::Unsupported,
            ..Self::new(at, why)
        }
    }

    pub(super) fn with_hint(mut self, hint: impl Into<Cow<'static, str>>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The piece starts `from` bytes behind the start of a larger one.
    pub(super) fn plus(mut self, from: usize) -> Self {
        self.at += from;
        self
    }

    /// It is in the replacement text of an entity, which is referred to at `at`.
    pub(super) fn within(mut self, entity: &str, at: usize) -> Self {
        self.why = format!("in the entity {entity:?}: {}", self.why).into();
        self.at = at;
        self
    }

    pub(super) fn into_error(self, position: Position) -> Error {
        let error = Error::new(self.kind, FORMAT, self.why).at(position);
        match self.hint {
            Some(hint) => error.with_hint(hint),
            None => error,
        }
    }
}
