//! How deep a text can lead the parser, before it is asked.
//!
//! The parser stops at 80 brackets and at 80 names with dots between them, but not at 80 times 80 of both, which is more than its
//! recursion can bear. So its tokens are counted first. What is wrong is rather counted too high than too low.

/// The most levels that any place of the text can have.
pub(super) fn count(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut levels = Levels::default();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let rest = &bytes[at..];
        at += match byte {
            b'#' => memchr::memchr(b'\n', rest).unwrap_or(rest.len()),
            b'\'' | b'"' => {
                levels.is_line_start = false;
                string(rest, byte)
            }
            b'.' | b',' | b'[' | b']' | b'{' | b'}' | b'\n' => {
                levels.token(byte);
                1
            }
            b' ' | b'\t' | b'\r' | b'=' => 1,
            // A quote within a word starts nothing.
            _ => {
                levels.is_line_start = false;
                let end = |b: &u8| b".=,[]{} \t#\r\n".contains(b);
                rest.iter().position(end).unwrap_or(rest.len())
            }
        };
    }
    levels.most
}

struct Levels {
    /// Opening brackets, each with the levels up to it.
    open: Vec<(u8, usize)>,
    /// The levels of the table whose header came last, and of the names with dots since the last separator.
    table: usize,
    dots: usize,
    is_header: bool,
    is_line_start: bool,
    most: usize,
}

impl Default for Levels {
    fn default() -> Self {
        Self {
            open: Vec::new(),
            table: 1,
            dots: 0,
            is_header: false,
            is_line_start: true,
            most: 0,
        }
    }
}

impl Levels {
    fn token(&mut self, byte: u8) {
        match byte {
            b'.' => self.dots += 1,
            b'\n' => {
                if std::mem::take(&mut self.is_header) {
                    self.table += self.dots + 1;
                }
                self.dots = 0;
            }
            b',' => self.dots = 0,
            b'[' if self.is_header || (self.is_line_start && self.open.is_empty()) => {
                // `[a]` is a table in the document, `[[a]]` one in a list in it.
                self.table = 1 + usize::from(std::mem::replace(&mut self.is_header, true));
            }
            b'[' | b'{' => {
                self.open.push((byte, self.here() + 1));
                self.dots = 0;
            }
            _ => {
                let opening = if byte == b']' { b'[' } else { b'{' };
                if self.open.last().is_some_and(|(open, _)| *open == opening) {
                    self.open.pop();
                }
            }
        }
        self.is_line_start = byte == b'\n';
        self.most = self.most.max(self.here());
    }

    fn here(&self) -> usize {
        let before = self.open.last().map_or(self.table, |(_, levels)| *levels);
        before + self.dots
    }
}

/// How long the string is that starts here.
fn string(text: &[u8], quote: u8) -> usize {
    let has_lines = text.starts_with(&[quote; 3]);
    let mut at = if has_lines { 3 } else { 1 };
    loop {
        let Some(found) = memchr::memchr3(quote, b'\\', b'\n', &text[at..]) else {
            return text.len();
        };
        at += found;
        match text[at] {
            b'\\' if quote == b'"' => {
                let is_escape = matches!(text.get(at + 1), Some(b'"' | b'\\'));
                at += 1 + usize::from(is_escape);
            }
            b'\\' => at += 1,
            b'\n' if has_lines => at += 1,
            b'\n' => return at,
            _ if !has_lines => return at + 1,
            _ if text[at..].starts_with(&[quote; 3]) => {
                // Up to two quotes may stand before the three that end it.
                let more = text[at + 3..].iter().take(2).take_while(|b| **b == quote);
                return at + 3 + more.count();
            }
            _ => at += 1,
        }
    }
}
