//! Why a text is not a filter, and where: for programs as a position, for people as a line with a caret under it.

use std::fmt;
use std::ops::Range;

use crate::error::{Error, Kind, Operation};

/// How much of a refused text is repeated in a message.
const SHOWN_CHARS: usize = 200;
/// How much of it stands above a caret, on either side of the fault.
const WINDOW_CHARS: usize = 60;

/// A text that is not a filter: where it goes wrong, why, and what to try.
///
/// # Examples
///
/// ```
/// use sockeye::host::filter::Filter;
///
/// let error = "proc = nginx adn dport = :443".parse::<Filter>().unwrap_err();
/// assert_eq!(error.position(), 13);
/// assert_eq!(error.reason(), "`adn` is not a word of filters");
/// assert_eq!(error.nearest(), Some("and"));
/// assert_eq!(
///     error.caret(),
///     "proc = nginx adn dport = :443\n             ^^^ `adn` is not a word of filters; did you mean `and`?"
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterError {
    text: Box<str>,
    what: &'static str,
    span: Range<usize>,
    reason: Box<str>,
    nearest: Option<Box<str>>,
    hint: Option<Box<str>>,
}

impl FilterError {
    pub(crate) fn new(text: &str, what: &'static str, fail: Fail) -> Self {
        // A fault that lies within a character moves to its edges, so that slices of the text are allowed.
        let edge = |mut at: usize| {
            at = at.min(text.len());
            while !text.is_char_boundary(at) {
                at -= 1;
            }
            at
        };
        let start = edge(fail.span.start);
        Self {
            text: text.into(),
            what,
            span: start..edge(fail.span.end).max(start),
            reason: safe(&fail.reason).into(),
            nearest: fail.nearest.map(|word| safe(&word).into()),
            hint: fail.hint.map(|hint| safe(&hint).into()),
        }
    }

    /// The refused text, as it was given.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Where it goes wrong, in bytes from the start; the length of the text if something is missing at the end.
    pub fn position(&self) -> usize {
        self.span.start
    }

    /// The same in characters, the first being 1.
    pub fn column(&self) -> usize {
        self.text[..self.span.start].chars().count() + 1
    }

    /// The bytes that are at fault; empty if something is missing.
    pub fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    /// Why it was refused, as a clause without the place.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// The known word that is most like the refused one.
    pub fn nearest(&self) -> Option<&str> {
        self.nearest.as_deref()
    }

    /// One thing to try.
    pub fn hint(&self) -> Option<String> {
        let nearest = || Some(format!("did you mean `{}`?", self.nearest.as_ref()?));
        let own = self.hint.as_deref().map(str::to_owned);
        own.or_else(nearest)
    }

    /// Two lines for a terminal: the text, and carets under the fault with the reason. Long texts are cut around it,
    /// and what a terminal would act on is escaped.
    pub fn caret(&self) -> String {
        let before: Vec<char> = self.text[..self.span.start].chars().collect();
        let fault: Vec<char> = self.text[self.span.clone()].chars().collect();
        let after: Vec<char> = self.text[self.span.end..].chars().collect();
        let skipped = before.len().saturating_sub(WINDOW_CHARS);
        let mut line = String::from(if skipped > 0 { "…" } else { "" });
        line.extend(before[skipped..].iter().map(|letter| shown(*letter)));
        let indent = line.chars().count();
        line.extend(fault.iter().take(WINDOW_CHARS).map(|letter| shown(*letter)));
        let width = (line.chars().count() - indent).max(1);
        line.extend(after.iter().take(WINDOW_CHARS).map(|letter| shown(*letter)));
        if after.len() > WINDOW_CHARS || fault.len() > WINDOW_CHARS {
            line.push('…');
        }
        let hint = self.hint().map(|hint| format!("; {hint}"));
        format!(
            "{line}\n{}{} {}{}",
            " ".repeat(indent),
            "^".repeat(width),
            self.reason,
            hint.unwrap_or_default()
        )
    }
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text: String = self.text.chars().take(SHOWN_CHARS).map(shown).collect();
        if self.text.chars().nth(SHOWN_CHARS).is_some() {
            text.push('…');
        }
        write!(
            f,
            "`{text}` is not {}: {} at column {}",
            self.what,
            self.reason,
            self.column()
        )
    }
}

impl std::error::Error for FilterError {}

impl From<FilterError> for Error {
    /// [`Kind::Usage`], with the hint of the refusal.
    fn from(refusal: FilterError) -> Self {
        let error = Self::new(Kind::Usage, Operation::Parse, refusal.to_string());
        match refusal.hint() {
            Some(hint) => error.with_hint(hint),
            None => error,
        }
    }
}

/// A refusal while parsing, by its bytes in the whole text.
#[derive(Debug)]
pub(crate) struct Fail {
    pub(crate) span: Range<usize>,
    pub(crate) reason: String,
    pub(crate) nearest: Option<String>,
    pub(crate) hint: Option<String>,
}

impl Fail {
    pub(crate) fn new(span: Range<usize>, reason: impl Into<String>) -> Self {
        Self {
            span,
            reason: reason.into(),
            nearest: None,
            hint: None,
        }
    }

    pub(crate) fn nearest(mut self, word: Option<&str>) -> Self {
        self.nearest = word.map(str::to_owned);
        self
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// A word of the user's inside a reason, kept short.
pub(crate) fn quoted(word: &str) -> String {
    let mut text: String = word.chars().take(40).collect();
    if word.chars().nth(40).is_some() {
        text.push('…');
    }
    format!("`{text}`")
}

fn safe(text: &str) -> String {
    text.chars().map(shown).collect()
}

/// A character as it may be shown: what a terminal would act on is escaped.
fn shown(letter: char) -> String {
    match letter {
        '\'' | '"' | '\\' => letter.to_string(),
        _ => letter.escape_debug().to_string(),
    }
}
