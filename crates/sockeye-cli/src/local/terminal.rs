//! What a peer says, for a person's terminal: text stays text, and nothing else reaches the terminal.

use sockeye::data::escape::Escaper;

/// Like [`Escaper`], but line ends, tabs and backslashes pass as they are. Not to be turned back: `--wire` and redirected
/// output are exact.
#[derive(Debug, Default)]
pub(crate) struct TerminalText {
    escaper: Escaper,
    /// A carriage return came last; it passes if a line feed follows.
    after_cr: bool,
}

impl TerminalText {
    /// Append the text of these bytes.
    pub(crate) fn push(&mut self, bytes: &[u8], out: &mut String) {
        let mut rest = bytes;
        while let Some(at) = rest
            .iter()
            .position(|byte| matches!(byte, b'\n' | b'\t' | b'\\' | b'\r'))
        {
            self.push_run(&rest[..at], out);
            // Plain bytes never belong to a character that is still held.
            self.escaper.finish(out);
            self.push_plain(rest[at], out);
            rest = &rest[at + 1..];
        }
        self.push_run(rest, out);
    }

    /// Append what is still held.
    pub(crate) fn finish(&mut self, out: &mut String) {
        self.push_cr(out);
        self.escaper.finish(out);
    }

    fn push_run(&mut self, run: &[u8], out: &mut String) {
        if !run.is_empty() {
            self.push_cr(out);
            self.escaper.push(run, out);
        }
    }

    fn push_plain(&mut self, byte: u8, out: &mut String) {
        match byte {
            b'\n' if self.after_cr => {
                self.after_cr = false;
                out.push_str("\r\n");
            }
            b'\r' => {
                self.push_cr(out);
                self.after_cr = true;
            }
            plain => {
                self.push_cr(out);
                out.push(char::from(plain));
            }
        }
    }

    /// A carriage return alone would let a peer overwrite its line.
    fn push_cr(&mut self, out: &mut String) {
        if std::mem::take(&mut self.after_cr) {
            out.push_str("\\r");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(pieces: &[&[u8]]) -> String {
        let mut text = TerminalText::default();
        let mut out = String::new();
        for piece in pieces {
            text.push(piece, &mut out);
        }
        text.finish(&mut out);
        out
    }

    #[test]
    fn text_passes_and_control_sequences_do_not() {
        assert_eq!(shown(&[b"a\tb\\c\r\nd\n"]), "a\tb\\c\r\nd\n");
        assert_eq!(shown(&[b"\x1b[2Jx"]), "\\x1b[2Jx");
        assert_eq!(shown(&[b"real\rfake"]), "real\\rfake");
    }

    #[test]
    fn cuts_do_not_change_it() {
        assert_eq!(
            shown(&[b"\xc3", b"\xa9\r", b"\n\r", b"x\xc3", b"\n"]),
            "\u{e9}\r\n\\rx\\xc3\n"
        );
    }
}
