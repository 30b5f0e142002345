//! The table of one name: a label, what is said, and where it comes from, in aligned columns.

use sockeye::data::escape::{escape_str, is_hidden};

/// What is said is padded to at most this many columns, so that one long record does not push all notes away.
const MAX_PADDED: usize = 52;

/// What is said is padded to at least this many columns, so that notes of several blocks stand below each other.
const MIN_PADDED: usize = 34;

/// Sentences are wrapped after this many columns.
const MAX_SENTENCE: usize = 100;

/// One line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Row {
    /// Who says it; empty if it is who said the line above.
    pub(super) label: String,
    /// What is said.
    pub(super) content: String,
    /// Where it comes from, and how long it took.
    pub(super) note: String,
}

impl Row {
    pub(super) fn new(
        label: impl Into<String>,
        content: impl Into<String>,
        note: impl Into<String>,
    ) -> Self {
        Self {
            label: label.into(),
            content: content.into(),
            note: note.into(),
        }
    }

    /// A line that goes on with what the one above says.
    pub(super) fn more(content: impl Into<String>) -> Self {
        Self::new("", content, "")
    }
}

/// How lines are written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Style {
    /// The width of the labels.
    pub(super) label: usize,
    /// Whether notes may be dimmed and names be bold.
    pub(super) color: bool,
}

impl Style {
    /// The line with the name that the rows below are about.
    pub(super) fn heading(self, text: &str) -> String {
        let text = shown(text);
        match self.color {
            true => format!("\x1b[1m{text}\x1b[0m\n"),
            false => format!("{text}\n"),
        }
    }

    /// The rows as text. Nothing in it can move the terminal.
    pub(super) fn rows(self, rows: &[Row]) -> String {
        let noted = rows.iter().filter(|row| !row.note.is_empty());
        let widths = noted.map(|row| width(&row.content));
        let padded = widths.filter(|width| *width <= MAX_PADDED).max();
        let padded = padded.unwrap_or(0).max(MIN_PADDED);
        let mut text = String::new();
        for row in rows {
            let (label, content, note) = (shown(&row.label), shown(&row.content), shown(&row.note));
            let mut line = format!("  {label}{}", blanks(self.label, width(&label)));
            line.push_str("  ");
            line.push_str(&content);
            if !note.is_empty() {
                line.push_str(&blanks(padded, width(&content)));
                line += &match self.color {
                    true => format!("  \x1b[2m{note}\x1b[0m"),
                    false => format!("  {note}"),
                };
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

fn blanks(wanted: usize, there: usize) -> String {
    " ".repeat(wanted.saturating_sub(there))
}

/// A sentence in rows of bounded width, wrapped behind semicolons and between words.
pub(super) fn sentence(label: &str, text: &str) -> Vec<Row> {
    let mut lines: Vec<String> = vec![String::new()];
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if width(line) + width(word) < MAX_SENTENCE && !line.ends_with(';') => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    let mut rows: Vec<Row> = lines.into_iter().map(Row::more).collect();
    rows[0].label = label.to_owned();
    rows
}

/// How many columns a text takes, as nearly every character takes one.
pub(super) fn width(text: &str) -> usize {
    text.chars().count()
}

/// The text with everything escaped that a terminal would obey or hide. Backslashes stay: zone-file text has its own.
pub(super) fn shown(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if is_hidden(c) {
            out.push_str(&escape_str(c.encode_utf8(&mut [0; 4])));
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_lines_end_without_blanks() {
        let style = Style {
            label: 5,
            color: false,
        };
        let rows = [
            Row::new("who", "what", "note"),
            Row::new("", "much more", "note"),
            Row::more("x"),
            Row::new("else", "y".repeat(60), "far"),
        ];
        let wanted = format!(
            "  who    what{0}  note\n         much more{1}  note\n         x\n  else   {2}  far\n",
            " ".repeat(MIN_PADDED - 4),
            " ".repeat(MIN_PADDED - 9),
            "y".repeat(60)
        );
        assert_eq!(style.rows(&rows), wanted);
    }

    #[test]
    fn nothing_foreign_moves_the_terminal() {
        let style = Style {
            label: 1,
            color: false,
        };
        let rows = [Row::new("\x1b[2J", "a\nb\u{202e}", r"\032")];
        let wanted = format!("  \\x1b[2J  a\\nb\\u{{202e}}{}  \\032\n", " ".repeat(22));
        assert_eq!(style.rows(&rows), wanted);
    }
}
