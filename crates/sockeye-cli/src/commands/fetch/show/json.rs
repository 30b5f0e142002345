//! JSON laid out while it comes, of any length: what is shown depends on what was read, and nothing is kept but the nesting.

use crate::local::TerminalText;

/// The deepest nesting that is laid out; what is deeper is shown as it comes.
const DEEPEST: usize = 1000;
/// The deepest nesting that is still set in further.
const INDENTED: usize = 40;

const KEY: &str = "\x1b[34m";
const STRING: &str = "\x1b[32m";
const WORD: &str = "\x1b[36m";
const RESET: &str = "\x1b[0m";

/// Lays out JSON. What is no JSON after all is shown from there on as it comes.
pub(super) struct Layout {
    colors: bool,
    /// Makes text harmless; none if no terminal shows it.
    escaper: Option<TerminalText>,
    state: State,
    /// What is open: true for an object.
    open: Vec<bool>,
    /// Nothing stands yet in what was opened last.
    is_fresh: bool,
    /// A name comes next, not a value.
    wants_key: bool,
    /// A value is complete at the top.
    is_done: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Between,
    String {
        is_escaped: bool,
    },
    Word,
    /// It is not JSON, or too deep.
    Plain,
}

impl Layout {
    pub(super) fn new(colors: bool, escapes: bool) -> Self {
        Self {
            colors,
            escaper: escapes.then(TerminalText::default),
            state: State::Between,
            open: Vec::new(),
            is_fresh: false,
            wants_key: false,
            is_done: false,
        }
    }

    /// Append the layout of this text.
    pub(super) fn push(&mut self, text: &str, out: &mut String) {
        let mut rest = text;
        while !rest.is_empty() {
            let taken = match self.state {
                State::Plain => {
                    self.text(rest, out);
                    rest.len()
                }
                State::String { is_escaped } => self.string(rest, is_escaped, out),
                State::Word => self.word(rest, out),
                State::Between => self.between(rest, out),
            };
            rest = &rest[taken..];
        }
    }

    /// All has come.
    pub(super) fn finish(&mut self, out: &mut String) {
        if matches!(self.state, State::Word | State::String { .. }) {
            self.color(RESET, out);
        }
        if let Some(escaper) = &mut self.escaper {
            escaper.finish(out);
        }
    }

    fn text(&mut self, text: &str, out: &mut String) {
        match &mut self.escaper {
            Some(escaper) => escaper.push(text.as_bytes(), out),
            None => out.push_str(text),
        }
    }

    fn color(&self, color: &str, out: &mut String) {
        if self.colors {
            out.push_str(color);
        }
    }

    fn string(&mut self, rest: &str, is_escaped: bool, out: &mut String) -> usize {
        let mut is_escaped = is_escaped;
        for (at, byte) in rest.bytes().enumerate() {
            match byte {
                _ if is_escaped => is_escaped = false,
                b'\\' => is_escaped = true,
                b'"' => {
                    self.text(&rest[..=at], out);
                    self.color(RESET, out);
                    self.state = State::Between;
                    self.value_ended();
                    return at + 1;
                }
                _ => {}
            }
        }
        self.state = State::String { is_escaped };
        self.text(rest, out);
        rest.len()
    }

    fn word(&mut self, rest: &str, out: &mut String) -> usize {
        let is_word = |letter: char| letter.is_ascii_alphanumeric() || "+-.".contains(letter);
        let end = rest.find(|letter| !is_word(letter)).unwrap_or(rest.len());
        self.text(&rest[..end], out);
        if end < rest.len() {
            self.color(RESET, out);
            self.state = State::Between;
            self.value_ended();
        }
        end
    }

    fn between(&mut self, rest: &str, out: &mut String) -> usize {
        let Some(letter) = rest.chars().next() else {
            return 0;
        };
        match letter {
            ' ' | '\t' | '\r' | '\n' => {}
            '{' | '[' if self.open.len() < DEEPEST => {
                self.begin(out);
                self.open.push(letter == '{');
                (self.is_fresh, self.wants_key) = (true, letter == '{');
                out.push(letter);
            }
            '}' | ']' if self.open.last() == Some(&(letter == '}')) => {
                self.open.pop();
                if !std::mem::take(&mut self.is_fresh) {
                    self.line(out);
                }
                out.push(letter);
                self.value_ended();
            }
            ',' if !self.open.is_empty() => {
                out.push(',');
                self.line(out);
                self.wants_key = self.open.last() == Some(&true);
            }
            ':' if self.open.last() == Some(&true) => {
                out.push_str(": ");
                self.wants_key = false;
            }
            '"' => {
                self.begin(out);
                self.color(if self.wants_key { KEY } else { STRING }, out);
                out.push('"');
                self.state = State::String { is_escaped: false };
            }
            '-' | '0'..='9' | 't' | 'f' | 'n' => {
                self.begin(out);
                self.color(WORD, out);
                self.state = State::Word;
                return 0;
            }
            _ => {
                self.state = State::Plain;
                return 0;
            }
        }
        letter.len_utf8()
    }

    /// Something begins: what is the first in its place gets a line of its own.
    fn begin(&mut self, out: &mut String) {
        if std::mem::take(&mut self.is_fresh) {
            self.line(out);
        }
        if self.open.is_empty() && std::mem::take(&mut self.is_done) {
            out.push('\n');
        }
    }

    fn value_ended(&mut self) {
        self.is_done = self.open.is_empty();
    }

    fn line(&self, out: &mut String) {
        out.push('\n');
        for _ in 0..self.open.len().min(INDENTED) {
            out.push_str("  ");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn laid_out(pieces: &[&str], colors: bool) -> String {
        let mut layout = Layout::new(colors, true);
        let mut out = String::new();
        for piece in pieces {
            layout.push(piece, &mut out);
        }
        layout.finish(&mut out);
        out
    }

    #[test]
    fn json_is_laid_out() {
        let json = r#"{"a":[1,-2.5e3,{}],"b\"c":{"d":null,"e":[]}, "f" : "x\\" }"#;
        let wanted = "{\n  \"a\": [\n    1,\n    -2.5e3,\n    {}\n  ],\n  \"b\\\"c\": {\n    \"d\": null,\n    \
                      \"e\": []\n  },\n  \"f\": \"x\\\\\"\n}";
        assert_eq!(laid_out(&[json], false), wanted);
        // Cuts do not change it.
        for at in 0..json.len() {
            let (a, b) = json.split_at(at);
            assert_eq!(laid_out(&[a, b], false), wanted, "cut at {at}");
        }
        let pretty: serde_json::Value = serde_json::from_str(wanted).unwrap_or_default();
        assert_eq!(pretty["a"][1], -2500.0);
    }

    #[test]
    fn several_values_have_lines_of_their_own() {
        assert_eq!(
            laid_out(&["1 2\n{}\n[]\"x\""], false),
            "1\n2\n{}\n[]\n\"x\""
        );
    }

    #[test]
    fn names_texts_and_words_have_colors() {
        assert_eq!(
            laid_out(&["{\"k\":\"v\",\"n\":1}"], true),
            format!(
                "{{\n  {KEY}\"k\"{RESET}: {STRING}\"v\"{RESET},\n  {KEY}\"n\"{RESET}: {WORD}1{RESET}\n}}"
            )
        );
    }

    #[test]
    fn what_is_no_json_and_what_is_dangerous_is_shown_harmlessly() {
        assert_eq!(
            laid_out(&["{\"a\": \"\x1b[2J\"}"], false),
            "{\n  \"a\": \"\\x1b[2J\"\n}"
        );
        assert_eq!(
            laid_out(&["<html>\x1b </html>\n"], false),
            "<html>\\x1b </html>\n"
        );
        assert_eq!(laid_out(&["[1}  x"], false), "[\n  1}  x");
        let deep = "[".repeat(100_000);
        assert!(laid_out(&[&deep], false).len() < 400_000);
    }
}
