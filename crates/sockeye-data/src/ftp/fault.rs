//! What was wrong with a reply, a listing or a command.

use std::borrow::Cow;
use std::fmt;

/// The kind of a [`Fault`]: what a program does about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FaultKind {
    /// The bytes are not FTP.
    Syntax,
    /// It is longer than the limits allow.
    TooLong,
    /// What was to be sent cannot be: it would be read as something else.
    Unwritable,
}

/// What was wrong: a noun phrase that follows "the server sent".
///
/// For [`FaultKind::Unwritable`], where the server has no part in it, the phrase follows "cannot send".
///
/// # Examples
///
/// ```
/// use sockeye_data::ftp::{FaultKind, ReplyParser};
///
/// let fault = ReplyParser::default().feed(b"SSH-2.0-x\r\n").unwrap_err();
/// assert_eq!(fault.kind(), FaultKind::Syntax);
/// assert_eq!(fault.to_string(), "a line that is no reply of FTP: `SSH-2.0-x` (RFC 959 section 4.2)");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    kind: FaultKind,
    what: Cow<'static, str>,
    rule: &'static str,
}

impl Fault {
    pub(super) fn new(
        kind: FaultKind,
        what: impl Into<Cow<'static, str>>,
        rule: &'static str,
    ) -> Self {
        Self {
            kind,
            what: what.into(),
            rule,
        }
    }

    pub(super) fn syntax(what: impl Into<Cow<'static, str>>, rule: &'static str) -> Self {
        Self::new(FaultKind::Syntax, what, rule)
    }

    /// What to do about it.
    pub fn kind(&self) -> FaultKind {
        self.kind
    }

    /// The rule that was broken, as in `RFC 959 section 4.2`; empty for a limit of ours.
    pub fn rule(&self) -> &'static str {
        self.rule
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        if !self.rule.is_empty() {
            write!(f, " ({})", self.rule)?;
        }
        Ok(())
    }
}

impl std::error::Error for Fault {}

/// Foreign bytes as a message may show them: escaped, and short.
pub(super) fn quoted(bytes: &[u8]) -> String {
    format!("`{}`", crate::escape::escape_start(bytes, 60))
}
