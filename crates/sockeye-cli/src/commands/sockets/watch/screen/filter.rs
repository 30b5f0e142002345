//! The filter as it is typed: what parses is used at once; what does not is shown with its fault, and the filter of before
//! stays.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use sockeye::host::filter::{Filter, FilterError, Names};

/// The longest text that is taken; the language has the same bound.
const MAX_TEXT: usize = sockeye::host::filter::LENGTH_LIMIT;

/// The line with the filter.
#[derive(Debug)]
pub(super) struct FilterLine {
    names: Names,
    pub(super) text: String,
    /// Where the next character goes, in bytes.
    pub(super) cursor: usize,
    pub(super) typing: bool,
    pub(super) filter: Filter,
    pub(super) error: Option<FilterError>,
    /// What was there before typing began.
    before: String,
}

/// What a key did to the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Typed {
    Nothing,
    /// The filter may be another one.
    Changed,
}

impl FilterLine {
    pub(super) fn new(names: Names) -> Self {
        Self {
            names,
            text: String::new(),
            cursor: 0,
            typing: false,
            filter: Filter::all(),
            error: None,
            before: String::new(),
        }
    }

    pub(super) fn begin(&mut self) {
        self.typing = true;
        self.before.clone_from(&self.text);
        self.cursor = self.text.len();
    }

    /// Whether the line has to be seen.
    pub(super) fn is_shown(&self) -> bool {
        self.typing || !self.text.is_empty()
    }

    /// A key while typing.
    pub(super) fn on(&mut self, key: &KeyEvent) -> Typed {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Enter => {
                self.typing = false;
                if self.error.is_some() {
                    // A filter that is none is not kept: what is shown is what the line says.
                    self.typing = true;
                }
                Typed::Nothing
            }
            KeyCode::Esc => {
                self.typing = false;
                self.text = std::mem::take(&mut self.before);
                self.cursor = self.text.len();
                self.parse()
            }
            KeyCode::Char('u') if control => {
                self.text.drain(..self.cursor);
                self.cursor = 0;
                self.parse()
            }
            KeyCode::Char('w') if control => {
                let before = self.text[..self.cursor].trim_end();
                let start = before.rfind(' ').map_or(0, |blank| blank + 1);
                self.text.drain(start..self.cursor);
                self.cursor = start;
                self.parse()
            }
            KeyCode::Char('a') if control => self.move_to(0),
            KeyCode::Char('e') if control => self.move_to(self.text.len()),
            KeyCode::Char(letter)
                if !control && self.text.len() + letter.len_utf8() <= MAX_TEXT =>
            {
                self.text.insert(self.cursor, letter);
                self.cursor += letter.len_utf8();
                self.parse()
            }
            KeyCode::Backspace if self.cursor > 0 => {
                self.cursor = self.left();
                self.text.remove(self.cursor);
                self.parse()
            }
            KeyCode::Delete if self.cursor < self.text.len() => {
                self.text.remove(self.cursor);
                self.parse()
            }
            KeyCode::Left => self.move_to(self.left()),
            KeyCode::Right => {
                let next = self.text[self.cursor..].chars().next();
                self.move_to(self.cursor + next.map_or(0, char::len_utf8))
            }
            KeyCode::Home => self.move_to(0),
            KeyCode::End => self.move_to(self.text.len()),
            _ => Typed::Nothing,
        }
    }

    fn left(&self) -> usize {
        let before = self.text[..self.cursor].chars().next_back();
        self.cursor - before.map_or(0, char::len_utf8)
    }

    fn move_to(&mut self, cursor: usize) -> Typed {
        self.cursor = cursor;
        Typed::Nothing
    }

    fn parse(&mut self) -> Typed {
        match Filter::parse(&self.text, &self.names) {
            Ok(filter) => {
                self.filter = filter;
                self.error = None;
            }
            Err(error) => self.error = Some(error),
        }
        Typed::Changed
    }
}
