//! What is forgiven to servers, and what was.

use std::fmt;

/// What is forgiven to a server that does not keep to the rules. Nothing is forgiven to a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Strictness {
    /// Lines may end in a line feed alone.
    pub bare_lf: bool,
    /// A header may go on in the next line, if that begins with a blank; the parts are joined by one blank.
    pub obs_fold: bool,
    /// An answer may be a body without a head, as in HTTP/0.9.
    pub http09: bool,
}

impl Strictness {
    /// Nothing is forgiven: the default.
    pub const STRICT: Self = Self {
        bare_lf: false,
        obs_fold: false,
        http09: false,
    };
    /// All that is known of old servers is forgiven.
    pub const LENIENT: Self = Self {
        bare_lf: true,
        obs_fold: true,
        http09: true,
    };
}

impl Default for Strictness {
    fn default() -> Self {
        Self::STRICT
    }
}

/// Something that was forgiven.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Forgiven {
    /// Lines that end in a line feed alone.
    BareLf,
    /// A header that goes on in the next line.
    ObsFold,
    /// An answer without a head.
    Http09,
    /// No blank between the status and the line end; forgiven always, as every reader does.
    NoBlankAfterStatus,
}

impl fmt::Display for Forgiven {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BareLf => "lines that end in a line feed alone",
            Self::ObsFold => "a header that goes on in the next line",
            Self::Http09 => "an answer without a head (HTTP/0.9)",
            Self::NoBlankAfterStatus => "no blank behind the status",
        })
    }
}
