//! What is wrong at a place of the text that is being read: becomes a [`record::Error`](crate::record::Error) when the place in the
//! input is known.

use std::borrow::Cow;

use crate::record::{Error, ErrorKind, Position};

/// The name of the format in errors.
pub(super) const FORMAT: &str = "json";

/// Something is wrong.
#[derive(Debug)]
pub(super) struct Fault {
    /// Where in the text.
    pub(super) at: usize,
    kind: ErrorKind,
    why: Cow<'static, str>,
    hint: Option<&'static str>,
}

impl Fault {
    pub(super) fn syntax(at: usize, why: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::Syntax, at, why)
    }

    pub(super) fn new(kind: ErrorKind, at: usize, why: impl Into<Cow<'static, str>>) -> Self {
        Self {
            at,
            kind,
            why: why.into(),
            hint: None,
        }
    }

    /// The input ends within `what`.
    pub(super) fn truncated(at: usize, what: &str) -> Self {
        let why = format!("the input ends within {what}");
        Self::new(ErrorKind::Truncated, at, why)
    }

    /// Something other than `wanted` stands at a place.
    pub(super) fn unexpected(text: &str, at: usize, wanted: &str) -> Self {
        let Some(found) = text.get(at..).and_then(|rest| rest.chars().next()) else {
            let why = format!("the input ends where {wanted} should be");
            return Self::new(ErrorKind::Truncated, at, why);
        };
        Self::syntax(at, format!("{found:?} where {wanted} should be"))
    }

    pub(super) fn not_utf8(at: usize) -> Self {
        Self::syntax(at, "bytes that are no UTF-8")
            .with_hint("name the charset of the input, such as --charset windows-1252; --invalid replace puts U+FFFD in their place")
    }

    pub(super) fn too_large(at: usize, limit: usize) -> Self {
        let why = format!("a record has more than {limit} bytes");
        Self::new(ErrorKind::Limit, at, why).with_hint("--max-record raises the bound")
    }

    pub(super) fn outside(at: usize) -> Self {
        Self::syntax(
            at,
            "something stands before the first separator of a sequence",
        )
        .with_hint("without the byte 0x1E before each value it is JSON or NDJSON")
    }

    #[must_use]
    pub(super) fn with_hint(mut self, hint: &'static str) -> Self {
        self.hint = Some(hint);
        self
    }

    /// What ends too early is not the input, but a line or a part of a sequence, behind which it goes on.
    #[must_use]
    pub(super) fn within(mut self, frame: &str) -> Self {
        if self.kind == ErrorKind::Truncated {
            self.kind = ErrorKind::Syntax;
            self.why = self.why.replacen("the input", frame, 1).into();
        }
        self
    }

    /// With its place in the input.
    pub(super) fn into_error(self, position: Position) -> Error {
        let error = Error::new(self.kind, FORMAT, self.why).at(position);
        match self.hint {
            Some(hint) => error.with_hint(hint),
            None => error,
        }
    }
}
