//! Encoded text in lines of one width.

use super::Options;

pub(super) struct Lines {
    width: usize,
    column: usize,
    end: &'static [u8],
}

impl Lines {
    pub(super) fn new(options: &Options) -> Self {
        Self {
            width: options.wrap,
            column: 0,
            end: line_end(options),
        }
    }

    /// Whether there are lines at all.
    pub(super) fn wraps(&self) -> bool {
        self.width > 0
    }

    pub(super) fn push(&mut self, mut text: &[u8], out: &mut Vec<u8>) {
        if self.width == 0 {
            return out.extend_from_slice(text);
        }
        out.reserve(text.len() + (text.len() / self.width + 1) * self.end.len());
        while !text.is_empty() {
            if self.column == self.width {
                out.extend_from_slice(self.end);
                self.column = 0;
            }
            let count = text.len().min(self.width - self.column);
            out.extend_from_slice(&text[..count]);
            self.column += count;
            text = &text[count..];
        }
    }

    /// The last line ends as the others do.
    pub(super) fn finish(&mut self, out: &mut Vec<u8>) {
        if self.width > 0 && self.column > 0 {
            out.extend_from_slice(self.end);
        }
    }
}

pub(super) fn line_end(options: &Options) -> &'static [u8] {
    match options.crlf {
        true => b"\r\n",
        false => b"\n",
    }
}
