//! Pieces of the text: words, operators and values, each with its place. Which one comes is the parser's to know, for a
//! value may hold what elsewhere is an operator.

use std::ops::Range;

use super::expr::Compare;
use super::pattern::{Pattern, Piece};
use super::refusal::Fail;

/// A position in a text.
#[derive(Clone, Debug)]
pub(super) struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

/// What stands between a field and its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Compare(Compare),
    NotEqual,
    Has,
    HasNot,
}

/// Operators by their signs; longer ones first, for the first that fits is taken.
const SIGNS: &[(&str, Operator)] = &[
    ("==", Operator::Compare(Compare::Equal)),
    ("!=", Operator::NotEqual),
    ("!~", Operator::HasNot),
    ("<=", Operator::Compare(Compare::AtMost)),
    (">=", Operator::Compare(Compare::AtLeast)),
    ("=", Operator::Compare(Compare::Equal)),
    ("<", Operator::Compare(Compare::Less)),
    (">", Operator::Compare(Compare::More)),
    ("~", Operator::Has),
];

/// The same in letters, as in ss.
const SPELLED: &[(&str, Operator)] = &[
    ("eq", Operator::Compare(Compare::Equal)),
    ("ne", Operator::NotEqual),
    ("neq", Operator::NotEqual),
    ("le", Operator::Compare(Compare::AtMost)),
    ("leq", Operator::Compare(Compare::AtMost)),
    ("lt", Operator::Compare(Compare::Less)),
    ("ge", Operator::Compare(Compare::AtLeast)),
    ("geq", Operator::Compare(Compare::AtLeast)),
    ("gt", Operator::Compare(Compare::More)),
];

/// A value: its bytes, and which of them were quoted and so mean themselves.
#[derive(Clone, Debug, Default)]
pub(super) struct Value {
    bytes: Vec<u8>,
    literal: Vec<bool>,
    /// Where each byte stands.
    places: Vec<usize>,
    pub(super) span: Range<usize>,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// The text at this place, as far as it goes.
    pub(super) fn slice(&self, span: &Range<usize>) -> &'a str {
        let end = span.end.min(self.text.len());
        self.text.get(span.start..end).unwrap_or_default()
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    pub(super) fn skip_blanks(&mut self) {
        let blanks = self.rest().len() - self.rest().trim_ascii_start().len();
        self.at += blanks;
    }

    pub(super) fn is_at_end(&mut self) -> bool {
        self.skip_blanks();
        self.rest().is_empty()
    }

    /// Takes these signs if they come next.
    pub(super) fn sign(&mut self, signs: &str) -> bool {
        self.skip_blanks();
        let found = self.rest().starts_with(signs);
        if found {
            self.at += signs.len();
        }
        found
    }

    /// Whether a sign comes next that is `!` alone, not the beginning of `!=`.
    pub(super) fn bang(&mut self) -> bool {
        self.skip_blanks();
        let rest = self.rest();
        let alone = rest.starts_with('!') && !rest.starts_with("!=") && !rest.starts_with("!~");
        self.at += usize::from(alone);
        alone
    }

    /// The word that comes next, without taking it; empty if none does.
    pub(super) fn peek_word(&mut self) -> (&'a str, Range<usize>) {
        self.skip_blanks();
        let rest = self.rest();
        let ends = |letter: char| letter.is_ascii_whitespace() || "()|&!=<>~\"'".contains(letter);
        let length = rest.find(ends).unwrap_or(rest.len());
        (&rest[..length], self.at..self.at + length)
    }

    pub(super) fn take(&mut self, span: &Range<usize>) {
        self.at = span.end;
    }

    /// Takes the operator that comes next, if one does.
    pub(super) fn operator(&mut self) -> Option<(Operator, Range<usize>)> {
        self.skip_blanks();
        let from = self.at;
        if let Some((signs, operator)) = SIGNS.iter().find(|(signs, _)| self.sign(signs)) {
            return Some((*operator, from..from + signs.len()));
        }
        let (word, span) = self.peek_word();
        let folded = word.to_ascii_lowercase();
        let (_, operator) = SPELLED.iter().find(|(spelled, _)| *spelled == folded)?;
        // `proc ne` asks for a process of that name: an operator has a value after it.
        let after = &self.text[span.end..];
        let alone = after.trim_ascii_start();
        if !after.starts_with(|letter: char| {
            letter.is_ascii_whitespace() || letter == '"' || letter == '\''
        }) || alone.is_empty()
            || alone.starts_with(')')
        {
            return None;
        }
        self.take(&span);
        Some((*operator, span))
    }

    /// Takes the value that comes next; an empty one if none does.
    pub(super) fn value(&mut self) -> Result<Value, Fail> {
        self.skip_blanks();
        let mut value = Value {
            span: self.at..self.at,
            ..Value::default()
        };
        while let Some(letter) = self.rest().chars().next() {
            let from = self.at;
            match letter {
                '(' | ')' | '|' | '&' => break,
                _ if letter.is_ascii_whitespace() => break,
                '"' | '\'' => self.quoted(letter, &mut value)?,
                '\\' => {
                    self.at += 1;
                    let Some(next) = self.rest().chars().next() else {
                        return Err(Fail::new(from..self.at, "nothing follows the backslash"));
                    };
                    self.push(next, true, &mut value);
                }
                other => self.push(other, false, &mut value),
            }
        }
        value.span.end = self.at;
        Ok(value)
    }

    fn push(&mut self, letter: char, literal: bool, value: &mut Value) {
        let mut buffer = [0; 4];
        for byte in letter.encode_utf8(&mut buffer).bytes() {
            value.push(byte, literal, self.at);
        }
        self.at += letter.len_utf8();
    }

    /// The inside of quotes: everything means itself; `\"`, `\\`, `\n`, `\t` and `\xNN` are escapes in double ones.
    fn quoted(&mut self, quote: char, value: &mut Value) -> Result<(), Fail> {
        let from = self.at;
        self.at += 1;
        loop {
            let Some(letter) = self.rest().chars().next() else {
                let hint = format!("close it with {quote}");
                return Err(Fail::new(from..self.at, "the quote is not closed").hint(hint));
            };
            if letter == quote {
                self.at += 1;
                return Ok(());
            }
            if letter == '\\' && quote == '"' {
                let (byte, length) = escape(self.rest()).ok_or_else(|| {
                    Fail::new(self.at..self.at + 1, "no such escape")
                        .hint(r#"known are \" \\ \n \t and \xNN"#)
                })?;
                value.push(byte, true, self.at);
                self.at += length;
            } else {
                self.push(letter, true, value);
            }
        }
    }
}

/// An escape at the start of a text: the byte that it means, and its length.
fn escape(text: &str) -> Option<(u8, usize)> {
    let bytes = text.as_bytes();
    Some(match bytes.get(1)? {
        b'"' => (b'"', 2),
        b'\\' => (b'\\', 2),
        b'n' => (b'\n', 2),
        b't' => (b'\t', 2),
        b'x' => {
            let digit = |at: usize| char::from(*bytes.get(at)?).to_digit(16);
            // Two hexadecimal digits fit a byte.
            ((digit(2)? * 16 + digit(3)?) as u8, 4)
        }
        _ => return None,
    })
}

impl Value {
    fn push(&mut self, byte: u8, literal: bool, place: usize) {
        self.bytes.push(byte);
        self.literal.push(literal);
        self.places.push(place);
    }

    /// Nothing at all, not even quotes.
    pub(super) fn is_missing(&self) -> bool {
        self.span.is_empty()
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The text, if it is some. Bytes come from a text, so only escapes can make it anything else.
    pub(super) fn text(&self) -> Result<&str, Fail> {
        std::str::from_utf8(&self.bytes)
            .map_err(|_| Fail::new(self.span.clone(), "this is not text"))
    }

    /// The text if nothing in it is quoted, so that it may be a word with a meaning of its own.
    pub(super) fn keyword(&self) -> Option<&str> {
        let plain = !self.literal.contains(&true) && !self.bytes.is_empty();
        plain.then(|| std::str::from_utf8(&self.bytes).ok())?
    }

    /// The values between commas that are not quoted.
    pub(super) fn list(&self) -> Vec<Self> {
        let comma = |at: &usize| self.bytes[*at] == b',' && !self.literal[*at];
        let commas: Vec<usize> = (0..self.bytes.len()).filter(comma).collect();
        let mut parts = Vec::with_capacity(commas.len() + 1);
        let mut from = 0;
        for to in commas.into_iter().chain([self.bytes.len()]) {
            parts.push(self.part(from..to));
            from = to + 1;
        }
        parts
    }

    /// Some of its bytes as a value of their own.
    pub(super) fn part(&self, range: Range<usize>) -> Self {
        let place = |at: usize| self.places.get(at).copied().unwrap_or(self.span.end);
        let whole = range.start == 0 && range.end == self.bytes.len();
        Self {
            bytes: self.bytes[range.clone()].to_vec(),
            literal: self.literal[range.clone()].to_vec(),
            places: self.places[range.clone()].to_vec(),
            span: if whole {
                self.span.clone()
            } else {
                place(range.start)..place(range.end)
            },
        }
    }

    /// This value and another one behind it.
    pub(super) fn joined(&self, other: &Self) -> Self {
        Self {
            bytes: [&*self.bytes, &*other.bytes].concat(),
            literal: [&*self.literal, &*other.literal].concat(),
            places: [&*self.places, &*other.places].concat(),
            span: self.span.start..other.span.end,
        }
    }

    /// Where its first byte like this is, quoted ones left out.
    pub(super) fn find(&self, byte: u8) -> Option<usize> {
        (0..self.bytes.len()).find(|at| self.bytes[*at] == byte && !self.literal[*at])
    }

    /// Where its last byte like this is, quoted ones left out.
    pub(super) fn rfind(&self, byte: u8) -> Option<usize> {
        (0..self.bytes.len()).rfind(|at| self.bytes[*at] == byte && !self.literal[*at])
    }

    /// With `*` and `?` as wildcards where they are not quoted.
    pub(super) fn pattern(&self) -> Pattern {
        let piece = |(byte, literal): (&u8, &bool)| match (byte, literal) {
            (b'*', false) => Piece::Many,
            (b'?', false) => Piece::One,
            (byte, _) => Piece::Byte(*byte),
        };
        Pattern(self.bytes.iter().zip(&self.literal).map(piece).collect())
    }
}
