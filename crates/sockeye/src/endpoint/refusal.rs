//! Why a text is not an endpoint, and where.
//!
//! While parsing, a [`Piece`] carries its place in the whole text along, so that each [`Fail`] knows its column; the
//! public [`ParseError`] is made once, at the end.

use std::fmt;

use sockeye_data::percent;

use super::proxy::MASK;
use super::schemes;

/// How much of a refused text is repeated in the message.
const SHOWN_CHARS: usize = 200;

/// A text that is not an endpoint: where it goes wrong, why, and what to try.
///
/// Its text is one line, complete by itself; the hint is kept apart.
///
/// # Examples
///
/// ```
/// use sockeye::Endpoint;
///
/// let error = "tpc://host:1".parse::<Endpoint>().unwrap_err();
/// assert_eq!(error.to_string(), "`tpc://host:1` is not an endpoint: unknown scheme at column 1");
/// assert_eq!(error.hint(), Some("did you mean tcp://host:1 ?"));
/// assert_eq!(error.column(), 1);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    text: String,
    what: &'static str,
    column: usize,
    reason: String,
    hint: Option<String>,
    unsupported: bool,
}

impl ParseError {
    pub(super) fn new(text: &str, what: &'static str, fail: Fail) -> Self {
        let before = text.char_indices().take_while(|(i, _)| *i < fail.at);
        Self {
            column: before.count() + 1,
            text: excerpt(&masked(text, what)),
            what,
            reason: safe(&masked_words(&fail.reason)),
            hint: fail.hint.map(|hint| safe(&masked_words(&hint))),
            unsupported: fail.unsupported,
        }
    }

    /// The refused text; control characters are escaped, and what is longer than 200 characters is cut.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Where it goes wrong, in characters, the first being 1; one more than there are if something is missing at the end.
    pub fn column(&self) -> usize {
        self.column
    }

    /// Why it was refused, as a clause without the column: `unknown scheme`.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// One thing to try.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// Whether the text is well formed and only names something that is not built in yet.
    pub fn is_unsupported(&self) -> bool {
        self.unsupported
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` is not {}: {} at column {}",
            self.text, self.what, self.reason, self.column
        )
    }
}

impl std::error::Error for ParseError {}

/// Reasons and hints repeat parts of the user's text: here they all become safe for a terminal.
fn safe(text: &str) -> String {
    text.chars().map(shown).collect()
}

/// The text without what looks like a password in it: what stands between a colon and an at sign, behind the start of a
/// URL or of an option.
fn masked(text: &str, what: &str) -> String {
    let parts = text.split('&').map(|part| {
        if let Some(hidden) = masked_key(part) {
            return hidden;
        }
        let Some(end) = part.rfind('@') else {
            return part.to_owned();
        };
        let before = &part[..end];
        let via = before.find("via=").map(|i| i + 4);
        let base = via.unwrap_or(0);
        let start = match before[base..].find("://") {
            Some(i) => base + i + 3,
            None if via.is_some() || what == "a proxy" => base,
            None => return part.to_owned(),
        };
        let hidden = match before[start..].split_once(':') {
            // An address in brackets is no user, and a scheme has something behind its colon.
            Some((user, password)) if !user.starts_with('[') && !password.is_empty() => {
                password.len()
            }
            _ => return part.to_owned(),
        };
        format!("{}{MASK}{}", &part[..end - hidden], &part[end..])
    });
    parts.collect::<Vec<_>>().join("&")
}

/// The part without the key of `authkey=KEY`, also where the option is mistyped.
fn masked_key(part: &str) -> Option<String> {
    let (before, _) = part.split_once('=')?;
    let name = before.rsplit(['?', '`']).next().unwrap_or(before);
    let near = schemes::nearest(name, std::iter::once("authkey"));
    near.map(|_| format!("{before}={MASK}"))
}

/// The same for a sentence, word by word.
fn masked_words(text: &str) -> String {
    let words: Vec<_> = text.split(' ').map(|word| masked(word, "a word")).collect();
    words.join(" ")
}

fn excerpt(text: &str) -> String {
    let mut short: String = text.chars().take(SHOWN_CHARS).map(shown).collect();
    if text.chars().nth(SHOWN_CHARS).is_some() {
        short.push('…');
    }
    short
}

/// A character as it may be shown: what a terminal would act on is escaped.
fn shown(letter: char) -> String {
    match letter {
        '\'' | '"' | '\\' => letter.to_string(),
        _ => letter.escape_debug().to_string(),
    }
}

/// A word of the user's inside a reason or hint, kept short.
pub(super) fn quoted(word: &str) -> String {
    let mut text: String = word.chars().take(40).collect();
    if word.chars().nth(40).is_some() {
        text.push('…');
    }
    format!("`{text}`")
}

/// A refusal while parsing; `at` counts bytes from the start of the whole text.
#[derive(Debug)]
pub(super) struct Fail {
    pub(super) at: usize,
    pub(super) reason: String,
    pub(super) hint: Option<String>,
    pub(super) unsupported: bool,
}

impl Fail {
    /// The same refusal with one thing to try.
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same refusal, of something that later versions may know.
    pub(super) fn unsupported(mut self) -> Self {
        self.unsupported = true;
        self
    }
}

/// A part of the text that is being parsed, and where it stands in the whole.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece<'a> {
    pub(super) text: &'a str,
    pub(super) at: usize,
}

impl<'a> Piece<'a> {
    pub(super) fn whole(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// The part before and the part from this byte on, which must be a character boundary inside.
    pub(super) fn split_at(self, i: usize) -> (Self, Self) {
        let (before, after) = self.text.split_at(i);
        let at = self.at + i;
        (
            Self {
                text: before,
                ..self
            },
            Self { text: after, at },
        )
    }

    /// The parts around the first such character.
    pub(super) fn split_once(self, at: char) -> Option<(Self, Self)> {
        let i = self.text.find(at)?;
        Some((self.split_at(i).0, self.split_at(i + at.len_utf8()).1))
    }

    /// What stands behind this prefix.
    pub(super) fn strip_prefix(self, prefix: &str) -> Option<Self> {
        let text = self.text.strip_prefix(prefix)?;
        Some(Self {
            text,
            at: self.at + prefix.len(),
        })
    }

    /// All parts between such characters.
    pub(super) fn split(self, at: char) -> impl Iterator<Item = Self> {
        let mut next = self.at;
        self.text.split(at).map(move |text| {
            let piece = Self { text, at: next };
            next += text.len() + at.len_utf8();
            piece
        })
    }

    /// A refusal at the start of this piece.
    pub(super) fn fail(self, reason: impl Into<String>) -> Fail {
        self.fail_at(0, reason)
    }

    /// A refusal this many bytes into the piece.
    pub(super) fn fail_at(self, i: usize, reason: impl Into<String>) -> Fail {
        Fail {
            at: self.at + i,
            reason: reason.into(),
            hint: None,
            unsupported: false,
        }
    }

    /// A refusal behind the last character: something is missing there.
    pub(super) fn fail_at_end(self, reason: impl Into<String>) -> Fail {
        self.fail_at(self.text.len(), reason)
    }

    /// The bytes that this percent-encoded piece stands for.
    pub(super) fn decode(self) -> Result<Vec<u8>, Fail> {
        percent::decode(self.text).map_err(|error| self.bad_escape(error.offset()))
    }

    /// The refusal of a percent sign that starts no escape.
    pub(super) fn bad_escape(self, i: usize) -> Fail {
        self.fail_at(i, "`%` without two hexadecimal digits")
            .hint("a percent sign itself is written %25")
    }

    /// The text that this percent-encoded piece stands for.
    pub(super) fn decode_text(self) -> Result<String, Fail> {
        String::from_utf8(self.decode()?).map_err(|_| self.fail("a value that is not UTF-8"))
    }
}
