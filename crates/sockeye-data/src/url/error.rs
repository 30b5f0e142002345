//! What is wrong with a URL, and where.

use std::fmt;

/// What is wrong with a URL. It never quotes a user or a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UrlError {
    offset: usize,
    reason: String,
}

impl UrlError {
    pub(super) fn new(offset: usize, reason: impl Into<String>) -> Self {
        Self {
            offset,
            reason: reason.into(),
        }
    }

    /// Where it is, in bytes from the start of the text.
    pub fn offset(&self) -> usize {
        self.offset
    }
}

impl fmt::Display for UrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not a URL: {} (column {})", self.reason, self.offset + 1)
    }
}

impl std::error::Error for UrlError {}
