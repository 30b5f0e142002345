//! What goes wrong: a program that cannot be compiled, and one that fails or stops while it runs.

use std::fmt;

use jaq_core::compile::Undefined;
use jaq_core::load::lex;
use jaq_core::load::parse;

use crate::value::Value;

/// Why a program cannot be compiled, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompileError {
    /// The module in which it is; none for the program itself.
    pub file: Option<String>,
    /// The line, from 1; 0 where there is no place.
    pub line: usize,
    /// The character in the line, from 1.
    pub column: usize,
    /// The word at which it was seen; empty at the end of the text.
    pub word: String,
    /// What is wrong, without a full stop.
    pub why: String,
    /// One thing to try.
    pub hint: Option<String>,
}

impl CompileError {
    pub(super) fn new(why: impl Into<String>) -> Self {
        Self {
            file: None,
            line: 0,
            column: 0,
            word: String::new(),
            why: why.into(),
            hint: None,
        }
    }

    /// At `piece` of `text`, which may be a piece of it or not.
    pub(super) fn at(mut self, text: &str, piece: &str) -> Self {
        let word: String = piece
            .chars()
            .take_while(|c| !c.is_whitespace())
            .take(40)
            .collect();
        if let Some(offset) = offset(text, piece) {
            let before = &text[..offset];
            let start = before.rfind('\n').map_or(0, |newline| newline + 1);
            self.line = 1 + before.matches('\n').count();
            self.column = 1 + before[start..].chars().count();
        }
        self.word = word;
        self
    }

    pub(super) fn in_file(mut self, file: Option<&str>) -> Self {
        self.file = file.map(str::to_owned);
        self
    }

    pub(super) fn with_hint(mut self, hint: Option<String>) -> Self {
        self.hint = hint;
        self
    }

    /// What the first part of the parser found.
    pub(super) fn lexed(text: &str, (expected, found): &lex::Error<&str>) -> Self {
        let expected = match expected {
            lex::Expect::Delim(open) => {
                let close = match *open {
                    "(" => ")",
                    "[" => "]",
                    "{" => "}",
                    _ => "\"",
                };
                return Self::new(format!("the {open} has no {close}")).at(text, found);
            }
            lex::Expect::Token => "a term or an operator",
            lex::Expect::Digit => "a digit",
            lex::Expect::Ident => "a name",
            lex::Expect::Escape => "one of the escapes of JSON behind \\",
            lex::Expect::Unicode => "four hexadecimal digits of a character",
            _ => "something else",
        };
        Self::unexpected(text, expected, found)
    }

    /// What the second part of the parser found.
    pub(super) fn parsed(text: &str, expected: &parse::Expect<&str>, found: &str) -> Self {
        let expected = match expected {
            parse::Expect::Just(word) => format!("{word:?}"),
            parse::Expect::Term => "a term".into(),
            parse::Expect::Nothing => "an operator or the end".into(),
            other => {
                let name = other.as_str();
                let article = if name.starts_with(['a', 'e', 'i', 'o', 'u']) {
                    "an"
                } else {
                    "a"
                };
                format!("{article} {name}")
            }
        };
        Self::unexpected(text, &expected, found)
    }

    pub(super) fn unexpected(text: &str, expected: &str, found: &str) -> Self {
        let at_end = found.is_empty() || offset(text, found) == Some(text.len());
        let error = match at_end {
            true => Self::new(format!("the program ends where {expected} is expected")),
            false => {
                let start: String = found.chars().take(20).collect();
                Self::new(format!("{expected} is expected, not {start:?}"))
            }
        };
        error.at(text, found)
    }

    /// A name without a meaning; `known` are those that have one.
    pub(super) fn undefined<'k>(
        text: &str,
        name: &str,
        kind: &Undefined,
        known: impl Iterator<Item = (&'k str, usize)>,
    ) -> Self {
        let why = match kind {
            Undefined::Filter(arguments) => format!("there is no function {name}/{arguments}"),
            Undefined::Var => format!("there is no variable {name}"),
            Undefined::Label => format!("there is no label {name}"),
            Undefined::Mod => format!("there is no module {name}"),
            _ => format!("{name} has no meaning"),
        };
        Self::new(why)
            .at(text, name)
            .with_hint(nearest(name, kind, known))
    }
}

/// Where a piece lies in a text, if it is one of it.
pub(super) fn offset(text: &str, piece: &str) -> Option<usize> {
    let offset = piece.as_ptr().addr().checked_sub(text.as_ptr().addr())?;
    (offset <= text.len() && text.is_char_boundary(offset)).then_some(offset)
}

fn nearest<'k>(
    name: &str,
    kind: &Undefined,
    known: impl Iterator<Item = (&'k str, usize)>,
) -> Option<String> {
    let arguments = match kind {
        Undefined::Filter(arguments) => Some(*arguments),
        _ => None,
    };
    let mut best: Option<(usize, &str, usize)> = None;
    for (candidate, count) in known.filter(|(candidate, _)| !candidate.starts_with('_')) {
        let other_count = usize::from(arguments.is_some_and(|arguments| arguments != count));
        let distance = 2 * distance(name, candidate) + other_count;
        if best.is_none_or(|(least, ..)| distance < least) {
            best = Some((distance, candidate, count));
        }
    }
    let (distance, candidate, count) = best?;
    if distance > 2 * (name.len() / 3).clamp(1, 3) + 1 {
        return None;
    }
    Some(match arguments {
        Some(_) => format!("did you mean {candidate}/{count}?"),
        None => format!("did you mean {candidate}?"),
    })
}

/// How many letters differ (Levenshtein).
fn distance(one: &str, two: &str) -> usize {
    let two: Vec<char> = two.chars().collect();
    let mut row: Vec<usize> = (0..=two.len()).collect();
    for (at, a) in one.chars().enumerate() {
        let mut before = at;
        row[0] = at + 1;
        for (column, b) in two.iter().enumerate() {
            let replaced = before + usize::from(a != *b);
            before = row[column + 1];
            row[column + 1] = replaced.min(before + 1).min(row[column] + 1);
        }
    }
    row[two.len()]
}

impl fmt::Display for CompileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "jq: {}", self.why)?;
        if self.line > 0 {
            write!(f, " at line {}, column {}", self.line, self.column)?;
        }
        if let Some(file) = &self.file {
            write!(f, " of {file}")?;
        }
        Ok(())
    }
}

impl std::error::Error for CompileError {}

/// How a run of a program ends before its outputs do.
#[derive(Clone, Debug, PartialEq)]
pub enum Failure {
    /// An error that nothing caught; a string for all that the language itself finds.
    Error(Value),
    /// `halt` and `halt_error`: no input is read any more.
    Halt {
        /// With what the command exits.
        code: i32,
        /// What `halt_error` says: a string as it is, all else as JSON with a newline.
        says: Option<Value>,
    },
}

impl fmt::Display for Failure {
    /// As jq says it behind "error: ".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error(Value::String(why)) => f.write_str(why),
            Self::Error(value @ (Value::Array(_) | Value::Object(_))) => {
                write!(f, "{value} (not a string)")
            }
            Self::Error(value) => write!(f, "{value} (not a string)"),
            Self::Halt {
                says: Some(Value::String(text)),
                ..
            } => f.write_str(text),
            Self::Halt {
                says: Some(value), ..
            } => write!(f, "{value}"),
            Self::Halt { code, .. } => write!(f, "halted with {code}"),
        }
    }
}

impl std::error::Error for Failure {}
