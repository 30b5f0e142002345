//! Whose line it is: several clients on one standard output.

use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

use crate::local::TerminalText;

/// Writes what several clients say, line by line, with their numbers.
#[derive(Debug, Default)]
pub(super) struct Labels(Mutex<Cursor>);

/// Where the last writer left the line.
#[derive(Debug, Default)]
struct Cursor {
    client: u64,
    within_line: bool,
}

impl Labels {
    /// Write what a client said. `escaper` is the client's own if the text is for a terminal.
    pub(super) fn write(
        &self,
        client: u64,
        labelled: bool,
        bytes: &[u8],
        escaper: Option<&mut TerminalText>,
    ) -> io::Result<()> {
        let escaped = escaper.map(|escaper| {
            let mut text = String::with_capacity(bytes.len());
            escaper.push(bytes, &mut text);
            text.into_bytes()
        });
        let bytes = escaped.as_deref().unwrap_or(bytes);
        let mut cursor = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut out = Vec::with_capacity(bytes.len() + 16);
        cursor.lay_out(client, labelled, bytes, &mut out);
        let mut stdout = io::stdout().lock();
        stdout.write_all(&out)?;
        stdout.flush()
    }
}

impl Cursor {
    fn lay_out(&mut self, client: u64, labelled: bool, bytes: &[u8], out: &mut Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        if labelled && self.within_line && self.client != client {
            out.push(b'\n');
            self.within_line = false;
        }
        self.client = client;
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            if labelled && !self.within_line {
                out.extend_from_slice(format!("#{client} ").as_bytes());
            }
            out.extend_from_slice(line);
            self.within_line = !line.ends_with(b"\n");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn laid_out(pieces: &[(u64, &str)]) -> String {
        let mut cursor = Cursor::default();
        let mut out = Vec::new();
        for (client, text) in pieces {
            cursor.lay_out(*client, true, text.as_bytes(), &mut out);
        }
        String::from_utf8_lossy(&out).into_owned()
    }

    #[test]
    fn every_line_has_its_label() {
        assert_eq!(laid_out(&[(1, "a\nb\n"), (2, "c\n")]), "#1 a\n#1 b\n#2 c\n");
    }

    #[test]
    fn an_unfinished_line_is_not_mixed_with_another_client() {
        assert_eq!(
            laid_out(&[(1, "hal"), (1, "lo"), (2, "x\n"), (1, "!\n")]),
            "#1 hallo\n#2 x\n#1 !\n"
        );
    }
}
