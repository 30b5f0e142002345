//! What was wrong with a message, where, and which rule says so.

use std::borrow::Cow;
use std::fmt;

use crate::escape;

/// How much of a foreign text an error quotes, in bytes.
const QUOTED: usize = 40;

/// The kind of an [`Error`]: what a program does about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The bytes are not HTTP/1.
    Syntax,
    /// It is HTTP of a version that is not spoken here.
    Version,
    /// The method is longer than any that is known.
    MethodTooLong,
    /// The start line is longer than [`Limits::line`](super::Limits::line).
    LineTooLong,
    /// The head, or the trailer section, has too many bytes or lines.
    HeadTooLarge,
    /// The target is of a form that the method does not take, or the host is missing, double or malformed.
    Target,
    /// Where the body ends is in doubt.
    Framing,
    /// A transfer coding that is not spoken here.
    UnknownCoding,
    /// The body is over before its end; what came of it is good.
    Short,
    /// What was to be written cannot be: it would be read as something else.
    Unwritable,
}

/// What was wrong with a message: a noun phrase that follows "the peer sent".
///
/// For [`ErrorKind::Unwritable`], where the peer has no part in it, the phrase follows "cannot write the request:".
///
/// # Examples
///
/// ```
/// use sockeye_data::http1::{ErrorKind, Limits, ResponseParser};
///
/// let error = ResponseParser::new(Limits::default()).parse(b"HTTP/1.1 200 OK\nA: b\n\n").unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::Syntax);
/// assert_eq!(error.offset(), Some(15));
/// assert_eq!(
///     format!("cannot read the answer: the peer sent {error}"),
///     "cannot read the answer: the peer sent a line that ends in a bare line feed, at byte 15 (RFC 9112 section 2.2)",
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    offset: Option<usize>,
    what: Cow<'static, str>,
    rule: &'static str,
}

impl Error {
    pub(super) fn new(
        kind: ErrorKind,
        what: impl Into<Cow<'static, str>>,
        rule: &'static str,
    ) -> Self {
        Self {
            kind,
            offset: None,
            what: what.into(),
            rule,
        }
    }

    pub(super) fn syntax(
        offset: usize,
        what: impl Into<Cow<'static, str>>,
        rule: &'static str,
    ) -> Self {
        Self::new(ErrorKind::Syntax, what, rule).at(offset)
    }

    pub(super) fn at(mut self, offset: usize) -> Self {
        self.offset = Some(offset);
        self
    }

    pub(super) fn moved(mut self, by: usize) -> Self {
        self.offset = self.offset.map(|offset| offset.saturating_add(by));
        self
    }

    /// The same error, found in something that we were asked to write.
    pub(super) fn unwritable(mut self) -> Self {
        self.kind = ErrorKind::Unwritable;
        self
    }

    /// What to do about it.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Where it is, in bytes from the start of the head or of the body, if it is at one place.
    pub fn offset(&self) -> Option<usize> {
        self.offset
    }

    /// The rule that was broken, as in `RFC 9112 section 6.3`; empty for a limit of ours.
    pub fn rule(&self) -> &'static str {
        self.rule
    }

    /// The status with which a server answers a request like this: 400, 414, 431, 501 or 505.
    pub fn status(&self) -> u16 {
        match self.kind {
            ErrorKind::LineTooLong => 414,
            ErrorKind::HeadTooLarge => 431,
            ErrorKind::UnknownCoding | ErrorKind::MethodTooLong => 501,
            ErrorKind::Version => 505,
            _ => 400,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        if let Some(offset) = self.offset {
            write!(f, ", at byte {offset}")?;
        }
        if !self.rule.is_empty() {
            write!(f, " ({})", self.rule)?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

/// Foreign bytes as a message may show them: escaped, and short.
pub(super) fn quoted(bytes: &[u8]) -> String {
    if bytes.len() > QUOTED {
        format!("`{}…`", escape::escape(&bytes[..QUOTED]))
    } else {
        format!("`{}`", escape::escape(bytes))
    }
}
